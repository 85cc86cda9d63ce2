/* The days of a service as an SVG, and in words for those who do not see it. */
#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/bars.h"
#include "jobs/statement/render_html.h"

static void bar(struct page *page, size_t index, const struct tree *day)
{
    struct html *html = (struct html *)page;
    struct bars_piece pieces[TIME_CLASS_COUNT];
    size_t count = bars_of_day(day, pieces);

    html_raw(html, "<g><title>");
    page_day(page, day);
    html_raw(html, "</title>");
    for (size_t i = 0; i < count; i++) {
        strbuf_append_format(
            html->out, "<rect x=\"%zu\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"url(#p-%s)\"/>",
            index * BARS_WIDTH, pieces[i].y, BARS_WIDTH - BARS_GAP, pieces[i].height,
            time_class_name(pieces[i].class));
    }
    html_raw(html, "</g>");
}

static void day_table(struct page *page, const struct tree *days)
{
    static const char *const heads[] = {"Day", "What it was", NULL};

    html_raw((struct html *)page, "<details><summary>Days that were not wholly up, as a "
                                  "table</summary>");
    html_table(page, "Days that were not wholly up", heads);
    for (size_t i = 0; i < days->count; i++) {
        if (!bars_wholly_up(&days->children[i])) {
            page_open(page, PAGE_ROW);
            page_open(page, PAGE_CELL_HEAD);
            page_text(page, tree_text(&days->children[i], "date"));
            page_close(page, PAGE_CELL_HEAD);
            page_open(page, PAGE_CELL);
            page_day(page, &days->children[i]);
            page_close(page, PAGE_CELL);
            page_close(page, PAGE_ROW);
        }
    }
    html_table_end(page);
    html_raw((struct html *)page, "</details>\n");
}

static void title(struct page *page, const struct tree *service)
{
    struct html *html = (struct html *)page;

    html_raw(html, "<div class=\"head\"><h3>");
    page_name(page, tree_text(service, "service"));
    html_raw(html, "</h3><span class=\"soft\">");
    if (tree_present(service, "uptime")) {
        page_text(page, tree_text(service, "uptime.percent"));
        page_words(page, " %");
    }
    html_raw(html, "</span></div>");
}

static void scale(struct page *page, const struct tree *days)
{
    struct html *html = (struct html *)page;

    html_raw(html, "<div class=\"scale\" aria-hidden=\"true\"><span>");
    if (days->count > 0) {
        page_text(page, tree_text(&days->children[0], "date"));
        html_raw(html, "</span><span>");
        page_text(page, tree_text(&days->children[days->count - 1], "date"));
    }
    html_raw(html, "</span></div>");
}

void html_bars(struct page *page, const struct tree *service)
{
    struct html *html = (struct html *)page;
    const struct tree *days = tree_at(service, "days");

    html_raw(html, "<div class=\"bar\">");
    title(page, service);
    strbuf_append_format(html->out,
                         "<svg class=\"bars\" viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\" "
                         "aria-hidden=\"true\" focusable=\"false\">",
                         days->count * BARS_WIDTH, BARS_HEIGHT);
    for (size_t i = 0; i < days->count; i++) {
        bar(page, i, &days->children[i]);
    }
    html_raw(html, "</svg>");
    scale(page, days);
    day_table(page, days);
    html_raw(html, "</div>\n");
}
