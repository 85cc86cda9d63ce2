/*
 * The state that a service's grading carries from one hour into the next, and its packed form.
 *
 * Packed: format version, closed minutes, flags, then counted lists of LEB128 varints and texts. Equal states pack to equal bytes.
 * Unpacking checks everything: the store may be damaged. Names of an unpacked state borrow from the bytes.
 */
#ifndef AGGREGATOR_CARRIED_H
#define AGGREGATOR_CARRIED_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/check_state.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct topic_list {
    const struct str *names; /* sorted, distinct */
    size_t count;
};

struct carried {
    int closed_minutes;                             /* of the hour that ended in this state */
    bool provisioned;                               /* the service has had its first event */
    bool has_requests;                              /* ... its first request */
    struct topic_list request_topics, check_topics; /* of the latest hour that had any */
    const struct check_slot *slots;                 /* sorted by instance, region, checker */
    size_t slot_count;
};

/* An empty text is the state before the first event. Lists live in arena, names in packed. ERR_MISMATCH. */
enum err_code carried_unpack(struct str packed, struct arena *arena, struct carried *ret_carried,
                             struct err *err);
/* How many minutes of its hour were closed when a state was packed; 0 for an empty one. ERR_MISMATCH. */
enum err_code carried_closed_minutes(struct str packed, int *ret_closed, struct err *err);
/* Everything but the slots, then slot_count calls of carried_pack_slot. */
void carried_pack(const struct carried *carried, struct strbuf *out);
void carried_pack_slot(const struct check_slot *slot, struct strbuf *out);

#endif
