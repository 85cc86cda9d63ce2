/* Of verify.h: time, fractions and what follows from them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/fraction.h"
#include "jobs/statement/verify.h"

enum { PLACE_SIZE = 160, DIGITS_MAX = 18 };

static const struct rational percent_unit = {1, 100};

/* One level of a result: what follows from its fraction, which is read once. */
struct level {
    const struct tree *result; /* has uptime, met, tier, borders */
    const char *place;
    struct str target;
    const struct tree
        *second; /* the latency of this result, which has a say in met and tier; or NULL */
    struct arena *scratch; /* numbers live here */
    struct fraction uptime;
    bool known; /* uptime is not null */
};

/* "99.95" as the fraction that it is of 1. */
static bool read_percent(struct arena *arena, struct str text, struct fraction *ret)
{
    struct fraction value;

    if (!fraction_parse_decimal(arena, text, VERIFY_DECIMAL_DIGITS_MAX, &value)) {
        return false;
    }
    *ret = fraction_multiply(arena, value, fraction_of(arena, percent_unit));
    return true;
}

/* What is wrong with the fraction of a level; NULL: it is null, or a fraction between 0 and 1. */
static const char *read_uptime(struct level *level)
{
    const struct tree *uptime = tree_at(level->result, "uptime");
    struct str numerator = tree_text(uptime, "numerator");
    struct str denominator = tree_text(uptime, "denominator");

    level->known = uptime->kind != TREE_NULL;
    if (!level->known) {
        return NULL;
    }
    if (numerator.size > VERIFY_DIGITS_MAX || denominator.size > VERIFY_DIGITS_MAX) {
        return "too many digits to be checked";
    }
    if (!fraction_parse(level->scratch, numerator, denominator, VERIFY_DIGITS_MAX,
                        &level->uptime) ||
        fraction_compare(level->uptime, fraction_of_int(level->scratch, 1)) > 0) {
        return "not a fraction between 0 and 1";
    }
    return NULL;
}

/* Lists are as long as a contract can make them, so that time stays bounded where one is held against another. */
static bool is_list_of(struct verify_document *document, const char *place, const char *name,
                       const struct tree *list, size_t count_max)
{
    char where[PLACE_SIZE];

    if (list->count > count_max || (list->kind != TREE_LIST && list->kind != TREE_NULL)) {
        (void)snprintf(where, sizeof(where), "%s%s", place, name);
        verify_find(document, where, "not a list of at most %zu", count_max);
        return false;
    }
    return true;
}

static int64_t decimal_count(struct str text)
{
    const char *point = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;

    return point != NULL ? (int64_t)text.size - (point - text.data) - 1 : 0;
}

/* The percent has exactly `digits` decimals, is not above the fraction, and one unit more would be. */
static bool is_floor(const struct level *level, struct str text, int64_t digits)
{
    struct rational unit = percent_unit;
    struct fraction percent;

    if (digits < 0 || digits > DIGITS_MAX || decimal_count(text) != digits ||
        !read_percent(level->scratch, text, &percent) ||
        fraction_compare(level->uptime, percent) < 0) {
        return false;
    }
    for (int64_t i = 0; i < digits; i++) {
        unit.denominator *= 10;
    }
    percent = fraction_add(level->scratch, percent, fraction_of(level->scratch, unit));
    return fraction_compare(level->uptime, percent) < 0;
}

static const struct tree *terms_of(const struct verify_document *document)
{
    return tree_at(document->tree, "contract.terms");
}

static void check_percent(struct verify_document *document, const struct level *level)
{
    char place[PLACE_SIZE];

    (void)snprintf(place, sizeof(place), "%suptime.percent", level->place);
    if (level->known && !is_floor(level, tree_text(level->result, "uptime.percent"),
                                  tree_integer(terms_of(document), "digits"))) {
        verify_find(document, place, "not the fraction, rounded down to the contract's digits");
    }
}

/* All levels have to be met. */
static void check_met(struct verify_document *document, const struct level *level)
{
    struct fraction target;
    char place[PLACE_SIZE];
    bool reached;

    (void)snprintf(place, sizeof(place), "%smet", level->place);
    if (!read_percent(level->scratch, level->target, &target)) {
        verify_find(document, "target", "not a percent");
        return;
    }
    if (!level->known) {
        if (tree_truth(level->result, "met")) {
            verify_find(document, place, "nothing was measured");
        }
        return;
    }
    reached = fraction_compare(level->uptime, target) >= 0 &&
              (level->second == NULL || tree_truth(level->second, "met"));
    if (tree_truth(level->result, "met") != reached) {
        verify_find(document, place, reached ? "the target is met" : "the target is missed");
    }
}

/* The worst of the tiers that the fraction is strictly below; NULL: none. */
static const struct tree *tier_of(const struct verify_document *document, const struct level *level)
{
    const struct tree *tiers = tree_at(terms_of(document), "credits.tiers");
    const struct tree *found = NULL;
    struct fraction least = FRACTION_ZERO;

    for (size_t i = 0; level->known && i < tiers->count; i++) {
        struct fraction below;

        if (read_percent(level->scratch, tree_text(&tiers->children[i], "below"), &below) &&
            fraction_compare(level->uptime, below) < 0 &&
            (found == NULL || fraction_compare(below, least) < 0)) {
            found = &tiers->children[i];
            least = below;
        }
    }
    return found;
}

static bool is_tier(const struct tree *tier, const struct tree *expected)
{
    if (expected == NULL) {
        return tier->kind == TREE_NULL;
    }
    return str_equal(tree_text(tier, "below"), tree_text(expected, "below")) &&
           str_equal(tree_text(tier, "percent"), tree_text(expected, "percent"));
}

/* Of two levels the tier is that of one, the one that credits most. */
static void check_tier(struct verify_document *document, const struct level *level)
{
    const struct tree *expected = tier_of(document, level);
    const struct tree *tier = tree_at(level->result, "tier");
    char place[PLACE_SIZE];

    if (is_tier(tier, expected) ||
        (level->second != NULL && tree_equal(tier, tree_at(level->second, "tier")))) {
        return;
    }
    (void)snprintf(place, sizeof(place), "%stier", level->place);
    if (expected == NULL) {
        verify_find(document, place, "no tier applies");
    } else {
        verify_find(document, place, "the tier below %.*s %% applies",
                    STR_ARGS(tree_text(expected, "below")));
    }
}

static void check_borders(struct verify_document *document, const struct level *level)
{
    const struct tree *borders = tree_at(level->result, "borders");

    if (!is_list_of(document, level->place, "borders", borders, VERIFY_TIERS_MAX + 1)) {
        return;
    }
    for (size_t i = 0; level->known && i < borders->count; i++) {
        const struct tree *border = &borders->children[i];
        struct fraction below;
        char place[PLACE_SIZE];

        (void)snprintf(place, sizeof(place), "%sborders[%zu]", level->place, i);
        if (!read_percent(level->scratch, tree_text(border, "below"), &below)) {
            verify_find(document, place, "not a percent");
        } else if (tree_truth(border, "missed") != (fraction_compare(level->uptime, below) < 0)) {
            verify_find(document, place, "missed is not what the fraction says");
        }
    }
}

static void check_level(struct verify_document *document, struct level *level)
{
    struct arena scratch = ARENA_INIT;
    const char *wrong;
    char place[PLACE_SIZE];

    level->scratch = &scratch;
    wrong = read_uptime(level);
    if (wrong != NULL) {
        (void)snprintf(place, sizeof(place), "%suptime", level->place);
        verify_find(document, place, "%s", wrong);
    } else {
        check_percent(document, level);
        check_met(document, level);
        check_tier(document, level);
        check_borders(document, level);
    }
    arena_release(&scratch);
}

/* Availability, and latency beside it if it was agreed. */
static void check_result(struct verify_document *document, const struct tree *result,
                         const char *place)
{
    const struct tree *latency = tree_at(result, "latency");
    bool both = latency->kind == TREE_OBJECT;
    char where[PLACE_SIZE];
    struct level availability = {.result = result,
                                 .place = place,
                                 .target = tree_text(document->tree, "target"),
                                 .second = both ? latency : NULL};
    struct level second = {
        .result = latency, .place = where, .target = tree_text(latency, "target")};

    check_level(document, &availability);
    if (both) {
        (void)snprintf(where, sizeof(where), "%slatency.", place);
        check_level(document, &second);
    }
}

/* The sum of an object's integers; false if there is anything else, or too much: what is done for each column of each day stays bounded. */
static bool sum_of(const struct tree *columns, int64_t *ret_sum)
{
    int64_t sum = 0;

    if (columns->count > VERIFY_COLUMNS_MAX) {
        return false;
    }
    for (size_t i = 0; i < columns->count; i++) {
        if (columns->children[i].kind != TREE_INTEGER || columns->children[i].integer < 0 ||
            __builtin_add_overflow(sum, columns->children[i].integer, &sum)) {
            return false;
        }
    }
    *ret_sum = sum;
    return columns->kind == TREE_OBJECT;
}

/* "The month adds up": *ret_sum is compared by the caller. */
static bool check_sum(struct verify_document *document, const char *place,
                      const struct tree *columns, int64_t expected)
{
    int64_t sum;

    if (!sum_of(columns, &sum)) {
        verify_find(document, place, "not columns of seconds");
        return false;
    }
    if (sum != expected) {
        verify_find(document, place, "adds up to %" PRId64 " s, not to %" PRId64 " s", sum,
                    expected);
        return false;
    }
    return true;
}

/* Each day adds up, and each column of the days to that of the service. */
static void check_days(struct verify_document *document, const char *place,
                       const struct tree *service)
{
    const struct tree *days = tree_at(service, "days");
    const struct tree *columns = tree_at(service, "seconds");
    char where[PLACE_SIZE + 64];

    for (size_t i = 0; days->kind == TREE_LIST && i < days->count; i++) {
        const struct tree *day = &days->children[i];

        (void)snprintf(where, sizeof(where), "%sdays[%zu]", place, i);
        if (!check_sum(document, where, tree_at(day, "seconds"),
                       tree_integer(day, "length_seconds"))) {
            return;
        }
    }
    for (size_t k = 0; k < columns->count; k++) {
        const char *key = columns->children[k].key.data;
        int64_t sum = 0;

        for (size_t i = 0; days->kind == TREE_LIST && i < days->count; i++) {
            if (__builtin_add_overflow(
                    sum, tree_integer(tree_at(&days->children[i], "seconds"), key), &sum)) {
                sum = INT64_MAX;
                break;
            }
        }
        if (sum != columns->children[k].integer) {
            (void)snprintf(where, sizeof(where), "%sdays", place);
            verify_find(document, where, "%s adds up to %" PRId64 " s, not to %" PRId64 " s", key,
                        sum, columns->children[k].integer);
        }
    }
}

static void check_service(struct verify_document *document, size_t index)
{
    const struct tree *service = &tree_at(document->tree, "services")->children[index];
    char place[PLACE_SIZE];
    char where[PLACE_SIZE + 16];

    (void)snprintf(place, sizeof(place), "services[%zu].", index);
    (void)snprintf(where, sizeof(where), "%sseconds", place);
    if (check_sum(document, where, tree_at(service, "seconds"),
                  tree_integer(document->tree, "period.seconds"))) {
        check_days(document, place, service);
    }
    check_result(document, service, place);
}

/* One result stands at the top: of the pool, of the worst service, or the sum of all. */
static void check_top(struct verify_document *document)
{
    const struct tree *tree = document->tree;
    const struct tree *services = tree_at(tree, "services");
    int64_t length = tree_integer(tree, "period.seconds");
    int64_t all = 0;
    int64_t sum = 0;

    if (!sum_of(tree_at(tree, "seconds"), &sum) ||
        __builtin_mul_overflow(length, (int64_t)services->count, &all) ||
        (sum != length && sum != all)) {
        verify_find(document, "seconds", "adds up to %" PRId64 " s; the period has %" PRId64 " s",
                    sum, length);
    }
    for (size_t i = 0; tree_present(tree, "worst_service") && i < services->count; i++) {
        const struct tree *service = &services->children[i];

        if (str_equal(tree_text(service, "service"), tree_text(tree, "worst_service")) &&
            !tree_equal(tree_at(service, "uptime"), tree_at(tree, "uptime"))) {
            verify_find(document, "uptime", "not that of the worst service");
        }
    }
}

/* *ret_seconds between two moments; false: they are none. */
static bool length_of(const struct tree *value, int64_t *ret_seconds)
{
    int64_t from_ns, to_ns;

    if (!civil_parse_rfc3339(tree_text(value, "from"), &from_ns) ||
        !civil_parse_rfc3339(tree_text(value, "to"), &to_ns)) {
        return false;
    }
    *ret_seconds = to_ns / NS_PER_SECOND - from_ns / NS_PER_SECOND;
    return true;
}

static void check_length(struct verify_document *document, const char *place,
                         const struct tree *value, const char *seconds)
{
    int64_t length;

    if (!length_of(value, &length) || length != tree_integer(value, seconds)) {
        verify_find(document, place, "its length is not the time between its two ends");
    }
}

static void check_incidents(struct verify_document *document)
{
    const struct tree *incidents = tree_at(document->tree, "incidents");
    char place[PLACE_SIZE];

    for (size_t i = 0; i < incidents->count; i++) {
        (void)snprintf(place, sizeof(place), "incidents[%zu]", i);
        check_length(document, place, &incidents->children[i], "length_seconds");
    }
}

void verify_figures(struct verify_document *document)
{
    const struct tree *services = tree_at(document->tree, "services");

    check_length(document, "period", tree_at(document->tree, "period"), "seconds");
    if (!is_list_of(document, "", "services", services, VERIFY_SERVICES_MAX) ||
        !is_list_of(document, "contract.terms.", "credits.tiers",
                    tree_at(terms_of(document), "credits.tiers"), VERIFY_TIERS_MAX)) {
        return;
    }
    check_top(document);
    check_result(document, document->tree, "");
    for (size_t i = 0; i < services->count; i++) {
        check_service(document, i);
    }
    check_incidents(document);
}
