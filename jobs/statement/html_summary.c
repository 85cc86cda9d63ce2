/* What a reader wants first: whose statement this is, what it says, and what each service did. */
#include "base/check.h"
#include "jobs/statement/html.h"

static bool provisional(const struct page *page)
{
    return str_equal(tree_text(page->document, "status"), STR("provisional"));
}

static void cover_line(struct page *page)
{
    const struct tree *document = page->document;

    page_raw(page, "<header><p class=\"kicker\">SLA statement - ");
    page_raw(page, provisional(page) ? "provisional" : "final");
    page_raw(page, "</p><h1>");
    page_name(page, tree_text(document, "contract.customer"));
    page_raw(page, "</h1><dl class=\"facts\"><dt>Contract</dt><dd>");
    page_name(page, tree_text(document, "contract.id"));
    page_raw(page, "</dd><dt>Period</dt><dd>");
    page_text(page, tree_text(document, "period.name"));
    page_raw(page, ": ");
    page_time(page, tree_text(document, "period.from"));
    page_raw(page, " to ");
    page_time(page, tree_text(document, "period.to"));
    page_raw(page, "</dd><dt>Time zone</dt><dd>");
    page_text(page, tree_text(document, "period.time_zone"));
    page_raw(page, "</dd><dt>Revision</dt><dd>");
    page_words(page, page_integer(page, tree_integer(document, "revision")));
    page_raw(page, "</dd></dl></header>\n");
}

static void notices(struct page *page)
{
    if (provisional(page)) {
        page_raw(page, "<p class=\"notice\" role=\"note\"><strong>Provisional.</strong> The period "
                       "or its grace is not over, or events are missing. Nothing is owed on the "
                       "basis of this page, and its figures may change.</p>\n");
    }
    if (!tree_truth(page->document, "completeness.complete") && !provisional(page)) {
        page_raw(page, "<p class=\"notice\" role=\"note\"><strong>Incomplete data.</strong> This "
                       "statement was issued although events of the period are missing; see "
                       "<a href=\"#completeness\">data completeness</a>.</p>\n");
    }
}

static void verdict_uptime(struct page *page)
{
    const struct tree *document = page->document;
    bool known = tree_present(document, "uptime");
    bool met = tree_truth(document, "met");

    page_raw(page, "<div><dt>Result</dt>");
    if (!known) {
        page_raw(page, "<dd>Nothing measured<small>there is no uptime</small></dd></div>");
        return;
    }
    page_raw(page, met ? "<dd class=\"good\">&#10003; Target met<small>"
                       : "<dd class=\"bad\">&#10007; Target missed<small>");
    page_text(page, tree_text(document, "target"));
    page_raw(page, " % agreed</small></dd></div><div><dt>Measured uptime</dt><dd>");
    page_text(page, tree_text(document, "uptime.percent"));
    page_raw(page, " %<small>rounded down; exactly ");
    page_words(page, page_number(page, tree_text(document, "uptime.numerator")));
    page_raw(page, " / ");
    page_words(page, page_number(page, tree_text(document, "uptime.denominator")));
    page_raw(page, "</small></dd></div>");
}

static void verdict_credit(struct page *page)
{
    const struct tree *document = page->document;

    page_raw(page, "<div><dt>Credit</dt><dd>");
    if (!tree_present(document, "credit")) {
        page_raw(page, "None<small>the contract has no credits</small>");
    } else {
        page_words(page, page_number(page, tree_text(document, "credit.amount")));
        page_raw(page, " ");
        page_text(page, tree_text(document, "credit.currency"));
        page_raw(page, "<small>");
        if (tree_integer(document, "credit.amount_minor") == 0) {
            page_raw(page, "nothing is owed");
        } else if (tree_present(document, "credit.claim_until")) {
            page_raw(page, "to be claimed until ");
            page_time(page, tree_text(document, "credit.claim_until"));
        } else {
            page_raw(page, "without a deadline for the claim");
        }
        page_raw(page, "</small>");
    }
    page_raw(page, "</dd></div>");
}

/* The same in one sentence, for those who are read to. */
static void verdict_sentence(struct page *page)
{
    const struct tree *document = page->document;

    if (!tree_present(document, "uptime")) {
        page_raw(page, "<p>Nothing was measured in this period, so nothing is owed.</p>\n");
        return;
    }
    page_raw(page, "<p>The agreed uptime of ");
    page_text(page, tree_text(document, "target"));
    page_raw(page, tree_truth(document, "met") ? " % was met: " : " % was missed: ");
    page_text(page, tree_text(document, "uptime.percent"));
    page_raw(page, " % was measured");
    if (tree_integer(document, "credit.amount_minor") != 0) {
        page_raw(page, ", and a credit of ");
        page_words(page, page_number(page, tree_text(document, "credit.amount")));
        page_raw(page, " ");
        page_text(page, tree_text(document, "credit.currency"));
        page_raw(page, " is due");
    }
    page_raw(page, ".</p>\n");
}

void html_cover(struct page *page)
{
    cover_line(page);
    notices(page);
    verdict_sentence(page);
    page_raw(page, "<dl class=\"verdict\">");
    verdict_uptime(page);
    verdict_credit(page);
    page_raw(page, "</dl>\n");
}

/* The figures of one service, or of the contract. */
static void measured_cells(struct page *page, const struct tree *service)
{

    if (tree_present(service, "uptime")) {
        page_cell_words(page,
                        tree_truth(service, "met") ? "\xe2\x9c\x93 met" : "\xe2\x9c\x97 missed");
        page_cell_number(
            page, arena_format(&page->arena, "%s %%",
                               arena_text(&page->arena, tree_text(service, "uptime.percent"))));
    } else {
        page_cell_words(page, "not measured");
        page_cell_number(page, "-");
    }
    page_cell_number(page, page_number(page, tree_text(service, "budget.lost")));
    page_cell_number(page, page_number(page, tree_text(service, "budget.measured")));
    page_cell_number(
        page, tree_present(service, "budget.used_percent")
                  ? arena_format(&page->arena, "%s %%",
                                 page_number(page, tree_text(service, "budget.used_percent")))
                  : "-");
}

static void service_row(struct page *page, const struct tree *service)
{
    page_raw(page, "<tr><th scope=\"row\">");
    page_name(page, tree_text(service, "service"));
    page_raw(page, "</th>");
    measured_cells(page, service);
    page_cell_number(page, page_integer(page, tree_integer(service, "requests.total")));
    page_cell_number(page, page_integer(page, tree_integer(service, "requests.errors")));
    page_cell_number(page, page_integer(page, tree_integer(service, "requests.slow")));
    page_raw(page, "</tr>\n");
}

/* What the contract comes to where it is more than one of its services. */
static void pooled_row(struct page *page)
{
    page_raw(page, "<tr><th scope=\"row\">Contract</th>");
    measured_cells(page, page->document);
    page_raw(page, "<td></td><td></td><td></td></tr>\n");
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

void html_services(struct page *page)
{
    const struct tree *services = tree_at(page->document, "services");
    bool seconds = str_equal(tree_text(page->document, "method.unit"), STR("s"));
    const char *heads[] = {"Service",
                           "Target",
                           "#Measured",
                           seconds ? "#Lost, s" : "#Lost requests",
                           seconds ? "#Measured, s" : "#Valid requests",
                           "#Budget used",
                           "#Requests",
                           "#Errors",
                           "#Slow",
                           NULL};

    page_section(page, "services", "Services");
    page_table(page,
               arena_format(&page->arena, "Against the target of %s %%",
                            arena_text(&page->arena, tree_text(page->document, "target"))),
               heads);
    for (size_t i = 0; i < services->count; i++) {
        service_row(page, &services->children[i]);
    }
    if (services->count > 1) {
        pooled_row(page);
    }
    page_table_end(page);
    page_raw(page, "<p class=\"small soft\">");
    page_words(page, pool_words(tree_text(page->document, "method.pool")));
    if (tree_present(page->document, "worst_service")) {
        page_raw(page, " Here it is that of ");
        page_name(page, tree_text(page->document, "worst_service"));
        page_raw(page, ".");
    }
    page_raw(page, "</p>\n");
    page_section_end(page);
}
