#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "base/objects.h"
#include "base/random.h"

enum { NAME_SIZE = 512, TEMPORARY_SIZE = 40 };

static const uint32_t magic = 0x0b1ec75f;

struct folder {
    struct objects objects; /* first */
    uint32_t magic;
    int fd;
    char *path;
    struct random random; /* names of temporary files */
};

/* An object's place: the open folder that holds it, and its last name. */
struct place {
    int fd; /* owned */
    char name[NAME_SIZE];
};

static struct folder *folder_of(struct objects *objects)
{
    struct folder *folder = (struct folder *)objects;

    CHECK(folder->magic == magic);
    return folder;
}

static bool name_is_sane(const char *name)
{
    char previous = '/';

    if (strlen(name) >= NAME_SIZE || name[0] == '\0') {
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

/* Makes the name of a new folder lasting: its entry lives in the parent. */
static bool create_folder_at(int parent, const char *name)
{
    return (mkdirat(parent, name, 0777) == 0 || errno == EEXIST) && fsync(parent) == 0;
}

/* Walks down to the folder of name, part by part, so that no symbolic link is followed anywhere. -1 with errno. */
static int descend(const struct folder *folder, const char *name, bool create, struct place *place)
{
    int fd = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0);

    for (const char *slash = strchr(name, '/'); fd >= 0 && slash != NULL;
         name = slash + 1, slash = strchr(name, '/')) {
        int parent = fd;
        int saved;

        memcpy(place->name, name, (size_t)(slash - name));
        place->name[slash - name] = '\0';
        fd = open_folder_at(parent, place->name);
        if (fd < 0 && errno == ENOENT && create && create_folder_at(parent, place->name)) {
            fd = open_folder_at(parent, place->name);
        }
        saved = errno;
        (void)close(parent);
        errno = saved;
    }
    memcpy(place->name, name, strlen(name) + 1);
    place->fd = fd;
    return fd;
}

static enum err_code folder_place(struct folder *folder, const char *name, bool create,
                                  struct place *ret_place, bool *ret_found, struct err *err)
{
    *ret_found = false;
    if (!name_is_sane(name)) {
        return err_set(err, ERR_DELIVERY, "\"%.80s\" is no name for an object", name);
    }
    if (descend(folder, name, create, ret_place) < 0) {
        if (errno == ENOENT && !create) {
            return ERR_OK;
        }
        return err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot open its folder", folder->path,
                             name);
    }
    *ret_found = true;
    return ERR_OK;
}

static bool write_all(int fd, struct str content)
{
    while (content.size > 0) {
        ssize_t written = write(fd, content.data, content.size);

        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        content = str_of(content.data + written, content.size - (size_t)written);
    }
    return true;
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

/* Reads the object at place. False with errno; ENOENT if there is none. */
static bool read_object(const struct place *place, struct strbuf *content)
{
    int fd = openat(place->fd, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    bool done;
    int saved;

    if (fd < 0) {
        return false;
    }
    done = fstat(fd, &status) == 0;
    if (done && !S_ISREG(status.st_mode)) {
        errno = EINVAL; /* a pipe or a device in a folder of files */
        done = false;
    }
    done = done && read_all(fd, content);
    saved = errno;
    (void)close(fd);
    errno = saved;
    return done;
}

/* Writes a complete, durable file under a temporary name of the same folder. */
static bool write_temporary(struct folder *folder, const struct place *place, struct str content,
                            char ret_name[TEMPORARY_SIZE])
{
    int fd;
    bool done;
    int saved;

    (void)snprintf(ret_name, TEMPORARY_SIZE, ".new-%016" PRIx64, random_next(&folder->random));
    fd = openat(place->fd, ret_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (fd < 0) {
        ret_name[0] = '\0';
        return false;
    }
    done = write_all(fd, content) && fsync(fd) == 0;
    saved = errno;
    if (close(fd) != 0 && done) {
        return false;
    }
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

/* Gives the temporary file its name. With OBJECTS_NEW it fails with EEXIST where something stands; a file system that
 * cannot rename like that gets a second name for the file, and the first one is removed by the caller. */
static bool publish(const struct place *place, const char *temporary, enum objects_mode mode)
{
    if (mode == OBJECTS_REPLACE) {
        return renameat(place->fd, temporary, place->fd, place->name) == 0;
    }
    if (renameat2(place->fd, temporary, place->fd, place->name, RENAME_NOREPLACE) == 0) {
        return true;
    }
    return (errno == EINVAL || errno == ENOSYS) &&
           linkat(place->fd, temporary, place->fd, place->name, 0) == 0;
}

static enum err_code put_at(struct folder *folder, const struct place *place, const char *name,
                            struct str content, enum objects_mode mode, struct err *err)
{
    char temporary[TEMPORARY_SIZE] = "";
    enum err_code code = ERR_OK;

    if (!write_temporary(folder, place, content, temporary)) {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot write", folder->path, name);
    } else if (FAULT("objects.folder.publish")) {
        code = err_set(err, ERR_DELIVERY, "%s/%s: a test wanted it to fail", folder->path, name);
    } else if (publish(place, temporary, mode)) {
        code = ERR_OK;
    } else if (mode == OBJECTS_NEW && errno == EEXIST) {
        code = compare_existing(folder, place, name, content, err);
    } else {
        code = err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot publish", folder->path, name);
    }
    if (temporary[0] != '\0') {
        (void)unlinkat(place->fd, temporary,
                       0); /* gone if it was renamed; a rest is hidden and harmless */
    }
    /* Also after a comparison: an earlier run may have died between the link and this. */
    if (code == ERR_OK && fsync(place->fd) != 0) {
        code =
            err_set_errno(err, ERR_DELIVERY, "%s/%s: cannot make it lasting", folder->path, name);
    }
    return code;
}

static enum err_code folder_put(struct objects *objects, const char *name, struct str content,
                                enum objects_mode mode, struct err *err)
{
    struct folder *folder = folder_of(objects);
    struct place place;
    bool found;
    enum err_code code = folder_place(folder, name, true, &place, &found, err);

    if (code == ERR_OK) {
        CHECK(found);
        code = put_at(folder, &place, name, content, mode, err);
        (void)close(place.fd);
    }
    return code;
}

static enum err_code folder_get(struct objects *objects, const char *name, bool *ret_found,
                                struct strbuf *content, struct err *err)
{
    struct folder *folder = folder_of(objects);
    struct place place;
    bool found;
    enum err_code code = folder_place(folder, name, false, &place, &found, err);

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

static void folder_locate(struct objects *objects, const char *name, struct strbuf *ret_place)
{
    strbuf_append_text(ret_place, folder_of(objects)->path);
    strbuf_append_char(ret_place, '/');
    strbuf_append_text(ret_place, name);
}

static void folder_close(struct objects *objects)
{
    struct folder *folder;

    if (objects == NULL) {
        return;
    }
    folder = folder_of(objects);
    (void)close(folder->fd);
    memory_free(folder->path);
    memory_free(folder);
}

enum err_code objects_folder_open(const char *path, struct objects **ret_objects, struct err *err)
{
    struct folder *folder;
    size_t size = strlen(path);
    int fd;

    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return err_set_errno(err, ERR_DELIVERY, "%s: cannot create the folder", path);
    }
    /* The folder itself may be a link: it was named by the operator, not by data. */
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, ERR_DELIVERY, "%s: cannot open the folder", path);
    }
    folder = memory_calloc(1, sizeof(*folder));
    folder->objects = (struct objects){folder_put, folder_get, folder_locate, folder_close};
    folder->magic = magic;
    folder->fd = fd;
    folder->path = memory_strdup(path);
    while (size > 1 && folder->path[size - 1] == '/') {
        folder->path[--size] = '\0';
    }
    random_init_system(&folder->random);
    *ret_objects = &folder->objects;
    return ERR_OK;
}
