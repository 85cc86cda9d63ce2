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
#include <sys/resource.h>
#include <sys/stat.h>
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

static bool fail_always(const char *name, void *context)
{
    (void)context;
    return strcmp(name, "objects.folder.publish") == 0;
}

/* A failure before the last step leaves nothing visible and nothing behind. */
static void test_failure_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit limit;
    struct rlimit small;
    struct err err = ERR_INIT;

    fault_set_hook(fail_always, NULL);
    assert_int_equal(put(fixture, "a", "x", OBJECTS_NEW, &err), ERR_DELIVERY);
    fault_set_hook(NULL, NULL);
    assert_int_equal(count_entries(fixture->path), 0);

    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){4, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(put(fixture, "a", "too long", OBJECTS_NEW, &err), ERR_DELIVERY);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    assert_int_equal(count_entries(fixture->path), 0);
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
        cmocka_unit_test_setup_teardown(test_same_again_is_success_other_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_bad_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_links_are_not_followed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_longer_than_the_buffer_is_an_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure_leaves_nothing, set_up, tear_down),
        cmocka_unit_test(test_folder_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
