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
};

static struct minute *minute_at(const struct stretch *stretch, int64_t minute)
{
    if (minute < stretch->from_minute || minute >= stretch->to_minute) {
        return NULL;
    }
    return &stretch->minutes[minute - stretch->from_minute];
}

static enum err_code take_hour(void *context, const struct service_hour *hour, struct err *err)
{
    const struct stretch *stretch = context;

    (void)err;
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct minute *into = minute_at(stretch, hour->hour * TALLY_MINUTES + i);

        if (into != NULL) {
            *into = (struct minute){.counts = hour->minutes[i],
                                    .grade = (enum grade)hour->grades[i],
                                    .counted = (hour->counted >> i & 1) != 0,
                                    .incomplete = (hour->incomplete >> i & 1) != 0};
        }
    }
    return ERR_OK;
}

enum err_code windows_minutes(struct db *db, int64_t book_id, struct str service,
                              int64_t from_minute, int64_t to_minute, struct arena *arena,
                              struct minute **ret_minutes, struct err *err)
{
    struct stretch stretch = {.from_minute = from_minute, .to_minute = to_minute};
    enum err_code code;

    CHECK(from_minute >= 0);
    CHECK(from_minute <= to_minute);
    stretch.minutes =
        arena_calloc(arena, (size_t)(to_minute - from_minute), sizeof(*stretch.minutes));
    code = windows_read(
        &(struct windows_reading){.db = db,
                                  .book_id = book_id,
                                  .service = service,
                                  .from_hour = from_minute / TALLY_MINUTES,
                                  .to_hour = (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES,
                                  .take = take_hour,
                                  .context = &stretch},
        err);
    if (code == ERR_OK) {
        *ret_minutes = stretch.minutes;
    }
    return code;
}

/* Particulars of a stretch of minutes that are being added up. */
struct particulars_sum {
    int64_t from_minute, to_minute, limit_ns;
    struct minute_particulars *particulars;
};

static enum err_code take_particulars(void *context, const struct tally_key *key,
                                      const struct tally *tally, struct err *err)
{
    const struct particulars_sum *sum = context;
    const struct particulars *particulars = &tally->window.particulars;
    const struct limit_hour *limit = particulars_limit(particulars, sum->limit_ns);

    (void)err;
    for (int i = 0; i < TALLY_MINUTES; i++) {
        int64_t minute = key->hour * TALLY_MINUTES + i;
        struct minute_particulars *into;

        if (minute < sum->from_minute || minute >= sum->to_minute) {
            continue;
        }
        into = &sum->particulars[minute - sum->from_minute];
        if (particulars->times != NULL) {
            times_minute_merge(&into->times, &particulars->times[i]);
        }
        if (limit != NULL) {
            limit_minute_merge(&into->limit, &limit->minutes[i]);
        }
    }
    return ERR_OK;
}

enum err_code windows_particulars(struct db *db, int64_t book_id, struct str service,
                                  int64_t from_minute, int64_t to_minute, int64_t limit_ns,
                                  struct arena *arena, struct minute_particulars **ret_particulars,
                                  struct err *err)
{
    struct particulars_sum sum = {
        .from_minute = from_minute, .to_minute = to_minute, .limit_ns = limit_ns};

    CHECK(from_minute >= 0);
    CHECK(from_minute <= to_minute);
    *ret_particulars = sum.particulars =
        arena_calloc(arena, (size_t)(to_minute - from_minute), sizeof(*sum.particulars));
    return windows_each(db, book_id, TALLY_WINDOW, service, from_minute / TALLY_MINUTES,
                        (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES, take_particulars, &sum,
                        err);
}

enum err_code windows_ranges(struct db *db, int64_t book_id, const struct str *services,
                             size_t service_count, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct offset_range **ret_ranges,
                             size_t *ret_count, struct err *err)
{
    static const enum tally_kind kinds[] = {TALLY_WINDOW, TALLY_CHECK};
    struct offset_coverage coverage = {.from_hour = from_minute / TALLY_MINUTES,
                                       .to_hour = (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES};
    enum err_code code = ERR_OK;

    CHECK(from_minute >= 0);
    for (size_t i = 0; i < service_count * ARRAY_COUNT(kinds) && code == ERR_OK; i++) {
        code = windows_cover(db, book_id, kinds[i % ARRAY_COUNT(kinds)],
                             services[i / ARRAY_COUNT(kinds)], &coverage, err);
    }
    if (code == ERR_OK) {
        *ret_ranges = arena_calloc(arena, coverage.count, sizeof(**ret_ranges));
        for (size_t i = 0; i < coverage.count; i++) {
            (*ret_ranges)[i] = coverage.ranges[i];
        }
        *ret_count = coverage.count;
    }
    offset_coverage_release(&coverage);
    return code;
}

static int compare_firsts(const void *a, const void *b)
{
    return str_compare(((const struct service_first *)a)->service,
                       ((const struct service_first *)b)->service);
}

enum err_code windows_firsts(struct db *db, int64_t book_id, struct arena *arena,
                             struct service_first **ret_services, size_t *ret_count,
                             struct err *err)
{
    struct db_stmt *stmt;
    struct service_first *services = NULL;
    size_t count = 0;
    bool row = false;
    enum err_code code;

    code =
        db_prepare(db, "SELECT service, first_minute FROM service WHERE book_id = $1", &stmt, err);
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
        services[count++] = (struct service_first){arena_str(arena, db_column_text(stmt, 0)),
                                                   db_column_int64(stmt, 1)};
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_services = arena_calloc(arena, count, sizeof(**ret_services));
        for (size_t i = 0; i < count; i++) {
            (*ret_services)[i] = services[i];
        }
        /* Sorted here, for a database may have a collation of its own. */
        qsort(*ret_services, count, sizeof(**ret_services), compare_firsts);
        *ret_count = count;
    }
    memory_free(services);
    return code;
}

enum err_code windows_services(struct db *db, int64_t book_id, struct arena *arena,
                               struct str **ret_services, size_t *ret_count, struct err *err)
{
    struct service_first *firsts;

    if (windows_firsts(db, book_id, arena, &firsts, ret_count, err) != ERR_OK) {
        return err->code;
    }
    *ret_services = arena_calloc(arena, *ret_count, sizeof(**ret_services));
    for (size_t i = 0; i < *ret_count; i++) {
        (*ret_services)[i] = firsts[i].service;
    }
    return ERR_OK;
}
