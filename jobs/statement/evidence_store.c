/* Tables of what the store knows of a period besides what a statement is measured from. */
#include <string.h>

#include "aggregator/windows.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "jobs/statement/cells.h"

/* Rows of a service's windows that belong together come one after the other. */
struct rows {
    struct cells cells;
    struct evidence *evidence;
    struct str service;
    bool open;
    int64_t hour;
    enum tally_kind kind;
    /* write_instances */
    struct arena names;
    struct str instance, region;
    struct check_minute minutes[TALLY_MINUTES];
    /* write_coordinates */
    struct offset_range *ranges; /* owned */
    size_t range_count;
};

static void close_instance(struct rows *rows)
{
    for (int i = 0; i < TALLY_MINUTES && rows->open; i++) {
        const struct check_minute *minute = &rows->minutes[i];
        int64_t at = rows->hour * TALLY_MINUTES + i;

        if (minute->records == 0 || at < rows->evidence->from_minute ||
            at >= rows->evidence->to_minute) {
            continue;
        }
        cells_str(&rows->cells, rows->service);
        cells_str(&rows->cells, rows->instance);
        cells_str(&rows->cells, rows->region);
        cells_time(&rows->cells, at * NS_PER_MINUTE);
        cells_integer(&rows->cells, minute->passed);
        cells_integer(&rows->cells, minute->warned);
        cells_integer(&rows->cells, minute->failed);
        cells_integer(&rows->cells, minute->unknown);
        cells_end(&rows->cells);
    }
    rows->open = false;
}

/* Checkers of an instance and region are added up. */
static enum err_code take_instance(void *context, const struct tally_key *key,
                                   const struct tally *tally, struct err *err)
{
    struct rows *rows = context;

    (void)err;
    if (!rows->open || rows->hour != key->hour || !str_equal(rows->instance, key->b) ||
        !str_equal(rows->region, key->c)) {
        close_instance(rows);
        arena_clear(&rows->names);
        memset(rows->minutes, 0, sizeof(rows->minutes));
        rows->open = true;
        rows->hour = key->hour;
        rows->instance = arena_str(&rows->names, key->b);
        rows->region = arena_str(&rows->names, key->c);
    }
    for (int i = 0; i < TALLY_MINUTES; i++) {
        const struct check_minute *from = &tally->check.minutes[i];

        rows->minutes[i].records += from->records;
        rows->minutes[i].passed += from->passed;
        rows->minutes[i].warned += from->warned;
        rows->minutes[i].failed += from->failed;
        rows->minutes[i].unknown += from->unknown;
    }
    return rows->cells.code;
}

static int64_t first_hour(const struct evidence *evidence)
{
    return evidence->from_minute / TALLY_MINUTES;
}

static int64_t end_hour(const struct evidence *evidence)
{
    return (evidence->to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES;
}

enum err_code evidence_instances(struct evidence *evidence, struct err *err)
{
    const struct publisher *publisher = evidence->publisher;
    const struct contract *contract = evidence->explanation->contract;
    struct rows rows = {.evidence = evidence, .names = ARENA_INIT};
    enum err_code code = ERR_OK;

    cells_begin(&rows.cells, evidence,
                "service,instance,region,minute,passed,warned,failed,unknown", err);
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        rows.service = contract->services[i];
        code = windows_each_instance(publisher->db, publisher->book_id, rows.service,
                                     first_hour(evidence), end_hour(evidence), take_instance, &rows,
                                     err);
        close_instance(&rows);
    }
    arena_release(&rows.names);
    return cells_done(&rows.cells, code);
}

/* Cluster, topic and incarnation of a stream: three cells. */
static enum err_code stream_cells(struct cells *cells, int64_t stream_id, struct err *err)
{
    const struct trace_stream *stream;
    enum err_code code = trace_streams_find(&cells->evidence->streams, stream_id, &stream, err);

    if (code == ERR_OK) {
        cells_str(cells, stream->cluster);
        cells_str(cells, stream->topic);
        cells_integer(cells, stream->incarnation);
    }
    return code;
}

static enum err_code close_coordinates(struct rows *rows, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < rows->range_count && code == ERR_OK; i++) {
        const struct offset_range *range = &rows->ranges[i];

        cells_str(&rows->cells, rows->service);
        cells_time(&rows->cells, rows->hour * NS_PER_HOUR);
        cells_text(&rows->cells, rows->kind == TALLY_WINDOW ? "requests" : "checks");
        code = stream_cells(&rows->cells, range->stream_id, err);
        cells_integer(&rows->cells, range->partition);
        cells_integer(&rows->cells, range->low);
        cells_integer(&rows->cells, range->high);
        cells_end(&rows->cells);
    }
    memory_free(rows->ranges);
    rows->ranges = NULL;
    rows->range_count = 0;
    return code;
}

static enum err_code take_coordinates(void *context, const struct tally_key *key,
                                      const struct tally *tally, struct err *err)
{
    struct rows *rows = context;
    bool windows = key->kind == TALLY_WINDOW;
    const struct offset_range *ranges = windows ? tally->window.ranges : tally->check.ranges;
    size_t count = windows ? tally->window.range_count : tally->check.range_count;
    enum err_code code = ERR_OK;

    if (rows->hour != key->hour) {
        code = close_coordinates(rows, err);
        rows->hour = key->hour;
    }
    for (size_t i = 0; i < count; i++) {
        offset_ranges_add(&rows->ranges, &rows->range_count, ranges[i].stream_id,
                          ranges[i].partition, ranges[i].low);
        offset_ranges_add(&rows->ranges, &rows->range_count, ranges[i].stream_id,
                          ranges[i].partition, ranges[i].high);
    }
    return code == ERR_OK ? rows->cells.code : code;
}

enum err_code evidence_coordinates(struct evidence *evidence, struct err *err)
{
    static const enum tally_kind kinds[] = {TALLY_WINDOW, TALLY_CHECK};
    const struct publisher *publisher = evidence->publisher;
    const struct contract *contract = evidence->explanation->contract;
    struct rows rows = {.evidence = evidence};
    enum err_code code = ERR_OK;

    cells_begin(&rows.cells, evidence,
                "service,hour,kind,cluster,topic,incarnation,partition,low,high", err);
    for (size_t i = 0; i < contract->service_count * ARRAY_COUNT(kinds) && code == ERR_OK; i++) {
        rows.service = contract->services[i / ARRAY_COUNT(kinds)];
        rows.kind = kinds[i % ARRAY_COUNT(kinds)];
        rows.hour = INT64_MIN;
        code = windows_each(publisher->db, publisher->book_id, rows.kind, rows.service,
                            first_hour(evidence), end_hour(evidence), take_coordinates, &rows, err);
        code = code == ERR_OK ? close_coordinates(&rows, err) : code;
    }
    memory_free(rows.ranges);
    return cells_done(&rows.cells, code);
}

/* What a query answers for each partition that the contract's events of the period stand in: $1 book, $2 stream, $3 partition, $4 and $5 the
 * lowest and highest of their offsets. */
struct query {
    const char *header; /* behind "cluster,topic,incarnation,partition" */
    const char *sql;
    void (*row)(struct cells *cells, struct db_stmt *stmt);
};

static enum err_code query_partition(const struct query *query, struct cells *cells,
                                     const struct publisher *publisher,
                                     const struct offset_range *range, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(publisher->db, query->sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, publisher->book_id);
    db_bind_int64(stmt, 2, range->stream_id);
    db_bind_int64(stmt, 3, range->partition);
    db_bind_int64(stmt, 4, range->low);
    db_bind_int64(stmt, 5, range->high);
    while (cells->code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = stream_cells(cells, range->stream_id, err);
        if (code != ERR_OK) {
            break;
        }
        cells_integer(cells, range->partition);
        query->row(cells, stmt);
        cells_end(cells);
    }
    db_reset(stmt);
    return code;
}

static enum err_code write_query(struct evidence *evidence, const struct query *query,
                                 struct err *err)
{
    const struct publisher *publisher = evidence->publisher;
    const struct contract *contract = evidence->explanation->contract;
    struct arena arena = ARENA_INIT;
    struct offset_range *ranges = NULL;
    size_t count = 0;
    struct cells cells;
    enum err_code code = windows_ranges(publisher->db, publisher->book_id, contract->services,
                                        contract->service_count, evidence->from_minute,
                                        evidence->to_minute, &arena, &ranges, &count, err);

    cells_begin(&cells, evidence, query->header, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = query_partition(query, &cells, publisher, &ranges[i], err);
    }
    arena_release(&arena);
    return cells_done(&cells, code);
}

static void batch_cells(struct cells *cells, struct db_stmt *stmt)
{
    cells_integer(cells, db_column_int64(stmt, 0));
    cells_integer(cells, db_column_int64(stmt, 1));
    cells_id(cells, db_column_blob(stmt, 2));
    cells_str(cells, db_column_text(stmt, 3));
    for (int i = 4; i < 10; i++) {
        cells_integer(cells, db_column_int64(stmt, i));
    }
    cells_str(cells, db_column_text(stmt, 10));
    cells_str(cells, db_column_text(stmt, 11));
    cells_time(cells, db_column_int64(stmt, 12));
}

enum err_code evidence_batches(struct evidence *evidence, struct err *err)
{
    static const struct query query = {
        .header = "cluster,topic,incarnation,partition,from,to,batch,kind,delivered,tallied,"
                  "excluded,duplicate,dead_lettered,absent,config_digest,program_version,committed",
        .sql = "SELECT r.from_offset, r.to_offset, r.batch_id, r.kind, r.delivered, r.tallied,"
               " r.excluded, r.duplicate, r.dead_lettered, r.absent, r.config_digest,"
               " b.program_version, b.committed_ns FROM batch_range r JOIN batch b"
               " ON b.batch_id = r.batch_id WHERE r.book_id = $1 AND r.stream_id = $2"
               " AND r.partition_id = $3 AND r.to_offset > $4 AND r.from_offset <= $5"
               " ORDER BY r.from_offset",
        .row = batch_cells,
    };

    return write_query(evidence, &query, err);
}

static void letter_cells(struct cells *cells, struct db_stmt *stmt)
{
    cells_integer(cells, db_column_int64(stmt, 0));
    cells_str(cells, db_column_text(stmt, 1));
    if (db_column_null(stmt, 2)) {
        cells_text(cells, "");
    } else {
        cells_time(cells, db_column_int64(stmt, 2));
    }
    cells_integer(cells, db_column_int64(stmt, 3));
    cells_id(cells, db_column_blob(stmt, 4));
}

/* Without their content and its description: they may be anybody's. */
enum err_code evidence_letters(struct evidence *evidence, struct err *err)
{
    static const struct query query = {
        .header = "cluster,topic,incarnation,partition,offset,reason,time,size,redriven_by",
        .sql = "SELECT record_offset, reason, record_time_ns, record_size, resolved_by"
               " FROM dead_letter WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3"
               " AND record_offset >= $4 AND record_offset <= $5 ORDER BY record_offset",
        .row = letter_cells,
    };

    return write_query(evidence, &query, err);
}
