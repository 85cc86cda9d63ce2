#include "jobs/slo/span.h"

#include "base/check.h"
#include "base/clock.h"

enum { MINUTE_S = 60, DAY_S = 24 * 60 * 60 };

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

/* The first minute that begins at or after that second. */
static int64_t first_minute(int64_t seconds)
{
    return -floor_to(-seconds, MINUTE_S);
}

static int months_of(enum slo_period period)
{
    switch (period) {
    case SLO_QUARTER:
        return 3;
    case SLO_YEAR:
        return 12;
    default:
        CHECK(period == SLO_MONTH);
        return 1;
    }
}

/* The minute at which the month of that number begins; January of the year 0 is 0. */
static int64_t month_start(const struct slo *slo, int32_t month)
{
    return first_minute(zone_month_start(slo->zone, month / 12, month % 12 + 1));
}

/* The period of the last minute before now: at the very end of a month, all of that month is shown. */
static void calendar(struct slo_span *span, const struct slo *slo, int64_t now)
{
    struct civil local = zone_to_local(slo->zone, (now - 1) * MINUTE_S);
    int32_t month = local.year * 12 + local.month - 1;
    int months = months_of(slo->period);

    month -= month % months;
    /* Where clocks are set back over midnight, the last hour of a month comes again after the next one has begun. */
    while (now > month_start(slo, month + months)) {
        month += months;
    }
    span->from = month_start(slo, month);
    span->to = month_start(slo, month + months);
}

void slo_span_init(struct slo_span *span, const struct slo *slo, int64_t now)
{
    CHECK(now > 0);
    *span = (struct slo_span){
        .slice = slo->method == SLO_REQUEST_RATIO ? 1 : slo->slice_ns / NS_PER_MINUTE};
    if (slo->period == SLO_ROLLING) {
        span->until = span->to = now - now % span->slice;
        span->from = span->to - slo->rolling_ns / NS_PER_MINUTE;
    } else {
        calendar(span, slo, now);
        span->slice_from = span->from;
        span->until = now == span->to ? now : now - (now - span->from) % span->slice;
    }
    CHECK(span->from < span->to);
    CHECK(span->from <= span->until);
    CHECK(span->until <= span->to);
}

int64_t slo_midnight(const struct slo *slo, int64_t day)
{
    struct civil midnight = civil_from_seconds(day * DAY_S);

    return first_minute(zone_from_local(slo->zone, &midnight));
}

int64_t slo_day(const struct slo *slo, int64_t minute)
{
    struct civil local = zone_to_local(slo->zone, minute * MINUTE_S);

    return civil_days(local.year, local.month, local.day);
}
