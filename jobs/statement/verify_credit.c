/* Of verify.h: the credit, step by step. Steps that this version does not know, and amounts that are no decimals, are passed over. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/money.h"
#include "jobs/statement/natural.h"
#include "jobs/statement/verify.h"

enum { PLACE_SIZE = 64, AMOUNT_SIZE = 64 };

struct steps {
    struct verify_document *document;
    const struct tree *terms;
    struct natural_decimal fee, before; /* before: the amount of the step before */
    const struct currency *currency;
    int64_t amount_minor;
};

/* "1240.00 EUR" */
static bool read_amount(const struct steps *steps, const struct tree *step,
                        struct natural_decimal *ret)
{
    struct str text = tree_text(step, "amount");
    struct str code = STR(steps->currency->code);

    if (text.size <= code.size + 1 ||
        !str_equal(str_of(text.data + text.size - code.size, code.size), code) ||
        text.data[text.size - code.size - 1] != ' ') {
        return false;
    }
    return natural_parse_decimal(str_of(text.data, text.size - code.size - 1), ret);
}

/* amount = whole * percent / 100 */
static bool is_percent_of(const struct natural_decimal *amount, const struct natural_decimal *whole,
                          struct str percent_text)
{
    struct natural_decimal percent, product;

    if (!natural_parse_decimal(percent_text, &percent) ||
        whole->scale + percent.scale + 2 > 2 * NATURAL_POWER_MAX) {
        return true; /* not a figure of ours to check */
    }
    natural_multiply(&whole->value, &percent.value, &product.value);
    product.scale = whole->scale + percent.scale + 2;
    return natural_compare_decimals(amount, &product) == 0;
}

static const char *check_fee(const struct steps *steps, const struct natural_decimal *amount)
{
    struct str text = tree_present(steps->terms, "fee") ? tree_text(steps->terms, "fee") : STR("0");
    struct natural_decimal fee;

    if (!natural_parse_decimal(text, &fee) || natural_compare_decimals(amount, &fee) != 0) {
        return "not the fee of the terms";
    }
    return NULL;
}

static const char *check_tier(const struct steps *steps, const struct natural_decimal *amount)
{
    const struct tree *tier = tree_at(steps->document->tree, "tier");

    if (tier->kind == TREE_NULL) {
        return amount->value.count == 0 || tree_present(steps->terms, "credits.proportional")
                   ? NULL
                   : "no tier applies";
    }
    return is_percent_of(amount, &steps->fee, tree_text(tier, "percent"))
               ? NULL
               : "not the tier's percent of the fee";
}

static const char *check_minimum(const struct steps *steps, const struct natural_decimal *amount)
{
    struct natural_decimal least;
    bool paid;

    if (!natural_parse_decimal(tree_text(steps->terms, "credits.minimum.more_than"), &least)) {
        return "the terms have no minimum";
    }
    paid = natural_compare_decimals(&steps->before, &least) > 0;
    if (paid ? natural_compare_decimals(amount, &steps->before) != 0 : amount->value.count != 0) {
        return paid ? "it is more than the minimum" : "it is not more than the minimum";
    }
    return NULL;
}

static const char *check_cap(const struct steps *steps, const struct natural_decimal *amount)
{
    struct str percent = tree_text(steps->terms, "credits.cap.percent");

    if (natural_compare_decimals(amount, &steps->before) == 0 ||
        (natural_compare_decimals(amount, &steps->before) < 0 &&
         is_percent_of(amount, &steps->fee, percent))) {
        return NULL;
    }
    return "neither the amount before nor the cap";
}

/* At most half a unit away; exactly half: as the contract says. */
static const char *check_rounding(const struct steps *steps, const struct natural_decimal *amount)
{
    static const struct natural two = {.limbs = {2}, .count = 1};
    struct natural_decimal unit = {.value = {.limbs = {1}, .count = 1},
                                   .scale = (unsigned)steps->currency->digits};
    struct natural_decimal off;
    struct natural x = amount->value;
    struct natural y = steps->before.value;
    int order, half;

    natural_shift(&x, steps->before.scale);
    natural_shift(&y, amount->scale);
    order = natural_compare(&x, &y);
    natural_subtract(order >= 0 ? &x : &y, order >= 0 ? &y : &x, &off.value);
    natural_multiply(&off.value, &two, &off.value);
    off.scale = amount->scale + steps->before.scale;
    half = natural_compare_decimals(&off, &unit);
    if (half > 0) {
        return "not rounded to the nearest unit";
    }
    if (half == 0 && (str_equal(tree_text(steps->terms, "credits.rounding"), STR("half_up"))
                          ? order < 0
                          : steps->amount_minor % 2 != 0)) {
        return "a half is not rounded as the terms say";
    }
    return NULL;
}

static const struct {
    const char *name;
    const char *(*check)(const struct steps *steps, const struct natural_decimal *amount);
} checks[] = {{"fee", check_fee},
              {"tier", check_tier},
              {"minimum", check_minimum},
              {"cap", check_cap},
              {"rounding", check_rounding}};

static void check_step(struct steps *steps, size_t index, const struct tree *step)
{
    struct natural_decimal amount;
    struct str name = tree_text(step, "name");
    char place[PLACE_SIZE];

    if (!read_amount(steps, step, &amount)) {
        steps->before.scale = NATURAL_POWER_MAX + 1; /* unknown */
        return;
    }
    (void)snprintf(place, sizeof(place), "credit.steps[%zu]", index);
    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        if (str_equal(name, STR(checks[i].name)) && steps->before.scale <= NATURAL_POWER_MAX) {
            const char *wrong = checks[i].check(steps, &amount);

            if (wrong != NULL) {
                verify_find(steps->document, place, "%s", wrong);
            }
        }
    }
    if (str_equal(name, STR("fee"))) {
        steps->fee = amount;
    }
    steps->before = amount;
}

/* amount is amount_minor in words, and the last step's. */
static void check_amount(const struct steps *steps, const struct tree *last)
{
    const struct tree *credit = tree_at(steps->document->tree, "credit");
    struct natural_decimal of_step, of_credit;
    struct strbuf amount;

    strbuf_init(&amount, AMOUNT_SIZE);
    money_format(&amount, steps->currency, steps->amount_minor);
    if (!str_equal(strbuf_view(&amount), tree_text(credit, "amount"))) {
        verify_find(steps->document, "credit.amount", "not amount_minor, in the currency's unit");
    }
    if (!read_amount(steps, last, &of_step) ||
        !natural_parse_decimal(tree_text(credit, "amount"), &of_credit) ||
        natural_compare_decimals(&of_step, &of_credit) != 0) {
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
    if (list->kind != TREE_LIST || list->count == 0) {
        verify_find(document, "credit.steps", "there are none");
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        check_step(&steps, i, &list->children[i]);
    }
    check_amount(&steps, &list->children[list->count - 1]);
}
