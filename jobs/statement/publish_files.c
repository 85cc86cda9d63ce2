/* Of publish.h: an outcome in words and as files. */
#include <inttypes.h>

#include "base/fault.h"
#include "jobs/statement/issue.h"
#include "jobs/statement/publication.h"
#include "jobs/statement/render.h"
#include "jobs/statement/slug.h"

enum { NAME_SIZE_MAX = 512 };

void statement_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                    struct strbuf *out)
{
    slug_append(out, contract);
    strbuf_append_format(out, "/%.*s/statement-r%" PRId64 ".%s", STR_ARGS(period), revision,
                         suffix);
}

/* One form of one revision on its way into the folder. */
struct form {
    const struct issue *issue;
    const struct render_row *row;
    int64_t revision; /* 0: provisional */
    struct strbuf name;
    struct strbuf content;
};

/* Whether a file stands there that we published: what this version draws, or what another one drew. */
static enum err_code find_ours(struct form *form, const struct publication *publication,
                               bool *ret_ours, struct err *err)
{
    struct objects *objects = form->issue->publisher->objects;
    struct strbuf found_content;
    struct err cause = ERR_INIT; /* what cannot be read is not ours; put says why */
    bool found = false;
    enum err_code code = ERR_OK;

    strbuf_init(&found_content, RENDER_SIZE_MAX);
    *ret_ours = false;
    if (objects->get(objects, strbuf_text(&form->name), &found, &found_content, &cause) == ERR_OK &&
        found) {
        code = publication_known(form->issue->publisher->db, publication,
                                 strbuf_view(&found_content), ret_ours, err);
    }
    strbuf_release(&found_content);
    return code;
}

/* The statement itself is what its row says, byte by byte. */
static enum err_code put_new(struct form *form, struct err *err)
{
    const struct publisher *publisher = form->issue->publisher;
    const struct publication publication = {.contract = form->issue->contract->id,
                                            .period = STR(form->issue->period.name),
                                            .revision = form->revision,
                                            .format = form->row->name};
    bool drawn = form->row->format != STATEMENT_JSON;
    bool ours = false;
    enum err_code code = drawn ? find_ours(form, &publication, &ours, err) : ERR_OK;

    if (code != ERR_OK || ours) {
        return code;
    }
    if (drawn) {
        code = publication_note(publisher->db, publisher->lease, &publication,
                                strbuf_view(&form->content), publisher->program_version, err);
    }
    if (code == ERR_OK) {
        code = publisher->objects->put(publisher->objects, strbuf_text(&form->name),
                                       strbuf_view(&form->content), OBJECTS_NEW, err);
    }
    return code;
}

static enum err_code put_form(struct form *form, struct err *err)
{
    const struct issue *issue = form->issue;
    struct objects *objects = issue->publisher->objects;

    if (form->revision != 0) {
        statement_name(issue->contract->id, STR(issue->period.name), form->revision,
                       form->row->name, &form->name);
        return put_new(form, err);
    }
    slug_append(&form->name, issue->contract->id);
    strbuf_append_format(&form->name, "/%s/provisional.%s", issue->period.name, form->row->name);
    return objects->put(objects, strbuf_text(&form->name), strbuf_view(&form->content),
                        OBJECTS_REPLACE, err);
}

/* tree: of the document. places may be NULL. */
static enum err_code put(const struct issue *issue, const struct render_row *row, int64_t revision,
                         struct str document, const struct tree *tree, struct strbuf *places,
                         struct err *err)
{
    struct form form = {.issue = issue, .row = row, .revision = revision};
    enum err_code code;

    if (FAULT("statement.publish.file")) {
        return err_set(err, ERR_FAILED, "fault statement.publish.file");
    }
    code = render_parsed(row, document, tree, &form.content, err);
    if (code != ERR_OK) {
        return code;
    }
    strbuf_init(&form.name, NAME_SIZE_MAX);
    code = put_form(&form, err);
    if (code == ERR_OK && places != NULL) {
        issue->publisher->objects->locate(issue->publisher->objects, strbuf_text(&form.name),
                                          places);
        strbuf_append_char(places, '\n');
    }
    strbuf_release(&form.name);
    strbuf_release(&form.content);
    return code;
}

static enum err_code put_all(const struct issue *issue, int64_t revision, struct str document,
                             const struct tree *tree, struct strbuf *places, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < render_row_count && code == ERR_OK; i++) {
        if ((issue->options->formats & (unsigned)render_rows[i].format) != 0) {
            code = put(issue, &render_rows[i], revision, document, tree, places, err);
        }
    }
    return code;
}

/* A revision that another one followed stays in the folder; its files come back if they are gone. */
static enum err_code put_earlier(struct issue *issue, int64_t newest, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int64_t revision = 1; revision < newest && code == ERR_OK; revision++) {
        struct issued issued = {0};
        const struct tree *tree;

        code = issued_revision(issue->publisher->db, issue->contract->id, STR(issue->period.name),
                               revision, &issue->arena, &issued, err);
        if (code == ERR_OK && issued.found) {
            code = tree_parse(issued.document, &issue->arena, &tree, err);
            code = code == ERR_OK ? put_all(issue, revision, issued.document, tree, NULL, err)
                                  : err_context(err, "statement");
        }
    }
    return code;
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
    } else if (tree_integer(tree, "revision") > 1) {
        strbuf_append_format(out, " (revision %" PRId64 ")", tree_integer(tree, "revision"));
    }
}

static void describe(const struct tree *tree, struct statement_outcome *outcome)
{
    outcome->known = tree_present(tree, "uptime");
    outcome->met = tree_truth(tree, "met");
    put_into_words(tree, outcome);
}

enum err_code issue_publish(struct issue *issue, struct statement_outcome *outcome, struct err *err)
{
    const struct tree *tree;
    enum err_code code = tree_parse(strbuf_view(&outcome->document), &issue->arena, &tree, err);

    if (code == ERR_OK) {
        describe(tree, outcome);
    }
    outcome->revision = outcome->provisional ? 0 : issue->issued.revision;
    if (code == ERR_OK && issue->publisher->objects != NULL) {
        code = put_all(issue, outcome->revision, strbuf_view(&outcome->document), tree,
                       &outcome->places, err);
        if (code == ERR_OK) {
            code = put_earlier(issue, outcome->revision, err);
        }
    }
    return code;
}
