/*
 * The live input of a statement: one snapshot of the books.
 *
 * Inside the caller's snapshot. Errors: ERR_STORE, ERR_MISMATCH (a row is damaged), ERR_CONFIG (input_read: the contract needs particulars of
 * minutes of which the books kept none).
 */
#ifndef JOBS_STATEMENT_INPUT_H
#define JOBS_STATEMENT_INPUT_H

#include "base/db.h"
#include "jobs/statement/document.h"
#include "jobs/statement/engine.h"
#include "jobs/statement/reclassify.h"

struct statement_input {
    struct engine_input engine;
    int64_t month_from_s, month_to_s;
    int64_t complete_ns; /* complete-until; INT64_MIN: none */
    bool complete;       /* everything that may change the period is folded and graded */
    bool ungraded;       /* it is folded, but hours of it still wait to be graded */
    struct covered_partition *partitions;
    size_t partition_count;
    struct lost_time *lost;
    size_t lost_count;
    struct reclassification *reclassified; /* of the contract's services within the period */
    size_t reclassified_count;
};

/* Whether [.., to_s) of the contract is all read, folded and graded, so that nothing known can still change it. ret_ungraded: it is folded, but
 * not yet graded. */
enum err_code input_complete(struct db *db, int64_t book_id, const struct contract *contract,
                             int64_t to_s, bool *ret_complete, bool *ret_ungraded, struct err *err);
/* The first minute with an event of any of the contract's services; INT64_MAX: there is none. */
enum err_code input_first_minute(struct db *db, int64_t book_id, const struct contract *contract,
                                 int64_t *ret_minute, struct err *err);
/* Reads what the statement of [from_s, to_s) needs; to_s may lie before the month's end for a provisional one. All in arena. */
enum err_code input_read(struct db *db, int64_t book_id, const struct contract *contract,
                         int64_t from_s, int64_t to_s, struct arena *arena,
                         struct statement_input *ret_input, struct err *err);
/* The same for whoever looks at the statement only: where its method knows no requests, those of an hour, or of a whole UTC day, stand in one row of
 * counts, as long as no border of what is measured lies within: the row of the first minute that has any, or of the day's first minute. */
enum err_code input_read_summed(struct db *db, int64_t book_id, const struct contract *contract,
                                int64_t from_s, int64_t to_s, struct arena *arena,
                                struct statement_input *ret_input, struct err *err);

#endif
