#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/pending.h"
#include "base/check.h"
#include "base/random.h"

enum { KEYS_MAX = 60 };

static const char *const names[] = {"",     "a",       "b",      "basket",
                                    "shop", "shop/eu", "shop/f", "shop/eu2"};

struct expected {
    struct tally_key key;
    uint64_t mask;
};

static struct str any_name(struct random *random)
{
    return STR(names[random_below(random, ARRAY_COUNT(names))]);
}

static struct tally_key any_key(struct random *random)
{
    struct tally_key key = {.kind = (enum tally_kind)random_below(random, 3),
                            .a = any_name(random),
                            .b = any_name(random),
                            .hour = 500000 + (int64_t)random_below(random, 3)};

    if (key.kind == TALLY_CHECK) {
        key.c = any_name(random);
        key.d = any_name(random);
    }
    if (random_below(random, 20) == 0) {
        key.hour = -key.hour;
    }
    return key;
}

/* Keys in their order, each once: put where they belong, by a comparison of its own. */
static int order(const struct tally_key *x, const struct tally_key *y)
{
    const struct str left[] = {x->b, x->c, x->d}, right[] = {y->b, y->c, y->d};

    if (x->kind != y->kind) {
        return x->kind < y->kind ? -1 : 1;
    }
    if (!str_equal(x->a, y->a)) {
        return str_compare(x->a, y->a);
    }
    if (x->hour != y->hour) {
        return x->hour < y->hour ? -1 : 1;
    }
    for (int i = 0; i < 3; i++) {
        if (!str_equal(left[i], right[i])) {
            return str_compare(left[i], right[i]);
        }
    }
    return 0;
}

static size_t make_keys(struct random *random, struct expected *expected)
{
    size_t count = 0;

    for (int i = 0; i < KEYS_MAX; i++) {
        struct expected one = {any_key(random), random_next(random) >> 4};
        size_t at = count;

        while (at > 0 && order(&one.key, &expected[at - 1].key) < 0) {
            at--;
        }
        if (at == 0 || order(&one.key, &expected[at - 1].key) != 0) {
            memmove(&expected[at + 1], &expected[at], (count - at) * sizeof(expected[0]));
            expected[at] = one;
            count++;
        }
    }
    return count;
}

/* Each mask stands for itself: as activity, or as minutes with one record each. */
static struct tally tally_of(const struct expected *expected)
{
    struct tally tally;

    tally_init(&tally);
    if (expected->key.kind == TALLY_ACTIVITY) {
        tally.activity.minutes = expected->mask;
        return tally;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        bool there = (expected->mask >> i & 1) != 0;
        struct check_minute *check = &tally.check.minutes[i];

        if (expected->key.kind == TALLY_WINDOW) {
            tally.window.minutes[i] =
                (struct window_minute){.records = there, .total = there, .no_latency = there};
        } else if (there) {
            *check = (struct check_minute){.records = 1,
                                           .passed = 1,
                                           .last = OUTCOME_PASS,
                                           .last_time_ns = (expected->key.hour * 60 + i) *
                                                           INT64_C(60000000000)};
        }
    }
    return tally;
}

static void add(struct pending_writer *writer, const struct expected *expected)
{
    struct tally tally = tally_of(expected);

    pending_add(writer, &expected->key, &tally);
    tally_release(expected->key.kind, &tally);
}

/* Reads the row and holds it against expected[0 ... *at). */
static void read_row(struct pending_reader *reader, struct str packed,
                     const struct expected *expected, size_t *at)
{
    struct pending_entry entry;
    enum pending_result result;

    pending_begin(reader, packed);
    while ((result = pending_next(reader, &entry)) == PENDING_ENTRY) {
        struct tally_key key = pending_key(reader, &entry);
        struct tally tally = tally_of(&expected[*at]);
        struct strbuf bytes;

        strbuf_init(&bytes, 1 << 16);
        tally_pack(entry.kind, &tally, &bytes);
        assert_int_equal(order(&key, &expected[*at].key), 0);
        assert_true(str_equal(entry.tally, strbuf_view(&bytes)));
        strbuf_release(&bytes);
        tally_release(entry.kind, &tally);
        ++*at;
    }
    assert_int_equal(result, PENDING_END);
}

/* What was written in rows of any size is read again, and one reader does for all of them. */
static void test_rows_come_back(void **state)
{
    struct random random;
    uint64_t seed = 31;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 100; round++) {
        size_t size_max = 1 + (size_t)random_below(&random, 600);
        struct expected expected[KEYS_MAX];
        size_t count = make_keys(&random, expected), at = 0;
        struct pending_writer writer;
        struct pending_reader reader;

        pending_writer_init(&writer);
        pending_reader_init(&reader);
        for (size_t i = 0; i < count; i++) {
            add(&writer, &expected[i]);
            if (writer.packed.size >= size_max || i + 1 == count) {
                size_t before = at;

                read_row(&reader, strbuf_view(&writer.packed), expected, &at);
                assert_int_equal(at - before, writer.count);
                pending_writer_clear(&writer);
            }
        }
        assert_int_equal(at, count);
        pending_reader_release(&reader);
        pending_writer_release(&writer);
    }
}

/* True if it was a row, which then packs to the same bytes. */
static bool try_row(struct str packed)
{
    struct pending_reader reader;
    struct pending_writer writer;
    struct pending_entry entry;
    enum pending_result result;
    bool tallies = true;

    pending_reader_init(&reader);
    pending_writer_init(&writer);
    pending_begin(&reader, packed);
    while ((result = pending_next(&reader, &entry)) == PENDING_ENTRY) {
        struct tally_key key = pending_key(&reader, &entry);
        struct err err = ERR_INIT;
        struct tally tally;

        tallies = tallies && tally_unpack(entry.kind, entry.tally, &tally, &err) == ERR_OK;
        if (tallies) {
            pending_add(&writer, &key, &tally);
            tally_release(entry.kind, &tally);
        }
    }
    if (result == PENDING_END && tallies) {
        assert_true(str_equal(strbuf_view(&writer.packed), packed));
    }
    pending_writer_release(&writer);
    pending_reader_release(&reader);
    return result == PENDING_END;
}

/* Bytes that reading accepts are the one form of their content; everything else is refused without harm. */
static void test_hostile_bytes(void **state)
{
    struct random random;
    uint64_t seed = 32;
    int accepted = 0;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 10; round++) {
        struct expected expected[KEYS_MAX];
        size_t count = make_keys(&random, expected);
        struct pending_writer writer;

        pending_writer_init(&writer);
        for (size_t i = 0; i < count && i < 12; i++) {
            add(&writer, &expected[i]);
        }
        for (int i = 0; i < 3000; i++) {
            size_t at = (size_t)random_below(&random, writer.packed.size);
            char old = writer.packed.data[at];

            writer.packed.data[at] = (char)random_next(&random);
            accepted += try_row(strbuf_view(&writer.packed));
            writer.packed.data[at] = old;
        }
        assert_true(try_row(strbuf_view(&writer.packed)));
        strbuf_append_char(&writer.packed, '\0');
        assert_false(try_row(strbuf_view(&writer.packed)));
        pending_writer_release(&writer);
    }
    /* Other names, hours and tallies are rows as well. */
    assert_in_range(accepted, 1000, 29000);
}

/* A row is full with 256 KiB; what stands behind that is no row. */
static void test_a_row_is_bounded(void **state)
{
    struct expected one = {{.kind = TALLY_ACTIVITY, .a = STR("topic"), .b = STR("r")}, 1};
    struct pending_writer writer;
    struct strbuf more;

    (void)state;
    pending_writer_init(&writer);
    while (writer.packed.size < PENDING_ROW_SIZE) {
        one.key.hour++;
        add(&writer, &one);
    }
    assert_true(try_row(strbuf_view(&writer.packed)));
    strbuf_init(&more, 1 << 20);
    strbuf_append(&more, strbuf_view(&writer.packed));
    strbuf_append(&more, str_of("\x02\x00\x00\x02\x02\x03\x01", 7)); /* the next hour */
    assert_false(try_row(strbuf_view(&more)));
    strbuf_release(&more);
    pending_writer_release(&writer);
}

#define TALLY "\x02\x03\x01" /* its size; activity in the first minute */

/* Each differs from a row in one thing. 2: activity. 1: begins with 0 bytes of the last name. */
static void test_other_forms(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool good;
    } rows[] = {
#define ROW(text, good) {text, sizeof(text) - 1, good}
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY, true),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x02\x01"
            "2"
            "\x00" TALLY,
            true),
        /* no entry; another version; a fourth kind; cut in its tally */
        ROW("", false),
        ROW("\x01", false),
        ROW("\x02\x02\x01\x05topic\x01\x02r1\x0a" TALLY, false),
        ROW("\x01\x03\x01\x05topic\x01\x02r1\x0a" TALLY, false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a\x03\x03\x01", false),
        /* the same name told anew; a beginning that could be longer; one that is longer than the name */
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x01\x05topic\x02\x01"
            "2"
            "\x00" TALLY,
            false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x06\x00\x02\x01"
            "2"
            "\x00" TALLY,
            false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x01\x02r2\x00" TALLY, false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x04\x01"
            "2"
            "\x00" TALLY,
            false),
        /* the same key again; a key that comes before */
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x00\x00" TALLY, false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x02\x01"
            "0"
            "\x00" TALLY,
            false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\x0a" TALLY "\x02\x00\x00\x01" TALLY, false),
        /* no UTF-8; a NUL */
        ROW("\x01\x02\x01\x05topic\x01\x02r\xff\x0a" TALLY, false),
        ROW("\x01\x02\x01\x05topic\x01\x02r\x00\x0a" TALLY, false),
        /* a number with a byte too many; an hour beyond all times */
        ROW("\x01\x82\x00\x01\x05topic\x01\x02r1\x0a" TALLY, false),
        ROW("\x01\x02\x01\x05topic\x01\x02r1\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" TALLY, false),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (try_row(str_of(rows[i].bytes, rows[i].size)) != rows[i].good) {
            fail_msg("row %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_a_row_is_bounded),
        cmocka_unit_test(test_other_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
