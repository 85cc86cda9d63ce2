/* Threads that read items of the feed. Each has a decoder and a batch of its own, and no more memory than a block and a batch; several may read files of one
 * partition at the same time, for commits have an order of their own (rebuild_turn.c). */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "consumers/archive_reader.h"
#include "jobs/pipeline/connect.h"
#include "jobs/pipeline/rebuild_state.h"
#include "jobs/stop.h"

enum {
    BATCH_SIZE_DEFAULT = 16 * 1024 * 1024,
    RECORDS_AT_ONCE = DECODER_EXPECTED_MAX,
    LOOK_RECORDS = 1024, /* between two looks at signals and at the size of the batch */
    CACHE_LINE = 64
};

_Static_assert((int)CODEC_BEHIND >= (int)DECODER_EXPECTED_BEHIND,
               "records of an archive may be expected");

/* The registry's client, by one thread at a time. */
struct shared_http {
    struct http http; /* first: handed out */
    struct http *inner;
    pthread_mutex_t lock;
};

struct worker {
    struct rebuild_job *job;
    pthread_t thread;
    struct arena arena;
    struct shared_http *http;
    struct registry *registry; /* owned */
    struct intake *intakes;    /* owned; by target */
    struct rebuild_known *known;
    struct clock_simulated then; /* the clock of those who read first */
    struct rebuild_load load;    /* since the last commit; its batch is owned */
    struct record records[RECORDS_AT_ONCE];
    char apart[CACHE_LINE]; /* what two threads write for each record never shares a line */
};

static void lock(struct rebuild_job *job)
{
    CHECK(pthread_mutex_lock(&job->lock) == 0);
}

static void unlock(struct rebuild_job *job)
{
    CHECK(pthread_mutex_unlock(&job->lock) == 0);
}

static enum err_code perform_alone(struct http *http, const struct http_request *request,
                                   int *ret_status, struct strbuf *body, struct err *err)
{
    struct shared_http *shared = (struct shared_http *)http;
    enum err_code code;

    CHECK(pthread_mutex_lock(&shared->lock) == 0);
    code = shared->inner->perform(shared->inner, request, ret_status, body, err);
    CHECK(pthread_mutex_unlock(&shared->lock) == 0);
    return code;
}

/* --- commits --- */

static void begin(struct worker *worker, size_t lane_index, int64_t from)
{
    const struct rebuild_lane *lane = &worker->job->lanes[lane_index];
    const struct rebuild_target *target = rebuild_target_of(worker->job, lane->stream_id);

    CHECK(target != NULL);
    /* What is passed over may be of a topic that the configuration does not have any more. */
    batch_begin_partition(worker->load.batch, lane->stream_id, target->stream.topic,
                          STR(target->topic != NULL ? target->topic->digest : ""), lane->partition,
                          from);
}

static enum err_code commit(struct worker *worker, size_t lane_index, struct err *err)
{
    struct rebuild_job *job = worker->job;
    const struct rebuild_lane *lane = &job->lanes[lane_index];
    struct rebuild_load *load = &worker->load;
    const struct batch *before = load->batch;

    load->lane = lane_index;
    load->from = batch_first_offset(load->batch, lane->stream_id, lane->partition);
    load->to = batch_next_offset(load->batch, lane->stream_id, lane->partition);
    if (FAULT("rebuild.work.commit")) {
        return fault_error("rebuild.work.commit", err);
    }
    if (rebuild_turn_commit(job, load, err) != ERR_OK) {
        return err->code;
    }
    if (load->batch != before) {
        begin(worker, lane_index, load->to);
    }
    return FAULT("rebuild.work.committed") ? fault_error("rebuild.work.committed", err) : ERR_OK;
}

/* --- records --- */

static enum err_code open_intake(struct worker *worker, struct rebuild_target *target,
                                 struct intake **ret_intake, struct err *err)
{
    struct rebuild_job *job = worker->job;
    struct intake *intake = &worker->intakes[target - job->targets];
    struct intake_options options = {.config = job->config,
                                     .topic = target->topic,
                                     .registry = worker->registry,
                                     .clock = &worker->then.clock,
                                     .stream = target->stream,
                                     .proven = true,
                                     .command = "rebuild"};

    *ret_intake = intake;
    if (intake->topic != NULL) {
        return ERR_OK;
    }
    if (intake_open(intake, &options, err) != ERR_OK) {
        return err->code;
    }
    return rebuild_schemas_add(job->options->objects, target->folder, &intake->finder, err);
}

static enum err_code refuse_record(const struct intake *intake, const struct record *record,
                                   const struct decoded *decoded, struct err *err)
{
    struct str detail = intake_detail(intake, decoded);

    return err_set(err, ERR_MISMATCH,
                   "topic %.*s, partition %" PRId32 ", offset %" PRId64
                   ": the book has counted this record, which is now %s%s%.*s; a schema may be "
                   "missing from archive and registry",
                   STR_ARGS(intake->topic->name), record->partition, record->offset,
                   verdict_row(decoded->verdict)->name, detail.size > 0 ? ": " : "",
                   STR_ARGS(detail));
}

static void exclude(struct worker *worker, const struct coordinate *at, enum verdict verdict,
                    struct str rule, int64_t *count)
{
    batch_add_excluded(worker->load.batch, at, verdict, rule);
    worker->load.counts.excluded++;
    if (count != NULL) {
        ++*count;
    }
}

static enum err_code decode(struct worker *worker, struct intake *intake,
                            const struct record *record, const struct decoded **ret_decoded,
                            struct err *err)
{
    if ((record->time_ns == INT64_MIN &&
         rebuild_known_time(worker->known, record->offset, &worker->then.time_ns, err) != ERR_OK) ||
        decoder_run(intake->decoder, record, ret_decoded, err) != ERR_OK) {
        return err_context(err, "topic %.*s, partition %" PRId32 ", offset %" PRId64,
                           STR_ARGS(intake->topic->name), record->partition, record->offset);
    }
    return ERR_OK;
}

/* The one place where a verdict of then and an event of now become a count. place: of the record among those that were expected. */
static enum err_code take(struct worker *worker, struct intake *intake, const struct record *record,
                          size_t place, enum rebuild_fate fate, struct err *err)
{
    const struct rebuild_job *job = worker->job;
    const struct coordinate at = {intake->stream.stream_id, record->partition, record->offset,
                                  record->time_ns};
    const struct str none = {NULL, 0};
    const struct decoded *decoded;

    worker->load.counts.records++;
    if (fate == REBUILD_DEAD || fate == REBUILD_GONE) {
        exclude(worker, &at, fate == REBUILD_DEAD ? VERDICT_KNOWN_DEAD : VERDICT_KNOWN_LOST, none,
                fate == REBUILD_DEAD ? &worker->load.counts.known_dead
                                     : &worker->load.counts.known_lost);
        return ERR_OK;
    }
    decoded = decoder_expected(intake->decoder, place);
    if (decoded == NULL && decode(worker, intake, record, &decoded, err) != ERR_OK) {
        return err->code;
    }
    if (decoded->verdict != VERDICT_TALLIED) {
        if (verdict_row(decoded->verdict)->class != VERDICT_CLASS_EXCLUDED) {
            return refuse_record(intake, record, decoded, err);
        }
        exclude(worker, &at, decoded->verdict, decoded->rule, NULL);
    } else if (decoded->event.time_ns < job->from_ns || decoded->event.time_ns >= job->to_ns) {
        batch_add_excluded(worker->load.batch, &at, VERDICT_OTHER_MONTH, none);
        worker->load.counts.other_month++;
    } else if (fate == REBUILD_DUPLICATE) {
        batch_add_known_duplicate(worker->load.batch, &at, &decoded->event);
        worker->load.counts.excluded++;
        worker->load.counts.known_duplicate++;
    } else {
        batch_add_event(worker->load.batch, &at, &decoded->event);
        worker->load.counts.tallied++;
    }
    return ERR_OK;
}

/* --- items --- */

static enum err_code read_closed(struct worker *worker, const struct rebuild_item *item,
                                 const struct rebuild_lane *lane, struct err *err)
{
    if (item->kind == REBUILD_LOST) {
        batch_lose(worker->load.batch, lane->stream_id, lane->partition, item->to,
                   item->first_time_ns, item->last_time_ns);
    } else {
        batch_pass_over(worker->load.batch, lane->stream_id, lane->partition, item->to,
                        item->records, VERDICT_OTHER_MONTH);
        worker->load.counts.other_month += item->records;
        worker->load.counts.files_passed += item->files;
    }
    return commit(worker, item->lane, err);
}

static enum err_code look_around(struct worker *worker, size_t lane, struct err *err)
{
    int64_t limit = worker->job->options->batch_size_max;

    if (stop_is_requested()) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped by signal %d before the end; the next run goes on from here",
                       stop_requested());
    }
    return (int64_t)batch_size(worker->load.batch) >= (limit > 0 ? limit : BATCH_SIZE_DEFAULT)
               ? commit(worker, lane, err)
               : ERR_OK;
}

static enum err_code take_known(struct worker *worker, struct intake *intake,
                                const struct record *record, size_t place, struct err *err)
{
    enum rebuild_fate fate = REBUILD_OPEN;

    if (record->offset >= worker->known->next &&
        rebuild_known_find(worker->known, record->offset, &fate, err) != ERR_OK) {
        return err->code;
    }
    return take(worker, intake, record, place, fate, err);
}

/* *ret_done: there are none of the item behind them. */
static enum err_code take_records(struct worker *worker, const struct rebuild_item *item,
                                  struct intake *intake, size_t count, bool *ret_done,
                                  struct err *err)
{
    const struct record *records = worker->records;
    size_t i = 0;

    decoder_expect(intake->decoder, records, count);
    while (i < count && records[i].offset < item->from) {
        i++;
    }
    for (; i < count && records[i].offset < item->to; i++) {
        if (take_known(worker, intake, &records[i], i, err) != ERR_OK) {
            return err->code;
        }
    }
    *ret_done = i < count || count == 0;
    return ERR_OK;
}

static enum err_code read_records(struct worker *worker, const struct rebuild_item *item,
                                  struct archive_reader *reader, struct intake *intake,
                                  struct err *err)
{
    const char *header = framing_header(intake->topic->framing);
    bool done = false;
    int64_t seen = 0;

    while (!done) {
        size_t count;

        if (archive_reader_take(reader, header, worker->records, RECORDS_AT_ONCE, &count, err) !=
                ERR_OK ||
            take_records(worker, item, intake, count, &done, err) != ERR_OK) {
            break;
        }
        seen += (int64_t)count;
        if (seen >= LOOK_RECORDS) {
            seen = 0;
            if (look_around(worker, item->lane, err) != ERR_OK) {
                break;
            }
        }
    }
    return err->code;
}

static enum err_code check_head(const struct rebuild_item *item,
                                const struct rebuild_target *target,
                                const struct rebuild_lane *lane, const struct archive_head *head,
                                struct err *err)
{
    if (!str_equal(head->cluster, target->stream.cluster) ||
        !str_equal(head->topic, target->stream.topic) ||
        head->incarnation != target->stream.incarnation || head->partition != lane->partition ||
        head->from != item->file_from || head->to != item->file_to) {
        return err_set(err, ERR_DATA, "its head names other records than the store does");
    }
    return ERR_OK;
}

static enum err_code read_content(struct worker *worker, const struct rebuild_item *item,
                                  const struct rebuild_target *target, struct intake *intake,
                                  int fd, struct err *err)
{
    struct archive_reader reader;
    struct container_input input;
    enum err_code code = container_input_file(&fd, &input, err);

    if (code != ERR_OK) {
        return code;
    }
    code = archive_reader_open(&reader, &input, err);
    if (code == ERR_OK) {
        code = check_head(item, target, &worker->job->lanes[item->lane], &reader.head, err);
    }
    if (code != ERR_OK) {
        archive_reader_release(&reader);
        return err_context(err, "archive file %s", item->name);
    }
    code = read_records(worker, item, &reader, intake, err);
    if (code == ERR_DATA && reader.container.at <= reader.container.input.size) {
        code = err_context(err, "archive file %s is damaged, or cannot be counted", item->name);
    }
    archive_reader_release(&reader);
    return code;
}

static enum err_code read_file(struct worker *worker, const struct rebuild_item *item,
                               struct rebuild_target *target, struct err *err)
{
    struct rebuild_job *job = worker->job;
    const struct rebuild_lane *lane = &job->lanes[item->lane];
    struct intake *intake;
    enum err_code code;
    int fd = -1;

    if (target->topic == NULL) {
        return err_set(err, ERR_CONFIG,
                       "topic %.*s holds events of the month, and the configuration does not have "
                       "it: nobody knows how to read them",
                       STR_ARGS(target->stream.topic));
    }
    lock(job);
    code = rebuild_known_open(worker->known, job, lane, item->from, item->to, err);
    unlock(job);
    if (code == ERR_OK) {
        code = open_intake(worker, target, &intake, err);
    }
    if (code == ERR_OK) {
        code = rebuild_open_file(job, item, &fd, err);
    }
    if (code == ERR_OK) {
        code = read_content(worker, item, target, intake, fd, err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (code != ERR_OK) {
        return code;
    }
    batch_advance(worker->load.batch, lane->stream_id, lane->partition, item->to);
    worker->load.counts.files++;
    worker->load.counts.bytes += item->file_size;
    return commit(worker, item->lane, err);
}

static enum err_code run_item(struct worker *worker, const struct rebuild_item *item,
                              struct err *err)
{
    const struct rebuild_lane *lane = &worker->job->lanes[item->lane];
    struct rebuild_target *target = rebuild_target_of(worker->job, lane->stream_id);
    enum err_code code;

    CHECK(target != NULL);
    begin(worker, item->lane, item->from);
    code = item->kind == REBUILD_FILE ? read_file(worker, item, target, err)
                                      : read_closed(worker, item, lane, err);
    if (code == ERR_OK) {
        batch_end_partition(worker->load.batch, lane->stream_id, lane->partition);
    }
    return code;
}

/* --- threads --- */

static enum err_code next_item(struct rebuild_job *job, bool *ret_found,
                               struct rebuild_item *ret_item, struct err *err)
{
    enum err_code code = ERR_OK;

    lock(job);
    *ret_found = false;
    if (job->failure.code == ERR_OK) {
        code = rebuild_feed_next(job, ret_found, ret_item, err);
    }
    unlock(job);
    return code;
}

static void fail(struct rebuild_job *job, const struct err *err)
{
    lock(job);
    if (job->failure.code == ERR_OK) {
        job->failure = *err;
    }
    CHECK(pthread_cond_broadcast(&job->moved) == 0);
    unlock(job);
}

static enum err_code open_worker(struct worker *worker, struct err *err)
{
    struct rebuild_job *job = worker->job;

    clock_simulated_init(&worker->then, job->rebuild.opened_ns);
    worker->load.batch = batch_new(0);
    worker->known = memory_alloc(sizeof(*worker->known));
    worker->intakes = memory_calloc(job->target_count, sizeof(*worker->intakes));
    return connect_registry(job->config, &worker->http->http, job->options->clock, &worker->arena,
                            &worker->registry, err);
}

static void close_worker(struct worker *worker)
{
    for (size_t i = 0; i < worker->job->target_count; i++) {
        intake_release(&worker->intakes[i]);
    }
    memory_free(worker->intakes);
    memory_free(worker->known);
    registry_free(worker->registry);
    batch_free(worker->load.batch);
    arena_release(&worker->arena);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct err err = ERR_INIT;
    bool found = true;
    enum err_code code = open_worker(worker, &err);

    while (code == ERR_OK && found) {
        struct rebuild_item item;

        code = next_item(worker->job, &found, &item, &err);
        if (code == ERR_OK && found) {
            code = run_item(worker, &item, &err);
        }
    }
    if (code != ERR_OK) {
        fail(worker->job, &err);
    }
    close_worker(worker);
    return NULL;
}

/* Signals are for the thread that asks for them. */
static bool start(struct worker *worker)
{
    sigset_t all, before;
    bool started;

    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    started = pthread_create(&worker->thread, NULL, work, worker) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return started;
}

static void run_threads(struct worker *workers, int32_t count)
{
    int32_t started = 0;

    /* The last one is this thread. With fewer than were asked for it only takes longer. */
    while (started < count - 1 && start(&workers[started])) {
        started++;
    }
    (void)work(&workers[count - 1]);
    for (int32_t i = 0; i < started; i++) {
        CHECK(pthread_join(workers[i].thread, NULL) == 0);
    }
}

enum err_code rebuild_work(struct rebuild_job *job, struct err *err)
{
    int32_t count = job->options->thread_count;
    struct worker *workers = memory_calloc((size_t)count, sizeof(*workers));
    struct shared_http http = {.http = {.perform = perform_alone}, .inner = job->options->http};

    CHECK(count >= 1);
    CHECK(count <= REBUILD_THREADS_MAX);
    CHECK(pthread_mutex_init(&http.lock, NULL) == 0);
    rebuild_feed_init(job);
    for (int32_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.job = job, .http = &http};
    }
    run_threads(workers, count);
    CHECK(pthread_mutex_destroy(&http.lock) == 0);
    memory_free(workers);
    rebuild_turn_end(job);
    if (job->failure.code != ERR_OK) {
        *err = job->failure;
    }
    return job->failure.code;
}
