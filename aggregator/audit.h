/*
 * The audit: proves that the books add up, and names the first place where they do not.
 *
 * Coverage (per partition the ranges run from origin to next_offset without gap or overlap), conservation (covered = delivered + absent,
 * delivered = tallied + excluded + duplicate + dead-lettered; dead letters, duplicates and exclusions held against their rows; absent 0 where the topic
 * has neither compaction nor transactions), redrives (each resolved letter stands in the moved counts of the one batch that resolved it, and those
 * add up), row checksums (every table whose rows do not follow from others), window totals plus pending = tallied
 * per book and stream kind, the book of the archive with the rows of its files, the
 * books of open rebuilds, what follows from windows and ranges (services, roll-ups, guards, graded hours), and the database's own structures.
 */
#ifndef AGGREGATOR_AUDIT_H
#define AGGREGATOR_AUDIT_H

#include "base/db.h"
#include "base/str.h"

struct audit_report {
    int64_t partitions, ranges, records, windows; /* looked at */
    int64_t dead_letters;                         /* still dead by the counts of ranges and moves */
    int64_t redriven;                             /* counted by redrives since */
    int64_t absent, lost;                         /* lost ones are not among the absent */
    int64_t archive_files, archive_records;       /* of the book of the archive, if there is one */
    int64_t findings;
};

/* Calls `finding` for each (at most 100; all are counted) with a line that names the place: topic, partition, offsets, row. allow_absent: topics that
 * may have gaps. Returns ERR_MISMATCH if there is any finding, ERR_STORE if the store cannot be read. */
enum err_code audit_run(struct db *db, int64_t book_id,
                        bool (*allow_absent)(void *context, struct str topic),
                        void (*finding)(void *context, const char *line), void *context,
                        struct audit_report *ret_report, struct err *err);

#endif
