#include "jobs/config/contract.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/json.h"

enum { VALUE_SIZE_MAX = 128, DURATION_SIZE = 32 };

/* The largest unit that fits without rest: equal durations are written alike, however they were spelled. */
static void write_duration(struct json_writer *json, const char *key, int64_t duration_ns)
{
    static const struct {
        int64_t ns;
        const char *unit;
    } units[] = {{NS_PER_DAY, "d"},    {NS_PER_HOUR, "h"}, {NS_PER_MINUTE, "m"},
                 {NS_PER_SECOND, "s"}, {NS_PER_MS, "ms"},  {1, "ns"}};
    char text[DURATION_SIZE] = "0s";

    for (size_t i = 0; duration_ns != 0 && i < ARRAY_COUNT(units); i++) {
        if (duration_ns % units[i].ns == 0) {
            (void)snprintf(text, sizeof(text), "%" PRId64 "%s", duration_ns / units[i].ns,
                           units[i].unit);
            break;
        }
    }
    json_text(json, key, text);
}

static void write_decimal(struct json_writer *json, const char *key, struct rational value)
{
    struct strbuf text;

    strbuf_init(&text, VALUE_SIZE_MAX);
    rational_format_exact(&text, value);
    json_str(json, key, strbuf_view(&text));
    strbuf_release(&text);
}

static void write_percent(struct json_writer *json, const char *key, struct rational value)
{
    write_decimal(json, key, rational_multiply(value, rational_make(100, 1)));
}

/* The local date of a midnight. */
static void write_date(struct json_writer *json, const char *key, const struct contract *contract,
                       int64_t utc_seconds)
{
    struct civil local = zone_to_local(contract->zone, utc_seconds);
    char text[DURATION_SIZE];

    (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", (int)local.year, (int)local.month,
                   (int)local.day);
    json_text(json, key, text);
}

static void write_availability(struct json_writer *json, const struct availability *availability)
{
    static const char *const methods[] = {
        [METHOD_STATE_TIME] = "state_time", [METHOD_REQUEST_RATIO] = "request_ratio"};
    static const char *const pools[] = {[POOL_PER_SERVICE] = "per_service",
                                        [POOL_SUM] = "sum",
                                        [POOL_ALL_REQUIRED] = "all_required",
                                        [POOL_ANY_ENOUGH] = "any_enough"};
    static const char *const rules[] = {
        [UNKNOWN_EXCLUDE] = "exclude", [UNKNOWN_UP] = "up", [UNKNOWN_DOWN] = "down"};
    bool by_time = availability->method == METHOD_STATE_TIME;

    json_open_object(json, "availability");
    if (by_time) {
        write_duration(json, "absorb", availability->absorb_ns);
    } else {
        write_decimal(json, "degraded_weight", availability->degraded_weight);
    }
    json_text(json, "method", methods[availability->method]);
    if (by_time) {
        write_duration(json, "min_outage", availability->min_outage_ns);
    }
    if (availability->pool != POOL_NONE) {
        json_text(json, "pool", pools[availability->pool]);
    }
    write_percent(json, "target", availability->target);
    json_open_object(json, "unknown");
    json_text(json, "no_traffic", rules[availability->unknown[GRADE_NO_TRAFFIC]]);
    json_text(json, "not_provisioned", rules[availability->unknown[GRADE_NOT_PROVISIONED]]);
    json_text(json, "pipeline_gap", rules[availability->unknown[GRADE_PIPELINE_GAP]]);
    json_text(json, "probe_down", rules[availability->unknown[GRADE_PROBE_DOWN]]);
    json_close(json);
    if (by_time) {
        json_open_object(json, "weights");
        write_decimal(json, "degraded", availability->weights[GRADE_DEGRADED]);
        write_decimal(json, "major", availability->weights[GRADE_MAJOR]);
        write_decimal(json, "partial", availability->weights[GRADE_PARTIAL]);
        json_close(json);
    }
    json_close(json);
}

static void write_credits(struct json_writer *json, const struct credit_terms *credits)
{
    json_open_object(json, "credits");
    if (credits->has_cap) {
        json_open_object(json, "cap");
        write_percent(json, "percent", credits->cap);
        json_close(json);
    }
    write_duration(json, "claim_within", credits->claim_within_ns);
    if (credits->has_minimum) {
        json_open_object(json, "minimum");
        write_decimal(json, "more_than", credits->minimum_more_than);
        json_close(json);
    }
    json_text(json, "rounding", credits->rounding == ROUND_HALF_EVEN ? "half_even" : "half_up");
    json_open_array(json, "tiers");
    for (size_t i = 0; i < credits->tier_count; i++) {
        json_open_object(json, NULL);
        write_percent(json, "below", credits->tiers[i].below);
        write_percent(json, "percent", credits->tiers[i].value);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static void write_maintenance(struct json_writer *json, const struct maintenance_terms *terms)
{
    static const char *const rules[] = {
        [EXCLUDED_NONE] = "none", [EXCLUDED_REMOVE] = "remove", [EXCLUDED_FORGIVE] = "forgive"};

    json_open_object(json, "maintenance");
    json_text(json, "excluded", rules[terms->excluded]);
    write_duration(json, "notice", terms->notice_ns);
    if (terms->quota_ns >= 0 || terms->quota_windows >= 0) {
        json_open_object(json, "quota");
        if (terms->quota_ns >= 0) {
            json_int64(json, "minutes", terms->quota_ns / NS_PER_MINUTE);
        }
        if (terms->quota_windows >= 0) {
            json_int64(json, "windows", terms->quota_windows);
        }
        json_close(json);
    }
    json_close(json);
}

void contract_write_terms(struct json_writer *json, const char *key,
                          const struct contract *contract)
{
    json_open_object(json, key);
    write_availability(json, &contract->availability);
    if (contract->credits.present) {
        write_credits(json, &contract->credits);
    }
    if (contract->currency != NULL) {
        json_text(json, "currency", contract->currency->code);
    }
    json_str(json, "customer", contract->customer);
    json_int64(json, "digits", contract->digits);
    if (contract->currency != NULL) {
        write_decimal(json, "fee", contract->fee);
    }
    write_duration(json, "grace", contract->grace_ns);
    json_str(json, "id", contract->id);
    write_maintenance(json, &contract->maintenance);
    json_text(json, "partial_period",
              contract->partial_period == PARTIAL_PRO_RATA ? "pro_rata" : "deemed_up");
    json_text(json, "period", "month");
    json_open_array(json, "services");
    for (size_t i = 0; i < contract->service_count; i++) {
        json_str(json, NULL, contract->services[i]);
    }
    json_close(json);
    json_text(json, "time_zone", zone_name(contract->zone));
    if (contract->valid_from_s != INT64_MIN) {
        write_date(json, "valid_from", contract, contract->valid_from_s);
    }
    if (contract->valid_until_s != INT64_MAX) {
        write_date(json, "valid_until", contract, contract->valid_until_s);
    }
    json_close(json);
}
