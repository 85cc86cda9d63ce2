/*
 * Packed form, behind the window's own:
 *
 *   times:  mask, per set minute: ok, failed; if ok: first_ok, last_ok - first_ok; if failed: the same
 *   limits: count, each: limit less the one before, mask, per set minute: records known over; ascending
 *   mask:   bit n: minute n is not empty; 0 for no times, never 0 for a limit
 */
#include "aggregator/particulars.h"

#include <string.h>

#include "aggregator/pack.h"
#include "aggregator/tally.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

/* Many more than a configuration can name; each has some bytes at least, so that a short text cannot ask for much memory. */
enum { LIMITS_MAX = 1 << 12 };

static int64_t in_minute(int64_t time_ns)
{
    int64_t rest_ns = time_ns % NS_PER_MINUTE;

    return rest_ns < 0 ? rest_ns + NS_PER_MINUTE : rest_ns;
}

/* Widens [*first, *last] of *count records by those of another. */
static void span_merge(int64_t *count, int64_t *first_ns, int64_t *last_ns, int64_t from_count,
                       int64_t from_first_ns, int64_t from_last_ns)
{
    if (from_count == 0) {
        return;
    }
    if (*count == 0 || from_first_ns < *first_ns) {
        *first_ns = from_first_ns;
    }
    if (*count == 0 || from_last_ns > *last_ns) {
        *last_ns = from_last_ns;
    }
    *count += from_count;
}

void times_minute_merge(struct times_minute *into, const struct times_minute *from)
{
    span_merge(&into->ok, &into->first_ok_ns, &into->last_ok_ns, from->ok, from->first_ok_ns,
               from->last_ok_ns);
    span_merge(&into->failed, &into->first_failed_ns, &into->last_failed_ns, from->failed,
               from->first_failed_ns, from->last_failed_ns);
}

void limit_minute_merge(struct limit_minute *into, const struct limit_minute *from)
{
    into->records += from->records;
    into->known += from->known;
    into->over += from->over;
}

static struct times_minute *times_get(struct particulars *particulars)
{
    if (particulars->times == NULL) {
        particulars->times = memory_calloc(TALLY_MINUTES, sizeof(particulars->times[0]));
    }
    return particulars->times;
}

/* Where the limit stands or belongs. There are a few. */
static size_t limit_place(const struct particulars *particulars, int64_t limit_ns)
{
    size_t place = 0;

    while (place < particulars->limit_count && particulars->limits[place].limit_ns < limit_ns) {
        place++;
    }
    return place;
}

const struct limit_hour *particulars_limit(const struct particulars *particulars, int64_t limit_ns)
{
    size_t place = limit_place(particulars, limit_ns);

    return place < particulars->limit_count && particulars->limits[place].limit_ns == limit_ns
               ? &particulars->limits[place]
               : NULL;
}

static struct limit_hour *limit_get(struct particulars *particulars, int64_t limit_ns)
{
    size_t place = limit_place(particulars, limit_ns);
    size_t count = particulars->limit_count;

    if (place == count || particulars->limits[place].limit_ns != limit_ns) {
        particulars->limits =
            memory_resize(particulars->limits, count + 1, sizeof(particulars->limits[0]));
        memmove(&particulars->limits[place + 1], &particulars->limits[place],
                (count - place) * sizeof(particulars->limits[0]));
        particulars->limits[place] = (struct limit_hour){.limit_ns = limit_ns};
        particulars->limit_count++;
    }
    return &particulars->limits[place];
}

static void add_times(struct particulars *particulars, const struct event *event, int minute)
{
    int64_t at_ns = in_minute(event->time_ns);
    bool ok = event->outcome == OUTCOME_SUCCESS;
    struct times_minute one = {.ok = ok, .failed = !ok};

    if (ok) {
        one.first_ok_ns = one.last_ok_ns = at_ns;
    } else {
        one.first_failed_ns = one.last_failed_ns = at_ns;
    }
    times_minute_merge(&times_get(particulars)[minute], &one);
}

/* A fast failure must not make a service look fast. */
static void add_limit(struct particulars *particulars, const struct event *event, int minute,
                      int64_t limit_ns)
{
    bool known = event->outcome == OUTCOME_SUCCESS && event->latency_ns != LATENCY_UNKNOWN;
    struct limit_minute one = {.records = 1,
                               .known = known ? event->weight : 0,
                               .over = known && event->latency_ns > limit_ns ? event->weight : 0};

    limit_minute_merge(&limit_get(particulars, limit_ns)->minutes[minute], &one);
}

void particulars_add(struct particulars *particulars, const struct event *event)
{
    const struct particulars_wanted *wanted = event->wanted;
    int minute = tally_minute(event->time_ns);

    if (wanted->times) {
        add_times(particulars, event, minute);
    }
    for (size_t i = 0; i < wanted->limit_count; i++) {
        add_limit(particulars, event, minute, wanted->limits_ns[i]);
    }
}

void particulars_merge(struct particulars *into, const struct particulars *from)
{
    for (int i = 0; i < TALLY_MINUTES && from->times != NULL; i++) {
        times_minute_merge(&times_get(into)[i], &from->times[i]);
    }
    for (size_t k = 0; k < from->limit_count; k++) {
        struct limit_hour *limit = limit_get(into, from->limits[k].limit_ns);

        for (int i = 0; i < TALLY_MINUTES; i++) {
            limit_minute_merge(&limit->minutes[i], &from->limits[k].minutes[i]);
        }
    }
}

void particulars_release(struct particulars *particulars)
{
    memory_free(particulars->times);
    memory_free(particulars->limits);
    *particulars = (struct particulars){0};
}

bool particulars_empty(const struct particulars *particulars)
{
    return particulars->times == NULL && particulars->limit_count == 0;
}

size_t particulars_size(const struct particulars *particulars)
{
    return (particulars->times != NULL ? TALLY_MINUTES * sizeof(struct times_minute) : 0) +
           particulars->limit_count * sizeof(struct limit_hour);
}

static bool span_valid(int64_t count, int64_t first_ns, int64_t last_ns)
{
    if (count == 0) {
        return first_ns == 0 && last_ns == 0;
    }
    return count > 0 && first_ns >= 0 && first_ns <= last_ns && last_ns < NS_PER_MINUTE;
}

/* Each record weighs 1 at least. If all are here, there is a failure here exactly if the window counted one. */
static bool times_valid(const struct times_minute *times, const struct window_minute *window)
{
    int64_t good = window->total - window->errors;
    bool all = times->ok + times->failed == window->records;

    return span_valid(times->ok, times->first_ok_ns, times->last_ok_ns) &&
           span_valid(times->failed, times->first_failed_ns, times->last_failed_ns) &&
           times->ok + times->failed <= window->records && times->ok <= good &&
           times->failed <= window->errors &&
           (!all || ((times->ok > 0) == (good > 0) && (times->failed > 0) == (window->errors > 0)));
}

static bool limit_valid(const struct limit_minute *limit, const struct window_minute *window)
{
    int64_t good = window->total - window->errors;

    if (limit->records == 0) {
        return limit->known == 0 && limit->over == 0;
    }
    return limit->records > 0 && limit->records <= window->records && limit->over >= 0 &&
           limit->over <= limit->known && limit->known <= good &&
           (limit->records < window->records || limit->known >= good - window->no_latency);
}

static uint64_t times_mask(const struct times_minute *times)
{
    uint64_t mask = 0;

    for (int i = 0; i < TALLY_MINUTES && times != NULL; i++) {
        mask |= times[i].ok + times[i].failed > 0 ? UINT64_C(1) << i : 0;
    }
    return mask;
}

static uint64_t limit_mask(const struct limit_hour *limit)
{
    uint64_t mask = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        mask |= limit->minutes[i].records > 0 ? UINT64_C(1) << i : 0;
    }
    return mask;
}

bool particulars_valid(const struct particulars *particulars, const struct window_minute *minutes)
{
    if ((particulars->times != NULL && times_mask(particulars->times) == 0) ||
        particulars->limit_count > LIMITS_MAX) {
        return false;
    }
    for (int i = 0; i < TALLY_MINUTES && particulars->times != NULL; i++) {
        if (!times_valid(&particulars->times[i], &minutes[i])) {
            return false;
        }
    }
    for (size_t k = 0; k < particulars->limit_count; k++) {
        const struct limit_hour *limit = &particulars->limits[k];

        if (limit->limit_ns <= (k > 0 ? limit[-1].limit_ns : 0) ||
            limit->limit_ns > LATENCY_NS_MAX || limit_mask(limit) == 0) {
            return false;
        }
        for (int i = 0; i < TALLY_MINUTES; i++) {
            if (!limit_valid(&limit->minutes[i], &minutes[i])) {
                return false;
            }
        }
    }
    return true;
}

static void pack_span(int64_t count, int64_t first_ns, int64_t last_ns, struct strbuf *out)
{
    if (count > 0) {
        pack_count(out, first_ns);
        pack_count(out, last_ns - first_ns);
    }
}

static void pack_times(const struct times_minute *times, struct strbuf *out)
{
    uint64_t mask = times_mask(times);

    pack_uint(out, mask);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if ((mask >> i & 1) != 0) {
            pack_count(out, times[i].ok);
            pack_count(out, times[i].failed);
            pack_span(times[i].ok, times[i].first_ok_ns, times[i].last_ok_ns, out);
            pack_span(times[i].failed, times[i].first_failed_ns, times[i].last_failed_ns, out);
        }
    }
}

static void pack_limit(const struct limit_hour *limit, int64_t before_ns, struct strbuf *out)
{
    uint64_t mask = limit_mask(limit);

    pack_count(out, limit->limit_ns - before_ns);
    pack_uint(out, mask);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if ((mask >> i & 1) != 0) {
            pack_count(out, limit->minutes[i].records);
            pack_count(out, limit->minutes[i].known);
            pack_count(out, limit->minutes[i].over);
        }
    }
}

void particulars_pack(const struct particulars *particulars, struct strbuf *out)
{
    int64_t before_ns = 0;

    CHECK(!particulars_empty(particulars));
    pack_times(particulars->times, out);
    pack_uint(out, particulars->limit_count);
    for (size_t k = 0; k < particulars->limit_count; k++) {
        pack_limit(&particulars->limits[k], before_ns, out);
        before_ns = particulars->limits[k].limit_ns;
    }
}

static bool unpack_span(struct str *packed, int64_t count, int64_t *first_ns, int64_t *last_ns)
{
    int64_t width_ns;

    if (count == 0) {
        return true;
    }
    if (!unpack_count(packed, NS_PER_MINUTE - 1, first_ns) ||
        !unpack_count(packed, NS_PER_MINUTE - 1 - *first_ns, &width_ns)) {
        return false;
    }
    *last_ns = *first_ns + width_ns;
    return true;
}

static bool unpack_times(struct str *packed, struct particulars *particulars)
{
    int64_t mask;

    if (!unpack_count(packed, (int64_t)TALLY_MINUTES_ALL, &mask)) {
        return false;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct times_minute *times;

        if ((mask >> i & 1) == 0) {
            continue;
        }
        times = &times_get(particulars)[i];
        if (!unpack_count(packed, PACK_COUNT_MAX, &times->ok) ||
            !unpack_count(packed, PACK_COUNT_MAX, &times->failed) ||
            times->ok + times->failed == 0 ||
            !unpack_span(packed, times->ok, &times->first_ok_ns, &times->last_ok_ns) ||
            !unpack_span(packed, times->failed, &times->first_failed_ns, &times->last_failed_ns)) {
            return false;
        }
    }
    return true;
}

static bool unpack_limit(struct str *packed, struct limit_hour *limit)
{
    int64_t mask;

    if (!unpack_count(packed, (int64_t)TALLY_MINUTES_ALL, &mask)) {
        return false;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct limit_minute *minute = &limit->minutes[i];

        if ((mask >> i & 1) != 0 &&
            (!unpack_count(packed, PACK_COUNT_MAX, &minute->records) || minute->records == 0 ||
             !unpack_count(packed, PACK_COUNT_MAX, &minute->known) ||
             !unpack_count(packed, PACK_COUNT_MAX, &minute->over))) {
            return false;
        }
    }
    return mask != 0;
}

bool particulars_unpack(struct str *packed, struct particulars *particulars)
{
    int64_t count;
    int64_t limit_ns = 0;

    if (!unpack_times(packed, particulars) || !unpack_count(packed, LIMITS_MAX, &count)) {
        return false;
    }
    for (int64_t k = 0; k < count; k++) {
        int64_t more_ns;

        if (!unpack_count(packed, LATENCY_NS_MAX - limit_ns, &more_ns) || more_ns == 0) {
            return false;
        }
        limit_ns += more_ns;
        if (!unpack_limit(packed, limit_get(particulars, limit_ns))) {
            return false;
        }
    }
    return !particulars_empty(particulars);
}
