/*
 * The lost answer of a COMMIT. Between ledger and server stands a proxy that cuts the connection when COMMIT passes: before it, behind
 * it, or in such a way that the server gets it later, while the ledger is looking already.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "tests/unit/aggregator/world.h"

enum cut {
    CUT_NOTHING,
    CUT_BEFORE, /* the server never sees it */
    CUT_BEHIND, /* the server commits, nobody hears of it */
    CUT_LATER   /* the server gets it half a second after the client has lost the connection */
};

/* In memory that the proxy's process shares. */
struct proxy {
    volatile int cut; /* enum cut; back to nothing once it has happened */
    volatile int cuts;
    int port;
    char server[100]; /* socket */
};

static struct proxy *proxy;
static pid_t proxy_pid;
static struct world world;
static struct strbuf expected;

static int connect_to_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", proxy->server);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        _exit(1);
    }
    return fd;
}

static bool send_all(int fd, const char *data, ssize_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, (size_t)size, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        data += sent;
        size -= sent;
    }
    return true;
}

/* "Q", length, "COMMIT" in one piece: libpq sends a plain query so. */
static bool is_commit(const char *data, ssize_t size)
{
    return size == 12 && memcmp(data, "Q\0\0\0\13COMMIT", 12) == 0;
}

/* What happens to the COMMIT; the connection is over then. */
static void cut(int client, int server, const char *data, ssize_t size)
{
    char answer[4096];
    int how = proxy->cut;

    proxy->cut = CUT_NOTHING;
    proxy->cuts++; /* before anybody can hear of it */
    if (how == CUT_LATER) {
        (void)shutdown(client, SHUT_RDWR);
        usleep(500000);
    }
    if (how != CUT_BEFORE) {
        (void)send_all(server, data, size);
        (void)recv(server, answer, sizeof(answer), 0);
    }
}

static void *relay(void *argument)
{
    int client = (int)(intptr_t)argument;
    int server = connect_to_server();
    static const int size_max = 65536;
    char *data = malloc((size_t)size_max);

    for (;;) {
        struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
        int from;
        ssize_t size;

        (void)poll(fds, 2, -1);
        from = fds[0].revents != 0 ? 0 : 1;
        size = recv(fds[from].fd, data, (size_t)size_max, 0);
        if (size <= 0) {
            break;
        }
        if (from == 0 && proxy->cut != CUT_NOTHING && is_commit(data, size)) {
            cut(client, server, data, size);
            break;
        }
        if (!send_all(fds[1 - from].fd, data, size)) {
            break;
        }
    }
    free(data);
    (void)close(client);
    (void)close(server);
    return NULL;
}

static void serve(int listener)
{
    for (;;) {
        pthread_t thread;
        int client = accept(listener, NULL, NULL);

        if (client < 0 || pthread_create(&thread, NULL, relay, (void *)(intptr_t)client) != 0) {
            _exit(1);
        }
        (void)pthread_detach(thread);
    }
}

static void start_proxy(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    char host[70];
    int port;

    proxy = mmap(NULL, sizeof(*proxy), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(proxy != MAP_FAILED);
    assert_int_equal(sscanf(getenv("UPTALLY_TEST_POSTGRESQL"), "%69s %d", host, &port), 2);
    snprintf(proxy->server, sizeof(proxy->server), "%s/.s.PGSQL.%d", host, port);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    proxy->port = ntohs(address.sin_port);
    proxy_pid = fork();
    if (proxy_pid == 0) {
        serve(listener);
    }
    (void)close(listener);
}

static int begin(void **state)
{
    (void)state;
    start_proxy();
    world_make(&world, 20261126);
    world_expected(&world, &expected);
    return 0;
}

static int end(void **state)
{
    (void)state;
    (void)kill(proxy_pid, SIGKILL);
    (void)waitpid(proxy_pid, NULL, 0);
    strbuf_release(&expected);
    return 0;
}

static struct db *connect_through_proxy(struct book *book)
{
    struct store_place place;
    struct db_options options = {.clock = NULL, .lock_wait_ns = 20 * NS_PER_SECOND};
    struct err err = ERR_INIT;
    struct db *db = NULL;

    store_place_set(&place, book->path, &options);
    place.server.host = "127.0.0.1";
    place.server.port = proxy->port;
    if (db_open(&options, &db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return db;
}

/* What the ledger says to a commit that is cut so, and how many batches are there then. */
static void commit_and_cut(struct book *book, struct db *db, enum cut how, int turn)
{
    struct ledger ledger = book_ledger(book, db);
    struct batch *batch = book_batch(book, db);
    struct err err = ERR_INIT;
    int64_t batches = book_number(book->db, "SELECT count(*) FROM batch");
    int cuts = proxy->cuts;
    enum err_code code;

    world_feed(&world, book, batch, turn % 2, turn % BOOK_PARTITIONS, 10);
    world_feed(&world, book, batch, 1 - turn % 2, turn % BOOK_PARTITIONS, 5);
    proxy->cut = how;
    code = ledger_commit(&ledger, batch, &err);
    assert_int_equal(proxy->cuts, cuts + 1);
    if (how == CUT_BEFORE) {
        assert_int_equal(code, ERR_STORE);
        assert_true(err.retriable);
        assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), batches);
        code = ledger_commit(&ledger, batch, &err);
    }
    if (code != ERR_OK) {
        fail_msg("%d: %s", how, err.text);
    }
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), batches + 1);
    batch_free(batch);
}

/* Each outcome is found out, and nothing is counted twice or lost. */
static void test_lost_answers(void **state)
{
    static const enum cut ways[] = {CUT_BEFORE, CUT_BEHIND, CUT_LATER};
    struct book book;
    struct db *db;

    (void)state;
    book_open(&book);
    db = connect_through_proxy(&book);
    for (int turn = 0; turn < 18; turn++) {
        commit_and_cut(&book, db, ways[turn % 3], turn);
    }
    world_consume(&world, &book, db, 50);
    world_fold_all(book.db, "last", 100);
    world_assert_equal(&expected, book.db);
    db_close(db);
    book_close(&book);
}

/* The fold's transactions need no care: whatever became of one, the next step reads where the round stands. */
static void test_lost_answers_of_a_fold(void **state)
{
    struct book book;
    struct db *db;
    struct fold fold;
    struct err err = ERR_INIT;
    int turn = 0;
    bool done = false;

    (void)state;
    book_open(&book);
    world_consume(&world, &book, book.db, 20);
    db = connect_through_proxy(&book);
    fold = world_fold(db, "cut", 40);
    assert_int_equal(fold_acquire(&fold, &err), ERR_OK);
    while (!done) {
        if (turn++ % 2 == 0) {
            proxy->cut = turn % 4 == 1 ? CUT_BEFORE : CUT_BEHIND;
        }
        err = ERR_INIT;
        if (fold_step(&fold, &done, &err) != ERR_OK) {
            assert_int_equal(err.code, ERR_STORE);
            assert_true(err.retriable);
        }
    }
    proxy->cut = CUT_NOTHING;
    assert_true(turn > 10);
    assert_int_equal(fold_run(&fold, NULL, NULL, &err), ERR_OK);
    world_assert_equal(&expected, book.db);
    db_close(db);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_answers),
        cmocka_unit_test(test_lost_answers_of_a_fold),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
