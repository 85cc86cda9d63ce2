#include "aggregator/incident.h"

#include "aggregator/grade_rows.h"
#include "aggregator/tally.h"
#include "base/check.h"
#include "base/memory.h"

bool incident_walk_take(struct incident_walk *walk, int64_t minute, enum grade grade,
                        struct incident_run *ret_run)
{
    bool bad = grade_row(grade)->known && grade != GRADE_OPERATIONAL;
    bool ended = walk->inside && !bad;

    if (ended) {
        *ret_run = walk->run;
    }
    if (bad && !walk->inside) {
        walk->run = (struct incident_run){minute, minute, grade};
    }
    if (bad) {
        CHECK(walk->run.end_minute == minute);
        walk->run.end_minute = minute + 1;
        walk->run.worst = grade_worse(walk->run.worst, grade);
    }
    walk->inside = bad;
    return ended;
}

const char *incident_level(enum grade worst)
{
    switch (worst) {
    case GRADE_MAJOR:
        return "P1";
    case GRADE_PARTIAL:
        return "P2";
    default:
        CHECK(worst == GRADE_DEGRADED);
        return "P3";
    }
}

/* What the minutes from `from` on say, up to the first one behind `to` that ends or has no incident. */
struct rewrite {
    struct db *db;
    int64_t book_id;
    struct str service;
    int64_t from, to, graded_end;
    int64_t next; /* the minute that comes next */
    bool done;
    struct incident_walk walk;
    struct incident_run *runs; /* owned */
    size_t run_count;
};

static void add_run(struct rewrite *rewrite, const struct incident_run *run)
{
    rewrite->runs = memory_resize(rewrite->runs, rewrite->run_count + 1, sizeof(*rewrite->runs));
    rewrite->runs[rewrite->run_count++] = *run;
}

static void take_minute(struct rewrite *rewrite, int64_t minute, enum grade grade)
{
    struct incident_run run;

    if (rewrite->done || minute < rewrite->from) {
        return;
    }
    if (minute >= rewrite->graded_end) {
        rewrite->done = true;
        return;
    }
    if (incident_walk_take(&rewrite->walk, minute, grade, &run)) {
        add_run(rewrite, &run);
    }
    rewrite->next = minute + 1;
    rewrite->done = rewrite->next >= rewrite->to && !rewrite->walk.inside;
}

/* The stretch begins where an incident begins that reaches into it or up to it: the two may be one now. */
static enum err_code find_start(struct rewrite *rewrite, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(rewrite->db,
                      "SELECT first_minute FROM incident WHERE book_id = $1 AND service = $2"
                      " AND first_minute < $3 AND (end_minute IS NULL OR end_minute >= $4)"
                      " ORDER BY first_minute LIMIT 1",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, rewrite->from);
    db_bind_int64(stmt, 4, rewrite->from);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        rewrite->from = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    return code;
}

/* An incident that reaches out of the stretch may lose its head: what is left of it is looked at, too. */
static enum err_code find_end(struct rewrite *rewrite, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(rewrite->db,
                      "SELECT end_minute FROM incident WHERE book_id = $1 AND service = $2"
                      " AND first_minute < $3 ORDER BY first_minute DESC LIMIT 1",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, rewrite->to);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        int64_t end = db_column_null(stmt, 0) ? rewrite->graded_end : db_column_int64(stmt, 0);

        rewrite->to = end > rewrite->to ? end : rewrite->to;
    }
    db_reset(stmt);
    return code;
}

static void take_hour(struct rewrite *rewrite, const struct graded_hour *row)
{
    if (row->hour * TALLY_MINUTES > rewrite->next) {
        /* Hours before this one wait for their first grading: an incident does not reach over them. */
        take_minute(rewrite, rewrite->next, GRADE_PIPELINE_GAP);
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        take_minute(rewrite, row->hour * TALLY_MINUTES + i, (enum grade)row->grades[i]);
    }
}

static enum err_code read_minutes(struct rewrite *rewrite, struct err *err)
{
    struct graded_hour hour;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(rewrite->db,
                      GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 AND hour >= $3"
                                        " ORDER BY hour",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, rewrite->from / TALLY_MINUTES);
    while (!rewrite->done && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = grade_rows_take(stmt, &hour, err);
        if (code != ERR_OK) {
            break;
        }
        take_hour(rewrite, &hour);
    }
    db_reset(stmt);
    if (code == ERR_OK && rewrite->walk.inside) {
        add_run(rewrite, &rewrite->walk.run);
    }
    return code;
}

static enum err_code delete_between(const struct rewrite *rewrite, int64_t from, int64_t to,
                                    struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code;

    if (from >= to) {
        return ERR_OK;
    }
    code = db_prepare(rewrite->db,
                      "DELETE FROM incident WHERE book_id = $1 AND service = $2"
                      " AND first_minute >= $3 AND first_minute < $4",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, from);
    db_bind_int64(stmt, 4, to);
    return db_run(stmt, NULL, err);
}

/* When an incident was noticed and when it ended: INT64_MIN if it was not or has not. */
struct noticed {
    int64_t detected_ns, closed_ns;
};

static enum err_code read_noticed(const struct rewrite *rewrite, int64_t first_minute,
                                  struct noticed *ret_noticed, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(rewrite->db,
                                    "SELECT detected_ns, closed_ns FROM incident WHERE "
                                    "book_id = $1 AND service = $2 AND first_minute = $3",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, first_minute);
    code = db_step(stmt, &row, err);
    *ret_noticed = (struct noticed){INT64_MIN, INT64_MIN};
    if (code == ERR_OK && row) {
        ret_noticed->detected_ns = db_column_int64(stmt, 0);
        ret_noticed->closed_ns = db_column_null(stmt, 1) ? INT64_MIN : db_column_int64(stmt, 1);
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_run(const struct rewrite *rewrite, const struct incident_run *run,
                               const struct noticed *noticed, struct err *err)
{
    bool lasts = run->end_minute == rewrite->graded_end;
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(rewrite->db,
                   "INSERT INTO incident (book_id, service, first_minute, end_minute, worst, "
                   "level, detected_ns, closed_ns, checksum) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
                   "ON CONFLICT (book_id, service, first_minute) DO UPDATE SET "
                   "end_minute = excluded.end_minute, worst = excluded.worst, "
                   "level = excluded.level, detected_ns = excluded.detected_ns, "
                   "closed_ns = excluded.closed_ns, checksum = excluded.checksum",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rewrite->book_id);
    db_bind_text(stmt, 2, rewrite->service);
    db_bind_int64(stmt, 3, run->first_minute);
    if (lasts) {
        db_bind_null(stmt, 4);
    } else {
        db_bind_int64(stmt, 4, run->end_minute);
    }
    db_bind_int64(stmt, 5, run->worst);
    db_bind_text(stmt, 6, STR(incident_level(run->worst)));
    db_bind_int64(stmt, 7, noticed->detected_ns);
    if (lasts) {
        db_bind_null(stmt, 8);
    } else {
        db_bind_int64(stmt, 8, noticed->closed_ns);
    }
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}

/* What was noticed first stays. */
static enum err_code store_run(const struct rewrite *rewrite, const struct incident_run *run,
                               int64_t now_ns, struct err *err)
{
    struct noticed noticed;
    enum err_code code = read_noticed(rewrite, run->first_minute, &noticed, err);

    if (code != ERR_OK) {
        return code;
    }
    if (noticed.detected_ns == INT64_MIN) {
        noticed.detected_ns = now_ns;
    }
    if (noticed.closed_ns == INT64_MIN) {
        noticed.closed_ns = now_ns;
    }
    return write_run(rewrite, run, &noticed, err);
}

static enum err_code store_runs(const struct rewrite *rewrite, struct err *err)
{
    int64_t free_from = rewrite->from;
    int64_t now_ns;
    enum err_code code = db_now_ns(rewrite->db, &now_ns, err);

    for (size_t i = 0; i < rewrite->run_count && code == ERR_OK; i++) {
        const struct incident_run *run = &rewrite->runs[i];

        code = delete_between(rewrite, free_from, run->first_minute, err);
        if (code == ERR_OK) {
            code = store_run(rewrite, run, now_ns, err);
        }
        free_from = run->first_minute + 1;
    }
    if (code == ERR_OK) {
        code = delete_between(rewrite, free_from, rewrite->next, err);
    }
    return code;
}

enum err_code incidents_rewrite(struct db *db, int64_t book_id, struct str service,
                                int64_t from_minute, int64_t to_minute, int64_t graded_end,
                                struct err *err)
{
    struct rewrite rewrite = {.db = db,
                              .book_id = book_id,
                              .service = service,
                              .from = from_minute,
                              .to = to_minute,
                              .graded_end = graded_end};
    enum err_code code;

    CHECK(from_minute < to_minute);
    CHECK(to_minute <= graded_end);
    code = find_start(&rewrite, err);
    if (code == ERR_OK) {
        code = find_end(&rewrite, err);
    }
    rewrite.next = rewrite.from;
    if (code == ERR_OK) {
        code = read_minutes(&rewrite, err);
    }
    if (code == ERR_OK) {
        code = store_runs(&rewrite, err);
    }
    memory_free(rewrite.runs);
    return code;
}
