#include "jobs/pipeline/redrive.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/redrive.h"
#include "aggregator/store.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/pipeline/commit_again.h"
#include "jobs/pipeline/connect.h"
#include "jobs/pipeline/intake.h"
#include "jobs/stop.h"
#include "jobs/version.h"

enum { STEP_LETTERS_MAX = 1000, STEP_SIZE_MAX = 8 * 1024 * 1024 };

/* One run. */
struct redrive_job {
    const struct redrive_options *options;
    const struct config *config;
    struct redrive_result *result;
    struct arena arena;
    struct registry *registry;
    struct ledger ledger;
    struct reread reread;
};

/* One incarnation of one topic. */
struct target {
    const struct topic_config *topic;
    struct stream stream;
    struct reread_place place;
    struct intake intake;
    struct dead_letter_query query; /* goes on with each step */
};

/* One step: what is counted together. Its figures become the run's once it is committed. */
struct step {
    struct arena arena;
    struct dead_letter *letters;
    size_t letter_count;
    struct redrive *redrive; /* owned */
    struct redrive_result counts;
};

static void note_rest(struct redrive_rest *rest, const struct target *target,
                      const struct dead_letter *letter, struct str detail)
{
    if (rest->letters++ == 0) {
        (void)snprintf(rest->example, sizeof(rest->example),
                       "topic %.*s, partition %" PRId32 ", offset %" PRId64 "%s%.*s",
                       STR_ARGS(target->topic->name), letter->partition, letter->offset,
                       detail.size > 0 ? ": " : "", STR_ARGS(detail));
    }
}

/* The record of a letter, from the store or from Kafka; *ret_found is false if it is not to be had. */
static enum err_code find_record(struct redrive_job *job, const struct target *target,
                                 struct step *step, const struct dead_letter *letter,
                                 struct record *ret_record, bool *ret_found, struct err *err)
{
    enum reread_fate fate = REREAD_FOUND;
    enum err_code code = ERR_OK;

    *ret_record = (struct record){.topic = target->place.topic,
                                  .partition = letter->partition,
                                  .offset = letter->offset,
                                  .time_ns = letter->time_ns,
                                  .value = letter->bytes,
                                  .schema_header = letter->schema_header};
    if (letter->content != LETTER_WHOLE) {
        code =
            reread_take(&job->reread, &target->place, letter, &step->arena, ret_record, &fate, err);
    }
    *ret_found = fate == REREAD_FOUND;
    if (code == ERR_OK && !*ret_found) {
        note_rest(&step->counts.lost[fate], target, letter,
                  STR(letter_content_name(letter->content)));
    }
    return code;
}

static void take_decoded(const struct target *target, struct step *step,
                         const struct dead_letter *letter, const struct decoded *decoded)
{
    struct coordinate at = {letter->stream_id, letter->partition, letter->offset, letter->time_ns};
    struct redrive_result *counts = &step->counts;

    switch (verdict_row(decoded->verdict)->class) {
    case VERDICT_CLASS_TALLIED:
        redrive_add_event(step->redrive, &at, &decoded->event);
        counts->tallied++;
        counts->without_id +=
            target->topic->duplicates_group.size > 0 && decoded->event.id.size == 0;
        return;
    case VERDICT_CLASS_EXCLUDED:
        redrive_add_excluded(step->redrive, &at, decoded->verdict, decoded->rule);
        counts->excluded++;
        return;
    case VERDICT_CLASS_DEAD:
        note_rest(&counts->dead[decoded->verdict], target, letter,
                  intake_detail(&target->intake, decoded));
        return;
    case VERDICT_CLASS_DUPLICATE:
        CHECK(!"a decoder does not know of duplicates");
    }
}

static enum err_code take_letter(struct redrive_job *job, struct target *target, struct step *step,
                                 const struct dead_letter *letter, struct err *err)
{
    const struct decoded *decoded;
    struct record record;
    bool found;

    if (find_record(job, target, step, letter, &record, &found, err) != ERR_OK) {
        return err->code;
    }
    step->counts.letters++;
    if (!found) {
        return ERR_OK;
    }
    if (decoder_run(target->intake.decoder, &record, &decoded, err) != ERR_OK) {
        return err_context(err, "topic %.*s, partition %" PRId32 ", offset %" PRId64,
                           STR_ARGS(target->topic->name), letter->partition, letter->offset);
    }
    take_decoded(target, step, letter, decoded);
    return ERR_OK;
}

static void step_clear(struct step *step)
{
    redrive_free(step->redrive);
    arena_release(&step->arena);
    *step = (struct step){.arena = ARENA_INIT};
}

static enum err_code fill_step(struct redrive_job *job, struct target *target, struct step *step,
                               struct err *err)
{
    struct redrive_stream stream = {.stream_id = target->stream.stream_id,
                                    .topic = target->topic->name,
                                    .config_digest = STR(target->topic->digest),
                                    .group = target->topic->duplicates_group};
    enum err_code code = dead_letter_list(job->options->db, job->options->book_id, &target->query,
                                          &step->arena, &step->letters, &step->letter_count, err);

    step->redrive = redrive_new(&stream);
    for (size_t i = 0; i < step->letter_count && code == ERR_OK; i++) {
        code = take_letter(job, target, step, &step->letters[i], err);
    }
    return code;
}

static enum err_code commit_step(struct redrive_job *job, struct step *step, bool *ret_missed,
                                 struct err *err)
{
    struct err cause = ERR_INIT;
    enum err_code code;
    int failures = 0;

    *ret_missed = false;
    if (redrive_letters(step->redrive) == 0 || job->options->dry_run) {
        return ERR_OK;
    }
    if (FAULT("jobs.redrive.commit")) {
        return err_set(err, ERR_FAILED, "fault at jobs.redrive.commit");
    }
    do {
        code = redrive_commit(&job->ledger, step->redrive, ret_missed, &cause);
    } while (code != ERR_OK && commit_again(clock_system(), &failures, &cause));
    if (code == ERR_OK) {
        step->counts.duplicate = redrive_duplicates(step->redrive);
        step->counts.tallied -= step->counts.duplicate;
        step->counts.batches = 1;
    }
    *err = code == ERR_OK || *ret_missed ? *err : cause;
    return *ret_missed ? ERR_OK : code;
}

static void add_rest(struct redrive_rest *sum, const struct redrive_rest *rest)
{
    if (sum->letters == 0) {
        *sum = *rest;
    } else {
        sum->letters += rest->letters;
    }
}

static void settle_step(struct redrive_job *job, struct target *target, const struct step *step)
{
    const struct dead_letter *last = &step->letters[step->letter_count - 1];
    struct redrive_result *result = job->result;

    result->letters += step->counts.letters;
    result->tallied += step->counts.tallied;
    result->excluded += step->counts.excluded;
    result->duplicate += step->counts.duplicate;
    result->without_id += step->counts.without_id;
    result->batches += step->counts.batches;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        add_rest(&result->dead[i], &step->counts.dead[i]);
    }
    for (int i = 0; i < REREAD_FATE_COUNT; i++) {
        add_rest(&result->lost[i], &step->counts.lost[i]);
    }
    target->query.after_partition = last->partition;
    target->query.after_offset = last->offset;
}

/* A step that another redrive was faster with is made again of what is still dead: the other one has made headway, so this ends. */
static enum err_code run_step(struct redrive_job *job, struct target *target, bool *ret_more,
                              struct err *err)
{
    struct step *step = memory_calloc(1, sizeof(*step));
    bool missed = false;
    enum err_code code;

    code = fill_step(job, target, step, err);
    *ret_more = step->letter_count > 0;
    if (code == ERR_OK && *ret_more) {
        code = commit_step(job, step, &missed, err);
    }
    if (code == ERR_OK && missed) {
        job->result->missed++;
    } else if (code == ERR_OK && *ret_more) {
        settle_step(job, target, step);
    }
    step_clear(step);
    memory_free(step);
    return code;
}

static enum err_code open_target(struct redrive_job *job, struct target *target, struct err *err)
{
    const struct redrive_options *options = job->options;
    struct intake_options intake = {.config = job->config,
                                    .topic = target->topic,
                                    .number = target->place.topic,
                                    .registry = job->registry,
                                    .clock = options->clock,
                                    .stream = target->stream};

    target->query = (struct dead_letter_query){
        .stream_id = target->stream.stream_id,
        .reason = options->reason,
        .after_partition = -1,
        .after_offset = -1,
        .count_max = options->letters_max > 0 ? options->letters_max : STEP_LETTERS_MAX,
        .size_max = STEP_SIZE_MAX};
    if (ledger_proven(&job->ledger, target->stream.stream_id, STR(target->topic->digest),
                      &intake.proven, err) != ERR_OK) {
        return err->code;
    }
    return intake_open(&target->intake, &intake, err);
}

static enum err_code run_target(struct redrive_job *job, struct target *target, struct err *err)
{
    bool more = true;
    enum err_code code = open_target(job, target, err);

    while (code == ERR_OK && more && !job->result->interrupted) {
        struct err cause = ERR_INIT;

        code = run_step(job, target, &more, &cause);
        if (code == ERR_INTERRUPTED || stop_is_requested()) {
            job->result->interrupted = true;
            code = code == ERR_INTERRUPTED ? ERR_OK : code;
        }
        if (code != ERR_OK) {
            *err = cause;
        }
    }
    intake_release(&target->intake);
    return code;
}

static void read_target(struct redrive_job *job, size_t number, struct db_stmt *stmt,
                        struct target *ret_target)
{
    const struct topic_config *topic = &job->config->topics[number];
    struct str cluster = arena_str(&job->arena, db_column_text(stmt, 1));

    *ret_target = (struct target){
        .topic = topic,
        .stream = {.stream_id = db_column_int64(stmt, 0),
                   .incarnation = db_column_int64(stmt, 2),
                   .cluster = cluster,
                   .cluster_name = job->config->cluster_name,
                   .topic = topic->name,
                   .kind = topic->mapping.kind},
        .place = {.topic = (uint32_t)number, .cluster = cluster, .open = db_column_null(stmt, 4)}};
}

/* The incarnations of a topic that the store knows, on whatever cluster. The caller frees the array, also after an error. */
static enum err_code list_targets(struct redrive_job *job, size_t number,
                                  struct target **ret_targets, size_t *ret_count, struct err *err)
{
    const struct topic_config *topic = &job->config->topics[number];
    const char *kind = store_kind_name(topic->mapping.kind);
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code =
        db_prepare(job->options->db,
                   "SELECT stream_id, cluster, incarnation, kind, closed_ns FROM stream "
                   "WHERE topic = $1 ORDER BY stream_id",
                   &stmt, err);

    *ret_targets = NULL;
    *ret_count = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, topic->name);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        *ret_targets = memory_resize(*ret_targets, *ret_count + 1, sizeof(**ret_targets));
        read_target(job, number, stmt, &(*ret_targets)[(*ret_count)++]);
        if (!str_equal(db_column_text(stmt, 3), STR(kind))) {
            code = err_set(err, ERR_CONFIG,
                           "topic %.*s: its kind is %s, but it was read as %.*s before",
                           STR_ARGS(topic->name), kind, STR_ARGS(db_column_text(stmt, 3)));
            break;
        }
    }
    db_reset(stmt);
    return code;
}

static enum err_code run_topic(struct redrive_job *job, size_t number, struct err *err)
{
    struct target *targets;
    size_t count;
    enum err_code code = list_targets(job, number, &targets, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK && !job->result->interrupted; i++) {
        code = run_target(job, &targets[i], err);
    }
    memory_free(targets);
    return code;
}

static int compare_groups(const void *a, const void *b)
{
    const struct id_group *x = a;
    const struct id_group *y = b;

    return str_compare(x->name, y->name);
}

static int64_t *add_open_streams(int64_t *streams, size_t *count, const struct target *targets,
                                 size_t target_count)
{
    for (size_t i = 0; i < target_count; i++) {
        if (targets[i].place.open) {
            streams = memory_resize(streams, *count + 1, sizeof(*streams));
            streams[(*count)++] = targets[i].stream.stream_id;
        }
    }
    return streams;
}

/* The open streams of all topics of a group: their ids cannot be forgotten before they are read. */
static enum err_code fill_group(struct redrive_job *job, struct id_group *group, struct err *err)
{
    int64_t *streams = NULL;
    int64_t *kept;
    size_t count = 0;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < job->config->topic_count && code == ERR_OK; i++) {
        struct target *targets;
        size_t target_count;

        if (str_equal(job->config->topics[i].duplicates_group, group->name)) {
            code = list_targets(job, i, &targets, &target_count, err);
            streams = add_open_streams(streams, &count, targets, target_count);
            memory_free(targets);
        }
    }
    kept = arena_calloc(&job->arena, count, sizeof(*kept));
    if (count > 0) {
        memcpy(kept, streams, count * sizeof(*kept));
    }
    group->stream_ids = kept;
    group->stream_count = count;
    memory_free(streams);
    return code;
}

static enum err_code open_groups(struct redrive_job *job, struct err *err)
{
    const struct config *config = job->config;
    struct id_group *groups = arena_calloc(&job->arena, config->topic_count, sizeof(*groups));
    size_t count = 0;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < config->topic_count && code == ERR_OK; i++) {
        const struct topic_config *topic = &config->topics[i];
        bool seen = topic->duplicates_group.size == 0;

        for (size_t k = 0; k < count; k++) {
            seen = seen || str_equal(groups[k].name, topic->duplicates_group);
        }
        if (!seen) {
            groups[count] = (struct id_group){.name = topic->duplicates_group,
                                              .horizon_ns = topic->duplicates_horizon_ns,
                                              .count_max = topic->duplicates_count};
            code = fill_group(job, &groups[count++], err);
        }
    }
    if (count > 0) {
        qsort(groups, count, sizeof(*groups), compare_groups);
    }
    job->ledger.groups = groups;
    job->ledger.group_count = count;
    return code;
}

static enum err_code expire_bytes(struct redrive_job *job, struct err *err)
{
    int64_t keep_ns = job->config->dead_letters_keep_ns;
    int64_t now_ns;

    if (keep_ns == 0 || job->options->dry_run) {
        return ERR_OK;
    }
    if (db_now_ns(job->options->db, &now_ns, err) != ERR_OK) {
        return err->code;
    }
    return dead_letter_expire(job->options->db, job->options->book_id, now_ns - keep_ns,
                              &job->result->expired, err);
}

static enum err_code work(struct redrive_job *job, struct err *err)
{
    const struct redrive_options *options = job->options;
    enum err_code code = connect_registry(job->config, options->http, options->clock, &job->arena,
                                          &job->registry, err);

    if (code == ERR_OK) {
        code = open_groups(job, err);
    }
    for (size_t i = 0; i < job->config->topic_count && code == ERR_OK; i++) {
        if (options->topic.size == 0 || str_equal(job->config->topics[i].name, options->topic)) {
            code = run_topic(job, i, err);
        }
    }
    /* Afterwards, so that bytes that are due today can be of use one last time. */
    if (code == ERR_OK && !job->result->interrupted) {
        code = expire_bytes(job, err);
    }
    if (code == ERR_OK && job->reread.trouble.code != ERR_OK) {
        *err = job->reread.trouble;
        err->code = ERR_BROKER;
        code = err_context(err, "%" PRId64 " dead letters need their records again",
                           job->result->lost[REREAD_SILENT].letters);
    }
    return code;
}

enum err_code redrive_run(const struct redrive_options *options, struct redrive_result *ret_result,
                          struct err *err)
{
    struct redrive_job job = {.options = options,
                              .config = options->config,
                              .result = ret_result,
                              .ledger = {.db = options->db,
                                         .book_id = options->book_id,
                                         .random = options->random,
                                         .program_version = UPTALLY_VERSION,
                                         .lasting_ids = true}};
    enum err_code code;

    *ret_result = (struct redrive_result){0};
    reread_open(&job.reread, options->config, options->source);
    job.reread.patience_ns = options->patience_ns;
    code = work(&job, err);
    reread_close(&job.reread);
    registry_free(job.registry);
    arena_release(&job.arena);
    return code;
}
