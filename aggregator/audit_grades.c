/* Graded hours: are the grades grades, and is the carried state one? Whether rows are those that were written, audit_rows.c says. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "aggregator/carried.h"
#include "aggregator/grade_rows.h"

static void check_hour(struct audit *audit, struct db_stmt *stmt, struct arena *scratch)
{
    uint8_t grades[TALLY_MINUTES];
    struct carried carried;
    struct err err = ERR_INIT;

    if (!grades_unpack(db_column_blob(stmt, 2), grades)) {
        audit_find(audit, "grade_hour %.*s %" PRId64 ": its bytes are no grades",
                   STR_ARGS(db_column_text(stmt, 0)), db_column_int64(stmt, 1));
    }
    if (carried_unpack(db_column_blob(stmt, 3), scratch, &carried, &err) != ERR_OK) {
        audit_find(audit, "grade_hour %.*s %" PRId64 ": %s", STR_ARGS(db_column_text(stmt, 0)),
                   db_column_int64(stmt, 1), err.text);
    }
}

enum err_code audit_grades(struct audit *audit, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit,
                                       "SELECT service, hour, grades, carried FROM grade_hour "
                                       "WHERE book_id = $1 ORDER BY service, hour",
                                       &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        arena_clear(&scratch);
        check_hour(audit, stmt, &scratch);
    }
    arena_release(&scratch);
    return code;
}
