/*
 * The day of a service: what statements read of it, in one row beside its 24 hours and derived from them.
 *
 * A row stands for hours that all have their grades. Invariant: it equals them, or one of them is marked in `regrade`; then it does not count, and
 * is written anew by the transaction that takes the last mark away. Whoever changes an hour's windows marks the hour, so nobody else has to know of
 * days. Rows that are missing or damaged cost time and nothing else: hours are read instead. Days count from 1970, UTC.
 */
#ifndef AGGREGATOR_SERVICE_DAY_H
#define AGGREGATOR_SERVICE_DAY_H

#include "aggregator/tally.h"
#include "base/db.h"

enum { DAY_HOURS = 24, DAY_MINUTES = DAY_HOURS * TALLY_MINUTES };
enum { DAY_MAX = 1000000 }; /* some thousand years; a damaged row may hold any number */

/* Minutes of one grade. */
struct grade_run {
    uint8_t grade; /* enum grade */
    uint16_t minutes;
};

/* Minutes [from, to) of the day. */
struct minute_span {
    uint16_t from, to;
};

struct service_day {
    struct window_minute sum; /* of the day's requests, all customers */
    struct grade_run runs[DAY_MINUTES];
    size_t run_count;                               /* neighbours differ; 1440 minutes in all */
    struct minute_span incomplete[DAY_MINUTES / 2]; /* records were lost; ascending, not touching */
    size_t incomplete_count;
    bool too_large;              /* what was added is more than is packed; sum says nothing */
    struct offset_range *ranges; /* owned; of requests and checks; sorted by stream, partition */
    size_t range_count, range_capacity;
};

void service_day_release(struct service_day *day);

/* Adds minutes to an empty day, one hour after the other. */
struct service_hour;
void service_day_add(struct service_day *day, const struct service_hour *hour);
/* False: there is more of it than is packed. */
bool service_day_pack(const struct service_day *day, struct strbuf *out);
/* day: empty, or of an earlier call. ERR_MISMATCH: the bytes are no day, or not in their one form. */
enum err_code service_day_unpack(struct str packed, struct service_day *day, struct err *err);

enum day_state {
    DAY_READY,    /* each hour has its grades, and none is marked */
    DAY_MARKED,   /* hours wait to be graded again */
    DAY_UNGRADED, /* hours have no grades yet */
};

enum err_code service_day_state(struct db *db, int64_t book_id, struct str service, int64_t day,
                                enum day_state *ret_state, struct err *err);
/* Makes it from the hours as they stand, packed. *ret_whole false: no row can stand for them. ERR_STORE, ERR_MISMATCH (an hour is damaged). */
enum err_code service_day_derive(struct db *db, int64_t book_id, struct str service, int64_t day,
                                 struct strbuf *ret_packed, bool *ret_whole, struct err *err);
/* Writes the row of a day that is ready; nothing otherwise. Inside the transaction that graded hours of it. */
enum err_code service_day_write(struct db *db, int64_t book_id, struct str service, int64_t day,
                                struct err *err);

#endif
