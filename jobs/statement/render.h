/*
 * Renderers: an issued document in another form. Each is a row: a function from the canonical JSON to bytes.
 *
 * They read nothing but the document, so a statement looks the same whenever and wherever it is rendered.
 */
#ifndef JOBS_STATEMENT_RENDER_H
#define JOBS_STATEMENT_RENDER_H

#include "base/err.h"
#include "base/str.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/tree.h"

enum { RENDER_SIZE_MAX = 64 * 1024 * 1024 };

struct render_source {
    struct str document;
    const struct tree *tree; /* of document */
    const char *sha256;      /* of document */
};

struct render_row {
    enum statement_format format;
    const char *name; /* "html": also the suffix of its files */
    /* Appends; out->overflow is the caller's to see. */
    enum err_code (*render)(const struct render_source *source, struct strbuf *out,
                            struct err *err);
};

extern const struct render_row render_rows[];
extern const size_t render_row_count;

enum err_code render_json(const struct render_source *source, struct strbuf *out, struct err *err);
enum err_code render_html(const struct render_source *source, struct strbuf *out, struct err *err);
enum err_code render_csv(const struct render_source *source, struct strbuf *out, struct err *err);
/* ERR_FAILED: a library or the font is not installed, or cannot draw. */
enum err_code render_pdf(const struct render_source *source, struct strbuf *out, struct err *err);

/* Whether PDF can be drawn on this machine, and with what; errors as render_pdf. */
enum err_code render_pdf_ready(struct strbuf *detail, struct err *err);

/* The caller owns *ret_content. ERR_MISMATCH: not a statement; ERR_DATA: the result is too large; or what its row says. */
enum err_code render_document(const struct render_row *row, struct str document,
                              struct strbuf *ret_content, struct err *err);
/* The same for who has parsed and hashed it. */
enum err_code render_source(const struct render_row *row, const struct render_source *source,
                            struct strbuf *ret_content, struct err *err);

#endif
