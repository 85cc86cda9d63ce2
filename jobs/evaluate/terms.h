/*
 * Which terms an evaluation goes by: the one version of a contract that is valid in the period, and the period.
 */
#ifndef JOBS_EVALUATE_TERMS_H
#define JOBS_EVALUATE_TERMS_H

#include "base/err.h"
#include "jobs/config/config.h"

struct terms_request {
    struct str contract; /* its id */
    bool interval;       /* from_s and to_s; otherwise the period that belongs to the month */
    int32_t year, month;
    int64_t from_s, to_s;
};

struct terms {
    const struct contract *contract; /* borrowed from the configuration */
    int64_t from_s, to_s;            /* the period */
    int64_t whole_from_s,
        whole_to_s; /* the one that the fee is for: of an interval, the one in which it begins */
};

enum { TERMS_YEAR_MIN = 1970, TERMS_YEAR_MAX = 2099 }; /* what base/zone.h knows */

/* ERR_USAGE: there is no such contract, the time is out of range; ERR_CONFIG "FILE:LINE: reason": the period holds two versions of the terms, or
 * none. The border is named. */
enum err_code terms_choose(const struct config *config, const struct terms_request *request,
                           struct terms *ret_terms, struct err *err);

#endif
