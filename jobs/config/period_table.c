/*
 * Time in a contract: contracts[].period, valid_from and valid_until.
 */
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

enum { ROLLING_DAYS_MAX = 366 };

const struct conf_choice period_choices[] = {{"month", PERIOD_MONTH, false},
                                             {"quarter", PERIOD_QUARTER, false},
                                             {"year", PERIOD_YEAR, false},
                                             {NULL, 0, false}};

static const struct conf_row rolling_rows[] = {
    {.key = "rolling",
     .type = CONF_DURATION,
     .required = true,
     .size = sizeof(int64_t),
     .minimum = NS_PER_DAY,
     .maximum = ROLLING_DAYS_MAX * NS_PER_DAY,
     .help = "whole local days"},
};
static const struct conf_table rolling_table = {.name = "period", CONF_ROWS(rolling_rows)};

static enum err_code read_rolling(struct conf_reader *reader, const struct conf_node *node,
                                  struct contract *contract, struct err *err)
{
    int64_t duration_ns;
    const struct conf_node *rolling;
    enum err_code code = conf_table_read(reader, &rolling_table, node, &duration_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    rolling = conf_child(node, "rolling");
    if (duration_ns % NS_PER_DAY != 0) {
        return conf_error(reader, rolling, err, "rolling: %.*s is not a number of whole days",
                          STR_ARGS(rolling->text));
    }
    contract->period = PERIOD_ROLLING;
    contract->rolling_days = (int32_t)(duration_ns / NS_PER_DAY);
    return ERR_OK;
}

static enum err_code read_period(struct conf_reader *reader, const struct conf_row *row,
                                 const struct conf_node *node, void *target, struct err *err)
{
    struct contract *contract = target;
    struct conf_row word = {.key = row->key,
                            .type = CONF_ENUM,
                            .size = sizeof(contract->period),
                            .choices = period_choices};

    if (node->kind == CONF_MAP) {
        return read_rolling(reader, node, contract, err);
    }
    return conf_row_read(reader, &word, node, &contract->period, err);
}

void period_schema(struct json_writer *json, const char *rolling_pattern)
{
    json_open_array(json, "anyOf");
    json_open_object(json, NULL);
    json_open_array(json, "enum");
    for (const struct conf_choice *choice = period_choices; choice->name != NULL; choice++) {
        json_text(json, NULL, choice->name);
    }
    json_close(json);
    json_close(json);
    json_open_object(json, NULL);
    json_bool(json, "additionalProperties", false);
    json_open_object(json, "properties");
    json_open_object(json, "rolling");
    json_text(json, "pattern", rolling_pattern);
    json_text(json, "type", "string");
    json_close(json);
    json_close(json);
    json_open_array(json, "required");
    json_text(json, NULL, "rolling");
    json_close(json);
    json_text(json, "type", "object");
    json_close(json);
    json_close(json);
}

static void contract_schema(struct json_writer *json)
{
    period_schema(json, "^[0-9]+(ns|us|ms|s|m|h|d)$");
}

const struct conf_custom conf_period = {.read = read_period,
                                        .schema = contract_schema,
                                        .form = "`month`, `quarter`, `year` or `{rolling: 30d}`"};

/* UTC seconds of the local midnight; time_zone was read before. */
static enum err_code read_local_date(struct conf_reader *reader, const struct conf_row *row,
                                     const struct conf_node *node, void *target, struct err *err)
{
    const struct contract *contract = target;
    struct conf_date date;
    struct conf_row single = {.key = row->key, .type = CONF_DATE, .size = sizeof(date)};
    struct civil midnight = {.hour = 0};
    int64_t seconds;
    enum err_code code = conf_row_read(reader, &single, node, &date, err);

    if (code != ERR_OK) {
        return code;
    }
    if (date.year < 1970 || date.year > 2099) {
        return conf_error(reader, node, err, "%s: years 1970 to 2099 are supported", row->key);
    }
    midnight.year = date.year;
    midnight.month = date.month;
    midnight.day = date.day;
    seconds = zone_from_local(contract->zone, &midnight);
    memcpy((char *)target + row->offset, &seconds, sizeof(seconds));
    return ERR_OK;
}

static void date_schema(struct json_writer *json)
{
    json_text(json, "format", "date");
    json_text(json, "type", "string");
}

const struct conf_custom conf_local_date = {
    .read = read_local_date, .schema = date_schema, .form = "date"};
