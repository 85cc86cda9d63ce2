/*
 * The encoder: the demo's events as Avro in Confluent framing, written with avro-c in the schemas of schemas/.
 *
 * One thread: avro-c keeps errors in one buffer. Schema ids are those of registry_table.h.
 */
#ifndef JOBS_DEMO_ENCODER_H
#define JOBS_DEMO_ENCODER_H

#include "base/err.h"
#include "base/str.h"
#include "jobs/demo/traffic.h"
#include "jobs/demo/world.h"

struct encoder;

/* ERR_FAILED: avro-c does not take our own schemas. world is borrowed. */
enum err_code encoder_open(const struct world *world, struct encoder **ret_encoder,
                           struct err *err);
void encoder_free(struct encoder *encoder);
/* Writes key and value of an event that is no tombstone. Both are borrowed until the next call. */
void encoder_run(struct encoder *encoder, const struct traffic_event *event, struct str *ret_key,
                 struct str *ret_value);

#endif
