#include "aggregator/check_state.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

/* What a minute shows of a slot. */
enum sight {
    SIGHT_NONE,     /* not in the set */
    SIGHT_REPORTED, /* it has results in this minute */
    SIGHT_HELD,     /* its last result still holds */
    SIGHT_FAILED,   /* it reports itself and has fallen silent */
    SIGHT_UNSEEN,   /* its checker is silent */
    SIGHT_GONE      /* its checker reports others */
};

struct check_track {
    struct check_slot slot;
    const struct check_tally *tally; /* NULL: no results in this hour */
    uint64_t checker_minutes;
    bool in_set;
    enum sight sight;
};

/* Results of one region, or of all regions as one vote each. */
struct votes {
    int64_t passed, warned, failed, unknown;
};

int check_slot_compare(const struct check_slot *a, const struct check_slot *b)
{
    int order = str_compare(a->instance, b->instance);

    if (order == 0) {
        order = str_compare(a->region, b->region);
    }
    return order != 0 ? order : str_compare(a->checker, b->checker);
}

uint64_t activity_minutes(const struct activity_row *rows, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_equal(rows[i].name, name)) {
            return rows[i].minutes;
        }
    }
    return 0;
}

static struct check_slot slot_of_row(const struct check_row *row)
{
    return (struct check_slot){
        .instance = row->instance, .region = row->region, .checker = row->checker};
}

void check_hour_init(struct check_hour *walk, int64_t hour, const struct check_slot *carried,
                     size_t carried_count, const struct check_row *rows, size_t row_count,
                     const struct activity_row *checkers, size_t checker_count)
{
    size_t c = 0;
    size_t r = 0;

    *walk = (struct check_hour){.hour = hour};
    walk->tracks = memory_calloc(carried_count + row_count, sizeof(*walk->tracks));
    while (c < carried_count || r < row_count) {
        struct check_track *track = &walk->tracks[walk->track_count];
        struct check_slot fresh = {.last = OUTCOME_UNKNOWN};
        int order = c == carried_count ? 1 : -1;

        if (r < row_count) {
            fresh = slot_of_row(&rows[r]);
            order = c < carried_count ? check_slot_compare(&carried[c], &fresh) : 1;
        }
        track->in_set = order <= 0;
        track->slot = order <= 0 ? carried[c++] : fresh;
        track->tally = order >= 0 ? rows[r++].tally : NULL;
        track->checker_minutes = activity_minutes(checkers, checker_count, track->slot.checker);
        if (walk->track_count > 0) {
            CHECK(check_slot_compare(&track[-1].slot, &track->slot) < 0);
        }
        walk->track_count++;
    }
}

void check_hour_release(struct check_hour *walk)
{
    memory_free(walk->tracks);
    *walk = (struct check_hour){0};
}

static const struct check_minute *results_of(const struct check_track *track, int minute)
{
    const struct check_minute *results;

    if (track->tally == NULL) {
        return NULL;
    }
    results = &track->tally->minutes[minute];
    return results->records > 0 ? results : NULL;
}

bool check_hour_reported(const struct check_hour *walk, int minute)
{
    CHECK(minute >= 0);
    CHECK(minute < TALLY_MINUTES);
    for (size_t i = 0; i < walk->track_count; i++) {
        if (results_of(&walk->tracks[i], minute) != NULL) {
            return true;
        }
    }
    return false;
}

/* time + factor * interval; an interval comes from outside and may be absurd. */
static int64_t time_after(const struct check_slot *slot, int64_t factor)
{
    int64_t span;
    int64_t time_ns;

    if (__builtin_mul_overflow(slot->interval_ns, factor, &span) ||
        __builtin_add_overflow(slot->last_time_ns, span, &time_ns)) {
        return INT64_MAX;
    }
    return time_ns;
}

static enum sight sight_in(struct check_track *track, int64_t start_ns, int minute, bool lost)
{
    const struct check_minute *results = results_of(track, minute);
    struct check_slot *slot = &track->slot;

    if (results != NULL) {
        slot->last = results->last;
        slot->last_time_ns = results->last_time_ns;
        slot->interval_ns = results->last_interval_ns;
        slot->overlooked = false;
        track->in_set = true;
        return SIGHT_REPORTED;
    }
    if (!track->in_set) {
        return SIGHT_NONE;
    }
    if (slot->interval_ns <= 0) {
        return SIGHT_HELD;
    }
    /* A minute's activity has no finer time than the minute: only one that began when the result was due proves anything. */
    if (!lost && slot->checker.size > 0 && (track->checker_minutes >> minute & 1) != 0 &&
        start_ns >= time_after(slot, 1)) {
        slot->overlooked = true;
    }
    if (start_ns < time_after(slot, 2)) {
        return SIGHT_HELD;
    }
    if (slot->checker.size == 0) {
        return SIGHT_FAILED;
    }
    return slot->overlooked ? SIGHT_GONE : SIGHT_UNSEEN;
}

/* Time of the last `removed` in this minute; INT64_MIN if there is none. */
static int64_t removal_ns(const struct check_track *tracks, size_t count)
{
    int64_t removed_ns = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        const struct check_track *track = &tracks[i];

        if (track->sight == SIGHT_REPORTED && track->slot.last == OUTCOME_REMOVED &&
            track->slot.last_time_ns > removed_ns) {
            removed_ns = track->slot.last_time_ns;
        }
    }
    return removed_ns;
}

static void leave(struct check_track *track)
{
    track->in_set = false;
    track->sight = SIGHT_NONE;
}

/* Takes out of the set what left it before this minute. */
static void drop_absent(struct check_track *tracks, size_t count, int64_t removed_ns)
{
    bool present = false;
    bool gone = false;

    for (size_t i = 0; i < count; i++) {
        struct check_track *track = &tracks[i];

        if (track->sight != SIGHT_NONE && track->sight != SIGHT_REPORTED &&
            track->slot.last_time_ns <= removed_ns) {
            leave(track);
        }
        present = present || track->sight == SIGHT_REPORTED || track->sight == SIGHT_HELD;
        gone = gone || track->sight == SIGHT_GONE;
    }
    for (size_t i = 0; i < count; i++) {
        struct check_track *track = &tracks[i];

        if (track->sight == SIGHT_GONE || (track->sight == SIGHT_UNSEEN && gone && !present)) {
            leave(track);
        }
    }
}

/* What was reported in the minute of a removal counted; from the next minute on it is out. */
static void drop_removed(struct check_track *tracks, size_t count, int64_t removed_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (tracks[i].in_set && tracks[i].slot.last_time_ns <= removed_ns) {
            tracks[i].in_set = false;
        }
    }
}

static void vote(struct votes *votes, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_PASS:
        votes->passed++;
        break;
    case OUTCOME_WARN:
        votes->warned++;
        break;
    case OUTCOME_FAIL:
        votes->failed++;
        break;
    default:
        votes->unknown++;
    }
}

static void vote_of_track(struct votes *votes, const struct check_track *track, int minute)
{
    const struct check_minute *results;

    switch (track->sight) {
    case SIGHT_REPORTED:
        results = &track->tally->minutes[minute];
        votes->passed += results->passed;
        votes->warned += results->warned;
        votes->failed += results->failed;
        votes->unknown += results->unknown;
        break;
    case SIGHT_HELD:
        vote(votes, track->slot.last);
        break;
    case SIGHT_FAILED:
        vote(votes, OUTCOME_FAIL);
        break;
    case SIGHT_UNSEEN:
        vote(votes, OUTCOME_UNKNOWN);
        break;
    case SIGHT_NONE:
    case SIGHT_GONE:
        break;
    }
}

/* Failed if at least half of what is known failed, warned if any failed or warned; unknown says nothing against known.
 * The same rule makes a region of its results and an instance of its regions. False: nothing there. */
static bool judge(const struct votes *votes, enum outcome *ret_outcome)
{
    int64_t known = votes->passed + votes->warned + votes->failed;

    if (known == 0) {
        *ret_outcome = OUTCOME_UNKNOWN;
        return votes->unknown > 0;
    }
    if (votes->failed >= known - votes->failed) {
        *ret_outcome = OUTCOME_FAIL;
    } else {
        *ret_outcome = votes->failed + votes->warned > 0 ? OUTCOME_WARN : OUTCOME_PASS;
    }
    return true;
}

static bool judge_instance(const struct check_track *tracks, size_t count, int minute,
                           enum outcome *ret_outcome)
{
    struct votes regions = {0};

    for (size_t i = 0; i < count;) {
        struct str region = tracks[i].slot.region;
        struct votes results = {0};
        enum outcome outcome;

        for (; i < count && str_equal(tracks[i].slot.region, region); i++) {
            vote_of_track(&results, &tracks[i], minute);
        }
        if (judge(&results, &outcome)) {
            vote(&regions, outcome);
        }
    }
    return judge(&regions, ret_outcome);
}

static void count_instance(struct check_counts *counts, enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_PASS:
        counts->healthy++;
        break;
    case OUTCOME_WARN:
        counts->warned++;
        break;
    case OUTCOME_FAIL:
        counts->failed++;
        break;
    default:
        counts->unknown++;
    }
}

/* What still held in a lost minute may have been renewed in it: it is not due before its interval has gone by again. What had fallen silent
 * before stays so. */
static void hold(struct check_track *tracks, size_t count, int64_t end_ns)
{
    for (size_t i = 0; i < count; i++) {
        if (tracks[i].sight == SIGHT_HELD && tracks[i].slot.last_time_ns < end_ns) {
            tracks[i].slot.last_time_ns = end_ns;
        }
    }
}

void check_hour_step(struct check_hour *walk, struct check_counts *ret_counts)
{
    int minute = walk->next_minute;
    int64_t start_ns = (walk->hour * TALLY_MINUTES + minute) * NS_PER_MINUTE;
    bool lost = (walk->lost >> minute & 1) != 0;

    CHECK(minute < TALLY_MINUTES);
    *ret_counts = (struct check_counts){0};
    for (size_t first = 0, end; first < walk->track_count; first = end) {
        struct check_track *tracks = &walk->tracks[first];
        enum outcome outcome;
        int64_t removed_ns;

        for (end = first; end < walk->track_count &&
                          str_equal(walk->tracks[end].slot.instance, tracks->slot.instance);
             end++) {
            walk->tracks[end].sight = sight_in(&walk->tracks[end], start_ns, minute, lost);
        }
        removed_ns = removal_ns(tracks, end - first);
        drop_absent(tracks, end - first, removed_ns);
        if (judge_instance(tracks, end - first, minute, &outcome)) {
            count_instance(ret_counts, outcome);
        }
        drop_removed(tracks, end - first, removed_ns);
        if (lost) {
            hold(tracks, end - first, start_ns + NS_PER_MINUTE);
        }
    }
    walk->next_minute++;
}

const struct check_slot *check_hour_slot(const struct check_hour *walk, size_t *cursor)
{
    while (*cursor < walk->track_count) {
        const struct check_track *track = &walk->tracks[(*cursor)++];

        if (track->in_set) {
            return &track->slot;
        }
    }
    return NULL;
}
