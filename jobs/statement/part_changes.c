/* What was laid over the grades by hand, and what a revision changed. */
#include "base/check.h"
#include "jobs/statement/page.h"
#include "schemas/grade.h"

static void said(struct page *page, const struct tree *row)
{
    page_name(page, tree_text(row, "reason"));
    page_words(page, " (");
    page_name(page, tree_text(row, "author"));
    page_words(page, ")");
}

static void reclassified_row(struct page *page, const struct tree *row)
{
    enum grade state = GRADE_OPERATIONAL;

    (void)grade_find(tree_text(row, "state"), &state);
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(row, "service"));
    page_cell_time(page, tree_text(row, "from"));
    page_cell_time(page, tree_text(row, "to"));
    page_block(page, PAGE_CELL_WORDS, grade_row(state)->title);
    page_cell_time(page, tree_text(row, "recorded"));
    page_open(page, PAGE_CELL_WORDS);
    said(page, row);
    page_close(page, PAGE_CELL_WORDS);
    page_open(page, PAGE_CELL_WORDS);
    page_text(page, tree_text(row, "text"));
    if (tree_present(row, "withdrawn")) {
        page_words(page, "; ");
        page_time(page, tree_text(row, "withdrawn.recorded"));
        page_words(page, ": ");
        said(page, tree_at(row, "withdrawn"));
    }
    page_close(page, PAGE_CELL_WORDS);
}

void part_reclassified(struct page *page)
{
    static const char *const heads[] = {"Service",  "From",   "To",     "Counts as",
                                        "Recorded", "Reason", "Effect", NULL};
    const struct tree *list = tree_at(page->document, "reclassifications");

    if (list->count == 0) {
        page_block(page, PAGE_PARAGRAPH, "No time was reclassified.");
        return;
    }
    page_list(page, "Time that somebody found to have been other than it was graded", heads, list,
              reclassified_row);
}

static const char *cause_words(struct str name)
{
    static const struct {
        const char *name, *words;
    } words[] = {
        {"late_data", "events that were read later"},
        {"reclassification", "time was reclassified"},
        {"announcement", "an announcement was withdrawn"},
        {"terms", "the terms were corrected"},
        {"program", "another version of the program"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (str_equal(name, STR(words[i].name))) {
            return words[i].words;
        }
    }
    return "";
}

static void amount(struct page *page, const struct tree *credit)
{
    page_words(page, page_number(page, tree_text(credit, "amount")));
    page_words(page, " ");
    page_text(page, tree_text(credit, "currency"));
}

static void causes(struct page *page, const struct tree *changes)
{
    const struct tree *list = tree_at(changes, "causes");

    page_block(page, PAGE_TERM, "Cause");
    page_open(page, PAGE_DETAIL);
    for (size_t i = 0; i < list->count; i++) {
        page_words(page, i > 0 ? "; " : "");
        page_words(page, cause_words(list->children[i].text));
    }
    if (tree_present(changes, "reason")) {
        page_words(page, ": ");
        page_name(page, tree_text(changes, "reason"));
    }
    page_close(page, PAGE_DETAIL);
}

static void facts(struct page *page, const struct tree *changes)
{
    page_open(page, PAGE_FACTS);
    causes(page, changes);
    page_block(page, PAGE_TERM, "Revision before");
    page_open(page, PAGE_DETAIL);
    page_words(page, page_integer(page, tree_integer(changes, "revision_before")));
    page_words(page, ", SHA-256 ");
    page_code(page, tree_text(changes, "sha256_before"));
    page_close(page, PAGE_DETAIL);
    if (tree_present(changes, "credit_difference")) {
        page_block(page, PAGE_TERM, "Difference of the credit");
        page_open(page, PAGE_DETAIL);
        amount(page, tree_at(changes, "credit_difference"));
        page_close(page, PAGE_DETAIL);
    }
    page_close(page, PAGE_FACTS);
}

static void uptime_cell(struct page *page, const struct tree *side)
{
    page_open(page, PAGE_CELL_NUMBER);
    if (!tree_present(side, "uptime")) {
        page_words(page, "nothing measured");
    } else {
        page_words(page, page_percent(page, tree_text(side, "uptime.percent")));
        if (!page_fraction_is_long(side)) {
            page_words(page, ", exactly ");
            page_fraction(page, side);
        }
    }
    page_close(page, PAGE_CELL_NUMBER);
}

static void side_row(struct page *page, const char *title, const struct tree *side)
{
    page_open(page, PAGE_ROW);
    page_block(page, PAGE_CELL_HEAD, title);
    uptime_cell(page, side);
    page_block(page, PAGE_CELL_WORDS,
               !tree_present(side, "met") ? "-"
               : tree_truth(side, "met")  ? "met"
                                          : "missed");
    page_open(page, PAGE_CELL_NUMBER);
    if (tree_present(side, "credit")) {
        amount(page, tree_at(side, "credit"));
    } else {
        page_words(page, "-");
    }
    page_close(page, PAGE_CELL_NUMBER);
    page_close(page, PAGE_ROW);
}

/* "major: +120 s". */
static void moved_row(struct page *page, const struct tree *column)
{
    page_cell_name(page, PAGE_CELL_HEAD, column->key);
    page_block(page, PAGE_CELL_NUMBER,
               arena_format(&page->arena, "%s%s s", column->integer > 0 ? "+" : "",
                            page_integer(page, column->integer)));
}

void part_changes(struct page *page)
{
    static const char *const heads[] = {"Revision", "#Uptime", "Target", "#Credit", NULL};
    static const char *const columns[] = {"Column", "#Moved", NULL};
    const struct tree *changes = tree_at(page->document, "changes");

    if (changes->kind != TREE_OBJECT) {
        page_block(page, PAGE_PARAGRAPH, "None: this is the first revision.");
        return;
    }
    facts(page, changes);
    page->form->table(page, "The result before and now", heads);
    side_row(page, "Before", tree_at(changes, "before"));
    side_row(page, "Now", tree_at(changes, "after"));
    page->form->table_end(page);
    if (tree_at(changes, "seconds_moved")->count > 0) {
        page_list(page, "Time that moved", columns, tree_at(changes, "seconds_moved"), moved_row);
    }
}
