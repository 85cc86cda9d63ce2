#include "jobs/statement/due.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/input.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/render.h"

struct look {
    const struct publisher *publisher;
    const struct contract *contract;
    struct arena *arena;
    int64_t now_ns;
    const struct issued_row *issued; /* of the contract */
    size_t issued_count;
};

/* The newest revision of the period; NULL if it is not issued. */
static const struct issued_row *find_issued(const struct look *look, const char *period)
{
    const struct issued_row *newest = NULL;

    for (size_t i = 0; i < look->issued_count; i++) {
        if (str_equal(look->issued[i].period, STR(period))) {
            newest = &look->issued[i]; /* they are sorted */
        }
    }
    return newest;
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

static enum err_code find_files(const struct look *look, const struct issued_row *row,
                                bool *ret_missing, struct err *err)
{
    struct strbuf name;
    enum err_code code = ERR_OK;

    *ret_missing = false;
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

/* Of a period that is issued. */
static enum err_code look_at_issued(const struct look *look, const struct issued_row *row,
                                    struct due *due, bool *ret_due, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct credit_note note;
    bool owed = false, stored = false;
    enum err_code code = ERR_OK;

    if (!row->noted) {
        code = credit_note_find(look->publisher->db, row->contract, row->period, row->revision,
                                &scratch, &note, &owed, &stored, err);
    }
    arena_release(&scratch);
    if (code != ERR_OK || owed) {
        due->kind = DUE_CREDIT_NOTE;
        *ret_due = owed;
        return code;
    }
    due->kind = DUE_FILES;
    return find_files(look, row, ret_due, err);
}

static enum err_code look_at(const struct look *look, struct due *due, bool *ret_due,
                             struct err *err)
{
    const struct issued_row *row = find_issued(look, due->period.name);
    bool complete;
    enum err_code code;

    *ret_due = false;
    if (row != NULL) {
        return look_at_issued(look, row, due, ret_due, err);
    }
    if ((int128)look->now_ns <
        (int128)due->period.to_s * NS_PER_SECOND + look->contract->grace_ns) {
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
    enum err_code code = statement_possible(contract, err);

    if (code == ERR_OK) {
        code = db_now_ns(publisher->db, &look.now_ns, err);
    }
    if (code == ERR_OK) {
        code = db_begin_snapshot(publisher->db, err);
    }
    if (code == ERR_OK) {
        code = look_inside(&look, ret_due, ret_count, ret_started, err);
    }
    db_rollback(publisher->db);
    return code == ERR_OK ? ERR_OK : err_context(err, "%.*s", STR_ARGS(contract->id));
}
