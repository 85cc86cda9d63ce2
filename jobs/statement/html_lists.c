/* The lists behind the figures: incidents, exclusions, missing data, partitions. */
#include "base/check.h"
#include "jobs/statement/html.h"
#include "jobs/statement/wording.h"
#include "schemas/grade.h"

/* Rows of a list, up to the limit of a page; says how many are left out. */
static void rows(struct page *page, const struct tree *list,
                 void (*row)(struct page *page, const struct tree *element))
{
    for (size_t i = 0; i < list->count && i < PAGE_ROWS_MAX; i++) {
        page_raw(page, "<tr>");
        row(page, &list->children[i]);
        page_raw(page, "</tr>\n");
    }
}

static void left_out(struct page *page, const struct tree *list)
{
    if (list->count > PAGE_ROWS_MAX) {
        page_raw(page, "<p class=\"small soft\">");
        page_words(page, page_integer(page, (int64_t)list->count - PAGE_ROWS_MAX));
        page_raw(page, " more are in the JSON document.</p>\n");
    }
}

static void time_cell(struct page *page, struct str moment)
{
    page_raw(page, "<td>");
    page_time(page, moment);
    page_raw(page, "</td>");
}

static const char *treatment_words(struct str name)
{
    static const struct {
        const char *name, *words;
    } words[] = {
        {"counted", "counted"},
        {"partly_excluded", "counted in part; the rest was announced maintenance"},
        {"excluded", "excluded: announced maintenance"},
        {"not_counted", "not counted by the contract"},
        {"by_requests", "counted by its failed requests"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (str_equal(name, STR(words[i].name))) {
            return words[i].words;
        }
    }
    return "";
}

static void incident_row(struct page *page, const struct tree *incident)
{
    enum grade worst = GRADE_OPERATIONAL;

    (void)grade_find(tree_text(incident, "worst"), &worst);
    page_raw(page, "<th scope=\"row\">");
    page_name(page, tree_text(incident, "service"));
    page_raw(page, "</th><td class=\"w\">");
    page_swatch(page, time_class_of(worst));
    page_words(page, grade_row(worst)->title);
    page_raw(page, "</td>");
    time_cell(page, tree_text(incident, "from"));
    page_raw(page, "<td>");
    page_time(page, tree_text(incident, "to"));
    page_raw(page, tree_truth(incident, "open_end") ? " or later</td>" : "</td>");
    page_cell_number(page,
                     wording_duration(&page->arena, tree_integer(incident, "length_seconds")));
    page_cell_number(page, str_equal(tree_text(page->document, "method.unit"), STR("s"))
                               ? page_number(page, tree_text(incident, "lost_seconds"))
                               : "-");
    page_cell_words(page, treatment_words(tree_text(incident, "treatment")));
}

void html_incidents(struct page *page)
{
    static const char *const heads[] = {"Service", "Worst",    "Start",         "End",
                                        "#Length", "#Lost, s", "How it counts", NULL};
    const struct tree *incidents = tree_at(page->document, "incidents");

    page_section(page, "incidents", "Incidents");
    if (incidents->count == 0) {
        page_raw(page, "<p>No service was seen in trouble in this period.</p>\n");
    } else {
        page_table(page, "Times in which a service was known not to be operational", heads);
        rows(page, incidents, incident_row);
        page_table_end(page);
        left_out(page, incidents);
    }
    page_section_end(page);
}

static void exclusion_row(struct page *page, const struct tree *exclusion)
{
    page_raw(page, "<th scope=\"row\">");
    page_name(page, tree_text(exclusion, "service"));
    page_raw(page, "</th>");
    time_cell(page, tree_text(exclusion, "from"));
    time_cell(page, tree_text(exclusion, "to"));
    time_cell(page, tree_text(exclusion, "announced"));
    page_raw(page, "<td class=\"w\">");
    page_name(page, tree_text(exclusion, "reason"));
    page_raw(page, " (");
    page_name(page, tree_text(exclusion, "author"));
    page_raw(page, ")</td>");
    page_cell_words(page, arena_text(&page->arena, tree_text(exclusion, "text")));
    page_cell_number(page,
                     wording_duration(&page->arena, tree_integer(exclusion, "excused_seconds")));
}

void html_exclusions(struct page *page)
{
    static const char *const heads[] = {"Service", "Start",   "End",      "Announced",
                                        "Reason",  "Outcome", "#Excused", NULL};
    const struct tree *exclusions = tree_at(page->document, "exclusions");

    page_section(page, "exclusions", "Announced maintenance and exclusions");
    if (exclusions->count == 0) {
        page_raw(page, "<p>No maintenance was announced for this period.</p>\n");
    } else {
        page_table(page, "Only maintenance that was announced in time excuses an outage", heads);
        rows(page, exclusions, exclusion_row);
        page_table_end(page);
        left_out(page, exclusions);
    }
    page_section_end(page);
}

static void gap_row(struct page *page, const struct tree *gap)
{
    page_raw(page, "<th scope=\"row\">");
    page_name(page, tree_text(gap, "service"));
    page_raw(page, "</th>");
    time_cell(page, tree_text(gap, "from"));
    time_cell(page, tree_text(gap, "to"));
    page_cell_number(page, wording_duration(&page->arena, tree_integer(gap, "seconds")));
}

static void unknown_rules(struct page *page)
{
    const struct tree *unknown = tree_at(page->document, "contract.terms.availability.unknown");

    page_raw(page, "<p>What the contract rules for time that is not known:</p><ul>");
    for (size_t i = 0; i < unknown->count; i++) {
        page_raw(page, "<li>");
        page_text(page, unknown->children[i].key);
        page_raw(page, ": ");
        page_text(page, unknown->children[i].text);
        page_raw(page, "</li>");
    }
    page_raw(page, "</ul>\n");
}

/* A list of times, if there are any. */
static void time_list(struct page *page, const char *path, const char *caption)
{
    static const char *const heads[] = {"Service", "From", "To", "#Length", NULL};
    const struct tree *times = tree_at(page->document, path);

    if (times->count > 0) {
        page_table(page, caption, heads);
        rows(page, times, gap_row);
        page_table_end(page);
        left_out(page, times);
    }
}

void html_completeness(struct page *page)
{

    page_section(page, "completeness", "Data completeness");
    page_raw(page, tree_truth(page->document, "completeness.complete")
                       ? "<p>Every event of the period had been read and counted when this was "
                         "computed.</p>\n"
                       : "<p><strong>Not every event of the period had been read and counted when "
                         "this was computed.</strong></p>\n");
    if (tree_at(page->document, "completeness.lost")->count > 0) {
        page_raw(page, "<p>Events expired in the broker before they were read. What there is of "
                       "that time is counted; time with no data at all is a pipeline gap.</p>\n");
    }
    unknown_rules(page);
    time_list(page, "completeness.lost", "Time of which events were lost");
    time_list(page, "completeness.gaps", "Time without data (pipeline gaps)");
    page_section_end(page);
}

static void partition_row(struct page *page, const struct tree *partition)
{
    page_raw(page, "<th scope=\"row\">");
    page_name(page, tree_text(partition, "topic"));
    page_raw(page, "</th><td>");
    page_name(page, tree_text(partition, "cluster"));
    page_raw(page, "</td>");
    page_cell_number(page, page_integer(page, tree_integer(partition, "partition")));
    page_cell_number(page, page_integer(page, tree_integer(partition, "low")));
    page_cell_number(page, page_integer(page, tree_integer(partition, "high")));
    page_cell_number(page, page_integer(page, tree_integer(partition, "dead_letters")));
}

void html_audit(struct page *page)
{
    static const char *const heads[] = {
        "Topic",           "Cluster",       "#Partition", "#Lowest offset",
        "#Highest offset", "#Dead letters", NULL};
    const struct tree *partitions = tree_at(page->document, "completeness.partitions");

    page_section(page, "audit", "Audit trail");
    if (partitions->count == 0) {
        page_raw(page, "<p>No events of these services fell into the period.</p>\n");
    } else {
        page_table(page, "Where in Kafka the events of the period stand", heads);
        rows(page, partitions, partition_row);
        page_table_end(page);
        left_out(page, partitions);
    }
    page_section_end(page);
}
