#include "consumers/decoder.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/memory.h"
#include "consumers/plain_name.h"
#include "consumers/plan_lanes.h"

/* A writer schema that was seen: its plan, or why there is none. */
struct slot {
    struct schema_key key;
    bool used;
    struct plan *plan;    /* owned; NULL: verdict and detail say why */
    enum verdict verdict; /* without a plan: BAD_SCHEMA or UNMAPPED_SCHEMA */
    char *detail;         /* owned */
};

/* What stands in front of payloads of the schema that came last. Nearly every record begins with the same bytes as the one before, and then there is
 * nothing to look up. */
struct prefix {
    uint64_t word, mask; /* first bytes of a value, as they lie in memory */
    size_t size;
};

/* What is known of the plain ones among several records: their payloads were walked together. */
struct expected {
    struct plan_lanes lanes;
    uint32_t services[PLAN_LANES_MAX]; /* numbers in the catalog */
    struct decoded decoded;            /* what all of them have in common stands there already */
};

struct decoder {
    struct decoder_options options;
    struct slot *slots; /* owned; open addressing by key, at most half full, a power of two */
    size_t slot_count, used_count;
    const struct slot *last;
    struct prefix prefix; /* of a record of that schema */
    struct plan_scratch scratch;
    struct decoded decoded;
    /* Of the last record: what walked it, NULL if it did not get that far, and where its payload begins and ends. */
    const struct plan *walked;
    struct str payload;
    struct expected expected;
};

enum { SLOTS_FIRST = 16 };
_Static_assert((int)DECODER_EXPECTED_MAX <= (int)PLAN_LANES_MAX, "each has a lane");
_Static_assert((int)DECODER_EXPECTED_BEHIND >= (int)PLAN_LANES_BEHIND, "and what it asks for");

enum err_code decoder_open(const struct decoder_options *options, struct decoder **ret_decoder,
                           struct err *err)
{
    struct decoder *decoder;

    if (framing_needs_registry(options->framing) && options->finder->registry == NULL) {
        return err_set(err, ERR_CONFIG, "this framing needs a schema registry");
    }
    decoder = memory_calloc(1, sizeof(*decoder));
    decoder->options = *options;
    decoder->slot_count = SLOTS_FIRST;
    decoder->slots = memory_calloc(SLOTS_FIRST, sizeof(*decoder->slots));
    *ret_decoder = decoder;
    return ERR_OK;
}

void decoder_free(struct decoder *decoder)
{
    if (decoder == NULL) {
        return;
    }
    for (size_t i = 0; i < decoder->slot_count; i++) {
        plan_free(decoder->slots[i].plan);
        memory_free(decoder->slots[i].detail);
    }
    memory_free(decoder->slots);
    memory_free(decoder);
}

void decoder_set_proven(struct decoder *decoder)
{
    decoder->options.proven = true;
}

static size_t hash_key(const struct schema_key *key)
{
    uint64_t hash = (key->low ^ key->high) * UINT64_C(0x9e3779b97f4a7c15);

    return (size_t)(hash >> 32);
}

/* The slot of key, or the free one where it belongs. */
static struct slot *probe(struct slot *slots, size_t count, const struct schema_key *key)
{
    size_t i = hash_key(key) & (count - 1);

    while (slots[i].used && !schema_key_equal(&slots[i].key, key)) {
        i = (i + 1) & (count - 1);
    }
    return &slots[i];
}

static void grow(struct decoder *decoder)
{
    size_t count = 2 * decoder->slot_count;
    struct slot *slots = memory_calloc(count, sizeof(*slots));

    for (size_t i = 0; i < decoder->slot_count; i++) {
        if (decoder->slots[i].used) {
            *probe(slots, count, &decoder->slots[i].key) = decoder->slots[i];
        }
    }
    memory_free(decoder->slots);
    decoder->slots = slots;
    decoder->slot_count = count;
    decoder->last = NULL;
}

static const struct slot *keep(struct decoder *decoder, const struct slot *slot)
{
    struct slot *place;

    if (2 * (decoder->used_count + 1) > decoder->slot_count) {
        grow(decoder);
    }
    place = probe(decoder->slots, decoder->slot_count, &slot->key);
    CHECK(!place->used);
    *place = *slot;
    place->used = true;
    decoder->used_count++;
    return place;
}

static enum err_code compile(struct decoder *decoder, const struct schema *writer,
                             struct slot *slot, struct err *err)
{
    const struct decoder_options *options = &decoder->options;
    struct err cause = ERR_INIT;
    char name[SCHEMA_KEY_TEXT_SIZE];

    if (plan_compile(writer, options->reader, options->mapping, &slot->plan, &cause) == ERR_OK) {
        return ERR_OK;
    }
    if (!options->proven || cause.code != ERR_CONFIG) {
        *err = cause;
        schema_key_text(&slot->key, name);
        return err_context(err, "%s", name);
    }
    slot->verdict = VERDICT_UNMAPPED_SCHEMA;
    slot->detail = memory_strdup(cause.text);
    return ERR_OK;
}

/* *ret_slot NULL: the verdict and its detail are in decoder->decoded, and nothing is kept, because the key may become known. */
static enum err_code find_slot(struct decoder *decoder, const struct schema_key *key,
                               const struct slot **ret_slot, struct err *err)
{
    struct slot *found = probe(decoder->slots, decoder->slot_count, key);
    struct slot slot = {.key = *key};
    struct decoded *decoded = &decoder->decoded;
    const struct schema *writer;

    if (found->used) {
        *ret_slot = found;
        return ERR_OK;
    }
    if (schema_finder_find(decoder->options.finder, key, &writer, &decoded->verdict,
                           decoded->detail, sizeof(decoded->detail), err) != ERR_OK) {
        return err->code;
    }
    if (decoded->verdict == VERDICT_UNKNOWN_SCHEMA) {
        *ret_slot = NULL;
        return ERR_OK;
    }
    if (decoded->verdict == VERDICT_TALLIED) {
        if (compile(decoder, writer, &slot, err) != ERR_OK) {
            return err->code;
        }
    } else {
        slot.verdict = decoded->verdict;
        slot.detail = memory_strdup(decoded->detail);
    }
    *ret_slot = keep(decoder, &slot);
    return ERR_OK;
}

static void decide(struct decoder *decoder, enum verdict verdict, const char *detail)
{
    decoder->decoded.verdict = verdict;
    (void)snprintf(decoder->decoded.detail, sizeof(decoder->decoded.detail), "%s", detail);
}

static enum err_code run_plan(struct decoder *decoder, const struct record *record,
                              struct str payload, struct err *err)
{
    const struct decoder_options *options = &decoder->options;
    struct decoded *decoded = &decoder->decoded;
    int64_t time_ns = record->time_ns != INT64_MIN ? record->time_ns : clock_now_ns(options->clock);

    decoder->walked = decoder->last->plan;
    decoder->payload = payload;
    plan_run(decoder->last->plan, payload, time_ns, &decoder->scratch, decoded);
    if (decoded->verdict != VERDICT_TALLIED || options->catalog == NULL) {
        return ERR_OK;
    }
    if (catalog_resolve(options->catalog, &decoded->event, &decoded->verdict, err) != ERR_OK) {
        return err->code;
    }
    if (decoded->verdict != VERDICT_TALLIED) {
        (void)snprintf(decoded->detail, sizeof(decoded->detail), "service \"%.*s\"",
                       STR_ARGS(decoded->event.service));
    }
    return ERR_OK;
}

/* Only where the key is nothing but bytes in front of the payload, and few of them. */
static void prefix_note(struct decoder *decoder, const struct record *record, struct str payload)
{
    size_t size = (size_t)(payload.data - record->value.data);
    unsigned char mask[sizeof(uint64_t)] = {0};
    struct prefix *prefix = &decoder->prefix;

    *prefix = (struct prefix){.word = 1, .mask = 0}; /* none begins like that */
    if (framing_header(decoder->options.framing) == NULL && size <= sizeof(mask) &&
        record->value.size >= sizeof(mask)) {
        memset(mask, 0xff, size);
        memcpy(&prefix->mask, mask, sizeof(mask));
        prefix->word = str_word(record->value.data) & prefix->mask;
        prefix->size = size;
    }
}

/* size_max: of a value. */
static inline bool begins_so(struct prefix prefix, size_t size_max, const struct record *record)
{
    struct str value = record->value;

    return value.size >= sizeof(uint64_t) && value.size <= size_max && !record->tombstone &&
           (str_word(value.data) & prefix.mask) == prefix.word;
}

static inline bool prefix_same(const struct decoder *decoder, const struct record *record)
{
    return decoder->last != NULL && decoder->last->plan != NULL &&
           begins_so(decoder->prefix, decoder->options.mapping->record_size_max, record);
}

/* The slot of the record's schema; *ret_decided: it has none with a plan, and that is the verdict. */
static enum err_code open_payload(struct decoder *decoder, const struct record *record,
                                  const struct framed *framed, bool *ret_decided, struct err *err)
{
    const struct slot *slot = decoder->last;

    if (slot == NULL || !schema_key_equal(&slot->key, &framed->key)) {
        if (find_slot(decoder, &framed->key, &slot, err) != ERR_OK) {
            return err->code;
        }
        decoder->last = slot;
        prefix_note(decoder, record, framed->payload);
    }
    *ret_decided = slot == NULL || slot->plan == NULL; /* unknown: decided by find_slot */
    if (slot != NULL && slot->plan == NULL) {
        decide(decoder, slot->verdict, slot->detail);
    }
    return ERR_OK;
}

/* A record that does not begin like the one before. */
__attribute__((noinline)) static enum err_code open_record(struct decoder *decoder,
                                                           const struct record *record,
                                                           struct str *ret_payload,
                                                           bool *ret_decided, struct err *err)
{
    struct framed framed;
    const char *complaint;

    *ret_decided = true;
    if (record->tombstone) {
        decoder->decoded.verdict = VERDICT_TOMBSTONE;
        return ERR_OK;
    }
    if (record->value.size > decoder->options.mapping->record_size_max) {
        decide(decoder, VERDICT_TOO_LARGE, "the record is larger than max_record_bytes");
        return ERR_OK;
    }
    complaint = framing_open(decoder->options.framing, record, &framed);
    if (complaint != NULL) {
        decoder->decoded.verdict = VERDICT_BAD_FRAMING;
        (void)snprintf(decoder->decoded.detail, sizeof(decoder->decoded.detail), "the record %s",
                       complaint);
        return ERR_OK;
    }
    *ret_payload = framed.payload;
    return open_payload(decoder, record, &framed, ret_decided, err);
}

static inline struct str payload_of(const struct decoder *decoder, const struct record *record)
{
    return str_of(record->value.data + decoder->prefix.size,
                  record->value.size - decoder->prefix.size);
}

/* Payloads of records that begin like the one before; of others nothing, which stays open. */
static void fill_lanes(const struct decoder *decoder, const struct record *records, size_t count,
                       struct plan_lanes *lanes)
{
    static const uint8_t nothing[PLAN_LANES_BEHIND];
    const struct prefix prefix = decoder->prefix;
    size_t size_max = decoder->options.mapping->record_size_max;

    size_max = size_max < PLAN_LANES_SIZE_MAX ? size_max : PLAN_LANES_SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        struct str value = records[i].value;
        bool same = begins_so(prefix, size_max, &records[i]);

        lanes->end[i] = same ? (const uint8_t *)value.data + value.size : nothing;
        lanes->at[i] = same ? (int64_t)prefix.size - (int64_t)value.size : 0;
        lanes->record_times_ns[i] = records[i].time_ns;
    }
    lanes->count = count;
}

/* Services that are not known yet are told in their turn, and so are those with names that need a look. */
static void find_services(const struct catalog *catalog, struct expected *expected)
{
    struct plan_lanes *lanes = &expected->lanes;

    for (size_t i = 0; i < lanes->count; i++) {
        struct str name = lanes->services[i];

        if (!lanes->open[i]) {
            lanes->open[i] = catalog != NULL
                                 ? !catalog_find_plain(catalog, name, &expected->services[i])
                                 : !plain_name(name);
        }
    }
}

void decoder_expect(struct decoder *decoder, const struct record *records, size_t count)
{
    struct expected *expected = &decoder->expected;

    CHECK(count <= DECODER_EXPECTED_MAX);
    expected->lanes.count = 0;
    if (decoder->last != NULL && decoder->last->plan != NULL && decoder->last->plan->by_lanes) {
        fill_lanes(decoder, records, count, &expected->lanes);
        plan_lanes_run(decoder->last->plan, &expected->lanes);
        find_services(decoder->options.catalog, expected);
        expected->decoded.verdict = VERDICT_TALLIED;
        plan_plain_event(decoder->last->plan, &expected->decoded.event);
    }
}

const struct decoded *decoder_expected(struct decoder *decoder, size_t place)
{
    struct expected *expected = &decoder->expected;
    struct event *event = &expected->decoded.event;

    if (place >= expected->lanes.count || expected->lanes.open[place]) {
        return NULL;
    }
    plan_plain_tell(&expected->lanes.plains[place], expected->lanes.services[place], event);
    if (decoder->options.catalog != NULL) {
        catalog_tell(decoder->options.catalog, expected->services[place], event);
    }
    return &expected->decoded;
}

enum err_code decoder_run(struct decoder *decoder, const struct record *record,
                          const struct decoded **ret_decoded, struct err *err)
{
    struct str payload;
    bool decided = false;

    *ret_decoded = &decoder->decoded;
    decoder->walked = NULL;
    decoder->decoded.rule.size = 0;
    decoder->decoded.detail[0] = '\0';
    if (prefix_same(decoder, record)) {
        payload = payload_of(decoder, record);
    } else if (open_record(decoder, record, &payload, &decided, err) != ERR_OK) {
        return err->code;
    }
    return decided ? ERR_OK : run_plan(decoder, record, payload, err);
}

bool decoder_redact(const struct decoder *decoder, const struct record *record, struct arena *arena,
                    struct str *ret_bytes)
{
    struct str value = record->value;
    size_t before;
    char *copy;

    if (decoder->walked == NULL) {
        return false;
    }
    before = (size_t)(decoder->payload.data - value.data);
    CHECK(before <= value.size);
    CHECK(decoder->payload.size <= value.size - before);
    copy = arena_alloc(arena, value.size);
    memcpy(copy, value.data, value.size);
    if (!plan_redact(decoder->walked, copy + before, decoder->payload.size)) {
        return false;
    }
    *ret_bytes = str_of(copy, value.size);
    return true;
}
