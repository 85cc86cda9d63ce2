#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "jobs/ui.h"

enum { SEEN_SIZE = 8192 };

struct scene {
    const char *term;
    bool no_color;
    bool quiet;
    bool log_json;
    enum ui_color color;
};

static void act(const struct scene *scene)
{
    struct err err = ERR_INIT;

    (void)setenv("TERM", scene->term, 1);
    (void)unsetenv("NO_COLOR");
    if (scene->no_color) {
        (void)setenv("NO_COLOR", "1", 1);
    }
    ui_init(scene->quiet, scene->log_json, scene->color);
    ui_note("a note");
    ui_progress("reading", 5, 10, "records");
    ui_progress("reading", 10, 10, "records");
    ui_progress("folding", 1, 4, "rows");
    ui_warn("from outside: \033[31m \"x\"");
    (void)err_set(&err, ERR_STORE, "it broke");
    ui_error(&err);
    (void)fflush(stderr);
    _exit(0);
}

/* What the scene writes to standard error: a terminal, or a pipe. */
static void play(const struct scene *scene, bool terminal, char seen[SEEN_SIZE])
{
    int fds[2] = {-1, -1};
    pid_t pid;
    size_t size = 0;
    ssize_t got;

    CHECK(terminal || pipe(fds) == 0);
    pid = terminal ? forkpty(&fds[0], NULL, NULL, NULL) : fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (!terminal) {
            (void)dup2(fds[1], STDERR_FILENO);
        }
        act(scene);
    }
    if (!terminal) {
        (void)close(fds[1]);
    }
    while (size + 1 < SEEN_SIZE && (got = read(fds[0], seen + size, SEEN_SIZE - 1 - size)) > 0) {
        size += (size_t)got;
    }
    seen[size] = '\0';
    (void)close(fds[0]);
    (void)waitpid(pid, NULL, 0);
}

static void test_terminal(void **state)
{
    struct scene scene = {.term = "xterm"};
    char seen[SEEN_SIZE];

    (void)state;
    play(&scene, true, seen);
    assert_non_null(strstr(seen, "a note\r\n"));
    assert_non_null(strstr(seen, "reading  [############............]  50 %  5 of 10 records"));
    /* A finished bar ends its line; an unfinished one is taken away before the next text. */
    assert_non_null(strstr(seen, "[########################] 100 %  10 of 10 records"));
    assert_non_null(strstr(seen, "1 of 4 rows"));
    assert_non_null(
        strstr(seen, "\r\033[K\033[33muptally: warning: \033[0mfrom outside: ?[31m \"x\"\r\n"));
    assert_non_null(strstr(seen, "\033[31muptally: \033[0mit broke\r\n"));
}

static void test_pipe_gets_neither_bars_nor_colour(void **state)
{
    struct scene scene = {.term = "xterm"};
    char seen[SEEN_SIZE];

    (void)state;
    play(&scene, false, seen);
    assert_string_equal(seen,
                        "a note\nuptally: warning: from outside: ?[31m \"x\"\nuptally: it broke\n");
    scene.color = UI_COLOR_ALWAYS;
    play(&scene, false, seen);
    assert_non_null(strstr(seen, "\033[33muptally: warning: \033[0m"));
}

static void test_no_color_and_dumb_terminals(void **state)
{
    struct scene scene = {.term = "xterm", .no_color = true};
    char seen[SEEN_SIZE];

    (void)state;
    play(&scene, true, seen);
    assert_null(strstr(seen, "\033[33m"));
    assert_non_null(strstr(seen, "10 of 10 records"));
    scene = (struct scene){.term = "dumb"};
    play(&scene, true, seen);
    assert_null(strchr(seen, '\033'));
    assert_null(strstr(seen, "records"));
    scene = (struct scene){.term = "xterm", .color = UI_COLOR_NEVER};
    play(&scene, true, seen);
    assert_null(strstr(seen, "\033[33m"));
}

static void test_quiet_keeps_warnings_and_errors(void **state)
{
    struct scene scene = {.term = "xterm", .quiet = true, .color = UI_COLOR_NEVER};
    char seen[SEEN_SIZE];

    (void)state;
    play(&scene, true, seen);
    assert_string_equal(seen,
                        "uptally: warning: from outside: ?[31m \"x\"\r\nuptally: it broke\r\n");
}

static void test_json_lines(void **state)
{
    struct scene scene = {.term = "xterm", .log_json = true};
    char seen[SEEN_SIZE];

    (void)state;
    play(&scene, false, seen);
    assert_non_null(strstr(seen, "{\"message\":\"a note\",\"severity\":\"INFO\",\"time\":\"20"));
    assert_non_null(
        strstr(seen, "{\"message\":\"from outside: ?[31m \\\"x\\\"\",\"severity\":\"WARNING\","));
    assert_non_null(
        strstr(seen, "{\"exit_status\":6,\"message\":\"it broke\",\"severity\":\"ERROR\","));
    assert_null(strstr(seen, "records"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_pipe_gets_neither_bars_nor_colour),
        cmocka_unit_test(test_no_color_and_dumb_terminals),
        cmocka_unit_test(test_quiet_keeps_warnings_and_errors),
        cmocka_unit_test(test_json_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
