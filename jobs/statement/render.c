#include "jobs/statement/render.h"

#include "base/check.h"
#include "base/hash.h"
#include "jobs/statement/document.h"

const struct render_row render_rows[] = {
    {STATEMENT_JSON, "json", render_json},
    {STATEMENT_HTML, "html", render_html},
    {STATEMENT_CSV, "csv", render_csv},
    {STATEMENT_PDF, "pdf", render_pdf},
};
const size_t render_row_count = ARRAY_COUNT(render_rows);

/* The document is stored pretty: it is its own rendering. */
enum err_code render_json(const struct render_source *source, struct strbuf *out, struct err *err)
{
    (void)err;
    strbuf_append(out, source->document);
    return ERR_OK;
}

static enum err_code render(const struct render_row *row, const struct render_source *source,
                            struct strbuf *ret_content, struct err *err)
{
    enum err_code code = ERR_OK;

    if (!str_equal(tree_text(source->tree, "format"), STR(DOCUMENT_FORMAT))) {
        code = err_set(err, ERR_MISMATCH, "it is not of the form " DOCUMENT_FORMAT);
    }
    if (code == ERR_OK) {
        code = row->render(source, ret_content, err);
        if (code == ERR_OK && ret_content->overflow) {
            code = err_set(err, ERR_DATA, "it has more than %d MiB as %s",
                           RENDER_SIZE_MAX / (1024 * 1024), row->name);
        }
    }
    return code;
}

enum err_code render_source(const struct render_row *row, const struct render_source *source,
                            struct strbuf *ret_content, struct err *err)
{
    strbuf_init(ret_content, RENDER_SIZE_MAX);
    if (render(row, source, ret_content, err) != ERR_OK) {
        strbuf_release(ret_content);
        return err_context(err, "statement");
    }
    return ERR_OK;
}

enum err_code render_document(const struct render_row *row, struct str document,
                              struct strbuf *ret_content, struct err *err)
{
    struct arena arena = ARENA_INIT;
    char sha256[HASH_HEX_SIZE];
    struct render_source source = {.document = document, .sha256 = sha256};
    enum err_code code = tree_parse(document, &arena, &source.tree, err);

    hash_sha256_hex(document, sha256);
    code = code == ERR_OK ? render_source(row, &source, ret_content, err)
                          : err_context(err, "statement");
    arena_release(&arena);
    return code;
}
