#include "tests/bench/month.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "jobs/statement/input.h"

static double cpu_s(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        (void)fprintf(stderr, "bench_read: %s\n", err->text);
        exit(1);
    }
}

void month_read(struct db *db, int64_t book_id, const struct contract *contract,
                struct month *month)
{
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct statement_input input;
    struct result result;
    double began_s = cpu_s(), read_s;

    must(input_read_summed(db, book_id, contract, MONTH_FROM_S, MONTH_FROM_S + MONTH_S, &arena,
                           &input, &err),
         &err);
    read_s = cpu_s();
    month->read_s += read_s - began_s;
    CHECK(engine_compute(&input.engine, &arena, &result));
    month->evaluate_s += cpu_s() - read_s;
    for (size_t i = 0; i < result.service_count; i++) {
        month->minutes += MONTH_S / 60;
        month->up_s += result.services[i].verdicts.levels[0].measure.seconds[TIME_UP];
        month->requests += result.services[i].requests.total;
    }
    arena_release(&arena);
}
