/* Text: from the document to printable characters, and from those to lines. */
#include <stdio.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/statement/render_pdf.h"

static const struct {
    int size; /* tenths of a point */
    bool bold;
    unsigned rgb;
} styles[PDF_STYLE_COUNT] = {
    [PDF_BODY] = {88, false, 0x1c2430},      [PDF_FINE] = {76, false, 0x4a5462},
    [PDF_CELL] = {74, false, 0x1c2430},      [PDF_HEAD] = {68, true, 0x4a5462},
    [PDF_KICKER] = {90, false, 0x4a5462},    [PDF_TITLE] = {170, true, 0x1c2430},
    [PDF_SECTION] = {115, true, 0x1c2430},   [PDF_SERVICE] = {88, true, 0x1c2430},
    [PDF_VALUE] = {135, true, 0x1c2430},     [PDF_VALUE_GOOD] = {135, true, 0x00553e},
    [PDF_VALUE_BAD] = {135, true, 0x8a2d00}, [PDF_RUNNING] = {66, false, 0x4a5462},
};

static PangoFontDescription *describe(const struct pdf_library *library, enum pdf_style style)
{
    PangoFontDescription *font = library->pango_font_description_new();

    library->pango_font_description_set_family_static(font, pdf_library_family);
    library->pango_font_description_set_weight(font, styles[style].bold ? PANGO_WEIGHT_BOLD
                                                                        : PANGO_WEIGHT_NORMAL);
    return font;
}

/* Nothing is left to the locale: neither the language that decides on breaks nor the direction of a line. Nor to a screen: no hinting. */
enum err_code pdf_text_open(struct pdf *pdf, struct err *err)
{
    const struct pdf_library *library = pdf->library;
    PangoContext *context = library->pango_font_map_create_context(library->fonts);
    cairo_font_options_t *options = library->cairo_font_options_create();

    library->cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    library->cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    library->cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    library->pango_cairo_context_set_font_options(context, options);
    library->cairo_font_options_destroy(options);
    library->pango_context_set_language(context, library->pango_language_from_string("en"));
    library->pango_context_set_base_dir(context, PANGO_DIRECTION_LTR);
    library->pango_context_set_round_glyph_positions(context, FALSE);
    pdf->layout = library->pango_layout_new(context);
    (library->g_object_unref)(context);
    library->pango_layout_set_auto_dir(pdf->layout, FALSE);
    library->pango_layout_set_single_paragraph_mode(pdf->layout, TRUE);
    library->pango_layout_set_wrap(pdf->layout, PANGO_WRAP_WORD_CHAR);
    for (int i = 0; i < PDF_STYLE_COUNT; i++) {
        pdf->fonts[i] = describe(library, (enum pdf_style)i);
    }
    strbuf_init(&pdf->collected, PDF_TEXT_SIZE_MAX + 64);
    library->pango_layout_set_font_description(pdf->layout, pdf->fonts[PDF_BODY]);
    library->pango_layout_set_text(pdf->layout, "0", 1);
    if (library->pango_layout_get_unknown_glyphs_count(pdf->layout) != 0) {
        return err_set(err, ERR_FAILED, "the font %s cannot be used", pdf_library_family);
    }
    return ERR_OK;
}

void pdf_text_close(struct pdf *pdf)
{
    strbuf_release(&pdf->collected);
    memory_free(pdf->lengths);
    for (int i = 0; i < PDF_STYLE_COUNT; i++) {
        pdf->library->pango_font_description_free(pdf->fonts[i]);
    }
    (pdf->library->g_object_unref)(pdf->layout);
}

static uint32_t decode(struct str character)
{
    const unsigned char *p = (const unsigned char *)character.data;
    uint32_t value = character.size == 1 ? p[0] : p[0] & (0x7fU >> character.size);

    for (size_t i = 1; i < character.size; i++) {
        value = value << 6 | (p[i] & 0x3fU);
    }
    return value;
}

/* Characters that steer what stands around them, or cannot be seen at all. The two joiners (U+200C, U+200D) belong to the spelling of names. */
static bool is_invisible(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},       {0x7f, 0x9f},     {0xad, 0xad},        {0x34f, 0x34f},
        {0x61c, 0x61c},     {0x115f, 0x1160}, {0x17b4, 0x17b5},    {0x180b, 0x180f},
        {0x200b, 0x200b},   {0x200e, 0x200f}, {0x2028, 0x202e},    {0x2060, 0x206f},
        {0x3164, 0x3164},   {0xfe00, 0xfe0f}, {0xfeff, 0xfeff},    {0xfff0, 0xfffc},
        {0xe0000, 0xe0fff}, {0xd800, 0xf8ff}, {0xf0000, 0x10ffff},
    };

    for (size_t i = 0; i < ARRAY_COUNT(ranges); i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Of scripts that are written from right to left. */
static bool is_right_to_left(uint32_t c)
{
    return (c >= 0x590 && c <= 0x8ff) || (c >= 0xfb1d && c <= 0xfdff) ||
           (c >= 0xfe70 && c <= 0xfeff) || (c >= 0x10800 && c <= 0x10fff) ||
           (c >= 0x1e800 && c <= 0x1efff);
}

static bool has_right_to_left(struct str text)
{
    while (text.size > 0) {
        if (is_right_to_left(decode(str_next_character(&text)))) {
            return true;
        }
    }
    return false;
}

/* What cannot be shown is named; neighbours share a bracket. */
static void collect_character(struct pdf *pdf, struct str character, bool *in_bracket)
{
    uint32_t c = decode(character);
    bool shown = c == ' ' || (!is_invisible(c) && pdf_library_has_glyph(pdf->library, c));

    if (c == '\t' || c == '\n' || c == '\r') {
        character = STR(" ");
        shown = true;
    }
    if (*in_bracket && shown) {
        strbuf_append_char(&pdf->collected, ']');
    }
    if (shown) {
        strbuf_append(&pdf->collected, character);
    } else {
        strbuf_append_format(&pdf->collected, "%sU+%04X", *in_bracket ? " " : "[", (unsigned)c);
    }
    *in_bracket = !shown;
}

void pdf_text_collect(struct pdf *pdf, struct str text, bool name)
{
    bool isolated =
        name && has_right_to_left(str_of(
                    text.data, text.size < PDF_TEXT_SIZE_MAX ? text.size : PDF_TEXT_SIZE_MAX));
    bool in_bracket = false;

    strbuf_append_text(&pdf->collected, isolated ? "\xe2\x81\xa8" : "");
    while (text.size > 0 && pdf->collected.size < PDF_TEXT_SIZE_MAX) {
        collect_character(pdf, str_next_character(&text), &in_bracket);
    }
    strbuf_append_text(&pdf->collected, in_bracket ? "]" : "");
    strbuf_append_text(&pdf->collected, isolated ? "\xe2\x81\xa9" : "");
    pdf->cut = pdf->cut || text.size > 0;
}

struct pdf_text pdf_text_take(struct pdf *pdf)
{
    struct pdf_text text = {.strong_from = pdf->strong_from, .strong_to = pdf->strong_to};

    strbuf_append_text(&pdf->collected, pdf->cut ? "... (cut; whole in the JSON document)" : "");
    text.text = arena_text(&pdf->page.arena, strbuf_view(&pdf->collected));
    strbuf_clear(&pdf->collected);
    pdf->cut = false;
    pdf->strong_from = 0;
    pdf->strong_to = 0;
    return text;
}

struct pdf_text pdf_text_of(struct pdf *pdf, const char *words)
{
    strbuf_clear(&pdf->collected);
    pdf_text_collect(pdf, STR(words), false);
    return pdf_text_take(pdf);
}

/* No ligatures: who searches for "final" finds it. A word that is broken because it is too long gets no hyphen, which might be taken for a part of a name. */
static void set_attributes(struct pdf *pdf, struct pdf_text text)
{
    const struct pdf_library *library = pdf->library;
    PangoAttrList *list = library->pango_attr_list_new();

    library->pango_attr_list_insert(list, library->pango_attr_insert_hyphens_new(FALSE));
    library->pango_attr_list_insert(list, library->pango_attr_font_features_new("liga=0, clig=0"));
    if (text.strong_to > text.strong_from) {
        PangoAttribute *bold = library->pango_attr_weight_new(PANGO_WEIGHT_BOLD);

        bold->start_index = (guint)text.strong_from;
        bold->end_index = (guint)text.strong_to;
        library->pango_attr_list_insert(list, bold);
    }
    library->pango_layout_set_attributes(pdf->layout, list);
    library->pango_attr_list_unref(list);
}

/* Leaves pdf->layout with the text in lines. */
static void set(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text,
                int *ret_width, int *ret_height)
{
    const struct pdf_library *library = pdf->library;
    PangoFontDescription *font = pdf->fonts[setting->style];
    int percent = setting->percent > 0 ? setting->percent : 100;

    library->pango_font_description_set_absolute_size(font, (double)styles[setting->style].size *
                                                                percent * PANGO_SCALE / 1000);
    library->pango_layout_set_font_description(pdf->layout, font);
    library->pango_layout_set_width(pdf->layout, setting->width);
    library->pango_layout_set_height(pdf->layout, -1);
    library->pango_layout_set_ellipsize(pdf->layout, PANGO_ELLIPSIZE_NONE);
    library->pango_layout_set_alignment(pdf->layout,
                                        setting->right ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT);
    set_attributes(pdf, text);
    library->pango_layout_set_text(pdf->layout, text.text, -1);
    library->pango_layout_get_size(pdf->layout, ret_width, ret_height);
    if (setting->height_max > 0 && *ret_height > setting->height_max) {
        library->pango_layout_set_height(pdf->layout, setting->height_max);
        library->pango_layout_set_ellipsize(pdf->layout, PANGO_ELLIPSIZE_END);
        library->pango_layout_get_size(pdf->layout, ret_width, ret_height);
    }
}

/* In the second pass: what the first one measured here. */
static bool recall(struct pdf *pdf, int *ret_length)
{
    if (pdf->ink != NULL) {
        CHECK(pdf->length_next < pdf->length_count);
        *ret_length = pdf->lengths[pdf->length_next++];
    }
    return pdf->ink != NULL;
}

static int remember(struct pdf *pdf, int length)
{
    size_t count = pdf->length_count++;

    if ((count & (count - 1)) == 0) {
        pdf->lengths =
            memory_resize(pdf->lengths, count == 0 ? 1 : count * 2, sizeof(pdf->lengths[0]));
    }
    pdf->lengths[count] = length;
    return length;
}

int pdf_text_height(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text)
{
    int width, height;

    if (recall(pdf, &height)) {
        return height;
    }
    set(pdf, setting, text, &width, &height);
    return remember(pdf, height);
}

int pdf_text_width(struct pdf *pdf, enum pdf_style style, struct pdf_text text)
{
    int width, height;

    if (recall(pdf, &width)) {
        return width;
    }
    set(pdf, &(struct pdf_setting){.style = style, .width = -1}, text, &width, &height);
    return remember(pdf, width);
}

int pdf_text_word_width(struct pdf *pdf, enum pdf_style style, struct pdf_text text)
{
    int width, height;

    if (recall(pdf, &width)) {
        return width;
    }
    pdf->library->pango_layout_set_wrap(pdf->layout, PANGO_WRAP_WORD);
    set(pdf, &(struct pdf_setting){.style = style, .width = 0}, text, &width, &height);
    pdf->library->pango_layout_set_wrap(pdf->layout, PANGO_WRAP_WORD_CHAR);
    return remember(pdf, width);
}

static void show(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text, int x,
                 int y)
{
    const struct pdf_library *library = pdf->library;
    unsigned rgb = styles[setting->style].rgb;
    int width, height;

    set(pdf, setting, text, &width, &height);
    library->cairo_set_source_rgb(pdf->ink, (rgb >> 16) / 255.0, (rgb >> 8 & 255) / 255.0,
                                  (rgb & 255) / 255.0);
    library->cairo_move_to(pdf->ink, (double)x / PANGO_SCALE, (double)y / PANGO_SCALE);
    library->pango_cairo_show_layout(pdf->ink, pdf->layout);
}

/* A cell without text is a cell: else those behind it would stand under other heads. */
void pdf_text_draw(struct pdf *pdf, const struct pdf_setting *setting, struct pdf_text text, int x,
                   int y, const char *tag)
{
    if (!pdf_inked(pdf)) {
        return;
    }
    if (tag != NULL) {
        pdf_begin(pdf, tag);
    }
    if (text.text[0] != '\0') {
        show(pdf, setting, text, x, y);
    }
    if (tag != NULL) {
        pdf_end(pdf, tag);
    }
}
