#include "jobs/statement/credit.h"

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/wording.h"

const struct credit_tier *credit_tier_of(const struct credit_terms *terms, struct rational uptime)
{
    const struct credit_tier *found = NULL;

    /* Tiers replace each other: of those that are passed, the last, for they are sorted best first. */
    for (size_t i = 0; terms->present && i < terms->tier_count; i++) {
        CHECK(i == 0 || rational_compare(terms->tiers[i].below, terms->tiers[i - 1].below) < 0);
        if (rational_compare(uptime, terms->tiers[i].below) < 0) {
            found = &terms->tiers[i];
        }
    }
    return found;
}

static struct border border_at(const struct result *result, struct rational below)
{
    struct rational share = rational_subtract(rational_make(1, 1), below);

    return (struct border){
        .below = below,
        .percent = {0, 1},
        .allowed = rational_multiply(result->pooled.valid, share),
        .missed = result->known && rational_compare(result->uptime, below) < 0,
    };
}

static void fill_borders(struct arena *arena, struct result *result)
{
    const struct credit_terms *terms = &result->contract->credits;
    size_t tiers = terms->present ? terms->tier_count : 0;

    result->borders = arena_calloc(arena, tiers + 1, sizeof(result->borders[0]));
    result->borders[0] = border_at(result, result->contract->availability.target);
    result->borders[0].is_target = true;
    for (size_t i = 0; i < tiers; i++) {
        result->borders[i + 1] = border_at(result, terms->tiers[i].below);
        result->borders[i + 1].percent = terms->tiers[i].percent;
    }
    result->border_count = tiers + 1;
}

static void add_step(struct credit *credit, const char *name, const char *text,
                     struct rational amount)
{
    CHECK(credit->step_count < ARRAY_COUNT(credit->steps));
    credit->steps[credit->step_count++] = (struct credit_step){name, text, amount};
}

static struct rational minimum_step(struct arena *arena, const struct contract *contract,
                                    struct rational amount, struct credit *credit)
{
    const struct credit_terms *terms = &contract->credits;
    const char *least = wording_money(arena, contract->currency, terms->minimum_more_than);
    bool kept = rational_compare(amount, terms->minimum_more_than) > 0;

    if (!kept) {
        amount = rational_make(0, 1);
    }
    add_step(credit, "minimum",
             arena_format(arena,
                          kept ? "more than the minimum of %s: it is paid"
                               : "not more than the minimum of %s: nothing is paid",
                          least),
             amount);
    return amount;
}

static struct rational cap_step(struct arena *arena, const struct contract *contract,
                                struct rational amount, struct credit *credit)
{
    struct rational cap = rational_multiply(contract->fee, contract->credits.cap);
    bool above = rational_compare(amount, cap) > 0;

    add_step(credit, "cap",
             arena_format(arena, "%s the cap of %s of the fee, %s", above ? "cut to" : "within",
                          wording_percent(arena, contract->credits.cap),
                          wording_money(arena, contract->currency, cap)),
             above ? cap : amount);
    return above ? cap : amount;
}

static void round_step(struct arena *arena, const struct contract *contract, struct rational amount,
                       struct credit *credit)
{
    bool even = contract->credits.rounding == ROUND_HALF_EVEN;
    int128 scale = 1;

    for (int i = 0; i < contract->currency->digits; i++) {
        scale *= 10;
    }
    credit->amount_minor = money_round(contract->currency, amount, contract->credits.rounding);
    add_step(credit, "rounding",
             arena_format(arena, "rounded to %d decimals, halves %s", contract->currency->digits,
                          even ? "to the even neighbour (half_even)" : "up (half_up)"),
             rational_make(credit->amount_minor, scale));
}

static void compute(struct arena *arena, const struct result *result, struct credit *credit)
{
    const struct contract *contract = result->contract;
    struct rational amount = {0, 1};

    add_step(credit, "fee", "fee of the whole period", contract->fee);
    if (result->tier != NULL) {
        amount = rational_multiply(contract->fee, result->tier->percent);
        add_step(credit, "tier",
                 arena_format(arena, "%s of the fee, for an uptime below %s",
                              wording_percent(arena, result->tier->percent),
                              wording_percent(arena, result->tier->below)),
                 amount);
        if (contract->credits.has_minimum) {
            amount = minimum_step(arena, contract, amount, credit);
        }
        if (contract->credits.has_cap) {
            amount = cap_step(arena, contract, amount, credit);
        }
    } else {
        add_step(credit, "tier",
                 result->known ? "no tier applies" : "nothing was measured: no tier applies",
                 amount);
    }
    round_step(arena, contract, amount, credit);
}

void credit_decide(struct arena *arena, int64_t end_s, struct result *result)
{
    const struct contract *contract = result->contract;
    const struct credit_terms *terms = &contract->credits;

    fill_borders(arena, result);
    result->met = result->known && !result->borders[0].missed;
    result->tier = result->known ? credit_tier_of(terms, result->uptime) : NULL;
    if (!terms->present) {
        return;
    }
    CHECK(contract->currency != NULL);
    result->credit.present = true;
    compute(arena, result, &result->credit);
    if (terms->claim_within_ns > 0) {
        result->credit.claim_until_s = end_s + terms->claim_within_ns / NS_PER_SECOND;
    }
}
