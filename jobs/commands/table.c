#include "jobs/commands/table.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/markup.h"
#include "schemas/grade.h"

/* Ten names of 255 bytes, each byte escaped, fit with room to spare; details of dead letters are bounded as well. */
enum { LINE_SIZE_MAX = 1024 * 1024 };

static void sort_columns(struct table *table)
{
    for (int i = 0; i < table->column_count; i++) {
        int place = i;

        while (place > 0 &&
               strcmp(table->columns[table->by_name[place - 1]].name, table->columns[i].name) > 0) {
            table->by_name[place] = table->by_name[place - 1];
            place--;
        }
        table->by_name[place] = i;
    }
}

static void write_header(struct table *table)
{
    for (int i = 0; i < table->column_count; i++) {
        (void)fprintf(table->out, "%s%s", i > 0 ? "," : "", table->columns[i].name);
    }
    (void)fputs("\r\n", table->out);
}

void table_init(struct table *table, FILE *out, enum table_format format,
                const struct table_column *columns)
{
    *table = (struct table){.out = out, .format = format, .columns = columns};
    while (columns[table->column_count].name != NULL) {
        table->column_count++;
    }
    CHECK(table->column_count <= TABLE_COLUMNS_MAX);
    strbuf_init(&table->line, LINE_SIZE_MAX);
    sort_columns(table);
    if (format == TABLE_CSV) {
        write_header(table);
    }
}

void table_release(struct table *table)
{
    strbuf_release(&table->line);
}

/* Text of a cell that is neither null nor a plain number. */
static struct str cell_text(enum table_type type, const struct table_cell *cell,
                            char buffer[CIVIL_TEXT_SIZE])
{
    switch (type) {
    case TABLE_MINUTE:
        return STR(civil_format_rfc3339(cell->number * NS_PER_MINUTE, buffer));
    case TABLE_GRADE:
        return STR(grade_row((enum grade)cell->number)->name);
    default:
        return cell->text;
    }
}

static void write_csv_cell(struct table *table, int column, const struct table_cell *cell)
{
    enum table_type type = table->columns[column].type;
    char buffer[CIVIL_TEXT_SIZE];

    if (column > 0) {
        strbuf_append_char(&table->line, ',');
    }
    if (cell->null) {
        return;
    }
    if (type == TABLE_INTEGER) {
        strbuf_append_format(&table->line, "%" PRId64, cell->number);
    } else {
        markup_csv_cell(&table->line, cell_text(type, cell, buffer), CSV_MACHINE);
    }
}

static void write_json(struct table *table, const struct table_cell *cells)
{
    struct json_writer json;

    json_init(&json, &table->line, false);
    json_open_object(&json, NULL);
    for (int i = 0; i < table->column_count; i++) {
        const struct table_column *column = &table->columns[table->by_name[i]];
        const struct table_cell *cell = &cells[table->by_name[i]];
        char buffer[CIVIL_TEXT_SIZE];

        if (cell->null) {
            json_nothing(&json, column->name);
        } else if (column->type == TABLE_INTEGER) {
            json_int64(&json, column->name, cell->number);
        } else {
            json_str(&json, column->name, cell_text(column->type, cell, buffer));
        }
    }
    json_close(&json);
    json_finish(&json);
    strbuf_append_char(&table->line, '\n');
}

enum err_code table_row(struct table *table, const struct table_cell *cells, struct err *err)
{
    strbuf_clear(&table->line);
    for (int i = 0; i < table->column_count; i++) {
        if (table->columns[i].type == TABLE_GRADE && !cells[i].null &&
            (cells[i].number < 0 || cells[i].number >= GRADE_COUNT)) {
            return err_set(err, ERR_MISMATCH, "%" PRId64 " is no grade", cells[i].number);
        }
    }
    if (table->format == TABLE_NDJSON) {
        write_json(table, cells);
    } else {
        for (int i = 0; i < table->column_count; i++) {
            write_csv_cell(table, i, &cells[i]);
        }
        strbuf_append_text(&table->line, "\r\n");
    }
    if (table->line.overflow) {
        return err_set(err, ERR_FAILED, "a row has more than %d bytes", LINE_SIZE_MAX);
    }
    if (fwrite(table->line.data, 1, table->line.size, table->out) != table->line.size) {
        return err_set_errno(err, ERR_FAILED, "standard output");
    }
    return ERR_OK;
}
