/* What is no table: titles, paragraphs, facts, lists, the boxes of the verdict. */
#include <stdio.h>

#include "base/check.h"
#include "jobs/statement/render_pdf.h"

enum {
    TERM_WIDTH = PDF_POINTS(82),
    ITEM_INDENT = PDF_POINTS(16),
    LEGEND_GAP = PDF_POINTS(14),
    LEGEND_LINE = PDF_POINTS(13),
    SWATCH_SIZE = PDF_POINTS(8),
    SWATCH_WIDTH = PDF_POINTS(12),
    BOX_GAP = PDF_POINTS(8),
    BOX_PADDING = PDF_POINTS(8)
};

static const unsigned panel_rgb = 0xf1f3f6;
static const unsigned notice_rgb = 0x8a2d00;

void pdf_paragraph(struct pdf *pdf, enum pdf_style style, struct pdf_text text, const char *tag,
                   int space_below)
{
    struct pdf_setting setting = {.style = style, .width = PDF_WIDTH, .height_max = PDF_HEIGHT / 2};
    int height = pdf_text_height(pdf, &setting, text);

    pdf_need(pdf, height);
    pdf_text_draw(pdf, &setting, text, PDF_LEFT, pdf->y, tag);
    pdf->y += height + space_below;
}

/* A paragraph that cannot be overlooked. */
static void notice(struct pdf *pdf, struct pdf_text text)
{
    struct pdf_setting setting = {.style = PDF_BODY, .width = PDF_WIDTH - 2 * BOX_PADDING};
    int height = pdf_text_height(pdf, &setting, text) + 2 * BOX_PADDING;

    pdf_need(pdf, height);
    pdf_fill(pdf, panel_rgb, PDF_LEFT, pdf->y, PDF_WIDTH, height);
    pdf_fill(pdf, notice_rgb, PDF_LEFT, pdf->y, PDF_POINTS(2), height);
    pdf_text_draw(pdf, &setting, text, PDF_LEFT + BOX_PADDING, pdf->y + BOX_PADDING, "P");
    pdf->y += height + PDF_POINTS(8);
}

/* Term and detail side by side: a table without lines. */
static void fact(struct pdf *pdf, struct pdf_text detail)
{
    struct pdf_setting left = {.style = PDF_FINE, .width = TERM_WIDTH};
    struct pdf_setting right = {
        .style = PDF_BODY, .width = PDF_WIDTH - TERM_WIDTH, .height_max = PDF_HEIGHT / 2};
    int height = pdf_text_height(pdf, &right, detail);

    pdf_need(pdf, height);
    pdf_begin(pdf, "TR");
    pdf_text_draw(pdf, &left, pdf->term, PDF_LEFT, pdf->y + PDF_POINTS(1.2), "TH");
    pdf_text_draw(pdf, &right, detail, PDF_LEFT + TERM_WIDTH, pdf->y, "TD");
    pdf_end(pdf, "TR");
    pdf->y += height + PDF_POINTS(2);
}

static void numbered_item(struct pdf *pdf, struct pdf_text text)
{
    struct pdf_setting setting = {
        .style = PDF_BODY, .width = PDF_WIDTH - ITEM_INDENT, .height_max = PDF_HEIGHT / 2};
    int height = pdf_text_height(pdf, &setting, text);
    char label[16];

    (void)snprintf(label, sizeof(label), "%d.", pdf->item_number++);
    pdf_need(pdf, height);
    pdf_begin(pdf, "LI");
    pdf_text_draw(pdf, &setting, (struct pdf_text){.text = label}, PDF_LEFT, pdf->y, "Lbl");
    pdf_text_draw(pdf, &setting, text, PDF_LEFT + ITEM_INDENT, pdf->y, "LBody");
    pdf_end(pdf, "LI");
    pdf->y += height + PDF_POINTS(2);
}

/* Side by side, as many as a line holds. */
static void legend_item(struct pdf *pdf, struct pdf_text text)
{
    struct pdf_setting setting = {.style = PDF_FINE, .width = -1};
    int width = pdf_text_width(pdf, setting.style, text) + SWATCH_WIDTH;

    if (pdf->legend_x + width > PDF_LEFT + PDF_WIDTH) {
        pdf->legend_x = PDF_LEFT;
        pdf->y += LEGEND_LINE;
    }
    if (pdf->legend_x == PDF_LEFT) {
        pdf_need(pdf, LEGEND_LINE);
    }
    pdf_swatch(pdf, pdf->swatch, pdf->legend_x, pdf->y + PDF_POINTS(1), SWATCH_SIZE);
    pdf_begin(pdf, "LI");
    pdf_text_draw(pdf, &setting, text, pdf->legend_x + SWATCH_WIDTH, pdf->y, "LBody");
    pdf_end(pdf, "LI");
    pdf->legend_x += width + LEGEND_GAP;
}

static void item(struct pdf *pdf)
{
    struct pdf_text text = pdf_text_take(pdf);

    if (pdf->in_legend) {
        legend_item(pdf, text);
    } else {
        numbered_item(pdf, text);
    }
    pdf->has_swatch = false;
}

static struct pdf_setting box_setting(const struct pdf *pdf, int box, int line)
{
    return (struct pdf_setting){
        .style = line == 1 ? pdf->box_styles[box] : PDF_FINE,
        .width = (PDF_WIDTH - (pdf->box_count - 1) * BOX_GAP) / pdf->box_count - 2 * BOX_PADDING,
        .height_max = PDF_HEIGHT / 6};
}

static int box_height(struct pdf *pdf, int box)
{
    int height = 2 * BOX_PADDING;

    for (int line = 0; line < 3; line++) {
        struct pdf_setting setting = box_setting(pdf, box, line);

        height += pdf_text_height(pdf, &setting, pdf->boxes[box][line]);
    }
    return height;
}

static void draw_box(struct pdf *pdf, int box, int height)
{
    int width = box_setting(pdf, box, 0).width + 2 * BOX_PADDING;
    int x = PDF_LEFT + box * (width + BOX_GAP);
    int y = pdf->y + BOX_PADDING;

    pdf_fill(pdf, panel_rgb, x, pdf->y, width, height);
    for (int line = 0; line < 3; line++) {
        struct pdf_setting setting = box_setting(pdf, box, line);

        pdf_text_draw(pdf, &setting, pdf->boxes[box][line], x + BOX_PADDING, y, "P");
        y += pdf_text_height(pdf, &setting, pdf->boxes[box][line]);
    }
}

static void verdict(struct pdf *pdf)
{
    int height = 0;

    for (int box = 0; box < pdf->box_count; box++) {
        int needed = box_height(pdf, box);

        height = needed > height ? needed : height;
    }
    pdf_need(pdf, height);
    for (int box = 0; box < pdf->box_count; box++) {
        draw_box(pdf, box, height);
    }
    pdf->y += height;
    pdf->box_count = 0;
}

static void box_line(struct pdf *pdf, int line, enum pdf_style style)
{
    struct pdf_text text = pdf_text_take(pdf);

    if (line == 0) {
        CHECK(pdf->box_count < (int)ARRAY_COUNT(pdf->boxes));
        pdf->box_count++;
    }
    CHECK(pdf->box_count > 0);
    pdf->boxes[pdf->box_count - 1][line] = text;
    if (line == 1) {
        pdf->box_styles[pdf->box_count - 1] = style;
    }
}

void pdf_open(struct page *page, enum page_block block)
{
    struct pdf *pdf = pdf_of(page);

    if (block == PAGE_FACTS) {
        pdf_need(pdf, LEGEND_LINE);
        pdf_begin(pdf, "Table");
    } else if (block == PAGE_NUMBERED) {
        pdf->item_number = 1;
        pdf->y += PDF_POINTS(4);
        pdf_begin(pdf, "L");
    } else if (block == PAGE_LEGEND) {
        pdf->in_legend = true;
        pdf->legend_x = PDF_LEFT;
        pdf_begin(pdf, "L");
    }
}

static void close_list(struct pdf *pdf)
{
    if (pdf->in_legend) {
        pdf->y += LEGEND_LINE + PDF_POINTS(4);
    }
    pdf->in_legend = false;
    pdf_end(pdf, "L");
}

void pdf_close(struct page *page, enum page_block block)
{
    struct pdf *pdf = pdf_of(page);

    switch (block) {
    case PAGE_KICKER:
        pdf_paragraph(pdf, PDF_KICKER, pdf_text_take(pdf), "P", 0);
        break;
    case PAGE_TITLE:
        pdf_paragraph(pdf, PDF_TITLE, pdf_text_take(pdf), "H1", PDF_POINTS(8));
        break;
    case PAGE_PARAGRAPH:
        pdf_paragraph(pdf, PDF_BODY, pdf_text_take(pdf), "P", PDF_POINTS(5));
        break;
    case PAGE_SMALL:
    case PAGE_FOOTER:
        pdf_paragraph(pdf, PDF_FINE, pdf_text_take(pdf), "P", PDF_POINTS(5));
        break;
    case PAGE_NOTICE:
        notice(pdf, pdf_text_take(pdf));
        break;
    case PAGE_NUMBERED:
    case PAGE_LEGEND:
        close_list(pdf);
        break;
    case PAGE_ITEM:
        item(pdf);
        break;
    case PAGE_FACTS:
        pdf_end(pdf, "Table");
        pdf->y += PDF_POINTS(6);
        break;
    case PAGE_TERM:
        pdf->term = pdf_text_take(pdf);
        break;
    case PAGE_DETAIL:
        fact(pdf, pdf_text_take(pdf));
        break;
    case PAGE_VERDICT:
        verdict(pdf);
        break;
    case PAGE_BOX_TITLE:
        box_line(pdf, 0, PDF_FINE);
        break;
    case PAGE_BOX_VALUE:
        box_line(pdf, 1, PDF_VALUE);
        break;
    case PAGE_BOX_GOOD:
        box_line(pdf, 1, PDF_VALUE_GOOD);
        break;
    case PAGE_BOX_BAD:
        box_line(pdf, 1, PDF_VALUE_BAD);
        break;
    case PAGE_BOX_SMALL:
        box_line(pdf, 2, PDF_FINE);
        break;
    case PAGE_ROW:
        pdf_table_row(pdf);
        break;
    case PAGE_CELL_HEAD:
    case PAGE_CELL:
    case PAGE_CELL_WORDS:
    case PAGE_CELL_NUMBER:
        pdf_table_cell(pdf, block, pdf_text_take(pdf));
        break;
    case PAGE_BLOCK_COUNT:
        break;
    }
}
