#include "jobs/statement/render_html.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/markup.h"

static struct html *html_of(struct page *page)
{
    return (struct html *)page;
}

void html_raw(struct html *html, const char *markup)
{
    strbuf_append_text(html->out, markup);
}

static const struct {
    const char *open, *close;
} blocks[PAGE_BLOCK_COUNT] = {
    [PAGE_KICKER] = {"<p class=\"kicker\">", "</p>\n"},
    [PAGE_TITLE] = {"<h1>", "</h1>\n"},
    [PAGE_PARAGRAPH] = {"<p>", "</p>\n"},
    [PAGE_SMALL] = {"<p class=\"small soft\">", "</p>\n"},
    [PAGE_NOTICE] = {"<p class=\"notice\" role=\"note\">", "</p>\n"},
    [PAGE_NUMBERED] = {"<ol class=\"plain\">", "</ol>\n"},
    [PAGE_LEGEND] = {"<ul class=\"legend\">", "</ul>\n"},
    [PAGE_ITEM] = {"<li>", "</li>"},
    [PAGE_FACTS] = {"<dl class=\"facts\">", "</dl>\n"},
    [PAGE_TERM] = {"<dt>", "</dt>"},
    [PAGE_DETAIL] = {"<dd>", "</dd>"},
    [PAGE_VERDICT] = {"<dl class=\"verdict\">", "</dl>\n"},
    [PAGE_BOX_TITLE] = {"<div><dt>", "</dt>"},
    [PAGE_BOX_VALUE] = {"<dd>", ""},
    [PAGE_BOX_GOOD] = {"<dd class=\"good\">", ""},
    [PAGE_BOX_BAD] = {"<dd class=\"bad\">", ""},
    [PAGE_BOX_SMALL] = {"<small>", "</small></dd></div>"},
    [PAGE_ROW] = {"<tr>", "</tr>\n"},
    [PAGE_CELL_HEAD] = {"<th scope=\"row\">", "</th>"},
    [PAGE_CELL] = {"<td>", "</td>"},
    [PAGE_CELL_WORDS] = {"<td class=\"w\">", "</td>"},
    [PAGE_CELL_NUMBER] = {"<td class=\"n\">", "</td>"},
    [PAGE_FOOTER] = {"<footer>", "</footer>\n"},
};

static void open_block(struct page *page, enum page_block block)
{
    html_raw(html_of(page), blocks[block].open);
}

static void close_block(struct page *page, enum page_block block)
{
    html_raw(html_of(page), blocks[block].close);
}

static void section(struct page *page, const char *id, const char *title)
{
    struct html *html = html_of(page);

    strbuf_append_format(html->out, "<section aria-labelledby=\"%s\"><h2 id=\"%s\">", id, id);
    markup_text(html->out, STR(title));
    html_raw(html, "</h2>\n");
}

static void section_end(struct page *page)
{
    html_raw(html_of(page), "</section>\n");
}

static void text(struct page *page, enum page_style style, struct str words)
{
    static const struct {
        const char *open, *close;
    } styles[] = {
        [PAGE_PLAIN] = {"", ""},
        [PAGE_NAME] = {"<bdi>", "</bdi>"},
        [PAGE_CODE] = {"<code>", "</code>"},
        [PAGE_STRONG] = {"<strong>", "</strong>"},
    };
    struct html *html = html_of(page);

    html_raw(html, styles[style].open);
    markup_text(html->out, words);
    html_raw(html, styles[style].close);
}

static void moment(struct page *page, struct str when)
{
    struct html *html = html_of(page);

    html_raw(html, "<time datetime=\"");
    markup_text(html->out, when);
    html_raw(html, "\">");
    if (when.size > 19 && when.data[10] == 'T') {
        html_raw(html, "<span>");
        markup_text(html->out, str_of(when.data, 10));
        html_raw(html, " ");
        markup_text(html->out, str_of(when.data + 11, 8));
        html_raw(html, "</span> <span class=\"o\">");
        markup_text(html->out, str_of(when.data + 19, when.size - 19));
        html_raw(html, "</span>");
    } else {
        markup_text(html->out, when);
    }
    html_raw(html, "</time>");
}

static void link_to(struct page *page, const char *section_id, const char *words)
{
    struct html *html = html_of(page);

    strbuf_append_format(html->out, "<a href=\"#%s\">", section_id);
    markup_text(html->out, STR(words));
    html_raw(html, "</a>");
}

static void swatch(struct page *page, enum time_class class)
{
    strbuf_append_format(html_of(page)->out,
                         "<svg class=\"swatch\" viewBox=\"0 0 16 16\" aria-hidden=\"true\" "
                         "focusable=\"false\"><rect width=\"16\" height=\"16\" "
                         "fill=\"url(#p-%s)\"/></svg>",
                         time_class_name(class));
}

/* A frame that scrolls must be reachable by the keyboard. */
void html_table(struct page *page, const char *caption, const char *const *heads)
{
    struct html *html = html_of(page);

    html_raw(html, "<div class=\"frame\" role=\"region\" tabindex=\"0\" aria-label=\"");
    markup_text(html->out, STR(caption));
    html_raw(html, "\"><table><caption>");
    markup_text(html->out, STR(caption));
    html_raw(html, "</caption><thead><tr>");
    for (; *heads != NULL; heads++) {
        bool number = (*heads)[0] == '#';

        html_raw(html, number ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">");
        markup_text(html->out, STR(*heads + (number ? 1 : 0)));
        html_raw(html, "</th>");
    }
    html_raw(html, "</tr></thead><tbody>\n");
}

void html_table_end(struct page *page)
{
    html_raw(html_of(page), "</tbody></table></div>\n");
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

static void head(struct html *html)
{
    char hash[HASH_HEX_SIZE];

    hash_sha256_hex(STR(html_style), hash);
    html_raw(html, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                   "style-src 'sha256-");
    if (!html->out->overflow) {
        append_base64(html->out, hash);
    }
    html_raw(html, "'; base-uri 'none'; form-action 'none'\">"
                   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                   "<meta name=\"referrer\" content=\"no-referrer\">"
                   "<meta name=\"generator\" content=\"uptally ");
    markup_text(html->out, tree_text(html->page.document, "program.version"));
    html_raw(html, "\"><title>SLA statement ");
    markup_text(html->out, tree_text(html->page.document, "period.name"));
    html_raw(html, " - ");
    markup_text(html->out, tree_text(html->page.document, "contract.customer"));
    html_raw(html, "</title><style>");
    html_raw(html, html_style);
    html_raw(html, "</style></head>\n<body>");
    html_raw(html, html_patterns);
}

static const struct page_form form = {
    .section = section,
    .section_end = section_end,
    .open = open_block,
    .close = close_block,
    .text = text,
    .moment = moment,
    .link = link_to,
    .swatch = swatch,
    .table = html_table,
    .table_end = html_table_end,
    .bars = html_bars,
};

enum err_code render_html(const struct render_source *source, struct strbuf *out, struct err *err)
{
    struct html html = {
        .page = {.form = &form, .source = source, .document = source->tree, .arena = ARENA_INIT},
        .out = out};

    (void)err;
    head(&html);
    html_raw(&html, "<main>\n");
    page_write(&html.page);
    html_raw(&html, "</main></body></html>\n");
    arena_release(&html.page.arena);
    return ERR_OK;
}
