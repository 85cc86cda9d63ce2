#include "consumers/container.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/varint.h"

_Static_assert((int)CONTAINER_MARKER_SIZE >= (int)CODEC_BEHIND,
               "behind a block that is not packed");

static const char magic[4] = {'O', 'b', 'j', 1};

enum { HEAD_PART_SIZE = 64 * 1024, SCAN_PART_SIZE = 256 * 1024 };

/* --- writing --- */

static void append_long(struct strbuf *out, int64_t value)
{
    char text[VARINT_SIZE_MAX];

    strbuf_append(out, str_of(text, varint_put(text, value)));
}

static void append_bytes(struct strbuf *out, struct str bytes)
{
    append_long(out, (int64_t)bytes.size);
    strbuf_append(out, bytes);
}

void container_write_head(struct strbuf *out, const struct container_entry *entries, size_t count,
                          const char marker[CONTAINER_MARKER_SIZE])
{
    strbuf_append(out, str_of(magic, sizeof(magic)));
    append_long(out, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        append_bytes(out, entries[i].key);
        append_bytes(out, entries[i].value);
    }
    append_long(out, 0);
    strbuf_append(out, str_of(marker, CONTAINER_MARKER_SIZE));
}

size_t container_write_prefix(char at[CONTAINER_PREFIX_SIZE_MAX], int64_t records, size_t size)
{
    size_t used = varint_put(at, records);

    return used + varint_put(at + used, (int64_t)size);
}

/* --- where files are read from --- */

static int64_t read_file(void *context, int64_t offset, char *into, size_t size)
{
    const int *fd = context;
    size_t done = 0;

    while (done < size) {
        ssize_t count = pread(*fd, into + done, size - done, offset + (int64_t)done);

        if (count < 0 && errno != EINTR) {
            return -1;
        }
        if (count == 0) {
            break;
        }
        done += count > 0 ? (size_t)count : 0;
    }
    return (int64_t)done;
}

enum err_code container_input_file(int *fd, struct container_input *ret_input, struct err *err)
{
    struct stat status;

    if (fstat(*fd, &status) != 0) {
        return err_set_errno(err, ERR_FAILED, "cannot look at it");
    }
    *ret_input = (struct container_input){read_file, fd, status.st_size};
    return ERR_OK;
}

static int64_t read_memory(void *context, int64_t offset, char *into, size_t size)
{
    const struct str *bytes = context;
    size_t left = (size_t)offset < bytes->size ? bytes->size - (size_t)offset : 0;

    size = size < left ? size : left;
    if (size > 0) {
        memcpy(into, bytes->data + offset, size);
    }
    return (int64_t)size;
}

struct container_input container_input_memory(const struct str *bytes)
{
    return (struct container_input){read_memory, (void *)(uintptr_t)bytes, (int64_t)bytes->size};
}

/* Up to size bytes; *ret_size is less at the end only. */
static enum err_code read_at(const struct container_reader *reader, int64_t offset, char *into,
                             size_t size, size_t *ret_size, struct err *err)
{
    int64_t count = reader->input.read(reader->input.context, offset, into, size);

    if (count < 0) {
        return err_set_errno(err, ERR_FAILED, "cannot read at byte %" PRId64, offset);
    }
    *ret_size = (size_t)count;
    return ERR_OK;
}

/* --- the head --- */

static enum err_code refuse_head(const char *what, struct err *err)
{
    return err_set(err, ERR_DATA, "the head %s", what);
}

/* A block of metadata: *ret_last if it is the one that ends the map. */
static const char *take_entries(struct container_reader *reader, struct str *rest, bool *ret_last)
{
    int64_t count, size;

    if (!varint_take(rest, &count) || count == INT64_MIN) {
        return "ends early";
    }
    if (count < 0) { /* followed by its size, which a reader needs for skipping only */
        count = -count;
        if (!varint_take(rest, &size)) {
            return "ends early";
        }
    }
    if (count > CONTAINER_ENTRIES_MAX - (int64_t)reader->entry_count) {
        return "has more than 1000 entries";
    }
    *ret_last = count == 0;
    for (; count > 0; count--) {
        struct container_entry *entry = &reader->entries[reader->entry_count];

        if (!varint_take_bytes(rest, &entry->key) || !varint_take_bytes(rest, &entry->value)) {
            return "ends early";
        }
        reader->entry_count++;
    }
    return NULL;
}

static const char *parse_head(struct container_reader *reader, struct str head, size_t *ret_size)
{
    struct str rest = head;
    bool last = false;
    const char *complaint = NULL;

    reader->entry_count = 0;
    if (head.size < sizeof(magic)) {
        return "ends early";
    }
    rest = str_of(head.data + sizeof(magic), head.size - sizeof(magic));
    while (complaint == NULL && !last) {
        complaint = take_entries(reader, &rest, &last);
    }
    if (complaint == NULL && rest.size < CONTAINER_MARKER_SIZE) {
        complaint = "ends early";
    }
    if (complaint == NULL) {
        memcpy(reader->marker, rest.data, CONTAINER_MARKER_SIZE);
        *ret_size = head.size - rest.size + CONTAINER_MARKER_SIZE;
    }
    return complaint;
}

/* Most heads are small; a longer one is read as a whole the second time. */
static enum err_code read_head(struct container_reader *reader, struct err *err)
{
    static const size_t sizes[] = {HEAD_PART_SIZE, CONTAINER_HEAD_SIZE_MAX};
    const char *complaint = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        size_t size =
            (int64_t)sizes[i] < reader->input.size ? sizes[i] : (size_t)reader->input.size;
        char *head = arena_alloc(&reader->arena, size + 1);
        size_t found, used = 0;

        if (read_at(reader, 0, head, size, &found, err) != ERR_OK) {
            return err->code;
        }
        if (found >= sizeof(magic) && memcmp(head, magic, sizeof(magic)) != 0) {
            return err_set(err, ERR_DATA, "it is no Avro container file");
        }
        complaint = parse_head(reader, str_of(head, found), &used);
        if (complaint == NULL) {
            reader->at = (int64_t)used;
            return ERR_OK;
        }
    }
    return refuse_head(complaint, err);
}

static enum err_code choose_codec(struct container_reader *reader, struct err *err)
{
    struct str name = container_meta(reader, "avro.codec");

    name = name.data == NULL || name.size == 0 ? STR(codec_name(CODEC_NULL)) : name;
    if (!codec_find(name, &reader->codec)) {
        return err_set(err, ERR_DATA, "its codec \"%.*s\" is none that is known here",
                       name.size < 40 ? (int)name.size : 40, name.data);
    }
    reader->unpacker = unpacker_new(reader->codec);
    return ERR_OK;
}

enum err_code container_open(struct container_reader *reader, const struct container_input *input,
                             size_t content_max, struct err *err)
{
    *reader =
        (struct container_reader){.input = *input, .arena = ARENA_INIT, .content_max = content_max};
    reader->entries = arena_calloc(&reader->arena, CONTAINER_ENTRIES_MAX, sizeof(*reader->entries));
    return read_head(reader, err) == ERR_OK ? choose_codec(reader, err) : err->code;
}

void container_release(struct container_reader *reader)
{
    unpacker_free(reader->unpacker);
    memory_free(reader->packed);
    arena_release(&reader->arena);
    *reader = (struct container_reader){.unpacker = NULL};
}

struct str container_meta(const struct container_reader *reader, const char *key)
{
    for (size_t i = 0; i < reader->entry_count; i++) {
        if (str_equal(reader->entries[i].key, STR(key))) {
            return reader->entries[i].value;
        }
    }
    return str_of(NULL, 0);
}

/* --- blocks --- */

static enum err_code refuse_block(const struct container_reader *reader, const char *what,
                                  struct err *err)
{
    return err_set(err, ERR_DATA, "the block at byte %" PRId64 " %s", reader->at, what);
}

/* Count and size of the block that begins at reader->at; *ret_begin is where its bytes do. */
static enum err_code read_prefix(const struct container_reader *reader, int64_t *ret_records,
                                 int64_t *ret_size, int64_t *ret_begin, struct err *err)
{
    char prefix[CONTAINER_PREFIX_SIZE_MAX];
    struct str rest;
    size_t found;

    if (read_at(reader, reader->at, prefix, sizeof(prefix), &found, err) != ERR_OK) {
        return err->code;
    }
    rest = str_of(prefix, found);
    if (!varint_take(&rest, ret_records) || !varint_take(&rest, ret_size)) {
        return refuse_block(reader, "does not begin with two numbers", err);
    }
    *ret_begin = reader->at + (int64_t)(found - rest.size);
    if (*ret_records < 0 || *ret_size < 0) {
        return refuse_block(reader, "has a negative count or size", err);
    }
    if (*ret_size > reader->input.size - *ret_begin - CONTAINER_MARKER_SIZE) {
        return refuse_block(reader, "is cut off", err);
    }
    if ((uint64_t)*ret_size > reader->content_max) {
        return refuse_block(reader, "is larger than blocks may be", err);
    }
    return ERR_OK;
}

static enum err_code read_packed(struct container_reader *reader, int64_t begin, size_t size,
                                 struct err *err)
{
    size_t whole = size + CONTAINER_MARKER_SIZE, found;

    if (reader->packed_room < whole) {
        memory_free(reader->packed);
        reader->packed = memory_alloc(whole);
        reader->packed_room = whole;
    }
    if (read_at(reader, begin, reader->packed, whole, &found, err) != ERR_OK) {
        return err->code;
    }
    if (found < whole) {
        return refuse_block(reader, "is cut off", err);
    }
    return memcmp(reader->packed + size, reader->marker, CONTAINER_MARKER_SIZE) == 0
               ? ERR_OK
               : refuse_block(reader, "does not end with the file's marker", err);
}

enum err_code container_next(struct container_reader *reader, bool *ret_found,
                             struct container_block *ret_block, struct err *err)
{
    int64_t records, size, begin;
    struct str content;

    *ret_found = false;
    if (reader->at >= reader->input.size) {
        return ERR_OK;
    }
    if (read_prefix(reader, &records, &size, &begin, err) != ERR_OK ||
        read_packed(reader, begin, (size_t)size, err) != ERR_OK) {
        return err->code;
    }
    if (unpacker_run(reader->unpacker, str_of(reader->packed, (size_t)size), reader->size_hint,
                     reader->content_max, &content, err) != ERR_OK) {
        return err_context(err, "the block at byte %" PRId64, reader->at);
    }
    *ret_block = (struct container_block){reader->at, records, content};
    *ret_found = true;
    reader->at = begin + size + CONTAINER_MARKER_SIZE;
    return ERR_OK;
}

enum err_code container_resync(struct container_reader *reader, int64_t *ret_skipped,
                               struct err *err)
{
    char *part = memory_alloc(SCAN_PART_SIZE);
    int64_t from = reader->at, at = reader->at;
    enum err_code code = ERR_OK;
    const char *marker = NULL;

    while (marker == NULL && at < reader->input.size) {
        size_t found;

        code = read_at(reader, at, part, SCAN_PART_SIZE, &found, err);
        if (code != ERR_OK || found < CONTAINER_MARKER_SIZE) {
            break;
        }
        marker = memmem(part, found, reader->marker, CONTAINER_MARKER_SIZE);
        at += marker != NULL ? (marker - part) + CONTAINER_MARKER_SIZE
                             : (int64_t)found - CONTAINER_MARKER_SIZE + 1;
    }
    memory_free(part);
    if (code == ERR_OK) {
        reader->at = marker != NULL ? at : reader->input.size;
        *ret_skipped = reader->at - from;
    }
    return code;
}
