#include "base/markup.h"

#include <string.h>

/* Whether a character may appear in a document at all: C0 except TAB and LF, DEL, and C1 (U+0080 to U+009F) may not. */
static bool visible(struct str character)
{
    unsigned char c = (unsigned char)character.data[0];

    if (character.size == 1) {
        return (c >= 0x20 && c != 0x7f) || c == '\t' || c == '\n';
    }
    return !(c == 0xc2 && (unsigned char)character.data[1] < 0xa0);
}

/* Printable ASCII up to '?', and from '@' on: a bit for each character. */
#define BIT(character) (UINT64_C(1) << (character))
#define LOW UINT64_C(0xffffffff00000000)
#define HIGH UINT64_C(0x7fffffffffffffff)

/* Most text is of nothing else than what stands for itself in markup, most cells of nothing else than what needs no quotes. */
static const uint64_t plain_text[] = {
    LOW & ~(BIT('&') | BIT('<') | BIT('>') | BIT('"') | BIT('\'')), HIGH};
static const uint64_t plain_cell[] = {LOW & ~(BIT(',') | BIT('"')), HIGH};

/* How many characters in front of the text are of that kind. */
static size_t plain_size(struct str text, const uint64_t plain[2])
{
    size_t size = 0;

    for (; size < text.size; size++) {
        unsigned char character = (unsigned char)text.data[size];

        if (character >= 128 || (plain[character / 64] >> character % 64 & 1) == 0) {
            break;
        }
    }
    return size;
}

/* Copies the plain characters in front of the text. */
static void take_plain(struct strbuf *out, struct str *text)
{
    size_t size = plain_size(*text, plain_text);

    strbuf_append(out, str_of(text->data, size));
    *text = str_of(text->data + size, text->size - size);
}

void markup_text(struct strbuf *out, struct str text)
{
    for (take_plain(out, &text); text.size > 0; take_plain(out, &text)) {
        struct str character = str_next_character(&text);

        if (!visible(character)) {
            continue;
        }
        switch (character.data[0]) {
        case '&':
            strbuf_append_text(out, "&amp;");
            break;
        case '<':
            strbuf_append_text(out, "&lt;");
            break;
        case '>':
            strbuf_append_text(out, "&gt;");
            break;
        case '"':
            strbuf_append_text(out, "&quot;");
            break;
        case '\'':
            strbuf_append_text(out, "&#39;");
            break;
        default:
            strbuf_append(out, character);
        }
    }
}

static bool csv_needs_quotes(struct str cell)
{
    for (size_t i = 0; i < cell.size; i++) {
        char c = cell.data[i];

        if (c == ',' || c == '"' || c == '\r' || c == '\n') {
            return true;
        }
    }
    return false;
}

/* "-12.50": a number and nothing else. An amount has to stay one. */
static bool is_negative_number(struct str cell)
{
    size_t points = 0;

    for (size_t i = 1; i < cell.size; i++) {
        bool digit = cell.data[i] >= '0' && cell.data[i] <= '9';

        points += cell.data[i] == '.';
        if (!digit && (cell.data[i] != '.' || points > 1 || i == 1 || i + 1 == cell.size)) {
            return false;
        }
    }
    return cell.size > 1 && cell.data[0] == '-';
}

/* A spreadsheet takes such a cell for a formula, also behind the quotes of CSV. Judged on what will be written:
 * a vanishing control character must not hide the sign. */
static bool csv_is_formula(struct str cell)
{
    struct str rest = cell;

    while (rest.size > 0) {
        struct str character = str_next_character(&rest);

        if (visible(character) || character.data[0] == '\r') {
            return memchr("=+-@\t\r", character.data[0], 6) != NULL && !is_negative_number(cell);
        }
    }
    return false;
}

void markup_csv_cell(struct strbuf *out, struct str cell, enum csv_flavour flavour)
{
    bool plain = plain_size(cell, plain_cell) == cell.size;
    bool quotes = !plain && csv_needs_quotes(cell);

    if (quotes) {
        strbuf_append_char(out, '"');
    }
    if (flavour == CSV_REPORT && csv_is_formula(cell)) {
        strbuf_append_char(out, '\'');
    }
    if (plain) {
        strbuf_append(out, cell);
        return;
    }
    for (take_plain(out, &cell); cell.size > 0; take_plain(out, &cell)) {
        struct str character = str_next_character(&cell);

        if (!visible(character)) {
            continue;
        }
        if (character.data[0] == '"') {
            strbuf_append_char(out, '"');
        }
        strbuf_append(out, character);
    }
    if (quotes) {
        strbuf_append_char(out, '"');
    }
}
