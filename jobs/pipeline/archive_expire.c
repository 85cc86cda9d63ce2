#include "jobs/pipeline/archive_expire.h"

#include "aggregator/rebuild.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/stop.h"

enum { PAGE = 200 };

static enum err_code committed_ns(struct db *db, const struct archive_file *file, int64_t *ret_ns,
                                  struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db, "SELECT committed_ns FROM batch WHERE batch_id = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, file->batch_id);
    code = db_step(stmt, &row, err);
    *ret_ns = code == ERR_OK && row ? db_column_int64(stmt, 0) : INT64_MAX;
    db_reset(stmt);
    return code;
}

static enum err_code is_old(const struct archive_expire_options *options,
                            const struct archive_file *file, int64_t limit_ns, bool *ret_old,
                            struct err *err)
{
    char month[REBUILD_MONTH_SIZE];
    int64_t written_ns;
    bool needed;

    *ret_old = file->state == ARCHIVE_EXPIRING;
    if (file->state != ARCHIVE_KEPT || file->high_time_ns == ARCHIVE_NO_TIME ||
        file->high_time_ns >= limit_ns) {
        return ERR_OK;
    }
    if (committed_ns(options->db, file, &written_ns, err) != ERR_OK ||
        rebuild_needs(options->db, file, &needed, month, err) != ERR_OK) {
        return err->code;
    }
    *ret_old = written_ns < limit_ns && !needed;
    return ERR_OK;
}

static enum err_code remove_object(const struct archive_expire_options *options,
                                   const struct archive_file *file, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    bool found;
    enum err_code code =
        options->objects->remove(options->objects, arena_text(&scratch, file->name), &found, err);

    arena_release(&scratch);
    return code;
}

static enum err_code expire(const struct archive_expire_options *options,
                            const struct archive_file *file, struct err *err)
{
    struct archive_file expiring = *file;

    if (file->state == ARCHIVE_KEPT && archive_file_set_state(options->db, options->book_id, file,
                                                              ARCHIVE_EXPIRING, err) != ERR_OK) {
        return err->code;
    }
    (void)FAULT("archive.expire.marked");
    if (remove_object(options, file, err) != ERR_OK) {
        return err->code;
    }
    (void)FAULT("archive.expire.removed");
    expiring.state = ARCHIVE_EXPIRING;
    return archive_file_set_state(options->db, options->book_id, &expiring, ARCHIVE_EXPIRED, err);
}

static enum err_code expire_page(const struct archive_expire_options *options,
                                 const struct archive_file *files, size_t count, int64_t limit_ns,
                                 struct archive_expire_result *result, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        bool old;

        if (stop_is_requested()) {
            return err_set(err, ERR_INTERRUPTED, "stopped by signal %d before the end",
                           stop_requested());
        }
        if (is_old(options, &files[i], limit_ns, &old, err) != ERR_OK) {
            return err->code;
        }
        if (!old) {
            continue;
        }
        options->tell(options->context, &files[i]);
        if (!options->dry_run && expire(options, &files[i], err) != ERR_OK) {
            return err->code;
        }
        result->files++;
        result->bytes += files[i].size;
        result->records += files[i].records;
    }
    return ERR_OK;
}

enum err_code archive_expire(const struct archive_expire_options *options,
                             struct archive_expire_result *ret_result, struct err *err)
{
    struct archive_file *files = memory_calloc(PAGE, sizeof(*files));
    struct archive_file behind = {.from = -1};
    struct arena arena = ARENA_INIT;
    size_t count = PAGE;
    int64_t now_ns;
    enum err_code code = db_now_ns(options->db, &now_ns, err);

    *ret_result = (struct archive_expire_result){0};
    CHECK(options->retention_ns > 0);
    while (code == ERR_OK && count == PAGE) {
        arena_clear(&arena);
        code = archive_file_page(options->db, options->book_id, &behind, PAGE, &arena, files,
                                 &count, err);
        if (code == ERR_OK) {
            code =
                expire_page(options, files, count, now_ns - options->retention_ns, ret_result, err);
        }
        if (count > 0) {
            behind = (struct archive_file){.stream_id = files[count - 1].stream_id,
                                           .partition = files[count - 1].partition,
                                           .from = files[count - 1].from};
        }
    }
    memory_free(files);
    arena_release(&arena);
    return code;
}
