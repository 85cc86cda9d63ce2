#include "jobs/pipeline/deliver.h"

#include <inttypes.h>
#include <jansson.h> /* not together with base/json.h: both have a json_string */
#include <string.h>

#include "aggregator/dead_letter.h"
#include "aggregator/outbox.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "consumers/framing.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum {
    STEP_SIZE_MAX = 8 * 1024 * 1024, /* and one record more */
    INTERVAL_S = 10,
    INTERVAL_TROUBLE_S = 300,
    DOWN_MAX = 64 /* topics that do not answer, before a pass is given up */
};

/* One turn: what is listed, put and marked together. */
struct step {
    struct arena arena;
    struct outbox_row *rows;
    size_t row_count;
    struct sink_record records[SINK_RECORDS_MAX];
    struct str ids[SINK_RECORDS_MAX]; /* of the records */
    enum sink_fate fates[SINK_RECORDS_MAX];
    size_t count;
    size_t size;
};

/* One pass: from the first row to the last. */
struct pass {
    struct deliver *deliver;
    struct step *step; /* owned */
    struct strbuf after;
    struct arena arena; /* of `down` */
    const char *down[DOWN_MAX];
    size_t down_count;
    struct err trouble; /* the first */
};

struct place {
    const char *destination; /* in the step's arena */
    int64_t stream_id, offset;
    int32_t partition;
};

static bool read_integer(const json_t *object, const char *key, int64_t maximum, int64_t *ret_value)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > maximum) {
        return false;
    }
    *ret_value = json_integer_value(value);
    return true;
}

static enum err_code read_place(const struct outbox_row *row, struct arena *arena,
                                struct place *ret_place, struct err *err)
{
    json_t *object =
        json_loadb(row->payload.size > 0 ? row->payload.data : "", row->payload.size, 0, NULL);
    const char *destination = json_string_value(json_object_get(object, "destination"));
    int64_t partition = 0;
    bool good = destination != NULL &&
                read_integer(object, "stream_id", INT64_MAX, &ret_place->stream_id) &&
                read_integer(object, "offset", INT64_MAX, &ret_place->offset) &&
                read_integer(object, "partition", INT32_MAX, &partition);

    if (good) {
        ret_place->destination = arena_text(arena, STR(destination));
        ret_place->partition = (int32_t)partition;
    }
    json_decref(object);
    return good ? ERR_OK : err_set(err, ERR_STORE, "outbox row %.*s is damaged", STR_ARGS(row->id));
}

static bool is_down(const struct pass *pass, const char *topic)
{
    for (size_t i = 0; i < pass->down_count; i++) {
        if (strcmp(pass->down[i], topic) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_ours(const struct deliver *deliver, int32_t partition)
{
    int32_t count = deliver->options.shard_count > 0 ? deliver->options.shard_count : 1;

    return partition % count == deliver->options.shard;
}

static void add_record(struct step *step, struct str id, const struct place *place,
                       const struct dead_letter *letter)
{
    struct str prefix = STR(OUTBOX_DEAD_LETTER_PREFIX);
    char *size = arena_format(&step->arena, "%" PRId64, letter->record_size);

    CHECK(str_starts_with(id, prefix));
    step->ids[step->count] = id;
    step->records[step->count++] =
        (struct sink_record){.topic = place->destination,
                             .key = str_of(id.data + prefix.size, id.size - prefix.size),
                             .value = letter->bytes,
                             .headers = {{"uptally-reason", letter->reason},
                                         {"uptally-detail", letter->detail},
                                         {"uptally-record-size", STR(size)}},
                             .header_count = 3};
    if (letter->content != LETTER_WHOLE) {
        struct sink_record *record = &step->records[step->count - 1];

        record->headers[record->header_count++] =
            (struct sink_header){"uptally-content", STR(letter_content_name(letter->content))};
    }
    if (letter->schema_header.data != NULL) {
        struct sink_record *record = &step->records[step->count - 1];

        record->headers[record->header_count++] =
            (struct sink_header){FRAMING_SCHEMA_HEADER, letter->schema_header};
    }
    step->size += letter->bytes.size;
}

/* A letter that this book does not have is another book's, whose runs deliver it. */
static enum err_code load_row(struct pass *pass, const struct outbox_row *row, struct err *err)
{
    const struct deliver_options *options = &pass->deliver->options;
    struct step *step = pass->step;
    struct dead_letter letter;
    struct place place;
    bool found;

    if (read_place(row, &step->arena, &place, err) != ERR_OK) {
        return err->code;
    }
    if (!is_ours(pass->deliver, place.partition) || is_down(pass, place.destination)) {
        return ERR_OK;
    }
    if (dead_letter_read(options->db, options->book_id, place.stream_id, place.partition,
                         place.offset, &step->arena, &letter, &found, err) != ERR_OK) {
        return err->code;
    }
    if (found) {
        add_record(step, row->id, &place, &letter);
    }
    return ERR_OK;
}

/* The next rows behind `after`, as many as a step takes. A row that is damaged is trouble, but no reason to keep the others. */
static enum err_code load_step(struct pass *pass, struct err *err)
{
    struct step *step = pass->step;

    arena_clear(&step->arena);
    step->count = step->size = 0;
    if (outbox_list(pass->deliver->options.db, OUTBOX_DEAD_LETTER, strbuf_view(&pass->after),
                    SINK_RECORDS_MAX, &step->arena, &step->rows, &step->row_count, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < step->row_count && step->size < STEP_SIZE_MAX; i++) {
        struct err cause = ERR_INIT;

        if (load_row(pass, &step->rows[i], &cause) != ERR_OK && pass->trouble.code == ERR_OK) {
            pass->trouble = cause;
        }
        strbuf_clear(&pass->after);
        strbuf_append(&pass->after, step->rows[i].id);
        CHECK(!pass->after.overflow);
    }
    return ERR_OK;
}

static enum err_code open_sink(struct deliver *deliver, struct err *err)
{
    const struct config *config = deliver->options.config;
    struct sink_options options = {.bootstrap_servers =
                                       arena_text(&deliver->arena, config->bootstrap_servers),
                                   .client_id = "uptally",
                                   .properties = config->properties,
                                   .property_count = config->property_count,
                                   .patience_ns = deliver->options.patience_ns,
                                   .clock = clock_system(),
                                   .stopped = stop_is_requested};

    return deliver->sink != NULL ? ERR_OK : sink_kafka_open(&options, &deliver->sink, err);
}

static void note_down(struct pass *pass)
{
    const struct step *step = pass->step;

    for (size_t i = 0; i < step->count; i++) {
        if (step->fates[i] == SINK_UNAVAILABLE && !is_down(pass, step->records[i].topic) &&
            pass->down_count < DOWN_MAX) {
            pass->down[pass->down_count++] = arena_text(&pass->arena, STR(step->records[i].topic));
        }
    }
}

/* Marks what was taken. What arrived and is not marked arrives again. */
static enum err_code mark_taken(struct pass *pass, struct err *err)
{
    struct step *step = pass->step;
    size_t count = 0;

    for (size_t i = 0; i < step->count; i++) {
        if (step->fates[i] == SINK_TAKEN) {
            step->ids[count++] = step->ids[i];
        }
    }
    if (count == 0) {
        return ERR_OK;
    }
    if (FAULT("jobs.deliver.mark")) {
        return err_set(err, ERR_FAILED, "fault at jobs.deliver.mark");
    }
    return outbox_mark_delivered(pass->deliver->options.db, step->ids, count, err);
}

static enum err_code put_step(struct pass *pass, struct err *err)
{
    struct step *step = pass->step;
    struct err cause = ERR_INIT;
    enum err_code code;

    if (open_sink(pass->deliver, err) != ERR_OK) {
        return err->code;
    }
    code = pass->deliver->sink->put(pass->deliver->sink, step->records, step->count, step->fates,
                                    &cause);
    if (mark_taken(pass, err) != ERR_OK) {
        return err->code;
    }
    if (code == ERR_DELIVERY) {
        note_down(pass);
        if (pass->trouble.code == ERR_OK) {
            pass->trouble = cause;
        }
        return ERR_OK;
    }
    if (code != ERR_OK) {
        *err = cause;
    }
    return code;
}

/* A request to stop ends a pass behind the step that it met. */
static enum err_code run_pass(struct pass *pass, struct err *err)
{
    struct step *step = pass->step;

    do {
        if (load_step(pass, err) != ERR_OK || (step->count > 0 && put_step(pass, err) != ERR_OK)) {
            return err->code;
        }
    } while (step->row_count > 0 && pass->down_count < DOWN_MAX && !stop_is_requested());
    return ERR_OK;
}

/* What was not taken in time is forgotten with the sink: a new one begins without a backlog or a fatal error. */
static void settle(struct deliver *deliver, const struct err *trouble)
{
    int64_t pause_s = INTERVAL_S;

    if (trouble->code == ERR_INTERRUPTED) {
        return; /* nobody knows whether it would have worked */
    }
    if (trouble->code != ERR_OK) {
        pause_s = INTERVAL_TROUBLE_S;
        if (deliver->options.follow && deliver->trouble.code == ERR_OK) {
            ui_warn("%s; it is tried again", trouble->text);
        }
        if (deliver->sink != NULL) {
            deliver->sink->close(deliver->sink);
            deliver->sink = NULL;
        }
    }
    deliver->trouble = *trouble;
    deliver->next_ns = clock_monotonic_ns(clock_system()) + pause_s * NS_PER_SECOND;
}

void deliver_run(struct deliver *deliver)
{
    struct pass pass = {.deliver = deliver, .trouble = ERR_INIT};
    struct err cause = ERR_INIT;

    if (!deliver->wanted) {
        return;
    }
    pass.step = memory_calloc(1, sizeof(*pass.step));
    strbuf_init(&pass.after, 64 * 1024);
    if (run_pass(&pass, &cause) != ERR_OK && pass.trouble.code == ERR_OK) {
        pass.trouble = cause;
    }
    settle(deliver, &pass.trouble);
    arena_release(&pass.arena);
    arena_release(&pass.step->arena);
    strbuf_release(&pass.after);
    memory_free(pass.step);
}

void deliver_open(struct deliver *deliver, const struct deliver_options *options)
{
    *deliver = (struct deliver){.options = *options, .trouble = ERR_INIT};
    for (size_t i = 0; i < options->config->topic_count; i++) {
        deliver->wanted = deliver->wanted || options->config->topics[i].dead_letter_topic.size > 0;
    }
}

bool deliver_due(const struct deliver *deliver)
{
    return deliver->wanted && clock_monotonic_ns(clock_system()) >= deliver->next_ns;
}

enum err_code deliver_result(const struct deliver *deliver, struct err *err)
{
    if (deliver->trouble.code != ERR_OK) {
        *err = deliver->trouble;
    }
    return deliver->trouble.code;
}

void deliver_close(struct deliver *deliver)
{
    if (deliver->sink != NULL) {
        deliver->sink->close(deliver->sink);
    }
    arena_release(&deliver->arena);
}
