#include "jobs/demo/demo.h"

#include "aggregator/store.h"
#include "base/check.h"
#include "base/objects.h"
#include "jobs/config/config.h"
#include "jobs/demo/broker.h"
#include "jobs/demo/crew.h"
#include "jobs/demo/encoder.h"
#include "jobs/demo/folder.h"
#include "jobs/demo/registry_table.h"
#include "jobs/demo/settings.h"
#include "jobs/demo/traffic.h"
#include "jobs/demo/world.h"
#include "jobs/pipeline/aggregate.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/publish.h"
#include "jobs/stop.h"

enum {
    SLICE_MINUTES = 24 * 60, /* about 65,000 records: far from what the mock broker drops */
    SETTINGS_SIZE_MAX = 64 * 1024,
    LINES_SIZE_MAX = 256 * 1024
};

/* Long enough for every contract's end of month and grace. */
static const int64_t settling_ns = 4 * NS_PER_DAY;

struct demo {
    const struct demo_options *options;
    struct world world;
    struct arena arena;
    struct config *config;
    struct clock_simulated clock;
    struct db *db;
    int64_t book_id;
    struct broker *broker;
    struct encoder *encoder;
    struct traffic *traffic;
    struct crew *crew;
    struct objects *objects;
    int64_t notice_ids[WORLD_NOTICES_MAX]; /* 0: not announced yet */
    bool notices_cancelled[WORLD_NOTICES_MAX];
    struct demo_result *result;
};

void demo_result_init(struct demo_result *result)
{
    *result = (struct demo_result){0};
    strbuf_init(&result->places, LINES_SIZE_MAX);
    strbuf_init(&result->sentences, LINES_SIZE_MAX);
}

void demo_result_release(struct demo_result *result)
{
    strbuf_release(&result->places);
    strbuf_release(&result->sentences);
}

/* Opening. */

static enum err_code demo_configure(struct demo *demo, struct err *err)
{
    const char *path = demo->options->path;
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, SETTINGS_SIZE_MAX);
    settings_write(&demo->world, &text);
    CHECK(!text.overflow);
    code = demo_folder_write(path, "uptally.yaml", strbuf_view(&text), err);
    if (code == ERR_OK) {
        code = config_read(arena_format(&demo->arena, "%s/uptally.yaml", path), &demo->config, err);
    }
    strbuf_release(&text);
    return code;
}

static enum err_code demo_open_store(struct demo *demo, struct err *err)
{
    struct db_options options = {.path = arena_text(&demo->arena, demo->config->store_path),
                                 .create = true,
                                 .lock_wait_ns = demo->config->lock_wait_ns,
                                 .clock = &demo->clock.clock};
    enum err_code code = db_open(&options, &demo->db, err);

    if (code == ERR_OK) {
        code = store_migrate(demo->db, err);
    }
    if (code == ERR_OK) {
        code = store_book(demo->db, "live", &demo->book_id, err);
    }
    return code;
}

static enum err_code demo_open_crew(struct demo *demo, struct err *err)
{
    struct crew_options options = {.config = demo->config,
                                   .bootstrap_servers = broker_bootstrap_servers(demo->broker),
                                   .http = registry_table(),
                                   .size = demo->options->consumers,
                                   .batch_records_max = demo->options->batch_records_max};

    return crew_open(&options, &demo->crew, err);
}

static enum err_code demo_open(struct demo *demo, struct err *err)
{
    enum err_code code = demo_folder_prepare(demo->options->path, err);

    if (code == ERR_OK) {
        code = demo_configure(demo, err);
    }
    if (code == ERR_OK) {
        code = demo_open_store(demo, err);
    }
    if (code == ERR_OK) {
        code = broker_open(settings_topics, TOPIC_COUNT, &demo->broker, err);
    }
    if (code == ERR_OK) {
        code = encoder_open(&demo->world, &demo->encoder, err);
    }
    if (code == ERR_OK) {
        code = demo_open_crew(demo, err);
    }
    if (code == ERR_OK) {
        code = objects_folder_open(arena_text(&demo->arena, demo->config->output_path),
                                   &demo->objects, err);
    }
    return code;
}

static void demo_close(struct demo *demo)
{
    if (demo->objects != NULL) {
        demo->objects->close(demo->objects);
    }
    crew_close(demo->crew);
    traffic_free(demo->traffic);
    encoder_free(demo->encoder);
    broker_close(demo->broker);
    db_close(demo->db);
    config_free(demo->config);
    arena_release(&demo->arena);
}

/* A slice of time: announce, produce, consume, aggregate. */

static enum err_code demo_announce_one(struct demo *demo, size_t i, int64_t until_ns,
                                       struct err *err)
{
    const struct world_notice *notice = &demo->world.notices[i];
    enum err_code code = ERR_OK;
    int64_t id;
    bool late;

    if (demo->notice_ids[i] == 0 && notice->announced_ns < until_ns) {
        demo->clock.time_ns = notice->announced_ns;
        code =
            announce_add(demo->db, STR(notice->service), notice->from_ns, notice->to_ns,
                         STR(notice->reason), STR("operations"), &demo->notice_ids[i], &late, err);
    }
    if (code == ERR_OK && !demo->notices_cancelled[i] && notice->cancelled_ns != 0 &&
        notice->cancelled_ns < until_ns) {
        demo->clock.time_ns = notice->cancelled_ns;
        demo->notices_cancelled[i] = true;
        code = announce_cancel(demo->db, demo->notice_ids[i], STR("Not needed any more"),
                               STR("operations"), &id, err);
    }
    return code;
}

/* Makes the announcements of the slice that ends then, each at its own time of the store's clock. */
static enum err_code demo_announce(struct demo *demo, int64_t until_ns, struct err *err)
{
    int64_t now_ns = demo->clock.time_ns;
    enum err_code code = ERR_OK;

    for (size_t i = 0; code == ERR_OK && i < demo->world.notice_count; i++) {
        code = demo_announce_one(demo, i, until_ns, err);
    }
    demo->clock.time_ns = now_ns;
    return code;
}

static enum err_code demo_send(struct demo *demo, const struct traffic_event *event,
                               struct err *err)
{
    bool check = event->kind == TRAFFIC_CHECK ||
                 (event->kind == TRAFFIC_BAD && bad_row(event->bad)->topic == EVENT_CHECK);
    size_t topic = check ? TOPIC_CHECKS : TOPIC_REQUESTS;
    int32_t partition = (event->service * WORLD_INSTANCES_MAX + event->instance) %
                        settings_topics[topic].partition_count;
    struct str key = STR("retired");
    struct str value = {0};

    if (event->kind != TRAFFIC_TOMBSTONE) {
        encoder_run(demo->encoder, event, &key, &value);
    }
    return broker_produce(demo->broker, topic, partition, event->publish_ns, key, value, err);
}

/* Sends what is published in the next minutes. */
static enum err_code demo_produce(struct demo *demo, int minutes, struct err *err)
{
    const struct traffic_event *events;
    size_t count;

    for (int minute = 0; minute < minutes && traffic_next(demo->traffic, &events, &count);
         minute++) {
        for (size_t i = 0; i < count; i++) {
            enum err_code code = demo_send(demo, &events[i], err);

            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return broker_flush(demo->broker, err);
}

static enum err_code demo_digest(struct demo *demo, struct err *err)
{
    int64_t complete_ns;
    enum err_code code = crew_drain(demo->crew, demo->clock.time_ns, &demo->result->consumed, err);

    if (code == ERR_OK && stop_requested() != 0) {
        code = err_set(err, ERR_INTERRUPTED, "interrupted");
    }
    if (code == ERR_OK) {
        code = aggregate_run(demo->config, demo->db, demo->book_id, NULL, NULL, &complete_ns, err);
    }
    return code;
}

static enum err_code demo_live(struct demo *demo, struct err *err)
{
    int64_t days = (demo->world.to_ns - demo->world.from_ns + NS_PER_DAY - 1) / NS_PER_DAY;

    demo->traffic = traffic_new(&demo->world, demo->options->seed);
    for (int64_t day = 1; day <= days; day++) {
        int64_t until_ns = demo->clock.time_ns + SLICE_MINUTES * NS_PER_MINUTE;
        enum err_code code = demo_announce(demo, until_ns, err);

        if (code == ERR_OK) {
            code = demo_produce(demo, SLICE_MINUTES, err);
        }
        demo->clock.time_ns = traffic_minute_ns(demo->traffic);
        if (code == ERR_OK) {
            code = demo_digest(demo, err);
        }
        if (code != ERR_OK) {
            return code;
        }
        demo->options->progress(demo->options->context, "living through the month", day, days,
                                "days");
    }
    return ERR_OK;
}

/* Statements and credit notes. */

static struct publisher demo_publisher(struct demo *demo)
{
    return (struct publisher){.db = demo->db,
                              .book_id = demo->book_id,
                              .objects = demo->objects,
                              .contracts = demo->config->contracts,
                              .contract_count = demo->config->contract_count,
                              .program_version = UPTALLY_VERSION};
}

static enum err_code demo_state(struct demo *demo, const struct contract *contract, struct err *err)
{
    struct publisher publisher = demo_publisher(demo);
    struct statement_options options = {.formats = STATEMENT_ALL};
    struct statement_outcome outcome;
    enum err_code code;

    statement_outcome_init(&outcome);
    code = statement_publish_month(&publisher, contract, demo->world.year, demo->world.month,
                                   &options, &outcome, err);
    if (code == ERR_OK) {
        strbuf_append(&demo->result->places, strbuf_view(&outcome.places));
        strbuf_append(&demo->result->sentences, strbuf_view(&outcome.sentence));
        strbuf_append_char(&demo->result->sentences, '\n');
    }
    statement_outcome_release(&outcome);
    return code;
}

static void demo_place_note(struct demo *demo, const struct credit_note *note)
{
    for (size_t i = 0; i < CREDIT_NOTE_FORMS; i++) {
        struct strbuf name;

        strbuf_init(&name, LINES_SIZE_MAX);
        credit_note_name(note->contract, note->period, note->revision, credit_note_forms[i].suffix,
                         &name);
        demo->objects->locate(demo->objects, strbuf_text(&name), &demo->result->places);
        strbuf_append_char(&demo->result->places, '\n');
        strbuf_release(&name);
    }
}

static enum err_code demo_publish(struct demo *demo, struct err *err)
{
    struct publisher publisher = demo_publisher(demo);
    struct credit_note *notes;
    size_t note_count;
    enum err_code code = ERR_OK;

    /* Nothing happens any more, and nothing is read; but time goes on until every statement is due. */
    demo->clock.time_ns = demo->world.to_ns + settling_ns;
    for (size_t i = 0; code == ERR_OK && i < demo->config->contract_count; i++) {
        code = demo_state(demo, &demo->config->contracts[i], err);
    }
    if (code == ERR_OK) {
        code = credits_issue(&publisher, demo->world.year, demo->world.month, &demo->arena, &notes,
                             &note_count, err);
    }
    if (code == ERR_OK) {
        demo->result->credit_notes = (int64_t)note_count;
        for (size_t i = 0; i < note_count; i++) {
            demo_place_note(demo, &notes[i]);
        }
    }
    return code;
}

enum err_code demo_run(const struct demo_options *options, struct demo_result *ret_result,
                       struct err *err)
{
    struct demo demo = {.options = options, .result = ret_result};
    enum err_code code;

    world_init(&demo.world, options->year, options->month, options->seed);
    clock_simulated_init(&demo.clock, demo.world.from_ns);
    code = demo_open(&demo, err);
    if (code == ERR_OK) {
        code = demo_live(&demo, err);
    }
    if (code == ERR_OK) {
        code = demo_publish(&demo, err);
    }
    demo_close(&demo);
    return code;
}
