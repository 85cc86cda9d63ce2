#include "jobs/slo/document.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/json_numbers.h"

enum { NUMBER_SIZE_MAX = 128, BAD_DECIMALS = 9, DAY_S = 24 * 60 * 60 };

const char *slo_method_name(enum slo_method method)
{
    static const char *const names[] = {[SLO_REQUEST_RATIO] = "request_ratio",
                                        [SLO_TIME_SLICES] = "time_slices",
                                        [SLO_RATIO_TIME_SLICES] = "ratio_time_slices"};

    return names[method];
}

const char *slo_period_name(enum slo_period period)
{
    static const char *const names[] = {[SLO_ROLLING] = "rolling",
                                        [SLO_MONTH] = "month",
                                        [SLO_QUARTER] = "quarter",
                                        [SLO_YEAR] = "year"};

    return names[period];
}

const char *slo_severity_name(enum slo_severity severity)
{
    static const char *const names[] = {[SLO_PAGE] = "page", [SLO_TICKET] = "ticket"};

    return names[severity];
}

struct fraction slo_percent(struct arena *arena, struct fraction value)
{
    return fraction_multiply(arena, value, fraction_of_int(arena, 100));
}

const char *slo_duration(int64_t minutes, char ret_text[SLO_DURATION_SIZE])
{
    bool days = minutes % (24 * 60) == 0;
    bool hours = minutes % 60 == 0;

    (void)snprintf(ret_text, SLO_DURATION_SIZE, "%" PRId64 "%s",
                   days    ? minutes / (24 * 60)
                   : hours ? minutes / 60
                           : minutes,
                   days    ? "d"
                   : hours ? "h"
                           : "m");
    return ret_text;
}

static void write_fraction(struct json_writer *json, const char *key, struct fraction value)
{
    json_open_object(json, key);
    json_terms(json, value);
    json_close(json);
}

static void write_floored(struct json_writer *json, const char *key, struct fraction value,
                          int digits)
{
    struct arena scratch = ARENA_INIT;
    struct strbuf text;

    strbuf_init(&text, NUMBER_SIZE_MAX);
    fraction_format(&text, slo_percent(&scratch, value), digits, ROUND_FLOOR);
    json_str(json, key, strbuf_view(&text));
    strbuf_release(&text);
    arena_release(&scratch);
}

static void write_time(struct json_writer *json, const char *key, int64_t seconds)
{
    char text[CIVIL_TEXT_SIZE];

    json_text(json, key, civil_format_rfc3339(seconds * NS_PER_SECOND, text));
}

static void write_bad(struct json_writer *json, const struct slo_burn *burn)
{
    struct strbuf text;

    strbuf_init(&text, NUMBER_SIZE_MAX);
    fraction_format_short(&text, burn->bad, BAD_DECIMALS);
    json_str(json, "bad", strbuf_view(&text));
    strbuf_release(&text);
}

/* Without anything to measure there is no rate. */
static void write_rate(struct json_writer *json, const struct slo_burn *burn)
{
    if (burn->valid > 0) {
        write_fraction(json, "rate", burn->rate);
    } else {
        json_nothing(json, "rate");
    }
}

static void write_burn(struct json_writer *json, const char *key, const struct slo_burn *burn)
{
    char text[SLO_DURATION_SIZE];

    json_open_object(json, key);
    write_bad(json, burn);
    write_rate(json, burn);
    json_int64(json, "valid", burn->valid);
    json_text(json, "window", slo_duration(burn->minutes, text));
    json_close(json);
}

static void write_alerts(struct json_writer *json, const struct slo_result *result)
{
    json_open_array(json, "alerts");
    for (size_t i = 0; i < result->alert_count; i++) {
        const struct slo_alert *alert = &result->alerts[i];

        json_open_object(json, NULL);
        json_percent(json, "budget_percent", alert->rule->budget);
        write_fraction(json, "factor", alert->factor);
        json_bool(json, "firing", alert->firing);
        write_burn(json, "long", &alert->long_burn);
        json_text(json, "severity", slo_severity_name(alert->rule->severity));
        write_burn(json, "short", &alert->short_burn);
        json_close(json);
    }
    json_close(json);
}

static void write_budget(struct json_writer *json, const struct slo *slo,
                         const struct slo_result *result)
{
    json_open_object(json, "budget");
    write_fraction(json, "consumed", result->consumed);
    write_fraction(json, "left", result->left);
    write_floored(json, "left_percent", result->left, slo->digits);
    json_percent(json, "percent", rational_subtract(rational_make(1, 1), slo->target));
    json_close(json);
}

static void write_days(struct json_writer *json, const struct slo_result *result)
{
    json_open_array(json, "days");
    for (size_t i = 0; i < result->day_count; i++) {
        const struct slo_day_burn *day = &result->days[i];
        struct civil date = civil_from_seconds(day->day * DAY_S);
        char text[SLO_DURATION_SIZE];

        (void)snprintf(text, sizeof(text), "%04" PRId32 "-%02" PRId32 "-%02" PRId32, date.year,
                       date.month, date.day);
        json_open_object(json, NULL);
        write_bad(json, &day->burn);
        json_text(json, "date", text);
        write_rate(json, &day->burn);
        json_int64(json, "valid", day->burn.valid);
        json_close(json);
    }
    json_close(json);
}

static void write_forecast(struct json_writer *json, const struct slo_result *result)
{
    static const char *const outlooks[] = {[SLO_LASTS] = "lasts",
                                           [SLO_WILL_EXHAUST] = "will_exhaust",
                                           [SLO_EXHAUSTED] = "exhausted",
                                           [SLO_OUTLOOK_UNKNOWN] = "unknown"};

    json_open_object(json, "forecast");
    if (result->outlook == SLO_WILL_EXHAUST) {
        write_time(json, "exhausted_at", result->exhausted_s);
    } else {
        json_nothing(json, "exhausted_at");
    }
    json_text(json, "outlook", outlooks[result->outlook]);
    write_burn(json, "recent", &result->recent);
    json_close(json);
}

static void write_good(struct json_writer *json, const struct slo *slo,
                       const struct slo_result *result)
{
    if (result->burn.valid == 0) {
        json_nothing(json, "good");
        return;
    }
    json_open_object(json, "good");
    json_terms(json, result->good);
    write_floored(json, "percent", result->good, slo->digits);
    json_close(json);
}

static void write_period(struct json_writer *json, const struct slo *slo,
                         const struct slo_span *span)
{
    json_open_object(json, "period");
    write_time(json, "from", span->from * 60);
    json_text(json, "kind", slo_period_name(slo->period));
    json_text(json, "time_zone", zone_name(slo->zone));
    write_time(json, "to", span->to * 60);
    write_time(json, "until", span->until * 60);
    json_close(json);
}

void slo_write(struct json_writer *json, const struct slo *slo, const struct slo_result *result)
{
    json_open_object(json, NULL);
    write_alerts(json, result);
    write_budget(json, slo, result);
    write_burn(json, "burn", &result->burn);
    write_days(json, result);
    write_forecast(json, result);
    write_good(json, slo, result);
    json_str(json, "id", slo->id);
    if (result->burn.valid > 0) {
        json_bool(json, "met", result->met);
    } else {
        json_nothing(json, "met");
    }
    json_text(json, "method", slo_method_name(slo->method));
    write_period(json, slo, &result->span);
    json_open_array(json, "services");
    for (size_t i = 0; i < slo->service_count; i++) {
        json_str(json, NULL, slo->services[i]);
    }
    json_close(json);
    json_percent(json, "target_percent", slo->target);
    json_close(json);
}
