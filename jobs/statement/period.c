#include "jobs/statement/period.h"

#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/spelling.h"
#include "jobs/config/config.h"

enum { DATE_SIZE = 40 };

/* Local date, "2026-10-15". */
static const char *date_text(const struct zone *zone, int64_t time_s, char text[DATE_SIZE])
{
    struct civil local = zone_to_local(zone, time_s);

    (void)snprintf(text, DATE_SIZE, "%04d-%02d-%02d", (int)local.year, (int)local.month,
                   (int)local.day);
    return text;
}

/* The local midnight that many days before another one. */
static int64_t days_before(const struct zone *zone, int64_t midnight_s, int32_t days)
{
    struct civil local = zone_to_local(zone, midnight_s);
    int64_t day = civil_days(local.year, local.month, local.day) - days;
    struct civil before = civil_from_seconds(day * 86400);

    return zone_from_local(zone, &before);
}

/* Without looking at versions. */
static struct period whole(const struct contract *contract, int32_t year, int32_t month,
                           struct arena *arena)
{
    const struct zone *zone = contract->zone;
    int32_t quarter = (month - 1) / 3;
    struct period period = {.from_s = zone_month_start(zone, year, month),
                            .to_s = zone_month_start(zone, year, month + 1)};

    switch (contract->period) {
    case PERIOD_MONTH:
        period.name = arena_format(arena, "%04d-%02d", (int)year, (int)month);
        break;
    case PERIOD_QUARTER:
        period.from_s = zone_month_start(zone, year, quarter * 3 + 1);
        period.to_s = zone_month_start(zone, year, quarter * 3 + 4);
        period.name = arena_format(arena, "%04d-Q%d", (int)year, (int)quarter + 1);
        break;
    case PERIOD_YEAR:
        period.from_s = zone_month_start(zone, year, 1);
        period.to_s = zone_month_start(zone, year, 13);
        period.name = arena_format(arena, "%04d", (int)year);
        break;
    case PERIOD_ROLLING:
        period.from_s = days_before(zone, period.to_s, contract->rolling_days);
        period.name = arena_format(arena, "%04d-%02d-%dd", (int)year, (int)month,
                                   (int)contract->rolling_days);
        break;
    }
    return period;
}

static bool holds(const struct contract *contract, int64_t from_s, int64_t to_s)
{
    return contract->valid_from_s < to_s && contract->valid_until_s > from_s;
}

/* Whether an earlier version of the same contract holds in the same period. */
static bool follows(const struct contract *contracts, size_t count, const struct contract *contract,
                    const struct period *period)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(contracts[i].id, contract->id) &&
            holds(&contracts[i], period->from_s, period->to_s) &&
            contracts[i].valid_from_s < contract->valid_from_s) {
            return true;
        }
    }
    return false;
}

bool period_find(const struct contract *contracts, size_t count, const struct contract *contract,
                 int32_t year, int32_t month, struct arena *arena, struct period *ret_period)
{
    struct period period = whole(contract, year, month, arena);

    if (!holds(contract, period.from_s, period.to_s)) {
        return false;
    }
    if (follows(contracts, count, contract, &period)) {
        char text[DATE_SIZE];
        const char *date = date_text(contract->zone, contract->valid_from_s, text);

        period.name = contract->period == PERIOD_ROLLING
                          ? arena_format(arena, "%s-from-%s", period.name, date)
                          : arena_format(arena, "%s", date);
    }
    *ret_period = period;
    return true;
}

void period_at(const struct contract *contract, int64_t time_s, struct arena *arena,
               struct period *ret_period)
{
    struct civil local = zone_to_local(contract->zone, time_s);

    *ret_period = whole(contract, local.year, local.month, arena);
}

/* The month that a name begins with: of "2026-Q4" and "2026" the first one. */
static bool parse_month(struct str name, int32_t *ret_year, int32_t *ret_month)
{
    char text[] = "0000-01";

    if (name.size < 4) {
        return false;
    }
    memcpy(text, name.data, 4);
    if (name.size == 7 && name.data[4] == '-' && name.data[5] == 'Q' && name.data[6] >= '1' &&
        name.data[6] <= '4') {
        text[5] = name.data[6] == '4' ? '1' : '0';
        text[6] = "1470"[name.data[6] - '1'];
    } else if (name.size >= 7) {
        memcpy(text, name.data, 7);
    } else if (name.size > 4) {
        return false;
    }
    return civil_parse_month(STR(text), ret_year, ret_month);
}

/* Whether the name is that of a part of the period: by the first day of a version of the terms. */
static bool names_part(const struct contract *contract, struct str name, const char *whole_name,
                       struct arena *arena)
{
    int32_t year, month, day;

    if (contract->period == PERIOD_ROLLING) {
        struct str prefix = STR(arena_format(arena, "%s-from-", whole_name));

        if (!str_starts_with(name, prefix)) {
            return false;
        }
        name = str_of(name.data + prefix.size, name.size - prefix.size);
    }
    return civil_parse_date(name, &year, &month, &day);
}

bool period_named(const struct contract *contract, struct str name, struct arena *arena,
                  struct period *ret_period)
{
    int32_t year, month;
    struct period period;

    if (!parse_month(name, &year, &month)) {
        return false;
    }
    period = whole(contract, year, month, arena);
    if (!str_equal(name, STR(period.name)) && !names_part(contract, name, period.name, arena)) {
        return false;
    }
    period.name = arena_text(arena, name);
    *ret_period = period;
    return true;
}

/* Months from one end of a period to the next. */
static int32_t months_between_ends(const struct contract *contract)
{
    return contract->period == PERIOD_QUARTER ? 3 : contract->period == PERIOD_YEAR ? 12 : 1;
}

bool period_ends(const struct contract *contract, int32_t month)
{
    return month % months_between_ends(contract) == 0;
}

void period_last(const struct contract *contract, int64_t time_ns, int32_t *ret_year,
                 int32_t *ret_month)
{
    struct civil local = zone_to_local(contract->zone, time_ns / NS_PER_SECOND);
    int32_t length = months_between_ends(contract);
    int32_t over = (local.month - 1) / length * length; /* months of this year */

    *ret_year = over == 0 ? local.year - 1 : local.year;
    *ret_month = over == 0 ? 12 : over;
}

int32_t period_days(const struct zone *zone, int64_t from_s, int64_t to_s)
{
    struct civil local = zone_to_local(zone, from_s);
    int64_t day = civil_days(local.year, local.month, local.day);
    int64_t begin_s = from_s;
    int32_t days = 0;

    while (begin_s < to_s) {
        struct civil next = civil_from_seconds(++day * 86400);
        int64_t next_s = zone_from_local(zone, &next);

        days += next_s > begin_s; /* a day that was skipped has no length */
        begin_s = next_s;
    }
    return days;
}

/* Refusals. `where` is the period's name, or words for a time. */

static enum err_code refuse_two(const struct config *config, const struct contract *first,
                                const struct contract *second, const char *where, struct err *err)
{
    const struct contract *later = first->valid_from_s < second->valid_from_s ? second : first;
    char date[DATE_SIZE];

    return err_set(
        err, ERR_CONFIG,
        "%s:%d: contract \"%.*s\": other terms begin on %s, within %s; measure up to that "
        "day, and from it on, with --from and --to",
        config->path.data, later->line, STR_ARGS(later->id),
        date_text(later->zone, later->valid_from_s, date), where);
}

/* Names the end of the terms before and the beginning of those behind. */
static enum err_code refuse_none(const struct config *config, struct str id, int64_t from_s,
                                 const char *where, struct err *err)
{
    const struct contract *before = NULL, *behind = NULL;
    char ended[DATE_SIZE + 32] = "", begin[DATE_SIZE + 32] = "", date[DATE_SIZE];

    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];
        bool earlier = contract->valid_until_s <= from_s;

        if (!str_equal(contract->id, id)) {
            continue;
        }
        if (earlier && (before == NULL || contract->valid_until_s > before->valid_until_s)) {
            before = contract;
        }
        if (!earlier && (behind == NULL || contract->valid_from_s < behind->valid_from_s)) {
            behind = contract;
        }
    }
    if (before != NULL) {
        (void)snprintf(ended, sizeof(ended), "they ended before %s",
                       date_text(before->zone, before->valid_until_s, date));
    }
    if (behind != NULL) {
        (void)snprintf(begin, sizeof(begin),
                       before != NULL ? " and begin again on %s" : "they begin on %s",
                       date_text(behind->zone, behind->valid_from_s, date));
    }
    return err_set(err, ERR_CONFIG, "%s:%d: contract \"%.*s\" has no terms in %s: %s%s",
                   config->path.data, (before != NULL ? before : behind)->line, STR_ARGS(id), where,
                   ended, begin);
}

static enum err_code refuse_unknown(const struct config *config, struct str id, struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    spelling_init(&spelling, id);
    for (size_t i = 0; i < config->contract_count; i++) {
        spelling_offer(&spelling, config->contracts[i].id.data);
    }
    return err_set(err, ERR_USAGE, "--contract: there is no contract \"%.*s\"%s", STR_ARGS(id),
                   spelling_hint(&spelling, hint));
}

/* The version that holds in that time; then a second one, if there is. */
static const struct contract *version_in(const struct config *config, struct str id, int64_t from_s,
                                         int64_t to_s, const struct contract *other_than)
{
    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];

        if (str_equal(contract->id, id) && contract != other_than &&
            holds(contract, from_s, to_s)) {
            return contract;
        }
    }
    return NULL;
}

static enum err_code terms_in(const struct config *config, struct str id, int64_t from_s,
                              int64_t to_s, const char *where, const struct contract **ret_contract,
                              struct err *err)
{
    const struct contract *only = version_in(config, id, from_s, to_s, NULL);
    const struct contract *second = version_in(config, id, from_s, to_s, only);

    if (only == NULL) {
        return refuse_none(config, id, from_s, where, err);
    }
    if (second != NULL) {
        return refuse_two(config, only, second, where, err);
    }
    *ret_contract = only;
    return ERR_OK;
}

enum err_code period_terms_between(const struct config *config, struct str id, int64_t from_s,
                                   int64_t to_s, const struct contract **ret_contract,
                                   struct err *err)
{
    if (config_contract(config, id) == NULL) {
        return refuse_unknown(config, id, err);
    }
    return terms_in(config, id, from_s, to_s, "the time from --from to --to", ret_contract, err);
}

/* Whose kind of period is meant, as versions may differ in it: the one that holds in the month itself, else one whose period contains the month. NULL:
 * there is neither. */
static const struct contract *version_of_month(const struct config *config, struct str id,
                                               int32_t year, int32_t month, struct arena *arena)
{
    const struct contract *near = NULL;

    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];
        struct period period;

        if (!str_equal(contract->id, id)) {
            continue;
        }
        if (holds(contract, zone_month_start(contract->zone, year, month),
                  zone_month_start(contract->zone, year, month + 1))) {
            return contract;
        }
        period = whole(contract, year, month, arena);
        if (holds(contract, period.from_s, period.to_s)) {
            near = contract;
        }
    }
    return near;
}

enum err_code period_terms(const struct config *config, struct str id, int32_t year, int32_t month,
                           struct arena *arena, const struct contract **ret_contract,
                           struct period *ret_period, struct err *err)
{
    const struct contract *any = config_contract(config, id);
    const struct contract *contract = version_of_month(config, id, year, month, arena);
    struct period period;
    enum err_code code;

    if (any == NULL) {
        return refuse_unknown(config, id, err);
    }
    if (contract == NULL) {
        return refuse_none(config, id, zone_month_start(any->zone, year, month),
                           arena_format(arena, "%04d-%02d", (int)year, (int)month), err);
    }
    period = whole(contract, year, month, arena);
    code = terms_in(config, id, period.from_s, period.to_s, period.name, ret_contract, err);
    if (code == ERR_OK) {
        *ret_period = period;
    }
    return code;
}
