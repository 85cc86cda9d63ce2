/*
 * The state of a rebuild run, shared by its files. Nobody else includes this.
 *
 * rebuild.c opens, compares and ends; rebuild_feed.c cuts the archive into items; rebuild_work.c reads items on threads; rebuild_turn.c commits them in order; rebuild_known.c knows what was decided;
 * rebuild_schemas.c takes schemas from the archive. What stands below `lock` is used with the lock held, the store included.
 */
#ifndef JOBS_PIPELINE_REBUILD_STATE_H
#define JOBS_PIPELINE_REBUILD_STATE_H

#include <pthread.h>

#include "aggregator/archive_file.h"
#include "jobs/pipeline/intake.h"
#include "jobs/pipeline/rebuild.h"

/* One incarnation of a topic. */
struct rebuild_target {
    struct stream stream;             /* texts in the run's arena */
    const struct topic_config *topic; /* borrowed; NULL: the configuration does not have it */
    struct str folder;                /* of its archive */
};

enum rebuild_item_kind {
    REBUILD_PASS, /* nothing of the month is in there */
    REBUILD_LOST, /* lost to the archive, and nothing of the month */
    REBUILD_FILE
};

enum { REBUILD_NAME_SIZE = 1024 };

/* What a thread does next. */
struct rebuild_item {
    enum rebuild_item_kind kind;
    size_t lane;
    int64_t from, to;                      /* what of it is to be counted */
    int64_t records;                       /* PASS: in there */
    int64_t files;                         /* PASS: that stay closed */
    int64_t first_time_ns, last_time_ns;   /* LOST: the span of time */
    int64_t file_from, file_to, file_size; /* FILE */
    char name[REBUILD_NAME_SIZE];
    char sha256[HASH_HEX_SIZE];
};

/* A range of the archive's book. */
struct rebuild_range {
    int64_t from, to, delivered;
    bool lost;
    int64_t first_time_ns, last_time_ns;
};

enum { REBUILD_FEED_PAGE = 256 };

/* Where the feed stands. */
struct rebuild_feed {
    size_t lane;    /* index; lane_count: at the end */
    int64_t at;     /* everything before it was handed out */
    bool lane_open; /* `at` and the page are of this lane */
    struct rebuild_range page[REBUILD_FEED_PAGE];
    size_t page_count, page_at;
    bool page_last;
};

/* What a thread has read since its last commit. */
struct rebuild_load {
    struct batch *batch;
    size_t lane;
    int64_t from, to; /* of the lane */
    struct rebuild_result counts;
};

struct rebuild_job {
    const struct rebuild_options *options;
    const struct config *config;
    struct rebuild_result *result;
    struct arena arena; /* of the run */
    struct rebuild rebuild;
    int64_t archive_book;           /* 0: there is none */
    int64_t from_ns, to_ns;         /* of the month */
    struct rebuild_target *targets; /* in the arena; by stream */
    size_t target_count;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a lane was committed, or something failed */
    struct ledger ledger;
    struct rebuild_lane *lanes; /* in the arena; `next` is what is committed */
    size_t lane_count;
    struct rebuild_feed feed;
    struct rebuild_load shelf[REBUILD_THREADS_MAX]; /* before their turn; batches are owned */
    int32_t shelf_count;                            /* at most one a thread */
    int64_t done, total;                            /* offsets */
    struct err failure;                             /* the first one */
    struct err short_of; /* the first lane of which the archive does not have all; ERR_OK: none */
};

static inline struct rebuild_target *rebuild_target_of(struct rebuild_job *job, int64_t stream_id)
{
    for (size_t i = 0; i < job->target_count; i++) {
        if (job->targets[i].stream.stream_id == stream_id) {
            return &job->targets[i];
        }
    }
    return NULL;
}

/* rebuild_feed.c; with the lock held. */
/* Begins at what is committed. */
void rebuild_feed_init(struct rebuild_job *job);
/* Items of a partition come in the order of their offsets. *ret_found is false at the end. A partition of which the archive has no more is left (short_of).
 * ERR_DATA: a file that is needed is not there any more. */
enum err_code rebuild_feed_next(struct rebuild_job *job, bool *ret_found,
                                struct rebuild_item *ret_item, struct err *err);

/* rebuild_work.c */
/* Reads until the feed is empty. */
enum err_code rebuild_work(struct rebuild_job *job, struct err *err);

/* rebuild_turn.c */
/* Commits in the order of each partition. Before its turn the batch stays here, and whoever commits what lies before commits it as well; load->batch is another one
 * then, and empty. Counts begin again. As rebuild_commit; ERR_INTERRUPTED: another thread failed. */
enum err_code rebuild_turn_commit(struct rebuild_job *job, struct rebuild_load *load,
                                  struct err *err);
/* When all threads have ended. */
void rebuild_turn_end(struct rebuild_job *job);

/* rebuild_files.c */
/* The file of an item, opened and held against what the store says of it. *ret_fd is the caller's also after a failure; -1: none. */
enum err_code rebuild_open_file(struct rebuild_job *job, const struct rebuild_item *item,
                                int *ret_fd, struct err *err);
/* All files of the month that were read, against their SHA-256. ERR_DATA: one is damaged. */
enum err_code rebuild_check_files(struct rebuild_job *job, struct err *err);

/* rebuild_schemas.c: the schemas that stand beside the files of the target, for keys that the finder does not have yet. */
enum err_code rebuild_schemas_add(struct objects *objects, struct str folder,
                                  struct schema_finder *finder, struct err *err);

/* rebuild_known.c */
enum rebuild_fate {
    REBUILD_OPEN, /* nothing is known: what it decodes to */
    REBUILD_DEAD,
    REBUILD_REDRIVEN, /* it was a dead letter, and was counted before the opening */
    REBUILD_DUPLICATE,
    REBUILD_GONE /* lost */
};

enum { REBUILD_KNOWN_PAGE = 4096, REBUILD_LOST_MAX = 1024 };

struct rebuild_known_list {
    int64_t offsets[REBUILD_KNOWN_PAGE];
    unsigned char fates[REBUILD_KNOWN_PAGE];
    size_t count, at;
    bool last; /* there is nothing behind this page */
};

/* What the live book decided of [from, to) of a partition, but for what it tallied or left out by a rule. */
struct rebuild_known {
    struct rebuild_job *job;
    const struct rebuild_lane *lane;
    int64_t to;
    int64_t next; /* the least offset of which something is known; INT64_MAX: none */
    struct rebuild_known_list letters, duplicates;
    struct {
        int64_t from, to;
    } lost[REBUILD_LOST_MAX];
    size_t lost_count, lost_at;
};

/* With the lock held. ERR_CONFIG: something in there was counted by another configuration. */
enum err_code rebuild_known_open(struct rebuild_known *known, struct rebuild_job *job,
                                 const struct rebuild_lane *lane, int64_t from, int64_t to,
                                 struct err *err);
/* Takes the lock where it has to ask the store. Offsets ascend; at or behind known->next. */
enum err_code rebuild_known_find(struct rebuild_known *known, int64_t offset,
                                 enum rebuild_fate *ret_fate, struct err *err);
/* When the offset was read first: what records without a time stamp are held against. Takes the lock. */
enum err_code rebuild_known_time(struct rebuild_known *known, int64_t offset, int64_t *ret_time_ns,
                                 struct err *err);

#endif
