/* A packed tally is added to another one as it is read, without a tally of its own between them: what the fold does most. */
#include "aggregator/pack.h"
#include "aggregator/tally_parts.h"

static bool merge_ranges(struct str *packed, struct offset_range **ranges, size_t *range_count)
{
    struct offset_range before = {.stream_id = -1};
    int64_t count;
    size_t at = 0;

    if (!offset_range_count_unpack(packed, &count)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        struct offset_range range;

        if (!offset_range_unpack(packed, &range) || range.stream_id < before.stream_id ||
            (range.stream_id == before.stream_id && range.partition <= before.partition)) {
            return false;
        }
        offset_range_merge(ranges, range_count, &at, &range);
        before = range;
    }
    return true;
}

/* *ret_known: how many latencies the histogram has. */
static bool merge_minutes(const struct window_minute *from, uint64_t counted,
                          struct window_tally *into, int64_t *ret_known)
{
    __int128 known = 0;
    __int128 all = 0;

    for (; counted != 0; counted &= counted - 1) {
        int i = __builtin_ctzll(counted);

        known += from[i].total - from[i].no_latency;
        all += from[i].total;
        window_minute_add(window_tally_touch(into, i), &from[i]);
        /* The largest of the five. Looked at each time, so that no number of them overflows. */
        if (into->minutes[i].total > PACK_COUNT_MAX) {
            return false;
        }
    }
    *ret_known = (int64_t)known;
    return all <= PACK_COUNT_MAX;
}

static bool merge_particulars(struct str *packed, const struct window_minute *minutes,
                              struct particulars *into)
{
    struct particulars from = {.times = NULL};
    bool good = particulars_unpack(packed, &from) && particulars_valid(&from, minutes);

    if (good) {
        particulars_merge(into, &from);
    }
    particulars_release(&from);
    return good;
}

static bool merge_window(struct str *packed, bool has_particulars, struct window_tally *into)
{
    struct window_minute minutes[TALLY_MINUTES];
    uint64_t counted;
    int64_t known;
    int64_t count;

    return merge_ranges(packed, &into->ranges, &into->range_count) &&
           window_minutes_unpack(packed, minutes, &counted) &&
           merge_minutes(minutes, counted, into, &known) &&
           histogram_merge_packed(packed, &into->latency, &count) && count == known &&
           (!has_particulars || merge_particulars(packed, minutes, &into->particulars)) &&
           packed->size == 0;
}

/* Sums of other kinds are looked at whole. */
static enum err_code merge_unpacked(enum tally_kind kind, struct tally *into, struct str packed,
                                    struct err *err)
{
    struct tally from;

    if (tally_unpack(kind, packed, &from, err) != ERR_OK) {
        return err->code;
    }
    tally_merge(kind, into, &from);
    tally_release(kind, &from);
    return tally_valid(kind, into)
               ? ERR_OK
               : err_set(err, ERR_MISMATCH, "packed %s: does not fit to others of its hour",
                         tally_kind_name(kind));
}

enum err_code tally_merge_packed(enum tally_kind kind, struct tally *into, struct str packed,
                                 struct err *err)
{
    unsigned char format = packed.size == 0 ? 0 : (unsigned char)packed.data[0];
    struct str rest;

    if (kind != TALLY_WINDOW || !tally_format_fits(kind, format)) {
        return merge_unpacked(kind, into, packed, err);
    }
    rest = str_of(packed.data + 1, packed.size - 1);
    if (!merge_window(&rest, format == TALLY_FORMAT_PARTICULARS, &into->window)) {
        return err_set(err, ERR_MISMATCH, "packed %s: damaged near byte %zu of %zu",
                       tally_kind_name(kind), packed.size - rest.size, packed.size);
    }
    return ERR_OK;
}
