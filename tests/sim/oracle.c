#include "tests/sim/oracle.h"

#include <inttypes.h>
#include <stdio.h>

#include "aggregator/audit.h"
#include "base/check.h"
#include "tests/sim/schedule.h"

void oracle_open(struct oracle *oracle, struct schedule *schedule, const char *store_path)
{
    *oracle = (struct oracle){.schedule = schedule};
    oracle->db = store_connect(schedule, NULL, store_path);
}

static struct db_stmt *query(struct schedule *schedule, struct db *db, const char *sql)
{
    struct err err = ERR_INIT;
    struct db_stmt *stmt;

    if (db_prepare(db, sql, &stmt, &err) != ERR_OK) {
        schedule_fail(schedule, "%s: %s", sql, err.text);
    }
    return stmt;
}

static bool next_row(struct schedule *schedule, struct db_stmt *stmt)
{
    struct err err = ERR_INIT;
    bool row;

    if (db_step(stmt, &row, &err) != ERR_OK) {
        schedule_fail(schedule, "the oracle cannot read: %s", err.text);
    }
    return row;
}

static int64_t number(struct schedule *schedule, struct db *db, const char *sql)
{
    struct db_stmt *stmt = query(schedule, db, sql);
    int64_t value = next_row(schedule, stmt) ? db_column_int64(stmt, 0) : -1;

    db_reset(stmt);
    return value;
}

/* A drained note says that everything that was written before that time is committed. */
static void check_drained(struct oracle *oracle, int topic, int partition, int64_t next,
                          int64_t drained_ns)
{
    struct schedule *s = oracle->schedule;
    const struct world_partition *log = &s->world.topics[topic].partitions[partition];
    int64_t reached_ns = wall_reached_ns(s, drained_ns);
    int64_t high = world_high(log, reached_ns);

    if (next < high) {
        schedule_fail(s,
                      "%s/%d is noted as drained at %" PRId64 " (true time %" PRId64
                      "), when its log ended at %" PRId64 ", but only %" PRId64 " is committed",
                      s->world.topics[topic].name, partition, drained_ns, reached_ns, high, next);
    }
}

static void check_positions(struct oracle *oracle)
{
    struct schedule *s = oracle->schedule;
    struct db_stmt *stmt =
        query(s, oracle->db,
              "SELECT stream_id, partition_id, next_offset, drained_ns FROM partition_offset");

    while (next_row(s, stmt)) {
        int t = (int)db_column_int64(stmt, 0) - 1, p = (int)db_column_int64(stmt, 1);
        int64_t next = db_column_int64(stmt, 2), drained_ns = db_column_int64(stmt, 3);

        CHECK(t >= 0);
        CHECK(t < WORLD_TOPICS);
        CHECK(p < s->world.topics[t].partition_count);
        if (next < oracle->next[t][p] || drained_ns < oracle->drained_ns[t][p]) {
            schedule_fail(s, "%s/%d went back from %" PRId64 " to %" PRId64,
                          s->world.topics[t].name, p, oracle->next[t][p], next);
        }
        if (drained_ns != oracle->drained_ns[t][p]) {
            check_drained(oracle, t, p, next, drained_ns);
        }
        oracle->next[t][p] = next;
        oracle->drained_ns[t][p] = drained_ns;
    }
}

static void check_lease(struct oracle *oracle, const struct process *process)
{
    int64_t fence = number(oracle->schedule, oracle->db, "SELECT fence FROM lease");

    if (fence < oracle->fence) {
        schedule_fail(oracle->schedule, "the fence went back from %" PRId64 " to %" PRId64,
                      oracle->fence, fence);
    }
    if (fence > oracle->fence) {
        oracle->holder = process;
    }
    oracle->fence = fence;
}

/* Everything that arrived before is committed and no longer pending, partition by partition. */
static void check_folded(struct oracle *oracle, int topic, int64_t reached_ns)
{
    struct schedule *s = oracle->schedule;
    struct db_stmt *stmt = query(
        s, oracle->db,
        "SELECT r.partition_id, min(r.from_offset) FROM batch_range r WHERE r.stream_id = $1 AND "
        "EXISTS (SELECT 1 FROM pending p WHERE p.batch_id = r.batch_id) GROUP BY r.partition_id");
    int64_t first_pending[WORLD_PARTITIONS_MAX];

    for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
        first_pending[p] = INT64_MAX;
    }
    db_bind_int64(stmt, 1, topic + 1);
    while (next_row(s, stmt)) {
        first_pending[db_column_int64(stmt, 0)] = db_column_int64(stmt, 1);
    }
    for (int p = 0; p < s->world.topics[topic].partition_count; p++) {
        int64_t high = world_high(&s->world.topics[topic].partitions[p], reached_ns);

        if (s->world.topics[topic].partitions[p].created_ns < reached_ns &&
            high > s->world.topics[topic].partitions[p].low &&
            (oracle->next[topic][p] < high || first_pending[p] < high)) {
            schedule_fail(s,
                          "complete-until of %s covers %s/%d up to %" PRId64 ", but %" PRId64
                          " is committed and offset %" PRId64 " is pending",
                          s->world.topics[topic].name, s->world.topics[topic].name, p, high,
                          oracle->next[topic][p], first_pending[p]);
        }
    }
}

/* The windows hold at least what the world says had arrived by then. */
static void check_windows(struct oracle *oracle, int64_t reached_ns)
{
    struct schedule *s = oracle->schedule;

    for (int i = 0; i < WORLD_SERVICES; i++) {
        struct db_stmt *stmt = query(s, oracle->db,
                                     "SELECT CAST(coalesce(sum(records), 0) AS BIGINT) "
                                     "FROM rollup_day WHERE service = $1");
        int64_t expected = world_tallied(&s->world, i, reached_ns, false);

        db_bind_text(stmt, 1, STR(world_services[i]));
        if (!next_row(s, stmt) || db_column_int64(stmt, 0) < expected) {
            schedule_fail(s,
                          "complete-until covers %" PRId64 " requests of %s, windows hold %" PRId64,
                          expected, world_services[i], db_column_int64(stmt, 0));
        }
        db_reset(stmt);
    }
}

static void check_complete(struct oracle *oracle)
{
    struct schedule *s = oracle->schedule;
    struct db_stmt *stmt =
        query(s, oracle->db, "SELECT stream_id, complete_ns FROM complete_until");
    int64_t complete_ns[WORLD_TOPICS] = {0};

    while (next_row(s, stmt)) {
        complete_ns[db_column_int64(stmt, 0) - 1] = db_column_int64(stmt, 1);
    }
    for (int t = 0; t < WORLD_TOPICS; t++) {
        int64_t reached_ns;

        if (complete_ns[t] == oracle->complete_ns[t]) {
            continue;
        }
        if (complete_ns[t] < oracle->complete_ns[t]) {
            schedule_fail(s, "complete-until of %s went back", s->world.topics[t].name);
        }
        reached_ns = wall_reached_ns(s, complete_ns[t] + s->config->lateness_ns);
        oracle->complete_ns[t] = complete_ns[t];
        check_folded(oracle, t, reached_ns);
        if (t == 0) {
            check_windows(oracle, reached_ns);
        }
    }
}

void oracle_committed(struct oracle *oracle, struct process *process, unsigned wrote)
{
    if (oracle->db == NULL) {
        return;
    }
    if (wrote & (WROTE_LEASE | WROTE_BOOKS)) {
        check_lease(oracle, process);
    }
    if ((wrote & WROTE_BOOKS) && oracle->holder != process) {
        schedule_fail(oracle->schedule, "%s wrote windows or grades, but fence %" PRId64 " is %s's",
                      process->name, oracle->fence,
                      oracle->holder != NULL ? oracle->holder->name : "nobody");
    }
    if (wrote & WROTE_RANGES) {
        int64_t delivered = number(oracle->schedule, oracle->db,
                                   "SELECT CAST(sum(delivered) AS BIGINT) FROM batch_range");

        process->committed += delivered - oracle->delivered;
        oracle->delivered = delivered;
    }
    if (wrote & (WROTE_RANGES | WROTE_POSITIONS)) {
        check_positions(oracle);
    }
    if (wrote & WROTE_COMPLETE) {
        check_complete(oracle);
    }
}

static void dump_rows(struct schedule *schedule, struct db *db, const char *sql, int columns,
                      struct strbuf *out)
{
    struct db_stmt *stmt = query(schedule, db, sql);

    strbuf_append_format(out, "%s\n", sql);
    while (next_row(schedule, stmt)) {
        strbuf_append_format(out, "  %08" PRIx64, (uint64_t)db_column_checksum(stmt, columns));
        for (int i = 0; i < columns; i++) {
            struct str text = db_column_text(stmt, i);

            if (text.size > 0 && text.size < 40 && str_is_utf8(text)) {
                strbuf_append_format(out, " %.*s", STR_ARGS(text));
            } else {
                strbuf_append_format(out, " %" PRId64, db_column_int64(stmt, i));
            }
        }
        strbuf_append_char(out, '\n');
    }
}

/* Everything but times of commits and detection, batches, and fences. */
void oracle_dump(struct schedule *schedule, const char *store_path, struct strbuf *ret_dump)
{
    static const struct {
        int columns;
        const char *sql;
    } tables[] = {
        {4, "SELECT topic, stream_id, incarnation, kind FROM stream ORDER BY stream_id"},
        {5, "SELECT stream_id, partition_id, origin, next_offset, guard_offset "
            "FROM partition_offset ORDER BY stream_id, partition_id"},
        {10, "SELECT stream_id, partition_id, min(from_offset), max(to_offset), sum(delivered), "
             "sum(tallied), sum(excluded), sum(duplicate), sum(dead_lettered), sum(absent) "
             "FROM batch_range GROUP BY stream_id, partition_id ORDER BY stream_id, partition_id"},
        {5, "SELECT stream_id, partition_id, record_offset, reason, bytes FROM dead_letter "
            "ORDER BY stream_id, partition_id, record_offset"},
        {3, "SELECT stream_id, partition_id, record_offset FROM duplicate "
            "ORDER BY stream_id, partition_id, record_offset"},
        {4, "SELECT stream_id, partition_id, reason, sum(records) FROM exclusion "
            "GROUP BY stream_id, partition_id, reason ORDER BY stream_id, partition_id, reason"},
        {2, "SELECT group_name, ids FROM event_group ORDER BY group_name"},
        {4, "SELECT service, first_minute, has_requests, has_checks FROM service ORDER BY service"},
        {7,
         "SELECT kind, a, b, c, d, hour, tally FROM window_hour ORDER BY kind, a, b, c, d, hour"},
        {10, "SELECT service, customer, hour, records, total, errors, slow, no_latency, "
             "latency_p50_ns, latency_p99_ns FROM rollup_hour ORDER BY service, customer, hour"},
        {8, "SELECT service, customer, day, records, total, errors, slow, no_latency "
            "FROM rollup_day ORDER BY service, customer, day"},
        {4, "SELECT service, hour, grades, carried FROM grade_hour ORDER BY service, hour"},
        {5, "SELECT service, first_minute, end_minute, worst, level FROM incident "
            "ORDER BY service, first_minute"},
        {2, "SELECT service, hour FROM regrade ORDER BY service, hour"},
        {1, "SELECT count(*) FROM pending"},
        {1, "SELECT count(*) FROM fold_round_batch"},
        {1, "SELECT count(*) FROM batch WHERE folded = 0"},
    };
    struct db *db = store_connect(schedule, NULL, store_path);

    strbuf_init(ret_dump, 1 << 22);
    for (size_t i = 0; i < ARRAY_COUNT(tables); i++) {
        dump_rows(schedule, db, tables[i].sql, tables[i].columns, ret_dump);
    }
    CHECK(!ret_dump->overflow);
    db_close(db);
}

static int line_size(const char *text)
{
    int size = 0;

    while (text[size] != '\n' && text[size] != '\0' && size < 160) {
        size++;
    }
    return size;
}

void oracle_compare(struct schedule *schedule, const struct strbuf *expected,
                    const struct strbuf *got)
{
    const char *e = strbuf_text(expected), *g = strbuf_text(got);
    const char *table = g, *e_line = e, *g_line = g;

    while (*e == *g && *e != '\0') {
        if (*g == '\n') {
            e_line = e + 1;
            g_line = g + 1;
            table = g[1] == 'S' ? g + 1 : table;
        }
        e++;
        g++;
    }
    if (*e != *g) {
        schedule_fail(schedule, "rows differ: %.*s: \"%.*s\", undisturbed \"%.*s\"",
                      line_size(table), table, line_size(g_line), g_line, line_size(e_line),
                      e_line);
    }
}

static bool may_be_absent(void *context, struct str topic)
{
    (void)context;
    (void)topic;
    return true;
}

static void keep_finding(void *context, const char *line)
{
    struct strbuf *text = context;

    if (text->size == 0) {
        strbuf_append_text(text, line);
    }
}

void oracle_sums(struct schedule *s, const char *store_path)
{
    struct db *db = store_connect(s, NULL, store_path);

    for (int i = 0; i < WORLD_SERVICES; i++) {
        struct db_stmt *stmt = query(
            s, db,
            "SELECT CAST(coalesce(sum(total), 0) AS BIGINT), CAST(coalesce(sum(errors), 0) AS "
            "BIGINT) FROM rollup_hour WHERE service = $1");
        int64_t total = world_tallied(&s->world, i, INT64_MAX, false);
        int64_t errors = world_tallied(&s->world, i, INT64_MAX, true);

        db_bind_text(stmt, 1, STR(world_services[i]));
        if (!next_row(s, stmt) || db_column_int64(stmt, 0) != total ||
            db_column_int64(stmt, 1) != errors) {
            schedule_fail(s,
                          "%s: %" PRId64 " requests, %" PRId64 " errors; the world has %" PRId64
                          ", %" PRId64,
                          world_services[i], db_column_int64(stmt, 0), db_column_int64(stmt, 1),
                          total, errors);
        }
        db_reset(stmt);
    }
    db_close(db);
}

void oracle_audit(struct schedule *schedule, const char *store_path)
{
    struct db *db = store_connect(schedule, NULL, store_path);
    struct audit_report report;
    struct strbuf first;
    struct err err = ERR_INIT;

    strbuf_init(&first, 4096);
    if (audit_run(db, 1, may_be_absent, keep_finding, &first, &report, &err) != ERR_OK) {
        schedule_fail(schedule, "audit: %s: %s", err.text, strbuf_text(&first));
    }
    strbuf_release(&first);
    db_close(db);
}
