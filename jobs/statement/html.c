#include "jobs/statement/html.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/markup.h"
#include "jobs/statement/wording.h"

void page_raw(struct page *page, const char *markup)
{
    strbuf_append_text(page->out, markup);
}

void page_text(struct page *page, struct str text)
{
    markup_text(page->out, text);
}

void page_words(struct page *page, const char *text)
{
    markup_text(page->out, STR(text));
}

void page_name(struct page *page, struct str name)
{
    page_raw(page, "<bdi>");
    page_text(page, name);
    page_raw(page, "</bdi>");
}

void page_cell_words(struct page *page, const char *text)
{
    page_raw(page, "<td class=\"w\">");
    page_words(page, text);
    page_raw(page, "</td>");
}

void page_cell_number(struct page *page, const char *text)
{
    page_raw(page, "<td class=\"n\">");
    page_words(page, text);
    page_raw(page, "</td>");
}

void page_section(struct page *page, const char *id, const char *title)
{
    strbuf_append_format(page->out, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">", id, id);
    page_words(page, title);
    page_raw(page, "</h2>\n");
}

void page_section_end(struct page *page)
{
    page_raw(page, "</section>\n");
}

/* A frame that scrolls must be reachable by the keyboard. */
void page_table(struct page *page, const char *caption, const char *const *heads)
{
    page_raw(page, "<div class=\"frame\" role=\"region\" tabindex=\"0\" aria-label=\"");
    page_words(page, caption);
    page_raw(page, "\"><table><caption>");
    page_words(page, caption);
    page_raw(page, "</caption><thead><tr>");
    for (; *heads != NULL; heads++) {
        bool number = (*heads)[0] == '#';

        page_raw(page, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        page_words(page, *heads + (number ? 1 : 0));
        page_raw(page, "</th>");
    }
    page_raw(page, "</tr></thead><tbody>\n");
}

void page_table_end(struct page *page)
{
    page_raw(page, "</tbody></table></div>\n");
}

void page_time(struct page *page, struct str moment)
{
    page_raw(page, "<time datetime=\"");
    page_text(page, moment);
    page_raw(page, "\">");
    if (moment.size > 19 && moment.data[10] == 'T') {
        page_raw(page, "<span>");
        page_text(page, str_of(moment.data, 10));
        page_raw(page, " ");
        page_text(page, str_of(moment.data + 11, 8));
        page_raw(page, "</span> <span class=\"o\">");
        page_text(page, str_of(moment.data + 19, moment.size - 19));
        page_raw(page, "</span>");
    } else {
        page_text(page, moment);
    }
    page_raw(page, "</time>");
}

const char *page_number(struct page *page, struct str decimal)
{
    return wording_grouped(&page->arena, decimal);
}

const char *page_integer(struct page *page, int64_t value)
{
    return wording_integer(&page->arena, value);
}

void page_swatch(struct page *page, enum time_class class)
{
    strbuf_append_format(page->out,
                         "<svg class=\"swatch\" viewBox=\"0 0 16 16\" aria-hidden=\"true\" "
                         "focusable=\"false\"><rect width=\"16\" height=\"16\" "
                         "fill=\"url(#p-%s)\"/></svg>",
                         time_class_name(class));
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* Base64 of a SHA-256, as a content security policy wants it: 32 bytes, so one '=' at the end. */
static void append_base64(struct strbuf *out, const char hex[HASH_HEX_SIZE])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char bytes[33] = {0};

    for (int i = 0; i < 32; i++) {
        bytes[i] = (unsigned char)(nibble(hex[2 * i]) * 16 + nibble(hex[2 * i + 1]));
    }
    for (int i = 0; i < 33; i += 3) {
        unsigned group =
            (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | (unsigned)bytes[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6) {
            strbuf_append_char(out, digits[group >> shift & 63]);
        }
    }
    out->data[out->size - 1] = '=';
}

static void head(struct page *page)
{
    char hash[HASH_HEX_SIZE];

    hash_sha256_hex(STR(html_style), hash);
    page_raw(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'sha256-");
    if (!page->out->overflow) {
        append_base64(page->out, hash);
    }
    page_raw(page, "'; base-uri 'none'; form-action 'none'\">"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                   "<meta name=\"referrer\" content=\"no-referrer\">"
                   "<meta name=\"generator\" content=\"uptally ");
    page_text(page, tree_text(page->document, "program.version"));
    page_raw(page, "\"><title>SLA statement ");
    page_text(page, tree_text(page->document, "period.name"));
    page_raw(page, " - ");
    page_text(page, tree_text(page->document, "contract.customer"));
    page_raw(page, "</title><style>");
    page_raw(page, html_style);
    page_raw(page, "</style></head>\n<body>");
    page_raw(page, html_patterns);
}

void render_html(const struct render_source *source, struct strbuf *out)
{
    static void (*const parts[])(struct page *) = {
        html_cover,        html_services, html_time,   html_bars,  html_incidents, html_exclusions,
        html_completeness, html_credit,   html_method, html_audit, html_verify,
    };
    struct page page = {
        .source = source, .document = source->tree, .out = out, .arena = ARENA_INIT};

    head(&page);
    page_raw(&page, "<main>\n");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        parts[i](&page);
    }
    page_raw(&page, "</main></body></html>\n");
    arena_release(&page.arena);
}
