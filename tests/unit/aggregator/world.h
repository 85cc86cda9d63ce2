/*
 * A small world from one seed: what stands in the partitions of both topics, for tests that consume it in different ways and
 * must end with the same books.
 */
#ifndef TESTS_UNIT_AGGREGATOR_WORLD_H
#define TESTS_UNIT_AGGREGATOR_WORLD_H

#include "aggregator/dead_letter.h"
#include "aggregator/redrive.h"
#include "aggregator/tally.h"
#include "tests/unit/aggregator/book.h"

enum { WORLD_RECORDS = 120, WORLD_SERVICES = 4, WORLD_MINUTES = 60 * 30 };

struct world_record {
    int64_t offset;
    enum verdict verdict;
    struct event event;
};

struct world {
    /* By stream (0 requests, 1 checks) and partition; offsets ascend with gaps. */
    struct world_record records[2][BOOK_PARTITIONS][WORLD_RECORDS];
};

static const char *const world_services[WORLD_SERVICES] = {"basket", "shop", "shop/eu", "zeta"};
static const int64_t world_origins[BOOK_PARTITIONS] = {0, 100, 5};

/* One service has particulars of all its requests, one of some: not every consumer knew the contract yet. */
static inline const struct particulars_wanted *world_wanted(struct random *random,
                                                            struct str service)
{
    static const int64_t limits_ns[] = {200 * NS_PER_MS, 700 * NS_PER_MS};
    static const struct particulars_wanted wanted = {
        .times = true, .limits_ns = limits_ns, .limit_count = 2};
    bool known = random_below(random, 3) > 0;

    return str_equal(service, STR("shop")) || (known && str_equal(service, STR("zeta"))) ? &wanted
                                                                                         : NULL;
}

static inline struct event world_event(struct random *random, int stream)
{
    struct event event = {.kind = stream == 0 ? EVENT_REQUEST : EVENT_CHECK,
                          .time_ns = BOOK_START_NS +
                                     (int64_t)random_below(random, WORLD_MINUTES) * NS_PER_MINUTE +
                                     (int64_t)random_below(random, 3) * NS_PER_SECOND,
                          .service = STR(world_services[random_below(random, WORLD_SERVICES)]),
                          .latency_threshold_ns = 500 * NS_PER_MS,
                          .weight = 1};

    if (stream == 0) {
        event.customer = random_below(random, 3) == 0 ? STR("acme") : STR("");
        event.outcome = random_below(random, 5) == 0 ? OUTCOME_ERROR : OUTCOME_SUCCESS;
        event.latency_ns = (int64_t)random_below(random, (uint64_t)NS_PER_SECOND) - 1;
        event.weight = 1 + (int64_t)random_below(random, 2);
        event.wanted = world_wanted(random, event.service);
    } else {
        event.outcome = (enum outcome)(OUTCOME_PASS + random_below(random, 5));
        event.instance = random_below(random, 2) == 0 ? STR("i-1") : STR("i-2");
        event.checker = random_below(random, 2) == 0 ? STR("probe") : STR("");
        event.interval_ns = (int64_t)random_below(random, 3) * NS_PER_MINUTE;
    }
    return event;
}

static inline void world_make(struct world *world, uint64_t seed)
{
    static const enum verdict others[] = {VERDICT_TOMBSTONE, VERDICT_RULE, VERDICT_NOT_A_REQUEST,
                                          VERDICT_MALFORMED, VERDICT_BAD_NAME};
    struct random random;

    print_message("seed %" PRIu64 "\n", seed);
    random_init_seed(&random, seed);
    for (int s = 0; s < 2; s++) {
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            int64_t offset = world_origins[p];

            for (int i = 0; i < WORLD_RECORDS; i++) {
                struct world_record *record = &world->records[s][p][i];

                offset +=
                    random_below(&random, 10) == 0 ? 1 + (int64_t)random_below(&random, 4) : 0;
                record->offset = offset++;
                record->verdict = random_below(&random, 6) == 0
                                      ? others[random_below(&random, ARRAY_COUNT(others))]
                                      : VERDICT_TALLIED;
                record->event = world_event(&random, s);
            }
        }
    }
}

static inline int64_t world_end(const struct world *world, int stream, int partition)
{
    return world->records[stream][partition][WORLD_RECORDS - 1].offset + 1;
}

/* Adds up to `count` records that come next in the partition; true if there are more. */
static inline bool world_feed(const struct world *world, struct book *book, struct batch *batch,
                              int stream, int partition, int count)
{
    int64_t stream_id = stream == 0 ? book->requests : book->checks;
    int64_t next = batch_next_offset(batch, stream_id, partition);

    for (int i = 0; i < WORLD_RECORDS && count > 0; i++) {
        const struct world_record *record = &world->records[stream][partition][i];
        struct coordinate at = book_at(stream_id, partition, record->offset, record->event.time_ns);

        if (record->offset < next) {
            continue;
        }
        if (record->verdict == VERDICT_TALLIED) {
            batch_add_event(batch, &at, &record->event);
        } else if (verdict_row(record->verdict)->class == VERDICT_CLASS_DEAD) {
            batch_add_dead_letter(batch, &at, record->verdict, STR("detail"), STR("bytes"),
                                  str_of(NULL, 0));
        } else {
            batch_add_excluded(batch, &at, record->verdict, STR("healthz"));
        }
        count--;
    }
    return batch_next_offset(batch, stream_id, partition) < world_end(world, stream, partition);
}

/* Everything that is left, in commits of about `count` records per partition. A failed commit is tried once more. */
static inline void world_consume(const struct world *world, struct book *book, struct db *db,
                                 int count)
{
    struct ledger ledger = book_ledger(book, db);
    struct batch *batch = book_batch(book, db);
    bool more = true;

    while (more) {
        struct err err = ERR_INIT;

        more = false;
        for (int s = 0; s < 2; s++) {
            for (int p = 0; p < BOOK_PARTITIONS; p++) {
                more = world_feed(world, book, batch, s, p, count) || more;
            }
        }
        if (ledger_commit(&ledger, batch, &err) != ERR_OK &&
            ledger_commit(&ledger, batch, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
    }
    batch_free(batch);
}

/* The world as a repaired mapping sees it: some of its bad records are events, some are excluded, some are bad still. */
static inline void world_repair(struct world *world)
{
    for (int s = 0; s < 2; s++) {
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            for (int i = 0; i < WORLD_RECORDS; i++) {
                struct world_record *record = &world->records[s][p][i];

                if (verdict_row(record->verdict)->class == VERDICT_CLASS_DEAD &&
                    record->offset % 4 != 3) {
                    record->verdict = record->offset % 4 == 2 ? VERDICT_RULE : VERDICT_TALLIED;
                }
            }
        }
    }
}

static inline const struct world_record *world_find(const struct world *world, int stream,
                                                    const struct dead_letter *letter)
{
    for (int i = 0; i < WORLD_RECORDS; i++) {
        if (world->records[stream][letter->partition][i].offset == letter->offset) {
            return &world->records[stream][letter->partition][i];
        }
    }
    fail_msg("a letter of no record");
    return NULL;
}

/* A step of up to `count` letters behind *query, which moves on; NULL if there are none. Letters that stay dead are in no step. */
static inline struct redrive *world_step(const struct world *world, struct book *book,
                                         struct db *db, int stream, struct dead_letter_query *query,
                                         bool *ret_more)
{
    struct redrive_stream target = {.stream_id = query->stream_id,
                                    .topic = STR(stream == 0 ? "requests" : "checks"),
                                    .config_digest = STR("digest-2")};
    struct redrive *redrive = redrive_new(&target);
    struct arena arena = ARENA_INIT;
    struct dead_letter *letters;
    struct err err = ERR_INIT;
    size_t count;

    (void)book;
    assert_int_equal(dead_letter_list(db, 1, query, &arena, &letters, &count, &err), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        const struct world_record *record = world_find(world, stream, &letters[i]);
        struct coordinate at =
            book_at(query->stream_id, letters[i].partition, letters[i].offset, letters[i].time_ns);

        if (record->verdict == VERDICT_TALLIED) {
            redrive_add_event(redrive, &at, &record->event);
        } else if (record->verdict == VERDICT_RULE) {
            redrive_add_excluded(redrive, &at, VERDICT_RULE, STR("healthz"));
        }
        query->after_partition = letters[i].partition;
        query->after_offset = letters[i].offset;
    }
    *ret_more = count > 0;
    arena_release(&arena);
    return redrive;
}

/* Redrives everything in steps of `count` letters, as jobs/pipeline/redrive.c does it. A commit that failed is tried once more. */
static inline void world_redrive(const struct world *repaired, struct book *book, struct db *db,
                                 size_t count)
{
    struct ledger ledger = book_ledger(book, db);

    ledger.lasting_ids = true;
    for (int s = 0; s < 2; s++) {
        struct dead_letter_query query = {.stream_id = s == 0 ? book->requests : book->checks,
                                          .after_partition = -1,
                                          .after_offset = -1,
                                          .count_max = count,
                                          .size_max = 1 << 20};
        bool more = true;

        while (more) {
            struct dead_letter_query before = query;
            struct redrive *redrive = world_step(repaired, book, db, s, &query, &more);
            struct err err = ERR_INIT;
            bool missed = false;

            if (redrive_letters(redrive) > 0 &&
                redrive_commit(&ledger, redrive, &missed, &err) != ERR_OK && !missed &&
                redrive_commit(&ledger, redrive, &missed, &err) != ERR_OK && !missed) {
                fail_msg("%s", err.text);
            }
            query = missed ? before : query;
            redrive_free(redrive);
        }
    }
}

static inline void world_note_drained(const struct world *world, struct book *book, struct db *db,
                                      int64_t time_ns)
{
    struct ledger ledger = book_ledger(book, db);

    for (int s = 0; s < 2; s++) {
        for (int p = 0; p < BOOK_PARTITIONS; p++) {
            struct err err = ERR_INIT;

            assert_int_equal(ledger_note_drained(&ledger, s == 0 ? book->requests : book->checks, p,
                                                 world_end(world, s, p), time_ns, &err),
                             ERR_OK);
        }
    }
}

static inline struct fold world_fold(struct db *db, const char *holder, int64_t rows_per_step)
{
    struct fold_options options = {.db = db,
                                   .book_id = 1,
                                   .holder = holder,
                                   .lease_ns = 60 * NS_PER_SECOND,
                                   .lateness_ns = 5 * NS_PER_MINUTE,
                                   .rows_per_step = rows_per_step};
    struct fold fold;

    fold_init(&fold, &options);
    return fold;
}

static inline void world_fold_all(struct db *db, const char *holder, int64_t rows_per_step)
{
    struct fold fold = world_fold(db, holder, rows_per_step);
    struct err err = ERR_INIT;

    if (fold_acquire(&fold, &err) != ERR_OK || fold_run(&fold, NULL, NULL, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    fold_release(&fold);
}

static inline void world_dump_rows(struct db *db, const char *sql, int columns, struct strbuf *out)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;

    strbuf_append_format(out, "%s\n", sql);
    if (db_prepare(db, sql, &stmt, &err) == ERR_OK) {
        while (db_step(stmt, &row, &err) == ERR_OK && row) {
            strbuf_append_format(out, "  %08" PRIx64 "\n", db_column_checksum(stmt, columns));
        }
    }
    if (err.code != ERR_OK) {
        strbuf_append_format(out, "  error: %s\n", err.text);
    }
}

/* What the books say, whatever the batches were: windows, roll-ups, services, positions and the ledger's sums. */
static inline void world_dump(struct db *db, struct strbuf *out)
{
    strbuf_init(out, 1 << 22);
    world_dump_rows(db, "SELECT * FROM window_hour ORDER BY book_id, kind, a, b, c, d, hour", 9,
                    out);
    world_dump_rows(db, "SELECT * FROM rollup_hour ORDER BY book_id, service, customer, hour", 12,
                    out);
    world_dump_rows(db, "SELECT * FROM rollup_day ORDER BY book_id, service, customer, day", 9,
                    out);
    world_dump_rows(db, "SELECT * FROM service ORDER BY book_id, service", 5, out);
    world_dump_rows(db, "SELECT * FROM regrade ORDER BY book_id, service, hour", 3, out);
    world_dump_rows(db,
                    "SELECT stream_id, partition_id, origin, next_offset, guard_offset, "
                    "guard_time_ns FROM partition_offset ORDER BY stream_id, partition_id",
                    6, out);
    world_dump_rows(
        db,
        "SELECT stream_id, partition_id, min(low), max(high), CAST(sum(delivered) AS BIGINT), "
        "CAST(sum(tallied) AS BIGINT), CAST(sum(excluded) AS BIGINT), "
        "CAST(sum(duplicate) AS BIGINT), CAST(sum(dead) AS BIGINT), CAST(sum(absent) AS BIGINT) "
        "FROM (SELECT stream_id, partition_id, from_offset AS low, to_offset AS high, delivered, "
        "tallied, excluded, duplicate, dead_lettered AS dead, absent FROM batch_range UNION ALL "
        "SELECT stream_id, partition_id, from_offset, from_offset, 0, tallied, excluded, "
        "duplicate, -letters, 0 FROM moved) r "
        "GROUP BY stream_id, partition_id ORDER BY stream_id, partition_id",
        10, out);
    world_dump_rows(db,
                    "SELECT stream_id, partition_id, record_offset, reason, bytes FROM dead_letter "
                    "WHERE resolved_by IS NULL ORDER BY stream_id, partition_id, record_offset",
                    5, out);
    world_dump_rows(
        db,
        "SELECT stream_id, partition_id, reason, CAST(sum(records) AS BIGINT) FROM exclusion "
        "GROUP BY stream_id, partition_id, reason "
        "ORDER BY stream_id, partition_id, reason",
        4, out);
    world_dump_rows(db, "SELECT count(*) FROM pending", 1, out);
    world_dump_rows(db, "SELECT count(*) FROM fold_round_batch", 1, out);
    assert_false(out->overflow);
}

/* Names the query whose rows differ first. */
static inline void world_show_difference(const char *got, const char *expected)
{
    const char *section = got;

    while (*got == *expected && *got != '\0') {
        got++;
        expected++;
        if (got[-1] == '\n' && got[0] == 'S') {
            section = got;
        }
    }
    fail_msg("rows differ: %.*s", (int)(strchrnul(section, '\n') - section), section);
}

static inline void world_assert_equal(struct strbuf *expected, struct db *db)
{
    struct strbuf dump;

    world_dump(db, &dump);
    if (!str_equal(strbuf_view(&dump), strbuf_view(expected))) {
        world_show_difference(strbuf_text(&dump), strbuf_text(expected));
    }
    strbuf_release(&dump);
}

/* The books of the undisturbed run: one commit, one fold. */
static inline void world_expected(const struct world *world, struct strbuf *ret_dump)
{
    struct book book;

    book_open(&book);
    world_consume(world, &book, book.db, WORLD_RECORDS);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM batch"), 1);
    world_fold_all(book.db, "undisturbed", 1 << 20);
    world_dump(book.db, ret_dump);
    book_close(&book);
}

#endif
