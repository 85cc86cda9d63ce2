/*
 * The checks of a service: which instances there are in a minute, and what each of them is known to be.
 *
 * A slot is one (instance, region, checker) with its latest result. It enters with its first result. A result holds until the next one, at
 * most twice its interval, without end for interval 0. What happens then depends on who checks:
 *   nobody (checker is empty, the instance reports itself): it has failed until a `removed` result or a new one;
 *   a checker that has reported anything in a minute that began when the next result was already due: the slot leaves;
 *   a checker that was silent since: the slot stays and is unknown. It leaves with its instance once no other slot sees
 *   the instance and one of its checkers reports others: a probe that was retired does not keep a retired instance alive.
 * `removed` takes the whole instance out, all slots without a later result; results of that very minute still count.
 *
 * Slots are sorted by instance, region, checker. Names are borrowed. One thread.
 */
#ifndef AGGREGATOR_CHECK_STATE_H
#define AGGREGATOR_CHECK_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/tally.h"
#include "base/str.h"

struct check_slot {
    struct str instance, region, checker;
    enum outcome last;
    int64_t last_time_ns;
    int64_t interval_ns; /* of the last result; 0: published on change only */
    bool overlooked;     /* its checker reported others after the next result was due */
};

/* Results of an hour, as the windows keep them. */
struct check_row {
    struct str instance, region, checker;
    const struct check_tally *tally; /* borrowed */
};

/* Minutes of an hour in which a topic or a checker carried anything. */
struct activity_row {
    struct str name;
    uint64_t minutes; /* bit n: minute n */
};

/* Instances of a minute. */
struct check_counts {
    int64_t healthy, warned, failed;
    int64_t unknown; /* in the set, but nobody can tell */
};

struct check_track;

/* The slots while an hour is walked, minute after minute. */
struct check_hour {
    int64_t hour;
    struct check_track *tracks; /* owned; sorted like slots */
    size_t track_count;
    int next_minute;
    /* Minutes whose results may be lost; set behind check_hour_init. What holds in such a minute holds on, as if it had been renewed. */
    uint64_t lost;
};

/* carried: state at the start of the hour. rows: sorted like slots, without equals. checkers: any order. */
void check_hour_init(struct check_hour *walk, int64_t hour, const struct check_slot *carried,
                     size_t carried_count, const struct check_row *rows, size_t row_count,
                     const struct activity_row *checkers, size_t checker_count);
void check_hour_release(struct check_hour *walk);
/* Takes the next minute in; at most 60 times. */
void check_hour_step(struct check_hour *walk, struct check_counts *ret_counts);
/* Whether any result fell into that minute. */
bool check_hour_reported(const struct check_hour *walk, int minute);
/* The slots after the last step, in order; *cursor starts with 0. NULL behind the last one. Borrowed. */
const struct check_slot *check_hour_slot(const struct check_hour *walk, size_t *cursor);

/* instance, then region, then checker, in byte order. */
int check_slot_compare(const struct check_slot *a, const struct check_slot *b);
/* The minutes of that name; 0 if it is not among the rows. */
uint64_t activity_minutes(const struct activity_row *rows, size_t count, struct str name);

#endif
