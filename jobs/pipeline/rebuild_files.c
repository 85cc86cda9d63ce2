/* Files of the archive, as a rebuild opens them, and as it proves them where they are said to differ from the book. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/container.h"
#include "jobs/pipeline/rebuild_state.h"
#include "jobs/stop.h"

enum { PART_SIZE = 256 * 1024 };

enum err_code rebuild_open_file(struct rebuild_job *job, const struct rebuild_item *item,
                                int *ret_fd, struct err *err)
{
    struct objects *objects = job->options->objects;
    struct stat status;
    bool found = false;

    *ret_fd = -1;
    if (objects != NULL && objects->open(objects, item->name, &found, ret_fd, err) != ERR_OK) {
        return err->code;
    }
    if (!found) {
        *ret_fd = -1;
        return err_set(err, ERR_DATA, "archive file %s is missing", item->name);
    }
    if (fstat(*ret_fd, &status) != 0) {
        return err_set_errno(err, ERR_FAILED, "%s: cannot look at it", item->name);
    }
    if (status.st_size != item->file_size) {
        return err_set(err, ERR_DATA,
                       "archive file %s has %" PRId64 " bytes, the store says %" PRId64
                       ": it is damaged; bring it back from a copy",
                       item->name, (int64_t)status.st_size, item->file_size);
    }
    return ERR_OK;
}

static enum err_code hash_file(const struct rebuild_item *item, int fd,
                               char ret_sha256[HASH_HEX_SIZE], struct err *err)
{
    char *part = memory_alloc(PART_SIZE);
    struct container_input input;
    struct hash_sha256 hash;
    int64_t size = PART_SIZE, at = 0;
    enum err_code code = container_input_file(&fd, &input, err);

    hash_sha256_init(&hash);
    while (code == ERR_OK && size == PART_SIZE) {
        size = input.read(input.context, at, part, PART_SIZE);
        if (size < 0) {
            code = err_set_errno(err, ERR_FAILED, "%s: cannot read", item->name);
        } else if (stop_is_requested()) {
            code = err_set(err, ERR_INTERRUPTED, "stopped by signal %d before the end",
                           stop_requested());
        } else {
            hash_sha256_add(&hash, str_of(part, (size_t)size));
            at += size;
        }
    }
    hash_sha256_end(&hash, ret_sha256);
    memory_free(part);
    return code;
}

static enum err_code check_file(struct rebuild_job *job, const struct rebuild_item *item,
                                struct err *err)
{
    char sha256[HASH_HEX_SIZE];
    int fd;
    enum err_code code = rebuild_open_file(job, item, &fd, err);

    if (code == ERR_OK) {
        code = hash_file(item, fd, sha256, err);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    if (code == ERR_OK && !str_equal(STR(sha256), STR(item->sha256))) {
        code = err_set(err, ERR_DATA,
                       "archive file %s is not what its SHA-256 says, so nothing that was counted "
                       "from it can be believed: bring it back from a copy, then --drop, and "
                       "begin again",
                       item->name);
    }
    return code;
}

enum err_code rebuild_check_files(struct rebuild_job *job, struct err *err)
{
    bool found = true;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < job->lane_count; i++) {
        job->lanes[i].next = job->lanes[i].origin;
    }
    rebuild_feed_init(job);
    while (code == ERR_OK && found) {
        struct rebuild_item item;

        code = rebuild_feed_next(job, &found, &item, err);
        if (code == ERR_OK && found && item.kind == REBUILD_FILE) {
            code = check_file(job, &item, err);
        }
    }
    return code;
}
