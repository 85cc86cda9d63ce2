#include "aggregator/fold.h"

#include "aggregator/fold_merge.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fault.h"

#define LEASE_NS_DEFAULT (60 * NS_PER_SECOND)
enum { ROWS_PER_STEP_DEFAULT = 1024, BYTES_PER_STEP_DEFAULT = 16 * 1024 * 1024 };

void fold_init(struct fold *fold, const struct fold_options *options)
{
    *fold = (struct fold){.options = *options};
    CHECK(options->lateness_ns >= 0);
    if (fold->options.lease_ns <= 0) {
        fold->options.lease_ns = LEASE_NS_DEFAULT;
    }
    if (fold->options.rows_per_step <= 0) {
        fold->options.rows_per_step = ROWS_PER_STEP_DEFAULT;
    }
    if (fold->options.bytes_per_step == 0) {
        fold->options.bytes_per_step = BYTES_PER_STEP_DEFAULT;
    }
    lease_init(&fold->lease, &(struct lease_options){.db = options->db,
                                                     .kind = "fold",
                                                     .who = "aggregator",
                                                     .holder = options->holder,
                                                     .book_id = options->book_id,
                                                     .duration_ns = fold->options.lease_ns});
}

enum err_code fold_acquire(struct fold *fold, struct err *err)
{
    return lease_acquire(&fold->lease, err);
}

void fold_release(struct fold *fold)
{
    lease_release(&fold->lease);
}

enum err_code fold_lock_lease(struct fold *fold, struct err *err)
{
    enum err_code code = lease_lock(&fold->lease, err);

    if (code == ERR_OK && fold->options.outer != NULL) {
        code = lease_lock(fold->options.outer, err);
    }
    return code;
}

/* Runs a statement whose only parameter is the book. */
static enum err_code run_for_book(struct fold *fold, const char *sql, int64_t *ret_changed,
                                  struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(fold->options.db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, fold->options.book_id);
    return db_run(stmt, ret_changed, err);
}

/* Reads one number for the book. */
static enum err_code read_for_book(struct db *db, int64_t book_id, const char *sql,
                                   int64_t *ret_number, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(row);
    *ret_number = db_column_int64(stmt, 0);
    db_reset(stmt);
    return ERR_OK;
}

static enum err_code round_open(struct fold *fold, int64_t *ret_open, struct err *err)
{
    return read_for_book(fold->options.db, fold->options.book_id,
                         "SELECT count(*) FROM fold_round WHERE book_id = $1", ret_open, err);
}

/* What will be complete once all batches that are pending now are folded. A stream with a partition that was never drained
 * gets no row: nothing can be said of it. */
static enum err_code note_complete(struct fold *fold, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(fold->options.db,
                   "INSERT INTO fold_round_complete (book_id, stream_id, complete_ns) "
                   "SELECT $1, s.stream_id, min(p.drained_ns) - $2 FROM stream s "
                   "JOIN partition_offset p ON p.stream_id = s.stream_id "
                   "WHERE p.book_id = $1 AND s.closed_ns IS NULL "
                   "GROUP BY s.stream_id HAVING count(*) = count(p.drained_ns)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, fold->options.book_id);
    db_bind_int64(stmt, 2, fold->options.lateness_ns);
    return db_run(stmt, NULL, err);
}

static enum err_code start_round(struct fold *fold, struct err *err)
{
    struct db_stmt *stmt;
    int64_t now_ns;
    enum err_code code = db_now_ns(fold->options.db, &now_ns, err);

    if (code == ERR_OK) {
        code =
            db_prepare(fold->options.db,
                       "INSERT INTO fold_round (book_id, started_ns) VALUES ($1, $2)", &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, fold->options.book_id);
    db_bind_int64(stmt, 2, now_ns);
    code = db_run(stmt, NULL, err);
    if (code == ERR_OK) {
        code = note_complete(fold, err);
    }
    if (code == ERR_OK) {
        code = run_for_book(fold,
                            "INSERT INTO fold_round_batch (book_id, batch_id) "
                            "SELECT book_id, batch_id FROM batch WHERE book_id = $1 AND folded = 0",
                            NULL, err);
    }
    if (code == ERR_OK && FAULT("fold.step.round")) {
        code = fault_error("fold.step.round", err);
    }
    return code;
}

/* Batches of the round that have nothing pending any more leave it. */
static enum err_code finish_batches(struct fold *fold, struct err *err)
{
    enum err_code code = run_for_book(
        fold,
        "UPDATE batch SET folded = 1 WHERE batch_id IN "
        "(SELECT r.batch_id FROM fold_round_batch r WHERE r.book_id = $1 AND NOT EXISTS "
        "(SELECT 1 FROM pending p WHERE p.book_id = $1 AND p.batch_id = r.batch_id))",
        NULL, err);

    if (code == ERR_OK) {
        code = run_for_book(fold,
                            "DELETE FROM fold_round_batch WHERE book_id = $1 AND NOT EXISTS "
                            "(SELECT 1 FROM pending p WHERE p.book_id = $1 AND "
                            "p.batch_id = fold_round_batch.batch_id)",
                            NULL, err);
    }
    return code;
}

/* Complete-until never goes back. */
static enum err_code publish_stream(struct fold *fold, int64_t stream_id, int64_t complete_ns,
                                    struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(fold->options.db,
                   "INSERT INTO complete_until (book_id, stream_id, complete_ns, checksum) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (book_id, stream_id) DO UPDATE SET "
                   "complete_ns = excluded.complete_ns, checksum = excluded.checksum "
                   "WHERE excluded.complete_ns > complete_until.complete_ns",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, fold->options.book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, complete_ns);
    db_bind_checksum(stmt, 4);
    return db_run(stmt, NULL, err);
}

/* Publishes what the round noted at its start, stream by stream: a row's checksum is made here, not by the database. */
static enum err_code publish(struct fold *fold, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(fold->options.db,
                   "SELECT stream_id, complete_ns FROM fold_round_complete WHERE book_id = $1 "
                   "ORDER BY stream_id",
                   &stmt, err);

    if (code == ERR_OK) {
        db_bind_int64(stmt, 1, fold->options.book_id);
    }
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = publish_stream(fold, db_column_int64(stmt, 0), db_column_int64(stmt, 1), err);
    }

    if (code == ERR_OK) {
        code = run_for_book(fold, "DELETE FROM fold_round_complete WHERE book_id = $1", NULL, err);
    }
    if (code == ERR_OK) {
        code = run_for_book(fold, "DELETE FROM fold_round WHERE book_id = $1", NULL, err);
    }
    return code;
}

/* A step, under the lease. */
static enum err_code step_locked(struct fold *fold, bool *ret_done, int64_t *ret_tallies,
                                 struct err *err)
{
    const struct fold_bounds bounds = {.rows = fold->options.rows_per_step,
                                       .bytes = fold->options.bytes_per_step};
    int64_t open = 0;
    int64_t left = 0;
    enum err_code code = round_open(fold, &open, err);

    if (code == ERR_OK && open == 0) {
        code = start_round(fold, err);
    }
    if (code == ERR_OK) {
        code = fold_merge(fold->options.db, fold->options.book_id, &bounds, ret_tallies, err);
    }
    if (code == ERR_OK && FAULT("fold.step.merged")) {
        code = fault_error("fold.step.merged", err);
    }
    if (code == ERR_OK) {
        code = finish_batches(fold, err);
    }
    if (code == ERR_OK) {
        code =
            read_for_book(fold->options.db, fold->options.book_id,
                          "SELECT count(*) FROM fold_round_batch WHERE book_id = $1", &left, err);
    }
    *ret_done = code == ERR_OK && left == 0;
    return *ret_done ? publish(fold, err) : code;
}

/* Everything between BEGIN and COMMIT. */
static enum err_code step_inside(struct fold *fold, bool *ret_done, int64_t *ret_tallies,
                                 struct err *err)
{
    enum err_code code = fold_lock_lease(fold, err);

    if (code == ERR_OK && FAULT("fold.step.lease")) {
        code = fault_error("fold.step.lease", err);
    }
    return code == ERR_OK ? step_locked(fold, ret_done, ret_tallies, err) : code;
}

enum err_code fold_drain(struct fold *fold, struct err *err)
{
    int64_t left = 1;
    enum err_code code = ERR_OK;

    while (code == ERR_OK && left > 0) {
        int64_t tallies;
        bool done;

        code = read_for_book(fold->options.db, fold->options.book_id,
                             "SELECT count(*) FROM batch WHERE book_id = $1 AND folded = 0", &left,
                             err);
        if (code == ERR_OK && left > 0) {
            code = step_locked(fold, &done, &tallies, err);
        }
    }
    return code;
}

static enum err_code step(struct fold *fold, bool *ret_done, int64_t *ret_tallies, struct err *err)
{
    struct db *db = fold->options.db;
    bool done = false;
    bool unknown;
    enum err_code code;

    if (FAULT("fold.step.begin")) {
        return fault_error("fold.step.begin", err);
    }
    code = db_begin_concurrent(db, err); /* the lease's row is what folds wait for */
    if (code == ERR_OK) {
        code = step_inside(fold, &done, ret_tallies, err);
    }
    if (code == ERR_OK && FAULT("fold.step.before")) {
        code = fault_error("fold.step.before", err);
    }
    if (code == ERR_OK) {
        /* A lost answer needs no care: the next step reads where the round stands. */
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    if (code == ERR_OK && FAULT("fold.step.after")) {
        code = fault_error("fold.step.after", err);
    }
    if (code == ERR_OK) {
        *ret_done = done;
    }
    return code;
}

enum err_code fold_step(struct fold *fold, bool *ret_done, struct err *err)
{
    int64_t tallies;

    return step(fold, ret_done, &tallies, err);
}

/* A deadlock, or a server that went away, costs nothing but another attempt. */
static enum err_code step_again(struct fold *fold, bool *ret_done, int64_t *ret_tallies,
                                struct err *err)
{
    struct err cause = ERR_INIT;
    int tries = 0;

    while (step(fold, ret_done, ret_tallies, &cause) != ERR_OK &&
           db_again(fold->options.db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

enum err_code fold_check_stopped(const struct fold *fold, struct err *err)
{
    if (fold->options.stopped == NULL || !fold->options.stopped()) {
        return ERR_OK;
    }
    return err_set(err, ERR_INTERRUPTED,
                   "stopped by a signal before the end; the next run goes on from here");
}

static enum err_code run_round(struct fold *fold,
                               void (*progress)(void *context, int64_t folded, int64_t total),
                               void *context, struct err *err)
{
    int64_t total = 0;
    int64_t folded = 0;
    bool done = false;
    enum err_code code =
        read_for_book(fold->options.db, fold->options.book_id,
                      "SELECT CAST(coalesce(sum(tallies), 0) AS BIGINT) FROM pending "
                      "WHERE book_id = $1",
                      &total, err);

    while (code == ERR_OK && !done) {
        int64_t tallies = 0;

        code = step_again(fold, &done, &tallies, err);
        folded += tallies;
        if (code == ERR_OK && progress != NULL) {
            /* What was committed after the round began is for the next one. */
            progress(context, folded, done ? folded : total);
        }
        if (code == ERR_OK && !done) {
            code = fold_check_stopped(fold, err);
        }
    }
    return code;
}

enum err_code fold_run(struct fold *fold,
                       void (*progress)(void *context, int64_t folded, int64_t total),
                       void *context, struct err *err)
{
    int64_t open = 0;
    enum err_code code = round_open(fold, &open, err);

    /* A round that somebody left half way knows nothing of what was committed since: end it, then do our own. */
    if (code == ERR_OK && open > 0) {
        code = run_round(fold, NULL, NULL, err);
    }
    if (code == ERR_OK) {
        code = run_round(fold, progress, context, err);
    }
    return code;
}

enum err_code fold_complete_until(struct db *db, int64_t book_id, int64_t *ret_complete_ns,
                                  struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT count(*), count(c.complete_ns), min(c.complete_ns) FROM stream s "
                   "LEFT JOIN complete_until c ON c.stream_id = s.stream_id AND c.book_id = $1 "
                   "WHERE s.closed_ns IS NULL AND EXISTS (SELECT 1 FROM partition_offset p "
                   "WHERE p.stream_id = s.stream_id AND p.book_id = $1)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(row);
    *ret_complete_ns = INT64_MIN;
    if (db_column_int64(stmt, 0) > 0 && db_column_int64(stmt, 0) == db_column_int64(stmt, 1)) {
        *ret_complete_ns = db_column_int64(stmt, 2);
    }
    db_reset(stmt);
    return ERR_OK;
}
