#include "aggregator/windows_parts.h"
#include "base/memory.h"

void stored_days_release(struct stored_days *days)
{
    memory_free(days->days);
    arena_release(&days->arena);
    *days = (struct stored_days){.days = NULL};
}

static void add_row(struct stored_days *days, struct db_stmt *stmt)
{
    if (days->count == days->capacity) {
        days->capacity = days->capacity > 0 ? 2 * days->capacity : 32;
        days->days = memory_resize(days->days, days->capacity, sizeof(days->days[0]));
    }
    days->days[days->count++] = (struct stored_day){
        db_column_int64(stmt, 2), arena_str(&days->arena, db_column_blob(stmt, 3)), false};
}

/* sql: a literal whose $1 to $4 are book, service, and the ends of a stretch. */
static enum err_code open_stretch(const struct windows_reading *reading, const char *sql,
                                  int64_t from, int64_t to, struct db_stmt **ret_stmt,
                                  struct err *err)
{
    enum err_code code = db_prepare(reading->db, sql, ret_stmt, err);

    if (code == ERR_OK) {
        db_bind_int64(*ret_stmt, 1, reading->book_id);
        db_bind_text(*ret_stmt, 2, reading->service);
        db_bind_int64(*ret_stmt, 3, from);
        db_bind_int64(*ret_stmt, 4, to);
    }
    return code;
}

static enum err_code read_rows(const struct windows_reading *reading, int64_t from_day,
                               int64_t to_day, struct stored_days *days, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        open_stretch(reading,
                     "SELECT book_id, service, day, packed, checksum FROM service_day WHERE"
                     " book_id = $1 AND service = $2 AND day >= $3 AND day < $4 ORDER BY day",
                     from_day, to_day, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (db_column_checksum(stmt, 4) == db_column_int64(stmt, 4)) {
            add_row(days, stmt);
        }
    }
    db_reset(stmt);
    return code;
}

/* Marks ascend like the days. */
static enum err_code read_marks(const struct windows_reading *reading, struct stored_days *days,
                                struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    size_t at = 0;
    enum err_code code =
        open_stretch(reading,
                     "SELECT hour FROM regrade WHERE book_id = $1 AND service = $2 AND hour >= $3"
                     " AND hour < $4 ORDER BY hour",
                     days->days[0].day * DAY_HOURS,
                     (days->days[days->count - 1].day + 1) * DAY_HOURS, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        int64_t day = db_column_int64(stmt, 0) / DAY_HOURS;

        while (at < days->count && days->days[at].day < day) {
            at++;
        }
        if (at < days->count && days->days[at].day == day) {
            days->days[at].marked = true;
        }
    }
    db_reset(stmt);
    return code;
}

enum err_code stored_days_read(const struct windows_reading *reading, struct stored_days *ret_days,
                               struct err *err)
{
    int64_t from_day = (reading->from_hour + DAY_HOURS - 1) / DAY_HOURS;
    int64_t to_day = reading->to_hour / DAY_HOURS;
    enum err_code code = ERR_OK;

    if (from_day < to_day) {
        code = read_rows(reading, from_day, to_day, ret_days, err);
    }
    return code == ERR_OK && ret_days->count > 0 ? read_marks(reading, ret_days, err) : code;
}
