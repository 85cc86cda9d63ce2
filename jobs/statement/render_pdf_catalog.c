/*
 * What this Cairo has no call for: the language of the text, and that a window shows the title. Both are entries of the catalog, which Cairo writes
 * as the last object before the table of objects: what is put in there moves nothing but that table itself.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "jobs/statement/render_pdf.h"

static const char entries[] = "   /Lang (en)\n   /ViewerPreferences << /DisplayDocTitle true >>\n";

/* Where a text stands last, at or after `from`; NULL if nowhere. */
static const char *find_last(const struct strbuf *out, size_t from, const char *words)
{
    const char *found = NULL;
    const char *at = out->data + from;

    while ((at = memmem(at, (size_t)(out->data + out->size - at), words, strlen(words))) != NULL) {
        found = at++;
    }
    return found;
}

/* A file of another form is left as it is: it lacks nothing but this. */
void pdf_catalog_complete(struct pdf *pdf, struct strbuf *out, size_t from)
{
    const char *catalog = find_last(out, from, "<< /Type /Catalog\n");
    const char *end = find_last(out, from, ">>\nendobj\nxref\n");
    const char *start = find_last(out, from, "\nstartxref\n");
    struct str rest;

    if (catalog == NULL || end == NULL || start == NULL || end < catalog || start < end ||
        memmem(catalog, (size_t)(end - catalog), "endobj", 6) != NULL) {
        return;
    }
    rest = arena_str(&pdf->page.arena, str_of(end, (size_t)(start - end)));
    out->size = (size_t)(end - out->data);
    strbuf_append_text(out, entries);
    strbuf_append(out, rest);
    strbuf_append_format(out, "\nstartxref\n%zu\n%%%%EOF\n",
                         out->size - rest.size - from + strlen(">>\nendobj\n"));
}
