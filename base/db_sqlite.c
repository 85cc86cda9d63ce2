/* The SQLite driver: WAL, synchronous=FULL, BEGIN IMMEDIATE. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/db_sqlite.h"
#include "base/memory.h"

struct sqlite_stmt {
    struct db_stmt stmt; /* first */
    sqlite3_stmt *handle;
    /* SQLite takes $7 for a name and numbers names in the order of their appearance; here is the way back. */
    unsigned char positions[DB_PARAMETERS_MAX + 1];
    int64_t changes;
};

static struct sqlite_stmt *of_stmt(struct db_stmt *stmt)
{
    return (struct sqlite_stmt *)stmt;
}

/* The system's own word for it is mostly gone by the time that SQLite reports. */
static enum err_code set_io_error(struct err *err, const char *path, int result)
{
    bool write = result == SQLITE_IOERR_WRITE || result == SQLITE_IOERR_FSYNC ||
                 result == SQLITE_IOERR_TRUNCATE || result == SQLITE_IOERR_SHMSIZE ||
                 result == SQLITE_IOERR_DIR_FSYNC;

    if (write) {
        return err_set_retriable(
            err, ERR_STORE,
            "store %s cannot be written: a full or failing disk, a quota, or a "
            "limit on file sizes (SQLite error %d)",
            path, result);
    }
    return err_set_retriable(err, ERR_STORE, "store %s: input/output error (SQLite error %d)", path,
                             result);
}

enum err_code sqlite_set_error(struct sqlite_db *db, int result, struct err *err)
{
    const char *message = db->handle != NULL ? sqlite3_errmsg(db->handle) : "";
    int system_error = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;

    switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return err_set_retriable(
            err, ERR_FENCED,
            "store %s is locked by another run (waited %" PRId64 ".%03" PRId64 " s)", db->path,
            db->lock_wait_ns / NS_PER_SECOND, db->lock_wait_ns % NS_PER_SECOND / NS_PER_MS);
    case SQLITE_FULL:
        return err_set_retriable(err, ERR_STORE, "store %s: the disk is full", db->path);
    case SQLITE_IOERR:
        return set_io_error(err, db->path, result);
    case SQLITE_READONLY:
        return err_set(err, ERR_STORE,
                       "store %s cannot be written: the file or its folder is read-only", db->path);
    case SQLITE_CANTOPEN:
        return err_set(err, ERR_STORE, "store %s cannot be opened: %s", db->path,
                       system_error != 0 ? strerror(system_error)
                                         : "check the folder's permissions");
    case SQLITE_CORRUPT:
        return err_set(err, ERR_STORE, "store %s is damaged: %s", db->path, message);
    case SQLITE_NOTADB:
        return err_set(err, ERR_STORE, "store %s is not an SQLite file", db->path);
    case SQLITE_CONSTRAINT:
        return err_set(err, ERR_STORE, "store %s refuses a row: %s", db->path, message);
    default:
        return err_set(err, ERR_STORE, "store %s: %s", db->path, message);
    }
}

static void sqlite_close(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);

    /* Only a statement that was not finalised could keep it open, and db.c has finalised all. */
    CHECK(sqlite3_close(db->handle) == SQLITE_OK);
    memory_free(db->path);
    memory_free(db);
}

static enum err_code sqlite_now_ns(struct db *base, int64_t *ret_now_ns, struct err *err)
{
    (void)err;
    *ret_now_ns = clock_now_ns(sqlite_of(base)->clock);
    return ERR_OK;
}

static enum err_code sqlite_exec(struct db *base, const char *sql, struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    int result = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

    return result == SQLITE_OK ? ERR_OK : sqlite_set_error(db, result, err);
}

static enum err_code sqlite_table_count(struct db *base, const char *name, int64_t *ret_count,
                                        struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    sqlite3_stmt *stmt = NULL;
    int result = sqlite3_prepare_v2(db->handle,
                                    "SELECT count(*) FROM sqlite_schema "
                                    "WHERE type = 'table' AND (?1 IS NULL OR name = ?1)",
                                    -1, &stmt, NULL);

    if (result == SQLITE_OK && name != NULL) {
        result = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    }
    if (result == SQLITE_OK) {
        result = sqlite3_step(stmt);
    }
    if (result == SQLITE_ROW) {
        *ret_count = sqlite3_column_int64(stmt, 0);
        (void)sqlite3_finalize(stmt);
        return ERR_OK;
    }
    (void)sqlite_set_error(db, result, err);
    (void)sqlite3_finalize(stmt);
    return err->code;
}

/* There is only one writer at a time, so both modes that write are the same. */
static enum err_code sqlite_begin(struct db *base, enum db_mode mode, struct err *err)
{
    bool write = mode != DB_SNAPSHOT;
    int64_t tables;
    enum err_code code = sqlite_exec(base, write ? "BEGIN IMMEDIATE" : "BEGIN", err);

    /* SQLite takes its snapshot with the first read, not with BEGIN. */
    if (code == ERR_OK && !write) {
        code = sqlite_table_count(base, NULL, &tables, err);
        if (code != ERR_OK) {
            (void)sqlite3_exec(sqlite_of(base)->handle, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    return code;
}

static enum err_code sqlite_commit(struct db *base, bool *ret_unknown, struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    int result = sqlite3_exec(db->handle, "COMMIT", NULL, NULL, NULL);

    if (result == SQLITE_OK) {
        return ERR_OK;
    }
    /* When the write of the commit frame or its fsync fails, the frame may stand in the log nevertheless. */
    *ret_unknown = (result & 0xff) == SQLITE_IOERR;
    return sqlite_set_error(db, result, err);
}

static void sqlite_rollback(struct db *base)
{
    struct sqlite_db *db = sqlite_of(base);

    /* Some errors have rolled back already. */
    if (sqlite3_get_autocommit(db->handle) == 0) {
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

static void map_parameters(struct sqlite_stmt *stmt)
{
    int count = sqlite3_bind_parameter_count(stmt->handle);

    CHECK(count <= DB_PARAMETERS_MAX);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->handle, i);
        int64_t number;

        CHECK(name != NULL);
        CHECK(name[0] == '$');
        CHECK(str_to_int64(STR(name + 1), &number));
        CHECK(number >= 1);
        CHECK(number <= DB_PARAMETERS_MAX);
        stmt->positions[number] = (unsigned char)i;
    }
}

static enum err_code sqlite_prepare(struct db *base, const char *sql, struct db_stmt **ret_stmt,
                                    struct err *err)
{
    struct sqlite_db *db = sqlite_of(base);
    struct sqlite_stmt *stmt;
    sqlite3_stmt *handle = NULL;
    int result = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);

    if (result != SQLITE_OK) {
        return sqlite_set_error(db, result, err);
    }
    CHECK(handle != NULL);
    stmt = memory_calloc(1, sizeof(*stmt));
    stmt->handle = handle;
    map_parameters(stmt);
    *ret_stmt = &stmt->stmt;
    return ERR_OK;
}

static void sqlite_finalize(struct db_stmt *base)
{
    struct sqlite_stmt *stmt = of_stmt(base);

    (void)sqlite3_finalize(stmt->handle); /* repeats the error of the last step */
    memory_free(stmt);
}

static void sqlite_bind(struct db_stmt *base, int index, enum db_type type, int64_t number,
                        struct str value)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    int position = stmt->positions[index];
    int result = SQLITE_OK;

    CHECK(position > 0);
    switch (type) {
    case DB_TYPE_NULL:
        result = sqlite3_bind_null(stmt->handle, position);
        break;
    case DB_TYPE_INT64:
        result = sqlite3_bind_int64(stmt->handle, position, number);
        break;
    case DB_TYPE_TEXT:
        result = sqlite3_bind_text64(stmt->handle, position, value.data, value.size, SQLITE_STATIC,
                                     SQLITE_UTF8);
        break;
    case DB_TYPE_BLOB:
        result = sqlite3_bind_blob64(stmt->handle, position, value.data, value.size, SQLITE_STATIC);
        break;
    }
    /* Everything that we store has a maximum far below SQLite's, and the statement is reset. */
    CHECK(result == SQLITE_OK);
}

static enum err_code sqlite_step(struct db_stmt *base, bool *ret_row, struct err *err)
{
    struct sqlite_stmt *stmt = of_stmt(base);
    struct sqlite_db *db = sqlite_of(base->db);
    int result = sqlite3_step(stmt->handle);

    *ret_row = result == SQLITE_ROW;
    if (result == SQLITE_ROW) {
        return ERR_OK;
    }
    if (result == SQLITE_DONE) {
        stmt->changes = sqlite3_changes64(db->handle);
        return ERR_OK;
    }
    return sqlite_set_error(db, result, err);
}

static int64_t sqlite_changes(struct db_stmt *base)
{
    return of_stmt(base)->changes;
}

static void sqlite_pause(struct db *base, int64_t duration_ns)
{
    clock_sleep_ns(sqlite_of(base)->wait_clock, duration_ns);
}

static void sqlite_erase(struct db *base, bool erase)
{
    /* Where it cannot be changed, more is overwritten than has to be. */
    (void)sqlite3_exec(sqlite_of(base)->handle,
                       erase ? "PRAGMA secure_delete=ON" : "PRAGMA secure_delete=FAST", NULL, NULL,
                       NULL);
}

static void sqlite_reset(struct db_stmt *base)
{
    (void)sqlite3_reset(of_stmt(base)->handle); /* repeats the error of the last step */
}

static void sqlite_unbind(struct db_stmt *base)
{
    (void)sqlite3_clear_bindings(of_stmt(base)->handle);
}

static enum db_type sqlite_column_type(struct db_stmt *base, int column)
{
    switch (sqlite3_column_type(of_stmt(base)->handle, column)) {
    case SQLITE_NULL:
        return DB_TYPE_NULL;
    case SQLITE_INTEGER:
        return DB_TYPE_INT64;
    case SQLITE_TEXT:
        return DB_TYPE_TEXT;
    default: /* a REAL can only come from a foreign hand: as bytes it will fail its checksum */
        return DB_TYPE_BLOB;
    }
}

static int64_t sqlite_read_int64(struct db_stmt *base, int column)
{
    return sqlite3_column_int64(of_stmt(base)->handle, column);
}

static struct str sqlite_read_bytes(struct db_stmt *base, int column)
{
    sqlite3_stmt *handle = of_stmt(base)->handle;
    const char *data = sqlite3_column_blob(handle, column);

    return str_of(data != NULL ? data : "", (size_t)sqlite3_column_bytes(handle, column));
}

static const struct db_ops sqlite_ops = {.close = sqlite_close,
                                         .now_ns = sqlite_now_ns,
                                         .table_count = sqlite_table_count,
                                         .verify = sqlite_verify,
                                         .check_schema = sqlite_check_schema,
                                         .schema_digest = sqlite_schema_digest,
                                         .begin = sqlite_begin,
                                         .commit = sqlite_commit,
                                         .rollback = sqlite_rollback,
                                         .exec = sqlite_exec,
                                         .define = sqlite_exec,
                                         .prepare = sqlite_prepare,
                                         .finalize = sqlite_finalize,
                                         .bind = sqlite_bind,
                                         .step = sqlite_step,
                                         .changes = sqlite_changes,
                                         .pause = sqlite_pause,
                                         .erase = sqlite_erase,
                                         .reset = sqlite_reset,
                                         .unbind = sqlite_unbind,
                                         .column_type = sqlite_column_type,
                                         .column_int64 = sqlite_read_int64,
                                         .column_bytes = sqlite_read_bytes};

/* "file:PATH?immutable=1" with everything but plain characters escaped. */
static void append_uri(struct strbuf *uri, const char *path)
{
    strbuf_append_text(uri, "file:");
    for (const char *p = path; *p != '\0'; p++) {
        bool plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
                     (*p >= '0' && *p <= '9') || strchr("/._-", *p) != NULL;

        if (plain) {
            strbuf_append_char(uri, *p);
        } else {
            strbuf_append_format(uri, "%%%02X", (unsigned)(unsigned char)*p);
        }
    }
    strbuf_append_text(uri, "?immutable=1");
}

static bool log_has_content(const char *path)
{
    struct strbuf name;
    struct stat status;
    bool content;

    strbuf_init(&name, 8192);
    strbuf_append_format(&name, "%s-wal", path);
    content = stat(strbuf_text(&name), &status) == 0 && status.st_size > 0;
    strbuf_release(&name);
    return content;
}

/* In a folder that may not be written SQLite cannot make the shared memory file that a WAL store wants. If there is no log
 * nobody is writing, and the file alone is the whole truth; a log that is there must not be overlooked. */
static enum err_code reopen_immutable(struct sqlite_db *db, struct err *err)
{
    struct strbuf uri;
    int64_t tables;
    int result;

    if (log_has_content(db->path)) {
        return err_set(err, ERR_STORE,
                       "store %s has a write-ahead log that cannot be read in a read-only folder: "
                       "open it once where it can be written",
                       db->path);
    }
    (void)sqlite3_close(db->handle);
    db->handle = NULL;
    strbuf_init(&uri, 16384);
    append_uri(&uri, db->path);
    result = sqlite3_open_v2(strbuf_text(&uri), &db->handle,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
    strbuf_release(&uri);
    if (result != SQLITE_OK) {
        return sqlite_set_error(db, result, err);
    }
    return sqlite_table_count(&db->db, NULL, &tables, err);
}

static enum err_code open_reader(struct sqlite_db *db, struct err *err)
{
    struct err first = ERR_INIT;
    int64_t tables;
    int primary;

    /* Readers go through tables in order of their keys, so few pages are asked for twice. More would only be more memory to touch: of 2 MB
     * that costs as much as reading them. */
    (void)sqlite3_exec(db->handle, "PRAGMA cache_size=-256", NULL, NULL, NULL);
    if (sqlite_table_count(&db->db, NULL, &tables, &first) == ERR_OK) {
        return ERR_OK;
    }
    primary = sqlite3_errcode(db->handle) & 0xff;
    if (primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY) {
        return reopen_immutable(db, err);
    }
    *err = first;
    return err->code;
}

static bool journal_is_wal(struct sqlite_db *db)
{
    sqlite3_stmt *stmt = NULL;
    bool wal = false;

    if (sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        const char *mode = (const char *)sqlite3_column_text(stmt, 0);

        wal = mode != NULL && strcmp(mode, "wal") == 0;
    }
    (void)sqlite3_finalize(stmt);
    return wal;
}

/* SQLite does not call its busy handler when two runs turn a new file to WAL at the same time. */
static enum err_code switch_to_wal(struct sqlite_db *db, struct err *err)
{
    int64_t waited_ns = 0;

    while (!journal_is_wal(db)) {
        int result = sqlite3_exec(db->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

        if (result == SQLITE_OK && !journal_is_wal(db)) {
            return err_set(err, ERR_STORE,
                           "store %s: this file system does not support a write-ahead log",
                           db->path);
        }
        if (result == SQLITE_OK) {
            break;
        }
        if ((result & 0xff) != SQLITE_BUSY || waited_ns > db->lock_wait_ns) {
            return sqlite_set_error(db, result, err);
        }
        clock_sleep_ns(db->wait_clock, 10 * NS_PER_MS);
        waited_ns += 10 * NS_PER_MS;
    }
    return ERR_OK;
}

static enum err_code open_writer(struct sqlite_db *db, struct err *err)
{
    int64_t tables;
    enum err_code code;

    if (sqlite3_db_readonly(db->handle, "main") == 1) {
        return sqlite_set_error(db, SQLITE_READONLY, err);
    }
    /* The first read of the file: says early if it is something else. */
    code = sqlite_table_count(&db->db, NULL, &tables, err);
    if (code == ERR_OK) {
        code = switch_to_wal(db, err);
    }
    if (code == ERR_OK) {
        /* A fold changes more pages than SQLite's 2 MB hold, and would write and read them several times. */
        code = sqlite_exec(&db->db,
                           "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                           "PRAGMA secure_delete=ON; PRAGMA cache_size=-8192",
                           err);
    }
    return code;
}

static enum err_code check_path(const struct db_options *options, struct err *err)
{
    struct stat status;

    if (stat(options->path, &status) != 0) {
        if (errno == ENOENT && options->create) {
            return ERR_OK;
        }
        return err_set_errno(err, ERR_STORE, "store %s", options->path);
    }
    if (!S_ISREG(status.st_mode)) {
        return err_set(err, ERR_STORE, "store %s is not a file", options->path);
    }
    if (access(options->path, options->read_only ? R_OK : R_OK | W_OK) != 0) {
        return err_set_errno(err, ERR_STORE, "store %s", options->path);
    }
    return ERR_OK;
}

/* SQLite's own wait sleeps for real; ours goes through the seam, so that in a simulation whoever holds the lock can go on. */
static int wait_for_lock(void *context, int tries)
{
    static const int pauses_ms[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
    const int last = (int)(sizeof(pauses_ms) / sizeof(pauses_ms[0])) - 1;
    struct sqlite_db *db = context;
    int64_t now_ns = clock_monotonic_ns(db->wait_clock);
    int64_t left_ns, pause_ns = pauses_ms[tries < last ? tries : last] * NS_PER_MS;

    if (tries == 0) {
        db->busy_since_ns = now_ns;
    }
    left_ns = db->lock_wait_ns - (now_ns - db->busy_since_ns);
    if (left_ns <= 0) {
        return 0;
    }
    clock_sleep_ns(db->wait_clock, pause_ns < left_ns ? pause_ns : left_ns);
    return 1;
}

static enum err_code open_file(struct sqlite_db *db, const struct db_options *options,
                               struct err *err)
{
    int flags = options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    int result;

    flags |= options->create && !options->read_only ? SQLITE_OPEN_CREATE : 0;
    result = sqlite3_open_v2(options->path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK) {
        return sqlite_set_error(db, result, err);
    }
    (void)sqlite3_extended_result_codes(db->handle, 1);
    (void)sqlite3_busy_handler(db->handle, wait_for_lock, db);
    /* The file may be somebody else's: what its schema says is no order of ours, and each page is looked at before use. */
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_exec(db->handle, "PRAGMA cell_size_check=ON", NULL, NULL, NULL);
    return options->read_only ? open_reader(db, err) : open_writer(db, err);
}

enum err_code db_sqlite_open(const struct db_options *options, struct db **ret_db, struct err *err)
{
    struct sqlite_db *db;
    enum err_code code = check_path(options, err);

    if (code != ERR_OK) {
        return code;
    }
    db = memory_calloc(1, sizeof(*db));
    db->db.ops = &sqlite_ops;
    db->path = memory_strdup(options->path);
    db->clock = options->clock != NULL ? options->clock : clock_system();
    db->wait_clock = options->wait_clock != NULL ? options->wait_clock : clock_system();
    db->lock_wait_ns = options->lock_wait_ns;
    code = open_file(db, options, err);
    if (code != ERR_OK) {
        sqlite_close(&db->db);
        return code;
    }
    *ret_db = &db->db;
    return ERR_OK;
}
