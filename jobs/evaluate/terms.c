#include "jobs/evaluate/terms.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/spelling.h"
#include "jobs/statement/moment.h"

struct interval {
    int64_t from_s, to_s;
};

static bool holds_in(const struct contract *contract, struct interval interval)
{
    return contract->valid_from_s < interval.to_s && contract->valid_until_s > interval.from_s;
}

/* The first local midnight of the last days before that time. */
static int64_t days_before(const struct zone *zone, int64_t to_s, int32_t days)
{
    struct civil local = zone_to_local(zone, to_s);
    int64_t day = civil_days(local.year, local.month, local.day) - days;
    struct civil midnight = civil_from_seconds(day * 24 * 3600);

    return zone_from_local(zone, &midnight);
}

/* The contract's period to which that local month belongs. */
static struct interval period_of_month(const struct contract *contract, int32_t year, int32_t month)
{
    const struct zone *zone = contract->zone;
    int32_t quarter = (month - 1) / 3 * 3 + 1;
    int64_t end_s = zone_month_start(zone, year, month + 1);

    switch (contract->period) {
    case PERIOD_MONTH:
        return (struct interval){zone_month_start(zone, year, month), end_s};
    case PERIOD_QUARTER:
        return (struct interval){zone_month_start(zone, year, quarter),
                                 zone_month_start(zone, year, quarter + 3)};
    case PERIOD_YEAR:
        return (struct interval){zone_month_start(zone, year, 1), zone_month_start(zone, year, 13)};
    case PERIOD_ROLLING:
        return (struct interval){days_before(zone, end_s, contract->rolling_days), end_s};
    }
    CHECK(!"a kind of period");
    return (struct interval){0, 0};
}

/* What is evaluated if that version speaks. */
static struct interval evaluated(const struct contract *contract,
                                 const struct terms_request *request)
{
    if (request->interval) {
        return (struct interval){request->from_s, request->to_s};
    }
    return period_of_month(contract, request->year, request->month);
}

/* The next version of the contract, from place *at on. */
static const struct contract *next_version(const struct config *config, struct str id, size_t *at)
{
    while (*at < config->contract_count) {
        const struct contract *contract = &config->contracts[(*at)++];

        if (str_equal(contract->id, id)) {
            return contract;
        }
    }
    return NULL;
}

static enum err_code no_contract(const struct config *config, struct str id, struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    if (config->contract_count == 0) {
        return err_set(err, ERR_CONFIG, "%s: there are no contracts", config->path.data);
    }
    spelling_init(&spelling, id);
    for (size_t i = 0; i < config->contract_count; i++) {
        spelling_offer(&spelling, config->contracts[i].id.data);
    }
    return err_set(err, ERR_USAGE, "--contract: there is no contract \"%.*s\"%s", STR_ARGS(id),
                   spelling_hint(&spelling, hint));
}

static enum err_code two_versions(const struct config *config, const struct contract *first,
                                  const struct contract *second, struct interval interval,
                                  struct err *err)
{
    const struct contract *later = second->valid_from_s > first->valid_from_s ? second : first;
    struct arena arena = ARENA_INIT;
    const char *border = moment_text(&arena, later->zone, later->valid_from_s);

    (void)err_set(err, ERR_CONFIG,
                  "%s:%d: the terms of contract \"%.*s\" change at %s, within the period from %s "
                  "to %s: evaluate each part of it by itself, with --from and --to",
                  config->path.data, later->line, STR_ARGS(later->id), border,
                  moment_text(&arena, later->zone, interval.from_s),
                  moment_text(&arena, later->zone, interval.to_s));
    arena_release(&arena);
    return err->code;
}

/* The border is the end of the last version before the period, or the start of the first behind it. */
static enum err_code no_version(const struct config *config, struct str id,
                                const struct terms_request *request, struct err *err)
{
    const struct contract *before = NULL;
    const struct contract *behind = NULL;
    const struct contract *named;
    const struct contract *contract;
    struct arena arena = ARENA_INIT;
    struct interval interval;
    size_t at = 0;

    while ((contract = next_version(config, id, &at)) != NULL) {
        if (contract->valid_until_s <= evaluated(contract, request).from_s) {
            before = before == NULL || contract->valid_until_s > before->valid_until_s ? contract
                                                                                       : before;
        } else if (behind == NULL || contract->valid_from_s < behind->valid_from_s) {
            behind = contract;
        }
    }
    named = before != NULL ? before : behind;
    CHECK(named != NULL);
    interval = evaluated(named, request);
    (void)err_set(err, ERR_CONFIG,
                  "%s:%d: no terms of contract \"%.*s\" are valid from %s to %s: they %s at %s",
                  config->path.data, named->line, STR_ARGS(id),
                  moment_text(&arena, named->zone, interval.from_s),
                  moment_text(&arena, named->zone, interval.to_s), before != NULL ? "end" : "begin",
                  moment_text(&arena, named->zone,
                              before != NULL ? named->valid_until_s : named->valid_from_s));
    arena_release(&arena);
    return err->code;
}

/* Versions may disagree about what their period is: who is valid in the named month speaks, else who is valid in its own period. */
static const struct contract *speaker(const struct config *config,
                                      const struct terms_request *request, bool by_month)
{
    const struct contract *contract;
    size_t at = 0;

    while ((contract = next_version(config, request->contract, &at)) != NULL) {
        struct interval interval = evaluated(contract, request);

        if (by_month && !request->interval) {
            interval.from_s = zone_month_start(contract->zone, request->year, request->month);
            interval.to_s = zone_month_start(contract->zone, request->year, request->month + 1);
        }
        if (holds_in(contract, interval)) {
            return contract;
        }
    }
    return NULL;
}

static struct terms terms_of(const struct contract *contract, const struct terms_request *request)
{
    struct interval interval = evaluated(contract, request);
    struct interval whole = interval;

    if (request->interval) {
        struct civil local = zone_to_local(contract->zone, interval.from_s);

        whole = period_of_month(contract, local.year, local.month);
    }
    return (struct terms){contract, interval.from_s, interval.to_s, whole.from_s, whole.to_s};
}

static enum err_code check_range(const struct terms_request *request, struct err *err)
{
    const struct civil first = {.year = TERMS_YEAR_MIN, .month = 1, .day = 2};
    const struct civil last = {.year = TERMS_YEAR_MAX, .month = 12, .day = 31};

    if (request->interval && request->to_s <= request->from_s) {
        return err_set(err, ERR_USAGE, "--to is not after --from");
    }
    if (request->interval
            ? request->from_s < civil_to_seconds(&first) || request->to_s > civil_to_seconds(&last)
            : request->year < TERMS_YEAR_MIN || request->year > TERMS_YEAR_MAX) {
        return err_set(err, ERR_USAGE, "%s: periods are within the years %d to %d",
                       request->interval ? "--from, --to" : "--month", TERMS_YEAR_MIN,
                       TERMS_YEAR_MAX);
    }
    return ERR_OK;
}

enum err_code terms_choose(const struct config *config, const struct terms_request *request,
                           struct terms *ret_terms, struct err *err)
{
    const struct contract *contract;
    const struct contract *other;
    size_t at = 0;

    if (check_range(request, err) != ERR_OK) {
        return err->code;
    }
    if (next_version(config, request->contract, &at) == NULL) {
        return no_contract(config, request->contract, err);
    }
    contract = speaker(config, request, true);
    contract = contract != NULL ? contract : speaker(config, request, false);
    if (contract == NULL) {
        return no_version(config, request->contract, request, err);
    }
    at = 0;
    while ((other = next_version(config, request->contract, &at)) != NULL) {
        if (other != contract && holds_in(other, evaluated(contract, request))) {
            return two_versions(config, contract, other, evaluated(contract, request), err);
        }
    }
    *ret_terms = terms_of(contract, request);
    return ERR_OK;
}
