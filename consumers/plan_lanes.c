#include "consumers/plan_lanes.h"

#include "base/check.h"
#include "consumers/plan_bytes.h"

/* --- which plans --- */

static inline bool reads(enum plan_operation operation)
{
    return operation >= PLAN_READ_BOOLEAN;
}

/* Instructions of which there may be any number in a row. */
static bool straight(const struct plan *plan, const struct plan_instruction *in)
{
    switch ((enum plan_operation)in->operation) {
    case PLAN_SKIP_BOOLEAN:
    case PLAN_SKIP_INT:
    case PLAN_SKIP_LONG:
    case PLAN_SKIP_FIXED:
    case PLAN_SKIP_BYTES:
    case PLAN_SKIP_ENUM:
        return true;
    case PLAN_READ_INT:
    case PLAN_READ_LONG:
        return in->b >> 8 == VALUE_INTEGER && (int)in->a != plan->service_slots[0];
    case PLAN_READ_TEXT:
        return (int)in->a == plan->service_slots[0];
    default:
        return false;
    }
}

/* Instructions about one value, whose `a` is not a count. */
static inline bool about_one(enum plan_operation operation)
{
    return operation == PLAN_SKIP_FIXED || operation == PLAN_SKIP_ENUM || reads(operation);
}

/* How many values an instruction skips or reads. */
static inline uint32_t times(const struct plan_instruction *in)
{
    return about_one((enum plan_operation)in->operation) ? 1 : in->a;
}

/* A nullable value that is one instruction. */
static bool simple_option(const struct plan *plan, const struct plan_instruction *in)
{
    return in->operation == PLAN_OPTION && &plan->code[in->a] == in + 2 && straight(plan, in + 1) &&
           times(in + 1) == 1;
}

static bool goes_straight(struct plan *plan, uint32_t *ret_slots)
{
    const struct plan_instruction *in = plan->code;

    *ret_slots = 0;
    for (; in->operation != PLAN_END; in++) {
        in += simple_option(plan, in) ? 1 : 0;
        if (!straight(plan, in)) {
            return false;
        }
        if (reads((enum plan_operation)in->operation)) {
            *ret_slots |= UINT32_C(1) << in->a;
            plan->time_unit = (int)in->a == plan->time_slot ? (enum schema_logical)(in->b & 0xff)
                                                            : plan->time_unit;
        }
    }
    return true;
}

void plan_lanes_prepare(struct plan *plan)
{
    uint32_t slots;

    plan->time_unit = SCHEMA_LOGICAL_NONE;
    plan->by_lanes = plan->plain && plan->slot_count <= PLAN_LANE_SLOTS_MAX &&
                     plan->outcome_slot != plan->service_slots[0] &&
                     plan->latency_slot != plan->service_slots[0] && goes_straight(plan, &slots) &&
                     slots == (UINT32_C(1) << plan->slot_count) - 1 &&
                     plan->time_unit != SCHEMA_LOGICAL_NONE;
}

/* --- the walk --- */

/* How many bytes a value has is asked first, and held against what is left of the payload then, in one place. Where it stands is counted from the end of the
 * payload, so that beyond it is above 0: no payload, and no value that is not refused, is as large as this. */
#define SPAN_NONE (INT64_C(1) << 31)
_Static_assert(PLAN_LANES_SIZE_MAX < SPAN_NONE / 2,
               "no sum of them wraps, or stays in front of the end");

__attribute__((cold, noinline)) static void leave_open(struct plan_lanes *lanes, size_t i)
{
    lanes->open[i] = true;
    lanes->at[i] = 0;
}

/* Of a number of more bytes than are read at once. */
__attribute__((cold, noinline)) static int64_t long_span(const uint8_t *p, const uint8_t *end,
                                                         uint64_t *ret_number)
{
    const uint8_t *behind = varint_long(p, end, ret_number);

    return behind != NULL ? behind - p : SPAN_NONE;
}

static inline int64_t number_span(const uint8_t *p, const uint8_t *end, uint64_t *ret_number)
{
    uint64_t word, ends;
    struct varint number;

    memcpy(&word, p, sizeof(word));
    ends = ~word & UINT64_C(0x8080808080808080);
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || ends == 0) {
        return long_span(p, end, ret_number);
    }
    number = varint_word(p, word, ends);
    *ret_number = number.value;
    return number.behind - p;
}

static inline int64_t read_span(const uint8_t *p, const uint8_t *end, uint64_t raw_max,
                                int64_t *ret_value)
{
    uint64_t raw = 0;
    int64_t span = number_span(p, end, &raw);

    *ret_value = zigzag(raw);
    return raw <= raw_max ? span : SPAN_NONE;
}

/* A length or an index, as a rule of one byte; a negative one is larger than any payload. */
static inline int64_t count_span(const uint8_t *p, const uint8_t *end, uint32_t *ret_count)
{
    uint32_t count = p[0];
    int64_t span = 1;
    uint64_t number = 1;

    if (count >= 0x80) {
        count = (count & 0x7f) | (uint32_t)p[1] << 7;
        span = 2;
        if (p[1] >= 0x80) {
            span = long_span(p, end, &number);
            count = number < SPAN_NONE ? (uint32_t)number : 1;
        }
    }
    *ret_count = count >> 1 | count << 31;
    return span;
}

static inline int64_t sized_span(const uint8_t *p, const uint8_t *end, struct str *ret_bytes)
{
    uint32_t size;
    int64_t span = count_span(p, end, &size);

    *ret_bytes = str_of((const char *)p + span, size);
    return span + (int64_t)size;
}

static inline int64_t index_span(const uint8_t *p, const uint8_t *end, uint32_t count)
{
    uint32_t index;
    int64_t span = count_span(p, end, &index);

    return index < count ? span : SPAN_NONE;
}

/* One value of one lane, which is wanted or passed over. */
static inline int64_t span_of(struct plan_lanes *lanes, size_t i, const uint8_t *p,
                              enum plan_operation operation, uint32_t a)
{
    const uint8_t *end = lanes->end[i];
    int64_t number;
    struct str bytes;

    switch (operation) {
    case PLAN_SKIP_BOOLEAN:
        return *p <= 1 ? 1 : SPAN_NONE;
    case PLAN_SKIP_INT:
        return read_span(p, end, UINT32_MAX, &number);
    case PLAN_SKIP_LONG:
        return read_span(p, end, UINT64_MAX, &number);
    case PLAN_SKIP_FIXED:
        return a;
    case PLAN_SKIP_BYTES:
        return sized_span(p, end, &bytes);
    case PLAN_SKIP_ENUM:
        return index_span(p, end, a);
    case PLAN_READ_INT:
        return read_span(p, end, UINT32_MAX, &lanes->numbers[a][i]);
    case PLAN_READ_LONG:
        return read_span(p, end, UINT64_MAX, &lanes->numbers[a][i]);
    default: /* PLAN_READ_TEXT */
        return sized_span(p, end, &lanes->services[i]);
    }
}

/* The same of a nullable one: a null is passed over, or left open if the value is wanted. */
static inline int64_t nullable_span(struct plan_lanes *lanes, size_t i, const uint8_t *p,
                                    enum plan_operation operation, uint32_t a, uint32_t null)
{
    if (p[0] == 2 - 2 * null) {
        return 1 + span_of(lanes, i, p + 1, operation, a);
    }
    return p[0] == 2 * null && !reads(operation) ? 1 : SPAN_NONE;
}

/* One value of each lane. operation and nullable are constants, so that what is left of it is a short loop. */
__attribute__((always_inline)) static inline void each_lane(struct plan_lanes *lanes,
                                                            enum plan_operation operation,
                                                            uint32_t a, bool nullable,
                                                            uint32_t null)
{
    size_t count = lanes->count;

    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = lanes->end[i] + lanes->at[i];
        int64_t span = nullable ? nullable_span(lanes, i, p, operation, a, null)
                                : span_of(lanes, i, p, operation, a);

        lanes->at[i] += span;
        if (__builtin_expect(lanes->at[i] > 0, 0)) {
            leave_open(lanes, i);
        }
    }
}

__attribute__((always_inline)) static inline void column(struct plan_lanes *lanes,
                                                         const struct plan_instruction *in,
                                                         bool nullable, uint32_t null)
{
    uint32_t a = in->a;

    switch ((enum plan_operation)in->operation) {
    case PLAN_SKIP_BOOLEAN:
        return each_lane(lanes, PLAN_SKIP_BOOLEAN, a, nullable, null);
    case PLAN_SKIP_INT:
        return each_lane(lanes, PLAN_SKIP_INT, a, nullable, null);
    case PLAN_SKIP_LONG:
        return each_lane(lanes, PLAN_SKIP_LONG, a, nullable, null);
    case PLAN_SKIP_FIXED:
        return each_lane(lanes, PLAN_SKIP_FIXED, a, nullable, null);
    case PLAN_SKIP_BYTES:
        return each_lane(lanes, PLAN_SKIP_BYTES, a, nullable, null);
    case PLAN_SKIP_ENUM:
        return each_lane(lanes, PLAN_SKIP_ENUM, a, nullable, null);
    case PLAN_READ_INT:
        return each_lane(lanes, PLAN_READ_INT, a, nullable, null);
    case PLAN_READ_LONG:
        return each_lane(lanes, PLAN_READ_LONG, a, nullable, null);
    case PLAN_READ_TEXT:
        return each_lane(lanes, PLAN_READ_TEXT, a, nullable, null);
    default:
        CHECK(!"an operation that plan_lanes_prepare lets through");
    }
}

static void values(struct plan_lanes *lanes, const struct plan_instruction *in)
{
    for (uint32_t left = times(in); left > 0; left--) {
        column(lanes, in, false, 0);
    }
}

static void option(struct plan_lanes *lanes, const struct plan_instruction *in)
{
    column(lanes, in + 1, true, in->b);
}

void plan_lanes_run(const struct plan *plan, struct plan_lanes *lanes)
{
    const struct plan_instruction *in = plan->code;

    for (size_t i = 0; i < lanes->count; i++) {
        lanes->open[i] = false;
    }
    while (in->operation != PLAN_END) {
        if (in->operation == PLAN_OPTION) {
            option(lanes, in);
            in += 2;
        } else {
            values(lanes, in++);
        }
    }
    for (size_t i = 0; i < lanes->count; i++) {
        lanes->open[i] |= lanes->at[i] != 0;
    }
    plan_plain_lanes(plan, lanes);
}
