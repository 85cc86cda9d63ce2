#include "jobs/label.h"

#include <locale.h>
#include <wchar.h>

/* C1 control characters, and what marks or turns the direction of text. ASCII's own are below 0x20. */
static const struct {
    uint32_t first, last;
} harmful[] = {
    {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200e, 0x200f},
    {0x2028, 0x202e}, {0x2066, 0x2069}, {0xfeff, 0xfeff},
};

/* Of one valid character. */
static uint32_t code_point(struct str character)
{
    const unsigned char *p = (const unsigned char *)character.data;
    uint32_t value = character.size == 1 ? p[0] : p[0] & (0x7fu >> character.size);

    for (size_t i = 1; i < character.size; i++) {
        value = value << 6 | (p[i] & 0x3fu);
    }
    return value;
}

/* The program runs in the locale "C", whose wcwidth knows ASCII only. */
static int unicode_width(uint32_t value)
{
    static locale_t unicode;
    locale_t before;
    int width;

    if (unicode == (locale_t)0) {
        unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    }
    if (unicode == (locale_t)0) {
        return 1;
    }
    before = uselocale(unicode);
    width = wcwidth((wchar_t)value);
    (void)uselocale(before);
    return width;
}

/* Takes the next character off the name: what is shown of it, and how many columns that takes. */
static struct str next_shown(struct str *name, size_t *ret_columns)
{
    struct str character = str_next_character(name);
    uint32_t value = code_point(character);
    int width;

    *ret_columns = 1;
    if (value >= ' ' && value <= '~') { /* nearly all of them: no locale is asked */
        return character;
    }
    width = unicode_width(value);
    for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++) {
        if (value >= harmful[i].first && value <= harmful[i].last) {
            width = -1;
        }
    }
    *ret_columns = width < 0 ? 1 : (size_t)width;
    return width < 0 ? STR("?") : character;
}

/* Takes what is shown as it is off its beginning, a column each: mostly all of it. */
static struct str take_plain(struct str *name, size_t columns)
{
    struct str plain = {name->data, 0};

    while (plain.size < columns && name->size > 0 && *name->data >= ' ' && *name->data <= '~') {
        plain.size++;
        name->data++;
        name->size--;
    }
    return plain;
}

size_t label_columns(struct str name)
{
    size_t total = take_plain(&name, SIZE_MAX).size;

    while (name.size > 0) {
        size_t columns;

        (void)next_shown(&name, &columns);
        total += columns;
    }
    return total;
}

void label_print(FILE *out, struct str name, size_t columns)
{
    struct str plain = take_plain(&name, columns);
    size_t used = plain.size;

    (void)fwrite(plain.data, 1, plain.size, out);
    while (name.size > 0) {
        size_t width;
        struct str shown = next_shown(&name, &width);

        if (used + width > columns) {
            break;
        }
        (void)fwrite(shown.data, 1, shown.size, out);
        used += width;
    }
    for (; used < columns; used++) {
        (void)fputc(' ', out);
    }
}
