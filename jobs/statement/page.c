#include "jobs/statement/page.h"

#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/wording.h"

enum { FRACTION_LONG = 20 }; /* digits of a denominator */

static const struct page_part parts[] = {
    {NULL, NULL, part_cover},
    {"services", "Services", part_services},
    {"time", "The period adds up", part_time},
    {"days", "Day by day", part_days},
    {"incidents", "Incidents", part_incidents},
    {"exclusions", "Announced maintenance and exclusions", part_exclusions},
    {"reclassifications", "Reclassified time", part_reclassified},
    {"completeness", "Data completeness", part_completeness},
    {"credit", "Credit calculation", part_credit},
    {"changes", "Changes since the last revision", part_changes},
    {"method", "Method", part_method},
    {"audit", "Audit trail", part_audit},
    {"verify", "How to verify, and until when to claim", part_verify},
};

void page_write(struct page *page)
{
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (parts[i].title != NULL) {
            page->form->section(page, parts[i].id, parts[i].title);
        }
        parts[i].write(page);
        if (parts[i].title != NULL) {
            page->form->section_end(page);
        }
    }
}

void page_open(struct page *page, enum page_block block)
{
    page->form->open(page, block);
}

void page_close(struct page *page, enum page_block block)
{
    page->form->close(page, block);
}

void page_text(struct page *page, struct str text)
{
    page->form->text(page, PAGE_PLAIN, text);
}

void page_words(struct page *page, const char *words)
{
    page->form->text(page, PAGE_PLAIN, STR(words));
}

void page_name(struct page *page, struct str name)
{
    page->form->text(page, PAGE_NAME, name);
}

void page_code(struct page *page, struct str code)
{
    page->form->text(page, PAGE_CODE, code);
}

void page_strong(struct page *page, const char *words)
{
    page->form->text(page, PAGE_STRONG, STR(words));
}

void page_time(struct page *page, struct str moment)
{
    page->form->moment(page, moment);
}

void page_block(struct page *page, enum page_block block, const char *words)
{
    page_open(page, block);
    page_words(page, words);
    page_close(page, block);
}

void page_cell_name(struct page *page, enum page_block cell, struct str name)
{
    page_open(page, cell);
    page_name(page, name);
    page_close(page, cell);
}

void page_cell_time(struct page *page, struct str moment)
{
    page_open(page, PAGE_CELL);
    page_time(page, moment);
    page_close(page, PAGE_CELL);
}

const char *page_number(struct page *page, struct str decimal)
{
    return wording_grouped(&page->arena, decimal);
}

const char *page_integer(struct page *page, int64_t value)
{
    return page_number(page, STR(arena_format(&page->arena, "%" PRId64, value)));
}

const char *page_percent(struct page *page, struct str decimal)
{
    return arena_format(&page->arena, "%s %%", page_number(page, decimal));
}

void page_fraction(struct page *page, const struct tree *level)
{
    page_words(page, page_number(page, tree_text(level, "uptime.numerator")));
    page_words(page, " / ");
    page_words(page, page_number(page, tree_text(level, "uptime.denominator")));
}

bool page_fraction_is_long(const struct tree *level)
{
    return tree_text(level, "uptime.denominator").size > FRACTION_LONG;
}

const char *page_tier(struct page *page, const struct tree *tier)
{
    static const char *const kinds[] = {"percent", "days", "amount"};
    const char *units[] = {
        "%", "days", arena_text(&page->arena, tree_text(page->document, "contract.currency"))};

    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        struct str value = tree_text(tier, kinds[i]);

        if (value.size > 0) {
            return arena_format(&page->arena, "%s %s", page_number(page, value), units[i]);
        }
    }
    return "-";
}

void page_list(struct page *page, const char *caption, const char *const *heads,
               const struct tree *list, void (*row)(struct page *page, const struct tree *element))
{
    page->form->table(page, caption, heads);
    for (size_t i = 0; i < list->count && i < PAGE_ROWS_MAX; i++) {
        page_open(page, PAGE_ROW);
        row(page, &list->children[i]);
        page_close(page, PAGE_ROW);
    }
    page->form->table_end(page);
    if (list->count > PAGE_ROWS_MAX) {
        page_open(page, PAGE_SMALL);
        page_words(page, page_integer(page, (int64_t)list->count - PAGE_ROWS_MAX));
        page_words(page, " more are in the JSON document.");
        page_close(page, PAGE_SMALL);
    }
}

/* "23 h 50 min" in one line. */
static const char *unbroken(struct page *page, const char *text)
{
    struct strbuf buf;
    const char *kept;

    strbuf_init(&buf, 256);
    for (; *text != '\0'; text++) {
        if (*text == ' ') {
            strbuf_append_text(&buf, "\xc2\xa0");
        } else {
            strbuf_append_char(&buf, *text);
        }
    }
    kept = arena_text(&page->arena, strbuf_view(&buf));
    strbuf_release(&buf);
    return kept;
}

void page_day(struct page *page, const struct tree *day)
{
    const struct tree *seconds = tree_at(day, "seconds");
    const char *comma = ": ";

    page_text(page, tree_text(day, "date"));
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        int64_t value = tree_integer(seconds, time_class_name((enum time_class)k));

        if (value > 0) {
            page_words(page, comma);
            page_words(page, time_class_title((enum time_class)k));
            page_words(page, " ");
            page_words(page, unbroken(page, wording_duration(&page->arena, value)));
            comma = ", ";
        }
    }
}
