#include "jobs/pipeline/consume.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/pipeline/consume_state.h"
#include "jobs/stop.h"

enum {
    POLL_MS = 100,
    LOOK_INTERVAL_S = 10, /* how often drained times are noted */
    PEEK_INTERVAL_MS = 500,
    RESTARTS_MAX = 3,
    ASSIGNMENT_LIMIT_S = 360 /* a group waits for its slowest member, 300 s by default */
};

static void finish_lane(struct consume *run, struct intake *intake, int32_t partition)
{
    struct err ignored = ERR_INIT;

    intake->lanes[partition].state = LANE_DONE;
    /* Only saves work: records behind the aim are left out anyway. */
    (void)run->source->stop(run->source, lane_partition(intake, partition), &ignored);
}

static void advance(struct consume *run, struct intake *intake, int32_t partition, int64_t to)
{
    struct lane *lane = &intake->lanes[partition];

    if (to > lane->next && run->keeper == NULL) {
        batch_advance(run->batch, intake->stream.stream_id, partition, to);
    }
    lane->next = to > lane->next ? to : lane->next;
}

static bool reached(const struct consume *run, const struct lane *lane)
{
    return !run->options->follow && lane->next >= lane->target;
}

/* A record below the lane's place is only looked at: it is the guard, or on its way from before a restart. */
static enum err_code compare_guard(const struct intake *intake, const struct record *record,
                                   struct err *err)
{
    const struct lane *lane = &intake->lanes[record->partition];

    if (record->offset != lane->guard_offset || record->time_ns == lane->guard_time_ns) {
        return ERR_OK;
    }
    return consume_refuse_guard(intake, record->partition, record->offset, err);
}

static enum err_code keep(struct consume *run, struct intake *intake, const struct record *record,
                          struct err *err)
{
    return run->keeper == NULL ? intake_take(intake, record, run->batch, &run->open, err)
                               : run->keeper->take(run->keeper, run, intake, record, err);
}

static enum err_code take_record(struct consume *run, struct intake *intake,
                                 const struct record *record, struct err *err)
{
    struct lane *lane = &intake->lanes[record->partition];

    if (lane->state != LANE_RUNNING) {
        return ERR_OK;
    }
    if (record->offset < lane->next) {
        return compare_guard(intake, record, err);
    }
    if (!run->options->follow && record->offset >= lane->target) {
        advance(run, intake, record->partition, lane->target);
        finish_lane(run, intake, record->partition);
        return ERR_OK;
    }
    if (keep(run, intake, record, err) != ERR_OK) {
        return err->code;
    }
    lane->next = record->offset + 1;
    if (reached(run, lane)) {
        finish_lane(run, intake, record->partition);
    }
    return ERR_OK;
}

/* Nothing more below `offset`: what is missing before it does not exist. */
static void take_end(struct consume *run, struct intake *intake, int32_t partition, int64_t offset)
{
    struct lane *lane = &intake->lanes[partition];

    if (lane->state != LANE_RUNNING) {
        return;
    }
    advance(run, intake, partition, offset);
    if (reached(run, lane)) {
        finish_lane(run, intake, partition);
    }
}

/* What was read so far is committed first: the loss begins where the ledger stands. */
static enum err_code expire(struct consume *run, struct intake *intake, int32_t partition,
                            int64_t low, struct err *err)
{
    struct lane *lane = &intake->lanes[partition];

    if (!consume_held(run) && consume_commit(run, err) != ERR_OK) {
        return err->code;
    }
    /* A fence in that commit has placed all lanes anew. */
    return run->restarted || lane->state != LANE_RUNNING
               ? ERR_OK
               : consume_park(run, intake, partition, low, err);
}

/* The broker says that it has no such offset. Expired, or was it a leader that did not know better? */
static enum err_code take_expired(struct consume *run, struct intake *intake, int32_t partition,
                                  struct err *err)
{
    struct lane *lane = &intake->lanes[partition];
    struct source_partition at = lane_partition(intake, partition);
    struct source_watermarks watermarks;

    if (lane->state != LANE_RUNNING) {
        return ERR_OK;
    }
    if (run->source->watermarks(run->source, &at, 1, &watermarks, err) != ERR_OK ||
        run->source->stop(run->source, at, err) != ERR_OK) {
        return err->code;
    }
    if (lane_place(lane->next, &watermarks) == PLACE_EXPIRED) {
        return expire(run, intake, partition, watermarks.low, err);
    }
    if (lane_place(lane->next, &watermarks) == PLACE_REPLACED) {
        return consume_refuse_shorter(intake, partition, lane->next, watermarks.high, err);
    }
    lane->restarts = lane->next == lane->restarted_at ? lane->restarts + 1 : 1;
    lane->restarted_at = lane->next;
    if (lane->restarts > RESTARTS_MAX) {
        return err_set(err, ERR_BROKER,
                       "topic %.*s, partition %" PRId32 ": the broker does not give offset %" PRId64
                       " although its log ends at %" PRId64,
                       STR_ARGS(intake->topic->name), partition, lane->next, watermarks.high);
    }
    return run->source->start(run->source, at, lane->next, err);
}

static enum err_code take(struct consume *run, const struct source_item *item, struct err *err)
{
    const struct record *record = &item->record;
    struct intake *intake = &run->intakes[record->topic];

    switch (item->kind) {
    case SOURCE_RECORD:
        return take_record(run, intake, record, err);
    case SOURCE_END:
        take_end(run, intake, record->partition, record->offset);
        return ERR_OK;
    case SOURCE_EXPIRED:
        return take_expired(run, intake, record->partition, err);
    case SOURCE_ASSIGNED:
        return consume_assigned(run, item, err);
    case SOURCE_REVOKED:
        return consume_revoked(run, item, err);
    }
    return ERR_OK;
}

static void report_progress(struct consume *run)
{
    int64_t done = 0, total = 0;

    if (run->options->progress == NULL) {
        return;
    }
    for (size_t i = 0; i < run->intake_count; i++) {
        const struct intake *intake = &run->intakes[i];

        for (int32_t p = 0; p < intake->lane_count; p++) {
            const struct lane *lane = &intake->lanes[p];

            if (lane_ours(lane) && lane->state != LANE_PARKED) {
                done += lane->next - lane->start;
                total += lane->target > lane->start ? lane->target - lane->start : 0;
            }
        }
    }
    run->options->progress(run->options->context, done, run->options->follow ? 0 : total);
}

static enum err_code maybe_commit(struct consume *run, struct err *err)
{
    return consume_commit_due(run) && !consume_held(run) ? consume_commit_ready(run, err) : ERR_OK;
}

static bool full(const struct consume *run)
{
    return run->keeper != NULL ? run->keeper->full : run->open.records >= run->records_max;
}

static enum err_code take_next(void *context, const struct source_item *item, struct err *err)
{
    struct consume *run = context;
    bool of_group = item->kind == SOURCE_ASSIGNED || item->kind == SOURCE_REVOKED;

    /* What was read is stale behind a restart; what the group says holds, and is said once. */
    if (run->restarted && !of_group) {
        return ERR_OK;
    }
    if (take(run, item, err) != ERR_OK) {
        return err->code;
    }
    return full(run) ? maybe_commit(run, err) : ERR_OK;
}

static bool any_running(const struct consume *run)
{
    for (size_t i = 0; i < run->intake_count; i++) {
        for (int32_t p = 0; p < run->intakes[i].lane_count; p++) {
            if (run->intakes[i].lanes[p].state == LANE_RUNNING) {
                return true;
            }
        }
    }
    return false;
}

/* In a group a member that has nothing left stays until the others are done too: it takes over from one that dies. */
static enum err_code group_finished(struct consume *run, bool *ret_finished, struct err *err)
{
    int64_t now_ns = clock_monotonic_ns(consume_wait_clock(run));

    *ret_finished = false;
    if (now_ns - run->last_peek_ns < PEEK_INTERVAL_MS * NS_PER_MS) {
        return ERR_OK;
    }
    run->last_peek_ns = now_ns;
    if (!run->assigned && now_ns - run->joined_ns > ASSIGNMENT_LIMIT_S * NS_PER_SECOND) {
        return err_set_retriable(err, ERR_BROKER, "group %.*s did not give an assignment for %d s",
                                 STR_ARGS(run->config->group), (int)ASSIGNMENT_LIMIT_S);
    }
    return consume_group_done(run, ret_finished, err);
}

/* A drain is over when its last batch is in: a fence in that commit sends the lanes back to work. */
static enum err_code finished(struct consume *run, bool *ret_finished, struct err *err)
{
    *ret_finished = false;
    if (run->options->follow || any_running(run)) {
        return ERR_OK;
    }
    if (consume_commit(run, err) != ERR_OK) {
        return err->code;
    }
    if (any_running(run)) {
        return ERR_OK;
    }
    if (run->grouped) {
        return group_finished(run, ret_finished, err);
    }
    *ret_finished = true;
    return ERR_OK;
}

static enum err_code step(struct consume *run, struct err *err)
{
    int64_t since_look_ns = clock_monotonic_ns(run->options->clock) - run->last_look_ns;
    struct source_taker taker = {.take = take_next, .context = run};
    size_t count;

    run->restarted = false;
    if (source_give(run->source, POLL_MS * NS_PER_MS, &taker, &count, err) != ERR_OK ||
        maybe_commit(run, err) != ERR_OK) {
        return err->code;
    }
    if (count > 0) {
        report_progress(run);
    }
    if (since_look_ns >= LOOK_INTERVAL_S * NS_PER_SECOND &&
        (consume_look(run, err) != ERR_OK || consume_note(run, err) != ERR_OK ||
         consume_unpark(run, err) != ERR_OK)) {
        return err->code;
    }
    if (run->options->follow && deliver_due(&run->deliver)) {
        deliver_run(&run->deliver);
    }
    return ERR_OK;
}

/* One round of reading. *ret_done: there is no more to read. */
static enum err_code read_on(struct consume *run, bool *ret_done, struct err *err)
{
    if (finished(run, ret_done, err) != ERR_OK) {
        return err->code;
    }
    return *ret_done ? ERR_OK : step(run, err);
}

static enum err_code read_topics(struct consume *run, struct err *err)
{
    bool done = false;

    while (!done) {
        struct err cause = ERR_INIT;

        if (stop_requested() != 0) {
            run->result->interrupted = true;
            return ERR_OK;
        }
        /* A question to broker or registry that was ended by the signal is no failure: the record that waited for it is not in the batch, and
         * what is in it can be committed. */
        if (read_on(run, &done, &cause) != ERR_OK && cause.code != ERR_INTERRUPTED) {
            *err = cause;
            return cause.code;
        }
    }
    return ERR_OK;
}

/* What is whole is worth keeping. Not so if the mapping or the data are wrong as a whole: then nothing shall be counted by it. */
static enum err_code leave(struct consume *run, enum err_code code, struct err *err)
{
    struct err cause = ERR_INIT;
    bool keep = code == ERR_OK || code == ERR_BROKER;

    if (keep && !consume_held(run) && consume_commit_last(run, &cause) != ERR_OK &&
        code == ERR_OK) {
        *err = cause;
        return cause.code;
    }
    return code;
}

/* At its end a drain looks once more: for what was idle all the time this is the first note. */
static enum err_code conclude(struct consume *run, struct err *err)
{
    bool last_look = !run->result->interrupted;

    run->concluding = run->grouped && last_look;
    if (consume_note(run, err) != ERR_OK ||
        (last_look && (consume_look(run, err) != ERR_OK || consume_note(run, err) != ERR_OK))) {
        return err->code;
    }
    if (run->parked.code != ERR_OK && run->result->parked_partitions > 0) {
        *err = run->parked;
        return err->code;
    }
    return ERR_OK;
}

static enum err_code work(struct consume *run, struct err *err)
{
    struct err cause = ERR_INIT;
    enum err_code code = consume_open(run, &cause);

    if (code == ERR_INTERRUPTED) {
        run->result->interrupted = true; /* nothing was read yet */
        return ERR_OK;
    }
    if (code != ERR_OK) {
        *err = cause;
        return code;
    }
    deliver_run(&run->deliver); /* what an earlier run left behind */
    run->last_commit_ns = run->last_look_ns = clock_monotonic_ns(run->options->clock);
    report_progress(run);
    code = leave(run, read_topics(run, err), err);
    if (code != ERR_OK) {
        return code;
    }
    report_progress(run);
    return conclude(run, err);
}

/* Last of all, when everything else is committed. A run that failed leaves it to the next one; a parked partition is no failure of the others. */
static enum err_code deliver_rest(struct consume *run, enum err_code code, struct err *err)
{
    if (code == ERR_OK || run->parked.code != ERR_OK) {
        deliver_run(&run->deliver);
    }
    return code == ERR_OK ? deliver_result(&run->deliver, err) : code;
}

enum err_code consume_run(const struct consume_options *options, struct consume_result *ret_result,
                          struct err *err)
{
    struct consume run = {.options = options,
                          .keeper = options->keeper,
                          .config = options->config,
                          .result = ret_result,
                          .parked = ERR_INIT};
    struct deliver_options deliver = {.config = options->config,
                                      .db = options->db,
                                      .book_id = options->book_id,
                                      .shard = options->shard,
                                      .shard_count = options->shard_count,
                                      .patience_ns = options->delivery_patience_ns,
                                      .follow = options->follow};
    enum err_code code;

    *ret_result = (struct consume_result){0};
    CHECK(options->shard >= 0);
    deliver_open(&run.deliver, &deliver);
    run.deliver.wanted = run.deliver.wanted && run.keeper == NULL;
    code = deliver_rest(&run, work(&run, err), err);
    deliver_close(&run.deliver);
    consume_close(&run);
    return code;
}
