#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

static void clean_text(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 0x20 || c == 0x7f) {
            *text = '?';
        }
    }
}

/* Formats through a buffer of its own, so that err->text may be among the arguments. */
__attribute__((format(printf, 2, 0))) static void set_text(struct err *err, const char *format,
                                                           va_list arguments)
{
    char text[ERR_TEXT_SIZE];

    (void)vsnprintf(text, sizeof(text), format, arguments);
    clean_text(text);
    memcpy(err->text, text, sizeof(text));
}

static void append_text(struct err *err, const char *text)
{
    size_t used = strlen(err->text);

    (void)snprintf(err->text + used, sizeof(err->text) - used, "%s", text);
}

enum err_code err_set(struct err *err, enum err_code code, const char *format, ...)
{
    va_list arguments;

    CHECK(code != ERR_OK);
    va_start(arguments, format);
    set_text(err, format, arguments);
    va_end(arguments);
    err->code = code;
    err->retriable = false;
    return code;
}

enum err_code err_set_retriable(struct err *err, enum err_code code, const char *format, ...)
{
    va_list arguments;

    CHECK(code != ERR_OK);
    va_start(arguments, format);
    set_text(err, format, arguments);
    va_end(arguments);
    err->code = code;
    err->retriable = true;
    return code;
}

enum err_code err_set_errno(struct err *err, enum err_code code, const char *format, ...)
{
    int number = errno;
    va_list arguments;

    CHECK(code != ERR_OK);
    va_start(arguments, format);
    set_text(err, format, arguments);
    va_end(arguments);
    append_text(err, ": ");
    append_text(err, strerror(number));
    err->code = code;
    err->retriable = false;
    return code;
}

enum err_code err_context(struct err *err, const char *format, ...)
{
    char before[ERR_TEXT_SIZE];
    va_list arguments;

    CHECK(err->code != ERR_OK);
    memcpy(before, err->text, sizeof(before));
    va_start(arguments, format);
    set_text(err, format, arguments);
    va_end(arguments);
    append_text(err, ": ");
    append_text(err, before);
    return err->code;
}
