/*
 * Evaluates one objective over minutes from standard input and prints what is known of it: for the oracle of budgets.
 *
 *     slo_case CONFIG NOW_MINUTE < minutes
 *
 * CONFIG has one objective. Each line of input is a minute of 1970, its total, errors and slow requests, and the kind of unknown time that it is if it
 * is silent. Minutes without a line are no traffic.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "jobs/config/config.h"
#include "jobs/slo/document.h"

static int fail(const char *what)
{
    (void)fprintf(stderr, "slo_case: %s\n", what);
    return 2;
}

static void read_minutes(const struct slo_series *series, struct slo_minute *minutes)
{
    int64_t at;
    struct slo_minute minute;
    char silence[32];

    while (scanf("%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %31s", &at, &minute.total,
                 &minute.errors, &minute.slow, silence) == 5) {
        CHECK(grade_find(STR(silence), &minute.silence));
        if (at >= series->from && at < series->from + (int64_t)series->count) {
            minutes[at - series->from] = minute;
        }
    }
}

static int run_case(const struct slo *slo, int64_t now, struct arena *arena)
{
    struct slo_minute *minutes;
    struct slo_series series;
    struct slo_result result;
    struct json_writer json;
    struct strbuf text;
    struct slo_span span;
    struct err err = ERR_INIT;

    slo_span_init(&span, slo, now);
    series.from = slo_first_minute(slo, &span);
    series.count = (size_t)(span.until - series.from);
    minutes = arena_calloc(arena, series.count + 1, sizeof(*minutes));
    series.minutes = minutes;
    for (size_t i = 0; i < series.count; i++) {
        minutes[i].silence = GRADE_NO_TRAFFIC;
    }
    read_minutes(&series, minutes);
    if (slo_evaluate(slo, &span, &series, arena, &result, &err) != ERR_OK) {
        return fail(err.text);
    }
    strbuf_init(&text, 16 * 1024 * 1024);
    json_init(&json, &text, false);
    slo_write(&json, slo, &result);
    json_finish(&json);
    (void)puts(strbuf_text(&text));
    strbuf_release(&text);
    return 0;
}

int main(int argc, char **argv)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct config *config;
    int64_t now;
    int status;

    if (argc != 3 || !str_to_int64(STR(argv[2]), &now)) {
        return fail("usage: slo_case CONFIG NOW_MINUTE < minutes");
    }
    if (config_read(argv[1], &config, &err) != ERR_OK) {
        return fail(err.text);
    }
    CHECK(config->slo_count == 1);
    status = run_case(&config->slos[0], now, &arena);
    arena_release(&arena);
    config_free(config);
    return status;
}
