/*
 * The rows of grading in the store: graded hours, and the marks of hours that wait to be graded again.
 *
 * Every read holds a row against its checksum. All functions work inside the caller's transaction. Errors: ERR_STORE; ERR_MISMATCH for a
 * damaged row.
 */
#ifndef AGGREGATOR_GRADE_ROWS_H
#define AGGREGATOR_GRADE_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/tally.h"
#include "base/db.h"
#include "base/str.h"

/* All columns of grade_hour, as the functions below expect them. */
#define GRADE_ROWS_SELECT                                                                          \
    "SELECT book_id, service, hour, grades, incomplete, carried, checksum FROM grade_hour"

struct grade_rows {
    struct db *db; /* borrowed */
    int64_t book_id;
};

/* A row of a GRADE_ROWS_SELECT; texts are borrowed from the statement. */
struct graded_hour {
    int64_t hour;
    uint8_t grades[TALLY_MINUTES]; /* each an enum grade */
    uint64_t incomplete;           /* bit n: records of minute n were lost */
    struct str carried;
};

/* grade_hour.grades: runs of minutes with one grade. False: the bytes are none, or not in their one form. */
bool grades_unpack(struct str packed, uint8_t ret_grades[TALLY_MINUTES]);

/* ERR_MISMATCH: the checksum does not match, or the grades are none. */
enum err_code grade_rows_take(struct db_stmt *stmt, struct graded_hour *ret_row, struct err *err);

/* The last hour of a service that has a row: its number, and how many of its minutes are graded. False: none has. */
enum err_code grade_rows_last(const struct grade_rows *rows, struct str service, bool *ret_found,
                              int64_t *ret_hour, int *ret_closed, struct err *err);
/* Appends what that hour carries on; nothing if it has no row. */
enum err_code grade_rows_carried(const struct grade_rows *rows, struct str service, int64_t hour,
                                 struct strbuf *ret_carried, struct err *err);
/* Writes the row unless it stands there already. *ret_changed: it did not; *ret_carried_changed: nor did what is carried on. A
 * damaged row is written anew. */
enum err_code grade_rows_put(const struct grade_rows *rows, struct str service,
                             const struct graded_hour *row, bool *ret_changed,
                             bool *ret_carried_changed, struct err *err);

/* The first marked hour of a service up to `last`. False: none. */
enum err_code grade_rows_marked(const struct grade_rows *rows, struct str service, int64_t last,
                                bool *ret_found, int64_t *ret_hour, struct err *err);
enum err_code grade_rows_mark(const struct grade_rows *rows, struct str service, int64_t hour,
                              struct err *err);
enum err_code grade_rows_unmark(const struct grade_rows *rows, struct str service, int64_t hour,
                                struct err *err);

/* How often hours of a UTC day were graded: a number that only grows, so that whoever has noted it sees that there is something new. Adds to it. */
enum err_code grade_rows_count(const struct grade_rows *rows, struct str service, int64_t day,
                               int64_t hours, struct err *err);
/* The sum of those numbers over [from_day, to_day); 0 where nothing is graded. */
enum err_code grade_rows_gradings(const struct grade_rows *rows, struct str service,
                                  int64_t from_day, int64_t to_day, int64_t *ret_gradings,
                                  struct err *err);

#endif
