/* Rows of PostgreSQL: binary cells, and the rest of a result in memory when another statement wants the connection. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/db_postgres.h"
#include "base/memory.h"

enum { REST_SIZE_MAX = 1 << 30 };

/* Big-endian, of 1, 2, 4 or 8 bytes. */
static int64_t read_number(const char *data, int size)
{
    uint64_t number = size > 0 && (signed char)data[0] < 0 ? UINT64_MAX : 0;

    for (int i = 0; i < size; i++) {
        number = number << 8 | (unsigned char)data[i];
    }
    return (int64_t)number;
}

static bool is_number(Oid type)
{
    return type == POSTGRES_INT8 || type == POSTGRES_INT4 || type == POSTGRES_INT2 ||
           type == POSTGRES_BOOL;
}

static void take_cell(struct postgres_cell *cell, PGresult *row, int column)
{
    Oid type = PQftype(row, column);
    const char *data = PQgetvalue(row, 0, column);
    int size = PQgetlength(row, 0, column);

    cell->number = 0;
    cell->bytes = str_of(data, (size_t)size);
    if (PQgetisnull(row, 0, column) != 0) {
        cell->type = DB_TYPE_NULL;
        cell->bytes = str_of("", 0);
    } else if (is_number(type)) {
        cell->type = DB_TYPE_INT64;
        cell->number = read_number(data, size);
    } else {
        cell->type = type == POSTGRES_BYTEA ? DB_TYPE_BLOB : DB_TYPE_TEXT;
    }
}

enum err_code postgres_take_row(struct postgres_stmt *stmt, PGresult *row, struct err *err)
{
    int count = PQnfields(row);

    PQclear(stmt->row);
    stmt->row = row;
    if (count > POSTGRES_COLUMNS_MAX) {
        return err_set(err, ERR_STORE, "a row of %d columns", count);
    }
    stmt->column_count = count;
    for (int i = 0; i < count; i++) {
        take_cell(&stmt->cells[i], row, i);
    }
    return ERR_OK;
}

void postgres_forget_rows(struct postgres_stmt *stmt)
{
    PQclear(stmt->row);
    stmt->row = NULL;
    stmt->column_count = 0;
    strbuf_release(&stmt->rest);
    strbuf_init(&stmt->rest, REST_SIZE_MAX);
    stmt->rest_read = 0;
    stmt->failure = ERR_INIT;
}

struct packed_cell {
    enum db_type type;
    int64_t number; /* or the size of the bytes that follow */
};

static void pack_row(struct postgres_stmt *stmt, PGresult *row)
{
    for (int i = 0; i < PQnfields(row); i++) {
        struct postgres_cell cell;
        struct packed_cell packed;

        take_cell(&cell, row, i);
        packed = (struct packed_cell){
            cell.type, cell.type == DB_TYPE_INT64 ? cell.number : (int64_t)cell.bytes.size};
        strbuf_append(&stmt->rest, str_of((const char *)&packed, sizeof(packed)));
        if (cell.type == DB_TYPE_TEXT || cell.type == DB_TYPE_BLOB) {
            strbuf_append(&stmt->rest, cell.bytes);
        }
    }
}

bool postgres_rest_row(struct postgres_stmt *stmt)
{
    if (stmt->rest_read >= stmt->rest.size) {
        return false;
    }
    for (int i = 0; i < stmt->column_count; i++) {
        struct postgres_cell *cell = &stmt->cells[i];
        struct packed_cell packed;

        memcpy(&packed, stmt->rest.data + stmt->rest_read, sizeof(packed));
        stmt->rest_read += sizeof(packed);
        *cell = (struct postgres_cell){.type = packed.type, .bytes = str_of("", 0)};
        if (packed.type == DB_TYPE_INT64) {
            cell->number = packed.number;
        } else if (packed.type != DB_TYPE_NULL) {
            cell->bytes = str_of(stmt->rest.data + stmt->rest_read, (size_t)packed.number);
            stmt->rest_read += (size_t)packed.number;
        }
    }
    return true;
}

/* The current row stays: its cells borrow from stmt->row. */
void postgres_put_aside(struct postgres_db *db)
{
    struct postgres_stmt *stmt = db->streaming;
    PGresult *row;

    if (stmt == NULL) {
        return;
    }
    db->streaming = NULL;
    while ((row = PQgetResult(db->link)) != NULL) {
        ExecStatusType status = PQresultStatus(row);

        if (status == PGRES_SINGLE_TUPLE) {
            pack_row(stmt, row);
        } else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK &&
                   stmt->failure.code == ERR_OK) {
            (void)postgres_fail(db, row, &stmt->failure);
        }
        PQclear(row);
    }
    if (stmt->failure.code == ERR_OK && postgres_broken(db)) {
        (void)postgres_fail(db, NULL, &stmt->failure);
    }
    if (stmt->rest.overflow && stmt->failure.code == ERR_OK) {
        (void)err_set(&stmt->failure, ERR_STORE, "store %s: a result is larger than %d MiB",
                      db->name, REST_SIZE_MAX >> 20);
    }
}
