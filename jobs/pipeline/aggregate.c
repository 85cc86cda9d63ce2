#include "jobs/pipeline/aggregate.h"

#include "aggregator/fold.h"
#include "aggregator/grading.h"
#include "base/clock.h"
#include "jobs/pipeline/lease_wait.h"
#include "jobs/stop.h"

#define AHEAD_MAX_NS (INT64_C(366) * NS_PER_DAY)

/* What was graded before the failure is in the store; another attempt goes on from there. */
static enum err_code grade(struct fold *fold, const struct grading_options *options,
                           struct err *err)
{
    struct err cause = ERR_INIT;
    int tries = 0;

    while (grading_run(fold, options, &cause) != ERR_OK && db_again(options->db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}

static enum err_code fold_and_grade(struct fold *fold, const struct aggregate_options *options,
                                    int64_t *ret_complete_ns, struct err *err)
{
    struct grading_options grading = {.db = options->db,
                                      .book_id = options->book_id,
                                      .rules = config_rules,
                                      .context = (void *)(uintptr_t)options->config};
    int64_t now_ns;

    if (fold_run(fold, options->progress, options->context, err) != ERR_OK ||
        fold_complete_until(options->db, options->book_id, ret_complete_ns, err) != ERR_OK) {
        return err->code;
    }
    if (*ret_complete_ns == INT64_MIN) {
        return ERR_OK; /* no minute is closed yet */
    }
    /* A clock may have been wrong for a while, but whatever a store says, nobody is to grade the centuries to come. */
    if (db_now_ns(options->db, &now_ns, err) != ERR_OK) {
        return err->code;
    }
    grading.until_ns =
        *ret_complete_ns < now_ns + AHEAD_MAX_NS ? *ret_complete_ns : now_ns + AHEAD_MAX_NS;
    return grade(fold, &grading, err);
}

enum err_code aggregate_run_with(const struct aggregate_options *options, int64_t *ret_complete_ns,
                                 struct err *err)
{
    char holder[LEASE_HOLDER_SIZE];
    struct fold_options fold_options = {.db = options->db,
                                        .book_id = options->book_id,
                                        .holder =
                                            options->holder != NULL ? options->holder : holder,
                                        .lease_ns = LEASE_DURATION_NS,
                                        .lateness_ns = options->config->lateness_ns,
                                        .rows_per_step = options->rows_per_step,
                                        .outer = options->outer,
                                        .stopped = stop_is_requested};
    struct fold fold;
    enum err_code code;

    lease_holder(holder);
    fold_init(&fold, &fold_options);
    code = lease_wait(&fold.lease,
                      &(struct lease_waiting){.wait_ns = options->config->lock_wait_ns,
                                              .outer = options->outer,
                                              .clock = options->wait_clock,
                                              .stopped = stop_is_requested},
                      err);
    if (code == ERR_OK) {
        code = fold_and_grade(&fold, options, ret_complete_ns, err);
        fold_release(&fold);
    }
    return code;
}

enum err_code aggregate_run(const struct config *config, struct db *db, int64_t book_id,
                            void (*progress)(void *context, int64_t done, int64_t total),
                            void *context, int64_t *ret_complete_ns, struct err *err)
{
    struct aggregate_options options = {
        .config = config, .db = db, .book_id = book_id, .progress = progress, .context = context};

    return aggregate_run_with(&options, ret_complete_ns, err);
}
