#include "aggregator/grade_hour.h"

#include <string.h>

#include "aggregator/carried.h"
#include "base/check.h"

/* The minutes in which records of the topic were lost. */
static uint64_t lost_minutes(const struct grade_hour_input *input, struct str topic)
{
    uint64_t minutes = 0;

    for (size_t i = 0; i < input->lost_count; i++) {
        if (str_equal(input->lost[i].name, topic)) {
            minutes |= input->lost[i].minutes;
        }
    }
    return minutes;
}

static uint64_t any_lost(const struct topic_list *topics, const struct grade_hour_input *input)
{
    uint64_t minutes = 0;

    for (size_t i = 0; i < topics->count; i++) {
        minutes |= lost_minutes(input, topics->names[i]);
    }
    return minutes;
}

/* The minutes in which every topic of the list carried events. */
static uint64_t all_active(const struct topic_list *topics, const struct grade_hour_input *input)
{
    uint64_t minutes = topics->count > 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < topics->count; i++) {
        minutes &= activity_minutes(input->topics, input->topic_count, topics->names[i]);
    }
    return minutes;
}

static struct str *put_name(struct str *at, struct str name)
{
    *at = name;
    return at + 1;
}

/* The topics of the latest hour that had any: one that a service has moved away from does not count for ever. But one that lost records
 * in this hour may be silent for that reason, and stays. */
static void take_topics(struct topic_list *list, const struct str *names, size_t count,
                        const struct grade_hour_input *input, struct arena *scratch)
{
    struct str *merged;
    struct str *end;
    size_t i = 0;

    if (count == 0) {
        return;
    }
    merged = end = arena_calloc(scratch, list->count + count, sizeof(*merged));
    for (size_t k = 0; k < list->count; k++) {
        int order = -1;

        while (i < count && (order = str_compare(names[i], list->names[k])) < 0) {
            end = put_name(end, names[i++]);
        }
        if ((i == count || order != 0) && lost_minutes(input, list->names[k]) != 0) {
            end = put_name(end, list->names[k]);
        }
    }
    while (i < count) {
        end = put_name(end, names[i++]);
    }
    *list = (struct topic_list){merged, (size_t)(end - merged)};
}

/* What is known of the hour besides its windows, one bit a minute. */
struct known {
    uint64_t active;      /* the topics that silence is measured by carried events */
    uint64_t lost;        /* records of one of the service's topics were lost */
    uint64_t checks_lost; /* ... of one that its checks come from */
};

static void find_known(const struct carried *state, const struct grade_hour_input *input,
                       struct known *ret_known)
{
    uint64_t requests_lost = any_lost(&state->request_topics, input);

    ret_known->checks_lost = any_lost(&state->check_topics, input);
    ret_known->lost = requests_lost | ret_known->checks_lost;
    ret_known->active = state->request_topics.count > 0 ? all_active(&state->request_topics, input)
                                                        : all_active(&state->check_topics, input);
}

static bool bit(uint64_t minutes, int minute)
{
    return (minutes >> minute & 1) != 0;
}

static enum grade grade_minute(struct carried *state, struct check_hour *walk,
                               const struct grade_hour_input *input, int minute,
                               const struct known *known, const struct grading_rules *rules)
{
    struct raw_minute raw = {.topic_active = bit(known->active, minute)};
    bool counted = input->requests != NULL && input->requests[minute].records > 0;
    bool reported = check_hour_reported(walk, minute);
    enum grade grade;

    check_hour_step(walk, &raw.checks);
    state->has_requests = state->has_requests || counted;
    state->provisioned = state->provisioned || counted || reported;
    if (!state->provisioned) {
        return GRADE_NOT_PROVISIONED;
    }
    if (bit(known->checks_lost, minute) && !reported) {
        raw.checks = (struct check_counts){0};
    }
    if (input->seen != NULL) {
        input->seen[minute] = raw.checks;
    }
    raw.has_requests = state->has_requests;
    raw.requests = counted ? &input->requests[minute] : NULL;
    grade = raw_grade_minute(&raw, rules);
    return bit(known->lost, minute) && !grade_row(grade)->known ? GRADE_PIPELINE_GAP : grade;
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

static void walk_minutes(struct carried *state, struct check_hour *walk,
                         const struct grade_hour_input *input, const struct known *known,
                         const struct grading_rules *rules, uint8_t ret_grades[TALLY_MINUTES],
                         uint64_t *ret_incomplete)
{
    *ret_incomplete = 0;
    memset(ret_grades, GRADE_PIPELINE_GAP, TALLY_MINUTES);
    for (int minute = 0; minute < input->closed_minutes; minute++) {
        ret_grades[minute] = (uint8_t)grade_minute(state, walk, input, minute, known, rules);
        if (bit(known->lost, minute) && ret_grades[minute] != GRADE_NOT_PROVISIONED) {
            *ret_incomplete |= UINT64_C(1) << minute;
        }
    }
}

enum err_code grade_hour(struct str carried, const struct grade_hour_input *input,
                         const struct grading_rules *rules, struct arena *scratch,
                         uint8_t ret_grades[TALLY_MINUTES], uint64_t *ret_incomplete,
                         struct strbuf *ret_carried, struct err *err)
{
    struct carried state;
    struct check_hour walk;
    struct known known;
    enum err_code code;

    CHECK(input->closed_minutes > 0);
    CHECK(input->closed_minutes <= TALLY_MINUTES);
    code = carried_unpack(carried, scratch, &state, err);
    if (code != ERR_OK) {
        return code;
    }
    take_topics(&state.request_topics, input->request_topics, input->request_topic_count, input,
                scratch);
    take_topics(&state.check_topics, input->check_topics, input->check_topic_count, input, scratch);
    find_known(&state, input, &known);
    check_hour_init(&walk, input->hour, state.slots, state.slot_count, input->checks,
                    input->check_count, input->checkers, input->checker_count);
    walk.lost = known.checks_lost;
    walk_minutes(&state, &walk, input, &known, rules, ret_grades, ret_incomplete);
    state.closed_minutes = input->closed_minutes;
    pack_state(&state, &walk, ret_carried);
    check_hour_release(&walk);
    return ERR_OK;
}
