#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/db.h"
#include "tests/unit/temporary.h"

struct fixture {
    struct temporary folder;
    char path[512];
    struct db *db;
};

static struct db_options writable(const char *path)
{
    return (struct db_options){.path = path, .create = true};
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct db_options options;
    struct err err = ERR_INIT;

    temporary_make(&f->folder);
    snprintf(f->path, sizeof(f->path), "%s", temporary_file(&f->folder, "store.db"));
    options = writable(f->path);
    assert_int_equal(db_open(&options, &f->db, &err), ERR_OK);
    assert_int_equal(db_exec(f->db,
                             "CREATE TABLE t (k BIGINT PRIMARY KEY, name TEXT, body BYTEA, "
                             "checksum BIGINT NOT NULL)",
                             &err),
                     ERR_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

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

static int64_t count(struct db *db)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool row;
    int64_t rows;

    assert_int_equal(db_prepare(db, "SELECT count(*) FROM t", &stmt, &err), ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(row);
    rows = db_column_int64(stmt, 0);
    db_reset(stmt);
    return rows;
}

/* Values come back as they went in: empty is not NULL, NUL bytes stay, and the checksum read is the one written. */
static void test_values_round_trip(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    bool row;

    assert_int_equal(insert(f->db, INT64_MIN, str_of(NULL, 0), str_of("a\0b", 3), &err), ERR_OK);
    assert_int_equal(db_prepare(f->db, "SELECT k, name, body, checksum FROM t", &stmt, &err),
                     ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_true(row);
    assert_int_equal(db_column_int64(stmt, 0), INT64_MIN);
    assert_false(db_column_null(stmt, 1));
    assert_int_equal(db_column_text(stmt, 1).size, 0);
    assert_true(str_equal(db_column_blob(stmt, 2), str_of("a\0b", 3)));
    assert_int_equal(db_column_checksum(stmt, 3), db_column_int64(stmt, 3));
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_false(row);
}

/* Each kind of change to a row is seen by its checksum, also one that moves bytes between neighbours. */
static void test_checksum_sees_changes(void **state)
{
    static const char *const changes[] = {"UPDATE t SET k = 2",
                                          "UPDATE t SET name = 'b'",
                                          "UPDATE t SET name = NULL",
                                          "UPDATE t SET body = x''",
                                          "UPDATE t SET name = 'ax', body = x'79'",
                                          "UPDATE t SET name = x'61'"};
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        struct db_stmt *stmt;
        bool row;

        assert_int_equal(db_begin(f->db, &err), ERR_OK);
        assert_int_equal(insert(f->db, 1, STR("a"), STR("xy"), &err), ERR_OK);
        assert_int_equal(db_exec(f->db, changes[i], &err), ERR_OK);
        assert_int_equal(
            db_prepare(f->db, "SELECT k, name, body, checksum FROM t LIMIT 1", &stmt, &err),
            ERR_OK);
        assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
        assert_true(row);
        assert_int_not_equal(db_column_checksum(stmt, 3), db_column_int64(stmt, 3));
        db_rollback(f->db);
    }
}

/* $n is a number, not a name: used twice and out of order it means the same parameter. */
static void test_parameters_are_numbers(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    bool row;

    assert_int_equal(db_prepare(f->db, "SELECT $2, $1, $2 - $1", &stmt, &err), ERR_OK);
    db_bind_int64(stmt, 1, 5);
    db_bind_int64(stmt, 2, 7);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_int_equal(db_column_int64(stmt, 0), 7);
    assert_int_equal(db_column_int64(stmt, 1), 5);
    assert_int_equal(db_column_int64(stmt, 2), 2);
    db_reset(stmt);
}

/* Half a transaction is never committed, whatever the caller does after its first error. */
static void test_error_spoils_transaction(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    bool unknown;

    assert_int_equal(db_begin(f->db, &err), ERR_OK);
    assert_int_equal(insert(f->db, 1, STR("a"), STR("x"), &err), ERR_OK);
    assert_int_equal(insert(f->db, 1, STR("b"), STR("y"), &err), ERR_STORE);
    assert_non_null(strstr(err.text, "refuses a row"));
    assert_int_equal(insert(f->db, 2, STR("b"), STR("y"), &err), ERR_STORE);
    assert_int_equal(db_commit(f->db, &unknown, &err), ERR_STORE);
    assert_false(unknown);
    assert_false(db_in_transaction(f->db));
    assert_int_equal(count(f->db), 0);
}

/* A second writer waits, then hears that it is locked; a reader sees the old snapshot meanwhile. */
static void test_second_writer_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db_options options = writable(f->path);
    struct err err = ERR_INIT;
    struct db *other;
    bool unknown;

    assert_int_equal(db_open(&options, &other, &err), ERR_OK);
    assert_int_equal(db_begin(f->db, &err), ERR_OK);
    assert_int_equal(insert(f->db, 1, STR("a"), STR("x"), &err), ERR_OK);
    assert_int_equal(db_begin(other, &err), ERR_FENCED);
    assert_true(err.retriable);
    assert_non_null(strstr(err.text, "locked by another run"));
    assert_int_equal(count(other), 0);
    assert_int_equal(db_begin_snapshot(other, &err), ERR_OK);
    assert_int_equal(db_commit(f->db, &unknown, &err), ERR_OK);
    assert_int_equal(count(other), 0);
    db_rollback(other);
    assert_int_equal(count(other), 1);
    db_close(other);
}

/* The wait for the lock goes through the seam: a simulated clock passes over it, by exactly the time that was asked for. */
static void test_wait_for_lock_is_on_the_clock(void **state)
{
    struct fixture *f = *state;
    struct clock_simulated clock;
    struct db_options options = writable(f->path);
    struct err err = ERR_INIT;
    struct db *other;

    clock_simulated_init(&clock, 7);
    options.wait_clock = &clock.clock;
    options.lock_wait_ns = 3600 * NS_PER_SECOND;
    assert_int_equal(db_open(&options, &other, &err), ERR_OK);
    assert_int_equal(db_begin(f->db, &err), ERR_OK);
    assert_int_equal(db_begin(other, &err), ERR_FENCED);
    assert_int_equal(clock.time_ns, 7 + options.lock_wait_ns);
    db_rollback(f->db);
    assert_int_equal(db_begin(other, &err), ERR_OK);
    assert_int_equal(clock.time_ns, 7 + options.lock_wait_ns);
    db_close(other);
}

/* A statement that was not read to its end must not keep its old snapshot from the next write. */
static void test_open_statement_does_not_block(void **state)
{
    struct fixture *f = *state;
    struct db_options options = writable(f->path);
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    struct db *other;
    bool row;
    bool unknown;

    assert_int_equal(insert(f->db, 1, STR("a"), STR("x"), &err), ERR_OK);
    assert_int_equal(insert(f->db, 2, STR("a"), STR("x"), &err), ERR_OK);
    assert_int_equal(db_prepare(f->db, "SELECT k FROM t", &stmt, &err), ERR_OK);
    assert_int_equal(db_step(stmt, &row, &err), ERR_OK);
    assert_int_equal(db_open(&options, &other, &err), ERR_OK);
    assert_int_equal(insert(other, 3, STR("a"), STR("x"), &err), ERR_OK);
    db_close(other);
    assert_int_equal(db_begin(f->db, &err), ERR_OK);
    assert_int_equal(insert(f->db, 4, STR("a"), STR("x"), &err), ERR_OK);
    assert_int_equal(db_commit(f->db, &unknown, &err), ERR_OK);
    assert_int_equal(count(f->db), 4);
}

static void test_bad_files(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {.path = temporary_file(&f->folder, "missing.db")};
    struct err err = ERR_INIT;
    struct db *db;
    FILE *file;

    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "No such file"));
    options.create = true;
    options.path = f->folder.path;
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "is not a file"));
    options.path = "/nonexistent-folder/store.db";
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "/nonexistent-folder/store.db"));
    options.path = temporary_file(&f->folder, "text.db");
    file = fopen(options.path, "w");
    for (int i = 0; i < 1000; i++) {
        fputs("this is no database. ", file);
    }
    fclose(file);
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "not an SQLite file"));
    options.create = false;
    options.read_only = true;
    assert_int_equal(db_open(&options, &db, &err), ERR_STORE);
    assert_non_null(strstr(err.text, "not an SQLite file"));
}

/* A full disk is one clear line, spoils nothing, and the same rows go in when there is room again. */
static void test_full_disk(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char body[4096];
    enum err_code code = ERR_OK;
    int64_t rows = 0;
    bool unknown;

    memset(body, 'x', sizeof(body));
    assert_int_equal(db_exec(f->db, "PRAGMA max_page_count = 20", &err), ERR_OK);
    while (code == ERR_OK) {
        assert_int_equal(db_begin(f->db, &err), ERR_OK);
        code = insert(f->db, rows, STR("a"), str_of(body, sizeof(body)), &err);
        if (code == ERR_OK) {
            code = db_commit(f->db, &unknown, &err);
        }
        db_rollback(f->db);
        rows += code == ERR_OK;
    }
    assert_int_equal(code, ERR_STORE);
    assert_true(err.retriable);
    assert_non_null(strstr(err.text, "the disk is full"));
    assert_int_equal(count(f->db), rows);
    assert_int_equal(db_exec(f->db, "PRAGMA max_page_count = 1000", &err), ERR_OK);
    assert_int_equal(insert(f->db, rows, STR("a"), str_of(body, sizeof(body)), &err), ERR_OK);
    assert_int_equal(count(f->db), rows + 1);
}

/* The limit on file sizes, as a container or a quota sets it. In a child: the limit cannot be taken back. */
static void test_file_size_limit(void **state)
{
    struct fixture *f = *state;
    pid_t pid;
    int status;

    db_close(f->db);
    f->db = NULL;
    pid = fork();
    if (pid == 0) {
        const struct rlimit limit = {.rlim_cur = 40000, .rlim_max = 40000};
        struct db_options options = writable(f->path);
        struct err err = ERR_INIT;
        struct db *db;
        enum err_code code = ERR_OK;

        (void)signal(SIGXFSZ, SIG_IGN); /* as main does */
        (void)setrlimit(RLIMIT_FSIZE, &limit);
        if (db_open(&options, &db, &err) != ERR_OK) {
            _exit(2);
        }
        for (int64_t key = 0; key < 100000 && code == ERR_OK; key++) {
            code = insert(db, key, STR("name"), STR("body"), &err);
        }
        _exit(code == ERR_STORE && err.retriable && strstr(err.text, "cannot be written") != NULL
                  ? 0
                  : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A page that was overwritten is found and said to be damaged. */
static void test_damaged_file(void **state)
{
    struct fixture *f = *state;
    struct db_options options = writable(f->path);
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    enum err_code code;
    bool row = true;
    FILE *file;

    for (int64_t key = 0; key < 2000; key++) {
        assert_int_equal(insert(f->db, key, STR("some name"), STR("some body"), &err), ERR_OK);
    }
    db_close(f->db);
    file = fopen(f->path, "r+");
    for (long page = 2; page < 20; page++) {
        (void)fseek(file, page * 4096, SEEK_SET);
        (void)fputs("scribbled over", file);
    }
    fclose(file);
    assert_int_equal(db_open(&options, &f->db, &err), ERR_OK);
    assert_int_equal(db_prepare(f->db, "SELECT sum(length(name)) FROM t", &stmt, &err), ERR_OK);
    code = db_step(stmt, &row, &err);
    assert_int_equal(code, ERR_STORE);
    assert_non_null(strstr(err.text, "is damaged"));
}

static void delete_row(struct db *db, int64_t key, bool carelessly)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;
    bool unknown;

    assert_int_equal(db_begin(db, &err), ERR_OK);
    if (carelessly) {
        db_delete_carelessly(db);
    }
    assert_int_equal(
        db_prepare(db, carelessly ? "DELETE FROM other WHERE k = $1" : "DELETE FROM t WHERE k = $1",
                   &stmt, &err),
        ERR_OK);
    db_bind_int64(stmt, 1, key);
    assert_int_equal(db_run_one(stmt, &err), ERR_OK);
    assert_int_equal(db_commit(db, &unknown, &err), ERR_OK);
}

static bool file_holds(const char *path, const char *text)
{
    char command[600];

    snprintf(command, sizeof(command), "grep -q '%s' '%s'", text, path);
    return system(command) == 0;
}

/* What is deleted cannot be found in the file any more, whatever SQLite was built to do, unless its transaction says so. The next one erases
 * again. */
static void test_deleted_is_erased(void **state)
{
    static const char *const marks[] = {"first-secret", "last-secret"};
    struct fixture *f = *state;
    struct err err = ERR_INIT;

    for (int64_t key = 0; key < 2; key++) {
        char body[20000];

        memset(body, '.', sizeof(body));
        for (size_t at = 0; at + 100 < sizeof(body); at += 100) {
            memcpy(body + at, marks[key], strlen(marks[key]));
        }
        assert_int_equal(insert(f->db, key, STR("name"), str_of(body, sizeof(body)), &err), ERR_OK);
    }
    assert_int_equal(db_exec(f->db,
                             "CREATE TABLE other (k BIGINT PRIMARY KEY, body BYTEA); "
                             "INSERT INTO other VALUES (7, zeroblob(20000))",
                             &err),
                     ERR_OK);
    delete_row(f->db, 0, false);
    delete_row(f->db, 7, true);
    delete_row(f->db, 1, false);
    db_close(f->db);
    f->db = NULL;
    assert_false(file_holds(f->path, marks[0]));
    assert_false(file_holds(f->path, marks[1]));
}

/* Runs in a child without root's rights, because root may write everywhere. */
static int read_as_nobody(const char *path, int64_t *ret_rows, struct err *err)
{
    struct db_options options = {.path = path, .read_only = true};
    struct db *db;
    int code;

    if (geteuid() == 0 && (setgid(65532) != 0 || setuid(65532) != 0)) {
        return -1;
    }
    code = (int)db_open(&options, &db, err);
    if (code == ERR_OK) {
        *ret_rows = count(db);
        db_close(db);
    }
    return code;
}

static int in_child(const char *path, int64_t expected_rows, enum err_code expected_code)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct err err = ERR_INIT;
        int64_t rows = expected_rows;
        int code = read_as_nobody(path, &rows, &err);

        _exit(code == (int)expected_code && rows == expected_rows ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A closed store can be read where nothing may be written; one with a log that cannot be read is refused, never read in part. */
static void test_read_only_folder(void **state)
{
    struct fixture *f = *state;
    struct err err = ERR_INIT;
    char log[600];
    FILE *file;

    assert_int_equal(insert(f->db, 1, STR("a"), STR("x"), &err), ERR_OK);
    db_close(f->db);
    f->db = NULL;
    assert_int_equal(chmod(f->folder.path, 0555), 0);
    assert_int_equal(in_child(f->path, 1, ERR_OK), 0);
    assert_int_equal(chmod(f->folder.path, 0755), 0);
    snprintf(log, sizeof(log), "%s-wal", f->path);
    file = fopen(log, "w");
    fputs("what another run has left", file);
    fclose(file);
    assert_int_equal(chmod(f->folder.path, 0555), 0);
    assert_int_equal(in_child(f->path, 0, ERR_STORE), 0);
}

static void test_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {.path = f->path, .read_only = true};
    struct err err = ERR_INIT;
    struct db *db;

    assert_int_equal(db_open(&options, &db, &err), ERR_OK);
    assert_int_equal(insert(db, 1, STR("a"), STR("x"), &err), ERR_STORE);
    assert_non_null(strstr(err.text, "read-only"));
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_values_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checksum_sees_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parameters_are_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_error_spoils_transaction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_second_writer_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wait_for_lock_is_on_the_clock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_statement_does_not_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_size_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deleted_is_erased, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_only_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reader_cannot_write, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
