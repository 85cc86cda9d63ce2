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
    struct arena *arena;
    struct fraction one;
    struct fraction budget;
};

/* What is added up. */
struct count {
    int64_t bad, valid;
    int64_t slow;                /* SLO_REQUEST_RATIO: each loses degraded_weight */
    struct fraction_sum *ratios; /* SLO_RATIO_TIME_SLICES: of errors, of each slice; else NULL */
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
        count->bad += rule == UNKNOWN_DOWN;
        return;
    }
    count->valid++;
    if (count->ratios != NULL) {
        fraction_sum_add(count->ratios, 1, rational_make(errors, total));
    } else if (exceeds(errors, total, slo->has_max_error_ratio, slo->max_error_ratio) ||
               exceeds(slow, total, slo->has_max_slow_ratio, slo->max_slow_ratio)) {
        count->bad++;
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
    for (int64_t m = from; m < to; m++) {
        const struct slo_minute *minute = minute_at(evaluation, m);

        count->valid += minute->total;
        count->bad += minute->errors;
        count->slow += minute->slow;
    }
}

/* Of both */

static struct fraction lost(const struct evaluation *evaluation, const struct count *count)
{
    struct arena *arena = evaluation->arena;
    struct fraction whole = fraction_of_int(arena, count->bad);
    struct fraction part = fraction_multiply(arena, fraction_of_int(arena, count->slow),
                                             fraction_of(arena, evaluation->slo->degraded_weight));

    if (count->ratios != NULL) {
        part = fraction_sum_total(arena, count->ratios);
    }
    return fraction_add(arena, whole, part);
}

static struct slo_burn burn_of(const struct evaluation *evaluation, int64_t from, int64_t to)
{
    struct arena *arena = evaluation->arena;
    struct count count = {.bad = 0};
    struct slo_burn burn = {.minutes = to - from, .rate = FRACTION_ZERO};

    if (evaluation->slo->method == SLO_RATIO_TIME_SLICES) {
        count.ratios = fraction_sum_new(arena);
    }
    if (evaluation->slo->method == SLO_REQUEST_RATIO) {
        count_requests(evaluation, from, to, &count);
    } else {
        count_slices(evaluation, from, to, &count);
    }
    burn.valid = count.valid;
    burn.bad = lost(evaluation, &count);
    if (count.valid > 0) {
        burn.rate = fraction_divide(
            arena, fraction_divide(arena, burn.bad, fraction_of_int(arena, count.valid)),
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
    struct arena *arena = evaluation->arena;
    struct rational over = rational_make(span->until - span->from, period_minutes(span));

    result->burn = burn_of(evaluation, span->from, span->until);
    /* The rate times the budget is what was lost, as a share. */
    result->good = fraction_subtract(
        arena, evaluation->one, fraction_multiply(arena, result->burn.rate, evaluation->budget));
    result->met = fraction_compare(result->good, fraction_of(arena, evaluation->slo->target)) >= 0;
    result->consumed = fraction_multiply(arena, result->burn.rate, fraction_of(arena, over));
    result->left = fraction_subtract(arena, evaluation->one, result->consumed);
}

/* What is left lasts for left * period / rate; INT64_MAX if that is more than can be said. */
static int64_t seconds_left(const struct evaluation *evaluation, const struct slo_result *result)
{
    struct arena *arena = evaluation->arena;
    struct fraction period = fraction_of_int(arena, period_minutes(evaluation->span) * MINUTE_S);
    struct fraction lasts =
        fraction_divide(arena, fraction_multiply(arena, result->left, period), result->recent.rate);
    int64_t seconds;

    return fraction_scale(lasts, 0, ROUND_FLOOR, &seconds) ? seconds : INT64_MAX;
}

static void forecast(const struct evaluation *evaluation, struct slo_result *result)
{
    const struct slo_span *span = evaluation->span;
    bool rolling = evaluation->slo->period == SLO_ROLLING;
    int64_t seconds;

    result->recent = recent_burn(evaluation, evaluation->slo->forecast_ns);
    result->outlook = SLO_LASTS;
    if (fraction_sign(result->left) <= 0) {
        result->outlook = SLO_EXHAUSTED;
    } else if (result->recent.valid == 0) {
        result->outlook = SLO_OUTLOOK_UNKNOWN;
    } else if (fraction_sign(result->recent.rate) > 0 &&
               (!rolling || fraction_compare(result->recent.rate, evaluation->one) > 0)) {
        seconds = seconds_left(evaluation, result);
        if (rolling || seconds < (span->to - span->until) * MINUTE_S) {
            result->outlook = SLO_WILL_EXHAUST;
            result->exhausted_s = span->until * MINUTE_S + seconds;
        }
    }
}

static bool burns_faster(const struct slo_burn *burn, struct fraction factor)
{
    return fraction_compare(burn->rate, factor) > 0;
}

static void judge_alerts(const struct evaluation *evaluation, struct slo_result *result)
{
    const struct slo *slo = evaluation->slo;
    struct arena *arena = evaluation->arena;

    result->alerts = arena_calloc(arena, slo->rule_count + 1, sizeof(*result->alerts));
    result->alert_count = slo->rule_count;
    for (size_t i = 0; i < slo->rule_count; i++) {
        const struct slo_rule *rule = &slo->rules[i];
        struct slo_alert *alert = &result->alerts[i];

        alert->rule = rule;
        alert->factor =
            fraction_multiply(arena, fraction_of(arena, rule->budget),
                              fraction_of(arena, rational_make(period_minutes(evaluation->span),
                                                               rule->long_ns / NS_PER_MINUTE)));
        alert->long_burn = recent_burn(evaluation, rule->long_ns);
        alert->short_burn = recent_burn(evaluation, rule->short_ns);
        alert->firing = burns_faster(&alert->long_burn, alert->factor) &&
                        burns_faster(&alert->short_burn, alert->factor);
    }
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void burn_of_days(const struct evaluation *evaluation, struct slo_result *result)
{
    const struct slo_span *span = evaluation->span;
    int64_t first, last;

    result->days = arena_calloc(evaluation->arena, SLO_DAYS_MAX, sizeof(*result->days));
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

        if (minute->errors < 0 || minute->slow < 0 || minute->total > INT64_MAX - sum ||
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
    struct fraction one = fraction_of_int(arena, 1);
    struct evaluation evaluation = {
        .slo = slo,
        .span = span,
        .series = series,
        .arena = arena,
        .one = one,
        .budget = fraction_subtract(arena, one, fraction_of(arena, slo->target))};
    struct slo_result result = {.span = *span};
    enum err_code code = check_series(series, err);

    CHECK(series->from <= slo_first_minute(slo, span));
    CHECK(series->from + (int64_t)series->count >= span->until);
    if (code != ERR_OK) {
        return code;
    }
    measure_period(&evaluation, &result);
    forecast(&evaluation, &result);
    judge_alerts(&evaluation, &result);
    burn_of_days(&evaluation, &result);
    *ret_result = result;
    return ERR_OK;
}
