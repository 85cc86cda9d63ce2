/*
 * uptally export: the books as CSV or NDJSON, sorted, in stable columns.
 *
 * Tables are rows of one array: those that are a query, and those whose minutes are packed in the windows.
 */
#include <string.h>

#include "aggregator/windows.h"
#include "base/arena.h"
#include "base/check.h"
#include "jobs/command.h"
#include "jobs/commands/table.h"
#include "jobs/ui.h"

enum { OPTION_FROM, OPTION_TO, OPTION_SERVICE, OPTION_FORMAT };

static const struct option_row rows[] = {
    [OPTION_FROM] = {.name = "from",
                     .type = OPTION_TIME,
                     .argument = "TIME",
                     .help = "only what lies at or after it (RFC 3339)"},
    [OPTION_TO] = {.name = "to",
                   .type = OPTION_TIME,
                   .argument = "TIME",
                   .help = "only what lies before it"},
    [OPTION_SERVICE] = {.name = "service",
                        .letter = 's',
                        .type = OPTION_TEXT,
                        .argument = "NAME",
                        .help = "only this service (windows, instances, incidents)"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "csv|ndjson",
                       .fallback = "csv",
                       .help = "form of the rows"},
    {.name = NULL},
};

struct export
{
    struct run *run;
    int64_t from_ns, to_ns;
    struct str service; /* empty: all */
    struct table table;
    struct arena arena;
    /* Minutes of one (service, instance, region) and hour, until all rows that add to it have been seen. */
    bool open;
    struct str names[3];
    int64_t hour;
    union {
        struct window_minute window[TALLY_MINUTES];
        struct check_minute check[TALLY_MINUTES];
    } minutes;
};

struct export_kind {
    const char *name;
    bool by_service; /* --service applies */
    const char *sql; /* $1 book, $2 from, $3 to in ns, $4 service or ''; NULL: rows is set */
    enum err_code (*rows)(struct export *export, struct err *err);
    struct table_column columns[TABLE_COLUMNS_MAX];
};

static bool wanted(const struct export *export, int64_t minute)
{
    int64_t start_ns = minute * NS_PER_MINUTE;

    return start_ns >= export->from_ns && start_ns < export->to_ns;
}

static enum err_code write_window(struct export *export, int64_t minute,
                                  const struct window_minute *counts, struct err *err)
{
    const struct table_cell cells[] = {{.text = export->names[0]},
                                       {.number = minute},
                                       {.number = counts->total},
                                       {.number = counts->errors},
                                       {.number = counts->slow}};

    return counts->records > 0 ? table_row(&export->table, cells, err) : ERR_OK;
}

static enum err_code write_instance(struct export *export, int64_t minute,
                                    const struct check_minute *counts, struct err *err)
{
    const struct table_cell cells[] = {{.text = export->names[0]}, {.text = export->names[1]},
                                       {.text = export->names[2]}, {.number = minute},
                                       {.number = counts->passed}, {.number = counts->warned},
                                       {.number = counts->failed}, {.number = counts->unknown}};

    return counts->records > 0 ? table_row(&export->table, cells, err) : ERR_OK;
}

/* Writes the hour that was added up. */
static enum err_code close_hour(struct export *export, enum tally_kind kind, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < TALLY_MINUTES && export->open && code == ERR_OK; i++) {
        int64_t minute = export->hour * TALLY_MINUTES + i;

        if (!wanted(export, minute)) {
            continue;
        }
        code = kind == TALLY_WINDOW
                   ? write_window(export, minute, &export->minutes.window[i], err)
                   : write_instance(export, minute, &export->minutes.check[i], err);
    }
    export->open = false;
    return code;
}

static void add_window(struct export *export, const struct window_tally *tally)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct window_minute *into = &export->minutes.window[i];

        into->records += tally->minutes[i].records;
        into->total += tally->minutes[i].total;
        into->errors += tally->minutes[i].errors;
        into->slow += tally->minutes[i].slow;
    }
}

static void add_checks(struct export *export, const struct check_tally *tally)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        struct check_minute *into = &export->minutes.check[i];

        into->records += tally->minutes[i].records;
        into->passed += tally->minutes[i].passed;
        into->warned += tally->minutes[i].warned;
        into->failed += tally->minutes[i].failed;
        into->unknown += tally->minutes[i].unknown;
    }
}

/* Customers of a window, and checkers of an instance and region, come one after the other and are added up. */
static enum err_code take_row(void *context, const struct tally_key *key, const struct tally *tally,
                              struct err *err)
{
    struct export *export = context;
    struct str instance = key->kind == TALLY_CHECK ? key->b : str_of(NULL, 0);
    struct str region = key->kind == TALLY_CHECK ? key->c : str_of(NULL, 0);
    bool same = export->open && export->hour == key->hour &&
                str_equal(export->names[1], instance) && str_equal(export->names[2], region);

    if (!same) {
        enum err_code code = close_hour(export, key->kind, err);

        if (code != ERR_OK) {
            return code;
        }
        arena_clear(&export->arena);
        memset(&export->minutes, 0, sizeof(export->minutes));
        export->open = true;
        export->hour = key->hour;
        export->names[1] = arena_str(&export->arena, instance);
        export->names[2] = arena_str(&export->arena, region);
    }
    if (key->kind == TALLY_WINDOW) {
        add_window(export, &tally->window);
    } else {
        add_checks(export, &tally->check);
    }
    return ERR_OK;
}

static enum err_code export_service(struct export *export, enum tally_kind kind, struct str service,
                                    struct err *err)
{
    struct run *run = export->run;
    int64_t from_hour = tally_hour(export->from_ns);
    int64_t to_hour = tally_hour(export->to_ns - 1) + 1;
    enum err_code code;

    export->names[0] = service;
    code = kind == TALLY_WINDOW ? windows_each(run->db, run->book_id, kind, service, from_hour,
                                               to_hour, take_row, export, err)
                                : windows_each_instance(run->db, run->book_id, service, from_hour,
                                                        to_hour, take_row, export, err);
    return code == ERR_OK ? close_hour(export, kind, err) : code;
}

static enum err_code export_minutes(struct export *export, enum tally_kind kind, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct str *services = &export->service;
    size_t count = 1;
    enum err_code code = ERR_OK;

    if (export->service.size == 0) {
        code =
            windows_services(export->run->db, export->run->book_id, &arena, &services, &count, err);
    }
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = export_service(export, kind, services[i], err);
    }
    arena_release(&arena);
    return code;
}

static enum err_code export_windows(struct export *export, struct err *err)
{
    return export_minutes(export, TALLY_WINDOW, err);
}

static enum err_code export_instances(struct export *export, struct err *err)
{
    return export_minutes(export, TALLY_CHECK, err);
}

#define LETTERS_FROM                                                                               \
    "SELECT s.topic, d.partition_id, d.record_offset, d.reason, d.detail"                          \
    " FROM dead_letter d JOIN stream s ON s.stream_id = d.stream_id"                               \
    " WHERE d.book_id = $1 AND COALESCE(d.record_time_ns, $2) >= $2"                               \
    " AND COALESCE(d.record_time_ns, $2) < $3 AND $4 = ''"
#define LETTERS_ORDER " ORDER BY s.topic, s.cluster, s.incarnation, d.partition_id, d.record_offset"
#define LETTERS_COLUMNS                                                                            \
    {                                                                                              \
        {"topic", TABLE_TEXT}, {"partition", TABLE_INTEGER}, {"offset", TABLE_INTEGER},            \
            {"reason", TABLE_TEXT}, {"detail", TABLE_TEXT},                                        \
        {                                                                                          \
            NULL, TABLE_TEXT                                                                       \
        }                                                                                          \
    }

/* Where the exclusions of a redrive stand: from the first to the last range that it moved letters of. */
#define MOVED_RANGES                                                                               \
    "(SELECT m.batch_id, m.stream_id, m.partition_id, min(q.from_offset) AS from_offset,"          \
    " max(q.to_offset) AS to_offset, min(q.first_time_ns) AS first_time_ns,"                       \
    " max(q.last_time_ns) AS last_time_ns FROM moved m JOIN batch_range q"                         \
    " ON q.book_id = m.book_id AND q.stream_id = m.stream_id"                                      \
    " AND q.partition_id = m.partition_id AND q.from_offset = m.from_offset"                       \
    " WHERE m.book_id = $1 GROUP BY m.batch_id, m.stream_id, m.partition_id)"

/* One list of kinds, in the words of `words` below. A dead letter that a redrive has counted since is none any more: it is among the redriven,
 * and its range counts it as what it became. */
static const struct export_kind kinds[] = {
    {.name = "windows",
     .by_service = true,
     .rows = export_windows,
     .columns = {{"service", TABLE_TEXT},
                 {"minute", TABLE_MINUTE},
                 {"total", TABLE_INTEGER},
                 {"errors", TABLE_INTEGER},
                 {"slow", TABLE_INTEGER},
                 {NULL, TABLE_TEXT}}},
    {.name = "instances",
     .by_service = true,
     .rows = export_instances,
     .columns = {{"service", TABLE_TEXT},
                 {"instance", TABLE_TEXT},
                 {"region", TABLE_TEXT},
                 {"minute", TABLE_MINUTE},
                 {"passed", TABLE_INTEGER},
                 {"warned", TABLE_INTEGER},
                 {"failed", TABLE_INTEGER},
                 {"unknown", TABLE_INTEGER},
                 {NULL, TABLE_TEXT}}},
    {.name = "dead-letters",
     .sql = LETTERS_FROM " AND d.resolved_by IS NULL" LETTERS_ORDER,
     .columns = LETTERS_COLUMNS},
    {.name = "redriven",
     .sql = LETTERS_FROM " AND d.resolved_by IS NOT NULL" LETTERS_ORDER,
     .columns = LETTERS_COLUMNS},
    {.name = "exclusions",
     .sql = "SELECT s.topic, r.partition_id, r.from_offset, r.to_offset, x.reason, x.records"
            " FROM exclusion x JOIN (SELECT batch_id, stream_id, partition_id, from_offset,"
            " to_offset, first_time_ns, last_time_ns FROM batch_range WHERE book_id = $1"
            " UNION ALL SELECT batch_id, stream_id, partition_id, from_offset, to_offset,"
            " first_time_ns, last_time_ns FROM " MOVED_RANGES " v) r ON r.batch_id = x.batch_id"
            " AND r.stream_id = x.stream_id AND r.partition_id = x.partition_id"
            " JOIN stream s ON s.stream_id = r.stream_id"
            " WHERE COALESCE(r.last_time_ns, $2) >= $2"
            " AND COALESCE(r.first_time_ns, $2) < $3 AND $4 = ''"
            " ORDER BY s.topic, s.cluster, s.incarnation, r.partition_id, r.from_offset, x.reason",
     .columns = {{"topic", TABLE_TEXT},
                 {"partition", TABLE_INTEGER},
                 {"from", TABLE_INTEGER},
                 {"to", TABLE_INTEGER},
                 {"reason", TABLE_TEXT},
                 {"records", TABLE_INTEGER},
                 {NULL, TABLE_TEXT}}},
    {.name = "batches",
     .sql = "SELECT s.topic, r.partition_id, r.from_offset, r.to_offset, r.delivered,"
            " r.tallied + COALESCE(m.tallied, 0), r.excluded + COALESCE(m.excluded, 0),"
            " r.duplicate + COALESCE(m.duplicate, 0), r.dead_lettered - COALESCE(m.letters, 0),"
            " r.absent, r.kind FROM batch_range r JOIN stream s ON s.stream_id = r.stream_id"
            " LEFT JOIN (SELECT stream_id, partition_id, from_offset,"
            " CAST(sum(tallied) AS BIGINT) AS tallied, CAST(sum(excluded) AS BIGINT) AS excluded,"
            " CAST(sum(duplicate) AS BIGINT) AS duplicate, CAST(sum(letters) AS BIGINT) AS letters"
            " FROM moved WHERE book_id = $1 GROUP BY stream_id, partition_id, from_offset) m"
            " ON m.stream_id = r.stream_id AND m.partition_id = r.partition_id"
            " AND m.from_offset = r.from_offset"
            " WHERE r.book_id = $1 AND COALESCE(r.last_time_ns, $2) >= $2"
            " AND COALESCE(r.first_time_ns, $2) < $3 AND $4 = ''"
            " ORDER BY s.topic, s.cluster, s.incarnation, r.partition_id, r.from_offset",
     .columns = {{"topic", TABLE_TEXT},
                 {"partition", TABLE_INTEGER},
                 {"from", TABLE_INTEGER},
                 {"to", TABLE_INTEGER},
                 {"delivered", TABLE_INTEGER},
                 {"tallied", TABLE_INTEGER},
                 {"excluded", TABLE_INTEGER},
                 {"duplicate", TABLE_INTEGER},
                 {"dead_lettered", TABLE_INTEGER},
                 {"absent", TABLE_INTEGER},
                 {"kind", TABLE_TEXT},
                 {NULL, TABLE_TEXT}}},
    {.name = "incidents",
     .by_service = true,
     .sql = "SELECT service, first_minute, end_minute, worst, level FROM incident"
            " WHERE book_id = $1 AND (end_minute IS NULL OR end_minute * 60000000000 > $2)"
            " AND first_minute * 60000000000 < $3 AND ($4 = '' OR service = $4)"
            " ORDER BY service, first_minute",
     .columns = {{"service", TABLE_TEXT},
                 {"from", TABLE_MINUTE},
                 {"to", TABLE_MINUTE},
                 {"worst", TABLE_GRADE},
                 {"level", TABLE_TEXT},
                 {NULL, TABLE_TEXT}}},
};

static const char words[] = "windows|instances|dead-letters|redriven|exclusions|batches|incidents";

static enum err_code export_query(struct export *export, const char *sql, struct err *err)
{
    struct table_cell cells[TABLE_COLUMNS_MAX];
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(export->run->db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, export->run->book_id);
    db_bind_int64(stmt, 2, export->from_ns);
    db_bind_int64(stmt, 3, export->to_ns);
    db_bind_text(stmt, 4, export->service);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        for (int i = 0; i < export->table.column_count; i++) {
            cells[i] = (struct table_cell){.null = db_column_null(stmt, i)};
            if (export->table.columns[i].type == TABLE_TEXT) {
                cells[i].text = db_column_text(stmt, i);
            } else {
                cells[i].number = db_column_int64(stmt, i);
            }
        }
        code = table_row(&export->table, cells, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

static enum err_code find_kind(const char *word, const struct export_kind **ret_kind,
                               struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strcmp(kinds[i].name, word) == 0) {
            *ret_kind = &kinds[i];
            return ERR_OK;
        }
    }
    return err_set(err, ERR_USAGE, "\"%s\" cannot be exported; it must be one of %s", word, words);
}

static enum err_code check_options(const struct export *export, const struct export_kind *kind,
                                   struct err *err)
{
    if (export->service.size > 0 && !kind->by_service) {
        return err_set(err, ERR_USAGE, "--service does not apply to %s", kind->name);
    }
    if (export->from_ns >= export->to_ns) {
        return err_set(err, ERR_USAGE, "--from is not before --to");
    }
    return ERR_OK;
}

static enum err_code run_export(struct run *run, struct err *err)
{
    const struct option_value *options = run->options;
    struct export export = {.run = run,
                            .from_ns = options[OPTION_FROM].set ? options[OPTION_FROM].number : 0,
                            .to_ns = options[OPTION_TO].set ? options[OPTION_TO].number : INT64_MAX,
                            .service = STR(options[OPTION_SERVICE].text),
                            .arena = ARENA_INIT};
    const struct export_kind *kind = NULL;
    enum err_code code = find_kind(run->arguments[0], &kind, err);

    if (code == ERR_OK) {
        code = check_options(&export, kind, err);
    }
    if (code == ERR_OK) {
        code = db_begin_snapshot(run->db, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    table_init(&export.table, run->out, (enum table_format)options[OPTION_FORMAT].number,
               kind->columns);
    code = kind->rows != NULL ? kind->rows(&export, err) : export_query(&export, kind->sql, err);
    db_rollback(run->db);
    table_release(&export.table);
    arena_release(&export.arena);
    return code;
}

const struct command command_export = {
    .name = "export",
    .group = "Read",
    .summary = "windows, instances, dead letters, exclusions, batches, incidents as CSV or NDJSON",
    .usage = "WHAT [CONFIG] [options]",
    .argument_count = 1,
    .words = words,
    .examples = "uptally export windows uptally.yaml --service portal --from 2026-10-01T00:00:00Z\n"
                "uptally export dead-letters uptally.yaml\n"
                "uptally export incidents uptally.yaml --format ndjson",
    .help = "WHAT is one of windows, instances, dead-letters, redriven, exclusions, batches, "
            "incidents. Rows are sorted and columns\nare stable; minutes are UTC. Dead letters, "
            "exclusions and batches are chosen by the Kafka time stamps of their\nrecords. Dead "
            "letters that a redrive has counted are listed as redriven, and batches count them as "
            "what they became.",
    .options = rows,
    .needs = NEEDS_STORE_READ | NEEDS_BOOK,
    .run = run_export,
};
