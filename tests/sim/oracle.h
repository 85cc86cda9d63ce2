/*
 * What must be true while a schedule runs, and at its end; from the world's own truth and from a run that nothing disturbed.
 *
 * After each commit: offsets and fences only grow; a drained note and a published complete-until claim nothing that is not committed, and folded; windows and
 * grades are written by the holder of the last fence only. At the end: the same books as without disturbance, the sums that the world was made
 * with. An audit finds nothing then, nor behind some of the kills.
 */
#ifndef TESTS_SIM_ORACLE_H
#define TESTS_SIM_ORACLE_H

#include "base/db.h"
#include "base/str.h"
#include "tests/sim/world.h"

struct schedule;
struct process;

enum oracle_wrote {
    WROTE_POSITIONS = 1,
    WROTE_RANGES = 2,
    WROTE_LEASE = 4,
    WROTE_BOOKS = 8, /* windows, grades, what is pending, complete-until */
    WROTE_COMPLETE = 16
};

struct oracle {
    struct schedule *schedule;
    struct db *db; /* its own connection; NULL: asleep */
    int64_t next[WORLD_TOPICS][WORLD_PARTITIONS_MAX];
    int64_t drained_ns[WORLD_TOPICS][WORLD_PARTITIONS_MAX];
    int64_t complete_ns[WORLD_TOPICS];
    int64_t delivered;
    int64_t fence;
    const struct process *holder; /* who took the last fence */
};

void oracle_open(struct oracle *oracle, struct schedule *schedule, const char *store_path);
/* The transaction of that process is in the store. wrote: enum oracle_wrote. */
void oracle_committed(struct oracle *oracle, struct process *process, unsigned wrote);
/* All that must not depend on what happened. */
void oracle_dump(struct schedule *schedule, const char *store_path, struct strbuf *ret_dump);
/* At the end. */
void oracle_compare(struct schedule *schedule, const struct strbuf *expected,
                    const struct strbuf *got);
void oracle_sums(struct schedule *schedule, const char *store_path);
/* At any time. */
void oracle_audit(struct schedule *schedule, const char *store_path);

#endif
