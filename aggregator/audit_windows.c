/* Windows and pending rows: are they what was written, do they belong where they stand, what do they add up to. */
#include <inttypes.h>
#include <stdio.h>

#include "aggregator/audit_parts.h"
#include "aggregator/pending.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"

enum { PLACE_SIZE = 1200 };

struct tally_place {
    const char *table;    /* or the pending row */
    struct tally_key key; /* borrowed from the row */
};

/* An hour of a damaged row may be outside of what has a civil form. */
static const char *hour_text(int64_t hour, char text[CIVIL_TEXT_SIZE])
{
    if (hour > INT64_MIN / NS_PER_HOUR && hour < INT64_MAX / NS_PER_HOUR) {
        return civil_format_rfc3339(hour * NS_PER_HOUR, text);
    }
    (void)snprintf(text, CIVIL_TEXT_SIZE, "%" PRId64, hour);
    return text;
}

/* "window_hour check shop / i-1 / eu / probe hour 2026-10-01T05:00:00Z" */
static const char *place_of(const struct tally_place *row, struct str kind, char text[PLACE_SIZE])
{
    const struct str names[] = {row->key.a, row->key.b, row->key.c, row->key.d};
    char time[CIVIL_TEXT_SIZE];
    struct strbuf place;

    strbuf_init(&place, PLACE_SIZE - 1);
    strbuf_append_format(&place, "%s %.*s", row->table, STR_ARGS(kind));
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].size > 0) {
            strbuf_append_format(&place, "%s%.*s", i == 0 ? " " : " / ",
                                 names[i].size > NAME_SIZE_MAX ? NAME_SIZE_MAX : (int)names[i].size,
                                 names[i].data);
        }
    }
    strbuf_append_format(&place, " hour %s", hour_text(row->key.hour, time));
    (void)snprintf(text, PLACE_SIZE, "%s", strbuf_text(&place));
    strbuf_release(&place);
    return text;
}

/* Offsets of a tally lie where the ledger has read. */
static bool ranges_known(const struct audit *audit, const struct offset_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct audit_partition *p =
            audit_partition(audit, ranges[i].stream_id, ranges[i].partition);

        if (p == NULL || ranges[i].low < p->origin || ranges[i].high >= p->next_offset) {
            return false;
        }
    }
    return true;
}

/* The last result of a minute is of that minute. */
static bool times_fit(const struct check_tally *tally, int64_t hour)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct check_minute *minute = &tally->minutes[i];

        if (minute->records > 0 &&
            (tally_hour(minute->last_time_ns) != hour || tally_minute(minute->last_time_ns) != i)) {
            return false;
        }
    }
    return true;
}

static void check_content(struct audit *audit, const struct tally_place *row, const char *place,
                          const struct tally *tally)
{
    enum tally_kind kind = row->key.kind;
    bool known = true;

    if (kind == TALLY_WINDOW) {
        known = ranges_known(audit, tally->window.ranges, tally->window.range_count);
    } else if (kind == TALLY_CHECK) {
        known = ranges_known(audit, tally->check.ranges, tally->check.range_count);
        if (!times_fit(&tally->check, row->key.hour)) {
            audit_find(audit, "%s: holds results of another minute", place);
        }
    }
    if (!known) {
        audit_find(audit, "%s: names offsets that the ledger has not read", place);
    }
    if (kind != TALLY_ACTIVITY) {
        audit_add(&audit->in_windows[kind == TALLY_CHECK], tally_records(kind, tally));
    }
}

/* Columns as the table has them. */
static void check_window(struct audit *audit, struct db_stmt *stmt, struct tally *ret_tally,
                         enum tally_kind *ret_kind, bool *ret_valid)
{
    struct err err = ERR_INIT;
    struct str kind = db_column_text(stmt, 1);
    struct tally_place row = {.table = "window_hour",
                              .key = {.a = db_column_text(stmt, 2),
                                      .b = db_column_text(stmt, 3),
                                      .c = db_column_text(stmt, 4),
                                      .d = db_column_text(stmt, 5),
                                      .hour = db_column_int64(stmt, 6)}};
    char place[PLACE_SIZE];

    *ret_valid = false;
    audit->report.windows++;
    place_of(&row, kind, place);
    if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
        audit_find(audit, "%s: the row was changed (checksum)", place);
    }
    if (!tally_kind_find(kind, &row.key.kind)) {
        audit_find(audit, "%s: unknown kind", place);
        return;
    }
    *ret_kind = row.key.kind;
    if (tally_unpack(row.key.kind, db_column_blob(stmt, 7), ret_tally, &err) != ERR_OK) {
        audit_find(audit, "%s: %s", place, err.text);
        return;
    }
    check_content(audit, &row, place, ret_tally);
    *ret_valid = true;
}

static bool quantiles_fit(struct db_stmt *stmt, const struct histogram *latency)
{
    static const int per_mille[] = {500, 950, 990};
    bool empty = histogram_count(latency) == 0;

    for (int i = 0; i < 3; i++) {
        if (db_column_null(stmt, 14 + i) != empty ||
            (!empty &&
             db_column_int64(stmt, 14 + i) != histogram_quantile_ns(latency, per_mille[i]))) {
            return false;
        }
    }
    return true;
}

static void check_rollup(struct audit *audit, struct db_stmt *stmt, const struct tally *tally)
{
    struct window_minute sum = {0};
    char time[CIVIL_TEXT_SIZE];

    for (int i = 0; i < TALLY_MINUTES; i++) {
        sum.records += tally->window.minutes[i].records;
        sum.total += tally->window.minutes[i].total;
        sum.errors += tally->window.minutes[i].errors;
        sum.slow += tally->window.minutes[i].slow;
        sum.no_latency += tally->window.minutes[i].no_latency;
    }
    if (db_column_null(stmt, 9) || db_column_int64(stmt, 9) != sum.records ||
        db_column_int64(stmt, 10) != sum.total || db_column_int64(stmt, 11) != sum.errors ||
        db_column_int64(stmt, 12) != sum.slow || db_column_int64(stmt, 13) != sum.no_latency ||
        !quantiles_fit(stmt, &tally->window.latency)) {
        audit_find(audit, "rollup_hour %.*s / %.*s hour %s: differs from its window",
                   STR_ARGS(db_column_text(stmt, 2)), STR_ARGS(db_column_text(stmt, 3)),
                   hour_text(db_column_int64(stmt, 6), time));
    }
}

static enum err_code check_windows(struct audit *audit, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(
        audit,
        "SELECT w.book_id, w.kind, w.a, w.b, w.c, w.d, w.hour, w.tally, w.checksum, "
        "r.records, r.total, r.errors, r.slow, r.no_latency, r.latency_p50_ns, r.latency_p95_ns, "
        "r.latency_p99_ns FROM window_hour w "
        "LEFT JOIN rollup_hour r ON w.kind = 'window' AND r.book_id = w.book_id AND "
        "r.service = w.a AND r.customer = w.b AND r.hour = w.hour "
        "WHERE w.book_id = $1 ORDER BY w.kind, w.a, w.hour, w.b, w.c, w.d",
        &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        enum tally_kind kind;
        struct tally tally;
        bool valid;

        check_window(audit, stmt, &tally, &kind, &valid);
        if (valid) {
            bool has_records = tally_records(kind, &tally) > 0; /* or only offsets of duplicates */

            if (kind == TALLY_WINDOW && !audit->plain &&
                (has_records || !db_column_null(stmt, 9))) {
                check_rollup(audit, stmt, &tally);
            }
            if (has_records) {
                struct tally_key key = {
                    .kind = kind, .a = db_column_text(stmt, 2), .hour = db_column_int64(stmt, 6)};

                audit_note_service(audit, &key, &tally);
            }
            tally_release(kind, &tally);
        }
    }
    return code;
}

static void check_entry(struct audit *audit, const char *row, const struct pending_reader *reader,
                        const struct pending_entry *entry)
{
    struct tally_place tally = {.table = row, .key = pending_key(reader, entry)};
    struct err err = ERR_INIT;
    struct tally unpacked;
    char place[PLACE_SIZE];

    audit->report.windows++;
    place_of(&tally, STR(tally_kind_name(entry->kind)), place);
    if (tally_unpack(entry->kind, entry->tally, &unpacked, &err) != ERR_OK) {
        audit_find(audit, "%s: %s", place, err.text);
        return;
    }
    check_content(audit, &tally, place, &unpacked);
    tally_release(entry->kind, &unpacked);
}

static void check_entries(struct audit *audit, const char *row, struct str packed, int64_t tallies)
{
    struct pending_reader reader;
    struct pending_entry entry;
    enum pending_result result;

    pending_reader_init(&reader);
    pending_begin(&reader, packed);
    while ((result = pending_next(&reader, &entry)) == PENDING_ENTRY) {
        check_entry(audit, row, &reader, &entry);
        tallies--;
    }
    if (result == PENDING_DAMAGED) {
        audit_find(audit, "%s: damaged near byte %zu of %zu", row, packed.size - reader.rest.size,
                   packed.size);
    } else if (tallies != 0) {
        audit_find(audit, "%s: holds another number of tallies than it says", row);
    }
    pending_reader_release(&reader);
}

static enum err_code check_pending(struct audit *audit, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        audit_prepare(audit,
                      "SELECT p.book_id, p.batch_id, p.part, p.tallies, p.packed, p.checksum, "
                      "b.folded FROM pending p "
                      "LEFT JOIN batch b ON b.batch_id = p.batch_id AND b.book_id = p.book_id "
                      "WHERE p.book_id = $1 ORDER BY p.batch_id, p.part",
                      &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        char place[PENDING_PLACE_SIZE];

        (void)pending_place(db_column_blob(stmt, 1), db_column_int64(stmt, 2), place);
        if (db_column_checksum(stmt, 5) != db_column_int64(stmt, 5)) {
            audit_find(audit, "%s: the row was changed (checksum)", place);
        }
        if (db_column_null(stmt, 6) || db_column_int64(stmt, 6) != 0) {
            audit_find(audit, "%s: its batch counts as folded or is not in this book", place);
        }
        check_entries(audit, place, db_column_blob(stmt, 4), db_column_int64(stmt, 3));
    }
    return code;
}

/* Rows with a service, a customer and a number, that should not be. */
static enum err_code find_rows(struct audit *audit, const char *what, const char *sql,
                               struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit, sql, &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        audit_find(audit, "%s: service %.*s customer %.*s, %" PRId64, what,
                   STR_ARGS(db_column_text(stmt, 0)), STR_ARGS(db_column_text(stmt, 1)),
                   db_column_int64(stmt, 2));
    }
    return code;
}

enum err_code audit_windows(struct audit *audit, struct err *err)
{
    enum err_code code = check_windows(audit, err);

    if (code == ERR_OK) {
        code = check_pending(audit, err);
    }
    if (code == ERR_OK) {
        code = find_rows(audit, "rollup_hour without a window (hour since 1970)",
                         "SELECT service, customer, hour FROM rollup_hour r WHERE book_id = $1 AND "
                         "NOT EXISTS (SELECT 1 FROM window_hour w WHERE w.book_id = r.book_id AND "
                         "w.kind = 'window' AND w.a = r.service AND w.b = r.customer AND "
                         "w.c = '' AND w.d = '' AND w.hour = r.hour)",
                         err);
    }
    if (code == ERR_OK) {
        code = find_rows(
            audit, "rollup_day differs from its hours (day since 1970)",
            "SELECT d.service, d.customer, d.day FROM rollup_day d LEFT JOIN rollup_hour h "
            "ON h.book_id = d.book_id AND h.service = d.service AND h.customer = d.customer "
            "AND h.hour >= d.day * 24 AND h.hour < d.day * 24 + 24 WHERE d.book_id = $1 "
            "GROUP BY d.service, d.customer, d.day, d.records, d.total, d.errors, d.slow, "
            "d.no_latency HAVING coalesce(sum(h.records), 0) <> d.records OR "
            "coalesce(sum(h.total), 0) <> d.total OR coalesce(sum(h.errors), 0) <> d.errors OR "
            "coalesce(sum(h.slow), 0) <> d.slow OR "
            "coalesce(sum(h.no_latency), 0) <> d.no_latency",
            err);
    }
    return code;
}
