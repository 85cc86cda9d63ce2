#include "consumers/plan_lanes.h"

#include "base/check.h"
#include "consumers/plan_steps.h"

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
        return in->b >> 8 == VALUE_INTEGER;
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
    plan->by_lanes =
        plan->plain && plan->slot_count <= PLAN_LANE_SLOTS_MAX &&
        plan->time_slot != plan->service_slots[0] && plan->outcome_slot != plan->service_slots[0] &&
        plan->latency_slot != plan->service_slots[0] && goes_straight(plan, &slots) &&
        slots == (UINT32_C(1) << plan->slot_count) - 1 && plan->time_unit != SCHEMA_LOGICAL_NONE;
}

/* --- the walk --- */

__attribute__((cold, noinline)) static void leave_open(struct plan_lanes *lanes, size_t i)
{
    lanes->open[i] = true;
    lanes->at[i] = lanes->end[i];
}

static inline const uint8_t *number(const uint8_t *begin, const uint8_t *p, const uint8_t *end,
                                    uint64_t raw_max, int64_t *ret_number)
{
    uint64_t raw;

    p = varint_wide(begin, p, end, &raw);
    if (p == NULL || raw > raw_max) {
        return NULL;
    }
    *ret_number = zigzag(raw);
    return p;
}

/* One value of one lane. */
static inline const uint8_t *step(struct plan_lanes *lanes, size_t i, const uint8_t *p,
                                  enum plan_operation operation, uint32_t a)
{
    const uint8_t *begin = lanes->begin[i], *end = lanes->end[i];

    switch (operation) {
    case PLAN_SKIP_LONG:
        return varint_pass(begin, p, end);
    case PLAN_READ_INT:
        return number(begin, p, end, UINT32_MAX, &lanes->numbers[a][i]);
    case PLAN_READ_LONG:
        return number(begin, p, end, UINT64_MAX, &lanes->numbers[a][i]);
    case PLAN_READ_TEXT:
        return sized_in(begin, p, end, &lanes->services[i]);
    default:
        return skip_values(begin, p, end, operation, about_one(operation) ? a : 1);
    }
}

/* The same of a nullable one: a null is passed over, or left open if the value is wanted. */
static inline const uint8_t *nullable_step(struct plan_lanes *lanes, size_t i, const uint8_t *p,
                                           enum plan_operation operation, uint32_t a, uint32_t null)
{
    uint64_t index;

    p = index_in(lanes->begin[i], p, lanes->end[i], 2, &index);
    if (p != NULL && index != null) {
        return step(lanes, i, p, operation, a);
    }
    return reads(operation) ? NULL : p;
}

/* One value of each lane. operation and nullable are constants, so that what is left of it is a short loop. */
__attribute__((always_inline)) static inline void each_lane(struct plan_lanes *lanes,
                                                            enum plan_operation operation,
                                                            uint32_t a, bool nullable,
                                                            uint32_t null)
{
    for (size_t i = 0; i < lanes->count; i++) {
        const uint8_t *p = nullable ? nullable_step(lanes, i, lanes->at[i], operation, a, null)
                                    : step(lanes, i, lanes->at[i], operation, a);

        if (p == NULL) {
            leave_open(lanes, i);
        } else {
            lanes->at[i] = p;
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
        lanes->at[i] = lanes->begin[i];
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
        lanes->open[i] |= lanes->at[i] != lanes->end[i];
    }
    plan_plain_lanes(plan, lanes);
}
