#include "jobs/statement/natural.h"

#include "base/check.h"

enum { BASE = 1000000000, LIMB_DIGITS = 9 };

/* Two numbers of the greatest size, multiplied and shifted. */
_Static_assert(2 * NATURAL_DIGITS_MAX + 2 * NATURAL_POWER_MAX + 2 * LIMB_DIGITS <=
                   NATURAL_LIMBS * LIMB_DIGITS,
               "products fit");

static void trim(struct natural *value)
{
    while (value->count > 0 && value->limbs[value->count - 1] == 0) {
        value->count--;
    }
}

static void multiply_small(struct natural *value, uint32_t factor, uint32_t carry)
{
    uint64_t rest = carry;

    for (size_t i = 0; i < value->count; i++) {
        rest += (uint64_t)value->limbs[i] * factor;
        value->limbs[i] = (uint32_t)(rest % BASE);
        rest /= BASE;
    }
    if (rest > 0) {
        CHECK(value->count < NATURAL_LIMBS);
        value->limbs[value->count++] = (uint32_t)rest;
    }
}

bool natural_parse(struct str text, struct natural *ret_value)
{
    struct natural value = {.count = 0};

    if (text.size == 0 || text.size > NATURAL_DIGITS_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        multiply_small(&value, 10, (uint32_t)(text.data[i] - '0'));
    }
    *ret_value = value;
    return true;
}

bool natural_parse_decimal(struct str text, struct natural_decimal *ret_value)
{
    char digits[NATURAL_DIGITS_MAX];
    size_t count = 0;
    size_t point = text.size;

    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '.') {
            if (point != text.size || i == 0 || i + 1 == text.size) {
                return false;
            }
            point = i;
        } else if (count < sizeof(digits)) {
            digits[count++] = text.data[i];
        } else {
            return false;
        }
    }
    ret_value->scale = point < text.size ? (unsigned)(text.size - point - 1) : 0;
    return ret_value->scale <= NATURAL_POWER_MAX &&
           natural_parse(str_of(digits, count), &ret_value->value);
}

int natural_compare(const struct natural *a, const struct natural *b)
{
    if (a->count != b->count) {
        return a->count < b->count ? -1 : 1;
    }
    for (size_t i = a->count; i > 0; i--) {
        if (a->limbs[i - 1] != b->limbs[i - 1]) {
            return a->limbs[i - 1] < b->limbs[i - 1] ? -1 : 1;
        }
    }
    return 0;
}

void natural_add(const struct natural *a, const struct natural *b, struct natural *ret_sum)
{
    struct natural sum = {.count = a->count > b->count ? a->count : b->count};
    uint32_t carry = 0;

    for (size_t i = 0; i < sum.count; i++) {
        uint32_t limb = carry + (i < a->count ? a->limbs[i] : 0) + (i < b->count ? b->limbs[i] : 0);

        carry = limb >= BASE;
        sum.limbs[i] = limb - (carry != 0 ? (uint32_t)BASE : 0);
    }
    if (carry != 0) {
        CHECK(sum.count < NATURAL_LIMBS);
        sum.limbs[sum.count++] = carry;
    }
    *ret_sum = sum;
}

void natural_subtract(const struct natural *a, const struct natural *b, struct natural *ret_rest)
{
    struct natural rest = {.count = a->count};
    uint32_t borrow = 0;

    CHECK(natural_compare(a, b) >= 0);
    for (size_t i = 0; i < a->count; i++) {
        uint32_t take = borrow + (i < b->count ? b->limbs[i] : 0);

        borrow = a->limbs[i] < take;
        rest.limbs[i] = a->limbs[i] + (borrow != 0 ? (uint32_t)BASE : 0) - take;
    }
    trim(&rest);
    *ret_rest = rest;
}

void natural_multiply(const struct natural *a, const struct natural *b, struct natural *ret_product)
{
    struct natural product = {.count = a->count + b->count};

    CHECK(product.count <= NATURAL_LIMBS);
    for (size_t i = 0; i < a->count; i++) {
        uint64_t rest = 0;

        for (size_t k = 0; k < b->count; k++) {
            rest += product.limbs[i + k] + (uint64_t)a->limbs[i] * b->limbs[k];
            product.limbs[i + k] = (uint32_t)(rest % BASE);
            rest /= BASE;
        }
        product.limbs[i + b->count] = (uint32_t)rest;
    }
    trim(&product);
    *ret_product = product;
}

void natural_shift(struct natural *value, unsigned power)
{
    CHECK(power <= 2 * NATURAL_POWER_MAX);
    for (; power > 0; power--) {
        multiply_small(value, 10, 0);
    }
}

int natural_compare_decimals(const struct natural_decimal *a, const struct natural_decimal *b)
{
    struct natural x = a->value;
    struct natural y = b->value;

    natural_shift(&x, b->scale);
    natural_shift(&y, a->scale);
    return natural_compare(&x, &y);
}
