#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "jobs/demo/folder.h"

struct fixture {
    char top[64];
    char path[128];
};

static int set_up(void **state)
{
    static struct fixture fixture;

    strcpy(fixture.top, "/tmp/uptally-folder-XXXXXX");
    assert_non_null(mkdtemp(fixture.top));
    (void)snprintf(fixture.path, sizeof(fixture.path), "%s/demo", fixture.top);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", fixture->top);
    return system(command);
}

/* Runs a shell command in the top folder. */
static int in_top(const struct fixture *fixture, const char *command)
{
    char text[512];

    (void)snprintf(text, sizeof(text), "cd '%s' && %s", fixture->top, command);
    return system(text);
}

static void test_an_earlier_demo_is_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;

    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_OK);
    assert_int_equal(demo_folder_write(fixture->path, "uptally.yaml", STR("a: b\n"), &err), ERR_OK);
    assert_int_equal(in_top(fixture,
                            "mkdir -p demo/statements/acme/2026-10 && "
                            "touch demo/statements/acme/2026-10/x demo/uptally.db demo/mine"),
                     0);
    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_OK);
    assert_int_equal(in_top(fixture, "test ! -e demo/statements && test ! -e demo/uptally.db"), 0);
    assert_int_equal(in_top(fixture, "test -e demo/mine"), 0); /* not a demo's: it stays */
}

static void test_other_folders_are_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;

    assert_int_equal(in_top(fixture, "mkdir demo && touch demo/uptally.db"), 0);
    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "--out"));
    assert_int_equal(in_top(fixture, "test -e demo/uptally.db"), 0);
    assert_int_equal(in_top(fixture, "rm demo/uptally.db"), 0);
    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_OK); /* empty: welcome */
}

static void test_links_are_removed_not_followed(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;

    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_OK);
    assert_int_equal(in_top(fixture, "mkdir -p precious demo/statements && touch precious/x && "
                                     "ln -s ../../precious demo/statements/link && "
                                     "ln -s ../precious/x demo/uptally.yaml"),
                     0);
    assert_int_not_equal(demo_folder_write(fixture->path, "uptally.yaml", STR("x"), &err), ERR_OK);
    assert_int_equal(demo_folder_prepare(fixture->path, &err), ERR_OK);
    assert_int_equal(in_top(fixture, "test -f precious/x && test ! -s precious/x"), 0);
    assert_int_equal(in_top(fixture, "test ! -e demo/statements"), 0);
}

static void test_a_folder_that_cannot_be(void **state)
{
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(demo_folder_prepare("/dev/null", &err), ERR_FAILED);
    assert_int_equal(demo_folder_prepare("/nonexistent/parent/demo", &err), ERR_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_earlier_demo_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_folders_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_are_removed_not_followed, set_up, tear_down),
        cmocka_unit_test(test_a_folder_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
