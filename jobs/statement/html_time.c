/* Where the time of the period went: to the second, and day by day. */
#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/html.h"
#include "jobs/statement/wording.h"

static void time_row(struct page *page, const char *kind, struct str name,
                     const struct tree *seconds)
{
    int64_t sum = 0;

    page_raw(page, "<tr><th scope=\"row\">");
    if (name.size > 0) {
        page_name(page, name);
    } else {
        page_words(page, kind);
    }
    page_raw(page, "</th>");
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        int64_t value = tree_integer(seconds, time_class_name((enum time_class)k));

        sum += value;
        page_cell_number(page, value == 0 ? "-" : page_integer(page, value));
    }
    page_cell_number(page, page_integer(page, sum));
    page_raw(page, "</tr>\n");
}

void html_time(struct page *page)
{
    const struct tree *services = tree_at(page->document, "services");
    const char *heads[TIME_CLASS_COUNT + 3];
    int count = 0;

    heads[count++] = "Service";
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        heads[count++] = arena_format(&page->arena, "#%s", time_class_title((enum time_class)k));
    }
    heads[count++] = "#Sum";
    heads[count] = NULL;
    page_section(page, "time", "The period adds up");
    page_table(page, "Seconds of the period by what they count as under this contract", heads);
    for (size_t i = 0; i < services->count; i++) {
        time_row(page, "", tree_text(&services->children[i], "service"),
                 tree_at(&services->children[i], "seconds"));
    }
    if (services->count > 1) {
        time_row(page, "Contract", (struct str){"", 0}, tree_at(page->document, "seconds"));
    }
    page_table_end(page);
    page_section_end(page);
}

/* Heights: a day is 48 high; what is not up is at least 6, so that ten minutes can be seen. */
enum { BAR_WIDTH = 20, BAR_GAP = 3, BAR_HEIGHT = 48, BAR_LEAST = 6 };

/* From the top of the bar down: the worst first. */
static const enum time_class stack[] = {
    TIME_MAJOR,      TIME_PARTIAL,    TIME_DEGRADED,        TIME_MAINTENANCE,   TIME_PIPELINE_GAP,
    TIME_PROBE_DOWN, TIME_NO_TRAFFIC, TIME_NOT_PROVISIONED, TIME_OUTSIDE_HOURS,
};

static void bar_title(struct page *page, const struct tree *day)
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
            page_words(page, wording_duration(&page->arena, value));
            comma = ", ";
        }
    }
}

static void bar_piece(struct page *page, size_t x, int64_t y, int64_t height, const char *class)
{
    strbuf_append_format(page->out,
                         "<rect x=\"%zu\" y=\"%" PRId64 "\" width=\"%d\" height=\"%" PRId64
                         "\" fill=\"url(#p-%s)\"/>",
                         x, y, BAR_WIDTH - BAR_GAP, height, class);
}

static void bar(struct page *page, size_t index, const struct tree *day)
{
    const struct tree *seconds = tree_at(day, "seconds");
    int64_t length = tree_integer(day, "length_seconds");
    size_t x = index * BAR_WIDTH;
    int64_t y = 0;

    page_raw(page, "<g><title>");
    bar_title(page, day);
    page_raw(page, "</title>");
    for (size_t i = 0; i < ARRAY_COUNT(stack) && length > 0; i++) {
        int64_t value = tree_integer(seconds, time_class_name(stack[i]));
        int64_t height = value > 0 && value <= length ? value * BAR_HEIGHT / length : 0;

        height = value > 0 && height < BAR_LEAST ? BAR_LEAST : height;
        height = height > BAR_HEIGHT - y ? BAR_HEIGHT - y : height;
        if (height > 0) {
            bar_piece(page, x, y, height, time_class_name(stack[i]));
            y += height;
        }
    }
    if (y < BAR_HEIGHT) {
        bar_piece(page, x, y, BAR_HEIGHT - y, time_class_name(TIME_UP));
    }
    page_raw(page, "</g>");
}

static void legend(struct page *page)
{
    page_raw(page, "<ul class=\"legend\">");
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        page_raw(page, "<li>");
        page_swatch(page, (enum time_class)k);
        page_words(page, time_class_title((enum time_class)k));
        page_raw(page, "</li>");
    }
    page_raw(page, "</ul>\n");
}

static bool wholly_up(const struct tree *day)
{
    return tree_integer(day, "seconds.up") == tree_integer(day, "length_seconds");
}

/* The same days in words, for those who do not see the bars. */
static void day_table(struct page *page, const struct tree *days)
{
    static const char *const heads[] = {"Day", "What it was", NULL};

    page_raw(page, "<details><summary>Days that were not wholly up, as a table</summary>");
    page_table(page, "Days that were not wholly up", heads);
    for (size_t i = 0; i < days->count; i++) {
        if (!wholly_up(&days->children[i])) {
            page_raw(page, "<tr><th scope=\"row\">");
            page_text(page, tree_text(&days->children[i], "date"));
            page_raw(page, "</th><td>");
            bar_title(page, &days->children[i]);
            page_raw(page, "</td></tr>\n");
        }
    }
    page_table_end(page);
    page_raw(page, "</details>\n");
}

static void service_bars(struct page *page, const struct tree *service)
{
    const struct tree *days = tree_at(service, "days");

    page_raw(page, "<div class=\"bar\"><div class=\"head\"><h3>");
    page_name(page, tree_text(service, "service"));
    page_raw(page, "</h3><span class=\"soft\">");
    if (tree_present(service, "uptime")) {
        page_text(page, tree_text(service, "uptime.percent"));
        page_raw(page, " %");
    }
    page_raw(page, "</span></div>");
    strbuf_append_format(page->out,
                         "<svg class=\"bars\" viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\" "
                         "aria-hidden=\"true\" focusable=\"false\">",
                         days->count * BAR_WIDTH, BAR_HEIGHT);
    for (size_t i = 0; i < days->count; i++) {
        bar(page, i, &days->children[i]);
    }
    page_raw(page, "</svg><div class=\"scale\" aria-hidden=\"true\"><span>");
    if (days->count > 0) {
        page_text(page, tree_text(&days->children[0], "date"));
        page_raw(page, "</span><span>");
        page_text(page, tree_text(&days->children[days->count - 1], "date"));
    }
    page_raw(page, "</span></div>");
    day_table(page, days);
    page_raw(page, "</div>\n");
}

void html_bars(struct page *page)
{
    const struct tree *services = tree_at(page->document, "services");

    page_section(page, "days", "Day by day");
    page_raw(page, "<p class=\"small soft\">One bar is one local day. What was not up is drawn at "
                   "least an eighth of a bar high, so that minutes can be seen.</p>");
    legend(page);
    for (size_t i = 0; i < services->count; i++) {
        service_bars(page, &services->children[i]);
    }
    page_section_end(page);
}
