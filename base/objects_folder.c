#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/draft.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/objects_folder.h"

enum { LIST_MAX = 1000000 };

static const uint32_t magic = 0x0b1ec75f;

struct folder *objects_folder_self(struct objects *objects)
{
    struct folder *folder = (struct folder *)objects;

    CHECK(folder->magic == magic);
    return folder;
}

static bool name_is_sane(const char *name)
{
    char previous = '/';

    if (strlen(name) >= OBJECTS_NAME_SIZE || name[0] == '\0') {
        return false;
    }
    for (; *name != '\0'; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') ||
                      (*name >= '0' && *name <= '9') || *name == '_' || *name == '-';
        bool inner = *name == '.' || *name == '/';

        if (!letter && !(inner && previous != '/')) {
            return false;
        }
        previous = *name;
    }
    return previous != '/';
}

static int open_folder_at(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool objects_folder_sync(int fd)
{
    if (FAULT("objects.put.lasting")) {
        errno = EIO;
        return false;
    }
    return fsync(fd) == 0;
}

/* Makes the name of a new folder lasting: its entry lives in the parent. Whoever was faster may have died before that. */
static bool create_folder_at(int parent, const char *name)
{
    return (mkdirat(parent, name, 0777) == 0 || errno == EEXIST) && fsync(parent) == 0;
}

/* Walks down to the folder of name, part by part, so that no symbolic link is followed anywhere. -1 with errno. */
static int descend(const struct folder *folder, const char *name, bool create)
{
    int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0);
    char part[OBJECTS_NAME_SIZE];

    for (const char *slash = strchr(name, '/'); fd >= 0 && slash != NULL;
         name = slash + 1, slash = strchr(name, '/')) {
        int parent = fd;
        int saved;

        memcpy(part, name, (size_t)(slash - name));
        part[slash - name] = '\0';
        fd = create && !create_folder_at(parent, part) ? -1 : open_folder_at(parent, part);
        saved = errno;
        (void)close(parent);
        errno = saved;
    }
    return fd;
}

static void forget_lasting(struct folder *folder)
{
    if (folder->lasting_fd >= 0) {
        (void)close(folder->lasting_fd);
    }
    folder->lasting_fd = -1;
}

/* Files of a statement come one after the other: their folder need not be made and synced for each. One that was removed meanwhile has no name. */
static bool is_lasting(const struct folder *folder, const char *name, size_t size)
{
    struct stat status;

    return folder->lasting_fd >= 0 && strncmp(folder->lasting, name, size) == 0 &&
           folder->lasting[size] == '\0' && fstat(folder->lasting_fd, &status) == 0 &&
           status.st_nlink > 0;
}

static int open_place(struct folder *folder, const char *name, bool create, struct place *place)
{
    const char *slash = strrchr(name, '/');
    size_t size = slash != NULL ? (size_t)(slash - name) : 0;

    memcpy(place->name, name + size + (slash != NULL), strlen(name + size + (slash != NULL)) + 1);
    if (!create) {
        return place->fd = descend(folder, name, false);
    }
    if (!is_lasting(folder, name, size)) {
        forget_lasting(folder);
        folder->lasting_fd = descend(folder, name, true);
        memcpy(folder->lasting, name, size);
        folder->lasting[size] = '\0';
    }
    return place->fd = folder->lasting_fd >= 0 ? fcntl(folder->lasting_fd, F_DUPFD_CLOEXEC, 0) : -1;
}

/* Once per folder: files of one statement come one after the other. */
static void sweep(struct folder *folder, int fd)
{
    struct stat status;

    if (folder->reads || fstat(fd, &status) != 0 ||
        (status.st_dev == folder->swept_device && status.st_ino == folder->swept_inode)) {
        return;
    }
    folder->swept_device = status.st_dev;
    folder->swept_inode = status.st_ino;
    (void)draft_sweep(fd);
}

enum err_code objects_folder_place(struct folder *folder, const char *name, bool create,
                                   struct place *ret_place, bool *ret_found, struct err *err)
{
    *ret_found = false;
    if (!name_is_sane(name)) {
        return err_set(err, ERR_DELIVERY, "\"%.80s\" is no name for an object", name);
    }
    if (open_place(folder, name, create, ret_place) < 0) {
        if (errno == ENOENT && !create) {
            return ERR_OK;
        }
        return err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot open its folder", folder->path,
                             name);
    }
    sweep(folder, ret_place->fd);
    *ret_found = true;
    return ERR_OK;
}

static bool read_all(int fd, struct strbuf *content)
{
    char part[65536];

    while (!content->overflow) {
        ssize_t size = read(fd, part, sizeof(part));

        if (size == 0) {
            return true;
        }
        if (size > 0) {
            strbuf_append(content, str_of(part, (size_t)size));
        } else if (errno != EINTR) {
            return false;
        }
    }
    errno = EFBIG;
    return false;
}

int objects_folder_open_object(const struct place *place)
{
    int fd = openat(place->fd, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    int saved;

    if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))) {
        return fd;
    }
    saved = EINVAL; /* a pipe or a device in a folder of files */
    (void)close(fd);
    errno = saved;
    return -1;
}

/* Reads the object at place. False with errno; ENOENT if there is none. */
static bool read_object(const struct place *place, struct strbuf *content)
{
    int fd = objects_folder_open_object(place);
    bool done;
    int saved;

    if (fd < 0) {
        return false;
    }
    done = read_all(fd, content);
    saved = errno;
    (void)close(fd);
    errno = saved;
    return done;
}

/* ERR_OK if the object that stands under this name already is this content. */
static enum err_code compare_existing(const struct folder *folder, const struct place *place,
                                      const char *name, struct str content, struct err *err)
{
    struct strbuf existing;
    enum err_code code = ERR_OK;

    strbuf_init(&existing, content.size + 1); /* longer is different, whatever it is */
    if (!read_object(place, &existing) && errno != EFBIG) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot compare it with what stands there",
                             folder->path, name);
    } else if (existing.overflow || !str_equal(strbuf_view(&existing), content)) {
        code = err_set(err, ERR_DELIVERY,
                       "%s/%s: other content stands under this name; it was not replaced",
                       folder->path, name);
    }
    strbuf_release(&existing);
    return code;
}

bool objects_folder_stands(const struct place *place)
{
    struct stat status;

    return fstatat(place->fd, place->name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

static enum err_code write_at(struct folder *folder, const struct place *place, const char *name,
                              struct str content, enum objects_mode mode, struct err *err)
{
    struct draft draft;
    enum err_code code = ERR_OK;

    if (!draft_write(&draft, place->fd, &folder->random, content)) {
        return err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
    }
    if (!draft_publish(&draft, place->name, mode == OBJECTS_REPLACE)) {
        code = mode != OBJECTS_REPLACE && errno == EEXIST /* another process was faster */
                   ? compare_existing(folder, place, name, content, err)
                   : err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot publish", folder->path, name);
    }
    draft_close(&draft);
    return code;
}

static enum err_code put_at(struct folder *folder, const struct place *place, const char *name,
                            struct str content, enum objects_mode mode, struct err *err)
{
    enum err_code code = mode != OBJECTS_REPLACE && objects_folder_stands(place)
                             ? compare_existing(folder, place, name, content, err)
                             : write_at(folder, place, name, content, mode, err);

    /* Also after a comparison: an earlier run may have died between the rename and this. */
    if (code == ERR_OK && mode != OBJECTS_NEW_SOON && !objects_folder_sync(place->fd)) {
        code =
            err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot make it lasting", folder->path, name);
    }
    if (code == ERR_OK) {
        (void)FAULT("objects.put.after");
    }
    return code;
}

static enum err_code folder_put(struct objects *objects, const char *name, struct str content,
                                enum objects_mode mode, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct place place;
    bool found;
    enum err_code code;

    CHECK(!folder->reads);
    code = objects_folder_place(folder, name, true, &place, &found, err);
    if (code == ERR_OK) {
        CHECK(found);
        code = put_at(folder, &place, name, content, mode, err);
        (void)close(place.fd);
    }
    return code;
}

/* A draft that is filled by somebody else. */
struct filling {
    struct folder *folder;
    const char *name;
    struct draft draft;
};

static enum err_code append_part(void *context, struct str part, struct err *err)
{
    struct filling *filling = context;

    return draft_append(&filling->draft, part)
               ? ERR_OK
               : err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", filling->folder->path,
                               filling->name);
}

static enum err_code put_parts_at(
    struct folder *folder, const struct place *place, const char *name,
    enum err_code (*fill)(void *context, const struct objects_sink *sink, struct err *err),
    void *context, struct err *err)
{
    struct filling filling = {.folder = folder, .name = name};
    const struct objects_sink sink = {append_part, &filling};
    enum err_code code = ERR_OK;

    if (!draft_begin(&filling.draft, place->fd, &folder->random)) {
        return err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
    }
    code = fill(context, &sink, err);
    if (code == ERR_OK && !draft_sync(&filling.draft)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
    }
    if (code == ERR_OK && !draft_publish(&filling.draft, place->name, true)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot publish", folder->path, name);
    }
    draft_close(&filling.draft);
    if (code == ERR_OK && !objects_folder_sync(place->fd)) {
        code =
            err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot make it lasting", folder->path, name);
    }
    return code;
}

static enum err_code folder_put_parts(struct objects *objects, const char *name,
                                      enum err_code (*fill)(void *context,
                                                            const struct objects_sink *sink,
                                                            struct err *err),
                                      void *context, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct place place;
    bool found;
    enum err_code code;

    CHECK(!folder->reads);
    code = objects_folder_place(folder, name, true, &place, &found, err);
    if (code == ERR_OK) {
        CHECK(found);
        code = put_parts_at(folder, &place, name, fill, context, err);
        (void)close(place.fd);
    }
    return code;
}

static enum err_code folder_get(struct objects *objects, const char *name, bool *ret_found,
                                struct strbuf *content, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct place place;
    bool found;
    enum err_code code = objects_folder_place(folder, name, false, &place, &found, err);

    if (code == ERR_OK && found) {
        found = read_object(&place, content);
        if (!found && errno != ENOENT) {
            code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot read", folder->path, name);
        }
        (void)close(place.fd);
    }
    if (code == ERR_OK) {
        *ret_found = found;
    }
    return code;
}

static enum err_code folder_exists(struct objects *objects, const char *name, bool *ret_found,
                                   struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct place place;
    bool found;
    enum err_code code = objects_folder_place(folder, name, false, &place, &found, err);

    if (code == ERR_OK && found) {
        found = objects_folder_stands(&place);
        if (!found && errno != ENOENT) {
            code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot look", folder->path, name);
        }
        (void)close(place.fd);
    }
    if (code == ERR_OK) {
        *ret_found = found;
    }
    return code;
}

struct listing {
    struct arena arena;
    struct objects_entry *entries; /* owned */
    size_t count;
};

static enum objects_kind kind_of(int fd, const char *name)
{
    struct stat status;

    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return OBJECTS_OTHER;
    }
    return S_ISREG(status.st_mode)   ? OBJECTS_FILE
           : S_ISDIR(status.st_mode) ? OBJECTS_FOLDER
                                     : OBJECTS_OTHER;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct objects_entry *)a)->name, ((const struct objects_entry *)b)->name);
}

/* Takes fd over. False with errno. */
static bool read_folder(int fd, struct listing *listing)
{
    DIR *folder = fdopendir(fd);
    const struct dirent *entry;
    int saved;

    if (folder == NULL) {
        (void)close(fd);
        return false;
    }
    errno = 0;
    while (listing->count < LIST_MAX && (entry = readdir(folder)) != NULL) {
        if (name_is_sane(entry->d_name)) {
            size_t count = listing->count++;

            if ((count & (count - 1)) == 0) {
                listing->entries = memory_resize(listing->entries, count == 0 ? 1 : count * 2,
                                                 sizeof(listing->entries[0]));
            }
            listing->entries[count] = (struct objects_entry){
                arena_text(&listing->arena, STR(entry->d_name)), kind_of(fd, entry->d_name)};
        }
        errno = 0;
    }
    saved = listing->count == LIST_MAX ? EFBIG : errno;
    (void)closedir(folder);
    errno = saved;
    return saved == 0;
}

static enum err_code folder_list(struct objects *objects, const char *name,
                                 enum err_code (*entry)(void *context,
                                                        const struct objects_entry *entry,
                                                        struct err *err),
                                 void *context, struct err *err)
{
    struct folder *folder = objects_folder_self(objects);
    struct listing listing = {.arena = ARENA_INIT};
    struct place place = {.fd = folder->fd, .name = "."};
    bool found = true;
    enum err_code code = ERR_OK;
    int fd;

    if (name[0] != '\0') {
        code = objects_folder_place(folder, name, false, &place, &found, err);
    }
    if (code != ERR_OK || !found) {
        return code;
    }
    fd = open_folder_at(place.fd, place.name);
    if (fd < 0 ? errno != ENOENT : !read_folder(fd, &listing)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot list", folder->path, name);
    }
    if (place.fd != folder->fd) {
        (void)close(place.fd);
    }
    if (listing.count > 0) {
        qsort(listing.entries, listing.count, sizeof(listing.entries[0]), by_name);
    }
    for (size_t i = 0; i < listing.count && code == ERR_OK; i++) {
        code = entry(context, &listing.entries[i], err);
    }
    memory_free(listing.entries);
    arena_release(&listing.arena);
    return code;
}

static void folder_locate(struct objects *objects, const char *name, struct strbuf *ret_place)
{
    strbuf_append_text(ret_place, objects_folder_self(objects)->path);
    strbuf_append_char(ret_place, '/');
    strbuf_append_text(ret_place, name);
}

static void folder_close(struct objects *objects)
{
    struct folder *folder;

    if (objects == NULL) {
        return;
    }
    folder = objects_folder_self(objects);
    forget_lasting(folder);
    (void)close(folder->fd);
    memory_free(folder->path);
    memory_free(folder);
}

/* Takes fd over. */
static struct folder *folder_new(const char *path, int fd, bool reads)
{
    struct folder *folder = memory_calloc(1, sizeof(*folder));
    size_t size = strlen(path);

    folder->objects = (struct objects){.put = folder_put,
                                       .put_parts = folder_put_parts,
                                       .get = folder_get,
                                       .exists = folder_exists,
                                       .list = folder_list,
                                       .draft = objects_folder_draft,
                                       .publish = objects_folder_publish,
                                       .discard = objects_folder_discard,
                                       .open = objects_folder_open_one,
                                       .remove = objects_folder_remove,
                                       .locate = folder_locate,
                                       .close = folder_close};
    folder->magic = magic;
    folder->fd = fd;
    folder->lasting_fd = -1;
    folder->path = memory_strdup(path);
    folder->reads = reads;
    while (size > 1 && folder->path[size - 1] == '/') {
        folder->path[--size] = '\0';
    }
    random_init_system(&folder->random);
    return folder;
}

static enum err_code folder_open(const char *path, bool reads, struct objects **ret_objects,
                                 struct err *err)
{
    /* The folder itself may be a link: it was named by the operator, not by data. */
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0) {
        *ret_objects = &folder_new(path, fd, reads)->objects;
        return ERR_OK;
    }
    if (reads && errno == ENOENT) {
        *ret_objects = NULL;
        return ERR_OK;
    }
    return err_set_errno(err, ERR_DELIVERY, "%s: cannot open the folder", path);
}

enum err_code objects_folder_open(const char *path, struct objects **ret_objects, struct err *err)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return err_set_errno(err, ERR_DELIVERY, "%s: cannot create the folder", path);
    }
    return folder_open(path, false, ret_objects, err);
}

enum err_code objects_folder_open_read(const char *path, struct objects **ret_objects,
                                       struct err *err)
{
    return folder_open(path, true, ret_objects, err);
}
