/*
 * The seam for HTTP: one GET or POST at a time, bounded, with a total time-out, without redirects.
 *
 * The real one is libcurl; a demo or a test puts a table of answers in its place. Only http and https, the
 * peer and its host name are always verified. Errors are ERR_BROKER and retriable for connection trouble.
 * A status of 400 and above is not an error of this module: it is in the answer. URLs with their query, and
 * credentials, never appear in messages.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct http_request {
    const char *url;
    const char *method;       /* "GET" if NULL */
    struct str body;          /* sent if not empty */
    const char *content_type; /* of body */
    const char *accept;       /* may be NULL */
    const char *username;     /* basic authentication, may be NULL */
    const char *password;
    const char *bearer;  /* token, may be NULL */
    const char *ca_file; /* certificates to trust instead of the system's, may be NULL */
    int64_t timeout_ns;  /* total */
};

struct http {
    /* Appends the body of the answer to *body (bounded by its size_max: more is ERR_BROKER). */
    enum err_code (*perform)(struct http *http, const struct http_request *request, int *ret_status,
                             struct strbuf *body, struct err *err);
    void (*close)(struct http *http);
};

/* The caller owns it: http->close(http). */
enum err_code http_curl_open(struct http **ret_http, struct err *err);

#endif
