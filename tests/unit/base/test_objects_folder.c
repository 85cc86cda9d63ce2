#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/objects.h"

struct fixture {
    char path[64];
    struct objects *objects;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct err err = ERR_INIT;

    strcpy(fixture.path, "/tmp/uptally-objects-XXXXXX");
    assert_non_null(mkdtemp(fixture.path));
    strcat(fixture.path, "/out");
    assert_int_equal(objects_folder_open(fixture.path, &fixture.objects, &err), ERR_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char command[128];

    fixture->objects->close(fixture->objects);
    (void)snprintf(command, sizeof(command), "rm -rf '%.*s'", (int)(strlen(fixture->path) - 4),
                   fixture->path);
    return system(command);
}

static enum err_code put(struct fixture *fixture, const char *name, const char *content,
                         enum objects_mode mode, struct err *err)
{
    return fixture->objects->put(fixture->objects, name, STR(content), mode, err);
}

static void assert_content(struct fixture *fixture, const char *name, const char *expected)
{
    struct err err = ERR_INIT;
    struct strbuf content;
    bool found;

    strbuf_init(&content, 1000);
    if (fixture->objects->get(fixture->objects, name, &found, &content, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(found, expected != NULL);
    assert_string_equal(strbuf_text(&content), expected != NULL ? expected : "");
    strbuf_release(&content);
}

/* Everything in the folder, hidden files too. */
static int count_entries(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2;

    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count;
}

static void test_put_and_get(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    struct strbuf place;

    assert_content(fixture, "acme/2026-10.r1.json", NULL);
    assert_int_equal(put(fixture, "acme/2026-10.r1.json", "{}", OBJECTS_NEW, &err), ERR_OK);
    assert_content(fixture, "acme/2026-10.r1.json", "{}");
    assert_int_equal(put(fixture, "empty", "", OBJECTS_NEW, &err), ERR_OK);
    assert_content(fixture, "empty", "");
    assert_content(fixture, "nobody/here", NULL);

    strbuf_init(&place, 1000);
    fixture->objects->locate(fixture->objects, "empty", &place);
    assert_int_equal(access(strbuf_text(&place), R_OK), 0);
    strbuf_release(&place);
}

/* Writes "part" so often; the error of the last one is its own. */
struct parts {
    int count;
    bool fails;
};

static enum err_code fill_parts(void *context, const struct objects_sink *sink, struct err *err)
{
    const struct parts *parts = context;
    enum err_code code = ERR_OK;

    for (int i = 0; i < parts->count && code == ERR_OK; i++) {
        code = sink->write(sink->context, STR("part"), err);
    }
    return code == ERR_OK && parts->fails ? err_set(err, ERR_DATA, "enough") : code;
}

static void test_parts_are_one_object_or_none(void **state)
{
    struct fixture *fixture = *state;
    struct objects *objects = fixture->objects;
    struct parts parts = {.count = 3};
    struct err err = ERR_INIT;
    char place[128];

    assert_int_equal(objects->put_parts(objects, "acme/pack.zip", fill_parts, &parts, &err),
                     ERR_OK);
    assert_content(fixture, "acme/pack.zip", "partpartpart");
    /* Another one takes its place, but not one that failed in the middle. */
    parts = (struct parts){.count = 2, .fails = true};
    assert_int_equal(objects->put_parts(objects, "acme/pack.zip", fill_parts, &parts, &err),
                     ERR_DATA);
    assert_string_equal(err.text, "enough");
    assert_content(fixture, "acme/pack.zip", "partpartpart");
    parts = (struct parts){.count = 1};
    err = ERR_INIT;
    assert_int_equal(objects->put_parts(objects, "acme/pack.zip", fill_parts, &parts, &err),
                     ERR_OK);
    assert_content(fixture, "acme/pack.zip", "part");
    (void)snprintf(place, sizeof(place), "%s/acme", fixture->path);
    assert_int_equal(count_entries(place), 1); /* no draft is left */
    assert_int_equal(objects->put_parts(objects, "../pack.zip", fill_parts, &parts, &err),
                     ERR_DELIVERY);
}

static void test_same_again_is_success_other_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;

    assert_int_equal(put(fixture, "a", "one", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(put(fixture, "a", "one", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(put(fixture, "a", "two", OBJECTS_NEW, &err), ERR_DELIVERY);
    assert_non_null(strstr(err.text, "other content"));
    assert_int_equal(put(fixture, "a", "one and more", OBJECTS_NEW, &err), ERR_DELIVERY);
    assert_int_equal(put(fixture, "a", "on", OBJECTS_NEW, &err), ERR_DELIVERY);
    assert_content(fixture, "a", "one");
    assert_int_equal(put(fixture, "a", "two", OBJECTS_REPLACE, &err), ERR_OK);
    assert_content(fixture, "a", "two");
    assert_int_equal(count_entries(fixture->path), 1); /* no temporary file is left */
}

static void test_bad_names(void **state)
{
    static const char *const names[] = {"",       "/a",       "a/",   "a//b",  "../a",
                                        "a/../b", ".a",       "a/.b", ".",     "a b",
                                        "a\nb",   "\xc3\xa4", "a\\b", "a/./b", "%2e"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        struct err err = ERR_INIT;
        struct strbuf content;
        bool found;

        strbuf_init(&content, 10);
        if (put(fixture, names[i], "x", OBJECTS_REPLACE, &err) != ERR_DELIVERY) {
            fail_msg("\"%s\" accepted", names[i]);
        }
        assert_int_equal(fixture->objects->get(fixture->objects, names[i], &found, &content, &err),
                         ERR_DELIVERY);
        strbuf_release(&content);
    }
    assert_int_equal(count_entries(fixture->path), 0);
}

static void test_links_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    struct strbuf content;
    char path[512];
    char target[256];
    bool found;

    (void)snprintf(target, sizeof(target), "%s/../outside", fixture->path);
    assert_int_equal(mkdir(target, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/folder", fixture->path);
    assert_int_equal(symlink("../outside", path), 0);
    (void)snprintf(path, sizeof(path), "%s/file", fixture->path);
    assert_int_equal(symlink("../outside/secret", path), 0);
    (void)snprintf(path, sizeof(path), "%s/secret", target);
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);

    assert_int_equal(put(fixture, "folder/x", "x", OBJECTS_REPLACE, &err), ERR_DELIVERY);
    assert_int_equal(put(fixture, "file", "", OBJECTS_NEW, &err), ERR_DELIVERY);
    strbuf_init(&content, 10);
    assert_int_equal(fixture->objects->get(fixture->objects, "file", &found, &content, &err),
                     ERR_DELIVERY);
    strbuf_release(&content);
    assert_int_equal(put(fixture, "file", "new", OBJECTS_REPLACE, &err), ERR_OK);
    assert_content(fixture, "file", "new"); /* the link was replaced, not what it pointed to */
    assert_int_equal(count_entries(target), 1);
}

static void test_longer_than_the_buffer_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    struct strbuf content;
    bool found;

    assert_int_equal(put(fixture, "a", "0123456789", OBJECTS_NEW, &err), ERR_OK);
    strbuf_init(&content, 9);
    assert_int_equal(fixture->objects->get(fixture->objects, "a", &found, &content, &err),
                     ERR_DELIVERY);
    strbuf_release(&content);
}

/* Every step that a put takes, in its order. */
static const char *const steps[] = {"draft.write.created", "draft.write.half",
                                    "draft.write.sync",    "draft.publish.before",
                                    "objects.put.lasting", "objects.put.after"};

static bool fail_at(const char *name, void *context)
{
    return strcmp(name, context) == 0;
}

/* A failing write, fsync or rename leaves nothing visible and nothing behind, is told with its reason, and the next try succeeds. */
static void test_failure_leaves_nothing(void **state)
{
    static const struct {
        const char *step;
        int error;
        int entries;
    } rows[] = {{"draft.write.half", ENOSPC, 0},
                {"draft.write.sync", EIO, 0},
                {"draft.publish.before", EIO, 0},
                {"objects.put.lasting", EIO, 1}}; /* complete, but perhaps not for ever */
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[] = "a0";
        struct err err = ERR_INIT;

        name[1] = (char)('0' + i);
        fault_set_hook(fail_at, (void *)(uintptr_t)rows[i].step);
        assert_int_equal(put(fixture, name, "content", OBJECTS_NEW, &err), ERR_DELIVERY);
        fault_set_hook(NULL, NULL);
        assert_non_null(strstr(err.text, strerror(rows[i].error)));
        assert_non_null(strstr(err.text, name));
        assert_int_equal(count_entries(fixture->path), (int)i + rows[i].entries);
        assert_int_equal(put(fixture, name, "content", OBJECTS_NEW, &err), ERR_OK);
        assert_int_equal(count_entries(fixture->path), (int)i + 1);
    }
}

static bool count_at(const char *name, void *context)
{
    int *count = context;

    *count += strcmp(name, "objects.put.lasting") == 0;
    return false;
}

/* Several objects of a folder are made lasting by the last of them; what stands there already is held against all the same. */
static void test_names_that_last_soon(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    int syncs = 0;

    fault_set_hook(count_at, &syncs);
    assert_int_equal(put(fixture, "in/a", "one", OBJECTS_NEW_SOON, &err), ERR_OK);
    assert_int_equal(put(fixture, "in/b", "two", OBJECTS_NEW_SOON, &err), ERR_OK);
    assert_int_equal(syncs, 0);
    assert_int_equal(put(fixture, "in/c", "three", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(syncs, 1);
    assert_int_equal(put(fixture, "in/a", "one", OBJECTS_NEW_SOON, &err), ERR_OK);
    assert_int_equal(put(fixture, "in/a", "other", OBJECTS_NEW_SOON, &err), ERR_DELIVERY);
    fault_set_hook(NULL, NULL);
    assert_content(fixture, "in/a", "one");
    assert_content(fixture, "in/b", "two");
}

/* A folder that goes away between two objects is made again for the second. */
static void test_a_folder_that_is_removed(void **state)
{
    struct fixture *fixture = *state;
    char path[sizeof(fixture->path) + 16];
    struct err err = ERR_INIT;

    assert_int_equal(put(fixture, "in/a", "one", OBJECTS_NEW, &err), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/in/a", fixture->path);
    assert_int_equal(unlink(path), 0);
    (void)snprintf(path, sizeof(path), "%s/in", fixture->path);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(put(fixture, "in/b", "two", OBJECTS_NEW, &err), ERR_OK);
    assert_content(fixture, "in/b", "two");
    assert_content(fixture, "in/a", NULL);
    /* One folder after the other, and back. */
    assert_int_equal(put(fixture, "in/deep/c", "three", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(put(fixture, "d", "four", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(put(fixture, "in/a", "five", OBJECTS_NEW, &err), ERR_OK);
    assert_content(fixture, "in/deep/c", "three");
    assert_content(fixture, "d", "four");
    assert_content(fixture, "in/a", "five");
}

/* The same by the system itself: a file that may not grow. */
static void test_no_room(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit;
    struct rlimit small;
    struct err err = ERR_INIT;

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){4, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(fixture, "a", "too long", OBJECTS_NEW, &err), ERR_DELIVERY);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    assert_int_equal(count_entries(fixture->path), 0);
}

struct signal_at {
    const char *step;
    int number;
};

static bool raise_at(const char *name, void *context)
{
    const struct signal_at *at = context;

    if (strcmp(name, at->step) == 0) {
        (void)kill(getpid(), at->number);
    }
    return false;
}

/* A process of its own that puts "new content" and gets the signal at that step. */
static pid_t put_in_child(const char *path, const char *step, int number, enum objects_mode mode)
{
    pid_t pid = fork();

    if (pid == 0) {
        struct signal_at at = {step, number};
        struct objects *objects;
        struct err err = ERR_INIT;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails leaves no stopped process */
        if (objects_folder_open(path, &objects, &err) != ERR_OK) {
            _exit(2);
        }
        fault_set_hook(raise_at, &at);
        _exit(objects->put(objects, "sub/a", STR("new content"), mode, &err) == ERR_OK ? 0 : 1);
    }
    return pid;
}

/* Whatever step a process dies at: the name shows nothing, the old content or all of the new one, and the next run leaves no trace of it. */
static void test_killed_at_every_step(void **state)
{
    struct fixture *fixture = *state;
    char folder[128];

    (void)snprintf(folder, sizeof(folder), "%s/sub", fixture->path);
    for (size_t i = 0; i < ARRAY_COUNT(steps) * 2; i++) {
        enum objects_mode mode = i % 2 == 0 ? OBJECTS_NEW : OBJECTS_REPLACE;
        const char *before = mode != OBJECTS_REPLACE ? NULL : "old";
        bool visible = i / 2 >= 4; /* behind the rename */
        struct objects *next;
        struct err err = ERR_INIT;
        char command[256];
        int status;

        (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
        assert_int_equal(system(command), 0);
        if (before != NULL) {
            assert_int_equal(put(fixture, "sub/a", before, OBJECTS_NEW, &err), ERR_OK);
        }
        assert_true(waitpid(put_in_child(fixture->path, steps[i / 2], SIGKILL, mode), &status, 0) >
                    0);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(count_entries(folder),
                         (visible || before != NULL) + (visible ? 0 : 1 /* the draft */));
        assert_content(fixture, "sub/a", visible ? "new content" : before);

        assert_int_equal(objects_folder_open(fixture->path, &next, &err), ERR_OK);
        assert_int_equal(next->put(next, "sub/a", STR("new content"), mode, &err), ERR_OK);
        next->close(next);
        assert_content(fixture, "sub/a", "new content");
        assert_int_equal(count_entries(folder), 1);
    }
}

/* What looks the same as a leftover, but has a writer, who only is slow. */
static void test_the_draft_of_a_live_process_stays(void **state)
{
    struct fixture *fixture = *state;
    char folder[128];

    (void)snprintf(folder, sizeof(folder), "%s/sub", fixture->path);
    /* Before its lock it may be taken for a leftover, and then the writer makes another one. */
    for (size_t i = 0; i < 4; i++) {
        pid_t pid = put_in_child(fixture->path, steps[i], SIGSTOP, OBJECTS_REPLACE);
        struct objects *next;
        struct err err = ERR_INIT;
        int status;

        assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
        assert_true(WIFSTOPPED(status));
        assert_int_equal(objects_folder_open(fixture->path, &next, &err), ERR_OK);
        assert_int_equal(next->put(next, "sub/b", STR("b"), OBJECTS_REPLACE, &err), ERR_OK);
        next->close(next);
        assert_int_equal(count_entries(folder), i == 0 ? 1 : 3);
        if (i == 0) {
            /* It stops once more, at its second draft. */
            assert_int_equal(kill(pid, SIGCONT), 0);
            assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
            assert_true(WIFSTOPPED(status));
        }
        assert_int_equal(kill(pid, SIGCONT), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        assert_content(fixture, "sub/a", "new content");
        assert_int_equal(count_entries(folder), 2);
    }
}

static void test_foreign_files_are_not_swept(void **state)
{
    static const char *const names[] = {".new-",
                                        ".new-0123456789abcde",
                                        ".new-0123456789abcdeg",
                                        ".new-0123456789abcdef0",
                                        ".hidden",
                                        "x"};
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    char path[256];

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", fixture->path, names[i]);
        assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    }
    (void)snprintf(path, sizeof(path), "%s/.new-0123456789abcdef", fixture->path);
    assert_int_equal(symlink("x", path), 0);
    assert_int_equal(put(fixture, "a", "a", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(count_entries(fixture->path), (int)ARRAY_COUNT(names) + 2);
}

static void test_exists_and_sweeps(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    struct objects *reader;
    bool found = true;
    char path[128];

    assert_int_equal(put(fixture, "sub/b", "b", OBJECTS_NEW, &err), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/sub/.new-0123456789abcdef", fixture->path);
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY, 0600)), 0);
    /* Whoever only looks removes nothing. */
    assert_int_equal(objects_folder_open_read(fixture->path, &reader, &err), ERR_OK);
    assert_int_equal(reader->exists(reader, "sub/b", &found, &err), ERR_OK);
    assert_true(found);
    reader->close(reader);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(objects_folder_open(fixture->path, &reader, &err), ERR_OK);
    assert_int_equal(reader->exists(reader, "sub/c", &found, &err), ERR_OK);
    assert_false(found);
    reader->close(reader);
    assert_int_equal(access(path, F_OK), -1);

    assert_int_equal(objects_folder_open_read("/nonexistent/out", &reader, &err), ERR_OK);
    assert_null(reader);
}

static enum err_code note_entry(void *context, const struct objects_entry *entry, struct err *err)
{
    (void)err;
    (void)sprintf((char *)context + strlen(context), "%s%c ", entry->name, "fdo"[entry->kind]);
    return ERR_OK;
}

static void test_list(void **state)
{
    struct fixture *fixture = *state;
    struct err err = ERR_INIT;
    char text[200] = "";
    char path[128];

    assert_int_equal(put(fixture, "sub/b", "b", OBJECTS_NEW, &err), ERR_OK);
    assert_int_equal(put(fixture, "a", "a", OBJECTS_NEW, &err), ERR_OK);
    (void)snprintf(path, sizeof(path), "%s/link", fixture->path);
    assert_int_equal(symlink("a", path), 0);
    (void)snprintf(path, sizeof(path), "%s/not ours", fixture->path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(fixture->objects->list(fixture->objects, "", note_entry, text, &err), ERR_OK);
    assert_string_equal(text, "af linko subd ");
    text[0] = '\0';
    assert_int_equal(fixture->objects->list(fixture->objects, "sub", note_entry, text, &err),
                     ERR_OK);
    assert_int_equal(fixture->objects->list(fixture->objects, "nobody", note_entry, text, &err),
                     ERR_OK);
    assert_string_equal(text, "bf ");
    assert_int_equal(fixture->objects->list(fixture->objects, "link", note_entry, text, &err),
                     ERR_DELIVERY);
}

static void test_folder_that_cannot_be(void **state)
{
    struct objects *objects = NULL;
    struct err err = ERR_INIT;

    (void)state;
    assert_int_equal(objects_folder_open("/nonexistent/parent/out", &objects, &err), ERR_DELIVERY);
    assert_int_equal(objects_folder_open("/dev/null", &objects, &err), ERR_DELIVERY);
    assert_null(objects);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put_and_get, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parts_are_one_object_or_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_same_again_is_success_other_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bad_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_longer_than_the_buffer_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_that_last_soon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_folder_that_is_removed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed_at_every_step, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_draft_of_a_live_process_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_files_are_not_swept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_exists_and_sweeps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_list, set_up, tear_down),
        cmocka_unit_test(test_folder_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
