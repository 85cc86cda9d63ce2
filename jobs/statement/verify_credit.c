/* Of verify.h: the credit, step by step. Steps that this version does not know, and amounts that are no decimals, are passed over. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/fraction.h"
#include "base/money.h"
#include "jobs/statement/verify.h"

enum { PLACE_SIZE = 64, AMOUNT_SIZE = 64 };

/* Of money; exact. */
struct amount {
    struct fraction value;
    bool known; /* false: it was no decimal */
};

struct steps {
    struct verify_document *document;
    const struct tree *terms;
    struct arena scratch;      /* numbers live here */
    struct amount fee, before; /* before: the amount of the step before */
    const struct currency *currency;
    int64_t amount_minor;
};

static bool parse(struct steps *steps, struct str text, struct fraction *ret)
{
    return fraction_parse_decimal(&steps->scratch, text, VERIFY_DECIMAL_DIGITS_MAX, ret);
}

/* "1240.00 EUR" */
static struct amount read_amount(struct steps *steps, const struct tree *step)
{
    struct str text = tree_text(step, "amount");
    struct str code = STR(steps->currency->code);
    struct amount amount = {.known = false};

    if (text.size > code.size + 1 &&
        str_equal(str_of(text.data + text.size - code.size, code.size), code) &&
        text.data[text.size - code.size - 1] == ' ') {
        amount.known = parse(steps, str_of(text.data, text.size - code.size - 1), &amount.value);
    }
    return amount;
}

/* amount = fee * percent / 100; true also if that is no figure of ours to check. */
static bool is_percent_of_fee(struct steps *steps, struct fraction amount, struct str percent_text)
{
    struct arena *scratch = &steps->scratch;
    struct fraction percent;

    if (!steps->fee.known || !parse(steps, percent_text, &percent)) {
        return true;
    }
    percent = fraction_divide(scratch, percent, fraction_of_int(scratch, 100));
    return fraction_compare(amount, fraction_multiply(scratch, steps->fee.value, percent)) == 0;
}

static const char *check_fee(struct steps *steps, struct fraction amount)
{
    struct str text = tree_present(steps->terms, "fee") ? tree_text(steps->terms, "fee") : STR("0");
    struct fraction fee;

    if (!parse(steps, text, &fee) || fraction_compare(amount, fee) != 0) {
        return "not the fee of the terms";
    }
    return NULL;
}

static const char *check_tier(struct steps *steps, struct fraction amount)
{
    const struct tree *tier = tree_at(steps->document->tree, "tier");

    if (tier->kind == TREE_NULL) {
        return fraction_sign(amount) == 0 || tree_present(steps->terms, "credits.proportional")
                   ? NULL
                   : "no tier applies";
    }
    return is_percent_of_fee(steps, amount, tree_text(tier, "percent"))
               ? NULL
               : "not the tier's percent of the fee";
}

static const char *check_minimum(struct steps *steps, struct fraction amount)
{
    struct fraction least;
    bool paid;

    if (!parse(steps, tree_text(steps->terms, "credits.minimum.more_than"), &least)) {
        return "the terms have no minimum";
    }
    paid = fraction_compare(steps->before.value, least) > 0;
    if (paid ? fraction_compare(amount, steps->before.value) != 0 : fraction_sign(amount) != 0) {
        return paid ? "it is more than the minimum" : "it is not more than the minimum";
    }
    return NULL;
}

static const char *check_cap(struct steps *steps, struct fraction amount)
{
    int order = fraction_compare(amount, steps->before.value);

    if (order == 0 ||
        (order < 0 &&
         is_percent_of_fee(steps, amount, tree_text(steps->terms, "credits.cap.percent")))) {
        return NULL;
    }
    return "neither the amount before nor the cap";
}

/* At most half a unit away; exactly half: as the contract says. */
static const char *check_rounding(struct steps *steps, struct fraction amount)
{
    struct arena *scratch = &steps->scratch;
    struct fraction up = fraction_subtract(scratch, amount, steps->before.value);
    bool is_up = fraction_sign(up) >= 0;
    struct fraction off = is_up ? up : fraction_subtract(scratch, FRACTION_ZERO, up);
    int64_t halves = 2;
    int half;

    for (int i = 0; i < steps->currency->digits; i++) {
        halves *= 10;
    }
    half = fraction_compare(off, fraction_of(scratch, rational_make(1, halves)));
    if (half > 0) {
        return "not rounded to the nearest unit";
    }
    if (half == 0 && (str_equal(tree_text(steps->terms, "credits.rounding"), STR("half_up"))
                          ? !is_up
                          : steps->amount_minor % 2 != 0)) {
        return "a half is not rounded as the terms say";
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*check)(struct steps *steps, struct fraction amount);
} checks[] = {{"fee", check_fee},
              {"tier", check_tier},
              {"minimum", check_minimum},
              {"cap", check_cap},
              {"rounding", check_rounding}};

static void check_step(struct steps *steps, size_t index, const struct tree *step)
{
    struct amount amount = read_amount(steps, step);
    struct str name = tree_text(step, "name");
    char place[PLACE_SIZE];

    (void)snprintf(place, sizeof(place), "credit.steps[%zu]", index);
    for (size_t i = 0; i < ARRAY_COUNT(checks) && amount.known && steps->before.known; i++) {
        const char *wrong =
            str_equal(name, STR(checks[i].name)) ? checks[i].check(steps, amount.value) : NULL;

        if (wrong != NULL) {
            verify_find(steps->document, place, "%s", wrong);
        }
    }
    if (str_equal(name, STR("fee"))) {
        steps->fee = amount;
    }
    steps->before = amount;
}

/* amount is amount_minor in words, and the last step's. */
static void check_amount(struct steps *steps, const struct tree *last)
{
    const struct tree *credit = tree_at(steps->document->tree, "credit");
    struct amount of_step = read_amount(steps, last);
    struct fraction of_credit;
    struct strbuf amount;

    strbuf_init(&amount, AMOUNT_SIZE);
    money_format(&amount, steps->currency, steps->amount_minor);
    if (!str_equal(strbuf_view(&amount), tree_text(credit, "amount"))) {
        verify_find(steps->document, "credit.amount", "not amount_minor, in the currency's unit");
    }
    if (!of_step.known || !parse(steps, tree_text(credit, "amount"), &of_credit) ||
        fraction_compare(of_step.value, of_credit) != 0) {
        verify_find(steps->document, "credit.amount", "not the amount of the last step");
    }
    strbuf_release(&amount);
}

void verify_credit(struct verify_document *document)
{
    const struct tree *credit = tree_at(document->tree, "credit");
    const struct tree *list = tree_at(credit, "steps");
    struct steps steps = {.document = document,
                          .terms = tree_at(document->tree, "contract.terms"),
                          .before = {.known = true},
                          .currency = currency_find(tree_text(credit, "currency")),
                          .amount_minor = tree_integer(credit, "amount_minor")};

    if (credit->kind == TREE_NULL) {
        return;
    }
    if (steps.currency == NULL ||
        !str_equal(tree_text(credit, "currency"), tree_text(steps.terms, "currency"))) {
        verify_find(document, "credit.currency", "not the currency of the terms");
        return;
    }
    if (list->kind != TREE_LIST || list->count == 0 || list->count > VERIFY_STEPS_MAX) {
        verify_find(document, "credit.steps", "not a list of 1 to %d", VERIFY_STEPS_MAX);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        check_step(&steps, i, &list->children[i]);
    }
    check_amount(&steps, &list->children[list->count - 1]);
    arena_release(&steps.scratch);
}
