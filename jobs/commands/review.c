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

/* A percentile of what nobody measures is never above its limit. */
static void warn_of_no_latency(const struct config *config, const struct contract *contract)
{
    for (size_t i = 0; i < config->topic_count && contract->availability.percentile.present; i++) {
        const struct topic_config *topic = &config->topics[i];

        if (topic->mapping.kind == EVENT_REQUEST && topic->mapping.latency.path_count == 0) {
            ui_warn("contract %.*s has a percentile of latency, but topic %.*s maps no latency",
                    STR_ARGS(contract->id), STR_ARGS(topic->name));
        }
    }
}

/* What only some contracts need is kept from the moment on at which a consumer knows of them. */
static void note_particulars(const struct config *config, const struct contract *contract)
{
    struct particulars_wanted wanted = contract_wanted(contract);

    (void)config;
    if (wanted.times || wanted.limit_count > 0) {
        ui_note("contract %.*s needs %s of each minute, which the store keeps of what is read "
                "under this configuration: start consumers again before its valid_from",
                STR_ARGS(contract->id),
                wanted.times ? "the first and last success and failure"
                             : "the requests above its limit of latency");
    }
}

static void (*const reviews[])(const struct config *config, const struct contract *contract) = {
    warn_of_silence, warn_of_no_requests, warn_of_no_threshold, warn_of_no_latency,
    note_particulars};

void review_contracts(const struct config *config)
{
    for (size_t i = 0; i < config->contract_count && config->topic_count > 0; i++) {
        for (size_t k = 0; k < ARRAY_COUNT(reviews); k++) {
            reviews[k](config, &config->contracts[i]);
        }
    }
}
