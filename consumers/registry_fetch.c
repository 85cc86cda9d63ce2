#include "consumers/registry_fetch.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum {
    REQUEST_TIMEOUT_S = 5,
    RETRY_PAUSE_MS = 250,
    SUBJECT_SIZE_MAX = 512,
    PATH_SIZE = 3 * SUBJECT_SIZE_MAX + 64
};

/* One id on its way from the registry. */
struct fetch {
    const struct registry_options *options;
    struct arena *arena;
    struct registry_texts *texts;
    const char *seen[REGISTRY_TEXTS_MAX]; /* paths of references that were asked for: each once */
    size_t seen_count;
    enum verdict *verdict;
    char *detail;
    size_t detail_size;
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

static bool may_pass(int status)
{
    return status == 404 || status == 408 || status == 429 || status >= 500;
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

enum err_code registry_get(const struct registry_options *options, const char *path,
                           int64_t retry_ns, int *ret_status, struct strbuf *body, struct err *err)
{
    int64_t deadline_ns = clock_monotonic_ns(options->clock) + retry_ns;

    for (;;) {
        int status = 0;
        enum err_code code = get_once(options, path, &status, body, err);

        if (code == ERR_OK && (status == 200 || status == 400 || status == 422)) {
            *ret_status = status;
            return ERR_OK;
        }
        if ((code == ERR_OK && !may_pass(status)) || (code != ERR_OK && !err->retriable) ||
            clock_monotonic_ns(options->clock) >= deadline_ns) {
            *ret_status = status;
            if (code != ERR_OK) {
                return err_context(err, "schema registry");
            }
            return says_no(status) ? ERR_OK : refuse_status(options, status, err);
        }
        if (options->stopped != NULL && options->stopped()) {
            return err_set(err, ERR_INTERRUPTED, "stopped while waiting for schema registry %s",
                           options->url);
        }
        clock_sleep_ns(options->clock, RETRY_PAUSE_MS * NS_PER_MS);
    }
}

static enum err_code give_verdict(struct fetch *fetch, enum verdict verdict, const char *detail)
{
    *fetch->verdict = verdict;
    (void)snprintf(fetch->detail, fetch->detail_size, "%s", detail);
    return ERR_OK;
}

/* Letters, digits and "-._~" stand for themselves in a path. */
static bool encode_path(const char *subject, int64_t version, char ret_path[PATH_SIZE])
{
    struct strbuf path;
    bool fits;

    strbuf_init(&path, PATH_SIZE - 1);
    strbuf_append_text(&path, "/subjects/");
    for (const char *c = subject; *c != '\0'; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                     (*c >= '0' && *c <= '9') || strchr("-._~", *c) != NULL;

        if (plain) {
            strbuf_append_char(&path, *c);
        } else {
            strbuf_append_format(&path, "%%%02X", (unsigned)(unsigned char)*c);
        }
    }
    strbuf_append_format(&path, "/versions/%" PRId64, version);
    fits = !path.overflow;
    (void)snprintf(ret_path, PATH_SIZE, "%s", strbuf_text(&path));
    strbuf_release(&path);
    return fits;
}

static bool seen_before(struct fetch *fetch, const char *path)
{
    for (size_t i = 0; i < fetch->seen_count; i++) {
        if (strcmp(fetch->seen[i], path) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code fetch_document(struct fetch *fetch, const char *path, int depth,
                                    struct err *err);

static enum err_code fetch_reference(struct fetch *fetch, const json_t *reference, int depth,
                                     struct err *err)
{
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    const json_t *version = json_object_get(reference, "version");
    char path[PATH_SIZE];

    if (subject == NULL || !json_is_integer(version) || strlen(subject) > SUBJECT_SIZE_MAX ||
        !encode_path(subject, (int64_t)json_integer_value(version), path)) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA,
                            "a reference of the schema has no subject and version");
    }
    if (seen_before(fetch, path)) {
        return ERR_OK;
    }
    if (depth >= REGISTRY_DEPTH_MAX || fetch->seen_count + 1 >= REGISTRY_TEXTS_MAX) {
        return give_verdict(fetch, VERDICT_BAD_SCHEMA,
                            "the schema's references are too many or too deep");
    }
    fetch->seen[fetch->seen_count++] = arena_text(fetch->arena, STR(path));
    return fetch_document(fetch, path, depth + 1, err);
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
        if (*fetch->verdict != VERDICT_TALLIED) {
            return ERR_OK;
        }
    }
    CHECK(fetch->texts->count < REGISTRY_TEXTS_MAX);
    fetch->texts->texts[fetch->texts->count++] =
        arena_str(fetch->arena, str_of(json_string_value(schema), json_string_length(schema)));
    return ERR_OK;
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
    code = registry_get(fetch->options, path, fetch->options->retry_ns, &status, &body, err);
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

enum err_code registry_fetch(const struct registry_options *options, int32_t id,
                             struct arena *arena, struct registry_texts *ret_texts,
                             enum verdict *ret_verdict, char *detail, size_t detail_size,
                             struct err *err)
{
    struct fetch fetch = {.options = options,
                          .arena = arena,
                          .texts = ret_texts,
                          .verdict = ret_verdict,
                          .detail = detail,
                          .detail_size = detail_size};
    char path[64];

    *ret_verdict = VERDICT_TALLIED;
    ret_texts->count = 0;
    (void)snprintf(path, sizeof(path), "/schemas/ids/%" PRId32, id);
    return fetch_document(&fetch, path, 0, err);
}
