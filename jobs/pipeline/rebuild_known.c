/* What was decided when the records were read first: dead letters, duplicates, losses, and whether all of it was by the configuration of today. */
#include <inttypes.h>

#include "base/check.h"
#include "jobs/pipeline/rebuild_state.h"

/* --- the configuration --- */

static enum err_code refuse_digest(const struct rebuild_target *target, int32_t partition,
                                   const char *what, int64_t from, struct err *err)
{
    return err_set(err, ERR_CONFIG,
                   "topic %.*s, partition %" PRId32 ": %s from offset %" PRId64
                   " on were counted by another configuration of the topic: a rebuild takes over "
                   "what was decided then, so it needs that configuration",
                   STR_ARGS(target->stream.topic), partition, what, from);
}

/* The least offset that the statement finds: $1 book, $2 stream, $3 partition, $4 from, $5 to, $6 digest, ... */
static enum err_code check_by(const struct rebuild_known *known, const char *sql, const char *what,
                              int64_t from, bool with_rebuild, struct err *err)
{
    struct rebuild_job *job = known->job;
    const struct rebuild_target *target = rebuild_target_of(job, known->lane->stream_id);
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(job->options->db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, job->rebuild.book_id);
    db_bind_int64(stmt, 2, known->lane->stream_id);
    db_bind_int64(stmt, 3, known->lane->partition);
    db_bind_int64(stmt, 4, from);
    db_bind_int64(stmt, 5, known->to);
    db_bind_text(stmt, 6, STR(target->topic->digest));
    if (with_rebuild) {
        db_bind_int64(stmt, 7, job->rebuild.rebuild_book);
    }
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        code = refuse_digest(target, known->lane->partition, what, db_column_int64(stmt, 0), err);
    }
    db_reset(stmt);
    return code;
}

#define FROM_RANGE                                                                                 \
    "coalesce((SELECT max(m.from_offset) FROM batch_range m WHERE m.book_id = $1 AND "             \
    "m.stream_id = $2 AND m.partition_id = $3 AND m.from_offset <= $4), 0)"

static enum err_code check_digests(const struct rebuild_known *known, int64_t from, struct err *err)
{
    enum err_code code =
        check_by(known,
                 "SELECT from_offset FROM batch_range WHERE book_id = $1 AND stream_id = $2 AND "
                 "partition_id = $3 AND from_offset >= " FROM_RANGE " AND from_offset < $5 AND "
                 "to_offset > $4 AND kind = 'read' AND delivered > 0 AND config_digest <> $6 "
                 "ORDER BY from_offset LIMIT 1",
                 "records", from, false, err);

    if (code != ERR_OK) {
        return code;
    }
    return check_by(known,
                    "SELECT v.from_offset FROM moved v WHERE v.book_id = $1 AND v.stream_id = $2 "
                    "AND v.partition_id = $3 AND v.from_offset >= " FROM_RANGE
                    " AND v.from_offset < $5 AND v.config_digest <> $6 AND EXISTS "
                    "(SELECT 1 FROM rebuild_redrive d WHERE d.rebuild_book = $7 AND "
                    "d.batch_id = v.batch_id) ORDER BY v.from_offset LIMIT 1",
                    "redriven letters", from, true, err);
}

/* --- losses --- */

static enum err_code read_lost(struct rebuild_known *known, int64_t from, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        known->job->options->db,
        "SELECT from_offset, to_offset FROM batch_range WHERE book_id = $1 AND kind = 'lost' AND "
        "stream_id = $2 AND partition_id = $3 AND to_offset > $4 AND from_offset < $5 "
        "ORDER BY from_offset",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, known->job->rebuild.book_id);
    db_bind_int64(stmt, 2, known->lane->stream_id);
    db_bind_int64(stmt, 3, known->lane->partition);
    db_bind_int64(stmt, 4, from);
    db_bind_int64(stmt, 5, known->to);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (known->lost_count == REBUILD_LOST_MAX) {
            code = err_set(err, ERR_FAILED, "more than %d losses in one file", REBUILD_LOST_MAX);
            break;
        }
        known->lost[known->lost_count].from = db_column_int64(stmt, 0);
        known->lost[known->lost_count++].to = db_column_int64(stmt, 1);
    }
    db_reset(stmt);
    return code;
}

/* --- letters and duplicates --- */

static enum err_code read_list(struct rebuild_known *known, struct rebuild_known_list *list,
                               struct db_stmt *stmt, int64_t from, struct err *err)
{
    enum err_code code = ERR_OK;
    bool row;

    list->count = list->at = 0;
    db_bind_int64(stmt, 1, known->job->rebuild.book_id);
    db_bind_int64(stmt, 2, known->lane->stream_id);
    db_bind_int64(stmt, 3, known->lane->partition);
    db_bind_int64(stmt, 4, from);
    db_bind_int64(stmt, 5, known->to);
    db_bind_int64(stmt, 6, REBUILD_KNOWN_PAGE);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        CHECK(list->count < REBUILD_KNOWN_PAGE);
        list->offsets[list->count] = db_column_int64(stmt, 0);
        list->fates[list->count++] = (unsigned char)db_column_int64(stmt, 1);
    }
    db_reset(stmt);
    list->last = list->count < REBUILD_KNOWN_PAGE;
    return code;
}

/* 1 is REBUILD_DEAD, 2 REBUILD_REDRIVEN, 3 REBUILD_DUPLICATE. */
_Static_assert(REBUILD_DEAD == 1 && REBUILD_REDRIVEN == 2 && REBUILD_DUPLICATE == 3, "in SQL");

static enum err_code read_letters(struct rebuild_known *known, int64_t from, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        known->job->options->db,
        "SELECT l.record_offset, CASE WHEN EXISTS (SELECT 1 FROM rebuild_redrive d WHERE "
        "d.rebuild_book = $7 AND d.batch_id = l.resolved_by) THEN CAST(2 AS BIGINT) "
        "ELSE CAST(1 AS BIGINT) END "
        "FROM dead_letter l WHERE l.book_id = $1 AND l.stream_id = $2 AND l.partition_id = $3 AND "
        "l.record_offset >= $4 AND l.record_offset < $5 ORDER BY l.record_offset LIMIT $6",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 7, known->job->rebuild.rebuild_book);
    return read_list(known, &known->letters, stmt, from, err);
}

static enum err_code read_duplicates(struct rebuild_known *known, int64_t from, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        known->job->options->db,
        "SELECT record_offset, CAST(3 AS BIGINT) FROM duplicate WHERE book_id = $1 AND "
        "stream_id = $2 AND partition_id = $3 AND record_offset >= $4 AND record_offset < $5 "
        "ORDER BY record_offset LIMIT $6",
        &stmt, err);

    return code == ERR_OK ? read_list(known, &known->duplicates, stmt, from, err) : code;
}

/* --- walking --- */

static int64_t first_of(const struct rebuild_known_list *list)
{
    return list->at < list->count ? list->offsets[list->at] : INT64_MAX;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_next(struct rebuild_known *known)
{
    known->next = least(first_of(&known->letters), first_of(&known->duplicates));
    if (known->lost_at < known->lost_count) {
        known->next = least(known->next, known->lost[known->lost_at].from);
    }
}

enum err_code rebuild_known_open(struct rebuild_known *known, struct rebuild_job *job,
                                 const struct rebuild_lane *lane, int64_t from, int64_t to,
                                 struct err *err)
{
    known->job = job;
    known->lane = lane;
    known->to = to;
    known->lost_count = known->lost_at = 0;
    if (check_digests(known, from, err) != ERR_OK || read_lost(known, from, err) != ERR_OK ||
        read_letters(known, from, err) != ERR_OK || read_duplicates(known, from, err) != ERR_OK) {
        return err->code;
    }
    set_next(known);
    return ERR_OK;
}

/* Goes to the first one at or behind offset. */
static enum err_code advance(struct rebuild_known *known, struct rebuild_known_list *list,
                             enum err_code (*read)(struct rebuild_known *known, int64_t from,
                                                   struct err *err),
                             int64_t offset, struct err *err)
{
    enum err_code code = ERR_OK;

    while (list->at < list->count && list->offsets[list->at] < offset) {
        list->at++;
    }
    if (list->at == list->count && !list->last) {
        CHECK(pthread_mutex_lock(&known->job->lock) == 0);
        code = read(known, offset, err);
        CHECK(pthread_mutex_unlock(&known->job->lock) == 0);
    }
    return code;
}

static bool is_lost(struct rebuild_known *known, int64_t offset)
{
    while (known->lost_at < known->lost_count && known->lost[known->lost_at].to <= offset) {
        known->lost_at++;
    }
    return known->lost_at < known->lost_count && known->lost[known->lost_at].from <= offset;
}

static enum rebuild_fate fate_in(const struct rebuild_known_list *list, int64_t offset)
{
    return first_of(list) == offset ? (enum rebuild_fate)list->fates[list->at] : REBUILD_OPEN;
}

enum err_code rebuild_known_find(struct rebuild_known *known, int64_t offset,
                                 enum rebuild_fate *ret_fate, struct err *err)
{
    enum rebuild_fate letter;

    if (advance(known, &known->letters, read_letters, offset, err) != ERR_OK ||
        advance(known, &known->duplicates, read_duplicates, offset, err) != ERR_OK) {
        return err->code;
    }
    letter = fate_in(&known->letters, offset);
    /* A redriven letter may be a duplicate; one that was redriven since is still dead to this rebuild, and so is its duplicate. */
    *ret_fate = letter == REBUILD_DEAD                                ? REBUILD_DEAD
                : fate_in(&known->duplicates, offset) != REBUILD_OPEN ? REBUILD_DUPLICATE
                                                                      : letter;
    if (is_lost(known, offset)) {
        *ret_fate = REBUILD_GONE;
    }
    /* Behind the last offset that was taken: a hint only, which is never behind what is known next. */
    set_next(known);
    return ERR_OK;
}

/* --- time --- */

enum err_code rebuild_known_time(struct rebuild_known *known, int64_t offset, int64_t *ret_time_ns,
                                 struct err *err)
{
    struct rebuild_job *job = known->job;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code;

    CHECK(pthread_mutex_lock(&job->lock) == 0);
    code = db_prepare(job->options->db,
                      "SELECT b.committed_ns FROM batch_range r JOIN batch b ON "
                      "b.batch_id = r.batch_id WHERE r.book_id = $1 AND r.stream_id = $2 AND "
                      "r.partition_id = $3 AND r.from_offset <= $4 AND r.to_offset > $4 "
                      "ORDER BY r.from_offset DESC LIMIT 1",
                      &stmt, err);
    if (code == ERR_OK) {
        db_bind_int64(stmt, 1, job->rebuild.book_id);
        db_bind_int64(stmt, 2, known->lane->stream_id);
        db_bind_int64(stmt, 3, known->lane->partition);
        db_bind_int64(stmt, 4, offset);
        code = db_step(stmt, &row, err);
        *ret_time_ns = row ? db_column_int64(stmt, 0) : job->rebuild.opened_ns;
        db_reset(stmt);
    }
    CHECK(pthread_mutex_unlock(&job->lock) == 0);
    return code;
}
