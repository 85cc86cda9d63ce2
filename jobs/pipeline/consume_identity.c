/* Is a topic still the one that the ledger knows? Offsets alone cannot tell: a topic that was deleted and created again may have grown
 * past the old end. What decides, in this order: a log that ends before the ledger's position, fewer partitions than the ledger knows, and the time
 * stamp of the last record that was read (the guard), of any partition. Where nothing decides, a person is asked. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/incarnation.h"
#include "base/check.h"
#include "jobs/pipeline/consume_state.h"
#include "jobs/pipeline/peek.h"

enum {
    GUARDS_AT_ONCE = 4, /* the first that can be read decides, so all are seldom needed */
    COUNT_TRIES = 10,   /* a broker may learn late of partitions that were added */
    COUNT_PAUSE_MS = 300
};

enum identity { IDENTITY_SAME, IDENTITY_OTHER, IDENTITY_OPEN };

/* What is known of a topic before it is read. */
struct sight {
    struct intake *intake;
    const struct ledger_partition *positions;
    size_t count;
    struct source_watermarks *watermarks; /* by partition */
    struct err why;                       /* for IDENTITY_OTHER */
};

bool consume_names(const char *word, struct str topic)
{
    return word != NULL && (str_equal(STR(word), STR("all")) || str_equal(STR(word), topic));
}

enum err_code consume_refuse_other(const struct intake *intake, int32_t partition, const char *what,
                                   struct err *err)
{
    return err_set(err, ERR_BROKER,
                   "topic %.*s, partition %" PRId32 ": %s: the topic was deleted and created "
                   "again, or its log was cut; nothing is read. If it was created again, "
                   "uptally %s --accept-new %.*s reads it from its beginning",
                   STR_ARGS(intake->topic->name), partition, what, intake->command,
                   STR_ARGS(intake->topic->name));
}

enum err_code consume_refuse_shorter(const struct intake *intake, int32_t partition,
                                     int64_t next_offset, int64_t high, struct err *err)
{
    char what[160];

    (void)snprintf(what, sizeof(what),
                   "the ledger stands at offset %" PRId64 " but the broker's log ends at %" PRId64,
                   next_offset, high);
    return consume_refuse_other(intake, partition, what, err);
}

enum err_code consume_refuse_guard(const struct intake *intake, int32_t partition, int64_t offset,
                                   struct err *err)
{
    char what[160];

    (void)snprintf(what, sizeof(what), "offset %" PRId64 " is not the record that was read there",
                   offset);
    return consume_refuse_other(intake, partition, what, err);
}

static enum err_code refuse_moved(const struct consume *run, const struct intake *intake,
                                  struct err *err)
{
    return err_set(err, ERR_BROKER,
                   "topic %.*s was read from another cluster named %.*s, and this one is %.*s: "
                   "nothing is read. If the topic moved, uptally %s --accept-new %.*s reads it "
                   "here from its beginning; two clusters need two names",
                   STR_ARGS(intake->topic->name), STR_ARGS(run->config->cluster_name),
                   STR_ARGS(intake->stream.cluster), intake->command,
                   STR_ARGS(intake->topic->name));
}

static enum err_code refuse_closed(const struct intake *intake, struct err *err)
{
    return err_set(err, ERR_BROKER,
                   "topic %.*s was closed and nothing of it is read. Is it still the same topic? "
                   "Then uptally %s --same-topic %.*s goes on where it stood; if it was "
                   "created again, --accept-new %.*s reads it from its beginning",
                   STR_ARGS(intake->topic->name), intake->command, STR_ARGS(intake->topic->name),
                   STR_ARGS(intake->topic->name));
}

static enum err_code ask(const struct intake *intake, struct err *err)
{
    return err_set(err, ERR_BROKER,
                   "topic %.*s: the records by which it could be told from one of the same name "
                   "are gone (retention, compaction). Is it still the same topic? Then "
                   "uptally %s --same-topic %.*s goes on; if it was deleted and created "
                   "again, --accept-new %.*s reads it from its beginning",
                   STR_ARGS(intake->topic->name), intake->command, STR_ARGS(intake->topic->name),
                   STR_ARGS(intake->topic->name));
}

enum err_code consume_settle_stream(struct consume *run, struct intake *intake,
                                    enum stream_state state, struct err *err)
{
    const struct consume_options *options = run->options;

    if (state == STREAM_OPEN) {
        return ERR_OK;
    }
    if (consume_names(options->accept_new, intake->topic->name)) {
        intake->replaced = true;
        intake->stream.stream_id = 0; /* nothing is open here */
        return ERR_OK;
    }
    if (intake->stream.stream_id > 0 && consume_names(options->same_topic, intake->topic->name)) {
        return incarnation_reopen(&run->ledger, &intake->stream, err);
    }
    return state == STREAM_MOVED ? refuse_moved(run, intake, err) : refuse_closed(intake, err);
}

/* The broker was asked before the ledger: another run may have committed records that were written in between. Only an answer that is
 * younger than the ledger's tells a log that was cut. */
static enum err_code compare_end(struct consume *run, struct sight *sight,
                                 const struct ledger_partition *position,
                                 enum identity *ret_identity, struct err *err)
{
    struct source_partition partition = lane_partition(sight->intake, position->partition);
    struct source_watermarks *watermarks = &sight->watermarks[position->partition];

    if (lane_place(position->next_offset, watermarks) != PLACE_REPLACED) {
        return ERR_OK;
    }
    if (run->source->watermarks(run->source, &partition, 1, watermarks, err) != ERR_OK) {
        return err->code;
    }
    if (lane_place(position->next_offset, watermarks) == PLACE_REPLACED) {
        *ret_identity = IDENTITY_OTHER;
        (void)consume_refuse_shorter(sight->intake, position->partition, position->next_offset,
                                     watermarks->high, &sight->why);
    }
    return ERR_OK;
}

/* Partitions that the ledger knows and this run does not: gone, or added since it counted them, and read by another run already. Then they
 * tell nothing, and are for a later look. */
static enum err_code compare_count(struct consume *run, struct sight *sight,
                                   enum identity *ret_identity, struct err *err)
{
    const struct intake *intake = sight->intake;
    int32_t there = intake->lane_count;

    for (; sight->count > 0; sight->count--) {
        int32_t last = sight->positions[sight->count - 1].partition;

        if (last < intake->lane_count) {
            break;
        }
        if (last >= there &&
            run->source->partition_count(run->source, intake->number, &there, err) != ERR_OK) {
            return err->code;
        }
        if (last >= there) {
            *ret_identity = IDENTITY_OTHER;
            (void)consume_refuse_other(intake, last, "the ledger knows it but the broker does not",
                                       &sight->why);
            break;
        }
    }
    return ERR_OK;
}

static enum err_code compare_ends(struct consume *run, struct sight *sight,
                                  enum identity *ret_identity, struct err *err)
{
    if (compare_count(run, sight, ret_identity, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < sight->count && *ret_identity == IDENTITY_OPEN; i++) {
        if (compare_end(run, sight, &sight->positions[i], ret_identity, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

static bool guard_there(const struct sight *sight, const struct ledger_partition *position)
{
    return position->guard_offset >= sight->watermarks[position->partition].low &&
           position->guard_offset < position->next_offset;
}

/* A guard that cannot be read any more, by whatever it was taken, says nothing. */
static void judge(struct sight *sight, const struct peek *peek,
                  const struct ledger_partition *position, enum identity *ret_identity)
{
    if (peek->sight != PEEK_RECORD || peek->record_offset != position->guard_offset) {
        return;
    }
    if (peek->record_time_ns == position->guard_time_ns) {
        *ret_identity = IDENTITY_SAME;
        return;
    }
    *ret_identity = IDENTITY_OTHER;
    (void)consume_refuse_guard(sight->intake, position->partition, position->guard_offset,
                               &sight->why);
}

static enum err_code compare_guards(struct consume *run, struct source *source, struct sight *sight,
                                    enum identity *ret_identity, struct err *err)
{
    size_t next = 0;

    while (next < sight->count && *ret_identity == IDENTITY_OPEN) {
        struct peek peeks[GUARDS_AT_ONCE];
        const struct ledger_partition *guards[GUARDS_AT_ONCE];
        size_t count = 0;

        for (; next < sight->count && count < GUARDS_AT_ONCE; next++) {
            const struct ledger_partition *position = &sight->positions[next];

            if (guard_there(sight, position)) {
                guards[count] = position;
                peeks[count++] =
                    (struct peek){.partition = lane_partition(sight->intake, position->partition),
                                  .offset = position->guard_offset};
            }
        }
        if (count > 0 && peek_records(source, peeks, count, err) != ERR_OK) {
            return err_context(err, "topic %.*s", STR_ARGS(sight->intake->topic->name));
        }
        for (size_t i = 0; i < count && *ret_identity == IDENTITY_OPEN; i++) {
            judge(sight, &peeks[i], guards[i], ret_identity);
        }
    }
    (void)run;
    return ERR_OK;
}

/* Nothing was ever read of it, or there is nothing to read: then there is nothing to confuse. */
static bool harmless(const struct sight *sight)
{
    bool guarded = false;
    bool readable = false;

    for (size_t i = 0; i < sight->count; i++) {
        const struct ledger_partition *position = &sight->positions[i];
        const struct source_watermarks *watermarks = &sight->watermarks[position->partition];

        guarded = guarded || position->guard_offset >= 0;
        readable = readable || (lane_place(position->next_offset, watermarks) == PLACE_READ &&
                                position->next_offset < watermarks->high);
    }
    return !guarded || !readable;
}

static enum err_code identify(struct consume *run, struct sight *sight, enum identity *ret_identity,
                              struct err *err)
{
    struct source *source = NULL;

    *ret_identity = IDENTITY_OPEN;
    if (compare_ends(run, sight, ret_identity, err) != ERR_OK || *ret_identity != IDENTITY_OPEN) {
        return err->code;
    }
    if (consume_peek_source(run, &source, err) != ERR_OK) {
        return err->code;
    }
    if (source != NULL && compare_guards(run, source, sight, ret_identity, err) != ERR_OK) {
        return err->code;
    }
    if (*ret_identity == IDENTITY_OPEN && (source == NULL || harmless(sight))) {
        *ret_identity = IDENTITY_SAME;
    }
    return ERR_OK;
}

static enum err_code accept(struct consume *run, struct intake *intake,
                            const struct source_watermarks *watermarks, struct err *err)
{
    int64_t *origins = arena_calloc(&run->arena, (size_t)intake->lane_count, sizeof(*origins));
    int64_t old = intake->stream.stream_id;

    for (int32_t p = 0; p < intake->lane_count; p++) {
        origins[p] = watermarks[p].low;
    }
    if (incarnation_accept(&run->ledger, &intake->stream, origins, intake->lane_count, err) !=
        ERR_OK) {
        return err->code;
    }
    run->result->accepted_topics += intake->stream.stream_id != old;
    intake->replaced = false;
    return ledger_proven(&run->ledger, intake->stream.stream_id, STR(intake->topic->digest),
                         &intake->proven, err);
}

enum err_code consume_identify(struct consume *run, struct intake *intake,
                               struct source_watermarks *watermarks, struct err *err)
{
    struct sight sight = {.intake = intake, .watermarks = watermarks, .why = ERR_INIT};
    struct ledger_partition *positions;
    bool accepted = consume_names(run->options->accept_new, intake->topic->name);
    enum identity identity = IDENTITY_OTHER;

    if (!intake->replaced) {
        if (ledger_partitions(&run->ledger, intake->stream.stream_id, &run->arena, &positions,
                              &sight.count, err) != ERR_OK) {
            return err->code;
        }
        sight.positions = positions;
        if (identify(run, &sight, &identity, err) != ERR_OK) {
            return err->code;
        }
    }
    if (identity == IDENTITY_SAME) {
        return ERR_OK;
    }
    if (accepted) {
        return accept(run, intake, watermarks, err);
    }
    if (identity == IDENTITY_OTHER) {
        *err = sight.why;
        return err->code;
    }
    return consume_names(run->options->same_topic, intake->topic->name) ? ERR_OK : ask(intake, err);
}

static int32_t partitions_known(const struct ledger_partition *positions, size_t count)
{
    return count > 0 ? positions[count - 1].partition + 1 : 0;
}

enum err_code consume_count_partitions(struct consume *run, const struct intake *intake,
                                       int32_t *ret_count, struct err *err)
{
    struct ledger_partition *positions;
    size_t count;

    if (ledger_partitions(&run->ledger, intake->stream.stream_id, &run->arena, &positions, &count,
                          err) != ERR_OK) {
        return err->code;
    }
    for (int i = 0; i < COUNT_TRIES; i++) {
        if (run->source->partition_count(run->source, intake->number, ret_count, err) != ERR_OK) {
            return err->code;
        }
        if (*ret_count >= partitions_known(positions, count) || intake->replaced) {
            break;
        }
        clock_sleep_ns(consume_wait_clock(run), COUNT_PAUSE_MS * NS_PER_MS);
    }
    return ERR_OK;
}

static enum err_code knows_topic(struct consume *run, struct str topic, bool *ret_known,
                                 struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(run->options->db, "SELECT 1 FROM stream WHERE topic = $1 LIMIT 1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, topic);
    code = db_step(stmt, ret_known, err);
    db_reset(stmt);
    return code;
}

static bool configured(const struct config *config, struct str topic)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (str_equal(config->topics[i].name, topic)) {
            return true;
        }
    }
    return false;
}

enum err_code consume_close_topic(struct consume *run, struct err *err)
{
    struct str topic = STR(run->options->close_topic);
    bool read_here = configured(run->config, topic);
    bool known;
    int64_t closed = 0;

    if (knows_topic(run, topic, &known, err) != ERR_OK) {
        return err->code;
    }
    if (!known) {
        return err_set(err, ERR_USAGE, "--close %.*s: the store knows no topic of that name",
                       STR_ARGS(topic));
    }
    if (incarnation_close(&run->ledger, topic,
                          read_here ? run->config->cluster_name : str_of(NULL, 0), &closed,
                          err) != ERR_OK) {
        return err->code;
    }
    run->result->closed_streams = closed;
    if (closed == 0 && read_here) {
        return err_set(err, ERR_USAGE,
                       "--close %.*s: this configuration reads the topic; take it out first",
                       STR_ARGS(topic));
    }
    return ERR_OK;
}

static enum err_code check_topic(const struct config *config, const char *option, struct str topic,
                                 struct err *err)
{
    if (str_equal(topic, STR("all")) || configured(config, topic)) {
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE, "--%s %.*s: the configuration has no topic of that name", option,
                   STR_ARGS(topic));
}

enum err_code consume_check_words(const struct consume *run, struct err *err)
{
    const struct consume_options *options = run->options;
    const struct {
        const char *option, *word;
    } words[] = {{"accept-loss", options->accept_loss},
                 {"accept-new", options->accept_new},
                 {"same-topic", options->same_topic}};

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        const char *word = words[i].word;
        const char *slash = word != NULL && i == 0 ? strchr(word, '/') : NULL;
        int64_t partition = 0;

        if (word == NULL) {
            continue;
        }
        if (slash != NULL && (!str_to_int64(STR(slash + 1), &partition) || partition < 0)) {
            return err_set(err, ERR_USAGE,
                           "--accept-loss %s: TOPIC, TOPIC/PARTITION or all is "
                           "wanted, such as requests/3",
                           word);
        }
        if (check_topic(run->config, words[i].option,
                        slash != NULL ? str_of(word, (size_t)(slash - word)) : STR(word),
                        err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}
