/*
 * Reading the books: minutes of services with their counts and raw grades, instances, incidents, coverage.
 *
 * The caller opens the snapshot (db_begin_snapshot); everything read inside it is of one moment. Minutes and hours count from 1970
 * and are not negative. Errors: ERR_STORE, ERR_MISMATCH (a row that cannot be unpacked).
 */
#ifndef AGGREGATOR_WINDOWS_H
#define AGGREGATOR_WINDOWS_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/service_day.h"
#include "aggregator/tally.h"
#include "base/arena.h"
#include "base/db.h"
#include "schemas/grade.h"

struct minute {
    struct window_minute counts; /* all zero without requests */
    enum grade grade;            /* raw; GRADE_PIPELINE_GAP if it is not graded yet */
    bool counted;                /* the store has requests in this minute */
    bool incomplete;             /* records of this minute were lost */
};

/* Minutes [from_minute, to_minute) of a service (all customers added up), in arena.
 * Before the service's first event: GRADE_NOT_PROVISIONED. */
enum err_code windows_minutes(struct db *db, int64_t book_id, struct str service,
                              int64_t from_minute, int64_t to_minute, struct arena *arena,
                              struct minute **ret_minutes, struct err *err);

/* What the windows of a minute keep beyond its counts, all customers added up; complete if its records are those of the counts. */
struct minute_particulars {
    struct times_minute times;
    struct limit_minute limit;
};

/* The particulars of each of these minutes, in arena. limit_ns: of the requests above which limit; 0: of none. */
enum err_code windows_particulars(struct db *db, int64_t book_id, struct str service,
                                  int64_t from_minute, int64_t to_minute, int64_t limit_ns,
                                  struct arena *arena, struct minute_particulars **ret_particulars,
                                  struct err *err);

/* An hour of a service, all customers added up. */
struct service_hour {
    int64_t hour;
    const uint8_t *grades;               /* of its minutes, as in struct minute */
    uint64_t incomplete, counted;        /* bit n: of minute n */
    const struct window_minute *minutes; /* all zero where nothing is counted */
};

/* Lowest and highest offsets, per partition, of hours [from_hour, to_hour). */
struct offset_coverage {
    int64_t from_hour, to_hour;
    struct offset_range *ranges; /* owned; sorted by stream, partition */
    size_t count;
};

/* Borrowed for the time of the call. Whatever but ERR_OK ends the reading. */
typedef enum err_code (*windows_hour_fn)(void *context, const struct service_hour *hour,
                                         struct err *err);

/* A whole UTC day. Borrowed for the time of the call. */
typedef enum err_code (*windows_day_fn)(void *context, int64_t day, const struct service_day *sums,
                                        struct err *err);

/* A stretch of a service, hour by hour in order, whether or not the store has anything of an hour; it takes no memory but for grades and days. */
struct windows_reading {
    struct db *db;
    int64_t book_id;
    struct str service;
    int64_t from_hour, to_hour;
    struct offset_coverage *coverage; /* may be NULL: grows by the offsets of requests and checks */
    windows_hour_fn take;
    /* Both may be NULL. Days that the store has as such, and that may be taken `whole`, come in one call instead of 24. */
    bool (*whole)(void *context, int64_t day);
    windows_day_fn take_day;
    void *context;
    bool hours_only; /* what stands of days is not looked at: they are to be derived */
};

enum err_code windows_read(const struct windows_reading *reading, struct err *err);
/* Adds the offsets of a service's rows of one kind, TALLY_WINDOW or TALLY_CHECK, to it. */
enum err_code windows_cover(struct db *db, int64_t book_id, enum tally_kind kind,
                            struct str service, struct offset_coverage *coverage, struct err *err);
void offset_coverage_release(struct offset_coverage *coverage);

/* Lowest and highest offsets, per partition, of the events of these services in hours that overlap the minutes; merged, sorted. */
enum err_code windows_ranges(struct db *db, int64_t book_id, const struct str *services,
                             size_t service_count, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct offset_range **ret_ranges,
                             size_t *ret_count, struct err *err);

struct service_first {
    struct str service;
    int64_t first_minute; /* of its first event */
};

/* All services that have had an event, sorted by name; in arena. */
enum err_code windows_firsts(struct db *db, int64_t book_id, struct arena *arena,
                             struct service_first **ret_services, size_t *ret_count,
                             struct err *err);
/* Their names. */
enum err_code windows_services(struct db *db, int64_t book_id, struct arena *arena,
                               struct str **ret_services, size_t *ret_count, struct err *err);

struct service_grades {
    struct str service;
    uint8_t *grades; /* raw, each an enum grade: one a minute */
};

/* The grades of minutes [from_minute, to_minute) of all services that have had an event, sorted by name, as windows_minutes has them; in arena. */
enum err_code windows_grades(struct db *db, int64_t book_id, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct service_grades **ret_services,
                             size_t *ret_count, struct err *err);

/* One row of a window's hour, as it comes from the store. Borrowed for the time of the call. Whatever but ERR_OK ends the reading. */
typedef enum err_code (*windows_take_fn)(void *context, const struct tally_key *key,
                                         const struct tally *tally, struct err *err);

/* Calls `take` for each row of that kind (TALLY_WINDOW or TALLY_CHECK) of the service in [from_hour, to_hour), in the order of
 * their hours, then of b, c, d. */
enum err_code windows_each(struct db *db, int64_t book_id, enum tally_kind kind, struct str service,
                           int64_t from_hour, int64_t to_hour, windows_take_fn take, void *context,
                           struct err *err);
/* The checks of a service, in the order of instance and region, then of their hours, then of the checkers. */
enum err_code windows_each_instance(struct db *db, int64_t book_id, struct str service,
                                    int64_t from_hour, int64_t to_hour, windows_take_fn take,
                                    void *context, struct err *err);

#endif
