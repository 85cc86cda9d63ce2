#include "jobs/demo/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"

static const char marker[] = ".uptally-demo";
static const char marker_text[] =
    "This folder was made by `uptally demo`, which replaces it when it runs again.\n";

/* What a demo leaves behind, and therefore may remove. */
static const char *const leavings[] = {"uptally.yaml", "uptally.db", "uptally.db-wal",
                                       "uptally.db-shm", "statements"};

enum { DEPTH_MAX = 8 };

static bool dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Removes a file or a tree of folders below parent; links are removed, never followed. */
static bool remove_tree(int parent, const char *name, int depth)
{
    bool done = true;
    DIR *folder;
    const struct dirent *entry;
    int fd;

    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return true;
    }
    if ((errno != EISDIR && errno != EPERM) || depth == 0) {
        return false;
    }
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    folder = fdopendir(fd);
    if (folder == NULL) {
        (void)close(fd);
        return false;
    }
    while (done && (entry = readdir(folder)) != NULL) {
        done = dots(entry->d_name) || remove_tree(fd, entry->d_name, depth - 1);
    }
    (void)closedir(folder);
    return done && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

/* Whether there is nothing at all in the open folder. */
static bool folder_empty(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    bool empty = folder != NULL;

    while (empty && (entry = readdir(folder)) != NULL) {
        empty = dots(entry->d_name);
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return empty;
}

static bool write_at(int fd, const char *name, struct str content)
{
    int file = openat(fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    bool done;

    if (file < 0) {
        return false;
    }
    done = write(file, content.data, content.size) == (ssize_t)content.size;
    return close(file) == 0 && done;
}

static enum err_code empty_folder(int fd, const char *path, struct err *err)
{
    if (folder_empty(fd)) {
        return ERR_OK;
    }
    if (faccessat(fd, marker, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
        return err_set(err, ERR_USAGE,
                       "%s: is not empty and no earlier demo's; name another folder with --out",
                       path);
    }
    for (size_t i = 0; i < ARRAY_COUNT(leavings); i++) {
        if (!remove_tree(fd, leavings[i], DEPTH_MAX)) {
            return err_set_errno(err, ERR_FAILED, "%s/%s: cannot remove the earlier demo's", path,
                                 leavings[i]);
        }
    }
    return ERR_OK;
}

enum err_code demo_folder_prepare(const char *path, struct err *err)
{
    enum err_code code;
    int fd;

    if (mkdir(path, 0777) != 0 && errno != EEXIST) {
        return err_set_errno(err, ERR_FAILED, "%s: cannot create the folder", path);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return err_set_errno(err, ERR_FAILED, "%s: cannot open the folder", path);
    }
    code = empty_folder(fd, path, err);
    if (code == ERR_OK && !write_at(fd, marker, STR(marker_text))) {
        code = err_set_errno(err, ERR_FAILED, "%s/%s: cannot write", path, marker);
    }
    (void)close(fd);
    return code;
}

enum err_code demo_folder_write(const char *path, const char *name, struct str content,
                                struct err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err_code code = ERR_OK;

    if (fd < 0 || !write_at(fd, name, content)) {
        code = err_set_errno(err, ERR_FAILED, "%s/%s: cannot write", path, name);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return code;
}
