/*
 * contracts[]: docs/sla-methods.md, field by field. What that page has and this version has not is known, and refused by name.
 */
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

static const struct conf_choice methods[] = {{"state_time", METHOD_STATE_TIME, false},
                                             {"request_ratio", METHOD_REQUEST_RATIO, false},
                                             {"time_slices", 0, true},
                                             {"ratio_time_slices", 0, true},
                                             {"bad_minute_runs", 0, true},
                                             {"total_failure_runs", 0, true},
                                             {"mean_interval_errors", 0, true},
                                             {"proportional", 0, true},
                                             {NULL, 0, false}};
static const struct conf_choice pools[] = {{"per_service", POOL_PER_SERVICE, false},
                                           {"sum", POOL_SUM, false},
                                           {"all_required", POOL_ALL_REQUIRED, false},
                                           {"any_enough", POOL_ANY_ENOUGH, false},
                                           {NULL, 0, false}};
static const struct conf_choice unknown_rules[] = {{"exclude", UNKNOWN_EXCLUDE, false},
                                                   {"up", UNKNOWN_UP, false},
                                                   {"down", UNKNOWN_DOWN, false},
                                                   {NULL, 0, false}};
static const struct conf_choice excluded_rules[] = {{"none", EXCLUDED_NONE, false},
                                                    {"remove", EXCLUDED_REMOVE, false},
                                                    {"forgive", EXCLUDED_FORGIVE, false},
                                                    {NULL, 0, false}};
static const struct conf_choice partial_periods[] = {{"pro_rata", PARTIAL_PRO_RATA, false},
                                                     {"deemed_up", PARTIAL_DEEMED_UP, false},
                                                     {NULL, 0, false}};
/* availability */

static const struct conf_row weight_rows[] = {
    {.key = "degraded",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_DEGRADED], struct rational),
     .help = "share of the time of degraded performance that is lost"},
    {.key = "partial",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_PARTIAL], struct rational),
     .help = "of partial outages"},
    {.key = "major",
     .type = CONF_RATIO,
     .required = true,
     CONF_FIELD(struct availability, weights[GRADE_MAJOR], struct rational),
     .help = "of major outages"},
};
static const struct conf_table weight_table = {.name = "weights", CONF_ROWS(weight_rows)};

#define UNKNOWN_ROW(name, grade, text)                                                             \
    {                                                                                              \
        .key = name, .type = CONF_ENUM, .required = true,                                          \
        CONF_FIELD(struct availability, unknown[grade], enum unknown_rule),                        \
        .choices = unknown_rules, .help = text                                                     \
    }

static const struct conf_row unknown_rows[] = {
    UNKNOWN_ROW("no_traffic", GRADE_NO_TRAFFIC, "minutes without events of this service"),
    UNKNOWN_ROW("probe_down", GRADE_PROBE_DOWN, "minutes in which the checker was silent"),
    UNKNOWN_ROW("pipeline_gap", GRADE_PIPELINE_GAP, "minutes whose events are missing"),
    UNKNOWN_ROW("not_provisioned", GRADE_NOT_PROVISIONED, "time before the first event"),
};
static const struct conf_table unknown_table = {.name = "unknown", CONF_ROWS(unknown_rows)};

static const struct conf_row availability_rows[] = {
    {.key = "target",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct availability, target, struct rational),
     .help = "uptime that was agreed"},
    {.key = "method",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct availability, method, enum sla_method),
     .choices = methods,
     .help = "how uptime is measured"},
    {.key = "weights",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &weight_table,
     .help = "state_time: required there"},
    {.key = "min_outage",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct availability, min_outage_ns, int64_t),
     .fallback = "0s",
     .maximum = 31 * NS_PER_DAY,
     .help = "state_time: shorter outages count as up"},
    {.key = "absorb",
     .situational = true,
     .type = CONF_DURATION,
     CONF_FIELD(struct availability, absorb_ns, int64_t),
     .fallback = "0s",
     .maximum = 31 * NS_PER_DAY,
     .help = "state_time: intervals as short as this take the state that stands on both sides"},
    {.key = "degraded_weight",
     .situational = true,
     .type = CONF_RATIO,
     CONF_FIELD(struct availability, degraded_weight, struct rational),
     .fallback = "0",
     .help = "request_ratio: share of a slow request that is lost"},
    {.key = "pool",
     .type = CONF_ENUM,
     CONF_FIELD(struct availability, pool, enum pool),
     .choices = pools,
     .help = "how several services become one figure; required with several"},
    {.key = "unknown",
     .type = CONF_TABLE,
     .required = true,
     CONF_SELF,
     .table = &unknown_table,
     .help = "what unknown time counts as"},
    {.key = "slice", .type = CONF_LATER},
    {.key = "max_error_ratio", .type = CONF_LATER},
    {.key = "max_slow_ratio", .type = CONF_LATER},
    {.key = "latency", .type = CONF_LATER},
    {.key = "min_run", .type = CONF_LATER},
    {.key = "all_failed", .type = CONF_LATER},
    {.key = "min_requests", .type = CONF_LATER},
    {.key = "min_requests_per", .type = CONF_LATER},
    {.key = "interval", .type = CONF_LATER},
};

/* Fields that belong to one method only. */
static const struct {
    const char *key;
    enum sla_method method;
} method_keys[] = {
    {"weights", METHOD_STATE_TIME},
    {"min_outage", METHOD_STATE_TIME},
    {"absorb", METHOD_STATE_TIME},
    {"degraded_weight", METHOD_REQUEST_RATIO},
};

static void init_availability(struct conf_reader *reader, void *target)
{
    struct availability *availability = target;

    (void)reader;
    for (int i = 0; i <= GRADE_MAJOR; i++) {
        availability->weights[i] = rational_make(0, 1);
    }
}

static enum err_code check_availability(struct conf_reader *reader, const struct conf_node *node,
                                        void *target, struct err *err)
{
    const struct availability *availability = target;

    for (size_t i = 0; i < ARRAY_COUNT(method_keys); i++) {
        const struct conf_node *child = conf_child(node, method_keys[i].key);
        struct conf_node place;

        if (child == NULL || method_keys[i].method == availability->method) {
            continue;
        }
        place = (struct conf_node){.line = child->key_line, .column = child->key_column};
        return conf_error(reader, &place, err, "\"%s\" is only for method %s", method_keys[i].key,
                          method_keys[i].method == METHOD_STATE_TIME ? "state_time"
                                                                     : "request_ratio");
    }
    if (availability->method == METHOD_STATE_TIME && conf_child(node, "weights") == NULL) {
        return conf_error(reader, node, err, "availability: method state_time needs \"weights\"");
    }
    return ERR_OK;
}

static const struct conf_table availability_table = {
    .name = "availability",
    CONF_ROWS(availability_rows),
    .init = init_availability,
    .check = check_availability,
};

/* maintenance */

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
     .choices = excluded_rules,
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

static const struct conf_table maintenance_table = {
    .name = "maintenance", CONF_ROWS(maintenance_rows), .init = init_maintenance};

/* The contract. */

static enum err_code read_period(struct conf_reader *reader, const struct conf_row *row,
                                 const struct conf_node *node, void *target, struct err *err)
{
    static const struct conf_choice periods[] = {
        {"month", 0, false}, {"quarter", 0, true}, {"year", 0, true}, {NULL, 0, false}};
    struct conf_row word = {.key = row->key, .type = CONF_ENUM, .choices = periods};

    if (conf_child(node, "rolling") != NULL) {
        return conf_error(reader, node, err, "period \"rolling\" is not supported by this version");
    }
    return conf_row_read(reader, &word, node, target, err);
}

static void period_schema(struct json_writer *json)
{
    json_open_array(json, "enum");
    json_text(json, NULL, "month");
    json_close(json);
}

static const struct conf_custom period = {
    .read = read_period, .schema = period_schema, .form = "month"};

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

static const struct conf_custom local_date = {
    .read = read_local_date, .schema = date_schema, .form = "date"};

static const struct conf_row contract_rows[] = {
    {.key = "id",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct contract, id, struct str),
     .help = "name of the contract; versions that follow each other share it"},
    {.key = "customer",
     .type = CONF_NAME,
     CONF_FIELD(struct contract, customer, struct str),
     .help = "whom statements address; default: id"},
    {.key = "services",
     .type = CONF_ARRAY,
     .required = true,
     CONF_FIELD(struct contract, services, struct str *),
     .count_offset = CONF_OFFSET(struct contract, service_count, size_t),
     .element = CONF_NAME,
     .minimum = 1,
     .maximum = 1000,
     .help = "services that the contract covers"},
    {.key = "time_zone",
     .type = CONF_ZONE,
     .required = true,
     CONF_FIELD(struct contract, zone, const struct zone *),
     .help = "whose months are measured"},
    {.key = "digits",
     .type = CONF_INTEGER,
     CONF_FIELD(struct contract, digits, int),
     .fallback = "3",
     .minimum = 0,
     .maximum = 9,
     .help = "of displayed percents"},
    {.key = "currency",
     .type = CONF_CURRENCY,
     CONF_FIELD(struct contract, currency, const struct currency *),
     .help = "ISO 4217; required if there is a fee"},
    {.key = "fee",
     .type = CONF_DECIMAL,
     CONF_FIELD(struct contract, fee, struct rational),
     .maximum = INT64_C(1000000000000),
     .help = "per period, in the major unit"},
    {.key = "period",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &period,
     .fallback = "month",
     .help = "what is measured"},
    {.key = "valid_from",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct contract, valid_from_s, int64_t),
     .custom = &local_date,
     .help = "first local day"},
    {.key = "valid_until",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct contract, valid_until_s, int64_t),
     .custom = &local_date,
     .help = "first local day on which it is no longer valid"},
    {.key = "grace",
     .type = CONF_DURATION,
     CONF_FIELD(struct contract, grace_ns, int64_t),
     .fallback = "0s",
     .maximum = 366 * NS_PER_DAY,
     .help = "after the period's end, before a statement is issued"},
    {.key = "partial_period",
     .type = CONF_ENUM,
     CONF_FIELD(struct contract, partial_period, enum partial_period),
     .choices = partial_periods,
     .fallback = "pro_rata",
     .help = "a month that is valid in part: measured on that part, or the rest is up"},
    {.key = "availability",
     .type = CONF_TABLE,
     .required = true,
     CONF_FIELD(struct contract, availability, struct availability),
     .table = &availability_table,
     .help = "target and method"},
    {.key = "maintenance",
     .type = CONF_TABLE,
     CONF_FIELD(struct contract, maintenance, struct maintenance_terms),
     .table = &maintenance_table,
     .help = "without it maintenance counts"},
    {.key = "credits",
     .type = CONF_TABLE,
     CONF_FIELD(struct contract, credits, struct credit_terms),
     .table = &credit_table,
     CONF_PRESENT(struct contract, credits.present),
     .help = "what a missed target costs"},
    {.key = "service_hours", .type = CONF_LATER},
    {.key = "latency", .type = CONF_LATER},
};

static void init_contract(struct conf_reader *reader, void *target)
{
    struct contract *contract = target;

    (void)reader;
    contract->valid_from_s = INT64_MIN;
    contract->valid_until_s = INT64_MAX;
    contract->fee = rational_make(0, 1);
    contract->credits.minimum_more_than = rational_make(0, 1);
    contract->credits.cap = rational_make(0, 1);
}

static enum err_code check_services(struct conf_reader *reader, const struct conf_node *node,
                                    const struct contract *contract, struct err *err)
{
    const struct conf_node *child = conf_child(node, "services")->first;

    for (size_t i = 0; i < contract->service_count; i++, child = child->next) {
        for (size_t j = 0; j < i; j++) {
            if (str_equal(contract->services[i], contract->services[j])) {
                return conf_error(reader, child, err, "service \"%.*s\" occurs twice",
                                  STR_ARGS(contract->services[i]));
            }
        }
    }
    return ERR_OK;
}

static enum err_code check_pool(struct conf_reader *reader, const struct conf_node *availability,
                                const struct contract *contract, struct err *err)
{
    enum pool pool = contract->availability.pool;
    bool by_time = contract->availability.method == METHOD_STATE_TIME;

    if (contract->service_count > 1 && pool == POOL_NONE) {
        return conf_error(reader, availability, err,
                          "availability: \"pool\" is required with several services");
    }
    if (!by_time && (pool == POOL_ALL_REQUIRED || pool == POOL_ANY_ENOUGH)) {
        return conf_error(reader, conf_child(availability, "pool"), err,
                          "pool: method request_ratio allows per_service and sum only");
    }
    return ERR_OK;
}

static enum err_code check_money(struct conf_reader *reader, const struct conf_node *node,
                                 struct contract *contract, struct err *err)
{
    const struct conf_node *fee = conf_child(node, "fee");
    const struct conf_node *credits = conf_child(node, "credits");

    if (fee != NULL && contract->currency == NULL) {
        return conf_error(reader, fee, err, "fee needs \"currency\"");
    }
    if (credits != NULL && fee == NULL) {
        return conf_error(reader, credits, err, "credits need \"fee\"");
    }
    if (fee == NULL) {
        contract->currency = NULL;
    }
    return ERR_OK;
}

static enum err_code check_contract(struct conf_reader *reader, const struct conf_node *node,
                                    void *target, struct err *err)
{
    struct contract *contract = target;
    enum err_code code;

    contract->line = node->line;
    if (contract->customer.size == 0) {
        contract->customer = contract->id;
    }
    if (contract->valid_from_s >= contract->valid_until_s) {
        return conf_error(reader, conf_child(node, "valid_until"), err,
                          "valid_until must be after valid_from");
    }
    code = check_services(reader, node, contract, err);
    if (code == ERR_OK) {
        code = check_pool(reader, conf_child(node, "availability"), contract, err);
    }
    if (code == ERR_OK) {
        code = check_money(reader, node, contract, err);
    }
    return code;
}

const struct conf_table contract_table = {
    .name = "contract",
    CONF_ROWS(contract_rows),
    .size = sizeof(struct contract),
    .init = init_contract,
    .check = check_contract,
    .help = "one customer's SLA",
};
