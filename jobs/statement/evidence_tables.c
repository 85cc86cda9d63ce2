/* The tables of an evidence pack: CSV by RFC 4180, sorted, times in UTC. windows, states and announcements are in the forms that
 * `uptally evaluate` reads. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "aggregator/windows.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/markup.h"
#include "base/memory.h"
#include "jobs/statement/evidence_parts.h"
#include "jobs/statement/input.h"
#include "jobs/statement/wording.h"

enum { LINE_SIZE_MAX = 1024 * 1024, PART_SIZE = 32 * 1024, DECIMALS_MAX = 18 };

/* Rows on their way into the archive. */
struct csv {
    struct evidence *evidence;
    struct strbuf rows;
    bool inside; /* a row has begun */
    enum err_code code;
    struct err *err;
};

static void csv_flush(struct csv *csv)
{
    if (csv->code == ERR_OK && csv->rows.overflow) {
        csv->code = err_set(csv->err, ERR_MISMATCH, "a row has more than %d bytes", LINE_SIZE_MAX);
    }
    if (csv->code == ERR_OK) {
        csv->code = zip_write(csv->evidence->zip, strbuf_view(&csv->rows), csv->err);
    }
    strbuf_clear(&csv->rows);
}

static void csv_str(struct csv *csv, struct str cell)
{
    if (csv->inside) {
        strbuf_append_char(&csv->rows, ',');
    }
    markup_csv_cell(&csv->rows, cell, CSV_MACHINE);
    csv->inside = true;
}

static void csv_text(struct csv *csv, const char *cell)
{
    csv_str(csv, STR(cell));
}

static void csv_integer(struct csv *csv, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    csv_text(csv, text);
}

static void csv_time(struct csv *csv, int64_t time_ns)
{
    char text[CIVIL_TEXT_SIZE];

    csv_text(csv, civil_format_rfc3339(time_ns, text));
}

static void csv_id(struct csv *csv, struct str id)
{
    struct strbuf text;

    strbuf_init(&text, 128);
    for (size_t i = 0; i < id.size; i++) {
        strbuf_append_format(&text, "%02x", (unsigned)(unsigned char)id.data[i]);
    }
    csv_str(csv, strbuf_view(&text));
    strbuf_release(&text);
}

static void csv_end(struct csv *csv)
{
    strbuf_append_text(&csv->rows, "\r\n");
    csv->inside = false;
    if (csv->rows.size >= PART_SIZE || csv->rows.overflow) {
        csv_flush(csv);
    }
}

/* header: names with commas between them. */
static void csv_begin(struct csv *csv, struct evidence *evidence, const char *header,
                      struct err *err)
{
    *csv = (struct csv){.evidence = evidence, .err = err};
    strbuf_init(&csv->rows, PART_SIZE + LINE_SIZE_MAX);
    strbuf_append_text(&csv->rows, header);
    strbuf_append_text(&csv->rows, "\r\n");
}

static enum err_code csv_done(struct csv *csv, enum err_code code)
{
    if (code == ERR_OK) {
        csv_flush(csv);
        code = csv->code;
    }
    strbuf_release(&csv->rows);
    return code;
}

/* What the statement was measured from. */

static enum err_code write_windows(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    struct csv csv;

    csv_begin(&csv, evidence, "service,minute,total,errors,slow", err);
    for (size_t i = 0; i < input->service_count; i++) {
        for (size_t k = 0; k < input->services[i].count_count && csv.code == ERR_OK; k++) {
            const struct count_row *row = &input->services[i].counts[k];

            csv_str(&csv, input->services[i].service);
            csv_time(&csv, row->minute_s * NS_PER_SECOND);
            csv_integer(&csv, row->counts.total);
            csv_integer(&csv, row->counts.errors);
            csv_integer(&csv, row->counts.slow);
            csv_end(&csv);
        }
    }
    return csv_done(&csv, ERR_OK);
}

static enum err_code write_states(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    struct csv csv;

    csv_begin(&csv, evidence, "service,from,to,state", err);
    for (size_t i = 0; i < input->service_count; i++) {
        for (size_t k = 0; k < input->services[i].state_count && csv.code == ERR_OK; k++) {
            const struct state_row *row = &input->services[i].states[k];

            csv_str(&csv, input->services[i].service);
            csv_time(&csv, row->from_s * NS_PER_SECOND);
            csv_time(&csv, row->to_s * NS_PER_SECOND);
            csv_text(&csv, grade_row(row->grade)->name);
            csv_end(&csv);
        }
    }
    return csv_done(&csv, ERR_OK);
}

static bool concerns(const struct engine_input *input,
                     const struct announcement_input *announcement)
{
    bool concerns = str_equal(announcement->service, STR("*"));

    for (size_t i = 0; i < input->service_count && !concerns; i++) {
        concerns = str_equal(announcement->service, input->services[i].service);
    }
    return concerns;
}

static void announcement_row(struct csv *csv, const struct announcement_input *announcement,
                             int64_t announced_ns, bool cancelled)
{
    csv_str(csv, announcement->service);
    csv_time(csv, announced_ns);
    csv_time(csv, announcement->from_ns);
    csv_time(csv, announcement->to_ns);
    csv_text(csv, cancelled ? "cancelled" : "planned");
    csv_str(csv, announcement->reason);
    csv_end(csv);
}

/* When an announcement was cancelled. */
static enum err_code find_cancelled(struct db *db, int64_t id, int64_t *ret_time_ns,
                                    struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db, "SELECT MIN(announced_ns) FROM announcement WHERE cancels = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, id);
    code = db_step(stmt, &row, err);
    *ret_time_ns = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

/* A cancelled one is two rows: what was announced, and that it was withdrawn. */
static enum err_code write_announcements(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    enum err_code code = ERR_OK;
    struct csv csv;

    csv_begin(&csv, evidence, "service,announced_at,from,to,status,reason", err);
    for (size_t i = 0; i < input->announcement_count && code == ERR_OK; i++) {
        const struct announcement_input *announcement = &input->announcements[i];
        int64_t cancelled_ns;

        if (!concerns(input, announcement)) {
            continue;
        }
        announcement_row(&csv, announcement, announcement->announced_ns, false);
        if (announcement->cancelled) {
            code = find_cancelled(evidence->publisher->db, announcement->id, &cancelled_ns, err);
            announcement_row(&csv, announcement, cancelled_ns, true);
        }
    }
    return csv_done(&csv, code);
}

static enum err_code write_incidents(struct evidence *evidence, struct err *err)
{
    const struct result *result = &evidence->explanation->result;
    struct arena arena = ARENA_INIT;
    struct csv csv;

    csv_begin(&csv, evidence, "service,from,to,lasts,worst,lost_seconds", err);
    for (size_t i = 0; i < result->incident_count; i++) {
        const struct incident *incident = &result->incidents[i];
        struct strbuf lost;

        strbuf_init(&lost, LINE_SIZE_MAX);
        fraction_format_short(&lost, incident->lost_s, DECIMALS_MAX);
        csv_str(&csv, incident->service);
        csv_time(&csv, incident->from_s * NS_PER_SECOND);
        csv_time(&csv, incident->to_s * NS_PER_SECOND);
        csv_text(&csv, incident->open_end ? "yes" : "no");
        csv_text(&csv, grade_row(incident->worst)->name);
        csv_str(&csv, strbuf_view(&lost));
        csv_end(&csv);
        strbuf_release(&lost);
    }
    arena_release(&arena);
    return csv_done(&csv, ERR_OK);
}

/* What the store knows besides. */

/* Rows of a service's windows that belong together come one after the other. */
struct rows {
    struct csv csv;
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
        csv_str(&rows->csv, rows->service);
        csv_str(&rows->csv, rows->instance);
        csv_str(&rows->csv, rows->region);
        csv_time(&rows->csv, at * NS_PER_MINUTE);
        csv_integer(&rows->csv, minute->passed);
        csv_integer(&rows->csv, minute->warned);
        csv_integer(&rows->csv, minute->failed);
        csv_integer(&rows->csv, minute->unknown);
        csv_end(&rows->csv);
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
    return rows->csv.code;
}

static int64_t first_hour(const struct evidence *evidence)
{
    return evidence->from_minute / TALLY_MINUTES;
}

static int64_t end_hour(const struct evidence *evidence)
{
    return (evidence->to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES;
}

static enum err_code write_instances(struct evidence *evidence, struct err *err)
{
    const struct publisher *publisher = evidence->publisher;
    const struct contract *contract = evidence->explanation->contract;
    struct rows rows = {.evidence = evidence, .names = ARENA_INIT};
    enum err_code code = ERR_OK;

    csv_begin(&rows.csv, evidence, "service,instance,region,minute,passed,warned,failed,unknown",
              err);
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        rows.service = contract->services[i];
        code = windows_each_instance(publisher->db, publisher->book_id, rows.service,
                                     first_hour(evidence), end_hour(evidence), take_instance, &rows,
                                     err);
        close_instance(&rows);
    }
    arena_release(&rows.names);
    return csv_done(&rows.csv, code);
}

/* Cluster, topic and incarnation of a stream: three cells. */
static enum err_code stream_cells(struct csv *csv, int64_t stream_id, struct err *err)
{
    const struct trace_stream *stream;
    enum err_code code = trace_streams_find(&csv->evidence->streams, stream_id, &stream, err);

    if (code == ERR_OK) {
        csv_str(csv, stream->cluster);
        csv_str(csv, stream->topic);
        csv_integer(csv, stream->incarnation);
    }
    return code;
}

static enum err_code close_coordinates(struct rows *rows, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < rows->range_count && code == ERR_OK; i++) {
        const struct offset_range *range = &rows->ranges[i];

        csv_str(&rows->csv, rows->service);
        csv_time(&rows->csv, rows->hour * NS_PER_HOUR);
        csv_text(&rows->csv, rows->kind == TALLY_WINDOW ? "requests" : "checks");
        code = stream_cells(&rows->csv, range->stream_id, err);
        csv_integer(&rows->csv, range->partition);
        csv_integer(&rows->csv, range->low);
        csv_integer(&rows->csv, range->high);
        csv_end(&rows->csv);
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
    return code == ERR_OK ? rows->csv.code : code;
}

static enum err_code write_coordinates(struct evidence *evidence, struct err *err)
{
    static const enum tally_kind kinds[] = {TALLY_WINDOW, TALLY_CHECK};
    const struct publisher *publisher = evidence->publisher;
    const struct contract *contract = evidence->explanation->contract;
    struct rows rows = {.evidence = evidence};
    enum err_code code = ERR_OK;

    csv_begin(&rows.csv, evidence, "service,hour,kind,cluster,topic,incarnation,partition,low,high",
              err);
    for (size_t i = 0; i < contract->service_count * ARRAY_COUNT(kinds) && code == ERR_OK; i++) {
        rows.service = contract->services[i / ARRAY_COUNT(kinds)];
        rows.kind = kinds[i % ARRAY_COUNT(kinds)];
        rows.hour = INT64_MIN;
        code = windows_each(publisher->db, publisher->book_id, rows.kind, rows.service,
                            first_hour(evidence), end_hour(evidence), take_coordinates, &rows, err);
        code = code == ERR_OK ? close_coordinates(&rows, err) : code;
    }
    memory_free(rows.ranges);
    return csv_done(&rows.csv, code);
}

/* What a query answers for each partition that the contract's events of the period stand in: $1 book, $2 stream, $3 partition, $4 and $5 the
 * lowest and highest of their offsets. */
struct query {
    const char *header; /* behind "cluster,topic,incarnation,partition" */
    const char *sql;
    void (*row)(struct csv *csv, struct db_stmt *stmt);
};

static enum err_code query_partition(const struct query *query, struct csv *csv,
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
    while (csv->code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = stream_cells(csv, range->stream_id, err);
        if (code != ERR_OK) {
            break;
        }
        csv_integer(csv, range->partition);
        query->row(csv, stmt);
        csv_end(csv);
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
    struct csv csv;
    enum err_code code = windows_ranges(publisher->db, publisher->book_id, contract->services,
                                        contract->service_count, evidence->from_minute,
                                        evidence->to_minute, &arena, &ranges, &count, err);

    csv_begin(&csv, evidence, query->header, err);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = query_partition(query, &csv, publisher, &ranges[i], err);
    }
    arena_release(&arena);
    return csv_done(&csv, code);
}

static void batch_cells(struct csv *csv, struct db_stmt *stmt)
{
    csv_integer(csv, db_column_int64(stmt, 0));
    csv_integer(csv, db_column_int64(stmt, 1));
    csv_id(csv, db_column_blob(stmt, 2));
    csv_str(csv, db_column_text(stmt, 3));
    for (int i = 4; i < 10; i++) {
        csv_integer(csv, db_column_int64(stmt, i));
    }
    csv_str(csv, db_column_text(stmt, 10));
    csv_str(csv, db_column_text(stmt, 11));
    csv_time(csv, db_column_int64(stmt, 12));
}

static enum err_code write_batches(struct evidence *evidence, struct err *err)
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

static void letter_cells(struct csv *csv, struct db_stmt *stmt)
{
    csv_integer(csv, db_column_int64(stmt, 0));
    csv_str(csv, db_column_text(stmt, 1));
    if (db_column_null(stmt, 2)) {
        csv_text(csv, "");
    } else {
        csv_time(csv, db_column_int64(stmt, 2));
    }
    csv_integer(csv, db_column_int64(stmt, 3));
    csv_id(csv, db_column_blob(stmt, 4));
}

/* Without their content and its description: they may be anybody's. */
static enum err_code write_letters(struct evidence *evidence, struct err *err)
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

/* The explanation, twice. */

static enum err_code write_explanation_json(struct evidence *evidence, struct err *err)
{
    struct strbuf text;
    enum err_code code = explanation_write_json(evidence->explanation, &text, err);

    if (code == ERR_OK) {
        code = zip_write(evidence->zip, strbuf_view(&text), err);
        strbuf_release(&text);
    }
    return code;
}

static enum err_code write_explanation_text(struct evidence *evidence, struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, EXPLANATION_SIZE_MAX);
    explanation_write_text(evidence->explanation, &text);
    code = text.overflow ? err_set(err, ERR_DATA, "the explanation is too large")
                         : zip_write(evidence->zip, strbuf_view(&text), err);
    strbuf_release(&text);
    return code;
}

const struct evidence_table evidence_tables[] = {
    {"announcements.csv", "announced maintenance of the period; a cancelled one has a second row",
     write_announcements},
    {"batches.csv", "ranges of the ledger that the events were read in, with their counts",
     write_batches},
    {"coordinates.csv",
     "lowest and highest offset of each service's events, per hour, topic and partition",
     write_coordinates},
    {"dead-letters.csv", "records between these offsets that could not be read as events",
     write_letters},
    {"explanation.json", "each lost, excluded and unknown stretch of time, for programs",
     write_explanation_json},
    {"explanation.txt", "the same for people, what cost most first", write_explanation_text},
    {"incidents.csv", "incidents of the period, on raw minutes", write_incidents},
    {"instances.csv", "results of health checks per instance, region and minute", write_instances},
    {"states.csv", "the raw states that were measured; some lie before the period", write_states},
    {"windows.csv", "requests of each minute that had any; some lie before the period",
     write_windows},
};
const size_t evidence_table_count = ARRAY_COUNT(evidence_tables);
