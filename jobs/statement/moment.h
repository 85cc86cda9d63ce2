/*
 * Instants in a document: RFC 3339 with the offset of the contract's zone, so that one text tells both the wall time and the instant.
 */
#ifndef JOBS_STATEMENT_MOMENT_H
#define JOBS_STATEMENT_MOMENT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/zone.h"

/* "2026-10-25T02:30:00+01:00"; in UTC with Z where the zone's offset is not of whole minutes. In arena. */
const char *moment_text(struct arena *arena, const struct zone *zone, int64_t seconds);
/* With 9 digits of a fraction if there is one. */
const char *moment_text_ns(struct arena *arena, const struct zone *zone, int64_t time_ns);

#endif
