/*
 * The answer for people: the result, a line per service, where the time went, and why.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/answer.h"
#include "jobs/statement/credit.h"
#include "jobs/statement/method.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

enum { LABEL_WIDTH = 14, CELLS_MAX = 8 };

struct page {
    struct strbuf *out;
    struct arena arena; /* texts on their way */
    const struct result *result;
    const struct contract *contract;
};

/* Text from outside, so that none of it moves the cursor. */
static void append_plain(struct strbuf *out, struct str text)
{
    while (text.size > 0) {
        struct str character = str_next_character(&text);
        unsigned char first = (unsigned char)character.data[0];
        bool control = character.size == 1 && (first < 0x20 || first == 0x7f);
        /* U+0080 to U+009F are controls, too. */
        bool high = character.size == 2 && first == 0xc2 && (unsigned char)character.data[1] < 0xa0;

        strbuf_append(out, control || high ? STR("?") : character);
    }
}

static size_t width_of(const char *text)
{
    struct str left = STR(text);
    size_t width = 0;

    for (; left.size > 0; width++) {
        (void)str_next_character(&left);
    }
    return width;
}

static void append_spaces(struct strbuf *out, size_t count)
{
    while (count-- > 0) {
        strbuf_append_char(out, ' ');
    }
}

static const char *plain(struct page *page, struct str text)
{
    struct strbuf buf;
    const char *kept;

    strbuf_init(&buf, 3 * text.size + 1);
    append_plain(&buf, text);
    kept = arena_text(&page->arena, strbuf_view(&buf));
    strbuf_release(&buf);
    return kept;
}

static void line(struct page *page, const char *label, const char *text)
{
    strbuf_append_text(page->out, label);
    append_spaces(page->out, strlen(label) < LABEL_WIDTH ? LABEL_WIDTH - strlen(label) : 1);
    strbuf_append_text(page->out, text);
    strbuf_append_char(page->out, '\n');
}

/* A table: the first column to the left, the others to the right, each as wide as its widest cell. */
struct grid {
    const char *(*cells)[CELLS_MAX];
    size_t row_count, column_count;
};

static void append_grid(struct page *page, const struct grid *grid)
{
    size_t widths[CELLS_MAX] = {0};

    for (size_t i = 0; i < grid->row_count; i++) {
        for (size_t k = 0; k < grid->column_count; k++) {
            size_t width = width_of(grid->cells[i][k]);

            widths[k] = width > widths[k] ? width : widths[k];
        }
    }
    for (size_t i = 0; i < grid->row_count; i++) {
        for (size_t k = 0; k < grid->column_count; k++) {
            size_t space = widths[k] - width_of(grid->cells[i][k]);
            bool last = k + 1 == grid->column_count;

            append_spaces(page->out, k > 0 ? 2 + space : 0);
            strbuf_append_text(page->out, grid->cells[i][k]);
            append_spaces(page->out, k == 0 && !last ? space : 0);
        }
        strbuf_append_char(page->out, '\n');
    }
}

static const char *percent_of(struct page *page, const struct level *level)
{
    if (!level->known) {
        return "not measured";
    }
    return arena_format(&page->arena, "%s %%",
                        wording_percent_floor(&page->arena, level->uptime, page->contract->digits));
}

static const char *met_word(bool known, bool met)
{
    return !known ? "-" : met ? "met" : "missed";
}

static void write_head(struct page *page)
{
    const struct contract *contract = page->contract;
    const struct result *result = page->result;
    struct arena *arena = &page->arena;

    line(page, "Contract",
         arena_format(arena, "%s, %s", plain(page, contract->id), plain(page, contract->customer)));
    line(page, "Period",
         arena_format(arena, "%s to %s, %s", moment_text(arena, contract->zone, result->from_s),
                      moment_text(arena, contract->zone, result->to_s),
                      wording_duration(arena, result->to_s - result->from_s)));
}

static void write_level(struct page *page, const char *label, const struct level *level)
{
    line(page, label,
         arena_format(&page->arena, "%s, target %s: %s", percent_of(page, level),
                      wording_percent(&page->arena, level->target),
                      level->known ? met_word(true, level->met) : "nothing was measured"));
}

static void write_money(struct page *page)
{
    const struct verdicts *verdicts = &page->result->verdicts;
    const struct level *paying = &verdicts->levels[verdicts->paying];
    struct strbuf amount;

    if (!paying->credit.present) {
        return;
    }
    if (paying->tier != NULL) {
        line(page, "Tier",
             arena_format(&page->arena, "below %s: %s",
                          wording_percent(&page->arena, paying->tier->below),
                          credit_tier_text(&page->arena, page->contract, paying->tier)));
    }
    strbuf_init(&amount, 64);
    money_format(&amount, page->contract->currency, paying->credit.amount_minor);
    line(page, "Credit",
         arena_format(&page->arena, "%s %s", strbuf_text(&amount), page->contract->currency->code));
    strbuf_release(&amount);
}

static void write_result(struct page *page)
{
    const struct verdicts *verdicts = &page->result->verdicts;

    write_level(page, "Uptime", &verdicts->levels[LEVEL_AVAILABILITY]);
    if (verdicts->level_count > LEVEL_LATENCY) {
        write_level(page, "Latency", &verdicts->levels[LEVEL_LATENCY]);
    }
    write_money(page);
}

/* Cells of a service; returns how many. */
static size_t service_cells(struct page *page, const struct service_result *service,
                            const char *cells[CELLS_MAX])
{
    const struct verdicts *verdicts = &service->verdicts;
    const struct level *level = &verdicts->levels[LEVEL_AVAILABILITY];
    size_t count = 0;

    cells[count++] = plain(page, service->service);
    cells[count++] = percent_of(page, level);
    if (verdicts->level_count > LEVEL_LATENCY) {
        cells[count++] = percent_of(page, &verdicts->levels[LEVEL_LATENCY]);
    }
    cells[count++] = met_word(verdicts->known, verdicts->met);
    cells[count++] = wording_quantity(&page->arena, level->lost, level->unit);
    return count;
}

static void write_services(struct page *page)
{
    const struct result *result = page->result;
    bool latency = result->verdicts.level_count > LEVEL_LATENCY;
    struct grid grid = {.row_count = result->service_count + 1};
    size_t column = 0;

    grid.cells = arena_calloc(&page->arena, grid.row_count, sizeof(grid.cells[0]));
    grid.cells[0][column++] = "Service";
    grid.cells[0][column++] = "Uptime";
    if (latency) {
        grid.cells[0][column++] = "Latency";
    }
    grid.cells[0][column++] = "Target";
    grid.cells[0][column++] = "Lost";
    for (size_t i = 0; i < result->service_count; i++) {
        grid.column_count = service_cells(page, &result->services[i], grid.cells[i + 1]);
    }
    CHECK(grid.column_count == column);
    strbuf_append_char(page->out, '\n');
    append_grid(page, &grid);
}

static void write_time(struct page *page)
{
    const int64_t *seconds = page->result->verdicts.levels[LEVEL_AVAILABILITY].measure.seconds;
    const char *cells[TIME_CLASS_COUNT + 1][CELLS_MAX];
    struct grid grid = {.cells = cells, .row_count = 1, .column_count = 3};

    cells[0][0] = "Time";
    cells[0][1] = "Seconds";
    cells[0][2] = "Length";
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        if (seconds[k] > 0) {
            cells[grid.row_count][0] = time_class_title((enum time_class)k);
            cells[grid.row_count][1] = wording_integer(&page->arena, seconds[k]);
            cells[grid.row_count++][2] = wording_duration(&page->arena, seconds[k]);
        }
    }
    strbuf_append_char(page->out, '\n');
    append_grid(page, &grid);
}

static const char *concerned(struct page *page, const struct exclusion *exclusion)
{
    return str_equal(exclusion->service, STR("*"))
               ? arena_format(&page->arena, "%zu services", exclusion->service_count)
               : plain(page, exclusion->service);
}

static void write_announcements(struct page *page)
{
    const struct zone *zone = page->contract->zone;
    struct arena *arena = &page->arena;

    if (page->result->exclusion_count > 0) {
        strbuf_append_text(page->out, "\nAnnouncements\n");
    }
    for (size_t i = 0; i < page->result->exclusion_count; i++) {
        const struct exclusion *exclusion = &page->result->exclusions[i];

        strbuf_append_text(page->out, arena_format(arena, "  line %lld, %s, %s to %s: %s",
                                                   (long long)exclusion->announcement_id,
                                                   concerned(page, exclusion),
                                                   moment_text_ns(arena, zone, exclusion->from_ns),
                                                   moment_text_ns(arena, zone, exclusion->to_ns),
                                                   announcement_state_text(exclusion->state)));
        if (exclusion->granted_s > 0) {
            strbuf_append_text(page->out,
                               arena_format(arena, " (%s excused)",
                                            wording_duration(arena, exclusion->excused_s)));
        }
        if (exclusion->reason.size > 0) {
            strbuf_append_text(page->out, ", for: ");
            append_plain(page->out, exclusion->reason);
        }
        strbuf_append_char(page->out, '\n');
    }
}

static void write_explanation(struct page *page)
{
    strbuf_append_text(page->out, "\nWhy\n");
    for (size_t i = 0; i < page->result->explanation_count; i++) {
        strbuf_append_text(page->out, "  ");
        append_plain(page->out, STR(page->result->explanation[i]));
        strbuf_append_char(page->out, '\n');
    }
}

enum err_code answer_text(const struct result *result, struct strbuf *ret_answer, struct err *err)
{
    struct page page = {
        .out = ret_answer, .arena = ARENA_INIT, .result = result, .contract = result->contract};

    strbuf_init(ret_answer, ANSWER_SIZE_MAX);
    write_head(&page);
    write_result(&page);
    write_services(&page);
    write_time(&page);
    write_announcements(&page);
    write_explanation(&page);
    arena_release(&page.arena);
    if (ret_answer->overflow) {
        strbuf_release(ret_answer);
        return err_set(err, ERR_DATA, "the answer is larger than %d MiB",
                       ANSWER_SIZE_MAX / (1024 * 1024));
    }
    return ERR_OK;
}
