/*
 * The state of a consume run, shared by its files and by those who keep something else of the records than tallies. Nobody else includes this.
 *
 * consume_open.c prepares with the help of consume_identity.c and consume_loss.c, consume.c reads, consume_commit.c commits and notes, consume_group.c answers the group.
 */
#ifndef JOBS_PIPELINE_CONSUME_STATE_H
#define JOBS_PIPELINE_CONSUME_STATE_H

#include "base/arena.h"
#include "jobs/pipeline/consume.h"
#include "jobs/pipeline/deliver.h"
#include "jobs/pipeline/intake.h"

struct consume;

/*
 * What a run keeps of the records that it reads, where that is not tallies. Lanes, aims, fences, losses and notes are the run's; between
 * `committed` and `next` of a lane is what the keeper holds and has not committed. It commits by the run's ledger, in as many batches as it likes, and moves
 * `committed` of the lanes. Nothing is decoded, and no dead letters are delivered.
 */
struct consume_keeper {
    const char *command; /* whose options answer what a run finds: "archive" */
    bool full;           /* set by take: something is to be committed before the next record */
    /* The record at lane->next or behind it; the run moves `next` afterwards. */
    enum err_code (*take)(struct consume_keeper *keeper, struct consume *run, struct intake *intake,
                          const struct record *record, struct err *err);
    /* Whether something is to be committed now. */
    bool (*due)(struct consume_keeper *keeper, const struct consume *run);
    /* What is due; or all, up to `next` of each lane. ERR_FENCED as by ledger_commit: then `drop` follows. */
    enum err_code (*commit)(struct consume_keeper *keeper, struct consume *run, bool all,
                            struct err *err);
    /* Forgets what is not committed. */
    void (*drop)(struct consume_keeper *keeper);
};

struct consume {
    const struct consume_options *options; /* borrowed */
    struct consume_keeper
        *keeper;                 /* of the options; NULL: tallies. `batch` stays empty otherwise */
    const struct config *config; /* borrowed */
    struct consume_result *result;
    struct arena arena; /* of the run */
    struct source *source;
    bool source_owned;
    struct source *peek_source; /* owned; NULL until it is needed, and where `source` serves */
    bool grouped;               /* the group decides what is ours */
    struct registry *registry;
    struct ledger ledger;
    struct intake *intakes; /* owned; by topic of the source */
    size_t intake_count;
    struct batch *batch;       /* owned */
    struct intake_counts open; /* of the batch */
    int64_t records_max;
    int64_t last_commit_ns, last_look_ns; /* monotonic */
    int fences;                           /* how often somebody else was there first */
    bool restarted; /* positions were reloaded: the rest of this poll is stale */
    bool assigned;  /* the group has answered */
    bool
        concluding; /* a member that ends a drain notes for all: a partition may be nobody's at that moment */
    int64_t joined_ns; /* monotonic */
    int64_t last_peek_ns;
    struct deliver deliver;
    struct err parked; /* of the first parked partition; ERR_OK: none */
};

/* consume_open.c */
enum err_code consume_open(struct consume *run, struct err *err);
void consume_close(struct consume *run);
/* Sees whether topics have got new partitions; they get a ledger row with origin 0 and a lane. */
enum err_code consume_refresh(struct consume *run, struct err *err);
/* Makes the lane ours and starts it where the ledger stands, or parks it. Its partition has not begun in the batch. ERR_BROKER: the topic
 * was replaced. */
enum err_code consume_place(struct consume *run, struct intake *intake, int32_t partition,
                            const struct ledger_partition *position,
                            const struct source_watermarks *watermarks, struct err *err);
/* A source for peek_records, while nothing is being read. NULL: none is to be had, a group's source cannot be used. */
enum err_code consume_peek_source(struct consume *run, struct source **ret_source, struct err *err);

/* consume_identity.c */
/* Whether an operator's word is about the topic. */
bool consume_names(const char *word, struct str topic);
/* ERR_USAGE: a word names what the configuration does not have. */
enum err_code consume_check_words(const struct consume *run, struct err *err);
enum err_code consume_close_topic(struct consume *run, struct err *err);
/* What to do about a stream that is closed or elsewhere. ERR_BROKER: an operator is asked. */
enum err_code consume_settle_stream(struct consume *run, struct intake *intake,
                                    enum stream_state state, struct err *err);
/* Waits for a broker that knows fewer partitions than the ledger, for a moment. */
enum err_code consume_count_partitions(struct consume *run, const struct intake *intake,
                                       int32_t *ret_count, struct err *err);
/* Makes sure that the intake's stream is the topic that the broker has, or opens its next incarnation if that was accepted. ERR_BROKER: it
 * is another one, or nothing tells; the text says what answers. Watermarks by partition; refreshed where they were old. */
enum err_code consume_identify(struct consume *run, struct intake *intake,
                               struct source_watermarks *watermarks, struct err *err);
/* ERR_BROKER, with what to do. */
enum err_code consume_refuse_other(const struct intake *intake, int32_t partition, const char *what,
                                   struct err *err);
enum err_code consume_refuse_shorter(const struct intake *intake, int32_t partition,
                                     int64_t next_offset, int64_t high, struct err *err);
enum err_code consume_refuse_guard(const struct intake *intake, int32_t partition, int64_t offset,
                                   struct err *err);

/* consume_loss.c */
/* Notes in the ledger that the lane waits for an operator, and why. */
enum err_code consume_park(struct consume *run, struct intake *intake, int32_t partition,
                           int64_t low, struct err *err);
/* Accepts what expired, where the operator said so. Before anything is read. */
enum err_code consume_accept_losses(struct consume *run, struct intake *intake,
                                    struct source_watermarks *watermarks, struct err *err);
/* Lanes whose loss another run has accepted go on. */
enum err_code consume_unpark(struct consume *run, struct err *err);

/* consume_commit.c */
/* Commits the open batch, if it covers anything. A batch that was fenced is dropped and the lanes start again from the ledger. */
enum err_code consume_commit(struct consume *run, struct err *err);
/* The same of what is due only. */
enum err_code consume_commit_ready(struct consume *run, struct err *err);
/* The same without starting again: for leaving. */
enum err_code consume_commit_last(struct consume *run, struct err *err);
/* Forgets what was read since the last commit. No partition has begun in the new batch. */
void consume_drop(struct consume *run);
bool consume_commit_due(const struct consume *run);
/* True if a topic's first records must not be committed yet. */
bool consume_held(const struct consume *run);
/* Looks at the store's clock, then at the ends of logs, and remembers both for lanes of ours without an open note. */
enum err_code consume_look(struct consume *run, struct err *err);
/* Writes notes that are true by now. */
enum err_code consume_note(struct consume *run, struct err *err);

/* consume_group.c */
enum err_code consume_assigned(struct consume *run, const struct source_item *item,
                               struct err *err);
enum err_code consume_revoked(struct consume *run, const struct source_item *item, struct err *err);
/* Whether all partitions of the topics, whoever reads them, have reached this run's aims. */
enum err_code consume_group_done(struct consume *run, bool *ret_done, struct err *err);

static inline struct clock *consume_wait_clock(const struct consume *run)
{
    return run->options->wait_clock != NULL ? run->options->wait_clock : clock_system();
}

static inline struct source_partition lane_partition(const struct intake *intake, int32_t partition)
{
    return (struct source_partition){intake->number, partition};
}

#endif
