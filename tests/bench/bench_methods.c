/*
 * What a year of minutes of one service costs each method: nanoseconds a row, and the highest use of memory so far.
 *
 *     bench_methods
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "jobs/statement/engine.h"
#include "jobs/statement/method.h"

enum { MINUTES = 365 * 1440 };

static struct count_row *counts;
static struct request_times *times;

/* Some 1,500 requests a minute; in a fifth of the minutes a few of them fail, so that almost no two minutes have the same ratio. */
static void make_year(int64_t from_s)
{
    struct random random;

    random_init_seed(&random, 1);
    counts = memory_calloc(MINUTES, sizeof(counts[0]));
    times = memory_calloc(MINUTES, sizeof(times[0]));
    for (int64_t i = 0; i < MINUTES; i++) {
        int64_t minute_ns = (from_s + i * 60) * NS_PER_SECOND;
        int64_t total = 500 + (int64_t)random_below(&random, 2000);
        int64_t errors = random_below(&random, 5) == 0 ? (int64_t)random_below(&random, 60) : 0;

        counts[i] = (struct count_row){from_s + i * 60, {.total = total, .errors = errors}};
        times[i] = (struct request_times){minute_ns, minute_ns + 59 * NS_PER_SECOND, minute_ns,
                                          minute_ns + NS_PER_SECOND};
    }
}

static void measure(enum sla_method method, struct clock *clock, int64_t from_s)
{
    struct contract contract = {.availability = {.method = method,
                                                 .weights = {{0, 1}, {1, 4}, {1, 2}, {1, 1}},
                                                 .degraded_weight = {0, 1},
                                                 .slice_s = 60,
                                                 .max_error_ratio = {true, {1, 100}},
                                                 .min_run_ns = NS_PER_MINUTE}};
    struct state_row state = {from_s, from_s + MINUTES * INT64_C(60), GRADE_OPERATIONAL, false};
    struct span whole = {state.from_s, state.to_s};
    struct cover hours = {&whole, 1};
    struct cover nothing = {0};
    struct service_input service = {.states = &state,
                                    .state_count = 1,
                                    .counts = counts,
                                    .count_count = MINUTES,
                                    .times = times};
    struct measure_input input = {.contract = &contract,
                                  .service = &service,
                                  .cover = &nothing,
                                  .from_s = whole.from_s,
                                  .to_s = whole.to_s,
                                  .valid_from_s = whole.from_s,
                                  .valid_to_s = whole.to_s,
                                  .hours = &hours};
    struct arena arena = ARENA_INIT;
    struct measure result;
    struct rusage usage;
    int64_t began_ns = clock_monotonic_ns(clock);

    method_row(method)->measure(&input, &arena, &result);
    began_ns = clock_monotonic_ns(clock) - began_ns;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    printf("%-22s %4lld ns a row, %zu segments, %ld MiB\n", method_row(method)->name,
           (long long)(began_ns / MINUTES), result.segment_count, usage.ru_maxrss / 1024);
    arena_release(&arena);
}

int main(void)
{
    const int64_t from_s = INT64_C(1767225600); /* 2026-01-01T00:00:00Z */

    make_year(from_s);
    for (int i = 0; i < METHOD_COUNT; i++) {
        measure((enum sla_method)i, clock_system(), from_s);
    }
    memory_free(counts);
    memory_free(times);
    return 0;
}
