/* A schema of unknown origin: it is refused with a message, or its canonical form is a schema with the same fingerprint. */
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "consumers/schema_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema *schema = NULL;
    struct schema *again = NULL;
    struct err err = ERR_INIT;
    struct strbuf text;

    if (schema_parse(str_of((const char *)data, size), NULL, 0, &schema, &err) != ERR_OK) {
        CHECK(err.code == ERR_DATA);
        CHECK(err.text[0] != '\0');
        return 0;
    }
    strbuf_init(&text, (size_t)64 << 20);
    schema_canonical(schema, &text);
    /* The canonical form may be longer than a text is allowed to be: it repeats full names. */
    if (text.size <= SCHEMA_SIZE_MAX) {
        CHECK(schema_parse(strbuf_view(&text), NULL, 0, &again, &err) == ERR_OK);
        CHECK(schema_fingerprint(schema) == schema_fingerprint(again));
    }
    strbuf_release(&text);
    schema_free(again);
    schema_free(schema);
    return 0;
}
