/*
 * A redrive run: dead letters of the store are decoded again under the present configuration, and those that became something are counted.
 *
 * It only adds: letters that still fail stay as they are. Steps of at most 1,000 letters are one transaction each (aggregator/redrive.h), so a
 * run may be killed at any time, and several may run at once. Letters whose bytes are cut, redacted or expired are read again from Kafka
 * (reread.h); without a topic that has them they stay dead.
 */
#ifndef JOBS_PIPELINE_REDRIVE_H
#define JOBS_PIPELINE_REDRIVE_H

#include "base/http.h"
#include "base/random.h"
#include "jobs/config/config.h"
#include "jobs/pipeline/reread.h"
#include "schemas/verdict.h"

enum { REDRIVE_EXAMPLE_SIZE = 512 };

struct redrive_options {
    const struct config *config; /* borrowed */
    struct db *db;               /* borrowed */
    int64_t book_id;
    struct clock *clock;
    struct random *random;
    struct http *http;
    struct source *source; /* borrowed; NULL: opened from the configuration if it is needed */
    struct str topic;      /* only letters of this one; empty: all that are configured */
    struct str reason;     /* only letters that were stored with it; empty: any */
    bool dry_run;          /* decode and report; write nothing */
    size_t letters_max;    /* of a step; 0: 1,000 */
    int64_t patience_ns;   /* for a record that is read again; 0: 30 s */
};

/* Letters that stay dead for one cause, and where the first of them stands. */
struct redrive_rest {
    int64_t letters;
    char example[REDRIVE_EXAMPLE_SIZE]; /* "topic t, partition 0, offset 7: DETAIL" */
};

struct redrive_result {
    int64_t letters; /* looked at */
    int64_t tallied, excluded, duplicate;
    int64_t without_id; /* of the tallied, of topics whose ids are tested: not tested */
    int64_t batches;
    int64_t missed;                              /* steps that another redrive was faster with */
    struct redrive_rest dead[VERDICT_COUNT];     /* by their verdict now */
    struct redrive_rest lost[REREAD_FATE_COUNT]; /* bytes that are not to be had */
    int64_t expired; /* letters whose bytes were emptied by dead_letters.keep */
    bool interrupted;
};

/* ret_result is also set on errors. ERR_STORE, ERR_FENCED (the book was replaced), ERR_CONFIG (the mapping finds nothing in a schema and never has),
 * ERR_BROKER (the registry; or, when all else is done, records that could not be read again because the broker does not answer), ERR_DATA. */
enum err_code redrive_run(const struct redrive_options *options, struct redrive_result *ret_result,
                          struct err *err);

#endif
