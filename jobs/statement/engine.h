/*
 * The engine: a contract applied to the timelines and counts of its services. Pure; no store, no clock, no locale.
 *
 * Second resolution. The caller gives states as rows, in any length, also before and after the period: runs and short intervals are
 * judged on whole rows and booked where they lie (see engine_context_s). Time that no row covers is not_provisioned before the first row
 * and pipeline_gap afterwards. Rows are sorted and do not overlap (a bug of the caller otherwise).
 */
#ifndef JOBS_STATEMENT_ENGINE_H
#define JOBS_STATEMENT_ENGINE_H

#include "base/arena.h"
#include "jobs/statement/model.h"

struct state_row {
    int64_t from_s, to_s; /* from < to */
    enum grade grade;
    bool
        claimed; /* maintenance by the service's own word: GRADE_MAJOR, but absorb leaves it alone */
};

/* The first and last success and failure of a minute, for total_failure_runs; INT64_MIN: there is none, or it is not known. */
struct request_times {
    int64_t first_ok_ns, last_ok_ns, first_error_ns, last_error_ns;
};

/* Successful requests of a minute whose latency is known, and how many of them took longer than the contract's percentile may be; weighted. */
struct request_latency {
    int64_t known, over;
};

/* Requests of one minute. For methods that do not look at them: of several, which are all measured or all not. */
struct count_row {
    int64_t minute_s; /* its start */
    struct request_counts counts;
};

struct service_input {
    struct str service;
    const struct state_row *states;
    size_t state_count;
    const struct count_row *counts; /* ascending; minutes without a row had no requests */
    size_t count_count;
    const struct request_times *times; /* of each of counts; NULL unless the method needs them */
    const struct request_latency *latencies; /* the same, for a percentile of latency */
    /* Where states were reclassified (jobs/statement/reclassify.h), for explanations; the engine looks at `states` only. */
    const struct state_row *graded; /* as they were graded; NULL: none was reclassified */
    size_t graded_count;
    const struct reclassified_span *reclassified; /* ascending, apart from each other */
    size_t reclassified_count;
};

struct reclassified_span;

struct announcement_input {
    int64_t id;
    struct str service; /* or "*" */
    int64_t from_ns, to_ns, announced_ns;
    struct str author, reason;
    bool cancelled;
};

enum { EXCLUSIONS_EACH_MAX = 100000 };

struct engine_input {
    const struct contract *contract;
    int64_t from_s, to_s; /* the period */
    int64_t period_from_s,
        period_to_s; /* the whole period, for its days and the claim deadline; 0, 0: the same */
    const struct service_input *services; /* in the order of the contract; at least one */
    size_t service_count;
    const struct announcement_input *announcements;
    size_t announcement_count;
    /* For answers, in bounded memory: no days, no incidents, no segments of services. Beyond EXCLUSIONS_EACH_MAX, one exclusion stands for all services of
     * which an announcement for all came to the same. */
    bool brief;
};

/* CHECKs that the month adds up. False, and *ret_result untouched, if the contract is not valid at any time of the period. */
bool engine_compute(const struct engine_input *input, struct arena *arena,
                    struct result *ret_result);

/* The same, one service after the other, so that only one service's minutes need to be in memory. input->services is not looked at. */
struct engine;
/* NULL if the contract is not valid at any time of the period. */
struct engine *engine_begin(const struct engine_input *input, struct arena *arena);
/* In any order; index: its place in the contract. If brief, states, counts and times may be freed afterwards; the name may not. */
void engine_service(struct engine *engine, size_t index, const struct service_input *service);
/* Instead of engine_finish, at any time: gives back what is not in the arena. */
void engine_abandon(struct engine *engine);
/* All services of input were given. */
void engine_finish(struct engine *engine, struct result *ret_result);
/* How far before and behind the period states may change the result: an interval or outage that crosses its border is judged whole. */
void engine_context_s(const struct contract *contract, int64_t *ret_before_s, int64_t *ret_after_s);

#endif
