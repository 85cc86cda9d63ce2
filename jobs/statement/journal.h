/*
 * The journal of an issue: under which circumstances a statement was made. What the figure does not depend on stands here and not in the
 * document.
 */
#ifndef JOBS_STATEMENT_JOURNAL_H
#define JOBS_STATEMENT_JOURNAL_H

#include "base/db.h"
#include "base/err.h"

struct journal_facts {
    int64_t book_id;
    int64_t complete_ns; /* INT64_MIN: none */
    int64_t now_ns;      /* store's clock */
    bool forced;
    const char *program_version;
};

/* Inside the caller's snapshot: reads lease and batches and writes canonical JSON. ERR_STORE. */
enum err_code journal_write(struct db *db, const struct journal_facts *facts,
                            struct strbuf *ret_journal, struct err *err);

#endif
