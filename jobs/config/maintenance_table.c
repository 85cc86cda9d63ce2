/*
 * contracts[].maintenance: what announced maintenance is worth.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

const struct conf_choice excluded_choices[] = {{"none", EXCLUDED_NONE, false},
                                               {"remove", EXCLUDED_REMOVE, false},
                                               {"forgive", EXCLUDED_FORGIVE, false},
                                               {NULL, 0, false}};

static enum err_code read_quota_minutes(struct conf_reader *reader, const struct conf_row *row,
                                        const struct conf_node *node, void *target, struct err *err)
{
    struct maintenance_terms *terms = target;
    int64_t minutes;
    struct conf_row integer = {.key = row->key,
                               .type = CONF_INTEGER,
                               .size = sizeof(minutes),
                               .minimum = 0,
                               .maximum = 10 * 366 * 24 * 60};
    enum err_code code = conf_row_read(reader, &integer, node, &minutes, err);

    if (code == ERR_OK) {
        terms->quota_ns = minutes * NS_PER_MINUTE;
    }
    return code;
}

static void integer_schema(struct json_writer *json)
{
    json_int64(json, "minimum", 0);
    json_text(json, "type", "integer");
}

static const struct conf_custom quota_minutes = {
    .read = read_quota_minutes, .schema = integer_schema, .form = "integer"};

static const struct conf_row quota_rows[] = {
    {.key = "windows",
     .type = CONF_INTEGER,
     CONF_FIELD(struct maintenance_terms, quota_windows, int64_t),
     .minimum = 0,
     .maximum = 1000000,
     .help = "windows per period that may be excluded"},
    {.key = "minutes",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &quota_minutes,
     .help = "minutes per period that may be excluded"},
};
static const struct conf_table quota_table = {.name = "quota", CONF_ROWS(quota_rows)};

static const struct conf_row maintenance_rows[] = {
    {.key = "notice",
     .type = CONF_DURATION,
     CONF_FIELD(struct maintenance_terms, notice_ns, int64_t),
     .fallback = "0s",
     .maximum = 366 * NS_PER_DAY,
     .help = "how long before its start maintenance must be announced"},
    {.key = "excluded",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct maintenance_terms, excluded, enum excluded_rule),
     .choices = excluded_choices,
     .help = "whether announced maintenance is taken out, forgiven or counted"},
    {.key = "quota",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &quota_table,
     .help = "limits; without it none"},
};

static void init_maintenance(struct conf_reader *reader, void *target)
{
    struct maintenance_terms *terms = target;

    (void)reader;
    terms->quota_windows = -1;
    terms->quota_ns = -1;
}

const struct conf_table maintenance_table = {
    .name = "maintenance", CONF_ROWS(maintenance_rows), .init = init_maintenance};
