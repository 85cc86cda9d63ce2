#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/histogram.h"
#include "base/check.h"
#include "base/random.h"
#include "schemas/event.h"

/* Unsigned integers of 6,400 bits, enough for the 64th power of a bound. */
enum { WORDS = 200 };
struct big {
    uint32_t words[WORDS];
};

static void big_multiply(struct big *value, uint64_t factor)
{
    uint32_t parts[2] = {(uint32_t)factor, (uint32_t)(factor >> 32)};
    struct big result = {{0}};

    for (int p = 0; p < 2; p++) {
        uint64_t carry = 0;

        for (int i = 0; i + p < WORDS; i++) {
            carry += (uint64_t)value->words[i] * parts[p] + result.words[i + p];
            result.words[i + p] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    *value = result;
}

static int big_compare(const struct big *a, const struct big *b)
{
    for (int i = WORDS - 1; i >= 0; i--) {
        if (a->words[i] != b->words[i]) {
            return a->words[i] < b->words[i] ? -1 : 1;
        }
    }
    return 0;
}

/* The sign of value^64 - 2^exponent: the definition of a bucket bound, in whole numbers. */
static int compare_power(int64_t value, int exponent)
{
    struct big power = {{1}};
    struct big bound = {{0}};

    for (int i = 0; i < 64; i++) {
        big_multiply(&power, (uint64_t)value);
    }
    bound.words[exponent / 32] = UINT32_C(1) << (exponent % 32);
    return big_compare(&power, &bound);
}

/* The bucket that one latency falls into, as the packed form shows it: zero count, size, first + 1, count. */
static int bucket_of(int64_t latency_ns)
{
    struct histogram histogram = {0};
    int bucket = -2;

    histogram_add(&histogram, latency_ns, 1);
    for (int32_t i = 0; i < histogram.size; i++) {
        if (histogram.counts[i] == 1) {
            bucket = histogram.first + i;
        }
    }
    histogram_release(&histogram);
    return bucket;
}

static void assert_bucket(int64_t latency_ns)
{
    int bucket = bucket_of(latency_ns);

    /* 2^(bucket/64) < latency <= 2^((bucket+1)/64), both sides raised to the 64th power. */
    assert_true(bucket == -1 || compare_power(latency_ns, bucket) > 0);
    assert_true(compare_power(latency_ns, bucket + 1) <= 0);
}

static void test_buckets_are_exact(void **state)
{
    struct random random;
    uint64_t seed = 20261123;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int64_t latency = 1; latency < 300; latency++) {
        assert_bucket(latency);
    }
    for (int i = 0; i < 400; i++) {
        int64_t limit = INT64_C(1) << (1 + random_below(&random, 46));
        int64_t latency = 1 + (int64_t)random_below(&random, (uint64_t)limit);

        assert_bucket(latency);
    }
    assert_bucket(LATENCY_NS_MAX);
    assert_int_equal(bucket_of(1), -1);
    assert_int_equal(bucket_of(2), 63);
    assert_int_equal(bucket_of(INT64_C(1) << 40), 40 * 64 - 1);
    assert_int_equal(bucket_of((INT64_C(1) << 40) + 1), 40 * 64);
}

/* Both neighbours of every bound of one doubling: where a wrong constant would show. */
static void test_bounds_of_a_doubling(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    for (int i = 0; i < 64; i++) {
        int64_t bound;

        histogram_release(&histogram);
        /* The upper bound of bucket i of the doubling from 2^45, from the quantile. */
        histogram_add(&histogram, INT64_C(1) << 45, 1);
        memset(histogram.counts, 0, (size_t)histogram.size * sizeof(histogram.counts[0]));
        histogram.first = 45 * 64;
        histogram.counts[i] = 1;
        bound = histogram_quantile_ns(&histogram, 500);
        assert_int_equal(bucket_of(bound), 45 * 64 + i);
        assert_int_equal(bucket_of(bound + 1), 45 * 64 + i + 1);
        assert_bucket(bound);
        assert_bucket(bound + 1);
    }
    histogram_release(&histogram);
}

static void test_quantiles(void **state)
{
    struct histogram histogram = {0};

    (void)state;
    assert_int_equal(histogram_quantile_ns(&histogram, 500), 0);
    histogram_add(&histogram, 0, 10);
    assert_int_equal(histogram_quantile_ns(&histogram, 1000), 0);
    histogram_add(&histogram, 1, 80);
    histogram_add(&histogram, INT64_C(1) << 30, 10);
    assert_int_equal(histogram_count(&histogram), 100);
    assert_int_equal(histogram_quantile_ns(&histogram, 100), 0);
    assert_int_equal(histogram_quantile_ns(&histogram, 101), 1);
    assert_int_equal(histogram_quantile_ns(&histogram, 900), 1);
    assert_int_equal(histogram_quantile_ns(&histogram, 901), INT64_C(1) << 30);
    assert_int_equal(histogram_quantile_ns(&histogram, 1000), INT64_C(1) << 30);
    histogram_release(&histogram);
}

/* The promise of the header: at most 1.1 % off. */
static void test_relative_error(void **state)
{
    (void)state;
    for (int64_t latency = 1000; latency < LATENCY_NS_MAX / 2; latency = latency * 17 / 13 + 7) {
        struct histogram histogram = {0};
        int64_t shown;

        histogram_add(&histogram, latency, 1);
        shown = histogram_quantile_ns(&histogram, 990);
        assert_true(shown >= latency);
        assert_true((shown - latency) * 1000 <= latency * 11);
        histogram_release(&histogram);
    }
}

static void pack(const struct histogram *histogram, struct strbuf *out)
{
    strbuf_init(out, 1 << 20);
    histogram_pack(histogram, out);
}

/* Any split and any order of the same latencies give the same bytes, and the bytes give them back. */
static void test_merge_order_does_not_matter(void **state)
{
    struct random random;
    uint64_t seed = 7;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 50; round++) {
        struct histogram whole = {0};
        struct histogram parts[3] = {{0}};
        struct histogram left = {0};
        struct histogram back = {0};
        struct strbuf a;
        struct strbuf b;
        struct str view;
        struct err err = ERR_INIT;

        for (int i = 0; i < 200; i++) {
            int64_t latency =
                (int64_t)random_below(&random, (uint64_t)1 << (1 + random_below(&random, 46)));

            histogram_add(&whole, latency, 3);
            histogram_add(&parts[random_below(&random, 3)], latency, 3);
        }
        histogram_merge(&left, &parts[2]);
        histogram_merge(&left, &parts[0]);
        histogram_merge(&left, &parts[1]);
        pack(&whole, &a);
        pack(&left, &b);
        assert_true(str_equal(strbuf_view(&a), strbuf_view(&b)));
        view = strbuf_view(&a);
        assert_int_equal(histogram_unpack(&view, &back, &err), ERR_OK);
        assert_int_equal(view.size, 0);
        assert_int_equal(histogram_count(&back), 600);
        strbuf_release(&b);
        pack(&back, &b);
        assert_true(str_equal(strbuf_view(&a), strbuf_view(&b)));
        strbuf_release(&a);
        strbuf_release(&b);
        histogram_release(&whole);
        histogram_release(&left);
        histogram_release(&back);
        for (int i = 0; i < 3; i++) {
            histogram_release(&parts[i]);
        }
    }
}

static int64_t count_at(const struct histogram *histogram, int32_t bucket)
{
    int32_t at = bucket - histogram->first;

    return at >= 0 && at < histogram->size ? histogram->counts[at] : 0;
}

/* Counts of any width, in any part of all buckets there are: what is packed is what was added, one by one. */
static void test_counts_come_back(void **state)
{
    struct random random;
    uint64_t seed = 9;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 100; round++) {
        struct histogram histogram = {0}, back = {0};
        int64_t expected[4096] = {0};
        int values = 1 << random_below(&random, 12);
        int octaves = 1 + (int)random_below(&random, 46);
        int bits = (int)random_below(&random, 40);
        struct err err = ERR_INIT;
        struct strbuf packed;
        struct str view;

        for (int i = 0; i < values; i++) {
            int64_t latency =
                1 + (int64_t)random_below(&random, UINT64_C(1)
                                                       << random_below(&random, (uint64_t)octaves));
            int64_t weight = (int64_t)random_below(&random, UINT64_C(1) << bits) + 1;

            histogram_add(&histogram, latency, weight);
            expected[1 + bucket_of(latency)] += weight;
        }
        pack(&histogram, &packed);
        view = strbuf_view(&packed);
        assert_int_equal(histogram_unpack(&view, &back, &err), ERR_OK);
        assert_int_equal(view.size, 0);
        for (int32_t bucket = -1; bucket < 4095; bucket++) {
            assert_int_equal(count_at(&back, bucket), expected[1 + bucket]);
        }
        strbuf_release(&packed);
        histogram_release(&histogram);
        histogram_release(&back);
    }
}

struct bad_row {
    const char *why;
    const char *bytes;
    size_t size;
};

static void test_hostile_bytes(void **state)
{
    static const struct bad_row rows[] = {
        {"nothing", "", 0},
        {"no size", "\x00", 1},
        {"a number that is not minimal", "\x80\x00\x00", 3},
        {"more buckets than there are", "\x00\xff\x7f\x00", 4},
        {"first bucket too high", "\x00\x01\xff\x7f\x01", 5},
        /* Two buckets with one bit each are 6 bits of width, low ones first, and 2 of counts. */
        {"counts missing", "\x00\x02\x00", 3},
        {"counts of the second block missing", "\x00\x11\x00\xc1\xff\x3f", 6},
        {"empty first bucket", "\x00\x02\x00\x81", 4},
        {"empty last bucket", "\x00\x02\x00\x41", 4},
        {"more bits than the counts need", "\x00\x02\x00\x42\x01", 5},
        {"more bits than that, still too many", "\x00\x02\x00\x44\x04", 5},
        {"more bits than a number may have", "\x00\x02\x00\x3a\x00\x00\x00\x00\x00\x00\x00\x00",
         12},
        {"bits behind the last count", "\x00\x01\x00\xc1", 4},
        {"sum out of range", "\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01\x00\x41", 12},
        {"11 bytes of varint", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct str view = str_of(rows[i].bytes, rows[i].size);
        struct histogram histogram = {0};
        struct err err = ERR_INIT;

        print_message("%s\n", rows[i].why);
        assert_int_equal(histogram_unpack(&view, &histogram, &err), ERR_MISMATCH);
    }
}

/* Several quantiles in one pass are those that are asked for one by one. */
static void test_quantiles_in_one_pass(void **state)
{
    static const int per_mille[] = {0, 1, 500, 500, 950, 990, 1000};
    struct random random;
    uint64_t seed = 8;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    random_init_seed(&random, seed);
    for (int round = 0; round < 200; round++) {
        struct histogram histogram = {0};
        int64_t quantiles_ns[ARRAY_COUNT(per_mille)];
        int values = (int)random_below(&random, 30);

        for (int i = 0; i < values; i++) {
            histogram_add(&histogram,
                          (int64_t)random_below(&random, 1u << random_below(&random, 30)),
                          1 + (int64_t)random_below(&random, 3));
        }
        histogram_quantiles_ns(&histogram, per_mille, quantiles_ns, ARRAY_COUNT(per_mille));
        for (size_t i = 0; i < ARRAY_COUNT(per_mille); i++) {
            assert_int_equal(quantiles_ns[i], histogram_quantile_ns(&histogram, per_mille[i]));
        }
        histogram_release(&histogram);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_in_one_pass),
        cmocka_unit_test(test_buckets_are_exact),
        cmocka_unit_test(test_bounds_of_a_doubling),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_relative_error),
        cmocka_unit_test(test_merge_order_does_not_matter),
        cmocka_unit_test(test_hostile_bytes),
        cmocka_unit_test(test_counts_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
