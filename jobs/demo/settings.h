/*
 * The demo's configuration: the text of the uptally.yaml that it uses and leaves behind.
 */
#ifndef JOBS_DEMO_SETTINGS_H
#define JOBS_DEMO_SETTINGS_H

#include "base/str.h"
#include "jobs/demo/broker.h"
#include "jobs/demo/world.h"

enum { TOPIC_REQUESTS, TOPIC_CHECKS, TOPIC_COUNT };

/* Topics as the broker has them, in the order of the configuration. */
extern const struct broker_topic settings_topics[TOPIC_COUNT];

/* Appends the configuration for the world's month. */
void settings_write(const struct world *world, struct strbuf *out);

#endif
