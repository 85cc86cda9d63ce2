/* How the figure and the money were computed, and how to check them. */
#include "base/check.h"
#include "jobs/statement/page.h"

static void border_row(struct page *page, const struct tree *border)
{
    bool target = str_equal(tree_text(border, "kind"), STR("target"));

    page_open(page, PAGE_CELL_HEAD);
    page_words(page, target ? "Target " : "Below ");
    page_words(page, page_percent(page, tree_text(border, "below")));
    page_close(page, PAGE_CELL_HEAD);
    page_block(page, PAGE_CELL_NUMBER,
               target ? "-" : arena_text(&page->arena, tree_text(border, "gives")));
    page_block(page, PAGE_CELL_WORDS, arena_text(&page->arena, tree_text(border, "text")));
}

static void step_row(struct page *page, const struct tree *step)
{
    page_block(page, PAGE_CELL_HEAD, arena_text(&page->arena, tree_text(step, "name")));
    page_block(page, PAGE_CELL_WORDS, arena_text(&page->arena, tree_text(step, "text")));
    page_block(page, PAGE_CELL_NUMBER, page_number(page, tree_text(step, "amount")));
}

void part_credit(struct page *page)
{
    static const char *const borders[] = {"Border", "#Credit", "Figures", NULL};
    static const char *const steps[] = {"Step", "What is done", "#Amount after it", NULL};

    page_list(page, "Each border, decided on exact figures", borders,
              tree_at(page->document, "borders"), border_row);
    if (tree_present(page->document, "latency")) {
        page_list(page, "Latency: the share of slices that were fast enough", borders,
                  tree_at(page->document, "latency.borders"), border_row);
    }
    if (tree_present(page->document, "credit")) {
        page_list(page, "The credit, step by step", steps, tree_at(page->document, "credit.steps"),
                  step_row);
    } else {
        page_block(page, PAGE_PARAGRAPH, "The contract has no credits.");
    }
}

static void coded_fact(struct page *page, const char *term, const char *before, struct str code,
                       const char *after)
{
    page_block(page, PAGE_TERM, term);
    page_open(page, PAGE_DETAIL);
    page_words(page, before);
    page_code(page, code);
    page_words(page, after);
    page_close(page, PAGE_DETAIL);
}

static void words_fact(struct page *page, const char *term, const char *words)
{
    page_block(page, PAGE_TERM, term);
    page_block(page, PAGE_DETAIL, words);
}

/* A fraction that had no place beside its percent. */
static void exact_fact(struct page *page, const char *term, const struct tree *level)
{
    if (page_fraction_is_long(level)) {
        page_block(page, PAGE_TERM, term);
        page_open(page, PAGE_DETAIL);
        page_fraction(page, level);
        page_close(page, PAGE_DETAIL);
    }
}

void part_method(struct page *page)
{
    const struct tree *document = page->document;
    const struct tree *lines = tree_at(document, "explanation");
    struct arena *arena = &page->arena;

    page_open(page, PAGE_FACTS);
    coded_fact(page, "Method",
               arena_format(arena, "%s (", arena_text(arena, tree_text(document, "method.title"))),
               tree_text(document, "method.name"), ")");
    words_fact(page, "Formula", arena_text(arena, tree_text(document, "method.formula")));
    coded_fact(page, "Pool", "", tree_text(document, "method.pool"), "");
    exact_fact(page, "Uptime, exactly", document);
    exact_fact(page, "Latency, exactly", tree_at(document, "latency"));
    words_fact(page, "Window", "one minute, UTC");
    page_block(page, PAGE_TERM, "Sources");
    page_open(page, PAGE_DETAIL);
    page_words(page, "the topics in the ");
    page->form->link(page, "audit", "audit trail");
    page_close(page, PAGE_DETAIL);
    words_fact(page, "Program",
               arena_format(arena, "uptally %s",
                            arena_text(arena, tree_text(document, "program.version"))));
    coded_fact(page, "Terms", "SHA-256 ", tree_text(document, "contract.digest"), "");
    page_close(page, PAGE_FACTS);
    page_open(page, PAGE_NUMBERED);
    for (size_t i = 0; i < lines->count && i < PAGE_ROWS_MAX; i++) {
        page_block(page, PAGE_ITEM, arena_text(arena, lines->children[i].text));
    }
    page_close(page, PAGE_NUMBERED);
}

static void claim(struct page *page)
{
    page_open(page, PAGE_PARAGRAPH);
    if (!tree_present(page->document, "credit")) {
        page_words(page, "The contract has no credits, so there is nothing to claim.");
    } else if (tree_present(page->document, "credit.claim_until")) {
        page_words(page, "A credit for this period is to be claimed until ");
        page_time(page, tree_text(page->document, "credit.claim_until"));
        page_words(page, ".");
    } else {
        page_words(page, "The contract has no deadline for the claim of a credit.");
    }
    page_close(page, PAGE_PARAGRAPH);
}

void part_verify(struct page *page)
{
    page_open(page, PAGE_PARAGRAPH);
    page_words(page,
               "This page shows the JSON document that was published beside it and adds nothing. "
               "It carries no signature; what vouches for it is the SHA-256 of that document: ");
    page_code(page, STR(page->source->sha256));
    page_close(page, PAGE_PARAGRAPH);
    page_open(page, PAGE_PARAGRAPH);
    page_words(page, "Compare it with the output of ");
    page_code(page, STR("sha256sum"));
    page_words(page, " on the JSON file. ");
    page_code(page, STR("uptally verify"));
    page_words(page, " checks all its figures. The offsets in the ");
    page->form->link(page, "audit", "audit trail");
    page_words(page, " say which records to read again.");
    page_close(page, PAGE_PARAGRAPH);
    claim(page);
    page_block(page, PAGE_FOOTER,
               "Times carry their offset from UTC. Uptime is rounded down for display; every "
               "decision is made on the exact fraction.");
}
