/*
 * The parts of packed tallies, for tally_pack*.c and service_day.c. Nobody else includes this.
 *
 * `valid` says whether a part is one that may be packed; the others are as in pack.h.
 */
#ifndef AGGREGATOR_TALLY_PARTS_H
#define AGGREGATOR_TALLY_PARTS_H

#include "aggregator/tally.h"

#define MASK_MAX ((INT64_C(1) << TALLY_MINUTES) - 1)

bool offset_ranges_valid(const struct offset_range *ranges, size_t count);
void offset_ranges_pack(const struct offset_range *ranges, size_t count, struct strbuf *out);
/* *ret_ranges: grown; owned by the caller, also on failure. */
bool offset_ranges_unpack(struct str *packed, struct offset_range **ret_ranges, size_t *ret_count);

/* The same into memory that is used again; only ranges that ascend. */
bool offset_ranges_refill(struct str *packed, struct offset_range **ranges, size_t *ret_count,
                          size_t *capacity);

/* Also of a sum of minutes. */
bool window_minute_valid(const struct window_minute *minute);
bool check_tally_valid(const struct check_tally *tally);
void check_tally_pack(const struct check_tally *tally, struct strbuf *out);
bool check_tally_unpack(struct str *packed, struct check_tally *tally);

#endif
