#include "base/rational.h"

#include "base/check.h"

enum { DECIMAL_DIGITS_MAX = 18, SCALE_DIGITS_MAX = 36 };

/* Unsigned, because the least int128 has no positive twin. */
static unsigned __int128 magnitude(int128 value)
{
    return value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
}

static unsigned __int128 greatest_common_divisor(unsigned __int128 a, unsigned __int128 b)
{
    while (b != 0) {
        unsigned __int128 rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

static int128 multiply_exact(int128 a, int128 b)
{
    int128 product;

    CHECK(!__builtin_mul_overflow(a, b, &product));
    return product;
}

static int128 power_of_ten(int digits)
{
    int128 power = 1;

    CHECK(digits >= 0);
    CHECK(digits <= SCALE_DIGITS_MAX);
    for (int i = 0; i < digits; i++) {
        power *= 10;
    }
    return power;
}

struct rational rational_make(int128 numerator, int128 denominator)
{
    bool negative = (numerator < 0) != (denominator < 0);
    unsigned __int128 n = magnitude(numerator);
    unsigned __int128 d = magnitude(denominator);
    unsigned __int128 divisor;

    CHECK(denominator != 0);
    divisor = greatest_common_divisor(n, d);
    n /= divisor;
    d /= divisor;
    CHECK(n >> 127 == 0);
    CHECK(d >> 127 == 0);
    return (struct rational){negative ? -(int128)n : (int128)n, (int128)d};
}

bool rational_parse(struct str text, struct rational *ret_value)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    int digits = 0;
    int decimals = -1; /* -1: no point yet */
    int128 value = 0;

    for (size_t i = negative; i < text.size; i++) {
        char c = text.data[i];

        if (c == '.' && decimals < 0 && digits > 0) {
            decimals = 0;
            continue;
        }
        if (c < '0' || c > '9' || digits == DECIMAL_DIGITS_MAX) {
            return false;
        }
        value = value * 10 + (c - '0');
        digits++;
        decimals += decimals >= 0;
    }
    if (digits == 0 || decimals == 0) {
        return false;
    }
    *ret_value =
        rational_make(negative ? -value : value, power_of_ten(decimals < 0 ? 0 : decimals));
    return true;
}

struct rational rational_add(struct rational a, struct rational b)
{
    /* The smallest common denominator keeps the intermediate values as small as they can be. */
    int128 common = (int128)greatest_common_divisor((unsigned __int128)a.denominator,
                                                    (unsigned __int128)b.denominator);
    int128 left = multiply_exact(a.numerator, b.denominator / common);
    int128 right = multiply_exact(b.numerator, a.denominator / common);
    int128 sum;

    CHECK(!__builtin_add_overflow(left, right, &sum));
    return rational_make(sum, multiply_exact(a.denominator, b.denominator / common));
}

struct rational rational_subtract(struct rational a, struct rational b)
{
    return rational_add(a, (struct rational){multiply_exact(b.numerator, -1), b.denominator});
}

struct rational rational_multiply(struct rational a, struct rational b)
{
    /* Reduced crosswise first, so that the products are already reduced. */
    struct rational left = rational_make(a.numerator, b.denominator);
    struct rational right = rational_make(b.numerator, a.denominator);

    return (struct rational){multiply_exact(left.numerator, right.numerator),
                             multiply_exact(left.denominator, right.denominator)};
}

struct rational rational_divide(struct rational a, struct rational b)
{
    CHECK(b.numerator != 0);
    return rational_multiply(a, rational_make(b.denominator, b.numerator));
}

struct wide {
    unsigned __int128 high, low;
};

/* The 256-bit product of two magnitudes, by halves of 64 bits as on paper. */
static struct wide multiply_wide(unsigned __int128 a, unsigned __int128 b)
{
    const unsigned __int128 mask = UINT64_MAX;
    unsigned __int128 low = (a & mask) * (b & mask);
    unsigned __int128 middle = (a >> 64) * (b & mask) + (low >> 64);
    unsigned __int128 middle_low = (a & mask) * (b >> 64) + (middle & mask);

    return (struct wide){(a >> 64) * (b >> 64) + (middle >> 64) + (middle_low >> 64),
                         (middle_low << 64) | (low & mask)};
}

static int compare_wide(struct wide a, struct wide b)
{
    if (a.high != b.high) {
        return a.high < b.high ? -1 : 1;
    }
    return (a.low > b.low) - (a.low < b.low);
}

int rational_compare(struct rational a, struct rational b)
{
    bool a_negative = a.numerator < 0;
    bool b_negative = b.numerator < 0;
    int order;

    CHECK(a.denominator > 0);
    CHECK(b.denominator > 0);
    if (a_negative != b_negative) {
        return a_negative ? -1 : 1;
    }
    order = compare_wide(multiply_wide(magnitude(a.numerator), (unsigned __int128)b.denominator),
                         multiply_wide(magnitude(b.numerator), (unsigned __int128)a.denominator));
    return a_negative ? -order : order;
}

/* Whether the magnitude `whole` grows by one, given the rest of a division by `divisor`. */
static bool round_away(unsigned __int128 whole, unsigned __int128 rest, unsigned __int128 divisor,
                       bool negative, enum rounding rounding)
{
    unsigned __int128 to_next =
        divisor - rest; /* compared with rest instead of doubling it, which could overflow */

    switch (rounding) {
    case ROUND_FLOOR:
        return negative && rest != 0;
    case ROUND_HALF_EVEN:
        return rest > to_next || (rest == to_next && whole % 2 == 1);
    default:
        CHECK(rounding == ROUND_HALF_UP);
        return rest >= to_next;
    }
}

int128 rational_scale(struct rational value, int digits, enum rounding rounding)
{
    struct rational scaled = rational_multiply(value, (struct rational){power_of_ten(digits), 1});
    bool negative = scaled.numerator < 0;
    unsigned __int128 divisor = (unsigned __int128)scaled.denominator;
    unsigned __int128 whole = magnitude(scaled.numerator) / divisor;
    unsigned __int128 rest = magnitude(scaled.numerator) % divisor;

    whole += rest != 0 && round_away(whole, rest, divisor, negative, rounding);
    return negative ? -(int128)whole : (int128)whole;
}

void int128_format(struct strbuf *buf, int128 value)
{
    char digits[40];
    size_t first = sizeof(digits);
    unsigned __int128 rest = magnitude(value);

    do {
        digits[--first] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (value < 0) {
        strbuf_append_char(buf, '-');
    }
    strbuf_append(buf, str_of(digits + first, sizeof(digits) - first));
}

void rational_format(struct strbuf *buf, struct rational value, int digits, enum rounding rounding)
{
    int128 scaled = rational_scale(value, digits, rounding);
    unsigned __int128 power = (unsigned __int128)power_of_ten(digits);
    unsigned __int128 decimals = magnitude(scaled) % power;

    if (scaled < 0) {
        strbuf_append_char(buf, '-');
    }
    int128_format(buf, (int128)(magnitude(scaled) / power));
    if (digits == 0) {
        return;
    }
    strbuf_append_char(buf, '.');
    for (unsigned __int128 unit = power / 10; unit > 0; unit /= 10) {
        strbuf_append_char(buf, (char)('0' + (int)(decimals / unit % 10)));
    }
}

void rational_format_exact(struct strbuf *buf, struct rational value)
{
    int digits = 0;
    struct rational reduced = rational_make(value.numerator, value.denominator);

    while (power_of_ten(digits) % reduced.denominator != 0) {
        digits++; /* power_of_ten CHECKs: a value without an exact decimal is a bug of the caller */
    }
    rational_format(buf, reduced, digits, ROUND_FLOOR);
}
