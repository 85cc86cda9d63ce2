/*
 * An evaluation: a contract applied to CSV files instead of the books, by the same engine.
 *
 * Only one service's minutes are in memory at a time. Errors: ERR_USAGE (a file that the method needs is not named), ERR_CONFIG "FILE:LINE:
 * reason" (the method cannot be computed from such files), those of the readers, ERR_INTERRUPTED.
 */
#ifndef JOBS_EVALUATE_EVALUATE_H
#define JOBS_EVALUATE_EVALUATE_H

#include "base/err.h"
#include "jobs/evaluate/terms.h"
#include "jobs/statement/model.h"

/* Paths; "-" is standard input, NULL: there is none. */
struct evaluate_files {
    const char *windows, *states, *announcements;
};

struct evaluation {
    struct arena input_arena, arena; /* what result points to */
    struct result result;
};

/* config_path: in messages. The caller releases *ret_evaluation, whatever is returned. */
enum err_code evaluate(const struct terms *terms, const struct evaluate_files *files,
                       const char *config_path, bool (*stopped)(void),
                       struct evaluation *ret_evaluation, struct err *err);
void evaluation_release(struct evaluation *evaluation);

#endif
