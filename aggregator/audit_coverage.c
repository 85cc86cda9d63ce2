/* Coverage and conservation: the ranges of each partition, and the rows that explain their counts. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "base/check.h"
#include "schemas/verdict.h"

struct range {
    int64_t from, to;
    struct str batch_id, kind; /* borrowed from the row */
    int64_t delivered, tallied, excluded, duplicate, dead_lettered, absent;
    bool lost;    /* by its kind */
    bool spanned; /* it has a span of time, the right way round */
};

/* What one partition adds up to while its ranges go by. */
struct walk {
    const struct audit_partition *partition;
    int64_t expected;     /* where the next range has to begin */
    int64_t dead_letters; /* rows inside of ranges */
    int64_t duplicates;   /* the same */
};

#define PLACE "topic %.*s partition %" PRId32
#define PLACE_ARGS(p) STR_ARGS((p)->topic), (p)->partition

static void check_cover(struct audit *audit, struct walk *walk, const struct range *range)
{
    const struct audit_partition *p = walk->partition;

    if (range->to <= range->from) {
        audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): the range covers nothing",
                   PLACE_ARGS(p), range->from, range->to);
        return;
    }
    if (range->from > walk->expected) {
        audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): covered by no range",
                   PLACE_ARGS(p), walk->expected, range->from);
    }
    if (range->from < walk->expected) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64
                         "): covered more than once, or before the origin",
                   PLACE_ARGS(p), range->from,
                   range->to < walk->expected ? range->to : walk->expected);
    }
    walk->expected = range->to > walk->expected ? range->to : walk->expected;
}

static void check_counts(struct audit *audit, const struct audit_partition *p,
                         const struct range *range)
{
    const int64_t counts[] = {range->delivered, range->tallied,       range->excluded,
                              range->duplicate, range->dead_lettered, range->absent};
    __int128 verdicts =
        (__int128)range->tallied + range->excluded + range->duplicate + range->dead_lettered;

    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        if (counts[i] < 0) {
            audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): a count is negative",
                       PLACE_ARGS(p), range->from, range->to);
            return;
        }
    }
    if ((__int128)range->to - range->from != (__int128)range->delivered + range->absent) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): delivered %" PRId64
                         " and absent %" PRId64 " do not make the offsets that it covers",
                   PLACE_ARGS(p), range->from, range->to, range->delivered, range->absent);
    }
    if (range->delivered != verdicts) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): %" PRId64
                         " delivered, but tallied %" PRId64 ", excluded %" PRId64
                         ", duplicate %" PRId64 " and dead-lettered %" PRId64 " make another sum",
                   PLACE_ARGS(p), range->from, range->to, range->delivered, range->tallied,
                   range->excluded, range->duplicate, range->dead_lettered);
    }
    if (range->lost && (range->delivered != 0 || !range->spanned)) {
        audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): lost, but %s", PLACE_ARGS(p),
                   range->from, range->to,
                   range->delivered != 0 ? "records of it count as delivered"
                                         : "without the span of time that it touches");
    }
    if (range->absent > 0 && str_equal(range->kind, STR("read")) &&
        !audit->allow_absent(audit->context, p->topic)) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): %" PRId64
                         " absent, though the topic is neither compacted nor transactional",
                   PLACE_ARGS(p), range->from, range->to, range->absent);
    }
}

static enum err_code count_exclusions(struct audit *audit, const struct audit_partition *p,
                                      const struct range *range, int64_t *ret_count,
                                      struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        audit->db,
        "SELECT CAST(coalesce(sum(records), 0) AS BIGINT) FROM exclusion WHERE batch_id = $1 AND "
        "stream_id = $2 AND partition_id = $3",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, range->batch_id);
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    code = db_step(stmt, &row, err);
    *ret_count = row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static enum err_code check_explained(struct audit *audit, struct walk *walk,
                                     const struct range *range, struct err *err)
{
    const struct audit_partition *p = walk->partition;
    int64_t letters = 0;
    int64_t duplicates = 0;
    int64_t excluded = 0;
    enum err_code code = audit_count_rows(audit, p, range->from, range->to, range->batch_id,
                                          AUDIT_ROWS("dead_letter", "batch_id"), &letters, err);

    if (code == ERR_OK) {
        code = audit_count_rows(audit, p, range->from, range->to, range->batch_id,
                                AUDIT_ROWS("duplicate", "batch_id"), &duplicates, err);
    }
    if (code == ERR_OK) {
        code = count_exclusions(audit, p, range, &excluded, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    walk->dead_letters += letters;
    walk->duplicates += duplicates;
    if (letters != range->dead_lettered) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): counts %" PRId64
                         " dead letters, the store holds %" PRId64,
                   PLACE_ARGS(p), range->from, range->to, range->dead_lettered, letters);
    }
    if (duplicates != range->duplicate) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): counts %" PRId64
                         " duplicates, the store holds %" PRId64,
                   PLACE_ARGS(p), range->from, range->to, range->duplicate, duplicates);
    }
    if (excluded != range->excluded) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): counts %" PRId64
                         " excluded records, their reasons add up to %" PRId64,
                   PLACE_ARGS(p), range->from, range->to, range->excluded, excluded);
    }
    return ERR_OK;
}

static bool known_kind(struct str kind)
{
    return str_equal(kind, STR("read")) || str_equal(kind, STR("lost"));
}

static enum err_code check_range(struct audit *audit, struct walk *walk, struct db_stmt *stmt,
                                 struct err *err)
{
    const struct audit_partition *p = walk->partition;
    struct range range = {.from = db_column_int64(stmt, 3),
                          .to = db_column_int64(stmt, 4),
                          .batch_id = db_column_blob(stmt, 5),
                          .kind = db_column_text(stmt, 6),
                          .delivered = db_column_int64(stmt, 8),
                          .tallied = db_column_int64(stmt, 9),
                          .excluded = db_column_int64(stmt, 10),
                          .duplicate = db_column_int64(stmt, 11),
                          .dead_lettered = db_column_int64(stmt, 12),
                          .absent = db_column_int64(stmt, 13),
                          .spanned = !db_column_null(stmt, 14) && !db_column_null(stmt, 15) &&
                                     db_column_int64(stmt, 14) <= db_column_int64(stmt, 15)};

    range.lost = str_equal(range.kind, STR("lost"));

    if (db_column_checksum(stmt, 16) != db_column_int64(stmt, 16)) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64
                         "): the row of the range was changed (checksum)",
                   PLACE_ARGS(p), range.from, range.to);
    }
    if (!known_kind(range.kind)) {
        audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): unknown kind \"%.*s\"",
                   PLACE_ARGS(p), range.from, range.to, STR_ARGS(range.kind));
    }
    if (db_column_null(stmt, 17) || db_column_int64(stmt, 17) != audit->book_id) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64 "): its batch is not in this book",
                   PLACE_ARGS(p), range.from, range.to);
    }
    check_cover(audit, walk, &range);
    check_counts(audit, p, &range);
    audit->report.ranges++;
    audit_add(&audit->report.records, range.delivered);
    audit_add(range.lost ? &audit->report.lost : &audit->report.absent, range.absent);
    audit_add(&audit->report.dead_letters, range.dead_lettered);
    audit_add(&audit->tallied[p->checks], range.tallied);
    return check_explained(audit, walk, &range, err);
}

#define COUNT_ALL(table)                                                                           \
    "SELECT count(*) FROM " table " WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3"

/* what: such rows; inside: how many of them stand in ranges. sql: COUNT_ALL. */
static enum err_code check_outside(struct audit *audit, const struct audit_partition *p,
                                   const char *what, const char *sql, int64_t inside,
                                   struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row && db_column_int64(stmt, 0) != inside) {
        audit_find(audit, PLACE ": %" PRId64 " %s stand outside of the ranges of their batches",
                   PLACE_ARGS(p), db_column_int64(stmt, 0) - inside, what);
    }
    db_reset(stmt);
    return code;
}

static enum err_code check_partition(struct audit *audit, const struct audit_partition *p,
                                     struct err *err)
{
    struct walk walk = {.partition = p, .expected = p->origin};
    struct db_stmt *stmt;
    int64_t moved_duplicates = 0;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT r.book_id, r.stream_id, r.partition_id, r.from_offset, r.to_offset, r.batch_id, "
        "r.kind, r.config_digest, r.delivered, r.tallied, r.excluded, r.duplicate, "
        "r.dead_lettered, r.absent, r.first_time_ns, r.last_time_ns, r.checksum, b.book_id "
        "FROM batch_range r LEFT JOIN batch b ON b.batch_id = r.batch_id "
        "WHERE r.book_id = $1 AND r.stream_id = $2 AND r.partition_id = $3 ORDER BY r.from_offset",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = check_range(audit, &walk, stmt, err);
        if (code != ERR_OK) {
            return code;
        }
    }
    if (code == ERR_OK && walk.expected < p->next_offset) {
        audit_find(audit, PLACE " offsets [%" PRId64 ", %" PRId64 "): covered by no range",
                   PLACE_ARGS(p), walk.expected, p->next_offset);
    }
    if (code == ERR_OK && walk.expected > p->next_offset) {
        audit_find(audit,
                   PLACE " offsets [%" PRId64 ", %" PRId64
                         "): covered, but the position is %" PRId64,
                   PLACE_ARGS(p), p->next_offset, walk.expected, p->next_offset);
    }
    if (code == ERR_OK) {
        code = audit_moved(audit, p, &moved_duplicates, err);
    }
    walk.duplicates += moved_duplicates;
    if (code == ERR_OK) {
        code = check_outside(audit, p, "dead letters", COUNT_ALL("dead_letter"), walk.dead_letters,
                             err);
    }
    if (code == ERR_OK) {
        code = check_outside(audit, p, "duplicates", COUNT_ALL("duplicate"), walk.duplicates, err);
    }
    return code;
}

/* Rows that belong to nothing: stream and partition in the first two columns. */
static enum err_code find_orphans(struct audit *audit, const char *what, const char *sql,
                                  struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit, sql, &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        const struct audit_partition *p =
            audit_partition(audit, db_column_int64(stmt, 0), (int32_t)db_column_int64(stmt, 1));

        audit_find(audit,
                   "topic %.*s (stream %" PRId64 ") partition %" PRId64 " at %" PRId64 ": %s",
                   STR_ARGS(p != NULL ? p->topic : STR("?")), db_column_int64(stmt, 0),
                   db_column_int64(stmt, 1), db_column_int64(stmt, 2), what);
    }
    return code;
}

static enum err_code find_all_orphans(struct audit *audit, struct err *err)
{
    enum err_code code = find_orphans(
        audit, "a range of a partition that the ledger does not have",
        "SELECT stream_id, partition_id, from_offset FROM batch_range r WHERE book_id = $1 AND "
        "NOT EXISTS (SELECT 1 FROM partition_offset p WHERE p.book_id = r.book_id AND "
        "p.stream_id = r.stream_id AND p.partition_id = r.partition_id)",
        err);

    if (code == ERR_OK) {
        code = find_orphans(
            audit, "a dead letter of a partition that the ledger does not have",
            "SELECT stream_id, partition_id, record_offset FROM dead_letter r WHERE book_id = $1 "
            "AND NOT EXISTS (SELECT 1 FROM partition_offset p WHERE p.book_id = r.book_id AND "
            "p.stream_id = r.stream_id AND p.partition_id = r.partition_id)",
            err);
    }
    if (code == ERR_OK) {
        code = find_orphans(
            audit, "a duplicate of a partition that the ledger does not have",
            "SELECT stream_id, partition_id, record_offset FROM duplicate r WHERE book_id = $1 "
            "AND NOT EXISTS (SELECT 1 FROM partition_offset p WHERE p.book_id = r.book_id AND "
            "p.stream_id = r.stream_id AND p.partition_id = r.partition_id)",
            err);
    }
    if (code == ERR_OK) {
        code = find_orphans(
            audit, "moved counts of a partition that the ledger does not have",
            "SELECT stream_id, partition_id, from_offset FROM moved r WHERE book_id = $1 "
            "AND NOT EXISTS (SELECT 1 FROM partition_offset p WHERE p.book_id = r.book_id AND "
            "p.stream_id = r.stream_id AND p.partition_id = r.partition_id)",
            err);
    }
    if (code == ERR_OK) {
        code = find_orphans(
            audit, "excluded records of a batch that has no range there",
            "SELECT e.stream_id, e.partition_id, e.records FROM exclusion e "
            "JOIN batch b ON b.batch_id = e.batch_id WHERE b.book_id = $1 AND "
            "NOT EXISTS (SELECT 1 FROM batch_range r WHERE r.batch_id = e.batch_id AND "
            "r.stream_id = e.stream_id AND r.partition_id = e.partition_id) AND "
            "NOT EXISTS (SELECT 1 FROM moved m WHERE m.batch_id = e.batch_id AND "
            "m.stream_id = e.stream_id AND m.partition_id = e.partition_id)",
            err);
    }
    return code;
}

enum err_code audit_coverage(struct audit *audit, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < audit->partition_count && code == ERR_OK; i++) {
        code = check_partition(audit, &audit->partitions[i], err);
    }
    return code == ERR_OK ? find_all_orphans(audit, err) : code;
}
