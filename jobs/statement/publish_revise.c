/* Of publish.h: an issued statement held against the books, and the revision that follows. */
#include <inttypes.h>

#include "base/check.h"
#include "jobs/statement/issue.h"

enum { WORDS_SIZE_MAX = 256 };

/* What stands is what is published, whether this call made it or not. */
static void take_issued(const struct issue *issue, struct statement_outcome *outcome)
{
    outcome->present = true;
    strbuf_clear(&outcome->document);
    strbuf_append(&outcome->document, issue->issued.document);
}

/* A difference note is in one currency. */
static enum err_code check_currency(const struct difference *difference, struct err *err)
{
    struct str before = tree_text(difference->before, "credit.currency");
    struct str after = tree_text(difference->after, "credit.currency");

    if (before.size > 0 && after.size > 0 && !str_equal(before, after)) {
        return err_set(err, ERR_CONFIG,
                       "its credit is in %.*s; a revision cannot be in %.*s: no note could say the "
                       "difference",
                       STR_ARGS(before), STR_ARGS(after));
    }
    return ERR_OK;
}

static void say_revised(const struct issue *issue, const struct difference *difference)
{
    struct strbuf words;

    strbuf_init(&words, WORDS_SIZE_MAX);
    difference_words(difference->causes, &words);
    issue_warn(issue, "revision %" PRId64 " is issued: %s changed the result",
               difference->revision_before + 1, strbuf_text(&words));
    strbuf_release(&words);
}

static enum err_code issue_next(struct issue *issue, const struct difference *difference,
                                struct statement_outcome *outcome, struct err *err)
{
    int64_t revision = difference->revision_before + 1;
    struct strbuf document;
    bool valid;
    enum err_code code = check_currency(difference, err);

    if (code != ERR_OK) {
        return code;
    }
    code = issue_compute(issue, false, revision, difference, &document, &valid, err);
    if (code != ERR_OK) {
        return code;
    }
    CHECK(valid); /* it was a moment ago */
    code = issue_row(issue, revision, strbuf_view(&document), err);
    if (code == ERR_OK) {
        outcome->issued = true;
        say_revised(issue, difference);
    }
    strbuf_release(&document);
    return code;
}

/* There is nothing to say until the books change again. */
static enum err_code note_compared(struct issue *issue, struct err *err)
{
    const struct publisher *publisher = issue->publisher;

    return issued_compared(publisher->db, publisher->lease, issue->contract->id,
                           STR(issue->period.name), issue->issued.revision, &issue->books, err);
}

static enum err_code decide(struct issue *issue, const struct tree *after,
                            struct statement_outcome *outcome, struct err *err)
{
    struct difference difference = {
        .before = issue->document,
        .after = after,
        .revision_before = issue->issued.revision,
        .sha256_before = arena_text(&issue->arena, STR(issue->issued.sha256)),
        .reason = issue->options->revise ? issue->options->cause : (struct str){0},
    };

    if (difference_none(issue->document, after)) {
        if (issue->options->revise) {
            issue_warn(issue, "the result is what it was: no revision is issued");
            return ERR_OK;
        }
        return note_compared(issue, err);
    }
    difference.causes = difference_causes(issue->document, after, issue->graded);
    if (difference.causes == CAUSE_PROGRAM && !issue->options->revise) {
        issue_warn(issue, "this version of the program computes another result than the issued "
                          "statement, which stands; report --revise issues a revision");
        return note_compared(issue, err);
    }
    return issue_next(issue, &difference, outcome, err);
}

static enum err_code compare(struct issue *issue, struct statement_outcome *outcome,
                             struct err *err)
{
    struct strbuf computed;
    const struct tree *after;
    bool valid = false;
    enum err_code code =
        issue_compute(issue, false, issue->issued.revision + 1, NULL, &computed, &valid, err);

    if (code != ERR_OK) {
        return code;
    }
    if (!valid) {
        issue_warn(issue, "by these terms there is nothing to measure; what is issued stands");
        return ERR_OK;
    }
    code = tree_parse(strbuf_view(&computed), &issue->arena, &after, err);
    if (code == ERR_OK) {
        code = decide(issue, after, outcome, err);
    }
    strbuf_release(&computed);
    return code;
}

/* Why a revision that was asked for cannot be computed yet. */
static bool may_compare(const struct issue *issue)
{
    bool ready = issue->read && issue->over && issue->input.complete;

    if (issue->options->revise && issue->options->force && issue->read) {
        return true;
    }
    if (issue->options->revise && !ready) {
        issue_warn(issue, "its data are not complete; what is issued stands, unless --force");
    }
    return ready;
}

enum err_code issue_revise(struct issue *issue, struct statement_outcome *outcome, struct err *err)
{
    enum err_code code = may_compare(issue) ? compare(issue, outcome, err) : ERR_OK;

    if (code == ERR_OK) {
        take_issued(issue, outcome);
    }
    return code;
}
