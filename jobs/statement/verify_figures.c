/* Of verify.h: time, fractions and what follows from them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/statement/natural.h"
#include "jobs/statement/verify.h"

enum { PLACE_SIZE = 160, DIGITS_MAX = 18 };

/* An exact fraction as the document has it. */
struct fraction {
    struct natural numerator, denominator;
    bool known; /* false: null */
};

/* False: it is neither null nor a fraction between 0 and 1. */
static bool read_fraction(const struct tree *uptime, struct fraction *ret)
{
    ret->known = uptime->kind != TREE_NULL;
    return !ret->known ||
           (natural_parse(tree_text(uptime, "numerator"), &ret->numerator) &&
            natural_parse(tree_text(uptime, "denominator"), &ret->denominator) &&
            ret->denominator.count > 0 && natural_compare(&ret->numerator, &ret->denominator) <= 0);
}

/* The fraction against a percent: n/d <=> v/10^s/100. */
static int compare_percent(const struct fraction *fraction, const struct natural_decimal *percent)
{
    struct natural left = fraction->numerator;
    struct natural right;

    natural_shift(&left, percent->scale + 2);
    natural_multiply(&percent->value, &fraction->denominator, &right);
    return natural_compare(&left, &right);
}

/* The percent has exactly `digits` decimals, is not above the fraction, and one unit more would be. */
static bool is_floor(const struct fraction *fraction, struct str text, int64_t digits)
{
    static const struct natural one = {.limbs = {1}, .count = 1};
    struct natural_decimal percent;

    if (!natural_parse_decimal(text, &percent) || (int64_t)percent.scale != digits ||
        compare_percent(fraction, &percent) < 0) {
        return false;
    }
    natural_add(&percent.value, &one, &percent.value);
    return compare_percent(fraction, &percent) < 0;
}

/* One level of a result: the percent follows from its fraction, its verdict from its target. */
struct level {
    const struct tree *result; /* has uptime, met, tier */
    const char *place;
    struct str target;
    const struct tree
        *second; /* the latency of this result, which has a say in met and tier; or NULL */
};

static const struct tree *terms_of(const struct verify_document *document)
{
    return tree_at(document->tree, "contract.terms");
}

static void check_percent(struct verify_document *document, const struct level *level,
                          const struct fraction *uptime)
{
    char place[PLACE_SIZE];

    (void)snprintf(place, sizeof(place), "%suptime.percent", level->place);
    if (uptime->known && !is_floor(uptime, tree_text(level->result, "uptime.percent"),
                                   tree_integer(terms_of(document), "digits"))) {
        verify_find(document, place, "not the fraction, rounded down to the contract's digits");
    }
}

/* All levels have to be met. */
static void check_met(struct verify_document *document, const struct level *level,
                      const struct fraction *uptime)
{
    struct natural_decimal target;
    char place[PLACE_SIZE];
    bool reached;

    (void)snprintf(place, sizeof(place), "%smet", level->place);
    if (!natural_parse_decimal(level->target, &target)) {
        verify_find(document, "target", "not a percent");
        return;
    }
    if (!uptime->known) {
        if (tree_truth(level->result, "met")) {
            verify_find(document, place, "nothing was measured");
        }
        return;
    }
    reached = compare_percent(uptime, &target) >= 0 &&
              (level->second == NULL || tree_truth(level->second, "met"));
    if (tree_truth(level->result, "met") != reached) {
        verify_find(document, place, reached ? "the target is met" : "the target is missed");
    }
}

/* The worst of the tiers that the fraction is strictly below; NULL: none. */
static const struct tree *tier_of(const struct verify_document *document,
                                  const struct fraction *uptime)
{
    const struct tree *tiers = tree_at(terms_of(document), "credits.tiers");
    const struct tree *found = NULL;
    struct natural_decimal least;

    for (size_t i = 0; uptime->known && tiers->kind == TREE_LIST && i < tiers->count; i++) {
        struct natural_decimal below;

        if (natural_parse_decimal(tree_text(&tiers->children[i], "below"), &below) &&
            compare_percent(uptime, &below) < 0 &&
            (found == NULL || natural_compare_decimals(&below, &least) < 0)) {
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
static void check_tier(struct verify_document *document, const struct level *level,
                       const struct fraction *uptime)
{
    const struct tree *expected = tier_of(document, uptime);
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

static void check_level(struct verify_document *document, const struct level *level)
{
    struct fraction uptime;
    char place[PLACE_SIZE];

    if (!read_fraction(tree_at(level->result, "uptime"), &uptime)) {
        (void)snprintf(place, sizeof(place), "%suptime", level->place);
        verify_find(document, place, "not a fraction between 0 and 1");
        return;
    }
    check_percent(document, level, &uptime);
    check_met(document, level, &uptime);
    check_tier(document, level, &uptime);
}

static void check_borders(struct verify_document *document, const struct level *level)
{
    const struct tree *borders = tree_at(level->result, "borders");
    struct fraction uptime;

    if (!read_fraction(tree_at(level->result, "uptime"), &uptime) || !uptime.known) {
        return;
    }
    for (size_t i = 0; borders->kind == TREE_LIST && i < borders->count; i++) {
        const struct tree *border = &borders->children[i];
        struct natural_decimal below;
        char place[PLACE_SIZE];

        (void)snprintf(place, sizeof(place), "%sborders[%zu]", level->place, i);
        if (!natural_parse_decimal(tree_text(border, "below"), &below)) {
            verify_find(document, place, "not a percent");
        } else if (tree_truth(border, "missed") != (compare_percent(&uptime, &below) < 0)) {
            verify_find(document, place, "missed is not what the fraction says");
        }
    }
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
    check_borders(document, &availability);
    if (both) {
        (void)snprintf(where, sizeof(where), "%slatency.", place);
        check_level(document, &second);
        check_borders(document, &second);
    }
}

/* The sum of an object's integers; false if there is anything else, or too much. */
static bool sum_of(const struct tree *columns, int64_t *ret_sum)
{
    int64_t sum = 0;

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
    check_top(document);
    check_result(document, document->tree, "");
    for (size_t i = 0; i < services->count; i++) {
        check_service(document, i);
    }
    check_incidents(document);
}
