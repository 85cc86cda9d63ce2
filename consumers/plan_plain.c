/*
 * The plain record: a request of a service, with a time, a numeric status and perhaps a latency, under a mapping that asks for nothing else.
 *
 * Most records of most topics are plain, and these few lines are all that happens to them between the walk and the window. Nothing is refused
 * here: whatever is not as it should be is left to plan_run.c, which knows the order of the rules and what to say.
 */
#include "base/check.h"
#include "base/clock.h"
#include "consumers/convert.h"
#include "consumers/outcome.h"
#include "consumers/plain_name.h"
#include "consumers/plan_code.h"
#include "consumers/plan_lanes.h"

bool plan_is_plain(const struct plan *plan)
{
    const struct mapping *mapping = plan->mapping;
    const int unmapped[] = {plan->instance_slot, plan->customer_slot, plan->region_slot,
                            plan->checker_slot,  plan->id_slot,       plan->weight_slot};

    for (size_t i = 0; i < ARRAY_COUNT(unmapped); i++) {
        if (unmapped[i] != PLAN_SLOT_NONE) {
            return false;
        }
    }
    return mapping->kind == EVENT_REQUEST && mapping->exclusion_count == 0 &&
           mapping->service_part_count == 1 && plan->service_slots[0] != PLAN_SLOT_NONE &&
           (plan->latency_slot == PLAN_SLOT_NONE || mapping->latency_unit_ns > 0);
}

/* What a mapping asks of values, and the values. */
struct limits {
    const struct outcome_rules *outcome_rules;
    int64_t max_ahead_ns, max_age_ns;
    int64_t time_unit_ns, latency_unit_ns; /* 1 to one day; latency 0: none is mapped */
};

struct values {
    int64_t status, time, latency;
};

static inline struct limits limits_of(const struct plan *plan, enum schema_logical time_unit)
{
    const struct mapping *mapping = plan->mapping;

    CHECK(mapping->latency_unit_ns <= NS_PER_DAY);
    return (struct limits){&mapping->outcome_rules, mapping->max_ahead_ns, mapping->max_age_ns,
                           convert_unit_ns(time_unit),
                           plan->latency_slot != PLAN_SLOT_NONE ? mapping->latency_unit_ns : 0};
}

/* As convert_integer, from 0 on. */
static inline bool scaled(int64_t value, int64_t unit_ns, int64_t *ret_ns)
{
    return !__builtin_mul_overflow(value, unit_ns, ret_ns) && *ret_ns >= 0;
}

static inline bool time_plain(const struct limits *limits, int64_t time, int64_t record_time_ns,
                              int64_t *ret_ns)
{
    int64_t ahead_ns;

    return scaled(time, limits->time_unit_ns, ret_ns) &&
           !__builtin_sub_overflow(*ret_ns, record_time_ns, &ahead_ns) &&
           ahead_ns <= limits->max_ahead_ns && ahead_ns >= -limits->max_age_ns;
}

static inline bool latency_plain(const struct limits *limits, int64_t latency, int64_t *ret_ns)
{
    if (limits->latency_unit_ns == 0) {
        *ret_ns = LATENCY_UNKNOWN;
        return true;
    }
    return scaled(latency, limits->latency_unit_ns, ret_ns) && *ret_ns <= LATENCY_NS_MAX;
}

static inline bool judge(const struct limits *limits, const struct values *values,
                         int64_t record_time_ns, struct plan_plain *ret_plain)
{
    return outcome_of_status(limits->outcome_rules, values->status, &ret_plain->outcome) ==
               OUTCOME_JUDGED &&
           time_plain(limits, values->time, record_time_ns, &ret_plain->time_ns) &&
           latency_plain(limits, values->latency, &ret_plain->latency_ns);
}

void plan_plain_lanes(const struct plan *plan, struct plan_lanes *lanes)
{
    const struct limits limits = limits_of(plan, plan->time_unit);
    const int64_t *times = lanes->numbers[plan->time_slot],
                  *statuses = lanes->numbers[plan->outcome_slot],
                  *latencies =
                      limits.latency_unit_ns != 0 ? lanes->numbers[plan->latency_slot] : times;

    for (size_t i = 0; i < lanes->count; i++) {
        const struct values values = {statuses[i], times[i], latencies[i]};

        if (lanes->open[i] ||
            !judge(&limits, &values, lanes->record_times_ns[i], &lanes->plains[i])) {
            lanes->open[i] = true;
        }
    }
}

void plan_plain_event(const struct plan *plan, struct event *ret_event)
{
    const struct str none = {NULL, 0};

    ret_event->kind = EVENT_REQUEST;
    ret_event->service_number = 0;
    ret_event->latency_threshold_ns = LATENCY_THRESHOLD_NONE;
    ret_event->wanted = NULL;
    ret_event->weight = 1;
    ret_event->interval_ns = plan->mapping->interval_default_ns;
    ret_event->customer = none;
    ret_event->id = none;
    ret_event->instance = none;
    ret_event->region = none;
    ret_event->checker = none;
}

bool plan_plain(const struct plan *plan, const struct value *slots, int64_t record_time_ns,
                struct event *ret_event)
{
    const struct value *service = &slots[plan->service_slots[0]],
                       *status = &slots[plan->outcome_slot], *time = &slots[plan->time_slot],
                       *latency =
                           plan->latency_slot != PLAN_SLOT_NONE ? &slots[plan->latency_slot] : time;
    const struct values values = {status->number, time->number, latency->number};
    struct limits limits;
    struct plan_plain plain;

    if (service->kind != VALUE_TEXT || status->kind != VALUE_INTEGER ||
        time->kind != VALUE_INTEGER || latency->kind != VALUE_INTEGER ||
        time->logical == SCHEMA_LOGICAL_NONE || !plain_name(value_view(service))) {
        return false;
    }
    limits = limits_of(plan, (enum schema_logical)time->logical);
    if (!judge(&limits, &values, record_time_ns, &plain)) {
        return false;
    }
    plan_plain_event(plan, ret_event);
    plan_plain_tell(&plain, value_view(service), ret_event);
    return true;
}
