#include "aggregator/ledger_ids.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* A commit forgets twice as many ids as it brings, and some more: a backlog melts away without a commit that takes long. */
enum { FORGET_MORE = 1000 };

/* By key; copies in the order of the ledger. */
static int compare_events(const void *a, const void *b)
{
    const struct batch_event *x = *(const struct batch_event *const *)a;
    const struct batch_event *y = *(const struct batch_event *const *)b;
    int order = memcmp(x->key, y->key, sizeof(x->key));

    if (order != 0) {
        return order;
    }
    if (x->partition->stream_id != y->partition->stream_id) {
        return x->partition->stream_id < y->partition->stream_id ? -1 : 1;
    }
    if (x->partition->partition != y->partition->partition) {
        return x->partition->partition < y->partition->partition ? -1 : 1;
    }
    return x->offset < y->offset ? -1 : 1;
}

static struct str key_of(const struct batch_event *event)
{
    return str_of((const char *)event->key, sizeof(event->key));
}

/* *ret_inserted becomes 1 if the id was new. */
static enum err_code insert_id(struct ledger *ledger, const struct batch_event *event,
                               int64_t *ret_inserted, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "INSERT INTO event_id (book_id, key, group_name, time_ns, lasting) "
                   "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, key) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_blob(stmt, 2, key_of(event));
    db_bind_text(stmt, 3, event->partition->group);
    db_bind_int64(stmt, 4, event->record_time_ns);
    db_bind_int64(stmt, 5, ledger->lasting_ids);
    return db_run_later(stmt, ret_inserted, err);
}

static enum err_code read_time(struct ledger *ledger, const struct batch_event *event,
                               int64_t *ret_time_ns, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        ledger->db, "SELECT time_ns FROM event_id WHERE book_id = $1 AND key = $2", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_blob(stmt, 2, key_of(event));
    code = db_step(stmt, &row, err);
    if (code != ERR_OK) {
        return code;
    }
    if (!row) {
        /* Another commit has forgotten it since the insert met it. */
        return err_set_retriable(err, ERR_STORE, "an event id was forgotten while it was tested");
    }
    *ret_time_ns = db_column_int64(stmt, 0);
    db_reset(stmt);
    return ERR_OK;
}

/* The later of two time stamps stays: the id is of use for longer. */
static enum err_code renew(struct ledger *ledger, const struct batch_event *event, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(ledger->db,
                                    "UPDATE event_id SET time_ns = $1 "
                                    "WHERE book_id = $2 AND key = $3 AND time_ns < $1",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, event->record_time_ns);
    db_bind_int64(stmt, 2, ledger->book_id);
    db_bind_blob(stmt, 3, key_of(event));
    return db_run(stmt, NULL, err);
}

static const struct id_group *group_of(const struct ledger *ledger, struct str name)
{
    for (size_t i = 0; i < ledger->group_count; i++) {
        if (str_equal(ledger->groups[i].name, name)) {
            return &ledger->groups[i];
        }
    }
    CHECK(!"a group that the ledger was told of");
    return NULL;
}

/* Whole range of int64_t: time stamps come from outside. */
static bool within(int64_t a_ns, int64_t b_ns, int64_t horizon_ns)
{
    __int128 distance = (__int128)a_ns - b_ns;

    return distance <= horizon_ns && -distance <= horizon_ns;
}

/* Of an id that was there already. */
static enum err_code test_event(struct ledger *ledger, const struct batch_event *event,
                                bool *ret_duplicate, struct err *err)
{
    const struct id_group *group = group_of(ledger, event->partition->group);
    int64_t time_ns = 0;
    enum err_code code = read_time(ledger, event, &time_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    *ret_duplicate = within(event->record_time_ns, time_ns, group->horizon_ns);
    return *ret_duplicate ? ERR_OK : renew(ledger, event, err);
}

/* ids += change; *ret_ids is what is kept then. */
static enum err_code count_ids(struct ledger *ledger, const struct id_group *group, int64_t change,
                               int64_t *ret_ids, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        ledger->db,
        "INSERT INTO event_group (book_id, group_name, ids) VALUES ($1, $2, $3) "
        "ON CONFLICT (book_id, group_name) DO UPDATE SET ids = event_group.ids + excluded.ids",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_text(stmt, 2, group->name);
    db_bind_int64(stmt, 3, change);
    code = db_run(stmt, NULL, err);
    if (code == ERR_OK) {
        code = db_prepare(ledger->db,
                          "SELECT ids FROM event_group WHERE book_id = $1 AND group_name = $2",
                          &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_text(stmt, 2, group->name);
    code = db_step(stmt, &row, err);
    *ret_ids = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

/* Lowers *time_ns to the time up to which all partitions of the stream have been read; INT64_MIN if one was never read. */
static enum err_code lower_to_stream(struct ledger *ledger, int64_t stream_id, int64_t *time_ns,
                                     struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(ledger->db,
                                    "SELECT guard_time_ns, drained_ns FROM partition_offset "
                                    "WHERE book_id = $1 AND stream_id = $2",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, stream_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        int64_t guard_ns = db_column_null(stmt, 0) ? INT64_MIN : db_column_int64(stmt, 0);
        int64_t drained_ns = db_column_null(stmt, 1) ? INT64_MIN : db_column_int64(stmt, 1);
        int64_t read_ns = guard_ns > drained_ns ? guard_ns : drained_ns;

        *time_ns = read_ns < *time_ns ? read_ns : *time_ns;
    }
    return code;
}

/* Up to where all partitions of the group have been read, on the clock of the records. One record with a time stamp in the future must
 * not make us forget everything: the store's clock is another bound. */
static enum err_code read_until(struct ledger *ledger, const struct batch *batch,
                                const struct id_group *group, int64_t *ret_time_ns, struct err *err)
{
    int64_t newest_ns = INT64_MIN;
    int64_t now_ns;
    enum err_code code = db_now_ns(ledger->db, &now_ns, err);

    for (size_t i = 0; i < batch->partition_count; i++) {
        const struct batch_partition *p = batch->partitions[i];

        if (p->delivered > 0 && str_equal(p->group, group->name) && p->last_time_ns > newest_ns) {
            newest_ns = p->last_time_ns;
        }
    }
    newest_ns = newest_ns < now_ns ? newest_ns : now_ns;
    for (size_t i = 0; i < group->stream_count && code == ERR_OK; i++) {
        code = lower_to_stream(ledger, group->stream_ids[i], &newest_ns, err);
    }
    *ret_time_ns = newest_ns;
    return code;
}

/* The oldest first, at most count_max of those before time_ns. */
static enum err_code forget_ids(struct ledger *ledger, const struct id_group *group,
                                int64_t time_ns, int64_t count_max, int64_t *ret_count,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "DELETE FROM event_id WHERE book_id = $1 AND key IN ("
                   "SELECT key FROM event_id WHERE book_id = $1 AND group_name = $2 AND "
                   "time_ns < $3 AND lasting = 0 ORDER BY time_ns LIMIT $4)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_text(stmt, 2, group->name);
    db_bind_int64(stmt, 3, time_ns);
    db_bind_int64(stmt, 4, count_max);
    return db_run(stmt, ret_count, err);
}

static enum err_code refuse_more(const struct id_group *group, int64_t ids, struct err *err)
{
    return err_set(err, ERR_DATA,
                   "group %.*s: %" PRId64 " event ids would have to be kept, more than "
                   "duplicates.count allows (%" PRId64 "): raise it, shorten duplicates.horizon, "
                   "or read partitions that lag behind; nothing of this batch was committed",
                   STR_ARGS(group->name), ids, group->count_max);
}

static enum err_code keep_within_limits(struct ledger *ledger, const struct batch *batch,
                                        const struct id_group *group, int64_t inserted,
                                        struct err *err)
{
    int64_t forgotten = 0;
    int64_t until_ns, ids;
    enum err_code code = count_ids(ledger, group, inserted, &ids, err);

    if (code == ERR_OK) {
        code = read_until(ledger, batch, group, &until_ns, err);
    }
    if (code == ERR_OK && until_ns >= INT64_MIN + group->horizon_ns) {
        int64_t surplus = ids > group->count_max ? ids - group->count_max : 0;

        code = forget_ids(ledger, group, until_ns - group->horizon_ns,
                          2 * inserted + surplus + FORGET_MORE, &forgotten, err);
    }
    if (code == ERR_OK && forgotten > 0) {
        code = count_ids(ledger, group, -forgotten, &ids, err);
    }
    if (code == ERR_OK && ids > group->count_max) {
        code = refuse_more(group, ids, err);
    }
    return code;
}

static bool has_events(const struct batch *batch, const struct id_group *group)
{
    for (size_t i = 0; i < batch->partition_count; i++) {
        if (batch->partitions[i]->undecided > 0 &&
            str_equal(batch->partitions[i]->group, group->name)) {
            return true;
        }
    }
    return false;
}

/* is_new[i] belongs to sorted[i]. All are sent before the first answer is read. */
static enum err_code insert_ids(struct ledger *ledger, const struct batch_event **sorted,
                                size_t count, int64_t *is_new, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = insert_id(ledger, sorted[i], &is_new[i], err);
    }
    return code == ERR_OK ? db_settle(ledger->db, err) : code;
}

/* inserted[i] belongs to group i. The groups are sorted by name, so their rows are locked in one order. */
static enum err_code test_all(struct ledger *ledger, const struct batch *batch,
                              const struct batch_event **sorted, const int64_t *is_new,
                              int64_t *inserted, bool *duplicates, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->event_count && code == ERR_OK; i++) {
        const struct batch_event *event = sorted[i];

        if (is_new[i] == 0) {
            code = test_event(ledger, event, &duplicates[event - batch->events], err);
        } else {
            inserted[group_of(ledger, event->partition->group) - ledger->groups]++;
        }
    }
    for (size_t i = 0; i < ledger->group_count && code == ERR_OK; i++) {
        CHECK(i == 0 || str_compare(ledger->groups[i - 1].name, ledger->groups[i].name) < 0);
        if (has_events(batch, &ledger->groups[i])) {
            code = keep_within_limits(ledger, batch, &ledger->groups[i], inserted[i], err);
        }
    }
    return code;
}

enum err_code ledger_ids_test(struct ledger *ledger, const struct batch *batch,
                              bool *ret_duplicates, struct err *err)
{
    const struct batch_event **sorted =
        memory_calloc(batch->event_count, sizeof(const struct batch_event *));
    int64_t *inserted = memory_calloc(ledger->group_count, sizeof(*inserted));
    int64_t *is_new = memory_calloc(batch->event_count, sizeof(*is_new));
    enum err_code code;

    for (size_t i = 0; i < batch->event_count; i++) {
        sorted[i] = &batch->events[i];
    }
    qsort(sorted, batch->event_count, sizeof(sorted[0]), compare_events);
    code = insert_ids(ledger, sorted, batch->event_count, is_new, err);
    if (code == ERR_OK) {
        code = test_all(ledger, batch, sorted, is_new, inserted, ret_duplicates, err);
    }
    memory_free(is_new);
    memory_free(sorted);
    memory_free(inserted);
    return code;
}

static enum err_code write_duplicate(struct ledger *ledger, const struct batch *batch,
                                     const struct batch_event *event, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "INSERT INTO duplicate (book_id, stream_id, partition_id, record_offset, "
                   "batch_id, checksum) VALUES ($1, $2, $3, $4, $5, $6)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, event->partition->stream_id);
    db_bind_int64(stmt, 3, event->partition->partition);
    db_bind_int64(stmt, 4, event->offset);
    db_bind_blob(stmt, 5, str_of((const char *)batch->id, sizeof(batch->id)));
    db_bind_checksum(stmt, 6);
    return db_run(stmt, NULL, err);
}

enum err_code ledger_ids_write(struct ledger *ledger, const struct batch *batch,
                               const bool *duplicates, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->event_count && code == ERR_OK; i++) {
        if (duplicates[i]) {
            code = write_duplicate(ledger, batch, &batch->events[i], err);
        }
    }
    return code;
}
