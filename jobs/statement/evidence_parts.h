/*
 * An evidence pack while it is written. For evidence*.c only.
 */
#ifndef JOBS_STATEMENT_EVIDENCE_PARTS_H
#define JOBS_STATEMENT_EVIDENCE_PARTS_H

#include "base/zip.h"
#include "jobs/statement/evidence.h"
#include "jobs/statement/explanation.h"

struct evidence {
    const struct publisher *publisher;
    const struct explanation *explanation;
    const char *folder; /* within the archive: everything lies in it */
    struct zip *zip;
    struct arena arena; /* of the whole pack */
    struct trace_streams streams;
    /* What is read back beyond the period on either side, for a rule that looks at whole outages: minutes. */
    int64_t from_minute, to_minute;
};

/* Begins a file of the pack. */
enum err_code evidence_begin(struct evidence *evidence, const char *name, struct err *err);
/* A whole file. */
enum err_code evidence_add(struct evidence *evidence, const char *name, struct str content,
                           struct err *err);

/* A file that is made of the books. Sorted by name. */
struct evidence_table {
    const char *name;
    const char *what; /* one sentence for README and manifest */
    enum err_code (*write)(struct evidence *evidence, struct err *err);
};
extern const struct evidence_table evidence_tables[];
extern const size_t evidence_table_count;

/* Of evidence_input.c: what the statement was measured from. */
enum err_code evidence_windows(struct evidence *evidence, struct err *err);
enum err_code evidence_states(struct evidence *evidence, struct err *err);
enum err_code evidence_announcements(struct evidence *evidence, struct err *err);
enum err_code evidence_incidents(struct evidence *evidence, struct err *err);
enum err_code evidence_reclassifications(struct evidence *evidence, struct err *err);
/* Of evidence_store.c: what the store knows besides. */
enum err_code evidence_instances(struct evidence *evidence, struct err *err);
enum err_code evidence_coordinates(struct evidence *evidence, struct err *err);
enum err_code evidence_batches(struct evidence *evidence, struct err *err);
/* Without their content and its description: they may be anybody's. */
enum err_code evidence_letters(struct evidence *evidence, struct err *err);

/* What the README says first, and what can be said only when everything else is in: manifest.json and SHA256SUMS. */
enum err_code evidence_write_readme(struct evidence *evidence, struct err *err);
enum err_code evidence_write_manifest(struct evidence *evidence, struct err *err);

#endif
