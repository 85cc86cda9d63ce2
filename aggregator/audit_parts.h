/*
 * The parts of an audit and what they share. For audit*.c only.
 *
 * A part returns ERR_OK when it could look, whatever it found; findings go to audit_find.
 */
#ifndef AGGREGATOR_AUDIT_PARTS_H
#define AGGREGATOR_AUDIT_PARTS_H

#include "aggregator/audit.h"
#include "aggregator/tally.h"
#include "base/arena.h"

struct audit_partition {
    int64_t stream_id;
    int32_t partition;
    struct str topic; /* in the arena */
    bool checks;      /* kind of the stream */
    int64_t origin, next_offset;
};

/* A service as its windows show it, to be held against the table `service`. */
struct audit_service {
    struct str name; /* in the arena */
    int64_t first_minute;
    bool has_requests, has_checks;
};

struct audit {
    struct db *db;      /* inside one snapshot */
    const char *prefix; /* of findings: which book, if it is not the one that is asked for */
    int64_t book_id;
    bool plain; /* the book has windows, and nothing that is derived from them */
    bool (*allow_absent)(void *context, struct str topic);
    void (*finding)(void *context, const char *line);
    void *context;
    struct audit_report report;
    struct arena arena;
    struct audit_partition *partitions; /* in the arena; sorted by stream and partition */
    size_t partition_count;
    struct audit_service *services; /* owned; in the order of their first window */
    size_t service_count;
    int64_t tallied[2];    /* by ranges and moves, of streams of requests and of checks */
    int64_t in_windows[2]; /* in windows and pending rows of both kinds */
};

void audit_find(struct audit *audit, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* *sum += value, held at the ends of its range: a store may hold any number. */
void audit_add(int64_t *sum, int64_t value);
/* The partition, or NULL. */
const struct audit_partition *audit_partition(const struct audit *audit, int64_t stream_id,
                                              int32_t partition);
/* Prepares a statement and binds the book as $1. */
enum err_code audit_prepare(struct audit *audit, const char *sql, struct db_stmt **ret_stmt,
                            struct err *err);
/* Rows by coordinate that stand in [from, to) of the partition and name that batch in their column `batch`. sql: AUDIT_ROWS. */
#define AUDIT_ROWS(table, batch)                                                                   \
    "SELECT count(*) FROM " table " WHERE book_id = $1 AND stream_id = $2 AND "                    \
    "partition_id = $3 AND record_offset >= $4 AND record_offset < $5 AND " batch " = $6"
enum err_code audit_count_rows(struct audit *audit, const struct audit_partition *partition,
                               int64_t from, int64_t to, struct str batch_id, const char *sql,
                               int64_t *ret_count, struct err *err);

/* Ranges, exclusions and dead letters of all partitions against each other. */
enum err_code audit_coverage(struct audit *audit, struct err *err);
/* What redrives moved in one partition; *ret_duplicates is the number of its duplicates that redrives found. Also finds letters that count as
 * resolved and stand in no move. */
enum err_code audit_moved(struct audit *audit, const struct audit_partition *partition,
                          int64_t *ret_duplicates, struct err *err);
/* Windows and pending rows: checksums, contents, places, sums. */
enum err_code audit_windows(struct audit *audit, struct err *err);
/* Notes a window of a service. */
void audit_note_service(struct audit *audit, const struct tally_key *key,
                        const struct tally *tally);
/* The table `service` against what was noted. */
enum err_code audit_services(struct audit *audit, struct err *err);
/* Checksums and digests of all other rows. */
enum err_code audit_rows(struct audit *audit, struct err *err);
/* The same of the rows of one book only. */
enum err_code audit_book_rows(struct audit *audit, struct err *err);
/* All of the book of the archive. */
enum err_code audit_archive(struct audit *audit, struct err *err);
/* What all of it begins with: the partitions of the book. */
enum err_code audit_partitions(struct audit *audit, struct err *err);
/* Tallied records of the ledger against windows and pending rows. */
void audit_totals(struct audit *audit);
/* The open rebuilds of the book, each an account of its own. */
enum err_code audit_rebuilds(struct audit *audit, struct err *err);
/* Contents of graded hours. */
enum err_code audit_grades(struct audit *audit, struct err *err);
/* Days of services against their hours. */
enum err_code audit_days(struct audit *audit, struct err *err);
/* Relations between rows. */
enum err_code audit_rules(struct audit *audit, struct err *err);
/* Those of them that hold of every book. */
enum err_code audit_ledger_rules(struct audit *audit, struct err *err);

#endif
