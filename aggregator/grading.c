#include "aggregator/grading.h"

#include <inttypes.h>

#include "aggregator/grade_hour.h"
#include "aggregator/grade_load.h"
#include "aggregator/grade_rows.h"
#include "aggregator/incident.h"
#include "aggregator/service_day.h"
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
    struct grade_rows rows;
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
    int64_t day, day_hours; /* graded hours of one day that grade_day does not know of yet */
};

static enum err_code begin(struct grader *grader, struct err *err)
{
    enum err_code code;

    if (db_in_transaction(grader->options->db)) {
        return ERR_OK;
    }
    grader->hours = 0;
    grader->services = 0;
    code = db_begin_concurrent(grader->options->db, err); /* the lease is locked first */
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

static enum err_code read_last_hour(struct grader *grader, struct service_run *run, struct err *err)
{
    bool found;

    run->last_closed = 0;
    if (grade_rows_last(&grader->rows, run->name, &found, &run->last_hour, &run->last_closed,
                        err) != ERR_OK) {
        return err->code;
    }
    if (!found) {
        run->last_hour = HOUR_NONE;
    }
    return ERR_OK;
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
    int64_t fresh = next_fresh_hour(grader, run);
    int64_t marked;
    bool found;
    enum err_code code = grade_rows_marked(&grader->rows, run->name, last, &found, &marked, err);

    if (code != ERR_OK) {
        return code;
    }
    if (found && marked < fresh) {
        fresh = marked;
    }
    *ret_hour = fresh <= last ? fresh : HOUR_NONE;
    return ERR_OK;
}

static enum err_code write_day(struct grader *grader, const struct service_run *run,
                               struct err *err)
{
    const struct grading_options *options = grader->options;
    enum err_code code = service_day_write(options->db, options->book_id, run->name, run->day, err);

    if (code == ERR_OK && FAULT("grading.day")) {
        code = err_set(err, ERR_STORE, "fault grading.day");
    }
    return code;
}

static enum err_code count_day(struct grader *grader, struct service_run *run, struct err *err)
{
    enum err_code code = ERR_OK;

    if (run->day_hours > 0) {
        code = grade_rows_count(&grader->rows, run->name, run->day, run->day_hours, err);
        if (code == ERR_OK && graded_end(run) >= (run->day + 1) * DAY_MINUTES) {
            code = write_day(grader, run, err);
        }
    }
    run->day_hours = 0;
    return code;
}

/* Also an hour whose grades are what they were: it was marked because something else of it changed. */
static enum err_code count_hour(struct grader *grader, struct service_run *run, int64_t hour,
                                struct err *err)
{
    int64_t day = hour / DAY_HOURS;
    enum err_code code = day != run->day ? count_day(grader, run, err) : ERR_OK;

    run->day = day;
    run->day_hours++;
    return code;
}

/* Writes what is new, and passes a changed state on: to an hour that has a row, by marking it. */
static enum err_code store_hour(struct grader *grader, struct service_run *run,
                                const struct graded_hour *row, int closed_minutes, struct err *err)
{
    bool changed;
    bool carried_changed;
    enum err_code code =
        grade_rows_put(&grader->rows, run->name, row, &changed, &carried_changed, err);

    if (code == ERR_OK && changed) {
        run->from = run->from < run->to ? run->from : row->hour;
        run->to = row->hour + 1;
    }
    if (code == ERR_OK && carried_changed && run->last_hour != HOUR_NONE &&
        row->hour < run->last_hour) {
        code = grade_rows_mark(&grader->rows, run->name, row->hour + 1, err);
    }
    if (code == ERR_OK) {
        code = grade_rows_unmark(&grader->rows, run->name, row->hour, err);
    }
    if (code == ERR_OK) {
        code = count_hour(grader, run, row->hour, err);
    }
    if (run->last_hour == HOUR_NONE || row->hour >= run->last_hour) {
        run->last_hour = row->hour;
        run->last_closed = closed_minutes;
    }
    return code;
}

static enum err_code run_hour(struct grader *grader, struct service_run *run, int64_t hour,
                              struct err *err)
{
    struct grade_hour_input input;
    struct graded_hour row = {.hour = hour};
    enum err_code code;

    arena_clear(&grader->hour_arena);
    strbuf_clear(&grader->carried);
    strbuf_clear(&grader->result);
    code = grade_rows_carried(&grader->rows, run->name, hour - 1, &grader->carried, err);
    if (code == ERR_OK) {
        code = grade_load_hour(&grader->load, run->name, hour, &grader->hour_arena, &input, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    input.closed_minutes = closed_minutes_of(grader, hour);
    code = grade_hour(strbuf_view(&grader->carried), &input, run->rules, &grader->hour_arena,
                      row.grades, &row.incomplete, &grader->result, err);
    if (code == ERR_OK && grader->result.overflow) {
        code = err_set(err, ERR_STORE, "the state of its checks has more than %d bytes",
                       CARRIED_SIZE_MAX);
    }
    if (code != ERR_OK) {
        return err_context(err, "grades of \"%.*s\", hour %" PRId64, STR_ARGS(run->name), hour);
    }
    row.carried = strbuf_view(&grader->result);
    return store_hour(grader, run, &row, input.closed_minutes, err);
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
    if (code == ERR_OK) {
        code = count_day(grader, run, err);
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
            code = code == ERR_OK ? fold_check_stopped(grader->fold, err) : code;
        }
        i += done ? 1 : 0;
    }
    return code == ERR_OK ? commit(grader, err) : code;
}

enum err_code grading_run(struct fold *fold, const struct grading_options *options, struct err *err)
{
    struct grader grader = {
        .fold = fold, .options = options, .rows = {.db = options->db, .book_id = options->book_id}};
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
