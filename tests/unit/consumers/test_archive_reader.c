/* Archive files: what is written is what is read, by us and by avro-c, and what is not sound is refused with its place. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <avro.h>
#include <cmocka.h>

#include "base/random.h"
#include "consumers/archive_reader.h"
#include "tests/unit/consumers/archive_bytes.h"
#include "tests/unit/temporary.h"

static bool same(struct str a, struct str b)
{
    return str_equal(a, b) && (a.data == NULL) == (b.data == NULL);
}

static void compare(const struct archive_record *found, const struct record *wanted)
{
    struct archive_header_walk walk = archive_headers(found);
    struct record_header header;

    assert_int_equal(found->partition, wanted->partition);
    assert_int_equal(found->offset, wanted->offset);
    assert_int_equal(found->time_ms, wanted->time_ms);
    assert_int_equal(found->time_type, wanted->time_type);
    assert_true(same(found->key, wanted->key));
    assert_true(same(found->value, wanted->value));
    for (size_t i = 0; i < wanted->header_count; i++) {
        assert_true(archive_header_next(&walk, &header));
        assert_true(str_equal(header.name, wanted->headers[i].name));
        assert_true(same(header.value, wanted->headers[i].value));
    }
    assert_false(archive_header_next(&walk, &header));
}

/* Reads to the end or to the first complaint. */
static enum err_code read_all(struct str bytes, int64_t *ret_records, struct err *err)
{
    struct container_input input = container_input_memory(&bytes);
    struct archive_reader reader;
    struct archive_record record;
    bool found = true;
    enum err_code code = archive_reader_open(&reader, &input, err);

    *ret_records = 0;
    while (code == ERR_OK && found) {
        code = archive_reader_next(&reader, &found, &record, err);
        *ret_records += code == ERR_OK && found;
    }
    archive_reader_release(&reader);
    return code;
}

enum { AT_ONCE = 7 };

/* The same by several records at once. */
static enum err_code take_all(struct str bytes, int64_t *ret_records, struct err *err)
{
    struct container_input input = container_input_memory(&bytes);
    struct record records[AT_ONCE];
    struct archive_reader reader;
    size_t count = AT_ONCE;
    enum err_code code = archive_reader_open(&reader, &input, err);

    *ret_records = 0;
    while (code == ERR_OK && count > 0) {
        code = archive_reader_take(&reader, NULL, records, AT_ONCE, &count, err);
        *ret_records += code == ERR_OK ? (int64_t)count : 0;
    }
    archive_reader_release(&reader);
    return code;
}

static void compare_all(const struct archive_bytes_options *options, struct str bytes)
{
    struct container_input input = container_input_memory(&bytes);
    struct record records[AT_ONCE];
    struct archive_reader reader;
    struct err err = ERR_INIT;
    size_t count = 1;
    int at = 0;

    assert_int_equal(archive_reader_open(&reader, &input, &err), ERR_OK);
    while (count > 0) {
        if (archive_reader_take(&reader, "trace", records, AT_ONCE, &count, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        for (size_t i = 0; i < count; i++, at++) {
            struct record wanted = archive_bytes_record(at);

            assert_int_equal(records[i].partition, wanted.partition);
            assert_int_equal(records[i].offset, wanted.offset);
            assert_int_equal(records[i].time_ns, wanted.time_ns);
            assert_int_equal(records[i].tombstone, wanted.tombstone);
            assert_true(same(records[i].key, wanted.key));
            assert_true(same(records[i].value, wanted.value));
            assert_int_equal(records[i].schema_header.data != NULL, wanted.header_count > 0);
        }
    }
    assert_int_equal(at, options->records);
    archive_reader_release(&reader);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int c = 0; c < CODEC_COUNT; c++) {
        for (int threads = 0; threads < 4; threads += 3) {
            struct archive_bytes_options options = {(enum codec)c, threads, 5000, 37};
            struct archive_record record;
            struct container_input input;
            struct archive_reader reader;
            struct strbuf file;
            struct err err = ERR_INIT;
            struct str bytes;
            bool found;

            strbuf_init(&file, ARCHIVE_BYTES_MAX);
            (void)archive_bytes(&options, &file);
            bytes = strbuf_view(&file);
            input = container_input_memory(&bytes);
            if (archive_reader_open(&reader, &input, &err) != ERR_OK) {
                fail_msg("%s", err.text);
            }
            for (int i = 0; i < options.records; i++) {
                struct record wanted = archive_bytes_record(i);

                if (archive_reader_next(&reader, &found, &record, &err) != ERR_OK || !found) {
                    fail_msg("%s", err.text);
                }
                compare(&record, &wanted);
            }
            assert_int_equal(archive_reader_next(&reader, &found, &record, &err), ERR_OK);
            assert_false(found);
            archive_reader_release(&reader);
            compare_all(&options, bytes);
            strbuf_release(&file);
        }
    }
}

/* --- avro-c as a second opinion --- */

static avro_value_t field(const avro_value_t *record, const char *name)
{
    avro_value_t value;

    assert_int_equal(avro_value_get_by_name(record, name, &value, NULL), 0);
    return value;
}

static void compare_optional(const avro_value_t *record, const char *name, struct str wanted)
{
    avro_value_t value = field(record, name), branch;
    const void *bytes;
    size_t size;
    int number;

    assert_int_equal(avro_value_get_discriminant(&value, &number), 0);
    assert_int_equal(number, wanted.data != NULL);
    if (number == 1) {
        assert_int_equal(avro_value_get_current_branch(&value, &branch), 0);
        assert_int_equal(avro_value_get_bytes(&branch, &bytes, &size), 0);
        assert_true(str_equal(str_of(bytes, size), wanted));
    }
}

static void compare_avro(const avro_value_t *found, const struct record *wanted)
{
    avro_value_t value = field(found, "offset"), headers = field(found, "headers");
    int64_t number;
    int type;
    size_t count;

    assert_int_equal(avro_value_get_long(&value, &number), 0);
    assert_int_equal(number, wanted->offset);
    value = field(found, "timestamp_ms");
    assert_int_equal(avro_value_get_long(&value, &number), 0);
    assert_int_equal(number, wanted->time_ms);
    value = field(found, "timestamp_type");
    assert_int_equal(avro_value_get_enum(&value, &type), 0);
    assert_int_equal(type, wanted->time_type);
    compare_optional(found, "key", wanted->key);
    compare_optional(found, "value", wanted->value);
    assert_int_equal(avro_value_get_size(&headers, &count), 0);
    assert_int_equal(count, wanted->header_count);
    for (size_t i = 0; i < count; i++) {
        avro_value_t header, name;
        const void *bytes;
        size_t size;

        assert_int_equal(avro_value_get_by_index(&headers, i, &header, NULL), 0);
        name = field(&header, "key");
        assert_int_equal(avro_value_get_bytes(&name, &bytes, &size), 0);
        assert_true(str_equal(str_of(bytes, size), wanted->headers[i].name));
        compare_optional(&header, "value", wanted->headers[i].value);
    }
}

static void avro_c_reads_the_same(void **state)
{
    (void)state;
    for (int c = CODEC_NULL; c <= CODEC_DEFLATE; c++) { /* it knows no zstandard */
        struct archive_bytes_options options = {(enum codec)c, 2, 3000, 100};
        struct temporary folder;
        struct strbuf file;
        avro_file_reader_t reader;
        avro_schema_t schema;
        avro_value_iface_t *class;
        avro_value_t value;
        FILE *out;

        strbuf_init(&file, ARCHIVE_BYTES_MAX);
        (void)archive_bytes(&options, &file);
        temporary_make(&folder);
        out = fopen(temporary_file(&folder, "a.avro"), "wb");
        assert_non_null(out);
        assert_int_equal(fwrite(file.data, 1, file.size, out), file.size);
        assert_int_equal(fclose(out), 0);
        if (avro_file_reader(temporary_file(&folder, "a.avro"), &reader) != 0) {
            fail_msg("%s", avro_strerror());
        }
        schema = avro_file_reader_get_writer_schema(reader);
        class = avro_generic_class_from_schema(schema);
        assert_int_equal(avro_generic_value_new(class, &value), 0);
        for (int i = 0; i < options.records; i++) {
            struct record wanted = archive_bytes_record(i);

            assert_int_equal(avro_value_reset(&value), 0);
            if (avro_file_reader_read_value(reader, &value) != 0) {
                fail_msg("record %d: %s", i, avro_strerror());
            }
            compare_avro(&value, &wanted);
        }
        assert_int_not_equal(avro_file_reader_read_value(reader, &value), 0);
        avro_value_decref(&value);
        avro_value_iface_decref(class);
        avro_schema_decref(schema);
        (void)avro_file_reader_close(reader);
        strbuf_release(&file);
        temporary_remove(&folder);
    }
}

/* A container that somebody else wrote is one, but none of an archive. */
static void a_file_of_avro_c_is_a_container(void **state)
{
    static const char text[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\","
                               "\"type\":\"long\"}]}";
    struct temporary folder;
    struct container_reader container;
    struct container_block block;
    struct container_input input;
    struct archive_reader reader;
    struct err err = ERR_INIT;
    avro_file_writer_t writer;
    avro_value_iface_t *class;
    avro_schema_t schema;
    avro_value_t value, a;
    int64_t records = 0;
    bool found = true;
    FILE *in;
    int fd;

    (void)state;
    temporary_make(&folder);
    assert_int_equal(avro_schema_from_json_length(text, sizeof(text) - 1, &schema), 0);
    class = avro_generic_class_from_schema(schema);
    assert_int_equal(avro_generic_value_new(class, &value), 0);
    assert_int_equal(avro_file_writer_create_with_codec(temporary_file(&folder, "b.avro"), schema,
                                                        &writer, "deflate", 0),
                     0);
    for (int i = 0; i < 20000; i++) {
        a = field(&value, "a");
        assert_int_equal(avro_value_set_long(&a, i), 0);
        assert_int_equal(avro_file_writer_append_value(writer, &value), 0);
    }
    assert_int_equal(avro_file_writer_close(writer), 0);
    in = fopen(temporary_file(&folder, "b.avro"), "rb");
    assert_non_null(in);
    fd = fileno(in);
    assert_int_equal(container_input_file(&fd, &input, &err), ERR_OK);
    assert_int_equal(container_open(&container, &input, 1 << 20, &err), ERR_OK);
    while (found) {
        assert_int_equal(container_next(&container, &found, &block, &err), ERR_OK);
        records += found ? block.records : 0;
    }
    assert_int_equal(records, 20000);
    container_release(&container);
    assert_int_equal(archive_reader_open(&reader, &input, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "no file of an archive"));
    archive_reader_release(&reader);
    (void)fclose(in);
    avro_value_decref(&value);
    avro_value_iface_decref(class);
    avro_schema_decref(schema);
    temporary_remove(&folder);
}

/* --- hostile files --- */

static void a_cut_file_is_said_to_be_cut(void **state)
{
    struct archive_bytes_options options = {CODEC_DEFLATE, 0, 500, 50};
    struct strbuf file;
    int64_t records;

    (void)state;
    strbuf_init(&file, ARCHIVE_BYTES_MAX);
    (void)archive_bytes(&options, &file);
    for (size_t size = 0; size < file.size; size++) {
        struct err err = ERR_INIT, too = ERR_INIT;
        int64_t taken;

        assert_int_equal(read_all(str_of(file.data, size), &records, &err), ERR_DATA);
        assert_int_equal(take_all(str_of(file.data, size), &taken, &too), ERR_DATA);
        assert_int_equal(taken, records);
        assert_string_equal(too.text, err.text);
        assert_true(err.text[0] != '\0');
        assert_true(records < options.records || strstr(err.text, "records") != NULL ||
                    strstr(err.text, "block") != NULL);
    }
    strbuf_release(&file);
}

/* Any byte: refused, or read as it was written (bits that nothing depends on). Never more, and never out of bounds. */
static void a_flipped_bit_is_no_crash(void **state)
{
    int refused = 0, tries = 0;
    uint64_t seed = (uint64_t)time(NULL);
    struct random random;

    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int c = 0; c < CODEC_COUNT; c++) {
        struct archive_bytes_options options = {(enum codec)c, 0, 200, 20};
        struct strbuf file;

        strbuf_init(&file, ARCHIVE_BYTES_MAX);
        (void)archive_bytes(&options, &file);
        for (int i = 0; i < 3000; i++, tries++) {
            size_t at = (size_t)random_below(&random, file.size);
            char mask = (char)(1 << random_below(&random, 8));
            struct err err = ERR_INIT, too = ERR_INIT;
            int64_t records, taken;

            file.data[at] ^= mask;
            refused += read_all(strbuf_view(&file), &records, &err) != ERR_OK;
            assert_true(records <= options.records);
            assert_int_equal(take_all(strbuf_view(&file), &taken, &too), err.code);
            assert_int_equal(taken, records);
            assert_string_equal(too.text, err.text);
            file.data[at] ^= mask;
        }
        strbuf_release(&file);
    }
    assert_true(refused > tries / 2);
}

struct hostile {
    const char *what;
    const char *words;
    const char *blocks; /* behind the head: "N records SIZE bytes" by hand */
    size_t size;
};

#define HOSTILE(what, words, bytes)                                                                \
    {                                                                                              \
        what, words, bytes, sizeof(bytes) - 1                                                      \
    }

/* Sizes and counts that lie, in a file of codec null. \x02 is 1, \x01 is -1. */
static void numbers_that_lie_are_refused(void **state)
{
    static const struct hostile cases[] = {
        HOSTILE("a size beyond the file", "cut off",
                "\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        HOSTILE("a negative size", "negative", "\x02\x01"),
        HOSTILE("a negative count", "negative", "\x01\x02"),
        HOSTILE("numbers without an end", "two numbers",
                "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        HOSTILE("a count above what is there", "coordinate", "\x80\x80\x80\x80\x10\x00"),
        HOSTILE("bytes behind the last record", "longer", "\x00\x04zz"),
        HOSTILE("a record that stops", "time stamp", "\x02\x06\x06\xd0\x0f"),
        HOSTILE("another partition", "another partition",
                "\x02\x12\x08\xd0\x0f\x00\x00\x00\x00\x00\x00"),
        HOSTILE("an offset before the file", "before", "\x02\x10\x06\x00\x00\x00\x00\x00\x00\x00"),
        HOSTILE("an offset behind the file", "behind",
                "\x02\x14\x06\xfe\xff\xff\x0f\x00\x00\x00\x00\x00"),
        HOSTILE("a key of 2^40 bytes", "key",
                "\x02\x1c\x06\xd0\x0f\x00\x00\x02\x80\x80\x80\x80\x80\x40\x00\x00"),
        HOSTILE("headers without an end", "headers",
                "\x02\x1c\x06\xd0\x0f\x00\x00\x00\x00\x80\x80\x80\x80\x80\x40\x00"),
        HOSTILE("a union with three branches", "key",
                "\x02\x12\x06\xd0\x0f\x00\x00\x04\x00\x00\x00"),
    };
    struct archive_bytes_options options = {CODEC_NULL, 0, 0, 1};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = ERR_INIT;
        struct archive_head head;
        struct strbuf file;
        char marker[CONTAINER_MARKER_SIZE];
        int64_t records;

        strbuf_init(&file, ARCHIVE_BYTES_MAX);
        options.records = 100;
        head = archive_bytes(&options, &file);
        strbuf_clear(&file);
        archive_head_write(&head, &file);
        archive_head_marker(&head, marker);
        strbuf_append(&file, str_of(cases[i].blocks, cases[i].size));
        strbuf_append(&file, str_of(marker, sizeof(marker)));
        if (read_all(strbuf_view(&file), &records, &err) != ERR_DATA ||
            strstr(err.text, cases[i].words) == NULL) {
            fail_msg("%s: \"%s\"", cases[i].what, err.text);
        }
        strbuf_release(&file);
    }
}

/* Where the first blocks begin, and where the last of these ends. */
static void find_blocks(struct str bytes, size_t ret_at[3])
{
    struct container_input input = container_input_memory(&bytes);
    struct container_reader container;
    struct container_block block;
    struct err err = ERR_INIT;
    bool found;

    assert_int_equal(container_open(&container, &input, 1 << 20, &err), ERR_OK);
    for (size_t i = 0; i < 3; i++) {
        ret_at[i] = (size_t)container.at;
        assert_int_equal(container_next(&container, &found, &block, &err), ERR_OK);
        assert_true(found);
    }
    container_release(&container);
}

/* Offsets ascend from block to block, however many records are taken at once. */
static void blocks_of_another_order_are_refused(void **state)
{
    enum { IN_BLOCK = 10 };
    struct archive_bytes_options options = {CODEC_DEFLATE, 0, 100, IN_BLOCK};
    struct err one = ERR_INIT, several = ERR_INIT;
    struct strbuf file, other;
    int64_t read, taken;
    size_t at[3];

    (void)state;
    strbuf_init(&file, ARCHIVE_BYTES_MAX);
    strbuf_init(&other, ARCHIVE_BYTES_MAX);
    (void)archive_bytes(&options, &file);
    find_blocks(strbuf_view(&file), at);
    strbuf_append(&other, str_of(file.data, at[0]));
    strbuf_append(&other, str_of(file.data + at[1], at[2] - at[1]));
    strbuf_append(&other, str_of(file.data + at[0], at[1] - at[0]));
    strbuf_append(&other, str_of(file.data + at[2], file.size - at[2]));
    assert_int_equal(read_all(strbuf_view(&other), &read, &one), ERR_DATA);
    assert_int_equal(take_all(strbuf_view(&other), &taken, &several), ERR_DATA);
    assert_non_null(strstr(one.text, "record 1 of 10 stands before"));
    assert_string_equal(several.text, one.text);
    assert_int_equal(read, IN_BLOCK);
    assert_int_equal(taken, IN_BLOCK);
    strbuf_release(&other);
    strbuf_release(&file);
}

/* A kilobyte that would become a gigabyte. */
static void a_bomb_is_defused(void **state)
{
    (void)state;
    for (int c = CODEC_DEFLATE; c < CODEC_COUNT; c++) {
        size_t size = 64 * 1024 * 1024;
        char *content = calloc(1, size);
        struct packer *packer = packer_new((enum codec)c, 1);
        size_t room = packer_bound(packer, size);
        char *packed = malloc(room);
        struct unpacker *unpacker = unpacker_new((enum codec)c);
        struct err err = ERR_INIT;
        struct str out;
        size_t packed_size = packer_run(packer, str_of(content, size), packed, room);

        assert_true(packed_size < size / 500);
        assert_int_equal(
            unpacker_run(unpacker, str_of(packed, packed_size), 0, 1 << 20, &out, &err), ERR_DATA);
        err = ERR_INIT;
        assert_int_equal(unpacker_run(unpacker, str_of(packed, packed_size), 100, size, &out, &err),
                         ERR_OK);
        assert_int_equal(out.size, size);
        /* Rubbish behind it. */
        packed[packed_size] = 'x';
        assert_int_equal(
            unpacker_run(unpacker, str_of(packed, packed_size + 1), 0, size, &out, &err), ERR_DATA);
        unpacker_free(unpacker);
        packer_free(packer);
        free(packed);
        free(content);
    }
}

/* Behind a damaged block the reader goes on at the next one, and says how much it passed over. */
static void damage_is_passed_over(void **state)
{
    struct archive_bytes_options options = {CODEC_DEFLATE, 0, 1000, 10};
    struct container_input input;
    struct archive_reader reader;
    struct archive_record record;
    struct strbuf file;
    struct str bytes;
    int64_t records = 0, skipped, complaints = 0;
    bool found = true;

    (void)state;
    strbuf_init(&file, ARCHIVE_BYTES_MAX);
    (void)archive_bytes(&options, &file);
    memset(file.data + file.size / 2, 0xff, 40);
    bytes = strbuf_view(&file);
    input = container_input_memory(&bytes);
    {
        struct err err = ERR_INIT;

        assert_int_equal(archive_reader_open(&reader, &input, &err), ERR_OK);
    }
    while (found) {
        struct err err = ERR_INIT;

        if (archive_reader_next(&reader, &found, &record, &err) == ERR_OK) {
            records += found;
            continue;
        }
        complaints++;
        assert_int_equal(archive_reader_pass_over(&reader, &skipped, &err), ERR_OK);
        assert_true(skipped > 0);
        found = true;
    }
    assert_true(complaints >= 1);
    assert_true(complaints <= 2);
    assert_true(records >= 970);
    assert_true(records < 1000);
    archive_reader_release(&reader);
    strbuf_release(&file);
}

/* A head that says other things than it should. */
static void heads_that_lie_are_refused(void **state)
{
    static const struct {
        const char *find, *put;
    } cases[] = {{"uptally.format", "uptally.farmat"}, {"requests", "requestt"},
                 {"\"offset\"", "\"offsat\""},         {"deflate", "deflata"},
                 {"uptally.from", "uptally.fram"},     {"confluent", "confluent"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct archive_bytes_options options = {CODEC_DEFLATE, 0, 100, 10};
        struct err err = ERR_INIT;
        struct strbuf file;
        int64_t records;
        char *at;

        strbuf_init(&file, ARCHIVE_BYTES_MAX);
        (void)archive_bytes(&options, &file);
        at = memmem(file.data, file.size, cases[i].find, strlen(cases[i].find));
        assert_non_null(at);
        memcpy(at, cases[i].put, strlen(cases[i].put));
        assert_int_equal(read_all(strbuf_view(&file), &records, &err),
                         strcmp(cases[i].find, cases[i].put) == 0 ? ERR_OK : ERR_DATA);
        strbuf_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(avro_c_reads_the_same),
        cmocka_unit_test(a_file_of_avro_c_is_a_container),
        cmocka_unit_test(a_cut_file_is_said_to_be_cut),
        cmocka_unit_test(a_flipped_bit_is_no_crash),
        cmocka_unit_test(numbers_that_lie_are_refused),
        cmocka_unit_test(blocks_of_another_order_are_refused),
        cmocka_unit_test(a_bomb_is_defused),
        cmocka_unit_test(damage_is_passed_over),
        cmocka_unit_test(heads_that_lie_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
