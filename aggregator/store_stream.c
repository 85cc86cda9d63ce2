/* Streams of aggregator/store.h: the open incarnation of a topic. */
#include <inttypes.h>

#include "aggregator/store.h"
#include "base/check.h"

static const char *const kind_names[] = {[EVENT_REQUEST] = "requests", [EVENT_CHECK] = "checks"};

/* *ret_found is false if the topic has no incarnation at all. */
static enum err_code find(struct db *db, struct stream *stream, bool *ret_found, bool *ret_rename,
                          struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT stream_id, incarnation, kind, closed_ns, cluster_name FROM stream "
                   "WHERE cluster = $1 AND topic = $2 ORDER BY incarnation DESC LIMIT 1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, stream->cluster);
    db_bind_text(stmt, 2, stream->topic);
    code = db_step(stmt, &row, err);
    *ret_found = row;
    if (code != ERR_OK || !row) {
        return code;
    }
    stream->stream_id = db_column_int64(stmt, 0);
    stream->incarnation = db_column_int64(stmt, 1);
    *ret_rename = !str_equal(db_column_text(stmt, 4), stream->cluster_name);
    if (!str_equal(db_column_text(stmt, 2), STR(kind_names[stream->kind]))) {
        code = err_set(
            err, ERR_CONFIG, "topic %.*s: its kind is %s, but it was read as %.*s before",
            STR_ARGS(stream->topic), kind_names[stream->kind], STR_ARGS(db_column_text(stmt, 2)));
    } else if (!db_column_null(stmt, 3)) {
        code = err_set(err, ERR_STORE,
                       "topic %.*s: incarnation %" PRId64 " is closed and no other open",
                       STR_ARGS(stream->topic), stream->incarnation);
    }
    db_reset(stmt);
    return code;
}

static enum err_code next_id(struct db *db, int64_t *ret_stream_id, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db, "SELECT coalesce(max(stream_id), 0) + 1 FROM stream", &stmt, err);

    if (code == ERR_OK) {
        code = db_step(stmt, &row, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    CHECK(row);
    *ret_stream_id = db_column_int64(stmt, 0);
    db_reset(stmt);
    return ERR_OK;
}

/* A new stream, or one under another name of its cluster: statements print the configured name, so the store follows the
 * configuration. */
static enum err_code write(struct db *db, const struct stream *stream, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO stream (stream_id, cluster, cluster_name, topic, incarnation, kind, checksum) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (stream_id) DO UPDATE SET "
        "cluster_name = excluded.cluster_name, checksum = excluded.checksum",
        &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, stream->stream_id);
    db_bind_text(stmt, 2, stream->cluster);
    db_bind_text(stmt, 3, stream->cluster_name);
    db_bind_text(stmt, 4, stream->topic);
    db_bind_int64(stmt, 5, stream->incarnation);
    db_bind_text(stmt, 6, STR(kind_names[stream->kind]));
    db_bind_checksum(stmt, 7);
    return db_run(stmt, NULL, err);
}

static enum err_code find_or_insert(struct db *db, struct stream *stream, struct err *err)
{
    bool found;
    bool rename = false;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = find(db, stream, &found, &rename, err);
    if (code == ERR_OK && !found) {
        stream->incarnation = 1;
        code = next_id(db, &stream->stream_id, err);
    }
    if (code == ERR_OK && (!found || rename)) {
        code = write(db, stream, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}

enum err_code store_stream(struct db *db, struct str cluster, struct str cluster_name,
                           struct str topic, enum event_kind kind, struct stream *ret_stream,
                           struct err *err)
{
    struct stream stream = {
        .cluster = cluster, .cluster_name = cluster_name, .topic = topic, .kind = kind};
    bool found;
    bool rename = false;
    enum err_code code = find(db, &stream, &found, &rename, err);

    /* The usual case takes no lock. */
    if (code == ERR_OK && (!found || rename)) {
        code = find_or_insert(db, &stream, err);
    }
    if (code == ERR_OK) {
        *ret_stream = stream;
    }
    return code;
}
