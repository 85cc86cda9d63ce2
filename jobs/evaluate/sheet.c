#include "jobs/evaluate/sheet.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/spelling.h"

enum {
    REASON_SIZE = 512,
    TEXT_SHOWN_MAX = 64,
    TIME_SIZE = sizeof("2026-10-01T00:00:00Z") - 1,
    SECONDS_PER_DAY = 24 * 3600
};

/* "service,from,to[,status,reason]": what the header may be; optional columns are the last ones. */
static const char *header_text(const struct sheet *sheet, char text[REASON_SIZE])
{
    bool optional = false;
    size_t used = 0;

    for (size_t i = 0; i < sheet->column_count && used < REASON_SIZE; i++) {
        const struct sheet_column *column = &sheet->columns[i];
        bool opens = !column->required && !optional;
        int size = snprintf(text + used, REASON_SIZE - used, "%s%s%s", opens ? "[" : "",
                            i > 0 ? "," : "", column->name);

        optional = optional || opens;
        used += size > 0 ? (size_t)size : 0;
    }
    (void)snprintf(text + used, used < REASON_SIZE ? REASON_SIZE - used : 0, "%s",
                   optional ? "]" : "");
    return text;
}

static size_t find_column(const struct sheet *sheet, struct str name)
{
    size_t i = 0;

    while (i < sheet->column_count && !str_equal(STR(sheet->columns[i].name), name)) {
        i++;
    }
    return i;
}

static enum err_code unknown_column(const struct sheet *sheet, struct str name, struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];
    char header[REASON_SIZE];

    spelling_init(&spelling, name);
    for (size_t i = 0; i < sheet->column_count; i++) {
        spelling_offer(&spelling, sheet->columns[i].name);
    }
    return err_set(err, ERR_DATA, "%s:%" PRId64 ": unknown column \"%.*s\"%s; the header is %s",
                   sheet->csv.name, sheet->csv.line,
                   name.size < TEXT_SHOWN_MAX ? (int)name.size : TEXT_SHOWN_MAX,
                   name.size > 0 ? name.data : "", spelling_hint(&spelling, hint),
                   header_text(sheet, header));
}

/* Which field is which column. */
static enum err_code read_names(struct sheet *sheet, struct err *err)
{
    for (size_t i = 0; i < sheet->csv.field_count; i++) {
        size_t column = find_column(sheet, sheet->csv.fields[i]);

        if (column == sheet->column_count) {
            return unknown_column(sheet, sheet->csv.fields[i], err);
        }
        if (sheet->place[column] >= 0) {
            return sheet_error(sheet, column, err, "the column occurs twice");
        }
        sheet->place[column] = (int)i;
    }
    return ERR_OK;
}

static enum err_code read_header(struct sheet *sheet, struct err *err)
{
    char header[REASON_SIZE];
    bool more = false;

    for (size_t i = 0; i < sheet->column_count; i++) {
        sheet->place[i] = -1;
    }
    if (csv_next(&sheet->csv, &more, err) != ERR_OK) {
        return err->code;
    }
    if (!more) {
        return err_set(err, ERR_DATA, "%s:1: empty; the header is %s", sheet->csv.name,
                       header_text(sheet, header));
    }
    if (read_names(sheet, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < sheet->column_count; i++) {
        if (sheet->columns[i].required && sheet->place[i] < 0) {
            return sheet_error(sheet, i, err, "the column is missing; the header is %s",
                               header_text(sheet, header));
        }
    }
    sheet->field_count = sheet->csv.field_count;
    return ERR_OK;
}

enum err_code sheet_open(struct sheet *sheet, const char *path, const struct sheet_column *columns,
                         size_t column_count, bool (*stopped)(void), struct err *err)
{
    CHECK(column_count <= SHEET_COLUMNS_MAX);
    *sheet = (struct sheet){.columns = columns, .column_count = column_count};
    if (csv_open(&sheet->csv, path, stopped, err) != ERR_OK) {
        return err->code;
    }
    if (read_header(sheet, err) != ERR_OK) {
        sheet_close(sheet);
        return err->code;
    }
    return ERR_OK;
}

void sheet_close(struct sheet *sheet)
{
    csv_close(&sheet->csv);
}

enum err_code sheet_rewind(struct sheet *sheet, struct err *err)
{
    enum err_code code = csv_rewind(&sheet->csv, err);

    return code == ERR_OK ? read_header(sheet, err) : code;
}

enum err_code sheet_next(struct sheet *sheet, bool *ret_more, struct err *err)
{
    bool more = false;

    if (csv_next(&sheet->csv, &more, err) != ERR_OK) {
        return err->code;
    }
    if (more && sheet->csv.field_count != sheet->field_count) {
        return err_set(err, ERR_DATA, "%s:%" PRId64 ": %zu fields, but the header has %zu",
                       sheet->csv.name, sheet->csv.line, sheet->csv.field_count,
                       sheet->field_count);
    }
    *ret_more = more;
    return ERR_OK;
}

bool sheet_has(const struct sheet *sheet, size_t column)
{
    return sheet->place[column] >= 0;
}

struct str sheet_text(const struct sheet *sheet, size_t column)
{
    return sheet->place[column] >= 0 ? sheet->csv.fields[sheet->place[column]] : STR("");
}

enum err_code sheet_error_at(const struct sheet *sheet, int64_t line, size_t column,
                             struct err *err, const char *format, ...)
{
    char reason[REASON_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return err_set(err, ERR_DATA, "%s:%" PRId64 ": %s: %s", sheet->csv.name, line,
                   sheet->columns[column].name, reason);
}

enum err_code sheet_error(const struct sheet *sheet, size_t column, struct err *err,
                          const char *format, ...)
{
    char reason[REASON_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    return sheet_error_at(sheet, sheet->csv.line, column, err, "%s", reason);
}

/* As much of a field as a message has room for. */
static int shown(struct str text)
{
    return text.size < TEXT_SHOWN_MAX ? (int)text.size : TEXT_SHOWN_MAX;
}

enum err_code sheet_count(const struct sheet *sheet, size_t column, int64_t *ret_count,
                          struct err *err)
{
    struct str text = sheet_text(sheet, column);
    int64_t count = 0;

    for (size_t i = 0; i < text.size; i++) {
        int64_t digit = text.data[i] - '0';

        if (digit < 0 || digit > 9) {
            return sheet_error(sheet, column, err,
                               text.data[0] == '-' ? "%.*s is negative" : "\"%.*s\" is no number",
                               shown(text), text.data);
        }
        if (count > (SHEET_COUNT_MAX - digit) / 10) {
            return sheet_error(sheet, column, err, "%.*s is too large", shown(text), text.data);
        }
        count = count * 10 + digit;
    }
    if (text.size == 0) {
        return sheet_error(sheet, column, err, "empty");
    }
    *ret_count = count;
    return ERR_OK;
}

static int two_digits(const char *text)
{
    unsigned tens = (unsigned)(text[0] - '0');
    unsigned ones = (unsigned)(text[1] - '0');

    return tens <= 9 && ones <= 9 ? (int)(tens * 10 + ones) : INT32_MAX;
}

/* "2026-10-01T12:34:56Z" with the date of the row before; everything else is left to base/civil.h. */
static bool time_of_same_date(const struct sheet_date *date, struct str text, int64_t *ret_time_s)
{
    const char *time = text.data + SHEET_DATE_SIZE;
    int hour, minute, second;

    if (text.size != TIME_SIZE || memcmp(text.data, date->text, SHEET_DATE_SIZE) != 0 ||
        time[2] != ':' || time[5] != ':' || time[8] != 'Z') {
        return false;
    }
    hour = two_digits(time);
    minute = two_digits(time + 3);
    second = two_digits(time + 6);
    if (hour > 23 || minute > 59 || second > 59) {
        return false;
    }
    *ret_time_s = date->start_s + (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return true;
}

static void keep_date(struct sheet_date *date, struct str text, int64_t time_ns)
{
    int64_t time_s = time_ns / NS_PER_SECOND;

    if (text.size == TIME_SIZE && text.data[TIME_SIZE - 1] == 'Z' && time_s >= 0) {
        memcpy(date->text, text.data, SHEET_DATE_SIZE);
        date->start_s = time_s - time_s % SECONDS_PER_DAY;
    }
}

enum err_code sheet_time_ns(struct sheet *sheet, size_t column, int64_t *ret_time_ns,
                            struct err *err)
{
    struct str text = sheet_text(sheet, column);
    struct sheet_date *date = &sheet->dates[column];
    int64_t time_s, time_ns;

    if (time_of_same_date(date, text, &time_s)) {
        *ret_time_ns = time_s * NS_PER_SECOND;
        return ERR_OK;
    }
    if (text.size == 0) {
        return sheet_error(sheet, column, err, "empty");
    }
    if (!civil_parse_rfc3339(text, &time_ns) || time_ns < -SHEET_TIME_NS_MAX ||
        time_ns > SHEET_TIME_NS_MAX) {
        return sheet_error(sheet, column, err,
                           "\"%.*s\" is no time like 2026-10-01T00:00:00Z (RFC 3339), of the years "
                           "1685 to 2255",
                           shown(text), text.data);
    }
    keep_date(date, text, time_ns);
    *ret_time_ns = time_ns;
    return ERR_OK;
}

enum err_code sheet_time_s(struct sheet *sheet, size_t column, int64_t *ret_time_s, struct err *err)
{
    int64_t time_ns;

    if (sheet_time_ns(sheet, column, &time_ns, err) != ERR_OK) {
        return err->code;
    }
    if (time_ns % NS_PER_SECOND != 0) {
        return sheet_error(sheet, column, err, "a fraction of a second");
    }
    *ret_time_s = time_ns / NS_PER_SECOND;
    return ERR_OK;
}
