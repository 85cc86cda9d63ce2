#include "jobs/statement/due.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/comparison.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/input.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/render.h"
#include "jobs/statement/terms.h"

struct look {
    const struct publisher *publisher;
    const struct contract *contract;
    struct arena *arena;
    int64_t now_ns;
    const struct issued_row *issued; /* of the contract */
    size_t issued_count;
};

/* The revisions of the period, which stand together. */
static const struct issued_row *find_issued(const struct look *look, const char *period,
                                            size_t *ret_count)
{
    const struct issued_row *first = NULL;

    *ret_count = 0;
    for (size_t i = 0; i < look->issued_count; i++) {
        if (str_equal(look->issued[i].period, STR(period))) {
            first = first == NULL ? &look->issued[i] : first;
            (*ret_count)++;
        }
    }
    return first;
}

/* The month and its grace. */
static bool is_over(const struct look *look, const struct due *due)
{
    return (int128)look->now_ns >=
           (int128)due->period.to_s * NS_PER_SECOND + look->contract->grace_ns;
}

static enum err_code find_file(const struct look *look, struct strbuf *name, bool *missing,
                               struct err *err)
{
    struct objects *objects = look->publisher->objects;
    bool found = false;
    enum err_code code = ERR_OK;

    if (objects != NULL && !*missing) {
        code = objects->exists(objects, strbuf_text(name), &found, err);
    }
    *missing = !found;
    strbuf_clear(name);
    return code;
}

/* Of one revision and its note. */
static enum err_code find_files(const struct look *look, const struct issued_row *row,
                                bool *ret_missing, struct err *err)
{
    struct strbuf name;
    enum err_code code = ERR_OK;

    strbuf_init(&name, 512);
    for (size_t i = 0; i < render_row_count && code == ERR_OK; i++) {
        statement_name(row->contract, row->period, row->revision, render_rows[i].name, &name);
        code = find_file(look, &name, ret_missing, err);
    }
    for (size_t i = 0; i < CREDIT_NOTE_FORMS && row->noted && code == ERR_OK; i++) {
        credit_note_name(row->contract, row->period, row->revision, credit_note_forms[i].suffix,
                         &name);
        code = find_file(look, &name, ret_missing, err);
    }
    strbuf_release(&name);
    return code;
}

/* Whether that revision lacks its note. */
static enum err_code find_owed(const struct look *look, const struct issued_row *row,
                               bool *ret_owed, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct credit_note note;
    bool stored = false;
    enum err_code code = credit_note_find(look->publisher->db, row->contract, row->period,
                                          row->revision, &scratch, &note, ret_owed, &stored, err);

    arena_release(&scratch);
    return code;
}

/* Whether there is something new for [from_s, to_s), and all of it is known. */
static enum err_code find_new(const struct look *look, const struct contract *contract,
                              int64_t from_s, int64_t to_s, const struct issued_row *newest,
                              bool *ret_changed, struct err *err)
{
    struct db *db = look->publisher->db;
    int64_t book_id = look->publisher->book_id;
    struct comparison now;
    bool holds = false;
    bool graded, ungraded;
    enum err_code code = comparison_now(db, book_id, contract, from_s, to_s, &now, err);

    if (code == ERR_OK) {
        code = comparison_holds(db, newest->contract, newest->period, newest->revision, &now,
                                &holds, &graded, err);
    }
    if (code == ERR_OK && !holds) {
        code = input_complete(db, book_id, contract, to_s, ret_changed, &ungraded, err);
    }
    return code;
}

/* Whether the books changed since the newest revision, as far as they matter to the terms that it was issued under. */
static enum err_code find_changed(const struct look *look, const struct due *due,
                                  const struct issued_row *newest, bool *ret_changed,
                                  struct err *err)
{
    const struct contract *contract = look->contract;
    struct config *terms = NULL;
    int64_t from_s = due->period.from_s;
    int64_t to_s = due->period.to_s;
    struct err cause = ERR_INIT;
    struct period named;
    struct str digest;
    enum err_code code = comparison_digest(look->publisher->db, newest->contract, newest->period,
                                           look->arena, &digest, err);

    if (code == ERR_OK && digest.size > 0 && !str_equal(digest, STR(contract->digest))) {
        if (terms_open(look->publisher->db, contract->id, digest, &terms, &contract, &cause) !=
            ERR_OK) {
            return ERR_OK; /* nobody could compute it; report says so */
        }
        if (period_named(contract, STR(due->period.name), look->arena, &named)) {
            from_s = named.from_s;
            to_s = named.to_s;
        }
    }
    if (code == ERR_OK) {
        code = find_new(look, contract, from_s, to_s, newest, ret_changed, err);
    }
    terms_close(terms);
    return code;
}

/* Of a period that is issued: its revisions are rows[0 .. count). */
static enum err_code look_at_issued(const struct look *look, const struct issued_row *rows,
                                    size_t count, struct due *due, bool *ret_due, struct err *err)
{
    bool changed = false;
    bool owed = false;
    bool missing = false;
    enum err_code code = ERR_OK;

    if (is_over(look, due)) {
        code = find_changed(look, due, &rows[count - 1], &changed, err);
    }
    for (size_t i = 0; i < count && code == ERR_OK && !changed && !owed; i++) {
        if (!rows[i].noted) {
            code = find_owed(look, &rows[i], &owed, err);
        }
    }
    for (size_t i = 0; i < count && code == ERR_OK && !changed && !owed && !missing; i++) {
        code = find_files(look, &rows[i], &missing, err);
    }
    due->kind = changed ? DUE_COMPARISON : owed ? DUE_CREDIT_NOTE : DUE_FILES;
    *ret_due = changed || owed || missing;
    return code;
}

static enum err_code look_at(const struct look *look, struct due *due, bool *ret_due,
                             struct err *err)
{
    size_t count;
    const struct issued_row *rows = find_issued(look, due->period.name, &count);
    bool complete;
    enum err_code code;

    *ret_due = false;
    if (count > 0) {
        return look_at_issued(look, rows, count, due, ret_due, err);
    }
    if (!is_over(look, due)) {
        return ERR_OK;
    }
    code = input_complete(look->publisher->db, look->publisher->book_id, look->contract,
                          due->period.to_s, &complete, &due->ungraded, err);
    due->kind = code == ERR_OK && complete ? DUE_STATEMENT : DUE_INCOMPLETE;
    *ret_due = true;
    return code;
}

/* Each period from the one of the first event to the last one that is over, by the month with which it ends. */
static enum err_code look_at_periods(const struct look *look, int64_t first_minute,
                                     struct due **ret_due, size_t *ret_count, struct err *err)
{
    const struct publisher *publisher = look->publisher;
    const struct contract *contract = look->contract;
    int64_t first_s =
        first_minute * 60 > contract->valid_from_s ? first_minute * 60 : contract->valid_from_s;
    struct civil first = zone_to_local(contract->zone, first_s);
    int32_t last_year, last_month;
    int64_t month_count;
    struct due *list;
    size_t count = 0;
    enum err_code code = ERR_OK;

    period_last(contract, look->now_ns, &last_year, &last_month);
    month_count = ((int64_t)last_year - first.year) * 12 + last_month - first.month + 1;
    list = arena_calloc(look->arena, month_count > 0 ? (size_t)month_count : 0, sizeof(list[0]));
    for (int64_t i = 0; i < month_count && code == ERR_OK; i++) {
        int64_t number = first.month - 1 + i;
        struct due due = {.year = (int32_t)(first.year + number / 12),
                          .month = (int32_t)(number % 12 + 1)};
        bool is_due = false;

        if (period_ends(contract, due.month) &&
            period_find(publisher->contracts, publisher->contract_count, contract, due.year,
                        due.month, look->arena, &due.period)) {
            code = look_at(look, &due, &is_due, err);
        }
        if (code == ERR_OK && is_due) {
            list[count++] = due;
        }
    }
    *ret_due = list;
    *ret_count = count;
    return code;
}

static enum err_code look_inside(struct look *look, struct due **ret_due, size_t *ret_count,
                                 bool *ret_started, struct err *err)
{
    const struct publisher *publisher = look->publisher;
    struct issued_row *issued;
    int64_t first_minute;
    enum err_code code =
        input_first_minute(publisher->db, publisher->book_id, look->contract, &first_minute, err);

    *ret_count = 0;
    *ret_started = code == ERR_OK && first_minute != INT64_MAX;
    if (!*ret_started) {
        return code;
    }
    code = issued_list(publisher->db, look->contract->id, look->arena, &issued, &look->issued_count,
                       err);
    look->issued = issued;
    return code == ERR_OK ? look_at_periods(look, first_minute, ret_due, ret_count, err) : code;
}

enum err_code due_list(const struct publisher *publisher, const struct contract *contract,
                       struct arena *arena, struct due **ret_due, size_t *ret_count,
                       bool *ret_started, struct err *err)
{
    struct look look = {.publisher = publisher, .contract = contract, .arena = arena};
    enum err_code code = db_now_ns(publisher->db, &look.now_ns, err);

    if (code == ERR_OK) {
        code = db_begin_snapshot(publisher->db, err);
    }
    if (code == ERR_OK) {
        code = look_inside(&look, ret_due, ret_count, ret_started, err);
    }
    db_rollback(publisher->db);
    return code == ERR_OK ? ERR_OK : err_context(err, "%.*s", STR_ARGS(contract->id));
}
