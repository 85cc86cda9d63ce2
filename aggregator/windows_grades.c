/* Of windows.h: the grades of all services at once, without what was counted. */
#include <stdlib.h>
#include <string.h>

#include "aggregator/grade_rows.h"
#include "aggregator/windows.h"
#include "base/check.h"

/* Minutes [from_minute, to_minute) of some services. */
struct grading_span {
    int64_t from_minute, to_minute;
    struct service_grades *services; /* sorted */
    size_t count;
};

static int compare_services(const void *a, const void *b)
{
    return str_compare(((const struct service_grades *)a)->service,
                       ((const struct service_grades *)b)->service);
}

/* What holds where no hour is graded: nothing before the first event, a gap from then on. */
static uint8_t *ungraded(const struct grading_span *span, int64_t first_minute, struct arena *arena)
{
    size_t size = (size_t)(span->to_minute - span->from_minute);
    uint8_t *grades = arena_alloc(arena, size);

    for (size_t i = 0; i < size; i++) {
        grades[i] = span->from_minute + (int64_t)i < first_minute ? GRADE_NOT_PROVISIONED
                                                                  : GRADE_PIPELINE_GAP;
    }
    return grades;
}

static enum err_code read_services(struct db *db, int64_t book_id, struct arena *arena,
                                   struct grading_span *span, struct err *err)
{
    struct service_first *firsts;

    if (windows_firsts(db, book_id, arena, &firsts, &span->count, err) != ERR_OK) {
        return err->code;
    }
    span->services = arena_calloc(arena, span->count, sizeof(span->services[0]));
    for (size_t i = 0; i < span->count; i++) {
        span->services[i] = (struct service_grades){firsts[i].service,
                                                    ungraded(span, firsts[i].first_minute, arena)};
    }
    return ERR_OK;
}

static void take_hour(const struct grading_span *span, uint8_t *grades,
                      const struct graded_hour *row)
{
    int64_t begin = row->hour * TALLY_MINUTES;
    int64_t from = begin > span->from_minute ? begin : span->from_minute;
    int64_t to = begin + TALLY_MINUTES < span->to_minute ? begin + TALLY_MINUTES : span->to_minute;

    if (from < to) {
        memcpy(grades + (from - span->from_minute), row->grades + (from - begin),
               (size_t)(to - from));
    }
}

static enum err_code take_row(const struct grading_span *span, struct db_stmt *stmt,
                              struct err *err)
{
    const struct service_grades key = {.service = db_column_text(stmt, 1)};
    struct service_grades *found;
    struct graded_hour row;
    enum err_code code = grade_rows_take(stmt, &row, err);

    if (code == ERR_OK) {
        found = bsearch(&key, span->services, span->count, sizeof(key), compare_services);
        CHECK(found != NULL); /* joined, in one snapshot */
        take_hour(span, found->grades, &row);
    }
    return code;
}

/* One statement for all: by services first, whatever the planner knows of the tables. */
static enum err_code read_hours(struct db *db, int64_t book_id, const struct grading_span *span,
                                struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db,
        "SELECT g.book_id, g.service, g.hour, g.grades, g.incomplete, g.carried, g.checksum"
        " FROM service s CROSS JOIN grade_hour g WHERE s.book_id = $1 AND g.book_id = $1"
        " AND g.service = s.service AND g.hour >= $2 AND g.hour < $3",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, span->from_minute / TALLY_MINUTES);
    db_bind_int64(stmt, 3, (span->to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_row(span, stmt, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

enum err_code windows_grades(struct db *db, int64_t book_id, int64_t from_minute, int64_t to_minute,
                             struct arena *arena, struct service_grades **ret_services,
                             size_t *ret_count, struct err *err)
{
    struct grading_span span = {.from_minute = from_minute, .to_minute = to_minute};
    enum err_code code;

    CHECK(from_minute >= 0);
    CHECK(from_minute <= to_minute);
    code = read_services(db, book_id, arena, &span, err);
    if (code == ERR_OK && from_minute < to_minute) {
        code = read_hours(db, book_id, &span, err);
    }
    *ret_services = span.services;
    *ret_count = span.count;
    return code;
}
