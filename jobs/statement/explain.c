#include "jobs/statement/explain.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/method.h"
#include "jobs/statement/wording.h"

enum { LINES_MAX = 40 };

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

const char *explain_border(struct arena *arena, const struct result *result,
                           const struct border *border)
{
    const char *unit = method_row(result->contract->availability.method)->unit;
    const char *lost = wording_quantity(arena, result->lost, unit);
    const char *allowed = wording_quantity(arena, border->allowed, unit);
    const char *below = border->is_target ? "missed" : "the tier applies, unless a lower one does";
    const char *verdict = border->missed ? below : border->is_target ? "met" : "not reached";

    if (!result->known) {
        return "nothing was measured";
    }
    if (rational_compare(result->lost, border->allowed) == 0) {
        verdict = border->is_target ? "exactly at the border, which is met"
                                    : "exactly at the border, which is not below it";
    }
    return arena_format(arena, "%s lost, %s allowed: %s", lost, allowed, verdict);
}

static void explain_time(struct lines *lines, const struct result *result)
{
    struct arena *arena = lines->arena;
    const struct measure *pooled = &result->pooled;
    bool summed = result->contract->availability.pool == POOL_SUM;
    int64_t length_s =
        (result->to_s - result->from_s) * (summed ? (int64_t)result->service_count : 1);
    char *sum = arena_format(arena, "The period adds up:");

    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        if (pooled->seconds[k] > 0) {
            sum = arena_format(arena, "%s%s %s s %s", sum, sum[strlen(sum) - 1] == ':' ? "" : " +",
                               wording_number(arena, rational_make(pooled->seconds[k], 1)),
                               time_class_name((enum time_class)k));
        }
    }
    add(lines, arena_format(arena, "%s = %s", sum,
                            wording_quantity(arena, rational_make(length_s, 1), "s")));
}

static void explain_tier(struct lines *lines, const struct result *result)
{
    struct arena *arena = lines->arena;

    for (size_t i = 0; i < result->border_count; i++) {
        const struct border *border = &result->borders[i];
        const char *figures = explain_border(arena, result, border);

        if (border->is_target) {
            add(lines, arena_format(arena, "Target %s: %s", wording_percent(arena, border->below),
                                    figures));
        } else {
            add(lines, arena_format(arena, "Tier below %s (%s of the fee): %s",
                                    wording_percent(arena, border->below),
                                    wording_percent(arena, border->percent), figures));
        }
    }
}

void explain_result(struct arena *arena, struct result *result)
{
    const struct contract *contract = result->contract;
    const struct method_row *method = method_row(contract->availability.method);
    struct lines lines = {arena, arena_calloc(arena, LINES_MAX, sizeof(lines.lines[0])), 0};

    add(&lines, arena_format(arena, "Method %s: %s", method->name, method->formula));
    if (contract->availability.pool != POOL_NONE) {
        add(&lines, arena_format(arena, "%zu services pooled by %s%s%s", result->service_count,
                                 pool_name(contract->availability.pool),
                                 result->worst_service != NULL ? "; the result is that of " : "",
                                 result->worst_service != NULL ? result->worst_service : ""));
    }
    explain_time(&lines, result);
    if (result->known) {
        add(&lines, arena_format(arena, "%s good of %s measured",
                                 wording_number(arena, result->pooled.good),
                                 wording_quantity(arena, result->pooled.valid, method->unit)));
    } else {
        add(&lines, "Nothing was measured, so there is no uptime and nothing is owed");
    }
    explain_tier(&lines, result);
    result->explanation = lines.lines;
    result->explanation_count = lines.count;
}
