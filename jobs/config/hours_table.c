/*
 * contracts[].service_hours: days and ranges of days with their hours, and holidays.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/spelling.h"
#include "jobs/config/hours.h"
#include "jobs/config/tables.h"

enum { HOLIDAYS_MAX = 3660, KEY_SIZE = 16 };

static const char *const day_names[7] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static int find_day(struct str name)
{
    for (int day = 0; day < 7; day++) {
        if (str_equal(name, STR(day_names[day]))) {
            return day;
        }
    }
    return -1;
}

/* "mon", or "fri-mon": round the end of the week. */
static bool parse_days(struct str key, int *ret_first, int *ret_last)
{
    const char *dash = key.size > 0 ? memchr(key.data, '-', key.size) : NULL;
    size_t size = dash != NULL ? (size_t)(dash - key.data) : key.size;

    *ret_first = find_day(str_of(key.data, size));
    *ret_last = dash != NULL ? find_day(str_of(dash + 1, key.size - size - 1)) : *ret_first;
    return *ret_first >= 0 && *ret_last >= 0;
}

static enum err_code unknown_key(struct conf_reader *reader, const struct conf_node *child,
                                 struct err *err)
{
    struct conf_node place = {.line = child->key_line, .column = child->key_column};
    char ranges[7][7][KEY_SIZE];
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    spelling_init(&spelling, child->key);
    spelling_offer(&spelling, "holidays");
    for (int i = 0; i < 7; i++) {
        spelling_offer(&spelling, day_names[i]);
        for (int k = 0; k < 7; k++) {
            (void)snprintf(ranges[i][k], KEY_SIZE, "%s-%s", day_names[i], day_names[k]);
            spelling_offer(&spelling, ranges[i][k]);
        }
    }
    return conf_error(reader, &place, err, "unknown key \"%.*s\"%s", STR_ARGS(child->key),
                      spelling_hint(&spelling, hint));
}

/* "HH:MM" off the front of *text. */
static bool take_time(struct str *text, int32_t *ret_s)
{
    const char *t = text->data;
    int32_t hour, minute;

    if (text->size < 5 || t[2] != ':') {
        return false;
    }
    for (size_t i = 0; i < 5; i++) {
        if (i != 2 && (t[i] < '0' || t[i] > '9')) {
            return false;
        }
    }
    hour = (t[0] - '0') * 10 + t[1] - '0';
    minute = (t[3] - '0') * 10 + t[4] - '0';
    *ret_s = hour * 3600 + minute * 60;
    *text = str_of(t + 5, text->size - 5);
    return minute <= 59 && *ret_s <= 86400;
}

static bool take_char(struct str *text, char c)
{
    if (text->size == 0 || text->data[0] != c) {
        return false;
    }
    *text = str_of(text->data + 1, text->size - 1);
    return true;
}

static bool take_range(struct str *text, struct hours_range *ret_range)
{
    while (take_char(text, ' ')) {
    }
    if (!take_time(text, &ret_range->from_s) || !take_char(text, '-') ||
        !take_time(text, &ret_range->to_s)) {
        return false;
    }
    while (take_char(text, ' ')) {
    }
    return text->size == 0 || take_char(text, ',');
}

/* Keeps them ascending. False: it overlaps one that is there, or there is no room. */
static bool add_range(struct hours_range *ranges, size_t *count, struct hours_range range)
{
    size_t place = *count;

    if (*count == HOURS_RANGES_MAX) {
        return false;
    }
    while (place > 0 && ranges[place - 1].from_s >= range.from_s) {
        place--;
    }
    if ((place > 0 && ranges[place - 1].to_s > range.from_s) ||
        (place < *count && ranges[place].from_s < range.to_s)) {
        return false;
    }
    memmove(&ranges[place + 1], &ranges[place], (*count - place) * sizeof(ranges[0]));
    ranges[place] = range;
    (*count)++;
    return true;
}

static enum err_code check_range(struct conf_reader *reader, const struct conf_node *node,
                                 struct hours_range range, struct err *err)
{
    int from = range.from_s / 60;
    int to = range.to_s / 60;

    if (range.from_s < range.to_s) {
        return ERR_OK;
    }
    if (to == 0 || from == to) {
        return conf_error(reader, node, err,
                          "%.*s: %02d:%02d-%02d:%02d has no time in it; a day ends at 24:00",
                          STR_ARGS(node->key), from / 60, from % 60, to / 60, to % 60);
    }
    return conf_error(reader, node, err,
                      "%.*s: %02d:%02d-%02d:%02d passes midnight; write it as two: "
                      "%02d:%02d-24:00, and 00:00-%02d:%02d for the day after",
                      STR_ARGS(node->key), from / 60, from % 60, to / 60, to % 60, from / 60,
                      from % 60, to / 60, to % 60);
}

static enum err_code add_to_days(struct conf_reader *reader, const struct conf_node *node,
                                 struct service_hours *hours, struct hours_range range,
                                 struct err *err)
{
    int day, last;

    CHECK(parse_days(node->key, &day, &last));
    for (;; day = (day + 1) % 7) {
        if (hours->weekdays[day].count == HOURS_RANGES_MAX) {
            return conf_error(reader, node, err, "%.*s: more than %d ranges on %s",
                              STR_ARGS(node->key), HOURS_RANGES_MAX, day_names[day]);
        }
        if (!add_range(hours->weekdays[day].ranges, &hours->weekdays[day].count, range)) {
            return conf_error(reader, node, err, "%.*s: %s has some of these hours already",
                              STR_ARGS(node->key), day_names[day]);
        }
        if (day == last) {
            return ERR_OK;
        }
    }
}

static enum err_code read_days(struct conf_reader *reader, const struct conf_node *node,
                               struct service_hours *hours, struct err *err)
{
    struct str text = node->text;
    bool more = true;
    enum err_code code = ERR_OK;

    if (node->kind != CONF_SCALAR) {
        return conf_error(reader, node, err, "%.*s: a single value is wanted, not %s",
                          STR_ARGS(node->key), conf_kind_name(node));
    }
    while (code == ERR_OK && more) {
        struct hours_range range;

        if (!take_range(&text, &range)) {
            return conf_error(reader, node, err,
                              "%.*s: \"%.*s\" is not hours such as 08:00-18:00 or "
                              "08:00-12:00, 13:00-24:00",
                              STR_ARGS(node->key), STR_ARGS(node->text));
        }
        more = node->text.data[node->text.size - text.size - 1] == ',';
        code = check_range(reader, node, range, err);
        if (code == ERR_OK) {
            code = add_to_days(reader, node, hours, range, err);
        }
    }
    return code;
}

static int compare_days(const void *a, const void *b)
{
    const int64_t *left = a;
    const int64_t *right = b;

    return (*left > *right) - (*left < *right);
}

static enum err_code read_holiday(struct conf_reader *reader, const struct conf_node *node,
                                  struct service_hours *hours, struct err *err)
{
    static const struct conf_row row = {
        .key = "holidays", .type = CONF_DATE, .size = sizeof(struct conf_date)};
    struct conf_date date;
    int64_t day;
    enum err_code code = conf_row_read(reader, &row, node, &date, err);

    if (code != ERR_OK) {
        return code;
    }
    day = civil_days(date.year, date.month, date.day);
    for (size_t i = 0; i < hours->holiday_count; i++) {
        if (hours->holidays[i] == day) {
            return conf_error(reader, node, err, "holidays: %.*s occurs twice",
                              STR_ARGS(node->text));
        }
    }
    hours->holidays[hours->holiday_count++] = day;
    return ERR_OK;
}

static enum err_code read_holidays(struct conf_reader *reader, const struct conf_node *node,
                                   struct service_hours *hours, struct err *err)
{
    if (node->kind != CONF_LIST) {
        return conf_error(reader, node, err, "holidays: a list is wanted, not %s",
                          conf_kind_name(node));
    }
    if (node->count > HOLIDAYS_MAX) {
        return conf_error(reader, node, err, "holidays: more than %d", HOLIDAYS_MAX);
    }
    hours->holidays = arena_calloc(reader->arena, node->count, sizeof(hours->holidays[0]));
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        enum err_code code = read_holiday(reader, child, hours, err);

        if (code != ERR_OK) {
            return code;
        }
    }
    if (hours->holiday_count > 0) {
        qsort(hours->holidays, hours->holiday_count, sizeof(hours->holidays[0]), compare_days);
    }
    return ERR_OK;
}

/* Ranges that touch are one, so that hours which mean the same are the same. */
static void join(struct service_hours *hours)
{
    for (int day = 0; day < 7; day++) {
        struct hours_range *ranges = hours->weekdays[day].ranges;
        size_t kept = 0;

        for (size_t i = 0; i < hours->weekdays[day].count; i++) {
            if (kept > 0 && ranges[kept - 1].to_s == ranges[i].from_s) {
                ranges[kept - 1].to_s = ranges[i].to_s;
            } else {
                ranges[kept++] = ranges[i];
            }
        }
        hours->weekdays[day].count = kept;
    }
}

static enum err_code read_hours(struct conf_reader *reader, const struct conf_row *row,
                                const struct conf_node *node, void *target, struct err *err)
{
    struct contract *contract = target;
    struct service_hours *hours = arena_calloc(reader->arena, 1, sizeof(*hours));
    bool any = false;

    if (node->kind != CONF_MAP) {
        return conf_error(reader, node, err, "%s: a table is wanted, not %s", row->key,
                          conf_is_null(node) ? "nothing" : conf_kind_name(node));
    }
    for (const struct conf_node *child = node->first; child != NULL; child = child->next) {
        bool holidays = str_equal(child->key, STR("holidays"));
        int first, last;
        enum err_code code;

        if (!holidays && !parse_days(child->key, &first, &last)) {
            return unknown_key(reader, child, err);
        }
        code = holidays ? read_holidays(reader, child, hours, err)
                        : read_days(reader, child, hours, err);
        if (code != ERR_OK) {
            return code;
        }
        any = any || !holidays;
    }
    if (!any) {
        return conf_error(reader, node, err, "%s: no day has hours; without this key all have",
                          row->key);
    }
    join(hours);
    contract->hours = hours;
    return ERR_OK;
}

static void hours_schema(struct json_writer *json)
{
    json_bool(json, "additionalProperties", false);
    json_open_object(json, "patternProperties");
    json_open_object(json, "^[a-z]{3}(-[a-z]{3})?$");
    json_text(json, "pattern",
              "^ *[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9] *"
              "(, *[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9] *)*$");
    json_text(json, "type", "string");
    json_close(json);
    json_close(json);
    json_open_object(json, "properties");
    json_open_object(json, "holidays");
    json_open_object(json, "items");
    json_text(json, "format", "date");
    json_text(json, "type", "string");
    json_close(json);
    json_text(json, "type", "array");
    json_close(json);
    json_close(json);
    json_text(json, "type", "object");
}

const struct conf_custom conf_service_hours = {
    .read = read_hours,
    .schema = hours_schema,
    .form = "`{mon-fri: \"08:00-18:00\", sat: \"..\", holidays: [2026-12-25]}`"};
