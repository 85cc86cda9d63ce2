/* Reading a stretch of a service hour by hour: what statements are made of, in one pass and without a copy of the stretch. */
#include <inttypes.h>
#include <string.h>

#include "aggregator/grade_rows.h"
#include "aggregator/windows.h"
#include "base/check.h"
#include "base/memory.h"

#define MINUTES_ALL ((UINT64_C(1) << TALLY_MINUTES) - 1)

/* What grading says of an hour: few bytes, so that all hours of a stretch are read before its windows are. */
struct hour_grades {
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
};

struct walk {
    struct db *db;
    int64_t book_id;
    struct str service;
    int64_t from_hour, to_hour;
    struct hour_grades *grades; /* of each hour */
    int64_t next;               /* the hour that is due */
    struct window_counts sum;   /* of that hour, all customers added up */
    struct window_counts row;
    struct offset_coverage *coverage;
    windows_hour_fn take;
    void *context;
};

void offset_coverage_release(struct offset_coverage *coverage)
{
    memory_free(coverage->ranges);
    coverage->ranges = NULL;
    coverage->count = 0;
}

static bool covers(const struct offset_coverage *coverage, int64_t hour)
{
    return coverage != NULL && hour >= coverage->from_hour && hour < coverage->to_hour;
}

/* Hours of a service mostly name the same partitions again and again. */
static void add_ranges(struct offset_coverage *coverage, const struct window_counts *counts)
{
    for (size_t i = 0; i < counts->range_count; i++) {
        const struct offset_range *range = &counts->ranges[i];
        struct offset_range *known = i < coverage->count ? &coverage->ranges[i] : NULL;

        if (known != NULL && known->stream_id == range->stream_id &&
            known->partition == range->partition) {
            known->low = range->low < known->low ? range->low : known->low;
            known->high = range->high > known->high ? range->high : known->high;
            continue;
        }
        offset_ranges_add(&coverage->ranges, &coverage->count, range->stream_id, range->partition,
                          range->low);
        offset_ranges_add(&coverage->ranges, &coverage->count, range->stream_id, range->partition,
                          range->high);
    }
}

/* What holds without a stored grade: nothing before the first event, a gap from then on. */
static enum err_code fill_ungraded(struct walk *walk, struct err *err)
{
    struct db_stmt *stmt;
    int64_t first_minute = INT64_MAX;
    bool row = false;
    enum err_code code =
        db_prepare(walk->db, "SELECT first_minute FROM service WHERE book_id = $1 AND service = $2",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, walk->book_id);
    db_bind_text(stmt, 2, walk->service);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        first_minute = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    for (int64_t hour = walk->from_hour; hour < walk->to_hour; hour++) {
        uint8_t *grades = walk->grades[hour - walk->from_hour].grades;
        int64_t before = first_minute <= hour * TALLY_MINUTES ? 0
                         : first_minute >= (hour + 1) * TALLY_MINUTES
                             ? TALLY_MINUTES
                             : first_minute - hour * TALLY_MINUTES;

        memset(grades, GRADE_NOT_PROVISIONED, (size_t)before);
        memset(grades + before, GRADE_PIPELINE_GAP, (size_t)(TALLY_MINUTES - before));
    }
    return code;
}

static enum err_code fill_grades(struct walk *walk, struct err *err)
{
    struct graded_hour row;
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code =
        db_prepare(walk->db,
                   GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 AND hour >= $3"
                                     " AND hour < $4 ORDER BY hour",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, walk->book_id);
    db_bind_text(stmt, 2, walk->service);
    db_bind_int64(stmt, 3, walk->from_hour);
    db_bind_int64(stmt, 4, walk->to_hour);
    while ((code = db_step(stmt, &found, err)) == ERR_OK && found) {
        struct hour_grades *into;

        code = grade_rows_take(stmt, &row, err);
        if (code != ERR_OK) {
            break;
        }
        into = &walk->grades[row.hour - walk->from_hour];
        memcpy(into->grades, row.grades, sizeof(into->grades));
        into->incomplete = row.incomplete & MINUTES_ALL;
    }
    db_reset(stmt);
    return code;
}

/* The hour that is due, with what was added up of it. */
static enum err_code emit(struct walk *walk, struct err *err)
{
    static const struct window_minute nothing[TALLY_MINUTES];
    const struct hour_grades *graded = &walk->grades[walk->next - walk->from_hour];
    struct service_hour hour = {.hour = walk->next++,
                                .grades = graded->grades,
                                .incomplete = graded->incomplete,
                                .counted = walk->sum.counted,
                                .minutes = walk->sum.counted != 0 ? walk->sum.minutes : nothing};

    walk->sum.counted = 0;
    return walk->take(walk->context, &hour, err);
}

static enum err_code emit_until(struct walk *walk, int64_t hour, struct err *err)
{
    enum err_code code = ERR_OK;

    while (walk->next < hour && code == ERR_OK) {
        code = emit(walk, err);
    }
    return code;
}

static void add_row(struct walk *walk)
{
    if (walk->sum.counted == 0) {
        struct window_counts empty = walk->sum;

        walk->sum = walk->row;
        walk->row = empty;
        return;
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        walk->sum.minutes[i].records += walk->row.minutes[i].records;
        walk->sum.minutes[i].total += walk->row.minutes[i].total;
        walk->sum.minutes[i].errors += walk->row.minutes[i].errors;
        walk->sum.minutes[i].slow += walk->row.minutes[i].slow;
        walk->sum.minutes[i].no_latency += walk->row.minutes[i].no_latency;
    }
    walk->sum.counted |= walk->row.counted;
}

static enum err_code take_row(struct walk *walk, struct db_stmt *stmt, struct err *err)
{
    int64_t hour = db_column_int64(stmt, 6);
    bool due = hour == walk->next;
    /* Into the sum itself where it is the hour's first: mostly there is but one. */
    struct window_counts *into = due && walk->sum.counted == 0 ? &walk->sum : &walk->row;
    enum err_code code = ERR_OK;

    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
        code = err_set(err, ERR_MISMATCH, "the row's checksum does not match");
    } else {
        if (!due) {
            code = emit_until(walk, hour, err);
            into = &walk->sum;
        }
        if (code == ERR_OK) {
            code = window_counts_unpack(db_column_blob(stmt, 7), into, err);
        }
    }
    if (code != ERR_OK) {
        into->counted = 0;
        return err->code != ERR_MISMATCH
                   ? code
                   : err_context(err, "window_hour window \"%.*s\" hour %" PRId64,
                                 STR_ARGS(walk->service), hour);
    }
    if (covers(walk->coverage, hour)) {
        add_ranges(walk->coverage, into);
    }
    if (into == &walk->row) {
        add_row(walk);
    }
    return ERR_OK;
}

static enum err_code walk_windows(struct walk *walk, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(walk->db,
                   "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"
                   " WHERE book_id = $1 AND kind = 'window' AND a = $2 AND hour >= $3 AND hour < $4"
                   " ORDER BY hour",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, walk->book_id);
    db_bind_text(stmt, 2, walk->service);
    db_bind_int64(stmt, 3, walk->from_hour);
    db_bind_int64(stmt, 4, walk->to_hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_row(walk, stmt, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code == ERR_OK ? emit_until(walk, walk->to_hour, err) : code;
}

enum err_code windows_hours(struct db *db, int64_t book_id, struct str service, int64_t from_hour,
                            int64_t to_hour, struct offset_coverage *coverage, windows_hour_fn take,
                            void *context, struct err *err)
{
    struct walk walk = {.db = db,
                        .book_id = book_id,
                        .service = service,
                        .from_hour = from_hour,
                        .to_hour = to_hour,
                        .next = from_hour,
                        .coverage = coverage,
                        .take = take,
                        .context = context};
    enum err_code code;

    CHECK(from_hour >= 0);
    CHECK(from_hour <= to_hour);
    walk.grades = memory_calloc((size_t)(to_hour - from_hour), sizeof(walk.grades[0]));
    code = fill_ungraded(&walk, err);
    if (code == ERR_OK) {
        code = fill_grades(&walk, err);
    }
    if (code == ERR_OK) {
        code = walk_windows(&walk, err);
    }
    window_counts_release(&walk.sum);
    window_counts_release(&walk.row);
    memory_free(walk.grades);
    return code;
}

static enum err_code cover_kind(struct db *db, int64_t book_id, enum tally_kind kind,
                                struct str service, struct offset_coverage *coverage,
                                struct window_counts *scratch, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db,
        "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"
        " WHERE book_id = $1 AND kind = $2 AND a = $3 AND hour >= $4 AND hour < $5 ORDER BY hour",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(kind)));
    db_bind_text(stmt, 3, service);
    db_bind_int64(stmt, 4, coverage->from_hour);
    db_bind_int64(stmt, 5, coverage->to_hour);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)
                   ? err_set(err, ERR_MISMATCH, "the row's checksum does not match")
                   : tally_unpack_ranges(kind, db_column_blob(stmt, 7), scratch, err);
        if (code != ERR_OK) {
            (void)err_context(err, "window_hour %s \"%.*s\" hour %" PRId64, tally_kind_name(kind),
                              STR_ARGS(service), db_column_int64(stmt, 6));
            break;
        }
        add_ranges(coverage, scratch);
    }
    db_reset(stmt);
    return code;
}

enum err_code windows_cover(struct db *db, int64_t book_id, enum tally_kind kind,
                            struct str service, struct offset_coverage *coverage, struct err *err)
{
    struct window_counts scratch = {.ranges = NULL};
    enum err_code code;

    CHECK(kind != TALLY_ACTIVITY);
    code = cover_kind(db, book_id, kind, service, coverage, &scratch, err);
    window_counts_release(&scratch);
    return code;
}
