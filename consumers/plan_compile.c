#include "consumers/plan_compile.h"

#include "base/check.h"
#include "base/intern.h"
#include "base/memory.h"
#include "consumers/plan_emit.h"
#include "consumers/resolve.h"

enum { INLINED_DEPTH_MAX = 4, INLINED_FIELDS_MAX = 64, INLINED_CODE_MAX = 4096 };

struct compiler {
    struct emitter emitter;
    struct plan_slots *slots;
    struct intern
        subroutines; /* keyed by the address of the record's node; the number is the subroutine's */
    bool in_subroutine; /* instead of the root's code */
    uint32_t inlined;   /* records that are being written out, one within the other */
};

/* A place in both schemas that is being compiled. */
struct site {
    const struct schema_node *writer;
    const struct schema_node *reader; /* only if slots are wanted */
    const uint32_t *slots;            /* those whose paths lead through here */
    uint32_t slot_count;
    uint32_t part;  /* parts of their paths that are behind us */
    uint32_t depth; /* levels open within this subroutine */
    uint32_t place;
};

static void compile_value(struct compiler *compiler, const struct site *site);
static void compile_skip(struct compiler *compiler, const struct schema_node *writer,
                         uint32_t depth, uint32_t place);

static void slot_emit(struct compiler *compiler, enum plan_operation operation, uint32_t slot,
                      uint32_t b, uint32_t kinds, uint32_t place)
{
    compiler->slots->kinds[slot] |= kinds;
    (void)emit(&compiler->emitter, operation, slot, b, place);
}

static void slots_emit_unfit(struct compiler *compiler, const struct site *site)
{
    for (uint32_t i = 0; i < site->slot_count; i++) {
        slot_emit(compiler, PLAN_UNFIT, site->slots[i], 0, 1U << VALUE_UNFIT, site->place);
    }
}

/* Nothing is written for values that are not there; their slots start as absent. */
static void slots_absent(struct compiler *compiler, const struct site *site)
{
    for (uint32_t i = 0; i < site->slot_count; i++) {
        compiler->slots->kinds[site->slots[i]] |= 1U << VALUE_ABSENT;
    }
}

static const struct plan_path *path_of(const struct compiler *compiler, uint32_t slot)
{
    return &compiler->slots->paths[slot];
}

static void compile_skip_fields(struct compiler *compiler, const struct schema_node *record,
                                uint32_t depth, uint32_t place)
{
    for (size_t i = 0; i < record->record.count; i++) {
        compile_skip(compiler, record->record.fields[i].type, depth,
                     emit_place(&compiler->emitter, place, record->record.fields[i].name));
    }
}

/* Small records are written out where they stand, which saves the way there and back and lets runs go on. They count as a level all the same; only
 * the root's code knows how many are open, and recursive ones come to an end there. */
static bool stands_inline(const struct compiler *compiler, const struct schema_node *record,
                          uint32_t depth)
{
    return !compiler->in_subroutine && compiler->inlined < INLINED_DEPTH_MAX &&
           record->record.count <= INLINED_FIELDS_MAX && depth + 1 < PLAN_DEPTH_MAX &&
           compiler->emitter.plan->code_count < INLINED_CODE_MAX;
}

static void compile_skip_record(struct compiler *compiler, const struct schema_node *writer,
                                uint32_t depth, uint32_t place)
{
    uint32_t subroutine;

    if (stands_inline(compiler, writer, depth)) {
        compiler->inlined++;
        compile_skip_fields(compiler, writer, depth + 1, place);
        compiler->inlined--;
        return;
    }
    subroutine = intern_add(&compiler->subroutines, str_of((const char *)&writer, sizeof(writer)));

    (void)emit(&compiler->emitter, PLAN_CALL, subroutine, depth, place);
}

/* Bytes of every value, or 0 if they differ or there are none. */
static uint32_t fixed_width(const struct schema_node *node)
{
    switch (node->type) {
    case SCHEMA_FLOAT:
        return 4;
    case SCHEMA_DOUBLE:
        return 8;
    case SCHEMA_FIXED:
        return (uint32_t)node->fixed_size;
    default:
        return 0;
    }
}

static bool is_skip(const struct plan_instruction *in)
{
    return in->operation >= PLAN_SKIP_BOOLEAN && in->operation <= PLAN_SKIP_ENUM;
}

static void compile_skip_items(struct compiler *compiler, const struct schema_node *writer,
                               uint32_t depth, uint32_t place)
{
    const struct schema_node *items = writer->items;
    uint32_t inner = emit_place(&compiler->emitter, place, STR("[]"));
    uint32_t value = inner;
    uint32_t loop, body;

    if (writer->type == SCHEMA_ARRAY && (items->zero_width || fixed_width(items) > 0)) {
        (void)emit(&compiler->emitter, PLAN_ITEMS, fixed_width(items), depth, inner);
        return;
    }
    loop = emit(&compiler->emitter, PLAN_ARRAY, 0, depth, inner);
    body = emit_label(&compiler->emitter);
    if (writer->type == SCHEMA_MAP) {
        emit_skip(&compiler->emitter, PLAN_SKIP_BYTES, 1, inner);
        value = emit_place(&compiler->emitter, place,
                           STR("[]")); /* next to the key's, so that both are one run */
    }
    compile_skip(compiler, items, depth + 1, value);
    if (compiler->emitter.plan->code_count == body + 1 &&
        is_skip(&compiler->emitter.plan->code[body])) {
        compiler->emitter.plan->code[loop].operation = PLAN_EACH;
    } else {
        (void)emit(&compiler->emitter, PLAN_NEXT, 0, 0, inner);
    }
    compiler->emitter.plan->code[loop].a = emit_label(&compiler->emitter);
}

/* Branches as bodies, one behind the other. reader is NULL where nothing is read. */
static void compile_branches(struct compiler *compiler, const struct site *site)
{
    struct plan *plan = compiler->emitter.plan;
    size_t count = site->writer->branches.count;
    uint32_t first = plan->address_count;
    uint32_t *ends = memory_calloc(count, sizeof(ends[0]));
    uint32_t end;

    for (size_t i = 0; i < count; i++) {
        plan->addresses = emit_grow(plan->addresses, plan->address_count, sizeof(uint32_t));
        plan->addresses[plan->address_count++] = 0;
    }
    (void)emit(&compiler->emitter, PLAN_UNION, first, (uint32_t)count, site->place);
    for (size_t i = 0; i < count && compiler->emitter.code == ERR_OK; i++) {
        struct site branch = *site;

        branch.writer = site->writer->branches.branches[i];
        branch.reader = site->writer == site->reader ? branch.writer : site->reader;
        plan->addresses[first + i] = emit_label(&compiler->emitter);
        compile_value(compiler, &branch);
        ends[i] = emit(&compiler->emitter, PLAN_JUMP, 0, 0, site->place);
    }
    end = emit_label(&compiler->emitter);
    for (size_t i = 0; i < count && compiler->emitter.code == ERR_OK; i++) {
        plan->code[ends[i]].a = end;
    }
    memory_free(ends);
}

/* The common union of null and one other. */
static void compile_option(struct compiler *compiler, const struct site *site, uint32_t null_index)
{
    struct site other = *site;
    uint32_t option = emit(&compiler->emitter, PLAN_OPTION, 0, null_index, site->place);

    other.writer = site->writer->branches.branches[1 - null_index];
    other.reader = site->writer == site->reader ? other.writer : site->reader;
    (void)emit_label(&compiler->emitter);
    compile_value(compiler, &other);
    compiler->emitter.plan->code[option].a = emit_label(&compiler->emitter);
}

static void compile_union(struct compiler *compiler, const struct site *site)
{
    const struct schema_node *const *branches = site->writer->branches.branches;
    uint32_t null_index = branches[0]->type == SCHEMA_NULL ? 0 : 1;
    bool null_fits = site->slot_count == 0 || site->writer == site->reader;

    if (site->writer->branches.count == 2 && branches[null_index]->type == SCHEMA_NULL &&
        (null_fits || resolve_type(branches[null_index], site->reader) != NULL)) {
        slots_absent(compiler, site);
        compile_option(compiler, site, null_index);
        return;
    }
    compile_branches(compiler, site);
}

static void compile_skip(struct compiler *compiler, const struct schema_node *writer,
                         uint32_t depth, uint32_t place)
{
    if (writer->zero_width || compiler->emitter.code != ERR_OK) {
        return;
    }
    switch (writer->type) {
    case SCHEMA_NULL:
        return;
    case SCHEMA_BOOLEAN:
        emit_skip(&compiler->emitter, PLAN_SKIP_BOOLEAN, 1, place);
        return;
    case SCHEMA_INT:
        emit_skip(&compiler->emitter, PLAN_SKIP_INT, 1, place);
        return;
    case SCHEMA_LONG:
        emit_skip(&compiler->emitter, PLAN_SKIP_LONG, 1, place);
        return;
    case SCHEMA_FLOAT:
    case SCHEMA_DOUBLE:
    case SCHEMA_FIXED:
        emit_skip(&compiler->emitter, PLAN_SKIP_FIXED, fixed_width(writer), place);
        return;
    case SCHEMA_BYTES:
    case SCHEMA_STRING:
        emit_skip(&compiler->emitter, PLAN_SKIP_BYTES, 1, place);
        return;
    case SCHEMA_ENUM:
        emit_skip(&compiler->emitter, PLAN_SKIP_ENUM, (uint32_t)writer->enumeration.count, place);
        return;
    case SCHEMA_RECORD:
        compile_skip_record(compiler, writer, depth, place);
        return;
    case SCHEMA_ARRAY:
    case SCHEMA_MAP:
        compile_skip_items(compiler, writer, depth, place);
        return;
    case SCHEMA_UNION:
        compile_union(compiler, &(struct site){.writer = writer, .depth = depth, .place = place});
        return;
    }
}

static void compile_read_enum(struct compiler *compiler, const struct site *site)
{
    struct plan *plan = compiler->emitter.plan;
    size_t count = site->writer->enumeration.count;
    struct plan_symbols *table;
    uint32_t kinds = 0;

    plan->symbols = emit_grow(plan->symbols, plan->symbols_count, sizeof(plan->symbols[0]));
    table = &plan->symbols[plan->symbols_count];
    table->count = count;
    table->values = arena_calloc(&plan->arena, count, sizeof(struct value));
    for (size_t i = 0; i < count; i++) {
        struct str symbol = site->writer->enumeration.symbols[i];
        bool known = site->writer == site->reader || resolve_symbol(symbol, site->reader, &symbol);

        table->values[i] = (struct value){.data = symbol.data,
                                          .size = (uint32_t)symbol.size,
                                          .kind = known ? VALUE_TEXT : VALUE_UNFIT};
        kinds |= 1U << table->values[i].kind;
    }
    slot_emit(compiler, PLAN_READ_ENUM, site->slots[0], plan->symbols_count, kinds, site->place);
    plan->symbols_count++;
}

/* A value that is no container, at the end of a path. The reader's type decides what it is, the writer's how it is read. */
static void compile_read(struct compiler *compiler, const struct site *site)
{
    uint32_t slot = site->slots[0];
    uint32_t logical = site->writer->logical;
    bool text = site->reader->type == SCHEMA_STRING;
    bool real = site->reader->type == SCHEMA_FLOAT || site->reader->type == SCHEMA_DOUBLE;
    /* Promoted integers keep their exact value; only as text they cannot be taken. Instants go by the writer's type. */
    enum value_kind whole = real && logical == SCHEMA_LOGICAL_NONE ? VALUE_WHOLE : VALUE_INTEGER;

    switch (site->writer->type) {
    case SCHEMA_NULL:
        compiler->slots->kinds[slot] |= 1U << VALUE_ABSENT;
        return;
    case SCHEMA_BOOLEAN:
        slot_emit(compiler, PLAN_READ_BOOLEAN, slot, 0, 1U << VALUE_BOOLEAN, site->place);
        return;
    case SCHEMA_INT:
        slot_emit(compiler, PLAN_READ_INT, slot, (uint32_t)whole << 8, 1U << whole, site->place);
        return;
    case SCHEMA_LONG:
        slot_emit(compiler, PLAN_READ_LONG, slot, (uint32_t)whole << 8 | logical,
                  logical != SCHEMA_LOGICAL_NONE ? (uint32_t)PLAN_KIND_INSTANT : 1U << whole,
                  site->place);
        return;
    case SCHEMA_FLOAT:
        slot_emit(compiler, PLAN_READ_FLOAT, slot, 0, 1U << VALUE_FLOAT, site->place);
        return;
    case SCHEMA_DOUBLE:
        slot_emit(compiler, PLAN_READ_DOUBLE, slot, 0, 1U << VALUE_DOUBLE, site->place);
        return;
    case SCHEMA_BYTES:
    case SCHEMA_STRING:
        slot_emit(compiler, text ? PLAN_READ_TEXT : PLAN_READ_BYTES, slot, 0,
                  text ? 1U << VALUE_TEXT : 1U << VALUE_BYTES, site->place);
        return;
    case SCHEMA_FIXED:
        slot_emit(compiler, PLAN_READ_FIXED, slot, fixed_width(site->writer), 1U << VALUE_BYTES,
                  site->place);
        return;
    case SCHEMA_ENUM:
        compile_read_enum(compiler, site);
        return;
    default:
        CHECK(!"a container is no leaf");
    }
}

static void compile_default(struct compiler *compiler, const struct schema_field *field,
                            uint32_t slot, const struct site *site)
{
    struct plan *plan = compiler->emitter.plan;
    const struct plan_path *path = path_of(compiler, slot);
    struct value *value;
    uint32_t kinds;

    plan->constants = emit_grow(plan->constants, plan->constant_count, sizeof(plan->constants[0]));
    value = &plan->constants[plan->constant_count];
    *value = (struct value){.kind = VALUE_ABSENT};
    if (compiler->emitter.code == ERR_OK) {
        compiler->emitter.code =
            resolve_default(field, path->parts + site->part + 1, path->count - site->part - 1,
                            &plan->arena, value, compiler->emitter.err);
    }
    kinds = value->kind == VALUE_INTEGER && value->logical != SCHEMA_LOGICAL_NONE
                ? (uint32_t)PLAN_KIND_INSTANT
                : 1U << value->kind;
    slot_emit(compiler, PLAN_CONSTANT, slot, plan->constant_count, kinds, site->place);
    plan->constant_count++;
}

/* The record's fields in the writer's order; each takes along the slots that are read from it. */
static void compile_record(struct compiler *compiler, const struct site *site)
{
    const struct schema_field *writers[PLAN_SLOTS_MAX];
    const struct schema_field *readers[PLAN_SLOTS_MAX];

    for (uint32_t i = 0; i < site->slot_count; i++) {
        struct str name = path_of(compiler, site->slots[i])->parts[site->part];

        readers[i] = schema_record_field(site->reader, name);
        writers[i] =
            readers[i] != NULL ? resolve_field(site->writer, site->reader, readers[i]) : NULL;
        if (readers[i] == NULL) {
            compiler->slots->kinds[site->slots[i]] |= 1U << VALUE_ABSENT;
        } else if (writers[i] == NULL) {
            compile_default(compiler, readers[i], site->slots[i], site);
        }
    }
    for (size_t f = 0; f < site->writer->record.count; f++) {
        const struct schema_field *field = &site->writer->record.fields[f];
        uint32_t slots[PLAN_SLOTS_MAX];
        struct site inner = {.writer = field->type,
                             .slots = slots,
                             .part = site->part + 1,
                             .depth = site->depth + 1,
                             .place = emit_place(&compiler->emitter, site->place, field->name)};

        for (uint32_t i = 0; i < site->slot_count; i++) {
            /* Two fields of the reader may claim one of the writer's; the first path has it. */
            if (writers[i] == field && (inner.reader == NULL || inner.reader == readers[i]->type)) {
                inner.reader = readers[i]->type;
                slots[inner.slot_count++] = site->slots[i];
            }
        }
        compile_value(compiler, &inner);
    }
}

static bool slot_listed(const uint32_t *slots, uint32_t count, uint32_t slot)
{
    for (uint32_t i = 0; i < count; i++) {
        if (slots[i] == slot) {
            return true;
        }
    }
    return false;
}

/* The body for one key: its slots are cleared first, because of two equal keys the last one counts. */
static void compile_key(struct compiler *compiler, const struct site *site, struct str key,
                        uint32_t *ret_done, uint32_t *done_count)
{
    uint32_t slots[PLAN_SLOTS_MAX];
    struct site inner = *site;

    inner.writer = site->writer->items;
    inner.reader = site->reader->items;
    inner.slots = slots;
    inner.slot_count = 0;
    inner.part++;
    inner.depth++;
    for (uint32_t i = 0; i < site->slot_count; i++) {
        uint32_t slot = site->slots[i];

        if (str_equal(path_of(compiler, slot)->parts[site->part], key)) {
            slots[inner.slot_count++] = slot;
            ret_done[(*done_count)++] = slot;
            slot_emit(compiler, PLAN_CLEAR, slot, 0, 1U << VALUE_ABSENT, site->place);
        }
    }
    compile_value(compiler, &inner);
}

static void compile_map(struct compiler *compiler, const struct site *site)
{
    struct plan *plan = compiler->emitter.plan;
    uint32_t done[PLAN_SLOTS_MAX];
    uint32_t done_count = 0;
    uint32_t loop = emit(&compiler->emitter, PLAN_ARRAY, 0, site->depth, site->place);
    uint32_t keys =
        emit(&compiler->emitter, PLAN_KEY, plan->key_count, site->slot_count, site->place);

    compiler->emitter.barrier = plan->code_count;
    /* As many keys as slots: a key of two slots stands twice, and the first one is found. */
    for (uint32_t i = 0; i < site->slot_count; i++) {
        plan->slot_in_map[site->slots[i]] = true;
        plan->keys = emit_grow(plan->keys, plan->key_count, sizeof(plan->keys[0]));
        plan->keys[plan->key_count++] =
            (struct plan_key){path_of(compiler, site->slots[i])->parts[site->part], 0};
    }
    compile_skip(compiler, site->writer->items, site->depth + 1, site->place);
    (void)emit(&compiler->emitter, PLAN_NEXT, 0, 0, site->place);
    for (uint32_t i = 0; i < site->slot_count && compiler->emitter.code == ERR_OK; i++) {
        if (!slot_listed(done, done_count, site->slots[i])) {
            struct plan_key *key = &plan->keys[plan->code[keys].a + i];

            key->address = emit_label(&compiler->emitter);
            compile_key(compiler, site, key->key, done, &done_count);
            (void)emit(&compiler->emitter, PLAN_NEXT, 0, 0, site->place);
        }
    }
    plan->code[loop].a = emit_label(&compiler->emitter);
}

/* A path may end here and another one may go on: a union may have text in one branch and a record in the next. */
static void compile_resolved(struct compiler *compiler, const struct site *site)
{
    uint32_t slots[PLAN_SLOTS_MAX];
    uint32_t leaf = 0;
    struct site here = *site;
    struct site deeper = *site;

    here.slots = &leaf;
    here.slot_count = 0;
    deeper.slots = slots;
    deeper.slot_count = 0;
    for (uint32_t i = 0; i < site->slot_count; i++) {
        if (path_of(compiler, site->slots[i])->count == site->part) {
            leaf = site->slots[i]; /* only one, for paths are distinct */
            here.slot_count = 1;
        } else {
            slots[deeper.slot_count++] = site->slots[i];
        }
    }
    if (site->writer->type == SCHEMA_RECORD || site->writer->type == SCHEMA_MAP ||
        site->writer->type == SCHEMA_ARRAY) {
        slots_emit_unfit(compiler, &here);
    } else if (here.slot_count > 0) {
        slots_absent(compiler, &deeper);
        compile_read(compiler, &here);
        return;
    }
    if (deeper.slot_count > 0 && site->writer->type == SCHEMA_RECORD) {
        compile_record(compiler, &deeper);
    } else if (deeper.slot_count > 0 && site->writer->type == SCHEMA_MAP) {
        compile_map(compiler, &deeper);
    } else {
        slots_absent(compiler, &deeper);
        compile_skip(compiler, site->writer, site->depth, site->place);
    }
}

static void compile_value(struct compiler *compiler, const struct site *site)
{
    struct site resolved = *site;

    if (site->slot_count == 0 || compiler->emitter.code != ERR_OK) {
        compile_skip(compiler, site->writer, site->depth, site->place);
        return;
    }
    if (site->writer->type == SCHEMA_UNION) {
        compile_union(compiler, site);
        return;
    }
    resolved.reader = resolve_type(site->writer, site->reader);
    if (resolved.reader == NULL) {
        slots_emit_unfit(compiler, site);
        compile_skip(compiler, site->writer, site->depth, site->place);
        return;
    }
    compile_resolved(compiler, &resolved);
}

/* The subroutines that were called, and those that they call. */
static void compile_subroutines(struct compiler *compiler)
{
    struct plan *plan = compiler->emitter.plan;
    uint32_t *starts = NULL;

    compiler->in_subroutine = true;
    for (uint32_t i = 0; i < compiler->subroutines.count && compiler->emitter.code == ERR_OK; i++) {
        const struct schema_node *node;
        uint32_t place;

        memcpy(&node, intern_name(&compiler->subroutines, i).data, sizeof(node));
        starts = emit_grow(starts, i, sizeof(starts[0]));
        starts[i] = emit_label(&compiler->emitter);
        place = emit_place(&compiler->emitter, UINT32_MAX, node->name);
        compile_skip_fields(compiler, node, 0, place);
        (void)emit(&compiler->emitter, PLAN_RETURN, 0, 0, place);
    }
    for (uint32_t i = 0; i < plan->code_count && compiler->emitter.code == ERR_OK; i++) {
        if (plan->code[i].operation == PLAN_CALL) {
            plan->code[i].a = starts[plan->code[i].a];
        }
    }
    memory_free(starts);
}

enum err_code plan_code_compile(struct plan *plan, const struct schema_node *writer,
                                const struct schema_node *reader, struct plan_slots *slots,
                                struct err *err)
{
    struct compiler compiler = {.emitter = {.plan = plan, .err = err}, .slots = slots};
    uint32_t all[PLAN_SLOTS_MAX];
    struct site root = {.writer = writer,
                        .reader = reader,
                        .slots = all,
                        .slot_count = plan->slot_count,
                        .place = UINT32_MAX};

    for (uint32_t i = 0; i < plan->slot_count; i++) {
        all[i] = i;
    }
    intern_init(&compiler.subroutines);
    compile_value(&compiler, &root);
    (void)emit(&compiler.emitter, PLAN_END, 0, 0, UINT32_MAX);
    compile_subroutines(&compiler);
    intern_release(&compiler.subroutines);
    return compiler.emitter.code;
}
