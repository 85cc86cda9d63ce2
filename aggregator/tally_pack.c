/*
 * The packed form of tallies.
 *
 *   window:   1, mask, per set minute: records total errors slow no_latency; histogram; ranges
 *             4, the same, and behind it particulars (particulars.c)
 *   check:    2, mask, per set minute: passed warned failed unknown removed, last, last_time_ns (zigzag), interval_ns; ranges
 *   activity: 3, mask
 *   ranges:   count, each: stream, partition, low, high - low; ascending
 *   mask:     bit n: minute n is not empty
 *
 * The first byte says kind and version in one, and whether a window has particulars: nobody can cut them off unseen. Each content has one
 * form, and unpacking refuses all others: what was unpacked can be packed to the same bytes.
 */
#include <string.h>

#include "aggregator/pack.h"
#include "aggregator/tally.h"
#include "base/check.h"
#include "base/memory.h"

enum { FORMAT_WINDOW = 1, FORMAT_CHECK = 2, FORMAT_ACTIVITY = 3, FORMAT_PARTICULARS = 4 };
enum { RANGES_MAX = 1 << 16 };
#define MASK_MAX ((INT64_C(1) << TALLY_MINUTES) - 1)

static const unsigned char formats[] = {[TALLY_WINDOW] = FORMAT_WINDOW,
                                        [TALLY_CHECK] = FORMAT_CHECK,
                                        [TALLY_ACTIVITY] = FORMAT_ACTIVITY};

static bool window_minute_valid(const struct window_minute *minute)
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

static bool check_minute_valid(const struct check_minute *minute)
{
    const int64_t counts[] = {[OUTCOME_PASS] = minute->passed,
                              [OUTCOME_WARN] = minute->warned,
                              [OUTCOME_FAIL] = minute->failed,
                              [OUTCOME_UNKNOWN] = minute->unknown,
                              [OUTCOME_REMOVED] = minute->removed};
    int64_t sum = 0;

    for (size_t i = OUTCOME_PASS; i < ARRAY_COUNT(counts); i++) {
        if (counts[i] < 0) {
            return false;
        }
        sum += counts[i];
    }
    if (sum != minute->records) {
        return false;
    }
    if (sum == 0) {
        return minute->last == 0 && minute->last_time_ns == 0 && minute->last_interval_ns == 0;
    }
    return minute->last >= OUTCOME_PASS && minute->last <= OUTCOME_REMOVED &&
           counts[minute->last] > 0 && minute->last_interval_ns >= 0;
}

static bool ranges_valid(const struct offset_range *ranges, size_t count)
{
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

static bool window_valid(const struct window_tally *tally)
{
    __int128 known = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        if (!window_minute_valid(&tally->minutes[i])) {
            return false;
        }
        known += tally->minutes[i].total - tally->minutes[i].no_latency;
    }
    return known == histogram_count(&tally->latency) &&
           ranges_valid(tally->ranges, tally->range_count) &&
           particulars_valid(&tally->particulars, tally->minutes);
}

static bool check_valid(const struct check_tally *tally)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if (!check_minute_valid(&tally->minutes[i])) {
            return false;
        }
    }
    return ranges_valid(tally->ranges, tally->range_count);
}

static bool valid(enum tally_kind kind, const struct tally *tally)
{
    switch (kind) {
    case TALLY_WINDOW:
        return window_valid(&tally->window);
    case TALLY_CHECK:
        return check_valid(&tally->check);
    case TALLY_ACTIVITY:
        return tally->activity.minutes <= (uint64_t)MASK_MAX;
    }
    return false;
}

void tally_check(enum tally_kind kind, const struct tally *tally)
{
    CHECK(valid(kind, tally));
}

static void pack_ranges(const struct offset_range *ranges, size_t count, struct strbuf *out)
{
    pack_uint(out, count);
    for (size_t i = 0; i < count; i++) {
        pack_count(out, ranges[i].stream_id);
        pack_count(out, ranges[i].partition);
        pack_count(out, ranges[i].low);
        pack_count(out, ranges[i].high - ranges[i].low);
    }
}

static void pack_window(const struct window_tally *tally, struct strbuf *out)
{
    uint64_t mask = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        mask |= tally->minutes[i].records > 0 ? UINT64_C(1) << i : 0;
    }
    pack_uint(out, mask);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct window_minute *minute = &tally->minutes[i];

        if (minute->records > 0) {
            pack_count(out, minute->records);
            pack_count(out, minute->total);
            pack_count(out, minute->errors);
            pack_count(out, minute->slow);
            pack_count(out, minute->no_latency);
        }
    }
    histogram_pack(&tally->latency, out);
    pack_ranges(tally->ranges, tally->range_count, out);
    if (!particulars_empty(&tally->particulars)) {
        particulars_pack(&tally->particulars, out);
    }
}

static void pack_check(const struct check_tally *tally, struct strbuf *out)
{
    uint64_t mask = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        mask |= tally->minutes[i].records > 0 ? UINT64_C(1) << i : 0;
    }
    pack_uint(out, mask);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct check_minute *minute = &tally->minutes[i];

        if (minute->records > 0) {
            pack_count(out, minute->passed);
            pack_count(out, minute->warned);
            pack_count(out, minute->failed);
            pack_count(out, minute->unknown);
            pack_count(out, minute->removed);
            pack_count(out, minute->last);
            pack_int(out, minute->last_time_ns);
            pack_count(out, minute->last_interval_ns);
        }
    }
    pack_ranges(tally->ranges, tally->range_count, out);
}

static unsigned char format_of(enum tally_kind kind, const struct tally *tally)
{
    return kind == TALLY_WINDOW && !particulars_empty(&tally->window.particulars)
               ? FORMAT_PARTICULARS
               : formats[kind];
}

void tally_pack(enum tally_kind kind, const struct tally *tally, struct strbuf *out)
{
    tally_check(kind, tally);
    strbuf_append_char(out, (char)format_of(kind, tally));
    switch (kind) {
    case TALLY_WINDOW:
        pack_window(&tally->window, out);
        break;
    case TALLY_CHECK:
        pack_check(&tally->check, out);
        break;
    case TALLY_ACTIVITY:
        pack_uint(out, tally->activity.minutes);
        break;
    }
}

static bool unpack_ranges(struct str *packed, struct offset_range **ret_ranges, size_t *ret_count)
{
    int64_t count;

    /* Four bytes at least for each, so that a short text cannot ask for much memory. */
    if (!unpack_count(packed, RANGES_MAX, &count) || (size_t)count > packed->size / 4) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        struct offset_range range;
        int64_t partition;
        int64_t width;

        if (!unpack_count(packed, INT64_MAX, &range.stream_id) ||
            !unpack_count(packed, INT32_MAX, &partition) ||
            !unpack_count(packed, INT64_MAX, &range.low) ||
            !unpack_count(packed, INT64_MAX - range.low, &width)) {
            return false;
        }
        range.partition = (int32_t)partition;
        range.high = range.low + width;
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

static bool unpack_window(struct str *packed, struct window_tally *tally, struct err *err)
{
    int64_t mask;

    if (!unpack_count(packed, MASK_MAX, &mask)) {
        return false;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct window_minute *minute = &tally->minutes[i];

        if ((mask >> i & 1) == 0) {
            continue;
        }
        if (!unpack_count(packed, PACK_COUNT_MAX, &minute->records) || minute->records == 0 ||
            !unpack_count(packed, PACK_COUNT_MAX, &minute->total) ||
            !unpack_count(packed, PACK_COUNT_MAX, &minute->errors) ||
            !unpack_count(packed, PACK_COUNT_MAX, &minute->slow) ||
            !unpack_count(packed, PACK_COUNT_MAX, &minute->no_latency)) {
            return false;
        }
    }
    return histogram_unpack(packed, &tally->latency, err) == ERR_OK &&
           unpack_ranges(packed, &tally->ranges, &tally->range_count);
}

static bool unpack_check_minute(struct str *packed, struct check_minute *minute)
{
    int64_t last;

    if (!unpack_count(packed, PACK_COUNT_MAX, &minute->passed) ||
        !unpack_count(packed, PACK_COUNT_MAX, &minute->warned) ||
        !unpack_count(packed, PACK_COUNT_MAX, &minute->failed) ||
        !unpack_count(packed, PACK_COUNT_MAX, &minute->unknown) ||
        !unpack_count(packed, PACK_COUNT_MAX, &minute->removed) ||
        !unpack_count(packed, OUTCOME_REMOVED, &last) ||
        !unpack_int(packed, &minute->last_time_ns) ||
        !unpack_count(packed, INT64_MAX, &minute->last_interval_ns)) {
        return false;
    }
    minute->last = (enum outcome)last;
    minute->records =
        minute->passed + minute->warned + minute->failed + minute->unknown + minute->removed;
    return minute->records > 0;
}

static bool unpack_check(struct str *packed, struct check_tally *tally)
{
    int64_t mask;

    if (!unpack_count(packed, MASK_MAX, &mask)) {
        return false;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if ((mask >> i & 1) != 0 && !unpack_check_minute(packed, &tally->minutes[i])) {
            return false;
        }
    }
    return unpack_ranges(packed, &tally->ranges, &tally->range_count);
}

static bool unpack(enum tally_kind kind, unsigned char format, struct str *packed,
                   struct tally *tally, struct err *err)
{
    switch (kind) {
    case TALLY_WINDOW:
        return unpack_window(packed, &tally->window, err) &&
               (format != FORMAT_PARTICULARS ||
                particulars_unpack(packed, &tally->window.particulars));
    case TALLY_CHECK:
        return unpack_check(packed, &tally->check);
    case TALLY_ACTIVITY:
        return unpack_uint(packed, &tally->activity.minutes);
    }
    return false;
}

enum err_code tally_unpack(enum tally_kind kind, struct str packed, struct tally *ret_tally,
                           struct err *err)
{
    struct err ignored = ERR_INIT;
    struct tally tally;
    size_t size = packed.size;
    unsigned char format = size == 0 ? 0 : (unsigned char)packed.data[0];

    if (format != formats[kind] && (kind != TALLY_WINDOW || format != FORMAT_PARTICULARS)) {
        return err_set(err, ERR_MISMATCH, "packed %s: unknown format", tally_kind_name(kind));
    }
    packed = str_of(packed.data + 1, size - 1);
    tally_init(&tally);
    if (!unpack(kind, format, &packed, &tally, &ignored) || packed.size > 0 ||
        !valid(kind, &tally)) {
        tally_release(kind, &tally);
        return err_set(err, ERR_MISMATCH, "packed %s: damaged near byte %zu of %zu",
                       tally_kind_name(kind), size - packed.size, size);
    }
    *ret_tally = tally;
    return ERR_OK;
}
