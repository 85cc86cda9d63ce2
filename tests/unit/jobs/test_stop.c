/* How a process leaves when it is told to, also while it waits for something that never comes. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/stop.h"

/* The exit status of a process that is sent these signals and then waits for ever; -1 if it had to be ended from outside. */
static int status_after(const int *signals, int count)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        stop_install(1);
        for (int i = 0; i < count; i++) {
            (void)raise(signals[i]);
        }
        for (int i = 0; i < 60; i++) {
            (void)sleep(1);
        }
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_process_that_does_not_come_back_leaves_when_its_grace_is_over(void **state)
{
    static const int signals[] = {SIGTERM};

    (void)state;
    assert_int_equal(status_after(signals, 1), 128 + SIGTERM);
}

static void a_second_signal_leaves_at_once(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT};

    (void)state;
    assert_int_equal(status_after(signals, 2), 128 + SIGINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_that_does_not_come_back_leaves_when_its_grace_is_over),
        cmocka_unit_test(a_second_signal_leaves_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
