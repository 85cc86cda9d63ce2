/* Method total_failure_runs: hand-derived values. Times in milliseconds from the start of the period, 2026-10-01T00:00:00Z. */
#include "picture.h"

#define ORIGIN_S INT64_C(1790812800)
#define NEVER INT64_MIN

enum { MINUTES_MAX = 16 };

/* One minute with requests: its first and last success and failure. */
struct times {
    int64_t first_ok_ms, last_ok_ms, first_error_ms, last_error_ms;
};

struct row {
    const char *what;
    int64_t min_run_ms;
    int64_t length_s; /* of the period */
    struct times minutes[MINUTES_MAX];
    struct state_row states[3];
    struct span covered;
    enum excluded_rule excluded;
    const char *good, *whole;
    int64_t major_s;
};

#define OK(first, last)                                                                            \
    {                                                                                              \
        first, last, NEVER, NEVER                                                                  \
    }
#define FAILED(first, last)                                                                        \
    {                                                                                              \
        NEVER, NEVER, first, last                                                                  \
    }

static const struct row rows[] = {
    {
        .what = "from the last success at 50 s to the next one at 110.001 s: 60,001 ms",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 50000), {110001, 119000, 70000, 71000}, OK(120000, 170000)},
        .good = "179999/1000",
        .whole = "240",
        .major_s = 60,
    },
    {
        .what = "exactly 60 s are a run of 60 s",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 50000), {110000, 119000, 70000, 71000}, OK(120000, 170000)},
        .good = "180",
        .whole = "240",
        .major_s = 60,
    },
    {
        .what = "a millisecond less is none",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 50000), {109999, 119000, 70000, 71000}, OK(120000, 170000)},
        .good = "240",
        .whole = "240",
    },
    {
        .what = "no error, no run: silence alone is none",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000), OK(180000, 200000)},
        .good = "240",
        .whole = "240",
    },
    {
        .what = "an error at the very instant of the success before, or of the next one, is not "
                "between",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 10000, 5000, 10000}, {180000, 200000, 180000, 190000}},
        .good = "240",
        .whole = "240",
    },
    {
        .what = "a millisecond behind the success it is: 170 s are lost, silent minutes with them",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 10000, 5000, 10001}, OK(180000, 200000)},
        .good = "70",
        .whole = "240",
        .major_s = 170,
    },
    {
        .what = "an error in the minute of the next success, before it: 171 s",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000), {181000, 200000, 180999, 190000}},
        .good = "69",
        .whole = "240",
        .major_s = 171,
    },
    {
        .what = "no success before: the run begins with the period",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {FAILED(61000, 62000), OK(130500, 170000)},
        .good = "219/2",
        .whole = "240",
        .major_s = 130,
    },
    {
        .what = "data begin a minute before the period: the run does too, and is 65 s long",
        .min_run_ms = 65000,
        .length_s = 240,
        .minutes = {FAILED(-59000, -10000), OK(5000, 50000)},
        .good = "235",
        .whole = "240",
        .major_s = 5,
    },
    {
        .what = "no success behind: the run ends with the period",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000), OK(60000, 100000), FAILED(120000, 121000)},
        .good = "100",
        .whole = "240",
        .major_s = 140,
    },
    {
        .what = "data go on for a minute behind the period: from 235 s to 300 s is 65 s",
        .min_run_ms = 65000,
        .length_s = 240,
        .minutes = {OK(0, 10000), OK(180000, 235000), FAILED(240000, 241000)},
        .good = "235",
        .whole = "240",
        .major_s = 5,
    },
    {
        .what = "a run across the border ends with a success of the next period",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{180000, 230000, 239000, 239500}, OK(299000, 299500)},
        .good = "230",
        .whole = "240",
        .major_s = 10,
    },
    {
        .what = "a void minute is looked through, its success too; its seconds stay a gap, "
                "excluded: 50 + 60 s lost",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000),
                    {60000, 119000, 61000, 61000},
                    FAILED(120000, 121000),
                    OK(180000, 239000)},
        .states = {{.from_s = 60, .to_s = 120, .grade = GRADE_PROBE_DOWN}},
        .good = "70",
        .whole = "180",
        .major_s = 110,
    },
    {
        .what = "a void minute is no data: its failure makes no run",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000), FAILED(60000, 119000), OK(180000, 239000)},
        .states = {{.from_s = 60, .to_s = 120, .grade = GRADE_PROBE_DOWN}},
        .good = "180",
        .whole = "180",
    },
    {
        .what = "a minute that is known for a second speaks; 59 s of it are unknown: 170 - 59 lost",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {OK(0, 10000), FAILED(60000, 119000), OK(180000, 239000)},
        .states = {{.from_s = 61, .to_s = 120, .grade = GRADE_PROBE_DOWN}},
        .good = "70",
        .whole = "181",
        .major_s = 111,
    },
    {
        .what = "no_traffic over silent minutes does not take them out of a run",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 10000, 20000, 20000}, OK(180000, 239000)},
        .states = {{.from_s = 60, .to_s = 180, .grade = GRADE_NO_TRAFFIC}},
        .good = "70",
        .whole = "240",
        .major_s = 170,
    },
    {
        .what = "covered from 90 s to 200 s: minute 2 is excused, minute 1 only half covered",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 10500, 20000, 20000}, OK(180000, 239000)},
        .covered = {90, 200},
        .excluded = EXCLUDED_REMOVE,
        .good = "141/2",
        .whole = "180",
        .major_s = 110,
    },
    {
        .what = "of 60 s of a run 59.5 s lie in the excused minute, half a second behind it",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 500, 20000, 20000}, OK(60500, 110000)},
        .covered = {0, 60},
        .excluded = EXCLUDED_REMOVE,
        .good = "180",
        .whole = "361/2",
        .major_s = 0,
    },
    {
        .what = "the same forgiven",
        .min_run_ms = 60000,
        .length_s = 240,
        .minutes = {{0, 500, 20000, 20000}, OK(60500, 110000)},
        .covered = {0, 60},
        .excluded = EXCLUDED_FORGIVE,
        .good = "479/2",
        .whole = "240",
        .major_s = 0,
    },
};

static int64_t ns_of(int64_t ms)
{
    return ms == NEVER ? INT64_MIN : ORIGIN_S * NS_PER_SECOND + ms * NS_PER_MS;
}

static size_t fill(const struct row *row, struct count_row *counts, struct request_times *times)
{
    size_t count = 0;

    for (; count < MINUTES_MAX; count++) {
        const struct times *minute = &row->minutes[count];
        bool ok = minute->first_ok_ms != NEVER;
        int64_t any_ms = ok ? minute->first_ok_ms : minute->first_error_ms;

        if (minute->last_ok_ms == 0 && minute->last_error_ms == 0) {
            break; /* not filled */
        }
        counts[count] = (struct count_row){
            .minute_s = ORIGIN_S + (any_ms + 6000000) / 60000 * 60 - 6000,
            .counts = {.total = 10,
                       .errors = !ok                               ? 10
                                 : minute->first_error_ms != NEVER ? 2
                                                                   : 0},
        };
        times[count] =
            (struct request_times){ns_of(minute->first_ok_ms), ns_of(minute->last_ok_ms),
                                   ns_of(minute->first_error_ms), ns_of(minute->last_error_ms)};
    }
    return count;
}

static void run_row(const struct row *row)
{
    struct arena arena = ARENA_INIT;
    struct contract contract = picture_contract();
    struct count_row counts[MINUTES_MAX];
    struct request_times times[MINUTES_MAX];
    struct state_row states[3];
    struct span covered = {ORIGIN_S + row->covered.from_s, ORIGIN_S + row->covered.to_s};
    struct span open = {ORIGIN_S, ORIGIN_S + row->length_s};
    struct cover cover = {&covered, row->covered.to_s > 0 ? 1 : 0};
    struct cover hours = {&open, 1};
    struct service_input service = {
        .service = STR("api"), .states = states, .counts = counts, .times = times};
    struct measure_input input = {.contract = &contract,
                                  .service = &service,
                                  .cover = &cover,
                                  .from_s = open.from_s,
                                  .to_s = open.to_s,
                                  .valid_from_s = open.from_s,
                                  .valid_to_s = open.to_s,
                                  .hours = &hours};
    struct measure measure;

    print_message("%s\n", row->what);
    contract.availability.min_run_ns = row->min_run_ms * NS_PER_MS;
    contract.maintenance.excluded = row->excluded;
    service.count_count = fill(row, counts, times);
    for (size_t i = 0; i < ARRAY_COUNT(row->states) && row->states[i].to_s > 0; i++) {
        states[i] = row->states[i];
        states[i].from_s += ORIGIN_S;
        states[i].to_s += ORIGIN_S;
        service.state_count = i + 1;
    }
    measure_total_failure_runs(&input, &arena, &measure);
    assert_fraction(measure.good, row->good);
    assert_fraction(measure.valid, row->whole);
    assert_int_equal(measure.seconds[TIME_MAJOR], row->major_s);
    assert_whole(&measure, input.from_s, input.to_s);
    arena_release(&arena);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        run_row(&rows[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
