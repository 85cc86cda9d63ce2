#include "aggregator/raw_grade.h"

#include "base/check.h"

/* part / whole >= limit, exactly: counts are below 2^62 and limits have at most 18 digits, so both products fit. */
static bool reaches(int64_t part, int64_t whole, struct rational limit)
{
    return (int128)part * limit.denominator >= limit.numerator * (int128)whole;
}

bool raw_grade_requests(const struct window_minute *counts, const struct grading_rules *rules,
                        enum grade *ret_grade)
{
    if (counts->total <= 0 || counts->total < rules->min_requests) {
        return false;
    }
    if (reaches(counts->errors, counts->total, rules->major_errors)) {
        *ret_grade = GRADE_MAJOR;
    } else if (reaches(counts->errors, counts->total, rules->partial_errors)) {
        *ret_grade = GRADE_PARTIAL;
    } else if (reaches(counts->slow, counts->total, rules->degraded_slow)) {
        *ret_grade = GRADE_DEGRADED;
    } else {
        *ret_grade = GRADE_OPERATIONAL;
    }
    return true;
}

bool raw_grade_checks(const struct check_counts *counts, const struct grading_rules *rules,
                      enum grade *ret_grade)
{
    int64_t up = counts->healthy + counts->warned;
    int64_t known = up + counts->failed;
    int64_t quorum = rules->quorum > 0 ? rules->quorum : (known + counts->unknown) / 2 + 1;

    if (known == 0 && counts->unknown == 0) {
        return false;
    }
    if (known == 0) {
        *ret_grade = GRADE_PROBE_DOWN;
    } else if (up >= quorum) {
        *ret_grade = counts->warned > 0 ? GRADE_DEGRADED : GRADE_OPERATIONAL;
    } else if (up + counts->unknown >= quorum) {
        *ret_grade = GRADE_PROBE_DOWN;
    } else {
        /* Even if all that is unknown were healthy, the quorum failed: that much is certain. */
        *ret_grade = up + counts->unknown > 0 ? GRADE_PARTIAL : GRADE_MAJOR;
    }
    return true;
}

enum grade raw_grade_minute(const struct raw_minute *minute, const struct grading_rules *rules)
{
    enum grade checks = GRADE_COUNT;
    enum grade requests = minute->topic_active ? GRADE_NO_TRAFFIC : GRADE_PIPELINE_GAP;
    bool checked = raw_grade_checks(&minute->checks, rules, &checks);
    bool counted = minute->requests != NULL && minute->requests->total > 0;

    if (counted && !raw_grade_requests(minute->requests, rules, &requests)) {
        /* Too few to prove an outage, and there was traffic: not bad, unless checks have something to say. */
        return checked ? checks : GRADE_OPERATIONAL;
    }
    if (!checked) {
        return requests;
    }
    /* A service that never had requests does not miss any. */
    return counted || minute->has_requests ? grade_worse(requests, checks) : checks;
}
