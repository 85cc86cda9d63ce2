/* Methods ratio_time_slices and mean_interval_errors: hand-derived values. Slices of two minutes. */
#include "picture.h"

static void slices(struct contract *contract)
{
    contract->availability.slice_s = 120;
}

static const struct scene ratio_scenes[] = {
    {
        .what = "190/200 + 1 + 92/100 = 287/100; there is no bad time",
        .counts = "19oo.8",
        .columns = "uuuuuu",
        .shares = "%%11%%",
        .good = "287/100",
        .whole = "3",
    },
    {
        .what = "the last slice of one minute weighs as much as others: 1 + 0",
        .counts = "oox",
        .columns = "uuu",
        .shares = "110",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "a silent slice where silence is down",
        .counts = "9...",
        .terms = silence_is_down,
        .columns = "uu--",
        .shares = "%%00",
        .good = "91/100",
        .whole = "2",
    },
    {
        .what = "void counts are left out; a wholly void slice goes by its rules: excluded, lost",
        .counts = "9xxxxx",
        .states = " ppppg",
        .columns = "uppppg",
        .shares = "%%xx00",
        .good = "91/100",
        .whole = "2",
    },
    {
        .what = "minutes with requests are booked as graded, silent ones of their slice as up",
        .counts = "o..x",
        .states = "dddd",
        .columns = "duud",
        .shares = "1100",
        .good = "1",
        .whole = "2",
    },
    {
        .what = "an excused minute is left out: 1 of 1; it is maintenance, for with it something "
                "is lost",
        .counts = "o9oo",
        .cover = ".#.#",
        .columns = "uMuu",
        .shares = "1111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "wholly excused: taken out if it lost anything",
        .counts = "o9oo99",
        .cover = "####..",
        .columns = "MMuuuu",
        .shares = "xx11%%",
        .good = "191/100",
        .whole = "2",
    },
    {
        .what = "or forgiven",
        .counts = "o9oo99",
        .cover = "####..",
        .terms = forgive,
        .columns = "MMuuuu",
        .shares = "1111%%",
        .good = "291/100",
        .whole = "3",
    },
    {
        .what = "trouble that was announced is maintenance, as in request_ratio",
        .counts = "oooo",
        .states = "d  d",
        .cover = "#...",
        .columns = "Muud",
        .shares = "1111",
        .good = "2",
        .whole = "2",
    },
    {
        .what = "service hours and validity: 1 deemed, 91/100 of the one minute that counts",
        .counts = "xxx9xx",
        .valid = "..####",
        .hours = "##.#..",
        .columns = "uuhuhh",
        .shares = "11x%xx",
        .good = "191/100",
        .whole = "2",
    },
};

static const struct scene interval_scenes[] = {
    {
        .what = "1 - (9/200 + 0 + 100/100) / 3: an interval without requests has no errors, "
                "whatever the contract says",
        .counts = "o9..xx",
        .terms = silence_is_down,
        .columns = "uu--uu",
        .shares = "%%1100",
        .good = "391/200",
        .whole = "3",
    },
    {
        .what = "unknown time keeps its rules: excluded if all of it is; lost; none of it speaks",
        .counts = "oxxxxx",
        .states = "  pp g",
        .terms = silence_is_down,
        .columns = "uuppug",
        .shares = "%%xx00",
        .good = "1/2",
        .whole = "2",
    },
    {
        .what = "silence with excluded time: there is silence, which is no error",
        .counts = "",
        .states = "p ppgp",
        .columns = "p-ppgp",
        .shares = "11xx00",
        .good = "1",
        .whole = "2",
    },
};

static void test_scenes(void **state)
{
    (void)state;
    play_all(ratio_scenes, ARRAY_COUNT(ratio_scenes), measure_ratio_time_slices, slices);
    play_all(interval_scenes, ARRAY_COUNT(interval_scenes), measure_mean_interval_errors, slices);
}

static bool is_prime(int64_t value)
{
    for (int64_t d = 2; d * d <= value; d++) {
        if (value % d == 0) {
            return false;
        }
    }
    return true;
}

enum { PRIMES = 1000 };

/* A thousand minutes, one request of each fails, and their requests are the primes from 11 on: no denominator helps another. */
static void count_primes(int64_t from_s, struct count_row *rows)
{
    int64_t prime = 11;

    for (int64_t i = 0; i < PRIMES; i++, prime++) {
        while (!is_prime(prime)) {
            prime++;
        }
        rows[i] = (struct count_row){from_s + i * 60, {.total = prime, .errors = 1}};
    }
}

/* Digits, and the first and last 20 of them. */
static void assert_digits(void (*format)(struct strbuf *, struct fraction), struct fraction value,
                          size_t count, const char *first, const char *last)
{
    struct strbuf text;
    struct str view;

    strbuf_init(&text, 8192);
    format(&text, value);
    view = strbuf_view(&text);
    assert_int_equal(view.size, count);
    assert_memory_equal(view.data, first, strlen(first));
    assert_memory_equal(view.data + view.size - strlen(last), last, strlen(last));
    strbuf_release(&text);
}

/*
 * Sum of (p - 1) / p over the 1,000 primes from 11 to 7,949, by Python's fractions: 3,410 digits over 3,407; a thousandth of it is
 * 0.99871827519845728336... A float, or 128 bits, would not tell on which side of a decimal of 17 places it lies.
 */
static void test_thousands_of_digits(void **state)
{
    static const struct {
        const char *below;
        bool missed;
    } rows[] = {
        {"0.99871827519845728", false},
        {"0.99871827519845729", true},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        static struct count_row counts[PRIMES];
        struct fixture fixture;
        struct service_input service = {
            .service = STR("api"), .counts = counts, .count_count = PRIMES};

        fixture_init(&fixture, "UTC", 2026, 10);
        fixture.contract.availability.method = METHOD_RATIO_TIME_SLICES;
        fixture.contract.availability.slice_s = 60;
        fixture.tiers[0].below = decimal(rows[i].below);
        count_primes(fixture.from_s, counts);
        assert_true(engine_compute(&(struct engine_input){.contract = &fixture.contract,
                                                          .from_s = fixture.from_s,
                                                          .to_s = fixture.from_s + PRIMES * 60,
                                                          .services = &service,
                                                          .service_count = 1},
                                   &fixture.arena, &fixture.result));
        assert_digits(fraction_format_numerator, top(&fixture)->measure.good, 3410,
                      "12804767458599823297", "66668485084321920186");
        assert_digits(fraction_format_denominator, top(&fixture)->measure.good, 3407,
                      "12821200709534791115", "28985007923587487711");
        assert_fraction(top(&fixture)->measure.valid, "1000");
        assert_int_equal(top(&fixture)->tier != NULL, rows[i].missed);
        fixture_release(&fixture);
    }
}

static void intervals(struct contract *contract)
{
    contract->availability.method = METHOD_MEAN_INTERVAL_ERRORS;
    contract->availability.slice_s = 300;
}

/* Two slices: a 9/10 and 1, b 1/2 and not measured. sum: 24/10 of 3. per_service: b. */
static void test_pools(void **state)
{
    static const struct {
        enum pool pool;
        const char *good, *valid;
    } rows[] = {{POOL_SUM, "12/5", "3"}, {POOL_PER_SERVICE, "1/2", "1"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct fixture fixture;

        fixture_pair(&fixture, 10, intervals, rows[i].pool);
        add_rest(&fixture, 0, GRADE_OPERATIONAL);
        add_state(&fixture, 1, 0, 300, GRADE_OPERATIONAL);
        add_state(&fixture, 1, 300, 300, GRADE_PROBE_DOWN);
        count_requests(&fixture, 0, 1, 10, 1, 0);
        count_requests(&fixture, 0, 9, 10, 0, 0);
        count_requests(&fixture, 1, 0, 2, 1, 0);
        assert_pooled(&fixture, rows[i].good, rows[i].valid);
        fixture_release(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenes),
        cmocka_unit_test(test_thousands_of_digits),
        cmocka_unit_test(test_pools),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
