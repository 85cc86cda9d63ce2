/*
 * What follows from changed windows: roll-ups, known services, hours to grade again. For fold_windows.c and rebuild_swap.c only.
 *
 * Changes come in the order of their keys, so what the last ones have in common is written once: a day of a service at its end, a service
 * and a mark not again.
 */
#ifndef AGGREGATOR_FOLD_DERIVED_H
#define AGGREGATOR_FOLD_DERIVED_H

#include "aggregator/tally.h"
#include "base/db.h"

struct fold_change {
    const struct tally_key *key; /* borrowed */
    const struct tally *delta;   /* what was added */
    const struct tally *merged;  /* what stands now; may be the same */
    uint64_t old_activity;       /* of an activity: the mask before */
};

/* Names are borrowed from keys. */
struct fold_derived {
    struct db *db; /* borrowed; inside the fold's transaction */
    int64_t book_id;
    struct {
        bool any;
        struct str service, customer;
        int64_t day;
        struct window_minute sum;
    } day; /* not written yet */
    struct {
        bool any, has_requests, has_checks;
        struct str service;
        int64_t first_minute;
    } known; /* the service that was noted last, as far as we know it */
    struct {
        bool any;
        struct str service;
        int64_t hour;
    } marked; /* last */
};

void fold_derived_init(struct fold_derived *derived, struct db *db, int64_t book_id);
/* ERR_STORE. */
enum err_code fold_derive(struct fold_derived *derived, const struct fold_change *change,
                          struct err *err);
/* Writes what was kept. */
enum err_code fold_derived_end(struct fold_derived *derived, struct err *err);

/* Parts of it: the roll-up of an hour; the hour of an activity, for all services that existed then. */
enum err_code fold_write_rollup_hour(struct db *db, int64_t book_id, const struct tally_key *key,
                                     const struct window_tally *window, struct err *err);
enum err_code fold_mark_all_services(struct db *db, int64_t book_id, int64_t hour, struct err *err);

#endif
