/* Records of an archive in a row: a guess at the next one only makes it faster. Whatever stands there, it is read as if it stood alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "consumers/archive_record.h"

#define TIME_MS INT64_C(1790000000000)
#define HEADER "schema"

/* Bytes that end where the memory does: a step beyond them is found by the sanitizer. */
struct bytes {
    uint8_t *data;
    size_t size;
};

static struct bytes write_records(const struct record *records, size_t count)
{
    struct press_options options = {.codec = CODEC_NULL, .queue_max = 1, .size_kept = 1024};
    struct err err = ERR_INIT;
    struct press *press;
    struct piece *piece;
    struct bytes bytes;

    assert_int_equal(press_open(&options, &press, &err), ERR_OK);
    piece = press_piece(press);
    for (size_t i = 0; i < count; i++) {
        archive_record_put(piece, &records[i]);
    }
    bytes = (struct bytes){malloc(piece->content_size), piece->content_size};
    assert_non_null(bytes.data);
    memcpy(bytes.data, piece->content, piece->content_size);
    press_free_piece(press, piece);
    press_close(press);
    return bytes;
}

static void same_bytes(struct str a, struct str b)
{
    assert_ptr_equal(a.data, b.data);
    assert_int_equal(a.size, b.size);
}

static void same_record(const struct record *found, const struct record *wanted)
{
    assert_int_equal(found->topic, wanted->topic);
    assert_int_equal(found->partition, wanted->partition);
    assert_int_equal(found->offset, wanted->offset);
    assert_int_equal(found->time_ns, wanted->time_ns);
    assert_int_equal(found->time_ms, wanted->time_ms);
    assert_int_equal(found->time_type, wanted->time_type);
    assert_int_equal(found->tombstone, wanted->tombstone);
    assert_int_equal(found->header_count, 0);
    same_bytes(found->key, wanted->key);
    same_bytes(found->value, wanted->value);
    same_bytes(found->schema_header, wanted->schema_header);
}

/* Both ways to the end, or to the same complaint; how many records there were. */
static size_t read_both(const struct bytes *bytes)
{
    const uint8_t *p = bytes->data, *end = p + bytes->size;
    struct archive_record_guess guess = {.place_size = 0};
    size_t count = 0;

    while (p != NULL && p < end) {
        struct archive_record alone;
        struct record wanted, found;
        const char *wrong = NULL, *wrong_too = NULL;
        const uint8_t *behind = archive_record_take(p, end, &alone, &wrong);

        p = archive_record_take_next(p, end, HEADER, &guess, &found, &wrong_too);
        assert_ptr_equal(p, behind);
        if (p == NULL) {
            assert_string_equal(wrong_too, wrong);
        } else {
            wanted = archive_record_view(&alone, 0, HEADER);
            same_record(&found, &wanted);
            count++;
        }
    }
    return count;
}

static const char value[8300] = "some value of some record";
static const struct record_header headers[] = {{{"other", 5}, {"1", 1}}, {{HEADER, 6}, {"id", 2}}};

/* Like the one before, but for what `change` says. */
enum change {
    NOTHING,
    GAP,         /* offsets are missing */
    LATER,       /* by more than a quarter of an hour */
    EARLIER,     /* time goes back */
    NO_TIME,     /* no time stamp */
    NEAR_1970,   /* one of few bytes */
    FAR,         /* one of more bytes than a word takes */
    TYPE,        /* of the time stamp */
    NO_KEY,      /* null */
    EMPTY_KEY,   /* no bytes */
    TOMBSTONE,   /* a null value */
    EMPTY_VALUE, /* no bytes */
    LONG_VALUE,  /* its size has two bytes */
    LARGE_VALUE, /* three */
    HEADERS,     /* two */
    CHANGES
};

static struct record next_record(const struct record *before, enum change change)
{
    struct record record = *before;

    record.offset += change == GAP ? 3 : 1;
    record.time_ms += change == LATER ? 2000000 : change == EARLIER ? -1234 : 7;
    record.time_ms = change == NO_TIME ? -1 : change == NEAR_1970 ? 63 : record.time_ms;
    record.time_ms = change == FAR ? INT64_MAX / 3 : record.time_ms;
    record.time_type = change == TYPE ? RECORD_TIME_LOG_APPEND : RECORD_TIME_CREATE;
    record.key = change == NO_KEY ? str_of(NULL, 0) : str_of("key", change == EMPTY_KEY ? 0 : 3);
    record.value = str_of(value, change == LONG_VALUE    ? 300
                                 : change == LARGE_VALUE ? sizeof(value)
                                                         : 20);
    record.value = change == TOMBSTONE ? str_of(NULL, 0) : record.value;
    record.value.size = change == EMPTY_VALUE ? 0 : record.value.size;
    record.tombstone = change == TOMBSTONE;
    record.headers = headers;
    record.header_count = change == HEADERS ? ARRAY_COUNT(headers) : 0;
    return record;
}

enum { PAIRS = CHANGES * CHANGES, RECORDS = 4 * PAIRS };

/* Each change behind each other one, and both behind records of the usual kind. */
static struct bytes all_pairs(int32_t partition, int64_t offset)
{
    static struct record records[RECORDS];
    struct record before = {.partition = partition, .offset = offset, .time_ms = TIME_MS};

    for (int i = 0; i < PAIRS; i++) {
        const enum change changes[] = {NOTHING, NOTHING, (enum change)(i / CHANGES),
                                       (enum change)(i % CHANGES)};

        for (int k = 0; k < 4; k++) {
            records[4 * i + k] = before = next_record(&before, changes[k]);
            before.time_ms = TIME_MS + i;
        }
    }
    return write_records(records, RECORDS);
}

static void records_in_a_row_are_read_as_if_alone(void **state)
{
    /* One byte, several, and more than the words that are compared have room for. */
    static const int32_t partitions[] = {0, 63, 64, 5000, INT32_MAX};
    static const int64_t offsets[] = {
        0, 60, 8190, INT64_C(1) << 34, INT64_C(1) << 48, 1 << 20, INT64_MAX - 3 * RECORDS};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(partitions); i++) {
        for (size_t k = 0; k < ARRAY_COUNT(offsets); k++) {
            struct bytes bytes = all_pairs(partitions[i], offsets[k]);

            assert_int_equal(read_both(&bytes), RECORDS);
            free(bytes.data);
        }
    }
}

static struct bytes a_few(void)
{
    struct record records[6] = {{.partition = 1, .offset = 61, .time_ms = TIME_MS}};

    for (size_t i = 1; i < ARRAY_COUNT(records); i++) {
        records[i] = next_record(&records[i - 1], i == 4 ? LONG_VALUE : NOTHING);
    }
    records[0] = next_record(&records[0], NOTHING);
    records[0].offset--;
    return write_records(records, ARRAY_COUNT(records));
}

static void a_cut_is_found_at_the_same_place(void **state)
{
    struct bytes whole = a_few();

    (void)state;
    for (size_t size = 0; size <= whole.size; size++) {
        struct bytes cut = {malloc(size + (size == 0)), size};

        assert_non_null(cut.data);
        memcpy(cut.data, whole.data, size);
        assert_int_equal(read_both(&cut) < 6, size < whole.size);
        free(cut.data);
    }
    free(whole.data);
}

static void damage_is_found_at_the_same_place(void **state)
{
    struct bytes bytes = a_few();

    (void)state;
    for (size_t i = 0; i < 8 * bytes.size; i++) {
        bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
        (void)read_both(&bytes);
        bytes.data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    assert_int_equal(read_both(&bytes), 6);
    free(bytes.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_in_a_row_are_read_as_if_alone),
        cmocka_unit_test(a_cut_is_found_at_the_same_place),
        cmocka_unit_test(damage_is_found_at_the_same_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
