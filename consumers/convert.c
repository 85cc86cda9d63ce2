#include "consumers/convert.h"

#include "base/check.h"
#include "base/clock.h"

bool convert_integer(int64_t value, int64_t unit_ns, int64_t *ret_ns)
{
    CHECK(unit_ns >= 1);
    CHECK(unit_ns <= NS_PER_DAY);
    return !__builtin_mul_overflow(value, unit_ns, ret_ns);
}

int64_t convert_unit_ns(enum schema_logical logical)
{
    static const int64_t units[] = {[SCHEMA_TIMESTAMP_MILLIS] = NS_PER_MS,
                                    [SCHEMA_TIMESTAMP_MICROS] = 1000,
                                    [SCHEMA_TIMESTAMP_NANOS] = 1};

    CHECK(logical != SCHEMA_LOGICAL_NONE);
    return units[logical];
}

bool convert_instant(int64_t value, enum schema_logical logical, int64_t *ret_ns)
{
    return convert_integer(value, convert_unit_ns(logical), ret_ns);
}

/* product / 2^shift with shift >= 1, to nearest, ties to even. product < 2^100, so that a shift of 128 or more leaves less than a half. */
static unsigned __int128 shift_right(unsigned __int128 product, int shift)
{
    unsigned __int128 quotient;
    unsigned __int128 rest;
    unsigned __int128 half;

    if (shift >= 127) {
        return 0;
    }
    quotient = product >> shift;
    rest = product - (quotient << shift);
    half = (unsigned __int128)1 << (shift - 1);
    if (rest > half || (rest == half && (quotient & 1) != 0)) {
        quotient++;
    }
    return quotient;
}

/* mantissa times 2^exponent times unit_ns. */
static bool scale_binary(bool negative, uint64_t mantissa, int exponent, int64_t unit_ns,
                         int64_t *ret_ns)
{
    unsigned __int128 product = (unsigned __int128)mantissa * (uint64_t)unit_ns;

    CHECK(unit_ns >= 1);
    CHECK(unit_ns <= NS_PER_DAY);
    if (exponent < 0) {
        product = shift_right(product, -exponent);
    } else if (product > 0 &&
               (exponent >= 63 || product > (unsigned __int128)INT64_MAX >> exponent)) {
        return false;
    } else if (product > 0) {
        product <<= exponent;
    }
    if (product > (unsigned __int128)INT64_MAX) {
        return false;
    }
    *ret_ns = negative ? -(int64_t)product : (int64_t)product;
    return true;
}

bool convert_double(uint64_t bits, int64_t unit_ns, int64_t *ret_ns)
{
    int exponent = (int)(bits >> 52 & 0x7ff);
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);

    if (exponent == 0x7ff) {
        return false;
    }
    if (exponent == 0) {
        exponent = 1; /* subnormal: no hidden bit */
    } else {
        mantissa |= UINT64_C(1) << 52;
    }
    return scale_binary(bits >> 63 != 0, mantissa, exponent - 1075, unit_ns, ret_ns);
}

bool convert_float(uint32_t bits, int64_t unit_ns, int64_t *ret_ns)
{
    int exponent = (int)(bits >> 23 & 0xff);
    uint64_t mantissa = bits & ((UINT32_C(1) << 23) - 1);

    if (exponent == 0xff) {
        return false;
    }
    if (exponent == 0) {
        exponent = 1;
    } else {
        mantissa |= UINT64_C(1) << 23;
    }
    return scale_binary(bits >> 31 != 0, mantissa, exponent - 150, unit_ns, ret_ns);
}

static bool digit_at(struct str text, size_t i)
{
    return i < text.size && text.data[i] >= '0' && text.data[i] <= '9';
}

/* The fraction digits from *i on as nanoseconds, rounded; moves *i behind them. */
static int64_t fraction_ns(struct str text, size_t *i)
{
    int64_t fraction = 0;
    int digits = 0;
    int first_rest = 0; /* the tenth digit */
    bool more = false;  /* any digit but 0 behind it */

    for (; digit_at(text, *i); (*i)++, digits += digits < 11) {
        int digit = text.data[*i] - '0';

        if (digits < 9) {
            fraction = fraction * 10 + digit;
        } else if (digits == 9) {
            first_rest = digit;
        } else {
            more = more || digit != 0;
        }
    }
    for (; digits < 9; digits++) {
        fraction *= 10;
    }
    return fraction + (first_rest > 5 || (first_rest == 5 && (more || (fraction & 1) != 0)));
}

bool convert_seconds_text(struct str text, int64_t *ret_ns)
{
    size_t i = 0;
    int64_t seconds = 0;
    int64_t fraction = 0;

    for (; digit_at(text, i); i++) {
        if (__builtin_mul_overflow(seconds, 10, &seconds) ||
            __builtin_add_overflow(seconds, text.data[i] - '0', &seconds)) {
            return false;
        }
    }
    if (i == 0) {
        return false;
    }
    if (i < text.size && text.data[i] == '.') {
        i++;
        if (!digit_at(text, i)) {
            return false;
        }
        fraction = fraction_ns(text, &i);
    }
    if (i + 1 != text.size || text.data[i] != 's') {
        return false;
    }
    return convert_integer(seconds, NS_PER_SECOND, ret_ns) &&
           !__builtin_add_overflow(*ret_ns, fraction, ret_ns);
}

uint64_t convert_double_bits(double number)
{
    uint64_t bits;

    memcpy(&bits, &number, sizeof(bits));
    return bits;
}

uint32_t convert_float_bits(double number)
{
    float narrow = (float)number;
    uint32_t bits;

    memcpy(&bits, &narrow, sizeof(bits));
    return bits;
}
