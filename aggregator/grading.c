#include "aggregator/grading.h"

#include <inttypes.h>

#include "aggregator/carried.h"
#include "aggregator/grade_hour.h"
#include "aggregator/grade_load.h"
#include "aggregator/incident.h"
#include "aggregator/windows.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/fault.h"

/* A transaction holds the store's write lock: some tens of milliseconds of work, then others may commit. */
enum { HOURS_PER_TRANSACTION = 256, SERVICES_PER_TRANSACTION = 512 };

#define HOUR_NONE INT64_MAX

struct grader {
    struct fold *fold;
    const struct grading_options *options;
    struct grade_load load;
    struct arena arena;      /* of the run */
    struct arena hour_arena; /* of one hour */
    struct strbuf carried;   /* what the hour before carries into this one */
    struct strbuf result;    /* what this hour carries out */
    int64_t closed_end;      /* the minute behind the last closed one */
    int hours, services;     /* in this transaction */
};

/* One service within one transaction. */
struct service_run {
    struct str name;
    const struct grading_rules *rules;
    int64_t first_hour; /* of its first event */
    int64_t last_hour;  /* the last one with a row; HOUR_NONE: none yet */
    int last_closed;    /* minutes of last_hour that are graded */
    int64_t from,
        to; /* hours whose rows changed and whose incidents are to be rewritten; equal: none */
};

static enum err_code begin(struct grader *grader, struct err *err)
{
    enum err_code code;

    if (db_in_transaction(grader->options->db)) {
        return ERR_OK;
    }
    grader->hours = 0;
    grader->services = 0;
    code = db_begin(grader->options->db, err);
    return code == ERR_OK ? fold_lock_lease(grader->fold, err) : code;
}

/* An unknown outcome needs no care: all work that is left stands in the store. */
static enum err_code commit(struct grader *grader, struct err *err)
{
    bool unknown;

    if (!db_in_transaction(grader->options->db)) {
        return ERR_OK;
    }
    if (FAULT("grading.commit.before")) {
        return err_set(err, ERR_STORE, "fault grading.commit.before");
    }
    return db_commit(grader->options->db, &unknown, err);
}

static enum err_code read_first_hour(struct grader *grader, struct service_run *run,
                                     struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(grader->options->db,
                      "SELECT first_minute FROM service WHERE book_id = $1 AND service = $2", &stmt,
                      err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, run->name);
    code = db_step(stmt, &row, err);
    run->first_hour = row ? db_column_int64(stmt, 0) / TALLY_MINUTES : HOUR_NONE;
    db_reset(stmt);
    return code;
}

/* Columns of grade_hour, all of them, so that the checksum of a row can be held against it. */
#define SELECT_GRADES "SELECT book_id, service, hour, grades, carried, checksum FROM grade_hour"
enum { COLUMN_HOUR = 2, COLUMN_GRADES, COLUMN_CARRIED, COLUMN_CHECKSUM };

static bool is_whole(struct db_stmt *stmt)
{
    return db_column_checksum(stmt, COLUMN_CHECKSUM) == db_column_int64(stmt, COLUMN_CHECKSUM);
}

static enum err_code check_whole(struct db_stmt *stmt, struct err *err)
{
    if (is_whole(stmt)) {
        return ERR_OK;
    }
    return err_set(err, ERR_MISMATCH,
                   "grade_hour \"%.*s\" hour %" PRId64 ": the row is damaged (run the audit)",
                   STR_ARGS(db_column_text(stmt, 1)), db_column_int64(stmt, COLUMN_HOUR));
}

static enum err_code read_last_hour(struct grader *grader, struct service_run *run, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code =
        db_prepare(grader->options->db,
                   SELECT_GRADES " WHERE book_id = $1 AND service = $2 ORDER BY hour DESC LIMIT 1",
                   &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, run->name);
    run->last_hour = HOUR_NONE;
    run->last_closed = 0;
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        run->last_hour = db_column_int64(stmt, COLUMN_HOUR);
        code = check_whole(stmt, err);
    }
    if (code == ERR_OK && row) {
        code = carried_closed_minutes(db_column_blob(stmt, COLUMN_CARRIED), &run->last_closed, err);
    }
    db_reset(stmt);
    return code;
}

static int64_t graded_end(const struct service_run *run)
{
    return run->last_hour == HOUR_NONE ? 0 : run->last_hour * TALLY_MINUTES + run->last_closed;
}

/* The last hour that may be graded now. If complete-until fell behind what is graded, the hour in which it lies keeps its grades. */
static int64_t last_gradable_hour(const struct grader *grader, const struct service_run *run)
{
    int64_t closed_end = grader->closed_end;

    if (graded_end(run) > closed_end) {
        return closed_end / TALLY_MINUTES - 1;
    }
    return (closed_end + TALLY_MINUTES - 1) / TALLY_MINUTES - 1;
}

static int closed_minutes_of(const struct grader *grader, int64_t hour)
{
    int64_t closed = grader->closed_end - hour * TALLY_MINUTES;

    return closed < TALLY_MINUTES ? (int)closed : TALLY_MINUTES;
}

/* The next hour that was never graded, or not to its end. */
static int64_t next_fresh_hour(const struct grader *grader, const struct service_run *run)
{
    if (run->last_hour == HOUR_NONE) {
        return run->first_hour;
    }
    return closed_minutes_of(grader, run->last_hour) > run->last_closed ? run->last_hour
                                                                        : run->last_hour + 1;
}

static enum err_code next_hour(struct grader *grader, const struct service_run *run,
                               int64_t *ret_hour, struct err *err)
{
    int64_t last = last_gradable_hour(grader, run);
    int64_t hour = next_fresh_hour(grader, run);
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    code = db_prepare(grader->options->db,
                      "SELECT hour FROM regrade WHERE book_id = $1 AND service = $2"
                      " AND hour <= $3 ORDER BY hour LIMIT 1",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, run->name);
    db_bind_int64(stmt, 3, last);
    code = db_step(stmt, &row, err);
    if (row && db_column_int64(stmt, 0) < hour) {
        hour = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    *ret_hour = hour <= last ? hour : HOUR_NONE;
    return code;
}

static enum err_code regrade(struct grader *grader, const char *sql, struct str service,
                             int64_t hour, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(grader->options->db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, hour);
    return db_run(stmt, NULL, err);
}

static enum err_code regrade_done(struct grader *grader, struct str service, int64_t hour,
                                  struct err *err)
{
    return regrade(grader, "DELETE FROM regrade WHERE book_id = $1 AND service = $2 AND hour = $3",
                   service, hour, err);
}

static enum err_code regrade_later(struct grader *grader, struct str service, int64_t hour,
                                   struct err *err)
{
    return regrade(grader,
                   "INSERT INTO regrade (book_id, service, hour) VALUES ($1, $2, $3)"
                   " ON CONFLICT (book_id, service, hour) DO NOTHING",
                   service, hour, err);
}

/* The state behind `hour - 1`; empty if that hour has no row. */
static enum err_code read_carried(struct grader *grader, struct str service, int64_t hour,
                                  struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    strbuf_clear(&grader->carried);
    code =
        db_prepare(grader->options->db,
                   SELECT_GRADES " WHERE book_id = $1 AND service = $2 AND hour = $3", &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, hour - 1);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        code = check_whole(stmt, err);
        strbuf_append(&grader->carried, db_column_blob(stmt, COLUMN_CARRIED));
    }
    db_reset(stmt);
    return code;
}

/* What an hour's row holds already. */
struct stored {
    bool same_grades, same_carried;
};

static enum err_code compare_stored(struct grader *grader, struct str service, int64_t hour,
                                    struct str grades, struct stored *ret_stored, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    *ret_stored = (struct stored){false, false};
    code =
        db_prepare(grader->options->db,
                   SELECT_GRADES " WHERE book_id = $1 AND service = $2 AND hour = $3", &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, hour);
    code = db_step(stmt, &row, err);
    /* A damaged row counts as different: it is written anew. */
    if (code == ERR_OK && row && db_column_checksum(stmt, 5) == db_column_int64(stmt, 5)) {
        ret_stored->same_grades = str_equal(db_column_blob(stmt, 3), grades);
        ret_stored->same_carried = str_equal(db_column_blob(stmt, 4), strbuf_view(&grader->result));
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_row(struct grader *grader, struct str service, int64_t hour,
                               struct str grades, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code;

    code = db_prepare(grader->options->db,
                      "INSERT INTO grade_hour (book_id, service, hour, grades, carried, checksum)"
                      " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (book_id, service, hour)"
                      " DO UPDATE SET grades = excluded.grades, carried = excluded.carried,"
                      " checksum = excluded.checksum",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, grader->options->book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, hour);
    db_bind_blob(stmt, 4, grades);
    db_bind_blob(stmt, 5, strbuf_view(&grader->result));
    db_bind_checksum(stmt, 6);
    return db_run(stmt, NULL, err);
}

/* Writes what is new, and passes a changed state on: to an hour that has a row, by marking it. */
static enum err_code store_hour(struct grader *grader, struct service_run *run,
                                const struct grade_hour_input *input, struct str grades,
                                struct err *err)
{
    struct stored stored;
    enum err_code code;

    code = compare_stored(grader, run->name, input->hour, grades, &stored, err);
    if (code == ERR_OK && !(stored.same_grades && stored.same_carried)) {
        code = write_row(grader, run->name, input->hour, grades, err);
        run->from = run->from < run->to ? run->from : input->hour;
        run->to = input->hour + 1;
    }
    if (code == ERR_OK && !stored.same_carried && run->last_hour != HOUR_NONE &&
        input->hour < run->last_hour) {
        code = regrade_later(grader, run->name, input->hour + 1, err);
    }
    if (code == ERR_OK) {
        code = regrade_done(grader, run->name, input->hour, err);
    }
    if (run->last_hour == HOUR_NONE || input->hour >= run->last_hour) {
        run->last_hour = input->hour;
        run->last_closed = input->closed_minutes;
    }
    return code;
}

static enum err_code run_hour(struct grader *grader, struct service_run *run, int64_t hour,
                              struct err *err)
{
    struct grade_hour_input input;
    uint8_t grades[TALLY_MINUTES];
    enum err_code code;

    arena_clear(&grader->hour_arena);
    strbuf_clear(&grader->result);
    code = read_carried(grader, run->name, hour, err);
    if (code == ERR_OK) {
        code = grade_load_hour(&grader->load, run->name, hour, &grader->hour_arena, &input, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    input.closed_minutes = closed_minutes_of(grader, hour);
    code = grade_hour(strbuf_view(&grader->carried), &input, run->rules, &grader->hour_arena,
                      grades, &grader->result, err);
    if (code == ERR_OK && grader->result.overflow) {
        code = err_set(err, ERR_STORE, "the state of its checks has more than %d bytes",
                       CARRIED_SIZE_MAX);
    }
    if (code != ERR_OK) {
        return err_context(err, "grades of \"%.*s\", hour %" PRId64, STR_ARGS(run->name), hour);
    }
    return store_hour(grader, run, &input, str_of((const char *)grades, sizeof(grades)), err);
}

static enum err_code finish_stretch(struct grader *grader, struct service_run *run, struct err *err)
{
    int64_t end = graded_end(run);
    int64_t to = run->to * TALLY_MINUTES;
    enum err_code code;

    if (run->from == run->to) {
        return ERR_OK;
    }
    code = incidents_rewrite(grader->options->db, grader->options->book_id, run->name,
                             run->from * TALLY_MINUTES, to < end ? to : end, end, err);
    run->from = run->to = 0;
    return code;
}

/* Grades a service's next hours, as many as the transaction may hold. *ret_done: nothing of it is left. */
static enum err_code run_service(struct grader *grader, struct service_run *run, bool *ret_done,
                                 struct err *err)
{
    enum err_code code = read_first_hour(grader, run, err);

    if (code == ERR_OK) {
        code = read_last_hour(grader, run, err);
    }
    *ret_done = false;
    while (code == ERR_OK && !*ret_done && grader->hours < HOURS_PER_TRANSACTION) {
        int64_t hour;

        code = next_hour(grader, run, &hour, err);
        if (code != ERR_OK) {
            break;
        }
        *ret_done = hour == HOUR_NONE;
        if (run->from < run->to && hour != run->to) {
            code = finish_stretch(grader, run, err);
        }
        if (code == ERR_OK && !*ret_done) {
            code = run_hour(grader, run, hour, err);
            grader->hours++;
        }
        if (code == ERR_OK && FAULT("grading.hour")) {
            code = err_set(err, ERR_STORE, "fault grading.hour");
        }
    }
    return code == ERR_OK ? finish_stretch(grader, run, err) : code;
}

static enum err_code run_all(struct grader *grader, struct err *err)
{
    const struct grading_options *options = grader->options;
    struct str *services;
    size_t count;
    enum err_code code;

    code = windows_services(options->db, options->book_id, &grader->arena, &services, &count, err);
    if (code == ERR_OK) {
        code = grade_load_open(options->db, options->book_id, &grader->arena, &grader->load, err);
    }
    for (size_t i = 0; i < count && code == ERR_OK;) {
        struct service_run run = {.name = services[i],
                                  .rules = options->rules(options->context, services[i])};
        bool done = false;

        code = begin(grader, err);
        if (code == ERR_OK) {
            code = run_service(grader, &run, &done, err);
        }
        if (code == ERR_OK && (grader->hours >= HOURS_PER_TRANSACTION ||
                               ++grader->services >= SERVICES_PER_TRANSACTION)) {
            code = commit(grader, err);
        }
        i += done ? 1 : 0;
    }
    return code == ERR_OK ? commit(grader, err) : code;
}

enum err_code grading_run(struct fold *fold, const struct grading_options *options, struct err *err)
{
    struct grader grader = {.fold = fold, .options = options};
    enum err_code code;

    CHECK(!db_in_transaction(options->db));
    if (options->until_ns < NS_PER_MINUTE) {
        return ERR_OK; /* nothing is complete */
    }
    grader.closed_end = options->until_ns / NS_PER_MINUTE;
    strbuf_init(&grader.carried, CARRIED_SIZE_MAX);
    strbuf_init(&grader.result, CARRIED_SIZE_MAX);
    code = run_all(&grader, err);
    if (code != ERR_OK) {
        db_rollback(options->db);
    }
    strbuf_release(&grader.carried);
    strbuf_release(&grader.result);
    arena_release(&grader.hour_arena);
    arena_release(&grader.arena);
    return code;
}
