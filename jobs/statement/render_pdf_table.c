/*
 * Tables. Rows wait until the last one is there, because the widths of columns follow from all of them: what is in numbers gets what it
 * needs, what is in words shares the rest. A row stands on one page, and the heads stand on every page.
 */
#include "base/check.h"
#include "base/memory.h"
#include "jobs/statement/render_pdf.h"

enum {
    COLUMNS_MAX = 16,
    GAP = PDF_POINTS(7),            /* between columns */
    PADDING = PDF_POINTS(2.2),      /* above and below a row's text */
    WORD_MAX = PDF_POINTS(70),      /* a longer word may be broken */
    NUMBER_MAX = PDF_POINTS(150),   /* a longer number as well */
    WORDS_MIN = PDF_POINTS(52),     /* of a column of words */
    LINES_MAX = PDF_HEIGHT * 4 / 5, /* of a row */
    TOGETHER_MAX = PDF_HEIGHT / 4,
    TOGETHER_ROWS = 3,
    PERCENT_STEP = 5,
    PERCENT_MIN = 80 /* how small the letters of a wide table may become */
};

static const unsigned rule_rgb = 0x7b8694;
static const unsigned line_rgb = 0xd5dae1;

struct cell {
    struct pdf_text text;
    int natural; /* width in one line, in full size */
    bool head;
    bool has_swatch;
    enum time_class swatch;
};

struct column {
    struct pdf_text head;
    bool number;
    int natural; /* width of the longest cell */
    int least;   /* of the longest word */
    int width;
};

struct row {
    struct row *next;
    struct cell cells[];
};

struct pdf_table {
    struct pdf_text caption;
    struct column columns[COLUMNS_MAX];
    int column_count;
    struct row *first, *last; /* in the page's arena */
    int row_count;
    int left_out;
    int line_height;
    int cell_count; /* of the last row */
    int percent;    /* of the letters' size */
};

enum { SWATCH_SIZE = PDF_POINTS(6.5), SWATCH_WIDTH = PDF_POINTS(10) };

static struct row *append_row(struct pdf *pdf, struct pdf_table *table)
{
    struct row *row = arena_alloc(&pdf->page.arena, sizeof(*row) + (size_t)table->column_count *
                                                                       sizeof(row->cells[0]));

    for (int i = 0; i < table->column_count; i++) {
        row->cells[i].text.text = "";
    }
    if (table->last != NULL) {
        table->last->next = row;
    } else {
        table->first = row;
    }
    table->last = row;
    table->row_count++;
    return row;
}

/* Of a table that is too long the last row is kept: it may be the sum. */
static struct row *next_row(struct pdf *pdf, struct pdf_table *table)
{
    if (table->row_count >= PDF_ROWS_MAX) {
        table->left_out++;
        return table->last;
    }
    return append_row(pdf, table);
}

void pdf_table(struct page *page, const char *caption, const char *const *heads)
{
    struct pdf *pdf = pdf_of(page);
    struct pdf_table *table = arena_alloc(&page->arena, sizeof(*table));

    CHECK(pdf->table == NULL);
    table->caption = pdf_text_of(pdf, caption);
    for (; *heads != NULL; heads++) {
        struct column *column = &table->columns[table->column_count++];

        CHECK(table->column_count <= COLUMNS_MAX);
        column->number = (*heads)[0] == '#';
        column->head = pdf_text_of(pdf, *heads + (column->number ? 1 : 0));
    }
    pdf->table = table;
}

void pdf_table_cell(struct pdf *pdf, enum page_block block, struct pdf_text text)
{
    struct pdf_table *table = pdf->table;
    struct row *row;

    CHECK(table != NULL);
    CHECK(table->cell_count < table->column_count);
    row = table->cell_count == 0 ? next_row(pdf, table) : table->last;
    row->cells[table->cell_count++] = (struct cell){.text = text,
                                                    .head = block == PAGE_CELL_HEAD,
                                                    .has_swatch = pdf->has_swatch,
                                                    .swatch = pdf->swatch};
    pdf->has_swatch = false;
}

void pdf_table_row(struct pdf *pdf)
{
    pdf->table->cell_count = 0;
}

/* Widths. */

static void take_width(struct column *column, int natural, int least)
{
    column->natural = natural > column->natural ? natural : column->natural;
    column->least = least > column->least ? least : column->least;
}

/* A number stays in one line, as far as that is possible. */
static void measure_cell(struct pdf *pdf, struct column *column, struct cell *cell)
{
    int swatch = cell->has_swatch ? SWATCH_WIDTH : 0;
    int natural =
        swatch + (cell->text.text[0] != '\0' ? pdf_text_width(pdf, PDF_CELL, cell->text) : 0);
    int least = natural;

    if (!column->number && natural > WORDS_MIN) {
        least = pdf_text_word_width(pdf, PDF_CELL, cell->text) + swatch;
        least = least < WORD_MAX ? least : WORD_MAX;
    }
    cell->natural = natural;
    take_width(column, natural, least < NUMBER_MAX ? least : NUMBER_MAX);
}

static void measure_column(struct pdf *pdf, struct pdf_table *table, int index)
{
    struct column *column = &table->columns[index];

    take_width(column, pdf_text_width(pdf, PDF_HEAD, column->head),
               pdf_text_word_width(pdf, PDF_HEAD, column->head));
    for (struct row *row = table->first; row != NULL; row = row->next) {
        measure_cell(pdf, column, &row->cells[index]);
    }
    if (!column->number && column->least < WORDS_MIN) {
        column->least = column->natural < WORDS_MIN ? column->natural : WORDS_MIN;
    }
    if (column->natural > PDF_WIDTH) {
        column->natural = PDF_WIDTH;
    }
}

static int available(const struct pdf_table *table)
{
    return PDF_WIDTH - (table->column_count - 1) * GAP;
}

static int64_t sum_of(const struct pdf_table *table, bool natural)
{
    int64_t sum = 0;

    for (int i = 0; i < table->column_count; i++) {
        sum += natural ? table->columns[i].natural : table->columns[i].least;
    }
    return sum * table->percent / 100;
}

/* Columns of words take what is left over, in proportion to their contents; without any, the first one does. */
static void spread(struct pdf_table *table)
{
    int64_t left = available(table) - sum_of(table, true);
    int64_t words = 0;

    for (int i = 0; i < table->column_count; i++) {
        words += table->columns[i].number ? 0 : table->columns[i].natural;
    }
    for (int i = 0; i < table->column_count; i++) {
        struct column *column = &table->columns[i];
        int64_t extra = 0;

        if (words > 0 && !column->number) {
            extra = left * column->natural / words;
        }
        column->width = (int)((int64_t)column->natural * table->percent / 100 + extra);
    }
}

static void squeeze(struct pdf_table *table)
{
    int64_t natural = sum_of(table, true);
    int64_t least = sum_of(table, false);
    int64_t room = available(table) - least;

    for (int i = 0; i < table->column_count; i++) {
        struct column *column = &table->columns[i];
        int64_t column_least = (int64_t)column->least * table->percent / 100;
        int64_t slack = (int64_t)(column->natural - column->least) * table->percent / 100;

        if (room >= 0) {
            column->width =
                (int)(column_least + (natural > least ? slack * room / (natural - least) : 0));
        } else {
            column->width = (int)(column_least * available(table) / least);
        }
    }
}

static void set_widths(struct pdf *pdf, struct pdf_table *table)
{
    for (int i = 0; i < table->column_count; i++) {
        measure_column(pdf, table, i);
    }
    table->line_height = pdf_text_height(pdf, &(struct pdf_setting){.style = PDF_CELL, .width = -1},
                                         (struct pdf_text){.text = "0"});
    table->percent = 100;
    while (table->percent > PERCENT_MIN && sum_of(table, false) > available(table)) {
        table->percent -= PERCENT_STEP;
    }
    if (sum_of(table, true) <= available(table)) {
        spread(table);
    } else {
        squeeze(table);
    }
}

/* Ink. */

static struct pdf_setting setting_of(const struct pdf_table *table, int index,
                                     const struct cell *cell)
{
    const struct column *column = &table->columns[index];

    return (struct pdf_setting){.style = cell == NULL ? PDF_HEAD : PDF_CELL,
                                .width = column->width -
                                         (cell != NULL && cell->has_swatch ? SWATCH_WIDTH : 0),
                                .height_max = LINES_MAX,
                                .percent = table->percent,
                                .right = column->number};
}

/* What fits into one line need not be set to know its height: nearly every cell. */
static int cell_height(struct pdf *pdf, const struct pdf_table *table, int index,
                       const struct cell *cell)
{
    struct pdf_setting setting = setting_of(table, index, cell);

    if (cell != NULL && table->percent == 100 && cell->natural <= table->columns[index].width) {
        return table->line_height;
    }
    return pdf_text_height(pdf, &setting, cell != NULL ? cell->text : table->columns[index].head);
}

static int row_height(struct pdf *pdf, const struct pdf_table *table, const struct row *row)
{
    int height = 0;

    for (int i = 0; i < table->column_count; i++) {
        const struct cell *cell = row != NULL ? &row->cells[i] : NULL;
        int needed = cell_height(pdf, table, i, cell);

        height = needed > height ? needed : height;
    }
    return height + 2 * PADDING;
}

/* row NULL: the heads. tagged: part of the structure; repeated heads are not. */
static void draw_row(struct pdf *pdf, const struct pdf_table *table, const struct row *row,
                     int height, bool tagged)
{
    int x = PDF_LEFT;

    if (tagged) {
        pdf_begin(pdf, "TR");
    }
    for (int i = 0; i < table->column_count; i++) {
        const struct cell *cell = row != NULL ? &row->cells[i] : NULL;
        struct pdf_setting setting = setting_of(table, i, cell);
        bool swatch = cell != NULL && cell->has_swatch;
        const char *tag = cell == NULL || cell->head ? "TH" : "TD";

        if (swatch) {
            pdf_swatch(pdf, cell->swatch, x, pdf->y + PADDING + PDF_POINTS(1.2), SWATCH_SIZE);
        }
        pdf_text_draw(pdf, &setting, cell != NULL ? cell->text : table->columns[i].head,
                      x + (swatch ? SWATCH_WIDTH : 0), pdf->y + PADDING, tagged ? tag : NULL);
        x += table->columns[i].width + GAP;
    }
    if (tagged) {
        pdf_end(pdf, "TR");
    }
    pdf->y += height;
    pdf_fill(pdf, row == NULL ? rule_rgb : line_rgb, PDF_LEFT, pdf->y, PDF_WIDTH,
             row == NULL ? PDF_POINTS(0.7) : PDF_POINTS(0.4));
}

static void draw_rows(struct pdf *pdf, const struct pdf_table *table, int head_height)
{
    for (const struct row *row = table->first; row != NULL && !pdf->ended; row = row->next) {
        int height = row_height(pdf, table, row);

        if (pdf->y + height > PDF_BOTTOM) {
            pdf_new_page(pdf);
            draw_row(pdf, table, NULL, head_height, false);
        }
        draw_row(pdf, table, row, height, true);
    }
}

/* What must stand together below the heads: of a short table all rows, else some. */
static int height_together(struct pdf *pdf, const struct pdf_table *table)
{
    int first = 0, some = 0, sum = 0, count = 0;

    for (const struct row *row = table->first; row != NULL && sum < TOGETHER_MAX; row = row->next) {
        sum += row_height(pdf, table, row);
        first = count == 0 ? sum : first;
        some = count++ < TOGETHER_ROWS ? sum : some;
    }
    return sum < TOGETHER_MAX ? sum : some < TOGETHER_MAX ? some : first;
}

static void draw_table(struct pdf *pdf, const struct pdf_table *table)
{
    struct pdf_setting caption = {.style = PDF_FINE, .width = PDF_WIDTH};
    int caption_height = pdf_text_height(pdf, &caption, table->caption);
    int head_height = row_height(pdf, table, NULL);

    pdf_need(pdf, caption_height + head_height + height_together(pdf, table));
    pdf_begin(pdf, "Table");
    pdf_text_draw(pdf, &caption, table->caption, PDF_LEFT, pdf->y, "Caption");
    pdf->y += caption_height + PDF_POINTS(1);
    draw_row(pdf, table, NULL, head_height, true);
    draw_rows(pdf, table, head_height);
    pdf_end(pdf, "Table");
    pdf->y += PDF_POINTS(8);
}

void pdf_table_end(struct page *page)
{
    struct pdf *pdf = pdf_of(page);
    struct pdf_table *table = pdf->table;

    pdf->table = NULL;
    if (table->row_count == 0 || pdf->ended) {
        return;
    }
    set_widths(pdf, table);
    draw_table(pdf, table);
    if (table->left_out > 0) {
        pdf_paragraph(
            pdf, PDF_FINE,
            pdf_text_of(pdf,
                        arena_format(&page->arena,
                                     "%d rows before the last one are only in the JSON document.",
                                     table->left_out)),
            "P", PDF_POINTS(5));
    }
}
