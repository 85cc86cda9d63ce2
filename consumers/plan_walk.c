/*
 * The walk over a payload. Every byte is foreign: each read is bounded by `end`, each count by the bytes left or by the
 * record's budget of items, each level by the stack. Steps take a position and return the next one, or NULL when a
 * rule is broken; positions and not a struct, so that they stay in registers.
 */
#include "base/check.h"
#include "consumers/plan_code.h"
#include "consumers/plan_steps.h"

struct frame {
    uint32_t pc;              /* where a subroutine returns to; of a loop the body */
    uint32_t exit;            /* of a loop: behind it */
    uint32_t base;            /* depth to return to */
    uint64_t left;            /* items of the block, this one included */
    const uint8_t *block_end; /* if the block told its size in bytes, else NULL */
};

struct walk {
    const struct plan *plan;
    const uint8_t *begin, *end;
    int64_t budget; /* items that the record may still have */
    uint32_t pc;
    uint32_t base; /* levels that were open when this subroutine was called */
    uint32_t frame_count;
    const struct plan_instruction *failed; /* by which a rule is broken; NULL: not yet */
    const uint8_t *failed_at;
    enum verdict verdict; /* of the rule that was broken, if not malformed */
    const char *cause;
    struct frame frames[PLAN_DEPTH_MAX];
};

/* What is wrong when an operation fails without a cause of its own. */
static const char *const causes[] = {
    [PLAN_UNION] = "no such branch of the union",
    [PLAN_OPTION] = "no such branch of the union",
    [PLAN_KEY] = "a length that runs past the end",
    [PLAN_SKIP_BOOLEAN] = "a boolean that is neither 0 nor 1",
    [PLAN_SKIP_INT] = "an int that is cut off or does not fit 32 bits",
    [PLAN_SKIP_LONG] = "a number that is cut off or longer than 10 bytes",
    [PLAN_SKIP_FIXED] = "the payload ends too early",
    [PLAN_SKIP_BYTES] = "a length that runs past the end",
    [PLAN_SKIP_ENUM] = "no such symbol of the enum",
    [PLAN_READ_BOOLEAN] = "a boolean that is neither 0 nor 1",
    [PLAN_READ_INT] = "an int that is cut off or does not fit 32 bits",
    [PLAN_READ_LONG] = "a number that is cut off or longer than 10 bytes",
    [PLAN_READ_FLOAT] = "the payload ends too early",
    [PLAN_READ_DOUBLE] = "the payload ends too early",
    [PLAN_READ_TEXT] = "a length that runs past the end",
    [PLAN_READ_BYTES] = "a length that runs past the end",
    [PLAN_READ_FIXED] = "the payload ends too early",
    [PLAN_READ_ENUM] = "no such symbol of the enum",
    [PLAN_CLEAR] = NULL,
};

static const uint8_t *refuse(struct walk *walk, enum verdict verdict, const char *cause)
{
    walk->verdict = verdict;
    walk->cause = cause;
    return NULL;
}

/* The head of the next block: *ret_count is 0 behind the last one. width: bytes that an item takes at least. */
static const uint8_t *block_head(struct walk *walk, const uint8_t *p, uint64_t width,
                                 uint64_t *ret_count, const uint8_t **ret_block_end)
{
    uint64_t raw, size, count, left;

    *ret_block_end = NULL;
    p = varint_in(walk->begin, p, walk->end, &raw);
    if (p == NULL) {
        return refuse(walk, VERDICT_MALFORMED, "a block count that is cut off or too long");
    }
    count = raw >> 1;
    if ((raw & 1) != 0) {
        count++; /* zigzag: raw = 2n - 1 stands for -n; no overflow, for raw >> 1 has 63 bits */
        p = varint_in(walk->begin, p, walk->end, &size);
        if (p == NULL || (size & 1) != 0 || size >> 1 > (uint64_t)(walk->end - p)) {
            return refuse(walk, VERDICT_MALFORMED, "a block size that runs past the end");
        }
        *ret_block_end = p + (size >> 1);
    }
    left = (uint64_t)(walk->end - p);
    if (width > 0 && (count > left || count * width > left)) { /* both below 2^32 */
        return refuse(walk, VERDICT_MALFORMED, "a block count that runs past the end");
    }
    if (count > (uint64_t)walk->budget) {
        return refuse(walk, VERDICT_TOO_LARGE, "more than 2^20 items in one record");
    }
    walk->budget -= (int64_t)count;
    *ret_count = count;
    return p;
}

static const uint8_t *block_tail(struct walk *walk, const uint8_t *p, const uint8_t *block_end)
{
    return block_end == NULL || block_end == p
               ? p
               : refuse(walk, VERDICT_MALFORMED, "a block whose size in bytes is not what it took");
}

static bool depth_left(struct walk *walk, uint32_t depth)
{
    if (walk->base + depth < PLAN_DEPTH_MAX) {
        return true;
    }
    (void)refuse(walk, VERDICT_TOO_DEEP, "nested deeper than 64 levels");
    return false;
}

/* Items of one width (0 included) need no loop. */
static const uint8_t *skip_items(struct walk *walk, const uint8_t *p,
                                 const struct plan_instruction *in)
{
    uint64_t count = 1;
    const uint8_t *block_end;

    if (!depth_left(walk, in->b)) {
        return NULL;
    }
    while (count > 0) {
        p = block_head(walk, p, in->a, &count, &block_end);
        p = p != NULL ? block_tail(walk, p + count * in->a, block_end) : NULL;
        if (p == NULL) {
            return NULL;
        }
    }
    return p;
}

/* A rule is broken by this instruction at this place. */
static const uint8_t *fail_at(struct walk *walk, const struct plan_instruction *in,
                              const uint8_t *at)
{
    walk->failed = in;
    walk->failed_at = at;
    return NULL;
}

/* Items that are one skip, which stands behind this instruction, need no frame and no way through the inner loop. */
static const uint8_t *skip_each(struct walk *walk, const uint8_t *p,
                                const struct plan_instruction *in)
{
    const struct plan_instruction *item = in + 1;
    const uint8_t *begin = walk->begin, *end = walk->end, *block_end = NULL, *behind;
    uint64_t count = 1;

    if (!depth_left(walk, in->b)) {
        return NULL;
    }
    while (count > 0) {
        behind = block_head(walk, p, 1, &count, &block_end);
        for (uint64_t left = count; behind != NULL && left > 0; left--) {
            p = behind;
            behind = skip_values(begin, p, end, (enum plan_operation)item->operation, item->a);
            if (behind == NULL) {
                return fail_at(walk, item, p);
            }
        }
        if (behind == NULL) {
            return fail_at(walk, in, p);
        }
        p = behind;
        if (block_tail(walk, p, block_end) == NULL) {
            return fail_at(walk, in, p);
        }
    }
    return p;
}

/* The innermost loop begins its next block, or ends. */
static const uint8_t *loop_block(struct walk *walk, const uint8_t *p)
{
    struct frame *frame = &walk->frames[walk->frame_count - 1];

    p = block_head(walk, p, 1, &frame->left, &frame->block_end);
    if (p != NULL && frame->left > 0) {
        walk->pc = frame->pc;
    } else if (p != NULL) {
        p = block_tail(walk, p, frame->block_end);
        walk->pc = frame->exit;
        walk->frame_count--;
    }
    return p;
}

static const uint8_t *loop_begin(struct walk *walk, const uint8_t *p,
                                 const struct plan_instruction *in)
{
    if (!depth_left(walk, in->b)) {
        return NULL;
    }
    walk->frames[walk->frame_count++] =
        (struct frame){.pc = walk->pc, .exit = in->a, .base = walk->base};
    return loop_block(walk, p);
}

/* Another item of the block that the innermost loop is in. */
static inline bool item_left(struct walk *walk)
{
    struct frame *frame = &walk->frames[walk->frame_count - 1];

    walk->pc = frame->pc;
    return --frame->left > 0;
}

static const uint8_t *block_next(struct walk *walk, const uint8_t *p)
{
    p = block_tail(walk, p, walk->frames[walk->frame_count - 1].block_end);
    return p != NULL ? loop_block(walk, p) : NULL;
}

/* Into a subroutine; false if it would be too deep. */
static inline bool call(struct walk *walk, const struct plan_instruction *in, uint32_t pc)
{
    if (!depth_left(walk, in->b)) {
        return false;
    }
    walk->frames[walk->frame_count++] = (struct frame){.pc = pc, .base = walk->base};
    walk->base += in->b + 1;
    return true;
}

/* Where it goes on behind a subroutine. */
static inline uint32_t return_from(struct walk *walk)
{
    const struct frame *frame;

    CHECK(walk->frame_count > 0);
    frame = &walk->frames[--walk->frame_count];
    walk->base = frame->base;
    return frame->pc;
}

static const uint8_t *branch(struct walk *walk, const uint8_t *p, const struct plan_instruction *in)
{
    uint64_t index;

    p = index_in(walk->begin, p, walk->end, in->b, &index);
    walk->pc = p != NULL ? walk->plan->addresses[in->a + index] : walk->pc;
    return p;
}

static const uint8_t *key(struct walk *walk, const uint8_t *p, const struct plan_instruction *in)
{
    struct str text;

    p = sized_in(walk->begin, p, walk->end, &text);
    for (uint32_t i = 0; i < in->b && p != NULL; i++) {
        if (str_equal(walk->plan->keys[in->a + i].key, text)) {
            walk->pc = walk->plan->keys[in->a + i].address;
            break;
        }
    }
    return p;
}

/* Operations that change where the walk goes on. */
static const uint8_t *control(struct walk *walk, const uint8_t *p,
                              const struct plan_instruction *in)
{
    switch ((enum plan_operation)in->operation) {
    case PLAN_UNION:
        return branch(walk, p, in);
    case PLAN_ARRAY:
        return loop_begin(walk, p, in);
    case PLAN_ITEMS:
        return skip_items(walk, p, in);
    case PLAN_EACH:
        walk->pc = in->a;
        return skip_each(walk, p, in);
    case PLAN_NEXT:
        return block_next(walk, p);
    case PLAN_KEY:
        return key(walk, p, in);
    default:
        CHECK(!"an operation that the compiler does not write");
        return NULL;
    }
}

/* One instruction that reads into a slot; the most frequent ones stand in the inner loop. */
static const uint8_t *read_slot(const struct walk *walk, const uint8_t *p,
                                const struct plan_instruction *in, struct value *value)
{
    const struct plan *plan = walk->plan;
    const uint8_t *end = walk->end;

    switch ((enum plan_operation)in->operation) {
    case PLAN_READ_BOOLEAN:
        return read_boolean(p, end, value);
    case PLAN_READ_FLOAT:
        return read_bits(p, end, 4, VALUE_FLOAT, value);
    case PLAN_READ_DOUBLE:
        return read_bits(p, end, 8, VALUE_DOUBLE, value);
    case PLAN_READ_BYTES:
        return read_sized(walk->begin, p, end, VALUE_BYTES, value);
    case PLAN_READ_FIXED:
        return read_fixed(p, end, in->b, value);
    case PLAN_READ_ENUM:
        return read_enum(walk->begin, p, end, &plan->symbols[in->b], value);
    case PLAN_CONSTANT:
        *value = plan->constants[in->b];
        return p;
    case PLAN_UNFIT:
        value->kind = VALUE_UNFIT;
        return p;
    default: /* PLAN_CLEAR */
        value->kind = VALUE_ABSENT;
        return p;
    }
}

static void fault_set(const struct walk *walk, struct plan_fault *ret_fault)
{
    const struct plan_instruction *in = walk->failed;
    const uint8_t *at = walk->failed_at;
    uint32_t place = in->place;

    if (in->operation == PLAN_SKIP_BOOLEAN || in->operation == PLAN_SKIP_INT ||
        in->operation == PLAN_SKIP_LONG || in->operation == PLAN_SKIP_BYTES) {
        for (const uint8_t *p = at; p != NULL;) {
            at = p;
            p = skip_values(walk->begin, p, walk->end, (enum plan_operation)in->operation, 1);
            place += p != NULL;
        }
    }
    *ret_fault = (struct plan_fault){
        .verdict = walk->verdict,
        .cause = walk->cause != NULL ? walk->cause : causes[in->operation],
        .place = place,
        .at = (size_t)(at - walk->begin),
    };
}

static void walk_init(struct walk *walk, const struct plan *plan, struct str payload)
{
    walk->plan = plan;
    walk->begin = (const uint8_t *)(payload.size > 0 ? payload.data : "");
    walk->end = walk->begin + payload.size;
    walk->budget = PLAN_ITEMS_MAX;
    walk->base = walk->frame_count = 0;
    walk->verdict = VERDICT_MALFORMED;
    walk->cause = NULL;
    walk->failed = NULL;
}

static inline struct value *slot_at(struct value *slots, const struct plan_instruction *in,
                                    const uint8_t *start, const uint8_t *p)
{
    slots[in->a].at = (uint32_t)(p - start);
    return &slots[in->a];
}

/* Instructions that are rare; walk->pc may move. */
__attribute__((noinline)) static const uint8_t *other(struct walk *walk, const uint8_t *p,
                                                      const struct plan_instruction *in,
                                                      struct value *slots)
{
    walk->pc = (uint32_t)(in - walk->plan->code) + 1;
    if (in->operation >= PLAN_READ_BOOLEAN) {
        return read_slot(walk, p, in, slot_at(slots, in, walk->begin, p));
    }
    if (in->operation == PLAN_SKIP_BOOLEAN) {
        return skip_boolean(p, walk->end, in->a);
    }
    return control(walk, p, in);
}

/* The inner loop. Positions are locals whose address nobody takes, so that they stay in registers, and what most fields need stands
 * in one switch. NULL: a rule is broken, by walk->failed. */
__attribute__((noinline)) static const uint8_t *walk_all(struct walk *walk, struct value *slots)
{
    const struct plan_instruction *code = walk->plan->code, *in = code;
    const uint8_t *begin = walk->begin, *end = walk->end, *p = begin, *behind;
    uint64_t index;

    for (;; p = behind, in++) {
        switch ((enum plan_operation)in->operation) {
        case PLAN_END:
            return p;
        case PLAN_RETURN:
            in = &code[return_from(walk)] - 1;
            behind = p;
            continue;
        case PLAN_CALL:
            behind = call(walk, in, (uint32_t)(in - code) + 1) ? p : NULL;
            in = behind != NULL ? &code[in->a] - 1 : in;
            break;
        case PLAN_JUMP:
            in = &code[in->a] - 1;
            behind = p;
            continue;
        case PLAN_NEXT:
            behind = item_left(walk) ? p : other(walk, p, in, slots);
            in = behind != NULL ? &code[walk->pc] - 1 : in;
            break;
        case PLAN_SKIP_INT:
            behind = skip_int(begin, p, end, in->a);
            break;
        case PLAN_SKIP_LONG:
            behind = skip_long(begin, p, end, in->a);
            break;
        case PLAN_SKIP_BYTES:
            behind = skip_bytes(begin, p, end, in->a);
            break;
        case PLAN_SKIP_FIXED:
            behind = fixed(p, end, in->a);
            break;
        case PLAN_SKIP_ENUM:
            behind = index_in(begin, p, end, in->a, &index);
            break;
        case PLAN_OPTION:
            behind = index_in(begin, p, end, 2, &index);
            in = behind != NULL && index == in->b ? &code[in->a] - 1 : in;
            break;
        case PLAN_READ_INT:
            behind = read_integer(begin, p, end, UINT32_MAX, in->b, slot_at(slots, in, begin, p));
            break;
        case PLAN_READ_LONG:
            behind = read_integer(begin, p, end, UINT64_MAX, in->b, slot_at(slots, in, begin, p));
            break;
        case PLAN_READ_TEXT:
            behind = read_sized(begin, p, end, VALUE_TEXT, slot_at(slots, in, begin, p));
            break;
        case PLAN_UNION:
        case PLAN_ARRAY:
        case PLAN_ITEMS:
        case PLAN_EACH:
        case PLAN_KEY:
        case PLAN_SKIP_BOOLEAN:
        case PLAN_READ_BOOLEAN:
        case PLAN_READ_FLOAT:
        case PLAN_READ_DOUBLE:
        case PLAN_READ_BYTES:
        case PLAN_READ_FIXED:
        case PLAN_READ_ENUM:
        case PLAN_CONSTANT:
        case PLAN_UNFIT:
        case PLAN_CLEAR:
            behind = other(walk, p, in, slots);
            in = behind != NULL ? &code[walk->pc] - 1 : in;
            break;
        default:
            __builtin_unreachable();
        }
        if (behind == NULL) {
            break;
        }
    }
    return walk->failed != NULL ? NULL : fail_at(walk, in, p);
}

bool plan_walk(const struct plan *plan, struct str payload, struct value *slots,
               struct plan_fault *ret_fault)
{
    const uint8_t *p;
    struct walk walk;

    walk_init(&walk, plan, payload);
    p = walk_all(&walk, slots);
    if (p == NULL) {
        fault_set(&walk, ret_fault);
        return false;
    }
    if (p != walk.end) {
        *ret_fault = (struct plan_fault){VERDICT_MALFORMED, "bytes are left over", UINT32_MAX,
                                         (size_t)(p - walk.begin)};
    }
    return p == walk.end;
}

void plan_place_text(const struct plan *plan, uint32_t place, char *ret_text, size_t size)
{
    struct str names[PLAN_DEPTH_MAX * 2];
    size_t count = 0;
    size_t used = 0;

    CHECK(size > 0);
    for (; place != UINT32_MAX && count < ARRAY_COUNT(names); place = plan->places[place].outer) {
        names[count++] = plan->places[place].name;
    }
    while (count-- > 0) {
        for (size_t i = 0; i < names[count].size && used + 2 < size; i++) {
            ret_text[used++] = names[count].data[i];
        }
        if (count > 0 && names[count - 1].data[0] != '[' && used + 2 < size) {
            ret_text[used++] = '.';
        }
    }
    ret_text[used] = '\0';
}
