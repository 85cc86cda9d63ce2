/*
 * Latency histogram: OpenTelemetry's exponential data model at scale 6, base 2^(1/64), relative error at most 1.1 %.
 *
 * Buckets are integers of nanoseconds: bucket i holds (base^i, base^(i+1)], 0 ns has a bucket of its own. Merging adds. The
 * index is computed exactly (a table of integer bounds), so the same latency falls into the same bucket on every machine.
 */
#ifndef AGGREGATOR_HISTOGRAM_H
#define AGGREGATOR_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct histogram {
    int64_t zero_count;
    int64_t *counts; /* owned, grown to the highest bucket in use; index 0 is (1, base] ns */
    int32_t first;   /* bucket of counts[0] */
    int32_t size;
    /* Bit n: of the blocks of 16 buckets whose number is n modulo 64 some may have something; all others are known to be empty. */
    uint64_t used;
};

void histogram_release(struct histogram *histogram);
void histogram_add(struct histogram *histogram, int64_t latency_ns, int64_t weight);
/* The same in two steps, of which only the second needs the histogram: where a latency belongs, and adding one of each. A place is only good
 * for that. */
uint16_t histogram_place(int64_t latency_ns);
void histogram_add_places(struct histogram *histogram, const uint16_t *places, size_t count);
void histogram_merge(struct histogram *into, const struct histogram *from);
int64_t histogram_count(const struct histogram *histogram);
/* Upper bound in ns of the bucket that holds the q-th part per thousand; 0 if empty. */
int64_t histogram_quantile_ns(const struct histogram *histogram, int per_mille);
/* The same of several, ascending. */
void histogram_quantiles_ns(const struct histogram *histogram, const int *per_mille,
                            int64_t *ret_ns, size_t count);
/* Asks the memory for what histogram_pack will look at. */
void histogram_fetch(const struct histogram *histogram);
/* Returns how many it holds. */
int64_t histogram_pack(const struct histogram *histogram, struct strbuf *out);
/* into += a packed one, with a look at all that histogram_unpack looks at; *ret_count: how many it holds, PACK_COUNT_MAX at most. Advances
 * *packed behind it; false: there is none. */
bool histogram_merge_packed(struct str *packed, struct histogram *into, int64_t *ret_count);
/* Advances *packed behind the histogram. ERR_MISMATCH. */
enum err_code histogram_unpack(struct str *packed, struct histogram *ret_histogram,
                               struct err *err);

#endif
