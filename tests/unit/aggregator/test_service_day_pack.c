/* The packed form of days: what was packed comes back, and each content has one form. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "aggregator/windows.h"
#include "base/memory.h"
#include "base/random.h"

static uint64_t test_seed(void)
{
    const char *given = getenv("UPTALLY_TEST_SEED");

    return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

static struct service_day *random_day(struct random *random, struct offset_range *ranges)
{
    struct service_day *day = memory_calloc(1, sizeof(*day));
    uint64_t grades = 1 + random_below(random, GRADE_COUNT), width = random_below(random, 40);
    uint64_t steady = UINT64_C(1) << random_below(random, 12),
             grade = 0; /* a change in that many minutes */

    for (int64_t hour = 0; hour < DAY_HOURS; hour++) {
        struct window_minute minutes[TALLY_MINUTES] = {0};
        uint8_t of_minutes[TALLY_MINUTES];
        struct service_hour input = {.hour = hour, .grades = of_minutes, .minutes = minutes};

        for (int i = 0; i < TALLY_MINUTES; i++) {
            int64_t records = (int64_t)random_below(random, UINT64_C(1) << width);

            grade = random_below(random, steady) == 0 ? random_below(random, grades) : grade;
            of_minutes[i] = (uint8_t)grade;
            minutes[i] =
                (struct window_minute){records, 2 * records, records / 2, records / 3, records / 5};
            input.counted |= records > 0 ? UINT64_C(1) << i : 0;
            input.incomplete |= random_below(random, 50 * steady) < grades ? UINT64_C(1) << i : 0;
        }
        service_day_add(day, &input);
    }
    day->range_count = (size_t)random_below(random, 4);
    for (size_t i = 0; i < day->range_count; i++) {
        ranges[i] = (struct offset_range){1, (int32_t)i, (int64_t)i, 1000};
    }
    day->ranges = ranges;
    return day;
}

/* What was packed comes back; what is cut is nothing; what is changed is nothing either, or packs to the same bytes. */
static void test_one_form(void **state)
{
    uint64_t seed = test_seed();
    struct service_day *back = memory_calloc(1, sizeof(*back));
    struct random random;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int n = 0; n < 300; n++) {
        struct offset_range ranges[4];
        struct service_day *day = random_day(&random, ranges);
        struct strbuf packed, again;
        struct err err = ERR_INIT;

        strbuf_init(&packed, 1 << 16);
        strbuf_init(&again, 1 << 16);
        assert_true(service_day_pack(day, &packed));
        must(service_day_unpack(strbuf_view(&packed), back, &err), &err);
        assert_memory_equal(&back->sum, &day->sum, sizeof(day->sum));
        assert_int_equal(back->run_count, day->run_count);
        assert_memory_equal(back->runs, day->runs, day->run_count * sizeof(day->runs[0]));
        assert_int_equal(back->incomplete_count, day->incomplete_count);
        assert_true(service_day_pack(back, &again));
        assert_true(str_equal(strbuf_view(&packed), strbuf_view(&again)));
        for (size_t size = 0; size < packed.size; size += 1 + size / 8) {
            assert_int_equal(service_day_unpack(str_of(packed.data, size), back, &err),
                             ERR_MISMATCH);
        }
        for (int flips = 0; flips < 50; flips++) {
            size_t at = (size_t)random_below(&random, packed.size);
            char before = packed.data[at];

            packed.data[at] = (char)(before ^ (1 << random_below(&random, 8)));
            if (service_day_unpack(strbuf_view(&packed), back, &err) == ERR_OK) {
                strbuf_clear(&again);
                assert_true(service_day_pack(back, &again));
                assert_true(str_equal(strbuf_view(&packed), strbuf_view(&again)));
            }
            packed.data[at] = before;
        }
        strbuf_release(&packed);
        strbuf_release(&again);
        memory_free(day);
    }
    service_day_release(back);
    memory_free(back);
}

/* Sums that nobody counted honestly are not packed, and not added up either. */
static void test_too_large(void **state)
{
    uint8_t grades[TALLY_MINUTES] = {0};
    struct window_minute minutes[TALLY_MINUTES] = {{INT64_MAX, INT64_MAX, 0, 0, 0}};
    const struct service_hour hour = {.grades = grades, .counted = 1, .minutes = minutes};
    struct service_day *day = memory_calloc(1, sizeof(*day));
    struct strbuf packed;

    (void)state;
    strbuf_init(&packed, 1 << 16);
    service_day_add(day, &hour);
    service_day_add(day, &hour);
    assert_false(service_day_pack(day, &packed));
    strbuf_release(&packed);
    memory_free(day);
}

/* Which of both forms a day has follows from what is shorter, and the other one is refused. */
static void test_the_shorter_form(void **state)
{
    static const struct {
        const char *packed;
        size_t size;
        bool whole;
    } rows[] = {
        {"\1\0\0\0\1\0", 6, true},                     /* 1440 minutes of grade 0 */
        {"\1\0\0\1\0\xa0\x0b\0", 8, false},            /* the same as a run */
        {"\1\0\0\1\0\x80\x05\1\xa0\x06\0", 11, true},  /* two runs */
        {"\1\0\0\1\0\x80\x05\0\xa0\x06\0", 11, false}, /* ... of the same grade */
        {"\1\0\0\1\0\x80\x05\1\xa1\x06\0", 11, false}, /* ... of more than a day */
        {"\1\0\0\0\x80\x80\1\0", 8, false},            /* a grade that there is not */
        {"\1\0\0\2\1\0", 6, false},                    /* a form that there is not */
        {"\1\0\0\0\1\1\0\1", 8, true},                 /* the first minute is incomplete */
        {"\1\0\0\0\1\2\0\1\0\1", 10, false},           /* ... and as a span of its own the second */
        {"\1\0\0\0\1\1\xa0\x0b\1", 9, false},          /* one behind the day */
    };
    struct service_day *day = memory_calloc(1, sizeof(*day));

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err err = ERR_INIT;

        print_message("row %zu\n", i);
        assert_int_equal(service_day_unpack(str_of(rows[i].packed, rows[i].size), day, &err),
                         rows[i].whole ? ERR_OK : ERR_MISMATCH);
    }
    service_day_release(day);
    memory_free(day);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_form),
        cmocka_unit_test(test_the_shorter_form),
        cmocka_unit_test(test_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
