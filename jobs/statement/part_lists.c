/* The lists behind the figures: incidents, exclusions, missing data, partitions. */
#include "base/check.h"
#include "jobs/statement/page.h"
#include "jobs/statement/wording.h"
#include "schemas/grade.h"

static void duration_cell(struct page *page, int64_t seconds)
{
    page_block(page, PAGE_CELL_NUMBER, wording_duration(&page->arena, seconds));
}

static void integer_cell(struct page *page, int64_t value)
{
    page_block(page, PAGE_CELL_NUMBER, page_integer(page, value));
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
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(incident, "service"));
    page_open(page, PAGE_CELL_WORDS);
    page->form->swatch(page, time_class_of(worst));
    page_words(page, grade_row(worst)->title);
    page_close(page, PAGE_CELL_WORDS);
    page_cell_time(page, tree_text(incident, "from"));
    page_open(page, PAGE_CELL);
    page_time(page, tree_text(incident, "to"));
    page_words(page, tree_truth(incident, "open_end") ? " or later" : "");
    page_close(page, PAGE_CELL);
    duration_cell(page, tree_integer(incident, "length_seconds"));
    page_block(page, PAGE_CELL_NUMBER,
               str_equal(tree_text(page->document, "method.unit"), STR("s"))
                   ? page_number(page, tree_text(incident, "lost_seconds"))
                   : "-");
    page_block(page, PAGE_CELL_WORDS, treatment_words(tree_text(incident, "treatment")));
}

void part_incidents(struct page *page)
{
    static const char *const heads[] = {"Service", "Worst",           "Start",         "End",
                                        "#Length", "#Lost,\xc2\xa0s", "How it counts", NULL};
    const struct tree *incidents = tree_at(page->document, "incidents");

    if (incidents->count == 0) {
        page_block(page, PAGE_PARAGRAPH, "No service was seen in trouble in this period.");
    } else {
        page_list(page, "Times in which a service was known not to be operational", heads,
                  incidents, incident_row);
    }
}

static void exclusion_row(struct page *page, const struct tree *exclusion)
{
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(exclusion, "service"));
    page_cell_time(page, tree_text(exclusion, "from"));
    page_cell_time(page, tree_text(exclusion, "to"));
    page_cell_time(page, tree_text(exclusion, "announced"));
    page_open(page, PAGE_CELL_WORDS);
    page_name(page, tree_text(exclusion, "reason"));
    page_words(page, " (");
    page_name(page, tree_text(exclusion, "author"));
    page_words(page, ")");
    page_close(page, PAGE_CELL_WORDS);
    page_block(page, PAGE_CELL_WORDS, arena_text(&page->arena, tree_text(exclusion, "text")));
    duration_cell(page, tree_integer(exclusion, "excused_seconds"));
}

void part_exclusions(struct page *page)
{
    static const char *const heads[] = {"Service", "Start",   "End",      "Announced",
                                        "Reason",  "Outcome", "#Excused", NULL};
    const struct tree *exclusions = tree_at(page->document, "exclusions");

    if (exclusions->count == 0) {
        page_block(page, PAGE_PARAGRAPH, "No maintenance was announced for this period.");
    } else {
        page_list(page, "Only maintenance that was announced in time excuses an outage", heads,
                  exclusions, exclusion_row);
    }
}

static void gap_row(struct page *page, const struct tree *gap)
{
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(gap, "service"));
    page_cell_time(page, tree_text(gap, "from"));
    page_cell_time(page, tree_text(gap, "to"));
    duration_cell(page, tree_integer(gap, "seconds"));
}

static const char *rule_words(struct str rule)
{
    static const struct {
        const char *name, *words;
    } words[] = {
        {"exclude", "not measured: in neither part of the fraction"},
        {"up", "counts as up"},
        {"down", "counts as down"},
    };

    for (size_t i = 0; i < ARRAY_COUNT(words); i++) {
        if (str_equal(rule, STR(words[i].name))) {
            return words[i].words;
        }
    }
    return "";
}

static struct str unknown_title(struct str key)
{
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        if (str_equal(key, STR(time_class_name((enum time_class)k)))) {
            return STR(time_class_title((enum time_class)k));
        }
    }
    return key;
}

/* One kind of unknown time: the member of the contract's rules has its name as key. */
static void unknown_row(struct page *page, const struct tree *rule)
{
    const struct tree *seconds = tree_at(page->document, "seconds");
    int64_t unknown_s = tree_integer(seconds, arena_text(&page->arena, rule->key));

    page_cell_name(page, PAGE_CELL_HEAD, unknown_title(rule->key));
    page_block(page, PAGE_CELL, arena_text(&page->arena, rule->text));
    page_block(page, PAGE_CELL_WORDS, rule_words(rule->text));
    integer_cell(page, unknown_s);
}

/* A list of times, if there are any. */
static void time_list(struct page *page, const char *path, const char *caption)
{
    static const char *const heads[] = {"Service", "From", "To", "#Length", NULL};
    const struct tree *times = tree_at(page->document, path);

    if (times->count > 0) {
        page_list(page, caption, heads, times, gap_row);
    }
}

static void late_events(struct page *page)
{
    page_block(page, PAGE_PARAGRAPH,
               str_equal(tree_text(page->document, "status"), STR("provisional"))
                   ? "Events that arrive before the statement is issued will be counted in it."
                   : "Events that arrive after this statement was issued do not change it; what "
                     "they change is said by a new revision.");
}

void part_completeness(struct page *page)
{
    static const char *const heads[] = {"Time that is not known", "Rule", "What the contract says",
                                        "#Seconds", NULL};
    const struct tree *unknown = tree_at(page->document, "contract.terms.availability.unknown");

    page_open(page, PAGE_PARAGRAPH);
    if (tree_truth(page->document, "completeness.complete")) {
        page_words(page, "Every event of the period had been read and counted when this was "
                         "computed.");
    } else {
        page_strong(page, "Not every event of the period had been read and counted when this was "
                          "computed.");
    }
    page_close(page, PAGE_PARAGRAPH);
    if (tree_at(page->document, "completeness.lost")->count > 0) {
        page_block(page, PAGE_PARAGRAPH,
                   "Events expired in the broker before they were read. What there is of that time "
                   "is counted; time with no data at all is a pipeline gap.");
    }
    late_events(page);
    page_list(page, "Time without data, and how the contract treats it", heads, unknown,
              unknown_row);
    time_list(page, "completeness.lost", "Time of which events were lost");
    time_list(page, "completeness.gaps", "Time without data (pipeline gaps)");
}

static void partition_row(struct page *page, const struct tree *partition)
{
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(partition, "topic"));
    page_cell_name(page, PAGE_CELL, tree_text(partition, "cluster"));
    integer_cell(page, tree_integer(partition, "incarnation"));
    integer_cell(page, tree_integer(partition, "partition"));
    integer_cell(page, tree_integer(partition, "low"));
    integer_cell(page, tree_integer(partition, "high"));
    integer_cell(page, tree_integer(partition, "dead_letters"));
}

static void events_row(struct page *page, const struct tree *service)
{
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(service, "service"));
    integer_cell(page, tree_integer(service, "requests.records"));
    integer_cell(page, tree_integer(service, "requests.total"));
    integer_cell(page, tree_integer(service, "requests.errors"));
    integer_cell(page, tree_integer(service, "requests.slow"));
    integer_cell(page, tree_integer(service, "requests.no_latency"));
}

void part_audit(struct page *page)
{
    static const char *const heads[] = {
        "Topic",          "Cluster",         "#Incarnation",  "#Partition",
        "#Lowest offset", "#Highest offset", "#Dead letters", NULL};
    static const char *const events[] = {"Service", "#Records",         "#Requests", "#Errors",
                                         "#Slow",   "#Without latency", NULL};
    const struct tree *partitions = tree_at(page->document, "completeness.partitions");

    if (partitions->count == 0) {
        page_block(page, PAGE_PARAGRAPH, "No events of these services fell into the period.");
        return;
    }
    page_list(page, "Where in Kafka the events of the period stand", heads, partitions,
              partition_row);
    page_list(page, "Events that were counted", events, tree_at(page->document, "services"),
              events_row);
}
