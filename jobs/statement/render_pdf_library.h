/*
 * Cairo, Pango and the font, loaded when the first PDF is drawn: forty shared objects would double the time that every other command needs to start.
 *
 * The font is a pair of files of a Debian package, found by path. Fontconfig knows these two and nothing else: neither settings nor other fonts of the
 * machine change a byte of a PDF. Loaded once and kept until the process ends. Not for several threads.
 */
#ifndef JOBS_STATEMENT_RENDER_PDF_LIBRARY_H
#define JOBS_STATEMENT_RENDER_PDF_LIBRARY_H

#include <cairo-pdf.h>
#include <fontconfig/fontconfig.h>
#include <pango/pangocairo.h>
#include <pango/pangofc-fontmap.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define PDF_LIBRARY_FUNCTIONS(X)                                                                   \
    X(cairo_clip)                                                                                  \
    X(cairo_create)                                                                                \
    X(cairo_destroy)                                                                               \
    X(cairo_fill)                                                                                  \
    X(cairo_font_options_create)                                                                   \
    X(cairo_font_options_destroy)                                                                  \
    X(cairo_font_options_set_antialias)                                                            \
    X(cairo_font_options_set_hint_metrics)                                                         \
    X(cairo_font_options_set_hint_style)                                                           \
    X(cairo_line_to)                                                                               \
    X(cairo_move_to)                                                                               \
    X(cairo_pdf_surface_create_for_stream)                                                         \
    X(cairo_pdf_surface_set_metadata)                                                              \
    X(cairo_rectangle)                                                                             \
    X(cairo_restore)                                                                               \
    X(cairo_save)                                                                                  \
    X(cairo_set_line_width)                                                                        \
    X(cairo_set_source_rgb)                                                                        \
    X(cairo_show_page)                                                                             \
    X(cairo_status)                                                                                \
    X(cairo_status_to_string)                                                                      \
    X(cairo_stroke)                                                                                \
    X(cairo_surface_destroy)                                                                       \
    X(cairo_surface_finish)                                                                        \
    X(cairo_surface_status)                                                                        \
    X(cairo_tag_begin)                                                                             \
    X(cairo_tag_end)                                                                               \
    X(FcCharSetHasChar)                                                                            \
    X(FcConfigAppFontAddFile)                                                                      \
    X(FcConfigCreate)                                                                              \
    X(FcConfigGetFonts)                                                                            \
    X(FcConfigSetCurrent)                                                                          \
    X(FcPatternGetCharSet)                                                                         \
    X(g_object_unref)                                                                              \
    X(pango_attr_font_features_new)                                                                \
    X(pango_attr_insert_hyphens_new)                                                               \
    X(pango_attr_list_insert)                                                                      \
    X(pango_attr_list_new)                                                                         \
    X(pango_attr_list_unref)                                                                       \
    X(pango_attr_weight_new)                                                                       \
    X(pango_cairo_context_set_font_options)                                                        \
    X(pango_cairo_font_map_new_for_font_type)                                                      \
    X(pango_cairo_show_layout)                                                                     \
    X(pango_context_set_base_dir)                                                                  \
    X(pango_context_set_language)                                                                  \
    X(pango_context_set_round_glyph_positions)                                                     \
    X(pango_fc_font_map_set_config)                                                                \
    X(pango_font_description_free)                                                                 \
    X(pango_font_description_new)                                                                  \
    X(pango_font_description_set_absolute_size)                                                    \
    X(pango_font_description_set_family_static)                                                    \
    X(pango_font_description_set_weight)                                                           \
    X(pango_font_map_create_context)                                                               \
    X(pango_language_from_string)                                                                  \
    X(pango_layout_get_size)                                                                       \
    X(pango_layout_get_unknown_glyphs_count)                                                       \
    X(pango_layout_new)                                                                            \
    X(pango_layout_set_alignment)                                                                  \
    X(pango_layout_set_attributes)                                                                 \
    X(pango_layout_set_auto_dir)                                                                   \
    X(pango_layout_set_ellipsize)                                                                  \
    X(pango_layout_set_font_description)                                                           \
    X(pango_layout_set_height)                                                                     \
    X(pango_layout_set_single_paragraph_mode)                                                      \
    X(pango_layout_set_text)                                                                       \
    X(pango_layout_set_width)                                                                      \
    X(pango_layout_set_wrap)                                                                       \
    X(pango_version_string)

struct pdf_library {
#define MEMBER(name) __typeof__(&(name)) name;
    PDF_LIBRARY_FUNCTIONS(MEMBER)
#undef MEMBER
    PangoFontMap *fonts;
    const FcCharSet *glyphs; /* of the regular face */
};

extern const char pdf_library_family[]; /* of the font */

/* ERR_FAILED: a library or the font is missing; the text says which package has it. */
enum err_code pdf_library_open(const struct pdf_library **ret_library, struct err *err);
bool pdf_library_has_glyph(const struct pdf_library *library, uint32_t character);

#endif
