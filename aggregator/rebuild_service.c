#include "aggregator/rebuild_service.h"

#include <stdlib.h>

#include "aggregator/grade_rows.h"
#include "aggregator/tally.h"
#include "base/check.h"
#include "base/memory.h"

#define MINUTE_NONE INT64_MAX

/* What the windows show, or the row says. */
struct facts {
    int64_t first_minute; /* MINUTE_NONE: there is no event */
    bool has[2];          /* requests, checks */
};

struct place {
    struct db *db;
    int64_t book_id;
    struct str service;
};

static enum err_code prepare(const struct place *place, const char *sql, struct db_stmt **ret_stmt,
                             struct err *err)
{
    enum err_code code = db_prepare(place->db, sql, ret_stmt, err);

    if (code == ERR_OK) {
        db_bind_int64(*ret_stmt, 1, place->book_id);
        db_bind_text(*ret_stmt, 2, place->service);
    }
    return code;
}

static int first_of(enum tally_kind kind, const struct tally *tally)
{
    int minute = 0;

    while (minute < TALLY_MINUTES &&
           (kind == TALLY_WINDOW ? tally->window.minutes[minute].records
                                 : tally->check.minutes[minute].records) == 0) {
        minute++;
    }
    return minute;
}

/* Hours go by until one has an event; those with nothing but duplicates have none. */
static enum err_code read_kind(const struct place *place, enum tally_kind kind, struct facts *facts,
                               struct err *err)
{
    struct db_stmt *stmt;
    int64_t found = MINUTE_NONE;
    bool row;
    enum err_code code = prepare(place,
                                 "SELECT hour, tally FROM window_hour WHERE book_id = $1 AND "
                                 "a = $2 AND kind = $3 ORDER BY hour",
                                 &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 3, STR(tally_kind_name(kind)));
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        int64_t hour = db_column_int64(stmt, 0);
        struct tally tally;
        int minute;

        if (found != MINUTE_NONE && hour > found / TALLY_MINUTES) {
            break;
        }
        code = tally_unpack(kind, db_column_blob(stmt, 1), &tally, err);
        if (code != ERR_OK) {
            break;
        }
        minute = first_of(kind, &tally);
        tally_release(kind, &tally);
        if (minute < TALLY_MINUTES && hour * TALLY_MINUTES + minute < found) {
            found = hour * TALLY_MINUTES + minute;
        }
    }
    db_reset(stmt);
    facts->has[kind == TALLY_CHECK] = found != MINUTE_NONE;
    facts->first_minute = found < facts->first_minute ? found : facts->first_minute;
    return code;
}

static enum err_code read_row(const struct place *place, struct facts *facts, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = prepare(place,
                                 "SELECT first_minute, has_requests, has_checks FROM service "
                                 "WHERE book_id = $1 AND service = $2",
                                 &stmt, err);

    *facts = (struct facts){.first_minute = MINUTE_NONE};
    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        *facts =
            (struct facts){.first_minute = db_column_int64(stmt, 0),
                           .has = {db_column_int64(stmt, 1) != 0, db_column_int64(stmt, 2) != 0}};
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_row(const struct place *place, const struct facts *facts,
                               struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        prepare(place,
                "INSERT INTO service (book_id, service, first_minute, has_requests, has_checks) "
                "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, service) DO UPDATE SET "
                "first_minute = excluded.first_minute, has_requests = excluded.has_requests, "
                "has_checks = excluded.has_checks",
                &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 3, facts->first_minute);
    db_bind_int64(stmt, 4, facts->has[0]);
    db_bind_int64(stmt, 5, facts->has[1]);
    return db_run(stmt, NULL, err);
}

static enum err_code run_before(const struct place *place, const char *sql, int64_t before,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = prepare(place, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 3, before);
    return db_run(stmt, NULL, err);
}

/* Who has noted how often these days were graded shall see that they changed. */
static enum err_code count_removed(const struct place *place, int64_t before_hour, struct err *err)
{
    struct grade_rows rows = {.db = place->db, .book_id = place->book_id};
    struct db_stmt *stmt;
    int64_t *days = NULL;
    size_t count = 0;
    bool row;
    enum err_code code = prepare(place,
                                 "SELECT DISTINCT hour / 24 FROM grade_hour WHERE book_id = $1 AND "
                                 "service = $2 AND hour < $3",
                                 &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 3, before_hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        days = memory_resize(days, count + 1, sizeof(days[0]));
        days[count++] = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = grade_rows_count(&rows, place->service, days[i], 1, err);
    }
    memory_free(days);
    return code;
}

static enum err_code remove_before(const struct place *place, int64_t hour, struct err *err)
{
    enum err_code code = count_removed(place, hour, err);

    if (code == ERR_OK) {
        code = run_before(
            place, "DELETE FROM grade_hour WHERE book_id = $1 AND service = $2 AND hour < $3", hour,
            err);
    }
    if (code == ERR_OK) {
        code = run_before(place,
                          "DELETE FROM incident WHERE book_id = $1 AND service = $2 AND "
                          "first_minute / 60 < $3",
                          hour, err);
    }
    if (code == ERR_OK) {
        code = run_before(place,
                          "DELETE FROM regrade WHERE book_id = $1 AND service = $2 AND hour < $3",
                          hour, err);
    }
    return code;
}

static enum err_code mark(const struct place *place, int64_t minute, struct err *err)
{
    struct grade_rows rows = {.db = place->db, .book_id = place->book_id};

    return grade_rows_mark(&rows, place->service, minute / TALLY_MINUTES, err);
}

/* The hours in which it began before and begins now; those in between follow from what is carried. */
static enum err_code mark_ends(const struct place *place, const struct facts *old,
                               const struct facts *new, struct err *err)
{
    enum err_code code = ERR_OK;

    if (old->first_minute == new->first_minute) {
        return ERR_OK;
    }
    if (old->first_minute != MINUTE_NONE && old->first_minute > new->first_minute) {
        code = mark(place, old->first_minute, err);
    }
    return code == ERR_OK ? mark(place, new->first_minute, err) : code;
}

enum err_code rebuild_service(struct db *db, int64_t book_id, struct str service, struct err *err)
{
    struct place place = {db, book_id, service};
    struct facts old, new = {.first_minute = MINUTE_NONE};
    enum err_code code = read_row(&place, &old, err);

    if (code == ERR_OK) {
        code = read_kind(&place, TALLY_WINDOW, &new, err);
    }
    if (code == ERR_OK) {
        code = read_kind(&place, TALLY_CHECK, &new, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (new.first_minute == MINUTE_NONE) {
        code = remove_before(&place, INT64_MAX, err);
        return code == ERR_OK
                   ? run_before(&place,
                                "DELETE FROM service WHERE book_id = $1 AND service = $2 AND "
                                "first_minute < $3",
                                INT64_MAX, err)
                   : code;
    }
    code = write_row(&place, &new, err);
    if (code == ERR_OK) {
        code = remove_before(&place, new.first_minute / TALLY_MINUTES, err);
    }
    return code == ERR_OK ? mark_ends(&place, &old, &new, err) : code;
}
