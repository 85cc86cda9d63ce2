#include "jobs/statement/claim.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/statement/entry.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/tree.h"
#include "jobs/statement/wording.h"

enum { CLAIMS_MAX = 100000 };

bool claim_in_time(const struct claim *claim)
{
    return !claim->has_deadline || claim->claimed_ns < claim->deadline_ns;
}

void claim_words(const struct claim *claim, struct strbuf *out)
{
    struct arena scratch = ARENA_INIT;

    strbuf_append_text(out, "claimed ");
    strbuf_append(out, claim->claimed);
    if (!claim->has_deadline) {
        strbuf_append_text(out, ", no deadline");
    } else if (claim_in_time(claim)) {
        strbuf_append_text(out, ", in time");
    } else {
        strbuf_append_text(out, ", LATE by ");
        strbuf_append_text(
            out,
            wording_duration(&scratch, (claim->claimed_ns - claim->deadline_ns) / NS_PER_SECOND));
    }
    arena_release(&scratch);
}

/* A date in the contract's zone, or a moment. */
static enum err_code read_claimed(const struct contract *contract, struct claim *claim,
                                  struct err *err)
{
    struct civil day = {0};

    if (civil_parse_date(claim->claimed, &day.year, &day.month, &day.day) && day.year >= 1970 &&
        day.year < 2100) {
        claim->claimed_ns = zone_from_local(contract->zone, &day) * NS_PER_SECOND;
        return ERR_OK;
    }
    if (civil_parse_rfc3339(claim->claimed, &claim->claimed_ns)) {
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE,
                   "--on: \"%.*s\" is neither a day like 2026-11-20 nor a time like "
                   "2026-11-20T14:00:00+01:00",
                   STR_ARGS(claim->claimed));
}

/* A claim for what has not been is a slip, and so is one from the future. */
static enum err_code check_times(const struct claim *claim, int64_t period_to_s, struct err *err)
{
    if (claim->claimed_ns > claim->recorded_ns) {
        return err_set(err, ERR_USAGE, "--on: %.*s is not there yet", STR_ARGS(claim->claimed));
    }
    if (claim->recorded_ns / NS_PER_SECOND < period_to_s) {
        return err_set(err, ERR_USAGE, "%.*s is not over", STR_ARGS(claim->period));
    }
    return ERR_OK;
}

/* As the customer reads it in the newest statement. */
static enum err_code find_deadline(struct db *db, const struct contract *contract,
                                   int64_t period_to_s, struct claim *claim, struct err *err)
{
    int64_t within_ns = contract->credits.present ? contract->credits.claim_within_ns : 0;
    struct arena scratch = ARENA_INIT;
    struct issued issued = {0};
    const struct tree *tree;
    enum err_code code = issued_find(db, contract->id, claim->period, &scratch, &issued, err);

    claim->has_deadline = within_ns > 0;
    claim->deadline_ns = claim->has_deadline ? period_to_s * NS_PER_SECOND + within_ns : 0;
    if (code == ERR_OK && issued.found) {
        code = tree_parse(issued.document, &scratch, &tree, err);
        if (code == ERR_OK) {
            claim->has_deadline =
                civil_parse_rfc3339(tree_text(tree, "credit.claim_until"), &claim->deadline_ns);
        }
    }
    arena_release(&scratch);
    return code;
}

static enum err_code next_id(struct db *db, int64_t *ret_id, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db, "SELECT COALESCE(MAX(claim_id), 0) + 1 FROM claim", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    code = db_step(stmt, &row, err);
    *ret_id = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static enum err_code insert(struct db *db, const struct claim *claim, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO claim (claim_id, contract, period, claimed, claimed_ns,"
                   " deadline_ns, author, reference, recorded_ns, checksum)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, claim->id);
    db_bind_text(stmt, 2, claim->contract);
    db_bind_text(stmt, 3, claim->period);
    db_bind_text(stmt, 4, claim->claimed);
    db_bind_int64(stmt, 5, claim->claimed_ns);
    if (claim->has_deadline) {
        db_bind_int64(stmt, 6, claim->deadline_ns);
    } else {
        db_bind_null(stmt, 6);
    }
    db_bind_text(stmt, 7, claim->author);
    db_bind_text(stmt, 8, claim->reference);
    db_bind_int64(stmt, 9, claim->recorded_ns);
    db_bind_checksum(stmt, 10);
    return db_run(stmt, NULL, err);
}

static enum err_code add_inside(struct db *db, const struct contract *contract, int64_t period_to_s,
                                struct claim *claim, struct err *err)
{
    bool unknown;
    enum err_code code = db_now_ns(db, &claim->recorded_ns, err);

    if (code == ERR_OK) {
        code = check_times(claim, period_to_s, err);
    }
    if (code == ERR_OK) {
        code = find_deadline(db, contract, period_to_s, claim, err);
    }
    if (code == ERR_OK) {
        code = next_id(db, &claim->id, err);
    }
    if (code == ERR_OK) {
        code = insert(db, claim, err);
    }
    if (code == ERR_OK && FAULT("claim.commit.before")) {
        code = err_set(err, ERR_FAILED, "fault claim.commit.before");
    }
    if (code == ERR_OK) {
        code = db_commit(db, &unknown, err);
        if (code != ERR_OK && unknown) {
            err_context(err, "the answer was lost; look with claim --list");
        }
    }
    (void)FAULT("claim.commit.after");
    return code;
}

enum err_code claim_add(struct db *db, const struct contract *contract, int64_t period_to_s,
                        struct claim *claim, struct err *err)
{
    enum err_code code = entry_check("the name", claim->author, ENTRY_NAME_MAX, err);

    if (code == ERR_OK && claim->reference.size > 0) {
        code = entry_check("the reference", claim->reference, ENTRY_TEXT_MAX, err);
    }
    if (code == ERR_OK) {
        code = read_claimed(contract, claim, err);
    }
    if (code == ERR_OK) {
        code = db_begin(db, err);
    }
    if (code == ERR_OK) {
        code = add_inside(db, contract, period_to_s, claim, err);
    }
    db_rollback(db);
    return code;
}

static enum err_code take_row(struct db_stmt *stmt, struct arena *arena, struct claim *ret,
                              struct err *err)
{
    if (db_column_checksum(stmt, 9) != db_column_int64(stmt, 9)) {
        return err_set(err, ERR_MISMATCH, "claim %" PRId64 ": the row's checksum does not match",
                       db_column_int64(stmt, 0));
    }
    *ret = (struct claim){.id = db_column_int64(stmt, 0),
                          .contract = arena_str(arena, db_column_text(stmt, 1)),
                          .period = arena_str(arena, db_column_text(stmt, 2)),
                          .claimed = arena_str(arena, db_column_text(stmt, 3)),
                          .claimed_ns = db_column_int64(stmt, 4),
                          .has_deadline = !db_column_null(stmt, 5),
                          .deadline_ns = db_column_int64(stmt, 5),
                          .author = arena_str(arena, db_column_text(stmt, 6)),
                          .reference = arena_str(arena, db_column_text(stmt, 7)),
                          .recorded_ns = db_column_int64(stmt, 8)};
    return ERR_OK;
}

enum err_code claim_list(struct db *db, struct str contract, struct str period, struct arena *arena,
                         struct claim **ret_claims, size_t *ret_count, struct err *err)
{
    struct claim *claims = NULL;
    struct db_stmt *stmt;
    size_t count = 0;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT claim_id, contract, period, claimed, claimed_ns, deadline_ns, author,"
                   " reference, recorded_ns, checksum FROM claim"
                   " WHERE (contract = $1 OR $1 = '') AND (period = $2 OR $2 = '')"
                   " ORDER BY contract, period, claim_id",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    db_bind_text(stmt, 2, period);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        if (count == CLAIMS_MAX) {
            code = err_set(err, ERR_STORE, "more than %d claims", CLAIMS_MAX);
            break;
        }
        if ((count & (count - 1)) == 0) {
            claims = memory_resize(claims, count == 0 ? 1 : count * 2, sizeof(claims[0]));
        }
        code = take_row(stmt, arena, &claims[count++], err);
    }
    db_reset(stmt);
    if (code == ERR_OK) {
        *ret_claims = arena_calloc(arena, count + 1, sizeof(claims[0]));
        *ret_count = count;
        if (count > 0) {
            memcpy(*ret_claims, claims, count * sizeof(claims[0]));
        }
    }
    memory_free(claims);
    return code;
}
