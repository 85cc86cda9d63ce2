#include "aggregator/pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/batch.h"
#include "aggregator/pack.h"
#include "base/check.h"
#include "base/clock.h"

enum { FORMAT = 1, SAME_NAME = 0 };
enum { PACKED_SIZE_MAX = 16 * 1024 * 1024 }; /* of a tally */

#define HOUR_MAX (INT64_MAX / NS_PER_HOUR)

size_t pending_name_count(enum tally_kind kind)
{
    static const unsigned char counts[] = {
        [TALLY_WINDOW] = 2, [TALLY_CHECK] = PENDING_NAMES_MAX, [TALLY_ACTIVITY] = 2};

    return counts[kind];
}

void pending_writer_init(struct pending_writer *writer)
{
    *writer = (struct pending_writer){.hour = 0};
    strbuf_init(&writer->packed, PENDING_ROW_SIZE + 2 * PACKED_SIZE_MAX);
}

void pending_writer_release(struct pending_writer *writer)
{
    strbuf_release(&writer->packed);
}

static void forget_names(struct pending_name *names)
{
    for (size_t i = 0; i < PENDING_NAMES_MAX; i++) {
        names[i].size = 0;
    }
}

void pending_writer_clear(struct pending_writer *writer)
{
    strbuf_clear(&writer->packed);
    forget_names(writer->names);
    writer->hour = 0;
    writer->count = 0;
}

/* How many bytes both begin with. */
static size_t common_size(const struct pending_name *last, struct str name)
{
    size_t max = last->size < name.size ? last->size : name.size;
    size_t size = 0;

    while (size < max && last->bytes[size] == name.data[size]) {
        size++;
    }
    return size;
}

static void write_name(struct pending_writer *writer, struct pending_name *last, struct str name)
{
    size_t common = common_size(last, name);
    struct str rest = str_of(name.data + common, name.size - common);

    CHECK(name.size <= NAME_SIZE_MAX);
    if (rest.size == 0 && common == last->size) {
        pack_uint(&writer->packed, SAME_NAME);
        return;
    }
    pack_uint(&writer->packed, 1 + common);
    pack_uint(&writer->packed, rest.size);
    strbuf_append(&writer->packed, rest);
    if (rest.size > 0) {
        memcpy(last->bytes + common, rest.data, rest.size);
    }
    last->size = name.size;
}

/* Its size stands before it and is known behind it. A byte of room is left for that; most need no more. */
static void write_tally(struct strbuf *packed, enum tally_kind kind, const struct tally *tally)
{
    char bytes[CURSOR_NUMBER_SIZE + CURSOR_SLACK];
    struct cursor cursor = {.at = bytes};
    size_t begin = packed->size;
    size_t size, more;

    strbuf_append_char(packed, 0);
    tally_pack(kind, tally, packed);
    CHECK(!packed->overflow);
    size = packed->size - begin - 1;
    CHECK(size <= PACKED_SIZE_MAX);
    cursor_uint(&cursor, size);
    more = (size_t)(cursor.at - bytes) - 1;
    if (more > 0) {
        strbuf_append(packed, str_of(bytes, more));
        CHECK(!packed->overflow);
        memmove(packed->data + begin + 1 + more, packed->data + begin + 1, size);
    }
    memcpy(packed->data + begin, bytes, 1 + more);
}

void pending_add(struct pending_writer *writer, const struct tally_key *key,
                 const struct tally *tally)
{
    const struct str names[PENDING_NAMES_MAX] = {key->a, key->b, key->c, key->d};

    CHECK(writer->packed.size < PENDING_ROW_SIZE);
    if (writer->count == 0) {
        strbuf_append_char(&writer->packed, FORMAT);
    }
    pack_uint(&writer->packed, (uint64_t)key->kind);
    for (size_t i = 0; i < PENDING_NAMES_MAX; i++) {
        if (i < pending_name_count(key->kind)) {
            write_name(writer, &writer->names[i], names[i]);
        } else {
            CHECK(names[i].size == 0);
        }
    }
    CHECK(key->hour >= -HOUR_MAX);
    CHECK(key->hour <= HOUR_MAX);
    pack_int(&writer->packed, key->hour - writer->hour);
    write_tally(&writer->packed, key->kind, tally);
    writer->hour = key->hour;
    writer->count++;
}

void pending_reader_init(struct pending_reader *reader)
{
    *reader = (struct pending_reader){.guess = 0};
    intern_init(&reader->names);
}

void pending_reader_release(struct pending_reader *reader)
{
    intern_release(&reader->names);
}

void pending_begin(struct pending_reader *reader, struct str packed)
{
    reader->row = packed;
    reader->rest = packed;
    forget_names(reader->last_names);
    for (size_t i = 0; i < PENDING_NAMES_MAX; i++) {
        reader->numbers[i] = intern_add(&reader->names, str_of("", 0));
    }
    reader->last = (struct pending_entry){.hour = 0};
    reader->any = false;
}

static bool take_bytes(struct str *rest, int64_t max, struct str *ret_bytes)
{
    int64_t size;

    if (!unpack_count(rest, max, &size) || (size_t)size > rest->size) {
        return false;
    }
    *ret_bytes = str_of(rest->data, (size_t)size);
    *rest = str_of(rest->data + size, rest->size - (size_t)size);
    return true;
}

static bool is_good_name(struct str name)
{
    /* What no text of a store may be is no name either. */
    return str_is_utf8(name) && (name.size == 0 || memchr(name.data, '\0', name.size) == NULL);
}

/* Rows that follow each other mostly have the same names in the same order. */
static bool number_name(struct pending_reader *reader, struct str name, uint32_t *ret_number)
{
    uint32_t guess = reader->guess;

    if (guess < reader->names.count && str_equal(intern_name(&reader->names, guess), name)) {
        *ret_number = guess;
    } else if (is_good_name(name)) {
        *ret_number = intern_add(&reader->names, name);
    } else {
        return false;
    }
    reader->guess = *ret_number + 1;
    return true;
}

/* Makes the last name of the place the next one; false: there is none, or it could be told in fewer bytes. */
static bool change_name(struct pending_reader *reader, struct pending_name *last, size_t common)
{
    struct str rest;

    if (common > last->size || !take_bytes(&reader->rest, NAME_SIZE_MAX - (int64_t)common, &rest) ||
        (rest.size == 0 && common == last->size) ||
        (rest.size > 0 && common < last->size && rest.data[0] == last->bytes[common])) {
        return false;
    }
    if (rest.size > 0) {
        memcpy(last->bytes + common, rest.data, rest.size);
    }
    last->size = common + rest.size;
    return true;
}

static bool read_name(struct pending_reader *reader, size_t place)
{
    struct pending_name *last = &reader->last_names[place];
    int64_t number;

    if (!unpack_count(&reader->rest, 1 + NAME_SIZE_MAX, &number)) {
        return false;
    }
    return number == SAME_NAME ||
           (change_name(reader, last, (size_t)number - 1) &&
            number_name(reader, str_of(last->bytes, last->size), &reader->numbers[place]));
}

static bool read_entry(struct pending_reader *reader, struct pending_entry *entry)
{
    int64_t kind;
    int64_t hours;

    *entry = (struct pending_entry){.hour = 0};
    if (!unpack_count(&reader->rest, TALLY_ACTIVITY, &kind)) {
        return false;
    }
    entry->kind = (enum tally_kind)kind;
    for (size_t i = 0; i < pending_name_count(entry->kind); i++) {
        if (!read_name(reader, i)) {
            return false;
        }
        entry->names[i] = reader->numbers[i];
    }
    return unpack_int(&reader->rest, &hours) &&
           !__builtin_add_overflow(reader->last.hour, hours, &entry->hour) &&
           entry->hour >= -HOUR_MAX && entry->hour <= HOUR_MAX &&
           take_bytes(&reader->rest, PACKED_SIZE_MAX, &entry->tally);
}

/* As tally_key_compare; names are looked at only where their numbers differ. */
static bool ascends(const struct pending_reader *reader, const struct pending_entry *x,
                    const struct pending_entry *y)
{
    if (x->kind != y->kind) {
        return x->kind < y->kind;
    }
    for (size_t i = 0; i < PENDING_NAMES_MAX; i++) {
        if (i == 1 && x->hour != y->hour) {
            return x->hour < y->hour;
        }
        if (x->names[i] != y->names[i]) {
            return str_compare(intern_name(&reader->names, x->names[i]),
                               intern_name(&reader->names, y->names[i])) < 0;
        }
    }
    return false;
}

enum pending_result pending_next(struct pending_reader *reader, struct pending_entry *ret_entry)
{
    if (reader->any && reader->rest.size == 0) {
        return PENDING_END;
    }
    if (!reader->any) {
        if (reader->rest.size == 0 || reader->rest.data[0] != FORMAT) {
            return PENDING_DAMAGED;
        }
        reader->rest = str_of(reader->rest.data + 1, reader->rest.size - 1);
    }
    if (reader->row.size - reader->rest.size >= PENDING_ROW_SIZE ||
        !read_entry(reader, ret_entry) ||
        (reader->any && !ascends(reader, &reader->last, ret_entry))) {
        return PENDING_DAMAGED;
    }
    reader->last = *ret_entry;
    reader->any = true;
    return PENDING_ENTRY;
}

static struct str name_of(const struct pending_reader *reader, const struct pending_entry *entry,
                          size_t index)
{
    return index < pending_name_count(entry->kind)
               ? intern_name(&reader->names, entry->names[index])
               : str_of("", 0);
}

struct tally_key pending_key(const struct pending_reader *reader, const struct pending_entry *entry)
{
    return (struct tally_key){.kind = entry->kind,
                              .a = name_of(reader, entry, 0),
                              .b = name_of(reader, entry, 1),
                              .c = name_of(reader, entry, 2),
                              .d = name_of(reader, entry, 3),
                              .hour = entry->hour};
}

const char *pending_place(struct str batch_id, int64_t part, char text[PENDING_PLACE_SIZE])
{
    struct strbuf place;

    strbuf_init(&place, PENDING_PLACE_SIZE - 1);
    strbuf_append_text(&place, "pending batch ");
    for (size_t i = 0; i < batch_id.size && i < BATCH_ID_SIZE; i++) {
        strbuf_append_format(&place, "%02x", (unsigned)(unsigned char)batch_id.data[i]);
    }
    strbuf_append_format(&place, " part %" PRId64, part);
    (void)snprintf(text, PENDING_PLACE_SIZE, "%s", strbuf_text(&place));
    strbuf_release(&place);
    return text;
}

enum err_code pending_set_damaged(struct str batch_id, int64_t part, struct err *err)
{
    char place[PENDING_PLACE_SIZE];

    return err_set(err, ERR_MISMATCH, "%s: the row is damaged (run the audit)",
                   pending_place(batch_id, part, place));
}
