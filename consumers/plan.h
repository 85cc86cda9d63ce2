/*
 * The decode plan: a writer's schema and a mapping, compiled once into a short program that walks a payload.
 *
 * The whole payload is walked: skipped fields are checked as strictly as those that are read (docs/ingest.md,
 * strictness). plan_run allocates nothing; names in the event point into the payload or into `scratch`. A plan is
 * immutable and may be shared by threads; each thread has its own scratch. Resolution against an optional
 * reader schema follows the Avro specification: names, aliases, promotions, unions, defaults, enums by symbol; with a reader
 * the mapping's paths are those of the reader, and only what they lead to is resolved. Promoted integers stay exact.
 *
 * Where several things are wrong with a record, one verdict is given in a fixed order: bytes, exclusions, outcome's exclusion,
 * service, time, outcome, latency, other names, weight and interval (malformed, if they are out of bounds).
 */
#ifndef CONSUMERS_PLAN_H
#define CONSUMERS_PLAN_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "consumers/mapping.h"
#include "consumers/schema.h"
#include "schemas/event.h"
#include "schemas/verdict.h"

struct plan;

enum { PLAN_DETAIL_SIZE = 160, PLAN_SCRATCH_SIZE = 16 * 1024 };

/* Owned by the caller, one per thread; contents are private to the plan between init and the next record. */
struct plan_scratch {
    char bytes[PLAN_SCRATCH_SIZE];
    size_t used;
};

/* What a record became. */
struct decoded {
    enum verdict verdict;
    struct str rule; /* for VERDICT_RULE: the rule's name; borrowed from the mapping */
    struct event
        event; /* for VERDICT_TALLIED; service is set, what the catalog knows of it is not */
    char detail[PLAN_DETAIL_SIZE]; /* for dead letters: place and cause, for people; "" otherwise */
};

/* reader may be NULL. ERR_CONFIG: the mapping finds no service, time or outcome in this schema, or a role points to a
 * type that cannot play it; the text names role, path and the fields there are. plan borrows writer, reader and mapping. */
enum err_code plan_compile(const struct schema *writer, const struct schema *reader,
                           const struct mapping *mapping, struct plan **ret_plan, struct err *err);
void plan_free(struct plan *plan);
/* record_time_ns: the record's Kafka time stamp, or the clock's time if it has none; the measure of max_age. */
void plan_run(const struct plan *plan, struct str payload, int64_t record_time_ns,
              struct plan_scratch *scratch, struct decoded *ret_decoded);

/* Blanks the fields of mapping.redactions in place: text, bytes and fixed become as many '*'. False if it is not certain that nothing of
 * them is left; then the payload must not be kept: it could not be walked, a path leads nowhere in this schema, through a map or an array, or to
 * something that is none of these types. */
bool plan_redact(const struct plan *plan, char *payload, size_t size);

#endif
