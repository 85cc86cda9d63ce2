/* Archives are read back here by the words of the format; tests/cli/test_explain.sh opens them with another implementation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/zip.h"

enum { ARCHIVE_SIZE_MAX = 64 * 1024 * 1024 };

static enum err_code append(void *context, struct str part, struct err *err)
{
    (void)err;
    strbuf_append(context, part);
    return ERR_OK;
}

static uint32_t number(struct str bytes, size_t at, size_t size)
{
    uint32_t value = 0;

    assert_true(at + size <= bytes.size);
    for (size_t i = size; i > 0; i--) {
        value = value << 8 | (unsigned char)bytes.data[at + i - 1];
    }
    return value;
}

/* Inflates the file of the directory's row at `row` and compares. Returns the offset of the next row. */
static size_t assert_file(struct str archive, size_t row, const char *name, struct str content)
{
    uint32_t packed = number(archive, row + 20, 4);
    uint32_t local = number(archive, row + 42, 4);
    size_t name_size = number(archive, row + 28, 2);
    size_t data = local + 30 + number(archive, local + 26, 2) + number(archive, local + 28, 2);
    char *inflated = malloc(content.size + 1);
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)(archive.data + data),
                       .avail_in = packed,
                       .next_out = (Bytef *)inflated,
                       .avail_out = (uInt)content.size + 1};

    assert_int_equal(number(archive, row, 4), 0x02014b50);
    assert_int_equal(number(archive, local, 4), 0x04034b50);
    assert_true(str_equal(str_of(archive.data + row + 46, name_size), STR(name)));
    assert_int_equal(number(archive, row + 14, 2), 0x21); /* 1980-01-01 */
    assert_int_equal(number(archive, row + 16, 4), hash_crc32(0, content));
    assert_int_equal(number(archive, row + 24, 4), content.size);
    assert_int_equal(inflateInit2(&stream, -15), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, content.size);
    assert_memory_equal(inflated, content.data, content.size);
    assert_int_equal(number(archive, data + packed, 4), 0x08074b50);
    assert_int_equal(number(archive, data + packed + 4, 4), hash_crc32(0, content));
    assert_int_equal(inflateEnd(&stream), Z_OK);
    free(inflated);
    return row + 46 + name_size;
}

/* A file that is larger than any buffer on its way, and does not compress to nothing. */
static struct str large(struct strbuf *buf)
{
    uint32_t state = 1;

    strbuf_init(buf, ARCHIVE_SIZE_MAX);
    for (int i = 0; i < 700000; i++) {
        state = state * 1664525 + 1013904223;
        strbuf_append_char(buf, (char)(state >> 28));
    }
    return strbuf_view(buf);
}

static void make(struct strbuf *ret_archive, struct str content, size_t step)
{
    struct zip *zip = zip_new(append, ret_archive);
    struct err err = ERR_INIT;

    strbuf_init(ret_archive, ARCHIVE_SIZE_MAX);
    assert_int_equal(zip_begin(zip, "f/large.bin", &err), ERR_OK);
    for (size_t at = 0; at < content.size; at += step) {
        size_t size = content.size - at < step ? content.size - at : step;

        assert_int_equal(zip_write(zip, str_of(content.data + at, size), &err), ERR_OK);
    }
    assert_int_equal(zip_begin(zip, "f/empty", &err), ERR_OK);
    assert_int_equal(zip_begin(zip, "f/hello.txt", &err), ERR_OK);
    assert_int_equal(zip_write(zip, STR("hello"), &err), ERR_OK);
    assert_int_equal(zip_finish(zip, &err), ERR_OK);
    zip_free(zip);
}

static void test_what_goes_in_comes_out(void **state)
{
    struct strbuf content, archive, again;
    struct str bytes;
    size_t row, end;

    (void)state;
    make(&archive, large(&content), 1000);
    bytes = strbuf_view(&archive);
    end = bytes.size - 22;
    assert_int_equal(number(bytes, end, 4), 0x06054b50);
    assert_int_equal(number(bytes, end + 10, 2), 3);
    row = number(bytes, end + 16, 4);
    assert_int_equal(row + number(bytes, end + 12, 4), end);
    /* the directory by name, whatever order they came in */
    row = assert_file(bytes, row, "f/empty", STR(""));
    row = assert_file(bytes, row, "f/hello.txt", STR("hello"));
    row = assert_file(bytes, row, "f/large.bin", strbuf_view(&content));
    assert_int_equal(row, end);

    /* The same bytes, in whatever parts the content came. */
    make(&again, strbuf_view(&content), 99991);
    assert_true(str_equal(strbuf_view(&archive), strbuf_view(&again)));
    strbuf_release(&content);
    strbuf_release(&archive);
    strbuf_release(&again);
}

static void test_hashes_of_what_is_in(void **state)
{
    struct zip *zip;
    struct strbuf archive;
    const struct zip_entry *entries;
    struct err err = ERR_INIT;

    (void)state;
    strbuf_init(&archive, ARCHIVE_SIZE_MAX);
    zip = zip_new(append, &archive);
    assert_int_equal(zip_begin(zip, "b", &err), ERR_OK);
    assert_int_equal(zip_write(zip, STR("a"), &err), ERR_OK);
    assert_int_equal(zip_write(zip, STR("bc"), &err), ERR_OK);
    assert_int_equal(zip_begin(zip, "a", &err), ERR_OK);
    assert_int_equal(zip_end(zip, &err), ERR_OK);
    assert_int_equal(zip_entries(zip, &entries), 2);
    assert_string_equal(entries[0].name, "a");
    assert_string_equal(entries[0].sha256,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(entries[1].name, "b");
    assert_int_equal(entries[1].size, 3);
    assert_string_equal(entries[1].sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* Looking does not end it. */
    assert_int_equal(zip_begin(zip, "c", &err), ERR_OK);
    assert_int_equal(zip_finish(zip, &err), ERR_OK);
    assert_int_equal(zip_entries(zip, &entries), 3);
    zip_free(zip);
    strbuf_release(&archive);
}

static enum err_code refuse(void *context, struct str part, struct err *err)
{
    int64_t *room = context;

    *room -= (int64_t)part.size;
    return *room < 0 ? err_set(err, ERR_DELIVERY, "full") : ERR_OK;
}

/* Wherever the sink gives up, its error is the result, and nothing leaks. */
static void test_a_sink_that_is_full(void **state)
{
    (void)state;
    for (int64_t size = 0;; size += 7) {
        int64_t room = size;
        struct zip *zip = zip_new(refuse, &room);
        struct err err = ERR_INIT;
        enum err_code code = zip_begin(zip, "a", &err);

        code = code == ERR_OK ? zip_write(zip, STR("some content"), &err) : code;
        code = code == ERR_OK ? zip_begin(zip, "b", &err) : code;
        code = code == ERR_OK ? zip_finish(zip, &err) : code;
        zip_free(zip);
        if (code == ERR_OK) {
            assert_true(size > 100);
            break;
        }
        assert_int_equal(code, ERR_DELIVERY);
        assert_string_equal(err.text, "full");
    }
}

static enum err_code forget(void *context, struct str part, struct err *err)
{
    (void)context, (void)part, (void)err;
    return ERR_OK;
}

static void test_too_many_files(void **state)
{
    struct zip *zip = zip_new(forget, NULL);
    struct err err = ERR_INIT;
    char name[32];

    (void)state;
    for (int i = 0; i < 65534; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(zip_begin(zip, name, &err), ERR_OK);
    }
    assert_int_equal(zip_begin(zip, "one-more", &err), ERR_DATA);
    zip_free(zip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_hashes_of_what_is_in),
        cmocka_unit_test(test_a_sink_that_is_full),
        cmocka_unit_test(test_too_many_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
