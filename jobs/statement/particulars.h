/*
 * Particulars of a service's minutes, as a live statement reads them: whether the books kept them, and in the form that methods take.
 *
 * Windows keep them from the moment on at which a consumer knows a contract that asks. Whether those of a minute are complete is told by their count of
 * records alone; so it needs no memory of who ran with which configuration.
 */
#ifndef JOBS_STATEMENT_PARTICULARS_H
#define JOBS_STATEMENT_PARTICULARS_H

#include "aggregator/windows.h"
#include "jobs/statement/engine.h"

/* Minutes of one service, as they were read. */
struct particulars_read {
    struct str service;
    int64_t from_minute;
    const struct minute *minutes;
    const struct minute_particulars *particulars;
    size_t count;
};

/*
 * The minutes [*ret_first, *ret_end) whose counts the contract's method may see. All of the period [from_s, to_s) in which the contract is valid
 * are among them: ERR_CONFIG if requests of those have none. Around the period they end at the first minute without.
 */
enum err_code particulars_usable(const struct particulars_read *read,
                                 const struct contract *contract, int64_t from_s, int64_t to_s,
                                 size_t *ret_first, size_t *ret_end, struct err *err);

struct request_times particulars_times(const struct times_minute *times, int64_t minute);
struct request_latency particulars_latency(const struct limit_minute *limit);

#endif
