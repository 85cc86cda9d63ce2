/*
 * From the values of a record to an event or a verdict.
 *
 * One record gets one verdict, and where several things are wrong the order is fixed: the bytes (plan_walk), exclusions in the
 * order of the configuration, the outcome's own exclusion, service, time, outcome, latency, the other names, weight and interval.
 * So an excluded record is excluded whatever else is in it.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "consumers/convert.h"
#include "consumers/outcome.h"
#include "consumers/plain_name.h"
#include "consumers/plan_code.h"

/* A sampled record stands for so many requests at most: a sum of 2^33 of them still fits 63 bits. */
#define WEIGHT_MAX INT64_C(1000000000)
/* A result that holds longer than the oldest event we take is a mistake in the unit. */
#define INTERVAL_NS_MAX (400 * NS_PER_DAY)

struct run {
    const struct plan *plan;
    const struct mapping *mapping;
    const struct value *slots;
    int64_t record_time_ns;
    struct plan_scratch *scratch;
    struct decoded *decoded;
};

/* The value of a role's slot; absent if the schema has none. */
static const struct value *value_at(const struct run *run, int slot)
{
    static const struct value absent = {.kind = VALUE_ABSENT};

    return slot == PLAN_SLOT_NONE ? &absent : &run->slots[slot];
}

/* Sets verdict and detail; always false, so that steps can end with it. Details are ASCII: what comes from outside must neither
 * forge a line nor break a terminal. */
__attribute__((format(printf, 3, 4), cold)) static bool dead(struct run *run, enum verdict verdict,
                                                             const char *format, ...)
{
    char *detail = run->decoded->detail;
    va_list arguments;

    run->decoded->verdict = verdict;
    va_start(arguments, format);
    (void)vsnprintf(detail, PLAN_DETAIL_SIZE, format, arguments);
    va_end(arguments);
    for (size_t i = 0; detail[i] != '\0'; i++) {
        if (detail[i] < ' ' || detail[i] > '~') {
            detail[i] = '?';
        }
    }
    return false;
}

/* "field latency at byte 41: CAUSE". */
static bool dead_value(struct run *run, enum verdict verdict, int slot, const char *cause)
{
    const struct value *value = value_at(run, slot);

    if (value->kind == VALUE_ABSENT) {
        return dead(run, verdict, "field %.*s: %s", STR_ARGS(run->plan->slot_paths[slot]), cause);
    }
    return dead(run, verdict, "field %.*s at byte %" PRIu32 ": %s",
                STR_ARGS(run->plan->slot_paths[slot]), value->at, cause);
}

/* The start of a value's text, for details. */
static const char *excerpt(const struct value *value, char ret_text[48])
{
    enum { SHOWN = 32 };
    struct str text = value_view(value);
    char digits[STR_INT64_TEXT_SIZE];

    if (value->kind == VALUE_INTEGER) {
        text = str_of(digits, str_int64_text(value->number, digits));
    } else if (value->kind != VALUE_TEXT) {
        return "this value";
    }
    (void)snprintf(ret_text, 48, "\"%.*s\"%s", text.size > SHOWN ? SHOWN : (int)text.size,
                   text.size > 0 ? text.data : "", text.size > SHOWN ? "..." : "");
    return ret_text;
}

static inline bool utf8_checked(struct run *run, int slot)
{
    const struct value *value = value_at(run, slot);

    return value->kind != VALUE_TEXT || str_is_utf8(value_view(value)) ||
           dead_value(run, VERDICT_MALFORMED, slot, "text that is not UTF-8");
}

static bool exclusions_passed(struct run *run)
{
    for (size_t i = 0; i < run->mapping->exclusion_count; i++) {
        const struct exclusion_rule *rule = &run->mapping->exclusions[i];
        int slot = run->plan->exclusion_slots[i];

        if (!utf8_checked(run, slot)) {
            return false;
        }
        if (rules_match(rule->values, rule->value_count, value_at(run, slot))) {
            run->decoded->verdict = VERDICT_RULE;
            run->decoded->rule = rule->name;
            return false;
        }
    }
    return true;
}

/* Judges the outcome first, because it may exclude the record; *ret_known is false if no rule names it. */
static bool outcome_passed(struct run *run, bool *ret_known)
{
    int slot = run->plan->outcome_slot;
    const struct value *value = value_at(run, slot);
    enum outcome *outcome = &run->decoded->event.outcome;
    enum outcome_judgement judgement;

    if (!utf8_checked(run, slot)) {
        return false;
    }
    judgement = run->mapping->kind == EVENT_REQUEST
                    ? outcome_of_request(&run->mapping->outcome_rules, value, outcome)
                    : outcome_of_check(&run->mapping->check_symbols, value, outcome);
    if (judgement == OUTCOME_EXCLUDED) {
        run->decoded->verdict = VERDICT_RULE;
        run->decoded->rule = STR("outcome");
        return false;
    }
    *ret_known = judgement == OUTCOME_JUDGED;
    return true;
}

static bool outcome_refuse(struct run *run)
{
    int slot = run->plan->outcome_slot;
    char text[48];
    char cause[80];

    if (value_at(run, slot)->kind == VALUE_ABSENT) {
        return dead_value(run, VERDICT_BAD_OUTCOME, slot, "no outcome");
    }
    (void)snprintf(cause, sizeof(cause), "no rule names %s", excerpt(value_at(run, slot), text));
    return dead_value(run, VERDICT_BAD_OUTCOME, slot, cause);
}

/* Unicode's control characters: C0, DEL and C1. text is UTF-8. */
static bool has_control(struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == 0x7f ||
            (c == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0)) {
            return true;
        }
    }
    return false;
}

/* The rules of names; NULL if text keeps them, else what is wrong. */
static const char *name_fault(struct str text)
{
    if (text.size == 0) {
        return "an empty name";
    }
    if (text.size > NAME_SIZE_MAX) {
        return "a name longer than 255 bytes";
    }
    if (plain_name(text)) {
        return NULL;
    }
    if (!str_is_utf8(text)) {
        return "a name that is not UTF-8";
    }
    return has_control(text) ? "a name with control characters" : NULL;
}

static char *scratch_take(struct plan_scratch *scratch, size_t size)
{
    char *taken = scratch->bytes + scratch->used;

    CHECK(size <= PLAN_SCRATCH_SIZE - scratch->used); /* a dozen names of at most 512 bytes */
    scratch->used += size;
    return taken;
}

/* Text of a value; false if it cannot be a name. */
static bool name_text(struct run *run, int slot, struct str *ret_text)
{
    const struct value *value = value_at(run, slot);
    char *text;

    switch (value->kind) {
    case VALUE_TEXT:
        *ret_text = value_view(value);
        return true;
    case VALUE_INTEGER:
        text = scratch_take(run->scratch, STR_INT64_TEXT_SIZE);
        *ret_text = str_of(text, str_int64_text(value->number, text));
        return true;
    case VALUE_BYTES:
        if (value->size > NAME_SIZE_MAX / 2) {
            return dead_value(run, VERDICT_BAD_NAME, slot, "a name longer than 255 bytes");
        }
        text = scratch_take(run->scratch, (size_t)value->size * 2);
        value_hex(value_view(value), text);
        *ret_text = str_of(text, (size_t)value->size * 2);
        return true;
    case VALUE_ABSENT:
        return dead_value(run, VERDICT_BAD_NAME, slot, "no name");
    default:
        return dead_value(run, VERDICT_BAD_NAME, slot, "a value that is no name");
    }
}

static bool name_present(struct run *run, int slot, struct str *ret_name)
{
    const char *fault;

    if (!name_text(run, slot, ret_name)) {
        return false;
    }
    fault = name_fault(*ret_name);
    return fault == NULL || dead_value(run, VERDICT_BAD_NAME, slot, fault);
}

static inline bool name_passed(struct run *run, int slot, struct str *ret_name)
{
    ret_name->data = NULL;
    ret_name->size = 0;
    return slot == PLAN_SLOT_NONE || run->slots[slot].kind == VALUE_ABSENT ||
           name_present(run, slot, ret_name);
}

/* Parts with '/' between them, in scratch. */
static bool service_joined(struct run *run, struct str *ret_service)
{
    char *text = scratch_take(run->scratch, NAME_SIZE_MAX);
    size_t size = 0;

    for (size_t i = 0; i < run->mapping->service_part_count; i++) {
        struct str part;
        size_t separator = i > 0;

        if (!name_text(run, run->plan->service_slots[i], &part)) {
            return false;
        }
        if (part.size + separator > NAME_SIZE_MAX - size) {
            return dead_value(run, VERDICT_BAD_NAME, run->plan->service_slots[i],
                              "a name longer than 255 bytes");
        }
        if (separator > 0) {
            text[size++] = '/';
        }
        if (part.size > 0) {
            memcpy(text + size, part.data, part.size);
        }
        size += part.size;
    }
    *ret_service = str_of(text, size);
    return true;
}

static bool service_passed(struct run *run)
{
    struct str *service = &run->decoded->event.service;
    int first = run->plan->service_slots[0];
    const char *fault;

    if (value_at(run, first)->kind == VALUE_ABSENT && run->mapping->service_default.size > 0) {
        *service = run->mapping->service_default;
        return true;
    }
    if (run->mapping->service_part_count == 1 ? !name_text(run, first, service)
                                              : !service_joined(run, service)) {
        return false;
    }
    fault = name_fault(*service);
    return fault == NULL || dead_value(run, VERDICT_BAD_NAME, first, fault);
}

/* A number of the given unit; 0 takes none. */
static bool number_ns(const struct value *value, int64_t unit_ns, int64_t *ret_ns)
{
    if (unit_ns == 0) {
        return false;
    }
    switch (value->kind) {
    case VALUE_INTEGER:
    case VALUE_WHOLE:
        return convert_integer(value->number, unit_ns, ret_ns);
    case VALUE_FLOAT:
        return convert_float((uint32_t)value->number, unit_ns, ret_ns);
    case VALUE_DOUBLE:
        return convert_double((uint64_t)value->number, unit_ns, ret_ns);
    default:
        return false;
    }
}

/* The writer's logical type goes before a configured unit: the writer knows what it wrote. */
static bool time_ns_of(const struct run *run, const struct value *value, int64_t *ret_ns)
{
    if (value->kind == VALUE_TEXT) {
        return civil_parse_rfc3339(value_view(value), ret_ns);
    }
    if (value->kind == VALUE_INTEGER && value->logical != SCHEMA_LOGICAL_NONE) {
        return convert_instant(value->number, (enum schema_logical)value->logical, ret_ns);
    }
    return number_ns(value, run->mapping->time_unit_ns, ret_ns);
}

static bool time_passed(struct run *run)
{
    int slot = run->plan->time_slot;
    const struct value *value = value_at(run, slot);
    int64_t *time_ns = &run->decoded->event.time_ns;
    int64_t ahead_ns;
    bool overflow;

    if (value->kind == VALUE_ABSENT) {
        return dead_value(run, VERDICT_TIME_OUT_OF_RANGE, slot, "no time");
    }
    if (!utf8_checked(run, slot)) {
        return false;
    }
    if (!time_ns_of(run, value, time_ns)) {
        return dead_value(run, VERDICT_TIME_OUT_OF_RANGE, slot, "no time that can be represented");
    }
    if (*time_ns < 0) { /* hours and minutes of the books are not negative */
        return dead_value(run, VERDICT_TIME_OUT_OF_RANGE, slot, "before 1970");
    }
    overflow = __builtin_sub_overflow(*time_ns, run->record_time_ns, &ahead_ns);
    if (overflow ? *time_ns > run->record_time_ns : ahead_ns > run->mapping->max_ahead_ns) {
        return dead_value(run, VERDICT_TIME_OUT_OF_RANGE, slot, "too far ahead of its record");
    }
    if (overflow || ahead_ns < -run->mapping->max_age_ns) {
        return dead_value(run, VERDICT_TIME_OUT_OF_RANGE, slot, "older than max_age");
    }
    return true;
}

static bool latency_passed(struct run *run)
{
    int slot = run->plan->latency_slot;
    const struct value *value = value_at(run, slot);
    int64_t *latency_ns = &run->decoded->event.latency_ns;
    bool converted;

    *latency_ns = LATENCY_UNKNOWN;
    if (value->kind == VALUE_ABSENT) {
        return true;
    }
    if (!utf8_checked(run, slot)) {
        return false;
    }
    converted = value->kind == VALUE_TEXT
                    ? convert_seconds_text(value_view(value), latency_ns)
                    : number_ns(value, run->mapping->latency_unit_ns, latency_ns);
    if (!converted) {
        return dead_value(run, VERDICT_BAD_LATENCY, slot, "no duration that can be represented");
    }
    if (*latency_ns < 0) {
        return dead_value(run, VERDICT_BAD_LATENCY, slot, "a negative duration");
    }
    return *latency_ns <= LATENCY_NS_MAX ||
           dead_value(run, VERDICT_BAD_LATENCY, slot, "longer than 24 h");
}

static bool weight_passed(struct run *run)
{
    int slot = run->plan->weight_slot;
    const struct value *value = value_at(run, slot);

    run->decoded->event.weight = 1;
    if (value->kind == VALUE_ABSENT) {
        return true;
    }
    if (value->kind != VALUE_INTEGER || value->number < 1 || value->number > WEIGHT_MAX) {
        return dead_value(run, VERDICT_MALFORMED, slot, "a weight that is not 1 to 1000000000");
    }
    run->decoded->event.weight = value->number;
    return true;
}

static bool interval_passed(struct run *run)
{
    int slot = run->plan->interval_slot;
    const struct value *value = value_at(run, slot);
    int64_t *interval_ns = &run->decoded->event.interval_ns;

    *interval_ns = run->mapping->interval_default_ns;
    if (value->kind == VALUE_ABSENT) {
        return true;
    }
    if (value->kind != VALUE_INTEGER ||
        !convert_integer(value->number, run->mapping->interval_unit_ns, interval_ns) ||
        *interval_ns < 0 || *interval_ns > INTERVAL_NS_MAX) {
        return dead_value(run, VERDICT_MALFORMED, slot, "an interval that is not 0 to 400 days");
    }
    return true;
}

static void event_make(struct run *run)
{
    const struct plan *plan = run->plan;
    struct event *event = &run->decoded->event;
    bool known = false;

    if (!exclusions_passed(run) || !outcome_passed(run, &known) || !service_passed(run) ||
        !time_passed(run)) {
        return;
    }
    if (!known) {
        (void)outcome_refuse(run);
        return;
    }
    if (latency_passed(run) && name_passed(run, plan->instance_slot, &event->instance) &&
        name_passed(run, plan->customer_slot, &event->customer) &&
        name_passed(run, plan->region_slot, &event->region) &&
        name_passed(run, plan->checker_slot, &event->checker) &&
        name_passed(run, plan->id_slot, &event->id) && weight_passed(run) && interval_passed(run)) {
        run->decoded->verdict = VERDICT_TALLIED;
    }
}

/* Of a payload that could be walked, by all the rules. */
__attribute__((noinline)) static void judge(const struct plan *plan, const struct value *slots,
                                            int64_t record_time_ns, struct plan_scratch *scratch,
                                            struct decoded *decoded)
{
    struct run run = {plan, plan->mapping, slots, record_time_ns, scratch, decoded};

    scratch->used = 0;
    event_make(&run);
}

__attribute__((cold)) static void refuse(const struct plan *plan, const struct plan_fault *fault,
                                         struct decoded *decoded)
{
    struct run run = {.plan = plan, .decoded = decoded};
    char place[64];

    if (fault->place == UINT32_MAX) {
        (void)dead(&run, fault->verdict, "at byte %zu: %s", fault->at, fault->cause);
        return;
    }
    plan_place_text(plan, fault->place, place, sizeof(place));
    (void)dead(&run, fault->verdict, "field %s at byte %zu: %s", place, fault->at, fault->cause);
}

__attribute__((cold)) static void refuse_size(const struct plan *plan, size_t size,
                                              struct decoded *decoded)
{
    struct run run = {.plan = plan, .decoded = decoded};

    (void)dead(&run, VERDICT_TOO_LARGE, "%zu bytes; max_record_bytes is %zu", size,
               plan->mapping->record_size_max);
}

void plan_run(const struct plan *plan, struct str payload, int64_t record_time_ns,
              struct plan_scratch *scratch, struct decoded *ret_decoded)
{
    struct value slots[PLAN_SLOTS_MAX];
    struct plan_fault fault;

    ret_decoded->rule = (struct str){NULL, 0};
    ret_decoded->detail[0] = '\0';
    ret_decoded->event.kind = plan->mapping->kind;
    ret_decoded->event.latency_threshold_ns = LATENCY_THRESHOLD_NONE;
    ret_decoded->event.wanted = NULL;
    if (payload.size > plan->mapping->record_size_max || payload.size > UINT32_MAX) {
        refuse_size(plan, payload.size, ret_decoded);
        return;
    }
    for (uint32_t i = 0; i < plan->slot_count; i++) {
        slots[i].kind = VALUE_ABSENT;
    }
    if (!plan_walk(plan, payload, slots, &fault)) {
        refuse(plan, &fault, ret_decoded);
    } else if (plan->plain && plan_plain(plan, slots, record_time_ns, &ret_decoded->event)) {
        ret_decoded->verdict = VERDICT_TALLIED;
    } else {
        judge(plan, slots, record_time_ns, scratch, ret_decoded);
    }
}
