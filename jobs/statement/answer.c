#include "jobs/statement/answer.h"

#include "base/clock.h"
#include "base/json_numbers.h"
#include "jobs/statement/figures.h"
#include "jobs/statement/method.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

enum { AMOUNT_SIZE_MAX = 128 };

struct answer {
    struct json_writer json;
    struct arena arena; /* texts on their way */
    const struct result *result;
    const struct contract *contract;
};

static void write_digits(struct answer *answer, const char *key, struct fraction value,
                         void (*format)(struct strbuf *buf, struct fraction value))
{
    struct strbuf buf;

    /* What does not fit makes the answer too large as well. */
    strbuf_init(&buf, ANSWER_SIZE_MAX);
    format(&buf, value);
    answer->json.out->overflow = answer->json.out->overflow || buf.overflow;
    json_digits(&answer->json, key, buf.overflow ? STR("0") : strbuf_view(&buf));
    strbuf_release(&buf);
}

static void write_uptime(struct answer *answer, const struct level *level)
{
    if (!level->known) {
        json_nothing(&answer->json, "uptime");
        return;
    }
    json_open_object(&answer->json, "uptime");
    write_digits(answer, "denominator", level->uptime, fraction_format_denominator);
    write_digits(answer, "numerator", level->uptime, fraction_format_numerator);
    json_text(&answer->json, "percent",
              wording_percent_floor(&answer->arena, level->uptime, answer->contract->digits));
    json_close(&answer->json);
}

static void write_credit(struct answer *answer, const struct credit *credit, bool steps)
{
    const struct currency *currency = answer->contract->currency;
    struct json_writer *json = &answer->json;
    struct strbuf amount;

    if (!credit->present) {
        json_nothing(json, "credit");
        return;
    }
    strbuf_init(&amount, AMOUNT_SIZE_MAX);
    money_format(&amount, currency, credit->amount_minor);
    json_open_object(json, "credit");
    json_str(json, "amount", strbuf_view(&amount));
    json_int64(json, "amount_minor", credit->amount_minor);
    json_text(json, "currency", currency->code);
    if (steps) {
        figures_steps(json, &answer->arena, currency, credit);
    }
    json_close(json);
    strbuf_release(&amount);
}

static void write_met(struct answer *answer, bool known, bool met)
{
    if (known) {
        json_bool(&answer->json, "met", met);
    } else {
        json_nothing(&answer->json, "met");
    }
}

/* The second level, where the contract has one. */
static void write_latency(struct answer *answer, const struct verdicts *verdicts)
{
    const struct level *level = &verdicts->levels[LEVEL_LATENCY];

    if (verdicts->level_count <= LEVEL_LATENCY) {
        return;
    }
    if (!level->known) {
        json_nothing(&answer->json, "latency");
        return;
    }
    json_open_object(&answer->json, "latency");
    write_digits(answer, "denominator", level->uptime, fraction_format_denominator);
    write_met(answer, level->known, level->met);
    write_digits(answer, "numerator", level->uptime, fraction_format_numerator);
    json_text(&answer->json, "percent",
              wording_percent_floor(&answer->arena, level->uptime, answer->contract->digits));
    json_percent(&answer->json, "target", level->target);
    json_close(&answer->json);
}

static const struct level *availability_of(const struct verdicts *verdicts)
{
    return &verdicts->levels[LEVEL_AVAILABILITY];
}

static void write_service(struct answer *answer, const struct service_result *service)
{
    const struct verdicts *verdicts = &service->verdicts;
    const struct level *paying = &verdicts->levels[verdicts->paying];
    struct json_writer *json = &answer->json;

    json_open_object(json, NULL);
    write_credit(answer, &paying->credit, false);
    write_latency(answer, verdicts);
    write_met(answer, verdicts->known, verdicts->met);
    figures_seconds(&answer->json, "seconds", availability_of(verdicts)->measure.seconds, true);
    json_str(json, "service", service->service);
    figures_tier(&answer->json, paying->tier);
    write_uptime(answer, availability_of(verdicts));
    json_close(json);
}

static void write_services(struct answer *answer)
{
    json_open_array(&answer->json, "services");
    for (size_t i = 0; i < answer->result->service_count; i++) {
        write_service(answer, &answer->result->services[i]);
    }
    json_close(&answer->json);
}

/* What became of each announcement, for each service that it concerns, or for all of which it came to the same. */
static void write_announcements(struct answer *answer)
{
    const struct zone *zone = answer->contract->zone;
    struct json_writer *json = &answer->json;

    json_open_array(json, "announcements");
    for (size_t i = 0; i < answer->result->exclusion_count; i++) {
        const struct exclusion *exclusion = &answer->result->exclusions[i];

        json_open_object(json, NULL);
        json_text(json, "announced_at",
                  moment_text_ns(&answer->arena, zone, exclusion->announced_ns));
        json_int64(json, "excused_seconds", exclusion->excused_s);
        json_text(json, "from", moment_text_ns(&answer->arena, zone, exclusion->from_ns));
        json_int64(json, "granted_seconds", exclusion->granted_s);
        json_int64(json, "line", exclusion->announcement_id);
        json_str(json, "reason", exclusion->reason);
        json_str(json, "service", exclusion->service);
        json_int64(json, "services", (int64_t)exclusion->service_count);
        json_text(json, "state", announcement_state_name(exclusion->state));
        json_text(json, "text", announcement_state_text(exclusion->state));
        json_text(json, "to", moment_text_ns(&answer->arena, zone, exclusion->to_ns));
        json_close(json);
    }
    json_close(json);
}

static void write_period(struct answer *answer)
{
    const struct result *result = answer->result;
    const struct zone *zone = answer->contract->zone;
    struct json_writer *json = &answer->json;

    json_open_object(json, "period");
    json_text(json, "from", moment_text(&answer->arena, zone, result->from_s));
    json_int64(json, "seconds", result->to_s - result->from_s);
    json_text(json, "to", moment_text(&answer->arena, zone, result->to_s));
    json_close(json);
}

static void write_explanation(struct answer *answer)
{
    json_open_array(&answer->json, "explanation");
    for (size_t i = 0; i < answer->result->explanation_count; i++) {
        json_text(&answer->json, NULL, answer->result->explanation[i]);
    }
    json_close(&answer->json);
}

/* The order is that of the keys' bytes: the writer insists on it. */
static void write_all(struct answer *answer, const char *program_version)
{
    const struct availability *availability = &answer->contract->availability;
    const struct verdicts *verdicts = &answer->result->verdicts;
    const struct level *paying = &verdicts->levels[verdicts->paying];
    struct json_writer *json = &answer->json;

    json_open_object(json, NULL);
    write_announcements(answer);
    json_str(json, "contract", answer->contract->id);
    write_credit(answer, &paying->credit, true);
    write_explanation(answer);
    json_text(json, "format", ANSWER_FORMAT);
    write_latency(answer, verdicts);
    write_met(answer, verdicts->known, verdicts->met);
    json_text(json, "method", method_row(availability->method)->name);
    write_period(answer);
    json_text(json, "pool", pool_name(availability->pool));
    json_text(json, "program", program_version);
    figures_seconds(&answer->json, "seconds", availability_of(verdicts)->measure.seconds, true);
    write_services(answer);
    json_percent(&answer->json, "target", availability->target);
    json_text(json, "terms", answer->contract->digest);
    figures_tier(&answer->json, paying->tier);
    json_text(json, "unit", availability_of(verdicts)->unit);
    write_uptime(answer, availability_of(verdicts));
    if (answer->result->worst_service != NULL) {
        json_text(json, "worst_service", answer->result->worst_service);
    } else {
        json_nothing(json, "worst_service");
    }
    json_close(json);
    json_finish(json);
}

enum err_code answer_json(const struct result *result, const char *program_version,
                          struct strbuf *ret_answer, struct err *err)
{
    struct answer answer = {.arena = ARENA_INIT, .result = result, .contract = result->contract};

    strbuf_init(ret_answer, ANSWER_SIZE_MAX);
    json_init(&answer.json, ret_answer, true);
    write_all(&answer, program_version);
    arena_release(&answer.arena);
    if (ret_answer->overflow) {
        strbuf_release(ret_answer);
        return err_set(err, ERR_DATA, "the answer is larger than %d MiB",
                       ANSWER_SIZE_MAX / (1024 * 1024));
    }
    return ERR_OK;
}
