#include "base/json_numbers.h"

/* A text that is larger makes the document too large as well, which is what its writer looks at. */
enum { DECIMAL_SIZE_MAX = 256, DIGITS_SIZE_MAX = 128 * 1024 * 1024, DECIMALS_MAX = 18 };

static void put(struct json_writer *json, const char *key, struct strbuf *text)
{
    json->out->overflow = json->out->overflow || text->overflow;
    json_str(json, key, strbuf_view(text));
    strbuf_release(text);
}

void json_decimal(struct json_writer *json, const char *key, struct rational value)
{
    struct strbuf text;

    strbuf_init(&text, DECIMAL_SIZE_MAX);
    rational_format_exact(&text, value);
    put(json, key, &text);
}

void json_percent(struct json_writer *json, const char *key, struct rational ratio)
{
    json_decimal(json, key, rational_multiply(ratio, rational_make(100, 1)));
}

void json_figure(struct json_writer *json, const char *key, struct fraction value)
{
    struct strbuf text;

    strbuf_init(&text, DIGITS_SIZE_MAX);
    fraction_format_short(&text, value, DECIMALS_MAX);
    put(json, key, &text);
}

void json_terms(struct json_writer *json, struct fraction value)
{
    struct strbuf text;

    strbuf_init(&text, DIGITS_SIZE_MAX);
    fraction_format_denominator(&text, value);
    put(json, "denominator", &text);
    strbuf_init(&text, DIGITS_SIZE_MAX);
    fraction_format_numerator(&text, value);
    put(json, "numerator", &text);
}
