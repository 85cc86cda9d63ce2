#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/http.h"

/* A server that answers each connection once with a fixed text and keeps the last request. */
struct server {
    int listener;
    int port;
    pthread_t thread;
    const char *answer; /* NULL: says nothing until the client leaves */
    char request[8192]; /* read by the test after the answer has arrived */
    int request_count;
};

struct fixture {
    struct server server;
    struct http *http;
    struct strbuf body;
    char url[256];
};

static void serve(struct server *server, int connection)
{
    size_t used = 0;
    char *end;
    char rest[16];
    size_t length = 0;

    server->request_count++;
    while (used < sizeof(server->request) - 1) {
        ssize_t size =
            recv(connection, server->request + used, sizeof(server->request) - 1 - used, 0);

        if (size <= 0) {
            return;
        }
        used += (size_t)size;
        server->request[used] = '\0';
        end = strstr(server->request, "\r\n\r\n");
        if (end != NULL) {
            const char *header = strstr(server->request, "Content-Length: ");

            length = header != NULL ? strtoul(header + 16, NULL, 10) : 0;
            if (used >= (size_t)(end - server->request) + 4 + length) {
                break;
            }
        }
    }
    if (server->answer != NULL) {
        (void)send(connection, server->answer, strlen(server->answer), MSG_NOSIGNAL);
        (void)shutdown(connection, SHUT_WR);
    }
    while (recv(connection, rest, sizeof(rest), 0) > 0) {
    }
}

static void *server_main(void *context)
{
    struct server *server = context;
    int connection;

    while ((connection = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, connection);
        (void)close(connection);
    }
    return NULL;
}

/* Binds a socket to a free port of this machine. */
static int bind_anywhere(int *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return listener;
}

static int set_up(void **state)
{
    static struct fixture fixture;
    struct server *server = &fixture.server;
    struct err err = ERR_INIT;

    memset(&fixture, 0, sizeof(fixture));
    server->listener = bind_anywhere(&server->port);
    assert_int_equal(listen(server->listener, 5), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, server_main, server), 0);
    assert_int_equal(http_curl_open(&fixture.http, &err), ERR_OK);
    strbuf_init(&fixture.body, 100);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    fixture->http->close(fixture->http);
    (void)shutdown(fixture->server.listener, SHUT_RDWR); /* wakes accept */
    assert_int_equal(pthread_join(fixture->server.thread, NULL), 0);
    (void)close(fixture->server.listener);
    strbuf_release(&fixture->body);
    return 0;
}

static const char *url(struct fixture *fixture, const char *path)
{
    (void)snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%d%s",
                   fixture->server.port, path);
    return fixture->url;
}

static enum err_code perform(struct fixture *fixture, struct http_request request, int *ret_status,
                             struct err *err)
{
    if (request.timeout_ns == 0) {
        request.timeout_ns = 20 * NS_PER_SECOND;
    }
    strbuf_clear(&fixture->body);
    return fixture->http->perform(fixture->http, &request, ret_status, &fixture->body, err);
}

static void test_get(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    int status = 0;

    fixture->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    assert_int_equal(perform(fixture,
                             (struct http_request){.url = url(fixture, "/schemas/ids/1?x=1"),
                                                   .accept = "application/json",
                                                   .username = "user",
                                                   .password = "secret"},
                             &status, &err),
                     ERR_OK);
    assert_int_equal(status, 200);
    assert_string_equal(strbuf_text(&fixture->body), "hello");
    assert_non_null(strstr(fixture->server.request, "GET /schemas/ids/1?x=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(fixture->server.request, "\r\nAccept: application/json\r\n"));
    /* base64 of user:secret */
    assert_non_null(strstr(fixture->server.request, "\r\nAuthorization: Basic dXNlcjpzZWNyZXQ="));

    /* The next request knows nothing of these credentials. */
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err), ERR_OK);
    assert_null(strstr(fixture->server.request, "Authorization"));
}

static void test_bearer_and_post(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    int status = 0;

    fixture->server.answer =
        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    assert_int_equal(perform(fixture,
                             (struct http_request){.url = url(fixture, "/post"),
                                                   .method = "POST",
                                                   .body = STR("{\"a\":1}"),
                                                   .content_type = "application/json",
                                                   .bearer = "t0ken"},
                             &status, &err),
                     ERR_OK);
    assert_int_equal(status, 201);
    assert_string_equal(strbuf_text(&fixture->body), "ok");
    assert_non_null(strstr(fixture->server.request, "POST /post HTTP/1.1\r\n"));
    assert_non_null(strstr(fixture->server.request, "\r\nAuthorization: Bearer t0ken\r\n"));
    assert_non_null(strstr(fixture->server.request, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(fixture->server.request, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(fixture->server.request, "Expect"));
}

/* A status is the caller's business, and a redirect is a status. */
static void test_statuses_are_answers(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    int status = 0;

    fixture->server.answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone";
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err), ERR_OK);
    assert_int_equal(status, 404);
    assert_string_equal(strbuf_text(&fixture->body), "gone");

    fixture->server.request_count = 0;
    fixture->server.answer =
        "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err), ERR_OK);
    assert_int_equal(status, 302);
    assert_int_equal(fixture->server.request_count, 1);
}

static void test_body_is_bounded(void **state)
{
    char answer[512] = "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n";
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    size_t size = strlen(answer);
    int status = 0;

    memset(answer + size, 'x', 101);
    fixture->server.answer = answer;
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err),
        ERR_BROKER);
    assert_non_null(strstr(err.text, "longer than 100 bytes"));
    assert_false(err.retriable);
}

static void test_trouble_is_retriable_and_tells_no_secret(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    char text[256];
    int status = 0;

    fixture->server.answer = NULL; /* hangs */
    (void)snprintf(text, sizeof(text), "http://user:secret@127.0.0.1:%d/path?token=secret",
                   fixture->server.port);
    assert_int_equal(perform(fixture,
                             (struct http_request){.url = text, .timeout_ns = 200 * NS_PER_MS},
                             &status, &err),
                     ERR_BROKER);
    assert_true(err.retriable);
    assert_non_null(strstr(err.text, "/path: "));
    assert_null(strstr(err.text, "secret"));
    assert_null(strstr(err.text, "?"));

    fixture->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut"; /* ends early */
    err = ERR_INIT;
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err),
        ERR_BROKER);
    assert_true(err.retriable);

    /* Port 1 of this machine: nobody there. */
    err = ERR_INIT;
    assert_int_equal(
        perform(fixture, (struct http_request){.url = "http://127.0.0.1:1/"}, &status, &err),
        ERR_BROKER);
    assert_true(err.retriable);
}

static void test_refused_before_anything_is_sent(void **state)
{
    static const struct http_request cases[] = {
        {.url = "file:///etc/passwd"},
        {.url = "ftp://127.0.0.1/"},
        {.url = "gopher://127.0.0.1/"},
        {.url = "127.0.0.1/no-scheme"},
        {.url = ""},
        {.url = "http://"},
        {.url = "http://registry.example.org/", .username = "u", .password = "secret"},
        {.url = "http://registry.example.org/", .bearer = "secret"},
        {.url = "http://u:secret@registry.example.org/"},
        {.url = "http://127.0.0.1.example.org/", .bearer = "secret"},
        {.url = "http://localhost.example.org/", .bearer = "secret"},
        {.url = "http://10.0.0.1/", .bearer = "secret"},
        {.url = "http://127.0.0.1:1/", .bearer = "secret\r\nX-Injected: 1"},
        {.url = "http://127.0.0.1:1/", .accept = "a\nX-Injected: 1"},
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct err err = ERR_INIT;
        int status = 0;

        if (perform(fixture, cases[i], &status, &err) != ERR_BROKER || err.retriable) {
            fail_msg("case %zu, %s: %s", i, cases[i].url, err.text);
        }
        assert_null(strstr(err.text, "secret"));
    }
}

/* A proxy of the environment must not see what is meant for this machine. */
static void test_loopback_goes_past_proxies(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    int status = 0;

    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    fixture->server.answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(
        perform(fixture, (struct http_request){.url = url(fixture, "/")}, &status, &err), ERR_OK);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(status, 200);
}

/* Runs a shell command in a child of its own. */
static pid_t start_shell(const char *command)
{
    pid_t child = fork();

    if (child == 0) {
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return child;
}

/* Asks until the server is up: at most ten seconds. */
static enum err_code get_patiently(struct fixture *fixture, const char *ca_file, int *ret_status,
                                   struct err *err)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < 100; i++) {
        *err = ERR_INIT;
        code = perform(fixture, (struct http_request){.url = fixture->url, .ca_file = ca_file},
                       ret_status, err);
        if (code == ERR_OK || !err->retriable) {
            break;
        }
        clock_sleep_ns(clock_system(), 100 * NS_PER_MS);
    }
    return code;
}

/* A certificate that nobody vouches for is refused; with it as ca_file the same server is trusted, but only under its
 * own name. */
static void test_peer_is_verified(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    char folder[] = "/tmp/uptally-tls-XXXXXX";
    char command[512];
    char ca_file[64];
    int status = 0;
    int port;
    pid_t server;

    (void)close(bind_anywhere(&port));
    assert_non_null(mkdtemp(folder));
    (void)snprintf(ca_file, sizeof(ca_file), "%s/cert.pem", folder);
    (void)snprintf(
        command, sizeof(command),
        "cd %s && openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem "
        "-days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null",
        folder);
    assert_int_equal(system(command), 0);
    (void)snprintf(command, sizeof(command),
                   "cd %s && exec openssl s_server -quiet -www -accept 127.0.0.1:%d -key key.pem "
                   "-cert cert.pem >/dev/null 2>&1",
                   folder, port);
    server = start_shell(command);
    fixture->body.size_max = 65536;

    (void)snprintf(fixture->url, sizeof(fixture->url), "https://localhost:%d/", port);
    assert_int_equal(get_patiently(fixture, ca_file, &status, &err), ERR_OK);
    assert_int_equal(status, 200);
    assert_int_equal(get_patiently(fixture, NULL, &status, &err), ERR_BROKER);
    assert_false(err.retriable);
    (void)snprintf(fixture->url, sizeof(fixture->url), "https://127.0.0.1:%d/", port);
    assert_int_equal(get_patiently(fixture, ca_file, &status, &err), ERR_BROKER);
    assert_false(err.retriable);

    assert_int_equal(kill(server, SIGKILL), 0);
    assert_int_equal(waitpid(server, NULL, 0), server);
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bearer_and_post, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_statuses_are_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_body_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trouble_is_retriable_and_tells_no_secret, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_refused_before_anything_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_loopback_goes_past_proxies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_peer_is_verified, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
