/*
 * Reading the books: minutes of services with their counts and raw grades, instances, incidents, coverage.
 *
 * The caller opens the snapshot (db_begin_snapshot); everything read inside it is of one moment.
 */
#ifndef AGGREGATOR_WINDOWS_H
#define AGGREGATOR_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/tally.h"
#include "base/arena.h"
#include "base/db.h"
#include "schemas/grade.h"

struct minute {
    struct window_minute counts; /* all zero without requests */
    enum grade grade;            /* raw; GRADE_PIPELINE_GAP if it is not graded yet */
    bool counted;                /* the store has requests in this minute */
};

/* Minutes [from_minute, to_minute) of a service (all customers added up), in arena; minute numbers count from 1970.
 * Before the service's first event: GRADE_NOT_PROVISIONED. */
enum err_code windows_minutes(struct db *db, int64_t book_id, struct str service,
                              int64_t from_minute, int64_t to_minute, struct arena *arena,
                              struct minute **ret_minutes, struct err *err);

/* Lowest and highest offsets, per partition, of the events of these services in hours that overlap the minutes; merged, sorted. */
enum err_code windows_ranges(struct db *db, int64_t book_id, const struct str *services,
                             size_t service_count, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct offset_range **ret_ranges,
                             size_t *ret_count, struct err *err);

enum err_code windows_services(struct db *db, int64_t book_id, struct arena *arena,
                               struct str **ret_services, size_t *ret_count, struct err *err);

#endif
