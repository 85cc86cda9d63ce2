/* A folder for one test, removed with everything in it. Included by tests only. */
#ifndef TESTS_UNIT_TEMPORARY_H
#define TESTS_UNIT_TEMPORARY_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct temporary {
    char path[256];
    char file[512]; /* of the last temporary_file */
};

static inline void temporary_make(struct temporary *folder)
{
    const char *base = getenv("TMPDIR");

    /* In memory if that is possible: tests kill processes, not the power, so an fsync may cost nothing. */
    if (base == NULL) {
        base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    }
    snprintf(folder->path, sizeof(folder->path), "%s/uptally-test-XXXXXX", base);
    if (mkdtemp(folder->path) == NULL) {
        abort();
    }
}

static inline const char *temporary_file(struct temporary *folder, const char *name)
{
    snprintf(folder->file, sizeof(folder->file), "%s/%s", folder->path, name);
    return folder->file;
}

static inline void temporary_remove(struct temporary *folder)
{
    DIR *dir;
    struct dirent *entry;

    (void)chmod(folder->path, 0700);
    dir = opendir(folder->path);
    if (dir == NULL) {
        abort();
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)unlink(temporary_file(folder, entry->d_name));
        }
    }
    (void)closedir(dir);
    (void)rmdir(folder->path);
}

#endif
