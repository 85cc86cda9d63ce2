#include "schemas/grade.h"

#include "base/check.h"

static const struct grade_row rows[GRADE_COUNT] = {
    [GRADE_OPERATIONAL] = {"operational", "Operational", ".", true},
    [GRADE_DEGRADED] = {"degraded", "Degraded performance", "d", true},
    [GRADE_PARTIAL] = {"partial", "Partial outage", "p", true},
    [GRADE_MAJOR] = {"major", "Major outage", "M", true},
    [GRADE_NO_TRAFFIC] = {"no_traffic", "No traffic", "-", false},
    [GRADE_PROBE_DOWN] = {"probe_down", "Probe down", "?", false},
    [GRADE_PIPELINE_GAP] = {"pipeline_gap", "Pipeline gap", "!", false},
    [GRADE_NOT_PROVISIONED] = {"not_provisioned", "Not provisioned", " ", false},
};

const struct grade_row *grade_row(enum grade grade)
{
    CHECK((unsigned)grade < GRADE_COUNT);
    return &rows[grade];
}

bool grade_find(struct str name, enum grade *ret_grade)
{
    for (int i = 0; i < GRADE_COUNT; i++) {
        if (str_equal(name, STR(rows[i].name))) {
            *ret_grade = (enum grade)i;
            return true;
        }
    }
    return false;
}

enum grade grade_worse(enum grade a, enum grade b)
{
    if (rows[a].known != rows[b].known) {
        return rows[a].known ? a : b;
    }
    return a > b ? a : b;
}
