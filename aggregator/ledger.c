#include "aggregator/ledger.h"

#include <inttypes.h>

#include "aggregator/ledger_ids.h"
#include "aggregator/ledger_rows.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

static enum err_code set_fenced(struct ledger *ledger, const struct batch_partition *p,
                                struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(ledger->db,
                                    "SELECT next_offset FROM partition_offset WHERE book_id = $1 "
                                    "AND stream_id = $2 AND partition_id = $3",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    if (!row) {
        return err_set(err, ERR_FENCED,
                       "topic %.*s partition %" PRId32 ": the ledger has no such partition",
                       STR_ARGS(p->topic), p->partition);
    }
    code = err_set(err, ERR_FENCED,
                   "topic %.*s partition %" PRId32 ": the ledger stands at offset %" PRId64
                   ", this batch begins at %" PRId64 ": another consumer owns it, the topic's "
                   "incarnation was closed, or the book was replaced",
                   STR_ARGS(p->topic), p->partition, db_column_int64(stmt, 0), p->from);
    db_reset(stmt);
    return code;
}

/* A loss leaves no guard: the record that it was made of is gone. */
static enum err_code forget_guard(struct ledger *ledger, const struct batch_partition *p,
                                  struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "UPDATE partition_offset SET guard_offset = NULL, guard_time_ns = NULL "
                   "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    return db_run(stmt, NULL, err);
}

/* Only where next_offset still is what this batch began at, only while the incarnation is open, and only while the book has a name: a swap
 * takes it away. */
static enum err_code advance(struct ledger *ledger, const struct batch_partition *p,
                             int64_t *ret_changed, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        ledger->db,
        "UPDATE partition_offset SET next_offset = $1, guard_offset = coalesce($2, guard_offset), "
        "guard_time_ns = CASE WHEN $2 IS NULL THEN guard_time_ns ELSE $3 END, parked = NULL "
        "WHERE book_id = $4 AND stream_id = $5 AND partition_id = $6 AND next_offset = $7 "
        "AND EXISTS (SELECT 1 FROM book WHERE book_id = $4 AND name IS NOT NULL) "
        "AND EXISTS (SELECT 1 FROM stream WHERE stream_id = $5 AND closed_ns IS NULL)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, p->to);
    db_bind_null(stmt, 2);
    db_bind_null(stmt, 3);
    if (p->delivered > 0) {
        db_bind_int64(stmt, 2, p->last_offset);
    }
    if (p->delivered > 0 && p->last_time_ns != INT64_MIN) {
        db_bind_int64(stmt, 3, p->last_time_ns);
    }
    db_bind_int64(stmt, 4, ledger->book_id);
    db_bind_int64(stmt, 5, p->stream_id);
    db_bind_int64(stmt, 6, p->partition);
    db_bind_int64(stmt, 7, p->from);
    return db_run_later(stmt, ret_changed, err);
}

static bool covers(const struct batch_partition *p)
{
    return p->to > p->from;
}

/* In sorted order, as the batch keeps its partitions: two commits can wait for each other, but never in a ring. */
static enum err_code advance_all(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    size_t count = batch->partition_count;
    int64_t *changed = memory_calloc(count, sizeof(*changed));
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (covers(batch->partitions[i])) {
            code = advance(ledger, batch->partitions[i], &changed[i], err);
        }
    }
    if (code == ERR_OK) {
        code = db_settle(ledger->db, err);
    }
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (covers(batch->partitions[i]) && changed[i] != 1) {
            code = set_fenced(ledger, batch->partitions[i], err);
        } else if (batch->partitions[i]->lost) {
            code = forget_guard(ledger, batch->partitions[i], err);
        }
    }
    memory_free(changed);
    if (code == ERR_OK && FAULT("ledger.commit.offsets")) {
        code = fault_error("ledger.commit.offsets", err);
    }
    return code;
}

static enum err_code take_offsets(struct ledger *ledger, const struct batch *batch, void *context,
                                  struct err *err)
{
    enum err_code code = ledger_loss_lock(ledger, batch, err);

    (void)context;
    return code == ERR_OK ? advance_all(ledger, batch, err) : code;
}

/* Ends the transaction. The two faults are the two sides of a lost answer. */
static enum err_code finish(struct ledger *ledger, bool *ret_unknown, struct err *err)
{
    enum err_code code;

    if (FAULT("ledger.commit.before")) {
        db_rollback(ledger->db);
        *ret_unknown = true;
        return fault_error("ledger.commit.before", err);
    }
    code = db_commit(ledger->db, ret_unknown, err);
    if (code == ERR_OK && FAULT("ledger.commit.after")) {
        *ret_unknown = true;
        code = fault_error("ledger.commit.after", err);
    }
    return code;
}

/* Decides the events and writes the rows of the batch as it is then. What was decided belongs to this attempt only. */
static enum err_code write_decided(struct ledger *ledger, const struct batch *batch,
                                   const struct ledger_work *work, int64_t *ret_duplicates,
                                   struct err *err)
{
    bool *duplicates = memory_calloc(batch->event_count, sizeof(*duplicates));
    struct batch *decided = NULL;
    int64_t count = 0;
    enum err_code code = ledger_ids_test(ledger, batch, duplicates, err);

    if (code == ERR_OK && FAULT("ledger.commit.ids")) {
        code = fault_error("ledger.commit.ids", err);
    }
    if (code == ERR_OK) {
        decided = batch_decide(batch, duplicates);
        code = work->write(ledger, decided, batch, duplicates, work->context, err);
    }
    if (code == ERR_OK) {
        code = ledger_ids_write(ledger, batch, duplicates, err);
    }
    for (size_t i = 0; i < batch->event_count; i++) {
        count += duplicates[i];
    }
    *ret_duplicates = count;
    batch_decided_free(decided);
    memory_free(duplicates);
    return code;
}

static enum err_code write_rows(struct ledger *ledger, const struct batch *batch,
                                const struct ledger_work *work, int64_t *ret_duplicates,
                                struct err *err)
{
    *ret_duplicates = 0;
    return batch->event_count == 0 ? work->write(ledger, batch, batch, NULL, work->context, err)
                                   : write_decided(ledger, batch, work, ret_duplicates, err);
}

/* One attempt. What it takes goes first: who was fenced shall hear that, not that a row is there already. */
static enum err_code attempt(struct ledger *ledger, const struct batch *batch,
                             const struct ledger_work *work, int64_t *ret_duplicates,
                             bool *ret_unknown, struct err *err)
{
    enum err_code code;

    if (FAULT("ledger.commit.begin")) {
        return fault_error("ledger.commit.begin", err);
    }
    code = db_begin_concurrent(ledger->db, err);
    if (code != ERR_OK) {
        return code;
    }
    code = work->take(ledger, batch, work->context, err);
    if (code == ERR_OK) {
        code = write_rows(ledger, batch, work, ret_duplicates, err);
    }
    if (code == ERR_OK) {
        code = finish(ledger, ret_unknown, err);
    }
    db_rollback(ledger->db);
    return code;
}

/* Waits for a transaction that may still be running by locking the rows that it would have changed. */
static enum err_code lock_offsets(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        const struct batch_partition *p = batch->partitions[i];
        struct db_stmt *stmt;

        code = db_prepare(ledger->db,
                          "UPDATE partition_offset SET next_offset = next_offset "
                          "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3",
                          &stmt, err);
        if (code == ERR_OK) {
            db_bind_int64(stmt, 1, ledger->book_id);
            db_bind_int64(stmt, 2, p->stream_id);
            db_bind_int64(stmt, 3, p->partition);
            code = db_run(stmt, NULL, err);
        }
    }
    return code;
}

static enum err_code look_up(struct ledger *ledger, const struct batch *batch, bool *ret_found,
                             struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db, "SELECT 1 FROM batch WHERE batch_id = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, str_of((const char *)batch->id, sizeof(batch->id)));
    return db_step(stmt, ret_found, err);
}

/* Whether a commit whose answer was lost is in the store. */
static enum err_code resolve(struct ledger *ledger, const struct batch *batch, bool *ret_committed,
                             struct err *err)
{
    enum err_code code = FAULT("ledger.commit.resolve") ? fault_error("ledger.commit.resolve", err)
                                                        : db_begin_concurrent(ledger->db, err);

    if (code == ERR_OK) {
        code = lock_offsets(ledger, batch, err);
    }
    if (code == ERR_OK) {
        code = look_up(ledger, batch, ret_committed, err);
    }
    db_rollback(ledger->db);
    if (code == ERR_OK) {
        return ERR_OK;
    }
    err->code = ERR_STORE;
    err->retriable = true;
    return err_context(err, "the answer to a commit was lost, and looking for it failed");
}

/* Ends the doubt about an earlier attempt; *ret_committed tells that nothing is left to do. */
static enum err_code settle(struct ledger *ledger, struct batch *batch, bool *ret_committed,
                            struct err *err)
{
    enum err_code code;

    *ret_committed = false;
    batch->in_doubt = true;
    code = resolve(ledger, batch, ret_committed, err);
    if (code == ERR_OK) {
        batch->in_doubt = false;
    }
    return code;
}

static enum err_code attempt_and_settle(struct ledger *ledger, struct batch *batch,
                                        const struct ledger_work *work, struct err *err)
{
    struct err failure = ERR_INIT;
    bool unknown = false;
    bool committed = false;
    enum err_code code = attempt(ledger, batch, work, &batch->duplicates, &unknown, &failure);

    if (code == ERR_OK) {
        return ERR_OK;
    }
    if (!unknown) {
        *err = failure;
        return code;
    }
    code = settle(ledger, batch, &committed, err);
    if (code == ERR_OK && !committed) {
        code = err_set_retriable(err, ERR_STORE, "%s; the batch was not committed", failure.text);
    }
    return code;
}

enum err_code ledger_commit_work(struct ledger *ledger, struct batch *batch,
                                 const struct ledger_work *work, struct err *err)
{
    bool committed = false;
    enum err_code code = ERR_OK;

    batch_settle(batch);
    batch_check(batch);
    if (!batch->has_id) {
        random_bytes(ledger->random, batch->id, sizeof(batch->id));
        batch->has_id = true;
    }
    if (batch->in_doubt) {
        code = settle(ledger, batch, &committed, err);
    }
    if (code == ERR_OK && !committed) {
        code = attempt_and_settle(ledger, batch, work, err);
    }
    if (code == ERR_OK) {
        batch_clear(batch);
    }
    return code;
}

/* What a caller writes beside the batch. */
struct addition {
    enum err_code (*write)(struct ledger *ledger, const struct batch *batch, void *context,
                           struct err *err);
    void *context;
};

static enum err_code write_consumed(struct ledger *ledger, const struct batch *decided,
                                    const struct batch *batch, const bool *duplicates,
                                    void *context, struct err *err)
{
    const struct addition *also = context;
    enum err_code code = ledger_rows_write(ledger, decided, err);

    (void)batch, (void)duplicates;
    return code == ERR_OK && also->write != NULL ? also->write(ledger, decided, also->context, err)
                                                 : code;
}

enum err_code ledger_commit(struct ledger *ledger, struct batch *batch, struct err *err)
{
    return ledger_commit_also(ledger, batch, NULL, NULL, err);
}

enum err_code ledger_commit_also(struct ledger *ledger, struct batch *batch,
                                 enum err_code (*also)(struct ledger *ledger,
                                                       const struct batch *batch, void *context,
                                                       struct err *err),
                                 void *context, struct err *err)
{
    struct addition addition = {also, context};
    struct ledger_work work = {.take = take_offsets, .write = write_consumed, .context = &addition};

    if (batch_empty(batch)) {
        batch->duplicates = 0;
        batch_clear(batch);
        return ERR_OK;
    }
    return ledger_commit_work(ledger, batch, &work, err);
}
