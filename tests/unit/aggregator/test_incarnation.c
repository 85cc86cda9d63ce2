/* What an operator's word changes about a topic's streams: once, as a whole, and nothing goes on into a closed one. */
#include <string.h>
#include <sys/wait.h>

#include "aggregator/incarnation.h"
#include "tests/unit/aggregator/book.h"

static const int64_t origins[2] = {7, 0};

static int set_up(void **state)
{
    struct book *book = calloc(1, sizeof(*book));

    book_open(book);
    *state = book;
    return 0;
}

static int tear_down(void **state)
{
    book_close(*state);
    free(*state);
    return 0;
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

static struct stream stream_on(const char *cluster, int64_t stream_id)
{
    return (struct stream){.stream_id = stream_id,
                           .cluster = STR(cluster),
                           .cluster_name = STR("prod"),
                           .topic = STR("requests"),
                           .kind = EVENT_REQUEST};
}

static enum stream_state state_on(struct book *book, const char *cluster)
{
    struct stream stream = stream_on(cluster, 0);
    enum stream_state state;
    struct err err = ERR_INIT;

    must(store_stream_find(book->db, &stream, &state, &err), &err);
    return state;
}

static int64_t complete_until(struct book *book)
{
    int64_t complete_ns;
    struct err err = ERR_INIT;

    must(fold_complete_until(book->db, 1, &complete_ns, &err), &err);
    return complete_ns;
}

static void complete(struct book *book, int64_t stream_id, int64_t time_ns)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;

    must(db_prepare(book->db, "INSERT INTO complete_until VALUES (1, $1, $2, 0)", &stmt, &err),
         &err);
    db_bind_int64(stmt, 1, stream_id);
    db_bind_int64(stmt, 2, time_ns);
    must(db_run(stmt, NULL, &err), &err);
}

static void test_the_next_incarnation(void **state)
{
    struct book *book = *state;
    struct batch *batch = book_batch(book, book->db);
    struct stream stream = stream_on("cluster", book->requests);
    struct stream late = stream;
    struct err err = ERR_INIT;

    complete(book, book->requests, 1000);
    complete(book, book->checks, 5000);
    assert_int_equal(complete_until(book), 1000);
    book_request(book, batch, 0, "shop", 0, false);
    must(incarnation_accept(&book->ledger, &stream, origins, 2, &err), &err);
    assert_int_equal(stream.incarnation, 2);
    assert_int_not_equal(stream.stream_id, book->requests);
    assert_int_equal(
        book_number(
            book->db,
            "SELECT CAST(sum(origin * 10 + next_offset) AS BIGINT) FROM partition_offset WHERE "
            "stream_id = 3"),
        77);
    /* Whoever still reads the old one hears it, and nothing of it is counted. */
    assert_int_equal(ledger_commit(&book->ledger, batch, &err), ERR_FENCED);
    assert_non_null(strstr(err.text, "incarnation was closed"));
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM batch"), 0);
    batch_free(batch);
    /* Nothing is complete until the new one is; the old one is not asked. */
    assert_int_equal(complete_until(book), INT64_MIN);
    complete(book, stream.stream_id, 9000);
    assert_int_equal(complete_until(book), 5000);
    /* Somebody who found the same at the same time gets what is there. */
    must(incarnation_accept(&book->ledger, &late, origins, 2, &err), &err);
    assert_int_equal(late.stream_id, stream.stream_id);
    assert_int_equal(book_number(book->db, "SELECT count(*) FROM stream WHERE topic = 'requests'"),
                     2);
}

static void test_a_move_and_back(void **state)
{
    struct book *book = *state;
    struct stream there = stream_on("elsewhere", 0);
    struct stream back = stream_on("cluster", 0);
    struct err err = ERR_INIT;

    assert_int_equal(state_on(book, "elsewhere"), STREAM_MOVED);
    assert_int_equal(incarnation_reopen(&book->ledger, &there, &err), ERR_STORE);
    assert_int_equal(state_on(book, "cluster"), STREAM_OPEN);
    err = (struct err)ERR_INIT;
    must(incarnation_accept(&book->ledger, &there, origins, 2, &err), &err);
    assert_int_equal(there.incarnation, 1);
    assert_int_equal(state_on(book, "elsewhere"), STREAM_OPEN);
    assert_int_equal(state_on(book, "cluster"), STREAM_MOVED);
    /* The first cluster still has its topic: it goes on where it stood. */
    must(incarnation_reopen(&book->ledger, &back, &err), &err);
    assert_int_equal(back.stream_id, book->requests);
    assert_int_equal(state_on(book, "cluster"), STREAM_OPEN);
    assert_int_equal(state_on(book, "elsewhere"), STREAM_MOVED);
    must(incarnation_reopen(&book->ledger, &back, &err), &err);
    assert_int_equal(state_on(book, "cluster"), STREAM_OPEN);
}

static void test_closing(void **state)
{
    struct book *book = *state;
    struct err err = ERR_INIT;
    int64_t closed;

    must(incarnation_close(&book->ledger, STR("requests"), STR("prod"), &closed, &err), &err);
    assert_int_equal(closed, 0); /* that one is being read */
    must(incarnation_close(&book->ledger, STR("requests"), STR(""), &closed, &err), &err);
    assert_int_equal(closed, 1);
    assert_int_equal(state_on(book, "cluster"), STREAM_CLOSED);
    must(incarnation_close(&book->ledger, STR("requests"), STR(""), &closed, &err), &err);
    assert_int_equal(closed, 0);
    complete(book, book->checks, 5000);
    assert_int_equal(complete_until(book), 5000);
}

/* Before the commit nothing is changed, behind it all of it is; done again, it is done once. */
static void test_kills(void **state)
{
    static const char *const places[] = {"incarnation.change.before", "incarnation.change.after"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct book book;
        struct stream stream;
        struct err err = ERR_INIT;
        int status;
        pid_t pid;

        book_open(&book);
        stream = stream_on("cluster", book.requests);
        db_close(book.db);
        pid = fork();
        if (pid == 0) {
            char plan[80];
            struct ledger ledger = book_ledger(&book, book_connect(&book));

            snprintf(plan, sizeof(plan), "%s:1:kill", places[i]);
            setenv("UPTALLY_FAULT", plan, 1);
            (void)incarnation_accept(&ledger, &stream, origins, 2, &err);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        book.db = book_connect(&book);
        book.ledger = book_ledger(&book, book.db);
        assert_int_equal(
            book_number(book.db, "SELECT count(*) FROM stream WHERE closed_ns IS NOT NULL"), i);
        must(incarnation_accept(&book.ledger, &stream, origins, 2, &err), &err);
        assert_int_equal(stream.incarnation, 2);
        assert_int_equal(
            book_number(book.db, "SELECT count(*) FROM stream WHERE topic = 'requests'"), 2);
        assert_int_equal(
            book_number(book.db, "SELECT count(*) FROM partition_offset WHERE stream_id = 3"), 2);
        book_close(&book);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_next_incarnation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_move_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_closing, set_up, tear_down),
        cmocka_unit_test(test_kills),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
