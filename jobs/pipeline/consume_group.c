#include <inttypes.h>

#include "base/check.h"
#include "jobs/pipeline/consume_state.h"

static enum err_code find_position(struct consume *run, const struct intake *intake,
                                   int32_t partition, struct ledger_partition *ret_position,
                                   struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct ledger_partition *positions;
    size_t count;
    enum err_code code = ledger_partitions(&run->ledger, intake->stream.stream_id, &scratch,
                                           &positions, &count, err);

    if (code == ERR_OK) {
        code = err_set(err, ERR_STORE, "topic %.*s, partition %" PRId32 " has no row in the ledger",
                       STR_ARGS(intake->topic->name), partition);
        for (size_t i = 0; i < count; i++) {
            if (positions[i].partition == partition) {
                *ret_position = positions[i];
                code = ERR_OK;
            }
        }
    }
    arena_release(&scratch);
    return code;
}

enum err_code consume_assigned(struct consume *run, const struct source_item *item, struct err *err)
{
    const struct record *at = &item->record;
    struct source_partition partition = {at->topic, at->partition};
    struct intake *intake = &run->intakes[at->topic];
    struct ledger_partition position;
    struct source_watermarks watermarks;

    run->assigned = true;
    if (at->partition < 0) {
        return ERR_OK;
    }
    if (at->partition >= intake->lane_count) { /* the topic has grown since this run began */
        if (consume_refresh(run, err) != ERR_OK) {
            return err->code;
        }
        CHECK(at->partition < intake->lane_count);
    }
    if (lane_ours(&intake->lanes[at->partition])) {
        return ERR_OK;
    }
    if (find_position(run, intake, at->partition, &position, err) != ERR_OK ||
        run->source->watermarks(run->source, &partition, 1, &watermarks, err) != ERR_OK) {
        return err->code;
    }
    return consume_place(run, intake, at->partition, &position, &watermarks, err);
}

/* The range assignor is eager: when one partition goes, all go. What was read is committed if it still may be; if somebody else was
 * faster it is theirs. */
enum err_code consume_revoked(struct consume *run, const struct source_item *item, struct err *err)
{
    struct err cause = ERR_INIT;
    bool commit = !item->lost && !consume_held(run);

    if (item->record.partition >= run->intakes[item->record.topic].lane_count ||
        !lane_ours(&run->intakes[item->record.topic].lanes[item->record.partition])) {
        return ERR_OK;
    }
    if (commit && consume_commit_last(run, &cause) != ERR_OK && cause.code != ERR_FENCED) {
        *err = cause;
        return cause.code;
    }
    consume_drop(run);
    run->assigned = false;
    run->joined_ns =
        clock_monotonic_ns(consume_wait_clock(run)); /* the wait for the next one begins now */
    for (size_t i = 0; i < run->intake_count; i++) {
        struct intake *intake = &run->intakes[i];

        for (int32_t p = 0; p < intake->lane_count; p++) {
            struct lane *lane = &intake->lanes[p];

            if (lane->state == LANE_PARKED) {
                run->result->parked_partitions--; /* whoever gets it finds the same */
            }
            lane->state =
                LANE_FOREIGN; /* its note stays: it is still true if the lane comes back */
            (void)run->source->stop(run->source, lane_partition(intake, p), err);
        }
    }
    return ERR_OK;
}

static enum err_code intake_done(struct consume *run, const struct intake *intake, bool *ret_done,
                                 struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct ledger_partition *positions;
    size_t count = 0;
    enum err_code code = ledger_partitions(&run->ledger, intake->stream.stream_id, &scratch,
                                           &positions, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        int32_t p = positions[i].partition;

        if (p < intake->lane_count && intake->lanes[p].state != LANE_PARKED &&
            positions[i].next_offset < intake->lanes[p].target) {
            *ret_done = false;
        }
    }
    arena_release(&scratch);
    return code;
}

enum err_code consume_group_done(struct consume *run, bool *ret_done, struct err *err)
{
    *ret_done = true;
    for (size_t i = 0; i < run->intake_count; i++) {
        if (intake_done(run, &run->intakes[i], ret_done, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}
