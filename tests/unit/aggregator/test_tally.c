#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "aggregator/tally.h"
#include "base/clock.h"
#include "base/random.h"

static struct event request(int64_t time_ns, enum outcome outcome, int64_t latency_ns)
{
    return (struct event){.kind = EVENT_REQUEST,
                          .outcome = outcome,
                          .time_ns = time_ns,
                          .service = STR("shop"),
                          .latency_ns = latency_ns,
                          .latency_threshold_ns = 100 * NS_PER_MS,
                          .weight = 1};
}

static struct event check(int64_t time_ns, enum outcome outcome, int64_t interval_ns)
{
    return (struct event){.kind = EVENT_CHECK,
                          .outcome = outcome,
                          .time_ns = time_ns,
                          .service = STR("shop"),
                          .interval_ns = interval_ns};
}

static void test_hours_and_minutes(void **state)
{
    (void)state;
    assert_int_equal(tally_hour(0), 0);
    assert_int_equal(tally_hour(NS_PER_HOUR - 1), 0);
    assert_int_equal(tally_minute(NS_PER_HOUR - 1), 59);
    assert_int_equal(tally_hour(-1), -1);
    assert_int_equal(tally_minute(-1), 59);
    assert_int_equal(tally_hour(-NS_PER_HOUR), -1);
    assert_int_equal(tally_minute(-NS_PER_HOUR), 0);
}

/* Exactly the threshold is not slow; a failed request is an error and never slow; unknown latency is neither. */
static void test_request_counts(void **state)
{
    struct tally tally;
    struct event event;
    const struct window_minute *minute = &tally.window.minutes[3];

    (void)state;
    tally_init(&tally);
    event = request(3 * NS_PER_MINUTE, OUTCOME_SUCCESS, 100 * NS_PER_MS);
    window_tally_add(&tally.window, &event);
    event = request(3 * NS_PER_MINUTE, OUTCOME_SUCCESS, 100 * NS_PER_MS + 1);
    event.weight = 5;
    window_tally_add(&tally.window, &event);
    event = request(3 * NS_PER_MINUTE, OUTCOME_ERROR, 200 * NS_PER_MS);
    window_tally_add(&tally.window, &event);
    event = request(4 * NS_PER_MINUTE - 1, OUTCOME_SUCCESS, LATENCY_UNKNOWN);
    window_tally_add(&tally.window, &event);
    assert_int_equal(minute->records, 4);
    assert_int_equal(minute->total, 8);
    assert_int_equal(minute->errors, 1);
    assert_int_equal(minute->slow, 5);
    assert_int_equal(minute->no_latency, 1);
    assert_int_equal(histogram_count(&tally.window.latency), 7);
    assert_int_equal(tally_records(TALLY_WINDOW, &tally), 4);
    tally_check(TALLY_WINDOW, &tally);
    tally_release(TALLY_WINDOW, &tally);
}

/* The last result of a minute is the same in any order; at equal times the worse wins, then the one that expires first. */
static void test_last_result(void **state)
{
    struct event events[] = {
        check(10, OUTCOME_PASS, 30), check(20, OUTCOME_PASS, 30), check(20, OUTCOME_FAIL, 0),
        check(20, OUTCOME_FAIL, 60), check(20, OUTCOME_FAIL, 30), check(15, OUTCOME_REMOVED, 1),
    };

    (void)state;
    for (int start = 0; start < 6; start++) {
        for (int step = 1; step < 6; step += 4) {
            struct tally tally;

            tally_init(&tally);
            for (int i = 0; i < 6; i++) {
                check_tally_add(&tally.check, &events[(start + i * step) % 6]);
            }
            assert_int_equal(tally.check.minutes[0].last, OUTCOME_FAIL);
            assert_int_equal(tally.check.minutes[0].last_time_ns, 20);
            assert_int_equal(tally.check.minutes[0].last_interval_ns, 30);
            assert_int_equal(tally.check.minutes[0].failed, 3);
            assert_int_equal(tally.check.minutes[0].removed, 1);
            assert_int_equal(tally_records(TALLY_CHECK, &tally), 6);
            tally_release(TALLY_CHECK, &tally);
        }
    }
}

static void test_offset_ranges(void **state)
{
    struct tally tally;
    struct offset_range *r;

    (void)state;
    tally_init(&tally);
    offset_ranges_add(&tally.window.ranges, &tally.window.range_count, 2, 1, 50);
    offset_ranges_add(&tally.window.ranges, &tally.window.range_count, 1, 9, 7);
    offset_ranges_add(&tally.window.ranges, &tally.window.range_count, 2, 0, 3);
    offset_ranges_add(&tally.window.ranges, &tally.window.range_count, 2, 1, 40);
    offset_ranges_add(&tally.window.ranges, &tally.window.range_count, 2, 1, 45);
    r = tally.window.ranges;
    assert_int_equal(tally.window.range_count, 3);
    assert_int_equal(r[0].stream_id, 1);
    assert_int_equal(r[1].partition, 0);
    assert_int_equal(r[2].low, 40);
    assert_int_equal(r[2].high, 50);
    tally_release(TALLY_WINDOW, &tally);
}

/* What contracts of some service wanted at different times; nothing at first. */
static const struct particulars_wanted *wanted_of(uint64_t number)
{
    static const int64_t limits_ns[] = {1, 200 * NS_PER_MS, 500 * NS_PER_MS};
    static const struct particulars_wanted wanted[] = {
        {.times = true},
        {.limits_ns = limits_ns, .limit_count = 2},
        {.times = true, .limits_ns = limits_ns + 1, .limit_count = 2}};

    return number == 0 ? NULL : &wanted[number - 1];
}

static void add_random(struct random *random, enum tally_kind kind, struct tally *tally,
                       struct tally *part)
{
    int64_t time_ns = (int64_t)random_below(random, (uint64_t)NS_PER_HOUR);
    int32_t partition = (int32_t)random_below(random, 4);
    int64_t offset = (int64_t)random_below(random, 1000);
    struct tally *both[2] = {tally, part};

    for (int i = 0; i < 2; i++) {
        struct random copy = *random;
        struct event event;

        if (kind == TALLY_WINDOW) {
            event = request(time_ns, random_below(&copy, 4) == 0 ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                            (int64_t)random_below(&copy, (uint64_t)NS_PER_SECOND) - 1);
            event.weight = 1 + (int64_t)random_below(&copy, 3);
            event.wanted = wanted_of(random_below(&copy, 4));
            window_tally_add(&both[i]->window, &event);
            offset_ranges_add(&both[i]->window.ranges, &both[i]->window.range_count, 1, partition,
                              offset);
        } else if (kind == TALLY_CHECK) {
            /* Few different times, so that ties are frequent. */
            event = check(time_ns / NS_PER_MINUTE * NS_PER_MINUTE,
                          (enum outcome)(OUTCOME_PASS + random_below(&copy, 5)),
                          (int64_t)random_below(&copy, 3));
            check_tally_add(&both[i]->check, &event);
            offset_ranges_add(&both[i]->check.ranges, &both[i]->check.range_count, 1, partition,
                              offset);
        } else {
            both[i]->activity.minutes |= UINT64_C(1) << tally_minute(time_ns);
        }
    }
    for (int i = 0; i < 4; i++) {
        (void)random_next(random);
    }
}

static void assert_same_bytes(enum tally_kind kind, const struct tally *a, const struct tally *b)
{
    struct strbuf x;
    struct strbuf y;

    strbuf_init(&x, 1 << 20);
    strbuf_init(&y, 1 << 20);
    tally_pack(kind, a, &x);
    tally_pack(kind, b, &y);
    assert_true(str_equal(strbuf_view(&x), strbuf_view(&y)));
    strbuf_release(&x);
    strbuf_release(&y);
}

/* What statements read of a window is what stands in it; and so are the ranges alone. */
static void assert_same_part(enum tally_kind kind, struct str packed, const struct tally *whole)
{
    struct window_counts part = {.ranges = NULL};
    struct err err = ERR_INIT;
    const struct offset_range *ranges =
        kind == TALLY_WINDOW ? whole->window.ranges : whole->check.ranges;
    size_t count = kind == TALLY_WINDOW ? whole->window.range_count : whole->check.range_count;

    if (kind == TALLY_ACTIVITY) {
        return;
    }
    assert_int_equal(tally_unpack_ranges(kind, packed, &part, &err), ERR_OK);
    assert_int_equal(part.range_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(part.ranges[i].partition, ranges[i].partition);
        assert_int_equal(part.ranges[i].low, ranges[i].low);
        assert_int_equal(part.ranges[i].high, ranges[i].high);
    }
    if (kind == TALLY_WINDOW) {
        assert_int_equal(window_counts_unpack(packed, &part, &err), ERR_OK);
        assert_memory_equal(part.minutes, whole->window.minutes, sizeof(part.minutes));
        for (int i = 0; i < TALLY_MINUTES; i++) {
            assert_int_equal(part.counted >> i & 1, whole->window.minutes[i].records > 0);
        }
    }
    window_counts_release(&part);
}

/* += the packed form of another one: the same as through unpacking it. */
static void merge_as_packed(enum tally_kind kind, struct tally *into, const struct tally *from)
{
    struct strbuf packed;
    struct err err = ERR_INIT;

    strbuf_init(&packed, 1 << 20);
    tally_pack(kind, from, &packed);
    assert_int_equal(tally_merge_packed(kind, into, strbuf_view(&packed), &err), ERR_OK);
    strbuf_release(&packed);
}

static void merge_round(struct random *random, enum tally_kind kind)
{
    struct tally whole;
    struct tally parts[4];
    struct tally merged;
    struct tally from_packed;
    struct tally back;
    struct strbuf packed;
    struct err err = ERR_INIT;
    int order[4] = {0, 1, 2, 3};

    tally_init(&whole);
    tally_init(&merged);
    tally_init(&from_packed);
    for (int i = 0; i < 4; i++) {
        tally_init(&parts[i]);
    }
    /* Whether a tally knows where it was added to does not show. */
    for (int i = 0; i < 4 && kind == TALLY_WINDOW; i++) {
        if (random_below(random, 2) == 0) {
            window_tally_init(&parts[i].window);
        }
    }
    if (kind == TALLY_WINDOW && random_below(random, 2) == 0) {
        window_tally_init(&merged.window);
        window_tally_init(&from_packed.window);
    }
    for (int i = 0; i < 150; i++) {
        add_random(random, kind, &whole, &parts[random_below(random, 4)]);
    }
    for (int i = 3; i > 0; i--) {
        int j = (int)random_below(random, (uint64_t)i + 1);
        int swap = order[i];

        order[i] = order[j];
        order[j] = swap;
    }
    for (int i = 0; i < 4; i++) {
        tally_merge(kind, &merged, &parts[order[i]]);
        merge_as_packed(kind, &from_packed, &parts[order[i]]);
    }
    assert_same_bytes(kind, &whole, &merged);
    assert_same_bytes(kind, &whole, &from_packed);
    tally_release(kind, &from_packed);
    strbuf_init(&packed, 1 << 20);
    tally_pack(kind, &whole, &packed);
    assert_int_equal(tally_unpack(kind, strbuf_view(&packed), &back, &err), ERR_OK);
    assert_same_bytes(kind, &whole, &back);
    assert_same_part(kind, strbuf_view(&packed), &whole);
    assert_int_equal(tally_records(kind, &back), kind == TALLY_ACTIVITY ? 0 : 150);
    strbuf_release(&packed);
    tally_release(kind, &whole);
    tally_release(kind, &merged);
    tally_release(kind, &back);
    for (int i = 0; i < 4; i++) {
        tally_release(kind, &parts[i]);
    }
}

static void test_merge_order_does_not_matter(void **state)
{
    struct random random;
    uint64_t seed = 42;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int i = 0; i < 30; i++) {
        merge_round(&random, TALLY_WINDOW);
        merge_round(&random, TALLY_CHECK);
        merge_round(&random, TALLY_ACTIVITY);
    }
}

/* Bytes that unpacking accepts are the one form of their content; everything else is refused without harm. */
static void try_bytes(enum tally_kind kind, struct str bytes)
{
    struct tally tally;
    struct tally merged;
    struct err err = ERR_INIT;
    struct strbuf packed;
    bool mergeable;

    tally_init(&merged);
    mergeable = tally_merge_packed(kind, &merged, bytes, &err) == ERR_OK;
    if (tally_unpack(kind, bytes, &tally, &err) != ERR_OK) {
        assert_int_equal(err.code, ERR_MISMATCH);
        assert_false(mergeable);
        tally_release(kind, &merged);
        return;
    }
    assert_true(mergeable);
    assert_same_bytes(kind, &tally, &merged);
    tally_release(kind, &merged);
    strbuf_init(&packed, 1 << 20);
    tally_pack(kind, &tally, &packed);
    assert_true(str_equal(strbuf_view(&packed), bytes));
    assert_same_part(kind, bytes, &tally);
    strbuf_release(&packed);
    tally_release(kind, &tally);
}

static void test_hostile_bytes(void **state)
{
    struct random random;
    uint64_t seed = 99;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int kind = TALLY_WINDOW; kind <= TALLY_ACTIVITY; kind++) {
        struct tally tally;
        struct tally ignored;
        struct strbuf packed;

        tally_init(&tally);
        tally_init(&ignored);
        for (int i = 0; i < 40; i++) {
            add_random(&random, (enum tally_kind)kind, &tally, &ignored);
        }
        strbuf_init(&packed, 1 << 20);
        tally_pack((enum tally_kind)kind, &tally, &packed);
        for (size_t size = 0; size < packed.size; size++) {
            struct tally cut;
            struct err err = ERR_INIT;

            assert_int_equal(
                tally_unpack((enum tally_kind)kind, str_of(packed.data, size), &cut, &err),
                ERR_MISMATCH);
            try_bytes((enum tally_kind)kind, str_of(packed.data, size));
        }
        for (int i = 0; i < 20000; i++) {
            size_t at = (size_t)random_below(&random, packed.size);
            char old = packed.data[at];

            packed.data[at] = (char)random_next(&random);
            try_bytes((enum tally_kind)kind, strbuf_view(&packed));
            packed.data[at] = old;
        }
        strbuf_append_char(&packed, '\0');
        assert_int_equal(
            tally_unpack((enum tally_kind)kind, strbuf_view(&packed), &ignored, &(struct err){0}),
            ERR_MISMATCH);
        strbuf_release(&packed);
        tally_release((enum tally_kind)kind, &tally);
        tally_release((enum tally_kind)kind, &ignored);
    }
}

/* 2^56 is the most that a tally may hold. Two of them are no tally, and no number of them overflows. */
static void test_sums_have_a_bound(void **state)
{
    struct tally most;
    struct tally sum;
    struct strbuf packed;
    struct err err = ERR_INIT;

    (void)state;
    tally_init(&most);
    tally_init(&sum);
    most.window.minutes[5] = (struct window_minute){
        .records = INT64_C(1) << 56, .total = INT64_C(1) << 56, .no_latency = INT64_C(1) << 56};
    strbuf_init(&packed, 1 << 20);
    tally_pack(TALLY_WINDOW, &most, &packed);
    assert_int_equal(tally_merge_packed(TALLY_WINDOW, &sum, strbuf_view(&packed), &err), ERR_OK);
    assert_int_equal(tally_merge_packed(TALLY_WINDOW, &sum, strbuf_view(&packed), &err),
                     ERR_MISMATCH);
    tally_merge(TALLY_WINDOW, &most, &most);
    assert_false(tally_valid(TALLY_WINDOW, &most));
    strbuf_release(&packed);
}

/* Results of one hour are of one hour: those of two make no tally, whoever put them under one key. */
static void test_hours_of_checks_do_not_mix(void **state)
{
    struct tally tallies[2];
    struct strbuf packed;
    struct err err = ERR_INIT;

    (void)state;
    strbuf_init(&packed, 1 << 20);
    for (int i = 0; i < 2; i++) {
        struct event event = check(i * (NS_PER_HOUR + NS_PER_MINUTE), OUTCOME_PASS, 0);

        tally_init(&tallies[i]);
        check_tally_add(&tallies[i].check, &event);
    }
    tally_pack(TALLY_CHECK, &tallies[1], &packed);
    assert_int_equal(tally_merge_packed(TALLY_CHECK, &tallies[0], strbuf_view(&packed), &err),
                     ERR_MISMATCH);
    strbuf_release(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_and_minutes),
        cmocka_unit_test(test_request_counts),
        cmocka_unit_test(test_last_result),
        cmocka_unit_test(test_offset_ranges),
        cmocka_unit_test(test_merge_order_does_not_matter),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_sums_have_a_bound),
        cmocka_unit_test(test_hours_of_checks_do_not_mix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
