#include "base/fraction.h"

#include <gmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

_Static_assert(GMP_NUMB_BITS == 64, "limbs are 64 bits");
_Static_assert(sizeof(mp_limb_t) == sizeof(uint64_t), "limbs are 64 bits");

/* A view that GMP reads; nothing is copied. */
static __mpz_struct view(const uint64_t *limbs, int32_t size)
{
    static const mp_limb_t nothing = 0;
    mpz_t value;

    (void)mpz_roinit_n(value, limbs != NULL ? (const mp_limb_t *)limbs : &nothing, size);
    return value[0];
}

static __mpz_struct numerator_of(struct fraction value)
{
    return view(value.numerator, value.numerator_size);
}

static __mpz_struct denominator_of(struct fraction value)
{
    static const uint64_t one = 1;

    return value.numerator == NULL ? view(&one, 1)
                                   : view(value.denominator, value.denominator_size);
}

static const uint64_t *keep_limbs(struct arena *arena, const __mpz_struct *value)
{
    size_t count = mpz_size(value);
    uint64_t *limbs = arena_calloc(arena, count, sizeof(limbs[0]));

    memcpy(limbs, mpz_limbs_read(value), count * sizeof(limbs[0]));
    return limbs;
}

static int32_t limb_count(const __mpz_struct *value)
{
    size_t count = mpz_size(value);

    CHECK(count <= INT32_MAX);
    return mpz_sgn(value) < 0 ? -(int32_t)count : (int32_t)count;
}

/* Reduces; the denominator is not 0. */
static struct fraction keep(struct arena *arena, mpq_t value)
{
    struct fraction kept = FRACTION_ZERO;

    mpq_canonicalize(value);
    if (mpq_sgn(value) != 0) {
        kept = (struct fraction){.numerator = keep_limbs(arena, mpq_numref(value)),
                                 .denominator = keep_limbs(arena, mpq_denref(value)),
                                 .numerator_size = limb_count(mpq_numref(value)),
                                 .denominator_size = limb_count(mpq_denref(value))};
    }
    mpq_clear(value);
    return kept;
}

static void set_int128(mpz_t target, int128 value)
{
    unsigned __int128 magnitude = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    const uint64_t limbs[2] = {(uint64_t)magnitude, (uint64_t)(magnitude >> 64)};

    mpz_import(target, 2, -1, sizeof(limbs[0]), 0, 0, limbs);
    if (value < 0) {
        mpz_neg(target, target);
    }
}

struct fraction fraction_of(struct arena *arena, struct rational value)
{
    mpq_t exact;

    mpq_init(exact);
    set_int128(mpq_numref(exact), value.numerator);
    set_int128(mpq_denref(exact), value.denominator);
    return keep(arena, exact);
}

struct fraction fraction_of_int(struct arena *arena, int64_t value)
{
    return fraction_of(arena, (struct rational){value, 1});
}

/* GMP itself would also take signs and blanks. */
static bool set_digits(mpz_t target, struct str digits, size_t digits_max)
{
    struct arena scratch = ARENA_INIT;

    if (digits.size == 0 || digits.size > digits_max) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return false;
        }
    }
    CHECK(mpz_set_str(target, arena_text(&scratch, digits), 10) == 0);
    arena_release(&scratch);
    return true;
}

bool fraction_parse(struct arena *arena, struct str numerator, struct str denominator,
                    size_t digits_max, struct fraction *ret_value)
{
    mpq_t exact;

    mpq_init(exact);
    if (!set_digits(mpq_numref(exact), numerator, digits_max) ||
        !set_digits(mpq_denref(exact), denominator, digits_max) ||
        mpz_sgn(mpq_denref(exact)) == 0) {
        mpq_clear(exact);
        return false;
    }
    *ret_value = keep(arena, exact);
    return true;
}

bool fraction_parse_decimal(struct arena *arena, struct str text, size_t digits_max,
                            struct fraction *ret_value)
{
    const char *point = text.size > 0 ? memchr(text.data, '.', text.size) : NULL;
    size_t whole = point != NULL ? (size_t)(point - text.data) : text.size;
    size_t decimals = point != NULL ? text.size - whole - 1 : 0;
    struct strbuf digits;
    mpq_t exact;
    bool good = whole > 0 && (point == NULL || decimals > 0) && text.size <= digits_max + 1;

    if (!good) {
        return false;
    }
    mpq_init(exact);
    mpz_ui_pow_ui(mpq_denref(exact), 10, decimals);
    strbuf_init(&digits, digits_max + 1);
    strbuf_append(&digits, str_of(text.data, whole));
    strbuf_append(&digits, str_of(text.data + text.size - decimals, decimals));
    good = set_digits(mpq_numref(exact), strbuf_view(&digits), digits_max);
    strbuf_release(&digits);
    if (!good) {
        mpq_clear(exact);
        return false;
    }
    *ret_value = keep(arena, exact);
    return true;
}

static __mpq_struct quotient_of(struct fraction value)
{
    return (__mpq_struct){numerator_of(value), denominator_of(value)};
}

static struct fraction combine(struct arena *arena,
                               void (*operation)(mpq_ptr, mpq_srcptr, mpq_srcptr),
                               struct fraction a, struct fraction b)
{
    __mpq_struct left = quotient_of(a);
    __mpq_struct right = quotient_of(b);
    mpq_t result;

    mpq_init(result);
    operation(result, &left, &right);
    return keep(arena, result);
}

struct fraction fraction_add(struct arena *arena, struct fraction a, struct fraction b)
{
    return combine(arena, mpq_add, a, b);
}

struct fraction fraction_subtract(struct arena *arena, struct fraction a, struct fraction b)
{
    return combine(arena, mpq_sub, a, b);
}

struct fraction fraction_multiply(struct arena *arena, struct fraction a, struct fraction b)
{
    return combine(arena, mpq_mul, a, b);
}

struct fraction fraction_divide(struct arena *arena, struct fraction a, struct fraction b)
{
    CHECK(fraction_sign(b) != 0);
    return combine(arena, mpq_div, a, b);
}

int fraction_compare(struct fraction a, struct fraction b)
{
    __mpq_struct left = quotient_of(a);
    __mpq_struct right = quotient_of(b);

    return mpq_cmp(&left, &right);
}

int fraction_sign(struct fraction value)
{
    return (value.numerator_size > 0) - (value.numerator_size < 0);
}

/* value x 10^digits, floor and rest; both initialised here. Returns the denominator. */
static __mpz_struct divide_scaled(struct fraction value, int digits, mpz_t ret_whole,
                                  mpz_t ret_rest)
{
    __mpz_struct numerator = numerator_of(value);
    __mpz_struct denominator = denominator_of(value);

    CHECK(digits >= 0);
    mpz_init(ret_whole);
    mpz_init(ret_rest);
    mpz_ui_pow_ui(ret_rest, 10, (unsigned long)digits);
    mpz_mul(ret_rest, ret_rest, &numerator);
    mpz_fdiv_qr(ret_whole, ret_rest, ret_rest, &denominator);
    return denominator;
}

/* value x 10^digits as an integer; ret_whole is initialised here. */
static void scale(struct fraction value, int digits, enum rounding rounding, mpz_t ret_whole)
{
    mpz_t rest;
    __mpz_struct denominator = divide_scaled(value, digits, ret_whole, rest);
    int half;
    bool up = false;

    mpz_mul_2exp(rest, rest, 1);
    half = mpz_cmp(rest, &denominator);
    if (rounding == ROUND_HALF_EVEN) {
        up = half > 0 || (half == 0 && mpz_odd_p(ret_whole));
    } else if (rounding == ROUND_HALF_UP) {
        /* Away from zero at exactly half: up from the floor unless the value is negative. */
        up = half > 0 || (half == 0 && fraction_sign(value) > 0);
    }
    if (up) {
        mpz_add_ui(ret_whole, ret_whole, 1);
    }
    mpz_clear(rest);
}

bool fraction_scale(struct fraction value, int digits, enum rounding rounding, int64_t *ret_value)
{
    mpz_t whole;
    bool fits;

    scale(value, digits, rounding, whole);
    fits = mpz_fits_slong_p(whole) != 0;
    *ret_value = fits ? (int64_t)mpz_get_si(whole) : 0;
    mpz_clear(whole);
    return fits;
}

static void append_integer(struct strbuf *buf, const __mpz_struct *value)
{
    char *text = mpz_get_str(NULL, 10, value);

    strbuf_append_text(buf, text);
    free(text);
}

/* An integer of 10^-digits with its point. */
static void append_scaled(struct strbuf *buf, const __mpz_struct *scaled, int digits)
{
    char *text = mpz_get_str(NULL, 10, scaled);
    const char *figures = text[0] == '-' ? text + 1 : text;
    int size = (int)strlen(figures);

    strbuf_append_text(buf, text[0] == '-' ? "-" : "");
    if (size <= digits) {
        strbuf_append_text(buf, "0");
    } else {
        strbuf_append(buf, str_of(figures, (size_t)(size - digits)));
    }
    if (digits > 0) {
        strbuf_append_char(buf, '.');
        for (int i = size; i < digits; i++) {
            strbuf_append_char(buf, '0');
        }
        figures += size > digits ? size - digits : 0;
        strbuf_append_text(buf, figures);
    }
    free(text);
}

void fraction_format(struct strbuf *buf, struct fraction value, int digits, enum rounding rounding)
{
    mpz_t whole;

    scale(value, digits, rounding, whole);
    append_scaled(buf, whole, digits);
    mpz_clear(whole);
}

/* Whether the value has no more than that many decimals. */
static bool has_decimals(struct fraction value, int digits)
{
    mpz_t whole, rest;
    bool exact;

    (void)divide_scaled(value, digits, whole, rest);
    exact = mpz_sgn(rest) == 0;
    mpz_clear(whole);
    mpz_clear(rest);
    return exact;
}

void fraction_format_short(struct strbuf *buf, struct fraction value, int digits)
{
    bool small =
        value.denominator_size <= 2; /* 10^38 and less: larger ones are no short decimals */

    CHECK(digits <= 38);
    for (int i = 0; small && i <= digits; i++) {
        if (has_decimals(value, i)) {
            fraction_format(buf, value, i, ROUND_FLOOR);
            return;
        }
    }
    fraction_format(buf, value, digits, ROUND_FLOOR);
    strbuf_append_text(buf, "...");
}

void fraction_format_numerator(struct strbuf *buf, struct fraction value)
{
    __mpz_struct numerator = numerator_of(value);

    append_integer(buf, &numerator);
}

void fraction_format_denominator(struct strbuf *buf, struct fraction value)
{
    __mpz_struct denominator = denominator_of(value);

    append_integer(buf, &denominator);
}
