/* Commits of a rebuild, in the order of each partition. A thread that is ahead of another one leaves its batch and reads on: waiting would cost it as much as
 * the other one's file is longer. */
#include "base/check.h"
#include "jobs/pipeline/commit_again.h"
#include "jobs/pipeline/rebuild_state.h"

static void settle(struct rebuild_job *job, const struct rebuild_load *load)
{
    struct rebuild_lane *lane = &job->lanes[load->lane];
    struct rebuild_result *result = job->result;
    const struct rebuild_result *counts = &load->counts;

    result->records += counts->records;
    result->tallied += counts->tallied;
    result->other_month += counts->other_month;
    result->excluded += counts->excluded;
    result->known_dead += counts->known_dead;
    result->known_duplicate += counts->known_duplicate;
    result->known_lost += counts->known_lost;
    result->files += counts->files;
    result->files_passed += counts->files_passed;
    result->bytes += counts->bytes;
    job->done += load->to - lane->next;
    lane->next = load->to;
    if (job->options->progress != NULL) {
        job->options->progress(job->options->context, job->done, job->total);
    }
}

static enum err_code commit_load(struct rebuild_job *job, const struct rebuild_load *load,
                                 struct err *err)
{
    struct err cause = ERR_INIT;
    int failures = 0;

    while (rebuild_commit(&job->ledger, load->batch, &cause) != ERR_OK) {
        if (!commit_again(clock_system(), &failures, &cause)) {
            *err = cause;
            return cause.code;
        }
    }
    settle(job, load);
    CHECK(pthread_cond_broadcast(&job->moved) == 0);
    return ERR_OK;
}

/* What lies on the shelf and has its turn now. */
static struct rebuild_load *find_next(struct rebuild_job *job, size_t lane)
{
    for (int32_t i = 0; i < job->shelf_count; i++) {
        if (job->shelf[i].lane == lane && job->shelf[i].from == job->lanes[lane].next) {
            return &job->shelf[i];
        }
    }
    return NULL;
}

static enum err_code commit_shelf(struct rebuild_job *job, size_t lane, struct err *err)
{
    struct rebuild_load *next;
    enum err_code code = ERR_OK;

    while (code == ERR_OK && (next = find_next(job, lane)) != NULL) {
        code = commit_load(job, next, err);
        batch_free(next->batch);
        *next = job->shelf[--job->shelf_count];
    }
    return code;
}

/* Who has in hand what lies before waits for nobody, for items are handed out in order. */
enum err_code rebuild_turn_commit(struct rebuild_job *job, struct rebuild_load *load,
                                  struct err *err)
{
    const struct rebuild_lane *lane = &job->lanes[load->lane];
    enum err_code code;

    CHECK(pthread_mutex_lock(&job->lock) == 0);
    while (job->failure.code == ERR_OK && lane->next < load->from &&
           job->shelf_count == job->options->thread_count) {
        CHECK(pthread_cond_wait(&job->moved, &job->lock) == 0);
    }
    if (job->failure.code != ERR_OK) {
        code = err_set(err, ERR_INTERRUPTED, "another thread failed");
    } else if (lane->next < load->from) {
        job->shelf[job->shelf_count++] = *load;
        load->batch = batch_new(0);
        code = ERR_OK;
    } else {
        code = commit_load(job, load, err);
        code = code == ERR_OK ? commit_shelf(job, load->lane, err) : code;
    }
    CHECK(pthread_mutex_unlock(&job->lock) == 0);
    load->counts = (struct rebuild_result){.records = 0};
    return code;
}

void rebuild_turn_end(struct rebuild_job *job)
{
    CHECK(job->failure.code != ERR_OK || job->shelf_count == 0);
    while (job->shelf_count > 0) {
        batch_free(job->shelf[--job->shelf_count].batch);
    }
}
