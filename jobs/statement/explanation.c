#include "jobs/statement/explanation.h"

#include <inttypes.h>
#include <string.h>

#include "aggregator/fold.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/statement/difference.h"
#include "jobs/statement/document.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/input.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/tree.h"
#include "jobs/statement/wording.h"

/* One call of explanation_read. */
struct reading {
    const struct explanation_options *options;
    struct arena *arena;
    struct explanation *explanation;
    struct tracer tracer;
    bool over; /* the period and its grace are */
};

/* An issued statement that was forced before its grace was over ends where the books did then. */
static enum err_code issued_until(const struct reading *reading, int64_t *ret_to_s, struct err *err)
{
    const struct explanation *explanation = reading->explanation;
    const struct contract *contract = explanation->contract;
    bool cut = contract->partial_period == PARTIAL_PRO_RATA &&
               contract->valid_until_s < explanation->period.to_s;
    int64_t end_s = cut ? contract->valid_until_s : explanation->period.to_s;
    const struct tree *tree;
    int64_t to_ns;
    enum err_code code = tree_parse(explanation->issued.document, reading->arena, &tree, err);

    *ret_to_s = explanation->period.to_s;
    if (code == ERR_OK && civil_parse_rfc3339(tree_text(tree, "period.to"), &to_ns) &&
        to_ns / NS_PER_SECOND < end_s) {
        *ret_to_s = to_ns / NS_PER_SECOND;
    }
    return code;
}

/* A period that is not over is measured as far as the books go, as its provisional statement is. */
static enum err_code measured_until(const struct reading *reading, int64_t complete_ns,
                                    int64_t *ret_to_s, struct err *err)
{
    const struct period *period = &reading->explanation->period;
    int64_t complete_s = complete_ns / NS_PER_MINUTE * 60;

    if (reading->explanation->issued.found) {
        return issued_until(reading, ret_to_s, err);
    }
    *ret_to_s = !reading->over && complete_s < period->to_s ? complete_s : period->to_s;
    return ERR_OK;
}

static enum err_code read_books(struct reading *reading, bool *ret_present, struct err *err)
{
    const struct explanation_options *options = reading->options;
    struct explanation *explanation = reading->explanation;
    struct db *db = options->books.db;
    int64_t complete_ns;
    int64_t to_s = 0;
    enum err_code code = fold_complete_until(db, options->books.book_id, &complete_ns, err);

    if (code == ERR_OK) {
        code = issued_find(db, explanation->contract->id, STR(explanation->period.name),
                           reading->arena, &explanation->issued, err);
    }
    if (code == ERR_OK) {
        code = measured_until(reading, complete_ns, &to_s, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    *ret_present =
        to_s > explanation->period.from_s &&
        (explanation->issued.found || complete_ns / NS_PER_SECOND > explanation->period.from_s);
    return !*ret_present ? ERR_OK
                         : input_read(db, options->books.book_id, explanation->contract,
                                      explanation->period.from_s, to_s, reading->arena,
                                      explanation->input, err);
}

/* Writes the statement that the books give today and holds it against the one that was issued. */
static enum err_code compare_issued(struct reading *reading, struct err *err)
{
    struct explanation *explanation = reading->explanation;
    const struct statement_input *input = explanation->input;
    const struct tree *tree, *now;
    struct strbuf document;
    enum err_code code = tree_parse(explanation->issued.document, reading->arena, &tree, err);

    if (code != ERR_OK) {
        return code;
    }
    explanation->issued_lost = arena_text(reading->arena, tree_text(tree, "budget.lost"));
    explanation->program_version = arena_text(reading->arena, tree_text(tree, "program.version"));
    code = document_write(&(struct document_facts){.program_version = explanation->program_version,
                                                   .revision = explanation->issued.revision,
                                                   .period = explanation->period.name,
                                                   .whole_from_s = explanation->period.from_s,
                                                   .whole_to_s = explanation->period.to_s,
                                                   .complete = input->complete,
                                                   .lost = input->lost,
                                                   .lost_count = input->lost_count,
                                                   .partitions = input->partitions,
                                                   .partition_count = input->partition_count,
                                                   .reclassified = input->reclassified,
                                                   .reclassified_count = input->reclassified_count},
                          &explanation->result, &document, err);
    if (code != ERR_OK) {
        return code;
    }
    code = tree_parse(strbuf_view(&document), reading->arena, &now, err);
    if (code == ERR_OK) {
        explanation->books = difference_none(tree, now) ? BOOKS_AGREE : BOOKS_DIFFER;
    }
    strbuf_release(&document);
    return code;
}

static enum err_code find_service(struct reading *reading, struct err *err)
{
    struct explanation *explanation = reading->explanation;
    struct str wanted = reading->options->service;

    explanation->service = SIZE_MAX;
    for (size_t i = 0; i < explanation->result.service_count && wanted.size > 0; i++) {
        if (str_equal(explanation->result.services[i].service, wanted)) {
            explanation->service = i;
        }
    }
    if (wanted.size > 0 && explanation->service == SIZE_MAX) {
        return err_set(err, ERR_USAGE, "--service: contract %.*s has no service \"%.*s\"",
                       STR_ARGS(explanation->contract->id), STR_ARGS(wanted));
    }
    return ERR_OK;
}

/* Whether the service lost records of that time. */
static bool has_losses(const struct explanation *explanation, const struct stretch_group *group)
{
    struct str service = explanation->result.services[group->service].service;

    for (size_t i = 0; i < explanation->input->lost_count; i++) {
        const struct lost_time *lost = &explanation->input->lost[i];

        if (str_equal(lost->service, service) && lost->from_s * NS_PER_SECOND < group->to_ns &&
            lost->to_s * NS_PER_SECOND > group->from_ns) {
            return true;
        }
    }
    return false;
}

static enum err_code tell(struct reading *reading, const struct stretch_group *group,
                          struct told_group *ret_told, struct err *err)
{
    const struct explanation_options *options = reading->options;
    const struct explanation *explanation = reading->explanation;
    const struct service_input *service = &explanation->input->engine.services[group->service];
    const struct grading_rules *rules =
        options->books.rules(options->books.context, service->service);
    struct told_group told = {.group = group, .rules = rules};
    enum err_code code =
        trace_read(&reading->tracer, service->service, group->from_ns, group->to_ns,
                   has_losses(explanation, group), reading->arena, &told.trace, err);

    told.causes = arena_calloc(reading->arena, group->count, sizeof(told.causes[0]));
    told.regrades = arena_calloc(reading->arena, group->count, sizeof(told.regrades[0]));
    for (size_t i = 0; i < group->count; i++) {
        const struct stretch *stretch = &explanation->stretches.items[group->first + i];

        told.regrades[i] =
            regrades_find(service, stretch->from_ns / NS_PER_SECOND,
                          (stretch->to_ns + NS_PER_SECOND - 1) / NS_PER_SECOND, reading->arena);
    }
    if (code == ERR_OK) {
        code = cause_read(&options->books, service, &explanation->stretches.items[group->first],
                          group->count, told.causes, err);
    }
    *ret_told = told;
    return code;
}

static void pick_reclassified(struct reading *reading)
{
    struct explanation *explanation = reading->explanation;
    const struct statement_input *input = explanation->input;
    struct str asked = reading->options->service;

    explanation->reclassified = arena_calloc(reading->arena, input->reclassified_count + 1,
                                             sizeof(explanation->reclassified[0]));
    for (size_t i = 0; i < input->reclassified_count; i++) {
        if (asked.size == 0 || str_equal(input->reclassified[i].service, asked)) {
            explanation->reclassified[explanation->reclassified_count++] = input->reclassified[i];
        }
    }
}

static enum err_code tell_all(struct reading *reading, struct err *err)
{
    struct explanation *explanation = reading->explanation;
    const struct stretches *stretches = &explanation->stretches;
    size_t room = stretches->group_count < (size_t)explanation->limit ? stretches->group_count
                                                                      : (size_t)explanation->limit;
    struct arena scratch = ARENA_INIT;
    struct fraction_sum *lost = fraction_sum_new(&scratch);
    struct fraction_sum *cost = fraction_sum_new(&scratch);
    enum err_code code;

    reading->tracer = (struct tracer){.db = reading->options->books.db,
                                      .book_id = reading->options->books.book_id,
                                      .list_max = reading->options->list_max};
    code = trace_streams_read(reading->tracer.db, reading->arena, &reading->tracer.streams, err);
    explanation->told = arena_calloc(reading->arena, room + 1, sizeof(explanation->told[0]));
    for (size_t i = 0; i < stretches->group_count && code == ERR_OK; i++) {
        const struct stretch_group *group = &stretches->groups[i];

        if (explanation->service != SIZE_MAX && explanation->service != group->service) {
            continue;
        }
        if (explanation->told_count < room) {
            code = tell(reading, group, &explanation->told[explanation->told_count++], err);
        } else {
            explanation->left_count++;
            for (size_t k = group->first; k < group->first + group->count; k++) {
                fraction_sum_add(lost, 1, stretches->items[k].lost);
                fraction_sum_add(cost, 1, stretches->items[k].cost);
            }
        }
    }
    explanation->left_lost = fraction_sum_total(reading->arena, lost);
    explanation->left_cost = fraction_sum_total(reading->arena, cost);
    arena_release(&scratch);
    return code;
}

static enum err_code compute(struct reading *reading, bool *ret_present, struct err *err)
{
    struct explanation *explanation = reading->explanation;
    enum err_code code = ERR_OK;

    explanation->input->engine.period_from_s = explanation->period.from_s;
    explanation->input->engine.period_to_s = explanation->period.to_s;
    *ret_present =
        engine_compute(&explanation->input->engine, reading->arena, &explanation->result);
    if (!*ret_present) {
        return ERR_OK;
    }
    if (reading->options->level >= explanation->result.verdicts.level_count) {
        return err_set(err, ERR_USAGE, "--level: contract %.*s has no level latency",
                       STR_ARGS(explanation->contract->id));
    }
    stretches_find(&explanation->input->engine, &explanation->result, reading->options->level,
                   reading->arena, &explanation->stretches);
    if (explanation->issued.found) {
        code = compare_issued(reading, err);
    }
    if (code == ERR_OK) {
        code = find_service(reading, err);
        pick_reclassified(reading);
    }
    return code == ERR_OK ? tell_all(reading, err) : code;
}

enum err_code explanation_read(const struct explanation_options *options,
                               const struct contract *contract, const struct period *period,
                               struct arena *arena, struct explanation *ret_explanation,
                               bool *ret_present, struct err *err)
{
    struct explanation explanation = {.contract = contract,
                                      .period = *period,
                                      .program_version = options->program_version,
                                      .limit = options->limit,
                                      .left_lost = FRACTION_ZERO,
                                      .left_cost = FRACTION_ZERO};
    struct reading reading = {.options = options, .arena = arena, .explanation = &explanation};
    enum err_code code;

    CHECK(options->limit >= 0);
    explanation.input = arena_alloc(arena, sizeof(*explanation.input));
    reading.over =
        (int128)options->now_ns >= (int128)period->to_s * NS_PER_SECOND + contract->grace_ns;
    *ret_present = false;
    code = read_books(&reading, ret_present, err);
    if (code != ERR_OK) {
        return err_context(err, "%.*s", STR_ARGS(contract->id));
    }
    if (*ret_present) {
        code = compute(&reading, ret_present, err);
    }
    if (code == ERR_OK && *ret_present) {
        *ret_explanation = explanation;
        ret_explanation->level = &ret_explanation->result.verdicts.levels[options->level];
    }
    return code;
}

/* What both forms say. */

/* "6,225 s less". Requests come as a whole: of 12.25 too many 13 are needed, and of 2.5 to spare 2 can be lost. */
static const char *amount(struct arena *arena, const struct level *level, struct fraction value,
                          bool up)
{
    struct fraction whole;
    int64_t number = 0;

    if (strcmp(level->unit, "requests") != 0 || !fraction_scale(value, 0, ROUND_FLOOR, &number)) {
        return wording_quantity(arena, value, level->unit);
    }
    whole = fraction_of_int(arena, number);
    if (up && fraction_compare(whole, value) < 0) {
        whole = fraction_of_int(arena, number + 1);
    }
    return wording_quantity(arena, whole, level->unit);
}

const char *explanation_change(struct arena *arena, const struct level *level,
                               const struct border *border)
{
    struct fraction over = fraction_subtract(arena, level->lost, border->allowed);
    struct fraction room = fraction_subtract(arena, border->allowed, level->lost);
    bool is_target = border->tier == NULL;

    if (!level->known) {
        return "nothing was measured";
    }
    if (border->missed) {
        return arena_format(arena, "%s less lost would have %s", amount(arena, level, over, true),
                            is_target ? "met it" : "avoided it");
    }
    if (fraction_sign(room) == 0) {
        return is_target ? "any more lost would have missed it"
                         : "any more lost would have reached it";
    }
    return arena_format(arena, "it takes more than %s more to %s",
                        amount(arena, level, room, false), is_target ? "miss it" : "reach it");
}

const char *explanation_standing(struct arena *arena, const struct explanation *explanation)
{
    return explanation->issued.found
               ? arena_format(arena, "revision %" PRId64 ", final", explanation->issued.revision)
               : "provisional";
}

const char *explanation_left(struct arena *arena, const struct explanation *explanation)
{
    const char *unit = explanation->level->unit;

    if (explanation->left_count == 0) {
        return NULL;
    }
    return arena_format(arena,
                        "%zu more %s not listed, by --limit %" PRId64
                        ": of the result they cost %s, of their services %s",
                        explanation->left_count,
                        explanation->left_count == 1 ? "incident or stretch is"
                                                     : "incidents and stretches are",
                        explanation->limit, wording_quantity(arena, explanation->left_cost, unit),
                        wording_quantity(arena, explanation->left_lost, unit));
}

struct fraction explanation_told_loss(const struct explanation *explanation)
{
    return explanation->service == SIZE_MAX
               ? explanation->stretches.cost
               : stretches_lost(&explanation->stretches, explanation->service);
}

struct fraction explanation_stated_loss(struct arena *arena, const struct explanation *explanation)
{
    const struct measure *measure;

    if (explanation->service == SIZE_MAX) {
        return explanation->level->lost;
    }
    measure = &explanation->result.services[explanation->service]
                   .verdicts.levels[explanation->level - explanation->result.verdicts.levels]
                   .measure;
    return fraction_subtract(arena, measure->valid, measure->good);
}

/* One that was granted speaks before one that was not. */
const struct exclusion *explanation_announcement(const struct explanation *explanation,
                                                 const struct stretch *stretch)
{
    const struct exclusion *found = NULL;

    for (size_t i = 0; i < explanation->result.exclusion_count; i++) {
        const struct exclusion *exclusion = &explanation->result.exclusions[i];

        if (str_equal(exclusion->service, explanation->result.services[stretch->service].service) &&
            exclusion->from_ns < stretch->to_ns && exclusion->to_ns > stretch->from_ns &&
            (found == NULL || (found->granted_s == 0 && exclusion->granted_s > 0))) {
            found = exclusion;
        }
    }
    return found;
}
