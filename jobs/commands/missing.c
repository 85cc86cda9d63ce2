#include "jobs/commands/missing.h"

#include <inttypes.h>
#include <string.h>

#include "base/civil.h"

static void take_missing(struct db_stmt *stmt, struct arena *arena, struct missing_list *list)
{
    size_t count = list->count;

    if ((count & (count - 1)) == 0) {
        struct missing_offsets *grown =
            arena_calloc(arena, count > 0 ? 2 * count : 1, sizeof(*grown));

        if (count > 0) {
            memcpy(grown, list->items, count * sizeof(*grown));
        }
        list->items = grown;
    }
    list->items[list->count++] =
        (struct missing_offsets){.topic = arena_str(arena, db_column_text(stmt, 0)),
                                 .partition = db_column_int64(stmt, 1),
                                 .from = db_column_int64(stmt, 2),
                                 .to = db_column_int64(stmt, 3),
                                 .from_ns = db_column_int64(stmt, 4),
                                 .to_ns = db_column_int64(stmt, 5),
                                 .reason = arena_str(arena, db_column_text(stmt, 6))};
}

/* sql: a literal with $1 book and the columns of struct missing_offsets. */
static enum err_code read_missing(struct run *run, const char *sql, struct arena *arena,
                                  struct missing_list *list, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(run->db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, run->book_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        take_missing(stmt, arena, list);
    }
    db_reset(stmt);
    return code;
}

static const char parked_sql[] =
    "SELECT s.topic, p.partition_id, p.next_offset, p.next_offset, 0, 0, p.parked "
    "FROM partition_offset p JOIN stream s ON s.stream_id = p.stream_id "
    "WHERE p.book_id = $1 AND p.parked IS NOT NULL AND s.closed_ns IS NULL "
    "ORDER BY s.topic, s.cluster, p.partition_id";

static const char lost_sql[] =
    "SELECT s.topic, r.partition_id, r.from_offset, r.to_offset, r.first_time_ns, r.last_time_ns, "
    "'' FROM batch_range r JOIN stream s ON s.stream_id = r.stream_id "
    "WHERE r.book_id = $1 AND r.kind = 'lost' "
    "ORDER BY s.topic, s.cluster, s.incarnation, r.partition_id, r.from_offset";

static void print_parked(FILE *out, const struct missing_list *parked)
{
    if (parked->count > 0) {
        (void)fputs("\nParked partitions, which hold complete-until back:\n", out);
    }
    for (size_t i = 0; i < parked->count; i++) {
        const struct missing_offsets *one = &parked->items[i];

        (void)fprintf(out,
                      "  %.*s/%" PRId64 ": %.*s (uptally consume --accept-loss %.*s/%" PRId64 ")\n",
                      STR_ARGS(one->topic), one->partition, STR_ARGS(one->reason),
                      STR_ARGS(one->topic), one->partition);
    }
}

static void print_lost(FILE *out, const struct missing_list *lost)
{
    char from[CIVIL_TEXT_SIZE];
    char to[CIVIL_TEXT_SIZE];

    if (lost->count > 0) {
        (void)fputs("\nLost before they were read, and accepted:\n", out);
    }
    for (size_t i = 0; i < lost->count; i++) {
        const struct missing_offsets *one = &lost->items[i];

        (void)fprintf(
            out, "  %.*s/%" PRId64 ": offsets %" PRId64 " to %" PRId64 ", from between %s and %s\n",
            STR_ARGS(one->topic), one->partition, one->from, one->to - 1,
            civil_format_rfc3339(one->from_ns, from), civil_format_rfc3339(one->to_ns, to));
    }
}

static void write_parked(struct json_writer *json, const struct missing_list *parked)
{
    json_open_array(json, "parked");
    for (size_t i = 0; i < parked->count; i++) {
        json_open_object(json, NULL);
        json_int64(json, "next_offset", parked->items[i].from);
        json_int64(json, "partition", parked->items[i].partition);
        json_str(json, "reason", parked->items[i].reason);
        json_str(json, "topic", parked->items[i].topic);
        json_close(json);
    }
    json_close(json);
}

static void write_lost(struct json_writer *json, const struct missing_list *lost)
{
    char text[CIVIL_TEXT_SIZE];

    json_open_array(json, "lost");
    for (size_t i = 0; i < lost->count; i++) {
        const struct missing_offsets *one = &lost->items[i];

        json_open_object(json, NULL);
        json_text(json, "from", civil_format_rfc3339(one->from_ns, text));
        json_int64(json, "from_offset", one->from);
        json_int64(json, "partition", one->partition);
        json_text(json, "to", civil_format_rfc3339(one->to_ns, text));
        json_int64(json, "to_offset", one->to);
        json_str(json, "topic", one->topic);
        json_close(json);
    }
    json_close(json);
}

enum err_code missing_read(struct run *run, struct arena *arena, struct missing *ret_missing,
                           struct err *err)
{
    struct missing missing = {0};
    enum err_code code = read_missing(run, parked_sql, arena, &missing.parked, err);

    if (code == ERR_OK) {
        code = read_missing(run, lost_sql, arena, &missing.lost, err);
    }
    if (code == ERR_OK) {
        *ret_missing = missing;
    }
    return code;
}

void missing_print(FILE *out, const struct missing *missing)
{
    print_parked(out, &missing->parked);
    print_lost(out, &missing->lost);
}

void missing_write(struct json_writer *json, const struct missing *missing)
{
    write_lost(json, &missing->lost);
    write_parked(json, &missing->parked);
}
