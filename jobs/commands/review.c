#include "jobs/commands/review.h"

#include "base/check.h"
#include "jobs/ui.h"

static bool has_topic(const struct config *config, enum event_kind kind)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (config->topics[i].mapping.kind == kind) {
            return true;
        }
    }
    return false;
}

/* Without health checks a service that is down sends nothing, and nothing is what no_traffic looks like. */
static void warn_of_silence(const struct config *config, const struct contract *contract)
{
    if (has_topic(config, EVENT_CHECK) ||
        contract->availability.unknown[GRADE_NO_TRAFFIC] == UNKNOWN_DOWN) {
        return;
    }
    for (size_t i = 0; i < contract->service_count; i++) {
        ui_warn("contract %.*s: service %.*s has no topic of health checks: "
                "an outage without requests looks like no traffic",
                STR_ARGS(contract->id), STR_ARGS(contract->services[i]));
    }
}

static bool counts_requests(const struct contract *contract)
{
    return contract->availability.method != METHOD_STATE_TIME || contract->latency.present;
}

static void warn_of_no_requests(const struct config *config, const struct contract *contract)
{
    if (counts_requests(contract) && !has_topic(config, EVENT_REQUEST)) {
        ui_warn("contract %.*s counts requests, but there is no topic of requests",
                STR_ARGS(contract->id));
    }
}

static bool counts_slow(const struct contract *contract)
{
    return contract->latency.present || contract->availability.max_slow_ratio.present ||
           contract->availability.degraded_weight.numerator != 0;
}

/* Nothing is slow where nobody has said what slow is: such a limit is always kept. */
static void warn_of_no_threshold(const struct config *config, const struct contract *contract)
{
    for (size_t i = 0; i < contract->service_count && counts_slow(contract); i++) {
        struct str service = contract->services[i];

        if (config_service(config, service)->latency_threshold_ns == LATENCY_THRESHOLD_NONE) {
            ui_warn("contract %.*s counts slow requests, but service %.*s has no "
                    "latency_threshold: none of its requests is slow",
                    STR_ARGS(contract->id), STR_ARGS(service));
        }
    }
}

static void (*const warnings[])(const struct config *config, const struct contract *contract) = {
    warn_of_silence, warn_of_no_requests, warn_of_no_threshold};

enum err_code review_contracts(const struct config *config, FILE *out, struct err *err)
{
    for (size_t i = 0; i < config->contract_count && config->topic_count > 0; i++) {
        const struct contract *contract = &config->contracts[i];
        const char *why;

        for (size_t k = 0; k < ARRAY_COUNT(warnings); k++) {
            warnings[k](config, contract);
        }
        if (contract_live(contract, &why)) {
            continue;
        }
        (void)fprintf(out, "FAIL contract  %.*s: %s\n", STR_ARGS(contract->id), why);
        if (err->code == ERR_OK) {
            (void)err_set(err, ERR_CONFIG, "%.*s:%d: contract %.*s: %s", STR_ARGS(config->path),
                          contract->line, STR_ARGS(contract->id), why);
        }
    }
    return err->code;
}
