/*
 * Roles to slots: which of a role's paths this schema has, and whether what stands there can play the role.
 */
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/plan_compile.h"
#include "consumers/plan_lanes.h"

/* Steps of looking for paths; passed only by unions of records that were made for it. */
enum { SEARCH_STEPS_MAX = 1 << 20 };

#define KIND(name) (1U << VALUE_##name)

enum {
    ACCEPT_TEXT = KIND(TEXT) | KIND(BYTES) | KIND(INTEGER) | PLAN_KIND_INSTANT,
    ACCEPT_RULE = ACCEPT_TEXT | KIND(BOOLEAN),
    ACCEPT_NUMBER = KIND(INTEGER) | KIND(WHOLE) | KIND(FLOAT) | KIND(DOUBLE)
};

struct binder {
    struct plan *plan;
    const struct schema_node *reader;
    struct plan_slots slots;
    uint32_t search_steps;
    struct err *err;
};

/* A role, and what it asks of a schema. */
struct binding {
    const char *title; /* "role time", or "exclusion healthz" */
    const struct role *role;
    bool required;
    uint32_t accept;    /* kinds that can play it */
    const char *wanted; /* accept in words */
    int *slot;
};

static bool path_split(struct str text, struct plan_path *ret_path)
{
    size_t start = 0;

    ret_path->count = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && text.data[i] != '.') {
            continue;
        }
        if (i == start || ret_path->count == MAPPING_DEPTH_MAX) {
            return false;
        }
        ret_path->parts[ret_path->count++] = str_of(text.data + start, i - start);
        start = i + 1;
    }
    return true;
}

static bool path_exists(struct binder *binder, const struct schema_node *node,
                        const struct plan_path *path, size_t part)
{
    const struct schema_field *field;

    if (++binder->search_steps > SEARCH_STEPS_MAX) {
        return false;
    }
    if (part == path->count) {
        return true;
    }
    switch (node->type) {
    case SCHEMA_RECORD:
        field = schema_record_field(node, path->parts[part]);
        return field != NULL && path_exists(binder, field->type, path, part + 1);
    case SCHEMA_MAP:
        return path_exists(binder, node->items, path, part + 1);
    case SCHEMA_UNION:
        for (size_t i = 0; i < node->branches.count; i++) {
            if (path_exists(binder, node->branches.branches[i], path, part)) {
                return true;
            }
        }
        return false;
    default:
        return false;
    }
}

/* The slot of that path; paths that several roles share have one. */
static enum err_code slot_add(struct binder *binder, const char *title, struct str text,
                              const struct plan_path *path, int *ret_slot)
{
    struct plan *plan = binder->plan;
    uint32_t slot = 0;

    while (slot < plan->slot_count && !str_equal(plan->slot_paths[slot], text)) {
        slot++;
    }
    if (slot == plan->slot_count) {
        if (slot == PLAN_SLOTS_MAX) {
            return err_set(binder->err, ERR_CONFIG, "%s: a mapping has at most %d paths", title,
                           PLAN_SLOTS_MAX);
        }
        plan->slot_paths[slot] = text;
        binder->slots.paths[slot] = *path;
        plan->slot_count++;
    }
    *ret_slot = (int)slot;
    return ERR_OK;
}

static enum err_code path_refuse(const struct binder *binder, const struct binding *binding)
{
    struct strbuf more;
    struct str path = binding->role->path_count > 0 ? binding->role->paths[0] : STR("");

    strbuf_init(&more, ERR_TEXT_SIZE);
    plan_fields_describe(binder->reader, path, &more);
    if (path.size == 0) {
        (void)err_set(binder->err, ERR_CONFIG, "%s is not mapped%s", binding->title,
                      strbuf_text(&more));
    } else {
        (void)err_set(binder->err, ERR_CONFIG, "%s: schema %.*s has no \"%.*s\"%s", binding->title,
                      STR_ARGS(schema_node_title(binder->reader)), STR_ARGS(path),
                      strbuf_text(&more));
    }
    strbuf_release(&more);
    return ERR_CONFIG;
}

static enum err_code role_bind(struct binder *binder, const struct binding *binding)
{
    *binding->slot = PLAN_SLOT_NONE;
    for (size_t i = 0; i < binding->role->path_count; i++) {
        struct str text = binding->role->paths[i];
        struct plan_path path;

        if (!path_split(text, &path)) {
            return err_set(binder->err, ERR_CONFIG,
                           "%s: path \"%.*s\" has an empty part or more than %d parts",
                           binding->title, STR_ARGS(text), MAPPING_DEPTH_MAX);
        }
        if (path_exists(binder, binder->reader, &path, 0)) {
            return slot_add(binder, binding->title, text, &path, binding->slot);
        }
    }
    return binding->required ? path_refuse(binder, binding) : ERR_OK;
}

static void kinds_describe(uint32_t kinds, struct strbuf *out)
{
    static const char *const words[VALUE_KIND_COUNT + 1] = {
        [VALUE_ABSENT] = "null",     [VALUE_UNFIT] = "a value of another type",
        [VALUE_INTEGER] = "int",     [VALUE_WHOLE] = "a promoted integer",
        [VALUE_BOOLEAN] = "boolean", [VALUE_FLOAT] = "float",
        [VALUE_DOUBLE] = "double",   [VALUE_TEXT] = "text",
        [VALUE_BYTES] = "bytes",     [VALUE_KIND_COUNT] = "an instant"};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if ((kinds >> i & 1) != 0) {
            strbuf_append_format(out, "%s%s", out->size > 0 ? " or " : "", words[i]);
        }
    }
}

/* After the code is written it is known what may stand in each slot. */
static enum err_code role_judge(const struct binder *binder, const struct binding *binding)
{
    struct strbuf found;
    uint32_t kinds;
    int slot = *binding->slot;

    if (slot == PLAN_SLOT_NONE) {
        return ERR_OK;
    }
    kinds = binder->slots.kinds[slot];
    if ((kinds & binding->accept) != 0 || (!binding->required && kinds <= KIND(ABSENT))) {
        return ERR_OK;
    }
    strbuf_init(&found, ERR_TEXT_SIZE);
    kinds_describe(kinds, &found);
    (void)err_set(binder->err, ERR_CONFIG, "%s: \"%.*s\" is %s; %s is wanted", binding->title,
                  STR_ARGS(binder->plan->slot_paths[slot]),
                  found.size > 0 ? strbuf_text(&found) : "always null", binding->wanted);
    strbuf_release(&found);
    return ERR_CONFIG;
}

enum { BINDINGS_FIXED = 10 };

/* All roles but the service's parts and the exclusions. */
static void bindings_list(struct plan *plan, struct binding ret_bindings[BINDINGS_FIXED])
{
    const struct mapping *mapping = plan->mapping;
    bool request = mapping->kind == EVENT_REQUEST;
    const char *name = "text, an enum, bytes or an integer";
    uint32_t time =
        KIND(TEXT) | PLAN_KIND_INSTANT | (mapping->time_unit_ns > 0 ? ACCEPT_NUMBER : 0);
    uint32_t latency = KIND(TEXT) | (mapping->latency_unit_ns > 0 ? ACCEPT_NUMBER : 0);
    uint32_t interval = mapping->interval_unit_ns > 0 ? KIND(INTEGER) : 0;
    const struct binding bindings[BINDINGS_FIXED] = {
        {"role time", &mapping->time, true, time,
         mapping->time_unit_ns > 0
             ? "a timestamp, a number or RFC 3339 text"
             : "a timestamp, RFC 3339 text, or a number with a unit in the mapping",
         &plan->time_slot},
        {"role outcome", &mapping->outcome, true, ACCEPT_RULE,
         "text, an enum, bytes, a boolean or an integer", &plan->outcome_slot},
        {"role latency", &mapping->latency, false, latency,
         mapping->latency_unit_ns > 0
             ? "a number or text like \"0.123s\""
             : "text like \"0.123s\", or a number with a unit in the mapping",
         &plan->latency_slot},
        {"role instance", &mapping->instance, false, ACCEPT_TEXT, name, &plan->instance_slot},
        {"role customer", &mapping->customer, false, ACCEPT_TEXT, name, &plan->customer_slot},
        {"role region", &mapping->region, false, ACCEPT_TEXT, name, &plan->region_slot},
        {"role checker", &mapping->checker, false, ACCEPT_TEXT, name, &plan->checker_slot},
        {"role event_id", &mapping->event_id, false, ACCEPT_TEXT, name, &plan->id_slot},
        {"role weight", &mapping->weight, false, KIND(INTEGER), "an integer", &plan->weight_slot},
        {"role interval", &mapping->interval, false, interval,
         "an integer with a unit in the mapping", &plan->interval_slot},
    };
    static const struct role unmapped;

    memcpy(ret_bindings, bindings, sizeof(bindings));
    if (!request) {
        ret_bindings[2].role = &unmapped; /* a check has no latency that counts */
    } else {
        ret_bindings[9].role = &unmapped;
    }
}

/* Calls step for every role in an order that does not change. */
static enum err_code each_role(struct binder *binder,
                               enum err_code (*step)(struct binder *binder,
                                                     const struct binding *binding))
{
    struct plan *plan = binder->plan;
    const struct mapping *mapping = plan->mapping;
    bool replaceable = mapping->service_default.size > 0;
    struct binding bindings[BINDINGS_FIXED];
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < mapping->service_part_count && code == ERR_OK; i++) {
        struct binding part = {"role service",
                               &mapping->service[i],
                               i == 0 ? !replaceable : plan->service_slots[0] != PLAN_SLOT_NONE,
                               ACCEPT_TEXT,
                               "text, an enum, bytes or an integer",
                               &plan->service_slots[i]};

        code = step(binder, &part);
    }
    bindings_list(plan, bindings);
    for (size_t i = 0; i < BINDINGS_FIXED && code == ERR_OK; i++) {
        code = step(binder, &bindings[i]);
    }
    for (size_t i = 0; i < mapping->exclusion_count && code == ERR_OK; i++) {
        char title[128];
        struct binding exclusion = {title,
                                    &mapping->exclusions[i].field,
                                    false,
                                    ACCEPT_RULE,
                                    "text, an enum, bytes, a boolean or an integer",
                                    &plan->exclusion_slots[i]};

        (void)snprintf(title, sizeof(title), "exclusion \"%.*s\"",
                       STR_ARGS(mapping->exclusions[i].name));
        code = step(binder, &exclusion);
    }
    for (size_t i = 0; i < mapping->redaction_count && code == ERR_OK; i++) {
        struct binding redaction = {"dead_letter_redact",
                                    &mapping->redactions[i],
                                    false,
                                    UINT32_MAX /* anything */,
                                    "a value",
                                    &plan->redaction_slots[i]};

        code = step(binder, &redaction);
    }
    return code;
}

static enum err_code step_bind(struct binder *binder, const struct binding *binding)
{
    return role_bind(binder, binding);
}

static enum err_code step_judge(struct binder *binder, const struct binding *binding)
{
    return role_judge(binder, binding);
}

static enum err_code service_bound(const struct binder *binder)
{
    const struct mapping *mapping = binder->plan->mapping;

    if (mapping->service_part_count == 0 && mapping->service_default.size == 0) {
        return err_set(binder->err, ERR_CONFIG, "role service is not mapped");
    }
    return ERR_OK;
}

enum err_code plan_compile(const struct schema *writer, const struct schema *reader,
                           const struct mapping *mapping, struct plan **ret_plan, struct err *err)
{
    struct plan *plan = memory_calloc(1, sizeof(*plan));
    struct binder *binder = memory_calloc(1, sizeof(*binder));
    enum err_code code;

    CHECK(mapping->service_part_count <= MAPPING_SERVICE_PARTS_MAX);
    plan->mapping = mapping;
    plan->exclusion_slots = arena_calloc(&plan->arena, mapping->exclusion_count, sizeof(int));
    plan->redaction_slots = arena_calloc(&plan->arena, mapping->redaction_count, sizeof(int));
    plan->service_slots[0] = PLAN_SLOT_NONE;
    binder->plan = plan;
    binder->reader = reader != NULL ? reader->root : writer->root;
    binder->err = err;
    code = service_bound(binder);
    if (code == ERR_OK) {
        code = each_role(binder, step_bind);
    }
    if (code == ERR_OK) {
        code = plan_code_compile(plan, writer->root, binder->reader, &binder->slots, err);
    }
    if (code == ERR_OK) {
        code = each_role(binder, step_judge);
    }
    memory_free(binder);
    if (code != ERR_OK) {
        plan_free(plan);
        return code;
    }
    plan->plain = plan_is_plain(plan);
    plan_lanes_prepare(plan);
    *ret_plan = plan;
    return ERR_OK;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL) {
        return;
    }
    memory_free(plan->code);
    memory_free(plan->places);
    memory_free(plan->addresses);
    memory_free(plan->keys);
    memory_free(plan->symbols);
    memory_free(plan->constants);
    arena_release(&plan->arena);
    memory_free(plan);
}
