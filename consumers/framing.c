#include "consumers/framing.h"

#include "base/check.h"

enum { ID_SIZE = 4, GUID_SIZE = 16, FINGERPRINT_SIZE = 8, MARKER_SIZE = 2 };

static uint64_t read_big_endian(const unsigned char *bytes, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

/* The prefix at the start of bytes; *ret_size is how many it takes. */
static const char *read_prefix(struct str bytes, struct schema_key *ret_key, size_t *ret_size)
{
    const unsigned char *at = (const unsigned char *)bytes.data;

    if (bytes.size == 0) {
        return "is empty, so it names no schema";
    }
    if (at[0] > 1) {
        return "does not begin with 0 or 1, so no schema id follows";
    }
    *ret_size = 1 + (at[0] == 0 ? (size_t)ID_SIZE : (size_t)GUID_SIZE);
    if (bytes.size < *ret_size) {
        return at[0] == 0 ? "is shorter than a magic byte and a schema id"
                          : "is shorter than a magic byte and a schema GUID";
    }
    if (at[0] == 1) {
        *ret_key = (struct schema_key){SCHEMA_KEY_GUID, read_big_endian(at + 1, 8),
                                       read_big_endian(at + 9, 8)};
        return NULL;
    }
    *ret_key = (struct schema_key){SCHEMA_KEY_ID, 0, read_big_endian(at + 1, ID_SIZE)};
    return ret_key->low > INT32_MAX ? "has a schema id above 2147483647" : NULL;
}

static struct str behind(struct str value, size_t size)
{
    return str_of(value.data + size, value.size - size);
}

static const char *open_confluent(const struct record *record, struct framed *ret_framed)
{
    size_t size = 0;
    const char *complaint = read_prefix(record->value, &ret_framed->key, &size);

    if (complaint == NULL) {
        ret_framed->payload = behind(record->value, size);
    }
    return complaint;
}

static const char *open_header(const struct record *record, struct framed *ret_framed)
{
    size_t size = 0;
    const char *complaint;

    if (record->schema_header.data == NULL) {
        return "has no header " FRAMING_SCHEMA_HEADER;
    }
    complaint = read_prefix(record->schema_header, &ret_framed->key, &size);
    if (complaint != NULL) {
        return "has a header " FRAMING_SCHEMA_HEADER " that is no magic byte and schema id";
    }
    if (record->schema_header.size != size) {
        return "has a header " FRAMING_SCHEMA_HEADER " that is longer than its schema id";
    }
    ret_framed->payload = record->value;
    return NULL;
}

static const char *open_single_object(const struct record *record, struct framed *ret_framed)
{
    const unsigned char *at = (const unsigned char *)record->value.data;
    uint64_t fingerprint = 0;

    if (record->value.size < MARKER_SIZE + FINGERPRINT_SIZE) {
        return "is shorter than a marker and a fingerprint";
    }
    if (at[0] != 0xc3 || at[1] != 0x01) {
        return "does not begin with C3 01, so no fingerprint follows";
    }
    for (size_t i = FINGERPRINT_SIZE; i > 0; i--) {
        fingerprint = fingerprint << 8 | at[MARKER_SIZE + i - 1];
    }
    ret_framed->key = (struct schema_key){SCHEMA_KEY_FINGERPRINT, 0, fingerprint};
    ret_framed->payload = behind(record->value, MARKER_SIZE + FINGERPRINT_SIZE);
    return NULL;
}

static const char *open_avro(const struct record *record, struct framed *ret_framed)
{
    *ret_framed = (struct framed){{SCHEMA_KEY_FILE, 0, 0}, record->value};
    return NULL;
}

static const struct {
    const char *(*open)(const struct record *record, struct framed *ret_framed);
    const char *header;
    bool needs_registry;
} rows[] = {
    [FRAMING_CONFLUENT] = {.open = open_confluent, .needs_registry = true},
    [FRAMING_HEADER] = {.open = open_header,
                        .header = FRAMING_SCHEMA_HEADER,
                        .needs_registry = true},
    [FRAMING_SINGLE_OBJECT] = {.open = open_single_object},
    [FRAMING_AVRO] = {.open = open_avro},
};

const char *framing_open(enum framing framing, const struct record *record,
                         struct framed *ret_framed)
{
    return rows[framing].open(record, ret_framed);
}

bool framing_needs_registry(enum framing framing)
{
    return rows[framing].needs_registry;
}

const char *framing_header(enum framing framing)
{
    return rows[framing].header;
}
