#include "jobs/statement/model.h"

#include "base/check.h"

static const struct {
    const char *name, *title;
} classes[TIME_CLASS_COUNT] = {
    [TIME_UP] = {"up", "Up"},
    [TIME_DEGRADED] = {"degraded", "Degraded"},
    [TIME_PARTIAL] = {"partial", "Partial outage"},
    [TIME_MAJOR] = {"major", "Major outage"},
    [TIME_MAINTENANCE] = {"maintenance", "Maintenance"},
    [TIME_NO_TRAFFIC] = {"no_traffic", "No traffic"},
    [TIME_PROBE_DOWN] = {"probe_down", "Probe down"},
    [TIME_PIPELINE_GAP] = {"pipeline_gap", "Pipeline gap"},
    [TIME_NOT_PROVISIONED] = {"not_provisioned", "Not provisioned"},
    [TIME_OUTSIDE_HOURS] = {"outside_hours", "Outside service hours"},
};

static const struct {
    const char *name, *text;
} states[] = {
    [ANNOUNCEMENT_APPLIED] = {"applied", "announced in time: excluded"},
    [ANNOUNCEMENT_CUT] = {"cut", "announced in time, cut by the quota"},
    [ANNOUNCEMENT_OVER_QUOTA] = {"over_quota", "the quota was used up: not excluded"},
    [ANNOUNCEMENT_SHORT_NOTICE] = {"short_notice", "notice too short: not excluded"},
    [ANNOUNCEMENT_AFTER_THE_FACT] = {"after_the_fact", "entered after its start: not excluded"},
    [ANNOUNCEMENT_CANCELLED] = {"cancelled", "cancelled: not excluded"},
    [ANNOUNCEMENT_NOT_AGREED] = {"not_agreed", "the contract excludes no maintenance"},
};

const char *time_class_name(enum time_class class)
{
    CHECK((unsigned)class < TIME_CLASS_COUNT);
    return classes[class].name;
}

const char *time_class_title(enum time_class class)
{
    CHECK((unsigned)class < TIME_CLASS_COUNT);
    return classes[class].title;
}

enum time_class time_class_of(enum grade grade)
{
    static const enum time_class of[GRADE_COUNT] = {
        [GRADE_OPERATIONAL] = TIME_UP,
        [GRADE_DEGRADED] = TIME_DEGRADED,
        [GRADE_PARTIAL] = TIME_PARTIAL,
        [GRADE_MAJOR] = TIME_MAJOR,
        [GRADE_NO_TRAFFIC] = TIME_NO_TRAFFIC,
        [GRADE_PROBE_DOWN] = TIME_PROBE_DOWN,
        [GRADE_PIPELINE_GAP] = TIME_PIPELINE_GAP,
        [GRADE_NOT_PROVISIONED] = TIME_NOT_PROVISIONED,
    };

    CHECK((unsigned)grade < GRADE_COUNT);
    return of[grade];
}

/* Weights are indexed by grade and by class alike. */
_Static_assert((int)TIME_DEGRADED == (int)GRADE_DEGRADED, "weights have one index");
_Static_assert((int)TIME_PARTIAL == (int)GRADE_PARTIAL, "weights have one index");
_Static_assert((int)TIME_MAJOR == (int)GRADE_MAJOR, "weights have one index");

const char *announcement_state_name(enum announcement_state state)
{
    CHECK((unsigned)state < ARRAY_COUNT(states));
    return states[state].name;
}

const char *announcement_state_text(enum announcement_state state)
{
    CHECK((unsigned)state < ARRAY_COUNT(states));
    return states[state].text;
}
