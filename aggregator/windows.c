#include "aggregator/windows.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregator/grade_rows.h"
#include "base/check.h"
#include "base/memory.h"

enum { SERVICE_COUNT_MAX = 1000000 };

static void key_of_row(struct db_stmt *stmt, enum tally_kind kind, struct str service,
                       struct tally_key *ret_key)
{
    *ret_key = (struct tally_key){
        .kind = kind,
        .a = service,
        .b = db_column_text(stmt, 3),
        .c = db_column_text(stmt, 4),
        .d = db_column_text(stmt, 5),
        .hour = db_column_int64(stmt, 6),
    };
}

static enum err_code take_row(struct db_stmt *stmt, const struct tally_key *key,
                              windows_take_fn take, void *context, struct err *err)
{
    struct tally tally;
    enum err_code code = ERR_OK;

    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
        code = err_set(err, ERR_MISMATCH, "the row's checksum does not match");
    } else {
        code = tally_unpack(key->kind, db_column_blob(stmt, 7), &tally, err);
    }
    if (code != ERR_OK) {
        return err_context(err, "window_hour %s \"%.*s\" hour %" PRId64, tally_kind_name(key->kind),
                           STR_ARGS(key->a), key->hour);
    }
    code = take(context, key, &tally, err);
    tally_release(key->kind, &tally);
    return code;
}

#define SELECT_HOURS                                                                               \
    "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"                     \
    " WHERE book_id = $1 AND kind = $2 AND a = $3 AND hour >= $4 AND hour < $5"

/* sql: a literal. */
static enum err_code each_row(struct db *db, const char *sql, int64_t book_id, enum tally_kind kind,
                              struct str service, int64_t from_hour, int64_t to_hour,
                              windows_take_fn take, void *context, struct err *err)
{
    struct db_stmt *stmt;
    struct tally_key key;
    bool row = false;
    enum err_code code = db_prepare(db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(kind)));
    db_bind_text(stmt, 3, service);
    db_bind_int64(stmt, 4, from_hour);
    db_bind_int64(stmt, 5, to_hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        key_of_row(stmt, kind, service, &key);
        code = take_row(stmt, &key, take, context, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

enum err_code windows_each(struct db *db, int64_t book_id, enum tally_kind kind, struct str service,
                           int64_t from_hour, int64_t to_hour, windows_take_fn take, void *context,
                           struct err *err)
{
    CHECK(kind != TALLY_ACTIVITY);
    return each_row(db, SELECT_HOURS " ORDER BY hour, b, c, d", book_id, kind, service, from_hour,
                    to_hour, take, context, err);
}

enum err_code windows_each_instance(struct db *db, int64_t book_id, struct str service,
                                    int64_t from_hour, int64_t to_hour, windows_take_fn take,
                                    void *context, struct err *err)
{
    return each_row(db, SELECT_HOURS " ORDER BY b, c, hour, d", book_id, TALLY_CHECK, service,
                    from_hour, to_hour, take, context, err);
}

/* A stretch of minutes that is being filled. */
struct stretch {
    int64_t from_minute, to_minute;
    struct minute *minutes;
    struct minute_particulars *particulars; /* NULL: not asked for */
    int64_t limit_ns;
};

static struct minute *minute_at(const struct stretch *stretch, int64_t minute)
{
    if (minute < stretch->from_minute || minute >= stretch->to_minute) {
        return NULL;
    }
    return &stretch->minutes[minute - stretch->from_minute];
}

static void take_particulars(const struct stretch *stretch, const struct tally_key *key,
                             const struct particulars *particulars)
{
    const struct limit_hour *limit = particulars_limit(particulars, stretch->limit_ns);

    for (int i = 0; i < TALLY_MINUTES; i++) {
        int64_t minute = key->hour * TALLY_MINUTES + i;
        struct minute_particulars *into;

        if (minute < stretch->from_minute || minute >= stretch->to_minute) {
            continue;
        }
        into = &stretch->particulars[minute - stretch->from_minute];
        if (particulars->times != NULL) {
            times_minute_merge(&into->times, &particulars->times[i]);
        }
        if (limit != NULL) {
            limit_minute_merge(&into->limit, &limit->minutes[i]);
        }
    }
}

static enum err_code take_counts(void *context, const struct tally_key *key,
                                 const struct tally *tally, struct err *err)
{
    const struct stretch *stretch = context;

    (void)err;
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct window_minute *from = &tally->window.minutes[i];
        struct minute *into = minute_at(stretch, key->hour * TALLY_MINUTES + i);

        if (into == NULL || from->records == 0) {
            continue;
        }
        into->counted = true;
        into->counts.records += from->records;
        into->counts.total += from->total;
        into->counts.errors += from->errors;
        into->counts.slow += from->slow;
        into->counts.no_latency += from->no_latency;
    }
    if (stretch->particulars != NULL) {
        take_particulars(stretch, key, &tally->window.particulars);
    }
    return ERR_OK;
}

/* What holds without a stored grade: nothing before the first event, a gap from then on. */
static enum err_code fill_ungraded(struct db *db, int64_t book_id, struct str service,
                                   const struct stretch *stretch, struct err *err)
{
    struct db_stmt *stmt;
    int64_t first_minute = INT64_MAX;
    bool row = false;
    enum err_code code;

    code = db_prepare(db, "SELECT first_minute FROM service WHERE book_id = $1 AND service = $2",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        first_minute = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    for (int64_t m = stretch->from_minute; m < stretch->to_minute; m++) {
        minute_at(stretch, m)->grade =
            m < first_minute ? GRADE_NOT_PROVISIONED : GRADE_PIPELINE_GAP;
    }
    return code;
}

static void take_grades(const struct stretch *stretch, const struct graded_hour *hour)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct minute *into = minute_at(stretch, hour->hour * TALLY_MINUTES + i);

        if (into != NULL) {
            into->grade = (enum grade)(unsigned char)hour->grades.data[i];
            into->incomplete = (hour->incomplete >> i & 1) != 0;
        }
    }
}

static enum err_code fill_grades(struct db *db, int64_t book_id, struct str service,
                                 const struct stretch *stretch, struct err *err)
{
    struct graded_hour hour;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(db,
                      GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 AND hour >= $3"
                                        " AND hour < $4 ORDER BY hour",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, stretch->from_minute / TALLY_MINUTES);
    db_bind_int64(stmt, 4, (stretch->to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = grade_rows_take(stmt, &hour, err);
        if (code != ERR_OK) {
            break;
        }
        take_grades(stretch, &hour);
    }
    db_reset(stmt);
    return code;
}

static enum err_code fill(struct db *db, int64_t book_id, struct str service,
                          struct stretch *stretch, struct arena *arena, struct err *err)
{
    enum err_code code;

    CHECK(stretch->from_minute >= 0);
    CHECK(stretch->from_minute <= stretch->to_minute);
    stretch->minutes = arena_calloc(arena, (size_t)(stretch->to_minute - stretch->from_minute),
                                    sizeof(*stretch->minutes));
    code = fill_ungraded(db, book_id, service, stretch, err);
    if (code == ERR_OK) {
        code = fill_grades(db, book_id, service, stretch, err);
    }
    return code == ERR_OK ? windows_each(db, book_id, TALLY_WINDOW, service,
                                         stretch->from_minute / TALLY_MINUTES,
                                         (stretch->to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES,
                                         take_counts, stretch, err)
                          : code;
}

enum err_code windows_minutes(struct db *db, int64_t book_id, struct str service,
                              int64_t from_minute, int64_t to_minute, struct arena *arena,
                              struct minute **ret_minutes, struct err *err)
{
    struct stretch stretch = {.from_minute = from_minute, .to_minute = to_minute};
    enum err_code code = fill(db, book_id, service, &stretch, arena, err);

    if (code == ERR_OK) {
        *ret_minutes = stretch.minutes;
    }
    return code;
}

enum err_code windows_particulars(struct db *db, int64_t book_id, struct str service,
                                  int64_t from_minute, int64_t to_minute, int64_t limit_ns,
                                  struct arena *arena, struct minute **ret_minutes,
                                  struct minute_particulars **ret_particulars, struct err *err)
{
    struct stretch stretch = {
        .from_minute = from_minute,
        .to_minute = to_minute,
        .limit_ns = limit_ns,
        .particulars =
            arena_calloc(arena, (size_t)(to_minute - from_minute), sizeof(*stretch.particulars)),
    };
    enum err_code code = fill(db, book_id, service, &stretch, arena, err);

    if (code == ERR_OK) {
        *ret_minutes = stretch.minutes;
        *ret_particulars = stretch.particulars;
    }
    return code;
}

/* Offset ranges that are being united; owned until they move into an arena. */
struct coverage {
    struct offset_range *ranges;
    size_t count;
};

static enum err_code take_ranges(void *context, const struct tally_key *key,
                                 const struct tally *tally, struct err *err)
{
    struct coverage *coverage = context;
    const struct offset_range *ranges = tally->window.ranges;
    size_t count = tally->window.range_count;

    (void)err;
    if (key->kind == TALLY_CHECK) {
        ranges = tally->check.ranges;
        count = tally->check.range_count;
    }
    for (size_t i = 0; i < count; i++) {
        offset_ranges_add(&coverage->ranges, &coverage->count, ranges[i].stream_id,
                          ranges[i].partition, ranges[i].low);
        offset_ranges_add(&coverage->ranges, &coverage->count, ranges[i].stream_id,
                          ranges[i].partition, ranges[i].high);
    }
    return ERR_OK;
}

enum err_code windows_ranges(struct db *db, int64_t book_id, const struct str *services,
                             size_t service_count, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct offset_range **ret_ranges,
                             size_t *ret_count, struct err *err)
{
    static const enum tally_kind kinds[] = {TALLY_WINDOW, TALLY_CHECK};
    int64_t from_hour = from_minute / TALLY_MINUTES;
    int64_t to_hour = (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES;
    struct coverage coverage = {0};
    enum err_code code = ERR_OK;

    CHECK(from_minute >= 0);
    for (size_t i = 0; i < service_count * ARRAY_COUNT(kinds) && code == ERR_OK; i++) {
        code = windows_each(db, book_id, kinds[i % ARRAY_COUNT(kinds)],
                            services[i / ARRAY_COUNT(kinds)], from_hour, to_hour, take_ranges,
                            &coverage, err);
    }
    if (code == ERR_OK) {
        *ret_ranges = arena_calloc(arena, coverage.count, sizeof(**ret_ranges));
        for (size_t i = 0; i < coverage.count; i++) {
            (*ret_ranges)[i] = coverage.ranges[i];
        }
        *ret_count = coverage.count;
    }
    memory_free(coverage.ranges);
    return code;
}

static int compare_names(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

enum err_code windows_services(struct db *db, int64_t book_id, struct arena *arena,
                               struct str **ret_services, size_t *ret_count, struct err *err)
{
    struct db_stmt *stmt;
    struct str *services = NULL;
    size_t count = 0;
    bool row = false;
    enum err_code code;

    code = db_prepare(db, "SELECT service FROM service WHERE book_id = $1", &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (count == SERVICE_COUNT_MAX) {
            code = err_set(err, ERR_STORE, "more than %d services", SERVICE_COUNT_MAX);
            break;
        }
        services = memory_resize(services, count + 1, sizeof(*services));
        services[count++] = arena_str(arena, db_column_text(stmt, 0));
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_services = arena_calloc(arena, count, sizeof(**ret_services));
        for (size_t i = 0; i < count; i++) {
            (*ret_services)[i] = services[i];
        }
        /* Sorted here, for a database may have a collation of its own. */
        qsort(*ret_services, count, sizeof(**ret_services), compare_names);
        *ret_count = count;
    }
    memory_free(services);
    return code;
}
