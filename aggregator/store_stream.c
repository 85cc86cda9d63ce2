/* Streams of aggregator/store.h: the incarnations of a topic. */
#include <inttypes.h>

#include "aggregator/store.h"
#include "base/check.h"

static const char *const kind_names[] = {[EVENT_REQUEST] = "requests", [EVENT_CHECK] = "checks"};

const char *store_kind_name(enum event_kind kind)
{
    return kind_names[kind];
}

/* What a look at the table showed. */
struct found {
    bool rename; /* the configuration calls the cluster something else */
    bool kind_fits;
};

static void take_row(struct db_stmt *stmt, struct stream *stream, enum stream_state *ret_state,
                     struct found *ret_found)
{
    stream->stream_id = db_column_int64(stmt, 0);
    stream->incarnation = db_column_int64(stmt, 1);
    ret_found->kind_fits = str_equal(db_column_text(stmt, 2), STR(kind_names[stream->kind]));
    ret_found->rename = !str_equal(db_column_text(stmt, 4), stream->cluster_name);
    *ret_state = db_column_null(stmt, 3) ? STREAM_OPEN : STREAM_CLOSED;
}

/* The last incarnation on this cluster; STREAM_NONE leaves the stream without a number. */
static enum err_code find_last(struct db *db, struct stream *stream, enum stream_state *ret_state,
                               struct found *ret_found, struct err *err)
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
    if (code != ERR_OK) {
        return code;
    }
    stream->stream_id = stream->incarnation = 0;
    *ret_state = STREAM_NONE;
    if (row) {
        take_row(stmt, stream, ret_state, ret_found);
        db_reset(stmt);
    }
    return ERR_OK;
}

/* Whether the topic is being read from another cluster that the configuration calls, or called, by the same name. */
static enum err_code find_elsewhere(struct db *db, const struct stream *stream, bool *ret_elsewhere,
                                    struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db,
                                    "SELECT 1 FROM stream WHERE topic = $1 AND cluster <> $2 AND "
                                    "cluster_name = $3 AND closed_ns IS NULL LIMIT 1",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, stream->topic);
    db_bind_text(stmt, 2, stream->cluster);
    db_bind_text(stmt, 3, stream->cluster_name);
    code = db_step(stmt, ret_elsewhere, err);
    db_reset(stmt);
    return code;
}

static enum err_code find(struct db *db, struct stream *stream, enum stream_state *ret_state,
                          struct found *ret_found, struct err *err)
{
    bool elsewhere = false;
    enum err_code code = find_last(db, stream, ret_state, ret_found, err);

    if (code == ERR_OK && *ret_state != STREAM_OPEN) {
        code = find_elsewhere(db, stream, &elsewhere, err);
    }
    if (code == ERR_OK && elsewhere) {
        *ret_state = STREAM_MOVED;
    }
    return code;
}

enum err_code store_stream_find(struct db *db, struct stream *stream, enum stream_state *ret_state,
                                struct err *err)
{
    struct found found;

    return find(db, stream, ret_state, &found, err);
}

static enum err_code next_number(struct db *db, const char *sql, const struct stream *stream,
                                 int64_t *ret_number, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    if (stream != NULL) {
        db_bind_text(stmt, 1, stream->cluster);
        db_bind_text(stmt, 2, stream->topic);
    }
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(row);
    *ret_number = db_column_int64(stmt, 0);
    db_reset(stmt);
    return ERR_OK;
}

enum err_code store_stream_write(struct db *db, const struct stream *stream, int64_t closed_ns,
                                 struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO stream (stream_id, cluster, cluster_name, topic, incarnation, kind, "
        "closed_ns, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
        "ON CONFLICT (stream_id) DO UPDATE SET cluster_name = excluded.cluster_name, "
        "closed_ns = excluded.closed_ns, checksum = excluded.checksum",
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
    if (closed_ns == STREAM_NOT_CLOSED) {
        db_bind_null(stmt, 7);
    } else {
        db_bind_int64(stmt, 7, closed_ns);
    }
    db_bind_checksum(stmt, 8);
    return db_run(stmt, NULL, err);
}

enum err_code store_stream_insert(struct db *db, struct stream *stream, struct err *err)
{
    enum err_code code = next_number(db, "SELECT coalesce(max(stream_id), 0) + 1 FROM stream", NULL,
                                     &stream->stream_id, err);

    if (code == ERR_OK) {
        code = next_number(db,
                           "SELECT coalesce(max(incarnation), 0) + 1 FROM stream "
                           "WHERE cluster = $1 AND topic = $2",
                           stream, &stream->incarnation, err);
    }
    return code == ERR_OK ? store_stream_write(db, stream, STREAM_NOT_CLOSED, err) : code;
}

/* In a transaction, which sees what another run did in between. */
static enum err_code settle(struct db *db, struct stream *stream, enum stream_state *ret_state,
                            struct found *ret_found, struct err *err)
{
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = find(db, stream, ret_state, ret_found, err);
    if (code == ERR_OK && *ret_state == STREAM_NONE) {
        code = store_stream_insert(db, stream, err);
        *ret_state = STREAM_OPEN;
        ret_found->kind_fits = true;
    } else if (code == ERR_OK && *ret_state == STREAM_OPEN && ret_found->rename) {
        /* Statements print the configured name of the cluster, so the store follows the configuration. */
        code = store_stream_write(db, stream, STREAM_NOT_CLOSED, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}

enum err_code store_stream(struct db *db, struct str cluster, struct str cluster_name,
                           struct str topic, enum event_kind kind, struct stream *ret_stream,
                           enum stream_state *ret_state, struct err *err)
{
    struct stream stream = {
        .cluster = cluster, .cluster_name = cluster_name, .topic = topic, .kind = kind};
    enum stream_state state;
    struct found found = {0};
    enum err_code code = find(db, &stream, &state, &found, err);

    /* The usual case takes no lock. */
    if (code == ERR_OK && (state == STREAM_NONE || (state == STREAM_OPEN && found.rename))) {
        code = settle(db, &stream, &state, &found, err);
    }
    if (code == ERR_OK && state == STREAM_OPEN && !found.kind_fits) {
        code = err_set(err, ERR_CONFIG,
                       "topic %.*s: its kind is %s, but it was read as another before",
                       STR_ARGS(topic), kind_names[kind]);
    }
    if (code == ERR_OK) {
        *ret_stream = stream;
        *ret_state = state;
    }
    return code;
}
