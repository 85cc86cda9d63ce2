/*
 * Incidents: runs of adjoining minutes in which a service was known not to be operational.
 *
 * They follow from the raw minutes alone: an operational or an unknown minute ends one, for what is not known is not claimed.
 * The identity of an incident is its service and first minute. One that reaches up to the last graded minute still
 * lasts. The level is that of its worst minute: major P1, partial P2, degraded P3. Only the times of detection and closing come
 * from the clock; they stay when a regrade finds the same incident again.
 */
#ifndef AGGREGATOR_INCIDENT_H
#define AGGREGATOR_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"
#include "base/str.h"
#include "schemas/grade.h"

struct incident_run {
    int64_t first_minute;
    int64_t end_minute; /* exclusive */
    enum grade worst;
};

/* Finds runs in minutes that are fed in order, without gaps. */
struct incident_walk {
    bool inside;
    struct incident_run run;
};

/* True: the run before this minute is over and stands in *ret_run. */
bool incident_walk_take(struct incident_walk *walk, int64_t minute, enum grade grade,
                        struct incident_run *ret_run);

/* "P1", "P2", "P3". worst: degraded, partial or major. */
const char *incident_level(enum grade worst);

/* Brings the stored incidents of a service in line after its minutes [from_minute, to_minute) were graded anew. graded_end is
 * the minute behind its last graded one. Inside the caller's transaction. ERR_STORE, ERR_MISMATCH. */
enum err_code incidents_rewrite(struct db *db, int64_t book_id, struct str service,
                                int64_t from_minute, int64_t to_minute, int64_t graded_end,
                                struct err *err);

#endif
