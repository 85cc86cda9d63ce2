/* Method bad_minute_runs: hand-derived values. A minute is bad above 5 %, three in a row count, unless a scene says otherwise. */
#include "picture.h"

static void terms(struct contract *contract)
{
    contract->availability.method = METHOD_BAD_MINUTE_RUNS;
    contract->availability.max_error_ratio = (struct limit){true, {5, 100}};
    contract->availability.min_run_ns = 3 * NS_PER_MINUTE;
}

static void no_traffic_down(struct contract *contract)
{
    contract->availability.unknown[GRADE_NO_TRAFFIC] = UNKNOWN_DOWN;
}

static void single_minutes(struct contract *contract)
{
    contract->availability.min_run_ns = NS_PER_MINUTE;
}

static void longer_than_three(struct contract *contract)
{
    contract->availability.min_run_ns = 3 * NS_PER_MINUTE + 1;
}

static void all_failed(struct contract *contract)
{
    contract->availability.all_failed = true;
    contract->availability.max_error_ratio.present = false;
}

static void hundred_a_minute(struct contract *contract)
{
    contract->availability.min_requests = 100;
    contract->availability.min_requests_per = MIN_REQUESTS_PER_MINUTE;
}

static void six_a_run(struct contract *contract)
{
    contract->availability.min_requests = 6;
    contract->availability.min_requests_per = MIN_REQUESTS_PER_RUN;
}

static void seven_a_run(struct contract *contract)
{
    contract->availability.min_requests = 7;
    contract->availability.min_requests_per = MIN_REQUESTS_PER_RUN;
}

static void two_hundred_and_three_a_period(struct contract *contract)
{
    contract->availability.min_requests = 203;
    contract->availability.min_requests_per = MIN_REQUESTS_PER_PERIOD;
}

static void two_hundred_and_four_a_period(struct contract *contract)
{
    contract->availability.min_requests = 204;
    contract->availability.min_requests_per = MIN_REQUESTS_PER_PERIOD;
}

static const struct scene scenes[] = {
    {
        .what = "5 of 100 is the limit, 6 is above it: 3 of 11 minutes are lost",
        .counts = "o555ooo666o",
        .columns = "uuuuuuummmu",
        .shares = "11111110001",
        .good = "480",
        .whole = "660",
    },
    {
        .what = "two bad minutes are no run, three are one exactly",
        .counts = "o66oxxxo",
        .columns = "uuuummmu",
        .shares = "11110001",
        .good = "300",
        .whole = "480",
    },
    {
        .what = "three minutes are shorter than three minutes and a nanosecond",
        .counts = "o66oxxxo",
        .terms = longer_than_three,
        .columns = "uuuuuuuu",
        .shares = "11111111",
        .good = "480",
        .whole = "480",
    },
    {
        .what = "a run that began before the period: its last minute is lost",
        .before = 2,
        .counts = "666ooo",
        .columns = "muuu",
        .shares = "0111",
        .good = "180",
        .whole = "240",
    },
    {
        .what = "a run that ends after the period: its first two minutes are lost",
        .counts = "oo666",
        .columns = "uumm",
        .shares = "1100",
        .good = "120",
        .whole = "240",
    },
    {
        .what = "a minute without requests breaks a run, and so does a row of none",
        .counts = "66.66z66oo",
        .columns = "uu-uu-uuuu",
        .shares = "1111111111",
        .good = "600",
        .whole = "600",
    },
    {
        .what = "no_traffic over a silent minute says what silence says",
        .counts = "66.66o",
        .states = "  -   ",
        .columns = "uu-uuu",
        .shares = "111111",
        .good = "360",
        .whole = "360",
    },
    {
        .what = "silence ruled down is lost, in a run or not",
        .counts = "o..o",
        .terms = no_traffic_down,
        .columns = "u--u",
        .shares = "1001",
        .good = "120",
        .whole = "240",
    },
    {
        .what = "a void minute breaks a run and is not measured: 5 of 6 minutes are",
        .counts = "6666oo",
        .states = " p    ",
        .columns = "upuuuu",
        .shares = "1x1111",
        .good = "300",
        .whole = "300",
    },
    {
        .what = "a void minute ruled down is lost whatever was counted in it",
        .counts = "ooooxxx",
        .states = " g   ",
        .columns = "uguummm",
        .shares = "1011000",
        .good = "180",
        .whole = "420",
    },
    {
        .what = "no_traffic over requests makes them void",
        .counts = "xxxxxoo",
        .states = "  -    ",
        .columns = "uu-uuuu",
        .shares = "1111111",
        .good = "420",
        .whole = "420",
    },
    {
        .what = "a minute that is known for one second keeps its counts; 59 s of it are excluded",
        .counts = "oxxxo",
        .state = {.from_s = 121, .to_s = 180, .grade = GRADE_PROBE_DOWN},
        .columns = "um?mu",
        .shares = "10?01",
        .good = "120",
        .whole = "241",
    },
    {
        .what = "a degraded state says nothing",
        .counts = "oo..",
        .states = "dddd",
        .columns = "uu--",
        .shares = "1111",
        .good = "240",
        .whole = "240",
    },
    {
        .what = "the run of four is found first, then its covered minutes are taken out",
        .counts = "ooxxxxoo",
        .cover = "...##...",
        .columns = "uumMMmuu",
        .shares = "110xx011",
        .good = "240",
        .whole = "360",
    },
    {
        .what = "forgiven minutes count as good",
        .counts = "ooxxxxoo",
        .cover = "...##...",
        .terms = forgive,
        .columns = "uumMMmuu",
        .shares = "11011011",
        .good = "360",
        .whole = "480",
    },
    {
        .what = "covered from the middle of minute 2 to the middle of 4: only minute 3 is excused",
        .counts = "ooxxxo",
        .covered = {150, 270},
        .columns = "uumMmu",
        .shares = "110x01",
        .good = "180",
        .whole = "300",
    },
    {
        .what = "what is up under maintenance stays up; what is unknown and lost becomes it",
        .counts = "oooo..",
        .states = " gp   ",
        .cover = "######",
        .columns = "uMpu--",
        .shares = "1xx111",
        .good = "240",
        .whole = "240",
    },
    {
        .what = "silence ruled down under maintenance",
        .counts = "o..o",
        .cover = ".#..",
        .terms = no_traffic_down,
        .columns = "uM-u",
        .shares = "1x01",
        .good = "120",
        .whole = "180",
    },
    {
        .what = "a run is a run though half of it lies outside service hours",
        .counts = "ooxxxxoo",
        .hours = "####....",
        .columns = "uummhhhh",
        .shares = "1100xxxx",
        .good = "120",
        .whole = "240",
    },
    {
        .what = "before the contract holds time is deemed up, but not outside service hours",
        .counts = "xxxxxooo",
        .valid = "...#####",
        .hours = ".#######",
        .columns = "huummuuu",
        .shares = "x1100111",
        .good = "300",
        .whole = "420",
    },
    {
        .what = "every request has to fail",
        .counts = "99xxx9o",
        .terms = all_failed,
        .columns = "uummmuu",
        .shares = "1100011",
        .good = "240",
        .whole = "420",
    },
    {
        .what = "99 requests in a minute would be too few, 100 are not; 1 is",
        .counts = "eeexxxo",
        .terms = hundred_a_minute,
        .columns = "uuummmu",
        .shares = "1110001",
        .good = "240",
        .whole = "420",
    },
    {
        .what = "too few requests break a run",
        .counts = "xxexx",
        .terms = hundred_a_minute,
        .columns = "uuuuu",
        .shares = "11111",
        .good = "300",
        .whole = "300",
    },
    {
        .what = "a run has six requests, three of them before the period",
        .before = 3,
        .counts = "eeeeeeoo",
        .terms = six_a_run,
        .columns = "mmmuu",
        .shares = "00011",
        .good = "120",
        .whole = "300",
    },
    {
        .what = "the same run where seven are asked for",
        .before = 3,
        .counts = "eeeeeeoo",
        .terms = seven_a_run,
        .columns = "uuuuu",
        .shares = "11111",
        .good = "300",
        .whole = "300",
    },
    {
        .what =
            "the period has 203: 3 that fail under maintenance, and 200; others are not measured",
        .before = 1,
        .counts = "oeeeooooo",
        .states = "       p ",
        .cover = ".###.....",
        .hours = ".#####.##",
        .valid = ".#######.",
        .terms = two_hundred_and_three_a_period,
        .columns = "MMMuuhpu",
        .shares = "xxx11xx1",
        .good = "180",
        .whole = "180",
    },
    {
        .what = "one request less than the period needs",
        .before = 1,
        .counts = "oeeeooooo",
        .states = "       p ",
        .hours = ".#####.##",
        .valid = ".#######.",
        .terms = two_hundred_and_four_a_period,
        .columns = "uuuuuhpu",
        .shares = "11111xx1",
        .good = "360",
        .whole = "360",
    },
    {
        .what = "no run has to be longer than a minute by default",
        .counts = "oxo6o",
        .terms = single_minutes,
        .columns = "umumu",
        .shares = "10101",
        .good = "180",
        .whole = "300",
    },
    {
        .what = "a service that nothing was ever heard of is not provisioned",
        .counts = "",
        .columns = "nnn",
        .shares = "xxx",
        .good = "0",
        .whole = "0",
    },
    {
        .what = "one row anywhere, and its silence is no traffic",
        .counts = "...o",
        .columns = "---",
        .shares = "111",
        .good = "180",
        .whole = "180",
    },
};

static void test_scenes(void **state)
{
    (void)state;
    play_all(scenes, ARRAY_COUNT(scenes), measure_bad_minute_runs, terms);
}

/* 1/3 of 3 x 2^60 requests, against decimals of 17 places right below and right above a third; and a limit hit exactly. */
static void test_large_counts_are_compared_exactly(void **state)
{
    const int64_t third = INT64_C(1) << 60;
    const struct rational below = decimal("0.33333333333333333");
    const struct rational above = decimal("0.33333333333333334");

    (void)state;
    assert_true(counted_exceeds(third, 2 * third + third, below));
    assert_false(counted_exceeds(third, 2 * third + third, above));
    assert_false(counted_exceeds(33333333333333333, 100000000000000000, below));
    assert_true(counted_exceeds(33333333333333334, 100000000000000000, below));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_large_counts_are_compared_exactly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
