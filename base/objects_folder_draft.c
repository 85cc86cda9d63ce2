/* Objects that are too long for memory: drafts that become objects, objects that are opened, and their end. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/objects_folder.h"

enum { PART_SIZE = 64 * 1024 };

struct folder_draft {
    struct objects_draft draft; /* first */
    struct draft file;
    int fd;             /* owned: the folder */
    size_t folder_size; /* of its name, in the names of its objects */
};

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash != NULL ? slash + 1 : name;
}

enum err_code objects_folder_draft(struct objects *objects, const char *name,
                                   struct objects_draft **ret_draft, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct folder_draft *draft;
    struct place place;
    bool found;

    CHECK(!folder->reads);
    if (objects_folder_place(folder, name, true, &place, &found, err) != ERR_OK) {
        return err->code;
    }
    CHECK(found);
    draft = memory_calloc(1, sizeof(*draft));
    draft->fd = place.fd;
    draft->folder_size = (size_t)(last_part(name) - name);
    if (!draft_begin(&draft->file, draft->fd, &folder->random)) {
        (void)err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
        objects_folder_discard(objects, &draft->draft);
        return err->code;
    }
    draft->draft.fd = draft->file.fd;
    *ret_draft = &draft->draft;
    return ERR_OK;
}

void objects_folder_discard(struct objects *objects, struct objects_draft *draft)
{
    struct folder_draft *self = (struct folder_draft *)draft;

    (void)objects;
    if (self == NULL) {
        return;
    }
    draft_close(&self->file);
    (void)close(self->fd);
    memory_free(self);
}

static bool read_part(int fd, off_t at, char *into, size_t *ret_size)
{
    ssize_t size;

    *ret_size = 0;
    while (*ret_size < PART_SIZE) {
        size = pread(fd, into + *ret_size, PART_SIZE - *ret_size, at + (off_t)*ret_size);
        if (size == 0) {
            return true;
        }
        if (size < 0 && errno != EINTR) {
            return false;
        }
        *ret_size += size > 0 ? (size_t)size : 0;
    }
    return true;
}

/* False with errno; 0: they differ. */
static bool same_content(int a, int b)
{
    char *parts = memory_alloc(2 * PART_SIZE);
    size_t size = PART_SIZE, other;
    bool same = true;
    int saved = 0;

    for (off_t at = 0; same && size == PART_SIZE; at += PART_SIZE) {
        if (!read_part(a, at, parts, &size) || !read_part(b, at, parts + PART_SIZE, &other)) {
            saved = errno;
            same = false;
        } else {
            same = size == other && memcmp(parts, parts + PART_SIZE, size) == 0;
        }
    }
    memory_free(parts);
    errno = saved;
    return same;
}

/* Whether what stands under the name already is the draft. */
static enum err_code compare(const struct folder *folder, const struct folder_draft *draft,
                             const struct place *place, const char *name, struct err *err)
{
    int fd = objects_folder_open_object(place);
    enum err_code code = ERR_OK;

    if (fd < 0 || !same_content(fd, draft->file.fd)) {
        code = fd < 0 || errno != 0
                   ? err_set_errno(err, ERR_DELIVERY,
                                   "%s/%s: cannot compare it with what stands there", folder->path,
                                   name)
                   : err_set(err, ERR_DELIVERY,
                             "%s/%s: other content stands under this name; it was not replaced",
                             folder->path, name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return code;
}

static enum err_code publish(struct folder *folder, struct folder_draft *draft, const char *name,
                             struct err *err)
{
    struct place place = {.fd = draft->fd};
    const char *last = last_part(name);
    enum err_code code = ERR_OK;

    CHECK((size_t)(last - name) == draft->folder_size);
    CHECK(strlen(last) < sizeof(place.name));
    memcpy(place.name, last, strlen(last) + 1);
    if (objects_folder_stands(&place)) {
        code = compare(folder, draft, &place, name, err);
    } else if (!draft_sync(&draft->file)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
    } else if (!draft_publish(&draft->file, place.name, false)) {
        code = errno == EEXIST /* another process was faster */
                   ? compare(folder, draft, &place, name, err)
                   : err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot publish", folder->path, name);
    }
    /* Also after a comparison: an earlier run may have died between the rename and this. */
    if (code == ERR_OK && !objects_folder_sync(draft->fd)) {
        code =
            err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot make it lasting", folder->path, name);
    }
    return code;
}

enum err_code objects_folder_publish(struct objects *objects, struct objects_draft *draft,
                                     const char *name, struct err *err)
{
    enum err_code code =
        publish(objects_folder_self(objects), (struct folder_draft *)draft, name, err);

    objects_folder_discard(objects, draft);
    if (code == ERR_OK) {
        (void)FAULT("objects.publish.after");
    }
    return code;
}

enum err_code objects_folder_open_one(struct objects *objects, const char *name, bool *ret_found,
                                      int *ret_fd, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct place place;
    bool found;
    int fd = -1;
    enum err_code code = objects_folder_place(folder, name, false, &place, &found, err);

    if (code == ERR_OK && found) {
        fd = objects_folder_open_object(&place);
        if (fd < 0 && errno != ENOENT) {
            code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot read", folder->path, name);
        }
        (void)close(place.fd);
    }
    if (code == ERR_OK) {
        *ret_found = fd >= 0;
        *ret_fd = fd;
    }
    return code;
}

enum err_code objects_folder_remove(struct objects *objects, const char *name, bool *ret_found,
                                    struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    enum err_code code;
    struct place place;
    bool found;

    CHECK(!folder->reads);
    code = objects_folder_place(folder, name, false, &place, &found, err);
    if (code != ERR_OK || !found) {
        *ret_found = false;
        return code;
    }
    *ret_found = unlinkat(place.fd, place.name, 0) == 0;
    if ((!*ret_found && errno != ENOENT) || !objects_folder_sync(place.fd)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot remove", folder->path, name);
    }
    (void)close(place.fd);
    return code;
}
