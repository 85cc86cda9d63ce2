/* Records that expired before they were read: their partition waits, and goes on once an operator has accepted the loss. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/fault.h"
#include "jobs/pipeline/commit_again.h"
#include "jobs/pipeline/consume_state.h"
#include "jobs/pipeline/peek.h"

enum { LOOK_TRIES = 5 };

enum err_code consume_park(struct consume *run, struct intake *intake, int32_t partition,
                           int64_t low, struct err *err)
{
    struct lane *lane = &intake->lanes[partition];
    char reason[128];

    lane->state = LANE_PARKED;
    run->result->parked_partitions++;
    (void)snprintf(reason, sizeof(reason),
                   "offsets %" PRId64 " to %" PRId64 " expired before they were read",
                   lane->committed, low - 1);
    if (run->parked.code == ERR_OK) {
        (void)err_set(&run->parked, ERR_BROKER,
                      "topic %.*s, partition %" PRId32
                      ": %s; the partition is parked and complete-until waits for it. "
                      "uptally %s --accept-loss %.*s/%" PRId32
                      " accepts the loss, flags its time as incomplete and goes on; let the topic "
                      "keep its records for longer",
                      STR_ARGS(intake->topic->name), partition, reason, intake->command,
                      STR_ARGS(intake->topic->name), partition);
    }
    return ledger_park(&run->ledger, intake->stream.stream_id, partition, lane->committed,
                       STR(reason), err);
}

/* "all", "TOPIC" or "TOPIC/PARTITION"; no topic has a slash in its name. */
static bool accepts(const struct consume *run, const struct intake *intake, int32_t partition)
{
    const char *word = run->options->accept_loss;
    const char *slash = word != NULL ? strchr(word, '/') : NULL;
    int64_t number;

    if (slash == NULL) {
        return consume_names(word, intake->topic->name);
    }
    return str_equal(str_of(word, (size_t)(slash - word)), intake->topic->name) &&
           str_to_int64(STR(slash + 1), &number) && number == partition;
}

struct loss {
    int64_t from, to;
    int64_t from_ns, to_ns;
};

/* The records are from between their neighbours: the one read last, and the first that is left. Without the one, they are younger than what
 * was known to be complete; without the other, the time is now. */
static enum err_code bound(struct consume *run, const struct ledger_partition *position,
                           const struct peek *after, struct loss *loss, struct err *err)
{
    int64_t before_ns = position->guard_offset >= 0 ? position->guard_time_ns : INT64_MIN;
    int64_t after_ns = after->sight == PEEK_RECORD ? after->record_time_ns : INT64_MIN;

    if (before_ns == INT64_MIN) {
        before_ns = position->drained_ns;
    }
    if (after_ns == INT64_MIN && db_now_ns(run->options->db, &after_ns, err) != ERR_OK) {
        return err->code;
    }
    before_ns = before_ns > 0 ? before_ns : 0;
    after_ns = after_ns > 0 ? after_ns : 0;
    /* Producers may stamp their records in any order. */
    loss->from_ns = before_ns < after_ns ? before_ns : after_ns;
    loss->to_ns = before_ns < after_ns ? after_ns : before_ns;
    return ERR_OK;
}

/* The log may go on losing its beginning while we look at it. */
static enum err_code measure(struct consume *run, struct intake *intake,
                             const struct ledger_partition *position,
                             struct source_watermarks *watermarks, struct loss *ret_loss,
                             struct err *err)
{
    struct peek peek = {.partition = lane_partition(intake, position->partition)};
    struct source *source = NULL;

    if (consume_peek_source(run, &source, err) != ERR_OK) {
        return err->code;
    }
    for (int i = 0; i < LOOK_TRIES && peek.sight != PEEK_RECORD && peek.sight != PEEK_END; i++) {
        if (run->source->watermarks(run->source, &peek.partition, 1, watermarks, err) != ERR_OK) {
            return err->code;
        }
        peek.offset = watermarks->low;
        if (source == NULL) {
            break;
        }
        if (peek_records(source, &peek, 1, err) != ERR_OK) {
            return err->code;
        }
    }
    ret_loss->from = position->next_offset;
    ret_loss->to = watermarks->low;
    return bound(run, position, &peek, ret_loss, err);
}

/* One batch that covers the loss and nothing else. *ret_accepted: false if somebody else was faster. */
static enum err_code commit_loss(struct consume *run, const struct intake *intake,
                                 int32_t partition, const struct loss *loss, bool *ret_accepted,
                                 struct err *err)
{
    struct batch *batch = batch_new(0);
    struct err cause = ERR_INIT;
    enum err_code code;
    int failures = 0;

    batch_begin_partition(batch, intake->stream.stream_id, intake->topic->name, STR(""), partition,
                          loss->from);
    batch_lose(batch, intake->stream.stream_id, partition, loss->to, loss->from_ns, loss->to_ns);
    do {
        code = ledger_commit(&run->ledger, batch, &cause);
    } while (code != ERR_OK && commit_again(consume_wait_clock(run), &failures, &cause));
    batch_free(batch);
    *ret_accepted = code == ERR_OK;
    if (code != ERR_OK && (code != ERR_FENCED || cause.retriable)) {
        *err = cause;
        return code;
    }
    return ERR_OK;
}

static enum err_code accept(struct consume *run, struct intake *intake,
                            const struct ledger_partition *position,
                            struct source_watermarks *watermarks, struct err *err)
{
    struct loss loss;
    bool accepted = false;

    if (measure(run, intake, position, watermarks, &loss, err) != ERR_OK) {
        return err->code;
    }
    if (FAULT("consume.loss.before")) {
        return err_set(err, ERR_FAILED, "fault at consume.loss.before");
    }
    if (loss.to > loss.from &&
        commit_loss(run, intake, position->partition, &loss, &accepted, err) != ERR_OK) {
        return err->code;
    }
    if (FAULT("consume.loss.after")) {
        return err_set(err, ERR_FAILED, "fault at consume.loss.after");
    }
    run->result->lost += accepted ? loss.to - loss.from : 0;
    return ERR_OK;
}

enum err_code consume_accept_losses(struct consume *run, struct intake *intake,
                                    struct source_watermarks *watermarks, struct err *err)
{
    struct ledger_partition *positions;
    size_t count;

    if (run->options->accept_loss == NULL) {
        return ERR_OK;
    }
    if (ledger_partitions(&run->ledger, intake->stream.stream_id, &run->arena, &positions, &count,
                          err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t p = positions[i].partition;

        if (p < intake->lane_count && accepts(run, intake, p) &&
            lane_place(positions[i].next_offset, &watermarks[p]) == PLACE_EXPIRED &&
            accept(run, intake, &positions[i], &watermarks[p], err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

/* The lane goes on where the ledger stands now. The open batch is empty. */
static enum err_code place_again(struct consume *run, struct intake *intake,
                                 const struct ledger_partition *position, struct err *err)
{
    struct source_partition partition = lane_partition(intake, position->partition);
    struct source_watermarks watermarks;

    if (run->source->watermarks(run->source, &partition, 1, &watermarks, err) != ERR_OK) {
        return err->code;
    }
    batch_end_partition(run->batch, intake->stream.stream_id, position->partition);
    run->result->parked_partitions--;
    return consume_place(run, intake, position->partition, position, &watermarks, err);
}

static enum err_code unpark_intake(struct consume *run, struct intake *intake, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct ledger_partition *positions;
    size_t count = 0;
    enum err_code code = ledger_partitions(&run->ledger, intake->stream.stream_id, &scratch,
                                           &positions, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        int32_t p = positions[i].partition;

        if (p >= intake->lane_count || intake->lanes[p].state != LANE_PARKED ||
            positions[i].next_offset == intake->lanes[p].committed || consume_held(run)) {
            continue;
        }
        code = consume_commit(run, err);
        /* A fence in that commit has placed all lanes anew. */
        if (code == ERR_OK && intake->lanes[p].state == LANE_PARKED &&
            positions[i].next_offset != intake->lanes[p].committed) {
            code = place_again(run, intake, &positions[i], err);
        }
    }
    arena_release(&scratch);
    return code;
}

enum err_code consume_unpark(struct consume *run, struct err *err)
{
    for (size_t i = 0; i < run->intake_count && run->result->parked_partitions > 0; i++) {
        if (unpark_intake(run, &run->intakes[i], err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}
