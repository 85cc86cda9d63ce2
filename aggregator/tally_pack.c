/*
 * The packed form of tallies.
 *
 *   window:   1, ranges; silent, records; extra, errors, slow, no_latency, each: mask, column; histogram
 *             4, the same, and behind it particulars (particulars.c)
 *   check:    2, ranges; seen; unless there are none: hour, zeros, columns of last, time, interval_ns; passed, warned, failed, unknown, removed,
 *             each: mask, column
 *   activity: 3, mask
 *   ranges:   count, each: stream, partition, low, high - low; ascending
 *   silent:   bit n: minute n has no records; the column of records (pack_column) is of all others
 *   extra:    total - records
 *   mask:     bit n: minute n has some; the column is of those minutes
 *   seen:     bit n: minute n has results; last, time and interval_ns are of those minutes
 *   time:     of the last result since its minute began, in units of 10^zeros ns, the largest that all of them are multiples of
 *
 * The first byte says kind and version in one, and whether a window has particulars: nobody can cut them off unseen. What statements and
 * grades are made of stands in front, so that they need not unpack the rest. Each content has one form, and unpacking refuses all others: what
 * was unpacked can be packed to the same bytes.
 */
#include <string.h>

#include "aggregator/pack.h"
#include "aggregator/tally.h"
#include "aggregator/tally_parts.h"
#include "base/check.h"
#include "base/memory.h"

enum { RANGES_MAX = 1 << 16 };

static const unsigned char formats[] = {[TALLY_WINDOW] = TALLY_FORMAT_WINDOW,
                                        [TALLY_CHECK] = TALLY_FORMAT_CHECK,
                                        [TALLY_ACTIVITY] = TALLY_FORMAT_ACTIVITY};

bool window_minute_valid(const struct window_minute *minute)
{
    if (minute->records == 0) {
        return minute->total == 0 && minute->errors == 0 && minute->slow == 0 &&
               minute->no_latency == 0;
    }
    /* A slow request succeeded and has a latency, so neither sum counts one twice. */
    return minute->records > 0 && minute->total >= minute->records && minute->errors >= 0 &&
           minute->slow >= 0 && minute->no_latency >= 0 &&
           minute->errors <= minute->total - minute->slow &&
           minute->no_latency <= minute->total - minute->slow;
}

bool offset_ranges_valid(const struct offset_range *ranges, size_t count)
{
    if (count > RANGES_MAX) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct offset_range *range = &ranges[i];

        if (range->stream_id < 0 || range->partition < 0 || range->low < 0 ||
            range->high < range->low) {
            return false;
        }
        if (i > 0 &&
            (range[-1].stream_id > range->stream_id || (range[-1].stream_id == range->stream_id &&
                                                        range[-1].partition >= range->partition))) {
            return false;
        }
    }
    return true;
}

/* Minutes with records. False: another one is not empty. */
static bool find_counted(const struct window_tally *tally, uint64_t *ret_counted)
{
    uint64_t counted = 0;
    int64_t others = 0;

    for (uint64_t left = window_tally_touched(tally); left != 0; left &= left - 1) {
        const struct window_minute *minute = &tally->minutes[__builtin_ctzll(left)];

        if (minute->records != 0) {
            counted |= left & -left;
        } else {
            others |= minute->total | minute->errors | minute->slow | minute->no_latency;
        }
    }
    *ret_counted = counted;
    return others == 0;
}

/* *ret_counted: minutes with records; *ret_known: requests with a latency. False if a minute is none, or all together are too many. */
static bool counts_valid(const struct window_tally *tally, uint64_t *ret_counted,
                         int64_t *ret_known)
{
    __int128 known = 0;
    __int128 all = 0;

    if (!find_counted(tally, ret_counted)) {
        return false;
    }
    for (uint64_t left = *ret_counted; left != 0; left &= left - 1) {
        const struct window_minute *minute = &tally->minutes[__builtin_ctzll(left)];

        if (!window_minute_valid(minute)) {
            return false;
        }
        known += minute->total - minute->no_latency;
        all += minute->total;
    }
    *ret_known = (int64_t)known;
    return all <= PACK_COUNT_MAX;
}

/* All but what counts and latencies have to do with each other. */
static bool parts_valid(const struct window_tally *tally, uint64_t *ret_counted, int64_t *ret_known)
{
    return counts_valid(tally, ret_counted, ret_known) &&
           offset_ranges_valid(tally->ranges, tally->range_count) &&
           particulars_valid(&tally->particulars, tally->minutes);
}

static bool window_valid(const struct window_tally *tally)
{
    uint64_t counted;
    int64_t known;

    return parts_valid(tally, &counted, &known) && known == histogram_count(&tally->latency);
}

bool tally_valid(enum tally_kind kind, const struct tally *tally)
{
    switch (kind) {
    case TALLY_WINDOW:
        return window_valid(&tally->window);
    case TALLY_CHECK:
        return check_tally_valid(&tally->check);
    case TALLY_ACTIVITY:
        return tally->activity.minutes <= TALLY_MINUTES_ALL;
    }
    return false;
}

void tally_check(enum tally_kind kind, const struct tally *tally)
{
    CHECK(tally_valid(kind, tally));
}

void offset_ranges_pack(const struct offset_range *ranges, size_t count, struct strbuf *out)
{
    pack_uint(out, count);
    for (size_t i = 0; i < count; i++) {
        char bytes[4 * CURSOR_NUMBER_SIZE + CURSOR_SLACK];
        struct cursor cursor = {.at = bytes};

        cursor_count(&cursor, ranges[i].stream_id);
        cursor_count(&cursor, ranges[i].partition);
        cursor_count(&cursor, ranges[i].low);
        cursor_count(&cursor, ranges[i].high - ranges[i].low);
        strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
    }
}

/* The figures of a minute that most minutes have none of. */
enum figure { EXTRA, ERRORS, SLOW, NO_LATENCY, FIGURE_COUNT };

static inline int64_t *figure_of(struct window_minute *minute, enum figure figure)
{
    switch (figure) {
    case EXTRA:
        return &minute->total;
    case ERRORS:
        return &minute->errors;
    case SLOW:
        return &minute->slow;
    default:
        return &minute->no_latency;
    }
}

static inline int64_t get_figure(const struct window_minute *minute, enum figure figure)
{
    switch (figure) {
    case EXTRA:
        return minute->total - minute->records;
    case ERRORS:
        return minute->errors;
    case SLOW:
        return minute->slow;
    default:
        return minute->no_latency;
    }
}

static inline void pack_figure(const struct window_tally *tally, uint64_t counted,
                               enum figure figure, struct strbuf *out)
{
    int64_t values[TALLY_MINUTES];
    size_t count = 0;
    uint64_t mask = 0;

    for (; counted != 0; counted &= counted - 1) {
        int i = __builtin_ctzll(counted);
        int64_t value = get_figure(&tally->minutes[i], figure);

        if (value > 0) {
            mask |= UINT64_C(1) << i;
            values[count++] = value;
        }
    }
    pack_uint(out, mask);
    if (count > 0) {
        pack_column(out, values, count);
    }
}

static void pack_window(const struct window_tally *tally, struct strbuf *out)
{
    int64_t records[TALLY_MINUTES];
    size_t count = 0;
    uint64_t counted;
    int64_t known;
    int64_t packed;

    CHECK(parts_valid(tally, &counted, &known));
    for (uint64_t left = counted; left != 0; left &= left - 1) {
        records[count++] = tally->minutes[__builtin_ctzll(left)].records;
    }
    offset_ranges_pack(tally->ranges, tally->range_count, out);
    pack_uint(out, ~counted & TALLY_MINUTES_ALL);
    pack_column(out, records, count);
    /* Not a loop: each of them is made for its figure then. */
    if (count > 0) {
        pack_figure(tally, counted, EXTRA, out);
        pack_figure(tally, counted, ERRORS, out);
        pack_figure(tally, counted, SLOW, out);
        pack_figure(tally, counted, NO_LATENCY, out);
    }
    packed = histogram_pack(&tally->latency, out);
    CHECK(packed == known);
    if (!particulars_empty(&tally->particulars)) {
        particulars_pack(&tally->particulars, out);
    }
}

static unsigned char format_of(enum tally_kind kind, const struct tally *tally)
{
    return kind == TALLY_WINDOW && !particulars_empty(&tally->window.particulars)
               ? TALLY_FORMAT_PARTICULARS
               : formats[kind];
}

void tally_pack(enum tally_kind kind, const struct tally *tally, struct strbuf *out)
{
    CHECK(kind == TALLY_WINDOW || tally_valid(kind, tally)); /* a window looks as it goes */
    strbuf_append_char(out, (char)format_of(kind, tally));
    switch (kind) {
    case TALLY_WINDOW:
        pack_window(&tally->window, out);
        break;
    case TALLY_CHECK:
        check_tally_pack(&tally->check, out);
        break;
    case TALLY_ACTIVITY:
        pack_uint(out, tally->activity.minutes);
        break;
    }
}

bool offset_range_unpack(struct str *packed, struct offset_range *range)
{
    int64_t partition;
    int64_t width;

    if (!unpack_count(packed, INT64_MAX, &range->stream_id) ||
        !unpack_count(packed, INT32_MAX, &partition) ||
        !unpack_count(packed, INT64_MAX, &range->low) ||
        !unpack_count(packed, INT64_MAX - range->low, &width)) {
        return false;
    }
    range->partition = (int32_t)partition;
    range->high = range->low + width;
    return true;
}

bool offset_range_count_unpack(struct str *packed, int64_t *ret_count)
{
    /* Four bytes at least for each, so that a short text cannot ask for much memory. */
    return unpack_count(packed, RANGES_MAX, ret_count) && (size_t)*ret_count <= packed->size / 4;
}

bool offset_ranges_unpack(struct str *packed, struct offset_range **ret_ranges, size_t *ret_count)
{
    int64_t count;

    if (!offset_range_count_unpack(packed, &count)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        struct offset_range range;

        if (!offset_range_unpack(packed, &range)) {
            return false;
        }
        /* Kept in the order of the bytes: the caller looks whether they ascend. */
        if ((i & (i - 1)) == 0) {
            *ret_ranges =
                memory_resize(*ret_ranges, i == 0 ? 1 : (size_t)i * 2, sizeof((*ret_ranges)[0]));
        }
        (*ret_ranges)[i] = range;
        *ret_count = (size_t)i + 1;
    }
    return true;
}

/* Minutes of a mask, which are not silent, get their values. */
static bool unpack_figure(struct str *packed, uint64_t silent, enum figure figure,
                          struct window_minute *minutes, uint64_t *ret_mask)
{
    int64_t values[TALLY_MINUTES];
    uint64_t mask;
    size_t i = 0;

    if (!unpack_uint(packed, &mask) || (mask & (silent | ~TALLY_MINUTES_ALL)) != 0 ||
        !unpack_column(packed, values, (size_t)__builtin_popcountll(mask))) {
        return false;
    }
    *ret_mask = mask;
    for (; mask != 0; mask &= mask - 1, i++) {
        if (values[i] == 0) {
            return false;
        }
        *figure_of(&minutes[__builtin_ctzll(mask)], figure) += values[i];
    }
    return true;
}

static bool unpack_records(struct str *packed, struct window_minute *minutes, uint64_t counted)
{
    int64_t records[TALLY_MINUTES];
    size_t count = (size_t)__builtin_popcountll(counted), i = 0;
    bool all = true;

    if (!unpack_column(packed, records, count)) {
        return false;
    }
    if (count < TALLY_MINUTES) {
        memset(minutes, 0, TALLY_MINUTES * sizeof(minutes[0]));
    }
    for (; counted != 0; counted &= counted - 1, i++) {
        minutes[__builtin_ctzll(counted)] =
            (struct window_minute){.records = records[i], .total = records[i]};
        all &= records[i] != 0;
    }
    return all;
}

bool window_minutes_unpack(struct str *packed, struct window_minute *minutes, uint64_t *ret_counted)
{
    uint64_t silent, masks[FIGURE_COUNT] = {0};

    if (!unpack_uint(packed, &silent) || silent > TALLY_MINUTES_ALL) {
        return false;
    }
    *ret_counted = ~silent & TALLY_MINUTES_ALL;
    if (!unpack_records(packed, minutes, *ret_counted)) {
        return false;
    }
    for (int f = 0; f < FIGURE_COUNT && *ret_counted != 0; f++) {
        if (!unpack_figure(packed, silent, (enum figure)f, minutes, &masks[f])) {
            return false;
        }
    }
    /* Only minutes with a part can have one that is larger than the whole, and only weights make a whole that is too large. */
    for (uint64_t parts = masks[EXTRA] | masks[ERRORS] | masks[SLOW] | masks[NO_LATENCY];
         parts != 0; parts &= parts - 1) {
        if (!window_minute_valid(&minutes[__builtin_ctzll(parts)])) {
            return false;
        }
    }
    return true;
}

static bool unpack_window(struct str *packed, struct window_tally *tally, struct err *err)
{
    uint64_t counted;

    return offset_ranges_unpack(packed, &tally->ranges, &tally->range_count) &&
           window_minutes_unpack(packed, tally->minutes, &counted) &&
           histogram_unpack(packed, &tally->latency, err) == ERR_OK;
}

static bool unpack(enum tally_kind kind, unsigned char format, struct str *packed,
                   struct tally *tally, struct err *err)
{
    switch (kind) {
    case TALLY_WINDOW:
        return unpack_window(packed, &tally->window, err) &&
               (format != TALLY_FORMAT_PARTICULARS ||
                particulars_unpack(packed, &tally->window.particulars));
    case TALLY_CHECK:
        return check_tally_unpack(packed, &tally->check);
    case TALLY_ACTIVITY:
        return unpack_uint(packed, &tally->activity.minutes);
    }
    return false;
}

bool tally_format_fits(enum tally_kind kind, unsigned char format)
{
    return format == formats[kind] || (kind == TALLY_WINDOW && format == TALLY_FORMAT_PARTICULARS);
}

enum err_code tally_unpack(enum tally_kind kind, struct str packed, struct tally *ret_tally,
                           struct err *err)
{
    struct err ignored = ERR_INIT;
    struct tally tally;
    size_t size = packed.size;
    unsigned char format = size == 0 ? 0 : (unsigned char)packed.data[0];

    if (!tally_format_fits(kind, format)) {
        return err_set(err, ERR_MISMATCH, "packed %s: unknown format", tally_kind_name(kind));
    }
    packed = str_of(packed.data + 1, size - 1);
    tally_init(&tally);
    if (!unpack(kind, format, &packed, &tally, &ignored) || packed.size > 0 ||
        !tally_valid(kind, &tally)) {
        tally_release(kind, &tally);
        return err_set(err, ERR_MISMATCH, "packed %s: damaged near byte %zu of %zu",
                       tally_kind_name(kind), size - packed.size, size);
    }
    *ret_tally = tally;
    return ERR_OK;
}

void window_counts_release(struct window_counts *counts)
{
    memory_free(counts->ranges);
    *counts = (struct window_counts){.ranges = NULL};
}

bool offset_ranges_refill(struct str *packed, struct offset_range **ranges, size_t *ret_count,
                          size_t *capacity)
{
    int64_t count;

    if (!offset_range_count_unpack(packed, &count)) {
        return false;
    }
    if ((size_t)count > *capacity) {
        *capacity = (size_t)count;
        *ranges = memory_resize(*ranges, (size_t)count, sizeof((*ranges)[0]));
    }
    for (*ret_count = 0; *ret_count < (size_t)count; (*ret_count)++) {
        if (!offset_range_unpack(packed, &(*ranges)[*ret_count])) {
            return false;
        }
    }
    return offset_ranges_valid(*ranges, *ret_count);
}

static bool read_ranges(struct str *packed, struct window_counts *counts)
{
    return offset_ranges_refill(packed, &counts->ranges, &counts->range_count,
                                &counts->range_capacity);
}

static struct str behind_format(struct str packed)
{
    return packed.size == 0 ? packed : str_of(packed.data + 1, packed.size - 1);
}

enum err_code window_counts_unpack(struct str packed, struct window_counts *counts, struct err *err)
{
    unsigned char format = packed.size == 0 ? 0 : (unsigned char)packed.data[0];

    packed = behind_format(packed);
    if (!tally_format_fits(TALLY_WINDOW, format) || !read_ranges(&packed, counts) ||
        !window_minutes_unpack(&packed, counts->minutes, &counts->counted)) {
        return err_set(err, ERR_MISMATCH, "packed window: damaged");
    }
    return ERR_OK;
}

enum err_code tally_unpack_ranges(enum tally_kind kind, struct str packed,
                                  struct window_counts *counts, struct err *err)
{
    unsigned char format = packed.size == 0 ? 0 : (unsigned char)packed.data[0];

    packed = behind_format(packed);
    if (kind == TALLY_ACTIVITY || !tally_format_fits(kind, format) ||
        !read_ranges(&packed, counts)) {
        return err_set(err, ERR_MISMATCH, "packed %s: damaged", tally_kind_name(kind));
    }
    return ERR_OK;
}
