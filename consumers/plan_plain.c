/*
 * The plain record: a request of a service, with a time, a numeric status and perhaps a latency, under a mapping that asks for nothing else.
 *
 * Most records of most topics are plain, and these few lines are all that happens to them between the walk and the window. Nothing is refused
 * here: whatever is not as it should be is left to plan_run.c, which knows the order of the rules and what to say.
 */
#include "base/check.h"
#include "consumers/convert.h"
#include "consumers/outcome.h"
#include "consumers/plain_name.h"
#include "consumers/plan_code.h"

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

static inline bool time_plain(const struct plan *plan, const struct value *time,
                              int64_t record_time_ns, int64_t *ret_ns)
{
    int64_t ahead_ns;

    return time->kind == VALUE_INTEGER && time->logical != SCHEMA_LOGICAL_NONE &&
           convert_instant(time->number, (enum schema_logical)time->logical, ret_ns) &&
           *ret_ns >= 0 && !__builtin_sub_overflow(*ret_ns, record_time_ns, &ahead_ns) &&
           ahead_ns <= plan->mapping->max_ahead_ns && ahead_ns >= -plan->mapping->max_age_ns;
}

static inline bool latency_plain(const struct plan *plan, const struct value *slots,
                                 int64_t *ret_ns)
{
    const struct value *latency;

    if (plan->latency_slot == PLAN_SLOT_NONE) {
        *ret_ns = LATENCY_UNKNOWN;
        return true;
    }
    latency = &slots[plan->latency_slot];
    return latency->kind == VALUE_INTEGER &&
           convert_integer(latency->number, plan->mapping->latency_unit_ns, ret_ns) &&
           *ret_ns >= 0 && *ret_ns <= LATENCY_NS_MAX;
}

static inline bool service_plain(const struct value *service, struct str *ret_name)
{
    *ret_name = value_view(service);
    return service->kind == VALUE_TEXT && service->size > 0 && service->size <= NAME_SIZE_MAX &&
           plain_name(*ret_name);
}

bool plan_plain(const struct plan *plan, const struct value *slots, int64_t record_time_ns,
                struct event *ret_event)
{
    const struct value *status = &slots[plan->outcome_slot];

    if (status->kind != VALUE_INTEGER ||
        outcome_of_request(&plan->mapping->outcome_rules, status, &ret_event->outcome) !=
            OUTCOME_JUDGED ||
        !service_plain(&slots[plan->service_slots[0]], &ret_event->service) ||
        !time_plain(plan, &slots[plan->time_slot], record_time_ns, &ret_event->time_ns) ||
        !latency_plain(plan, slots, &ret_event->latency_ns)) {
        return false;
    }
    ret_event->weight = 1;
    ret_event->interval_ns = plan->mapping->interval_default_ns;
    ret_event->instance = ret_event->customer = ret_event->region = ret_event->checker =
        ret_event->id = str_of(NULL, 0);
    return true;
}
