/*
 * contracts[].credits: what a missed target costs.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

static const struct conf_choice roundings[] = {
    {"half_even", ROUND_HALF_EVEN, false}, {"half_up", ROUND_HALF_UP, false}, {NULL, 0, false}};

static const struct conf_row tier_rows[] = {
    {.key = "below",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct credit_tier, below, struct rational),
     .help = "uptime strictly below this"},
    {.key = "percent",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct credit_tier, value, struct rational),
     .help = "is credited with this part of the fee"},
    {.key = "days", .type = CONF_LATER},
    {.key = "amount", .type = CONF_LATER},
};
static const struct conf_table tier_table = {
    .name = "tier", CONF_ROWS(tier_rows), .size = sizeof(struct credit_tier)};

static const struct conf_row minimum_rows[] = {
    {.key = "more_than",
     .type = CONF_DECIMAL,
     .required = true,
     CONF_FIELD(struct credit_terms, minimum_more_than, struct rational),
     .maximum = INT64_C(1000000000000),
     .help = "smaller or equal amounts are not credited"},
};
static const struct conf_table minimum_table = {.name = "minimum", CONF_ROWS(minimum_rows)};

static const struct conf_row cap_rows[] = {
    {.key = "percent",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct credit_terms, cap, struct rational),
     .help = "largest credit, of the fee"},
};
static const struct conf_table cap_table = {.name = "cap", CONF_ROWS(cap_rows)};

static const struct conf_row credit_rows[] = {
    {.key = "tiers",
     .type = CONF_ARRAY,
     .required = true,
     CONF_FIELD(struct credit_terms, tiers, struct credit_tier *),
     .count_offset = CONF_OFFSET(struct credit_terms, tier_count, size_t),
     .element = CONF_TABLE,
     .table = &tier_table,
     .minimum = 1,
     .maximum = 32,
     .help = "best first; they replace each other"},
    {.key = "minimum",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &minimum_table,
     CONF_PRESENT(struct credit_terms, has_minimum),
     .help = "smallest credit"},
    {.key = "cap",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &cap_table,
     CONF_PRESENT(struct credit_terms, has_cap),
     .help = "largest credit"},
    {.key = "rounding",
     .type = CONF_ENUM,
     .required = true,
     CONF_FIELD(struct credit_terms, rounding, enum rounding),
     .choices = roundings,
     .help = "to the currency's minor unit"},
    {.key = "claim_within",
     .type = CONF_DURATION,
     CONF_FIELD(struct credit_terms, claim_within_ns, int64_t),
     .fallback = "0s",
     .maximum = 3660 * NS_PER_DAY,
     .help = "from the local end of the period; 0s: no deadline"},
    {.key = "proportional", .type = CONF_LATER},
};

static enum err_code check_credits(struct conf_reader *reader, const struct conf_node *node,
                                   void *target, struct err *err)
{
    const struct credit_terms *credits = target;
    const struct conf_node *tier = conf_child(node, "tiers")->first;

    for (size_t i = 1; i < credits->tier_count; i++) {
        tier = tier->next;
        if (rational_compare(credits->tiers[i].below, credits->tiers[i - 1].below) >= 0) {
            return conf_error(reader, conf_child(tier, "below"), err,
                              "tiers: best first, each \"below\" less than the one before");
        }
    }
    return ERR_OK;
}

const struct conf_table credit_table = {
    .name = "credits", CONF_ROWS(credit_rows), .check = check_credits};
