/* A file per schema: the SHA-256 of what follows, a line feed, and a JSON document with URL, name and texts. URL and name are inside,
 * so that a file under a wrong name is noticed as well as a damaged one. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "consumers/registry_fetch.h"

enum { CACHE_PATH_SIZE = 4096, CACHE_SIZE_MAX = 64 * 1024 * 1024 };

static bool cache_path(const struct registry_options *options, const char *name, const char *suffix,
                       char ret_path[CACHE_PATH_SIZE])
{
    char url[HASH_HEX_SIZE], hex[HASH_HEX_SIZE];
    int size;

    if (options->cache_path == NULL) {
        return false;
    }
    hash_sha256_hex(STR(options->url), url);
    hash_sha256_hex(STR(name), hex);
    size = snprintf(ret_path, CACHE_PATH_SIZE, "%s/%.16s-%.32s.json%s", options->cache_path, url,
                    hex, suffix);
    return size > 0 && size < CACHE_PATH_SIZE;
}

static bool read_file(const char *path, struct strbuf *content)
{
    FILE *file = fopen(path, "re");
    char block[8192];
    size_t count;
    bool good;

    if (file == NULL) {
        return false;
    }
    while ((count = fread(block, 1, sizeof(block), file)) > 0 && !content->overflow) {
        strbuf_append(content, str_of(block, count));
    }
    good = ferror(file) == 0 && !content->overflow;
    (void)fclose(file);
    return good;
}

/* The JSON text behind a first line that is its hash. */
static bool verified(struct str content, struct str *ret_json)
{
    char hex[HASH_HEX_SIZE];

    if (content.size < HASH_HEX_SIZE || content.data[HASH_HEX_SIZE - 1] != '\n') {
        return false;
    }
    *ret_json = str_of(content.data + HASH_HEX_SIZE, content.size - HASH_HEX_SIZE);
    hash_sha256_hex(*ret_json, hex);
    return memcmp(hex, content.data, HASH_HEX_SIZE - 1) == 0;
}

static bool read_texts(const struct registry_options *options, const char *name,
                       const json_t *document, struct arena *arena,
                       struct registry_texts *ret_texts)
{
    const char *url = json_string_value(json_object_get(document, "url"));
    const char *whose = json_string_value(json_object_get(document, "name"));
    const json_t *texts = json_object_get(document, "texts");

    if (url == NULL || strcmp(url, options->url) != 0 || whose == NULL ||
        strcmp(whose, name) != 0 || json_array_size(texts) == 0 ||
        json_array_size(texts) > REGISTRY_TEXTS_MAX) {
        return false;
    }
    ret_texts->count = json_array_size(texts);
    for (size_t i = 0; i < ret_texts->count; i++) {
        const json_t *text = json_array_get(texts, i);

        if (!json_is_string(text)) {
            return false;
        }
        ret_texts->texts[i] =
            arena_str(arena, str_of(json_string_value(text), json_string_length(text)));
    }
    return true;
}

bool registry_cache_read(const struct registry_options *options, const char *name,
                         struct arena *arena, struct registry_texts *ret_texts)
{
    char path[CACHE_PATH_SIZE];
    struct strbuf content;
    struct str text;
    json_t *document = NULL;
    bool good = false;

    strbuf_init(&content, CACHE_SIZE_MAX);
    if (cache_path(options, name, "", path) && read_file(path, &content) &&
        verified(strbuf_view(&content), &text)) {
        document = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
        good = document != NULL && read_texts(options, name, document, arena, ret_texts);
    }
    json_decref(document);
    strbuf_release(&content);
    return good;
}

static char *write_document(const struct registry_options *options, const char *name,
                            const struct registry_texts *texts)
{
    json_t *list = json_array();
    json_t *document;
    char *text;

    for (size_t i = 0; i < texts->count; i++) {
        (void)json_array_append_new(list, json_stringn(texts->texts[i].data, texts->texts[i].size));
    }
    document = json_pack("{s:s, s:o, s:s}", "name", name, "texts", list, "url", options->url);
    text = document != NULL ? json_dumps(document, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(document);
    return text;
}

/* All or nothing under a name of our own; another process may write the same file at the same time. */
static bool write_file(const char *path, struct str head, struct str body)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    bool good;

    if (file < 0) {
        return false;
    }
    good = write(file, head.data, head.size) == (ssize_t)head.size &&
           write(file, body.data, body.size) == (ssize_t)body.size && fsync(file) == 0;
    return close(file) == 0 && good;
}

void registry_cache_write(const struct registry_options *options, const char *name,
                          const struct registry_texts *texts)
{
    char path[CACHE_PATH_SIZE], temporary[CACHE_PATH_SIZE], suffix[32];
    char hex[HASH_HEX_SIZE];
    char *text = write_document(options, name, texts);

    (void)snprintf(suffix, sizeof(suffix), ".%ld.tmp", (long)getpid());
    if (text == NULL || !cache_path(options, name, "", path) ||
        !cache_path(options, name, suffix, temporary)) {
        free(text);
        return;
    }
    hash_sha256_hex(STR(text), hex);
    hex[HASH_HEX_SIZE - 1] = '\n';
    if (!write_file(temporary, str_of(hex, HASH_HEX_SIZE), STR(text)) ||
        rename(temporary, path) != 0) {
        (void)unlink(temporary);
    }
    free(text);
}
