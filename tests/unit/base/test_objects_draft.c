/* Objects that are written through a draft: whole, or not there; never in place of others. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/objects.h"

struct place {
    char path[64];
    struct objects *objects;
};

static void open_place(struct place *place)
{
    struct err err = ERR_INIT;

    (void)snprintf(place->path, sizeof(place->path), "/tmp/uptally-draft-XXXXXX");
    assert_non_null(mkdtemp(place->path));
    assert_int_equal(objects_folder_open(place->path, &place->objects, &err), ERR_OK);
}

static void close_place(struct place *place)
{
    char command[100];

    place->objects->close(place->objects);
    (void)snprintf(command, sizeof(command), "rm -r %s", place->path);
    assert_int_equal(system(command), 0);
}

static void shell(struct place *place, const char *words)
{
    char command[300];

    (void)snprintf(command, sizeof(command), "cd %s && %s", place->path, words);
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static struct objects_draft *draft(struct place *place, const char *name, const char *content)
{
    struct objects_draft *made;
    struct err err = ERR_INIT;

    if (place->objects->draft(place->objects, name, &made, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(write(made->fd, content, strlen(content)), strlen(content));
    return made;
}

static void expect(struct place *place, const char *name, const char *content)
{
    char found[100];
    struct err err = ERR_INIT;
    ssize_t size;
    bool there;
    int fd;

    assert_int_equal(place->objects->open(place->objects, name, &there, &fd, &err), ERR_OK);
    assert_int_equal(there, content != NULL);
    if (there) {
        size = read(fd, found, sizeof(found));
        assert_true(str_equal(str_of(found, (size_t)size), STR(content)));
        (void)close(fd);
    }
}

static void a_draft_becomes_the_object(void **state)
{
    struct objects_draft *made;
    struct err err = ERR_INIT;
    struct place place;
    bool there;

    (void)state;
    open_place(&place);
    made = draft(&place, "a/b/one", "xyz");
    expect(&place, "a/b/one", NULL);
    /* What stands at its beginning may be known last. */
    assert_int_equal(pwrite(made->fd, "X", 1, 0), 1);
    assert_int_equal(place.objects->publish(place.objects, made, "a/b/other", &err), ERR_OK);
    expect(&place, "a/b/other", "Xyz");
    expect(&place, "a/b/one", NULL);
    /* The same again is success, anything else is not, and changes nothing. */
    assert_int_equal(
        place.objects->publish(place.objects, draft(&place, "a/b/o", "Xyz"), "a/b/other", &err),
        ERR_OK);
    assert_int_equal(
        place.objects->publish(place.objects, draft(&place, "a/b/o", "Xyzz"), "a/b/other", &err),
        ERR_DELIVERY);
    assert_non_null(strstr(err.text, "other content"));
    expect(&place, "a/b/other", "Xyz");
    place.objects->discard(place.objects, draft(&place, "a/b/o", "gone"));
    place.objects->discard(place.objects, NULL);
    shell(&place, "test \"$(find . -type f | sort)\" = ./a/b/other");
    err = ERR_INIT;
    assert_int_equal(place.objects->remove(place.objects, "a/b/other", &there, &err), ERR_OK);
    assert_true(there);
    assert_int_equal(place.objects->remove(place.objects, "a/b/other", &there, &err), ERR_OK);
    assert_false(there);
    assert_int_equal(place.objects->remove(place.objects, "no/such", &there, &err), ERR_OK);
    assert_false(there);
    close_place(&place);
}

/* Somebody publishes under that name when we have looked and found nothing. */
static bool rival(const char *name, void *context)
{
    struct place *place = context;

    if (strcmp(name, "draft.publish.before") == 0) {
        shell(place, "printf theirs >a/name");
    }
    return false;
}

static void a_rival_that_is_faster_keeps_the_name(void **state)
{
    struct err err = ERR_INIT;
    struct place place;

    (void)state;
    open_place(&place);
    fault_set_hook(rival, &place);
    assert_int_equal(
        place.objects->publish(place.objects, draft(&place, "a/x", "ours"), "a/name", &err),
        ERR_DELIVERY);
    fault_set_hook(NULL, NULL);
    expect(&place, "a/name", "theirs");
    shell(&place, "rm a/name");
    err = ERR_INIT;
    fault_set_hook(rival, &place);
    assert_int_equal(
        place.objects->publish(place.objects, draft(&place, "a/x", "theirs"), "a/name", &err),
        ERR_OK);
    fault_set_hook(NULL, NULL);
    shell(&place, "test \"$(ls -A a)\" = name");
    close_place(&place);
}

static bool fail_at(const char *name, void *context)
{
    return strcmp(name, context) == 0;
}

static void what_cannot_be_made_lasting_is_no_success(void **state)
{
    static const char *const places[] = {"draft.write.sync", "draft.publish.before",
                                         "objects.put.lasting"};

    (void)state;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct objects_draft *made;
        struct err err = ERR_INIT;
        struct place place;

        open_place(&place);
        made = draft(&place, "a/x", "content");
        fault_set_hook(fail_at, (void *)(uintptr_t)places[i]);
        assert_int_equal(place.objects->publish(place.objects, made, "a/name", &err), ERR_DELIVERY);
        fault_set_hook(NULL, NULL);
        assert_non_null(strstr(err.text, "a/name"));
        expect(&place, "a/name", i < 2 ? NULL : "content");
        close_place(&place);
    }
}

/* Names come from outside, and the folder may hold anything. */
static void links_and_pipes_are_no_objects(void **state)
{
    struct err err = ERR_INIT;
    struct place place;
    bool there;
    int fd;

    (void)state;
    open_place(&place);
    shell(&place, "mkdir a; ln -s /etc/passwd a/link; mkfifo a/pipe; ln -s /etc up");
    assert_int_equal(place.objects->open(place.objects, "a/link", &there, &fd, &err), ERR_DELIVERY);
    assert_int_equal(place.objects->open(place.objects, "a/pipe", &there, &fd, &err), ERR_DELIVERY);
    assert_int_equal(place.objects->open(place.objects, "up/passwd", &there, &fd, &err),
                     ERR_DELIVERY);
    assert_int_equal(place.objects->open(place.objects, "../x", &there, &fd, &err), ERR_DELIVERY);
    assert_int_equal(place.objects->remove(place.objects, "up/passwd", &there, &err), ERR_DELIVERY);
    assert_int_equal(
        place.objects->publish(place.objects, draft(&place, "a/x", "ours"), "a/link", &err),
        ERR_DELIVERY);
    shell(&place, "test -L a/link");
    close_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_draft_becomes_the_object),
        cmocka_unit_test(a_rival_that_is_faster_keeps_the_name),
        cmocka_unit_test(what_cannot_be_made_lasting_is_no_success),
        cmocka_unit_test(links_and_pipes_are_no_objects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
