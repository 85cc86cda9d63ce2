/*
 * Time zones: IANA names, local wall time and UTC.
 *
 * A zone is an immutable table of offset changes, read once from the system's tzdata through the C library and
 * valid for 1970 to 2099. Offsets are whole seconds east of UTC. Reading changes the process' TZ for a moment:
 * open zones on one thread, before others are started.
 */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include <stdint.h>

#include "base/civil.h"
#include "base/err.h"

struct zone;

/* ERR_CONFIG if there is no such zone ("Europe/Berlin" style names only; no path escapes). The caller owns it. */
enum err_code zone_open(const char *name, struct zone **ret_zone, struct err *err);
void zone_free(struct zone *zone);
const char *zone_name(const struct zone *zone);
/* Seconds east of UTC at that instant. */
int32_t zone_offset(const struct zone *zone, int64_t utc_seconds);
/* The first instant after that one at which the offset changes; INT64_MAX: it does not any more. */
int64_t zone_next_change(const struct zone *zone, int64_t utc_seconds);
struct civil zone_to_local(const struct zone *zone, int64_t utc_seconds);
/* The first instant whose local wall time is at or after `local`: the earlier one where a wall time occurs
 * twice, the end of the gap where it does not occur. So local midnights order and cover the time line. */
int64_t zone_from_local(const struct zone *zone, const struct civil *local);
/* UTC seconds of the local start of a month; month may be 13 for January of the next year. */
int64_t zone_month_start(const struct zone *zone, int32_t year, int32_t month);

#endif
