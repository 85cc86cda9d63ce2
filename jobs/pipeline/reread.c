#include "jobs/pipeline/reread.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/pipeline/connect.h"
#include "jobs/stop.h"

enum { POLL_MS = 100, PATIENCE_S = 30, READ_ON_MAX = 5000 };

void reread_open(struct reread *reread, const struct config *config, struct source *source)
{
    *reread = (struct reread){.config = config, .source = source, .trouble = ERR_INIT};
}

void reread_close(struct reread *reread)
{
    if (reread->source_owned && reread->source != NULL) {
        reread->source->close(reread->source);
    }
    arena_release(&reread->arena);
}

const char *reread_fate_text(enum reread_fate fate)
{
    static const char *const texts[REREAD_FATE_COUNT] = {
        [REREAD_FOUND] = "found",
        [REREAD_GONE] = "the broker no longer has the record",
        [REREAD_OTHER] = "another record stands at its offset now",
        [REREAD_REPLACED] = "its topic was replaced since",
        [REREAD_SILENT] = "the broker does not answer",
    };

    return texts[fate];
}

static enum err_code connect(struct reread *reread, struct err *err)
{
    struct strbuf id;
    enum err_code code = ERR_OK;

    if (!reread->config->has_cluster) {
        return err_set(err, ERR_BROKER, "the configuration has no cluster section");
    }
    if (reread->source == NULL) {
        reread->source_owned = true;
        code = connect_source(reread->config, false, &reread->arena, &reread->source, err);
    }
    if (code != ERR_OK || reread->cluster.size > 0) {
        return code;
    }
    strbuf_init(&id, 256);
    code = reread->source->cluster_id(reread->source, &id, err);
    reread->cluster = arena_str(&reread->arena, strbuf_view(&id));
    strbuf_release(&id);
    return code;
}

static bool same_record(const struct record *record, const struct dead_letter *letter)
{
    return !record->tombstone && record->time_ns == letter->time_ns &&
           (int64_t)record->value.size == letter->record_size &&
           (letter->content != LETTER_CUT || str_starts_with(record->value, letter->bytes));
}

static bool is_of(const struct source_item *item, struct source_partition at)
{
    return item->record.topic == at.topic && item->record.partition == at.partition;
}

/* The record at or behind the letter's place. One behind it stays to be looked at for the next letter. */
static void look_at_record(struct reread *reread, const struct record *record,
                           const struct dead_letter *letter, struct arena *arena,
                           struct record *ret_record, enum reread_fate *ret_fate)
{
    if (record->offset > letter->offset) {
        *ret_fate = REREAD_GONE;
        return;
    }
    reread->item++;
    *ret_fate = same_record(record, letter) ? REREAD_FOUND : REREAD_OTHER;
    if (*ret_fate == REREAD_FOUND) {
        *ret_record = *record;
        ret_record->key = str_of(NULL, 0);
        ret_record->value = arena_str(arena, record->value);
        if (record->schema_header.data != NULL) {
            ret_record->schema_header = arena_str(arena, record->schema_header);
        }
    }
}

static void stop_reading(struct reread *reread)
{
    struct err ignored = ERR_INIT;

    if (reread->reading) {
        (void)reread->source->stop(reread->source, reread->at, &ignored);
    }
    reread->reading = false;
    reread->items = NULL;
    reread->item = reread->item_count = 0;
}

/* Looks at what was polled; *ret_done tells that the fate is known. */
static void look(struct reread *reread, const struct dead_letter *letter, struct arena *arena,
                 struct record *ret_record, enum reread_fate *ret_fate, bool *ret_done)
{
    while (reread->item < reread->item_count) {
        const struct source_item *item = &reread->items[reread->item];
        bool ours = is_of(item, reread->at);

        if (ours && item->kind == SOURCE_RECORD && item->record.offset >= letter->offset) {
            look_at_record(reread, &item->record, letter, arena, ret_record, ret_fate);
            *ret_done = true;
            return;
        }
        if (ours && (item->kind == SOURCE_END || item->kind == SOURCE_EXPIRED)) {
            *ret_fate = REREAD_GONE; /* there is nothing more, and it did not come */
            *ret_done = true;
            stop_reading(reread);
            return;
        }
        reread->item++;
    }
}

static enum err_code poll(struct reread *reread, int64_t end_ns, struct err *err)
{
    if (stop_is_requested()) {
        return err_set(err, ERR_INTERRUPTED, "stopped while a record was read again");
    }
    if (clock_monotonic_ns(clock_system()) > end_ns) {
        return err_set_retriable(err, ERR_BROKER, "the broker did not give the record in time");
    }
    reread->item = reread->item_count = 0;
    return reread->source->poll(reread->source, POLL_MS * NS_PER_MS, &reread->items,
                                &reread->item_count, err);
}

static enum err_code wait_for(struct reread *reread, const struct dead_letter *letter,
                              struct arena *arena, struct record *ret_record,
                              enum reread_fate *ret_fate, struct err *err)
{
    int64_t patience_ns =
        reread->patience_ns > 0 ? reread->patience_ns : PATIENCE_S * NS_PER_SECOND;
    int64_t end_ns = clock_monotonic_ns(clock_system()) + patience_ns;
    bool done = false;

    for (;;) {
        look(reread, letter, arena, ret_record, ret_fate, &done);
        if (done) {
            reread->next = letter->offset + 1;
            return ERR_OK;
        }
        if (poll(reread, end_ns, err) != ERR_OK) {
            stop_reading(reread);
            return err->code;
        }
    }
}

/* What the log of the partition holds. *ret_there is false if the topic has no such partition. */
static enum err_code turn_to(struct reread *reread, struct source_partition at, bool *ret_there,
                             struct err *err)
{
    struct source *source = reread->source;
    int32_t count;
    enum err_code code;

    *ret_there = true;
    if (reread->asked && reread->at.topic == at.topic && reread->at.partition == at.partition) {
        return ERR_OK;
    }
    stop_reading(reread);
    reread->asked = false;
    code = source->partition_count(source, at.topic, &count, err);
    *ret_there = code == ERR_OK && at.partition < count;
    if (*ret_there) {
        code = source->watermarks(source, &at, 1, &reread->log, err);
        reread->asked = code == ERR_OK;
        reread->at = at;
    }
    return code;
}

static enum err_code read_towards(struct reread *reread, int64_t offset, struct err *err)
{
    enum err_code code;

    if (reread->reading && offset >= reread->next && offset - reread->next <= READ_ON_MAX) {
        return ERR_OK;
    }
    stop_reading(reread);
    code = reread->source->start(reread->source, reread->at, offset, err);
    reread->reading = code == ERR_OK;
    return code;
}

static enum err_code read_one(struct reread *reread, struct source_partition at,
                              const struct dead_letter *letter, struct arena *arena,
                              struct record *ret_record, enum reread_fate *ret_fate,
                              struct err *err)
{
    bool there;

    if (turn_to(reread, at, &there, err) != ERR_OK) {
        return err->code;
    }
    if (!there) {
        *ret_fate = REREAD_REPLACED;
        return ERR_OK;
    }
    if (letter->offset < reread->log.low || letter->offset >= reread->log.high) {
        *ret_fate = REREAD_GONE;
        return ERR_OK;
    }
    if (read_towards(reread, letter->offset, err) != ERR_OK) {
        return err->code;
    }
    return wait_for(reread, letter, arena, ret_record, ret_fate, err);
}

static enum err_code ask(struct reread *reread, const struct reread_place *place,
                         const struct dead_letter *letter, struct arena *arena,
                         struct record *ret_record, enum reread_fate *ret_fate, struct err *err)
{
    struct source_partition at = {place->topic, letter->partition};
    enum err_code code = connect(reread, err);

    if (code == ERR_OK && (!place->open || !str_equal(place->cluster, reread->cluster))) {
        *ret_fate = REREAD_REPLACED;
        return ERR_OK;
    }
    return code == ERR_OK ? read_one(reread, at, letter, arena, ret_record, ret_fate, err) : code;
}

enum err_code reread_take(struct reread *reread, const struct reread_place *place,
                          const struct dead_letter *letter, struct arena *arena,
                          struct record *ret_record, enum reread_fate *ret_fate, struct err *err)
{
    struct err trouble = ERR_INIT;

    if (reread->trouble.code != ERR_OK) {
        *ret_fate = REREAD_SILENT;
        return ERR_OK;
    }
    if (ask(reread, place, letter, arena, ret_record, ret_fate, &trouble) == ERR_OK) {
        return ERR_OK;
    }
    if (trouble.code == ERR_INTERRUPTED) {
        *err = trouble;
        return trouble.code;
    }
    reread->trouble = trouble;
    *ret_fate = REREAD_SILENT;
    return ERR_OK;
}
