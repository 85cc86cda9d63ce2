#include "jobs/slo/budget.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"

enum { MINUTE_S = 60 };

/* One evaluation. */
struct evaluation {
    const struct slo *slo;
    const struct slo_span *span;
    const struct slo_series *series;
    struct rational budget;
};

/* Counts that are added up; `bad` in units of 1 / the denominator of degraded_weight. */
struct count {
    int128 bad;
    int64_t valid;
};

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

static const struct slo_minute *minute_at(const struct evaluation *evaluation, int64_t minute)
{
    CHECK(minute >= evaluation->series->from);
    CHECK(minute - evaluation->series->from < (int64_t)evaluation->series->count);
    return &evaluation->series->minutes[minute - evaluation->series->from];
}

/* Of slices */

/* What a slice without requests is: the strictest rule of its minutes speaks. */
static enum unknown_rule rule_of_silence(const struct evaluation *evaluation, int64_t from,
                                         int64_t to)
{
    enum unknown_rule strictest = UNKNOWN_EXCLUDE;

    for (int64_t m = from; m < to; m++) {
        enum unknown_rule rule = evaluation->slo->unknown[minute_at(evaluation, m)->silence];

        if (rule == UNKNOWN_DOWN) {
            return rule;
        }
        strictest = rule == UNKNOWN_UP ? rule : strictest;
    }
    return strictest;
}

static bool exceeds(int64_t part, int64_t whole, bool limited, struct rational limit)
{
    return limited && rational_compare(rational_make(part, whole), limit) > 0;
}

static void count_slice(const struct evaluation *evaluation, int64_t from, int64_t to,
                        struct count *count)
{
    const struct slo *slo = evaluation->slo;
    int64_t total = 0, errors = 0, slow = 0;

    for (int64_t m = from; m < to; m++) {
        const struct slo_minute *minute = minute_at(evaluation, m);

        total += minute->total;
        errors += minute->errors;
        slow += minute->slow;
    }
    if (total == 0) {
        enum unknown_rule rule = rule_of_silence(evaluation, from, to);

        count->valid += rule != UNKNOWN_EXCLUDE;
        count->bad += rule == UNKNOWN_DOWN ? slo->degraded_weight.denominator : 0;
        return;
    }
    count->valid++;
    if (exceeds(errors, total, slo->has_max_error_ratio, slo->max_error_ratio) ||
        exceeds(slow, total, slo->has_max_slow_ratio, slo->max_slow_ratio)) {
        count->bad += slo->degraded_weight.denominator;
    }
}

/* The slices that end within (from, to]. So a stretch that is shorter than a slice looks at the last one. The last slice of a calendar
 * window may be shorter than the others. */
static void count_slices(const struct evaluation *evaluation, int64_t from, int64_t to,
                         struct count *count)
{
    const struct slo_span *span = evaluation->span;
    int64_t start = span->slice_from + floor_to(from - span->slice_from, span->slice) * span->slice;

    for (; start + span->slice <= to; start += span->slice) {
        count_slice(evaluation, start, start + span->slice, count);
    }
    if (to == span->to && start < to) {
        count_slice(evaluation, start, to, count);
    }
}

/* Of requests */

static void count_requests(const struct evaluation *evaluation, int64_t from, int64_t to,
                           struct count *count)
{
    struct rational weight = evaluation->slo->degraded_weight;

    for (int64_t m = from; m < to; m++) {
        const struct slo_minute *minute = minute_at(evaluation, m);

        count->valid += minute->total;
        count->bad += minute->errors * weight.denominator + minute->slow * weight.numerator;
    }
}

/* Of both */

static struct slo_burn burn_of(const struct evaluation *evaluation, int64_t from, int64_t to)
{
    struct count count = {0, 0};
    struct slo_burn burn = {.minutes = to - from, .rate = rational_make(0, 1)};

    if (evaluation->slo->method == SLO_REQUEST_RATIO) {
        count_requests(evaluation, from, to, &count);
    } else {
        count_slices(evaluation, from, to, &count);
    }
    burn.valid = count.valid;
    burn.bad = rational_make(count.bad, evaluation->slo->degraded_weight.denominator);
    if (count.valid > 0) {
        burn.rate = rational_divide(rational_divide(burn.bad, rational_make(count.valid, 1)),
                                    evaluation->budget);
    }
    return burn;
}

static struct slo_burn recent_burn(const struct evaluation *evaluation, int64_t duration_ns)
{
    int64_t until = evaluation->span->until;

    return burn_of(evaluation, until - duration_ns / NS_PER_MINUTE, until);
}

static int64_t period_minutes(const struct slo_span *span)
{
    return span->to - span->from;
}

static void measure_period(const struct evaluation *evaluation, struct slo_result *result)
{
    const struct slo_span *span = evaluation->span;
    struct rational one = rational_make(1, 1);

    result->burn = burn_of(evaluation, span->from, span->until);
    result->good = one;
    if (result->burn.valid > 0) {
        result->good = rational_subtract(
            one, rational_divide(result->burn.bad, rational_make(result->burn.valid, 1)));
    }
    result->met = rational_compare(result->good, evaluation->slo->target) >= 0;
    result->consumed = rational_multiply(
        result->burn.rate, rational_make(span->until - span->from, period_minutes(span)));
    result->left = rational_subtract(one, result->consumed);
}

/* floor(a * b / c) for a, b >= 0 and 0 < c < 2^125, by doubling and adding: the product may have more than 128 bits, the result
 * may not. */
static int128 multiply_divide(int128 a, int128 b, int128 c)
{
    int128 whole = 0, rest = 0;
    int128 step = a / c, step_rest = a % c;

    CHECK(a >= 0);
    CHECK(b >= 0);
    CHECK(c > 0);
    CHECK(c >> 125 == 0);
    for (int bit = 126; bit >= 0; bit--) {
        whole = 2 * whole;
        rest = 2 * rest;
        if ((b >> bit & 1) != 0) {
            whole += step;
            rest += step_rest;
        }
        for (; rest >= c; rest -= c) {
            whole++;
        }
    }
    return whole;
}

/* What is left lasts for left * period / rate. Rounded down twice, which is as good as once for whole numbers. */
static int128 seconds_left(const struct slo_result *result)
{
    struct rational full = rational_divide(
        rational_make(period_minutes(&result->span) * MINUTE_S, 1), result->recent.rate);

    return multiply_divide(full.numerator, result->left.numerator, result->left.denominator) /
           full.denominator;
}

static void forecast(const struct evaluation *evaluation, struct slo_result *result)
{
    const struct slo_span *span = evaluation->span;
    bool rolling = evaluation->slo->period == SLO_ROLLING;
    struct rational rate;
    int128 seconds;

    result->recent = recent_burn(evaluation, evaluation->slo->forecast_ns);
    rate = result->recent.rate;
    if (result->left.numerator <= 0) {
        result->outlook = SLO_EXHAUSTED;
    } else if (result->recent.valid == 0) {
        result->outlook = SLO_OUTLOOK_UNKNOWN;
    } else if (rate.numerator == 0 ||
               (rolling && rational_compare(rate, rational_make(1, 1)) <= 0)) {
        result->outlook = SLO_LASTS;
    } else {
        seconds = seconds_left(result);
        result->outlook = SLO_WILL_EXHAUST;
        if (!rolling && seconds >= (span->to - span->until) * MINUTE_S) {
            result->outlook = SLO_LASTS;
        } else {
            result->exhausted_s = span->until * MINUTE_S + (int64_t)seconds;
        }
    }
}

static void judge_alerts(const struct evaluation *evaluation, struct arena *arena,
                         struct slo_result *result)
{
    const struct slo *slo = evaluation->slo;

    result->alerts = arena_calloc(arena, slo->rule_count + 1, sizeof(*result->alerts));
    result->alert_count = slo->rule_count;
    for (size_t i = 0; i < slo->rule_count; i++) {
        const struct slo_rule *rule = &slo->rules[i];
        struct slo_alert *alert = &result->alerts[i];

        alert->rule = rule;
        alert->factor =
            rational_multiply(rule->budget, rational_make(period_minutes(evaluation->span),
                                                          rule->long_ns / NS_PER_MINUTE));
        alert->long_burn = recent_burn(evaluation, rule->long_ns);
        alert->short_burn = recent_burn(evaluation, rule->short_ns);
        alert->firing = rational_compare(alert->long_burn.rate, alert->factor) > 0 &&
                        rational_compare(alert->short_burn.rate, alert->factor) > 0;
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void burn_of_days(const struct evaluation *evaluation, struct arena *arena,
                         struct slo_result *result)
{
    const struct slo_span *span = evaluation->span;
    int64_t first, last;

    result->days = arena_calloc(arena, SLO_DAYS_MAX, sizeof(*result->days));
    if (span->until == span->from) {
        return;
    }
    last = slo_day(evaluation->slo, span->until - 1);
    first = later(slo_day(evaluation->slo, span->from), last - SLO_DAYS_MAX + 1);
    for (int64_t day = first; day <= last; day++) {
        int64_t from = later(slo_midnight(evaluation->slo, day), span->from);
        int64_t to = slo_midnight(evaluation->slo, day + 1);

        to = to < span->until ? to : span->until;
        result->days[result->day_count++] =
            (struct slo_day_burn){day, burn_of(evaluation, from, to > from ? to : from)};
    }
}

int64_t slo_first_minute(const struct slo *slo, const struct slo_span *span)
{
    int64_t longest_ns = slo->forecast_ns;
    int64_t first;

    for (size_t i = 0; i < slo->rule_count; i++) {
        longest_ns = later(longest_ns, slo->rules[i].long_ns);
    }
    first = span->until - longest_ns / NS_PER_MINUTE;
    /* A slice that ends in a stretch may begin before it. */
    return (first < span->from ? first : span->from) - (span->slice - 1);
}

static enum err_code check_series(const struct slo_series *series, struct err *err)
{
    int64_t sum = 0;

    for (size_t i = 0; i < series->count; i++) {
        const struct slo_minute *minute = &series->minutes[i];

        if (minute->errors < 0 || minute->slow < 0 || minute->total > SLO_COUNT_MAX - sum ||
            minute->errors > minute->total || minute->slow > minute->total - minute->errors) {
            return err_set(err, ERR_DATA,
                           "minute %" PRId64 ": total %" PRId64 ", errors %" PRId64
                           ", slow %" PRId64 " cannot be, or are more than can be added up",
                           series->from + (int64_t)i, minute->total, minute->errors, minute->slow);
        }
        sum += minute->total;
    }
    return ERR_OK;
}

enum err_code slo_evaluate(const struct slo *slo, const struct slo_span *span,
                           const struct slo_series *series, struct arena *arena,
                           struct slo_result *ret_result, struct err *err)
{
    struct evaluation evaluation = {.slo = slo,
                                    .span = span,
                                    .series = series,
                                    .budget = rational_subtract(rational_make(1, 1), slo->target)};
    struct slo_result result = {.span = *span};
    enum err_code code = check_series(series, err);

    CHECK(series->from <= slo_first_minute(slo, span));
    CHECK(series->from + (int64_t)series->count >= span->until);
    if (code != ERR_OK) {
        return code;
    }
    measure_period(&evaluation, &result);
    forecast(&evaluation, &result);
    judge_alerts(&evaluation, arena, &result);
    burn_of_days(&evaluation, arena, &result);
    *ret_result = result;
    return ERR_OK;
}
