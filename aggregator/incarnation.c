#include "aggregator/incarnation.h"

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

/* Ends the transaction that `code` is the result of so far. What is unknown after a lost answer, the next run sees. */
static enum err_code end(struct db *db, enum err_code code, struct err *err)
{
    bool unknown;

    if (code == ERR_OK && FAULT("incarnation.change.before")) {
        code = fault_error("incarnation.change.before", err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    if (code == ERR_OK && FAULT("incarnation.change.after")) {
        code = fault_error("incarnation.change.after", err);
    }
    return code;
}

/* Open streams of one topic. */
struct open_streams {
    struct arena arena;
    struct stream *items;
    size_t count;
};

static enum err_code list_open(struct db *db, struct str topic, struct open_streams *ret_list,
                               struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(db,
                                    "SELECT stream_id, cluster, cluster_name, incarnation, kind "
                                    "FROM stream WHERE topic = $1 AND closed_ns IS NULL "
                                    "ORDER BY stream_id",
                                    &stmt, err);

    *ret_list = (struct open_streams){.arena = ARENA_INIT};
    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, topic);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct arena *arena = &ret_list->arena;
        bool checks = str_equal(db_column_text(stmt, 4), STR("checks"));

        ret_list->items =
            memory_resize(ret_list->items, ret_list->count + 1, sizeof(*ret_list->items));
        ret_list->items[ret_list->count++] =
            (struct stream){.stream_id = db_column_int64(stmt, 0),
                            .cluster = arena_str(arena, db_column_text(stmt, 1)),
                            .cluster_name = arena_str(arena, db_column_text(stmt, 2)),
                            .topic = topic,
                            .incarnation = db_column_int64(stmt, 3),
                            .kind = checks ? EVENT_CHECK : EVENT_REQUEST};
    }
    return code;
}

/* Closes those open streams of the topic that `wanted` says yes to. */
static enum err_code close_open(struct db *db, struct str topic,
                                bool (*wanted)(const struct stream *open, const void *context),
                                const void *context, int64_t *ret_closed, struct err *err)
{
    struct open_streams list;
    int64_t now_ns;
    enum err_code code = list_open(db, topic, &list, err);

    *ret_closed = 0;
    if (code == ERR_OK) {
        code = db_now_ns(db, &now_ns, err);
    }
    for (size_t i = 0; i < list.count && code == ERR_OK; i++) {
        if (wanted(&list.items[i], context)) {
            code = store_stream_write(db, &list.items[i], now_ns, err);
            ++*ret_closed;
        }
    }
    memory_free(list.items);
    arena_release(&list.arena);
    return code;
}

/* On the same cluster or on one of the same name; context: the stream that stays, or a new one without a number. */
static bool is_rival(const struct stream *open, const void *context)
{
    const struct stream *stays = context;

    return open->stream_id != stays->stream_id &&
           (str_equal(open->cluster, stays->cluster) ||
            str_equal(open->cluster_name, stays->cluster_name));
}

/* context: the name of a cluster. */
static bool is_not_on(const struct stream *open, const void *context)
{
    return !str_equal(open->cluster_name, *(const struct str *)context);
}

static enum err_code insert_origins(struct ledger *ledger, int64_t stream_id,
                                    const int64_t *origins, int32_t count, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int32_t i = 0; i < count && code == ERR_OK; i++) {
        struct db_stmt *stmt;

        code = db_prepare(ledger->db,
                          "INSERT INTO partition_offset (book_id, stream_id, partition_id, "
                          "origin, next_offset) VALUES ($1, $2, $3, $4, $5)",
                          &stmt, err);
        if (code == ERR_OK) {
            db_bind_int64(stmt, 1, ledger->book_id);
            db_bind_int64(stmt, 2, stream_id);
            db_bind_int64(stmt, 3, i);
            db_bind_int64(stmt, 4, origins[i]);
            db_bind_int64(stmt, 5, origins[i]);
            code = db_run(stmt, NULL, err);
        }
    }
    return code;
}

static enum err_code renew(struct ledger *ledger, struct stream *stream, const int64_t *origins,
                           int32_t count, struct err *err)
{
    int64_t closed;

    stream->stream_id = 0;
    if (close_open(ledger->db, stream->topic, is_rival, stream, &closed, err) != ERR_OK ||
        store_stream_insert(ledger->db, stream, err) != ERR_OK) {
        return err->code;
    }
    return insert_origins(ledger, stream->stream_id, origins, count, err);
}

enum err_code incarnation_accept(struct ledger *ledger, struct stream *stream,
                                 const int64_t *origins, int32_t partition_count, struct err *err)
{
    struct stream now = *stream;
    enum stream_state state;
    enum err_code code = db_begin(ledger->db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = store_stream_find(ledger->db, &now, &state, err);
    if (code == ERR_OK && (state != STREAM_OPEN || now.stream_id == stream->stream_id)) {
        code = renew(ledger, &now, origins, partition_count, err);
    }
    code = end(ledger->db, code, err);
    if (code == ERR_OK) {
        *stream = now;
    }
    return code;
}

enum err_code incarnation_reopen(struct ledger *ledger, struct stream *stream, struct err *err)
{
    struct stream now = *stream;
    enum stream_state state;
    int64_t closed;
    enum err_code code = db_begin(ledger->db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = store_stream_find(ledger->db, &now, &state, err);
    if (code == ERR_OK && now.stream_id == 0) {
        code = err_set(err, ERR_STORE, "topic %.*s was never read from this cluster",
                       STR_ARGS(stream->topic));
    }
    if (code == ERR_OK) {
        code = close_open(ledger->db, now.topic, is_rival, &now, &closed, err);
    }
    if (code == ERR_OK) {
        code = store_stream_write(ledger->db, &now, STREAM_NOT_CLOSED, err);
    }
    code = end(ledger->db, code, err);
    if (code == ERR_OK) {
        *stream = now;
    }
    return code;
}

enum err_code incarnation_close(struct ledger *ledger, struct str topic, struct str except_cluster,
                                int64_t *ret_closed, struct err *err)
{
    enum err_code code = db_begin(ledger->db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = close_open(ledger->db, topic, is_not_on, &except_cluster, ret_closed, err);
    return end(ledger->db, code, err);
}
