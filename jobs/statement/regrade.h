/*
 * Regrades: what each reclassification did within a stretch of time, and what the books had there before.
 *
 * Only those that stand and speak do anything; where several speak of a second, it belongs to the one that was recorded last. By id. In arena.
 */
#ifndef JOBS_STATEMENT_REGRADE_H
#define JOBS_STATEMENT_REGRADE_H

#include "jobs/statement/reclassify.h"

struct regrade {
    const struct reclassification *by;
    int64_t from_s, to_s; /* its first second within the stretch, and the end of its last */
    int64_t before_s[GRADE_COUNT]; /* its seconds there, by the grade that they had */
};

struct regrades {
    struct regrade *items;
    size_t count;
};

/* Within [from_s, to_s), of a service whose states reclassify_overlay has made. */
struct regrades regrades_find(const struct service_input *service, int64_t from_s, int64_t to_s,
                              struct arena *arena);
/* That of one reclassification; NULL: it did nothing there. */
const struct regrade *regrades_by(const struct regrades *regrades, int64_t id);
/* Those of both stretches together. */
struct regrades regrades_join(struct regrades a, struct regrades b, struct arena *arena);
/* "operational for 20 min, no_traffic for 1 h". In arena. */
const char *regrade_before_text(const struct regrade *regrade, struct arena *arena);
int64_t regrade_seconds(const struct regrade *regrade);
/* The member `reclassified` of a stretch. */
struct json_writer;
void regrades_write(struct json_writer *json, const struct contract *contract,
                    struct regrades regrades);

#endif
