#include "base/zip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/check.h"
#include "base/memory.h"

/* APPNOTE.TXT 6.3.10, sections 4.3.7 to 4.3.16. Sizes and the checksum stand behind the data (bit 3), so nothing is written twice. */
enum {
    LOCAL_HEADER = 0x04034b50,
    DATA_DESCRIPTOR = 0x08074b50,
    DIRECTORY_HEADER = 0x02014b50,
    DIRECTORY_END = 0x06054b50,
    VERSION = 20,          /* deflate */
    MADE_BY = 3 << 8 | 20, /* UNIX, so that the mode is looked at */
    SIZES_FOLLOW = 1 << 3, /* general purpose flag */
    DEFLATED = 8,          /* method */
    DATE = 1 << 5 | 1,     /* 1980-01-01, the first that ZIP knows */
    ENTRIES_MAX = 65534,
    NAME_SIZE_MAX = 4096,
    PART_SIZE = 65536
};
#define MODE (UINT32_C(0100644) << 16)
#define SIZE_LIMIT (INT64_C(0xffffffff))

/* What the directory says of a file. */
struct row {
    struct zip_entry entry;
    uint32_t crc;
    int64_t packed_size;
    int64_t offset;
};

struct zip {
    enum err_code (*write)(void *context, struct str part, struct err *err);
    void *context;
    int64_t size; /* written so far */
    struct row *rows;
    size_t row_count, row_capacity;
    struct zip_entry *entries; /* a sorted copy for the caller */
    bool open;                 /* the last row is being written */
    z_stream stream;
    struct hash_sha256 hash;
    unsigned char part[PART_SIZE];
};

/* Headers are little-endian. */
static void put16(struct strbuf *out, uint32_t value)
{
    strbuf_append_char(out, (char)(value & 0xff));
    strbuf_append_char(out, (char)(value >> 8 & 0xff));
}

static void put32(struct strbuf *out, uint32_t value)
{
    put16(out, value & 0xffff);
    put16(out, value >> 16);
}

static enum err_code emit(struct zip *zip, struct str bytes, struct err *err)
{
    if (zip->size + (int64_t)bytes.size >= SIZE_LIMIT) {
        return err_set(err, ERR_DATA, "the archive would have 4 GiB or more");
    }
    zip->size += (int64_t)bytes.size;
    return zip->write(zip->context, bytes, err);
}

static enum err_code emit_header(struct zip *zip, struct strbuf *header, struct err *err)
{
    enum err_code code = emit(zip, strbuf_view(header), err);

    CHECK(!header->overflow);
    strbuf_release(header);
    return code;
}

static bool is_sane(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < size; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '\\') {
            return false;
        }
    }
    return size > 0 && size < NAME_SIZE_MAX && name[0] != '/' && strstr(name, "..") == NULL;
}

struct zip *zip_new(enum err_code (*write)(void *context, struct str part, struct err *err),
                    void *context)
{
    struct zip *zip = memory_calloc(1, sizeof(*zip));

    zip->write = write;
    zip->context = context;
    return zip;
}

static struct row *add_row(struct zip *zip, const char *name)
{
    if (zip->row_count == zip->row_capacity) {
        zip->row_capacity = zip->row_capacity == 0 ? 16 : zip->row_capacity * 2;
        zip->rows = memory_resize(zip->rows, zip->row_capacity, sizeof(zip->rows[0]));
    }
    zip->rows[zip->row_count] =
        (struct row){.entry = {.name = memory_strdup(name)}, .offset = zip->size};
    return &zip->rows[zip->row_count++];
}

static void put_fields(struct strbuf *header, const struct row *row)
{
    put16(header, VERSION);
    put16(header, SIZES_FOLLOW);
    put16(header, DEFLATED);
    put16(header, 0); /* midnight */
    put16(header, DATE);
    put32(header, row->crc);
    put32(header, (uint32_t)row->packed_size);
    put32(header, (uint32_t)row->entry.size);
    put16(header, (uint32_t)strlen(row->entry.name));
    put16(header, 0); /* no extra field */
}

enum err_code zip_begin(struct zip *zip, const char *name, struct err *err)
{
    struct strbuf header;
    enum err_code code = zip_end(zip, err);

    CHECK(is_sane(name));
    if (code != ERR_OK) {
        return code;
    }
    if (zip->row_count == ENTRIES_MAX) {
        return err_set(err, ERR_DATA, "the archive would have more than %d files", ENTRIES_MAX);
    }
    strbuf_init(&header, 2 * NAME_SIZE_MAX);
    put32(&header, LOCAL_HEADER);
    put_fields(&header, add_row(zip, name));
    strbuf_append_text(&header, name);
    zip->stream = (z_stream){0};
    /* Raw deflate: 15 bits of window, 8 of memory, and a level that is spelled out, for "default" may move. */
    CHECK(deflateInit2(&zip->stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    hash_sha256_init(&zip->hash);
    zip->open = true;
    return emit_header(zip, &header, err);
}

/* Lets zlib work until it wants more input, or, with Z_FINISH, is done. */
static enum err_code pump(struct zip *zip, int flush, struct err *err)
{
    struct row *row = &zip->rows[zip->row_count - 1];
    enum err_code code = ERR_OK;
    bool more = true;

    while (more && code == ERR_OK) {
        size_t size;
        int status;

        zip->stream.next_out = zip->part;
        zip->stream.avail_out = PART_SIZE;
        status = deflate(&zip->stream, flush);
        CHECK(status != Z_STREAM_ERROR);
        size = PART_SIZE - zip->stream.avail_out;
        more = flush == Z_FINISH ? status != Z_STREAM_END : zip->stream.avail_out == 0;
        if (size > 0) {
            row->packed_size += (int64_t)size;
            code = emit(zip, str_of((const char *)zip->part, size), err);
        }
    }
    return code;
}

enum err_code zip_write(struct zip *zip, struct str part, struct err *err)
{
    struct row *row = &zip->rows[zip->row_count - 1];
    enum err_code code = ERR_OK;

    CHECK(zip->open);
    row->crc = hash_crc32(row->crc, part);
    hash_sha256_add(&zip->hash, part);
    row->entry.size += (int64_t)part.size;
    if (row->entry.size >= SIZE_LIMIT) {
        return err_set(err, ERR_DATA, "%s would have 4 GiB or more", row->entry.name);
    }
    while (part.size > 0 && code == ERR_OK) {
        size_t size = part.size < UINT_MAX ? part.size : UINT_MAX;

        zip->stream.next_in = (z_const Bytef *)(uintptr_t)part.data;
        zip->stream.avail_in = (uInt)size;
        code = pump(zip, Z_NO_FLUSH, err);
        part = str_of(part.data + size, part.size - size);
    }
    return code;
}

enum err_code zip_end(struct zip *zip, struct err *err)
{
    struct row *row;
    struct strbuf descriptor;
    enum err_code code;

    if (!zip->open) {
        return ERR_OK;
    }
    row = &zip->rows[zip->row_count - 1];
    code = pump(zip, Z_FINISH, err);
    (void)deflateEnd(&zip->stream);
    zip->open = false;
    hash_sha256_end(&zip->hash, row->entry.sha256);
    if (code != ERR_OK) {
        return code;
    }
    strbuf_init(&descriptor, 64);
    put32(&descriptor, DATA_DESCRIPTOR);
    put32(&descriptor, row->crc);
    put32(&descriptor, (uint32_t)row->packed_size);
    put32(&descriptor, (uint32_t)row->entry.size);
    return emit_header(zip, &descriptor, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->entry.name, ((const struct row *)b)->entry.name);
}

static void sort(struct zip *zip)
{
    if (zip->row_count > 0) {
        qsort(zip->rows, zip->row_count, sizeof(zip->rows[0]), by_name);
    }
    for (size_t i = 1; i < zip->row_count; i++) {
        CHECK(strcmp(zip->rows[i - 1].entry.name, zip->rows[i].entry.name) != 0);
    }
}

size_t zip_entries(struct zip *zip, const struct zip_entry **ret_entries)
{
    CHECK(!zip->open); /* the last row has to stay the last one while it is written */
    sort(zip);
    zip->entries = memory_resize(zip->entries, zip->row_count + 1, sizeof(zip->entries[0]));
    for (size_t i = 0; i < zip->row_count; i++) {
        zip->entries[i] = zip->rows[i].entry;
    }
    *ret_entries = zip->entries;
    return zip->row_count;
}

static enum err_code write_directory_row(struct zip *zip, const struct row *row, struct err *err)
{
    struct strbuf header;

    strbuf_init(&header, 2 * NAME_SIZE_MAX);
    put32(&header, DIRECTORY_HEADER);
    put16(&header, MADE_BY);
    put_fields(&header, row);
    put16(&header, 0); /* no comment */
    put16(&header, 0); /* first disk */
    put16(&header, 0); /* internal attributes */
    put32(&header, MODE);
    put32(&header, (uint32_t)row->offset);
    strbuf_append_text(&header, row->entry.name);
    return emit_header(zip, &header, err);
}

enum err_code zip_finish(struct zip *zip, struct err *err)
{
    enum err_code code = zip_end(zip, err);
    int64_t begin = zip->size;
    struct strbuf end;

    sort(zip);
    for (size_t i = 0; i < zip->row_count && code == ERR_OK; i++) {
        code = write_directory_row(zip, &zip->rows[i], err);
    }
    if (code != ERR_OK) {
        return code;
    }
    strbuf_init(&end, 64);
    put32(&end, DIRECTORY_END);
    put16(&end, 0); /* this disk */
    put16(&end, 0); /* the directory's disk */
    put16(&end, (uint32_t)zip->row_count);
    put16(&end, (uint32_t)zip->row_count);
    put32(&end, (uint32_t)(zip->size - begin));
    put32(&end, (uint32_t)begin);
    put16(&end, 0); /* no comment */
    return emit_header(zip, &end, err);
}

void zip_free(struct zip *zip)
{
    if (zip == NULL) {
        return;
    }
    if (zip->open) {
        (void)deflateEnd(&zip->stream);
    }
    for (size_t i = 0; i < zip->row_count; i++) {
        memory_free((void *)(uintptr_t)zip->rows[i].entry.name);
    }
    memory_free(zip->rows);
    memory_free(zip->entries);
    memory_free(zip);
}
