#include "jobs/statement/render_pdf.h"

#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"

/* An end, whatever the document: a statement of a thousand services has a few hundred. */
enum { PAGE_COUNT_MAX = 2000 };

enum { SECTION_ABOVE = PDF_POINTS(13), SECTION_BELOW = PDF_POINTS(5) };

static const unsigned line_rgb = 0xc9cfd7;

static const struct pdf_setting running = {
    .style = PDF_RUNNING, .width = PDF_POINTS(420), .height_max = 1};

void pdf_begin(struct pdf *pdf, const char *tag)
{
    if (pdf->ink != NULL) {
        pdf->library->cairo_tag_begin(pdf->ink, tag, NULL);
    }
}

void pdf_end(struct pdf *pdf, const char *tag)
{
    if (pdf->ink != NULL) {
        pdf->library->cairo_tag_end(pdf->ink, tag);
    }
}

void pdf_fill(struct pdf *pdf, unsigned rgb, int x, int y, int width, int height)
{
    const struct pdf_library *library = pdf->library;

    if (pdf_inked(pdf)) {
        library->cairo_set_source_rgb(pdf->ink, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                                      (rgb & 255) / 255.0);
        library->cairo_rectangle(pdf->ink, (double)x / PANGO_SCALE, (double)y / PANGO_SCALE,
                                 (double)width / PANGO_SCALE, (double)height / PANGO_SCALE);
        library->cairo_fill(pdf->ink);
    }
}

/* What stands on every page: whose statement it is, which page of how many, and what vouches for it. Not part of the structure, which is read once. */
static void draw_frame(struct pdf *pdf)
{
    const struct tree *document = pdf->page.document;
    struct pdf_setting left = running, right = running;

    struct arena *arena = &pdf->page.arena;

    left.width = PDF_POINTS(350);
    right.right = true;
    right.width = PDF_POINTS(150);
    pdf_text_collect(pdf, STR("SLA statement, contract "), false);
    pdf_text_collect(pdf, tree_text(document, "contract.id"), true);
    pdf_text_draw(pdf, &left, pdf_text_take(pdf), PDF_LEFT, PDF_POINTS(30), NULL);
    pdf_text_collect(pdf, tree_text(document, "period.name"), false);
    pdf_text_collect(
        pdf,
        STR(arena_format(arena, ", revision %s, ",
                         page_integer(&pdf->page, tree_integer(document, "revision")))),
        false);
    pdf_text_collect(pdf, tree_text(document, "status"), false);
    pdf_text_draw(pdf, &right, pdf_text_take(pdf), PDF_LEFT + PDF_WIDTH - right.width,
                  PDF_POINTS(30), NULL);
    pdf_fill(pdf, line_rgb, PDF_LEFT, PDF_POINTS(43), PDF_WIDTH, PDF_POINTS(0.5));
    pdf_fill(pdf, line_rgb, PDF_LEFT, PDF_POINTS(802), PDF_WIDTH, PDF_POINTS(0.5));
    pdf_text_draw(pdf, &running,
                  pdf_text_of(pdf, arena_format(arena, "JSON document, SHA-256: %s",
                                                pdf->page.source->sha256)),
                  PDF_LEFT, PDF_POINTS(806), NULL);
    pdf_text_draw(
        pdf, &right,
        pdf_text_of(pdf, arena_format(arena, "Page %d of %d", pdf->page_number, pdf->page_count)),
        PDF_LEFT + PDF_WIDTH - right.width, PDF_POINTS(806), NULL);
}

void pdf_new_page(struct pdf *pdf)
{
    if (pdf->page_number >= PAGE_COUNT_MAX) {
        pdf_text_draw(pdf, &running,
                      (struct pdf_text){.text = "Cut here: the JSON document has all of it."},
                      PDF_LEFT, PDF_BOTTOM, "P");
        pdf->ended = true; /* what follows lands nowhere */
        pdf->y = PDF_TOP;
        return;
    }
    if (pdf->page_number > 0 && pdf->ink != NULL) {
        pdf->library->cairo_show_page(pdf->ink);
    }
    pdf->page_number++;
    pdf->y = PDF_TOP;
    if (pdf->ink != NULL) {
        draw_frame(pdf);
    }
}

/* A heading stands on the page of what it heads. */
void pdf_need(struct pdf *pdf, int height)
{
    struct pdf_setting setting = {.style = PDF_SECTION, .width = PDF_WIDTH};
    struct pdf_text heading = {0};
    int heading_height = 0;

    if (pdf->section != NULL) {
        heading = (struct pdf_text){.text = pdf->section};
        heading_height = pdf_text_height(pdf, &setting, heading) + SECTION_ABOVE + SECTION_BELOW;
    }
    if (pdf->y + heading_height + height > PDF_BOTTOM && pdf->y > PDF_TOP) {
        pdf_new_page(pdf);
    }
    if (pdf->section != NULL) {
        pdf->section = NULL;
        pdf->y += pdf->y > PDF_TOP ? SECTION_ABOVE : 0;
        pdf_text_draw(pdf, &setting, heading, PDF_LEFT, pdf->y, "H2");
        pdf->y += pdf_text_height(pdf, &setting, heading) + SECTION_BELOW;
    }
}

static void section(struct page *page, const char *id, const char *title)
{
    (void)id;
    pdf_begin(pdf_of(page), "Sect");
    pdf_of(page)->section = title;
}

static void section_end(struct page *page)
{
    pdf_need(pdf_of(page), 0);
    pdf_end(pdf_of(page), "Sect");
}

static void text(struct page *page, enum page_style style, struct str words)
{
    struct pdf *pdf = pdf_of(page);
    int from = (int)pdf->collected.size;

    pdf_text_collect(pdf, words, style == PAGE_NAME);
    if (style == PAGE_STRONG) {
        pdf->strong_from = from;
        pdf->strong_to = (int)pdf->collected.size;
    }
}

static void moment(struct page *page, struct str when)
{
    struct pdf *pdf = pdf_of(page);

    if (when.size > 19 && when.data[10] == 'T') {
        pdf_text_collect(pdf, str_of(when.data, 10), false);
        pdf_text_collect(pdf, STR(" "), false);
        pdf_text_collect(pdf, str_of(when.data + 11, 8), false);
        pdf_text_collect(pdf, STR("\xc2\xa0"), false); /* breaks before the time, if at all */
        when = str_of(when.data + 19, when.size - 19);
    }
    pdf_text_collect(pdf, when, false);
}

static void link_to(struct page *page, const char *section_id, const char *words)
{
    (void)section_id;
    pdf_text_collect(pdf_of(page), STR(words), false);
}

static void swatch(struct page *page, enum time_class class)
{
    pdf_of(page)->has_swatch = true;
    pdf_of(page)->swatch = class;
}

static const struct page_form form = {
    .section = section,
    .section_end = section_end,
    .open = pdf_open,
    .close = pdf_close,
    .text = text,
    .moment = moment,
    .link = link_to,
    .swatch = swatch,
    .table = pdf_table,
    .table_end = pdf_table_end,
    .bars = pdf_bars,
};

/* The time that the file says it was made: the end of the period, because the clock must not show. */
static const char *creation_date(const struct pdf *pdf, char date[CIVIL_TEXT_SIZE])
{
    int64_t end_ns;

    if (!civil_parse_rfc3339(tree_text(pdf->page.document, "period.to"), &end_ns)) {
        end_ns = 0;
    }
    return civil_format_rfc3339(end_ns / 1000000000 * 1000000000, date);
}

static void set_metadata(struct pdf *pdf, cairo_surface_t *surface)
{
    const struct pdf_library *library = pdf->library;
    const struct tree *document = pdf->page.document;
    char date[CIVIL_TEXT_SIZE];

    pdf_text_collect(pdf, STR("SLA statement "), false);
    pdf_text_collect(pdf, tree_text(document, "period.name"), false);
    pdf_text_collect(pdf, STR(" - "), false);
    pdf_text_collect(pdf, tree_text(document, "contract.customer"), false);
    library->cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE,
                                            pdf_text_take(pdf).text);
    library->cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_AUTHOR, "uptally");
    library->cairo_pdf_surface_set_metadata(
        surface, CAIRO_PDF_METADATA_SUBJECT,
        arena_format(&pdf->page.arena, "JSON document, SHA-256: %s", pdf->page.source->sha256));
    pdf_text_collect(pdf, STR("uptally "), false);
    pdf_text_collect(pdf, tree_text(document, "program.version"), false);
    pdf_text_collect(pdf, STR(", Pango "), false);
    pdf_text_collect(pdf, STR(library->pango_version_string()), false);
    library->cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR,
                                            pdf_text_take(pdf).text);
    library->cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                            creation_date(pdf, date));
}

static cairo_status_t write_bytes(void *closure, const unsigned char *data, unsigned size)
{
    struct strbuf *out = closure;

    strbuf_append(out, str_of((const char *)data, size));
    return out->overflow ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

/* One pass over the page, from its first line. */
static void lay_out(struct pdf *pdf)
{
    pdf->page_number = 0;
    pdf->ended = false;
    pdf->bars_count = 0;
    pdf_begin(pdf, "Document");
    pdf_new_page(pdf);
    page_write(&pdf->page);
    pdf_end(pdf, "Document");
    pdf->page_count = pdf->page_number;
}

static enum err_code draw(struct pdf *pdf, struct strbuf *out, struct err *err)
{
    const struct pdf_library *library = pdf->library;
    cairo_surface_t *surface = library->cairo_pdf_surface_create_for_stream(
        write_bytes, out, 595.275590551, 841.889763780); /* A4 */
    size_t from = out->size;
    cairo_status_t status;

    pdf->ink = library->cairo_create(surface);
    set_metadata(pdf, surface);
    lay_out(pdf);
    library->cairo_show_page(pdf->ink);
    status = library->cairo_status(pdf->ink);
    library->cairo_destroy(pdf->ink);
    pdf->ink = NULL;
    library->cairo_surface_finish(surface);
    if (status == CAIRO_STATUS_SUCCESS) {
        status = library->cairo_surface_status(surface);
    }
    library->cairo_surface_destroy(surface);
    if (status != CAIRO_STATUS_SUCCESS && !out->overflow) {
        return err_set(err, ERR_FAILED, "PDF: %s", library->cairo_status_to_string(status));
    }
    if (!out->overflow) {
        pdf_catalog_complete(pdf, out, from);
    }
    return ERR_OK;
}

enum err_code render_pdf(const struct render_source *source, struct strbuf *out, struct err *err)
{
    struct pdf pdf = {
        .page = {.form = &form, .source = source, .document = source->tree, .arena = ARENA_INIT}};
    enum err_code code = pdf_library_open(&pdf.library, err);

    if (code != ERR_OK) {
        return code;
    }
    code = pdf_text_open(&pdf, err);
    if (code == ERR_OK) {
        lay_out(&pdf);
        arena_clear(&pdf.page.arena);
        code = draw(&pdf, out, err);
    }
    pdf_text_close(&pdf);
    arena_release(&pdf.page.arena);
    return code;
}

enum err_code render_pdf_ready(struct strbuf *detail, struct err *err)
{
    const struct pdf_library *library;
    enum err_code code = pdf_library_open(&library, err);

    if (code == ERR_OK) {
        strbuf_append_format(detail, "Pango %s, %s", library->pango_version_string(),
                             pdf_library_family);
    }
    return code;
}
