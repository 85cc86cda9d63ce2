#include "jobs/statement/issued.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/fault.h"

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

enum err_code issued_find(struct db *db, struct str contract, struct str period,
                          struct arena *arena, struct issued *ret_issued, struct err *err)
{
    struct issued issued = {0};
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT contract, period, revision, issued_ns, sha256, document, journal,"
                   " checksum FROM statement WHERE contract = $1 AND period = $2"
                   " ORDER BY revision DESC LIMIT 1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    db_bind_text(stmt, 2, period);
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

static enum err_code insert_statement(struct db *db, const struct contract *contract,
                                      struct str period, struct str document, struct str journal,
                                      int64_t now_ns, struct err *err)
{
    char digest[HASH_HEX_SIZE];
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO statement (contract, period, revision, issued_ns, sha256, document,"
                   " journal, checksum) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                   " ON CONFLICT (contract, period, revision) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    hash_sha256_hex(document, digest);
    db_bind_text(stmt, 1, contract->id);
    db_bind_text(stmt, 2, period);
    db_bind_int64(stmt, 3, 1);
    db_bind_int64(stmt, 4, now_ns);
    db_bind_text(stmt, 5, STR(digest));
    db_bind_text(stmt, 6, document);
    db_bind_text(stmt, 7, journal);
    db_bind_checksum(stmt, 8);
    return db_run(stmt, NULL, err);
}

enum err_code issued_insert(struct db *db, const struct contract *contract, struct str period,
                            struct str document, struct str journal, int64_t now_ns,
                            struct err *err)
{
    bool unknown = false;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = insert_terms(db, contract, now_ns, err);
    if (code == ERR_OK) {
        code = insert_statement(db, contract, period, document, journal, now_ns, err);
    }
    if (code == ERR_OK && FAULT("statement.issue.before")) {
        code = err_set(err, ERR_FAILED, "fault statement.issue.before");
    }
    if (code != ERR_OK) {
        db_rollback(db);
        return code;
    }
    code = db_commit(db, &unknown, err);
    (void)FAULT("statement.issue.after");
    /* An answer that was lost does no harm: the caller reads what stands there now. */
    return unknown ? ERR_OK : code;
}
