/*
 * A schema registry in this process: a struct http with a table of answers.
 */
#ifndef TESTS_UNIT_FAKE_REGISTRY_H
#define TESTS_UNIT_FAKE_REGISTRY_H

#include <stdbool.h>
#include <string.h>

#include "base/http.h"

enum { FAKE_ANSWERS_MAX = 16 };

struct fake_registry {
    struct http http; /* first */
    struct {
        const char *path; /* behind the base URL */
        int status;
        const char *body;
    } answers[FAKE_ANSWERS_MAX];
    int request_count;
    bool down;       /* nobody listens */
    int fail_first;  /* that many requests are answered with 503 first */
    char path[1024]; /* of the last request */
};

#define FAKE_REGISTRY_URL "http://registry:8081/api"

static inline enum err_code fake_perform(struct http *http, const struct http_request *request,
                                         int *ret_status, struct strbuf *body, struct err *err)
{
    struct fake_registry *fake = (struct fake_registry *)http;

    fake->request_count++;
    if (fake->down) {
        return err_set_retriable(err, ERR_BROKER, "%s: Connection refused", request->url);
    }
    strncpy(fake->path, request->url + strlen(FAKE_REGISTRY_URL), sizeof(fake->path) - 1);
    if (fake->fail_first > 0) {
        fake->fail_first--;
        *ret_status = 503;
        return ERR_OK;
    }
    *ret_status = 404;
    for (int i = 0; i < FAKE_ANSWERS_MAX && fake->answers[i].path != NULL; i++) {
        if (strcmp(fake->answers[i].path, fake->path) == 0) {
            *ret_status = fake->answers[i].status;
            strbuf_append_text(body, fake->answers[i].body);
        }
    }
    return ERR_OK;
}

/* The next answer of the table; status 200. */
static inline void fake_answer(struct fake_registry *fake, const char *path, const char *body)
{
    int i = 0;

    while (fake->answers[i].path != NULL) {
        i++;
    }
    fake->answers[i].path = path;
    fake->answers[i].status = 200;
    fake->answers[i].body = body;
}

static inline void fake_close(struct http *http)
{
    (void)http;
}

#define FAKE_REGISTRY_INIT                                                                         \
    ((struct fake_registry){.http = {.perform = fake_perform, .close = fake_close}})

#endif
