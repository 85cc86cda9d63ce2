#include "jobs/statement/announce.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/statement/entry.h"

enum { ANNOUNCEMENTS_MAX = 100000 };

static enum err_code next_id(struct db *db, int64_t *ret_id, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db, "SELECT COALESCE(MAX(announcement_id), 0) + 1 FROM announcement", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    *ret_id = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

/* Inside a write transaction. cancels 0: none. */
static enum err_code insert(struct db *db, const struct announcement *announcement, int64_t cancels,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO announcement (announcement_id, service, from_ns, to_ns,"
                   " announced_ns, author, reason, cancels, checksum)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, announcement->id);
    db_bind_text(stmt, 2, announcement->service);
    db_bind_int64(stmt, 3, announcement->from_ns);
    db_bind_int64(stmt, 4, announcement->to_ns);
    db_bind_int64(stmt, 5, announcement->announced_ns);
    db_bind_text(stmt, 6, announcement->author);
    db_bind_text(stmt, 7, announcement->reason);
    if (cancels != 0) {
        db_bind_int64(stmt, 8, cancels);
    } else {
        db_bind_null(stmt, 8);
    }
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}

/* The whole of a write: number, time of the store, row, commit. What the announcement still lacks is filled in. */
static enum err_code store(struct db *db, struct announcement *announcement, int64_t cancels,
                           struct err *err)
{
    bool unknown;
    enum err_code code = next_id(db, &announcement->id, err);

    if (code == ERR_OK) {
        code = db_now_ns(db, &announcement->announced_ns, err);
    }
    if (code == ERR_OK) {
        code = insert(db, announcement, cancels, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
        if (code != ERR_OK && unknown) {
            err_context(err, "the answer was lost; look with announce --list");
        }
    }
    if (code != ERR_OK) {
        db_rollback(db);
    }
    return code;
}

enum err_code announce_add(struct db *db, struct str service, int64_t from_ns, int64_t to_ns,
                           struct str reason, struct str author, int64_t *ret_id, bool *ret_late,
                           struct err *err)
{
    struct announcement announcement = {
        .service = service, .from_ns = from_ns, .to_ns = to_ns, .author = author, .reason = reason};
    enum err_code code = entry_check("the service", service, ENTRY_NAME_MAX, err);

    if (code == ERR_OK) {
        code = entry_check("the reason", reason, ENTRY_TEXT_MAX, err);
    }
    if (code == ERR_OK) {
        code = entry_check("the author", author, ENTRY_NAME_MAX, err);
    }
    if (code == ERR_OK && from_ns >= to_ns) {
        code = err_set(err, ERR_USAGE, "the maintenance must end after its start");
    }
    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    if (code == ERR_OK) {
        code = store(db, &announcement, 0, err);
    }
    if (code == ERR_OK) {
        *ret_id = announcement.id;
        *ret_late = announcement.announced_ns > from_ns;
    }
    return code;
}

static void take_row(struct db_stmt *stmt, struct arena *arena, struct announcement *ret)
{
    *ret = (struct announcement){
        .id = db_column_int64(stmt, 0),
        .service = arena_str(arena, db_column_text(stmt, 1)),
        .from_ns = db_column_int64(stmt, 2),
        .to_ns = db_column_int64(stmt, 3),
        .announced_ns = db_column_int64(stmt, 4),
        .author = arena_str(arena, db_column_text(stmt, 5)),
        .reason = arena_str(arena, db_column_text(stmt, 6)),
        .cancelled_by = db_column_int64(stmt, 9),
    };
}

/* Steps to the next row and holds it against its checksum. */
static enum err_code step(struct db_stmt *stmt, bool *ret_row, struct err *err)
{
    enum err_code code = db_step(stmt, ret_row, err);

    if (code == ERR_OK && *ret_row && db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
        code = err_set(err, ERR_MISMATCH,
                       "announcement %" PRId64 ": the row's checksum does not match",
                       db_column_int64(stmt, 0));
    }
    return code;
}

static enum err_code find(struct db *db, int64_t id, struct arena *arena,
                          struct announcement *ret_announcement, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT announcement_id, service, from_ns, to_ns, announced_ns, author, reason,"
                   " cancels, checksum, (SELECT MIN(c.announcement_id) FROM announcement c"
                   " WHERE c.cancels = a.announcement_id) FROM announcement a"
                   " WHERE announcement_id = $1 AND cancels IS NULL",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, id);
    code = step(stmt, &row, err);
    if (code == ERR_OK && !row) {
        code = err_set(err, ERR_USAGE, "there is no announcement %" PRId64, id);
    }
    if (code == ERR_OK) {
        take_row(stmt, arena, ret_announcement);
    }
    db_reset(stmt);
    return code;
}

enum err_code announce_cancel(struct db *db, int64_t id, struct str reason, struct str author,
                              int64_t *ret_id, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct announcement announcement = {0};
    enum err_code code = entry_check("the reason", reason, ENTRY_TEXT_MAX, err);

    if (code == ERR_OK) {
        code = entry_check("the author", author, ENTRY_NAME_MAX, err);
    }
    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    code = find(db, id, &scratch, &announcement, err);
    if (code == ERR_OK && announcement.cancelled_by != 0) {
        code = err_set(err, ERR_USAGE, "announcement %" PRId64 " is cancelled already, by %" PRId64,
                       id, announcement.cancelled_by);
    }
    if (code == ERR_OK) {
        announcement.reason = reason;
        announcement.author = author;
        code = store(db, &announcement, id, err);
    }
    db_rollback(db);
    if (code == ERR_OK) {
        *ret_id = announcement.id;
    }
    arena_release(&scratch);
    return code;
}

enum err_code announce_list(struct db *db, int64_t from_ns, int64_t to_ns, struct arena *arena,
                            struct announcement **ret_announcements, size_t *ret_count,
                            struct err *err)
{
    struct announcement *found = NULL;
    size_t count = 0;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT announcement_id, service, from_ns, to_ns, announced_ns, author, reason,"
                   " cancels, checksum, (SELECT MIN(c.announcement_id) FROM announcement c"
                   " WHERE c.cancels = a.announcement_id) FROM announcement a"
                   " WHERE cancels IS NULL AND from_ns < $2 AND to_ns > $1"
                   " ORDER BY from_ns, announcement_id",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, from_ns);
    db_bind_int64(stmt, 2, to_ns);
    while ((code = step(stmt, &row, err)) == ERR_OK && row) {
        if (count == ANNOUNCEMENTS_MAX) {
            code = err_set(err, ERR_STORE, "more than %d announcements", ANNOUNCEMENTS_MAX);
            break;
        }
        found = memory_resize(found, count + 1, sizeof(found[0]));
        take_row(stmt, arena, &found[count++]);
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_announcements = arena_calloc(arena, count + 1, sizeof(found[0]));
        for (size_t i = 0; i < count; i++) {
            (*ret_announcements)[i] = found[i];
        }
        *ret_count = count;
    }
    memory_free(found);
    return code;
}
