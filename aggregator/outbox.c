#include "aggregator/outbox.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/json.h"

enum { PAYLOAD_SIZE_MAX = 4096 };

static void write_payload(const struct outbox_dead_letter *letter, struct strbuf *payload)
{
    struct json_writer json;

    json_init(&json, payload, false);
    json_open_object(&json, NULL);
    json_str(&json, "destination", letter->destination);
    json_int64(&json, "offset", letter->offset);
    json_int64(&json, "partition", letter->partition);
    json_int64(&json, "stream_id", letter->stream_id);
    json_close(&json);
    json_finish(&json);
    CHECK(!payload->overflow);
}

/* The beginning of the id is the stream's, which the store knows; the batch does not have to. */
static enum err_code insert_dead_letter(struct db *db, const struct outbox_dead_letter *letter,
                                        struct str payload, int64_t now_ns, struct err *err)
{
    char place[64];
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO outbox (outbox_id, kind, created_ns, payload, delivered_ns) "
                   "SELECT '" OUTBOX_DEAD_LETTER_PREFIX "' || cluster || '/' || topic || '/' || "
                   "CAST(incarnation AS TEXT) || $1, '" OUTBOX_DEAD_LETTER "', $2, $3, NULL "
                   "FROM stream WHERE stream_id = $4 ON CONFLICT (outbox_id) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    (void)snprintf(place, sizeof(place), "/%" PRId32 "/%" PRId64, letter->partition,
                   letter->offset);
    db_bind_text(stmt, 1, STR(place));
    db_bind_int64(stmt, 2, now_ns);
    db_bind_text(stmt, 3, payload);
    db_bind_int64(stmt, 4, letter->stream_id);
    return db_run(stmt, NULL, err);
}

enum err_code outbox_add_dead_letter(struct db *db, const struct outbox_dead_letter *letter,
                                     struct err *err)
{
    struct strbuf payload;
    int64_t now_ns;
    enum err_code code = db_now_ns(db, &now_ns, err);

    CHECK(letter->destination.size > 0);
    strbuf_init(&payload, PAYLOAD_SIZE_MAX);
    if (code == ERR_OK) {
        write_payload(letter, &payload);
        code = insert_dead_letter(db, letter, strbuf_view(&payload), now_ns, err);
    }
    strbuf_release(&payload);
    return code;
}

enum err_code outbox_list(struct db *db, const char *kind, struct str after, size_t row_count_max,
                          struct arena *arena, struct outbox_row **ret_rows, size_t *ret_count,
                          struct err *err)
{
    struct outbox_row *rows = arena_calloc(arena, row_count_max, sizeof(*rows));
    size_t count = 0;
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code =
        db_prepare(db,
                   "SELECT outbox_id, payload FROM outbox WHERE kind = $1 AND delivered_ns IS NULL "
                   "AND outbox_id > $2 ORDER BY outbox_id LIMIT $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, STR(kind));
    db_bind_text(stmt, 2, after);
    db_bind_int64(stmt, 3, (int64_t)row_count_max);
    for (;;) {
        code = db_step(stmt, &row, err);
        if (code != ERR_OK) {
            return code;
        }
        if (!row) {
            break;
        }
        CHECK(count < row_count_max);
        rows[count++] = (struct outbox_row){.id = arena_str(arena, db_column_text(stmt, 0)),
                                            .payload = arena_str(arena, db_column_text(stmt, 1))};
    }
    db_reset(stmt);
    *ret_rows = rows;
    *ret_count = count;
    return ERR_OK;
}

/* Where two runs deliver the same row, the time of the first one stays. */
static enum err_code mark(struct db *db, struct str id, int64_t now_ns, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db, "UPDATE outbox SET delivered_ns = $1 WHERE outbox_id = $2 AND delivered_ns IS NULL",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, now_ns);
    db_bind_text(stmt, 2, id);
    return db_run(stmt, NULL, err);
}

enum err_code outbox_mark_delivered(struct db *db, const struct str *ids, size_t id_count,
                                    struct err *err)
{
    bool unknown = false; /* if so, the rows are delivered again at worst */
    int64_t now_ns = 0;
    enum err_code code = db_now_ns(db, &now_ns, err);

    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    for (size_t i = 0; i < id_count && code == ERR_OK; i++) {
        code = mark(db, ids[i], now_ns, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}
