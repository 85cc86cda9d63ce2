/*
 * The schemas that archived payloads were written by, kept beside the files: a registry may be gone when somebody reads them.
 *
 * One object a schema, in the folder "schemas" of the topic's incarnation, named by the key that stands in the payloads; it is there before the first file
 * whose records need it. A key never changes its schema: other content under its name is refused. Framing avro has its only schema in the head of each file.
 */
#ifndef JOBS_PIPELINE_ARCHIVE_SCHEMAS_H
#define JOBS_PIPELINE_ARCHIVE_SCHEMAS_H

#include "base/objects.h"
#include "jobs/pipeline/intake.h"

struct archive_schemas {
    struct objects *objects; /* borrowed */
    struct str folder;       /* borrowed: of the incarnation */
    struct schema_key *keys; /* owned; sorted; those that need no more thought */
    size_t count;
    struct schema_key last; /* of the record before; most topics have one */
    bool has_last;
    int64_t kept;
    int64_t
        missing; /* records that asked for one that is not to be had; the same again only after others */
};

void archive_schemas_release(struct archive_schemas *schemas);
/* Keeps the schema of this record, if it has one that is new. ERR_BROKER (registry), ERR_DELIVERY, ERR_DATA (too many keys), ERR_CONFIG. */
enum err_code archive_schemas_note(struct archive_schemas *schemas, struct intake *intake,
                                   const struct record *record, struct err *err);

#endif
