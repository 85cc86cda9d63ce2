#include "aggregator/grade_load.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregator/windows.h"
#include "base/check.h"
#include "base/clock.h"

struct grade_topic {
    int64_t stream_id;
    struct str name;
    struct grade_topic *next; /* while they are read */
};

enum err_code grade_load_open(struct db *db, int64_t book_id, struct arena *arena,
                              struct grade_load *ret_load, struct err *err)
{
    struct grade_load load = {.db = db, .book_id = book_id};
    struct grade_topic *newest = NULL;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(db, "SELECT stream_id, topic FROM stream ORDER BY stream_id", &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct grade_topic *topic = arena_alloc(arena, sizeof(*topic));

        topic->stream_id = db_column_int64(stmt, 0);
        topic->name = arena_str(arena, db_column_text(stmt, 1));
        topic->next = newest;
        newest = topic;
        load.topic_count++;
    }
    db_reset(stmt);
    load.topics = arena_calloc(arena, load.topic_count, sizeof(*load.topics));
    for (size_t i = 0; newest != NULL; newest = newest->next) {
        load.topics[i++] = *newest;
    }
    if (code == ERR_OK) {
        *ret_load = load;
    }
    return code;
}

/* A list that grows in an arena. */
struct list {
    void *items;
    size_t count, capacity;
};

static void *list_add(struct list *list, struct arena *arena, size_t item_size)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? list->capacity * 2 : 8;
        char *items = arena_calloc(arena, capacity, item_size);

        if (list->count > 0) {
            memcpy(items, list->items, list->count * item_size);
        }
        list->items = items;
        list->capacity = capacity;
    }
    return (char *)list->items + item_size * list->count++;
}

/* One hour while its rows come in. */
struct loading {
    const struct grade_load *load;
    struct arena *arena;
    struct window_minute *requests;
    struct list request_topics; /* of struct str */
    struct list checks;         /* of struct check_row */
    struct list check_topics;   /* of struct str */
};

static enum err_code add_topics(struct loading *loading, struct list *names,
                                const struct offset_range *ranges, size_t count, struct err *err)
{
    const struct grade_load *load = loading->load;

    for (size_t i = 0; i < count; i++) {
        const struct str *name = NULL;
        bool known = false;

        for (size_t t = 0; t < load->topic_count && name == NULL; t++) {
            if (load->topics[t].stream_id == ranges[i].stream_id) {
                name = &load->topics[t].name;
            }
        }
        if (name == NULL) {
            return err_set(err, ERR_MISMATCH,
                           "window_hour names stream %" PRId64 ", which is not there",
                           ranges[i].stream_id);
        }
        for (size_t n = 0; n < names->count && !known; n++) {
            known = str_equal(((struct str *)names->items)[n], *name);
        }
        if (!known) {
            *(struct str *)list_add(names, loading->arena, sizeof(*name)) = *name;
        }
    }
    return ERR_OK;
}

static enum err_code take_requests(void *context, const struct tally_key *key,
                                   const struct tally *tally, struct err *err)
{
    struct loading *loading = context;

    (void)key;
    if (tally_records(TALLY_WINDOW, tally) == 0) {
        return ERR_OK; /* duplicates that claim another window than the event that was counted */
    }
    if (loading->requests == NULL) {
        loading->requests = arena_calloc(loading->arena, TALLY_MINUTES, sizeof(*loading->requests));
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct window_minute *from = &tally->window.minutes[i];
        struct window_minute *into = &loading->requests[i];

        into->records += from->records;
        into->total += from->total;
        into->errors += from->errors;
        into->slow += from->slow;
        into->no_latency += from->no_latency;
    }
    return add_topics(loading, &loading->request_topics, tally->window.ranges,
                      tally->window.range_count, err);
}

static enum err_code take_checks(void *context, const struct tally_key *key,
                                 const struct tally *tally, struct err *err)
{
    struct loading *loading = context;
    struct check_row *row;
    struct check_tally *copy;

    if (tally_records(TALLY_CHECK, tally) == 0) {
        return ERR_OK; /* duplicates that claim another instance than the result that was counted */
    }
    row = list_add(&loading->checks, loading->arena, sizeof(*row));
    copy = arena_alloc(loading->arena, sizeof(*copy));
    *copy = tally->check;
    copy->ranges = NULL; /* owned by the original */
    copy->range_count = 0;
    row->instance = arena_str(loading->arena, key->b);
    row->region = arena_str(loading->arena, key->c);
    row->checker = arena_str(loading->arena, key->d);
    row->tally = copy;
    return add_topics(loading, &loading->check_topics, tally->check.ranges,
                      tally->check.range_count, err);
}

static enum err_code take_activity(struct db_stmt *stmt, struct arena *arena, struct list *rows,
                                   struct err *err)
{
    struct activity_row *into;
    struct tally tally;
    enum err_code code = ERR_OK;

    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
        code = err_set(err, ERR_MISMATCH, "the row's checksum does not match");
    } else {
        code = tally_unpack(TALLY_ACTIVITY, db_column_blob(stmt, 7), &tally, err);
    }
    if (code != ERR_OK) {
        return err_context(err, "window_hour activity \"%.*s\" hour %" PRId64,
                           STR_ARGS(db_column_text(stmt, 3)), db_column_int64(stmt, 6));
    }
    into = list_add(rows, arena, sizeof(*into));
    into->name = arena_str(arena, db_column_text(stmt, 3));
    into->minutes = tally.activity.minutes;
    tally_release(TALLY_ACTIVITY, &tally);
    return ERR_OK;
}

/* what: "topic" or "checker". */
static enum err_code load_activity(const struct grade_load *load, const char *what, int64_t hour,
                                   struct arena *arena, const struct activity_row **ret_rows,
                                   size_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    struct list rows = {0};
    bool row = false;
    enum err_code code;

    code = db_prepare(load->db,
                      "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"
                      " WHERE book_id = $1 AND kind = 'activity' AND a = $2 AND hour = $3",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, load->book_id);
    db_bind_text(stmt, 2, STR(what));
    db_bind_int64(stmt, 3, hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_activity(stmt, arena, &rows, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return code;
}

/* The minutes of [hour, hour + 1) that touch a span; both of its ends belong to it. */
static uint64_t minutes_of_span(int64_t hour, int64_t from_ns, int64_t to_ns)
{
    uint64_t minutes = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        int64_t start_ns = (hour * TALLY_MINUTES + i) * NS_PER_MINUTE;

        if (to_ns >= start_ns && from_ns < start_ns + NS_PER_MINUTE) {
            minutes |= UINT64_C(1) << i;
        }
    }
    return minutes;
}

static enum err_code take_lost(struct db_stmt *stmt, int64_t hour, struct arena *arena,
                               struct list *rows, struct err *err)
{
    struct activity_row *into;

    if (db_column_checksum(stmt, 16) != db_column_int64(stmt, 16)) {
        return err_set(err, ERR_MISMATCH,
                       "topic %.*s partition %" PRId64 ": the row of the range at %" PRId64
                       " is damaged (run the audit)",
                       STR_ARGS(db_column_text(stmt, 17)), db_column_int64(stmt, 2),
                       db_column_int64(stmt, 3));
    }
    into = list_add(rows, arena, sizeof(*into));
    into->name = arena_str(arena, db_column_text(stmt, 17));
    into->minutes = minutes_of_span(hour, db_column_int64(stmt, 14), db_column_int64(stmt, 15));
    return ERR_OK;
}

/* Topics that lost records which may be from this hour. */
static enum err_code load_lost(const struct grade_load *load, int64_t hour, struct arena *arena,
                               const struct activity_row **ret_rows, size_t *ret_count,
                               struct err *err)
{
    struct db_stmt *stmt;
    struct list rows = {0};
    bool row = false;
    enum err_code code = db_prepare(
        load->db,
        "SELECT r.book_id, r.stream_id, r.partition_id, r.from_offset, r.to_offset, r.batch_id, "
        "r.kind, r.config_digest, r.delivered, r.tallied, r.excluded, r.duplicate, "
        "r.dead_lettered, r.absent, r.first_time_ns, r.last_time_ns, r.checksum, s.topic "
        "FROM batch_range r JOIN stream s ON s.stream_id = r.stream_id "
        "WHERE r.book_id = $1 AND r.kind = 'lost' AND r.first_time_ns < $2 AND "
        "r.last_time_ns >= $3",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, load->book_id);
    db_bind_int64(stmt, 2, (hour + 1) * NS_PER_HOUR);
    db_bind_int64(stmt, 3, hour * NS_PER_HOUR);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_lost(stmt, hour, arena, &rows, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    *ret_rows = rows.items;
    *ret_count = rows.count;
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static int compare_checks(const void *a, const void *b)
{
    const struct check_row *x = a;
    const struct check_row *y = b;
    int order = str_compare(x->instance, y->instance);

    if (order == 0) {
        order = str_compare(x->region, y->region);
    }
    return order != 0 ? order : str_compare(x->checker, y->checker);
}

static void sort(struct list *list, size_t item_size, int (*compare)(const void *, const void *))
{
    if (list->count > 1) {
        qsort(list->items, list->count, item_size, compare);
    }
}

enum err_code grade_load_hour(const struct grade_load *load, struct str service, int64_t hour,
                              struct arena *arena, struct grade_hour_input *ret_input,
                              struct err *err)
{
    struct loading loading = {.load = load, .arena = arena};
    struct grade_hour_input input = {.hour = hour};
    enum err_code code;

    code = windows_each(load->db, load->book_id, TALLY_WINDOW, service, hour, hour + 1,
                        take_requests, &loading, err);
    if (code == ERR_OK) {
        code = windows_each(load->db, load->book_id, TALLY_CHECK, service, hour, hour + 1,
                            take_checks, &loading, err);
    }
    if (code == ERR_OK) {
        code = load_activity(load, "topic", hour, arena, &input.topics, &input.topic_count, err);
    }
    if (code == ERR_OK) {
        code =
            load_activity(load, "checker", hour, arena, &input.checkers, &input.checker_count, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = load_lost(load, hour, arena, &input.lost, &input.lost_count, err);
    if (code != ERR_OK) {
        return code;
    }
    /* Sorted here, for a database may have a collation of its own. */
    sort(&loading.request_topics, sizeof(struct str), compare_names);
    sort(&loading.check_topics, sizeof(struct str), compare_names);
    sort(&loading.checks, sizeof(struct check_row), compare_checks);
    input.requests = loading.requests;
    input.request_topics = loading.request_topics.items;
    input.request_topic_count = loading.request_topics.count;
    input.checks = loading.checks.items;
    input.check_count = loading.checks.count;
    input.check_topics = loading.check_topics.items;
    input.check_topic_count = loading.check_topics.count;
    *ret_input = input;
    return ERR_OK;
}
