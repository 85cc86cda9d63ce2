#include "jobs/statement/render_pdf_library.h"

#include <dlfcn.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"

/* A packager of another system says where its DejaVu stands. */
#ifndef UPTALLY_FONT_DIR
#define UPTALLY_FONT_DIR "/usr/share/fonts/truetype/dejavu"
#endif

const char pdf_library_family[] = "DejaVu Sans";

/* It brings the others with it: Pango, Cairo, Fontconfig, GObject. */
static const char library_name[] = "libpangocairo-1.0.so.0";

static const char *const font_files[] = {UPTALLY_FONT_DIR "/DejaVuSans.ttf",
                                         UPTALLY_FONT_DIR "/DejaVuSans-Bold.ttf"};

static struct pdf_library library;

static enum err_code load(struct err *err)
{
    void *handle = dlopen(library_name, RTLD_NOW | RTLD_LOCAL);

    if (handle == NULL) {
        return err_set(err, ERR_FAILED,
                       "%s; PDF needs it: apt-get install libpangocairo-1.0-0, or leave PDF out "
                       "with --format",
                       dlerror());
    }
    /* Through memcpy, because ISO C has no conversion from an object pointer to a function. */
#define LOAD(name)                                                                                 \
    {                                                                                              \
        void *found = dlsym(handle, #name);                                                        \
                                                                                                   \
        if (found == NULL) {                                                                       \
            return err_set(err, ERR_FAILED, "%s has no %s", library_name, #name);                  \
        }                                                                                          \
        memcpy(&library.name, &found, sizeof(found));                                              \
    }
    PDF_LIBRARY_FUNCTIONS(LOAD)
#undef LOAD
    return ERR_OK;
}

/* Made current before anything asks for the machine's configuration: what is asked for by default is this one as well. */
static enum err_code open_fonts(FcConfig **ret_config, struct err *err)
{
    FcConfig *config = library.FcConfigCreate();

    CHECK(config != NULL);
    for (size_t i = 0; i < ARRAY_COUNT(font_files); i++) {
        if (access(font_files[i], R_OK) != 0) {
            return err_set_errno(err, ERR_FAILED,
                                 "%s: PDF needs this font: apt-get install fonts-dejavu-core",
                                 font_files[i]);
        }
        if (!library.FcConfigAppFontAddFile(config, (const FcChar8 *)font_files[i])) {
            return err_set(err, ERR_FAILED, "%s: not a font that can be read", font_files[i]);
        }
    }
    if (!library.FcConfigSetCurrent(config)) {
        return err_set(err, ERR_FAILED, "fontconfig does not take the fonts");
    }
    *ret_config = config;
    return ERR_OK;
}

static enum err_code open_map(FcConfig *config, struct err *err)
{
    FcFontSet *set = library.FcConfigGetFonts(config, FcSetApplication);
    FcCharSet *glyphs = NULL;

    if (set == NULL || set->nfont < 1 ||
        library.FcPatternGetCharSet(set->fonts[0], FC_CHARSET, 0, &glyphs) != FcResultMatch) {
        return err_set(err, ERR_FAILED, "%s: a font without characters", font_files[0]);
    }
    library.glyphs = glyphs;
    library.fonts = library.pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
    if (library.fonts == NULL) {
        return err_set(err, ERR_FAILED, "%s cannot use FreeType", library_name);
    }
    library.pango_fc_font_map_set_config((PangoFcFontMap *)(void *)library.fonts, config);
    return ERR_OK;
}

enum err_code pdf_library_open(const struct pdf_library **ret_library, struct err *err)
{
    FcConfig *config = NULL;
    enum err_code code = ERR_OK;

    if (library.fonts == NULL) {
        code = load(err);
        if (code == ERR_OK) {
            code = open_fonts(&config, err);
        }
        if (code == ERR_OK) {
            code = open_map(config, err);
        }
    }
    if (code != ERR_OK) {
        return code;
    }
    *ret_library = &library;
    return ERR_OK;
}

bool pdf_library_has_glyph(const struct pdf_library *pdf_library, uint32_t character)
{
    return pdf_library->FcCharSetHasChar(pdf_library->glyphs, character) != FcFalse;
}

#if defined(__SANITIZE_ADDRESS__)
#define LEAKS_ARE_SOUGHT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_SOUGHT 1
#endif
#endif

#ifdef LEAKS_ARE_SOUGHT
/* The configuration stays until the end, but Fontconfig keeps offsets where others keep pointers: LeakSanitizer cannot see that it is still held. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig.so\n";
}

/* What was suppressed is not said: standard error is the program's. */
const char *__lsan_default_options(void)
{
    return "print_suppressions=0";
}
#endif
