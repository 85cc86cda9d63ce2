#include "jobs/statement/period.h"

#include "base/clock.h"

static bool holds(const struct contract *contract, const struct period *period)
{
    return contract->valid_from_s < period->to_s && contract->valid_until_s > period->from_s;
}

/* Whether an earlier version of the same contract holds in the same month. */
static bool follows(const struct contract *contracts, size_t count, const struct contract *contract,
                    const struct period *period)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(contracts[i].id, contract->id) && holds(&contracts[i], period) &&
            contracts[i].valid_from_s < contract->valid_from_s) {
            return true;
        }
    }
    return false;
}

bool period_find(const struct contract *contracts, size_t count, const struct contract *contract,
                 int32_t year, int32_t month, struct arena *arena, struct period *ret_period)
{
    struct period period = {.from_s = zone_month_start(contract->zone, year, month),
                            .to_s = zone_month_start(contract->zone, year, month + 1)};

    if (!holds(contract, &period)) {
        return false;
    }
    period.name = arena_format(arena, "%04d-%02d", (int)year, (int)month);
    if (follows(contracts, count, contract, &period)) {
        struct civil start = zone_to_local(contract->zone, contract->valid_from_s);

        period.name = arena_format(arena, "%s-%02d", period.name, (int)start.day);
    }
    *ret_period = period;
    return true;
}

void period_last(const struct contract *contract, int64_t time_ns, int32_t *ret_year,
                 int32_t *ret_month)
{
    struct civil local = zone_to_local(contract->zone, time_ns / NS_PER_SECOND);

    *ret_year = local.month == 1 ? local.year - 1 : local.year;
    *ret_month = local.month == 1 ? 12 : local.month - 1;
}
