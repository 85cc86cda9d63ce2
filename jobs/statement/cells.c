#include "jobs/statement/cells.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/civil.h"
#include "base/markup.h"

enum { LINE_SIZE_MAX = 1024 * 1024, PART_SIZE = 32 * 1024 };

static void cells_flush(struct cells *cells)
{
    if (cells->code == ERR_OK && cells->rows.overflow) {
        cells->code =
            err_set(cells->err, ERR_MISMATCH, "a row has more than %d bytes", LINE_SIZE_MAX);
    }
    if (cells->code == ERR_OK) {
        cells->code = zip_write(cells->evidence->zip, strbuf_view(&cells->rows), cells->err);
    }
    strbuf_clear(&cells->rows);
}

void cells_str(struct cells *cells, struct str cell)
{
    if (cells->inside) {
        strbuf_append_char(&cells->rows, ',');
    }
    markup_csv_cell(&cells->rows, cell, CSV_MACHINE);
    cells->inside = true;
}

void cells_text(struct cells *cells, const char *cell)
{
    cells_str(cells, STR(cell));
}

void cells_integer(struct cells *cells, int64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    cells_text(cells, text);
}

void cells_time(struct cells *cells, int64_t time_ns)
{
    char text[CIVIL_TEXT_SIZE];

    cells_text(cells, civil_format_rfc3339(time_ns, text));
}

void cells_id(struct cells *cells, struct str id)
{
    struct strbuf text;

    strbuf_init(&text, 128);
    for (size_t i = 0; i < id.size; i++) {
        strbuf_append_format(&text, "%02x", (unsigned)(unsigned char)id.data[i]);
    }
    cells_str(cells, strbuf_view(&text));
    strbuf_release(&text);
}

void cells_end(struct cells *cells)
{
    strbuf_append_text(&cells->rows, "\r\n");
    cells->inside = false;
    if (cells->rows.size >= PART_SIZE || cells->rows.overflow) {
        cells_flush(cells);
    }
}

void cells_begin(struct cells *cells, struct evidence *evidence, const char *header,
                 struct err *err)
{
    *cells = (struct cells){.evidence = evidence, .err = err};
    strbuf_init(&cells->rows, PART_SIZE + LINE_SIZE_MAX);
    strbuf_append_text(&cells->rows, header);
    strbuf_append_text(&cells->rows, "\r\n");
}

enum err_code cells_done(struct cells *cells, enum err_code code)
{
    if (code == ERR_OK) {
        cells_flush(cells);
        code = cells->code;
    }
    strbuf_release(&cells->rows);
    return code;
}
