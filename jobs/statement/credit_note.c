#include "jobs/statement/credit_note.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/markup.h"
#include "base/memory.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/period.h"
#include "jobs/statement/slug.h"
#include "jobs/statement/tree.h"

/* What the notes before this revision come to. */
static enum err_code sum_before(struct db *db, const struct credit_note *note, int64_t *ret_sum,
                                struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db,
        "SELECT CAST(COALESCE(SUM(amount_minor), 0) AS BIGINT) FROM credit_note WHERE contract = $1"
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
                   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
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

/* Takes the amounts from the row, if it is there: a stored note is never computed again. */
static enum err_code find_row(struct db *db, struct credit_note *note, bool *ret_found,
                              struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT credit_note_id, contract, period, revision, currency, amount_minor,"
                   " total_minor, issued_ns, checksum FROM credit_note WHERE credit_note_id = $1",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, note->id);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row) {
        if (db_column_checksum(stmt, 8) != db_column_int64(stmt, 8)) {
            code = err_set(err, ERR_MISMATCH, "credit note %.*s: the row's checksum does not match",
                           STR_ARGS(note->id));
        } else if (db_column_int64(stmt, 6) != note->total_minor) {
            code = err_set(err, ERR_MISMATCH, "credit note %.*s is not what its statement says",
                           STR_ARGS(note->id));
        } else {
            note->amount_minor = db_column_int64(stmt, 5);
        }
    }
    db_reset(stmt);
    *ret_found = code == ERR_OK && row;
    return code;
}

/* The row as it stands, or the difference to the notes before as a new one. */
static enum err_code write_inside(const struct publisher *publisher, struct credit_note *note,
                                  struct err *err)
{
    struct db *db = publisher->db;
    int64_t before = 0;
    int64_t now_ns;
    bool found = false;
    enum err_code code = publisher->lease != NULL ? lease_lock(publisher->lease, err) : ERR_OK;

    if (code == ERR_OK) {
        code = find_row(db, note, &found, err);
    }
    if (code != ERR_OK || found) {
        return code;
    }
    code = sum_before(db, note, &before, err);
    note->amount_minor = note->total_minor - before;
    if (code == ERR_OK) {
        code = db_now_ns(db, &now_ns, err);
    }
    if (code == ERR_OK && note->amount_minor != 0) {
        code = insert(db, note, now_ns, err);
        note->fresh = true;
    }
    if (code == ERR_OK && FAULT("credit_note.issue.before")) {
        code = err_set(err, ERR_FAILED, "fault credit_note.issue.before");
    }
    return code;
}

static enum err_code write_once(const struct publisher *publisher, struct credit_note *note,
                                struct err *err)
{
    bool unknown;
    enum err_code code;

    (void)FAULT("credit_note.issue.begin");
    code = db_begin(publisher->db, err);
    if (code == ERR_OK) {
        code = write_inside(publisher, note, err);
    }
    if (code == ERR_OK) {
        code = db_commit(publisher->db, &unknown, err);
    }
    db_rollback(publisher->db);
    return code;
}

/* *ret_owed false: there is nothing to note. */
static enum err_code write_note(const struct publisher *publisher, struct credit_note *note,
                                bool *ret_owed, struct err *err)
{
    struct err failure = ERR_INIT;
    int tries = 0;

    /* As for statements: after a lost answer the next transaction finds the row or writes it. */
    while (write_once(publisher, note, &failure) != ERR_OK &&
           db_again(publisher->db, &tries, &failure)) {
        failure = ERR_INIT;
    }
    (void)FAULT("credit_note.issue.after");
    *ret_owed = note->amount_minor != 0;
    if (failure.code != ERR_OK) {
        *err = failure;
    }
    return failure.code;
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

const struct credit_note_form credit_note_forms[CREDIT_NOTE_FORMS] = {{"json", write_json},
                                                                      {"csv", write_csv}};

void credit_note_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                      struct strbuf *out)
{
    slug_append(out, contract);
    strbuf_append_format(out, "/%.*s/credit-note-r%" PRId64 ".%s", STR_ARGS(period), revision,
                         suffix);
}

static enum err_code publish(struct objects *objects, const struct credit_note *note,
                             struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; objects != NULL && i < CREDIT_NOTE_FORMS && code == ERR_OK; i++) {
        const struct credit_note_form *form = &credit_note_forms[i];
        struct strbuf name;
        struct strbuf content;

        strbuf_init(&name, 512);
        strbuf_init(&content, CREDIT_NOTE_SIZE_MAX);
        credit_note_name(note->contract, note->period, note->revision, form->suffix, &name);
        form->write(note, &content);
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

static struct credit_note note_of(struct arena *arena, struct str contract, struct str period,
                                  const struct issued *issued, const struct tree *tree)
{
    struct credit_note note = {
        .contract = arena_str(arena, contract),
        .customer = tree_text(tree, "contract.customer"),
        .period = arena_str(arena, period),
        .currency = tree_text(tree, "credit.currency"),
        .revision = issued->revision,
        .total_minor = tree_integer(tree, "credit.amount_minor"),
        .claim_until = tree_text(tree, "credit.claim_until"),
        .statement_sha256 = arena_str(arena, STR(issued->sha256)),
    };

    note.id = STR(arena_format(arena, "CN-%.*s-%.*s-r%" PRId64, STR_ARGS(contract),
                               STR_ARGS(period), issued->revision));
    return note;
}

/* The currency of the notes before; empty if there are none. */
static enum err_code currency_before(struct db *db, const struct credit_note *note,
                                     struct arena *arena, struct str *ret_currency, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(db,
                                    "SELECT currency FROM credit_note WHERE contract = $1 AND"
                                    " period = $2 AND revision < $3 ORDER BY revision LIMIT 1",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, note->contract);
    db_bind_text(stmt, 2, note->period);
    db_bind_int64(stmt, 3, note->revision);
    code = db_step(stmt, &row, err);
    *ret_currency = code == ERR_OK && row ? arena_str(arena, db_column_text(stmt, 0)) : STR("");
    db_reset(stmt);
    return code;
}

/* *ret_credit false: there is nothing that a note could say. A revision without a credit takes back what was credited before. */
static enum err_code read_note(struct db *db, struct arena *arena, struct str contract,
                               struct str period, const struct issued *issued,
                               struct credit_note *ret_note, bool *ret_credit, struct err *err)
{
    const struct tree *tree;
    struct credit_note note;
    enum err_code code = tree_parse(issued->document, arena, &tree, err);

    *ret_credit = false;
    if (code != ERR_OK) {
        return code;
    }
    note = note_of(arena, contract, period, issued, tree);
    if (!tree_present(tree, "credit")) {
        code = currency_before(db, &note, arena, &note.currency, err);
    }
    *ret_credit = code == ERR_OK && note.currency.size > 0;
    *ret_note = note;
    return code;
}

enum err_code credit_note_find(struct db *db, struct str contract, struct str period,
                               int64_t revision, struct arena *arena, struct credit_note *ret_note,
                               bool *ret_owed, bool *ret_stored, struct err *err)
{
    struct issued issued;
    int64_t before;
    enum err_code code = issued_revision(db, contract, period, revision, arena, &issued, err);

    *ret_owed = false;
    *ret_stored = false;
    if (code == ERR_OK && issued.found) {
        code = read_note(db, arena, contract, period, &issued, ret_note, ret_owed, err);
    }
    if (code != ERR_OK || !*ret_owed) {
        return code;
    }
    code = find_row(db, ret_note, ret_stored, err);
    if (code == ERR_OK && !*ret_stored) {
        code = sum_before(db, ret_note, &before, err);
        ret_note->amount_minor = code == ERR_OK ? ret_note->total_minor - before : 0;
    }
    *ret_owed = ret_note->amount_minor != 0;
    ret_note->amount = amount_text(arena, ret_note->currency, ret_note->amount_minor);
    return code;
}

/* Of one revision. *ret_owed false: it has no note. */
static enum err_code issue_one(const struct publisher *publisher, struct str contract,
                               struct str period, int64_t revision, struct arena *arena,
                               struct credit_note *ret_note, bool *ret_owed, struct err *err)
{
    struct issued issued;
    enum err_code code =
        issued_revision(publisher->db, contract, period, revision, arena, &issued, err);

    *ret_owed = false;
    if (code == ERR_OK && issued.found) {
        code = read_note(publisher->db, arena, contract, period, &issued, ret_note, ret_owed, err);
    }
    if (code == ERR_OK && *ret_owed) {
        code = write_note(publisher, ret_note, ret_owed, err);
    }
    if (code == ERR_OK && *ret_owed) {
        ret_note->amount = amount_text(arena, ret_note->currency, ret_note->amount_minor);
        code = publish(publisher->objects, ret_note, err);
    }
    return code;
}

/* Notes that grow in number; owned. */
struct note_list {
    struct credit_note *items;
    size_t count;
};

static void add_note(struct note_list *list, const struct credit_note *note)
{
    if ((list->count & (list->count - 1)) == 0) {
        list->items = memory_resize(list->items, list->count == 0 ? 1 : list->count * 2,
                                    sizeof(list->items[0]));
    }
    list->items[list->count++] = *note;
}

static void hand_over(struct note_list *list, struct arena *arena, struct credit_note **ret_notes,
                      size_t *ret_count)
{
    *ret_notes = arena_calloc(arena, list->count + 1, sizeof(list->items[0]));
    *ret_count = list->count;
    if (list->count > 0) {
        memcpy(*ret_notes, list->items, list->count * sizeof(list->items[0]));
    }
    memory_free(list->items);
}

/* In the order of the revisions: each note is the difference to those before. */
static enum err_code issue_period(const struct publisher *publisher, struct str contract,
                                  struct str period, struct arena *arena, struct note_list *list,
                                  struct err *err)
{
    struct issued newest = {0};
    enum err_code code = issued_find(publisher->db, contract, period, arena, &newest, err);

    for (int64_t revision = 1; code == ERR_OK && revision <= newest.revision; revision++) {
        struct credit_note note;
        bool owed;

        code = issue_one(publisher, contract, period, revision, arena, &note, &owed, err);
        if (code == ERR_OK && owed) {
            add_note(list, &note);
        }
    }
    return code;
}

enum err_code credit_note_issue(const struct publisher *publisher, struct str contract,
                                struct str period, struct arena *arena,
                                struct credit_note **ret_notes, size_t *ret_count, struct err *err)
{
    struct note_list list = {0};
    enum err_code code = issue_period(publisher, contract, period, arena, &list, err);

    hand_over(&list, arena, ret_notes, ret_count);
    return code;
}

static int by_contract(const void *a, const void *b)
{
    const struct credit_note *x = a;
    const struct credit_note *y = b;
    int order = str_compare(x->contract, y->contract);

    order = order != 0 ? order : str_compare(x->period, y->period);
    return order != 0 ? order : (x->revision > y->revision) - (x->revision < y->revision);
}

enum err_code credits_issue(const struct publisher *publisher, int32_t year, int32_t month,
                            struct arena *arena, struct credit_note **ret_notes, size_t *ret_count,
                            struct err *err)
{
    struct note_list list = {0};
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
            code = issue_period(publisher, contract->id, STR(period.name), arena, &list, err);
        }
    }
    if (list.count > 0) {
        qsort(list.items, list.count, sizeof(list.items[0]), by_contract);
    }
    hand_over(&list, arena, ret_notes, ret_count);
    return code;
}
