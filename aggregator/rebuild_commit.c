/* A commit into the book of a rebuild: the ledger's, but for streams that may be closed, and with nothing to say to lease and grades. */
#include <inttypes.h>

#include "aggregator/ledger_rows.h"
#include "aggregator/rebuild.h"
#include "base/check.h"
#include "base/fault.h"

static enum err_code advance(struct ledger *ledger, const struct batch_partition *p,
                             struct err *err)
{
    struct db_stmt *stmt;
    int64_t changed;
    enum err_code code =
        db_prepare(ledger->db,
                   "UPDATE partition_offset SET next_offset = $1 WHERE book_id = $2 AND "
                   "stream_id = $3 AND partition_id = $4 AND next_offset = $5 "
                   "AND EXISTS (SELECT 1 FROM book WHERE book_id = $2 AND name IS NOT NULL)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, p->to);
    db_bind_int64(stmt, 2, ledger->book_id);
    db_bind_int64(stmt, 3, p->stream_id);
    db_bind_int64(stmt, 4, p->partition);
    db_bind_int64(stmt, 5, p->from);
    code = db_run(stmt, &changed, err);
    if (code == ERR_OK && changed != 1) {
        code = err_set(err, ERR_FENCED,
                       "topic %.*s partition %" PRId32 " at offset %" PRId64
                       ": another run rebuilds this partition, or the rebuild is over",
                       STR_ARGS(p->topic), p->partition, p->from);
    }
    return code;
}

static enum err_code take(struct ledger *ledger, const struct batch *batch, void *context,
                          struct err *err)
{
    enum err_code code = ERR_OK;

    (void)context;
    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        if (batch->partitions[i]->to > batch->partitions[i]->from) {
            code = advance(ledger, batch->partitions[i], err);
        }
    }
    if (code == ERR_OK && FAULT("rebuild.commit.offsets")) {
        code = fault_error("rebuild.commit.offsets", err);
    }
    return code;
}

static enum err_code write(struct ledger *ledger, const struct batch *decided,
                           const struct batch *batch, const bool *duplicates, void *context,
                           struct err *err)
{
    (void)batch, (void)duplicates, (void)context;
    return ledger_rows_write(ledger, decided, err);
}

enum err_code rebuild_commit(struct ledger *ledger, struct batch *batch, struct err *err)
{
    struct ledger_work work = {.take = take, .write = write};

    CHECK(batch->event_count == 0); /* what is a duplicate was decided long ago */
    if (batch_empty(batch)) {
        batch_clear(batch);
        return ERR_OK;
    }
    return ledger_commit_work(ledger, batch, &work, err);
}
