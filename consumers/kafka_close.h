/*
 * Leaving librdkafka, which may hang (a removed partition, a coordinator that is away): by then the store has everything,
 * so nobody has to wait for it.
 */
#ifndef CONSUMERS_KAFKA_CLOSE_H
#define CONSUMERS_KAFKA_CLOSE_H

#include <stdbool.h>
#include <stdint.h>

/* Runs work in a thread of its own and waits for it at most limit_ns of real time. False: it is still running and keeps using
 * context, which must stay as it is until the process ends. */
bool kafka_close_within(void (*work)(void *context), void *context, int64_t limit_ns);

#endif
