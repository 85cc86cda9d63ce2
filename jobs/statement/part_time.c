/* Where the time of the period went: to the second, and day by day. */
#include "base/check.h"
#include "jobs/statement/page.h"

static void time_row(struct page *page, struct str name, const struct tree *seconds)
{
    int64_t sum = 0;

    page_open(page, PAGE_ROW);
    page_cell_name(page, PAGE_CELL_HEAD, name);
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        int64_t value = tree_integer(seconds, time_class_name((enum time_class)k));

        sum = (int64_t)((uint64_t)sum + (uint64_t)value); /* a forged document may overflow it */
        page_block(page, PAGE_CELL_NUMBER, value == 0 ? "-" : page_integer(page, value));
    }
    page_block(page, PAGE_CELL_NUMBER, page_integer(page, sum));
    page_close(page, PAGE_ROW);
}

void part_time(struct page *page)
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
    page->form->table(page, "Seconds of the period by what they count as under this contract",
                      heads);
    for (size_t i = 0; i < services->count; i++) {
        time_row(page, tree_text(&services->children[i], "service"),
                 tree_at(&services->children[i], "seconds"));
    }
    if (services->count > 1) {
        time_row(page, STR("Contract"), tree_at(page->document, "seconds"));
    }
    page->form->table_end(page);
}

static void legend(struct page *page)
{
    page_open(page, PAGE_LEGEND);
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        page_open(page, PAGE_ITEM);
        page->form->swatch(page, (enum time_class)k);
        page_words(page, time_class_title((enum time_class)k));
        page_close(page, PAGE_ITEM);
    }
    page_close(page, PAGE_LEGEND);
}

void part_days(struct page *page)
{
    const struct tree *services = tree_at(page->document, "services");

    page_block(page, PAGE_SMALL,
               "One bar is one local day. What was not up is drawn at least an eighth of a bar "
               "high, so that minutes can be seen.");
    legend(page);
    for (size_t i = 0; i < services->count; i++) {
        page->form->bars(page, &services->children[i]);
    }
}
