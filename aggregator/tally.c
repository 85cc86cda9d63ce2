#include "aggregator/tally.h"

#include <string.h>

#include "aggregator/tally_parts.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

const char *tally_kind_name(enum tally_kind kind)
{
    static const char *const names[] = {"window", "check", "activity"};

    CHECK((unsigned)kind < ARRAY_COUNT(names));
    return names[kind];
}

bool tally_kind_find(struct str name, enum tally_kind *ret_kind)
{
    for (int kind = TALLY_WINDOW; kind <= TALLY_ACTIVITY; kind++) {
        if (str_equal(name, STR(tally_kind_name((enum tally_kind)kind)))) {
            *ret_kind = (enum tally_kind)kind;
            return true;
        }
    }
    return false;
}

int tally_key_compare(const struct tally_key *x, const struct tally_key *y)
{
    int order = (x->kind > y->kind) - (x->kind < y->kind);

    order = order != 0 ? order : str_compare(x->a, y->a);
    order = order != 0 ? order : (x->hour > y->hour) - (x->hour < y->hour);
    order = order != 0 ? order : str_compare(x->b, y->b);
    order = order != 0 ? order : str_compare(x->c, y->c);
    return order != 0 ? order : str_compare(x->d, y->d);
}

int64_t tally_hour(int64_t time_ns)
{
    int64_t hour = time_ns / NS_PER_HOUR;

    return time_ns % NS_PER_HOUR < 0 ? hour - 1 : hour;
}

int tally_minute(int64_t time_ns)
{
    int64_t rest = time_ns % NS_PER_HOUR;

    return (int)((rest < 0 ? rest + NS_PER_HOUR : rest) / NS_PER_MINUTE);
}

void window_tally_add(struct window_tally *tally, const struct event *event)
{
    window_minute_add_event(window_tally_touch(tally, tally_minute(event->time_ns)), event);
    if (event->latency_ns != LATENCY_UNKNOWN) {
        histogram_add(&tally->latency, event->latency_ns, event->weight);
    }
    if (event->wanted != NULL) {
        particulars_add(&tally->particulars, event);
    }
}

int64_t tally_minute_ns(int64_t time_ns)
{
    int64_t rest = time_ns % NS_PER_MINUTE;

    return time_ns - (rest < 0 ? rest + NS_PER_MINUTE : rest);
}

/* Of two results that hold from the same moment with the same outcome, the one that expires first is the worse: an
 * interval of 0 holds without end. */
static bool expires_earlier(int64_t a_ns, int64_t b_ns)
{
    return a_ns != 0 && (b_ns == 0 || a_ns < b_ns);
}

/* Whether result a counts as the last one of a minute rather than b. A total order, so that any order of merging ends alike. */
static bool result_supersedes(const struct check_minute *a, const struct check_minute *b)
{
    if (a->last_time_ns != b->last_time_ns) {
        return a->last_time_ns > b->last_time_ns;
    }
    if (a->last != b->last) {
        return a->last > b->last; /* enum outcome goes from good to bad */
    }
    return expires_earlier(a->last_interval_ns, b->last_interval_ns);
}

static void check_minute_merge(struct check_minute *into, const struct check_minute *from)
{
    if (from->records == 0) {
        return;
    }
    if (into->records == 0 || result_supersedes(from, into)) {
        into->last = from->last;
        into->last_time_ns = from->last_time_ns;
        into->last_interval_ns = from->last_interval_ns;
    }
    into->records += from->records;
    into->passed += from->passed;
    into->warned += from->warned;
    into->failed += from->failed;
    into->unknown += from->unknown;
    into->removed += from->removed;
}

void check_tally_add(struct check_tally *tally, const struct event *event)
{
    struct check_minute one = {.records = 1,
                               .passed = event->outcome == OUTCOME_PASS,
                               .warned = event->outcome == OUTCOME_WARN,
                               .failed = event->outcome == OUTCOME_FAIL,
                               .unknown = event->outcome == OUTCOME_UNKNOWN,
                               .removed = event->outcome == OUTCOME_REMOVED,
                               .last = event->outcome,
                               .last_time_ns = event->time_ns,
                               .last_interval_ns = event->interval_ns};

    CHECK(event->kind == EVENT_CHECK);
    CHECK(event->outcome >= OUTCOME_PASS);
    CHECK(event->interval_ns >= 0);
    check_minute_merge(&tally->minutes[tally_minute(event->time_ns)], &one);
}

static bool range_before(const struct offset_range *range, int64_t stream_id, int32_t partition)
{
    return range->stream_id < stream_id ||
           (range->stream_id == stream_id && range->partition < partition);
}

/* Where the range of (stream, partition) stands or belongs. */
static size_t range_place(const struct offset_range *ranges, size_t count, int64_t stream_id,
                          int32_t partition)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (range_before(&ranges[middle], stream_id, partition)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void range_insert(struct offset_range **ranges, size_t *range_count, size_t place,
                         struct offset_range range)
{
    /* The capacity is the next power of two: grown only when the count reaches one. */
    if ((*range_count & (*range_count - 1)) == 0) {
        *ranges =
            memory_resize(*ranges, *range_count == 0 ? 1 : *range_count * 2, sizeof((*ranges)[0]));
    }
    memmove(*ranges + place + 1, *ranges + place, (*range_count - place) * sizeof((*ranges)[0]));
    (*ranges)[place] = range;
    (*range_count)++;
}

static void range_widen(struct offset_range *range, const struct offset_range *by)
{
    range->low = by->low < range->low ? by->low : range->low;
    range->high = by->high > range->high ? by->high : range->high;
}

static void range_merge(struct offset_range **ranges, size_t *range_count,
                        const struct offset_range *from)
{
    size_t place = range_place(*ranges, *range_count, from->stream_id, from->partition);

    if (place == *range_count || (*ranges)[place].stream_id != from->stream_id ||
        (*ranges)[place].partition != from->partition) {
        range_insert(ranges, range_count, place, *from);
        return;
    }
    range_widen(&(*ranges)[place], from);
}

void offset_ranges_add(struct offset_range **ranges, size_t *range_count, int64_t stream_id,
                       int32_t partition, int64_t offset)
{
    struct offset_range one = {
        .stream_id = stream_id, .partition = partition, .low = offset, .high = offset};

    range_merge(ranges, range_count, &one);
}

void offset_range_merge(struct offset_range **ranges, size_t *range_count, size_t *at,
                        const struct offset_range *range)
{
    while (*at < *range_count && range_before(*ranges + *at, range->stream_id, range->partition)) {
        ++*at;
    }
    if (*at == *range_count || (*ranges)[*at].stream_id != range->stream_id ||
        (*ranges)[*at].partition != range->partition) {
        range_insert(ranges, range_count, *at, *range);
    } else {
        range_widen(*ranges + *at, range);
    }
}

static void ranges_merge(struct offset_range **into, size_t *into_count,
                         const struct offset_range *from, size_t from_count)
{
    size_t at = 0;

    for (size_t i = 0; i < from_count; i++) {
        offset_range_merge(into, into_count, &at, &from[i]);
    }
}

void tally_init(struct tally *tally)
{
    memset(tally, 0, sizeof(*tally));
}

void window_tally_init(struct window_tally *tally)
{
    tally->untouched = TALLY_MINUTES_ALL;
}

void tally_release(enum tally_kind kind, struct tally *tally)
{
    if (tally == NULL) {
        return;
    }
    if (kind == TALLY_WINDOW) {
        histogram_release(&tally->window.latency);
        memory_free(tally->window.ranges);
        tally->window.ranges = NULL;
        tally->window.range_count = 0;
        particulars_release(&tally->window.particulars);
    } else if (kind == TALLY_CHECK) {
        memory_free(tally->check.ranges);
        tally->check.ranges = NULL;
        tally->check.range_count = 0;
    }
}

static void window_merge(struct window_tally *into, const struct window_tally *from)
{
    for (uint64_t left = window_tally_touched(from); left != 0; left &= left - 1) {
        int i = __builtin_ctzll(left);

        window_minute_add(window_tally_touch(into, i), &from->minutes[i]);
    }
    histogram_merge(&into->latency, &from->latency);
    ranges_merge(&into->ranges, &into->range_count, from->ranges, from->range_count);
    particulars_merge(&into->particulars, &from->particulars);
}

static void check_merge(struct check_tally *into, const struct check_tally *from)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        check_minute_merge(&into->minutes[i], &from->minutes[i]);
    }
    ranges_merge(&into->ranges, &into->range_count, from->ranges, from->range_count);
}

void tally_merge(enum tally_kind kind, struct tally *into, const struct tally *from)
{
    switch (kind) {
    case TALLY_WINDOW:
        window_merge(&into->window, &from->window);
        break;
    case TALLY_CHECK:
        check_merge(&into->check, &from->check);
        break;
    case TALLY_ACTIVITY:
        into->activity.minutes |= from->activity.minutes;
        break;
    }
}

void tally_fetch_outline(enum tally_kind kind, const struct tally *tally)
{
    if (kind == TALLY_WINDOW) {
        __builtin_prefetch(&tally->window.latency);
        __builtin_prefetch(&tally->window.untouched);
    }
}

enum { FETCHED_RANGES = 8 }; /* whoever has more finds the others where those end */

void tally_fetch(enum tally_kind kind, const struct tally *tally)
{
    if (kind == TALLY_WINDOW) {
        uint64_t minutes = window_tally_touched(&tally->window);

        /* Of those that follow each other the first one. */
        for (uint64_t left = minutes & ~(minutes << 1); left != 0; left &= left - 1) {
            const struct window_minute *minute = &tally->window.minutes[__builtin_ctzll(left)];

            __builtin_prefetch(minute);
            __builtin_prefetch(&minute->no_latency); /* on the next line, it may be */
        }
        for (size_t i = 0; i < tally->window.range_count && i < FETCHED_RANGES; i += 2) {
            __builtin_prefetch(&tally->window.ranges[i]); /* two on a line */
        }
        histogram_fetch(&tally->window.latency);
    }
}

int64_t tally_records(enum tally_kind kind, const struct tally *tally)
{
    int64_t records = 0;

    if (kind == TALLY_WINDOW) {
        for (uint64_t left = window_tally_touched(&tally->window); left != 0; left &= left - 1) {
            records += tally->window.minutes[__builtin_ctzll(left)].records;
        }
    }
    for (int i = 0; i < TALLY_MINUTES && kind == TALLY_CHECK; i++) {
        records += tally->check.minutes[i].records;
    }
    return records;
}
