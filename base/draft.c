#include "base/draft.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"

static const char prefix[] = ".new-";
enum { DIGITS = 16, CREATE_ATTEMPTS = 100 };

/* A test wants the system call behind this to fail. */
static bool refused(bool fault, int error)
{
    if (fault) {
        errno = error;
    }
    return fault;
}

static bool is_draft_name(const char *name)
{
    size_t prefix_size = sizeof(prefix) - 1;

    return strncmp(name, prefix, prefix_size) == 0 && strlen(name) == prefix_size + DIGITS &&
           strspn(name + prefix_size, "0123456789abcdef") == DIGITS;
}

/* Whether the file has a name, that is: whether no sweep took it for a leftover between its creation and its lock. */
static bool still_there(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

/* False with errno, or with EAGAIN if a sweep was faster. */
static bool create(struct draft *draft)
{
    draft->fd = openat(draft->folder, draft->name,
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (draft->fd < 0) {
        if (errno == EEXIST) {
            errno = EAGAIN;
        }
        draft->name[0] = '\0';
        return false;
    }
    (void)FAULT("draft.write.created");
    if (flock(draft->fd, LOCK_EX | LOCK_NB) == 0) {
        if (still_there(draft->fd)) {
            return true;
        }
    } else if (errno != EWOULDBLOCK) {
        return true; /* a file system without locks: nobody can sweep there */
    }
    /* A sweep has it, and removes it. */
    draft_close(draft);
    errno = EAGAIN;
    return false;
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

bool draft_begin(struct draft *draft, int folder, struct random *random)
{
    int attempts = 0;

    *draft = (struct draft){.folder = folder, .fd = -1};
    do {
        (void)snprintf(draft->name, sizeof(draft->name), "%s%016" PRIx64, prefix,
                       random_next(random));
    } while (!create(draft) && errno == EAGAIN && ++attempts < CREATE_ATTEMPTS);
    return draft->fd >= 0;
}

bool draft_append(struct draft *draft, struct str part)
{
    CHECK(draft->fd >= 0);
    return write_all(draft->fd, part);
}

bool draft_sync(struct draft *draft)
{
    return !refused(FAULT("draft.write.sync"), EIO) && fsync(draft->fd) == 0;
}

/* The content may take a while; a kill in the middle of it leaves half a file. */
static bool fill(struct draft *draft, struct str content)
{
    size_t half = content.size / 2;

    return draft_append(draft, str_of(content.data, half)) &&
           !refused(FAULT("draft.write.half"), ENOSPC) &&
           draft_append(draft, str_of(content.data + half, content.size - half)) &&
           draft_sync(draft);
}

bool draft_write(struct draft *draft, int folder, struct random *random, struct str content)
{
    int saved;

    if (!draft_begin(draft, folder, random)) {
        return false;
    }
    if (fill(draft, content)) {
        return true;
    }
    saved = errno;
    draft_close(draft);
    errno = saved;
    return false;
}

bool draft_publish(struct draft *draft, const char *name, bool replace)
{
    int folder = draft->folder;

    CHECK(draft->fd >= 0);
    if (refused(FAULT("draft.publish.before"), EIO)) {
        return false;
    }
    if (replace) {
        return renameat(folder, draft->name, folder, name) == 0;
    }
    if (renameat2(folder, draft->name, folder, name, RENAME_NOREPLACE) == 0) {
        return true;
    }
    /* A file system that cannot rename like that gets a second name for the file; the first is removed by draft_close. */
    return (errno == EINVAL || errno == ENOSYS) &&
           linkat(folder, draft->name, folder, name, 0) == 0;
}

void draft_close(struct draft *draft)
{
    if (draft->name[0] != '\0') {
        (void)unlinkat(draft->folder, draft->name, 0); /* gone if it was renamed */
        draft->name[0] = '\0';
    }
    if (draft->fd >= 0) {
        (void)close(draft->fd);
        draft->fd = -1;
    }
}

/* True if the file was left behind, and is removed. */
static bool sweep_file(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool dead;

    if (fd < 0) {
        return false;
    }
    dead = flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, name, 0) == 0;
    (void)close(fd);
    return dead;
}

int draft_sweep(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
    const struct dirent *entry;
    int count = 0;

    if (entries == NULL) {
        if (copy >= 0) {
            (void)close(copy);
        }
        return 0;
    }
    while ((entry = readdir(entries)) != NULL) {
        count += is_draft_name(entry->d_name) && sweep_file(folder, entry->d_name);
    }
    (void)closedir(entries);
    return count;
}
