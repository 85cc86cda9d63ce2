/* Method proportional: hand-derived values. */
#include "picture.h"

static void above_five_percent(struct contract *contract)
{
    contract->availability.max_error_ratio = (struct limit){true, {5, 100}};
}

static void terms(struct contract *contract)
{
    contract->availability.method = METHOD_PROPORTIONAL;
}

static const struct scene scenes[] = {
    {
        .what = "60 s x (0.01 + 0.09 + 1) = 66 s of 300 s are lost",
        .counts = "o19xo",
        .columns = "ummmu",
        .shares = "1%%01",
        .good = "234",
        .whole = "300",
    },
    {
        .what = "at the limit nothing is lost, above it all of the ratio is: 60 s x 0.06 = 3.6 s",
        .counts = "o56o",
        .terms = above_five_percent,
        .columns = "uumu",
        .shares = "11%1",
        .good = "1182/5",
        .whole = "240",
    },
    {
        .what = "minutes before and behind the period are somebody else's",
        .before = 1,
        .counts = "xoox",
        .columns = "uu",
        .shares = "11",
        .good = "120",
        .whole = "120",
    },
    {
        .what = "a void minute goes by its seconds' rule: excluded, lost",
        .counts = "xxxo.",
        .states = "pg",
        .columns = "pgmu-",
        .shares = "x0011",
        .good = "120",
        .whole = "240",
    },
    {
        .what =
            "of a minute half of which is known, the known half is lost with its ratio: 30 s x 0.5",
        .counts = "oso",
        .state = {.from_s = 90, .to_s = 120, .grade = GRADE_PROBE_DOWN},
        .columns = "u?u",
        .shares = "1?1",
        .good = "150",
        .whole = "150",
    },
    {
        .what = "30 s x 0.09 = 2.7 s; the other half is a gap and lost whole",
        .counts = "o9o",
        .state = {.from_s = 90, .to_s = 120, .grade = GRADE_PIPELINE_GAP},
        .columns = "u?u",
        .shares = "1?1",
        .good = "1473/10",
        .whole = "180",
    },
    {
        .what = "a covered minute that lost something is taken out whole, others stay",
        .counts = "o9ox",
        .cover = ".##.",
        .columns = "uMum",
        .shares = "1x10",
        .good = "120",
        .whole = "180",
    },
    {
        .what = "or counts as good",
        .counts = "o9ox",
        .cover = ".##.",
        .terms = forgive,
        .columns = "uMum",
        .shares = "1110",
        .good = "180",
        .whole = "240",
    },
    {
        .what = "a second short of the whole minute excuses nothing",
        .counts = "ox",
        .covered = {60, 119},
        .columns = "um",
        .shares = "10",
        .good = "60",
        .whole = "120",
    },
    {
        .what = "service hours and validity: 60 s x 0.09 of 180 s",
        .counts = "x9xo",
        .valid = ".###",
        .hours = "##.#",
        .columns = "umhu",
        .shares = "1%x1",
        .good = "873/5",
        .whole = "180",
    },
};

static void test_scenes(void **state)
{
    (void)state;
    play_all(scenes, ARRAY_COUNT(scenes), measure_proportional, terms);
}

/*
 * Ten minutes; minute 2: a fails 0.2, b 0.5; minute 4: only a fails, 0.5; minute 6: b is not measured and a fails 0.1.
 * all_required: 60 x (0.5 + 0.5 + 0.1) = 66 s of 600 lost. any_enough: 60 x (0.2 + 0 + 0.1) = 18 s. sum: (60 x 0.8) + (60 x 0.5) = 78 s of 600 + 540.
 * per_service: a, for 48/600 is more than 30/540.
 */
static void test_pools(void **state)
{
    static const struct {
        enum pool pool;
        const char *good, *valid;
    } rows[] = {
        {POOL_ALL_REQUIRED, "534", "600"},
        {POOL_ANY_ENOUGH, "582", "600"},
        {POOL_SUM, "1062", "1140"},
        {POOL_PER_SERVICE, "552", "600"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_pair(&fixture, 10, terms, rows[i].pool);
        for (int minute = 0; minute < 10; minute++) {
            count_requests(&fixture, 0, minute, 10,
                           minute == 2   ? 2
                           : minute == 4 ? 5
                           : minute == 6 ? 1
                                         : 0,
                           0);
            count_requests(&fixture, 1, minute, 10, minute == 2 ? 5 : 0, 0);
        }
        add_rest(&fixture, 0, GRADE_OPERATIONAL);
        one_outage(&fixture, 1, 360, 60, GRADE_PROBE_DOWN);
        assert_pooled(&fixture, rows[i].good, rows[i].valid);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
