#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/http_curl_library.h"
#include "base/memory.h"

enum { PLACE_SIZE_MAX = 512 };

static const uint32_t magic = 0x47757c11;

struct curl_http {
    struct http http; /* first */
    uint32_t magic;
    CURL *easy; /* kept between requests for its connections */
};

/* One request on its way. */
struct transfer {
    const struct http_request *request;
    struct strbuf *body;
    struct curl_slist *headers; /* owned */
    CURLU *url;                 /* owned */
    struct strbuf place;        /* owned; scheme, host and path: what a message may say */
    bool loopback;
};

static size_t take_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;

    strbuf_append(transfer->body, str_of(data, size * count));
    return transfer->body->overflow ? 0 : size * count;
}

static char *url_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;

    return curl_url_get(url, part, &text, 0) == CURLUE_OK ? text : NULL;
}

/* Whether the host is this machine, by its written form: a name is not resolved, for the answer could change. */
static bool host_is_loopback(const char *host)
{
    struct in_addr address;

    return strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127);
}

static bool has_credentials(const struct transfer *transfer)
{
    char *user = url_part(transfer->url, CURLUPART_USER);
    bool has =
        user != NULL || transfer->request->username != NULL || transfer->request->bearer != NULL;

    curl_free(user);
    return has;
}

/* Takes the URL apart, fills place, and refuses what must not leave this machine. */
static enum err_code transfer_check_url(struct transfer *transfer, struct err *err)
{
    char *scheme = NULL;
    char *host = NULL;
    char *port = NULL;
    char *path = NULL;
    enum err_code code = ERR_OK;

    if (curl_url_set(transfer->url, CURLUPART_URL, transfer->request->url, 0) != CURLUE_OK) {
        return err_set(err, ERR_BROKER, "not a URL that can be requested");
    }
    scheme = url_part(transfer->url, CURLUPART_SCHEME);
    host = url_part(transfer->url, CURLUPART_HOST);
    port = url_part(transfer->url, CURLUPART_PORT);
    path = url_part(transfer->url, CURLUPART_PATH);
    if (scheme == NULL || host == NULL || path == NULL ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)) {
        code = err_set(err, ERR_BROKER, "not an http or https URL");
        goto out;
    }
    strbuf_append_format(&transfer->place, "%s://%s%s%s%s", scheme, host, port != NULL ? ":" : "",
                         port != NULL ? port : "", path);
    transfer->loopback = host_is_loopback(host);
    if (strcmp(scheme, "http") == 0 && has_credentials(transfer) && !transfer->loopback) {
        code = err_set(err, ERR_BROKER,
                       "%s: credentials are not sent over plain http to another machine; use https",
                       strbuf_text(&transfer->place));
    }
out:
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_free(path);
    return code;
}

static enum err_code add_header(struct transfer *transfer, const char *name, const char *value,
                                struct err *err)
{
    struct strbuf line;
    struct curl_slist *headers = NULL;

    if (value == NULL) {
        return ERR_OK;
    }
    if (strpbrk(value, "\r\n") != NULL) {
        return err_set(err, ERR_BROKER, "%s: the value of header %s has a line break",
                       strbuf_text(&transfer->place), name);
    }
    strbuf_init(&line, 64 * 1024);
    strbuf_append_format(&line, "%s: %s", name, value);
    if (!line.overflow) {
        headers = curl_slist_append(transfer->headers, strbuf_text(&line));
    }
    strbuf_release(&line);
    if (headers == NULL) {
        return err_set(err, ERR_BROKER, "%s: header %s is too long", strbuf_text(&transfer->place),
                       name);
    }
    transfer->headers = headers;
    return ERR_OK;
}

static enum err_code transfer_prepare(struct transfer *transfer, struct err *err)
{
    const struct http_request *request = transfer->request;
    enum err_code code = transfer_check_url(transfer, err);

    if (code == ERR_OK && request->bearer != NULL && strpbrk(request->bearer, "\r\n") != NULL) {
        code = err_set(err, ERR_BROKER, "%s: the bearer token has a line break",
                       strbuf_text(&transfer->place));
    }
    if (code == ERR_OK) {
        code = add_header(transfer, "Accept", request->accept, err);
    }
    if (code == ERR_OK && request->body.size > 0) {
        code = add_header(transfer, "Content-Type", request->content_type, err);
    }
    if (code == ERR_OK && request->body.size > 0) {
        /* Without this curl waits a second for a "100 Continue" that many servers never send. */
        code = add_header(transfer, "Expect", "", err);
    }
    return code;
}

static void set_security(CURL *easy, const struct http_request *request)
{
    CHECK(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
    }
    if (request->username != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(easy, CURLOPT_USERNAME, request->username);
        curl_easy_setopt(easy, CURLOPT_PASSWORD,
                         request->password != NULL ? request->password : "");
    } else if (request->bearer != NULL) {
        curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, request->bearer);
    }
}

static void set_request(CURL *easy, struct transfer *transfer)
{
    const struct http_request *request = transfer->request;
    const char *method = request->method != NULL ? request->method : "GET";
    int64_t timeout_ms = request->timeout_ns / NS_PER_MS;

    /* Other threads run (librdkafka's): time-outs must not come as signals. */
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(timeout_ms > 0 ? timeout_ms : 1));
    curl_easy_setopt(easy, CURLOPT_CURLU, transfer->url);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "uptally/" UPTALLY_VERSION);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    if (transfer->loopback) {
        /* A proxy of the environment would carry what is meant for this machine to another one. */
        curl_easy_setopt(easy, CURLOPT_PROXY, "");
    }
    if (request->body.size > 0 || strcmp(method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                         request->body.size > 0 ? request->body.data : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
}

static enum err_code transfer_run(struct curl_http *http, struct transfer *transfer,
                                  int *ret_status, struct err *err)
{
    const char *place = strbuf_text(&transfer->place);
    CURLcode result;
    long status = 0;

    curl_easy_reset(http->easy); /* keeps the connections, forgets credentials */
    set_security(http->easy, transfer->request);
    set_request(http->easy, transfer);
    result = curl_easy_perform(http->easy);
    if (transfer->body->overflow) {
        return err_set(err, ERR_BROKER, "%s: the answer is longer than %zu bytes", place,
                       transfer->body->size_max);
    }
    switch (result) {
    case CURLE_OK:
        break;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
        return err_set(err, ERR_BROKER, "%s: %s", place, curl_easy_strerror(result));
    default: /* only curl's own sentences: its error buffer may quote the URL */
        return err_set_retriable(err, ERR_BROKER, "%s: %s", place, curl_easy_strerror(result));
    }
    curl_easy_getinfo(http->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (int)status;
    return ERR_OK;
}

static enum err_code curl_perform(struct http *seam, const struct http_request *request,
                                  int *ret_status, struct strbuf *body, struct err *err)
{
    struct curl_http *http = (struct curl_http *)seam;
    struct transfer transfer = {.request = request, .body = body};
    enum err_code code;

    CHECK(http->magic == magic);
    CHECK(request->timeout_ns > 0);
    strbuf_init(&transfer.place, PLACE_SIZE_MAX);
    transfer.url = curl_url();
    CHECK(transfer.url != NULL);
    code = transfer_prepare(&transfer, err);
    if (code == ERR_OK) {
        code = transfer_run(http, &transfer, ret_status, err);
    }
    curl_slist_free_all(transfer.headers);
    curl_url_cleanup(transfer.url);
    strbuf_release(&transfer.place);
    return code;
}

static void curl_close(struct http *seam)
{
    struct curl_http *http = (struct curl_http *)seam;

    if (http == NULL) {
        return;
    }
    CHECK(http->magic == magic);
    curl_easy_cleanup(http->easy);
    memory_free(http);
    curl_global_cleanup(); /* curl counts the openings */
}

enum err_code http_curl_open(struct http **ret_http, struct err *err)
{
    struct curl_http *http;
    CURL *easy;

    if (libcurl_open(err) != ERR_OK) {
        return err->code;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return err_set(err, ERR_FAILED, "libcurl cannot be started");
    }
    easy = curl_easy_init();
    if (easy == NULL) {
        curl_global_cleanup();
        return err_set(err, ERR_FAILED, "libcurl cannot be started");
    }
    http = memory_calloc(1, sizeof(*http));
    *http = (struct curl_http){{curl_perform, curl_close}, magic, easy};
    *ret_http = &http->http;
    return ERR_OK;
}
