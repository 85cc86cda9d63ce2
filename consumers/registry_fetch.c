#include "consumers/registry_fetch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { REQUEST_TIMEOUT_S = 5 };

/* A reference that was asked for, each once: by its name, as the registry's own client does it, and by where it is. */
struct seen {
    const char *name, *path;
    bool open; /* its own references are being followed */
};

/* One schema on its way from the registry. */
struct fetch {
    const struct registry_options *options;
    struct arena *arena;
    struct registry_texts *texts;
    struct seen seen[REGISTRY_TEXTS_MAX];
    size_t seen_count;
    struct schema_entry *entry;
};

static enum err_code get_once(const struct registry_options *options, const char *path,
                              int *ret_status, struct strbuf *body, struct err *err)
{
    struct strbuf url;
    struct http_request request = {.accept =
                                       "application/vnd.schemaregistry.v1+json, application/json",
                                   .username = options->username,
                                   .password = options->password,
                                   .bearer = options->bearer,
                                   .ca_file = options->ca_file,
                                   .timeout_ns = REQUEST_TIMEOUT_S * NS_PER_SECOND};
    enum err_code code;

    strbuf_init(&url, 4096);
    strbuf_append_text(&url, options->url);
    while (url.size > 0 && url.data[url.size - 1] == '/') {
        url.data[--url.size] = '\0';
    }
    strbuf_append_text(&url, path);
    if (url.overflow) {
        strbuf_release(&url);
        return err_set(err, ERR_CONFIG, "registry.url is longer than 4096 bytes");
    }
    strbuf_clear(body);
    request.url = strbuf_text(&url);
    code = options->http->perform(options->http, &request, ret_status, body, err);
    strbuf_release(&url);
    return code;
}

static bool says_no(int status)
{
    return status == 400 || status == 404 || status == 422;
}

static bool may_pass(int status, bool await_absent)
{
    return (status == 404 && await_absent) || status == 408 || status == 429 || status >= 500;
}

static enum err_code refuse_status(const struct registry_options *options, int status,
                                   struct err *err)
{
    if (status == 401 || status == 403) {
        return err_set_retriable(
            err, ERR_BROKER, "schema registry %s: HTTP %d: check the user name, password or token",
            options->url, status);
    }
    return err_set_retriable(err, ERR_BROKER, "schema registry %s: HTTP %d", options->url, status);
}

/* Asked before each request: a schema may need a thousand of them, and whoever stops a run waits ten seconds. */
static enum err_code check_stopped(const struct registry_options *options, struct err *err)
{
    return options->stopped != NULL && options->stopped()
               ? err_set(err, ERR_INTERRUPTED, "stopped while waiting for schema registry %s",
                         options->url)
               : ERR_OK;
}

enum err_code registry_get(const struct registry_options *options, const char *path,
                           int64_t retry_ns, bool await_absent, int *ret_status,
                           struct strbuf *body, struct err *err)
{
    int64_t deadline_ns = clock_monotonic_ns(options->clock) + retry_ns;

    for (;;) {
        int status = 0;
        enum err_code code;

        if (check_stopped(options, err) != ERR_OK) {
            return err->code;
        }
        code = get_once(options, path, &status, body, err);
        if (code == ERR_OK && (status == 200 || status == 400 || status == 422)) {
            *ret_status = status;
            return ERR_OK;
        }
        if ((code == ERR_OK && !may_pass(status, await_absent)) ||
            (code != ERR_OK && !err->retriable) ||
            clock_monotonic_ns(options->clock) >= deadline_ns) {
            *ret_status = status;
            if (code != ERR_OK) {
                return err_context(err, "schema registry");
            }
            return says_no(status) ? ERR_OK : refuse_status(options, status, err);
        }
        clock_sleep_ns(options->clock, REGISTRY_PAUSE_MS * NS_PER_MS);
    }
}

static enum err_code give_verdict(struct fetch *fetch, enum verdict verdict, const char *detail)
{
    fetch->entry->verdict = verdict;
    (void)snprintf(fetch->entry->detail, sizeof(fetch->entry->detail), "%s", detail);
    return ERR_OK;
}

/* Letters, digits and "-._~" stand for themselves in a path. */
bool registry_subject_path(const char *subject, const char *tail, char ret_path[REGISTRY_PATH_SIZE])
{
    struct strbuf path;
    bool fits = strlen(subject) <= REGISTRY_SUBJECT_SIZE_MAX;

    strbuf_init(&path, REGISTRY_PATH_SIZE - 1);
    strbuf_append_text(&path, "/subjects/");
    for (const char *c = subject; *c != '\0' && fits; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL;

        if (plain) {
            strbuf_append_char(&path, *c);
        } else {
            strbuf_append_format(&path, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    strbuf_append_text(&path, tail);
    fits = fits && !path.overflow;
    (void)snprintf(ret_path, REGISTRY_PATH_SIZE, "%s", strbuf_text(&path));
    strbuf_release(&path);
    return fits;
}

static struct seen *find_seen(struct fetch *fetch, const char *name, const char *path)
{
    for (size_t i = 0; i < fetch->seen_count; i++) {
        if (strcmp(fetch->seen[i].name, name) == 0 || strcmp(fetch->seen[i].path, path) == 0) {
            return &fetch->seen[i];
        }
    }
    return NULL;
}

static enum err_code fetch_document(struct fetch *fetch, const char *path, int depth,
                                    struct err *err);

/* False if it is not a registry's way of naming a schema. */
static bool reference_path(const json_t *reference, char ret_path[REGISTRY_PATH_SIZE])
{
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    const json_t *version = json_object_get(reference, "version");
    char tail[64];

    if (json_string_value(json_object_get(reference, "name")) == NULL || subject == NULL ||
        !json_is_integer(version)) {
        return false;
    }
    (void)snprintf(tail, sizeof(tail), "/versions/%" PRId64, (int64_t)json_integer_value(version));
    return registry_subject_path(subject, tail, ret_path);
}

static enum err_code fetch_reference(struct fetch *fetch, const json_t *reference, int depth,
                                     struct err *err)
{
    const char *name = json_string_value(json_object_get(reference, "name"));
    char path[REGISTRY_PATH_SIZE];
    struct seen *seen;
    enum err_code code;

    if (!reference_path(reference, path)) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA,
                            "a reference of the schema has no name, subject and version");
    }
    seen = find_seen(fetch, name, path);
    if (seen != NULL) {
        return seen->open ? give_verdict(fetch, VERDICT_BAD_SCHEMA,
                                         "the schema's references go in a circle")
                          : ERR_OK;
    }
    if (depth >= REGISTRY_DEPTH_MAX) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA, "the schema's references are too deep");
    }
    if (fetch->seen_count + 1 >= REGISTRY_TEXTS_MAX) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA, "the schema's references are too many");
    }
    seen = &fetch->seen[fetch->seen_count++];
    *seen = (struct seen){arena_text(fetch->arena, STR(name)), arena_text(fetch->arena, STR(path)),
                          true};
    code = fetch_document(fetch, path, depth + 1, err);
    seen->open = false;
    return code;
}

static enum err_code keep_text(struct fetch *fetch, const json_t *schema)
{
    struct registry_texts *texts = fetch->texts;

    CHECK(texts->count < REGISTRY_TEXTS_MAX);
    texts->size += json_string_length(schema);
    if (texts->size > REGISTRY_TEXTS_SIZE_MAX) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA, "the schema's references are too large");
    }
    texts->texts[texts->count++] =
        arena_str(fetch->arena, str_of(json_string_value(schema), json_string_length(schema)));
    return ERR_OK;
}

/* Answers of another kind than a registry's (a login page) are no statement about the schema. */
static enum err_code read_document(struct fetch *fetch, const json_t *document, int depth,
                                   struct err *err)
{
    const json_t *schema = json_object_get(document, "schema");
    const char *type = json_string_value(json_object_get(document, "schemaType"));
    const json_t *references = json_object_get(document, "references");

    if (!json_is_string(schema)) {
        return err_set_retriable(err, ERR_BROKER,
                                 "schema registry %s: the answer is not a registry's",
                                 fetch->options->url);
    }
    if (type != NULL && strcmp(type, "AVRO") != 0) {
        char text[64];

        (void)snprintf(text, sizeof(text), "the schema is %.20s, not AVRO", type);
        return give_verdict(fetch, VERDICT_BAD_SCHEMA, text);
    }
    for (size_t i = 0; i < json_array_size(references); i++) {
        if (fetch_reference(fetch, json_array_get(references, i), depth, err) != ERR_OK) {
            return err->code;
        }
        if (fetch->entry->verdict != VERDICT_TALLIED) {
            return ERR_OK;
        }
    }
    return keep_text(fetch, schema);
}

static enum err_code read_body(struct fetch *fetch, const struct strbuf *body, int depth,
                               struct err *err)
{
    json_t *document =
        json_loadb(body->data != NULL ? body->data : "", body->size, JSON_REJECT_DUPLICATES, NULL);
    enum err_code code;

    if (document == NULL) {
        return err_set_retriable(err, ERR_BROKER, "schema registry %s: the answer is not JSON",
                                 fetch->options->url);
    }
    code = read_document(fetch, document, depth, err);
    json_decref(document);
    return code;
}

static enum err_code fetch_document(struct fetch *fetch, const char *path, int depth,
                                    struct err *err)
{
    struct strbuf body;
    int status;
    enum err_code code;

    strbuf_init(&body, REGISTRY_BODY_MAX);
    code = registry_get(fetch->options, path, fetch->options->retry_ns, true, &status, &body, err);
    if (code == ERR_OK && status == 200) {
        code = read_body(fetch, &body, depth, err);
    } else if (code == ERR_OK) {
        char text[96];

        (void)snprintf(text, sizeof(text), "the registry has no such schema (HTTP %d)%s", status,
                       depth > 0 ? ", which another one refers to" : "");
        code = give_verdict(fetch, depth > 0 ? VERDICT_BAD_SCHEMA : VERDICT_UNKNOWN_SCHEMA, text);
    }
    strbuf_release(&body);
    return code;
}

enum err_code registry_fetch(const struct registry_options *options, const char *path,
                             struct arena *arena, struct registry_texts *ret_texts,
                             struct schema_entry *entry, struct err *err)
{
    struct fetch fetch = {.options = options, .arena = arena, .texts = ret_texts, .entry = entry};

    entry->verdict = VERDICT_TALLIED;
    ret_texts->count = ret_texts->size = 0;
    return fetch_document(&fetch, path, 0, err);
}
