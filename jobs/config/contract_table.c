/*
 * contracts[]: docs/sla-methods.md, field by field. Its sections have files of their own.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

const struct conf_choice partial_choices[] = {{"pro_rata", PARTIAL_PRO_RATA, false},
                                              {"deemed_up", PARTIAL_DEEMED_UP, false},
                                              {NULL, 0, false}};

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
     CONF_PRESENT(struct contract, has_fee),
     .maximum = INT64_C(1000000000000),
     .help = "per period, in the major unit"},
    {.key = "period",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &conf_period,
     .fallback = "month",
     .help = "what is measured"},
    {.key = "valid_from",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct contract, valid_from_s, int64_t),
     .custom = &conf_local_date,
     .help = "first local day"},
    {.key = "valid_until",
     .type = CONF_CUSTOM,
     CONF_FIELD(struct contract, valid_until_s, int64_t),
     .custom = &conf_local_date,
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
     .choices = partial_choices,
     .fallback = "pro_rata",
     .help = "a period that is valid in part: measured on that part, or the rest is up"},
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
    {.key = "service_hours",
     .type = CONF_CUSTOM,
     CONF_SELF,
     .custom = &conf_service_hours,
     .help = "local wall time outside of which nothing is measured; default: always"},
    {.key = "latency",
     .type = CONF_TABLE,
     CONF_FIELD(struct contract, latency, struct latency_terms),
     .table = &latency_level_table,
     CONF_PRESENT(struct contract, latency.present),
     .help = "second level: share of the slices that are fast enough"},
};

static void init_contract(struct conf_reader *reader, void *target)
{
    struct contract *contract = target;

    (void)reader;
    contract->valid_from_s = INT64_MIN;
    contract->valid_until_s = INT64_MAX;
    contract->fee = rational_make(0, 1);
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

/* Ratios of requests cannot be laid over each other moment by moment. */
static enum err_code check_pool(struct conf_reader *reader, const struct conf_node *availability,
                                const struct contract *contract, struct err *err)
{
    static const bool by_moment[METHOD_COUNT] = {
        [METHOD_STATE_TIME] = true,      [METHOD_TIME_SLICES] = true,
        [METHOD_BAD_MINUTE_RUNS] = true, [METHOD_TOTAL_FAILURE_RUNS] = true,
        [METHOD_PROPORTIONAL] = true,
    };
    enum sla_method method = contract->availability.method;
    enum pool pool = contract->availability.pool;

    if (contract->service_count > 1 && pool == POOL_NONE) {
        return conf_error(reader, availability, err,
                          "availability: \"pool\" is required with several services");
    }
    if (!by_moment[method] && (pool == POOL_ALL_REQUIRED || pool == POOL_ANY_ENOUGH)) {
        return conf_error(reader, conf_child(availability, "pool"), err,
                          "pool: method %s allows per_service and sum only",
                          conf_choice_name(method_choices, method));
    }
    return ERR_OK;
}

/* Amounts alone can be credited without a fee; everything else is a part of it. */
static bool needs_fee(const struct credit_terms *credits)
{
    for (size_t i = 0; i < credits->tier_count; i++) {
        if (credits->tiers[i].kind != CREDIT_AMOUNT) {
            return true;
        }
    }
    return credits->proportional || credits->has_cap;
}

static enum err_code check_money(struct conf_reader *reader, const struct conf_node *node,
                                 struct contract *contract, struct err *err)
{
    const struct conf_node *fee = conf_child(node, "fee");
    const struct conf_node *credits = conf_child(node, "credits");

    if (fee != NULL && contract->currency == NULL) {
        return conf_error(reader, fee, err, "fee needs \"currency\"");
    }
    if (credits != NULL && fee == NULL && needs_fee(&contract->credits)) {
        return conf_error(reader, credits, err, "credits need \"fee\"");
    }
    if (credits != NULL && contract->currency == NULL) {
        return conf_error(reader, credits, err, "credits need \"currency\"");
    }
    if (fee == NULL && credits == NULL) {
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
