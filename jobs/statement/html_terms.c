/* How the figure and the money were computed, and how to check them. */
#include "base/check.h"
#include "jobs/statement/html.h"

/* path: where the list of borders stands in the document. */
static void borders(struct page *page, const char *path, const char *caption)
{
    static const char *const heads[] = {"Border", "#Credit", "Figures", NULL};
    const struct tree *list = tree_at(page->document, path);

    page_table(page, caption, heads);
    for (size_t i = 0; i < list->count; i++) {
        const struct tree *border = &list->children[i];
        bool target = str_equal(tree_text(border, "kind"), STR("target"));

        page_raw(page, "<tr><th scope=\"row\">");
        page_words(page, target ? "Target " : "Below ");
        page_text(page, tree_text(border, "below"));
        page_raw(page, " %</th>");
        page_cell_number(page, target ? "-" : arena_text(&page->arena, tree_text(border, "gives")));
        page_cell_words(page, arena_text(&page->arena, tree_text(border, "text")));
        page_raw(page, "</tr>\n");
    }
    page_table_end(page);
}

static void steps(struct page *page)
{
    static const char *const heads[] = {"Step", "What is done", "#Amount after it", NULL};
    const struct tree *list = tree_at(page->document, "credit.steps");

    page_table(page, "The credit, step by step", heads);
    for (size_t i = 0; i < list->count; i++) {
        const struct tree *step = &list->children[i];

        page_raw(page, "<tr><th scope=\"row\">");
        page_text(page, tree_text(step, "name"));
        page_raw(page, "</th>");
        page_cell_words(page, arena_text(&page->arena, tree_text(step, "text")));
        page_cell_number(page, page_number(page, tree_text(step, "amount")));
        page_raw(page, "</tr>\n");
    }
    page_table_end(page);
}

void html_credit(struct page *page)
{
    page_section(page, "credit", "Credit calculation");
    borders(page, "borders", "Each border, decided on exact figures");
    if (tree_present(page->document, "latency")) {
        borders(page, "latency.borders", "Latency: the share of slices that were fast enough");
    }
    if (tree_present(page->document, "credit")) {
        steps(page);
    } else {
        page_raw(page, "<p>The contract has no credits.</p>\n");
    }
    page_section_end(page);
}

void html_method(struct page *page)
{
    const struct tree *document = page->document;
    const struct tree *lines = tree_at(document, "explanation");

    page_section(page, "method", "Method");
    page_raw(page, "<dl class=\"facts\"><dt>Method</dt><dd>");
    page_text(page, tree_text(document, "method.title"));
    page_raw(page, " (<code>");
    page_text(page, tree_text(document, "method.name"));
    page_raw(page, "</code>)</dd><dt>Formula</dt><dd>");
    page_text(page, tree_text(document, "method.formula"));
    page_raw(page, "</dd><dt>Pool</dt><dd><code>");
    page_text(page, tree_text(document, "method.pool"));
    page_raw(page, "</code></dd><dt>Program</dt><dd>uptally ");
    page_text(page, tree_text(document, "program.version"));
    page_raw(page, "</dd><dt>Terms</dt><dd>SHA-256 <code>");
    page_text(page, tree_text(document, "contract.digest"));
    page_raw(page, "</code></dd></dl><ol class=\"plain\">");
    for (size_t i = 0; i < lines->count; i++) {
        page_raw(page, "<li>");
        page_text(page, lines->children[i].text);
        page_raw(page, "</li>");
    }
    page_raw(page, "</ol>\n");
    page_section_end(page);
    page_section(page, "changes", "Changes since the last revision");
    page_raw(page, tree_integer(document, "revision") <= 1
                       ? "<p>None: this is the first revision.</p>\n"
                       : "<p>See the earlier revision.</p>\n");
    page_section_end(page);
}

void html_verify(struct page *page)
{
    page_section(page, "verify", "How to verify");
    page_raw(page, "<p>This page shows the JSON document that was published beside it and adds "
                   "nothing. Its SHA-256 is</p><p><code>");
    page_words(page, page->source->sha256);
    page_raw(page, "</code></p><p>Compare it with the output of <code>sha256sum</code> on the JSON "
                   "file. The offsets in the <a href=\"#audit\">audit trail</a> say which records "
                   "to read again.</p>\n");
    page_section_end(page);
    page_raw(page, "<footer>Times carry their offset from UTC. Uptime is rounded down for display; "
                   "every decision is made on the exact fraction.</footer>\n");
}
