#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"
#include "jobs/evaluate/sorter.h"

enum { VALUES = 3 };

static struct spool_row row_of(struct random *random, int64_t line, uint64_t keys)
{
    struct spool_row row = {.key = random_below(random, keys), .line = line};

    for (size_t i = 0; i < VALUES; i++) {
        /* All sizes of packed numbers, the largest too. */
        row.values[i] = (int64_t)(random_next(random) >> (1 + random_below(random, 63)));
    }
    return row;
}

static int by_key_and_line(const void *a, const void *b)
{
    const struct spool_row *x = a;
    const struct spool_row *y = b;

    if (x->key != y->key) {
        return x->key < y->key ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

/* Everything comes back, by key, and by line within a key; returns bytes on disk. */
static int64_t sort_some(size_t count, uint64_t keys, const struct sorter_options *options,
                         uint64_t seed)
{
    struct sorter *sorter = sorter_new(options);
    struct spool_row *rows = calloc(count + 1, sizeof(rows[0]));
    struct err err = ERR_INIT;
    struct random random;
    struct spool_row row;
    bool more = true;
    int64_t size;

    random_init_seed(&random, seed);
    for (size_t i = 0; i < count; i++) {
        rows[i] = row_of(&random, (int64_t)i + 2, keys);
        assert_int_equal(sorter_add(sorter, &rows[i], &err), ERR_OK);
    }
    assert_int_equal(sorter_finish(sorter, &err), ERR_OK);
    qsort(rows, count, sizeof(rows[0]), by_key_and_line);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(sorter_next(sorter, &row, &more, &err), ERR_OK);
        if (!more || memcmp(&row, &rows[i], sizeof(row)) != 0) {
            fail_msg("row %zu of %zu, seed %" PRIu64, i, count, seed);
        }
    }
    assert_int_equal(sorter_next(sorter, &row, &more, &err), ERR_OK);
    assert_false(more);
    size = sorter_disk_size(sorter);
    sorter_free(sorter);
    free(rows);
    return size;
}

static void test_rows_come_back_sorted(void **state)
{
    const struct sorter_options options = {
        .value_count = VALUES, .rows_max = 50, .runs_max = 4, .read_size = SPOOL_ROW_SIZE_MAX};

    (void)state;
    /* None, one, as many as fit, one more: then they are on disk. */
    assert_int_equal(sort_some(0, 9, &options, 1), 0);
    assert_int_equal(sort_some(1, 9, &options, 2), 0);
    assert_int_equal(sort_some(50, 9, &options, 3), 0);
    assert_true(sort_some(51, 9, &options, 4) > 0);
    /* Four runs; five, so that four become one; a hundred of them. */
    assert_true(sort_some(200, 1000, &options, 5) > 0);
    assert_true(sort_some(201, 1000, &options, 6) > 0);
    assert_true(sort_some(5000, 1000, &options, 7) > 0);
    for (uint64_t seed = 100; seed < 140; seed++) {
        (void)sort_some((size_t)seed * 7, seed % 2 == 0 ? 20 : UINT64_MAX, &options, seed);
    }
}

/* What is kept on disk is small, and does not depend on how often runs were merged. */
static void test_rows_are_packed(void **state)
{
    const struct sorter_options options = {
        .value_count = VALUES, .rows_max = 1000, .runs_max = 8, .read_size = 4096};
    struct sorter *sorter = sorter_new(&options);
    struct err err = ERR_INIT;

    (void)state;
    for (int64_t i = 0; i < 100000; i++) {
        struct spool_row row = {.key = (uint64_t)(i * 7919 % 100000), .line = i, .values = {1000}};

        assert_int_equal(sorter_add(sorter, &row, &err), ERR_OK);
    }
    assert_int_equal(sorter_finish(sorter, &err), ERR_OK);
    assert_true(sorter_disk_size(sorter) < 1200 * 1000);
    sorter_free(sorter);
}

static enum err_code fill_up(struct err *err)
{
    const struct sorter_options options = {
        .value_count = VALUES, .rows_max = 1000, .runs_max = 8, .read_size = 4096};
    struct sorter *sorter = sorter_new(&options);
    enum err_code code = ERR_OK;

    for (int64_t i = 0; i < 300000 && code == ERR_OK; i++) {
        struct spool_row row = {.key = (uint64_t)i, .line = i, .values = {i, i, i}};

        code = sorter_add(sorter, &row, err);
    }
    code = code == ERR_OK ? sorter_finish(sorter, err) : code;
    sorter_free(sorter);
    return code;
}

static void test_no_room_is_an_error(void **state)
{
    struct rlimit before, small;
    struct err err = ERR_INIT;

    (void)state;
    /* A file that may not grow stands for a full disk. */
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 100000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(fill_up(&err), ERR_FAILED);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_non_null(strstr(err.text, "File too large"));
    assert_int_equal(fill_up(&err), ERR_OK);
}

static void test_no_folder_is_an_error(void **state)
{
    char *before = getenv("TMPDIR") != NULL ? strdup(getenv("TMPDIR")) : NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(setenv("TMPDIR", "/nowhere", 1), 0);
    assert_int_equal(fill_up(&err), ERR_FAILED);
    assert_non_null(strstr(err.text, "/nowhere"));
    assert_int_equal(before != NULL ? setenv("TMPDIR", before, 1) : unsetenv("TMPDIR"), 0);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_come_back_sorted),
        cmocka_unit_test(test_rows_are_packed),
        cmocka_unit_test(test_no_room_is_an_error),
        cmocka_unit_test(test_no_folder_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
