#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/demo/traffic.h"

struct counts {
    int64_t requests, checks, tombstones, bad, late, healthz, synthetic, errors, removed;
    int64_t kinds[BAD_KIND_COUNT];
    uint64_t digest;
};

static uint64_t mix(uint64_t digest, uint64_t value)
{
    return (digest ^ value) * UINT64_C(0x9e3779b97f4a7c15) + (digest >> 31);
}

static void count_event(struct counts *counts, const struct traffic_event *event)
{
    int64_t late_ns = event->publish_ns - event->time_us * 1000;

    counts->requests += event->kind == TRAFFIC_REQUEST;
    counts->checks += event->kind == TRAFFIC_CHECK;
    counts->tombstones += event->kind == TRAFFIC_TOMBSTONE;
    counts->bad += event->kind == TRAFFIC_BAD;
    counts->kinds[event->bad]++;
    counts->late += late_ns > NS_PER_HOUR;
    counts->healthz += event->kind == TRAFFIC_REQUEST && event->path == 0;
    counts->synthetic += event->synthetic;
    counts->errors += event->status >= 500;
    counts->removed += event->kind == TRAFFIC_CHECK && event->outcome == OUTCOME_REMOVED;
    counts->digest = mix(counts->digest, (uint64_t)event->publish_ns);
    counts->digest = mix(counts->digest, (uint64_t)event->time_us + (uint64_t)event->status);
}

static struct counts run(int32_t year, int32_t month, uint64_t seed, int minutes)
{
    struct counts counts = {0};
    struct world world;
    struct traffic *traffic;
    const struct traffic_event *events;
    int64_t previous_ns = 0;
    size_t count;

    world_init(&world, year, month, seed);
    traffic = traffic_new(&world, seed);
    for (int i = 0; i < minutes && traffic_next(traffic, &events, &count); i++) {
        for (size_t k = 0; k < count; k++) {
            assert_true(events[k].publish_ns >= previous_ns);
            previous_ns = events[k].publish_ns;
            count_event(&counts, &events[k]);
        }
    }
    traffic_free(traffic);
    return counts;
}

static void test_a_month_has_everything(void **state)
{
    struct counts counts = run(2026, 10, 7, INT32_MAX);

    (void)state;
    print_message("%lld requests, %lld checks, %lld late, %lld errors\n",
                  (long long)counts.requests, (long long)counts.checks, (long long)counts.late,
                  (long long)counts.errors);
    assert_in_range(counts.requests, 800000, 1200000);
    assert_in_range(counts.checks, 850000, 1100000);
    assert_true(counts.late > 100);
    assert_true(counts.healthz > 1000);
    assert_true(counts.synthetic > 1000);
    assert_true(counts.tombstones > 10);
    assert_int_equal(counts.removed, 2);
    for (int kind = BAD_NONE + 1; kind < BAD_KIND_COUNT; kind++) {
        assert_int_equal(counts.kinds[kind], bad_row((enum bad_kind)kind)->count);
        assert_true(counts.kinds[kind] > 0);
    }
    assert_in_range(counts.bad, 24, 100); /* the breaker stops a run at 101 among 1,000 */
}

static void test_the_seed_decides(void **state)
{
    struct counts first = run(2027, 2, 7, 3000);
    struct counts again = run(2027, 2, 7, 3000);
    struct counts other = run(2027, 2, 8, 3000);

    (void)state;
    assert_true(first.digest == again.digest);
    assert_true(first.digest != other.digest);
}

/* The plot is one story: the same episodes in the same order of days for every seed. */
static void test_the_plot_moves_only_a_little(void **state)
{
    struct world one;
    struct world two;

    (void)state;
    world_init(&one, 2026, 10, 1);
    world_init(&two, 2026, 10, 2);
    assert_int_equal(one.episode_count, two.episode_count);
    for (size_t i = 0; i < one.episode_count; i++) {
        const struct world_episode *a = &one.episodes[i];
        const struct world_episode *b = &two.episodes[i];

        assert_true(a->from_ns - b->from_ns <= 90 * NS_PER_MINUTE);
        assert_true(b->from_ns - a->from_ns <= 90 * NS_PER_MINUTE);
        assert_true(a->to_ns > a->from_ns);
        assert_int_equal(a->from_ns % NS_PER_MINUTE, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_month_has_everything),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_the_plot_moves_only_a_little),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
