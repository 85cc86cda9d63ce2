/*
 * Loading what the store knows of a service's hour, as grade_hour wants it.
 */
#ifndef AGGREGATOR_GRADE_LOAD_H
#define AGGREGATOR_GRADE_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "aggregator/grade_hour.h"
#include "base/arena.h"
#include "base/db.h"

struct grade_load {
    struct db *db; /* borrowed */
    int64_t book_id;
    struct grade_topic *topics; /* of all streams; in the arena of the opening */
    size_t topic_count;
};

/* Reads the names of the streams' topics into arena. ERR_STORE. */
enum err_code grade_load_open(struct db *db, int64_t book_id, struct arena *arena,
                              struct grade_load *ret_load, struct err *err);
/* Everything but closed_minutes; in arena. ERR_STORE, ERR_MISMATCH (a damaged row). */
enum err_code grade_load_hour(const struct grade_load *load, struct str service, int64_t hour,
                              struct arena *arena, struct grade_hour_input *ret_input,
                              struct err *err);

#endif
