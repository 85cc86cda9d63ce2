#include "aggregator/grade_hour.h"

#include <string.h>

#include "aggregator/carried.h"
#include "base/check.h"

/* The minutes in which every topic of the list carried events. */
static uint64_t all_active(const struct topic_list *topics, const struct grade_hour_input *input)
{
    uint64_t minutes = topics->count > 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < topics->count; i++) {
        minutes &= activity_minutes(input->topics, input->topic_count, topics->names[i]);
    }
    return minutes;
}

/* The topics of the latest hour that had any: one that a service has moved away from does not count for ever. */
static void take_topics(struct carried *state, const struct grade_hour_input *input)
{
    if (input->request_topic_count > 0) {
        state->request_topics =
            (struct topic_list){input->request_topics, input->request_topic_count};
    }
    if (input->check_topic_count > 0) {
        state->check_topics = (struct topic_list){input->check_topics, input->check_topic_count};
    }
}

static enum grade grade_minute(struct carried *state, struct check_hour *walk,
                               const struct grade_hour_input *input, int minute, bool topic_active,
                               const struct grading_rules *rules)
{
    struct raw_minute raw = {.topic_active = topic_active};
    bool counted = input->requests != NULL && input->requests[minute].records > 0;

    check_hour_step(walk, &raw.checks);
    state->has_requests = state->has_requests || counted;
    state->provisioned = state->provisioned || counted || check_hour_reported(walk, minute);
    if (!state->provisioned) {
        return GRADE_NOT_PROVISIONED;
    }
    raw.has_requests = state->has_requests;
    raw.requests = counted ? &input->requests[minute] : NULL;
    return raw_grade_minute(&raw, rules);
}

static void pack_state(struct carried *state, const struct check_hour *walk,
                       struct strbuf *ret_carried)
{
    const struct check_slot *slot;

    state->slot_count = 0;
    for (size_t cursor = 0; check_hour_slot(walk, &cursor) != NULL;) {
        state->slot_count++;
    }
    carried_pack(state, ret_carried);
    for (size_t cursor = 0; (slot = check_hour_slot(walk, &cursor)) != NULL;) {
        carried_pack_slot(slot, ret_carried);
    }
}

enum err_code grade_hour(struct str carried, const struct grade_hour_input *input,
                         const struct grading_rules *rules, struct arena *scratch,
                         uint8_t ret_grades[TALLY_MINUTES], struct strbuf *ret_carried,
                         struct err *err)
{
    struct carried state;
    struct check_hour walk;
    uint64_t requests_active;
    uint64_t checks_active;
    enum err_code code;

    CHECK(input->closed_minutes > 0);
    CHECK(input->closed_minutes <= TALLY_MINUTES);
    code = carried_unpack(carried, scratch, &state, err);
    if (code != ERR_OK) {
        return code;
    }
    take_topics(&state, input);
    requests_active = all_active(&state.request_topics, input);
    checks_active = all_active(&state.check_topics, input);
    check_hour_init(&walk, input->hour, state.slots, state.slot_count, input->checks,
                    input->check_count, input->checkers, input->checker_count);
    memset(ret_grades, GRADE_PIPELINE_GAP, TALLY_MINUTES);
    for (int minute = 0; minute < input->closed_minutes; minute++) {
        uint64_t active = state.request_topics.count > 0 ? requests_active : checks_active;

        ret_grades[minute] =
            (uint8_t)grade_minute(&state, &walk, input, minute, (active >> minute & 1) != 0, rules);
    }
    state.closed_minutes = input->closed_minutes;
    pack_state(&state, &walk, ret_carried);
    check_hour_release(&walk);
    return ERR_OK;
}
