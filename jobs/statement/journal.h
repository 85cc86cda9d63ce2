/*
 * The journal of an issue: under which circumstances a statement was made. What the figure does not depend on stands here and not in the
 * document.
 */
#ifndef JOBS_STATEMENT_JOURNAL_H
#define JOBS_STATEMENT_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"
#include "base/err.h"

/* What journals say of the batches of a book. Counting them takes as long as the book is old, so it is done again only when there are more: every batch adds to the
 * sums that are kept beside, and nothing takes away from them. */
struct journal_batches {
    bool counted;
    int64_t book_id;   /* it changes where a rebuild is swapped in */
    int64_t ledger[3]; /* the sums at that time: offsets, in two parts, and moves */
    int64_t count;
    int64_t first_ns, last_ns; /* INT64_MIN: there is none */
};

struct journal_facts {
    int64_t book_id;
    struct journal_batches *batches; /* zero at first; may be NULL: kept for no other journal */
    int64_t complete_ns;             /* INT64_MIN: none */
    int64_t now_ns;                  /* store's clock */
    bool forced;
    const char *program_version;
};

/* Inside the caller's snapshot: reads lease and batches and writes canonical JSON. ERR_STORE. */
enum err_code journal_write(struct db *db, const struct journal_facts *facts,
                            struct strbuf *ret_journal, struct err *err);

#endif
