/*
 * Grades: what a minute of a service was, and the four names of unknown time.
 *
 * Numbers are stored in the store's packed hours; never renumber, only append. Worse is not larger: compare
 * with grade_worse. Maintenance is no raw grade: it is laid over raw grades per contract.
 */
#ifndef SCHEMAS_GRADE_H
#define SCHEMAS_GRADE_H

#include <stdbool.h>

#include "base/str.h"

enum grade {
    GRADE_OPERATIONAL,
    GRADE_DEGRADED,
    GRADE_PARTIAL,
    GRADE_MAJOR,
    GRADE_NO_TRAFFIC,      /* the topic carried other events in this minute */
    GRADE_PROBE_DOWN,      /* the checker was silent, or could not tell */
    GRADE_PIPELINE_GAP,    /* offsets lost, not yet consumed, or the whole topic silent */
    GRADE_NOT_PROVISIONED, /* before the first event of the service */
    GRADE_COUNT
};

struct grade_row {
    const char *name;   /* as in files and JSON: "operational", "pipeline_gap" */
    const char *title;  /* as on pages: "Operational", "Major outage", "Pipeline gap" */
    const char *symbol; /* one ASCII character for terminals without colour */
    bool known;         /* false for the four names of unknown time */
};

const struct grade_row *grade_row(enum grade grade);
bool grade_find(struct str name, enum grade *ret_grade);
/* The worse of two known grades; a known grade beats an unknown one. */
enum grade grade_worse(enum grade a, enum grade b);

#endif
