/*
 * Records again by their coordinate, for dead letters whose bytes are not all in the store.
 *
 * The broker is asked only once something is wanted of it. A record counts as the one that was read there if topic, incarnation, time stamp and
 * size are the same, and it begins with what the store has of it. A broker that does not answer is not asked again.
 * Letters come in the order of their coordinates: where the next one is near, reading goes on instead of beginning anew, which would
 * take up to half a second each time.
 */
#ifndef JOBS_PIPELINE_REREAD_H
#define JOBS_PIPELINE_REREAD_H

#include "aggregator/dead_letter.h"
#include "base/arena.h"
#include "consumers/source.h"
#include "jobs/config/config.h"

enum reread_fate {
    REREAD_FOUND,
    REREAD_GONE,  /* the broker has no such record any more */
    REREAD_OTHER, /* another record stands there: the topic was created again */
    REREAD_REPLACED, /* the ledger knows that the topic was created again, or the cluster is another one */
    REREAD_SILENT, /* the broker does not answer */
    REREAD_FATE_COUNT
};

struct reread {
    const struct config *config; /* borrowed */
    struct source *source;       /* owned unless it was given */
    bool source_owned;
    struct arena arena;         /* of the run */
    struct str cluster;         /* id of the broker's; in arena */
    int64_t patience_ns;        /* for one record; 0: 30 s */
    struct err trouble;         /* why the broker is not asked any more; ERR_OK: it is */
    bool asked;                 /* `at` and `log` are of a partition */
    bool reading;               /* it is being read */
    struct source_partition at; /* the last one that was asked for */
    struct source_watermarks log;
    int64_t next; /* behind the last offset that was looked for */
    const struct source_item
        *items; /* of the last poll, borrowed; those from item on are not done */
    size_t item_count, item;
};

/* Where a letter comes from. */
struct reread_place {
    uint32_t topic;     /* of the configuration */
    struct str cluster; /* of its stream */
    bool open;          /* its incarnation is the present one */
};

/* source may be NULL: then it is opened when it is needed. */
void reread_open(struct reread *reread, const struct config *config, struct source *source);
/* *ret_record in arena, if it was found. ERR_INTERRUPTED; anything else that is wrong is a fate. */
enum err_code reread_take(struct reread *reread, const struct reread_place *place,
                          const struct dead_letter *letter, struct arena *arena,
                          struct record *ret_record, enum reread_fate *ret_fate, struct err *err);
void reread_close(struct reread *reread);
/* For a report: "the broker no longer has the record". */
const char *reread_fate_text(enum reread_fate fate);

#endif
