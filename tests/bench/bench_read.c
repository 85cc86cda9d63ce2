/*
 * Reads and evaluates a month for every contract of a configuration: what a statement costs before it is written down.
 * usage: bench_read CONFIG [CSV]
 * The month is January 2026, which bench_store begins with. Output: JSON with minutes, the seconds that they were good, and CPU seconds of
 * reading and of evaluating. With CSV the minutes that have requests are written there as well: service,minute,total,errors,slow.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/store.h"
#include "aggregator/windows.h"
#include "base/check.h"
#include "jobs/config/config.h"
#include "tests/bench/month.h"

struct reading {
    struct config *config;
    struct db *db;
    int64_t book_id;
    struct month month;
    FILE *csv; /* NULL: none */
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        (void)fprintf(stderr, "bench_read: %s\n", err->text);
        exit(1);
    }
}

static void write_rows(struct reading *reading, struct str service)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct minute *minutes;

    must(windows_minutes(reading->db, reading->book_id, service, MONTH_FROM_S / 60,
                         (MONTH_FROM_S + MONTH_S) / 60, &arena, &minutes, &err),
         &err);
    for (int i = 0; i < MONTH_S / 60; i++) {
        if (minutes[i].counted) {
            (void)fprintf(reading->csv, "%.*s,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\n",
                          STR_ARGS(service), MONTH_FROM_S / 60 + i, minutes[i].counts.total,
                          minutes[i].counts.errors, minutes[i].counts.slow);
        }
    }
    arena_release(&arena);
}

static void read_all(struct reading *reading)
{
    struct err err = ERR_INIT;

    must(db_begin_snapshot(reading->db, &err), &err);
    for (size_t i = 0; i < reading->config->contract_count; i++) {
        const struct contract *contract = &reading->config->contracts[i];

        month_read(reading->db, reading->book_id, contract, &reading->month);
        for (size_t s = 0; s < contract->service_count && reading->csv != NULL; s++) {
            write_rows(reading, contract->services[s]);
        }
    }
    db_rollback(reading->db);
}

int main(int argc, char **argv)
{
    struct reading reading = {.csv = NULL};
    struct err err = ERR_INIT;

    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: bench_read CONFIG [CSV]\n");
        return 2;
    }
    must(config_read(argv[1], &reading.config, &err), &err);
    must(db_open(&(struct db_options){.path = reading.config->store_path.data}, &reading.db, &err),
         &err);
    must(store_book(reading.db, "live", &reading.book_id, &err), &err);
    if (argc == 3) {
        reading.csv = fopen(argv[2], "w");
        CHECK(reading.csv != NULL);
    }
    read_all(&reading);
    CHECK(reading.csv == NULL || fclose(reading.csv) == 0);
    (void)printf("{\"minutes\": %" PRId64 ", \"up_s\": %" PRId64 ", \"requests\": %" PRId64
                 ", \"read_s\": %.4f, \"evaluate_s\": %.4f}\n",
                 reading.month.minutes, reading.month.up_s, reading.month.requests,
                 reading.month.read_s, reading.month.evaluate_s);
    db_close(reading.db);
    config_free(reading.config);
    return 0;
}
