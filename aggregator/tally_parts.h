/*
 * The parts of packed tallies, for tally_pack*.c and service_day.c. Nobody else includes this.
 *
 * `valid` says whether a part is one that may be packed; the others are as in pack.h.
 */
#ifndef AGGREGATOR_TALLY_PARTS_H
#define AGGREGATOR_TALLY_PARTS_H

#include "aggregator/tally.h"

/* First bytes. */
enum {
    TALLY_FORMAT_WINDOW = 1,
    TALLY_FORMAT_CHECK = 2,
    TALLY_FORMAT_ACTIVITY = 3,
    TALLY_FORMAT_PARTICULARS = 4 /* of a window that has some */
};
/* A packed tally of this kind may begin with this byte. */
bool tally_format_fits(enum tally_kind kind, unsigned char format);

bool offset_ranges_valid(const struct offset_range *ranges, size_t count);
void offset_ranges_pack(const struct offset_range *ranges, size_t count, struct strbuf *out);
/* *ret_ranges: grown; owned by the caller, also on failure. */
bool offset_ranges_unpack(struct str *packed, struct offset_range **ret_ranges, size_t *ret_count);
/* How many there are, and each of them. */
bool offset_range_count_unpack(struct str *packed, int64_t *ret_count);
bool offset_range_unpack(struct str *packed, struct offset_range *ret_range);
/* *at is where the last one was merged, 0 at first: they come ascending. */
void offset_range_merge(struct offset_range **ranges, size_t *range_count, size_t *at,
                        const struct offset_range *range);

/* minutes: overwritten; what each of them is by itself holds behind it. *ret_counted: those that have records. */
bool window_minutes_unpack(struct str *packed, struct window_minute *minutes,
                           uint64_t *ret_counted);

/* The same into memory that is used again; only ranges that ascend. */
bool offset_ranges_refill(struct str *packed, struct offset_range **ranges, size_t *ret_count,
                          size_t *capacity);

/* Also of a sum of minutes. */
bool window_minute_valid(const struct window_minute *minute);
bool check_tally_valid(const struct check_tally *tally);
void check_tally_pack(const struct check_tally *tally, struct strbuf *out);
bool check_tally_unpack(struct str *packed, struct check_tally *tally);

#endif
