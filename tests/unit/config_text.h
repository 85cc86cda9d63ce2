/*
 * Configurations of tests: text that has to be read, or has to be refused with exactly these words.
 */
#ifndef TESTS_UNIT_CONFIG_TEXT_H
#define TESTS_UNIT_CONFIG_TEXT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "jobs/config/config.h"

/* A topic that is fine; its rows may follow, from line 6 on. */
#define TOPIC                                                                                      \
    "registry: {url: http://r}\n"                                                                  \
    "topics:\n"                                                                                    \
    "- name: t\n"                                                                                  \
    "  kind: requests\n"                                                                           \
    "  map: {service: s, time: at, outcome: o}\n"

/* The caller frees it. */
static inline struct config *config_of(const char *path, const char *text)
{
    struct config *config = NULL;
    struct err err = ERR_INIT;

    if (config_parse(str_from(text), path, &config, &err) != ERR_OK) {
        fail_msg("%s\n%s", err.text, text);
    }
    return config;
}

/* Of file "f": the lines, but those that begin with `begin` replaced; replacement "" takes them away. begin NULL: unchanged. */
static inline enum err_code config_with(const char *const *lines, size_t count, const char *begin,
                                        const char *replacement, struct config **ret_config,
                                        struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, 100000);
    for (size_t i = 0; i < count; i++) {
        bool replaced = begin != NULL && str_starts_with(str_from(lines[i]), str_from(begin));

        strbuf_append_format(&text, "%s\n", replaced ? replacement : lines[i]);
    }
    code = config_parse(strbuf_view(&text), "f", ret_config, err);
    strbuf_release(&text);
    return code;
}

/* what: the part that is wrong. Secrets of tests are called canary, and are in no message. */
static inline void assert_refused(enum err_code code, const struct err *err, const char *what,
                                  const char *expected)
{
    if (code != ERR_CONFIG) {
        fail_msg("not refused: %s", what);
    }
    assert_string_equal(err->text, expected);
    assert_null(strstr(err->text, "canary"));
}

#endif
