#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.h"

/* Runs three passages in a child with that plan; returns its wait status. */
static int run_with_plan(const char *plan)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        int failures = 0;

        (void)setenv("UPTALLY_FAULT", plan, 1);
        for (int i = 0; i < 3; i++) {
            failures += fault_pass("a.b") ? 10 << i : 0;
            failures += fault_pass("a.b.c") ? 1 : 0;
        }
        _exit(failures);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_plan_of_the_environment(void **state)
{
    int status;

    (void)state;
    assert_int_equal(WEXITSTATUS(run_with_plan("other:1:kill")), 0);
    assert_int_equal(WEXITSTATUS(run_with_plan("a.b:2:error")), 20); /* the second passage only */
    assert_int_equal(WEXITSTATUS(run_with_plan("a.b.c:1:error")), 1);
    assert_int_equal(WEXITSTATUS(run_with_plan("a.b:4:kill")), 0);
    assert_int_equal(WEXITSTATUS(run_with_plan("a.b:1:exit")), 1);
    assert_int_equal(WEXITSTATUS(run_with_plan("nonsense")), 0);
    status = run_with_plan("a.b:3:kill");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static bool count_names(const char *name, void *context)
{
    ++*(int *)context;
    return strcmp(name, "x") == 0;
}

static void test_hook(void **state)
{
    int count = 0;

    (void)state;
    fault_set_hook(count_names, &count);
    assert_true(fault_pass("x"));
    assert_false(fault_pass("y"));
    fault_set_hook(NULL, NULL);
    assert_false(fault_pass("x"));
    assert_int_equal(count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_of_the_environment),
        cmocka_unit_test(test_hook),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
