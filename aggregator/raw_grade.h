/*
 * The raw grade of one minute, decided from its counts. Pure and exact; docs/decisions/0006-raw-grades.md gives the reasons.
 *
 * Two parts speak: requests and checks. Each gives a grade, or one of the names of unknown time, or is silent because the service
 * has nothing of its kind. A known grade beats an unknown name, the worse of two of a sort wins (grade_worse).
 */
#ifndef AGGREGATOR_RAW_GRADE_H
#define AGGREGATOR_RAW_GRADE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/check_state.h"
#include "aggregator/tally.h"
#include "base/rational.h"
#include "schemas/grade.h"

struct grading_rules {
    int64_t min_requests;           /* default 10 */
    struct rational major_errors;   /* default 1/2 */
    struct rational partial_errors; /* default 1/20 */
    struct rational degraded_slow;  /* default 1/10 */
    int64_t quorum;                 /* healthy instances needed; 0: majority of the set */
};

#define GRADING_RULES_DEFAULT ((struct grading_rules){10, {1, 2}, {1, 20}, {1, 10}, 0})

/* False: fewer than min_requests, they do not speak. */
bool raw_grade_requests(const struct window_minute *counts, const struct grading_rules *rules,
                        enum grade *ret_grade);
/* False: the set is empty, checks are silent. GRADE_PROBE_DOWN: the unknown instances leave it open whether the quorum stood. */
bool raw_grade_checks(const struct check_counts *counts, const struct grading_rules *rules,
                      enum grade *ret_grade);

/* What is known of a minute of a service that has had its first event. */
struct raw_minute {
    const struct window_minute *requests; /* NULL: none */
    struct check_counts checks;
    bool topic_active; /* the topics of the service carried events in this minute */
    bool has_requests; /* the service has ever had requests */
};

enum grade raw_grade_minute(const struct raw_minute *minute, const struct grading_rules *rules);

#endif
