#include "aggregator/carried.h"

#include "aggregator/pack.h"
#include "aggregator/tally.h"

enum { CARRIED_VERSION = 1, FLAG_PROVISIONED = 1, FLAG_HAS_REQUESTS = 2, FLAGS_ALL = 3 };

/* The shortest slot: three texts, outcome, two times, a flag. Bounds a count before memory is asked for. */
enum { TEXT_SIZE_MIN = 1, SLOT_SIZE_MIN = 7 };

static void put_text(struct strbuf *out, struct str text)
{
    pack_uint(out, text.size);
    strbuf_append(out, text);
}

static void put_topics(struct strbuf *out, const struct topic_list *topics)
{
    pack_uint(out, topics->count);
    for (size_t i = 0; i < topics->count; i++) {
        put_text(out, topics->names[i]);
    }
}

void carried_pack(const struct carried *carried, struct strbuf *out)
{
    int flags = (carried->provisioned ? FLAG_PROVISIONED : 0) |
                (carried->has_requests ? FLAG_HAS_REQUESTS : 0);

    strbuf_append_char(out, CARRIED_VERSION);
    strbuf_append_char(out, (char)carried->closed_minutes);
    strbuf_append_char(out, (char)flags);
    put_topics(out, &carried->request_topics);
    put_topics(out, &carried->check_topics);
    pack_uint(out, carried->slot_count);
}

void carried_pack_slot(const struct check_slot *slot, struct strbuf *out)
{
    put_text(out, slot->instance);
    put_text(out, slot->region);
    put_text(out, slot->checker);
    strbuf_append_char(out, (char)slot->last);
    pack_int(out, slot->last_time_ns);
    pack_int(out, slot->interval_ns);
    strbuf_append_char(out, slot->overlooked ? 1 : 0);
}

/* Reads from the front; the first thing that is wrong makes it bad for good. */
struct reader {
    struct str left;
    bool bad;
};

static unsigned get_byte(struct reader *reader, unsigned max)
{
    unsigned byte;

    if (reader->left.size == 0) {
        reader->bad = true;
        return 0;
    }
    byte = (unsigned char)reader->left.data[0];
    reader->left = str_of(reader->left.data + 1, reader->left.size - 1);
    if (byte > max) {
        reader->bad = true;
        return 0;
    }
    return byte;
}

static uint64_t get_uint(struct reader *reader)
{
    uint64_t value = 0;

    reader->bad = reader->bad || !unpack_uint(&reader->left, &value);
    return value;
}

static int64_t get_int(struct reader *reader)
{
    int64_t value = 0;

    reader->bad = reader->bad || !unpack_int(&reader->left, &value);
    return value;
}

static struct str get_text(struct reader *reader)
{
    uint64_t size = get_uint(reader);
    struct str text;

    if (reader->bad || size > reader->left.size) {
        reader->bad = true;
        return str_of(NULL, 0);
    }
    text = str_of(reader->left.data, (size_t)size);
    reader->left = str_of(reader->left.data + size, reader->left.size - (size_t)size);
    return text;
}

static size_t get_count(struct reader *reader, size_t item_size_min)
{
    uint64_t count = get_uint(reader);

    if (count > reader->left.size / item_size_min) {
        reader->bad = true;
        return 0;
    }
    return (size_t)count;
}

static struct topic_list get_topics(struct reader *reader, struct arena *arena)
{
    size_t count = get_count(reader, TEXT_SIZE_MIN);
    struct str *names = arena_calloc(arena, count, sizeof(*names));

    for (size_t i = 0; i < count && !reader->bad; i++) {
        names[i] = get_text(reader);
        if (i > 0 && str_compare(names[i - 1], names[i]) >= 0) {
            reader->bad = true;
        }
    }
    return (struct topic_list){names, count};
}

static struct check_slot get_slot(struct reader *reader)
{
    struct check_slot slot = {0};

    slot.instance = get_text(reader);
    slot.region = get_text(reader);
    slot.checker = get_text(reader);
    slot.last =
        (enum outcome)get_byte(reader, OUTCOME_UNKNOWN); /* a removed one is not in the set */
    slot.last_time_ns = get_int(reader);
    slot.interval_ns = get_int(reader);
    slot.overlooked = get_byte(reader, 1) == 1;
    if (slot.last < OUTCOME_PASS) {
        reader->bad = true;
    }
    return slot;
}

static void get_slots(struct reader *reader, struct arena *arena, struct carried *ret_carried)
{
    size_t count = get_count(reader, SLOT_SIZE_MIN);
    struct check_slot *slots = arena_calloc(arena, count, sizeof(*slots));

    for (size_t i = 0; i < count && !reader->bad; i++) {
        slots[i] = get_slot(reader);
        if (i > 0 && check_slot_compare(&slots[i - 1], &slots[i]) >= 0) {
            reader->bad = true;
        }
    }
    ret_carried->slots = slots;
    ret_carried->slot_count = count;
}

enum err_code carried_unpack(struct str packed, struct arena *arena, struct carried *ret_carried,
                             struct err *err)
{
    struct reader reader = {.left = packed};
    struct carried carried = {0};
    unsigned flags;

    if (packed.size > 0) {
        reader.bad = get_byte(&reader, CARRIED_VERSION) != CARRIED_VERSION;
        carried.closed_minutes = (int)get_byte(&reader, TALLY_MINUTES);
        flags = get_byte(&reader, FLAGS_ALL);
        carried.provisioned = (flags & FLAG_PROVISIONED) != 0;
        carried.has_requests = (flags & FLAG_HAS_REQUESTS) != 0;
        carried.request_topics = get_topics(&reader, arena);
        carried.check_topics = get_topics(&reader, arena);
        get_slots(&reader, arena, &carried);
        if (reader.bad || reader.left.size > 0) {
            return err_set(err, ERR_MISMATCH, "carried state of checks is damaged");
        }
    }
    *ret_carried = carried;
    return ERR_OK;
}

enum err_code carried_closed_minutes(struct str packed, int *ret_closed, struct err *err)
{
    struct reader reader = {.left = packed};
    int closed = 0;

    if (packed.size > 0) {
        reader.bad = get_byte(&reader, CARRIED_VERSION) != CARRIED_VERSION;
        closed = (int)get_byte(&reader, TALLY_MINUTES);
    }
    if (reader.bad) {
        return err_set(err, ERR_MISMATCH, "carried state of checks is damaged");
    }
    *ret_closed = closed;
    return ERR_OK;
}
