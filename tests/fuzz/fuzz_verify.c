/*
 * `uptally verify` on hostile bytes: no crash, no hang; what agrees is in canonical form, and so is what is written of it again.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "jobs/statement/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, const struct verify_document *document, const char *line)
{
    (void)context;
    CHECK(document->findings > 0);
    CHECK(line[0] != '\0');
}

/* As the revision before itself: never right, for no document holds its own SHA-256. */
static void follow(const struct verify_document *document)
{
    struct verify_document next = *document;
    struct verify_document before = *document;

    if (document->tree != NULL && document->revision > 1) {
        before.revision = document->revision - 1;
        verify_follows(&next, &before);
        CHECK(next.findings > document->findings);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct verify_document document = {
        .path = "f", .text = str_of((const char *)data, size), .finding = count};
    struct strbuf written;
    struct json_writer json;

    verify_open(&document);
    verify_alone(&document);
    if (document.findings == 0) {
        strbuf_init(&written, 2 * size + 1);
        json_init(&json, &written, true);
        CHECK(tree_write(&json, NULL, document.tree));
        json_finish(&json);
        CHECK(str_equal(strbuf_view(&written), document.text));
        strbuf_release(&written);
    }
    follow(&document);
    verify_release(&document);
    return 0;
}
