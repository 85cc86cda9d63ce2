#include "jobs/evaluate/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"

enum { WRITE_SIZE = 256 * 1024 };

static const char *folder(void)
{
    const char *named = getenv("TMPDIR");

    return named != NULL && named[0] != '\0' ? named : "/tmp";
}

static enum err_code failed(struct err *err)
{
    return err_set_errno(err, ERR_FAILED,
                         "rows that are not sorted by service and minute need a temporary file in "
                         "%s (TMPDIR names another folder)",
                         folder());
}

/* O_TMPFILE is not known to every file system. */
static int open_nameless(void)
{
    char path[PATH_MAX];
    int size = snprintf(path, sizeof(path), "%s/uptally-sort-XXXXXX", folder());
    int fd = open(folder(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);

    if (fd >= 0 || size < 0 || (size_t)size >= sizeof(path)) {
        return fd;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) {
        (void)unlink(path);
    }
    return fd;
}

enum err_code spool_open(struct spool *spool, size_t value_count, struct err *err)
{
    int fd = open_nameless();

    CHECK(value_count <= SPOOL_VALUES_MAX);
    if (fd < 0) {
        return failed(err);
    }
    *spool = (struct spool){.fd = fd, .value_count = value_count};
    spool->buffer = memory_alloc(WRITE_SIZE + SPOOL_ROW_SIZE_MAX);
    return ERR_OK;
}

void spool_close(struct spool *spool)
{
    if (spool->buffer != NULL) {
        (void)close(spool->fd);
        memory_free(spool->buffer);
        spool->buffer = NULL;
    }
}

static enum err_code flush(struct spool *spool, struct err *err)
{
    for (size_t done = 0; done < spool->used;) {
        ssize_t size = write(spool->fd, spool->buffer + done, spool->used - done);

        if (size < 0 && errno != EINTR) {
            return failed(err);
        }
        done += size > 0 ? (size_t)size : 0;
    }
    spool->used = 0;
    return ERR_OK;
}

static void put(struct spool *spool, uint64_t value)
{
    size_t begin = spool->used;

    for (; value >= 0x80; value >>= 7) {
        spool->buffer[spool->used++] = (unsigned char)(value | 0x80);
    }
    spool->buffer[spool->used++] = (unsigned char)value;
    spool->size += (int64_t)(spool->used - begin);
}

/* Small differences of either sign become small numbers. */
static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (UINT64_C(0) - (value & 1)));
}

void spool_begin_run(struct spool *spool)
{
    spool->last = (struct spool_row){0};
    spool->run = (struct spool_run){.begin = spool->size};
}

enum err_code spool_write(struct spool *spool, const struct spool_row *row, struct err *err)
{
    CHECK(row->key >= spool->last.key);
    put(spool, row->key - spool->last.key);
    put(spool, zigzag(row->line - spool->last.line));
    for (size_t i = 0; i < spool->value_count; i++) {
        CHECK(row->values[i] >= 0);
        put(spool, (uint64_t)row->values[i]);
    }
    spool->last.key = row->key;
    spool->last.line = row->line;
    return spool->used >= WRITE_SIZE ? flush(spool, err) : ERR_OK;
}

enum err_code spool_end_run(struct spool *spool, struct spool_run *ret_run, struct err *err)
{
    spool->run.end = spool->size;
    *ret_run = spool->run;
    return flush(spool, err);
}

void spool_cursor_init(struct spool_cursor *cursor, const struct spool *spool,
                       const struct spool_run *run, unsigned char *buffer, size_t size_max)
{
    CHECK(size_max >= SPOOL_ROW_SIZE_MAX);
    *cursor = (struct spool_cursor){
        .spool = spool, .at = run->begin, .end = run->end, .buffer = buffer, .size_max = size_max};
}

/* A whole row is in the buffer afterwards, if the run has one more. */
static enum err_code refill(struct spool_cursor *cursor, struct err *err)
{
    memmove(cursor->buffer, cursor->buffer + cursor->begin, cursor->size - cursor->begin);
    cursor->size -= cursor->begin;
    cursor->begin = 0;
    while (cursor->size < cursor->size_max && cursor->at < cursor->end) {
        size_t room = cursor->size_max - cursor->size;
        int64_t left = cursor->end - cursor->at;
        ssize_t size = pread(cursor->spool->fd, cursor->buffer + cursor->size,
                             left < (int64_t)room ? (size_t)left : room, cursor->at);

        if (size == 0) {
            errno = EIO; /* somebody cut a file that has no name */
        }
        if (size == 0 || (size < 0 && errno != EINTR)) {
            return failed(err);
        }
        cursor->size += size > 0 ? (size_t)size : 0;
        cursor->at += size > 0 ? size : 0;
    }
    return ERR_OK;
}

static uint64_t take(struct spool_cursor *cursor)
{
    uint64_t value = 0;
    unsigned shift = 0;
    unsigned char byte;

    do {
        CHECK(cursor->begin < cursor->size);
        CHECK(shift < 64);
        byte = cursor->buffer[cursor->begin++];
        value |= (uint64_t)(byte & 0x7f) << shift;
        shift += 7;
    } while (byte >= 0x80);
    return value;
}

enum err_code spool_cursor_next(struct spool_cursor *cursor, bool *ret_more, struct err *err)
{
    if (cursor->size - cursor->begin < SPOOL_ROW_SIZE_MAX && cursor->at < cursor->end &&
        refill(cursor, err) != ERR_OK) {
        return err->code;
    }
    *ret_more = cursor->begin < cursor->size;
    if (!*ret_more) {
        return ERR_OK;
    }
    cursor->row.key += take(cursor);
    cursor->row.line += unzigzag(take(cursor));
    for (size_t i = 0; i < cursor->spool->value_count; i++) {
        cursor->row.values[i] = (int64_t)take(cursor);
    }
    return ERR_OK;
}
