/* The explanation for people: one paragraph for each incident, what costs most first, and a line that proves the sum. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/explain.h"
#include "jobs/statement/explanation.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

enum { WIDTH = 80, BATCHES_SHOWN = 2, ID_DIGITS = 8, LISTED_MAX = 6, REGRADES_SHOWN = 5 };

struct text {
    struct strbuf *out;
    struct arena arena;
    const struct explanation *explanation;
    const struct result *result;
    const struct level *level;
    const char *unit;
};

/* Characters, not bytes: names may be in any script. */
static size_t columns(struct str word)
{
    size_t count = 0;

    while (word.size > 0) {
        (void)str_next_character(&word);
        count++;
    }
    return count;
}

/* Writes the words of a text, broken at WIDTH; lines after the first are indented two more. Control characters of names become
 * spaces. */
static void paragraph(struct text *text, size_t indent, const char *words)
{
    struct str rest = STR(words);
    size_t column = 0;

    while (rest.size > 0) {
        struct str word = {rest.data, 0};
        size_t width;

        while (word.size < rest.size && (unsigned char)rest.data[word.size] > ' ' &&
               rest.data[word.size] != 0x7f) {
            word.size++;
        }
        rest = str_of(rest.data + word.size, rest.size - word.size);
        if (rest.size > 0) {
            rest = str_of(rest.data + 1, rest.size - 1);
        }
        if (word.size == 0) {
            continue;
        }
        width = columns(word);
        if (column == 0 || column + 1 + width > WIDTH) {
            size_t spaces = column == 0 ? indent : indent + 2;

            strbuf_append_format(text->out, "%s%*s", column == 0 ? "" : "\n", (int)spaces, "");
            column = spaces;
        } else {
            strbuf_append_char(text->out, ' ');
            column++;
        }
        strbuf_append(text->out, word);
        column += width;
    }
    strbuf_append_char(text->out, '\n');
}

static const char *quantity(struct text *text, struct fraction value)
{
    return wording_quantity(&text->arena, value, text->unit);
}

static const char *number(struct text *text, int64_t value)
{
    return wording_integer(&text->arena, value);
}

static const char *moment(struct text *text, int64_t time_ns)
{
    return moment_text_ns(&text->arena, text->explanation->contract->zone, time_ns);
}

static const char *length(struct text *text, int64_t from_ns, int64_t to_ns)
{
    int64_t rest_ns = (to_ns - from_ns) % NS_PER_SECOND;
    const char *whole = wording_duration(&text->arena, (to_ns - from_ns) / NS_PER_SECOND);

    return rest_ns == 0 ? whole
                        : arena_format(&text->arena, "%s %s ns", whole, number(text, rest_ns));
}

/* What the statement and the books have to do with each other. */
static const char *standing_words(struct text *text)
{
    const struct explanation *explanation = text->explanation;

    switch (explanation->books) {
    case BOOKS_UNISSUED:
        return "It is measured as far as the books go.";
    case BOOKS_AGREE:
        return "The books say the same today.";
    case BOOKS_DIFFER:
        break;
    }
    return arena_format(&text->arena,
                        "THE BOOKS DIFFER from it today: what follows explains the books. The "
                        "issued statement stands, with %s %s lost.",
                        wording_grouped(&text->arena, STR(explanation->issued_lost)), text->unit);
}

static void write_head(struct text *text)
{
    const struct explanation *explanation = text->explanation;
    const struct contract *contract = explanation->contract;
    const struct level *level = text->level;
    struct arena *arena = &text->arena;

    if (!level->known) {
        paragraph(text, 0,
                  arena_format(arena, "%.*s, %s: nothing was measured",
                               STR_ARGS(contract->customer), explanation->period.name));
    } else {
        paragraph(text, 0,
                  arena_format(arena, "%.*s, %s: %s %% measured, %s agreed: %s",
                               STR_ARGS(contract->customer), explanation->period.name,
                               wording_percent_floor(arena, level->uptime, contract->digits),
                               wording_percent(arena, level->target),
                               level->met ? "met" : "missed"));
    }
    paragraph(text, 0,
              arena_format(arena, "Statement of contract %.*s: %s. %s", STR_ARGS(contract->id),
                           explanation_standing(arena, explanation), standing_words(text)));
    strbuf_append_char(text->out, '\n');
}

static void write_borders(struct text *text)
{
    for (size_t i = 0; i < text->level->border_count; i++) {
        const struct border *border = &text->level->borders[i];
        const char *percent = wording_percent(&text->arena, border->below);

        paragraph(text, 0,
                  arena_format(&text->arena, "%s %s: %s; %s",
                               border->tier == NULL ? "Target" : "Tier below", percent,
                               explain_border(&text->arena, text->level, border),
                               explanation_change(&text->arena, text->level, border)));
    }
}

static void write_credit(struct text *text)
{
    const struct verdicts *verdicts = &text->result->verdicts;
    const struct credit *credit = &verdicts->levels[verdicts->paying].credit;

    if (credit->present && verdicts->level_count > 1) {
        paragraph(text, 0,
                  arena_format(&text->arena, "The credit follows the level %s",
                               verdicts->levels[verdicts->paying].name));
    }

    for (size_t i = 0; credit->present && i < credit->step_count; i++) {
        const char *amount = wording_money(&text->arena, text->explanation->contract->currency,
                                           credit->steps[i].amount);

        paragraph(text, 2, arena_format(&text->arena, "%s: %s", amount, credit->steps[i].text));
    }
}

/* What an announcement did for the stretch, or why it did nothing. */
static void write_announcement(struct text *text, const struct stretch *stretch)
{
    const struct exclusion *exclusion = explanation_announcement(text->explanation, stretch);

    if (exclusion == NULL) {
        return;
    }
    paragraph(text, 6,
              arena_format(&text->arena, "announcement %" PRId64 " \"%.*s\" (%.*s): %s",
                           exclusion->announcement_id, STR_ARGS(exclusion->reason),
                           STR_ARGS(exclusion->author), announcement_state_text(exclusion->state)));
}

/* "reclassification 3 \"disk died\" (ops, 2026-11-02T10:00:00+01:00)" */
static const char *recorded(struct text *text, const struct reclassification *row)
{
    return arena_format(&text->arena, "reclassification %" PRId64 " \"%.*s\" (%.*s, %s)", row->id,
                        STR_ARGS(row->reason), STR_ARGS(row->author),
                        moment(text, row->recorded_ns));
}

/* Who said that it was what it is, and what the books had. */
static void write_regrades(struct text *text, struct regrades regrades)
{
    struct arena *arena = &text->arena;

    for (size_t i = 0; i < regrades.count && i < REGRADES_SHOWN; i++) {
        const struct regrade *regrade = &regrades.items[i];

        paragraph(text, 6,
                  arena_format(arena, "%s: %s for %s; graded %s before",
                               recorded(text, regrade->by), grade_row(regrade->by->state)->name,
                               wording_duration(arena, regrade_seconds(regrade)),
                               regrade_before_text(regrade, arena)));
    }
    if (regrades.count > REGRADES_SHOWN) {
        paragraph(text, 6,
                  arena_format(arena, "%s more reclassifications; --format json has each",
                               number(text, (int64_t)(regrades.count - REGRADES_SHOWN))));
    }
}

/* "2026-10-09 15:49:00 to 17:50:00 +02:00": the date and the offset once where both ends have the same. */
static const char *span(struct text *text, int64_t from_ns, int64_t to_ns)
{
    enum { DATE = 10, TIME = 11, CLOCK = 8, OFFSET = TIME + CLOCK };
    const char *from = moment(text, from_ns);
    const char *to = moment(text, to_ns);
    bool same_day = strncmp(from, to, DATE) == 0;
    bool same_offset = strcmp(from + OFFSET, to + OFFSET) == 0;

    return arena_format(&text->arena, "%.10s %.8s%s%s to %.*s%s%.8s %s", from, from + TIME,
                        same_offset ? "" : " ", same_offset ? "" : from + OFFSET,
                        same_day ? 0 : DATE, to, same_day ? "" : " ", to + TIME, to + OFFSET);
}

/* What stretches of one kind within an incident come to. */
struct kind {
    struct stretch stretch; /* the first of them, with the sums of all */
    struct cause cause;
    struct regrades regrades;
    int64_t length_ns;
    size_t count;
};

static bool same_kind(const struct stretch *a, const struct stretch *b)
{
    return a->raw == b->raw && a->class == b->class && a->fate == b->fate && a->rule == b->rule;
}

static void write_kind(struct text *text, const struct kind *kind, bool alone,
                       const struct grading_rules *rules)
{
    struct arena *arena = &text->arena;
    const struct stretch *stretch = &kind->stretch;
    const char *booked =
        time_class_of(stretch->raw) == stretch->class ? ""
                                                      : arena_format(
                                                            arena, ", booked as %s",
                                                            time_class_name(stretch->class));
    const char *when =
        kind->count == 1 ? span(text, stretch->from_ns, stretch->to_ns)
                         : arena_format(arena, "%s stretches", number(text, (int64_t)kind->count));
    const char *where =
        alone ? "" : arena_format(arena, "%s, %s, ", when, length(text, 0, kind->length_ns));
    const char *lines[CAUSE_LINES_MAX];
    size_t count = cause_lines(&kind->cause, text->result->contract, rules, arena, lines);

    paragraph(text, 4,
              arena_format(arena, "%s%s%s: %s (%s)", where, grade_row(stretch->raw)->name, booked,
                           stretch->fate == STRETCH_COUNTED
                               ? quantity(text, fraction_of(arena, stretch->cost))
                               : "costs nothing",
                           stretch_rule_text(arena, text->result, stretch)));
    for (size_t i = 0; i < count; i++) {
        paragraph(text, 6, lines[i]);
    }
    write_regrades(text, kind->regrades);
    write_announcement(text, stretch);
}

/* A few stretches stand one by one, many are summed up by what they were. */
static void write_stretches(struct text *text, const struct told_group *told,
                            const struct stretch *items)
{
    size_t total = told->group->count;
    struct kind *kinds = arena_calloc(&text->arena, total, sizeof(kinds[0]));
    size_t count = 0;

    for (size_t i = 0; i < total; i++) {
        size_t k = total > LISTED_MAX ? 0 : count;

        while (k < count && !same_kind(&kinds[k].stretch, &items[i])) {
            k++;
        }
        if (k == count) {
            kinds[count++] = (struct kind){
                .stretch = items[i], .cause = told->causes[i], .regrades = told->regrades[i]};
        } else {
            kinds[k].stretch.cost = rational_add(kinds[k].stretch.cost, items[i].cost);
            kinds[k].stretch.lost = rational_add(kinds[k].stretch.lost, items[i].lost);
            cause_add(&kinds[k].cause, &told->causes[i]);
            kinds[k].regrades = regrades_join(kinds[k].regrades, told->regrades[i], &text->arena);
        }
        kinds[k].length_ns += items[i].to_ns - items[i].from_ns;
        kinds[k].count++;
    }
    for (size_t k = 0; k < count; k++) {
        write_kind(text, &kinds[k], total == 1, told->rules);
    }
    if (count < total) {
        paragraph(text, 4,
                  arena_format(&text->arena, "(%s stretches, summed up; --format json has each)",
                               number(text, (int64_t)total)));
    }
}

/* "from demo/requests 3: 52534..53804, batch 349e0cf7": the ids as far as people need them, JSON has them whole. */
static void write_partition(struct text *text, const struct trace_partition *partition)
{
    struct arena *arena = &text->arena;
    bool many = partition->batches_in_all > BATCHES_SHOWN;
    char *line = arena_format(arena, "from %.*s/%.*s", STR_ARGS(partition->stream->cluster),
                              STR_ARGS(partition->stream->topic));

    if (partition->stream->incarnation != 1) {
        line =
            arena_format(arena, "%s, incarnation %" PRId64, line, partition->stream->incarnation);
    }
    line = arena_format(arena, "%s %d: %" PRId64 "..%" PRId64 ", ", line, (int)partition->partition,
                        partition->low, partition->high);
    line = many
               ? arena_format(arena, "%s%s batches:", line, number(text, partition->batches_in_all))
               : arena_format(arena, "%sbatch%s", line, partition->batches_in_all == 1 ? "" : "es");
    for (size_t i = 0; i < partition->batch_count && i < BATCHES_SHOWN; i++) {
        line = arena_format(arena, "%s%s %.*s%s", line, i == 0 ? "" : ",", ID_DIGITS,
                            partition->batches[i].id,
                            partition->batches[i].redrive ? " (redrive)" : "");
    }
    if (many) {
        line = arena_format(arena, "%s, ...", line);
    }
    if (partition->dead_letters > 0) {
        line =
            arena_format(arena, "%s; %s dead letter%s", line, number(text, partition->dead_letters),
                         partition->dead_letters == 1 ? "" : "s");
    }
    if (partition->lost > 0) {
        line = arena_format(arena, "%s; %s offsets lost", line, number(text, partition->lost));
    }
    paragraph(text, 4, line);
}

static void write_losses(struct text *text, const struct trace *trace)
{
    for (size_t i = 0; i < trace->loss_count; i++) {
        const struct trace_loss *loss = &trace->losses[i];

        paragraph(text, 4,
                  arena_format(&text->arena,
                               "records lost before they were read: %.*s, partition %d, offsets "
                               "%" PRId64 "..%" PRId64 ", from between %s and %s",
                               STR_ARGS(loss->stream->topic), (int)loss->partition,
                               loss->from_offset, loss->to_offset - 1, moment(text, loss->first_ns),
                               moment(text, loss->last_ns)));
    }
    if ((int64_t)trace->loss_count < trace->losses_in_all) {
        paragraph(text, 4,
                  arena_format(&text->arena, "%s more losses are not listed",
                               number(text, trace->losses_in_all - (int64_t)trace->loss_count)));
    }
}

/* "11.4 % of the loss", floored. */
static const char *part(struct text *text, struct fraction cost)
{
    if (fraction_sign(text->level->lost) == 0) {
        return "";
    }
    return arena_format(
        &text->arena, " (%s %% of the loss)",
        wording_percent_floor(&text->arena, fraction_divide(&text->arena, cost, text->level->lost),
                              1));
}

static void write_group(struct text *text, size_t index)
{
    const struct told_group *told = &text->explanation->told[index];
    const struct stretch_group *group = told->group;
    const struct stretch *items = &text->explanation->stretches.items[group->first];
    struct arena *arena = &text->arena;

    strbuf_append_char(text->out, '\n');
    paragraph(
        text, 0,
        arena_format(arena, "%zu. %.*s, %s, %s: %s%s", index + 1,
                     STR_ARGS(text->result->services[group->service].service),
                     span(text, group->from_ns, group->to_ns),
                     length(text, group->from_ns, group->to_ns),
                     fraction_sign(group->cost) > 0 ? quantity(text, group->cost) : "costs nothing",
                     fraction_sign(group->cost) > 0 ? part(text, group->cost) : ""));
    write_stretches(text, told, items);
    for (size_t i = 0; i < told->trace.partition_count; i++) {
        write_partition(text, &told->trace.partitions[i]);
    }
    write_losses(text, &told->trace);
    arena_clear(arena);
}

/* All of the period: also time that is well because of one is told nowhere else. */
static void write_reclassified(struct text *text)
{
    const struct explanation *explanation = text->explanation;

    if (explanation->reclassified_count > 0) {
        strbuf_append_text(text->out, "\nReclassified time\n");
    }
    for (size_t i = 0; i < explanation->reclassified_count; i++) {
        const struct reclassification *row = &explanation->reclassified[i];

        if ((int64_t)i == explanation->limit) {
            paragraph(text, 2,
                      arena_format(&text->arena, "%s more are not listed, by --limit %" PRId64,
                                   number(text, (int64_t)(explanation->reclassified_count - i)),
                                   explanation->limit));
            break;
        }
        paragraph(text, 2,
                  arena_format(&text->arena, "%.*s, %s, as %s: %s: %s", STR_ARGS(row->service),
                               span(text, row->from_s * NS_PER_SECOND, row->to_s * NS_PER_SECOND),
                               grade_row(row->state)->name, recorded(text, row),
                               reclassify_effect(explanation->contract, row)));
        arena_clear(&text->arena);
    }
}

/* What is not listed, and the proof that nothing is missing. */
static void write_total(struct text *text)
{
    const struct explanation *explanation = text->explanation;
    struct fraction told = explanation_told_loss(explanation);
    struct fraction stated = explanation_stated_loss(&text->arena, explanation);
    const char *left = explanation_left(&text->arena, explanation);
    bool equal = fraction_compare(told, stated) == 0;

    strbuf_append_char(text->out, '\n');
    if (left != NULL) {
        paragraph(text, 0, left);
    }
    paragraph(text, 0,
              arena_format(&text->arena, "Total: all stretches %s %s; the %s %s: %s",
                           explanation->service == SIZE_MAX ? "cost" : "lost", quantity(text, told),
                           explanation->service != SIZE_MAX     ? "service lost"
                           : explanation->books == BOOKS_DIFFER ? "books lost"
                                                                : "statement lost",
                           quantity(text, stated),
                           equal ? "they add up" : "THEY DO NOT ADD UP, please report this"));
}

void explanation_write_text(const struct explanation *explanation, struct strbuf *out)
{
    struct text text = {.out = out,
                        .arena = ARENA_INIT,
                        .explanation = explanation,
                        .result = &explanation->result,
                        .level = explanation->level,
                        .unit = explanation->level->unit};

    write_head(&text);
    write_borders(&text);
    write_credit(&text);
    for (size_t i = 0; i < explanation->told_count; i++) {
        write_group(&text, i);
    }
    write_reclassified(&text);
    write_total(&text);
    arena_release(&text.arena);
}
