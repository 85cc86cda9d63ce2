/* Stretches in words. */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/method.h"
#include "jobs/statement/stretch.h"
#include "jobs/statement/wording.h"

static const char *const fates[] = {
    [STRETCH_COUNTED] = "counted",
    [STRETCH_OUTVOTED] = "outvoted",
    [STRETCH_EXCLUDED] = "excluded",
    [STRETCH_NOT_COUNTED] = "not_counted",
};

static const char *const rules[] = {
    [RULE_WEIGHT] = "weight",
    [RULE_NO_WEIGHT] = "no_weight",
    [RULE_REQUESTS] = "requests",
    [RULE_MAINTENANCE] = "maintenance",
    [RULE_UNKNOWN_DOWN] = "unknown_down",
    [RULE_UNKNOWN_UP] = "unknown_up",
    [RULE_UNKNOWN_EXCLUDE] = "unknown_exclude",
    [RULE_TOO_SHORT] = "too_short",
    [RULE_ABSORBED] = "absorbed",
    [RULE_OUTSIDE] = "outside",
    [RULE_HOURS] = "hours",
    [RULE_SLICE] = "slice",
    [RULE_METHOD] = "method",
};

const char *stretch_fate_name(enum stretch_fate fate)
{
    CHECK((unsigned)fate < ARRAY_COUNT(fates));
    return fates[fate];
}

const char *stretch_rule_name(enum stretch_rule rule)
{
    CHECK((unsigned)rule < ARRAY_COUNT(rules));
    return rules[rule];
}

static const char *requests_text(struct arena *arena, const struct result *result,
                                 const struct stretch *stretch)
{
    struct rational weight = result->contract->availability.degraded_weight;

    if (stretch->lost.numerator == 0) {
        return "only requests count, and none of these was lost";
    }
    return weight.numerator == 0 ? "failed requests count"
                                 : arena_format(arena, "failed requests count, slow ones with %s",
                                                wording_decimal(arena, weight));
}

static const char *short_text(struct arena *arena, const struct result *result)
{
    const struct availability *availability = &result->contract->availability;
    const char *absorb = wording_duration(arena, availability->absorb_ns / NS_PER_SECOND);
    const char *least = wording_duration(arena, availability->min_outage_ns / NS_PER_SECOND);

    if (availability->absorb_ns == 0) {
        return arena_format(arena, "shorter than min_outage, %s: it counts as up", least);
    }
    if (availability->min_outage_ns == 0) {
        return arena_format(arena, "within absorb, %s: it takes the state on both sides", absorb);
    }
    return arena_format(arena, "within absorb, %s, or shorter than min_outage, %s", absorb, least);
}

/* How the pool came to another result, behind what the rule says. */
static const char *outvoted_text(const struct result *result)
{
    switch (result->contract->availability.pool) {
    case POOL_PER_SERVICE:
        return "the result is that of another service";
    case POOL_ANY_ENOUGH:
        return "another service was better then";
    case POOL_ALL_REQUIRED:
        return "another service stands for this time already";
    case POOL_NONE:
    case POOL_SUM:
        break;
    }
    return "the pool did not count it";
}

static const char *rule_text(struct arena *arena, const struct result *result,
                             const struct stretch *stretch)
{
    const struct availability *availability = &result->contract->availability;
    const char *name = time_class_name(stretch->class);

    switch (stretch->rule) {
    case RULE_WEIGHT:
        return arena_format(arena, "weight %s",
                            wording_decimal(arena, availability->weights[stretch->class]));
    case RULE_NO_WEIGHT:
        return "weight 0";
    case RULE_REQUESTS:
        return requests_text(arena, result, stretch);
    case RULE_MAINTENANCE:
        return result->contract->maintenance.excluded == EXCLUDED_FORGIVE
                   ? "announced in time: it counts as good (forgive)"
                   : "announced in time: it is taken out (remove)";
    case RULE_UNKNOWN_DOWN:
        return arena_format(arena, "the contract rules %s: down", name);
    case RULE_UNKNOWN_UP:
        return arena_format(arena, "the contract rules %s: up", name);
    case RULE_UNKNOWN_EXCLUDE:
        return arena_format(arena, "the contract rules %s: exclude", name);
    case RULE_TOO_SHORT:
        return short_text(arena, result);
    case RULE_ABSORBED:
        return arena_format(arena, "within absorb: it takes the state on both sides, %s", name);
    case RULE_OUTSIDE:
        return "outside of the contract's validity";
    case RULE_HOURS:
        return "outside of service hours";
    case RULE_SLICE:
        return "its slice is lost where it begins";
    case RULE_METHOD:
        return arena_format(arena,
                            stretch->lost.numerator > 0 ? "lost by the method, %s"
                                                        : "no loss by the method, %s",
                            method_row(availability->method)->name);
    }
    CHECK(!"a rule");
    return "";
}

const char *stretch_rule_text(struct arena *arena, const struct result *result,
                              const struct stretch *stretch)
{
    const char *text = rule_text(arena, result, stretch);

    return stretch->fate == STRETCH_OUTVOTED
               ? arena_format(arena, "%s; %s", text, outvoted_text(result))
               : text;
}
