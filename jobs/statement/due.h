/*
 * What is due: of one version of a contract, which periods that are over lack their statement, their credit note or their files.
 *
 * An issued statement is not computed again to see whether it still holds: a few numbers tell whether anything of its time changed (comparison.h).
 * Looks at everything since the first event of the contract's services, so what was missed is caught up. Reads only, in a snapshot of its own. A
 * statement is due when its period and the grace are over and its data are complete; a period that only lacks the latter is incomplete.
 * Errors as in publish.h.
 */
#ifndef JOBS_STATEMENT_DUE_H
#define JOBS_STATEMENT_DUE_H

#include "jobs/statement/period.h"
#include "jobs/statement/publish.h"

enum due_kind {
    DUE_STATEMENT,
    DUE_COMPARISON,  /* it is issued, and the books changed since: there may be a revision */
    DUE_CREDIT_NOTE, /* the statement is issued and owes one, the store has none */
    DUE_FILES,       /* both are in the store, but not all of their files in the folder */
    DUE_INCOMPLETE   /* nothing can be done yet */
};

struct due {
    enum due_kind kind;
    int32_t year, month; /* with which the period ends */
    struct period period;
    bool ungraded; /* of DUE_INCOMPLETE: hours wait to be graded */
};

/* In the order of the periods; in arena. publisher->objects may be NULL: then all files are missing. *ret_started false: none of the services has
 * an event yet, and nothing is due. */
enum err_code due_list(const struct publisher *publisher, const struct contract *contract,
                       struct arena *arena, struct due **ret_due, size_t *ret_count,
                       bool *ret_started, struct err *err);

#endif
