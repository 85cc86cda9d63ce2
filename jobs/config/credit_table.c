/*
 * contracts[].credits: what a missed target costs.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

/* Major units of a fee or an amount, and how many times the fee may be credited before the cap: together what an int64_t of minor units holds. */
#define AMOUNT_MAX INT64_C(1000000000000)
#define TIMES_MAX 100

const struct conf_choice rounding_choices[] = {
    {"half_even", ROUND_HALF_EVEN, false}, {"half_up", ROUND_HALF_UP, false}, {NULL, 0, false}};

static const struct conf_row tier_rows[] = {
    {.key = "below",
     .type = CONF_PERCENT,
     .required = true,
     CONF_FIELD(struct credit_tier, below, struct rational),
     .help = "uptime strictly below this"},
    {.key = "percent",
     .type = CONF_PERCENT,
     CONF_FIELD(struct credit_tier, value, struct rational),
     .help = "is credited with this part of the fee; or"},
    {.key = "days",
     .type = CONF_DECIMAL,
     CONF_FIELD(struct credit_tier, value, struct rational),
     .maximum = TIMES_MAX,
     .help = "with so many days of service: fee / days of the period; or"},
    {.key = "amount",
     .type = CONF_DECIMAL,
     CONF_FIELD(struct credit_tier, value, struct rational),
     .maximum = AMOUNT_MAX,
     .help = "with this amount, in the major unit"},
};

static const struct {
    const char *key;
    enum credit_kind kind;
} kinds[] = {{"percent", CREDIT_PERCENT}, {"days", CREDIT_DAYS}, {"amount", CREDIT_AMOUNT}};

/* Exactly one of the three. */
static enum err_code check_tier(struct conf_reader *reader, const struct conf_node *node,
                                void *target, struct err *err)
{
    struct credit_tier *tier = target;
    const char *found = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        const struct conf_node *child = conf_child(node, kinds[i].key);

        if (child != NULL && found != NULL) {
            return conf_error(reader, child, err, "%s: instead of \"%s\", not beside it",
                              kinds[i].key, found);
        }
        if (child != NULL) {
            found = kinds[i].key;
            tier->kind = kinds[i].kind;
        }
    }
    return found != NULL
               ? ERR_OK
               : conf_error(reader, node, err,
                            "tier: one of \"percent\", \"days\" and \"amount\" is wanted");
}

static const struct conf_table tier_table = {
    .name = "tier", CONF_ROWS(tier_rows), .size = sizeof(struct credit_tier), .check = check_tier};

static const struct conf_row proportional_rows[] = {
    {.key = "multiplier",
     .type = CONF_DECIMAL,
     .required = true,
     CONF_FIELD(struct credit_terms, multiplier, struct rational),
     .maximum = TIMES_MAX,
     .help = "of the fee for the time that was lost"},
};
static const struct conf_table proportional_table = {.name = "proportional",
                                                     CONF_ROWS(proportional_rows)};

static const struct conf_row minimum_rows[] = {
    {.key = "more_than",
     .type = CONF_DECIMAL,
     .required = true,
     CONF_FIELD(struct credit_terms, minimum_more_than, struct rational),
     .maximum = AMOUNT_MAX,
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
     CONF_FIELD(struct credit_terms, tiers, struct credit_tier *),
     .count_offset = CONF_OFFSET(struct credit_terms, tier_count, size_t),
     .element = CONF_TABLE,
     .table = &tier_table,
     .minimum = 1,
     .maximum = 32,
     .help = "best first; they replace each other"},
    {.key = "proportional",
     .type = CONF_TABLE,
     CONF_SELF,
     .table = &proportional_table,
     CONF_PRESENT(struct credit_terms, proportional),
     .help = "instead of tiers: fee x (1 - uptime) x multiplier"},
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
     .choices = rounding_choices,
     .help = "to the currency's minor unit"},
    {.key = "claim_within",
     .type = CONF_DURATION,
     CONF_FIELD(struct credit_terms, claim_within_ns, int64_t),
     .fallback = "0s",
     .maximum = 3660 * NS_PER_DAY,
     .help = "from the local end of the period; 0s: no deadline"},
};

static enum err_code check_order(struct conf_reader *reader, const struct conf_node *tiers,
                                 const struct credit_terms *credits, struct err *err)
{
    const struct conf_node *tier = tiers->first;

    for (size_t i = 1; i < credits->tier_count; i++) {
        tier = tier->next;
        if (rational_compare(credits->tiers[i].below, credits->tiers[i - 1].below) >= 0) {
            return conf_error(reader, conf_child(tier, "below"), err,
                              "tiers: best first, each \"below\" less than the one before");
        }
    }
    return ERR_OK;
}

static void init_credits(struct conf_reader *reader, void *target)
{
    struct credit_terms *credits = target;

    (void)reader;
    credits->multiplier = rational_make(0, 1);
    credits->minimum_more_than = rational_make(0, 1);
    credits->cap = rational_make(0, 1);
}

static enum err_code check_credits(struct conf_reader *reader, const struct conf_node *node,
                                   void *target, struct err *err)
{
    const struct credit_terms *credits = target;
    const struct conf_node *tiers = conf_child(node, "tiers");

    if (tiers == NULL && !credits->proportional) {
        return conf_error(reader, node, err, "credits: \"tiers\" or \"proportional\" is required");
    }
    if (tiers != NULL && credits->proportional) {
        return conf_error(reader, conf_child(node, "proportional"), err,
                          "proportional: instead of \"tiers\", not beside them");
    }
    return tiers != NULL ? check_order(reader, tiers, credits, err) : ERR_OK;
}

const struct conf_table credit_table = {
    .name = "credits", CONF_ROWS(credit_rows), .init = init_credits, .check = check_credits};
