/*
 * The HTML form of a statement's page. Internal to the HTML renderer.
 *
 * Everything that comes from the document goes through base/markup; literal markup through html_raw. The page has no script, loads nothing, and its one
 * style is allowed by hash. Names from outside stand in <bdi>, so that their direction stays theirs.
 */
#ifndef JOBS_STATEMENT_RENDER_HTML_H
#define JOBS_STATEMENT_RENDER_HTML_H

#include "jobs/statement/page.h"

struct html {
    struct page page; /* the first member: a page of the HTML form is one of these */
    struct strbuf *out;
};

void html_raw(struct html *html, const char *markup);
void html_table(struct page *page, const char *caption, const char *const *heads);
void html_table_end(struct page *page);
void html_bars(struct page *page, const struct tree *service);

extern const char html_style[];
/* Patterns that swatches and bars refer to. */
extern const char html_patterns[];

#endif
