/* Reading a stretch of a service hour by hour: what statements are made of, in one pass and without a copy of the stretch. */
#include <inttypes.h>
#include <string.h>

#include "aggregator/grade_rows.h"
#include "aggregator/windows_parts.h"
#include "base/check.h"
#include "base/memory.h"

#define MINUTES_ALL ((UINT64_C(1) << TALLY_MINUTES) - 1)

/* What grading says of an hour: few bytes, so that all hours of a stretch are read before its windows are. */
struct hour_grades {
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
    bool known; /* from its day, and so are its offsets */
};

struct walk {
    const struct windows_reading *reading;
    struct stored_days days;
    struct service_day *day;    /* the one that was unpacked last */
    int64_t from_hour, to_hour; /* that are read hour by hour */
    struct hour_grades *grades; /* of each of them */
    int64_t next;               /* the hour that is due */
    struct window_counts sum;   /* of that hour, all customers added up */
    struct window_counts row;
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

/* Whether its offsets are wanted as a whole, or not at all. */
static bool covers_evenly(const struct offset_coverage *coverage, int64_t day)
{
    return covers(coverage, day * DAY_HOURS) == covers(coverage, (day + 1) * DAY_HOURS - 1) &&
           (coverage == NULL || coverage->from_hour <= day * DAY_HOURS ||
            coverage->from_hour >= (day + 1) * DAY_HOURS);
}

/* Hours of a service mostly name the same partitions again and again. */
static void add_ranges(struct offset_coverage *coverage, const struct offset_range *ranges,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct offset_range *range = &ranges[i];
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

/* Offsets of hours [from, to) of a kind. */
static enum err_code cover_kind(const struct windows_reading *reading, enum tally_kind kind,
                                int64_t from, int64_t to, struct offset_coverage *coverage,
                                struct window_counts *scratch, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        reading->db,
        "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"
        " WHERE book_id = $1 AND kind = $2 AND a = $3 AND hour >= $4 AND hour < $5 ORDER BY hour",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, reading->book_id);
    db_bind_text(stmt, 2, STR(tally_kind_name(kind)));
    db_bind_text(stmt, 3, reading->service);
    db_bind_int64(stmt, 4, from);
    db_bind_int64(stmt, 5, to);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)
                   ? err_set(err, ERR_MISMATCH, "the row's checksum does not match")
                   : tally_unpack_ranges(kind, db_column_blob(stmt, 7), scratch, err);
        if (code != ERR_OK) {
            (void)err_context(err, "window_hour %s \"%.*s\" hour %" PRId64, tally_kind_name(kind),
                              STR_ARGS(reading->service), db_column_int64(stmt, 6));
            break;
        }
        add_ranges(coverage, scratch->ranges, scratch->range_count);
    }
    db_reset(stmt);
    return code;
}

/* What holds of hours [from, to) without a stored grade: nothing before the first event, a gap from then on. */
static enum err_code fill_ungraded(struct walk *walk, int64_t from, int64_t to, struct err *err)
{
    const struct windows_reading *reading = walk->reading;
    struct db_stmt *stmt;
    int64_t first_minute = INT64_MAX;
    bool row = false;
    enum err_code code = db_prepare(
        reading->db, "SELECT first_minute FROM service WHERE book_id = $1 AND service = $2", &stmt,
        err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, reading->book_id);
    db_bind_text(stmt, 2, reading->service);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        first_minute = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    for (int64_t hour = from; hour < to; hour++) {
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

static enum err_code fill_grades(struct walk *walk, int64_t from, int64_t to, struct err *err)
{
    const struct windows_reading *reading = walk->reading;
    struct graded_hour row;
    struct db_stmt *stmt;
    bool found = false;
    enum err_code code =
        db_prepare(reading->db,
                   GRADE_ROWS_SELECT " WHERE book_id = $1 AND service = $2 AND hour >= $3"
                                     " AND hour < $4 ORDER BY hour",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, reading->book_id);
    db_bind_text(stmt, 2, reading->service);
    db_bind_int64(stmt, 3, from);
    db_bind_int64(stmt, 4, to);
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

/* Grades, and offsets of checks, of a stretch of hours of which no day says them. */
static enum err_code fill_stretch(struct walk *walk, int64_t from, int64_t to, struct err *err)
{
    struct offset_coverage *coverage = walk->reading->coverage;
    enum err_code code = fill_ungraded(walk, from, to, err);

    if (code == ERR_OK) {
        code = fill_grades(walk, from, to, err);
    }
    if (code == ERR_OK && coverage != NULL) {
        from = from > coverage->from_hour ? from : coverage->from_hour;
        to = to < coverage->to_hour ? to : coverage->to_hour;
        code = from < to
                   ? cover_kind(walk->reading, TALLY_CHECK, from, to, coverage, &walk->row, err)
                   : ERR_OK;
        walk->row.counted = 0;
    }
    return code;
}

static void expand_day(struct hour_grades *hours, const struct service_day *day)
{
    uint8_t grades[DAY_MINUTES];
    size_t minute = 0;

    for (size_t i = 0; i < day->run_count; i++) {
        memset(grades + minute, day->runs[i].grade, day->runs[i].minutes);
        minute += day->runs[i].minutes;
    }
    for (int i = 0; i < DAY_HOURS; i++) {
        memcpy(hours[i].grades, grades + (size_t)i * TALLY_MINUTES, TALLY_MINUTES);
        hours[i].known = true;
    }
    for (size_t i = 0; i < day->incomplete_count; i++) {
        for (int m = day->incomplete[i].from; m < day->incomplete[i].to; m++) {
            hours[m / TALLY_MINUTES].incomplete |= UINT64_C(1) << (m % TALLY_MINUTES);
        }
    }
}

/* The day may say what its hours would. False: it does not. */
static bool open_day(struct walk *walk, size_t index)
{
    const struct stored_day *stored = &walk->days.days[index];
    struct err ignored = ERR_INIT;

    return !stored->marked && covers_evenly(walk->reading->coverage, stored->day) &&
           service_day_unpack(stored->packed, walk->day, &ignored) == ERR_OK;
}

static void cover_day(struct walk *walk, int64_t day)
{
    if (covers(walk->reading->coverage, day * DAY_HOURS)) {
        add_ranges(walk->reading->coverage, walk->day->ranges, walk->day->range_count);
    }
}

/* What days know of hours that are read one by one nevertheless. */
static void use_days(struct walk *walk)
{
    for (size_t i = 0; i < walk->days.count; i++) {
        int64_t from = walk->days.days[i].day * DAY_HOURS;

        if (from < walk->from_hour || from + DAY_HOURS > walk->to_hour || !open_day(walk, i)) {
            continue;
        }
        expand_day(&walk->grades[from - walk->from_hour], walk->day);
        cover_day(walk, walk->days.days[i].day);
    }
}

static enum err_code fill_rest(struct walk *walk, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int64_t from = walk->from_hour, to; from < walk->to_hour && code == ERR_OK; from = to) {
        bool known = walk->grades[from - walk->from_hour].known;

        for (to = from + 1;
             to < walk->to_hour && walk->grades[to - walk->from_hour].known == known;) {
            to++;
        }
        code = known ? ERR_OK : fill_stretch(walk, from, to, err);
    }
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
    return walk->reading->take(walk->reading->context, &hour, err);
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
        window_minute_add(&walk->sum.minutes[i], &walk->row.minutes[i]);
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
                                 STR_ARGS(walk->reading->service), hour);
    }
    if (covers(walk->reading->coverage, hour) && !walk->grades[hour - walk->from_hour].known) {
        add_ranges(walk->reading->coverage, into->ranges, into->range_count);
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
        db_prepare(walk->reading->db,
                   "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour"
                   " WHERE book_id = $1 AND kind = 'window' AND a = $2 AND hour >= $3 AND hour < $4"
                   " ORDER BY hour",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, walk->reading->book_id);
    db_bind_text(stmt, 2, walk->reading->service);
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

static enum err_code walk_hours(struct walk *walk, int64_t from, int64_t to, struct err *err)
{
    enum err_code code;

    if (from >= to) {
        return ERR_OK;
    }
    walk->from_hour = walk->next = from;
    walk->to_hour = to;
    walk->grades = memory_calloc((size_t)(to - from), sizeof(walk->grades[0]));
    use_days(walk);
    code = fill_rest(walk, err);
    if (code == ERR_OK) {
        code = walk_windows(walk, err);
    }
    memory_free(walk->grades);
    return code;
}

/* Days where they may be taken, hours between them. */
static enum err_code walk_all(struct walk *walk, struct err *err)
{
    const struct windows_reading *reading = walk->reading;
    int64_t next = reading->from_hour;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < walk->days.count && reading->whole != NULL && code == ERR_OK; i++) {
        int64_t day = walk->days.days[i].day;

        if (!reading->whole(reading->context, day) || !open_day(walk, i)) {
            continue;
        }
        if (next < day * DAY_HOURS) {
            code = walk_hours(walk, next, day * DAY_HOURS, err);
            (void)open_day(walk, i); /* those hours may have been of days as well */
        }
        next = (day + 1) * DAY_HOURS;
        if (code == ERR_OK) {
            cover_day(walk, day);
            code = reading->take_day(reading->context, day, walk->day, err);
        }
    }
    return code == ERR_OK ? walk_hours(walk, next, reading->to_hour, err) : code;
}

enum err_code windows_read(const struct windows_reading *reading, struct err *err)
{
    struct walk walk = {.reading = reading};
    enum err_code code = ERR_OK;

    CHECK(reading->from_hour >= 0);
    CHECK(reading->from_hour <= reading->to_hour);
    CHECK((reading->whole == NULL) == (reading->take_day == NULL));
    if (!reading->hours_only) {
        walk.day = memory_calloc(1, sizeof(*walk.day));
        code = stored_days_read(reading, &walk.days, err);
    }
    if (code == ERR_OK) {
        code = walk_all(&walk, err);
    }
    window_counts_release(&walk.sum);
    window_counts_release(&walk.row);
    if (walk.day != NULL) {
        service_day_release(walk.day);
        memory_free(walk.day);
    }
    stored_days_release(&walk.days);
    return code;
}

enum err_code windows_cover(struct db *db, int64_t book_id, enum tally_kind kind,
                            struct str service, struct offset_coverage *coverage, struct err *err)
{
    const struct windows_reading reading = {.db = db, .book_id = book_id, .service = service};
    struct window_counts scratch = {.ranges = NULL};
    enum err_code code;

    CHECK(kind != TALLY_ACTIVITY);
    code =
        cover_kind(&reading, kind, coverage->from_hour, coverage->to_hour, coverage, &scratch, err);
    window_counts_release(&scratch);
    return code;
}
