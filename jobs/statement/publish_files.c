/* Of publish.h: an outcome in words and as files. */
#include <inttypes.h>

#include "base/check.h"
#include "base/fault.h"
#include "jobs/statement/issue.h"
#include "jobs/statement/publication.h"
#include "jobs/statement/render.h"
#include "jobs/statement/slug.h"

enum { NAME_SIZE_MAX = 512, FORMS_MAX = 8 };

void statement_name(struct str contract, struct str period, int64_t revision, const char *suffix,
                    struct strbuf *out)
{
    slug_append(out, contract);
    strbuf_append_format(out, "/%.*s/statement-r%" PRId64 ".%s", STR_ARGS(period), revision,
                         suffix);
}

/* One form of one revision on its way into the folder. */
struct form {
    const struct render_row *row;
    struct strbuf name;
    struct strbuf content;
    bool ours; /* a file that we published stands there */
};

/* What is published of one revision. */
struct edition {
    const struct issue *issue;
    int64_t revision; /* 0: provisional */
    struct render_source source;
    struct form forms[FORMS_MAX];
    size_t count;
};

static struct publication publication_of(const struct edition *edition, const struct form *form)
{
    return (struct publication){.contract = edition->issue->contract->id,
                                .period = STR(edition->issue->period.name),
                                .revision = edition->revision,
                                .format = form->row->name};
}

/* Whether a file stands there that we published: what this version draws, or what another one drew. */
static enum err_code find_ours(const struct edition *edition, struct form *form, struct err *err)
{
    const struct publication publication = publication_of(edition, form);
    const struct publisher *publisher = edition->issue->publisher;
    struct strbuf found_content;
    struct err cause = ERR_INIT; /* what cannot be read is not ours; put says why */
    bool found = false;
    enum err_code code = ERR_OK;

    strbuf_init(&found_content, RENDER_SIZE_MAX);
    if (publisher->objects->get(publisher->objects, strbuf_text(&form->name), &found,
                                &found_content, &cause) == ERR_OK &&
        found) {
        code = publication_known(publisher->db, &publication, strbuf_view(&found_content),
                                 &form->ours, err);
    }
    strbuf_release(&found_content);
    return code;
}

/* The statement itself is what its row says, byte by byte. */
static bool is_drawn(const struct form *form)
{
    return form->row->format != STATEMENT_JSON;
}

/* All in one transaction, before the first of them is there. */
static enum err_code note_drawn(struct edition *edition, struct err *err)
{
    const struct publisher *publisher = edition->issue->publisher;
    struct drawing drawings[FORMS_MAX];
    size_t count = 0;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < edition->count && edition->revision != 0 && code == ERR_OK; i++) {
        struct form *form = &edition->forms[i];

        code = is_drawn(form) ? find_ours(edition, form, err) : ERR_OK;
        if (is_drawn(form) && !form->ours) {
            drawings[count++] =
                (struct drawing){publication_of(edition, form), strbuf_view(&form->content)};
        }
    }
    return code == ERR_OK ? publication_note(publisher->db, publisher->lease, drawings, count,
                                             publisher->program_version, err)
                          : code;
}

static void name_form(const struct edition *edition, struct form *form)
{
    const struct issue *issue = edition->issue;

    strbuf_init(&form->name, NAME_SIZE_MAX);
    if (edition->revision != 0) {
        statement_name(issue->contract->id, STR(issue->period.name), edition->revision,
                       form->row->name, &form->name);
        return;
    }
    slug_append(&form->name, issue->contract->id);
    strbuf_append_format(&form->name, "/%s/provisional.%s", issue->period.name, form->row->name);
}

/* What can be drawn. Those before one that cannot are published nevertheless. */
static enum err_code draw(struct edition *edition, struct err *err)
{
    enum err_code code = ERR_OK;

    CHECK(render_row_count <= FORMS_MAX);
    for (size_t i = 0; i < render_row_count && code == ERR_OK; i++) {
        struct form *form = &edition->forms[edition->count];

        if ((edition->issue->options->formats & (unsigned)render_rows[i].format) == 0) {
            continue;
        }
        *form = (struct form){.row = &render_rows[i]};
        code = render_source(form->row, &edition->source, &form->content, err);
        if (code == ERR_OK) {
            name_form(edition, form);
            edition->count++;
        }
    }
    return code;
}

/* The last one makes the names of all lasting: they are made again from rows if a kill comes before that. */
static enum objects_mode mode_of(const struct edition *edition, size_t index)
{
    bool last = true;

    for (size_t i = index + 1; i < edition->count; i++) {
        last = last && edition->forms[i].ours;
    }
    return edition->revision == 0 ? OBJECTS_REPLACE : last ? OBJECTS_NEW : OBJECTS_NEW_SOON;
}

/* places may be NULL. */
static enum err_code put(const struct edition *edition, size_t index, struct strbuf *places,
                         struct err *err)
{
    struct objects *objects = edition->issue->publisher->objects;
    const struct form *form = &edition->forms[index];
    enum err_code code = ERR_OK;

    if (FAULT("statement.publish.file")) {
        return err_set(err, ERR_FAILED, "fault statement.publish.file");
    }
    if (!form->ours) {
        code = objects->put(objects, strbuf_text(&form->name), strbuf_view(&form->content),
                            mode_of(edition, index), err);
    }
    if (code == ERR_OK && places != NULL) {
        objects->locate(objects, strbuf_text(&form->name), places);
        strbuf_append_char(places, '\n');
    }
    return code;
}

static enum err_code put_all(const struct issue *issue, int64_t revision,
                             const struct render_source *source, struct strbuf *places,
                             struct err *err)
{
    struct edition edition = {.issue = issue, .revision = revision, .source = *source};
    struct err undrawn = ERR_INIT;
    enum err_code drawn = draw(&edition, &undrawn);
    enum err_code code = note_drawn(&edition, err);

    for (size_t i = 0; i < edition.count && code == ERR_OK; i++) {
        code = put(&edition, i, places, err);
    }
    for (size_t i = 0; i < edition.count; i++) {
        strbuf_release(&edition.forms[i].name);
        strbuf_release(&edition.forms[i].content);
    }
    if (code == ERR_OK && drawn != ERR_OK) {
        *err = undrawn;
        code = drawn;
    }
    return code;
}

/* A revision that another one followed stays in the folder; its files come back if they are gone. */
static enum err_code put_earlier(struct issue *issue, int64_t newest, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int64_t revision = 1; revision < newest && code == ERR_OK; revision++) {
        struct issued issued = {0};
        struct render_source source;

        code = issued_revision(issue->publisher->db, issue->contract->id, STR(issue->period.name),
                               revision, &issue->arena, &issued, err);
        if (code == ERR_OK && issued.found) {
            source = (struct render_source){.document = issued.document, .sha256 = issued.sha256};
            code = tree_parse(issued.document, &issue->arena, &source.tree, err);
            code = code == ERR_OK ? put_all(issue, revision, &source, NULL, err)
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
    char sha256[HASH_HEX_SIZE];
    struct render_source source = {.document = strbuf_view(&outcome->document),
                                   .sha256 = issue->issued.sha256};
    enum err_code code = tree_parse(source.document, &issue->arena, &source.tree, err);

    if (code == ERR_OK) {
        describe(source.tree, outcome);
    }
    outcome->revision = outcome->provisional ? 0 : issue->issued.revision;
    if (outcome->provisional) {
        hash_sha256_hex(source.document, sha256);
        source.sha256 = sha256;
    }
    if (code == ERR_OK && issue->publisher->objects != NULL) {
        code = put_all(issue, outcome->revision, &source, &outcome->places, err);
        if (code == ERR_OK) {
            code = put_earlier(issue, outcome->revision, err);
        }
    }
    return code;
}
