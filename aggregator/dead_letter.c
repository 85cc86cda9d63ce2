#include "aggregator/dead_letter.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

enum { EXPIRE_ROWS_MAX = 500 };

/* All columns in the order of the table: so the checksum can be tested. */
#define COLUMNS                                                                                    \
    "d.book_id, d.stream_id, d.partition_id, d.record_offset, d.batch_id, d.reason, d.detail, "    \
    "d.record_time_ns, d.record_size, d.content, d.bytes, d.resolved_by, "                         \
    "d.schema_header, d.checksum"

enum {
    STREAM_ID = 1,
    PARTITION_ID,
    RECORD_OFFSET,
    BATCH_ID,
    REASON,
    DETAIL,
    RECORD_TIME_NS,
    RECORD_SIZE,
    CONTENT,
    BYTES,
    RESOLVED_BY,
    SCHEMA_HEADER,
    CHECKSUM
};

static const char *const content_names[] = {[LETTER_WHOLE] = "whole",
                                            [LETTER_CUT] = "cut",
                                            [LETTER_REDACTED] = "redacted",
                                            [LETTER_EXPIRED] = "expired"};

const char *letter_content_name(enum letter_content content)
{
    return content_names[content];
}

static bool content_find(struct str name, enum letter_content *ret_content)
{
    for (size_t i = 0; i < ARRAY_COUNT(content_names); i++) {
        if (str_equal(name, STR(content_names[i]))) {
            *ret_content = (enum letter_content)i;
            return true;
        }
    }
    return false;
}

static void bind_blob_or_null(struct db_stmt *stmt, int index, bool null, struct str blob)
{
    if (null) {
        db_bind_null(stmt, index);
    } else {
        db_bind_blob(stmt, index, blob);
    }
}

/* Parameters 1 to 14 are the columns of the table. */
static void bind_letter(struct db_stmt *stmt, int64_t book_id, const struct dead_letter *letter)
{
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 1 + STREAM_ID, letter->stream_id);
    db_bind_int64(stmt, 1 + PARTITION_ID, letter->partition);
    db_bind_int64(stmt, 1 + RECORD_OFFSET, letter->offset);
    db_bind_blob(stmt, 1 + BATCH_ID, letter->batch_id);
    db_bind_text(stmt, 1 + REASON, letter->reason);
    db_bind_text(stmt, 1 + DETAIL, letter->detail);
    if (letter->time_ns == INT64_MIN) {
        db_bind_null(stmt, 1 + RECORD_TIME_NS);
    } else {
        db_bind_int64(stmt, 1 + RECORD_TIME_NS, letter->time_ns);
    }
    db_bind_int64(stmt, 1 + RECORD_SIZE, letter->record_size);
    db_bind_text(stmt, 1 + CONTENT, STR(letter_content_name(letter->content)));
    db_bind_blob(stmt, 1 + BYTES, letter->bytes);
    bind_blob_or_null(stmt, 1 + RESOLVED_BY, letter->resolved_by.size == 0, letter->resolved_by);
    bind_blob_or_null(stmt, 1 + SCHEMA_HEADER, letter->schema_header.data == NULL,
                      letter->schema_header);
    db_bind_checksum(stmt, 1 + CHECKSUM);
}

enum err_code dead_letter_insert(struct db *db, int64_t book_id, const struct dead_letter *letter,
                                 struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO dead_letter (book_id, stream_id, partition_id, record_offset, batch_id, "
        "reason, detail, record_time_ns, record_size, content, bytes, resolved_by, "
        "schema_header, checksum) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_letter(stmt, book_id, letter);
    return db_run(stmt, NULL, err);
}

/* Only while nobody has resolved it, or it is resolved and stays so. */
static enum err_code rewrite(struct db *db, int64_t book_id, const struct dead_letter *letter,
                             int64_t *ret_changed, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "UPDATE dead_letter SET batch_id = $5, reason = $6, detail = $7, record_time_ns = $8, "
        "record_size = $9, content = $10, bytes = $11, resolved_by = $12, schema_header = $13, "
        "checksum = $14 "
        "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 AND record_offset = $4 "
        "AND (resolved_by IS NULL OR resolved_by = $12)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_letter(stmt, book_id, letter);
    return db_run(stmt, ret_changed, err);
}

/* Texts are borrowed from the row. */
static enum err_code take_row(struct db_stmt *stmt, struct dead_letter *ret_letter, struct err *err)
{
    struct dead_letter letter = {.stream_id = db_column_int64(stmt, STREAM_ID),
                                 .partition = (int32_t)db_column_int64(stmt, PARTITION_ID),
                                 .offset = db_column_int64(stmt, RECORD_OFFSET),
                                 .batch_id = db_column_blob(stmt, BATCH_ID),
                                 .reason = db_column_text(stmt, REASON),
                                 .detail = db_column_text(stmt, DETAIL),
                                 .time_ns = db_column_null(stmt, RECORD_TIME_NS)
                                                ? INT64_MIN
                                                : db_column_int64(stmt, RECORD_TIME_NS),
                                 .record_size = db_column_int64(stmt, RECORD_SIZE),
                                 .bytes = db_column_blob(stmt, BYTES),
                                 .resolved_by = db_column_blob(stmt, RESOLVED_BY)};

    if (!db_column_null(stmt, SCHEMA_HEADER)) {
        struct str header = db_column_blob(stmt, SCHEMA_HEADER);

        letter.schema_header = header.data != NULL ? header : STR(""); /* empty, but there */
    }
    if (db_column_checksum(stmt, CHECKSUM) != db_column_int64(stmt, CHECKSUM) ||
        !content_find(db_column_text(stmt, CONTENT), &letter.content)) {
        return err_set(err, ERR_STORE,
                       "dead letter of stream %" PRId64 ", partition %" PRId32 ", offset %" PRId64
                       " is damaged: its checksum is wrong",
                       letter.stream_id, letter.partition, letter.offset);
    }
    *ret_letter = letter;
    return ERR_OK;
}

static void keep_texts(struct dead_letter *letter, struct arena *arena)
{
    letter->batch_id = arena_str(arena, letter->batch_id);
    letter->reason = arena_str(arena, letter->reason);
    letter->detail = arena_str(arena, letter->detail);
    letter->resolved_by = arena_str(arena, letter->resolved_by);
    if (letter->schema_header.data != NULL) {
        letter->schema_header = arena_str(arena, letter->schema_header);
    }
}

enum err_code dead_letter_read(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, struct arena *arena, struct dead_letter *ret_letter,
                               bool *ret_found, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db,
                                    "SELECT " COLUMNS " FROM dead_letter d WHERE book_id = $1 "
                                    "AND stream_id = $2 AND partition_id = $3 "
                                    "AND record_offset = $4",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    db_bind_int64(stmt, 4, offset);
    code = db_step(stmt, ret_found, err);
    if (code != ERR_OK || !*ret_found) {
        return code;
    }
    code = take_row(stmt, ret_letter, err);
    if (code == ERR_OK) {
        keep_texts(ret_letter, arena);
        ret_letter->bytes = arena_str(arena, ret_letter->bytes);
    }
    db_reset(stmt);
    return code;
}

enum err_code dead_letter_lock(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, int64_t *ret_locked, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "UPDATE dead_letter SET resolved_by = resolved_by WHERE book_id = $1 "
                   "AND stream_id = $2 AND partition_id = $3 AND record_offset = $4 "
                   "AND resolved_by IS NULL",
                   &stmt, err);

    CHECK(db_in_transaction(db));
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    db_bind_int64(stmt, 4, offset);
    return db_run_later(stmt, ret_locked, err);
}

enum err_code dead_letter_resolve(struct db *db, int64_t book_id, int64_t stream_id,
                                  int32_t partition, int64_t offset, struct str batch_id,
                                  struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct dead_letter letter;
    bool found;
    enum err_code code =
        dead_letter_read(db, book_id, stream_id, partition, offset, &scratch, &letter, &found, err);

    if (code == ERR_OK) {
        CHECK(found);
        CHECK(letter.resolved_by.size == 0);
        letter.resolved_by = batch_id;
        code = rewrite(db, book_id, &letter, NULL, err);
    }
    arena_release(&scratch);
    return code;
}

/* The next row, if there is one. Its bytes are borrowed from it, the other texts are in arena. */
static enum err_code next_row(struct db_stmt *stmt, struct arena *arena,
                              struct dead_letter *ret_letter, bool *ret_row, struct err *err)
{
    enum err_code code = db_step(stmt, ret_row, err);

    if (code == ERR_OK && *ret_row) {
        code = take_row(stmt, ret_letter, err);
    }
    if (code == ERR_OK && *ret_row) {
        keep_texts(ret_letter, arena);
    }
    return code;
}

enum err_code dead_letter_list(struct db *db, int64_t book_id,
                               const struct dead_letter_query *query, struct arena *arena,
                               struct dead_letter **ret_letters, size_t *ret_count, struct err *err)
{
    struct dead_letter *letters = arena_calloc(arena, query->count_max, sizeof(*letters));
    size_t count = 0;
    size_t size = 0;
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code =
        db_prepare(db,
                   "SELECT " COLUMNS " FROM dead_letter d WHERE book_id = $1 AND stream_id = $2 "
                   "AND resolved_by IS NULL AND ($3 = '' OR reason = $3) "
                   "AND (partition_id > $4 OR (partition_id = $4 AND record_offset > $5)) "
                   "ORDER BY partition_id, record_offset LIMIT $6",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, query->stream_id);
    db_bind_text(stmt, 3, query->reason);
    db_bind_int64(stmt, 4, query->after_partition);
    db_bind_int64(stmt, 5, query->after_offset);
    db_bind_int64(stmt, 6, (int64_t)query->count_max);
    while (count < query->count_max && size <= query->size_max) {
        code = next_row(stmt, arena, &letters[count], &row, err);
        if (code != ERR_OK || !row) {
            break;
        }
        letters[count].bytes = arena_str(arena, letters[count].bytes);
        size += letters[count++].bytes.size;
    }
    db_reset(stmt);
    *ret_letters = letters;
    *ret_count = count;
    return code;
}

/* Letters whose bytes are due, without those; in arena. */
static enum err_code list_due(struct db *db, int64_t book_id, int64_t before_ns,
                              struct arena *arena, struct dead_letter **ret_letters,
                              size_t *ret_count, struct err *err)
{
    struct dead_letter *letters = arena_calloc(arena, EXPIRE_ROWS_MAX, sizeof(*letters));
    size_t count = 0;
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code =
        db_prepare(db,
                   "SELECT " COLUMNS " FROM dead_letter d "
                   "JOIN batch b ON b.batch_id = d.batch_id "
                   "WHERE d.book_id = $1 AND d.content <> 'expired' AND length(d.bytes) > 0 "
                   "AND b.committed_ns < $2 "
                   "ORDER BY d.stream_id, d.partition_id, d.record_offset LIMIT $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, before_ns);
    db_bind_int64(stmt, 3, EXPIRE_ROWS_MAX);
    while (code == ERR_OK && count < EXPIRE_ROWS_MAX) {
        code = next_row(stmt, arena, &letters[count], &row, err);
        if (code != ERR_OK || !row) {
            break;
        }
        letters[count++].bytes = str_of(NULL, 0);
    }
    db_reset(stmt);
    *ret_letters = letters;
    *ret_count = count;
    return code;
}

/* A letter that a redrive has claimed since it was listed is not changed here: it is due again in the next step. */
static enum err_code empty_all(struct db *db, int64_t book_id, struct dead_letter *letters,
                               size_t count, int64_t *ret_emptied, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        int64_t changed = 0;

        letters[i].content = LETTER_EXPIRED;
        code = rewrite(db, book_id, &letters[i], &changed, err);
        *ret_emptied += changed;
    }
    if (code == ERR_OK && FAULT("dead_letter.expire")) {
        code = err_set_retriable(err, ERR_STORE, "fault at dead_letter.expire");
    }
    return code;
}

/* One transaction. Rows that were emptied are not due any more, so a lost answer decides nothing. */
static enum err_code expire_step(struct db *db, int64_t book_id, int64_t before_ns,
                                 int64_t *ret_emptied, size_t *ret_count, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct dead_letter *letters = NULL;
    bool unknown = false;
    enum err_code code = db_begin(db, err);

    *ret_count = 0;
    *ret_emptied = 0;
    if (code != ERR_OK) {
        return code;
    }
    code = list_due(db, book_id, before_ns, &scratch, &letters, ret_count, err);
    if (code == ERR_OK) {
        code = empty_all(db, book_id, letters, *ret_count, ret_emptied, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    arena_release(&scratch);
    return code;
}

enum err_code dead_letter_expire(struct db *db, int64_t book_id, int64_t before_ns,
                                 int64_t *ret_count, struct err *err)
{
    size_t count = 0;
    int64_t emptied;
    enum err_code code;

    *ret_count = 0;
    do {
        code = expire_step(db, book_id, before_ns, &emptied, &count, err);
        *ret_count += code == ERR_OK ? emptied : 0;
    } while (code == ERR_OK && count > 0);
    return code;
}
