#include "aggregator/store.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/fault.h"
#include "schemas/embedded.h"

enum { MIGRATIONS_MAX = 64, SQL_SIZE_MAX = 4 * 1024 * 1024 };

struct migration {
    int64_t version;
    const struct embedded_file *file;
    struct str digest; /* of what it and those before it make: see db_schema_digest; may be empty */
};

/* "0001_ledger.sha256" beside "0001_ledger.sql". */
static struct str digest_of(struct str name)
{
    char path[64];
    const struct embedded_file *file;

    (void)snprintf(path, sizeof(path), "%.*s.sha256", (int)name.size - 4, name.data);
    file = embedded_find(path);
    CHECK(file == NULL || file->size == HASH_HEX_SIZE); /* and the end of the line */
    return file != NULL ? str_of(file->data, HASH_HEX_SIZE - 1) : STR("");
}

/* The migrations among the embedded files, "0001_ledger.sql", sorted by number. They count from 1 without a gap. */
static size_t migrations(struct migration ret_migrations[MIGRATIONS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < embedded_file_count; i++) {
        struct str name = STR(embedded_files[i].name);
        int64_t version;

        if (name.size > 8 && name.data[4] == '_' &&
            str_equal(str_of(name.data + name.size - 4, 4), STR(".sql")) &&
            str_to_int64(str_of(name.data, 4), &version)) {
            CHECK(count < MIGRATIONS_MAX);
            ret_migrations[count++] =
                (struct migration){version, &embedded_files[i], digest_of(name)};
        }
    }
    for (size_t i = 0; i < count; i++) {
        /* The table of embedded files is sorted by path. */
        CHECK(ret_migrations[i].version == (int64_t)i + 1);
    }
    return count;
}

/* 0: an empty store. */
static enum err_code read_version(struct db *db, int64_t *ret_version, struct err *err)
{
    struct db_stmt *stmt;
    int64_t tables;
    bool row;
    enum err_code code = db_table_count(db, "store_info", &tables, err);

    if (code != ERR_OK) {
        return code;
    }
    if (tables == 0) {
        code = db_table_count(db, NULL, &tables, err);
        if (code == ERR_OK && tables > 0) {
            return err_set(err, ERR_STORE, "the database holds tables of something else");
        }
        *ret_version = 0;
        return code;
    }
    code = db_prepare(db, "SELECT value FROM store_info WHERE key = 'schema_version'", &stmt, err);
    if (code == ERR_OK) {
        code = db_step(stmt, &row, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (!row || !str_to_int64(db_column_text(stmt, 0), ret_version) || *ret_version < 1) {
        code = err_set(err, ERR_STORE, "the store does not say its version: it is damaged");
    }
    db_reset(stmt);
    return code;
}

static enum err_code refuse_newer(int64_t version, size_t known, struct err *err)
{
    return err_set(err, ERR_STORE,
                   "the store is of version %" PRId64 ", this program knows versions up to %zu: "
                   "use a newer program",
                   version, known);
}

static enum err_code write_version(struct db *db, int64_t version, struct err *err)
{
    struct db_stmt *stmt;
    char text[24];
    int size = snprintf(text, sizeof(text), "%" PRId64, version);
    enum err_code code = db_prepare(db,
                                    "INSERT INTO store_info (key, value) VALUES "
                                    "('schema_version', $1) "
                                    "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, str_of(text, (size_t)size));
    return db_run(stmt, NULL, err);
}

static enum err_code create_live_book(struct db *db, struct err *err)
{
    struct db_stmt *stmt;
    int64_t now_ns;
    enum err_code code = db_now_ns(db, &now_ns, err);

    if (code == ERR_OK) {
        code = db_prepare(db, "INSERT INTO book (book_id, name, created_ns) VALUES (1, 'live', $1)",
                          &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, now_ns);
    return db_run(stmt, NULL, err);
}

static enum err_code apply(struct db *db, const struct migration *migration, struct err *err)
{
    enum err_code code = db_define(db, migration->file->data, err);

    if (code == ERR_OK) {
        code = write_version(db, migration->version, err);
    }
    if (code == ERR_OK && migration->version == 1) {
        code = create_live_book(db, err);
    }
    return code == ERR_OK ? ERR_OK : err_context(err, "migration %s", migration->file->name);
}

/* The next migration in a transaction of its own. The version is read under its lock: another run may have been faster. */
static enum err_code migrate_one(struct db *db, const struct migration *all, size_t count,
                                 bool *ret_done, struct err *err)
{
    int64_t version;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = read_version(db, &version, err);
    if (code == ERR_OK && version > (int64_t)count) {
        code = refuse_newer(version, count, err);
    }
    if (code == ERR_OK && version < (int64_t)count) {
        code = apply(db, &all[version], err);
        if (code == ERR_OK && FAULT("store.migrate.before")) {
            code = err_set(err, ERR_STORE, "fault before the commit of a migration");
        }
    }
    if (code == ERR_OK) {
        *ret_done = version + 1 >= (int64_t)count;
        /* An unknown outcome needs no care: the next run reads the version. */
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}

/* Whether the tables are what the migrations made of them: a file may come from anywhere. They are made again and compared one by one,
 * which takes milliseconds, only in a store that holds others beside them, or something else in their place. */
static enum err_code check_shape(struct db *db, const struct migration *all, size_t count,
                                 struct err *err)
{
    char digest[HASH_HEX_SIZE];
    struct strbuf sql;
    enum err_code code = db_schema_digest(db, digest, err);

    if (code != ERR_OK || str_equal(STR(digest), all[count - 1].digest)) {
        return code;
    }
    strbuf_init(&sql, SQL_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        strbuf_append_text(&sql, all[i].file->data);
    }
    CHECK(!sql.overflow);
    code = db_check_schema(db, strbuf_text(&sql), err);
    strbuf_release(&sql);
    return code;
}

enum err_code store_migrate(struct db *db, struct err *err)
{
    struct migration all[MIGRATIONS_MAX];
    size_t count = migrations(all);
    int64_t version;
    bool done = false;
    enum err_code code = read_version(db, &version, err);

    /* The usual case takes no lock. */
    if (code == ERR_OK && version > (int64_t)count) {
        return refuse_newer(version, count, err);
    }
    if (code == ERR_OK && version > 0) {
        code = check_shape(db, all, (size_t)version, err);
    }
    if (code != ERR_OK || version == (int64_t)count) {
        return code;
    }
    while (code == ERR_OK && !done) {
        code = migrate_one(db, all, count, &done, err);
    }
    return code;
}

enum err_code store_check_version(struct db *db, struct err *err)
{
    struct migration all[MIGRATIONS_MAX];
    size_t count = migrations(all);
    int64_t version;
    enum err_code code = read_version(db, &version, err);

    if (code != ERR_OK) {
        return code;
    }
    if (version == 0) {
        return err_set(err, ERR_STORE, "the store is empty: nothing has been read into it yet");
    }
    if (version > (int64_t)count) {
        return refuse_newer(version, count, err);
    }
    if (version < (int64_t)count) {
        return err_set(err, ERR_STORE,
                       "the store is of version %" PRId64 ", this program needs %zu: "
                       "the next run that writes brings it up to date",
                       version, count);
    }
    return check_shape(db, all, count, err);
}

enum err_code store_book_find(struct db *db, const char *name, bool *ret_found,
                              int64_t *ret_book_id, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(db, "SELECT book_id FROM book WHERE name = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, STR(name));
    code = db_step(stmt, ret_found, err);
    if (code == ERR_OK && *ret_found) {
        *ret_book_id = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    return code;
}

enum err_code store_book(struct db *db, const char *name, int64_t *ret_book_id, struct err *err)
{
    bool found;
    enum err_code code = store_book_find(db, name, &found, ret_book_id, err);

    return code != ERR_OK || found
               ? code
               : err_set(err, ERR_STORE, "the store has no book named \"%s\"", name);
}

static enum err_code next_book(struct db *db, int64_t *ret_book_id, struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code =
        db_prepare(db, "SELECT coalesce(max(book_id), 0) + 1 FROM book", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    if (code == ERR_OK) {
        CHECK(row);
        *ret_book_id = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    return code;
}

static enum err_code insert_book(struct db *db, const char *name, struct err *err)
{
    struct db_stmt *stmt;
    int64_t now_ns, book_id;
    enum err_code code = db_now_ns(db, &now_ns, err);

    if (code == ERR_OK) {
        code = next_book(db, &book_id, err);
    }
    if (code == ERR_OK) {
        code = db_prepare(db, "INSERT INTO book (book_id, name, created_ns) VALUES ($1, $2, $3)",
                          &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, STR(name));
    db_bind_int64(stmt, 3, now_ns);
    return db_run(stmt, NULL, err);
}

/* Two runs may want it at the same time: only one is inside of the transaction. */
enum err_code store_book_make(struct db *db, const char *name, int64_t *ret_book_id,
                              struct err *err)
{
    bool found = false, unknown;
    enum err_code code = store_book_find(db, name, &found, ret_book_id, err);

    if (code != ERR_OK || found) {
        return code;
    }
    code = db_begin(db, err);
    if (code != ERR_OK) {
        return code;
    }
    code = store_book_find(db, name, &found, ret_book_id, err);
    if (code == ERR_OK && !found) {
        code = insert_book(db, name, err);
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code == ERR_OK ? store_book(db, name, ret_book_id, err) : code;
}
