#include "jobs/pipeline/archive_verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "aggregator/archive_file.h"
#include "base/check.h"
#include "base/memory.h"
#include "consumers/archive_reader.h"
#include "jobs/stop.h"

enum { PAGE = 200, PART_SIZE = 256 * 1024, LINE_SIZE = 2048, FILE_FINDINGS_MAX = 10 };

struct check {
    const struct archive_verify_options *options;
    struct archive_verify_report *report;
    const struct archive_file *file; /* that is looked at */
    int64_t bytes_total;
    int found; /* in this file */
};

__attribute__((format(printf, 2, 3))) static void find(struct check *check, const char *format, ...)
{
    char what[LINE_SIZE], line[2 * LINE_SIZE];
    va_list arguments;

    check->report->findings++;
    if (check->found++ >= FILE_FINDINGS_MAX) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    (void)snprintf(line, sizeof(line), "%.*s: %s", STR_ARGS(check->file->name), what);
    for (char *c = line; *c != '\0'; c++) {
        *c = (unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c;
    }
    check->options->finding(check->options->context, line);
}

/* The coordinates that the row stands for, in words of the stream. */
static enum err_code check_head(struct check *check, const struct archive_head *head,
                                struct err *err)
{
    const struct archive_file *file = check->file;
    struct db_stmt *stmt;
    bool row;
    enum err_code code = db_prepare(
        check->options->db, "SELECT cluster, topic, incarnation FROM stream WHERE stream_id = $1",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, file->stream_id);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK &&
        (!row || !str_equal(db_column_text(stmt, 0), head->cluster) ||
         !str_equal(db_column_text(stmt, 1), head->topic) ||
         db_column_int64(stmt, 2) != head->incarnation || file->partition != head->partition ||
         file->from != head->from || file->to != head->to || file->records != head->records)) {
        find(check, "its head names other records than the store does");
    }
    db_reset(stmt);
    return code;
}

static enum err_code read_records(struct check *check, struct archive_reader *reader,
                                  struct err *err)
{
    struct archive_record record;
    bool found = true;

    while (found) {
        struct err damage = ERR_INIT;
        int64_t skipped;

        if (archive_reader_next(reader, &found, &record, &damage) == ERR_OK) {
            continue;
        }
        if (damage.code != ERR_DATA) {
            *err = damage;
            return err->code;
        }
        find(check, "%s", damage.text);
        if (!found && reader->container.at >= reader->container.input.size) {
            break; /* the totals: there is nothing behind them */
        }
        found = true;
        if (archive_reader_pass_over(reader, &skipped, err) != ERR_OK) {
            return err->code;
        }
    }
    check->report->records += reader->records;
    return ERR_OK;
}

static enum err_code check_records(struct check *check, const struct container_input *input,
                                   struct err *err)
{
    struct archive_reader reader;
    struct err damage = ERR_INIT;
    enum err_code code = archive_reader_open(&reader, input, &damage);

    if (code == ERR_OK) {
        code = check_head(check, &reader.head, err);
        if (code == ERR_OK) {
            code = read_records(check, &reader, err);
        }
    } else if (code == ERR_DATA) {
        find(check, "%s", damage.text);
        code = ERR_OK;
    } else {
        *err = damage;
    }
    archive_reader_release(&reader);
    return code;
}

static enum err_code check_hash(struct check *check, const struct container_input *input,
                                struct err *err)
{
    char *part = memory_alloc(PART_SIZE);
    char sha256[HASH_HEX_SIZE];
    struct hash_sha256 hash;
    int64_t size = PART_SIZE, at = 0;

    hash_sha256_init(&hash);
    while (size == PART_SIZE && !stop_is_requested()) {
        size = input->read(input->context, at, part, PART_SIZE);
        if (size > 0) {
            hash_sha256_add(&hash, str_of(part, (size_t)size));
            at += size;
        }
    }
    memory_free(part);
    if (size < 0) {
        return err_set_errno(err, ERR_FAILED, "%.*s: cannot read", STR_ARGS(check->file->name));
    }
    hash_sha256_end(&hash, sha256);
    if (stop_is_requested()) {
        return err_set(err, ERR_INTERRUPTED, "stopped by signal %d before the end",
                       stop_requested());
    }
    check->report->bytes += at;
    if (at != check->file->size) {
        find(check, "it has %" PRId64 " bytes, the store says %" PRId64, at, check->file->size);
    } else if (!str_equal(STR(sha256), check->file->sha256)) {
        find(check, "its SHA-256 is %s, the store says %.*s", sha256,
             STR_ARGS(check->file->sha256));
    }
    return ERR_OK;
}

static enum err_code check_content(struct check *check, int fd, struct err *err)
{
    struct container_input input;

    if (container_input_file(&fd, &input, err) != ERR_OK ||
        check_hash(check, &input, err) != ERR_OK || check_records(check, &input, err) != ERR_OK) {
        return err->code;
    }
    return ERR_OK;
}

static enum err_code check_file(struct check *check, struct err *err)
{
    struct objects *objects = check->options->objects;
    char *name = memory_alloc(check->file->name.size + 1);
    enum err_code code = ERR_OK;
    bool found = false;
    int fd;

    memcpy(name, check->file->name.data, check->file->name.size);
    name[check->file->name.size] = '\0';
    check->found = 0;
    if (objects != NULL) {
        code = objects->open(objects, name, &found, &fd, err);
    }
    memory_free(name);
    if (code != ERR_OK) {
        return code;
    }
    check->report->files++;
    if (!found) {
        find(check, "it is missing");
        return ERR_OK;
    }
    code = check_content(check, fd, err);
    (void)close(fd);
    return code;
}

static enum err_code sum_bytes(struct check *check, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(check->options->db,
                   "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM archive_file "
                   "WHERE book_id = $1 AND state = 'kept'",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, check->options->book_id);
    code = db_step(stmt, &row, err);
    check->bytes_total = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static enum err_code check_page(struct check *check, const struct archive_file *files, size_t count,
                                struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        check->file = &files[i];
        if (files[i].state != ARCHIVE_KEPT) {
            check->report->expired++;
        } else if (check_file(check, err) != ERR_OK) {
            return err->code;
        }
        if (check->options->progress != NULL) {
            check->options->progress(check->options->context, check->report->bytes,
                                     check->bytes_total);
        }
    }
    return ERR_OK;
}

/* A page at a time: files are read for hours, and no statement of the store shall be open meanwhile. */
enum err_code archive_verify(const struct archive_verify_options *options,
                             struct archive_verify_report *ret_report, struct err *err)
{
    struct check check = {.options = options, .report = ret_report};
    struct archive_file *files = memory_calloc(PAGE, sizeof(*files));
    struct archive_file behind = {.from = -1};
    struct arena arena = ARENA_INIT;
    size_t count = PAGE;
    enum err_code code;

    *ret_report = (struct archive_verify_report){0};
    code = sum_bytes(&check, err);
    while (code == ERR_OK && count == PAGE) {
        arena_clear(&arena);
        code = archive_file_page(options->db, options->book_id, &behind, PAGE, &arena, files,
                                 &count, err);
        if (code == ERR_OK) {
            code = check_page(&check, files, count, err);
        }
        if (count > 0) {
            behind = (struct archive_file){.stream_id = files[count - 1].stream_id,
                                           .partition = files[count - 1].partition,
                                           .from = files[count - 1].from};
        }
    }
    memory_free(files);
    arena_release(&arena);
    if (code == ERR_OK && ret_report->findings > 0) {
        code = err_set(err, ERR_MISMATCH,
                       "the archive is not what the store says: %" PRId64 " finding%s",
                       ret_report->findings, ret_report->findings == 1 ? "" : "s");
    }
    return code;
}
