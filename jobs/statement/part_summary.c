/* What a reader wants first: whose statement this is, what it says, and what each service did. */
#include "base/check.h"
#include "jobs/statement/page.h"

static bool provisional(const struct page *page)
{
    return str_equal(tree_text(page->document, "status"), STR("provisional"));
}

/* A revision after the first one replaces what was said before. */
static const char *status_words(const struct page *page)
{
    if (provisional(page)) {
        return "SLA statement - provisional";
    }
    return tree_integer(page->document, "revision") > 1 ? "SLA statement - restated"
                                                        : "SLA statement - final";
}

static void fact(struct page *page, const char *term, struct str detail)
{
    page_block(page, PAGE_TERM, term);
    page_open(page, PAGE_DETAIL);
    page_name(page, detail);
    page_close(page, PAGE_DETAIL);
}

static void period_fact(struct page *page)
{
    page_block(page, PAGE_TERM, "Period");
    page_open(page, PAGE_DETAIL);
    page_text(page, tree_text(page->document, "period.name"));
    page_words(page, ": ");
    page_time(page, tree_text(page->document, "period.from"));
    page_words(page, " to ");
    page_time(page, tree_text(page->document, "period.to"));
    page_close(page, PAGE_DETAIL);
}

static void cover_line(struct page *page)
{
    const struct tree *document = page->document;

    page_block(page, PAGE_KICKER, status_words(page));
    page_open(page, PAGE_TITLE);
    page_name(page, tree_text(document, "contract.customer"));
    page_close(page, PAGE_TITLE);
    page_open(page, PAGE_FACTS);
    fact(page, "Contract", tree_text(document, "contract.id"));
    period_fact(page);
    fact(page, "Time zone", tree_text(document, "period.time_zone"));
    fact(page, "Revision", STR(page_integer(page, tree_integer(document, "revision"))));
    page_close(page, PAGE_FACTS);
}

static void restated(struct page *page)
{
    if (tree_present(page->document, "changes")) {
        page_open(page, PAGE_NOTICE);
        page_strong(page, "Restated.");
        page_words(page, " This revision takes the place of an earlier one; see ");
        page->form->link(page, "changes", "what changed");
        page_words(page, ".");
        page_close(page, PAGE_NOTICE);
    }
}

static void notices(struct page *page)
{
    restated(page);
    if (provisional(page)) {
        page_open(page, PAGE_NOTICE);
        page_strong(page, "Provisional.");
        page_words(page, " The period or its grace is not over, or events are missing. Nothing is "
                         "owed on the basis of this page, and its figures may change.");
        page_close(page, PAGE_NOTICE);
    } else if (!tree_truth(page->document, "completeness.complete")) {
        page_open(page, PAGE_NOTICE);
        page_strong(page, "Incomplete data.");
        page_words(page, " This statement was issued although events of the period are missing; "
                         "see ");
        page->form->link(page, "completeness", "data completeness");
        page_words(page, ".");
        page_close(page, PAGE_NOTICE);
    }
}

/* A fraction of many digits stands under Method only. */
static void measured_box(struct page *page, const char *title, const struct tree *level)
{
    page_block(page, PAGE_BOX_TITLE, title);
    page_open(page, PAGE_BOX_VALUE);
    page_text(page, tree_text(level, "uptime.percent"));
    page_words(page, " %");
    page_close(page, PAGE_BOX_VALUE);
    page_open(page, PAGE_BOX_SMALL);
    if (page_fraction_is_long(level)) {
        page_words(page, "rounded down; the exact fraction is under ");
        page->form->link(page, "method", "method");
    } else {
        page_words(page, "rounded down; exactly ");
        page_fraction(page, level);
    }
    page_close(page, PAGE_BOX_SMALL);
}

static void verdict_uptime(struct page *page)
{
    const struct tree *document = page->document;
    bool met = tree_truth(document, "met");

    page_block(page, PAGE_BOX_TITLE, "Result");
    if (!tree_present(document, "uptime")) {
        page_block(page, PAGE_BOX_VALUE, "Nothing measured");
        page_block(page, PAGE_BOX_SMALL, "there is no uptime");
        return;
    }
    page_block(page, met ? PAGE_BOX_GOOD : PAGE_BOX_BAD,
               met ? "\xe2\x9c\x93 Target met" : "\xe2\x9c\x97 Target missed");
    page_open(page, PAGE_BOX_SMALL);
    page_text(page, tree_text(document, "target"));
    page_words(page, " % agreed");
    if (tree_present(document, "latency")) {
        page_words(page, "; latency ");
        page_text(page, tree_text(document, "latency.target"));
        page_words(page, " %");
    }
    page_close(page, PAGE_BOX_SMALL);
    measured_box(page, "Measured uptime", document);
    if (tree_present(document, "latency.uptime")) {
        measured_box(page, "Fast enough", tree_at(document, "latency"));
    }
}

static void amount(struct page *page)
{
    page_words(page, page_number(page, tree_text(page->document, "credit.amount")));
    page_words(page, " ");
    page_text(page, tree_text(page->document, "credit.currency"));
}

static void deadline(struct page *page)
{
    if (tree_integer(page->document, "credit.amount_minor") == 0) {
        page_words(page, "nothing is owed");
    } else if (tree_present(page->document, "credit.claim_until")) {
        page_words(page, "to be claimed until ");
        page_time(page, tree_text(page->document, "credit.claim_until"));
    } else {
        page_words(page, "without a deadline for the claim");
    }
}

static void verdict_credit(struct page *page)
{
    page_block(page, PAGE_BOX_TITLE, "Credit");
    if (!tree_present(page->document, "credit")) {
        page_block(page, PAGE_BOX_VALUE, "None");
        page_block(page, PAGE_BOX_SMALL, "the contract has no credits");
        return;
    }
    page_open(page, PAGE_BOX_VALUE);
    amount(page);
    page_close(page, PAGE_BOX_VALUE);
    page_open(page, PAGE_BOX_SMALL);
    deadline(page);
    page_close(page, PAGE_BOX_SMALL);
}

/* Of one level: `met` of the document needs all levels. The first border is the target. */
static bool target_missed(const struct tree *borders)
{
    return borders->count > 0 && tree_truth(&borders->children[0], "missed");
}

static void latency_words(struct page *page, const struct tree *latency)
{
    if (!tree_present(latency, "uptime")) {
        return;
    }
    page_words(page, ". The agreed share of fast slices, ");
    page_text(page, tree_text(latency, "target"));
    page_words(page,
               target_missed(tree_at(latency, "borders")) ? " %, was missed: " : " %, was met: ");
    page_text(page, tree_text(latency, "uptime.percent"));
    page_words(page, " %");
}

/* The same in one sentence, for those who are read to. */
static void verdict_sentence(struct page *page)
{
    const struct tree *document = page->document;

    if (!tree_present(document, "uptime")) {
        page_block(page, PAGE_PARAGRAPH,
                   "Nothing was measured in this period, so nothing is owed.");
        return;
    }
    page_open(page, PAGE_PARAGRAPH);
    page_words(page, "The agreed uptime of ");
    page_text(page, tree_text(document, "target"));
    page_words(page,
               target_missed(tree_at(document, "borders")) ? " % was missed: " : " % was met: ");
    page_text(page, tree_text(document, "uptime.percent"));
    page_words(page, " % was measured");
    latency_words(page, tree_at(document, "latency"));
    if (tree_integer(document, "credit.amount_minor") != 0) {
        page_words(page, ", and a credit of ");
        amount(page);
        page_words(page, " is due");
    }
    page_words(page, ".");
    page_close(page, PAGE_PARAGRAPH);
}

void part_cover(struct page *page)
{
    cover_line(page);
    notices(page);
    verdict_sentence(page);
    page_open(page, PAGE_VERDICT);
    verdict_uptime(page);
    verdict_credit(page);
    page_close(page, PAGE_VERDICT);
}

/* The figures of one service, or of the contract. */
static void measured_cells(struct page *page, const struct tree *service)
{
    if (tree_present(service, "uptime")) {
        page_block(page, PAGE_CELL_WORDS,
                   tree_truth(service, "met") ? "\xe2\x9c\x93 met" : "\xe2\x9c\x97 missed");
        page_block(page, PAGE_CELL_NUMBER,
                   page_percent(page, tree_text(service, "uptime.percent")));
    } else {
        page_block(page, PAGE_CELL_WORDS, "not measured");
        page_block(page, PAGE_CELL_NUMBER, "-");
    }
    page_block(page, PAGE_CELL_NUMBER, page_number(page, tree_text(service, "budget.lost")));
    page_block(page, PAGE_CELL_NUMBER, page_number(page, tree_text(service, "budget.measured")));
    page_block(page, PAGE_CELL_NUMBER,
               tree_present(service, "budget.used_percent")
                   ? page_percent(page, tree_text(service, "budget.used_percent"))
                   : "-");
    page_block(page, PAGE_CELL_NUMBER, page_tier(page, tree_at(service, "tier")));
}

static void latency_row(struct page *page, const struct tree *service)
{
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(service, "service"));
    measured_cells(page, tree_at(service, "latency"));
}

/* The second level of the agreement. */
static void latency_table(struct page *page)
{
    static const char *const heads[] = {"Service", "Target",       "#Measured", "#Slow slices",
                                        "#Slices", "#Budget used", "#Credit",   NULL};
    const char *target = page_percent(page, tree_text(page->document, "latency.target"));

    page_list(page,
              arena_format(&page->arena,
                           "Latency: the share of slices that were fast enough, against the "
                           "target of %s",
                           target),
              heads, tree_at(page->document, "services"), latency_row);
}

static void service_row(struct page *page, const struct tree *service)
{
    static const char *const counts[] = {"requests.total", "requests.errors", "requests.slow"};

    page_open(page, PAGE_ROW);
    page_cell_name(page, PAGE_CELL_HEAD, tree_text(service, "service"));
    measured_cells(page, service);
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
        page_block(page, PAGE_CELL_NUMBER, page_integer(page, tree_integer(service, counts[i])));
    }
    page_close(page, PAGE_ROW);
}

/* What the contract comes to where it is more than one of its services. */
static void pooled_row(struct page *page)
{
    page_open(page, PAGE_ROW);
    page_block(page, PAGE_CELL_HEAD, "Contract");
    measured_cells(page, page->document);
    for (int i = 0; i < 3; i++) {
        page_block(page, PAGE_CELL_NUMBER, "");
    }
    page_close(page, PAGE_ROW);
}

static const char *pool_words(struct str pool)
{
    static const struct {
        const char *name, *words;
    } pools[] = {
        {"per_service", "Each service has a result of its own; that of the contract is the worst."},
        {"sum", "The contract is measured on the sum of its services."},
        {"all_required", "Each moment of the contract counts like the service that was worst then, "
                         "of those that were measured."},
        {"any_enough", "Each moment of the contract counts like the service that was best then, of "
                       "those that were measured."},
    };

    for (size_t i = 0; i < ARRAY_COUNT(pools); i++) {
        if (str_equal(pool, STR(pools[i].name))) {
            return pools[i].words;
        }
    }
    return "";
}

static void pool_note(struct page *page)
{
    page_open(page, PAGE_SMALL);
    page_words(page, pool_words(tree_text(page->document, "method.pool")));
    if (tree_present(page->document, "worst_service")) {
        page_words(page, " Here it is that of ");
        page_name(page, tree_text(page->document, "worst_service"));
        page_words(page, ".");
    }
    page_close(page, PAGE_SMALL);
}

void part_services(struct page *page)
{
    const struct tree *services = tree_at(page->document, "services");
    bool seconds = str_equal(tree_text(page->document, "method.unit"), STR("s"));
    const char *heads[] = {"Service",
                           "Target",
                           "#Measured",
                           seconds ? "#Lost,\xc2\xa0s" : "#Lost requests",
                           seconds ? "#Measured,\xc2\xa0s" : "#Valid requests",
                           "#Budget used",
                           "#Credit",
                           "#Requests",
                           "#Errors",
                           "#Slow",
                           NULL};

    page->form->table(page,
                      arena_format(&page->arena, "Against the target of %s",
                                   page_percent(page, tree_text(page->document, "target"))),
                      heads);
    for (size_t i = 0; i < services->count; i++) {
        service_row(page, &services->children[i]);
    }
    if (services->count > 1) {
        pooled_row(page);
    }
    page->form->table_end(page);
    pool_note(page);
    if (tree_present(page->document, "latency")) {
        latency_table(page);
    }
}
