/*
 * Causes: what the books counted in a stretch, and which limits that passed. Requests come from the minutes of the statement's input; what
 * the checks said is found by grading the hours again with the rules of the service, as they are now.
 *
 * Read inside the caller's snapshot. Errors: ERR_STORE; ERR_MISMATCH: a row is damaged.
 */
#ifndef JOBS_STATEMENT_CAUSE_H
#define JOBS_STATEMENT_CAUSE_H

#include "aggregator/raw_grade.h"
#include "base/arena.h"
#include "base/db.h"
#include "jobs/statement/stretch.h"

struct cause {
    int64_t minutes;         /* that begin in the stretch */
    int64_t request_minutes; /* of them with requests */
    int64_t total, errors, slow;
    int64_t known,
        over; /* of contracts with a percentile of latency: as the engine's input has them */
    /* Minutes in which requests alone make that grade or a worse one, by the limit that they passed. */
    int64_t major_errors, partial_errors, degraded_slow;
    /* Minutes in which checks alone do; and unknown ones. */
    int64_t checks_bad, checks_warned, checks_unknown;
    int64_t instances_max; /* most instances in any minute */
    int64_t failed_max;    /* most of them failed in any minute */
    int64_t quorum;        /* needed in that minute */
};

struct cause_reader {
    struct db *db; /* borrowed */
    int64_t book_id;
    /* Rules of a service; never NULL. */
    const struct grading_rules *(*rules)(void *context, struct str service);
    void *context;
};

/* Of stretches of one service that follow each other, one cause for each. service: the input that the result was computed from. */
enum err_code cause_read(const struct cause_reader *reader, const struct service_input *service,
                         const struct stretch *stretches, size_t count, struct cause *ret_causes,
                         struct err *err);
/* into += from: the cause of both stretches together. */
void cause_add(struct cause *into, const struct cause *from);
/* "400 of 1,000 requests failed, 12 were slow", one line each; count lines at most CAUSE_LINES_MAX. In arena. */
enum { CAUSE_LINES_MAX = 4 };
size_t cause_lines(const struct cause *cause, const struct contract *contract,
                   const struct grading_rules *rules, struct arena *arena,
                   const char *ret_lines[CAUSE_LINES_MAX]);

#endif
