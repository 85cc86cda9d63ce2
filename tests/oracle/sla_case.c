/*
 * Reads one small contract with its timelines from standard input and prints the statement: for oracles and page tests.
 *
 *     sla_case [json|html|csv] < case
 *
 * One setting per line, a word and its value; times are seconds since 1970, decimals as in contracts:
 *     zone Europe/Berlin | from S | to S | customer TEXT | method NAME | target P | pool NAME | weights D P M | degraded_weight R |
 *     slice S | min_outage S | absorb S | unknown GRADE RULE | excluded RULE | notice S | quota_windows N | quota_seconds S | valid S S |
 *     partial RULE | currency CODE | fee D | tier BELOW PERCENT | minimum D | cap P | rounding RULE | digits N |
 *     service NAME | state FROM TO GRADE | count MINUTE_S TOTAL ERRORS SLOW | announce FROM TO ANNOUNCED CANCELLED SERVICE |
 *     reason TEXT (of the announcement before)
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/memory.h"
#include "jobs/statement/document.h"
#include "jobs/statement/engine.h"
#include "jobs/statement/method.h"
#include "jobs/statement/render.h"

enum { SERVICES_MAX = 8, ROWS_MAX = 100000, TIERS_MAX = 8, ANNOUNCEMENTS_MAX = 64 };

struct input {
    struct arena arena;
    struct zone *zone;
    struct contract contract;
    struct credit_tier tiers[TIERS_MAX];
    struct str names[SERVICES_MAX];
    struct service_input services[SERVICES_MAX];
    struct state_row *states[SERVICES_MAX];
    struct count_row *counts[SERVICES_MAX];
    struct announcement_input announcements[ANNOUNCEMENTS_MAX];
    size_t announcement_count;
    int64_t from_s, to_s;
};

static void fail(const char *what, const char *line)
{
    (void)fprintf(stderr, "sla_case: %s: %s\n", what, line);
    exit(2);
}

static struct rational decimal(const char *text)
{
    struct rational value;

    if (!rational_parse(STR(text), &value)) {
        fail("not a decimal", text);
    }
    return value;
}

static struct rational percent(const char *text)
{
    return rational_divide(decimal(text), rational_make(100, 1));
}

static int64_t integer(const char *text)
{
    int64_t value;

    if (!str_to_int64(STR(text), &value)) {
        fail("not an integer", text);
    }
    return value;
}

static int choose(const char *text, const char *const *names, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(text, names[i]) == 0) {
            return i;
        }
    }
    fail("not a choice", text);
    return 0;
}

static enum grade grade(const char *text)
{
    enum grade found = GRADE_OPERATIONAL;

    if (!grade_find(STR(text), &found)) {
        fail("not a grade", text);
    }
    return found;
}

static void set_service(struct input *input, const char *name)
{
    size_t index = input->contract.service_count++;

    CHECK(index < SERVICES_MAX);
    input->names[index] = STR(arena_text(&input->arena, STR(name)));
    input->services[index].service = input->names[index];
    input->states[index] = memory_calloc(ROWS_MAX, sizeof(struct state_row));
    input->counts[index] = memory_calloc(ROWS_MAX, sizeof(struct count_row));
    input->services[index].states = input->states[index];
    input->services[index].counts = input->counts[index];
}

static void set_row(struct input *input, const char *key, char **words)
{
    size_t index = input->contract.service_count - 1;
    struct service_input *service = &input->services[index];

    if (strcmp(key, "state") == 0) {
        CHECK(service->state_count < ROWS_MAX);
        input->states[index][service->state_count++] =
            (struct state_row){integer(words[0]), integer(words[1]), grade(words[2]), false};
    } else {
        CHECK(service->count_count < ROWS_MAX);
        input->counts[index][service->count_count++] =
            (struct count_row){integer(words[0]),
                               {.records = integer(words[1]),
                                .total = integer(words[1]),
                                .errors = integer(words[2]),
                                .slow = integer(words[3])}};
    }
}

static void set_announcement(struct input *input, char **words)
{
    struct announcement_input *announcement = &input->announcements[input->announcement_count];

    CHECK(input->announcement_count < ANNOUNCEMENTS_MAX);
    *announcement = (struct announcement_input){
        .id = (int64_t)++input->announcement_count,
        .from_ns = integer(words[0]) * NS_PER_SECOND,
        .to_ns = integer(words[1]) * NS_PER_SECOND,
        .announced_ns = integer(words[2]) * NS_PER_SECOND,
        .cancelled = integer(words[3]) != 0,
        .service = STR(arena_text(&input->arena, STR(words[4]))),
        .author = STR("ops"),
        .reason = STR("upgrade"),
    };
}

static bool set_measuring(struct input *input, const char *key, char **words)
{
    static const char *const methods[] = {
        [METHOD_STATE_TIME] = "state_time",
        [METHOD_REQUEST_RATIO] = "request_ratio",
        [METHOD_TIME_SLICES] = "time_slices",
        [METHOD_RATIO_TIME_SLICES] = "ratio_time_slices",
        [METHOD_BAD_MINUTE_RUNS] = "bad_minute_runs",
        [METHOD_TOTAL_FAILURE_RUNS] = "total_failure_runs",
        [METHOD_MEAN_INTERVAL_ERRORS] = "mean_interval_errors",
        [METHOD_PROPORTIONAL] = "proportional",
    };
    static const char *const pools[] = {"none", "per_service", "sum", "all_required", "any_enough"};
    static const char *const rules[] = {"exclude", "up", "down"};
    struct availability *availability = &input->contract.availability;

    if (strcmp(key, "method") == 0) {
        availability->method = (enum sla_method)choose(words[0], methods, METHOD_COUNT);
    } else if (strcmp(key, "target") == 0) {
        availability->target = percent(words[0]);
    } else if (strcmp(key, "pool") == 0) {
        availability->pool = (enum pool)choose(words[0], pools, 5);
    } else if (strcmp(key, "weights") == 0) {
        for (int i = 0; i < 3; i++) {
            availability->weights[GRADE_DEGRADED + i] = decimal(words[i]);
        }
    } else if (strcmp(key, "degraded_weight") == 0) {
        availability->degraded_weight = decimal(words[0]);
    } else if (strcmp(key, "slice") == 0) {
        availability->slice_s = integer(words[0]);
    } else if (strcmp(key, "min_outage") == 0) {
        availability->min_outage_ns = integer(words[0]) * NS_PER_SECOND;
    } else if (strcmp(key, "absorb") == 0) {
        availability->absorb_ns = integer(words[0]) * NS_PER_SECOND;
    } else if (strcmp(key, "unknown") == 0) {
        availability->unknown[grade(words[0])] = (enum unknown_rule)choose(words[1], rules, 3);
    } else {
        return false;
    }
    return true;
}

static bool set_terms(struct input *input, const char *key, char **words)
{
    static const char *const excluded[] = {"none", "remove", "forgive"};
    static const char *const partial[] = {"pro_rata", "deemed_up"};
    struct contract *contract = &input->contract;

    if (strcmp(key, "excluded") == 0) {
        contract->maintenance.excluded = (enum excluded_rule)choose(words[0], excluded, 3);
    } else if (strcmp(key, "notice") == 0) {
        contract->maintenance.notice_ns = integer(words[0]) * NS_PER_SECOND;
    } else if (strcmp(key, "quota_windows") == 0) {
        contract->maintenance.quota_windows = integer(words[0]);
    } else if (strcmp(key, "quota_seconds") == 0) {
        contract->maintenance.quota_ns = integer(words[0]) * NS_PER_SECOND;
    } else if (strcmp(key, "valid") == 0) {
        contract->valid_from_s = integer(words[0]);
        contract->valid_until_s = integer(words[1]);
    } else if (strcmp(key, "partial") == 0) {
        contract->partial_period = (enum partial_period)choose(words[0], partial, 2);
    } else if (strcmp(key, "digits") == 0) {
        contract->digits = (int)integer(words[0]);
    } else {
        return false;
    }
    return true;
}

static bool set_money(struct input *input, const char *key, char **words)
{
    static const char *const roundings[] = {"floor", "half_even", "half_up"};
    struct contract *contract = &input->contract;
    struct credit_terms *credits = &contract->credits;

    if (strcmp(key, "currency") == 0) {
        contract->currency = currency_find(STR(words[0]));
        CHECK(contract->currency != NULL);
        credits->present = true;
    } else if (strcmp(key, "fee") == 0) {
        contract->fee = decimal(words[0]);
        contract->has_fee = true;
    } else if (strcmp(key, "tier") == 0) {
        CHECK(credits->tier_count < TIERS_MAX);
        input->tiers[credits->tier_count++] =
            (struct credit_tier){.below = percent(words[0]), .value = percent(words[1])};
    } else if (strcmp(key, "minimum") == 0) {
        credits->has_minimum = true;
        credits->minimum_more_than = decimal(words[0]);
    } else if (strcmp(key, "cap") == 0) {
        credits->has_cap = true;
        credits->cap = percent(words[0]);
    } else if (strcmp(key, "rounding") == 0) {
        credits->rounding = (enum rounding)choose(words[0], roundings, 3);
    } else {
        return false;
    }
    return true;
}

/* Values that are the rest of the line, whatever it holds. */
static bool set_text(struct input *input, const char *key, const char *rest)
{
    if (strcmp(key, "customer") == 0) {
        input->contract.customer = STR(arena_text(&input->arena, STR(rest)));
    } else if (strcmp(key, "service") == 0) {
        set_service(input, rest);
    } else if (strcmp(key, "reason") == 0) {
        CHECK(input->announcement_count > 0);
        input->announcements[input->announcement_count - 1].reason =
            STR(arena_text(&input->arena, STR(rest)));
    } else {
        return false;
    }
    return true;
}

static void set(struct input *input, char *line)
{
    struct err err = ERR_INIT;
    char *rest = strchr(line, ' ');
    char *words[6] = {0};
    int count = 0;

    if (rest == NULL) {
        fail("no value", line);
        return;
    }
    *rest++ = '\0';
    if (set_text(input, line, rest)) {
        return;
    }
    for (char *word = strtok(rest, " "); word != NULL && count < 6; word = strtok(NULL, " ")) {
        words[count++] = word;
    }
    if (strcmp(line, "zone") == 0) {
        if (zone_open(words[0], &input->zone, &err) != ERR_OK) {
            fail(err.text, words[0]);
        }
        input->contract.zone = input->zone;
    } else if (strcmp(line, "from") == 0) {
        input->from_s = integer(words[0]);
    } else if (strcmp(line, "to") == 0) {
        input->to_s = integer(words[0]);
    } else if (strcmp(line, "state") == 0 || strcmp(line, "count") == 0) {
        set_row(input, line, words);
    } else if (strcmp(line, "announce") == 0) {
        set_announcement(input, words);
    } else if (!set_measuring(input, line, words) && !set_terms(input, line, words) &&
               !set_money(input, line, words)) {
        fail("unknown setting", line);
    }
}

static void read_input(struct input *input)
{
    static char line[4096];

    *input = (struct input){.arena = ARENA_INIT};
    input->contract = (struct contract){
        .id = STR("case"),
        .customer = STR("Case"),
        .services = input->names,
        .digits = 3,
        .valid_from_s = INT64_MIN,
        .valid_until_s = INT64_MAX,
        .fee = {0, 1},
        .availability = {.target = {1, 1},
                         .weights = {{0, 1}, {0, 1}, {0, 1}, {0, 1}},
                         .degraded_weight = {0, 1}},
        .maintenance = {.quota_windows = -1, .quota_ns = -1},
        .credits = {.tiers = input->tiers, .rounding = ROUND_HALF_EVEN},
    };
    while (fgets(line, sizeof(line), stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0') {
            set(input, line);
        }
    }
}

static void print(const struct input *input, const struct result *result, const char *format)
{
    static const struct covered_partition partition = {
        {"production", 10}, {"requests", 8}, 1, 0, 17, 123456, 3};
    struct document_facts facts = {.program_version = "0.0.0",
                                   .revision = 1,
                                   .period = "2026-10",
                                   .whole_from_s = input->from_s,
                                   .whole_to_s = input->to_s,
                                   .complete = true,
                                   .partitions = &partition,
                                   .partition_count = 1};
    struct err err = ERR_INIT;
    struct strbuf document;
    struct strbuf rendered;

    if (document_write(&facts, result, &document, &err) != ERR_OK) {
        fail("document", err.text);
    }
    for (size_t i = 0; i < render_row_count; i++) {
        if (strcmp(render_rows[i].name, format) == 0) {
            if (render_document(&render_rows[i], strbuf_view(&document), &rendered, &err) !=
                ERR_OK) {
                fail("rendering", err.text);
            }
            (void)fwrite(strbuf_text(&rendered), 1, rendered.size, stdout);
            strbuf_release(&rendered);
        }
    }
    strbuf_release(&document);
}

int main(int argc, char **argv)
{
    static struct input input;
    struct result result;

    read_input(&input);
    if (!engine_compute(&(struct engine_input){.contract = &input.contract,
                                               .from_s = input.from_s,
                                               .to_s = input.to_s,
                                               .services = input.services,
                                               .service_count = input.contract.service_count,
                                               .announcements = input.announcements,
                                               .announcement_count = input.announcement_count},
                        &input.arena, &result)) {
        (void)printf("null\n");
    } else {
        print(&input, &result, argc > 1 ? argv[1] : "json");
    }
    for (size_t i = 0; i < input.contract.service_count; i++) {
        memory_free(input.states[i]);
        memory_free(input.counts[i]);
    }
    zone_free(input.zone);
    arena_release(&input.arena);
    return 0;
}
