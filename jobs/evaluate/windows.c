#include "jobs/evaluate/windows.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"

enum { SERVICE, MINUTE, TOTAL, ERRORS, SLOW, FIRST_OK, LAST_OK, FIRST_ERROR, LAST_ERROR };

static const struct sheet_column columns[] = {
    [SERVICE] = {"service", true},
    [MINUTE] = {"minute", true},
    [TOTAL] = {"total", true},
    [ERRORS] = {"errors", true},
    [SLOW] = {"slow", true},
    [FIRST_OK] = {"first_ok", false},
    [LAST_OK] = {"last_ok", false},
    [FIRST_ERROR] = {"first_error", false},
    [LAST_ERROR] = {"last_error", false},
};

/* The four times come together. */
static enum err_code check_time_columns(const struct windows *windows, struct err *err)
{
    const struct sheet *sheet = &windows->sheet;
    bool any = windows->times;

    for (size_t i = FIRST_OK; i <= LAST_ERROR; i++) {
        any = any || sheet_has(sheet, i);
    }
    for (size_t i = FIRST_OK; i <= LAST_ERROR && any; i++) {
        if (!sheet_has(sheet, i)) {
            return sheet_error(sheet, i, err, "the column is missing%s",
                               windows->times ? ": method total_failure_runs measures between "
                                                "the times of requests"
                                              : ", but others of the four times are there");
        }
    }
    return ERR_OK;
}

enum err_code windows_open(struct windows *windows, const char *path, struct roster *roster,
                           bool times, bool (*stopped)(void), struct err *err)
{
    *windows = (struct windows){.roster = roster, .times = times};
    if (sheet_open(&windows->sheet, path, columns, ARRAY_COUNT(columns), stopped, err) != ERR_OK) {
        return err->code;
    }
    if (check_time_columns(windows, err) != ERR_OK) {
        windows_close(windows);
        return err->code;
    }
    return ERR_OK;
}

void windows_close(struct windows *windows)
{
    sheet_close(&windows->sheet);
}

enum err_code windows_rewind(struct windows *windows, struct err *err)
{
    windows->sum = 0;
    return sheet_rewind(&windows->sheet, err);
}

static enum err_code read_minute(struct windows *windows, struct window_row *row, struct err *err)
{
    if (sheet_time_s(&windows->sheet, MINUTE, &row->minute_s, err) != ERR_OK) {
        return err->code;
    }
    if (row->minute_s % 60 != 0) {
        struct str text = sheet_text(&windows->sheet, MINUTE);

        return sheet_error(&windows->sheet, MINUTE, err, "%.*s does not lie on the minute",
                           STR_ARGS(text));
    }
    return ERR_OK;
}

static enum err_code read_counts(struct windows *windows, struct window_row *row, struct err *err)
{
    const struct sheet *sheet = &windows->sheet;

    if (sheet_count(sheet, TOTAL, &row->total, err) != ERR_OK ||
        sheet_count(sheet, ERRORS, &row->errors, err) != ERR_OK ||
        sheet_count(sheet, SLOW, &row->slow, err) != ERR_OK) {
        return err->code;
    }
    if (row->errors > row->total) {
        return sheet_error(sheet, ERRORS, err, "%" PRId64 " errors of %" PRId64 " requests",
                           row->errors, row->total);
    }
    if (row->slow > row->total - row->errors) {
        return sheet_error(sheet, SLOW, err,
                           "%" PRId64 " slow requests and %" PRId64 " errors of %" PRId64
                           " requests: only good ones count as slow",
                           row->slow, row->errors, row->total);
    }
    return ERR_OK;
}

/* The first and last time of one kind of request, of which there were `count`. */
static enum err_code read_times(struct windows *windows, const struct window_row *row,
                                size_t first_column, int64_t count, int64_t *ret_first_ns,
                                int64_t *ret_last_ns, struct err *err)
{
    int64_t *times[] = {ret_first_ns, ret_last_ns};
    struct sheet *sheet = &windows->sheet;

    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        size_t column = first_column + i;

        *times[i] = INT64_MIN;
        if (sheet_text(sheet, column).size == 0) {
            if (windows->times && count > 0) {
                return sheet_error(sheet, column, err, "empty, but there were such requests");
            }
            continue;
        }
        if (sheet_time_ns(sheet, column, times[i], err) != ERR_OK) {
            return err->code;
        }
        if (count == 0) {
            return sheet_error(sheet, column, err, "a time, but there was no such request");
        }
        if (*times[i] < row->minute_s * NS_PER_SECOND ||
            *times[i] - row->minute_s * NS_PER_SECOND >= NS_PER_MINUTE) {
            return sheet_error(sheet, column, err, "%.*s is not within the minute",
                               STR_ARGS(sheet_text(sheet, column)));
        }
    }
    if ((*ret_first_ns == INT64_MIN) != (*ret_last_ns == INT64_MIN)) {
        return sheet_error(sheet, first_column, err, "%s and %s come together",
                           columns[first_column].name, columns[first_column + 1].name);
    }
    if (*ret_first_ns > *ret_last_ns) {
        return sheet_error(sheet, first_column, err, "later than %s",
                           columns[first_column + 1].name);
    }
    return ERR_OK;
}

static enum err_code read_row(struct windows *windows, struct window_row *row, struct err *err)
{
    if (sheet_text(&windows->sheet, SERVICE).size == 0) {
        return sheet_error(&windows->sheet, SERVICE, err, "empty");
    }
    row->line = windows->sheet.csv.line;
    if (read_minute(windows, row, err) != ERR_OK || read_counts(windows, row, err) != ERR_OK) {
        return err->code;
    }
    if (read_times(windows, row, FIRST_OK, row->total - row->errors, &row->times.first_ok_ns,
                   &row->times.last_ok_ns, err) != ERR_OK) {
        return err->code;
    }
    return read_times(windows, row, FIRST_ERROR, row->errors, &row->times.first_error_ns,
                      &row->times.last_error_ns, err);
}

enum err_code windows_next(struct windows *windows, struct window_row *ret_row, bool *ret_more,
                           struct err *err)
{
    int64_t service = ROSTER_NONE;

    while (service == ROSTER_NONE) {
        if (sheet_next(&windows->sheet, ret_more, err) != ERR_OK) {
            return err->code;
        }
        if (!*ret_more) {
            return ERR_OK;
        }
        if (read_row(windows, ret_row, err) != ERR_OK) {
            return err->code;
        }
        service = roster_find(windows->roster, sheet_text(&windows->sheet, SERVICE));
    }
    if (ret_row->total > SHEET_COUNT_MAX - windows->sum) {
        return sheet_error(&windows->sheet, TOTAL, err, "the sum of all requests is above %" PRId64,
                           SHEET_COUNT_MAX);
    }
    windows->sum += ret_row->total;
    ret_row->service = (size_t)service;
    return ERR_OK;
}

enum err_code windows_duplicate(const struct windows *windows, const struct window_row *row,
                                int64_t line_before, struct err *err)
{
    struct str name = roster_name(windows->roster, row->service);
    char minute[CIVIL_TEXT_SIZE];

    return sheet_error_at(&windows->sheet, row->line > line_before ? row->line : line_before,
                          MINUTE, err, "%s of service \"%.*s\" stands in line %" PRId64 " already",
                          civil_format_rfc3339(row->minute_s * NS_PER_SECOND, minute),
                          STR_ARGS(name), row->line < line_before ? row->line : line_before);
}
