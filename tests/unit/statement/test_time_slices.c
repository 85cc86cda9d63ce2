/* Method time_slices and the level latency: hand-derived values. Slices of three minutes, bad above 5 % of errors, unless a scene says otherwise. */
#include "picture.h"

static void terms(struct contract *contract)
{
    contract->availability.method = METHOD_TIME_SLICES;
    contract->availability.slice_s = 180;
    contract->availability.max_error_ratio = (struct limit){true, {5, 100}};
    contract->latency.present = true;
    contract->latency.slice_s = 120;
    contract->latency.max_slow_ratio = (struct rational){1, 4};
}

static void or_slow(struct contract *contract)
{
    contract->availability.max_slow_ratio = (struct limit){true, {1, 6}};
}

/* The 95th percentile, and nothing else. */
static void percentile(struct contract *contract)
{
    contract->availability.max_error_ratio.present = false;
    contract->availability.percentile = (struct limit){true, {95, 100}};
}

static void or_percentile(struct contract *contract)
{
    contract->availability.percentile = (struct limit){true, {95, 100}};
}

static void largest(struct contract *contract)
{
    percentile(contract);
    contract->availability.percentile.value = (struct rational){1, 1};
}

static void silence_is_excluded(struct contract *contract)
{
    contract->availability.unknown[GRADE_NO_TRAFFIC] = UNKNOWN_EXCLUDE;
}

static const struct scene scenes[] = {
    {
        .what = "15 of 300 are the limit exactly, 16 are above it",
        .counts = "o69o79ooo",
        .columns = "uuummmuuu",
        .shares = "111000111",
        .good = "2",
        .whole = "3",
    },
    {
        .what = "with 15 of 300 above the limit the 285th is below it; with 16 it is above",
        .counts = "oooooo",
        .latencies = "555556",
        .terms = percentile,
        .columns = "uuummm",
        .shares = "111000",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "the 100th percentile is the largest",
        .counts = "oooooo",
        .latencies = "000010",
        .terms = largest,
        .columns = "uuummm",
        .shares = "111000",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "requests without a known latency, and failures, say nothing; 9 of 100 that do are "
                "too many",
        .counts = "oooxxxooo",
        .latencies = "......9..",
        .terms = percentile,
        .columns = "uuuuuummm",
        .shares = "111111000",
        .good = "2",
        .whole = "3",
    },
    {
        .what = "errors or latency, either makes it bad",
        .counts = "ooooxoooo",
        .latencies = "0000.0xxx",
        .terms = or_percentile,
        .columns = "uuummmmmm",
        .shares = "111000000",
        .good = "1",
        .whole = "3",
    },
    {
        .what = "latencies of an excused minute, and of void ones, are left out",
        .counts = "oooooo",
        .latencies = "0x0xx0",
        .states = "   gg ",
        .cover = ".#....",
        .terms = percentile,
        .columns = "uMuggu",
        .shares = "111111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "the last slice of one minute counts as one",
        .counts = "ooooxxx",
        .columns = "uuummmm",
        .shares = "1110000",
        .good = "1",
        .whole = "3",
    },
    {
        .what =
            "minutes of a bad slice without requests are lost with it, of a good one up with it",
        .counts = ".o.x.o",
        .columns = "uuummm",
        .shares = "111000",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "50 of 300 are a sixth exactly; 100 are more",
        .counts = "osoosso",
        .terms = or_slow,
        .columns = "uuummmu",
        .shares = "1110001",
        .good = "2",
        .whole = "3",
    },
    {
        .what = "slices begin where the period does; what lies before it or behind is not theirs",
        .before = 1,
        .counts = "xooooooxx",
        .columns = "uuuuuu",
        .shares = "111111",
        .good = "2",
        .whole = "2",
    },

    {
        .what = "a silent slice is good where silence is up",
        .counts = "ooo...",
        .columns = "uuu---",
        .shares = "111111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "bad where it is down; silent minutes of a judged slice do not matter",
        .counts = "o......",
        .terms = silence_is_down,
        .columns = "uuu----",
        .shares = "1110000",
        .good = "1",
        .whole = "3",
    },
    {
        .what = "none where it is excluded",
        .counts = "ooo...ooo",
        .terms = silence_is_excluded,
        .columns = "uuu---uuu",
        .shares = "111xxx111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "void counts are no requests, and the seconds rule: excluded all; one down; one up",
        .counts = "xxxxxxxxxooo",
        .states = "pppppgpp-   ",
        .columns = "pppppgpp-uuu",
        .shares = "xxx000111111",
        .good = "2",
        .whole = "3",
    },
    {
        .what =
            "one silent second of no traffic, which is up, measures the slice; down overrules it",
        .counts = "",
        .states = "pp pg p  ",
        .columns = "pp-pg-p--",
        .shares = "111000111",
        .good = "2",
        .whole = "3",
    },
    {
        .what = "void counts among others: the others judge, unknown time shares their fate in its "
                "column",
        .counts = "xooxox",
        .states = "p   g ",
        .columns = "puumgm",
        .shares = "111000",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "a minute that is known for its last second keeps its counts",
        .counts = "oxo",
        .state = {.from_s = 60, .to_s = 119, .grade = GRADE_PROBE_DOWN},
        .columns = "m?m",
        .shares = "000",
        .good = "0",
        .whole = "1",
    },
    {
        .what = "two unknown states that fill a minute make it void",
        .counts = "oxo",
        .state = {.from_s = 60, .to_s = 90, .grade = GRADE_PROBE_DOWN},
        .then = {.from_s = 90, .to_s = 121, .grade = GRADE_PIPELINE_GAP},
        .columns = "u??",
        .shares = "111",
        .good = "1",
        .whole = "1",
    },

    {
        .what = "an excused minute is left out: the slice is good without it, bad with it",
        .counts = "oxo",
        .cover = ".#.",
        .columns = "uMu",
        .shares = "111",
        .good = "1",
        .whole = "1",
    },
    {
        .what = "bad without it and with it",
        .counts = "oxx",
        .cover = "#..",
        .columns = "Mmm",
        .shares = "000",
        .good = "0",
        .whole = "1",
    },
    {
        .what = "9 of 100 without the excused minutes, 9 of 300 with them: bad, and they are up",
        .counts = "oo9",
        .cover = "##.",
        .columns = "uum",
        .shares = "000",
        .good = "0",
        .whole = "1",
    },
    {
        .what = "a second short of the minute excuses nothing",
        .counts = "oxo",
        .covered = {60, 119},
        .columns = "mmm",
        .shares = "000",
        .good = "0",
        .whole = "1",
    },
    {
        .what = "wholly excused: a bad one is taken out, a good one stays",
        .counts = "xxxoooo..",
        .cover = "######...",
        .columns = "MMMuuuuuu",
        .shares = "xxx111111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "wholly excused and forgiven",
        .counts = "xxxoooo..",
        .cover = "######...",
        .terms = forgive,
        .columns = "MMMuuuuuu",
        .shares = "111111111",
        .good = "3",
        .whole = "3",
    },
    {
        .what = "wholly excused and silent: what would be lost is taken out",
        .counts = "......ooo",
        .cover = "###......",
        .terms = silence_is_down,
        .columns = "MMM---uuu",
        .shares = "xxx000111",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "wholly excused and silent: what is up or excluded stays what it is",
        .counts = "...ooo",
        .states = "   ",
        .cover = "######",
        .columns = "---uuu",
        .shares = "111111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "silent but for its excused minutes: the rest is silence, which is up",
        .counts = "x..",
        .cover = "#..",
        .columns = "M--",
        .shares = "111",
        .good = "1",
        .whole = "1",
    },
    {
        .what = "unknown time ruled down becomes maintenance in an excused minute, other unknown "
                "time does not",
        .counts = "oooooo",
        .states = " gp   ",
        .cover = ".##...",
        .columns = "uMpuuu",
        .shares = "111111",
        .good = "2",
        .whole = "2",
    },

    {
        .what = "only minutes within service hours judge; a slice outside of them is none",
        .counts = "oxxxxxooo",
        .hours = "#.....###",
        .columns = "uhhhhhuuu",
        .shares = "1xxxxx111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "all that is within service hours is excused, so the slice is",
        .counts = "xxoooo",
        .hours = "##.###",
        .cover = "##....",
        .columns = "MMhuuu",
        .shares = "xxx111",
        .good = "1",
        .whole = "1",
    },
    {
        .what = "before the contract holds slices are good; one that is valid in part is judged by "
                "that part",
        .counts = "xxxxxxoooo",
        .valid = ".....#####",
        .columns = "uuuuumuuuu",
        .shares = "1110001111",
        .good = "3",
        .whole = "4",
    },
    {
        .what = "deemed time outside of service hours is none",
        .counts = "xxxxxx",
        .valid = "....##",
        .hours = "...###",
        .columns = "hhhumm",
        .shares = "xxx000",
        .good = "0",
        .whole = "1",
    },
    {
        .what = "a service that nothing was ever heard of",
        .counts = "",
        .columns = "nnnnnn",
        .shares = "xxxxxx",
        .good = "0",
        .whole = "0",
    },
};

/* Slices of two minutes, bad above a quarter of slow requests; errors say nothing. */
static const struct scene latency_scenes[] = {
    {
        .what = "50 of 200 are a quarter exactly, 100 are more; failures are not slow",
        .counts = "sossxx",
        .columns = "uummuu",
        .shares = "110011",
        .good = "2",
        .whole = "3",
    },
    {
        .what = "slices without requests follow the rule of no_traffic",
        .counts = "oo..ss",
        .terms = silence_is_excluded,
        .columns = "uu--mm",
        .shares = "11xx00",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "time that no state covers says nothing, beside states that speak",
        .counts = "ossss",
        .states = "d    p",
        .columns = "uummmp",
        .shares = "110000",
        .good = "1",
        .whole = "3",
    },
    {
        .what = "announced maintenance",
        .counts = "ssss",
        .cover = "##..",
        .columns = "MMmm",
        .shares = "xx00",
        .good = "0",
        .whole = "1",
    },
};

static void test_scenes(void **state)
{
    (void)state;
    play_all(scenes, ARRAY_COUNT(scenes), measure_time_slices, terms);
    play_all(latency_scenes, ARRAY_COUNT(latency_scenes), measure_latency, terms);
}

/*
 * Five slices of a minute. a: bad, good, excluded, good, good. b: good, bad, bad, excluded, good.
 * all_required: bad, bad, bad, good, good: 2/5. any_enough: good, good, bad, good, good: 4/5. sum: 3/4 + 2/4: 5/8. per_service: b, 2/4.
 */
static void test_pools(void **state)
{
    static const struct {
        enum pool pool;
        const char *good, *valid;
        int64_t major_s;
    } rows[] = {
        {POOL_ALL_REQUIRED, "2", "5", 180},
        {POOL_ANY_ENOUGH, "4", "5", 60},
        {POOL_SUM, "5", "8", 180},
        {POOL_PER_SERVICE, "2", "4", 120},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_pair(&fixture, 5, terms, rows[i].pool);
        fixture.contract.latency.present = false;
        fixture.contract.availability.slice_s = 60;
        for (int minute = 0; minute < 5; minute++) {
            count_requests(&fixture, 0, minute, 10, minute == 0 ? 10 : 0, 0);
            count_requests(&fixture, 1, minute, 10, minute == 1 || minute == 2 ? 10 : 0, 0);
        }
        one_outage(&fixture, 0, 120, 60, GRADE_PROBE_DOWN);
        one_outage(&fixture, 1, 180, 60, GRADE_PROBE_DOWN);
        assert_pooled(&fixture, rows[i].good, rows[i].valid);
        assert_int_equal(top(&fixture)->measure.seconds[TIME_MAJOR], rows[i].major_s);
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
