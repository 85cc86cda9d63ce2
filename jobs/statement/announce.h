/*
 * Announcements of planned maintenance: rows that are only added.
 *
 * An announcement counts from the moment at which the store first saw it (the store's clock), whatever anybody says later. Moving one is a
 * cancellation and a new announcement. Errors: ERR_USAGE (the interval, a name, an id that is not there), ERR_STORE, ERR_FENCED.
 */
#ifndef JOBS_STATEMENT_ANNOUNCE_H
#define JOBS_STATEMENT_ANNOUNCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/db.h"
#include "base/err.h"
#include "base/str.h"

struct announcement {
    int64_t id;
    struct str service; /* or "*" */
    int64_t from_ns, to_ns;
    int64_t announced_ns;
    struct str author, reason;
    int64_t cancelled_by; /* id of the row that withdraws it; 0: it stands */
};

/* *ret_late: it began before it was announced and excuses nothing; it is kept and listed all the same. */
enum err_code announce_add(struct db *db, struct str service, int64_t from_ns, int64_t to_ns,
                           struct str reason, struct str author, int64_t *ret_id, bool *ret_late,
                           struct err *err);
enum err_code announce_cancel(struct db *db, int64_t id, struct str reason, struct str author,
                              int64_t *ret_id, struct err *err);
/* Announcements (not the cancelling rows) that overlap [from_ns, to_ns), by start and id; in arena. ERR_MISMATCH: a row is damaged. */
enum err_code announce_list(struct db *db, int64_t from_ns, int64_t to_ns, struct arena *arena,
                            struct announcement **ret_announcements, size_t *ret_count,
                            struct err *err);

#endif
