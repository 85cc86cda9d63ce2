#include "jobs/statement/document.h"

#include "base/civil.h"
#include "base/clock.h"
#include "jobs/statement/credit.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/figures.h"
#include "jobs/statement/method.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

struct document {
    struct json_writer json;
    struct arena arena; /* texts on their way */
    const struct document_facts *facts;
    const struct result *result;
    const struct contract *contract;
};

static void write_moment(struct document *document, const char *key, int64_t seconds)
{
    json_text(&document->json, key,
              moment_text(&document->arena, document->contract->zone, seconds));
}

static void write_moment_ns(struct document *document, const char *key, int64_t time_ns)
{
    json_text(&document->json, key,
              moment_text_ns(&document->arena, document->contract->zone, time_ns));
}

static void write_uptime(struct document *document, const struct level *level)
{
    if (!level->known) {
        json_nothing(&document->json, "uptime");
        return;
    }
    json_open_object(&document->json, "uptime");
    json_terms(&document->json, level->uptime);
    json_text(&document->json, "percent",
              wording_percent_floor(&document->arena, level->uptime, document->contract->digits));
    json_close(&document->json);
}

static void write_met(struct document *document, bool known, bool met)
{
    if (known) {
        json_bool(&document->json, "met", met);
    } else {
        json_nothing(&document->json, "met");
    }
}

/* Allowed at the target, lost, and the share of the error budget that is gone. */
static void write_budget(struct document *document, const struct level *level)
{
    struct json_writer *json = &document->json;
    struct fraction allowed = level->borders[0].allowed;

    json_open_object(json, "budget");
    json_figure(&document->json, "allowed", allowed);
    json_figure(&document->json, "lost", level->lost);
    json_figure(&document->json, "measured", level->measure.valid);
    json_text(json, "unit", level->unit);
    if (fraction_sign(allowed) == 0) {
        json_nothing(json, "used_percent");
    } else {
        json_text(json, "used_percent",
                  wording_percent_floor(&document->arena,
                                        fraction_divide(&document->arena, level->lost, allowed),
                                        1));
    }
    json_close(json);
}

static void write_gaps(struct document *document)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "gaps");
    for (size_t i = 0; i < document->result->service_count; i++) {
        const struct service_result *service = &document->result->services[i];

        const struct measure *measure = &service->verdicts.levels[LEVEL_AVAILABILITY].measure;

        for (size_t k = 0; k < measure->segment_count; k++) {
            int64_t from_s = measure->segments[k].from_ns / NS_PER_SECOND;
            int64_t to_s = measure->segments[k].to_ns / NS_PER_SECOND;

            if (measure->segments[k].class == TIME_PIPELINE_GAP) {
                json_open_object(json, NULL);
                write_moment(document, "from", from_s);
                json_int64(json, "seconds", to_s - from_s);
                json_str(json, "service", service->service);
                write_moment(document, "to", to_s);
                json_close(json);
            }
        }
    }
    json_close(json);
}

/* What there is of this time is counted, but it is not all. */
static void write_lost(struct document *document)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "lost");
    for (size_t i = 0; i < document->facts->lost_count; i++) {
        const struct lost_time *lost = &document->facts->lost[i];

        json_open_object(json, NULL);
        write_moment(document, "from", lost->from_s);
        json_int64(json, "seconds", lost->to_s - lost->from_s);
        json_str(json, "service", lost->service);
        write_moment(document, "to", lost->to_s);
        json_close(json);
    }
    json_close(json);
}

static void write_completeness(struct document *document)
{
    struct json_writer *json = &document->json;

    json_open_object(json, "completeness");
    json_bool(json, "complete", document->facts->complete && document->facts->lost_count == 0);
    write_gaps(document);
    write_lost(document);
    json_open_array(json, "partitions");
    for (size_t i = 0; i < document->facts->partition_count; i++) {
        const struct covered_partition *partition = &document->facts->partitions[i];

        json_open_object(json, NULL);
        json_str(json, "cluster", partition->cluster);
        json_int64(json, "dead_letters", partition->dead_letters);
        json_int64(json, "high", partition->high);
        json_int64(json, "incarnation", partition->incarnation);
        json_int64(json, "low", partition->low);
        json_int64(json, "partition", partition->partition);
        json_str(json, "topic", partition->topic);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static void write_contract(struct document *document)
{
    const struct contract *contract = document->contract;
    struct json_writer *json = &document->json;

    json_open_object(json, "contract");
    if (contract->currency != NULL) {
        json_text(json, "currency", contract->currency->code);
    } else {
        json_nothing(json, "currency");
    }
    json_str(json, "customer", contract->customer);
    json_text(json, "digest", contract->digest);
    json_str(json, "id", contract->id);
    contract_write_terms(json, "terms", contract);
    json_close(json);
}

static void write_credit(struct document *document)
{
    const struct verdicts *verdicts = &document->result->verdicts;
    const struct level *level = &verdicts->levels[verdicts->paying];
    const struct credit *credit = &level->credit;
    const struct currency *currency = document->contract->currency;
    struct json_writer *json = &document->json;
    struct strbuf amount;

    if (!credit->present) {
        json_nothing(json, "credit");
        return;
    }
    strbuf_init(&amount, 64);
    money_format(&amount, currency, credit->amount_minor);
    json_open_object(json, "credit");
    json_str(json, "amount", strbuf_view(&amount));
    json_int64(json, "amount_minor", credit->amount_minor);
    if (credit->claim_until_s != 0) {
        write_moment(document, "claim_until", credit->claim_until_s);
    } else {
        json_nothing(json, "claim_until");
    }
    json_text(json, "currency", currency->code);
    json_text(json, "level", level->name);
    figures_steps(json, &document->arena, currency, credit);
    json_close(json);
    strbuf_release(&amount);
}

static void write_borders(struct document *document, const struct level *level)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "borders");
    for (size_t i = 0; i < level->border_count; i++) {
        const struct border *border = &level->borders[i];

        json_open_object(json, NULL);
        json_figure(&document->json, "allowed", border->allowed);
        json_percent(&document->json, "below", border->below);
        json_text(json, "gives",
                  border->tier == NULL
                      ? ""
                      : credit_tier_text(&document->arena, document->contract, border->tier));
        json_text(json, "kind", border->tier == NULL ? "target" : "tier");
        json_bool(json, "missed", border->missed);
        json_text(json, "text", explain_border(&document->arena, level, border));
        json_close(json);
    }
    json_close(json);
}

/* The second level of the agreement, if it has one. */
static void write_latency(struct document *document, const struct verdicts *verdicts)
{
    const struct level *level = &verdicts->levels[LEVEL_LATENCY];
    struct json_writer *json = &document->json;

    if (verdicts->level_count <= LEVEL_LATENCY) {
        json_nothing(json, "latency");
        return;
    }
    json_open_object(json, "latency");
    write_borders(document, level);
    write_budget(document, level);
    write_met(document, level->known, level->met);
    json_percent(&document->json, "target", level->target);
    figures_tier(&document->json, level->tier);
    write_uptime(document, level);
    json_close(json);
}

static void write_exclusions(struct document *document)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "exclusions");
    for (size_t i = 0; i < document->result->exclusion_count; i++) {
        const struct exclusion *exclusion = &document->result->exclusions[i];

        json_open_object(json, NULL);
        json_bool(json, "all_services", exclusion->all_services);
        write_moment_ns(document, "announced", exclusion->announced_ns);
        json_int64(json, "announcement", exclusion->announcement_id);
        json_str(json, "author", exclusion->author);
        json_int64(json, "excused_seconds", exclusion->excused_s);
        write_moment_ns(document, "from", exclusion->from_ns);
        json_int64(json, "granted_seconds", exclusion->granted_s);
        json_str(json, "reason", exclusion->reason);
        json_str(json, "service", exclusion->service);
        json_text(json, "state", announcement_state_name(exclusion->state));
        json_text(json, "text", announcement_state_text(exclusion->state));
        write_moment_ns(document, "to", exclusion->to_ns);
        json_close(json);
    }
    json_close(json);
}

/* How an incident was treated, from what its time was booked as. */
static const char *treatment(const struct document *document, const struct incident *incident)
{
    int64_t bad_s = incident->seconds[TIME_DEGRADED] + incident->seconds[TIME_PARTIAL] +
                    incident->seconds[TIME_MAJOR];

    if (!method_row(document->contract->availability.method)->judges_time) {
        return bad_s > 0 ? "by_requests" : "excluded";
    }
    if (incident->seconds[TIME_MAINTENANCE] > 0) {
        return bad_s > 0 ? "partly_excluded" : "excluded";
    }
    return fraction_sign(incident->lost_s) > 0 ? "counted" : "not_counted";
}

static void write_incidents(struct document *document)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "incidents");
    for (size_t i = 0; i < document->result->incident_count; i++) {
        const struct incident *incident = &document->result->incidents[i];
        char instant[CIVIL_TEXT_SIZE];
        struct strbuf id;

        strbuf_init(&id, 1024);
        strbuf_append(&id, incident->service);
        strbuf_append_format(&id, "@%s",
                             civil_format_rfc3339(incident->from_s * NS_PER_SECOND, instant));
        json_open_object(json, NULL);
        write_moment(document, "from", incident->from_s);
        json_str(json, "id", strbuf_view(&id));
        json_int64(json, "length_seconds", incident->to_s - incident->from_s);
        json_figure(&document->json, "lost_seconds", incident->lost_s);
        json_bool(json, "open_end", incident->open_end);
        figures_seconds(&document->json, "seconds", incident->seconds, false);
        json_str(json, "service", incident->service);
        write_moment(document, "to", incident->to_s);
        json_text(json, "treatment", treatment(document, incident));
        json_text(json, "worst", grade_row(incident->worst)->name);
        json_close(json);
        strbuf_release(&id);
    }
    json_close(json);
}

static void write_method(struct document *document)
{
    const struct availability *availability = &document->contract->availability;
    const struct method_row *method = method_row(availability->method);
    struct json_writer *json = &document->json;

    json_open_object(json, "method");
    json_text(json, "formula", method->formula);
    json_text(json, "name", method->name);
    json_text(json, "pool", pool_name(availability->pool));
    json_text(json, "title", method->title);
    json_text(json, "unit", method->unit);
    json_close(json);
}

static void write_period(struct document *document)
{
    const struct result *result = document->result;
    struct json_writer *json = &document->json;

    json_open_object(json, "period");
    write_moment(document, "from", result->from_s);
    json_text(json, "name", document->facts->period);
    json_int64(json, "seconds", result->to_s - result->from_s);
    json_text(json, "time_zone", zone_name(document->contract->zone));
    write_moment(document, "to", result->to_s);
    json_open_object(json, "whole");
    write_moment(document, "from", document->facts->whole_from_s);
    json_int64(json, "seconds", document->facts->whole_to_s - document->facts->whole_from_s);
    write_moment(document, "to", document->facts->whole_to_s);
    json_close(json);
    json_close(json);
}

static void write_days(struct document *document, const struct service_result *service)
{
    struct json_writer *json = &document->json;

    json_open_array(json, "days");
    for (size_t i = 0; i < service->day_count; i++) {
        const struct day *day = &service->days[i];

        json_open_object(json, NULL);
        json_text(json, "date",
                  arena_format(&document->arena, "%04d-%02d-%02d", (int)day->year, (int)day->month,
                               (int)day->day));
        json_int64(json, "length_seconds", day->to_s - day->from_s);
        figures_seconds(&document->json, "seconds", day->seconds, false);
        json_close(json);
    }
    json_close(json);
}

static void write_service(struct document *document, const struct service_result *service)
{
    const struct level *level = &service->verdicts.levels[LEVEL_AVAILABILITY];
    struct json_writer *json = &document->json;

    json_open_object(json, NULL);
    write_budget(document, level);
    write_days(document, service);
    write_latency(document, &service->verdicts);
    write_met(document, service->verdicts.known, service->verdicts.met);
    json_open_object(json, "requests");
    json_int64(json, "errors", service->requests.errors);
    json_int64(json, "no_latency", service->requests.no_latency);
    json_int64(json, "records", service->requests.records);
    json_int64(json, "slow", service->requests.slow);
    json_int64(json, "total", service->requests.total);
    json_close(json);
    figures_seconds(&document->json, "seconds", level->measure.seconds, true);
    json_str(json, "service", service->service);
    figures_tier(&document->json, service->verdicts.levels[service->verdicts.paying].tier);
    write_uptime(document, level);
    json_close(json);
}

static void write_services(struct document *document)
{
    json_open_array(&document->json, "services");
    for (size_t i = 0; i < document->result->service_count; i++) {
        write_service(document, &document->result->services[i]);
    }
    json_close(&document->json);
}

static void write_explanation(struct document *document)
{
    json_open_array(&document->json, "explanation");
    for (size_t i = 0; i < document->result->explanation_count; i++) {
        json_text(&document->json, NULL, document->result->explanation[i]);
    }
    json_close(&document->json);
}

static void write_changes(struct document *document)
{
    if (document->facts->difference != NULL) {
        difference_write(&document->json, "changes", document->facts->difference);
    } else {
        json_nothing(&document->json, "changes");
    }
}

static const char *status_of(const struct document_facts *facts)
{
    if (facts->provisional) {
        return "provisional";
    }
    return facts->revision > 1 ? "restated" : "final";
}

/* The order is that of the keys' bytes: the writer insists on it. */
static void write_all(struct document *document)
{
    const struct result *result = document->result;
    const struct verdicts *verdicts = &result->verdicts;
    const struct level *level = &verdicts->levels[LEVEL_AVAILABILITY];
    struct json_writer *json = &document->json;

    json_open_object(json, NULL);
    write_borders(document, level);
    write_budget(document, level);
    write_changes(document);
    write_completeness(document);
    write_contract(document);
    write_credit(document);
    write_exclusions(document);
    write_explanation(document);
    json_text(json, "format", DOCUMENT_FORMAT);
    write_incidents(document);
    write_latency(document, verdicts);
    write_met(document, verdicts->known, verdicts->met);
    write_method(document);
    write_period(document);
    json_open_object(json, "program");
    json_text(json, "name", "uptally");
    json_text(json, "version", document->facts->program_version);
    json_close(json);
    reclassify_write(json, document->contract, document->facts->reclassified,
                     document->facts->reclassified_count);
    json_int64(json, "revision", document->facts->revision);
    figures_seconds(&document->json, "seconds", level->measure.seconds, true);
    write_services(document);
    json_text(json, "status", status_of(document->facts));
    json_percent(&document->json, "target", level->target);
    figures_tier(&document->json, verdicts->levels[verdicts->paying].tier);
    write_uptime(document, level);
    if (result->worst_service != NULL) {
        json_text(json, "worst_service", result->worst_service);
    } else {
        json_nothing(json, "worst_service");
    }
    json_close(json);
    json_finish(json);
}

enum err_code document_write(const struct document_facts *facts, const struct result *result,
                             struct strbuf *ret_document, struct err *err)
{
    struct document document = {
        .arena = ARENA_INIT, .facts = facts, .result = result, .contract = result->contract};

    strbuf_init(ret_document, DOCUMENT_SIZE_MAX);
    json_init(&document.json, ret_document, true);
    write_all(&document);
    arena_release(&document.arena);
    if (ret_document->overflow) {
        strbuf_release(ret_document);
        return err_set(err, ERR_DATA, "the statement is larger than %d MiB",
                       DOCUMENT_SIZE_MAX / (1024 * 1024));
    }
    return ERR_OK;
}
