/*
 * The error budget of an objective: how much of it is gone, how fast it burns, which alerts fire, when it will be gone. A pure function of minutes.
 *
 * budget = 1 - target. The burn rate of a stretch of time is its share of bad requests or slices over the budget: at 1 the budget lasts exactly for the period. What
 * is gone of the period's budget is its burn rate so far times the share of the period that is over. An alert of `b` of the budget in the long window fires
 * if both windows burn strictly faster than b * length of the period / length of the long window. docs/slo.md, docs/decisions/0024.
 *
 * Everything is exact, whatever its size.
 */
#ifndef JOBS_SLO_BUDGET_H
#define JOBS_SLO_BUDGET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/fraction.h"
#include "jobs/slo/span.h"

/* The requests of the objective's services in one minute. */
struct slo_minute {
    int64_t total, errors, slow; /* slow: succeeded, but slowly */
    enum grade silence;          /* total 0: which kind of unknown time that is */
};

/* Minutes [from, from + count) of 1970. Borrowed. */
struct slo_series {
    int64_t from;
    size_t count;
    const struct slo_minute *minutes;
};

/* What there was in a stretch: requests, or slices. */
struct slo_burn {
    int64_t minutes;      /* of the stretch */
    struct fraction bad;  /* at most valid */
    int64_t valid;        /* 0: there was nothing, and there is no rate */
    struct fraction rate; /* (bad / valid) / budget; 0 if valid is 0 */
};

struct slo_alert {
    const struct slo_rule *rule; /* borrowed */
    struct fraction factor;
    struct slo_burn long_burn, short_burn;
    bool firing;
};

/* A local day, or the part of it that was measured. */
struct slo_day_burn {
    int64_t day; /* since 1970-01-01 */
    struct slo_burn burn;
};

enum slo_outlook {
    SLO_LASTS,          /* at the present rate the budget lasts for the period */
    SLO_WILL_EXHAUST,   /* it will be gone at exhausted_s */
    SLO_EXHAUSTED,      /* it is gone */
    SLO_OUTLOOK_UNKNOWN /* there was nothing to tell by */
};

struct slo_result {
    struct slo_span span;
    struct slo_burn burn;     /* of the period so far */
    struct fraction good;     /* share; 1 if valid is 0 */
    bool met;                 /* good >= target, or nothing was measured */
    struct fraction consumed; /* of the period's budget; may be more than 1 */
    struct fraction left;     /* 1 - consumed */
    struct slo_burn recent;   /* that the forecast is made from */
    enum slo_outlook outlook;
    int64_t exhausted_s; /* SLO_WILL_EXHAUST: the second in which the last of it goes */
    struct slo_alert *alerts;
    size_t alert_count;
    struct slo_day_burn *days; /* of the period, the last SLO_DAYS_MAX of them */
    size_t day_count;
};

enum { SLO_DAYS_MAX = 56 }; /* what a line of a terminal holds beside their name */

/* The first minute that slo_evaluate looks at. */
int64_t slo_first_minute(const struct slo *slo, const struct slo_span *span);
/* The series must hold [slo_first_minute(), span->until). Results live in arena. ERR_DATA: negative counts, more errors and slow requests
 * than requests, or more of them than can be added up. */
enum err_code slo_evaluate(const struct slo *slo, const struct slo_span *span,
                           const struct slo_series *series, struct arena *arena,
                           struct slo_result *ret_result, struct err *err);

#endif
