/*
 * The parts of the HTML page, in the order in which a reader meets them. Internal to the HTML renderer.
 *
 * Everything that comes from the document goes through page_text; literal markup through page_raw. The page has no script, loads nothing, and its
 * one style is allowed by hash. Names from outside stand in <bdi>, so that their direction stays theirs.
 */
#ifndef JOBS_STATEMENT_HTML_H
#define JOBS_STATEMENT_HTML_H

#include "base/arena.h"
#include "jobs/statement/model.h"
#include "jobs/statement/render.h"

struct page {
    const struct render_source *source;
    const struct tree *document; /* of source */
    struct strbuf *out;
    struct arena arena; /* texts on their way */
};

enum { PAGE_ROWS_MAX = 500 }; /* of one list; the document has them all */

/* Literal markup of this program. */
void page_raw(struct page *page, const char *markup);
void page_text(struct page *page, struct str text);
void page_words(struct page *page, const char *text);
/* A name from outside. */
void page_name(struct page *page, struct str name);
/* A table cell: with words, kept wide enough to read; with a number. */
void page_cell_words(struct page *page, const char *text);
void page_cell_number(struct page *page, const char *text);
/* <h2> with an id and the section's start; page_section_end closes it. */
void page_section(struct page *page, const char *id, const char *title);
void page_section_end(struct page *page);
/* Table in a frame that scrolls by itself on narrow screens. heads: NULL-terminated; those that start with '#' are of numbers. */
void page_table(struct page *page, const char *caption, const char *const *heads);
void page_table_end(struct page *page);
/* <time> of an RFC 3339 text: "2026-10-03 12:15:00 +02:00"; may break before the offset. */
void page_time(struct page *page, struct str moment);
/* Decimal text of the document, digit by digit, with commas between thousands. */
const char *page_number(struct page *page, struct str decimal);
const char *page_integer(struct page *page, int64_t value);
/* Swatch of a time class: its pattern and colour. */
void page_swatch(struct page *page, enum time_class class);

void html_cover(struct page *page);
void html_services(struct page *page);
void html_time(struct page *page);
void html_bars(struct page *page);
void html_incidents(struct page *page);
void html_exclusions(struct page *page);
void html_completeness(struct page *page);
void html_credit(struct page *page);
void html_method(struct page *page);
void html_audit(struct page *page);
void html_verify(struct page *page);

extern const char html_style[];
/* Patterns that swatches and bars refer to. */
extern const char html_patterns[];

#endif
