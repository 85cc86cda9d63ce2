/* Where the ledger stands: origins, positions, drained notes. */
#include <stdlib.h>

#include "aggregator/ledger.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

static enum err_code partition_count(struct ledger *ledger, int64_t stream_id, int64_t *ret_count,
                                     struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        ledger->db, "SELECT count(*) FROM partition_offset WHERE book_id = $1 AND stream_id = $2",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(row);
    *ret_count = db_column_int64(stmt, 0);
    db_reset(stmt);
    return ERR_OK;
}

static enum err_code insert_partition(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                      int64_t origin, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        ledger->db,
        "INSERT INTO partition_offset (book_id, stream_id, partition_id, origin, next_offset) "
        "VALUES ($1, $2, $3, $4, $4) ON CONFLICT (book_id, stream_id, partition_id) DO NOTHING",
        &stmt, err);

    CHECK(origin >= 0);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    db_bind_int64(stmt, 4, origin);
    return db_run(stmt, NULL, err);
}

enum err_code ledger_set_origins(struct ledger *ledger, int64_t stream_id, const int64_t *origins,
                                 int32_t count, struct err *err)
{
    int64_t known = 0;
    bool unknown;
    enum err_code code = db_begin(ledger->db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = partition_count(ledger, stream_id, &known, err);
    for (int32_t i = 0; i < count && code == ERR_OK; i++) {
        code = insert_partition(ledger, stream_id, i, known > 0 ? 0 : origins[i], err);
    }
    if (code == ERR_OK && FAULT("ledger.origins.before")) {
        code = err_set_retriable(err, ERR_STORE, "fault at ledger.origins.before");
    }
    if (code == ERR_OK) {
        /* A lost answer needs no care: another call keeps what is there. */
        code = db_commit(ledger->db, &unknown, err);
    }
    db_rollback(ledger->db);
    if (code == ERR_OK && FAULT("ledger.origins.after")) {
        code = err_set_retriable(err, ERR_STORE, "fault at ledger.origins.after");
    }
    return code;
}

static struct ledger_partition read_partition(struct db_stmt *stmt, struct arena *arena)
{
    return (struct ledger_partition){
        .partition = (int32_t)db_column_int64(stmt, 0),
        .origin = db_column_int64(stmt, 1),
        .next_offset = db_column_int64(stmt, 2),
        .guard_offset = db_column_null(stmt, 3) ? -1 : db_column_int64(stmt, 3),
        .guard_time_ns = db_column_null(stmt, 4) ? INT64_MIN : db_column_int64(stmt, 4),
        .parked = arena_str(arena, db_column_text(stmt, 5)),
        .drained_ns = db_column_null(stmt, 6) ? INT64_MIN : db_column_int64(stmt, 6)};
}

enum err_code ledger_partitions(struct ledger *ledger, int64_t stream_id, struct arena *arena,
                                struct ledger_partition **ret_partitions, size_t *ret_count,
                                struct err *err)
{
    struct ledger_partition *list = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row;
    enum err_code code =
        db_prepare(ledger->db,
                   "SELECT partition_id, origin, next_offset, guard_offset, guard_time_ns, parked, "
                   "drained_ns "
                   "FROM partition_offset WHERE book_id = $1 AND stream_id = $2 "
                   "ORDER BY partition_id",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        list = memory_resize(list, count + 1, sizeof(list[0]));
        list[count++] = read_partition(stmt, arena);
    }
    if (code == ERR_OK) {
        *ret_partitions = arena_calloc(arena, count, sizeof(list[0]));
        if (count > 0) {
            memcpy(*ret_partitions, list, count * sizeof(list[0]));
        }
        *ret_count = count;
    }
    memory_free(list);
    return code;
}

/* What a note would change; so that notes that change nothing cost no write. */
struct drained_state {
    bool known;
    bool due;
};

static enum err_code drained_state(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                   int64_t high, int64_t time_ns, struct drained_state *ret_state,
                                   struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(ledger->db,
                                    "SELECT next_offset, drained_ns FROM partition_offset WHERE "
                                    "book_id = $1 AND stream_id = $2 AND partition_id = $3",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    *ret_state = (struct drained_state){.known = row, .due = !row};
    if (row) {
        ret_state->due = db_column_int64(stmt, 0) >= high &&
                         (db_column_null(stmt, 1) || db_column_int64(stmt, 1) < time_ns);
        db_reset(stmt);
    }
    return ERR_OK;
}

static enum err_code write_drained(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                   int64_t high, int64_t time_ns, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        ledger->db,
        "UPDATE partition_offset SET drained_ns = $4, drained_checksum = $5 WHERE book_id = $1 "
        "AND stream_id = $2 AND partition_id = $3 AND next_offset >= $6 AND "
        "(drained_ns IS NULL OR drained_ns < $4)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    db_bind_int64(stmt, 4, time_ns);
    db_bind_checksum(stmt, 5);
    db_bind_int64(stmt, 6, high);
    return db_run(stmt, NULL, err);
}

static enum err_code note_once(struct ledger *ledger, int64_t stream_id, int32_t partition,
                               int64_t high, int64_t time_ns, struct err *err)
{
    struct drained_state state;
    bool unknown;
    enum err_code code = drained_state(ledger, stream_id, partition, high, time_ns, &state, err);

    if (code != ERR_OK || !state.due) {
        return code;
    }
    code = state.known ? db_begin_concurrent(ledger->db, err) : db_begin(ledger->db, err);
    if (code == ERR_OK && !state.known) {
        /* Known from now on, and not drained: completeness waits for it. The origins of a stream were set before, so
         * this is a later partition and begins at 0. */
        code = insert_partition(ledger, stream_id, partition, 0, err);
    }
    if (code == ERR_OK) {
        code = write_drained(ledger, stream_id, partition, high, time_ns, err);
    }
    if (code == ERR_OK) {
        code = db_commit(ledger->db, &unknown, err);
    }
    db_rollback(ledger->db);
    return code;
}

enum err_code ledger_note_drained(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                  int64_t high, int64_t time_ns, struct err *err)
{
    struct err cause = ERR_INIT;
    int tries = 0;

    while (note_once(ledger, stream_id, partition, high, time_ns, &cause) != ERR_OK &&
           db_again(ledger->db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

enum err_code ledger_proven(struct ledger *ledger, int64_t stream_id, struct str config_digest,
                            bool *ret_proven, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(ledger->db,
                                    "SELECT 1 FROM batch_range WHERE book_id = $1 AND "
                                    "stream_id = $2 AND config_digest = $3 LIMIT 1",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_text(stmt, 3, config_digest);
    code = db_step(stmt, ret_proven, err);
    db_reset(stmt);
    return code;
}
