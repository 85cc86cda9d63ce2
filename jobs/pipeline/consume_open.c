#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/pipeline/connect.h"
#include "jobs/pipeline/consume_state.h"

static enum err_code open_source(struct consume *run, struct err *err)
{
    if (run->options->source != NULL) {
        run->source = run->options->source;
        return ERR_OK;
    }
    run->source_owned = true;
    return connect_source(run->config, run->grouped, &run->arena, &run->source, err);
}

enum err_code consume_peek_source(struct consume *run, struct source **ret_source, struct err *err)
{
    *ret_source = run->grouped ? run->peek_source : run->source;
    if (*ret_source != NULL || !run->source_owned) {
        return ERR_OK;
    }
    if (connect_source(run->config, false, &run->arena, &run->peek_source, err) != ERR_OK) {
        return err->code;
    }
    *ret_source = run->peek_source;
    return ERR_OK;
}

static enum err_code ask_watermarks(struct consume *run, const struct intake *intake,
                                    struct source_watermarks **ret_watermarks, struct err *err)
{
    size_t count = (size_t)intake->lane_count;
    struct source_partition *partitions =
        arena_calloc(&run->arena, count, sizeof(struct source_partition));

    *ret_watermarks = arena_calloc(&run->arena, count, sizeof(struct source_watermarks));
    for (int32_t p = 0; p < intake->lane_count; p++) {
        partitions[p] = lane_partition(intake, p);
    }
    if (run->source->watermarks(run->source, partitions, count, *ret_watermarks, err) != ERR_OK) {
        return err_context(err, "topic %.*s", STR_ARGS(intake->topic->name));
    }
    return ERR_OK;
}

/* Where a topic begins that the ledger has never seen. "latest" is the last stable offset: a transaction that is still open now
 * belongs to what comes. */
static enum err_code resolve_origin(struct consume *run, const struct intake *intake,
                                    int32_t partition, const struct source_watermarks *watermarks,
                                    int64_t *ret_origin, struct err *err)
{
    /* Where it was created again, somebody has accepted it as a whole, for this book or for another one. */
    switch (intake->stream.incarnation > 1 ? START_EARLIEST : intake->topic->start) {
    case START_EARLIEST:
        *ret_origin = watermarks->low;
        return ERR_OK;
    case START_LATEST:
        *ret_origin = watermarks->last_stable;
        return ERR_OK;
    case START_TIME:
        break;
    }
    return run->source->offset_for_time(run->source, lane_partition(intake, partition),
                                        intake->topic->start_time_ns, ret_origin, err);
}

/* All origins in one transaction, before the first record is read. */
static enum err_code settle_origins(struct consume *run, struct intake *intake,
                                    const struct source_watermarks *watermarks, struct err *err)
{
    int64_t *origins = arena_calloc(&run->arena, (size_t)intake->lane_count, sizeof(int64_t));
    struct ledger_partition *known;
    size_t known_count;

    if (ledger_partitions(&run->ledger, intake->stream.stream_id, &run->arena, &known, &known_count,
                          err) != ERR_OK) {
        return err->code;
    }
    for (int32_t p = 0; p < intake->lane_count && known_count == 0; p++) {
        if (resolve_origin(run, intake, p, &watermarks[p], &origins[p], err) != ERR_OK) {
            return err->code;
        }
    }
    return ledger_set_origins(&run->ledger, intake->stream.stream_id, origins, intake->lane_count,
                              err);
}

static bool mine(const struct consume *run, int32_t partition)
{
    int32_t count = run->options->shard_count > 0 ? run->options->shard_count : 1;

    return !run->grouped && partition % count == run->options->shard;
}

/* Compaction and retention may have taken the guard: then it says nothing. */
static void set_guard(struct lane *lane, const struct ledger_partition *position,
                      const struct source_watermarks *watermarks)
{
    bool there =
        position->guard_offset >= watermarks->low && position->guard_offset < position->next_offset;

    lane->guard_offset = there ? position->guard_offset : -1;
    lane->guard_time_ns = position->guard_time_ns;
}

enum err_code consume_place(struct consume *run, struct intake *intake, int32_t partition,
                            const struct ledger_partition *position,
                            const struct source_watermarks *watermarks, struct err *err)
{
    struct lane *lane = &intake->lanes[partition];
    bool first_time = lane->state == LANE_FOREIGN;

    lane->next = lane->committed = position->next_offset;
    if (first_time) {
        lane->start = position->next_offset;
    }
    batch_begin_partition(run->batch, intake->stream.stream_id, intake->topic->name,
                          STR(intake->topic->digest), partition, position->next_offset);
    if (intake->topic->duplicates_group.size > 0) {
        batch_set_group(run->batch, intake->stream.stream_id, partition,
                        intake->topic->duplicates_group);
    }
    if (intake->topic->dead_letter_topic.size > 0) {
        batch_set_destination(run->batch, intake->stream.stream_id, partition,
                              intake->topic->dead_letter_topic);
    }
    switch (lane_place(position->next_offset, watermarks)) {
    case PLACE_REPLACED:
        return consume_refuse_shorter(intake, partition, position->next_offset, watermarks->high,
                                      err);
    case PLACE_EXPIRED:
        return consume_park(run, intake, partition, watermarks->low, err);
    case PLACE_READ:
        break;
    }
    /* What it waited for came about without a loss: a leader that did not know better then. */
    if (position->parked.size > 0 &&
        ledger_park(&run->ledger, intake->stream.stream_id, partition, position->next_offset,
                    str_of(NULL, 0), err) != ERR_OK) {
        return err->code;
    }
    if (!run->options->follow && lane->next >= lane->target) {
        lane->state = LANE_DONE;
        return ERR_OK;
    }
    lane->state = LANE_RUNNING;
    set_guard(lane, position, watermarks);
    return run->source->start(run->source, lane_partition(intake, partition),
                              lane->guard_offset >= 0 ? lane->guard_offset : lane->next, err);
}

/* The broker was asked before the ledger: another run may have committed records that were written in between. Only an answer that is
 * younger than the ledger's tells a log that was cut. */
static enum err_code ask_again_if_behind(struct consume *run, const struct intake *intake,
                                         const struct ledger_partition *position,
                                         struct source_watermarks *watermarks, struct err *err)
{
    struct source_partition partition = lane_partition(intake, position->partition);

    if (lane_place(position->next_offset, watermarks) != PLACE_REPLACED) {
        return ERR_OK;
    }
    return run->source->watermarks(run->source, &partition, 1, watermarks, err);
}

/* New lanes: their aim is what is there now. */
static enum err_code aim(struct consume *run, struct intake *intake, int32_t first_lane,
                         struct source_watermarks *watermarks, struct err *err)
{
    struct ledger_partition *positions;
    size_t count;

    if (ledger_partitions(&run->ledger, intake->stream.stream_id, &run->arena, &positions, &count,
                          err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t p = positions[i].partition;

        if (p < first_lane || p >= intake->lane_count) {
            continue; /* an older ledger may know more partitions than a replaced topic has */
        }
        intake->lanes[p].target = watermarks[p].last_stable;
        intake->lanes[p].committed = positions[i].next_offset;
        if (mine(run, p) &&
            (ask_again_if_behind(run, intake, &positions[i], &watermarks[p], err) != ERR_OK ||
             consume_place(run, intake, p, &positions[i], &watermarks[p], err) != ERR_OK)) {
            return err->code;
        }
    }
    return ERR_OK;
}

enum err_code consume_refresh(struct consume *run, struct err *err)
{
    for (size_t i = 0; i < run->intake_count; i++) {
        struct intake *intake = &run->intakes[i];
        struct source_watermarks *watermarks;
        int32_t count, known = intake->lane_count;

        if (run->source->partition_count(run->source, intake->number, &count, err) != ERR_OK) {
            return err->code;
        }
        if (count <= known) {
            continue;
        }
        intake_grow(intake, count);
        if (ask_watermarks(run, intake, &watermarks, err) != ERR_OK ||
            settle_origins(run, intake, watermarks, err) != ERR_OK ||
            (run->options->follow && aim(run, intake, known, watermarks, err) != ERR_OK)) {
            return err->code;
        }
    }
    return ERR_OK;
}

static enum err_code open_intake(struct consume *run, size_t number, struct str cluster,
                                 struct err *err)
{
    const struct topic_config *topic = &run->config->topics[number];
    struct intake_options options = {.config = run->config,
                                     .topic = topic,
                                     .number = (uint32_t)number,
                                     .registry = run->registry,
                                     .clock = run->options->clock,
                                     .undecoded = run->keeper != NULL,
                                     .command =
                                         run->keeper != NULL ? run->keeper->command : "consume"};
    enum stream_state state;

    if (store_stream(run->options->db, cluster, run->config->cluster_name, topic->name,
                     topic->mapping.kind, &options.stream, &state, err) != ERR_OK ||
        ledger_proven(&run->ledger, options.stream.stream_id, STR(topic->digest), &options.proven,
                      err) != ERR_OK) {
        return err->code;
    }
    run->intake_count = number + 1;
    if (intake_open(&run->intakes[number], &options, err) != ERR_OK) {
        return err->code;
    }
    return consume_settle_stream(run, &run->intakes[number], state, err);
}

/* The first note of each lane is made of the same answer as its aim. Asked for later, the end of a busy log would lie behind the aim, and
 * a drain would never see its note come true. */
static void note_aims(struct intake *intake, const struct source_watermarks *watermarks,
                      int64_t now_ns)
{
    for (int32_t p = 0; p < intake->lane_count; p++) {
        struct lane *lane = &intake->lanes[p];

        lane->noted = true;
        lane->note_high = watermarks[p].high;
        lane->note_time_ns = now_ns;
    }
}

static int compare_groups(const void *a, const void *b)
{
    const struct id_group *x = a;
    const struct id_group *y = b;

    return str_compare(x->name, y->name);
}

/* All topics of a group, also those of which this run reads nothing: their ids cannot be forgotten before they are read. */
static void open_groups(struct consume *run)
{
    struct id_group *groups = arena_calloc(&run->arena, run->intake_count, sizeof(*groups));
    size_t count = 0;

    for (size_t i = 0; i < run->intake_count; i++) {
        const struct topic_config *topic = run->intakes[i].topic;
        int64_t *streams = arena_calloc(&run->arena, run->intake_count, sizeof(*streams));
        size_t members = 0;
        bool seen = topic->duplicates_group.size == 0;

        for (size_t k = 0; k < run->intake_count; k++) {
            if (str_equal(run->intakes[k].topic->duplicates_group, topic->duplicates_group)) {
                seen = seen || k < i;
                streams[members++] = run->intakes[k].stream.stream_id;
            }
        }
        if (!seen) {
            groups[count++] = (struct id_group){.name = topic->duplicates_group,
                                                .horizon_ns = topic->duplicates_horizon_ns,
                                                .count_max = topic->duplicates_count,
                                                .stream_ids = streams,
                                                .stream_count = members};
        }
    }
    if (count > 0) {
        qsort(groups, count, sizeof(*groups), compare_groups);
    }
    run->ledger.groups = groups;
    run->ledger.group_count = count;
}

/* The order is the promise: where every partition begins is in the store before the first record is read, and the store's clock was read
 * before anything that is noted with it. */
static enum err_code prepare(struct consume *run, struct intake *intake,
                             struct source_watermarks **ret_watermarks, struct err *err)
{
    int64_t now_ns;
    int32_t count;

    if (db_now_ns(run->options->db, &now_ns, err) != ERR_OK ||
        consume_count_partitions(run, intake, &count, err) != ERR_OK) {
        return err->code;
    }
    intake_grow(intake, count);
    if (ask_watermarks(run, intake, ret_watermarks, err) != ERR_OK ||
        consume_identify(run, intake, *ret_watermarks, err) != ERR_OK ||
        settle_origins(run, intake, *ret_watermarks, err) != ERR_OK) {
        return err->code;
    }
    note_aims(intake, *ret_watermarks, now_ns);
    return ERR_OK;
}

/* All topics are looked at before the first record of any is read. Only then is it known that nothing stands in the way of a loss that
 * is to be accepted. */
static enum err_code open_lanes(struct consume *run, struct err *err)
{
    struct source_watermarks **watermarks =
        arena_calloc(&run->arena, run->intake_count, sizeof(struct source_watermarks *));
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < run->intake_count && code == ERR_OK; i++) {
        code = prepare(run, &run->intakes[i], &watermarks[i], err);
    }
    for (size_t i = 0; i < run->intake_count && code == ERR_OK; i++) {
        code = consume_accept_losses(run, &run->intakes[i], watermarks[i], err);
    }
    if (run->peek_source != NULL) {
        run->peek_source->close(run->peek_source);
        run->peek_source = NULL;
    }
    if (code == ERR_OK) {
        open_groups(run);
    }
    for (size_t i = 0; i < run->intake_count && code == ERR_OK; i++) {
        code = aim(run, &run->intakes[i], 0, watermarks[i], err);
    }
    return code;
}

static enum err_code open_topics(struct consume *run, struct err *err)
{
    struct strbuf cluster;
    struct str id;

    strbuf_init(&cluster, 256);
    if (run->source->cluster_id(run->source, &cluster, err) != ERR_OK) {
        strbuf_release(&cluster);
        return err->code;
    }
    id = arena_str(&run->arena, strbuf_view(&cluster));
    strbuf_release(&cluster);
    run->intakes = arena_calloc(&run->arena, run->config->topic_count, sizeof(*run->intakes));
    for (size_t i = 0; i < run->config->topic_count; i++) {
        if (open_intake(run, i, id, err) != ERR_OK) {
            return err->code;
        }
    }
    return open_lanes(run, err);
}

enum err_code consume_open(struct consume *run, struct err *err)
{
    const struct consume_options *options = run->options;
    const char *command = run->keeper != NULL ? run->keeper->command : "consume";

    run->ledger = (struct ledger){.db = options->db,
                                  .book_id = options->book_id,
                                  .random = options->random,
                                  .program_version = UPTALLY_VERSION,
                                  .pending_row_size = options->pending_row_size};
    if (options->close_topic != NULL && consume_close_topic(run, err) != ERR_OK) {
        return err->code;
    }
    if (!run->config->has_cluster) {
        return err_set(err, ERR_CONFIG, "%.*s: %s needs a cluster section",
                       STR_ARGS(run->config->path), command);
    }
    if (run->config->topic_count == 0) {
        return err_set(err, ERR_CONFIG, "%.*s: %s needs a topic", STR_ARGS(run->config->path),
                       command);
    }
    if (consume_check_words(run, err) != ERR_OK) {
        return err->code;
    }
    /* The group is for those who tally: another member would take partitions away from them. */
    run->grouped = run->config->group.size > 0 && options->shard_count <= 1 && run->keeper == NULL;
    run->records_max = options->batch_records_max > 0 ? options->batch_records_max
                                                      : run->config->batch_records_max;
    run->batch = batch_new(run->config->dead_letter_bytes_max);
    if (connect_registry(run->config, options->http, options->clock, &run->arena, &run->registry,
                         err) != ERR_OK ||
        open_source(run, err) != ERR_OK || open_topics(run, err) != ERR_OK) {
        return err->code;
    }
    if (run->grouped) {
        run->joined_ns = clock_monotonic_ns(consume_wait_clock(run));
        return run->source->join(run->source, err);
    }
    return ERR_OK;
}

void consume_close(struct consume *run)
{
    if (run->source_owned && run->source != NULL) {
        run->source->close(run->source);
    }
    for (size_t i = 0; i < run->intake_count; i++) {
        intake_release(&run->intakes[i]);
    }
    registry_free(run->registry);
    batch_free(run->batch);
    arena_release(&run->arena);
}
