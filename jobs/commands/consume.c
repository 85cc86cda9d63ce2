/*
 * uptally consume: read topics to their current end, or --follow.
 */
#include <inttypes.h>

#include "jobs/command.h"
#include "jobs/commands/shard.h"
#include "jobs/pipeline/consume.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum {
    OPTION_FOLLOW,
    OPTION_SHARD,
    OPTION_BATCH,
    OPTION_ACCEPT_LOSS,
    OPTION_ACCEPT_NEW,
    OPTION_SAME_TOPIC,
    OPTION_CLOSE
};

static const struct option_row rows[] = {
    [OPTION_FOLLOW] = {.name = "follow",
                       .letter = 'f',
                       .type = OPTION_FLAG,
                       .help = "go on with what arrives, until SIGTERM"},
    [OPTION_SHARD] = {.name = "shard",
                      .type = OPTION_TEXT,
                      .argument = "I/N",
                      .help =
                          "only partitions whose number modulo N is I (0 to N-1); no group then"},
    [OPTION_BATCH] = {.name = "batch",
                      .type = OPTION_INTEGER,
                      .argument = "N",
                      .minimum = 1,
                      .maximum = 100000000,
                      .help = "commit at the latest after N records, instead of batch.records"},
    [OPTION_ACCEPT_LOSS] = {.name = "accept-loss",
                            .type = OPTION_TEXT,
                            .argument = "TOPIC[/PARTITION]|all",
                            .help = "what expired unread is lost: record it and go on behind it"},
    [OPTION_ACCEPT_NEW] = {.name = "accept-new",
                           .type = OPTION_TEXT,
                           .argument = "TOPIC|all",
                           .help = "it was created again, or moved to this cluster: read it anew"},
    [OPTION_SAME_TOPIC] = {.name = "same-topic",
                           .type = OPTION_TEXT,
                           .argument = "TOPIC|all",
                           .help = "it is the same, though no record is left to tell: go on"},
    [OPTION_CLOSE] = {.name = "close",
                      .type = OPTION_TEXT,
                      .argument = "TOPIC",
                      .help = "it is read no more: complete-until does not wait for it"},
    {.name = NULL},
};

static void progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("consume", done, total, "records");
}

static void summarize(const struct consume_result *result)
{
    ui_progress_clear();
    ui_note("consume: %" PRId64 " records in %" PRId64 " batches: %" PRId64 " tallied, %" PRId64
            " excluded, %" PRId64 " duplicate, %" PRId64 " dead-lettered; %" PRId64
            " offsets absent",
            result->records, result->batches, result->tallied, result->excluded, result->duplicate,
            result->dead_lettered, result->absent);
    if (result->without_id > 0) {
        ui_note("consume: %" PRId64 " of the tallied records have no event id and were not tested "
                "for duplicates",
                result->without_id);
    }
    if (result->parked_partitions > 0) {
        ui_warn("%" PRId64 " partitions are parked", result->parked_partitions);
    }
}

/* What the operator's word changed, also if the run failed later. */
static void tell_accepted(const struct consume_result *result)
{
    ui_progress_clear();
    if (result->lost > 0) {
        ui_warn("%" PRId64 " offsets are recorded as lost; run aggregate to flag their time",
                result->lost);
    }
    if (result->accepted_topics > 0) {
        ui_note("consume: %" PRId64 " topics begin a new incarnation", result->accepted_topics);
    }
    if (result->closed_streams > 0) {
        ui_note("consume: %" PRId64 " topics were closed", result->closed_streams);
    }
}

static enum err_code consume(struct run *run, struct err *err)
{
    struct consume_options options = {.config = run->config,
                                      .db = run->db,
                                      .book_id = run->book_id,
                                      .clock = run->clock,
                                      .random = run->random,
                                      .http = run->http,
                                      .follow = run->options[OPTION_FOLLOW].set,
                                      .accept_loss = run->options[OPTION_ACCEPT_LOSS].text,
                                      .accept_new = run->options[OPTION_ACCEPT_NEW].text,
                                      .same_topic = run->options[OPTION_SAME_TOPIC].text,
                                      .close_topic = run->options[OPTION_CLOSE].text,
                                      .progress = progress};
    struct consume_result result;
    enum err_code code;

    code = shard_read(&run->options[OPTION_SHARD], run->config->group.size > 0, &options, err);
    if (code != ERR_OK) {
        return code;
    }
    if (run->options[OPTION_BATCH].set) {
        options.batch_records_max = run->options[OPTION_BATCH].number;
    }
    code = consume_run(&options, &result, err);
    tell_accepted(&result);
    /* A run that failed before it read anything has one thing to say, and main says it. */
    if (code == ERR_OK || result.records > 0) {
        summarize(&result);
    }
    if (code == ERR_OK && result.interrupted && !options.follow) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped by signal %d before the end; the next run goes on from here",
                       stop_requested());
    }
    return code;
}

const struct command command_consume = {
    .name = "consume",
    .group = "Run",
    .summary = "read topics to their current end, or --follow",
    .usage = "CONFIG [options]",
    .examples = "uptally consume uptally.yaml\n"
                "uptally consume uptally.yaml --follow\n"
                "uptally consume uptally.yaml --shard 0/4",
    .help = "Counts the events of all topics into the store, each exactly once: offsets are "
            "committed together with\n"
            "the figures. It may be killed at any time and started again. Several runs share the "
            "work as members of\n"
            "cluster.group, by --shard, or by the task numbers of Cloud Run (CLOUD_RUN_TASK_INDEX "
            "and _COUNT) and\n"
            "Kubernetes (JOB_COMPLETION_INDEX, with UPTALLY_SHARD_COUNT).\n"
            "Where records expired unread, or a topic is not the one that was read before, the run "
            "ends with status 5\n"
            "and names the option that answers it. Given again, such an option changes nothing.",
    .options = rows,
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_BOOK | NEEDS_HTTP,
    .run = consume,
};
