#include "jobs/statement/explain.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/credit.h"
#include "jobs/statement/method.h"
#include "jobs/statement/wording.h"

enum { LINES_MAX = 2 * 40 };

struct lines {
    struct arena *arena;
    const char **lines;
    size_t count;
};

static void add(struct lines *lines, const char *text)
{
    if (lines->count < LINES_MAX) {
        lines->lines[lines->count++] = text;
    }
}

const char *explain_border(struct arena *arena, const struct level *level,
                           const struct border *border)
{
    const char *lost = wording_quantity(arena, level->lost, level->unit);
    const char *allowed = wording_quantity(arena, border->allowed, level->unit);
    bool target = border->tier == NULL;
    const char *below = target ? "missed" : "the tier applies, unless a lower one does";
    const char *verdict = border->missed ? below : target ? "met" : "not reached";

    if (!level->known) {
        return "nothing was measured";
    }
    if (fraction_compare(level->lost, border->allowed) == 0) {
        verdict = target ? "exactly at the border, which is met"
                         : "exactly at the border, which is not below it";
    }
    return arena_format(arena, "%s lost, %s allowed: %s", lost, allowed, verdict);
}

/* The limits of time_slices, each in words. */
static void explain_slices(struct lines *lines, const struct availability *terms)
{
    struct arena *arena = lines->arena;
    const char *parts[3];
    const char *text = "A slice is bad if ";
    size_t count = 0;

    if (terms->max_error_ratio.present) {
        parts[count++] = arena_format(arena, "more than %s of its requests failed",
                                      wording_percent(arena, terms->max_error_ratio.value));
    }
    if (terms->max_slow_ratio.present) {
        parts[count++] = arena_format(arena, "more than %s of its requests were slow",
                                      wording_percent(arena, terms->max_slow_ratio.value));
    }
    if (terms->percentile.present) {
        struct rational percent = rational_multiply(terms->percentile.value, rational_make(100, 1));

        parts[count++] =
            arena_format(arena, "percentile %s of the latency of its good requests is above %s",
                         wording_decimal(arena, percent), wording_latency(arena, terms->below_ns));
    }
    for (size_t i = 0; i < count; i++) {
        text = arena_format(arena, "%s%s%s", text, i == 0 ? "" : ", or if ", parts[i]);
    }
    add(lines, text);
}

static void explain_time(struct lines *lines, const struct result *result)
{
    struct arena *arena = lines->arena;
    const struct measure *pooled = &result->verdicts.levels[LEVEL_AVAILABILITY].measure;
    bool summed = result->contract->availability.pool == POOL_SUM;
    int64_t length_s =
        (result->to_s - result->from_s) * (summed ? (int64_t)result->service_count : 1);
    char *sum = arena_format(arena, "The period adds up:");

    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        if (pooled->seconds[k] > 0) {
            sum = arena_format(arena, "%s%s %s s %s", sum, sum[strlen(sum) - 1] == ':' ? "" : " +",
                               wording_integer(arena, pooled->seconds[k]),
                               time_class_name((enum time_class)k));
        }
    }
    add(lines, arena_format(arena, "%s = %s s", sum, wording_integer(arena, length_s)));
}

/* "Target 99.5 %", "Latency tier below 99 % (10 % of the fee)". */
static const char *border_name(struct arena *arena, const struct contract *contract,
                               const struct level *level, const struct border *border)
{
    bool second = strcmp(level->name, "latency") == 0;
    const char *percent = wording_percent(arena, border->below);

    if (border->tier == NULL) {
        return arena_format(arena, "%s %s", second ? "Latency target" : "Target", percent);
    }
    return arena_format(arena, "%s below %s (%s)", second ? "Latency tier" : "Tier", percent,
                        credit_tier_text(arena, contract, border->tier));
}

static void explain_level(struct lines *lines, const struct contract *contract,
                          const struct level *level)
{
    struct arena *arena = lines->arena;

    if (level->known) {
        add(lines, arena_format(arena, "%s good of %s measured",
                                wording_number(arena, level->measure.good),
                                wording_quantity(arena, level->measure.valid, level->unit)));
    } else {
        add(lines, "Nothing was measured, so there is no uptime and nothing is owed");
    }
    for (size_t i = 0; i < level->border_count; i++) {
        add(lines,
            arena_format(arena, "%s: %s", border_name(arena, contract, level, &level->borders[i]),
                         explain_border(arena, level, &level->borders[i])));
    }
}

void explain_result(struct arena *arena, struct result *result)
{
    const struct contract *contract = result->contract;
    const struct verdicts *verdicts = &result->verdicts;
    const struct method_row *method = method_row(contract->availability.method);
    struct lines lines = {arena, arena_calloc(arena, LINES_MAX, sizeof(lines.lines[0])), 0};

    add(&lines, arena_format(arena, "Method %s: %s", method->name, method->formula));
    if (contract->availability.method == METHOD_TIME_SLICES) {
        explain_slices(&lines, &contract->availability);
    }
    if (contract->availability.pool != POOL_NONE) {
        add(&lines, arena_format(arena, "%zu services pooled by %s%s%s", result->service_count,
                                 pool_name(contract->availability.pool),
                                 result->worst_service != NULL ? "; the result is that of " : "",
                                 result->worst_service != NULL ? result->worst_service : ""));
    }
    explain_time(&lines, result);
    for (size_t i = 0; i < verdicts->level_count; i++) {
        explain_level(&lines, contract, &verdicts->levels[i]);
    }
    if (verdicts->level_count > 1 && contract->credits.present) {
        add(&lines, arena_format(arena, "The credit follows %s, the level that credits most",
                                 verdicts->levels[verdicts->paying].name));
    }
    result->explanation = lines.lines;
    result->explanation_count = lines.count;
}
