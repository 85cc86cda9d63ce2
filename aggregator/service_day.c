/*
 * The packed form:
 *
 *   1, ranges; records; unless there are none: extra, errors, slow, no_latency; grades; incomplete
 *   ranges:     as in a packed window (tally_pack.c)
 *   extra:      total - records
 *   grades:     0, mask of those that there are, and for each minute which of them, in as few bits as name them all; or, where that is shorter,
 *   runs:       1, each: grade, minutes; neighbours differ; until the day is full
 *   incomplete: count, each: minutes since the end of the one before, at least 1 behind the first; minutes, at least 1
 */
#include "aggregator/service_day.h"

#include <string.h>

#include "aggregator/pack.h"
#include "aggregator/tally_parts.h"
#include "aggregator/windows.h"
#include "base/check.h"
#include "base/memory.h"

enum { FORMAT = 1, PACKED_SIZE_MAX = 8 << 20 };
enum grades_form { GRADES_BITS, GRADES_RUNS };

_Static_assert(GRADE_COUNT <= 14, "a mask of grades has at most two bytes");
enum { NAME_WIDTH_MAX = 4 };
_Static_assert(GRADE_COUNT <= 1 << NAME_WIDTH_MAX, "a name of each");

void service_day_release(struct service_day *day)
{
    memory_free(day->ranges);
    day->ranges = NULL;
    day->range_count = day->range_capacity = 0;
}

static void add_run(struct service_day *day, uint8_t grade, int minutes)
{
    if (day->run_count == 0 || day->runs[day->run_count - 1].grade != grade) {
        CHECK(day->run_count < DAY_MINUTES);
        day->runs[day->run_count++] = (struct grade_run){.grade = grade};
    }
    day->runs[day->run_count - 1].minutes =
        (uint16_t)(day->runs[day->run_count - 1].minutes + minutes);
}

static void add_incomplete(struct service_day *day, int minute)
{
    struct minute_span *last =
        day->incomplete_count > 0 ? &day->incomplete[day->incomplete_count - 1] : NULL;

    if (last == NULL || last->to != minute) {
        CHECK(day->incomplete_count < DAY_MINUTES / 2);
        last = &day->incomplete[day->incomplete_count++];
        last->from = (uint16_t)minute;
    }
    last->to = (uint16_t)(minute + 1);
}

void service_day_add(struct service_day *day, const struct service_hour *hour)
{
    int start = (int)(hour->hour % DAY_HOURS) * TALLY_MINUTES;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        add_run(day, hour->grades[i], 1);
        if ((hour->incomplete >> i & 1) != 0) {
            add_incomplete(day, start + i);
        }
    }
    for (uint64_t counted = hour->counted; counted != 0; counted &= counted - 1) {
        const struct window_minute *minute = &hour->minutes[__builtin_ctzll(counted)];

        day->too_large = day->too_large || minute->total > PACK_COUNT_MAX / DAY_MINUTES;
        if (!day->too_large) {
            window_minute_add(&day->sum, minute);
        }
    }
}

/* Of the day's grades, one bit each. */
static uint64_t grades_mask(const struct service_day *day)
{
    uint64_t mask = 0;

    for (size_t i = 0; i < day->run_count; i++) {
        mask |= UINT64_C(1) << day->runs[i].grade;
    }
    return mask;
}

/* Bits that name one of the mask's grades. */
static int name_width(uint64_t mask)
{
    return bits_width((uint64_t)__builtin_popcountll(mask) - 1);
}

/* The shorter one: a quiet service may be silent every other minute, and its runs would be as many. */
static enum grades_form form_of(const struct service_day *day)
{
    uint64_t mask = grades_mask(day);
    size_t bits = (mask < 0x80 ? 1U : 2U) + ((size_t)name_width(mask) * DAY_MINUTES + 7) / 8;
    size_t runs = 0;

    for (size_t i = 0; i < day->run_count; i++) {
        runs += day->runs[i].minutes < 0x80 ? 2U : 3U;
    }
    return runs < bits ? GRADES_RUNS : GRADES_BITS;
}

static void pack_bits(const struct service_day *day, struct strbuf *out)
{
    char bytes[DAY_MINUTES * NAME_WIDTH_MAX / 8 + CURSOR_SLACK];
    struct cursor cursor = {.at = bytes};
    uint64_t mask = grades_mask(day);
    int width = name_width(mask);
    int minutes = 0;

    CHECK(width <= NAME_WIDTH_MAX);
    pack_uint(out, mask);
    for (size_t i = 0; i < day->run_count; i++) {
        uint64_t below = mask & ((UINT64_C(1) << day->runs[i].grade) - 1);

        minutes += day->runs[i].minutes;
        CHECK(minutes <= DAY_MINUTES);
        for (int m = 0; m < day->runs[i].minutes; m++) {
            cursor_bits(&cursor, (uint64_t)__builtin_popcountll(below), width);
        }
    }
    cursor_end_bits(&cursor);
    strbuf_append(out, str_of(bytes, (size_t)(cursor.at - bytes)));
}

static void pack_grades(const struct service_day *day, struct strbuf *out)
{
    enum grades_form form = form_of(day);

    strbuf_append_char(out, (char)form);
    if (form == GRADES_BITS) {
        pack_bits(day, out);
        return;
    }
    for (size_t i = 0; i < day->run_count; i++) {
        strbuf_append_char(out, (char)day->runs[i].grade);
        pack_uint(out, day->runs[i].minutes);
    }
}

bool service_day_pack(const struct service_day *day, struct strbuf *out)
{
    const struct window_minute *sum = &day->sum;
    int end = 0;

    if (day->too_large) {
        return false;
    }
    CHECK(window_minute_valid(sum));
    strbuf_append_char(out, FORMAT);
    offset_ranges_pack(day->ranges, day->range_count, out);
    pack_count(out, sum->records);
    if (sum->records > 0) {
        pack_count(out, sum->total - sum->records);
        pack_count(out, sum->errors);
        pack_count(out, sum->slow);
        pack_count(out, sum->no_latency);
    }
    pack_grades(day, out);
    pack_uint(out, day->incomplete_count);
    for (size_t i = 0; i < day->incomplete_count; i++) {
        pack_count(out, day->incomplete[i].from - end);
        pack_count(out, day->incomplete[i].to - day->incomplete[i].from);
        end = day->incomplete[i].to;
    }
    return !out->overflow;
}

static bool unpack_sum(struct str *packed, struct window_minute *sum)
{
    int64_t extra;

    *sum = (struct window_minute){0};
    if (!unpack_count(packed, PACK_COUNT_MAX, &sum->records)) {
        return false;
    }
    if (sum->records == 0) {
        return true;
    }
    if (!unpack_count(packed, PACK_COUNT_MAX, &extra) ||
        !unpack_count(packed, PACK_COUNT_MAX, &sum->errors) ||
        !unpack_count(packed, PACK_COUNT_MAX, &sum->slow) ||
        !unpack_count(packed, PACK_COUNT_MAX, &sum->no_latency)) {
        return false;
    }
    sum->total = sum->records + extra;
    return window_minute_valid(sum);
}

static bool unpack_runs(struct str *packed, struct service_day *day)
{
    int64_t left = DAY_MINUTES, minutes;

    for (day->run_count = 0; left > 0; left -= minutes) {
        struct grade_run *run = &day->runs[day->run_count];

        if (packed->size == 0) {
            return false;
        }
        run->grade = (uint8_t)packed->data[0];
        *packed = str_of(packed->data + 1, packed->size - 1);
        if (run->grade >= GRADE_COUNT || !unpack_count(packed, left, &minutes) || minutes == 0 ||
            (day->run_count > 0 && run[-1].grade == run->grade)) {
            return false;
        }
        run->minutes = (uint16_t)minutes;
        day->run_count++;
    }
    return true;
}

static bool unpack_bits(struct str *packed, struct service_day *day)
{
    int64_t names[DAY_MINUTES];
    uint8_t grades[GRADE_COUNT];
    struct bit_reader reader = {.at = 0};
    uint64_t mask, any;
    int64_t count = 0;

    if (!unpack_uint(packed, &mask) || mask == 0 || mask >> GRADE_COUNT != 0) {
        return false;
    }
    reader.bytes = *packed;
    if (!bits_get(&reader, name_width(mask), names, DAY_MINUTES, &any) ||
        !bits_finish(&reader, packed)) {
        return false;
    }
    for (uint64_t left = mask; left != 0; left &= left - 1) {
        grades[count++] = (uint8_t)__builtin_ctzll(left);
    }
    day->run_count = 0;
    for (int from = 0, to; from < DAY_MINUTES; from = to) {
        for (to = from + 1; to < DAY_MINUTES && names[to] == names[from];) {
            to++;
        }
        if (names[from] >= count) {
            return false;
        }
        day->runs[day->run_count++] =
            (struct grade_run){grades[names[from]], (uint16_t)(to - from)};
    }
    return grades_mask(day) == mask; /* each of them is somewhere */
}

static bool unpack_grades(struct str *packed, struct service_day *day)
{
    int64_t form;

    return unpack_count(packed, GRADES_RUNS, &form) &&
           (form == GRADES_BITS ? unpack_bits(packed, day) : unpack_runs(packed, day)) &&
           form_of(day) == (enum grades_form)form;
}

static bool unpack_incomplete(struct str *packed, struct service_day *day)
{
    int64_t count, gap, minutes, end = 0;

    if (!unpack_count(packed, DAY_MINUTES / 2, &count)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        if (!unpack_count(packed, DAY_MINUTES - end, &gap) || (gap == 0 && i > 0) ||
            !unpack_count(packed, DAY_MINUTES - end - gap, &minutes) || minutes == 0) {
            return false;
        }
        day->incomplete[i] =
            (struct minute_span){(uint16_t)(end + gap), (uint16_t)(end + gap + minutes)};
        end += gap + minutes;
    }
    day->incomplete_count = (size_t)count;
    return true;
}

enum err_code service_day_unpack(struct str packed, struct service_day *day, struct err *err)
{
    bool known = packed.size > 0 && packed.data[0] == FORMAT;

    packed = known ? str_of(packed.data + 1, packed.size - 1) : packed;
    if (!known ||
        !offset_ranges_refill(&packed, &day->ranges, &day->range_count, &day->range_capacity) ||
        !unpack_sum(&packed, &day->sum) || !unpack_grades(&packed, day) ||
        !unpack_incomplete(&packed, day) || packed.size > 0) {
        return err_set(err, ERR_MISMATCH, "packed day: damaged");
    }
    return ERR_OK;
}

enum err_code service_day_state(struct db *db, int64_t book_id, struct str service, int64_t day,
                                enum day_state *ret_state, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db,
        "SELECT (SELECT COUNT(*) FROM grade_hour WHERE book_id = $1 AND service = $2 AND"
        " hour >= $3 AND hour < $4), (SELECT COUNT(*) FROM regrade WHERE book_id = $1 AND"
        " service = $2 AND hour >= $3 AND hour < $4)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, day * DAY_HOURS);
    db_bind_int64(stmt, 4, (day + 1) * DAY_HOURS);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        *ret_state = db_column_int64(stmt, 1) > 0           ? DAY_MARKED
                     : db_column_int64(stmt, 0) < DAY_HOURS ? DAY_UNGRADED
                                                            : DAY_READY;
    }
    db_reset(stmt);
    return code;
}

static enum err_code take_hour(void *context, const struct service_hour *hour, struct err *err)
{
    (void)err;
    service_day_add(context, hour);
    return ERR_OK;
}

enum err_code service_day_derive(struct db *db, int64_t book_id, struct str service, int64_t day,
                                 struct strbuf *ret_packed, bool *ret_whole, struct err *err)
{
    struct service_day *derived = memory_calloc(1, sizeof(*derived));
    struct offset_coverage coverage = {.from_hour = day * DAY_HOURS,
                                       .to_hour = (day + 1) * DAY_HOURS};
    const struct windows_reading reading = {.db = db,
                                            .book_id = book_id,
                                            .service = service,
                                            .from_hour = coverage.from_hour,
                                            .to_hour = coverage.to_hour,
                                            .coverage = &coverage,
                                            .hours_only = true,
                                            .take = take_hour,
                                            .context = derived};
    enum err_code code = windows_read(&reading, err);

    if (code == ERR_OK) {
        derived->ranges = coverage.ranges;
        derived->range_count = coverage.count;
        *ret_whole = service_day_pack(derived, ret_packed);
    }
    offset_coverage_release(&coverage);
    memory_free(derived);
    return code;
}

static enum err_code remove_row(struct db *db, int64_t book_id, struct str service, int64_t day,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db, "DELETE FROM service_day WHERE book_id = $1 AND service = $2 AND day = $3", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, day);
    return db_run(stmt, NULL, err);
}

static enum err_code insert(struct db *db, int64_t book_id, struct str service, int64_t day,
                            struct str packed, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO service_day (book_id, service, day, packed, checksum)"
                   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, service, day)"
                   " DO UPDATE SET packed = excluded.packed, checksum = excluded.checksum",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, day);
    db_bind_blob(stmt, 4, packed);
    db_bind_checksum(stmt, 5);
    return db_run(stmt, NULL, err);
}

/* Damage of one hour stops whoever reads it, but not the grading of its neighbours. */
static enum err_code derive(struct db *db, int64_t book_id, struct str service, int64_t day,
                            struct strbuf *ret_packed, bool *ret_whole, struct err *err)
{
    struct err damage = ERR_INIT;
    enum err_code code =
        service_day_derive(db, book_id, service, day, ret_packed, ret_whole, &damage);

    if (code != ERR_OK && code != ERR_MISMATCH) {
        *err = damage;
        return code;
    }
    return ERR_OK;
}

enum err_code service_day_write(struct db *db, int64_t book_id, struct str service, int64_t day,
                                struct err *err)
{
    struct strbuf packed;
    enum day_state state = DAY_UNGRADED;
    bool whole = false;
    enum err_code code = service_day_state(db, book_id, service, day, &state, err);

    if (code != ERR_OK || state != DAY_READY) {
        return code;
    }
    strbuf_init(&packed, PACKED_SIZE_MAX);
    code = derive(db, book_id, service, day, &packed, &whole, err);
    if (code == ERR_OK) {
        code = whole ? insert(db, book_id, service, day, strbuf_view(&packed), err)
                     : remove_row(db, book_id, service, day, err);
    }
    strbuf_release(&packed);
    return code;
}
