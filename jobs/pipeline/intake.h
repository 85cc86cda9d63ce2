/*
 * The intake of one topic: decodes its records into the open batch and watches whether the mapping fits at all.
 *
 * The breaker: while the ledger holds no batch of the topic under this configuration, the 101st bad record among the first 1,000
 * ends the run before anything of the topic is committed. So the first 1,000 records are held back, unless the topic has no more.
 *
 * Where the topic has dead_letter_redact, of a dead letter only those bytes are kept of which it is certain that the fields are not among them,
 * and no detail quotes a value.
 */
#ifndef JOBS_PIPELINE_INTAKE_H
#define JOBS_PIPELINE_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/batch.h"
#include "aggregator/ledger.h"
#include "base/err.h"
#include "consumers/catalog.h"
#include "consumers/decoder.h"
#include "consumers/registry.h"
#include "jobs/config/config.h"
#include "jobs/pipeline/lane.h"

enum { BREAKER_RECORDS = 1000, BREAKER_BAD_MAX = 100 };

/* What became of records; the parts of the five counts that are known one by one. */
struct intake_counts {
    int64_t records, excluded, dead_lettered, bytes;
    int64_t events;     /* tallied, or duplicates: that is decided by the commit */
    int64_t without_id; /* of the events, of topics whose ids are tested: not tested */
};

struct intake {
    const struct topic_config *topic; /* borrowed */
    struct stream stream;
    uint32_t number; /* of the topic in the source */
    struct catalog catalog;
    struct schema *reader; /* owned; NULL without one */
    struct schema_finder finder;
    struct decoder *decoder; /* NULL: nothing is decoded */
    const char *command;     /* whose options answer what is found */
    bool
        replaced; /* an operator accepted the topic as a new one; its stream is opened before anything is read */
    bool proven;
    int64_t first_records, first_bad; /* of the first 1,000; of interest until proven */
    struct lane *lanes;               /* owned; by partition */
    int32_t lane_count;
};

struct intake_options {
    const struct config *config;
    const struct topic_config *topic;
    uint32_t number;
    struct registry *registry;
    struct clock *clock;
    struct stream stream;
    bool proven;
    bool undecoded;      /* records are kept as they are */
    const char *command; /* borrowed */
};

/* ERR_CONFIG: a schema file cannot be used. Half-built intakes can be released. */
enum err_code intake_open(struct intake *intake, const struct intake_options *options,
                          struct err *err);
void intake_release(struct intake *intake);
/* Makes room for that many lanes; new ones are LANE_FOREIGN. */
void intake_grow(struct intake *intake, int32_t lane_count);
/* Decides the record and adds it to batch and counts. ERR_BROKER, ERR_CONFIG, ERR_DATA: as decoder_run, or the breaker; then the record is not
 * in the batch. */
enum err_code intake_take(struct intake *intake, const struct record *record, struct batch *batch,
                          struct intake_counts *counts, struct err *err);
/* What may be told of a dead letter; borrowed from decoded. */
struct str intake_detail(const struct intake *intake, const struct decoded *decoded);
/* True while nothing of the topic may be committed. caught_up: nothing more of it is there at the moment. */
bool intake_held(const struct intake *intake, bool caught_up);
/* After a commit that covers the topic. */
void intake_prove(struct intake *intake);
/* The open batch was dropped: what was read since is not proof of anything. */
void intake_forget(struct intake *intake);

#endif
