#include "aggregator/grade_rows.h"

#include <inttypes.h>
#include <string.h>

#include "aggregator/carried.h"
#include "aggregator/tally.h"
#include "schemas/grade.h"

enum {
    COLUMN_SERVICE = 1,
    COLUMN_HOUR,
    COLUMN_GRADES,
    COLUMN_INCOMPLETE,
    COLUMN_CARRIED,
    COLUMN_CHECKSUM
};

bool grades_unpack(struct str packed, uint8_t ret_grades[TALLY_MINUTES])
{
    size_t minute = 0;

    for (size_t i = 0; i + 1 < packed.size; i += 2) {
        uint8_t grade = (uint8_t)packed.data[i];
        size_t minutes = (uint8_t)packed.data[i + 1];

        if (grade >= GRADE_COUNT || minutes == 0 || minutes > TALLY_MINUTES - minute ||
            (minute > 0 && ret_grades[minute - 1] == grade)) {
            return false;
        }
        memset(ret_grades + minute, grade, minutes);
        minute += minutes;
    }
    return minute == TALLY_MINUTES && packed.size % 2 == 0;
}

static struct str grades_pack(const uint8_t grades[TALLY_MINUTES], char packed[2 * TALLY_MINUTES])
{
    size_t size = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        if (i == 0 || grades[i] != grades[i - 1]) {
            packed[size++] = (char)grades[i];
            packed[size++] = 0;
        }
        packed[size - 1]++;
    }
    return str_of(packed, size);
}

static bool take_row(struct db_stmt *stmt, struct graded_hour *ret_row)
{
    ret_row->hour = db_column_int64(stmt, COLUMN_HOUR);
    ret_row->incomplete = (uint64_t)db_column_int64(stmt, COLUMN_INCOMPLETE);
    ret_row->carried = db_column_blob(stmt, COLUMN_CARRIED);
    return db_column_checksum(stmt, COLUMN_CHECKSUM) == db_column_int64(stmt, COLUMN_CHECKSUM) &&
           grades_unpack(db_column_blob(stmt, COLUMN_GRADES), ret_row->grades);
}

enum err_code grade_rows_take(struct db_stmt *stmt, struct graded_hour *ret_row, struct err *err)
{
    if (!take_row(stmt, ret_row)) {
        return err_set(err, ERR_MISMATCH,
                       "grade_hour \"%.*s\" hour %" PRId64 ": the row is damaged (run the audit)",
                       STR_ARGS(db_column_text(stmt, COLUMN_SERVICE)),
                       db_column_int64(stmt, COLUMN_HOUR));
    }
    return ERR_OK;
}

/* sql: a literal with $1 book, $2 service and, unless it is left out, $3 hour. */
static enum err_code open_row(const struct grade_rows *rows, const char *sql, struct str service,
                              const int64_t *hour, struct db_stmt **ret_stmt, struct err *err)
{
    enum err_code code = db_prepare(rows->db, sql, ret_stmt, err);

    if (code == ERR_OK) {
        db_bind_int64(*ret_stmt, 1, rows->book_id);
        db_bind_text(*ret_stmt, 2, service);
        if (hour != NULL) {
            db_bind_int64(*ret_stmt, 3, *hour);
        }
    }
    return code;
}

static enum err_code open_hour(const struct grade_rows *rows, struct str service, int64_t hour,
                               struct db_stmt **ret_stmt, struct err *err)
{
    return open_row(rows, GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 AND hour = $3",
                    service, &hour, ret_stmt, err);
}

enum err_code grade_rows_last(const struct grade_rows *rows, struct str service, bool *ret_found,
                              int64_t *ret_hour, int *ret_closed, struct err *err)
{
    struct graded_hour last = {0};
    struct db_stmt *stmt;
    enum err_code code = open_row(
        rows, GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 ORDER BY hour DESC LIMIT 1",
        service, NULL, &stmt, err);

    *ret_found = false;
    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, ret_found, err);
    if (code == ERR_OK && *ret_found) {
        code = grade_rows_take(stmt, &last, err);
    }
    if (code == ERR_OK && *ret_found) {
        *ret_hour = last.hour;
        code = carried_closed_minutes(last.carried, ret_closed, err);
    }
    db_reset(stmt);
    return code;
}

enum err_code grade_rows_carried(const struct grade_rows *rows, struct str service, int64_t hour,
                                 struct strbuf *ret_carried, struct err *err)
{
    struct graded_hour row;
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_hour(rows, service, hour, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &found, err);
    if (code == ERR_OK && found) {
        code = grade_rows_take(stmt, &row, err);
        if (code == ERR_OK) {
            strbuf_append(ret_carried, row.carried);
        }
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_row(const struct grade_rows *rows, struct str service,
                               const struct graded_hour *row, struct err *err)
{
    char packed[2 * TALLY_MINUTES];
    struct db_stmt *stmt;
    enum err_code code =
        open_row(rows,
                 "INSERT INTO grade_hour (book_id, service, hour, grades, incomplete, carried,"
                 " checksum) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                 " ON CONFLICT (book_id, service, hour) DO UPDATE SET grades = excluded.grades,"
                 " incomplete = excluded.incomplete, carried = excluded.carried,"
                 " checksum = excluded.checksum",
                 service, &row->hour, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 4, grades_pack(row->grades, packed));
    db_bind_int64(stmt, 5, (int64_t)row->incomplete);
    db_bind_blob(stmt, 6, row->carried);
    db_bind_checksum(stmt, 7);
    return db_run(stmt, NULL, err);
}

enum err_code grade_rows_put(const struct grade_rows *rows, struct str service,
                             const struct graded_hour *row, bool *ret_changed,
                             bool *ret_carried_changed, struct err *err)
{
    struct graded_hour old;
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_hour(rows, service, row->hour, &stmt, err);

    *ret_changed = *ret_carried_changed = true;
    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &found, err);
    if (code == ERR_OK && found && take_row(stmt, &old)) {
        *ret_carried_changed = !str_equal(old.carried, row->carried);
        *ret_changed = *ret_carried_changed ||
                       memcmp(old.grades, row->grades, sizeof(old.grades)) != 0 ||
                       old.incomplete != row->incomplete;
    }
    db_reset(stmt);
    return code == ERR_OK && *ret_changed ? write_row(rows, service, row, err) : code;
}

enum err_code grade_rows_marked(const struct grade_rows *rows, struct str service, int64_t last,
                                bool *ret_found, int64_t *ret_hour, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = open_row(rows,
                                  "SELECT hour FROM regrade WHERE book_id = $1 AND service = $2"
                                  " AND hour <= $3 ORDER BY hour LIMIT 1",
                                  service, &last, &stmt, err);

    *ret_found = false;
    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, ret_found, err);
    if (code == ERR_OK && *ret_found) {
        *ret_hour = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    return code;
}

enum err_code grade_rows_mark(const struct grade_rows *rows, struct str service, int64_t hour,
                              struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = open_row(rows,
                                  "INSERT INTO regrade (book_id, service, hour) VALUES ($1, $2, $3)"
                                  " ON CONFLICT (book_id, service, hour) DO NOTHING",
                                  service, &hour, &stmt, err);

    return code == ERR_OK ? db_run(stmt, NULL, err) : code;
}

enum err_code grade_rows_unmark(const struct grade_rows *rows, struct str service, int64_t hour,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        open_row(rows, "DELETE FROM regrade WHERE book_id = $1 AND service = $2 AND hour = $3",
                 service, &hour, &stmt, err);

    return code == ERR_OK ? db_run(stmt, NULL, err) : code;
}

/* A damaged row is counted on from what it says: any other number than before is as good. */
static enum err_code read_gradings(const struct grade_rows *rows, struct str service, int64_t day,
                                   int64_t *ret_gradings, struct err *err)
{
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_row(rows,
                                  "SELECT gradings FROM grade_day WHERE book_id = $1 AND"
                                  " service = $2 AND day = $3",
                                  service, &day, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &found, err);
    *ret_gradings = code == ERR_OK && found ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

enum err_code grade_rows_count(const struct grade_rows *rows, struct str service, int64_t day,
                               int64_t hours, struct err *err)
{
    struct db_stmt *stmt;
    int64_t gradings;
    enum err_code code = read_gradings(rows, service, day, &gradings, err);

    if (code == ERR_OK) {
        code = open_row(rows,
                        "INSERT INTO grade_day (book_id, service, day, gradings, checksum)"
                        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, service, day)"
                        " DO UPDATE SET gradings = excluded.gradings,"
                        " checksum = excluded.checksum",
                        service, &day, &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 4, (int64_t)((uint64_t)gradings + (uint64_t)hours));
    db_bind_checksum(stmt, 5);
    return db_run(stmt, NULL, err);
}

enum err_code grade_rows_gradings(const struct grade_rows *rows, struct str service,
                                  int64_t from_day, int64_t to_day, int64_t *ret_gradings,
                                  struct err *err)
{
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code = open_row(rows,
                                  "SELECT gradings FROM grade_day WHERE book_id = $1 AND"
                                  " service = $2 AND day >= $3 AND day < $4",
                                  service, &from_day, &stmt, err);

    *ret_gradings = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 4, to_day);
    while ((code = db_step(stmt, &found, err)) == ERR_OK && found) {
        *ret_gradings = (int64_t)((uint64_t)*ret_gradings + (uint64_t)db_column_int64(stmt, 0));
    }
    db_reset(stmt);
    return code;
}
