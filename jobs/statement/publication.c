#include "jobs/statement/publication.h"

#include "base/check.h"
#include "base/fault.h"
#include "base/hash.h"

enum { PUBLICATIONS_MAX = 8 }; /* forms of a statement */

static enum err_code find(struct db *db, const struct publication *publication, const char *sha256,
                          bool *ret_known, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT contract, period, revision, format, sha256, program_version,"
                   " published_ns, checksum FROM publication WHERE contract = $1 AND period = $2"
                   " AND revision = $3 AND format = $4 AND sha256 = $5",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, publication->contract);
    db_bind_text(stmt, 2, publication->period);
    db_bind_int64(stmt, 3, publication->revision);
    db_bind_text(stmt, 4, STR(publication->format));
    db_bind_text(stmt, 5, STR(sha256));
    code = db_step(stmt, &row, err);
    *ret_known = code == ERR_OK && row && db_column_checksum(stmt, 7) == db_column_int64(stmt, 7);
    db_reset(stmt);
    return code;
}

enum err_code publication_known(struct db *db, const struct publication *publication,
                                struct str content, bool *ret_known, struct err *err)
{
    char sha256[HASH_HEX_SIZE];

    hash_sha256_hex(content, sha256);
    return find(db, publication, sha256, ret_known, err);
}

static enum err_code insert(struct db *db, const struct publication *publication,
                            const char *sha256, const char *program_version, int64_t now_ns,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO publication (contract, period, revision, format, sha256,"
                   " program_version, published_ns, checksum)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                   " ON CONFLICT (contract, period, revision, format, sha256) DO UPDATE SET"
                   " program_version = excluded.program_version,"
                   " published_ns = excluded.published_ns, checksum = excluded.checksum",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, publication->contract);
    db_bind_text(stmt, 2, publication->period);
    db_bind_int64(stmt, 3, publication->revision);
    db_bind_text(stmt, 4, STR(publication->format));
    db_bind_text(stmt, 5, STR(sha256));
    db_bind_text(stmt, 6, STR(program_version));
    db_bind_int64(stmt, 7, now_ns);
    db_bind_checksum(stmt, 8);
    return db_run(stmt, NULL, err);
}

/* What one transaction has to note. */
struct notes {
    struct db *db;
    struct lease *lease;
    const struct drawing *drawings[PUBLICATIONS_MAX];
    char sha256[PUBLICATIONS_MAX][HASH_HEX_SIZE];
    size_t count;
    const char *program_version;
};

static enum err_code note_all(const struct notes *notes, struct err *err)
{
    int64_t now_ns;
    enum err_code code = db_now_ns(notes->db, &now_ns, err);

    for (size_t i = 0; i < notes->count && code == ERR_OK; i++) {
        code = insert(notes->db, &notes->drawings[i]->publication, notes->sha256[i],
                      notes->program_version, now_ns, err);
    }
    return code;
}

/* Noted twice it is noted once, so a lost answer is no matter. */
static enum err_code note_once(const struct notes *notes, struct err *err)
{
    bool unknown;
    enum err_code code = db_begin(notes->db, err);

    if (code == ERR_OK && notes->lease != NULL) {
        code = lease_lock(notes->lease, err);
    }
    if (code == ERR_OK) {
        code = note_all(notes, err);
    }
    if (code == ERR_OK && FAULT("statement.publication.before")) {
        code = err_set(err, ERR_FAILED, "fault statement.publication.before");
    }
    if (code == ERR_OK) {
        code = db_commit(notes->db, &unknown, err);
    }
    db_rollback(notes->db);
    return code;
}

static enum err_code collect_unknown(struct notes *notes, const struct drawing *drawings,
                                     size_t count, struct err *err)
{
    enum err_code code = ERR_OK;

    CHECK(count <= PUBLICATIONS_MAX);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        bool known = false;

        hash_sha256_hex(drawings[i].content, notes->sha256[notes->count]);
        code = find(notes->db, &drawings[i].publication, notes->sha256[notes->count], &known, err);
        if (code == ERR_OK && !known) {
            notes->drawings[notes->count++] = &drawings[i];
        }
    }
    return code;
}

enum err_code publication_note(struct db *db, struct lease *lease, const struct drawing *drawings,
                               size_t count, const char *program_version, struct err *err)
{
    struct notes notes = {.db = db, .lease = lease, .program_version = program_version};
    struct err failure = ERR_INIT;
    int tries = 0;
    enum err_code code = collect_unknown(&notes, drawings, count, err);

    if (code != ERR_OK || notes.count == 0) {
        return code;
    }
    while (note_once(&notes, &failure) != ERR_OK && db_again(db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    if (failure.code != ERR_OK) {
        *err = failure;
    }
    return failure.code;
}
