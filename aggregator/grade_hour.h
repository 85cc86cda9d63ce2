/*
 * Grading an hour of a service: a pure function from the state carried into it and its windows to 60 raw grades and the
 * state carried out of it.
 *
 * The carried state is a packed blob, the same in memory and in the store, so a run that stops between two hours loses nothing.
 * Equal states pack to equal bytes.
 *
 * In a minute in which records of one of the service's topics were lost, silence proves nothing: results held from before do not speak, and what
 * remains unknown is GRADE_PIPELINE_GAP. What there is, is graded; all such minutes are flagged incomplete.
 *
 * Whether the topic "carried other events" is asked of the topics of the latest hour, up to and including
 * this one, in which the service had requests (or results, if it never had requests); all of them must have.
 */
#ifndef AGGREGATOR_GRADE_HOUR_H
#define AGGREGATOR_GRADE_HOUR_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/check_state.h"
#include "aggregator/raw_grade.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { CARRIED_SIZE_MAX = 64 * 1024 * 1024 };

/* Everything the store knows of a service's hour. Borrowed. */
struct grade_hour_input {
    int64_t hour;
    int closed_minutes;                   /* 1..60: the others get GRADE_PIPELINE_GAP */
    const struct window_minute *requests; /* 60, all customers added up; NULL: none */
    const struct str *request_topics;     /* where they came from; sorted, distinct */
    size_t request_topic_count;
    const struct check_row *checks; /* sorted by instance, region, checker */
    size_t check_count;
    const struct str *check_topics;
    size_t check_topic_count;
    const struct activity_row *topics; /* all of the hour */
    size_t topic_count;
    const struct activity_row *checkers;
    size_t checker_count;
    const struct activity_row
        *lost; /* topics and the minutes that records were lost of; a name may come again */
    size_t lost_count;
    struct check_counts
        *seen; /* 60, filled with what the checks of each closed minute said; NULL: nobody asks */
};

/* carried: empty before the first hour of a service. scratch: for the time of the call. Appends the new state to ret_carried.
 * ERR_MISMATCH: carried is not a packed state. */
enum err_code grade_hour(struct str carried, const struct grade_hour_input *input,
                         const struct grading_rules *rules, struct arena *scratch,
                         uint8_t ret_grades[TALLY_MINUTES], uint64_t *ret_incomplete,
                         struct strbuf *ret_carried, struct err *err);

#endif
