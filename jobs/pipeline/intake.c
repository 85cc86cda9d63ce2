#include "jobs/pipeline/intake.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

/* The texts were parsed when the configuration was read, so nothing fails here that is not a bug; but this module does not know that. */
static enum err_code open_schemas(struct intake *intake, struct registry *registry, struct err *err)
{
    const struct topic_config *topic = intake->topic;

    intake->finder = (struct schema_finder){.registry = registry,
                                            .subjects = topic->schema_subjects,
                                            .subject_count = topic->schema_subject_count};
    if (topic->reader_schema.text.size > 0 &&
        schema_parse(topic->reader_schema.text, NULL, 0, &intake->reader, err) != ERR_OK) {
        err->code =
            ERR_CONFIG; /* a schema from the registry would be data; this one is the user's own */
        return err_context(err, "%s", topic->reader_schema.path.data);
    }
    return topic_schemas_add(topic, &intake->finder, err);
}

static void fill_catalog(struct intake *intake, const struct config *config)
{
    catalog_init(&intake->catalog, intake->topic->discover, intake->topic->service_count_max,
                 config->service_default.latency_threshold_ns);
    for (size_t i = 0; i < config->wanted_count; i++) {
        catalog_want(&intake->catalog, config->wanted[i].service, &config->wanted[i].wanted);
    }
    for (size_t i = 0; i < config->service_count; i++) {
        catalog_declare(&intake->catalog, config->services[i].name,
                        config->services[i].latency_threshold_ns);
    }
}

enum err_code intake_open(struct intake *intake, const struct intake_options *options,
                          struct err *err)
{
    struct decoder_options decoder = {.framing = options->topic->framing,
                                      .mapping = &options->topic->mapping,
                                      .clock = options->clock,
                                      .proven = options->proven};

    *intake = (struct intake){.topic = options->topic,
                              .number = options->number,
                              .stream = options->stream,
                              .command = options->command,
                              .proven = options->proven || options->undecoded};
    fill_catalog(intake, options->config);
    if (open_schemas(intake, options->registry, err) != ERR_OK) {
        return err_context(err, "topic %.*s", STR_ARGS(options->topic->name));
    }
    if (options->undecoded) {
        return ERR_OK;
    }
    decoder.catalog = &intake->catalog;
    decoder.finder = &intake->finder;
    decoder.reader = intake->reader;
    return decoder_open(&decoder, &intake->decoder, err);
}

void intake_release(struct intake *intake)
{
    decoder_free(intake->decoder);
    schema_free(intake->reader);
    schema_finder_release(&intake->finder);
    if (intake->topic != NULL) {
        catalog_release(&intake->catalog);
    }
    memory_free(intake->lanes);
    *intake = (struct intake){.topic = NULL};
}

void intake_grow(struct intake *intake, int32_t lane_count)
{
    if (lane_count <= intake->lane_count) {
        return;
    }
    intake->lanes = memory_resize(intake->lanes, (size_t)lane_count, sizeof(*intake->lanes));
    memset(&intake->lanes[intake->lane_count], 0,
           (size_t)(lane_count - intake->lane_count) * sizeof(*intake->lanes));
    intake->lane_count = lane_count;
}

/* Details quote values. Where fields are redacted nobody shall have to know which one this was. */
struct str intake_detail(const struct intake *intake, const struct decoded *decoded)
{
    struct str detail = STR(decoded->detail);
    const char *quote = strchr(decoded->detail, '"');

    if (intake->topic->mapping.redaction_count > 0 && quote != NULL) {
        detail.size = (size_t)(quote - decoded->detail);
        while (detail.size > 0 && detail.data[detail.size - 1] == ' ') {
            detail.size--;
        }
    }
    return detail;
}

static enum err_code trip(const struct intake *intake, const struct decoded *decoded,
                          struct err *err)
{
    struct str detail = intake_detail(intake, decoded);

    return err_set(
        err, ERR_DATA,
        "topic %.*s: %d of the first %" PRId64
        " records are bad, the last one is %s%s%.*s; nothing of it was committed: check the "
        "mapping",
        STR_ARGS(intake->topic->name), BREAKER_BAD_MAX + 1, intake->first_records,
        verdict_row(decoded->verdict)->name, detail.size > 0 ? ": " : "", STR_ARGS(detail));
}

static enum err_code watch(struct intake *intake, const struct decoded *decoded, struct err *err)
{
    if (intake->proven || intake->first_records >= BREAKER_RECORDS) {
        return ERR_OK;
    }
    intake->first_records++;
    if (verdict_row(decoded->verdict)->class == VERDICT_CLASS_DEAD &&
        ++intake->first_bad > BREAKER_BAD_MAX) {
        return trip(intake, decoded, err);
    }
    return ERR_OK;
}

static void add_dead(const struct intake *intake, const struct record *record,
                     const struct coordinate *at, const struct decoded *decoded,
                     struct batch *batch)
{
    struct str detail = intake_detail(intake, decoded);
    struct arena scratch = ARENA_INIT;
    struct str bytes = str_of(NULL, 0);

    if (intake->topic->mapping.redaction_count == 0) {
        batch_add_dead_letter(batch, at, decoded->verdict, detail, record->value,
                              record->schema_header);
        return;
    }
    (void)decoder_redact(intake->decoder, record, &scratch, &bytes);
    batch_add_redacted(batch, at, decoded->verdict, detail, bytes, record->schema_header,
                       (int64_t)record->value.size);
    arena_release(&scratch);
}

/* The one place where a verdict becomes a count. */
static void add(const struct intake *intake, const struct record *record,
                const struct decoded *decoded, struct batch *batch, struct intake_counts *counts)
{
    struct coordinate at = {intake->stream.stream_id, record->partition, record->offset,
                            record->time_ns};

    switch (verdict_row(decoded->verdict)->class) {
    case VERDICT_CLASS_TALLIED:
        batch_add_event(batch, &at, &decoded->event);
        counts->events++;
        counts->without_id +=
            intake->topic->duplicates_group.size > 0 && decoded->event.id.size == 0;
        break;
    case VERDICT_CLASS_EXCLUDED:
        batch_add_excluded(batch, &at, decoded->verdict, decoded->rule);
        counts->excluded++;
        break;
    case VERDICT_CLASS_DEAD:
        add_dead(intake, record, &at, decoded, batch);
        counts->dead_lettered++;
        break;
    case VERDICT_CLASS_DUPLICATE:
        CHECK(decoded->verdict != VERDICT_DUPLICATE); /* the ledger decides that, not a decoder */
        break;
    }
    counts->records++;
    counts->bytes += (int64_t)record->value.size;
}

enum err_code intake_take(struct intake *intake, const struct record *record, struct batch *batch,
                          struct intake_counts *counts, struct err *err)
{
    const struct decoded *decoded;

    if (decoder_run(intake->decoder, record, &decoded, err) != ERR_OK) {
        return err_context(err, "topic %.*s, partition %" PRId32 ", offset %" PRId64,
                           STR_ARGS(intake->topic->name), record->partition, record->offset);
    }
    if (watch(intake, decoded, err) != ERR_OK) {
        return err->code;
    }
    add(intake, record, decoded, batch, counts);
    return ERR_OK;
}

bool intake_held(const struct intake *intake, bool caught_up)
{
    return !intake->proven && !caught_up && intake->first_records > 0 &&
           intake->first_records < BREAKER_RECORDS;
}

void intake_prove(struct intake *intake)
{
    if (!intake->proven) {
        intake->proven = true;
        decoder_set_proven(intake->decoder);
    }
}

void intake_forget(struct intake *intake)
{
    intake->first_records = 0;
    intake->first_bad = 0;
}
