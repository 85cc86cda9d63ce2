#include "jobs/statement/issued.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

static enum err_code take_row(struct db_stmt *stmt, struct arena *arena, struct issued *ret_issued,
                              struct err *err)
{
    struct str stored = db_column_text(stmt, 4);

    if (db_column_checksum(stmt, 7) != db_column_int64(stmt, 7)) {
        return err_set(err, ERR_MISMATCH, "the row's checksum does not match");
    }
    ret_issued->found = true;
    ret_issued->revision = db_column_int64(stmt, 2);
    ret_issued->issued_ns = db_column_int64(stmt, 3);
    ret_issued->document = arena_str(arena, db_column_text(stmt, 5));
    hash_sha256_hex(ret_issued->document, ret_issued->sha256);
    if (!str_equal(stored, STR(ret_issued->sha256))) {
        return err_set(err, ERR_MISMATCH, "the document's SHA-256 does not match");
    }
    return ERR_OK;
}

/* revision 0: the newest. */
static enum err_code read_one(struct db *db, struct str contract, struct str period,
                              int64_t revision, struct arena *arena, struct issued *ret_issued,
                              struct err *err)
{
    struct issued issued = {0};
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT contract, period, revision, issued_ns, sha256, document, journal,"
                   " checksum FROM statement WHERE contract = $1 AND period = $2"
                   " AND (revision = $3 OR $3 = 0) ORDER BY revision DESC LIMIT 1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    db_bind_text(stmt, 2, period);
    db_bind_int64(stmt, 3, revision);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        code = take_row(stmt, arena, &issued, err);
        if (code != ERR_OK) {
            err_context(err, "statement of %.*s, %.*s", STR_ARGS(contract), STR_ARGS(period));
        }
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_issued = issued;
    }
    return code;
}

enum err_code issued_find(struct db *db, struct str contract, struct str period,
                          struct arena *arena, struct issued *ret_issued, struct err *err)
{
    return read_one(db, contract, period, 0, arena, ret_issued, err);
}

enum err_code issued_revision(struct db *db, struct str contract, struct str period,
                              int64_t revision, struct arena *arena, struct issued *ret_issued,
                              struct err *err)
{
    CHECK(revision != 0);
    return read_one(db, contract, period, revision, arena, ret_issued, err);
}

enum err_code issued_list(struct db *db, struct str contract, struct arena *arena,
                          struct issued_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct issued_row *rows = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row;
    enum err_code code =
        db_prepare(db,
                   "SELECT s.contract, s.period, s.revision, c.revision FROM statement s"
                   " LEFT JOIN credit_note c ON c.contract = s.contract AND c.period = s.period"
                   " AND c.revision = s.revision WHERE s.contract = $1 OR $1 = ''"
                   " ORDER BY s.contract, s.period, s.revision",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if ((count & (count - 1)) == 0) {
            rows = memory_resize(rows, count == 0 ? 1 : count * 2, sizeof(rows[0]));
        }
        rows[count++] = (struct issued_row){.contract = arena_str(arena, db_column_text(stmt, 0)),
                                            .period = arena_str(arena, db_column_text(stmt, 1)),
                                            .revision = db_column_int64(stmt, 2),
                                            .noted = !db_column_null(stmt, 3)};
    }
    *ret_rows = arena_calloc(arena, count + 1, sizeof(rows[0]));
    *ret_count = count;
    if (count > 0) {
        memcpy(*ret_rows, rows, count * sizeof(rows[0]));
    }
    memory_free(rows);
    return code;
}

static enum err_code insert_terms(struct db *db, const struct contract *contract, int64_t now_ns,
                                  struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO terms (contract, digest, text, seen_ns, checksum)"
                   " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (contract, digest) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract->id);
    db_bind_text(stmt, 2, STR(contract->digest));
    db_bind_text(stmt, 3, contract->terms);
    db_bind_int64(stmt, 4, now_ns);
    db_bind_checksum(stmt, 5);
    return db_run(stmt, NULL, err);
}

static enum err_code insert_statement(struct db *db, const struct issued_new *new,
                                      const char *digest, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO statement (contract, period, revision, issued_ns, sha256, document,"
                   " journal, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, new->contract->id);
    db_bind_text(stmt, 2, new->period);
    db_bind_int64(stmt, 3, new->revision);
    db_bind_int64(stmt, 4, new->now_ns);
    db_bind_text(stmt, 5, STR(digest));
    db_bind_text(stmt, 6, new->document);
    db_bind_text(stmt, 7, new->journal);
    db_bind_checksum(stmt, 8);
    return db_run(stmt, NULL, err);
}

/* What one transaction has to do. */
struct insertion {
    struct db *db;
    struct lease *lease;
    const struct issued_new *new;
    struct arena *arena;
};

static enum err_code insert_rows(const struct insertion *insertion, struct issued *ret_issued,
                                 struct err *err)
{
    const struct issued_new *new = insertion->new;
    struct db *db = insertion->db;
    enum err_code code = insert_terms(db, new->contract, new->now_ns, err);

    *ret_issued = (struct issued){.found = true,
                                  .revision = new->revision,
                                  .issued_ns = new->now_ns,
                                  .document = arena_str(insertion->arena, new->document)};
    hash_sha256_hex(new->document, ret_issued->sha256);
    if (code == ERR_OK) {
        code = insert_statement(db, new, ret_issued->sha256, err);
    }
    if (code == ERR_OK) {
        code =
            comparison_write(db, new->contract->id, new->period, new->revision, new->compared, err);
    }
    return code;
}

static enum err_code insert_inside(const struct insertion *insertion, struct issued *ret_issued,
                                   struct err *err)
{
    const struct issued_new *new = insertion->new;
    struct db *db = insertion->db;
    enum err_code code = insertion->lease != NULL ? lease_lock(insertion->lease, err) : ERR_OK;

    if (code == ERR_OK) {
        code = issued_find(db, new->contract->id, new->period, insertion->arena, ret_issued, err);
    }
    if (code != ERR_OK || (ret_issued->found && ret_issued->revision >= new->revision)) {
        return code;
    }
    if (ret_issued->revision != new->revision - 1) {
        return err_set(err, ERR_MISMATCH, "revision %" PRId64 " cannot follow revision %" PRId64,
                       new->revision, ret_issued->revision);
    }
    code = insert_rows(insertion, ret_issued, err);
    if (code == ERR_OK && FAULT("statement.issue.before")) {
        code = err_set(err, ERR_FAILED, "fault statement.issue.before");
    }
    return code;
}

static enum err_code insert_once(const struct insertion *insertion, struct issued *ret_issued,
                                 struct err *err)
{
    bool unknown;
    enum err_code code;

    (void)FAULT("statement.issue.begin");
    code = db_begin(insertion->db, err);
    if (code == ERR_OK) {
        code = insert_inside(insertion, ret_issued, err);
    }
    if (code == ERR_OK) {
        code = db_commit(insertion->db, &unknown, err);
    }
    db_rollback(insertion->db);
    return code;
}

enum err_code issued_insert(struct db *db, struct lease *lease, const struct issued_new *new,
                            struct arena *arena, struct issued *ret_issued, struct err *err)
{
    struct insertion insertion = {db, lease, new, arena};
    struct issued issued = {0};
    struct err failure = ERR_INIT;
    int tries = 0;

    CHECK(new->revision > 0);
    /* After a lost answer the next transaction waits for one that may still be running, and finds its row or writes it. */
    while (insert_once(&insertion, &issued, &failure) != ERR_OK && db_again(db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    (void)FAULT("statement.issue.after");
    if (failure.code == ERR_OK) {
        *ret_issued = issued;
    } else {
        *err = failure;
    }
    return failure.code;
}

/* Written twice it is written once, so a lost answer is no matter. */
static enum err_code compared_once(struct db *db, struct lease *lease, struct str contract,
                                   struct str period, int64_t revision,
                                   const struct comparison *compared, struct err *err)
{
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code == ERR_OK && lease != NULL) {
        code = lease_lock(lease, err);
    }
    if (code == ERR_OK) {
        code = comparison_write(db, contract, period, revision, compared, err);
    }
    if (code == ERR_OK && FAULT("statement.compared.before")) {
        code = err_set(err, ERR_FAILED, "fault statement.compared.before");
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
    }
    db_rollback(db);
    return code;
}

enum err_code issued_compared(struct db *db, struct lease *lease, struct str contract,
                              struct str period, int64_t revision,
                              const struct comparison *compared, struct err *err)
{
    struct err failure = ERR_INIT;
    int tries = 0;

    while (compared_once(db, lease, contract, period, revision, compared, &failure) != ERR_OK &&
           db_again(db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    if (failure.code != ERR_OK) {
        *err = failure;
    }
    return failure.code;
}
