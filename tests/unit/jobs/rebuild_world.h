/*
 * What a test of a rebuild needs beside archive_world.h: a live book with everything that a book can have (bad records, redriven and dead; duplicates; records
 * of two months; tombstones), the archive of the same topic, and a look at the windows.
 */
#ifndef TESTS_UNIT_JOBS_REBUILD_WORLD_H
#define TESTS_UNIT_JOBS_REBUILD_WORLD_H

#include "aggregator/fold.h"
#include "jobs/pipeline/aggregate.h"
#include "jobs/pipeline/rebuild.h"
#include "jobs/pipeline/redrive.h"
#include "tests/unit/jobs/archive_world.h"

/* TIME_MS is on 2026-09-21; an event every three minutes reaches into October behind number 4,518. */
#define MONTH "2026-09"
enum { EVENT_STEP_MS = 180000, PARTITIONS = 3, LIVE_BOOK = 1 };

#define REBUILD_SETTINGS "  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n  threads: 2\n"

static inline void rebuild_configure(struct world *world)
{
    char map[2000];

    (void)snprintf(map, sizeof(map),
                   MAP "      event_id: us\narchive:\n  folder: \"%s/archive\"\n" REBUILD_SETTINGS,
                   world->folder);
    configure(world, world->mock.servers, NULL, map,
              "    gaps: true\n    duplicates: {horizon: 1h, count: 100000}\n");
    world->config->registry_retry_ns = 50 * NS_PER_MS;
}

/* Event number i; schema: the id in front of it. */
static inline void rebuild_send(struct world *world, int i, int32_t partition, int schema)
{
    uint8_t value[64];
    char service[] = "service-0";
    int64_t time_ms = TIME_MS + EVENT_STEP_MS * (int64_t)i;
    size_t size;

    service[8] = (char)('0' + i % 5);
    size = encode(value, service, time_ms, i % 10 == 0 ? 503 : 200, 1000 + i % 7);
    value[4] = (uint8_t)schema;
    mock_send(&world->mock, "requests", partition, value, size, time_ms);
}

/* Events from number `first` on: each 50th comes twice, each 70th is bad, each 90th is of a schema that nobody knows yet, and there is a tombstone now and then. */
static inline void rebuild_send_events(struct world *world, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        int32_t partition = i % PARTITIONS;

        rebuild_send(world, i, partition, i % 90 == 17 ? 2 : 1);
        if (i % 50 == 3) {
            rebuild_send(world, i, (partition + i / 50) % PARTITIONS, 1);
        }
        if (i % 70 == 5) {
            mock_send(&world->mock, "requests", partition, "no event", 8,
                      TIME_MS + EVENT_STEP_MS * (int64_t)i);
        }
        if (i % 200 == 9) {
            mock_send(&world->mock, "requests", partition, NULL, 0,
                      TIME_MS + EVENT_STEP_MS * (int64_t)i);
        }
    }
    mock_flush(&world->mock);
}

/* From now on schema 2 is known: what it wrote can be redriven. */
static inline void rebuild_learn_schema(struct world *world)
{
    world->fake.answers[1] = world->fake.answers[0];
    world->fake.answers[1].path = "/schemas/ids/2";
}

static inline void rebuild_aggregate(struct world *world)
{
    struct err err = ERR_INIT;
    int64_t complete_ns;

    if (aggregate_run(world->config, world->db, LIVE_BOOK, NULL, NULL, &complete_ns, &err) !=
        ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void rebuild_redrive(struct world *world)
{
    struct redrive_options options = {.config = world->config,
                                      .db = world->db,
                                      .book_id = LIVE_BOOK,
                                      .clock = clock_system(),
                                      .random = &world->random,
                                      .http = &world->fake.http,
                                      .patience_ns = 20 * NS_PER_SECOND};
    struct redrive_result result;
    struct err err = ERR_INIT;

    if (redrive_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void rebuild_consume(struct world *world)
{
    world->book_id = LIVE_BOOK;
    (void)drain(world);
}

static inline void rebuild_archive(struct world *world)
{
    struct err err = ERR_INIT;

    if (store_book_make(world->db, ARCHIVE_BOOK, &world->book_id, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    (void)archive_drain(world);
    world->book_id = LIVE_BOOK;
}

static inline enum err_code rebuild_try(struct world *world, struct rebuild_options options,
                                        struct rebuild_result *ret_result, struct err *err)
{
    enum err_code code = archive_open_objects(world->config, true, &options.objects, err);

    options.config = world->config;
    options.db = world->db;
    options.book_id = LIVE_BOOK;
    options.clock = clock_system();
    options.random = &world->random;
    options.http = &world->fake.http;
    options.month = options.month != NULL ? options.month : MONTH;
    options.thread_count = options.thread_count > 0 ? options.thread_count : 1;
    if (code == ERR_OK) {
        code = rebuild_run(&options, ret_result, err);
    }
    if (options.objects != NULL) {
        options.objects->close(options.objects);
    }
    return code;
}

static inline struct rebuild_result rebuild_with(struct world *world,
                                                 struct rebuild_options options)
{
    struct rebuild_result result;
    struct err err = ERR_INIT;

    if (rebuild_try(world, options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

static inline struct rebuild_result rebuild_plainly(struct world *world)
{
    return rebuild_with(world, (struct rebuild_options){.thread_count = 2});
}

static inline void rebuild_sound(struct world *world)
{
    char line[LINES_SIZE] = "";
    struct audit_report report;
    struct err err = ERR_INIT;

    if (audit_run(world->db, LIVE_BOOK, archive_gaps, archive_show, line, &report, &err) !=
        ERR_OK) {
        fail_msg("%s: %s", err.text, line);
    }
}

/* All windows of the live book and what is derived from them, as one text. The caller frees it. */
static inline char *rebuild_windows(struct world *world)
{
    static const char *const questions[] = {
        "SELECT kind, a, b, c, d, hour, tally FROM window_hour WHERE book_id = 1 "
        "ORDER BY kind, a, hour, b, c, d",
        "SELECT service, customer, hour, records, total, errors, slow FROM rollup_hour WHERE "
        "book_id = 1 ORDER BY service, customer, hour",
        "SELECT service, customer, day, records, total, errors, slow FROM rollup_day WHERE "
        "book_id = 1 ORDER BY service, customer, day",
        "SELECT service, first_minute, has_requests, has_checks, 0, 0, 0 FROM service WHERE "
        "book_id = 1 ORDER BY service",
        "SELECT service, hour, grades, incomplete, carried, 0, 0 FROM grade_hour WHERE book_id = 1 "
        "ORDER BY service, hour"};
    struct strbuf text;

    strbuf_init(&text, 64 * 1024 * 1024);
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct db_stmt *stmt;
        struct err err = ERR_INIT;
        bool row = true;

        assert_int_equal(db_prepare(world->db, questions[i], &stmt, &err), ERR_OK);
        while (db_step(stmt, &row, &err) == ERR_OK && row) {
            for (int c = 0; c < 7; c++) {
                struct str bytes = db_column_text(stmt, c);

                for (size_t k = 0; k < bytes.size; k++) {
                    unsigned char byte = (unsigned char)bytes.data[k];

                    strbuf_append_format(&text, byte > 32 && byte < 127 ? "%c" : "%02x", byte);
                }
                strbuf_append_char(&text, '|');
            }
            strbuf_append_char(&text, '\n');
        }
        db_reset(stmt);
        assert_int_equal(err.code, ERR_OK);
    }
    assert_false(text.overflow);
    return text.data;
}

/* Changes a window behind everybody's back, with a checksum that is right: sql is an UPDATE or DELETE of window_hour. */
static inline void rebuild_replace(struct world *world, const char *kind, const char *service,
                                   int64_t hour, const struct tally *tally)
{
    enum tally_kind number;
    struct db_stmt *stmt;
    struct strbuf packed;
    struct err err = ERR_INIT;

    assert_true(tally_kind_find(STR(kind), &number));
    strbuf_init(&packed, 1 << 20);
    tally_pack(number, tally, &packed);
    assert_int_equal(
        db_prepare(world->db,
                   "INSERT INTO window_hour (book_id, kind, a, b, c, d, hour, tally, checksum) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT "
                   "(book_id, kind, a, b, c, d, hour) DO UPDATE SET tally = excluded.tally, "
                   "checksum = excluded.checksum",
                   &stmt, &err),
        ERR_OK);
    db_bind_int64(stmt, 1, LIVE_BOOK);
    db_bind_text(stmt, 2, STR(kind));
    db_bind_text(stmt, 3, STR(service));
    db_bind_text(stmt, 4, STR(""));
    db_bind_text(stmt, 5, STR(""));
    db_bind_text(stmt, 6, STR(""));
    db_bind_int64(stmt, 7, hour);
    db_bind_blob(stmt, 8, strbuf_view(&packed));
    db_bind_checksum(stmt, 9);
    assert_int_equal(db_run(stmt, NULL, &err), ERR_OK);
    strbuf_release(&packed);
}

/* The window as it stands. */
static inline void rebuild_window(struct world *world, const char *service, int64_t hour,
                                  struct tally *ret_tally)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;

    assert_int_equal(db_prepare(world->db,
                                "SELECT tally FROM window_hour WHERE book_id = 1 AND "
                                "kind = 'window' AND a = $1 AND hour = $2",
                                &stmt, &err),
                     ERR_OK);
    db_bind_text(stmt, 1, STR(service));
    db_bind_int64(stmt, 2, hour);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(row);
    assert_int_equal(tally_unpack(TALLY_WINDOW, db_column_blob(stmt, 0), ret_tally, &err), ERR_OK);
    db_reset(stmt);
}

#endif
