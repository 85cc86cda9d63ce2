/*
 * What differs between windows of the live book and those that were counted again, for people and programs.
 *
 * One row a value that differs: of a minute, or of the hour as a whole (its first minute; histogram, offsets, particulars: these have no number). Errors: ERR_FAILED
 * (the stream cannot be written).
 */
#ifndef JOBS_COMMANDS_REBUILD_DIFFERENCE_H
#define JOBS_COMMANDS_REBUILD_DIFFERENCE_H

#include "aggregator/rebuild.h"
#include "jobs/commands/table.h"

enum rebuild_format { REBUILD_TEXT, REBUILD_JSON, REBUILD_NDJSON, REBUILD_CSV };

struct rebuild_difference {
    FILE *out; /* borrowed */
    enum rebuild_format format;
    struct table table;
    int64_t windows, minutes; /* that differ; windows of activity as well */
    int64_t services;         /* with such windows; by requests and by checks */
    char last_service[NAME_SIZE_MAX + 1];
    enum tally_kind last_kind;
    bool has_last;
};

void rebuild_difference_init(struct rebuild_difference *difference, FILE *out,
                             enum rebuild_format format);
void rebuild_difference_release(struct rebuild_difference *difference);
/* As rebuild_options.differs; windows come in their order. */
enum err_code rebuild_difference_add(void *context, const struct rebuild_pair *pair,
                                     struct err *err);

#endif
