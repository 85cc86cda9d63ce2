#include <inttypes.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/pipeline/commit_again.h"
#include "jobs/pipeline/consume_state.h"

enum {
    FENCES_MAX_GROUP = 5, /* rebalances in a row are normal there */
    FENCES_MAX_SHARD = 1
};

static bool caught_up(const struct intake *intake)
{
    for (int32_t p = 0; p < intake->lane_count; p++) {
        const struct lane *lane = &intake->lanes[p];

        if (lane->state == LANE_RUNNING && lane->next < lane->target) {
            return false;
        }
    }
    return true;
}

bool consume_held(const struct consume *run)
{
    /* Other topics must not fill the memory while one is slow to show its first records. */
    if (batch_size(run->batch) > 4 * (size_t)run->config->batch_size_max) {
        return false;
    }
    for (size_t i = 0; i < run->intake_count; i++) {
        if (intake_held(&run->intakes[i], caught_up(&run->intakes[i]))) {
            return true;
        }
    }
    return false;
}

bool consume_commit_due(const struct consume *run)
{
    int64_t age_ns;

    if (run->keeper != NULL) {
        return run->keeper->due(run->keeper, run);
    }
    age_ns = clock_monotonic_ns(run->options->clock) - run->last_commit_ns;
    return (run->open.records >= run->records_max || age_ns >= run->config->batch_interval_ns ||
            batch_size(run->batch) >= (size_t)run->config->batch_size_max) &&
           !batch_empty(run->batch);
}

void consume_drop(struct consume *run)
{
    if (run->keeper != NULL) {
        run->keeper->drop(run->keeper);
    }
    batch_free(run->batch);
    run->batch = batch_new(run->config->dead_letter_bytes_max);
    run->open = (struct intake_counts){0};
    for (size_t i = 0; i < run->intake_count; i++) {
        intake_forget(&run->intakes[i]);
    }
}

/* What the batch covers and nobody delivered: compaction, aborted transactions, control records. */
static int64_t absent_of(const struct consume *run)
{
    int64_t covered = 0;

    for (size_t i = 0; i < run->intake_count; i++) {
        const struct intake *intake = &run->intakes[i];

        for (int32_t p = 0; p < intake->lane_count; p++) {
            if (lane_ours(&intake->lanes[p])) {
                covered += intake->lanes[p].next - intake->lanes[p].committed;
            }
        }
    }
    CHECK(covered >= run->open.records);
    return covered - run->open.records;
}

static void settle(struct consume *run, int64_t absent)
{
    struct consume_result *result = run->result;

    result->records += run->open.records;
    result->tallied += run->open.events - batch_duplicates(run->batch);
    result->excluded += run->open.excluded;
    result->duplicate += batch_duplicates(run->batch);
    result->without_id += run->open.without_id;
    result->dead_lettered += run->open.dead_lettered;
    result->bytes += run->open.bytes;
    result->absent += absent;
    result->batches++;
    run->open = (struct intake_counts){0};
    for (size_t i = 0; i < run->intake_count; i++) {
        struct intake *intake = &run->intakes[i];
        bool covered = false;

        for (int32_t p = 0; p < intake->lane_count; p++) {
            struct lane *lane = &intake->lanes[p];

            if (lane_ours(lane) && lane->next > lane->committed) {
                covered = true;
                lane->committed = lane->next;
                run->source->hint(run->source, lane_partition(intake, p), lane->committed);
            }
        }
        if (covered) {
            intake_prove(intake);
        }
    }
}

static enum err_code commit_batch(struct consume *run, struct err *err)
{
    struct err cause = ERR_INIT;
    int64_t absent;
    int failures = 0;

    run->last_commit_ns = clock_monotonic_ns(run->options->clock);
    if (batch_empty(run->batch)) {
        return ERR_OK;
    }
    absent = absent_of(run);
    while (ledger_commit(&run->ledger, run->batch, &cause) != ERR_OK) {
        if (!commit_again(consume_wait_clock(run), &failures, &cause)) {
            *err = cause;
            return cause.code;
        }
    }
    settle(run, absent);
    return ERR_OK;
}

static enum err_code commit_kept(struct consume *run, bool all, struct err *err)
{
    return run->keeper == NULL ? commit_batch(run, err)
                               : run->keeper->commit(run->keeper, run, all, err);
}

enum err_code consume_commit_last(struct consume *run, struct err *err)
{
    return commit_kept(run, true, err);
}

/* Every lane of ours again from where the ledger stands; what is still on its way is stale. */
static enum err_code restart_intake(struct consume *run, struct intake *intake, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct ledger_partition *positions;
    size_t count = 0;
    enum err_code code = ledger_partitions(&run->ledger, intake->stream.stream_id, &scratch,
                                           &positions, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        int32_t p = positions[i].partition;
        struct source_partition partition = lane_partition(intake, p);
        struct source_watermarks watermarks;

        if (p >= intake->lane_count || !lane_ours(&intake->lanes[p])) {
            continue;
        }
        if (intake->lanes[p].state == LANE_PARKED) {
            run->result->parked_partitions--; /* placed anew below */
        }
        code = run->source->stop(run->source, partition, err);
        if (code == ERR_OK) {
            code = run->source->watermarks(run->source, &partition, 1, &watermarks, err);
        }
        if (code == ERR_OK) {
            code = consume_place(run, intake, p, &positions[i], &watermarks, err);
        }
    }
    arena_release(&scratch);
    return code;
}

static enum err_code restart(struct consume *run, struct err *err)
{
    consume_drop(run);
    run->restarted = true;
    for (size_t i = 0; i < run->intake_count; i++) {
        if (restart_intake(run, &run->intakes[i], err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code commit(struct consume *run, bool all, struct err *err)
{
    struct err cause = ERR_INIT;
    int fences_max = run->grouped ? FENCES_MAX_GROUP : FENCES_MAX_SHARD;

    if (FAULT("consume.commit.before")) {
        return err_set(err, ERR_FAILED, "fault at consume.commit.before");
    }
    if (commit_kept(run, all, &cause) == ERR_OK) {
        run->fences = run->grouped ? 0 : run->fences; /* two runs of one shard are a mistake */
        return consume_note(run, err);
    }
    /* A store that is locked is not fenced: nothing would be different after reading it again. */
    if (cause.code != ERR_FENCED || cause.retriable || ++run->fences > fences_max) {
        *err = cause;
        return cause.code;
    }
    return restart(run, err);
}

enum err_code consume_commit(struct consume *run, struct err *err)
{
    return commit(run, true, err);
}

enum err_code consume_commit_ready(struct consume *run, struct err *err)
{
    return commit(run, false, err);
}

static bool noted_by(const struct consume *run, const struct lane *lane)
{
    return lane_ours(lane) || run->concluding;
}

/* Of a lane that is being read also while its note is open: one without a leader shows nothing for ever, and the other brokers are up. */
static bool looked_at(const struct consume *run, const struct lane *lane)
{
    return noted_by(run, lane) && (!lane->noted || lane->state == LANE_RUNNING);
}

static void open_note(struct lane *lane, int64_t high, int64_t now_ns)
{
    if (!lane->noted) {
        lane->noted = true;
        lane->note_high = high;
        lane->note_time_ns = now_ns;
    }
}

enum err_code consume_look(struct consume *run, struct err *err)
{
    int64_t now_ns;

    run->last_look_ns = clock_monotonic_ns(run->options->clock);
    if (db_now_ns(run->options->db, &now_ns, err) != ERR_OK ||
        consume_refresh(run, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < run->intake_count; i++) {
        struct intake *intake = &run->intakes[i];
        size_t count = 0, room = (size_t)intake->lane_count;
        struct source_partition *partitions = memory_calloc(room, sizeof(*partitions));
        struct source_watermarks *watermarks = memory_calloc(room, sizeof(*watermarks));
        enum err_code code;

        for (int32_t p = 0; p < intake->lane_count; p++) {
            if (looked_at(run, &intake->lanes[p])) {
                partitions[count++] = lane_partition(intake, p);
            }
        }
        code = run->source->watermarks(run->source, partitions, count, watermarks, err);
        for (size_t k = 0; k < count && code == ERR_OK; k++) {
            open_note(&intake->lanes[partitions[k].partition], watermarks[k].high, now_ns);
        }
        memory_free(partitions);
        memory_free(watermarks);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code consume_note(struct consume *run, struct err *err)
{
    for (size_t i = 0; i < run->intake_count; i++) {
        struct intake *intake = &run->intakes[i];

        for (int32_t p = 0; p < intake->lane_count; p++) {
            struct lane *lane = &intake->lanes[p];

            if (!noted_by(run, lane) || !lane->noted ||
                (lane_ours(lane) && lane->committed < lane->note_high)) {
                continue; /* of a lane of others the ledger knows how far it is */
            }
            if (ledger_note_drained(&run->ledger, intake->stream.stream_id, p, lane->note_high,
                                    lane->note_time_ns, err) != ERR_OK) {
                return err->code;
            }
            lane->noted = false;
        }
    }
    return ERR_OK;
}
