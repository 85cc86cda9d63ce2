#include "jobs/statement/publish.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "aggregator/fold.h"
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/document.h"
#include "jobs/statement/issue.h"
#include "jobs/statement/journal.h"
#include "jobs/statement/terms.h"

void issue_warn(const struct issue *issue, const char *format, ...)
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

/* An issued statement is measured by the terms of its newest revision, as the store keeps them. They may have another time zone, and so another period of that name. */
static void use_issued_terms(struct issue *issue)
{
    struct period named;
    struct str digest = tree_text(issue->document, "contract.digest");
    struct err cause = ERR_INIT;

    if (issue->options->revise || str_equal(digest, STR(issue->contract->digest))) {
        return;
    }
    if (!issue->options->final_only) {
        issue_warn(issue, "the configuration has other terms than those that it was issued under, "
                          "which stand; report --revise applies the new ones");
    }
    if (terms_open(issue->publisher->db, issue->contract->id, digest, &issue->terms,
                   &issue->contract, &cause) != ERR_OK) {
        issue_warn(issue, "cannot be held against the books: %s", cause.text);
        issue->unchanged = true;
        return;
    }
    if (period_named(issue->contract, STR(issue->period.name), &issue->arena, &named)) {
        issue->period.from_s = named.from_s;
        issue->period.to_s = named.to_s;
    }
}

/* What was issued, and whether there can be anything new since. */
static enum err_code read_issued(struct issue *issue, struct err *err)
{
    struct db *db = issue->publisher->db;
    struct str period = STR(issue->period.name);
    enum err_code code =
        issued_find(db, issue->contract->id, period, &issue->arena, &issue->issued, err);

    if (code == ERR_OK && issue->issued.found) {
        code = tree_parse(issue->issued.document, &issue->arena, &issue->document, err);
        if (code == ERR_OK) {
            use_issued_terms(issue);
        }
    }
    if (code == ERR_OK) {
        code = comparison_now(db, issue->publisher->book_id, issue->contract, issue->period.from_s,
                              issue->period.to_s, &issue->books, err);
    }
    if (code == ERR_OK && issue->issued.found && !issue->unchanged) {
        code = comparison_holds(db, issue->contract->id, period, issue->issued.revision,
                                &issue->books, &issue->unchanged, &issue->graded, err);
    }
    return code;
}

/* An issued statement is read again only if there is something to be found. */
static bool wants_input(const struct issue *issue)
{
    if (issue->to_s <= issue->period.from_s) {
        return false;
    }
    return !issue->issued.found || issue->options->revise || (issue->over && !issue->unchanged);
}

/* Inside the snapshot. */
static enum err_code read_books(struct issue *issue, struct err *err)
{
    struct db *db = issue->publisher->db;
    int64_t book_id = issue->publisher->book_id;
    int64_t complete_ns;
    enum err_code code = fold_complete_until(db, book_id, &complete_ns, err);

    if (code == ERR_OK) {
        code = read_issued(issue, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    issue->over = (int128)issue->now_ns >=
                  (int128)issue->period.to_s * NS_PER_SECOND + issue->contract->grace_ns;
    issue->input.complete_ns = complete_ns;
    issue->to_s = measured_until(issue, complete_ns);
    if (!wants_input(issue)) {
        return ERR_OK;
    }
    issue->read = true;
    code = input_read_summed(db, book_id, issue->contract, issue->period.from_s, issue->to_s,
                             &issue->arena, &issue->input, err);
    if (code == ERR_OK) {
        code = journal_write(
            db,
            &(struct journal_facts){.book_id = book_id,
                                    .batches = issue->publisher->batches,
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
    code = db_begin_snapshot(db, err);
    if (code == ERR_OK) {
        code = read_books(issue, err);
    }
    db_rollback(db); /* nothing was written, so nothing can be lost */
    return code;
}

enum err_code issue_compute(struct issue *issue, bool provisional, int64_t revision,
                            const struct difference *difference, struct strbuf *ret_document,
                            bool *ret_valid, struct err *err)
{
    const struct statement_input *input = &issue->input;
    struct result result;

    issue->input.engine.period_from_s = issue->period.from_s;
    issue->input.engine.period_to_s = issue->period.to_s;
    *ret_valid = engine_compute(&issue->input.engine, &issue->arena, &result);
    if (!*ret_valid) {
        return ERR_OK;
    }
    return document_write(
        &(struct document_facts){.program_version = issue->publisher->program_version,
                                 .provisional = provisional,
                                 .revision = revision,
                                 .period = issue->period.name,
                                 .whole_from_s = issue->period.from_s,
                                 .whole_to_s = issue->period.to_s,
                                 .complete = input->complete,
                                 .lost = input->lost,
                                 .lost_count = input->lost_count,
                                 .partitions = input->partitions,
                                 .partition_count = input->partition_count,
                                 .reclassified = input->reclassified,
                                 .reclassified_count = input->reclassified_count,
                                 .difference = difference},
        &result, ret_document, err);
}

enum err_code issue_row(struct issue *issue, int64_t revision, struct str document, struct err *err)
{
    const struct publisher *publisher = issue->publisher;

    return issued_insert(publisher->db, publisher->lease,
                         &(struct issued_new){.contract = issue->contract,
                                              .period = STR(issue->period.name),
                                              .revision = revision,
                                              .document = document,
                                              .journal = strbuf_view(&issue->journal),
                                              .now_ns = issue->now_ns,
                                              .compared = &issue->books},
                         &issue->arena, &issue->issued, err);
}

/* Why a statement is provisional, in words. */
static void explain_provisional(const struct issue *issue)
{
    if (!issue->over) {
        issue_warn(issue, "provisional: the period and its grace are not over");
    } else if (issue->input.ungraded) {
        issue_warn(issue, "provisional: hours of it wait to be graded; run aggregate");
    } else {
        issue_warn(issue, "provisional: its events are not complete; run consume and aggregate, or "
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
        issue_warn(issue, "a period that has not ended cannot be issued, even with --force");
    }
    outcome->provisional = !due && !forced;
    if (outcome->provisional && issue->options->final_only) {
        return ERR_OK;
    }
    code = issue_compute(issue, outcome->provisional, 1, NULL, &document, &valid, err);
    if (code != ERR_OK || !valid) {
        return code;
    }
    if (issue->input.lost_count > 0) {
        issue_warn(issue, "records of it expired before they were read; the statement says when");
    }
    if (outcome->provisional) {
        explain_provisional(issue);
    } else {
        code = issue_row(issue, 1, strbuf_view(&document), err);
        outcome->issued = code == ERR_OK;
    }
    if (code == ERR_OK) {
        outcome->present = true;
        strbuf_append(&outcome->document,
                      outcome->provisional ? strbuf_view(&document) : issue->issued.document);
    }
    strbuf_release(&document);
    return code;
}

static enum err_code run(struct issue *issue, struct statement_outcome *outcome, struct err *err)
{
    enum err_code code = read_snapshot(issue, err);

    if (code != ERR_OK) {
        return code;
    }
    if (issue->issued.found) {
        code = issue_revise(issue, outcome, err);
    } else if (issue->input.engine.service_count == 0 ||
               (issue->input.complete_ns / NS_PER_SECOND <= issue->period.from_s &&
                !issue->options->force)) {
        issue_warn(issue, "there is no statement yet: no event of this period has been folded");
        return ERR_OK;
    } else {
        code = compute_and_issue(issue, outcome, err);
    }
    return code == ERR_OK && outcome->present ? issue_publish(issue, outcome, err) : code;
}

enum err_code statement_publish_month(const struct publisher *publisher,
                                      const struct contract *contract, int32_t year, int32_t month,
                                      const struct statement_options *options,
                                      struct statement_outcome *ret_outcome, struct err *err)
{
    struct issue issue = {
        .publisher = publisher, .contract = contract, .options = options, .arena = ARENA_INIT};
    int64_t now_ns;
    enum err_code code = ERR_OK;

    strbuf_init(&issue.journal, 1);
    if (year == 0) {
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
    terms_close(issue.terms);
    arena_release(&issue.arena);
    return code;
}
