#include "jobs/pipeline/rebuild.h"

#include <inttypes.h>
#include <stdio.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/pipeline/archive_place.h"
#include "jobs/pipeline/lease_wait.h"
#include "jobs/pipeline/rebuild_state.h"
#include "jobs/stop.h"
#include "jobs/version.h"

/* --- leases --- */

static enum err_code acquire(struct rebuild_job *job, struct fold *fold, int64_t book_id,
                             char holder[LEASE_HOLDER_SIZE], struct err *err)
{
    const struct rebuild_options *options = job->options;
    struct fold_options fold_options = {.db = options->db,
                                        .book_id = book_id,
                                        .holder = holder,
                                        .lease_ns = LEASE_DURATION_NS,
                                        .lateness_ns = job->config->lateness_ns,
                                        .stopped = stop_is_requested};

    lease_holder(holder);
    fold_init(fold, &fold_options);
    return lease_wait(&fold->lease,
                      &(struct lease_waiting){.wait_ns = job->config->lock_wait_ns,
                                              .clock = options->wait_clock,
                                              .stopped = stop_is_requested},
                      err);
}

/* --- what is read --- */

static const struct topic_config *find_topic(const struct config *config, struct str name,
                                             struct str kind)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (str_equal(config->topics[i].name, name) &&
            str_equal(STR(store_kind_name(config->topics[i].mapping.kind)), kind)) {
            return &config->topics[i];
        }
    }
    return NULL;
}

static void add_target(struct rebuild_job *job, struct db_stmt *stmt)
{
    struct rebuild_target *target = &job->targets[job->target_count++];

    target->stream =
        (struct stream){.stream_id = db_column_int64(stmt, 0),
                        .cluster = arena_str(&job->arena, db_column_text(stmt, 1)),
                        .cluster_name = arena_str(&job->arena, db_column_text(stmt, 2)),
                        .topic = arena_str(&job->arena, db_column_text(stmt, 3)),
                        .incarnation = db_column_int64(stmt, 4)};
    target->topic = find_topic(job->config, target->stream.topic, db_column_text(stmt, 5));
    target->stream.kind = target->topic != NULL ? target->topic->mapping.kind : target->stream.kind;
    target->folder = archive_place(&target->stream, &job->arena);
}

static enum err_code list_targets(struct rebuild_job *job, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(job->options->db, "SELECT coalesce(max(stream_id), 0) FROM stream", &stmt, err);

    if (code != ERR_OK || (code = db_step(stmt, &row, err)) != ERR_OK) {
        return code;
    }
    job->targets =
        arena_calloc(&job->arena, (size_t)db_column_int64(stmt, 0), sizeof(*job->targets));
    db_reset(stmt);
    code = db_prepare(job->options->db,
                      "SELECT stream_id, cluster, cluster_name, topic, incarnation, kind "
                      "FROM stream WHERE EXISTS (SELECT 1 FROM partition_offset p WHERE "
                      "p.book_id = $1 AND p.stream_id = stream.stream_id) ORDER BY stream_id",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, job->rebuild.rebuild_book);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        add_target(job, stmt);
    }
    db_reset(stmt);
    return code;
}

static bool mine(const struct rebuild_options *options, const struct rebuild_lane *lane)
{
    return options->shard_count <= 1 || lane->partition % options->shard_count == options->shard;
}

static enum err_code list_lanes(struct rebuild_job *job, struct err *err)
{
    enum err_code code = rebuild_lanes(job->options->db, &job->rebuild, &job->arena, &job->lanes,
                                       &job->lane_count, err);

    job->done = job->total = 0;
    for (size_t i = 0; i < job->lane_count && code == ERR_OK; i++) {
        if (mine(job->options, &job->lanes[i])) {
            job->done += job->lanes[i].next - job->lanes[i].origin;
            job->total += job->lanes[i].boundary - job->lanes[i].origin;
        }
    }
    return code;
}

static enum err_code read_all(struct rebuild_job *job, struct err *err)
{
    enum err_code code = list_targets(job, err);

    if (code == ERR_OK) {
        code = list_lanes(job, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    CHECK(pthread_mutex_init(&job->lock, NULL) == 0);
    CHECK(pthread_cond_init(&job->moved, NULL) == 0);
    code = rebuild_work(job, err);
    CHECK(pthread_cond_destroy(&job->moved) == 0);
    CHECK(pthread_mutex_destroy(&job->lock) == 0);
    if (code == ERR_OK && job->short_of.code != ERR_OK) {
        *err = job->short_of;
        code = job->short_of.code;
    }
    return code;
}

/* --- what is made of it --- */

/* Others may be reading. */
static enum err_code count_waiting(struct rebuild_job *job, struct err *err)
{
    enum err_code code = list_lanes(job, err);

    job->result->waiting = 0;
    for (size_t i = 0; i < job->lane_count; i++) {
        job->result->waiting += job->lanes[i].next < job->lanes[i].boundary;
    }
    return code;
}

static enum err_code fold_again(struct rebuild_job *job, struct err *err)
{
    char holder[LEASE_HOLDER_SIZE];
    struct fold fold;
    enum err_code code = acquire(job, &fold, job->rebuild.rebuild_book, holder, err);

    if (code == ERR_OK) {
        code = fold_run(&fold, NULL, NULL, err);
        fold_release(&fold);
    }
    return code;
}

static enum err_code compare(void *context, const struct rebuild_pair *pair, struct err *err)
{
    struct rebuild_job *job = context;

    job->result->windows++;
    if (rebuild_pair_equal(pair)) {
        return ERR_OK;
    }
    job->result->different++;
    return job->options->differs != NULL ? job->options->differs(job->options->context, pair, err)
                                         : ERR_OK;
}

/* In a snapshot: whatever is folded meanwhile is in both, or in neither. */
static enum err_code look_for_difference(struct rebuild_job *job, struct err *err)
{
    enum err_code code = db_begin_snapshot(job->options->db, err);

    if (code == ERR_OK) {
        code = rebuild_walk(job->options->db, &job->rebuild, compare, job, err);
    }
    db_rollback(job->options->db);
    job->result->compared = code == ERR_OK;
    return code;
}

/* Equal windows prove themselves. Where they differ, nobody shall believe a file that has rotted. */
static enum err_code prove_difference(struct rebuild_job *job, struct err *err)
{
    return job->result->different > 0 ? rebuild_check_files(job, err) : ERR_OK;
}

static enum err_code swap_or_drop(struct rebuild_job *job, bool swap, struct err *err)
{
    char holder[LEASE_HOLDER_SIZE];
    struct fold fold;
    int64_t changed;
    enum err_code code = acquire(job, &fold, job->options->book_id, holder, err);

    if (code != ERR_OK) {
        return code;
    }
    code = swap ? rebuild_swap(&fold, &job->rebuild, &changed, err)
                : rebuild_drop(&fold, &job->rebuild, err);
    fold_release(&fold);
    job->result->swapped = swap && code == ERR_OK;
    job->result->ended = code == ERR_OK;
    return code;
}

/* A run with a shard leaves the end to one without: another shard that is started again must find the rebuild open. */
static enum err_code conclude(struct rebuild_job *job, struct err *err)
{
    enum err_code code = count_waiting(job, err);

    if (code != ERR_OK || job->result->waiting > 0) {
        return code;
    }
    code = fold_again(job, err);
    if (code == ERR_OK) {
        code = look_for_difference(job, err);
    }
    if (code == ERR_OK) {
        code = prove_difference(job, err);
    }
    if (code != ERR_OK || job->options->shard_count > 1) {
        return code;
    }
    if (job->options->swap && FAULT("rebuild.swap.begin")) {
        return fault_error("rebuild.swap.begin", err);
    }
    return job->options->swap || job->result->different == 0
               ? swap_or_drop(job, job->options->swap, err)
               : ERR_OK;
}

/* --- the run --- */

static enum err_code open_rebuild(struct rebuild_job *job, struct err *err)
{
    char holder[LEASE_HOLDER_SIZE];
    struct fold fold;
    bool found;
    enum err_code code = rebuild_find(job->options->db, job->options->book_id, job->rebuild.month,
                                      &found, &job->rebuild, err);

    if (code != ERR_OK || found) {
        return code;
    }
    code = acquire(job, &fold, job->options->book_id, holder, err);
    if (code == ERR_OK) {
        /* Most of what is pending before positions are locked. */
        code = fold_run(&fold, NULL, NULL, err);
        if (code == ERR_OK) {
            code = rebuild_open(&fold, job->archive_book, &job->rebuild, &job->result->opened, err);
        }
        fold_release(&fold);
    }
    return code;
}

static enum err_code drop(struct rebuild_job *job, struct err *err)
{
    bool found;
    enum err_code code = rebuild_find(job->options->db, job->options->book_id, job->rebuild.month,
                                      &found, &job->rebuild, err);

    return code == ERR_OK && found ? swap_or_drop(job, false, err) : code;
}

static enum err_code run(struct rebuild_job *job, struct err *err)
{
    bool found;
    enum err_code code =
        store_book_find(job->options->db, ARCHIVE_BOOK, &found, &job->archive_book, err);

    if (code == ERR_OK && !found) {
        code = err_set(err, ERR_DATA, "nothing was archived yet: run uptally archive first");
    }
    if (code == ERR_OK && job->options->objects == NULL) {
        code = err_set(err, ERR_DATA, "there is no such folder: archive.folder %.*s",
                       STR_ARGS(job->config->archive.folder));
    }
    if (code == ERR_OK) {
        code = open_rebuild(job, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    job->from_ns = job->rebuild.first_hour * NS_PER_HOUR;
    job->to_ns = job->rebuild.end_hour * NS_PER_HOUR;
    job->ledger = (struct ledger){.db = job->options->db,
                                  .book_id = job->rebuild.rebuild_book,
                                  .random = job->options->random,
                                  .program_version = UPTALLY_VERSION};
    code = read_all(job, err);
    return code == ERR_OK ? conclude(job, err) : code;
}

enum err_code rebuild_run(const struct rebuild_options *options, struct rebuild_result *ret_result,
                          struct err *err)
{
    struct rebuild_job *job = memory_calloc(1, sizeof(*job));
    enum err_code code;

    *ret_result = (struct rebuild_result){.records = 0};
    job->options = options;
    job->config = options->config;
    job->result = ret_result;
    if (!rebuild_month(options->month, &job->rebuild) || job->rebuild.first_hour < 0) {
        code = err_set(err, ERR_USAGE, "\"%s\" is no month such as 2026-10", options->month);
    } else {
        code = options->drop ? drop(job, err) : run(job, err);
    }
    arena_release(&job->arena);
    memory_free(job);
    return code;
}
