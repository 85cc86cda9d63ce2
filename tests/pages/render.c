/*
 * Renders a document as it stands on standard input, whoever wrote it: for page tests.
 *
 *     render json|html|csv|pdf < DOCUMENT
 */
#include <stdio.h>
#include <string.h>

#include "jobs/statement/document.h"
#include "jobs/statement/render.h"

static void read_all(struct strbuf *out)
{
    static char block[65536];
    size_t size;

    while ((size = fread(block, 1, sizeof(block), stdin)) > 0) {
        strbuf_append(out, str_of(block, size));
    }
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct strbuf document, rendered;
    enum err_code code = ERR_USAGE;

    strbuf_init(&document, DOCUMENT_SIZE_MAX);
    read_all(&document);
    for (size_t i = 0; argc > 1 && i < render_row_count; i++) {
        if (strcmp(render_rows[i].name, argv[1]) == 0) {
            code = render_document(&render_rows[i], strbuf_view(&document), &rendered, &err);
        }
    }
    if (code == ERR_OK) {
        (void)fwrite(strbuf_text(&rendered), 1, rendered.size, stdout);
        strbuf_release(&rendered);
    } else {
        (void)fprintf(stderr, "render: %s\n", err.text);
    }
    strbuf_release(&document);
    return (int)code;
}
