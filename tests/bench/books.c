#include "tests/bench/books.h"

#include <stdio.h>
#include <stdlib.h>

#include "aggregator/fold.h"
#include "aggregator/grading.h"
#include "base/check.h"

enum { NAME_SIZE = 24, MEDIAN_US = 20000, SLOW_MS = 300 };

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        (void)fprintf(stderr, "bench books: %s\n", err->text);
        exit(1);
    }
}

void books_open(struct books *books, const char *path, int service_count, int rate, uint64_t seed)
{
    static const int64_t origins[BOOKS_PARTITIONS] = {0};
    struct db_options options = {.path = path, .create = true, .clock = &books->clock.clock};
    struct stream stream;
    enum stream_state state;
    struct err err = ERR_INIT;

    CHECK(service_count > 0);
    CHECK(rate > 0);
    CHECK(rate <= BOOKS_RATE_MAX);
    *books = (struct books){.service_count = service_count, .rate = rate};
    random_init_seed(&books->random, seed);
    random_init_seed(&books->ids, seed + 1);
    clock_simulated_init(&books->clock, BOOKS_START_S * NS_PER_SECOND);
    must(db_open(&options, &books->db, &err), &err);
    must(store_migrate(books->db, &err), &err);
    books->ledger = (struct ledger){
        .db = books->db, .book_id = 1, .random = &books->ids, .program_version = "0.1.0"};
    must(store_stream(books->db, STR("b3nch"), STR("bench"), STR("requests"), EVENT_REQUEST,
                      &stream, &state, &err),
         &err);
    books->stream_id = stream.stream_id;
    must(ledger_set_origins(&books->ledger, books->stream_id, origins, BOOKS_PARTITIONS, &err),
         &err);
    books->batch = batch_new(DEAD_LETTER_BYTES_MAX);
    for (int32_t p = 0; p < BOOKS_PARTITIONS; p++) {
        batch_begin_partition(books->batch, books->stream_id, STR("requests"), STR("62656e6368"), p,
                              0);
    }
}

/* Median times 2^x, where x is about normal (a sum of four dice). */
static int64_t draw_latency_ns(struct books *books)
{
    uint64_t dice = random_next(&books->random);
    int64_t sum =
        (int64_t)((dice & 0xffff) + (dice >> 16 & 0xffff) + (dice >> 32 & 0xffff) +
                  (dice >> 48)); /* 17 bits of fraction: up to 2, and half of it on average */
    int64_t scaled = (MEDIAN_US << 8) + ((MEDIAN_US * (sum & 0x7fff)) >> 7);

    return ((scaled << (sum >> 15)) >> 12) * 1000;
}

/* Events of one service in one minute: its share of the rate, more by day than by night, and some noise. */
static int64_t events_of(struct books *books, int service, int64_t minute)
{
    static const int64_t shares[] = {10, 50, 100, 110, 230}; /* per cent; 100 on average */
    static const int64_t waves[] = {50,  45,  40,  40,  45,  60,  80,  100, 120, 135, 140, 145,
                                    140, 140, 140, 135, 130, 125, 120, 115, 100, 90,  70,  55};
    int64_t mean = books->rate * shares[service % 5] * waves[minute / 60 % 24]; /* of 10,000 */

    return (mean / 2 + (int64_t)random_below(&books->random, (uint64_t)mean + 10000)) / 10000;
}

static void add_event(struct books *books, struct event *event, int64_t minute, bool broken)
{
    uint64_t dice = random_next(&books->random);
    int32_t partition = (int32_t)(dice & (BOOKS_PARTITIONS - 1));
    struct coordinate at = {books->stream_id, partition, books->offsets[partition]++, 0};

    event->time_ns =
        (BOOKS_START_S + minute * 60) * NS_PER_SECOND + (int64_t)(dice >> 8 & 0xffff) * 900000;
    event->outcome = (dice >> 32) % 10000 < (broken ? 3000 : 3) ? OUTCOME_ERROR : OUTCOME_SUCCESS;
    event->latency_ns = draw_latency_ns(books);
    at.time_ns = event->time_ns;
    batch_add_event(books->batch, &at, event);
    books->events++;
}

void books_fill(struct books *books, int64_t from_minute, int64_t to_minute)
{
    for (int service = 0; service < books->service_count; service++) {
        char name[NAME_SIZE];
        struct event event = {
            .kind = EVENT_REQUEST,
            .service = str_of(name, (size_t)snprintf(name, sizeof(name), "service-%04d", service)),
            .latency_threshold_ns = SLOW_MS * NS_PER_MS,
            .weight = 1};
        int64_t broken_until = -1;

        for (int64_t minute = from_minute; minute < to_minute; minute++) {
            int64_t count = events_of(books, service, minute);

            if (random_below(&books->random, 7 * 24 * 60) == 0) {
                broken_until = minute + 1 + (int64_t)random_below(&books->random, 20);
            }
            for (int64_t i = 0; i < count; i++) {
                add_event(books, &event, minute, minute < broken_until);
            }
        }
    }
    books->clock.time_ns = (BOOKS_START_S + to_minute * 60) * NS_PER_SECOND;
}

static int64_t count_pending(struct books *books)
{
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    int64_t count;
    bool row;

    must(db_prepare(books->db, "SELECT CAST(coalesce(sum(tallies), 0) AS BIGINT) FROM pending",
                    &stmt, &err),
         &err);
    must(db_step(stmt, &row, &err), &err);
    count = db_column_int64(stmt, 0);
    db_reset(stmt);
    return count;
}

void books_commit(struct books *books)
{
    struct err err = ERR_INIT;

    must(ledger_commit(&books->ledger, books->batch, &err), &err);
}

void books_drained(struct books *books, int64_t to_minute)
{
    struct err err = ERR_INIT;

    for (int32_t p = 0; p < BOOKS_PARTITIONS; p++) {
        must(ledger_note_drained(&books->ledger, books->stream_id, p, 0,
                                 (BOOKS_START_S + to_minute * 60) * NS_PER_SECOND, &err),
             &err);
    }
}

static void fold_open(struct books *books, struct fold *fold)
{
    struct fold_options options = {.db = books->db, .book_id = 1, .holder = "bench"};
    struct err err = ERR_INIT;

    fold_init(fold, &options);
    must(fold_acquire(fold, &err), &err);
}

void books_fold(struct books *books)
{
    struct err err = ERR_INIT;
    struct fold fold;

    books->tallies += count_pending(books);
    fold_open(books, &fold);
    must(fold_run(&fold, NULL, NULL, &err), &err);
    fold_release(&fold);
}

static const struct grading_rules *rules(void *context, struct str service)
{
    static const struct grading_rules defaults = GRADING_RULES_DEFAULT;

    (void)context;
    (void)service;
    return &defaults;
}

void books_grade(struct books *books)
{
    struct grading_options options = {.db = books->db, .book_id = 1, .rules = rules};
    struct err err = ERR_INIT;
    struct fold fold;

    fold_open(books, &fold);
    must(fold_complete_until(books->db, 1, &options.until_ns, &err), &err);
    must(grading_run(&fold, &options, &err), &err);
    fold_release(&fold);
}

void books_close(struct books *books)
{
    batch_free(books->batch);
    db_close(books->db);
}
