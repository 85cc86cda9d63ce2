/*
 * Parsing canonical form and CRC-64-AVRO: "Transforming into Parsing Canonical Form" and "Schema Fingerprints" of the
 * specification. Only type, name, fields, symbols, items, values and size remain, in this order.
 */
#include "base/check.h"
#include "base/memory.h"
#include "consumers/schema_tree.h"

struct canonical {
    struct strbuf *out;
    struct intern written; /* full names that have been defined above */
    bool logical;          /* write logical types as well */
};

static void canonical_node(struct canonical *canonical, const struct schema_node *node);

static void canonical_quoted(struct canonical *canonical, struct str text)
{
    strbuf_append_char(canonical->out, '"');
    strbuf_append(canonical->out, text); /* names need no escapes */
    strbuf_append_char(canonical->out, '"');
}

static void canonical_record(struct canonical *canonical, const struct schema_node *node)
{
    strbuf_append_text(canonical->out, ",\"type\":\"record\",\"fields\":[");
    for (size_t i = 0; i < node->record.count; i++) {
        strbuf_append_text(canonical->out, i > 0 ? ",{\"name\":" : "{\"name\":");
        canonical_quoted(canonical, node->record.fields[i].name);
        strbuf_append_text(canonical->out, ",\"type\":");
        canonical_node(canonical, node->record.fields[i].type);
        strbuf_append_char(canonical->out, '}');
    }
    strbuf_append_text(canonical->out, "]}");
}

static void canonical_enum(struct canonical *canonical, const struct schema_node *node)
{
    strbuf_append_text(canonical->out, ",\"type\":\"enum\",\"symbols\":[");
    for (size_t i = 0; i < node->enumeration.count; i++) {
        if (i > 0) {
            strbuf_append_char(canonical->out, ',');
        }
        canonical_quoted(canonical, node->enumeration.symbols[i]);
    }
    strbuf_append_text(canonical->out, "]}");
}

static void canonical_named(struct canonical *canonical, const struct schema_node *node)
{
    uint32_t number;

    if (intern_find(&canonical->written, node->name, &number)) {
        canonical_quoted(canonical, node->name);
        return;
    }
    (void)intern_add(&canonical->written, node->name);
    strbuf_append_text(canonical->out, "{\"name\":");
    canonical_quoted(canonical, node->name);
    if (node->type == SCHEMA_RECORD) {
        canonical_record(canonical, node);
    } else if (node->type == SCHEMA_ENUM) {
        canonical_enum(canonical, node);
    } else {
        strbuf_append_format(canonical->out, ",\"type\":\"fixed\",\"size\":%zu}", node->fixed_size);
    }
}

static void canonical_union(struct canonical *canonical, const struct schema_node *node)
{
    strbuf_append_char(canonical->out, '[');
    for (size_t i = 0; i < node->branches.count; i++) {
        if (i > 0) {
            strbuf_append_char(canonical->out, ',');
        }
        canonical_node(canonical, node->branches.branches[i]);
    }
    strbuf_append_char(canonical->out, ']');
}

/* Depth is that of the schema with its references laid out, each named type once. */
static void canonical_node(struct canonical *canonical, const struct schema_node *node)
{
    switch (node->type) {
    case SCHEMA_RECORD:
    case SCHEMA_ENUM:
    case SCHEMA_FIXED:
        canonical_named(canonical, node);
        return;
    case SCHEMA_UNION:
        canonical_union(canonical, node);
        return;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        strbuf_append_text(canonical->out, node->type == SCHEMA_ARRAY
                                               ? "{\"type\":\"array\",\"items\":"
                                               : "{\"type\":\"map\",\"values\":");
        canonical_node(canonical, node->items);
        strbuf_append_char(canonical->out, '}');
        return;
    default:
        canonical_quoted(canonical, schema_node_title(node));
        if (canonical->logical) {
            strbuf_append_char(canonical->out, (char)('0' + node->logical));
        }
    }
}

static void write_canonical(const struct schema *schema, bool logical, struct strbuf *out)
{
    struct canonical canonical = {.out = out, .logical = logical};

    intern_init(&canonical.written);
    canonical_node(&canonical, schema->root);
    intern_release(&canonical.written);
}

void schema_canonical(const struct schema *schema, struct strbuf *out)
{
    write_canonical(schema, false, out);
}

bool schema_reads_alike(const struct schema *a, const struct schema *b)
{
    struct strbuf left, right;
    bool alike;

    strbuf_init(&left, SIZE_MAX / 4); /* bounded by the schemas themselves */
    strbuf_init(&right, SIZE_MAX / 4);
    write_canonical(a, true, &left);
    write_canonical(b, true, &right);
    alike = str_equal(strbuf_view(&left), strbuf_view(&right));
    strbuf_release(&left);
    strbuf_release(&right);
    return alike;
}

uint64_t schema_fingerprint(const struct schema *schema)
{
    const uint64_t empty = UINT64_C(0xc15d213aa4d7a795);
    uint64_t fingerprint = empty;
    uint64_t table[256];
    struct strbuf text;

    for (unsigned i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++) {
            table[i] = (table[i] >> 1) ^ (empty & (0 - (table[i] & 1)));
        }
    }
    strbuf_init(&text, SIZE_MAX / 4); /* bounded by the schemas themselves */
    schema_canonical(schema, &text);
    CHECK(!text.overflow);
    for (size_t i = 0; i < text.size; i++) {
        fingerprint =
            (fingerprint >> 8) ^ table[(fingerprint ^ (unsigned char)text.data[i]) & 0xff];
    }
    strbuf_release(&text);
    return fingerprint;
}
