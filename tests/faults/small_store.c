/*
 * A small but complete store, for tests that damage it: two streams, excluded records, dead letters with their outbox, duplicates, checks,
 * announcements, reclassifications, windows with particulars and grades, one issued statement with its credit note and a claim, contracts that are due
 * and not issued yet, the book of an archive, a rebuild that is open, and pending rows of a batch that nobody has folded: among them failed checks of the issued month,
 * which come too late.
 *
 *     small_store FOLDER
 *
 * writes FOLDER/uptally.db and FOLDER/uptally.yaml, through the program's own code on a simulated clock: a day in October 2024.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/archive_file.h"
#include "aggregator/fold.h"
#include "aggregator/fold_windows.h"
#include "aggregator/grading.h"
#include "aggregator/ledger.h"
#include "aggregator/rebuild.h"
#include "aggregator/store.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/objects.h"
#include "jobs/config/config.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/claim.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/reclassify.h"

enum { PARTITIONS = 2, HOURS = 8, FAILED_FROM = 100, FAILED_TO = 130, PATH_SIZE = 4096 };

/* 2024-10-31T16:00:00Z: the month ends eight hours later. */
static const int64_t start_ns = INT64_C(1730390400) * NS_PER_SECOND;

static const char configuration[] =
    "store: {sqlite: uptally.db}\n"
    "output: statements\n"
    "lateness: 1m\n"
    "contracts:\n"
    "  - id: acme\n"
    "    customer: ACME Solar GmbH\n"
    "    services: [api]\n"
    "    time_zone: UTC\n"
    "    currency: EUR\n"
    "    fee: 1000.00\n"
    "    valid_from: 2024-10-31\n"
    "    availability:\n"
    "      target: 99\n"
    "      method: state_time\n"
    "      weights: {degraded: 0.25, partial: 0.5, major: 1}\n"
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: exclude, "
    "not_provisioned: exclude}\n"
    "    maintenance: {notice: 1h, excluded: remove}\n"
    "    credits:\n"
    "      tiers: [{below: 99, percent: 10}]\n"
    "      rounding: half_even\n"
    "  - id: globex\n"
    "    customer: Globex Inc.\n"
    "    services: [shop, api]\n"
    "    time_zone: UTC\n"
    "    currency: USD\n"
    "    fee: 500.00\n"
    "    valid_from: 2024-10-31\n"
    "    availability:\n"
    "      target: 99.5\n"
    "      method: time_slices\n"
    "      slice: 10m\n"
    "      max_error_ratio: 0.1\n"
    "      latency: {percentile: 90, below: 150ms}\n"
    "      pool: sum\n"
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, "
    "not_provisioned: exclude}\n"
    "    maintenance: {notice: 1h, excluded: forgive}\n"
    "    credits:\n"
    "      tiers: [{below: 99.5, percent: 5}]\n"
    "      rounding: half_up\n"
    "  - id: initech\n"
    "    customer: Initech\n"
    "    services: [shop]\n"
    "    time_zone: UTC\n"
    "    valid_from: 2024-10-31\n"
    "    availability:\n"
    "      target: 99.9\n"
    "      method: total_failure_runs\n"
    "      min_run: 60s\n"
    "      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: exclude, "
    "not_provisioned: exclude}\n";

struct maker {
    struct db *db;
    struct clock_simulated clock;
    struct random random;
    struct ledger ledger;
    struct id_group group;
    int64_t requests, checks; /* stream ids */
    struct config *config;
    struct objects *objects;
};

/* Nobody waits for us but a test: the first thing that does not work ends the program. */
static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        (void)fprintf(stderr, "small_store: %s\n", err->text);
        exit(1);
    }
}

static const char *in_folder(char path[PATH_SIZE], const char *folder, const char *name)
{
    CHECK(snprintf(path, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE);
    return path;
}

static int64_t add_stream(struct maker *maker, const char *topic, enum event_kind kind)
{
    static const int64_t origins[PARTITIONS] = {0, 100};
    struct err err = ERR_INIT;
    struct stream stream;
    enum stream_state state;

    must(store_stream(maker->db, STR("q1w2e3"), STR("production"), str_from(topic), kind, &stream,
                      &state, &err),
         &err);
    must(ledger_set_origins(&maker->ledger, stream.stream_id, origins, PARTITIONS, &err), &err);
    return stream.stream_id;
}

static void maker_open(struct maker *maker, const char *folder)
{
    char path[PATH_SIZE];
    struct db_options options = {.path = in_folder(path, folder, "uptally.db"),
                                 .create = true,
                                 .clock = &maker->clock.clock};
    struct err err = ERR_INIT;

    clock_simulated_init(&maker->clock, start_ns);
    random_init_seed(&maker->random, 1);
    must(db_open(&options, &maker->db, &err), &err);
    must(store_migrate(maker->db, &err), &err);
    maker->ledger = (struct ledger){.db = maker->db,
                                    .book_id = 1,
                                    .random = &maker->random,
                                    .program_version = "0.1.0",
                                    .groups = &maker->group,
                                    .group_count = 1};
    maker->requests = add_stream(maker, "requests", EVENT_REQUEST);
    maker->checks = add_stream(maker, "health-checks", EVENT_CHECK);
    maker->group = (struct id_group){.name = STR("edge"),
                                     .horizon_ns = NS_PER_HOUR,
                                     .count_max = 100000,
                                     .stream_ids = &maker->requests,
                                     .stream_count = 1};
}

static void write_configuration(struct maker *maker, const char *folder)
{
    char path[PATH_SIZE];
    struct err err = ERR_INIT;
    FILE *file = fopen(in_folder(path, folder, "uptally.yaml"), "w");

    CHECK(file != NULL);
    CHECK(fputs(configuration, file) >= 0);
    CHECK(fclose(file) == 0);
    must(config_read(path, &maker->config, &err), &err);
    must(objects_folder_open(maker->config->output_path.data, &maker->objects, &err), &err);
}

static struct batch *new_batch(struct maker *maker)
{
    struct batch *batch = batch_new(DEAD_LETTER_BYTES_MAX);
    const int64_t streams[] = {maker->requests, maker->checks};
    static const char *const topics[] = {"requests", "health-checks"};

    for (int s = 0; s < 2; s++) {
        struct ledger_partition *positions;
        struct arena arena = ARENA_INIT;
        struct err err = ERR_INIT;
        size_t count;

        must(ledger_partitions(&maker->ledger, streams[s], &arena, &positions, &count, &err), &err);
        for (size_t p = 0; p < count; p++) {
            batch_begin_partition(batch, streams[s], str_from(topics[s]), STR("6d617070696e67"),
                                  (int32_t)p, positions[p].next_offset);
        }
        arena_release(&arena);
    }
    for (int32_t p = 0; p < PARTITIONS; p++) {
        batch_set_group(batch, maker->requests, p, STR("edge"));
        batch_set_destination(batch, maker->requests, p, STR("dead"));
    }
    return batch;
}

static struct coordinate next_place(const struct batch *batch, int64_t stream_id, int32_t partition,
                                    int64_t time_ns)
{
    return (struct coordinate){stream_id, partition, batch_next_offset(batch, stream_id, partition),
                               time_ns};
}

static const struct particulars_wanted *wanted_of(const struct maker *maker, struct str service)
{
    for (size_t i = 0; i < maker->config->wanted_count; i++) {
        if (str_equal(maker->config->wanted[i].service, service)) {
            return &maker->config->wanted[i].wanted;
        }
    }
    return NULL;
}

/* One request in three minutes; some have an id, and every seventh of those comes twice. */
static void add_request(struct maker *maker, struct batch *batch, int minute)
{
    int32_t partition = minute % PARTITIONS;
    int64_t time_ns = start_ns + minute * NS_PER_MINUTE;
    struct coordinate at = next_place(batch, maker->requests, partition, time_ns);
    char id[32];
    struct event event = {.kind = EVENT_REQUEST,
                          .outcome = minute % 60 == 45 ? OUTCOME_ERROR : OUTCOME_SUCCESS,
                          .time_ns = time_ns,
                          .service = minute % 2 == 0 ? STR("api") : STR("shop"),
                          .latency_ns = (minute + 1) * NS_PER_MS,
                          .latency_threshold_ns = 400 * NS_PER_MS,
                          .weight = 1};

    event.wanted = wanted_of(maker, event.service);
    if (minute % 12 == 0) {
        event.id = str_of(id, (size_t)snprintf(id, sizeof(id), "request-%d", minute / 24));
        event.time_ns = start_ns + minute / 24 * 24 * NS_PER_MINUTE;
    }
    batch_add_event(batch, &at, &event);
}

/* The first event of all, late on the day before: so there is a day of which every hour is graded. */
static void add_first(struct maker *maker, struct batch *batch)
{
    int64_t time_ns = start_ns - 961 * NS_PER_MINUTE;
    struct coordinate at = next_place(batch, maker->requests, 0, time_ns);
    struct event event = {.kind = EVENT_REQUEST,
                          .outcome = OUTCOME_SUCCESS,
                          .time_ns = time_ns,
                          .service = STR("shop"),
                          .latency_ns = NS_PER_MS,
                          .latency_threshold_ns = 400 * NS_PER_MS,
                          .weight = 1};

    event.wanted = wanted_of(maker, event.service);
    batch_add_event(batch, &at, &event);
}

static void add_check(struct maker *maker, struct batch *batch, int minute, enum outcome outcome)
{
    int64_t time_ns = start_ns + minute * NS_PER_MINUTE;
    struct coordinate at = next_place(batch, maker->checks, minute % PARTITIONS, time_ns);
    struct event event = {.kind = EVENT_CHECK,
                          .outcome = outcome,
                          .time_ns = time_ns,
                          .service = STR("api"),
                          .instance = STR("i-1"),
                          .region = STR("eu"),
                          .checker = STR("probe"),
                          .interval_ns = 5 * NS_PER_MINUTE};

    batch_add_event(batch, &at, &event);
}

static void add_others(struct maker *maker, struct batch *batch, int minute)
{
    int64_t time_ns = start_ns + minute * NS_PER_MINUTE;
    struct coordinate at = next_place(batch, maker->requests, 0, time_ns);

    batch_add_excluded(batch, &at, VERDICT_RULE, STR("healthz"));
    at = next_place(batch, maker->requests, 1, time_ns);
    batch_add_dead_letter(batch, &at, VERDICT_BAD_OUTCOME, STR("status: 700"),
                          str_of("\0\0\0\0\1not what it is", 20), STR(""));
    at = next_place(batch, maker->requests, 1, time_ns);
    batch_add_excluded(batch, &at, VERDICT_TOMBSTONE, STR(""));
}

/* Minutes [from, to) after the start, in one commit. */
static void consume(struct maker *maker, int from, int to)
{
    struct batch *batch = new_batch(maker);
    struct err err = ERR_INIT;

    if (from == 0) {
        add_first(maker, batch);
    }
    for (int minute = from; minute < to; minute++) {
        if (minute % 3 == 0) {
            add_request(maker, batch, minute);
        }
        if (minute % 5 == 0) {
            add_check(maker, batch, minute,
                      minute >= FAILED_FROM && minute < FAILED_TO ? OUTCOME_FAIL : OUTCOME_PASS);
        }
        if (minute % 150 == 0) {
            add_others(maker, batch, minute);
        }
    }
    maker->clock.time_ns = start_ns + to * NS_PER_MINUTE;
    must(ledger_commit(&maker->ledger, batch, &err), &err);
    batch_free(batch);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        must(ledger_note_drained(&maker->ledger, maker->requests, p, 0, maker->clock.time_ns, &err),
             &err);
        must(ledger_note_drained(&maker->ledger, maker->checks, p, 0, maker->clock.time_ns, &err),
             &err);
    }
}

static const struct grading_rules *rules(void *context, struct str service)
{
    static const struct grading_rules defaults = GRADING_RULES_DEFAULT;

    (void)context;
    (void)service;
    return &defaults;
}

static void aggregate(struct maker *maker)
{
    struct fold_options options = {.db = maker->db,
                                   .book_id = 1,
                                   .holder = "small_store",
                                   .lease_ns = NS_PER_MINUTE,
                                   .lateness_ns = NS_PER_MINUTE,
                                   .rows_per_step = 2000};
    struct grading_options grading = {.db = maker->db, .book_id = 1, .rules = rules};
    struct err err = ERR_INIT;
    struct fold fold;

    fold_init(&fold, &options);
    must(fold_acquire(&fold, &err), &err);
    must(fold_run(&fold, NULL, NULL, &err), &err);
    must(fold_complete_until(maker->db, 1, &grading.until_ns, &err), &err);
    must(grading_run(&fold, &grading, &err), &err);
    fold_release(&fold);
}

static void announce(struct maker *maker)
{
    int64_t id, cancelled;
    struct err err = ERR_INIT;
    bool late;

    must(announce_add(maker->db, STR("api"), start_ns + 110 * NS_PER_MINUTE,
                      start_ns + 115 * NS_PER_MINUTE, STR("database upgrade"), STR("operations"),
                      &id, &late, &err),
         &err);
    must(announce_add(maker->db, STR("*"), start_ns + 200 * NS_PER_MINUTE,
                      start_ns + 230 * NS_PER_MINUTE, STR("network works"), STR("operations"), &id,
                      &late, &err),
         &err);
    must(announce_cancel(maker->db, id, STR("not needed"), STR("operations"), &cancelled, &err),
         &err);
}

/* One that stands and one that was withdrawn; both are named by the statement. */
static void reclassify(struct maker *maker)
{
    struct reclassification row = {.service = STR("api"),
                                   .from_s = start_ns / NS_PER_SECOND + 60 * 60,
                                   .to_s = start_ns / NS_PER_SECOND + 62 * 60,
                                   .state = GRADE_DEGRADED,
                                   .author = STR("operations"),
                                   .reason = STR("customers saw it slow")};
    struct err err = ERR_INIT;
    int64_t withdrawal;

    must(reclassify_add(maker->db, &row, &err), &err);
    row.state = GRADE_MAJOR;
    must(reclassify_add(maker->db, &row, &err), &err);
    must(reclassify_withdraw(maker->db, row.id, STR("they did not"), STR("operations"), &withdrawal,
                             &err),
         &err);
}

static void claim(struct maker *maker)
{
    struct claim claim = {.contract = STR("acme"),
                          .period = STR("2024-10"),
                          .claimed = STR("2024-11-01T00:20:00Z"),
                          .author = STR("ACME"),
                          .reference = STR("ticket 4711")};
    struct err err = ERR_INIT;

    must(claim_add(maker->db, &maker->config->contracts[0], start_ns / NS_PER_SECOND + HOURS * 3600,
                   &claim, &err),
         &err);
}

/* Ten minutes of trouble that nobody knew of when the statement was issued. */
static void come_too_late(struct maker *maker)
{
    struct batch *batch = new_batch(maker);
    struct err err = ERR_INIT;

    for (int minute = 400; minute < 410; minute++) {
        add_check(maker, batch, minute, OUTCOME_FAIL);
    }
    must(ledger_commit(&maker->ledger, batch, &err), &err);
    batch_free(batch);
}

static enum err_code write_file(struct ledger *ledger, const struct batch *batch, void *context,
                                struct err *err)
{
    struct archive_file *file = context;

    file->batch_id = batch_id_of(batch);
    return archive_file_write(ledger->db, ledger->book_id, file, err);
}

/* The book of an archive: a partition in two files, the first of which has expired. The files themselves are nowhere: nobody reads them here. */
static void archive(struct maker *maker)
{
    static const int64_t origins[PARTITIONS] = {0, 0};
    struct ledger ledger = maker->ledger;
    struct batch *batch = batch_new(0);
    struct err err = ERR_INIT;

    must(store_book_make(maker->db, ARCHIVE_BOOK, &ledger.book_id, &err), &err);
    must(ledger_set_origins(&ledger, maker->requests, origins, PARTITIONS, &err), &err);
    batch_begin_partition(batch, maker->requests, STR("requests"), STR(""), 0, 0);
    for (int i = 0; i < 2; i++) {
        struct archive_file file = {
            .stream_id = maker->requests,
            .from = 10 * i,
            .to = 10 * i + 10,
            .name =
                STR(i == 0 ? "q1w2e3/requests/1/0/0-10.avro" : "q1w2e3/requests/1/0/10-20.avro"),
            .size = 4711,
            .sha256 = STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"),
            .records = 10,
            .low_time_ns = start_ns,
            .high_time_ns = start_ns + NS_PER_SECOND,
            .low_event_ns = start_ns,
            .high_event_ns = start_ns + NS_PER_SECOND,
            .undated = i,
            .state = i == 0 ? ARCHIVE_EXPIRED : ARCHIVE_KEPT,
            .expired_ns = i == 0 ? start_ns + NS_PER_HOUR : ARCHIVE_NO_TIME};

        for (int offset = 10 * i; offset < 10 * i + 10; offset++) {
            struct coordinate at = {maker->requests, 0, offset, start_ns};

            batch_add_excluded(batch, &at, VERDICT_ARCHIVED, str_of(NULL, 0));
        }
        must(ledger_commit_also(&ledger, batch, write_file, &file, &err), &err);
    }
    must(ledger_note_drained(&ledger, maker->requests, 0, 20, start_ns, &err), &err);
    batch_free(batch);
}

/* What the fold of a late event would have added. */
static void come_since(struct maker *maker, const struct rebuild *rebuild)
{
    const struct tally_key key = {.kind = TALLY_ACTIVITY,
                                  .a = STR("topic"),
                                  .b = STR("requests"),
                                  .hour = rebuild->end_hour - 1};
    struct tally delta;
    struct fold_windows windows;
    struct err err = ERR_INIT;
    bool unknown;

    fold_windows_init(&windows, maker->db, rebuild->since_book, true);
    tally_init(&delta);
    delta.activity.minutes = 6;
    must(db_begin(maker->db, &err), &err);
    must(fold_windows_add(&windows, &key, &delta, &err), &err);
    must(db_commit(maker->db, &unknown, &err), &err);
    fold_windows_release(&windows);
}

/* A month that is being counted again: a range of it is read, and nothing of that folded. */
static void rebuild(struct maker *maker)
{
    struct fold_options options = {
        .db = maker->db, .book_id = 1, .holder = "small_store", .lease_ns = NS_PER_MINUTE};
    struct ledger ledger = maker->ledger;
    struct batch *batch = batch_new(0);
    struct coordinate at = {maker->requests, 0, 7, start_ns};
    struct event event = {.kind = EVENT_REQUEST,
                          .outcome = OUTCOME_SUCCESS,
                          .time_ns = start_ns,
                          .service = STR("api"),
                          .latency_ns = NS_PER_MS,
                          .latency_threshold_ns = NS_PER_SECOND,
                          .weight = 1};
    struct err err = ERR_INIT;
    struct rebuild rebuild;
    struct fold fold;
    int64_t archive_book;
    bool opened;

    CHECK(rebuild_month("2024-10", &rebuild));
    must(store_book(maker->db, ARCHIVE_BOOK, &archive_book, &err), &err);
    fold_init(&fold, &options);
    must(fold_acquire(&fold, &err), &err);
    must(rebuild_open(&fold, archive_book, &rebuild, &opened, &err), &err);
    fold_release(&fold);
    ledger.book_id = rebuild.rebuild_book;
    batch_begin_partition(batch, maker->requests, STR("requests"), STR(""), 0, 0);
    batch_pass_over(batch, maker->requests, 0, 7, 7, VERDICT_OTHER_MONTH);
    batch_add_event(batch, &at, &event);
    must(rebuild_commit(&ledger, batch, &err), &err);
    batch_free(batch);
    come_since(maker, &rebuild);
}

/* The first contract only; what the second one gets is computed by whoever looks at the store. */
static void issue(struct maker *maker)
{
    struct publisher publisher = {.db = maker->db,
                                  .book_id = 1,
                                  .objects = maker->objects,
                                  .contracts = maker->config->contracts,
                                  .contract_count = 1,
                                  .program_version = "0.1.0"};
    struct statement_options options = {.formats = STATEMENT_ALL};
    struct statement_outcome outcome;
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    struct err err = ERR_INIT;
    size_t count;

    statement_outcome_init(&outcome);
    must(statement_publish_month(&publisher, &maker->config->contracts[0], 2024, 10, &options,
                                 &outcome, &err),
         &err);
    CHECK(outcome.present);
    CHECK(!outcome.provisional);
    must(credits_issue(&publisher, 2024, 10, &arena, &notes, &count, &err), &err);
    CHECK(count == 1);
    arena_release(&arena);
    statement_outcome_release(&outcome);
}

int main(int argc, char **argv)
{
    struct maker maker = {0};

    if (argc != 2) {
        (void)fprintf(stderr, "usage: small_store FOLDER\n");
        return 2;
    }
    maker_open(&maker, argv[1]);
    write_configuration(&maker, argv[1]);
    announce(&maker);
    consume(&maker, 0, HOURS * 60 / 2);
    aggregate(&maker);
    consume(&maker, HOURS * 60 / 2, HOURS * 60 + 30);
    aggregate(&maker);
    reclassify(&maker);
    issue(&maker);
    claim(&maker);
    archive(&maker);
    rebuild(&maker);
    come_too_late(&maker);
    consume(&maker, HOURS * 60 + 30, HOURS * 60 + 40);
    maker.objects->close(maker.objects);
    config_free(maker.config);
    db_close(maker.db);
    return 0;
}
