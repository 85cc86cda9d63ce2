/* The explanation for programs: canonical JSON, keys in byte order. */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/json_numbers.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/explanation.h"
#include "jobs/statement/input.h"
#include "jobs/statement/method.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

struct writer {
    struct json_writer json;
    struct arena arena; /* texts on their way */
    const struct explanation *explanation;
    const struct result *result;
    const struct level *level;
};

static void write_moment(struct writer *writer, const char *key, int64_t time_ns)
{
    json_text(&writer->json, key,
              moment_text_ns(&writer->arena, writer->explanation->contract->zone, time_ns));
}

static void write_figure_of(struct writer *writer, const char *key, struct rational value)
{
    json_figure(&writer->json, key, fraction_of(&writer->arena, value));
}

static void write_fraction(struct writer *writer, const char *key, struct fraction value)
{
    json_open_object(&writer->json, key);
    json_terms(&writer->json, value);
    json_close(&writer->json);
}

static void write_seconds(struct writer *writer, int64_t from_ns, int64_t to_ns)
{
    json_decimal(&writer->json, "seconds", rational_make(to_ns - from_ns, NS_PER_SECOND));
}

/* A cost also as the share of everything that was measured: what it takes from the uptime. */
static void write_share(struct writer *writer, struct fraction cost)
{
    if (writer->level->known) {
        write_fraction(writer, "share",
                       fraction_divide(&writer->arena, cost, writer->level->measure.valid));
    } else {
        json_nothing(&writer->json, "share");
    }
}

static void write_books(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;
    char text[CIVIL_TEXT_SIZE];

    json_open_object(&writer->json, "books");
    json_bool(&writer->json, "complete", explanation->input->complete);
    if (explanation->input->complete || explanation->input->complete_ns == INT64_MIN) {
        json_nothing(&writer->json, "complete_until");
    } else {
        json_text(&writer->json, "complete_until",
                  civil_format_rfc3339(explanation->input->complete_ns, text));
    }
    if (explanation->books == BOOKS_UNISSUED) {
        json_nothing(&writer->json, "differ");
    } else {
        json_bool(&writer->json, "differ", explanation->books == BOOKS_DIFFER);
    }
    json_close(&writer->json);
}

static void write_borders(struct writer *writer)
{
    const struct level *level = writer->level;

    json_open_array(&writer->json, "borders");
    for (size_t i = 0; i < level->border_count; i++) {
        const struct border *border = &level->borders[i];

        json_open_object(&writer->json, NULL);
        json_figure(&writer->json, "allowed", border->allowed);
        json_decimal(&writer->json, "below",
                     rational_multiply(border->below, rational_make(100, 1)));
        json_text(&writer->json, "change", explanation_change(&writer->arena, level, border));
        json_text(&writer->json, "kind", border->tier == NULL ? "target" : "tier");
        json_bool(&writer->json, "missed", border->missed);
        json_figure(&writer->json, "over",
                    fraction_subtract(&writer->arena, level->lost, border->allowed));
        json_text(&writer->json, "text", explain_border(&writer->arena, level, border));
        json_close(&writer->json);
    }
    json_close(&writer->json);
}

static void write_contract(struct writer *writer)
{
    const struct contract *contract = writer->explanation->contract;

    json_open_object(&writer->json, "contract");
    json_str(&writer->json, "customer", contract->customer);
    json_text(&writer->json, "digest", contract->digest);
    json_str(&writer->json, "id", contract->id);
    json_close(&writer->json);
}

static void write_credit(struct writer *writer)
{
    const struct verdicts *verdicts = &writer->result->verdicts;
    const struct credit *credit = &verdicts->levels[verdicts->paying].credit;
    const struct currency *currency = writer->explanation->contract->currency;

    if (!credit->present) {
        json_nothing(&writer->json, "credit");
        return;
    }
    json_open_object(&writer->json, "credit");
    json_int64(&writer->json, "amount_minor", credit->amount_minor);
    json_text(&writer->json, "currency", currency->code);
    json_open_array(&writer->json, "steps");
    for (size_t i = 0; i < credit->step_count; i++) {
        json_open_object(&writer->json, NULL);
        json_text(&writer->json, "amount",
                  wording_money(&writer->arena, currency, credit->steps[i].amount));
        json_text(&writer->json, "name", credit->steps[i].name);
        json_text(&writer->json, "text", credit->steps[i].text);
        json_close(&writer->json);
    }
    json_close(&writer->json);
    json_close(&writer->json);
}

/* One incident, or a stretch alone. */

static void write_announcement(struct writer *writer, const struct stretch *stretch)
{
    const struct exclusion *exclusion = explanation_announcement(writer->explanation, stretch);

    if (exclusion == NULL) {
        json_nothing(&writer->json, "announcement");
        return;
    }
    json_open_object(&writer->json, "announcement");
    write_moment(writer, "announced", exclusion->announced_ns);
    json_str(&writer->json, "author", exclusion->author);
    write_moment(writer, "from", exclusion->from_ns);
    json_int64(&writer->json, "id", exclusion->announcement_id);
    json_str(&writer->json, "reason", exclusion->reason);
    json_text(&writer->json, "state", announcement_state_name(exclusion->state));
    json_text(&writer->json, "text", announcement_state_text(exclusion->state));
    write_moment(writer, "to", exclusion->to_ns);
    json_close(&writer->json);
}

static void write_checks(struct writer *writer, const struct cause *cause)
{
    json_open_object(&writer->json, "checks");
    json_int64(&writer->json, "bad_minutes", cause->checks_bad);
    json_int64(&writer->json, "failed_most", cause->failed_max);
    json_int64(&writer->json, "instances", cause->instances_max);
    json_int64(&writer->json, "needed", cause->quorum);
    json_int64(&writer->json, "unknown_minutes", cause->checks_unknown);
    json_int64(&writer->json, "warned_minutes", cause->checks_warned);
    json_close(&writer->json);
}

static void write_latency(struct writer *writer, const struct cause *cause)
{
    if (!writer->result->contract->availability.percentile.present) {
        json_nothing(&writer->json, "latency");
        return;
    }
    json_open_object(&writer->json, "latency");
    json_int64(&writer->json, "known", cause->known);
    json_int64(&writer->json, "over", cause->over);
    json_close(&writer->json);
}

static void write_limits(struct writer *writer, const struct cause *cause)
{
    json_open_object(&writer->json, "limits");
    json_int64(&writer->json, "degraded_slow", cause->degraded_slow);
    json_int64(&writer->json, "major_errors", cause->major_errors);
    json_int64(&writer->json, "partial_errors", cause->partial_errors);
    json_close(&writer->json);
}

static void write_requests(struct writer *writer, const struct cause *cause)
{
    json_open_object(&writer->json, "requests");
    json_int64(&writer->json, "errors", cause->errors);
    json_int64(&writer->json, "minutes", cause->request_minutes);
    json_int64(&writer->json, "slow", cause->slow);
    json_int64(&writer->json, "total", cause->total);
    json_close(&writer->json);
}

static void write_lines(struct writer *writer, const struct cause *cause,
                        const struct grading_rules *rules)
{
    const char *lines[CAUSE_LINES_MAX];
    size_t count = cause_lines(cause, writer->result->contract, rules, &writer->arena, lines);

    json_open_array(&writer->json, "cause");
    for (size_t i = 0; i < count; i++) {
        json_text(&writer->json, NULL, lines[i]);
    }
    json_close(&writer->json);
}

static void write_stretch(struct writer *writer, const struct told_group *told, size_t index)
{
    const struct stretch *stretch =
        &writer->explanation->stretches.items[told->group->first + index];
    const struct cause *cause = &told->causes[index];
    struct json_writer *json = &writer->json;

    json_open_object(json, NULL);
    write_announcement(writer, stretch);
    json_text(json, "booked", time_class_name(stretch->class));
    write_lines(writer, cause, told->rules);
    write_checks(writer, cause);
    write_figure_of(writer, "cost", stretch->cost);
    json_text(json, "fate", stretch_fate_name(stretch->fate));
    write_moment(writer, "from", stretch->from_ns);
    json_text(json, "grade", grade_row(stretch->raw)->name);
    write_latency(writer, cause);
    write_limits(writer, cause);
    json_int64(json, "lossy_minutes", stretch->loss_minutes);
    write_figure_of(writer, "lost", stretch->lost);
    regrades_write(json, writer->explanation->contract, told->regrades[index]);
    write_requests(writer, cause);
    json_text(json, "rule", stretch_rule_name(stretch->rule));
    write_seconds(writer, stretch->from_ns, stretch->to_ns);
    write_share(writer, fraction_of(&writer->arena, stretch->cost));
    json_text(json, "text", stretch_rule_text(&writer->arena, writer->result, stretch));
    write_moment(writer, "to", stretch->to_ns);
    json_close(json);
}

static void write_batches(struct writer *writer, const struct trace_partition *partition)
{
    json_open_array(&writer->json, "batches");
    for (size_t i = 0; i < partition->batch_count; i++) {
        const struct trace_batch *batch = &partition->batches[i];

        json_open_object(&writer->json, NULL);
        json_int64(&writer->json, "from", batch->from_offset);
        json_text(&writer->json, "id", batch->id);
        json_bool(&writer->json, "redrive", batch->redrive);
        json_int64(&writer->json, "to", batch->to_offset);
        json_close(&writer->json);
    }
    json_close(&writer->json);
    json_int64(&writer->json, "batches_in_all", partition->batches_in_all);
}

static void write_coordinates(struct writer *writer, const struct trace *trace)
{
    json_open_array(&writer->json, "coordinates");
    for (size_t i = 0; i < trace->partition_count; i++) {
        const struct trace_partition *partition = &trace->partitions[i];

        json_open_object(&writer->json, NULL);
        write_batches(writer, partition);
        json_str(&writer->json, "cluster", partition->stream->cluster);
        json_int64(&writer->json, "dead_letters", partition->dead_letters);
        json_int64(&writer->json, "high", partition->high);
        json_int64(&writer->json, "incarnation", partition->stream->incarnation);
        json_int64(&writer->json, "lost_offsets", partition->lost);
        json_int64(&writer->json, "low", partition->low);
        json_int64(&writer->json, "partition", partition->partition);
        json_str(&writer->json, "topic", partition->stream->topic);
        json_close(&writer->json);
    }
    json_close(&writer->json);
}

static void write_losses(struct writer *writer, const struct trace *trace)
{
    json_open_array(&writer->json, "losses");
    for (size_t i = 0; i < trace->loss_count; i++) {
        const struct trace_loss *loss = &trace->losses[i];

        json_open_object(&writer->json, NULL);
        json_text(&writer->json, "batch", loss->id);
        json_str(&writer->json, "cluster", loss->stream->cluster);
        write_moment(writer, "first", loss->first_ns);
        json_int64(&writer->json, "from", loss->from_offset);
        json_int64(&writer->json, "incarnation", loss->stream->incarnation);
        write_moment(writer, "last", loss->last_ns);
        json_int64(&writer->json, "partition", loss->partition);
        json_int64(&writer->json, "to", loss->to_offset);
        json_str(&writer->json, "topic", loss->stream->topic);
        json_close(&writer->json);
    }
    json_close(&writer->json);
}

static void write_group(struct writer *writer, const struct told_group *told)
{
    const struct stretch_group *group = told->group;
    struct json_writer *json = &writer->json;

    json_open_object(json, NULL);
    write_coordinates(writer, &told->trace);
    json_figure(&writer->json, "cost", group->cost);
    write_moment(writer, "from", group->from_ns);
    if (group->incident != NULL) {
        write_moment(writer, "incident", group->incident->from_s * NS_PER_SECOND);
    } else {
        json_nothing(json, "incident");
    }
    write_losses(writer, &told->trace);
    json_figure(&writer->json, "lost", group->lost);
    write_seconds(writer, group->from_ns, group->to_ns);
    json_str(json, "service", writer->result->services[group->service].service);
    write_share(writer, group->cost);
    json_open_array(json, "stretches");
    for (size_t i = 0; i < group->count; i++) {
        write_stretch(writer, told, i);
        arena_clear(&writer->arena);
    }
    json_close(json);
    write_moment(writer, "to", group->to_ns);
    json_close(json);
}

static void write_groups(struct writer *writer)
{
    json_open_array(&writer->json, "groups");
    for (size_t i = 0; i < writer->explanation->told_count; i++) {
        write_group(writer, &writer->explanation->told[i]);
        arena_clear(&writer->arena);
    }
    json_close(&writer->json);
}

/* What the lists leave out, and the totals. */

static void write_left(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;
    const char *text = explanation_left(&writer->arena, explanation);

    json_open_object(&writer->json, "left_out");
    json_figure(&writer->json, "cost", explanation->left_cost);
    json_int64(&writer->json, "count", (int64_t)explanation->left_count);
    json_figure(&writer->json, "lost", explanation->left_lost);
    if (text != NULL) {
        json_text(&writer->json, "text", text);
    } else {
        json_nothing(&writer->json, "text");
    }
    json_close(&writer->json);
}

static void write_method(struct writer *writer)
{
    const struct availability *availability = &writer->explanation->contract->availability;
    const struct method_row *method = method_row(availability->method);

    json_open_object(&writer->json, "method");
    json_text(&writer->json, "name", method->name);
    json_text(&writer->json, "pool", pool_name(availability->pool));
    json_text(&writer->json, "unit", writer->level->unit);
    json_close(&writer->json);
}

static void write_period(struct writer *writer)
{
    const struct result *result = writer->result;

    json_open_object(&writer->json, "period");
    write_moment(writer, "from", result->from_s * NS_PER_SECOND);
    json_text(&writer->json, "name", writer->explanation->period.name);
    json_text(&writer->json, "time_zone", zone_name(writer->explanation->contract->zone));
    write_moment(writer, "to", result->to_s * NS_PER_SECOND);
    json_close(&writer->json);
}

static void write_services(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;

    json_open_array(&writer->json, "services");
    for (size_t i = 0; i < writer->result->service_count; i++) {
        const struct service_result *service = &writer->result->services[i];
        const struct measure *measure =
            &service->verdicts.levels[writer->level - writer->result->verdicts.levels].measure;

        if (explanation->service != SIZE_MAX && explanation->service != i) {
            continue;
        }
        json_open_object(&writer->json, NULL);
        json_figure(&writer->json, "lost",
                    fraction_subtract(&writer->arena, measure->valid, measure->good));
        json_figure(&writer->json, "measured", measure->valid);
        json_str(&writer->json, "service", service->service);
        json_figure(&writer->json, "stretches", stretches_lost(&explanation->stretches, i));
        json_close(&writer->json);
    }
    json_close(&writer->json);
}

static void write_statement(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;

    json_open_object(&writer->json, "statement");
    if (explanation->issued.found) {
        json_int64(&writer->json, "revision", explanation->issued.revision);
        json_text(&writer->json, "sha256", explanation->issued.sha256);
    } else {
        json_nothing(&writer->json, "revision");
        json_nothing(&writer->json, "sha256");
    }
    json_text(&writer->json, "status", explanation->issued.found ? "final" : "provisional");
    json_close(&writer->json);
}

static void write_total(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;

    json_open_object(&writer->json, "total");
    json_figure(&writer->json, "lost", explanation_stated_loss(&writer->arena, explanation));
    json_figure(&writer->json, "measured", writer->level->measure.valid);
    json_figure(&writer->json, "stretches", explanation_told_loss(explanation));
    json_close(&writer->json);
}

static void write_uptime(struct writer *writer)
{
    const struct level *level = writer->level;

    if (!level->known) {
        json_nothing(&writer->json, "uptime");
        return;
    }
    json_open_object(&writer->json, "uptime");
    json_terms(&writer->json, level->uptime);
    json_text(&writer->json, "percent",
              wording_percent_floor(&writer->arena, level->uptime,
                                    writer->explanation->contract->digits));
    json_close(&writer->json);
}

static void write_all(struct writer *writer)
{
    const struct explanation *explanation = writer->explanation;
    struct json_writer *json = &writer->json;

    json_open_object(json, NULL);
    write_books(writer);
    write_borders(writer);
    write_contract(writer);
    write_credit(writer);
    json_text(json, "format", EXPLANATION_FORMAT);
    write_groups(writer);
    write_left(writer);
    json_text(json, "level", writer->level->name);
    if (writer->level->known) {
        json_bool(json, "met", writer->level->met);
    } else {
        json_nothing(json, "met");
    }
    write_method(writer);
    write_period(writer);
    json_open_object(json, "program");
    json_text(json, "name", "uptally");
    json_text(json, "version", explanation->program_version);
    json_close(json);
    reclassify_write(json, explanation->contract, explanation->reclassified,
                     explanation->reclassified_count);
    if (explanation->service != SIZE_MAX) {
        json_str(json, "service", writer->result->services[explanation->service].service);
    } else {
        json_nothing(json, "service");
    }
    write_services(writer);
    write_statement(writer);
    write_total(writer);
    write_uptime(writer);
    json_close(json);
    json_finish(json);
}

enum err_code explanation_write_json(const struct explanation *explanation,
                                     struct strbuf *ret_document, struct err *err)
{
    struct writer writer = {.arena = ARENA_INIT,
                            .explanation = explanation,
                            .result = &explanation->result,
                            .level = explanation->level};

    strbuf_init(ret_document, EXPLANATION_SIZE_MAX);
    json_init(&writer.json, ret_document, true);
    write_all(&writer);
    arena_release(&writer.arena);
    if (ret_document->overflow) {
        strbuf_release(ret_document);
        return err_set(err, ERR_DATA, "the explanation is larger than %d MiB; lower --limit",
                       EXPLANATION_SIZE_MAX / (1024 * 1024));
    }
    return ERR_OK;
}
