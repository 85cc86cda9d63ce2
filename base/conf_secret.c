/*
 * Secrets of a configuration: "${file:PATH}" and "${env:NAME}". Their text goes to the struct and nowhere else: no message here
 * ever holds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf_table.h"

enum { SECRET_SIZE_MAX = 64 * 1024 };

/* "${KIND:...}" -> what stands behind the colon. */
static bool reference(struct str text, const char *opening, struct str *ret_inner)
{
    size_t size = strlen(opening);

    if (!str_starts_with(text, str_from(opening)) || text.data[text.size - 1] != '}' ||
        text.size < size + 2) {
        return false;
    }
    *ret_inner = str_of(text.data + size, text.size - size - 1);
    return true;
}

bool conf_is_secret(const struct conf_node *node)
{
    struct str inner;

    return node->kind == CONF_SCALAR &&
           (reference(node->text, "${file:", &inner) || reference(node->text, "${env:", &inner));
}

/* Reads fd to its end; false with errno set. A file that grows past size_max while it is read is EFBIG. */
static bool read_all(int fd, size_t size_max, struct strbuf *content)
{
    char buffer[16384];

    strbuf_init(content, size_max);
    for (;;) {
        ssize_t size = read(fd, buffer, sizeof(buffer));

        if (size == 0) {
            return true;
        }
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return false;
        }
        strbuf_append(content, str_of(buffer, (size_t)size));
        if (content->overflow) {
            errno = EFBIG;
            return false;
        }
    }
}

enum err_code conf_read_file(struct conf_reader *reader, const struct conf_node *node,
                             struct str path, size_t size_max, struct str *ret_content,
                             struct err *err)
{
    struct strbuf content;
    struct stat status;
    /* Not blocking: a path may name a pipe, which nobody will ever write to. */
    int fd = open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum err_code code = ERR_OK;

    strbuf_init(&content, 0);
    if (fd < 0 || fstat(fd, &status) != 0) {
        code = conf_error(reader, node, err, "%.*s: %s", STR_ARGS(path), strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        code = conf_error(reader, node, err, "%.*s: not a regular file", STR_ARGS(path));
    } else if (!read_all(fd, size_max, &content)) {
        code = conf_error(reader, node, err, "%.*s: %s", STR_ARGS(path), strerror(errno));
    } else {
        *ret_content = arena_str(reader->arena, strbuf_view(&content));
    }
    strbuf_release(&content);
    if (fd >= 0) {
        (void)close(fd);
    }
    return code;
}

static enum err_code read_environment(struct conf_reader *reader, const struct conf_node *node,
                                      struct str name, struct str *ret_text, struct err *err)
{
    const char *value = getenv(arena_text(reader->arena, name));

    if (value == NULL || value[0] == '\0') {
        return conf_error(reader, node, err, "environment variable %.*s is not set",
                          STR_ARGS(name));
    }
    *ret_text = arena_str(reader->arena, str_from(value));
    return ERR_OK;
}

/* Files of secrets usually end with a newline that is not part of them. */
static struct str without_newline(struct str text)
{
    if (text.size > 0 && text.data[text.size - 1] == '\n') {
        text.size--;
    }
    if (text.size > 0 && text.data[text.size - 1] == '\r') {
        text.size--;
    }
    return text;
}

enum err_code conf_read_text_or_secret(struct conf_reader *reader, const struct conf_node *node,
                                       struct str *ret_text, struct err *err)
{
    struct str inner;
    struct str text;
    enum err_code code;

    if (!conf_is_secret(node)) {
        return conf_read_name(reader, node, 4096, ret_text, err);
    }
    if (reference(node->text, "${env:", &inner)) {
        return read_environment(reader, node, inner, ret_text, err);
    }
    (void)reference(node->text, "${file:", &inner);
    code =
        conf_read_file(reader, node, conf_resolve_path(reader, inner), SECRET_SIZE_MAX, &text, err);
    if (code != ERR_OK) {
        return code;
    }
    text = arena_str(reader->arena, without_newline(text));
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL) {
        return conf_error(reader, node, err, "the secret's file is empty or not text");
    }
    *ret_text = text;
    return ERR_OK;
}
