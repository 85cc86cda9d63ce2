#include "jobs/slo/view.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/label.h"
#include "jobs/slo/document.h"

enum { BAR_COLUMNS = 30, TEXT_SIZE_MAX = 256, WINDOWS_COLUMNS = 24 };

/* What is drawn with. A level of a day for each row of `levels`. */
struct glyphs {
    const char *full, *empty, *unknown;
    const char *levels[8];
};

static const struct glyphs ascii = {"#", "-", "?", {"_", ".", ":", "-", "=", "+", "*", "#"}};
static const struct glyphs unicode = {"\xe2\x96\x88",
                                      "\xe2\x96\x91",
                                      "?",
                                      {"\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83",
                                       "\xe2\x96\x84", "\xe2\x96\x85", "\xe2\x96\x86",
                                       "\xe2\x96\x87", "\xe2\x96\x88"}};

/* A day has the first level whose limit its burn rate does not exceed. */
static const struct {
    struct rational limit;
    const char *color;
} levels[] = {
    {{0, 1}, "\033[32m"}, {{1, 2}, "\033[32m"},  {{1, 1}, "\033[32m"},    {{2, 1}, "\033[33m"},
    {{5, 1}, "\033[33m"}, {{10, 1}, "\033[91m"}, {{25, 1}, "\033[1;31m"},
};
static const char worst_color[] = "\033[1;31m";

static const struct glyphs *glyphs_of(const struct slo_view *view)
{
    return view->unicode ? &unicode : &ascii;
}

static void paint(const struct slo_view *view, const char *color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void paint(const struct slo_view *view, const char *color, const char *format, ...)
{
    va_list arguments;

    (void)fputs(view->color ? color : "", view->out);
    va_start(arguments, format);
    (void)vfprintf(view->out, format, arguments);
    va_end(arguments);
    (void)fputs(view->color ? "\033[0m" : "", view->out);
}

/* Rounded down. */
static void print_percent(const struct slo_view *view, struct fraction value, int digits)
{
    struct strbuf text;

    strbuf_init(&text, TEXT_SIZE_MAX);
    fraction_format(&text, slo_percent(view->scratch, value), digits, ROUND_FLOOR);
    (void)fputs(strbuf_text(&text), view->out);
    strbuf_release(&text);
}

/* Rounded up: what was lost is not made to look smaller. So it is the negative value that is rounded down, and its sign left away. */
static const char *rate_text(const struct slo_view *view, const struct slo_burn *burn)
{
    struct strbuf text;
    const char *kept;

    if (burn->valid == 0) {
        return "?";
    }
    strbuf_init(&text, TEXT_SIZE_MAX);
    fraction_format(&text, fraction_subtract(view->scratch, FRACTION_ZERO, burn->rate), 2,
                    ROUND_FLOOR);
    kept = arena_text(view->scratch, strbuf_view(&text));
    strbuf_release(&text);
    return kept[0] == '-' ? kept + 1 : kept;
}

/* Lines */

static void print_title(const struct slo_view *view, const struct slo *slo)
{
    struct strbuf target;
    char text[SLO_DURATION_SIZE];
    bool rolling = slo->period == SLO_ROLLING;

    strbuf_init(&target, TEXT_SIZE_MAX);
    rational_format_exact(&target, rational_multiply(slo->target, rational_make(100, 1)));
    label_print(view->out, slo->id, view->name_columns);
    (void)fprintf(view->out, "  %s %% of %s, %s%s%s\n", strbuf_text(&target),
                  slo->method == SLO_REQUEST_RATIO ? "requests" : "slices",
                  slo_period_name(slo->period), rolling ? " " : "",
                  rolling ? slo_duration(slo->rolling_ns / NS_PER_MINUTE, text) : "");
    strbuf_release(&target);
}

static void print_times(FILE *out, const char *glyph, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        (void)fputs(glyph, out);
    }
}

/* Rounded down: the bar is full only while nothing was lost. */
static int64_t filled_columns(const struct slo_view *view, struct fraction left)
{
    struct fraction columns =
        fraction_multiply(view->scratch, left, fraction_of_int(view->scratch, BAR_COLUMNS));
    int64_t filled;

    return fraction_scale(columns, 0, ROUND_FLOOR, &filled) && filled > 0 ? filled : 0;
}

static void print_budget(const struct slo_view *view, const struct slo *slo,
                         const struct slo_result *result)
{
    int64_t filled = filled_columns(view, result->left);
    bool gone = fraction_sign(result->left) <= 0;
    bool low = filled < BAR_COLUMNS / 4;
    const char *color = gone ? worst_color : low ? "\033[33m" : "\033[32m";

    (void)fputs("  budget  ", view->out);
    (void)fputs(view->color ? color : "", view->out);
    print_times(view->out, glyphs_of(view)->full, filled);
    print_times(view->out, glyphs_of(view)->empty, BAR_COLUMNS - filled);
    (void)fputs(view->color ? "\033[0m  " : "  ", view->out);
    print_percent(view, result->left, 1);
    (void)fputs(gone ? " % left: used up" : " % left", view->out);
    if (result->burn.valid == 0) {
        (void)fputs(", nothing measured yet\n", view->out);
        return;
    }
    (void)fputs(", ", view->out);
    print_percent(view, result->good, slo->digits);
    (void)fputs(" % good\n", view->out);
}

static void print_day(const struct slo_view *view, const struct slo_burn *burn)
{
    size_t level = 0;

    if (burn->valid == 0) {
        paint(view, "\033[2m", "%s", glyphs_of(view)->unknown);
        return;
    }
    while (level < ARRAY_COUNT(levels) &&
           fraction_compare(burn->rate, fraction_of(view->scratch, levels[level].limit)) > 0) {
        level++;
    }
    paint(view, level < ARRAY_COUNT(levels) ? levels[level].color : worst_color, "%s",
          glyphs_of(view)->levels[level]);
}

static void print_days(const struct slo_view *view, const struct slo_result *result)
{
    struct civil first;

    if (result->day_count == 0) {
        return;
    }
    first = civil_from_seconds(result->days[0].day * (NS_PER_DAY / NS_PER_SECOND));
    (void)fprintf(view->out, "  days    %04" PRId32 "-%02" PRId32 "-%02" PRId32 " ", first.year,
                  first.month, first.day);
    for (size_t i = 0; i < result->day_count; i++) {
        print_day(view, &result->days[i].burn);
    }
    (void)fputc('\n', view->out);
}

static void print_alert(const struct slo_view *view, const struct slo_alert *alert, bool first)
{
    char long_text[SLO_DURATION_SIZE], short_text[SLO_DURATION_SIZE];
    struct strbuf factor;
    const char *severity = slo_severity_name(alert->rule->severity);
    const char *windows = arena_format(
        view->scratch, "%s %s, %s %s", slo_duration(alert->long_burn.minutes, long_text),
        rate_text(view, &alert->long_burn), slo_duration(alert->short_burn.minutes, short_text),
        rate_text(view, &alert->short_burn));

    strbuf_init(&factor, TEXT_SIZE_MAX);
    fraction_format(&factor, alert->factor, 2, ROUND_FLOOR);
    (void)fprintf(view->out, "  %s    %-*s  ", first ? "burn" : "    ", WINDOWS_COLUMNS, windows);
    if (alert->firing) {
        paint(view, worst_color, "FIRES: %s, above %s", severity, strbuf_text(&factor));
    } else {
        (void)fprintf(view->out, "%s above %s", severity, strbuf_text(&factor));
    }
    (void)fputc('\n', view->out);
    strbuf_release(&factor);
}

static const char *distance(int64_t seconds, char text[SLO_DURATION_SIZE])
{
    int64_t minutes = seconds / 60;

    if (minutes >= 48 * 60) {
        (void)snprintf(text, SLO_DURATION_SIZE, "%" PRId64 " days", minutes / (24 * 60));
    } else if (minutes >= 120) {
        (void)snprintf(text, SLO_DURATION_SIZE, "%" PRId64 " h", minutes / 60);
    } else {
        (void)snprintf(text, SLO_DURATION_SIZE, "%" PRId64 " min", minutes);
    }
    return text;
}

static void print_outlook(const struct slo_view *view, const struct slo_result *result)
{
    const char *rate = rate_text(view, &result->recent);
    char time[CIVIL_TEXT_SIZE], window[SLO_DURATION_SIZE], text[SLO_DURATION_SIZE];
    int64_t until_s = result->span.until * 60;

    (void)slo_duration(result->recent.minutes, window);
    (void)fputs("  lasts   ", view->out);
    switch (result->outlook) {
    case SLO_LASTS:
        (void)fprintf(view->out, "at the burn rate of the last %s: %s", window, rate);
        break;
    case SLO_WILL_EXHAUST:
        paint(view, "\033[33m", "until %s (%s)",
              civil_format_rfc3339(result->exhausted_s * NS_PER_SECOND, time),
              distance(result->exhausted_s - until_s, text));
        (void)fprintf(view->out, " at the burn rate of %s: %s", window, rate);
        break;
    case SLO_EXHAUSTED:
        paint(view, worst_color, "no longer: the budget is used up");
        break;
    case SLO_OUTLOOK_UNKNOWN:
        (void)fprintf(view->out, "nobody knows: nothing was measured in the last %s", window);
        break;
    }
    (void)fputc('\n', view->out);
}

void slo_view_print(const struct slo_view *view, const struct slo *slo,
                    const struct slo_result *result)
{
    print_title(view, slo);
    print_budget(view, slo, result);
    print_days(view, result);
    for (size_t i = 0; i < result->alert_count; i++) {
        print_alert(view, &result->alerts[i], i == 0);
    }
    print_outlook(view, result);
}

void slo_view_legend(const struct slo_view *view)
{
    const struct glyphs *glyphs = glyphs_of(view);

    (void)fprintf(
        view->out,
        "Days: %s nothing lost, %s what the budget allows, %s ten times that, %s no data\n",
        glyphs->levels[0], glyphs->levels[2], glyphs->levels[5], glyphs->unknown);
}
