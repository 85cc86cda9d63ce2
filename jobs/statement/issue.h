/*
 * One call of statement_publish_month, and what its parts share. For publish*.c only.
 */
#ifndef JOBS_STATEMENT_ISSUE_H
#define JOBS_STATEMENT_ISSUE_H

#include "jobs/statement/comparison.h"
#include "jobs/statement/difference.h"
#include "jobs/statement/input.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/period.h"
#include "jobs/statement/publish.h"

struct config;

struct issue {
    const struct publisher *publisher;
    const struct contract
        *contract; /* whose terms measure: the configuration's, or those it was issued under */
    const struct statement_options *options;
    struct arena arena;
    struct config *terms; /* owned; where contract is from, if not the configuration */
    struct period period;
    int64_t to_s; /* where measuring ends */
    int64_t now_ns;
    struct statement_input input;
    struct strbuf journal;
    struct issued issued;        /* what the store holds */
    const struct tree *document; /* of issued */
    struct comparison books;     /* what the books are now */
    bool over;                   /* the month has ended and grace is over */
    bool unchanged;              /* the newest revision was compared with exactly these books */
    bool graded;                 /* hours of its time were graded again since */
    bool read;                   /* input was read */
};

void issue_warn(const struct issue *issue, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What the books say, as a document. difference: NULL unless it becomes a revision. *ret_valid false, and no document: the contract does not hold in
 * what is measured. */
enum err_code issue_compute(struct issue *issue, bool provisional, int64_t revision,
                            const struct difference *difference, struct strbuf *ret_document,
                            bool *ret_valid, struct err *err);
/* Writes the row, unless another run was faster; what then stands there is what is published. */
enum err_code issue_row(struct issue *issue, int64_t revision, struct str document,
                        struct err *err);
/* Holds an issued statement against the books, and issues the next revision if their result is another one. */
enum err_code issue_revise(struct issue *issue, struct statement_outcome *outcome, struct err *err);
/* Puts what is in the outcome into words, and into the folder; revisions before it, where their files are missing. */
enum err_code issue_publish(struct issue *issue, struct statement_outcome *outcome,
                            struct err *err);

#endif
