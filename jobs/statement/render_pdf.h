/*
 * The PDF form of a statement's page: A4, tagged, drawn with Cairo and Pango. Internal to the PDF renderer.
 *
 * All lengths are in Pango units, 1024 to a point. Everything is laid out twice, first without ink, so that each page can say how many
 * there are; texts are measured in the first pass only, and both passes must therefore take the same way. A text of the document is made printable when it comes in (render_pdf_text.c). Nothing is cut without a sign: texts beyond
 * PDF_TEXT_SIZE_MAX and lists beyond PAGE_ROWS_MAX say so, and there is an end to pages.
 */
#ifndef JOBS_STATEMENT_RENDER_PDF_H
#define JOBS_STATEMENT_RENDER_PDF_H

#include "jobs/statement/page.h"
#include "jobs/statement/render_pdf_library.h"

#define PDF_POINTS(number) ((int)((number)*PANGO_SCALE))

enum {
    PDF_LEFT = PDF_POINTS(45),
    PDF_WIDTH = PDF_POINTS(505), /* between the margins */
    PDF_TOP = PDF_POINTS(58),
    PDF_BOTTOM = PDF_POINTS(790),
    PDF_HEIGHT = PDF_BOTTOM - PDF_TOP,
    PDF_TEXT_SIZE_MAX = 8192,            /* bytes of one text as it is printed */
    PDF_SERVICES_MAX = 1000,             /* whose days are drawn */
    PDF_ROWS_MAX = PDF_SERVICES_MAX + 1, /* of a table: these, and a sum */
    PDF_DAYS_MAX = 400,                  /* of one service: a year and some */
};

enum pdf_style {
    PDF_BODY,
    PDF_FINE, /* small print */
    PDF_CELL,
    PDF_HEAD, /* of a table's column */
    PDF_KICKER,
    PDF_TITLE,
    PDF_SECTION,
    PDF_SERVICE,
    PDF_VALUE, /* in a box */
    PDF_VALUE_GOOD,
    PDF_VALUE_BAD,
    PDF_RUNNING, /* heads and feet of pages */
    PDF_STYLE_COUNT
};

/* Printable UTF-8, and which part of it is strong. */
struct pdf_text {
    const char *text;
    int strong_from, strong_to; /* bytes */
};

/* How a text is set: in a box that is this wide. */
struct pdf_setting {
    enum pdf_style style;
    int width;      /* lines break here; -1: one line however long it gets */
    int height_max; /* what is higher ends in an ellipsis; 0: no end */
    int percent;    /* of the style's size; 0 means 100 */
    bool right;     /* to the right edge */
};

struct pdf_table;

struct pdf {
    struct page page; /* the first member: a page of the PDF form is one of these */
    const struct pdf_library *library;
    PangoLayout *layout; /* for every text, one after the other */
    PangoFontDescription *fonts[PDF_STYLE_COUNT];
    cairo_t *ink; /* NULL in the first pass; ask pdf_inked before drawing */
    int *
        lengths; /* owned; all that was measured in the first pass: the second asks for the same in the same order */
    size_t length_count, length_next;
    int page_number;
    int page_count;          /* from the first pass */
    int y;                   /* where the next thing goes */
    bool ended;              /* no more pages: the rest is left out */
    int bars_count;          /* services whose days were drawn */
    const char *section;     /* a heading that waits for what stands below it; NULL: none */
    struct strbuf collected; /* the text of the open block */
    bool cut;                /* it was longer than that */
    int strong_from, strong_to;
    bool has_swatch; /* in the open block */
    enum time_class swatch;
    struct pdf_text term; /* of a fact whose detail is to come */
    int item_number;      /* of a numbered list; 0: not in one */
    int legend_x;
    bool in_legend;
    struct pdf_text boxes[4][3]; /* title, value, small print */
    enum pdf_style box_styles[4];
    int box_count;           /* begun */
    struct pdf_table *table; /* open, in the page's arena; NULL: none */
};

static inline bool pdf_inked(const struct pdf *pdf)
{
    return pdf->ink != NULL && !pdf->ended;
}

static inline struct pdf *pdf_of(struct page *page)
{
    return (struct pdf *)page;
}

/* Texts: render_pdf_text.c */

enum err_code pdf_text_open(struct pdf *pdf, struct err *err);
void pdf_text_close(struct pdf *pdf);
/* Appends what is printable of text, and names what is not: "[U+202E]". name: its direction stays its own. */
void pdf_text_collect(struct pdf *pdf, struct str text, bool name);
/* What was collected; the collection is empty afterwards. */
struct pdf_text pdf_text_take(struct pdf *pdf);
struct pdf_text pdf_text_of(struct pdf *pdf, const char *words);
int pdf_text_height(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text);
/* Of the text in one line, and of its longest word. */
int pdf_text_width(struct pdf *pdf, enum pdf_style style, struct pdf_text text);
int pdf_text_word_width(struct pdf *pdf, enum pdf_style style, struct pdf_text text);
/* tag: of the PDF's structure; NULL: none. */
void pdf_text_draw(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text, int x,
                   int y, const char *tag);

/* The sheet: render_pdf.c. All of it is nothing in the first pass. */

void pdf_begin(struct pdf *pdf, const char *tag);
void pdf_end(struct pdf *pdf, const char *tag);
void pdf_fill(struct pdf *pdf, unsigned rgb, int x, int y, int width, int height);
/* Begins a new page if less than that is left, and puts the heading that waits. */
void pdf_need(struct pdf *pdf, int height);
void pdf_new_page(struct pdf *pdf);

/* Completes the file that stands in out from there on: render_pdf_catalog.c */
void pdf_catalog_complete(struct pdf *pdf, struct strbuf *out, size_t from);

/* Blocks: render_pdf_blocks.c */

void pdf_open(struct page *page, enum page_block block);
void pdf_close(struct page *page, enum page_block block);
/* A text of its own lines, below what there is. */
void pdf_paragraph(struct pdf *pdf, enum pdf_style style, struct pdf_text text, const char *tag,
                   int space_below);

/* Tables: render_pdf_table.c */

void pdf_table(struct page *page, const char *caption, const char *const *heads);
void pdf_table_end(struct page *page);
void pdf_table_row(struct pdf *pdf);
void pdf_table_cell(struct pdf *pdf, enum page_block cell, struct pdf_text text);

/* Drawings: render_pdf_bars.c */

void pdf_swatch(struct pdf *pdf, enum time_class class, int x, int y, int size);
void pdf_bars(struct page *page, const struct tree *service);

#endif
