#include "jobs/statement/publish.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "aggregator/fold.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/hash.h"
#include "jobs/statement/document.h"
#include "jobs/statement/input.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/journal.h"
#include "jobs/statement/period.h"
#include "jobs/statement/render.h"
#include "jobs/statement/slug.h"
#include "jobs/statement/tree.h"

/* One call of statement_publish_month. */
struct issue {
    const struct publisher *publisher;
    const struct contract *contract;
    const struct statement_options *options;
    struct arena arena;
    struct period period;
    int64_t to_s; /* where measuring ends */
    int64_t now_ns;
    struct statement_input input;
    struct strbuf journal;
    struct issued issued; /* what the store holds */
    bool over;            /* the period has ended and grace is over */
};

__attribute__((format(printf, 2, 3))) static void warn(const struct issue *issue,
                                                       const char *format, ...)
{
    char line[1024];
    int size;
    va_list arguments;

    if (issue->publisher->note == NULL) {
        return;
    }
    size = snprintf(line, sizeof(line), "%.*s, %s: ", STR_ARGS(issue->contract->id),
                    issue->period.name);
    if (size < 0 || (size_t)size >= sizeof(line)) {
        size = 0;
    }
    va_start(arguments, format);
    (void)vsnprintf(line + size, sizeof(line) - (size_t)size, format, arguments);
    va_end(arguments);
    issue->publisher->note(issue->publisher->context, true, line);
}

void statement_outcome_init(struct statement_outcome *outcome)
{
    *outcome = (struct statement_outcome){0};
    strbuf_init(&outcome->document, DOCUMENT_SIZE_MAX);
    strbuf_init(&outcome->places, 64 * 1024);
    strbuf_init(&outcome->sentence, 4096);
}

void statement_outcome_release(struct statement_outcome *outcome)
{
    strbuf_release(&outcome->document);
    strbuf_release(&outcome->places);
    strbuf_release(&outcome->sentence);
}

/* A period that is not over is measured as far as the books go, in whole minutes: nobody is blamed for the future. */
static int64_t measured_until(const struct issue *issue, int64_t complete_ns)
{
    int64_t complete_s = complete_ns / NS_PER_MINUTE * 60;

    return !issue->over && complete_s < issue->period.to_s ? complete_s : issue->period.to_s;
}

/* Inside the snapshot. */
static enum err_code read_books(struct issue *issue, struct err *err)
{
    struct db *db = issue->publisher->db;
    int64_t book_id = issue->publisher->book_id;
    int64_t complete_ns;
    enum err_code code = fold_complete_until(db, book_id, &complete_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    issue->input.complete_ns = complete_ns;
    issue->to_s = measured_until(issue, complete_ns);
    code = issued_find(db, issue->contract->id, STR(issue->period.name), &issue->arena,
                       &issue->issued, err);
    if (code != ERR_OK || issue->to_s <= issue->period.from_s) {
        return code;
    }
    code = input_read(db, book_id, issue->contract, issue->period.from_s, issue->to_s,
                      &issue->arena, &issue->input, err);
    if (code == ERR_OK) {
        code = journal_write(
            db,
            &(struct journal_facts){.book_id = book_id,
                                    .complete_ns = complete_ns,
                                    .now_ns = issue->now_ns,
                                    .forced = issue->options->force,
                                    .program_version = issue->publisher->program_version},
            &issue->journal, err);
    }
    return code;
}

/* Reads everything in one snapshot. */
static enum err_code read_snapshot(struct issue *issue, struct err *err)
{
    struct db *db = issue->publisher->db;
    enum err_code code = db_now_ns(db, &issue->now_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    issue->over = (int128)issue->now_ns >=
                  (int128)issue->period.to_s * NS_PER_SECOND + issue->contract->grace_ns;
    code = db_begin_snapshot(db, err);
    if (code == ERR_OK) {
        code = read_books(issue, err);
    }
    db_rollback(db); /* nothing was written, so nothing can be lost */
    return code;
}

/* False: the contract does not hold in what is measured. An issued statement keeps the version of the program that made it. */
static enum err_code compute(struct issue *issue, bool provisional, const char *program_version,
                             int64_t revision, struct strbuf *ret_document, bool *ret_valid,
                             struct err *err)
{
    struct result result;

    issue->input.engine.period_from_s = issue->period.from_s;
    issue->input.engine.period_to_s = issue->period.to_s;
    *ret_valid = engine_compute(&issue->input.engine, &issue->arena, &result);
    if (!*ret_valid) {
        return ERR_OK;
    }
    return document_write(&(struct document_facts){.program_version = program_version,
                                                   .provisional = provisional,
                                                   .revision = revision,
                                                   .period = issue->period.name,
                                                   .whole_from_s = issue->period.from_s,
                                                   .whole_to_s = issue->period.to_s,
                                                   .complete = issue->input.complete,
                                                   .lost = issue->input.lost,
                                                   .lost_count = issue->input.lost_count,
                                                   .partitions = issue->input.partitions,
                                                   .partition_count = issue->input.partition_count},
                          &result, ret_document, err);
}

/* Holds what would be computed today against what was issued. Only said: what follows from it is for a new revision. */
static enum err_code compare_issued(struct issue *issue, struct err *err)
{
    struct strbuf computed;
    const struct tree *tree;
    bool valid = false;
    enum err_code code = tree_parse(issue->issued.document, &issue->arena, &tree, err);

    if (code != ERR_OK || issue->input.engine.service_count == 0) {
        return code;
    }
    code = compute(issue, false, arena_text(&issue->arena, tree_text(tree, "program.version")),
                   issue->issued.revision, &computed, &valid, err);
    if (code != ERR_OK) {
        return code;
    }
    if (!valid || !str_equal(strbuf_view(&computed), issue->issued.document)) {
        warn(issue, "what the books say today differs from the issued statement, which stands");
    }
    if (valid) {
        strbuf_release(&computed);
    }
    return ERR_OK;
}

/* Writes the row, unless another run was faster; what then stands there is what is published. */
static enum err_code issue_row(struct issue *issue, struct str document, struct err *err)
{
    const struct publisher *publisher = issue->publisher;

    return issued_insert(publisher->db, publisher->lease, issue->contract, STR(issue->period.name),
                         document, strbuf_view(&issue->journal), issue->now_ns, &issue->arena,
                         &issue->issued, err);
}

/* Why a statement is provisional, in words. */
static void explain_provisional(const struct issue *issue)
{
    if (!issue->over) {
        warn(issue, "provisional: the period and its grace are not over");
    } else if (issue->input.ungraded) {
        warn(issue, "provisional: hours of it wait to be graded; run aggregate");
    } else {
        warn(issue, "provisional: its events are not complete; run consume and aggregate, or "
                    "issue it with --force");
    }
}

static enum err_code compute_and_issue(struct issue *issue, struct statement_outcome *outcome,
                                       struct err *err)
{
    bool due = issue->over && issue->input.complete;
    bool ended = issue->now_ns / NS_PER_SECOND >= issue->period.to_s;
    bool forced = issue->options->force && ended;
    struct strbuf document;
    bool valid = false;
    enum err_code code;

    if (issue->options->force && !ended) {
        warn(issue, "a period that has not ended cannot be issued, even with --force");
    }
    outcome->provisional = !due && !forced;
    if (outcome->provisional && issue->options->final_only) {
        return ERR_OK;
    }
    code = compute(issue, outcome->provisional, issue->publisher->program_version, 1, &document,
                   &valid, err);
    if (code != ERR_OK || !valid) {
        return code;
    }
    if (issue->input.lost_count > 0) {
        warn(issue, "records of it expired before they were read; the statement says when");
    }
    if (outcome->provisional) {
        explain_provisional(issue);
    } else {
        code = issue_row(issue, strbuf_view(&document), err);
    }
    if (code == ERR_OK) {
        outcome->present = true;
        strbuf_append(&outcome->document,
                      outcome->provisional ? strbuf_view(&document) : issue->issued.document);
    }
    strbuf_release(&document);
    return code;
}

void statement_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                    struct strbuf *out)
{
    slug_append(out, contract);
    strbuf_append_format(out, "/%.*s/statement-r%" PRId64 ".%s", STR_ARGS(period), revision,
                         suffix);
}

/* Of a row that is drawn: a file of this very document, drawn with other libraries before an update. It stands as it was published. */
static bool drawn_before(const struct issue *issue, const struct statement_outcome *outcome,
                         const char *name)
{
    struct objects *objects = issue->publisher->objects;
    char sha256[HASH_HEX_SIZE];
    struct err err = ERR_INIT;
    struct strbuf content;
    bool found = false;
    bool before;

    strbuf_init(&content, RENDER_SIZE_MAX);
    hash_sha256_hex(strbuf_view(&outcome->document), sha256);
    before = objects->get(objects, name, &found, &content, &err) == ERR_OK && found &&
             render_claims(strbuf_view(&content), sha256);
    strbuf_release(&content);
    return before;
}

static enum err_code put(const struct issue *issue, const struct render_row *row,
                         struct statement_outcome *outcome, struct err *err)
{
    struct objects *objects = issue->publisher->objects;
    struct strbuf name;
    struct strbuf content;
    enum err_code code = render_document(row, strbuf_view(&outcome->document), &content, err);

    if (code != ERR_OK) {
        return code;
    }
    strbuf_init(&name, 512);
    if (outcome->provisional) {
        slug_append(&name, issue->contract->id);
        strbuf_append_format(&name, "/%s/provisional.%s", issue->period.name, row->name);
    } else {
        statement_name(issue->contract->id, STR(issue->period.name), issue->issued.revision,
                       row->name, &name);
    }
    code = objects->put(objects, strbuf_text(&name), strbuf_view(&content),
                        outcome->provisional ? OBJECTS_REPLACE : OBJECTS_NEW, err);
    if (code == ERR_DELIVERY && row->drawn && drawn_before(issue, outcome, strbuf_text(&name))) {
        warn(issue, "%s stands as other versions of the libraries drew it", strbuf_text(&name));
        code = ERR_OK;
    }
    if (code == ERR_OK) {
        objects->locate(objects, strbuf_text(&name), &outcome->places);
        strbuf_append_char(&outcome->places, '\n');
    }
    strbuf_release(&name);
    strbuf_release(&content);
    return code;
}

static enum err_code put_all(const struct issue *issue, struct statement_outcome *outcome,
                             struct err *err)
{
    if (issue->publisher->objects == NULL) {
        return ERR_OK;
    }
    for (size_t i = 0; i < render_row_count; i++) {
        if ((issue->options->formats & (unsigned)render_rows[i].format) != 0) {
            enum err_code code;

            if (FAULT("statement.publish.file")) {
                return err_set(err, ERR_FAILED, "fault statement.publish.file");
            }
            code = put(issue, &render_rows[i], outcome, err);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    return ERR_OK;
}

/* "ACME, 2026-10: 99.412 % measured, 99.5 % agreed: missed; credit 1240.00 EUR". */
static void put_into_words(const struct tree *tree, struct statement_outcome *outcome)
{
    struct strbuf *out = &outcome->sentence;

    strbuf_append(out, tree_text(tree, "contract.customer"));
    strbuf_append_text(out, ", ");
    strbuf_append(out, tree_text(tree, "period.name"));
    if (!outcome->known) {
        strbuf_append_text(out, ": nothing was measured");
    } else {
        strbuf_append_text(out, ": ");
        strbuf_append(out, tree_text(tree, "uptime.percent"));
        strbuf_append_text(out, " % measured, ");
        strbuf_append(out, tree_text(tree, "target"));
        strbuf_append_text(out, outcome->met ? " % agreed: met" : " % agreed: missed");
    }
    if (tree_present(tree, "credit") && tree_integer(tree, "credit.amount_minor") != 0) {
        strbuf_append_text(out, "; credit ");
        strbuf_append(out, tree_text(tree, "credit.amount"));
        strbuf_append_char(out, ' ');
        strbuf_append(out, tree_text(tree, "credit.currency"));
    }
    if (outcome->provisional) {
        strbuf_append_text(out, " (provisional)");
    }
}

static enum err_code describe(struct issue *issue, struct statement_outcome *outcome,
                              struct err *err)
{
    const struct tree *tree;
    enum err_code code = tree_parse(strbuf_view(&outcome->document), &issue->arena, &tree, err);

    if (code == ERR_OK) {
        outcome->known = tree_present(tree, "uptime");
        outcome->met = tree_truth(tree, "met");
        put_into_words(tree, outcome);
    }
    return code;
}

static enum err_code run(struct issue *issue, struct statement_outcome *outcome, struct err *err)
{
    enum err_code code = read_snapshot(issue, err);

    if (code != ERR_OK) {
        return code;
    }
    if (issue->issued.found) {
        outcome->present = true;
        strbuf_append(&outcome->document, issue->issued.document);
        code = compare_issued(issue, err);
    } else if (issue->input.engine.service_count == 0 ||
               (issue->input.complete_ns / NS_PER_SECOND <= issue->period.from_s &&
                !issue->options->force)) {
        warn(issue, "there is no statement yet: no event of this period has been folded");
        return ERR_OK;
    } else {
        code = compute_and_issue(issue, outcome, err);
    }
    if (code == ERR_OK && outcome->present) {
        code = describe(issue, outcome, err);
    }
    if (code == ERR_OK && outcome->present) {
        code = put_all(issue, outcome, err);
    }
    return code;
}

enum err_code statement_possible(const struct contract *contract, struct err *err)
{
    const char *why;

    return contract_live(contract, &why)
               ? ERR_OK
               : err_set(err, ERR_CONFIG, "the contract in line %d: %s", contract->line, why);
}

enum err_code statement_publish_month(const struct publisher *publisher,
                                      const struct contract *contract, int32_t year, int32_t month,
                                      const struct statement_options *options,
                                      struct statement_outcome *ret_outcome, struct err *err)
{
    struct issue issue = {
        .publisher = publisher, .contract = contract, .options = options, .arena = ARENA_INIT};
    int64_t now_ns;
    enum err_code code = statement_possible(contract, err);

    strbuf_init(&issue.journal, 1);
    if (code == ERR_OK && year == 0) {
        code = db_now_ns(publisher->db, &now_ns, err);
        if (code == ERR_OK) {
            period_last(contract, now_ns, &year, &month);
        }
    }
    if (code == ERR_OK && period_find(publisher->contracts, publisher->contract_count, contract,
                                      year, month, &issue.arena, &issue.period)) {
        code = run(&issue, ret_outcome, err);
    }
    if (code != ERR_OK) {
        err_context(err, "%.*s", STR_ARGS(contract->id));
    }
    strbuf_release(&issue.journal);
    arena_release(&issue.arena);
    return code;
}
