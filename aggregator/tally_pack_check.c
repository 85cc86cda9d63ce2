/* The packed form of an hour of checks; what stands in it tally_pack.c says. */
#include "aggregator/pack.h"
#include "aggregator/tally_parts.h"
#include "base/check.h"
#include "base/clock.h"

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
    if (sum != minute->records || sum > PACK_COUNT_MAX) {
        return false;
    }
    if (sum == 0) {
        return minute->last == 0 && minute->last_time_ns == 0 && minute->last_interval_ns == 0;
    }
    return minute->last >= OUTCOME_PASS && minute->last <= OUTCOME_REMOVED &&
           counts[minute->last] > 0 && minute->last_interval_ns >= 0 &&
           minute->last_interval_ns <= PACK_COUNT_MAX;
}

bool check_tally_valid(const struct check_tally *tally)
{
    const struct check_minute *first = NULL;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct check_minute *minute = &tally->minutes[i];

        if (!check_minute_valid(minute)) {
            return false;
        }
        if (minute->records == 0) {
            continue;
        }
        first = first != NULL ? first : minute;
        if (tally_minute(minute->last_time_ns) != i ||
            tally_hour(minute->last_time_ns) != tally_hour(first->last_time_ns)) {
            return false;
        }
    }
    return offset_ranges_valid(tally->ranges, tally->range_count);
}

/* Counts of the outcomes of checks, in the order of their enum. */
static inline int64_t *outcome_of(struct check_minute *minute, int outcome)
{
    int64_t *const counts[] = {[OUTCOME_PASS] = &minute->passed,
                               [OUTCOME_WARN] = &minute->warned,
                               [OUTCOME_FAIL] = &minute->failed,
                               [OUTCOME_UNKNOWN] = &minute->unknown,
                               [OUTCOME_REMOVED] = &minute->removed};

    return counts[outcome];
}

static void pack_outcome(const struct check_tally *tally, int outcome, struct strbuf *out)
{
    int64_t values[TALLY_MINUTES];
    size_t count = 0;
    uint64_t mask = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct check_minute minute = tally->minutes[i];
        int64_t value = *outcome_of(&minute, outcome);

        if (value > 0) {
            mask |= UINT64_C(1) << i;
            values[count++] = value;
        }
    }
    pack_uint(out, mask);
    pack_column(out, values, count);
}

/* What the last results of minutes have in common, so that no more than the rest is packed. */
struct check_columns {
    int64_t last[TALLY_MINUTES], time[TALLY_MINUTES], interval_ns[TALLY_MINUTES];
    size_t count;
    int64_t hour;
    int zeros;
};

enum { ZEROS_MAX = 10 }; /* 10^10 ns divide a minute */

/* Divides all times by ten as often as that leaves nothing over. */
static int strip_zeros(int64_t *times, size_t count)
{
    for (int zeros = 0; zeros < ZEROS_MAX; zeros++) {
        for (size_t i = 0; i < count; i++) {
            if (times[i] % 10 != 0) {
                return zeros;
            }
        }
        for (size_t i = 0; i < count; i++) {
            times[i] /= 10;
        }
    }
    return ZEROS_MAX;
}

static void pack_last_results(const struct check_tally *tally, uint64_t seen, struct strbuf *out)
{
    struct check_columns columns = {.count = 0};

    for (; seen != 0; seen &= seen - 1) {
        int i = __builtin_ctzll(seen);
        const struct check_minute *minute = &tally->minutes[i];

        columns.hour = tally_hour(minute->last_time_ns);
        columns.last[columns.count] = minute->last;
        columns.time[columns.count] =
            minute->last_time_ns - (columns.hour * TALLY_MINUTES + i) * NS_PER_MINUTE;
        columns.interval_ns[columns.count++] = minute->last_interval_ns;
    }
    columns.zeros = strip_zeros(columns.time, columns.count);
    pack_int(out, columns.hour);
    pack_uint(out, (uint64_t)columns.zeros);
    pack_column(out, columns.last, columns.count);
    pack_column(out, columns.time, columns.count);
    pack_column(out, columns.interval_ns, columns.count);
}

void check_tally_pack(const struct check_tally *tally, struct strbuf *out)
{
    uint64_t seen = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        seen |= tally->minutes[i].records > 0 ? UINT64_C(1) << i : 0;
    }
    offset_ranges_pack(tally->ranges, tally->range_count, out);
    pack_uint(out, seen);
    if (seen != 0) {
        pack_last_results(tally, seen, out);
        for (int outcome = OUTCOME_PASS; outcome <= OUTCOME_REMOVED; outcome++) {
            pack_outcome(tally, outcome, out);
        }
    }
}

static bool unpack_columns(struct str *packed, struct check_columns *columns)
{
    int64_t zeros;

    if (!unpack_int(packed, &columns->hour) || columns->hour < INT64_MIN / NS_PER_HOUR + 1 ||
        columns->hour > INT64_MAX / NS_PER_HOUR - 1 || !unpack_count(packed, ZEROS_MAX, &zeros) ||
        !unpack_column(packed, columns->last, columns->count) ||
        !unpack_column(packed, columns->time, columns->count) ||
        !unpack_column(packed, columns->interval_ns, columns->count)) {
        return false;
    }
    columns->zeros = (int)zeros;
    /* The largest unit, or there is another form. */
    return zeros == ZEROS_MAX || strip_zeros(columns->time, columns->count) == 0;
}

static bool unpack_last_results(struct str *packed, uint64_t seen, struct check_tally *tally)
{
    struct check_columns columns = {.count = (size_t)__builtin_popcountll(seen)};
    int64_t unit_ns = 1;
    size_t at = 0;

    if (!unpack_columns(packed, &columns)) {
        return false;
    }
    for (int i = 0; i < columns.zeros; i++) {
        unit_ns *= 10;
    }
    for (; seen != 0; seen &= seen - 1, at++) {
        int i = __builtin_ctzll(seen);
        struct check_minute *minute = &tally->minutes[i];

        if (columns.last[at] < OUTCOME_PASS || columns.last[at] > OUTCOME_REMOVED ||
            columns.time[at] > (NS_PER_MINUTE - 1) / unit_ns) {
            return false;
        }
        minute->last = (enum outcome)columns.last[at];
        minute->last_time_ns =
            (columns.hour * TALLY_MINUTES + i) * NS_PER_MINUTE + columns.time[at] * unit_ns;
        minute->last_interval_ns = columns.interval_ns[at];
    }
    return true;
}

static bool unpack_outcome(struct str *packed, uint64_t seen, int outcome,
                           struct check_minute *minutes)
{
    int64_t values[TALLY_MINUTES];
    uint64_t mask;
    size_t at = 0;

    if (!unpack_uint(packed, &mask) || (mask & ~seen) != 0 ||
        !unpack_column(packed, values, (size_t)__builtin_popcountll(mask))) {
        return false;
    }
    for (; mask != 0; mask &= mask - 1, at++) {
        struct check_minute *minute = &minutes[__builtin_ctzll(mask)];

        if (values[at] == 0) {
            return false;
        }
        *outcome_of(minute, outcome) = values[at];
        minute->records += values[at];
    }
    return true;
}

/* A minute of `seen` without counts is found by whoever looks whether the tally is valid: its last result has none. */
bool check_tally_unpack(struct str *packed, struct check_tally *tally)
{
    uint64_t seen;

    if (!offset_ranges_unpack(packed, &tally->ranges, &tally->range_count) ||
        !unpack_uint(packed, &seen) || seen > TALLY_MINUTES_ALL ||
        (seen != 0 && !unpack_last_results(packed, seen, tally))) {
        return false;
    }
    for (int outcome = OUTCOME_PASS; outcome <= OUTCOME_REMOVED && seen != 0; outcome++) {
        if (!unpack_outcome(packed, seen, outcome, tally->minutes)) {
            return false;
        }
    }
    return true;
}
