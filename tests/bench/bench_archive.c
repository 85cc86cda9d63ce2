/*
 * From archive files of `uptally archive` to the open batch, without a store: what reading them again costs before anything is kept.
 * The batch is emptied every 200,000 events, as a commit does it. usage: bench_archive EVENTS SCHEMA_FILE THREADS FILE...
 * Payloads are `request` events in Confluent framing. It ends with 1 unless all EVENTS of them were counted.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aggregator/batch.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "consumers/archive_reader.h"
#include "consumers/decoder.h"
#include "tests/bench/events.h"

enum {
    PREFIX_SIZE = 5,
    RECORDS = DECODER_EXPECTED_MAX,
    BATCH = 200000,
    SERVICES_MAX = 100000,
    THREADS_MAX = 64
};
enum { TEXT_SIZE_MAX = 1 << 16 };

static char schema_text[TEXT_SIZE_MAX];
static size_t schema_size;

struct worker {
    pthread_t thread;
    const struct mapping *mapping; /* borrowed */
    char **files;                  /* borrowed */
    int file_count;
    atomic_int *file_at; /* borrowed; the first that nobody has taken */
    struct schema_finder finder;
    struct catalog catalog;
    struct decoder *decoder;
    int64_t events;
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        (void)fprintf(stderr, "bench_archive: %s\n", err->text);
        exit(1);
    }
}

static struct mapping mapping_of_requests(void)
{
    struct mapping mapping = {
        .kind = EVENT_REQUEST,
        .service = {{.paths = {STR("service")}, .path_count = 1}},
        .service_part_count = 1,
        .time = {.paths = {STR("ts")}, .path_count = 1},
        .outcome = {.paths = {STR("status")}, .path_count = 1},
        .latency = {.paths = {STR("latency_us")}, .path_count = 1},
        .latency_unit_ns = 1000,
        .outcome_rules = {.use_defaults = true},
        .max_age_ns = 400 * NS_PER_DAY,
        .max_ahead_ns = NS_PER_DAY,
        .record_size_max = 16 << 20,
    };

    return mapping;
}

static void read_schema(const char *path)
{
    FILE *file = fopen(path, "r");

    if (file == NULL) {
        (void)fprintf(stderr, "bench_archive: %s cannot be read\n", path);
        exit(1);
    }
    schema_size = fread(schema_text, 1, sizeof(schema_text), file);
    CHECK(fclose(file) == 0);
}

static void cut(struct record *record)
{
    CHECK(record->value.size > PREFIX_SIZE);
    record->value = str_of(record->value.data + PREFIX_SIZE, record->value.size - PREFIX_SIZE);
}

static void count_record(struct worker *worker, struct batch *batch, const struct record *records,
                         size_t place, struct err *err)
{
    const struct record *record = &records[place];
    const struct coordinate at = {1, record->partition, record->offset, record->time_ns};
    const struct decoded *decoded = decoder_expected(worker->decoder, place);

    if (decoded == NULL) {
        must(decoder_run(worker->decoder, record, &decoded, err), err);
    }
    CHECK(decoded->verdict == VERDICT_TALLIED);
    batch_add_event(batch, &at, &decoded->event);
    worker->events++;
    if (batch_records(batch) == BATCH) {
        batch_clear(batch);
    }
}

static void count_file(struct worker *worker, const char *path)
{
    struct batch *batch = batch_new(0);
    struct container_input input;
    struct archive_reader reader;
    struct record records[RECORDS];
    struct err err = ERR_INIT;
    size_t count = RECORDS;
    int file = open(path, O_RDONLY | O_CLOEXEC);

    CHECK(file >= 0);
    must(container_input_file(&file, &input, &err), &err);
    must(archive_reader_open(&reader, &input, &err), &err);
    batch_begin_partition(batch, 1, reader.head.topic, STR(""), reader.head.partition,
                          reader.head.from);
    while (count > 0) {
        must(archive_reader_take(&reader, NULL, records, RECORDS, &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            cut(&records[i]);
        }
        decoder_expect(worker->decoder, records, count);
        for (size_t i = 0; i < count; i++) {
            count_record(worker, batch, records, i, &err);
        }
    }
    archive_reader_release(&reader);
    batch_free(batch);
    CHECK(close(file) == 0);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct decoder_options options = {.framing = FRAMING_AVRO,
                                      .mapping = worker->mapping,
                                      .finder = &worker->finder,
                                      .catalog = &worker->catalog,
                                      .clock = clock_system()};
    struct err err = ERR_INIT;

    catalog_init(&worker->catalog, true, SERVICES_MAX, EVENTS_SLOW_US * INT64_C(1000));
    must(
        schema_finder_add(&worker->finder, SCHEMA_KEY_FILE, str_of(schema_text, schema_size), &err),
        &err);
    must(decoder_open(&options, &worker->decoder, &err), &err);
    for (int i; (i = atomic_fetch_add(worker->file_at, 1)) < worker->file_count;) {
        count_file(worker, worker->files[i]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct worker workers[THREADS_MAX];
    int threads = argc > 4 ? atoi(argv[3]) : 0;
    struct mapping mapping = mapping_of_requests();
    atomic_int file_at = 0;
    int64_t events = 0;

    if (threads < 1 || threads > THREADS_MAX) {
        (void)fprintf(stderr, "usage: bench_archive EVENTS SCHEMA_FILE THREADS FILE...\n");
        return 2;
    }
    read_schema(argv[2]);
    for (int i = 0; i < threads; i++) {
        workers[i] = (struct worker){
            .mapping = &mapping, .files = argv + 4, .file_count = argc - 4, .file_at = &file_at};
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < threads; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
        events += workers[i].events;
    }
    (void)printf("%" PRId64 " events\n", events);
    return events == atoll(argv[1]) ? 0 : 1;
}
