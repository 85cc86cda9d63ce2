/*
 * Where files of an archive stand: CLUSTER/TOPIC/INCARNATION/PARTITION/FROM-TO.avro.
 *
 * Cluster ids and topics are names from outside. Those that objects cannot have as they are stand as "_sha-" and the first half of their SHA-256.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_PLACE_H
#define JOBS_PIPELINE_ARCHIVE_PLACE_H

#include "aggregator/store.h"
#include "base/arena.h"

/* The folder of the incarnation, in arena. */
struct str archive_place(const struct stream *stream, struct arena *arena);

#endif
