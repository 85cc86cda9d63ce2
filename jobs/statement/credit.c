#include "jobs/statement/credit.h"

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/measure.h"
#include "jobs/statement/wording.h"

/* One level on its way to an amount. */
struct award {
    const struct credit_input *input;
    struct arena *arena;
    struct level *level;
    struct fraction amount; /* exact, after the last step */
};

static const struct rational one = {1, 1};

static struct fraction allowed_at(struct arena *arena, const struct level *level,
                                  struct rational below)
{
    return fraction_multiply(arena, level->measure.valid,
                             fraction_of(arena, rational_subtract(one, below)));
}

static struct border border_at(struct arena *arena, const struct level *level,
                               struct rational below, const struct credit_tier *tier)
{
    return (struct border){
        .below = below,
        .tier = tier,
        .allowed = allowed_at(arena, level, below),
        .missed = level->known && fraction_compare(level->uptime, fraction_of(arena, below)) < 0,
    };
}

/* Tiers replace each other: of those that are passed, the last, for they are sorted best first. A border that is hit exactly is not passed. */
static void find_tier(struct arena *arena, const struct credit_terms *terms, struct level *level)
{
    size_t tiers = terms->present ? terms->tier_count : 0;

    level->borders = arena_calloc(arena, tiers + 1, sizeof(level->borders[0]));
    level->borders[0] = border_at(arena, level, level->target, NULL);
    level->border_count = tiers + 1;
    level->tier = NULL;
    for (size_t i = 0; i < tiers; i++) {
        const struct credit_tier *tier = &terms->tiers[i];

        CHECK(i == 0 || rational_compare(tier->below, terms->tiers[i - 1].below) < 0);
        level->borders[i + 1] = border_at(arena, level, tier->below, tier);
        if (level->borders[i + 1].missed) {
            level->tier = tier;
        }
    }
}

static void add_step(struct award *award, const char *name, const char *text)
{
    struct credit *credit = &award->level->credit;

    CHECK(credit->step_count < ARRAY_COUNT(credit->steps));
    credit->steps[credit->step_count++] = (struct credit_step){name, text, award->amount};
}

const char *credit_tier_text(struct arena *arena, const struct contract *contract,
                             const struct credit_tier *tier)
{
    switch (tier->kind) {
    case CREDIT_PERCENT:
        return arena_format(arena, "%s of the fee", wording_percent(arena, tier->value));
    case CREDIT_DAYS:
        return arena_format(arena, "%s days of service", wording_decimal(arena, tier->value));
    case CREDIT_AMOUNT:
        return wording_money(arena, contract->currency, fraction_of(arena, tier->value));
    }
    CHECK(!"a kind of credit");
    return "";
}

static struct fraction tier_amount(struct award *award, const struct credit_tier *tier)
{
    struct arena *arena = award->arena;
    struct rational fee = award->input->contract->fee;

    switch (tier->kind) {
    case CREDIT_PERCENT:
        return fraction_of(arena, rational_multiply(fee, tier->value));
    case CREDIT_DAYS:
        return fraction_divide(
            arena,
            fraction_multiply(arena, fraction_of(arena, fee), fraction_of(arena, tier->value)),
            fraction_of_int(arena, award->input->period_days));
    case CREDIT_AMOUNT:
        return fraction_of(arena, tier->value);
    }
    CHECK(!"a kind of credit");
    return FRACTION_ZERO;
}

static void tier_step(struct award *award)
{
    const struct contract *contract = award->input->contract;
    const struct credit_tier *tier = award->level->tier;

    if (tier == NULL) {
        award->amount = FRACTION_ZERO;
        add_step(award, "tier",
                 award->level->known ? "no tier applies" : "nothing was measured: no tier applies");
        return;
    }
    award->amount = tier_amount(award, tier);
    add_step(award, "tier",
             arena_format(award->arena, "%s, for %s below %s",
                          credit_tier_text(award->arena, contract, tier), award->level->name,
                          wording_percent(award->arena, tier->below)));
}

static void proportional_step(struct award *award)
{
    const struct contract *contract = award->input->contract;
    struct arena *arena = award->arena;
    struct rational price = rational_multiply(contract->fee, contract->credits.multiplier);

    award->amount = FRACTION_ZERO;
    if (award->level->known) {
        struct fraction missing =
            fraction_subtract(arena, fraction_of(arena, one), award->level->uptime);

        award->amount = fraction_multiply(arena, missing, fraction_of(arena, price));
    }
    add_step(award, "proportional",
             award->level->known
                 ? arena_format(arena, "fee x (1 - uptime) x %s",
                                wording_decimal(arena, contract->credits.multiplier))
                 : "nothing was measured: nothing is credited");
}

static void minimum_step(struct award *award)
{
    const struct contract *contract = award->input->contract;
    struct fraction least = fraction_of(award->arena, contract->credits.minimum_more_than);
    bool kept = fraction_compare(award->amount, least) > 0;

    if (!kept) {
        award->amount = FRACTION_ZERO;
    }
    add_step(award, "minimum",
             arena_format(award->arena,
                          kept ? "more than the minimum of %s: it is paid"
                               : "not more than the minimum of %s: nothing is paid",
                          wording_money(award->arena, contract->currency, least)));
}

static void cap_step(struct award *award)
{
    const struct contract *contract = award->input->contract;
    struct fraction cap =
        fraction_of(award->arena, rational_multiply(contract->fee, contract->credits.cap));
    bool above = fraction_compare(award->amount, cap) > 0;

    award->amount = above ? cap : award->amount;
    add_step(award, "cap",
             arena_format(award->arena, "%s the cap of %s of the fee, %s",
                          above ? "cut to" : "within",
                          wording_percent(award->arena, contract->credits.cap),
                          wording_money(award->arena, contract->currency, cap)));
}

static void round_step(struct award *award)
{
    const struct contract *contract = award->input->contract;
    const struct currency *currency = contract->currency;
    bool even = contract->credits.rounding == ROUND_HALF_EVEN;
    int128 scale = 1;

    for (int i = 0; i < currency->digits; i++) {
        scale *= 10;
    }
    award->level->credit.amount_minor =
        money_round(currency, award->amount, contract->credits.rounding);
    award->amount =
        fraction_of(award->arena, rational_make(award->level->credit.amount_minor, scale));
    add_step(award, "rounding",
             arena_format(award->arena, "rounded to %d decimals, halves %s", currency->digits,
                          even ? "to the even neighbour (half_even)" : "up (half_up)"));
}

static void compute(struct award *award)
{
    const struct contract *contract = award->input->contract;

    award->amount = fraction_of(award->arena, contract->fee);
    add_step(award, "fee", "fee of the whole period");
    if (contract->credits.proportional) {
        proportional_step(award);
    } else {
        tier_step(award);
    }
    if (fraction_sign(award->amount) > 0 && contract->credits.has_minimum) {
        minimum_step(award);
    }
    if (fraction_sign(award->amount) > 0 && contract->credits.has_cap) {
        cap_step(award);
    }
    round_step(award);
}

static void decide_level(const struct credit_input *input, struct arena *arena, struct level *level)
{
    const struct credit_terms *terms = &input->contract->credits;
    struct award award = {.input = input, .arena = arena, .level = level};

    level->known = measure_uptime(&level->measure, arena, &level->uptime);
    level->lost = fraction_subtract(arena, level->measure.valid, level->measure.good);
    find_tier(arena, terms, level);
    level->met = level->known && !level->borders[0].missed;
    if (!terms->present) {
        return;
    }
    CHECK(input->contract->currency != NULL);
    level->credit.present = true;
    compute(&award);
    if (terms->claim_within_ns > 0) {
        level->credit.claim_until_s = input->end_s + terms->claim_within_ns / NS_PER_SECOND;
    }
}

void credit_decide(const struct credit_input *input, struct arena *arena, struct verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->level_count; i++) {
        decide_level(input, arena, &verdicts->levels[i]);
    }
    verdicts->known = verdicts->levels[LEVEL_AVAILABILITY].known;
    verdicts->met = verdicts->known;
    verdicts->paying = LEVEL_AVAILABILITY;
    for (size_t i = 0; verdicts->known && i < verdicts->level_count; i++) {
        const struct level *level = &verdicts->levels[i];

        verdicts->met = verdicts->met && (!level->known || level->met);
        if (level->credit.amount_minor > verdicts->levels[verdicts->paying].credit.amount_minor) {
            verdicts->paying = i;
        }
    }
}
