#include "jobs/statement/credit_note.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/json.h"
#include "base/markup.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/period.h"
#include "jobs/statement/slug.h"
#include "jobs/statement/tree.h"

enum { FILE_SIZE_MAX = 1024 * 1024 };

struct work {
    const struct publisher *publisher;
    struct arena *arena;
    struct credit_note *notes;
    size_t count;
};

/* What the notes before this revision come to. */
static enum err_code sum_before(struct db *db, const struct credit_note *note, int64_t *ret_sum,
                                struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT COALESCE(SUM(amount_minor), 0) FROM credit_note WHERE contract = $1"
                   " AND period = $2 AND revision < $3",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, note->contract);
    db_bind_text(stmt, 2, note->period);
    db_bind_int64(stmt, 3, note->revision);
    code = db_step(stmt, &row, err);
    *ret_sum = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static enum err_code insert(struct db *db, const struct credit_note *note, int64_t now_ns,
                            struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO credit_note (credit_note_id, contract, period, revision, currency,"
                   " amount_minor, total_minor, issued_ns, checksum)"
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                   " ON CONFLICT (credit_note_id) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, note->id);
    db_bind_text(stmt, 2, note->contract);
    db_bind_text(stmt, 3, note->period);
    db_bind_int64(stmt, 4, note->revision);
    db_bind_text(stmt, 5, note->currency);
    db_bind_int64(stmt, 6, note->amount_minor);
    db_bind_int64(stmt, 7, note->total_minor);
    db_bind_int64(stmt, 8, now_ns);
    db_bind_checksum(stmt, 9);
    return db_run(stmt, NULL, err);
}

/* Difference to the notes before and the row, in one transaction. *ret_owed false: there is nothing to note. */
static enum err_code write_note(struct db *db, struct credit_note *note, bool *ret_owed,
                                struct err *err)
{
    int64_t before = 0;
    int64_t now_ns;
    bool unknown;
    enum err_code code = db_begin(db, err);

    if (code != ERR_OK) {
        return code;
    }
    code = sum_before(db, note, &before, err);
    note->amount_minor = note->total_minor - before;
    *ret_owed = note->amount_minor != 0;
    if (code == ERR_OK) {
        code = db_now_ns(db, &now_ns, err);
    }
    if (code == ERR_OK && *ret_owed) {
        code = insert(db, note, now_ns, err);
    }
    if (code != ERR_OK) {
        db_rollback(db);
        return code;
    }
    /* A lost answer does no harm: the same note is written by the next run. */
    return db_commit(db, &unknown, err);
}

static void write_json(const struct credit_note *note, struct strbuf *out)
{
    struct json_writer json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_str(&json, "amount", note->amount);
    json_int64(&json, "amount_minor", note->amount_minor);
    if (note->claim_until.size > 0) {
        json_str(&json, "claim_until", note->claim_until);
    } else {
        json_nothing(&json, "claim_until");
    }
    json_str(&json, "contract", note->contract);
    json_str(&json, "currency", note->currency);
    json_str(&json, "customer", note->customer);
    json_text(&json, "format", "uptally.credit_note/1");
    json_str(&json, "id", note->id);
    json_str(&json, "period", note->period);
    json_int64(&json, "revision", note->revision);
    json_str(&json, "statement_sha256", note->statement_sha256);
    json_int64(&json, "total_minor", note->total_minor);
    json_close(&json);
    json_finish(&json);
}

static void write_csv(const struct credit_note *note, struct strbuf *out)
{
    const struct str cells[] = {
        note->id,       note->contract, note->customer,    note->period,
        note->currency, note->amount,   note->claim_until, note->statement_sha256,
    };

    strbuf_append_text(out, "id,contract,customer,period,currency,amount,claim_until,"
                            "statement_sha256\r\n");
    for (size_t i = 0; i < ARRAY_COUNT(cells); i++) {
        if (i > 0) {
            strbuf_append_char(out, ',');
        }
        markup_csv_cell(out, cells[i], CSV_REPORT);
    }
    strbuf_append_text(out, "\r\n");
}

void credit_note_name(const struct credit_note *note, const char *suffix, struct strbuf *out)
{
    slug_append(out, note->contract);
    strbuf_append_format(out, "/%.*s/credit-note-r%" PRId64 ".%s", STR_ARGS(note->period),
                         note->revision, suffix);
}

static enum err_code publish(const struct work *work, const struct credit_note *note,
                             struct err *err)
{
    static const struct {
        const char *suffix;
        void (*write)(const struct credit_note *note, struct strbuf *out);
    } forms[] = {{"json", write_json}, {"csv", write_csv}};
    struct objects *objects = work->publisher->objects;
    enum err_code code = ERR_OK;

    for (size_t i = 0; objects != NULL && i < ARRAY_COUNT(forms) && code == ERR_OK; i++) {
        struct strbuf name;
        struct strbuf content;

        strbuf_init(&name, 512);
        strbuf_init(&content, FILE_SIZE_MAX);
        credit_note_name(note, forms[i].suffix, &name);
        forms[i].write(note, &content);
        CHECK(!content.overflow);
        code = objects->put(objects, strbuf_text(&name), strbuf_view(&content), OBJECTS_NEW, err);
        strbuf_release(&name);
        strbuf_release(&content);
    }
    return code;
}

static struct str amount_text(struct arena *arena, struct str currency, int64_t amount_minor)
{
    const struct currency *found = currency_find(currency);
    struct strbuf buf;
    struct str text;

    strbuf_init(&buf, 64);
    if (found != NULL) {
        money_format(&buf, found, amount_minor);
    }
    text = arena_str(arena, strbuf_view(&buf));
    strbuf_release(&buf);
    return text;
}

static struct credit_note note_of(struct work *work, const struct contract *contract,
                                  const char *period, const struct issued *issued,
                                  const struct tree *tree)
{
    struct credit_note note = {
        .contract = contract->id,
        .customer = tree_text(tree, "contract.customer"),
        .period = STR(period),
        .currency = tree_text(tree, "credit.currency"),
        .revision = issued->revision,
        .total_minor = tree_integer(tree, "credit.amount_minor"),
        .claim_until = tree_text(tree, "credit.claim_until"),
        .statement_sha256 = arena_str(work->arena, STR(issued->sha256)),
    };

    note.id = STR(arena_format(work->arena, "CN-%.*s-%s-r%" PRId64, STR_ARGS(contract->id), period,
                               issued->revision));
    return note;
}

/* One statement, if it is issued. */
static enum err_code note_statement(struct work *work, const struct contract *contract,
                                    const char *period, struct err *err)
{
    struct issued issued;
    const struct tree *tree;
    struct credit_note note;
    bool owed;
    enum err_code code =
        issued_find(work->publisher->db, contract->id, STR(period), work->arena, &issued, err);

    if (code != ERR_OK || !issued.found) {
        return code;
    }
    code = tree_parse(issued.document, work->arena, &tree, err);
    if (code != ERR_OK || !tree_present(tree, "credit")) {
        return code;
    }
    note = note_of(work, contract, period, &issued, tree);
    code = write_note(work->publisher->db, &note, &owed, err);
    if (code != ERR_OK || !owed) {
        return code;
    }
    note.amount = amount_text(work->arena, note.currency, note.amount_minor);
    code = publish(work, &note, err);
    work->notes[work->count++] = note;
    return code;
}

static int by_contract(const void *a, const void *b)
{
    const struct credit_note *x = a;
    const struct credit_note *y = b;
    int order = str_compare(x->contract, y->contract);

    return order != 0 ? order : str_compare(x->period, y->period);
}

enum err_code credits_issue(const struct publisher *publisher, int32_t year, int32_t month,
                            struct arena *arena, struct credit_note **ret_notes, size_t *ret_count,
                            struct err *err)
{
    struct work work = {
        .publisher = publisher,
        .arena = arena,
        .notes = arena_calloc(arena, publisher->contract_count + 1, sizeof(work.notes[0])),
    };
    int64_t now_ns;
    enum err_code code = db_now_ns(publisher->db, &now_ns, err);

    for (size_t i = 0; i < publisher->contract_count && code == ERR_OK; i++) {
        const struct contract *contract = &publisher->contracts[i];
        struct period period;
        int32_t in_year = year;
        int32_t in_month = month;

        if (year == 0) {
            period_last(contract, now_ns, &in_year, &in_month);
        }
        if (period_find(publisher->contracts, publisher->contract_count, contract, in_year,
                        in_month, arena, &period)) {
            code = note_statement(&work, contract, period.name, err);
        }
    }
    if (code == ERR_OK) {
        qsort(work.notes, work.count, sizeof(work.notes[0]), by_contract);
        *ret_notes = work.notes;
        *ret_count = work.count;
    }
    return code;
}
