#include "aggregator/archive_file.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/fault.h"

static const char *const state_names[] = {
    [ARCHIVE_KEPT] = "kept", [ARCHIVE_EXPIRING] = "expiring", [ARCHIVE_EXPIRED] = "expired"};

const char *archive_state_name(enum archive_state state)
{
    return (unsigned)state < ARRAY_COUNT(state_names) ? state_names[state] : NULL;
}

static void bind_time(struct db_stmt *stmt, int index, int64_t time_ns)
{
    if (time_ns == ARCHIVE_NO_TIME) {
        db_bind_null(stmt, index);
    } else {
        db_bind_int64(stmt, index, time_ns);
    }
}

static int64_t column_time(struct db_stmt *stmt, int column)
{
    return db_column_null(stmt, column) ? ARCHIVE_NO_TIME : db_column_int64(stmt, column);
}

#define COLUMNS                                                                                    \
    "book_id, stream_id, partition_id, from_offset, to_offset, batch_id, name, size, sha256, "     \
    "records, low_time_ns, high_time_ns, low_event_ns, high_event_ns, undated, state, "            \
    "expired_ns, checksum"
enum { STATE_COLUMN = 15, EXPIRED_COLUMN = 16, CHECKSUM_COLUMN = 17 };

enum err_code archive_file_write(struct db *db, int64_t book_id, const struct archive_file *file,
                                 struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO archive_file (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
                   "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18) "
                   "ON CONFLICT (book_id, stream_id, partition_id, from_offset) DO UPDATE SET "
                   "state = excluded.state, expired_ns = excluded.expired_ns, "
                   "checksum = excluded.checksum",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, file->stream_id);
    db_bind_int64(stmt, 3, file->partition);
    db_bind_int64(stmt, 4, file->from);
    db_bind_int64(stmt, 5, file->to);
    db_bind_blob(stmt, 6, file->batch_id);
    db_bind_text(stmt, 7, file->name);
    db_bind_int64(stmt, 8, file->size);
    db_bind_text(stmt, 9, file->sha256);
    db_bind_int64(stmt, 10, file->records);
    bind_time(stmt, 11, file->low_time_ns);
    bind_time(stmt, 12, file->high_time_ns);
    bind_time(stmt, 13, file->low_event_ns);
    bind_time(stmt, 14, file->high_event_ns);
    db_bind_int64(stmt, 15, file->undated);
    db_bind_text(stmt, 16, STR(state_names[file->state]));
    bind_time(stmt, 17, file->expired_ns);
    db_bind_checksum(stmt, 18);
    return db_run(stmt, NULL, err);
}

static bool find_state(struct str name, enum archive_state *ret_state)
{
    for (size_t i = 0; i < ARRAY_COUNT(state_names); i++) {
        if (str_equal(name, STR(state_names[i]))) {
            *ret_state = (enum archive_state)i;
            return true;
        }
    }
    return false;
}

static enum err_code read_row(struct db_stmt *stmt, struct arena *arena, struct archive_file *file,
                              struct err *err)
{
    *file = (struct archive_file){.stream_id = db_column_int64(stmt, 1),
                                  .partition = (int32_t)db_column_int64(stmt, 2),
                                  .from = db_column_int64(stmt, 3),
                                  .to = db_column_int64(stmt, 4),
                                  .batch_id = arena_str(arena, db_column_blob(stmt, 5)),
                                  .name = arena_str(arena, db_column_text(stmt, 6)),
                                  .size = db_column_int64(stmt, 7),
                                  .sha256 = arena_str(arena, db_column_text(stmt, 8)),
                                  .records = db_column_int64(stmt, 9),
                                  .low_time_ns = column_time(stmt, 10),
                                  .high_time_ns = column_time(stmt, 11),
                                  .low_event_ns = column_time(stmt, 12),
                                  .high_event_ns = column_time(stmt, 13),
                                  .undated = db_column_int64(stmt, 14),
                                  .expired_ns = column_time(stmt, EXPIRED_COLUMN)};
    if (db_column_checksum(stmt, CHECKSUM_COLUMN) != db_column_int64(stmt, CHECKSUM_COLUMN) ||
        !find_state(db_column_text(stmt, STATE_COLUMN), &file->state)) {
        return err_set(err, ERR_MISMATCH,
                       "archive_file %" PRId64 " %" PRId32 " %" PRId64
                       ": the row was changed (checksum)",
                       file->stream_id, file->partition, file->from);
    }
    return ERR_OK;
}

enum err_code archive_file_page(struct db *db, int64_t book_id, const struct archive_file *behind,
                                size_t count_max, struct arena *arena,
                                struct archive_file *ret_files, size_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code =
        db_prepare(db,
                   "SELECT " COLUMNS " FROM archive_file WHERE book_id = $1 AND (stream_id > $2 OR "
                   "(stream_id = $2 AND (partition_id > $3 OR (partition_id = $3 AND "
                   "from_offset > $4)))) ORDER BY stream_id, partition_id, from_offset LIMIT $5",
                   &stmt, err);

    *ret_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, behind->stream_id);
    db_bind_int64(stmt, 3, behind->partition);
    db_bind_int64(stmt, 4, behind->from);
    db_bind_int64(stmt, 5, (int64_t)count_max);
    while (row && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        CHECK(*ret_count < count_max);
        code = read_row(stmt, arena, &ret_files[*ret_count], err);
        if (code != ERR_OK) {
            break;
        }
        ++*ret_count;
    }
    db_reset(stmt);
    return code;
}

/* As it stands now. *ret_found: it is there, in the state that the caller saw. */
static enum err_code still_there(struct db *db, int64_t book_id, const struct archive_file *file,
                                 bool *ret_found, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db,
                                    "SELECT 1 FROM archive_file WHERE book_id = $1 AND stream_id = "
                                    "$2 AND partition_id = $3 AND from_offset = $4 AND state = $5",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, file->stream_id);
    db_bind_int64(stmt, 3, file->partition);
    db_bind_int64(stmt, 4, file->from);
    db_bind_text(stmt, 5, STR(state_names[file->state]));
    code = db_step(stmt, ret_found, err);
    db_reset(stmt);
    return code;
}

enum err_code archive_file_set_state(struct db *db, int64_t book_id,
                                     const struct archive_file *file, enum archive_state state,
                                     struct err *err)
{
    struct archive_file changed = *file;
    int64_t now_ns;
    bool found = false, unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    changed.state = state;
    code = db_now_ns(db, &now_ns, err);
    changed.expired_ns = file->expired_ns != ARCHIVE_NO_TIME ? file->expired_ns : now_ns;
    if (code == ERR_OK) {
        code = still_there(db, book_id, file, &found, err);
    }
    if (code == ERR_OK && found) {
        code = archive_file_write(db, book_id, &changed, err);
    }
    if (code == ERR_OK && FAULT("archive.expire.row")) {
        code = fault_error("archive.expire.row", err);
    }
    if (code == ERR_OK) {
        /* An answer that is lost needs no care: the next run reads the state. */
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}
