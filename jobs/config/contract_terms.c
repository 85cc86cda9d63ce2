/*
 * The canonical terms of a contract: the same terms give the same bytes, however they were spelled. What makes no difference by the contract's method
 * is left out.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/json_numbers.h"
#include "jobs/config/hours.h"
#include "jobs/config/tables.h"

enum { DAY_SIZE_MAX = 128, DURATION_SIZE = 32 };

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

static void write_choice(struct json_writer *json, const char *key,
                         const struct conf_choice *choices, int64_t value)
{
    json_text(json, key, conf_choice_name(choices, value));
}

static void write_limit(struct json_writer *json, const char *key, const struct limit *limit)
{
    if (limit->present) {
        json_decimal(json, key, limit->value);
    }
}

static void write_unknown(struct json_writer *json, const enum unknown_rule rules[GRADE_COUNT])
{
    json_open_object(json, "unknown");
    write_choice(json, "no_traffic", unknown_choices, rules[GRADE_NO_TRAFFIC]);
    write_choice(json, "not_provisioned", unknown_choices, rules[GRADE_NOT_PROVISIONED]);
    write_choice(json, "pipeline_gap", unknown_choices, rules[GRADE_PIPELINE_GAP]);
    write_choice(json, "probe_down", unknown_choices, rules[GRADE_PROBE_DOWN]);
    json_close(json);
}

static void write_percentile(struct json_writer *json, const struct availability *availability)
{
    if (availability->percentile.present) {
        json_open_object(json, "latency");
        write_duration(json, "below", availability->below_ns);
        json_percent(json, "percentile", availability->percentile.value);
        json_close(json);
    }
}

static void write_min_requests(struct json_writer *json, const struct availability *availability)
{
    if (availability->min_requests > 0) {
        json_int64(json, "min_requests", availability->min_requests);
        write_choice(json, "min_requests_per", requests_per_choices,
                     availability->min_requests_per);
    }
}

/* Limits are there only where the method has them. */
static void write_availability(struct json_writer *json, const struct availability *availability)
{
    enum sla_method method = availability->method;
    bool by_state = method == METHOD_STATE_TIME;

    json_open_object(json, "availability");
    if (by_state) {
        write_duration(json, "absorb", availability->absorb_ns);
    }
    if (availability->all_failed) {
        json_bool(json, "all_failed", true);
    }
    if (method == METHOD_REQUEST_RATIO) {
        json_decimal(json, "degraded_weight", availability->degraded_weight);
    }
    if (method == METHOD_MEAN_INTERVAL_ERRORS) {
        write_duration(json, "interval", availability->slice_s * NS_PER_SECOND);
    }
    write_percentile(json, availability);
    write_limit(json, "max_error_ratio", &availability->max_error_ratio);
    write_limit(json, "max_slow_ratio", &availability->max_slow_ratio);
    write_choice(json, "method", method_choices, (int64_t)method);
    if (by_state) {
        write_duration(json, "min_outage", availability->min_outage_ns);
    }
    write_min_requests(json, availability);
    if (method == METHOD_BAD_MINUTE_RUNS || method == METHOD_TOTAL_FAILURE_RUNS) {
        write_duration(json, "min_run", availability->min_run_ns);
    }
    if (availability->pool != POOL_NONE) {
        write_choice(json, "pool", pool_choices, availability->pool);
    }
    if (method == METHOD_TIME_SLICES || method == METHOD_RATIO_TIME_SLICES) {
        write_duration(json, "slice", availability->slice_s * NS_PER_SECOND);
    }
    json_percent(json, "target", availability->target);
    write_unknown(json, availability->unknown);
    if (by_state) {
        json_open_object(json, "weights");
        json_decimal(json, "degraded", availability->weights[GRADE_DEGRADED]);
        json_decimal(json, "major", availability->weights[GRADE_MAJOR]);
        json_decimal(json, "partial", availability->weights[GRADE_PARTIAL]);
        json_close(json);
    }
    json_close(json);
}

/* Keys in byte order: two of the three come before "below". */
static void write_tier(struct json_writer *json, const struct credit_tier *tier)
{
    json_open_object(json, NULL);
    if (tier->kind == CREDIT_AMOUNT) {
        json_decimal(json, "amount", tier->value);
    }
    json_percent(json, "below", tier->below);
    if (tier->kind == CREDIT_DAYS) {
        json_decimal(json, "days", tier->value);
    }
    if (tier->kind == CREDIT_PERCENT) {
        json_percent(json, "percent", tier->value);
    }
    json_close(json);
}

static void write_tiers(struct json_writer *json, const struct credit_terms *credits)
{
    json_open_array(json, "tiers");
    for (size_t i = 0; i < credits->tier_count; i++) {
        write_tier(json, &credits->tiers[i]);
    }
    json_close(json);
}

static void write_credits(struct json_writer *json, const struct credit_terms *credits)
{
    json_open_object(json, "credits");
    if (credits->has_cap) {
        json_open_object(json, "cap");
        json_percent(json, "percent", credits->cap);
        json_close(json);
    }
    write_duration(json, "claim_within", credits->claim_within_ns);
    if (credits->has_minimum) {
        json_open_object(json, "minimum");
        json_decimal(json, "more_than", credits->minimum_more_than);
        json_close(json);
    }
    if (credits->proportional) {
        json_open_object(json, "proportional");
        json_decimal(json, "multiplier", credits->multiplier);
        json_close(json);
    }
    write_choice(json, "rounding", rounding_choices, credits->rounding);
    if (!credits->proportional) {
        write_tiers(json, credits);
    }
    json_close(json);
}

static void write_maintenance(struct json_writer *json, const struct maintenance_terms *terms)
{
    json_open_object(json, "maintenance");
    write_choice(json, "excluded", excluded_choices, terms->excluded);
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

static void write_latency(struct json_writer *json, const struct latency_terms *latency)
{
    json_open_object(json, "latency");
    json_decimal(json, "max_slow_ratio", latency->max_slow_ratio);
    write_duration(json, "slice", latency->slice_s * NS_PER_SECOND);
    json_percent(json, "target", latency->target);
    json_close(json);
}

static void write_period(struct json_writer *json, const struct contract *contract)
{
    if (contract->period != PERIOD_ROLLING) {
        write_choice(json, "period", period_choices, contract->period);
        return;
    }
    json_open_object(json, "period");
    write_duration(json, "rolling", contract->rolling_days * NS_PER_DAY);
    json_close(json);
}

/* "08:00-12:00,13:00-24:00" */
static void write_day(struct json_writer *json, const char *key, const struct hours_range *ranges,
                      size_t count)
{
    struct strbuf text;

    strbuf_init(&text, DAY_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        int from = ranges[i].from_s / 60;
        int to = ranges[i].to_s / 60;

        strbuf_append_format(&text, "%s%02d:%02d-%02d:%02d", i > 0 ? "," : "", from / 60, from % 60,
                             to / 60, to % 60);
    }
    if (count > 0) {
        json_str(json, key, strbuf_view(&text));
    }
    strbuf_release(&text);
}

static void write_holidays(struct json_writer *json, const struct service_hours *hours)
{
    json_open_array(json, "holidays");
    for (size_t i = 0; i < hours->holiday_count; i++) {
        struct civil day = civil_from_seconds(hours->holidays[i] * 86400);
        char text[DURATION_SIZE];

        (void)snprintf(text, sizeof(text), "%04d-%02d-%02d", (int)day.year, (int)day.month,
                       (int)day.day);
        json_text(json, NULL, text);
    }
    json_close(json);
}

static void write_hours(struct json_writer *json, const struct service_hours *hours)
{
    static const struct {
        const char *key;
        int day;
    } days[] = {{"fri", 4}, {"holidays", -1}, {"mon", 0}, {"sat", 5},
                {"sun", 6}, {"thu", 3},       {"tue", 1}, {"wed", 2}};

    json_open_object(json, "service_hours");
    for (size_t i = 0; i < ARRAY_COUNT(days); i++) {
        int day = days[i].day;

        if (day >= 0) {
            write_day(json, days[i].key, hours->weekdays[day].ranges, hours->weekdays[day].count);
        } else if (hours->holiday_count > 0) {
            write_holidays(json, hours);
        }
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
    if (contract->has_fee) {
        json_decimal(json, "fee", contract->fee);
    }
    write_duration(json, "grace", contract->grace_ns);
    json_str(json, "id", contract->id);
    if (contract->latency.present) {
        write_latency(json, &contract->latency);
    }
    write_maintenance(json, &contract->maintenance);
    write_choice(json, "partial_period", partial_choices, contract->partial_period);
    write_period(json, contract);
    if (contract->hours != NULL) {
        write_hours(json, contract->hours);
    }
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
