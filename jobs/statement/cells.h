/*
 * A CSV table of an evidence pack on its way into the archive: RFC 4180, times in UTC. For evidence*.c only.
 *
 * Cells are appended, rows ended; an error is kept and comes back from cells_done, which always has to be called.
 */
#ifndef JOBS_STATEMENT_CELLS_H
#define JOBS_STATEMENT_CELLS_H

#include "jobs/statement/evidence_parts.h"

struct cells {
    struct evidence *evidence;
    struct strbuf rows;
    bool inside; /* a row has begun */
    enum err_code code;
    struct err *err;
};

/* header: names with commas between them. */
void cells_begin(struct cells *cells, struct evidence *evidence, const char *header,
                 struct err *err);
void cells_str(struct cells *cells, struct str cell);
void cells_text(struct cells *cells, const char *cell);
void cells_integer(struct cells *cells, int64_t number);
void cells_time(struct cells *cells, int64_t time_ns);
/* Bytes as hexadecimal digits. */
void cells_id(struct cells *cells, struct str id);
void cells_end(struct cells *cells);
/* code: that of the caller so far. */
enum err_code cells_done(struct cells *cells, enum err_code code);

#endif
