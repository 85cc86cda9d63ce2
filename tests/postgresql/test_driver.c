/* The driver on a real PostgreSQL: values, deferred changes, sessions that end, locks, deadlocks. server.py starts the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "tests/unit/store_place.h"
#include "tests/unit/temporary.h"

struct fixture {
    struct temporary folder; /* its name makes the schema's */
    char path[512];
    struct db *db, *other;
};

static struct db *connect_to(const char *path, int64_t lock_wait_ns)
{
    struct db_options options = {.create = true, .lock_wait_ns = lock_wait_ns};
    struct err err = ERR_INIT;
    struct db *db = NULL;

    if (store_place_open(path, options, &db, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return db;
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct err err = ERR_INIT;

    temporary_make(&f->folder);
    snprintf(f->path, sizeof(f->path), "%s", temporary_file(&f->folder, "store"));
    f->db = connect_to(f->path, 5 * NS_PER_SECOND);
    f->other = connect_to(f->path, 0);
    if (db_define(f->db,
                  "CREATE TABLE t (k BIGINT PRIMARY KEY, name TEXT, body BYTEA, "
                  "checksum BIGINT NOT NULL)",
                  &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    db_close(f->other);
    db_close(f->db);
    temporary_remove(&f->folder);
    free(f);
    return 0;
}

static enum err_code insert(struct db *db, int64_t key, struct str name, struct str body,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db, "INSERT INTO t (k, name, body, checksum) VALUES ($1, $2, $3, $4)", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, key);
    db_bind_text(stmt, 2, name);
    db_bind_blob(stmt, 3, body);
    db_bind_checksum(stmt, 4);
    return db_run(stmt, NULL, err);
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

/* The text is a literal. */
static int64_t ask(struct db *db, const char *sql)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;
    int64_t value;

    must(db_prepare(db, sql, &stmt, &err), &err);
    must(db_step(stmt, &row, &err), &err);
    assert_true(row);
    value = db_column_int64(stmt, 0);
    db_reset(stmt);
    return value;
}

static enum err_code update(struct db *db, int64_t key, const char *name, int64_t *ret_changed,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db, "UPDATE t SET name = $1 WHERE k = $2", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, STR(name));
    db_bind_int64(stmt, 2, key);
    return db_run(stmt, ret_changed, err);
}

/* Ends the session of `victim`, as a restart, an administrator or a time-out does. */
static void cut(struct fixture *f, struct db *victim)
{
    struct db *killer = connect_to(f->path, NS_PER_SECOND);
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;
    int64_t pid = ask(victim, "SELECT pg_backend_pid()");

    must(db_prepare(killer, "SELECT pg_terminate_backend(CAST($1 AS INTEGER), 10000)", &stmt, &err),
         &err);
    db_bind_int64(stmt, 1, pid);
    must(db_step(stmt, &row, &err), &err);
    assert_int_equal(db_column_int64(stmt, 0), 1);
    db_close(killer);
}

/* As on SQLite: empty is not NULL, NUL bytes stay in blobs, and the checksum read is the one written. */
static void test_values_round_trip(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    bool row;

    must(insert(f->db, INT64_MIN, str_of(NULL, 0), str_of("a\0b", 3), &err), &err);
    must(
        db_prepare(f->db, "SELECT k, name, body, checksum, CAST(NULL AS TEXT) FROM t", &stmt, &err),
        &err);
    must(db_step(stmt, &row, &err), &err);
    assert_true(row);
    assert_int_equal(db_column_int64(stmt, 0), INT64_MIN);
    assert_true(str_equal(db_column_text(stmt, 0), STR("-9223372036854775808")));
    assert_false(db_column_null(stmt, 1));
    assert_int_equal(db_column_text(stmt, 1).size, 0);
    assert_true(str_equal(db_column_blob(stmt, 2), str_of("a\0b", 3)));
    assert_int_equal(db_column_checksum(stmt, 3), db_column_int64(stmt, 3));
    assert_true(db_column_null(stmt, 4));
    must(db_step(stmt, &row, &err), &err);
    assert_false(row);
}

/* In a database whose own order is that of a language, "B" would come behind "a". */
static void test_text_is_ordered_by_bytes(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    must(insert(f->db, 1, STR("a"), STR(""), &err), &err);
    must(insert(f->db, 2, STR("B"), STR(""), &err), &err);
    assert_int_equal(ask(f->db, "SELECT k FROM t ORDER BY name LIMIT 1"), 2);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM pg_attribute a JOIN pg_collation c ON "
                                "c.oid = a.attcollation WHERE a.attrelid = CAST('t' AS regclass) "
                                "AND a.attname = 'name' AND c.collname = 'C'"),
                     1);
}

/* Thousands of changes in one pipeline, with questions in between and rows that are still being read. */
static void test_pipeline_and_streams(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    int64_t seen = 0;
    bool row, unknown;

    must(db_begin_concurrent(f->db, &err), &err);
    for (int64_t k = 0; k < 2000; k++) {
        must(insert(f->db, k, STR("some name"), STR("some body"), &err), &err);
        if (k % 700 == 0) {
            assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), k + 1);
        }
    }
    must(db_prepare(f->db, "SELECT k, name FROM t ORDER BY k", &stmt, &err), &err);
    for (;;) {
        must(db_step(stmt, &row, &err), &err);
        if (!row) {
            break;
        }
        assert_int_equal(db_column_int64(stmt, 0), seen++);
        if (seen == 3 || seen == 1500) {
            must(update(f->db, seen, "changed", NULL, &err), &err);
            assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 2000);
        }
        assert_true(str_equal(db_column_text(stmt, 1), STR("some name")));
    }
    assert_int_equal(seen, 2000);
    must(db_commit(f->db, &unknown, &err), &err);
    assert_int_equal(ask(f->other, "SELECT count(*) FROM t WHERE name = 'changed'"), 2);
}

/* A change that nobody waited for and that failed spoils the transaction: the commit tells, and nothing is there. */
static void test_late_failure_spoils_the_transaction(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool unknown;

    must(db_begin(f->db, &err), &err);
    must(insert(f->db, 1, STR("a"), STR("x"), &err), &err);
    must(insert(f->db, 1, STR("b"), STR("y"), &err), &err);
    must(insert(f->db, 2, STR("b"), STR("y"), &err), &err);
    assert_int_equal(db_commit(f->db, &unknown, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "refuses a row"));
    assert_false(unknown);
    assert_false(db_in_transaction(f->db));
    assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 0);
}

/* The row that has to be there is not: the same, with its own word. */
static void test_expected_row_is_missing(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    int64_t changed = -1;

    must(db_begin(f->db, &err), &err);
    must(insert(f->db, 1, STR("a"), STR("x"), &err), &err);
    must(db_prepare(f->db, "DELETE FROM t WHERE k = $1", &stmt, &err), &err);
    db_bind_int64(stmt, 1, 2);
    must(db_run_later(stmt, &changed, &err), &err);
    must(db_settle(f->db, &err), &err);
    assert_int_equal(changed, 0);
    must(db_prepare(f->db, "DELETE FROM t WHERE k = $1", &stmt, &err), &err);
    db_bind_int64(stmt, 1, 3);
    must(db_run_one(stmt, &err), &err);
    assert_int_equal(db_settle(f->db, &err), ERR_MISMATCH);
    db_rollback(f->db);
}

/* Outside of a transaction and at its beginning a lost session is no matter; statements are prepared anew. */
static void test_session_is_made_again(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool unknown;

    must(insert(f->db, 1, STR("a"), STR("x"), &err), &err);
    cut(f, f->db);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 1);
    cut(f, f->db);
    must(db_begin(f->db, &err), &err);
    must(insert(f->db, 2, STR("a"), STR("x"), &err), &err);
    must(db_commit(f->db, &unknown, &err), &err);
    assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 2);
}

/* In the middle of a transaction it is over, retriable, and nothing of it is there; the next one works. */
static void test_session_ends_in_a_transaction(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool unknown;

    for (int when = 0; when < 3; when++) {
        enum err_code code = ERR_OK;

        must(db_begin_concurrent(f->db, &err), &err);
        must(insert(f->db, 1, STR("a"), STR("x"), &err), &err);
        if (when > 0) {
            must(db_settle(f->db, &err), &err);
        }
        cut(f, f->db);
        if (when < 2) {
            code = insert(f->db, 2, STR("a"), STR("x"), &err);
        }
        if (code == ERR_OK) {
            code = db_commit(f->db, &unknown, &err);
        }
        assert_int_equal(code, ERR_STORE);
        assert_true(err.retriable);
        db_rollback(f->db);
        assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 0);
        err = ERR_INIT;
    }
}

static void read_cut_stream(struct fixture *f, bool aside)
{
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    bool row = true;
    enum err_code code = ERR_OK;
    int64_t seen = 0;

    must(
        db_exec(f->db,
                "INSERT INTO t SELECT n, repeat('n', 500), '', 0 FROM generate_series(1, 200000) n",
                &err),
        &err);
    must(db_prepare(f->db, "SELECT k, name FROM t ORDER BY k", &stmt, &err), &err);
    must(db_step(stmt, &row, &err), &err);
    must(db_exec(f->other,
                 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE "
                 "'SELECT k, name FROM t%' AND pid <> pg_backend_pid()",
                 &err),
         &err);
    /* Another question has the session made again, and the rest of the rows set aside. */
    if (aside) {
        assert_int_equal(ask(f->db, "SELECT count(*) FROM t"), 200000);
    }
    while (code == ERR_OK && row) {
        seen++;
        code = db_step(stmt, &row, &err);
    }
    assert_int_equal(code, ERR_STORE);
    assert_true(seen < 200000);
}

/* Rows whose connection was cut are not taken for the end of the answer. */
static void test_cut_stream_is_no_end(void **state)
{
    read_cut_stream(*state, false);
}

static void test_cut_stream_set_aside_is_no_end(void **state)
{
    read_cut_stream(*state, true);
}

/* Serial transactions wait for each other and say so; concurrent ones only for rows. */
static void test_locks(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int64_t changed;
    bool unknown;

    must(insert(f->db, 1, STR("a"), STR("x"), &err), &err);
    must(insert(f->db, 2, STR("a"), STR("x"), &err), &err);
    must(db_begin(f->db, &err), &err);
    must(update(f->db, 1, "mine", &changed, &err), &err);
    assert_int_equal(db_begin(f->other, &err), ERR_FENCED);
    assert_true(err.retriable);
    assert_non_null(strstr(err.text, "locked by another run"));
    err = ERR_INIT;
    must(db_begin_concurrent(f->other, &err), &err);
    must(update(f->other, 2, "theirs", &changed, &err), &err);
    assert_int_equal(update(f->other, 1, "theirs", &changed, &err), ERR_FENCED);
    assert_true(err.retriable);
    db_rollback(f->other);
    err = ERR_INIT;
    must(db_commit(f->db, &unknown, &err), &err);
    must(db_begin(f->other, &err), &err);
    db_rollback(f->other);
}

/* Two transactions that wait for each other: one is told to try again as a whole. */
static void test_deadlock_is_retriable(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int64_t changed;
    bool unknown;
    pid_t pid;
    int status;

    must(db_exec(f->db, "INSERT INTO t VALUES (1, 'a', '', 0), (2, 'a', '', 0)", &err), &err);
    pid = fork();
    if (pid == 0) {
        struct db *db = connect_to(f->path, 20 * NS_PER_SECOND);
        int tries = 0;

        do {
            err = ERR_INIT;
            if (db_begin_concurrent(db, &err) == ERR_OK &&
                update(db, 2, "child", &changed, &err) == ERR_OK) {
                usleep(300000);
                if (update(db, 1, "child", &changed, &err) == ERR_OK) {
                    (void)db_commit(db, &unknown, &err);
                }
            }
            db_rollback(db);
        } while (err.code != ERR_OK && db_again(db, &tries, &err));
        _exit(err.code == ERR_OK ? tries : 100);
    }
    {
        struct db *db = connect_to(f->path, 20 * NS_PER_SECOND);
        int tries = 0;

        do {
            err = ERR_INIT;
            if (db_begin_concurrent(db, &err) == ERR_OK &&
                update(db, 1, "parent", &changed, &err) == ERR_OK) {
                usleep(300000);
                if (update(db, 2, "parent", &changed, &err) == ERR_OK) {
                    (void)db_commit(db, &unknown, &err);
                }
            }
            db_rollback(db);
        } while (err.code != ERR_OK && db_again(db, &tries, &err));
        must(err.code, &err);
        db_close(db);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 0, 10);
    /* Both are in, one behind the other. */
    assert_int_equal(ask(f->db, "SELECT count(DISTINCT name) FROM t"), 1);
}

/* Without a clock of its own the store's time is the server's, and it stands still inside a transaction. */
static void test_clock_of_the_server(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    int64_t first, again, behind;

    must(db_begin(f->db, &err), &err);
    must(db_now_ns(f->db, &first, &err), &err);
    usleep(2000);
    must(db_now_ns(f->db, &again, &err), &err);
    db_rollback(f->db);
    must(db_now_ns(f->db, &behind, &err), &err);
    assert_int_equal(first, again);
    assert_true(behind > first);
    assert_true(first > INT64_C(1700000000) * NS_PER_SECOND);
}

static void test_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {.read_only = true};
    struct err err = ERR_INIT;
    struct db *db;

    must(store_place_open(f->path, options, &db, &err), &err);
    assert_int_equal(insert(db, 1, STR("a"), STR("x"), &err), ERR_STORE);
    db_close(db);
}

/* What is wrong with a server is one line. */
static void test_bad_servers(void **state)
{
    struct fixture *f = *state;
    struct store_place place;
    struct db_options options = {.path = NULL};
    struct err err = ERR_INIT;
    struct db *db;

    store_place_set(&place, f->path, &options);
    place.server.database = "no such database";
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "no such database"));
    assert_null(strchr(err.text, '\n'));
    place.server.database = "tests";
    place.server.host = "/nonexistent-folder";
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "/nonexistent-folder"));
    place.server.host = "127.0.0.1";
    place.server.port = 1;
    place.server.password = "canary-43";
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_null(strstr(err.text, "canary"));
    /* The test's server has no certificate: where one is wanted it is refused. */
    store_place_set(&place, f->path, &options);
    place.server.host = "127.0.0.1";
    place.server.tls = DB_TLS_VERIFY_FULL;
    place.server.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "SSL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_text_is_ordered_by_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pipeline_and_streams, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_failure_spoils_the_transaction, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_expected_row_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_session_is_made_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_session_ends_in_a_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_stream_is_no_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_stream_set_aside_is_no_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_locks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deadlock_is_retriable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock_of_the_server, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_cannot_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_servers, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
