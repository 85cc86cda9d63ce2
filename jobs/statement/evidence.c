#include "jobs/statement/evidence.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/document.h"
#include "jobs/statement/evidence_parts.h"
#include "jobs/statement/input.h"
#include "jobs/statement/render.h"
#include "jobs/statement/slug.h"
#include "jobs/statement/tree.h"

/* So many incidents and stretches are explained one by one, and so many batches named in each; the tables have all of them. */
enum { GROUPS_MAX = 2000, BATCHES_MAX = 100, PACK_NAME_MAX = 512, MINUTE_S = 60 };

enum err_code evidence_begin(struct evidence *evidence, const char *name, struct err *err)
{
    return zip_begin(evidence->zip, arena_format(&evidence->arena, "%s/%s", evidence->folder, name),
                     err);
}

enum err_code evidence_add(struct evidence *evidence, const char *name, struct str content,
                           struct err *err)
{
    enum err_code code = evidence_begin(evidence, name, err);

    if (code == ERR_OK) {
        code = zip_write(evidence->zip, content, err);
    }
    return code == ERR_OK ? zip_end(evidence->zip, err) : code;
}

/* A document in the forms that this program alone makes: bytes of a PDF change with the libraries that draw it, and a pack has to be the same again. */
static enum err_code add_document(struct evidence *evidence, const char *stem, struct str document,
                                  struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < render_row_count && code == ERR_OK; i++) {
        struct strbuf content;

        if (render_rows[i].format == STATEMENT_PDF) {
            continue;
        }
        code = render_document(&render_rows[i], document, &content, err);
        if (code == ERR_OK) {
            code = evidence_add(evidence,
                                arena_format(&evidence->arena, "%s.%s", stem, render_rows[i].name),
                                strbuf_view(&content), err);
            strbuf_release(&content);
        }
    }
    return code;
}

static enum err_code add_note(struct evidence *evidence, const struct issued_row *row,
                              struct err *err)
{
    struct credit_note note;
    bool owed = false, stored = false;
    enum err_code code =
        credit_note_find(evidence->publisher->db, row->contract, row->period, row->revision,
                         &evidence->arena, &note, &owed, &stored, err);

    for (size_t i = 0; i < CREDIT_NOTE_FORMS && stored && code == ERR_OK; i++) {
        const char *name = arena_format(&evidence->arena, "credit-note-r%" PRId64 ".%s",
                                        row->revision, credit_note_forms[i].suffix);
        struct strbuf content;

        strbuf_init(&content, CREDIT_NOTE_SIZE_MAX);
        credit_note_forms[i].write(&note, &content);
        code = evidence_add(evidence, name, strbuf_view(&content), err);
        strbuf_release(&content);
    }
    return code;
}

static enum err_code add_revision(struct evidence *evidence, const struct issued_row *row,
                                  struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct issued issued = {0};
    enum err_code code = issued_revision(evidence->publisher->db, row->contract, row->period,
                                         row->revision, &arena, &issued, err);

    if (code == ERR_OK) {
        code = add_document(evidence,
                            arena_format(&evidence->arena, "statement-r%" PRId64, row->revision),
                            issued.document, err);
    }
    if (code == ERR_OK && row->noted) {
        code = add_note(evidence, row, err);
    }
    arena_release(&arena);
    return code;
}

static enum err_code add_revisions(struct evidence *evidence, struct err *err)
{
    const struct explanation *explanation = evidence->explanation;
    struct issued_row *rows;
    size_t count;
    enum err_code code = issued_list(evidence->publisher->db, explanation->contract->id,
                                     &evidence->arena, &rows, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        if (str_equal(rows[i].period, STR(explanation->period.name))) {
            code = add_revision(evidence, &rows[i], err);
        }
    }
    return code;
}

/* Nothing is issued yet: the statement as it would be. */
static enum err_code add_provisional(struct evidence *evidence, struct err *err)
{
    const struct explanation *explanation = evidence->explanation;
    const struct statement_input *input = explanation->input;
    struct strbuf document;
    enum err_code code =
        document_write(&(struct document_facts){.program_version = explanation->program_version,
                                                .provisional = true,
                                                .revision = 1,
                                                .period = explanation->period.name,
                                                .whole_from_s = explanation->period.from_s,
                                                .whole_to_s = explanation->period.to_s,
                                                .complete = input->complete,
                                                .lost = input->lost,
                                                .lost_count = input->lost_count,
                                                .partitions = input->partitions,
                                                .partition_count = input->partition_count},
                       &explanation->result, &document, err);

    if (code == ERR_OK) {
        code = add_document(evidence, "provisional", strbuf_view(&document), err);
        strbuf_release(&document);
    }
    return code;
}

/* The terms that the newest revision was measured by; they are kept with the first statement that used them. */
static enum err_code find_terms(struct evidence *evidence, struct str *ret_terms, struct err *err)
{
    const struct explanation *explanation = evidence->explanation;
    const struct tree *tree;
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = tree_parse(explanation->issued.document, &evidence->arena, &tree, err);

    if (code == ERR_OK) {
        code = db_prepare(evidence->publisher->db,
                          "SELECT contract, digest, text, seen_ns, checksum FROM terms"
                          " WHERE contract = $1 AND digest = $2",
                          &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, explanation->contract->id);
    db_bind_text(stmt, 2, tree_text(tree, "contract.digest"));
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && (!row || db_column_checksum(stmt, 4) != db_column_int64(stmt, 4))) {
        code = err_set(err, ERR_MISMATCH, "the terms of contract %.*s are %s (run the audit)",
                       STR_ARGS(explanation->contract->id), row ? "damaged" : "not in the store");
    }
    if (code == ERR_OK) {
        *ret_terms = arena_str(&evidence->arena, db_column_text(stmt, 2));
    }
    db_reset(stmt);
    return code;
}

static enum err_code add_documents(struct evidence *evidence, struct err *err)
{
    struct str terms = evidence->explanation->contract->terms;
    enum err_code code;

    if (!evidence->explanation->issued.found) {
        code = add_provisional(evidence, err);
    } else {
        code = add_revisions(evidence, err);
        code = code == ERR_OK ? find_terms(evidence, &terms, err) : code;
    }
    return code == ERR_OK ? evidence_add(evidence, "terms.json", terms, err) : code;
}

static enum err_code add_tables(struct evidence *evidence, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < evidence_table_count && code == ERR_OK; i++) {
        code = evidence_begin(evidence, evidence_tables[i].name, err);
        if (code == ERR_OK) {
            code = evidence_tables[i].write(evidence, err);
        }
        if (code == ERR_OK) {
            code = zip_end(evidence->zip, err);
        }
    }
    return code;
}

/* The whole archive, into the draft of the object. */
static enum err_code fill(void *context, const struct objects_sink *sink, struct err *err)
{
    struct evidence *evidence = context;
    enum err_code code;

    evidence->zip = zip_new(sink->write, sink->context);
    code = trace_streams_read(evidence->publisher->db, &evidence->arena, &evidence->streams, err);
    if (code == ERR_OK) {
        code = evidence_write_readme(evidence, err);
    }
    if (code == ERR_OK) {
        code = add_tables(evidence, err);
    }
    if (code == ERR_OK) {
        code = add_documents(evidence, err);
    }
    if (code == ERR_OK) {
        code = evidence_write_manifest(evidence, err);
    }
    if (code == ERR_OK) {
        code = zip_finish(evidence->zip, err);
    }
    zip_free(evidence->zip);
    evidence->zip = NULL;
    return code;
}

/* "acme/2026-10/evidence-r1.zip", and the folder in it: "evidence-acme-2026-10-r1". */
static void name_pack(struct evidence *evidence, struct strbuf *ret_name)
{
    const struct explanation *explanation = evidence->explanation;
    const char *revision = explanation->issued.found ? arena_format(&evidence->arena, "r%" PRId64,
                                                                    explanation->issued.revision)
                                                     : "provisional";
    struct strbuf slug;

    strbuf_init(&slug, PACK_NAME_MAX);
    slug_append(&slug, explanation->contract->id);
    evidence->folder = arena_format(&evidence->arena, "evidence-%s-%s-%s", strbuf_text(&slug),
                                    explanation->period.name, revision);
    strbuf_append_format(ret_name, "%s/%s/evidence-%s.zip", strbuf_text(&slug),
                         explanation->period.name, revision);
    strbuf_release(&slug);
}

static enum err_code publish(const struct publisher *publisher,
                             const struct explanation *explanation, struct strbuf *places,
                             struct err *err)
{
    struct evidence evidence = {
        .publisher = publisher, .explanation = explanation, .arena = ARENA_INIT};
    struct objects *objects = publisher->objects;
    int64_t before_s, after_s;
    struct strbuf name;
    enum err_code code;

    engine_context_s(explanation->contract, &before_s, &after_s);
    evidence.from_minute = (explanation->input->engine.from_s - before_s) / MINUTE_S;
    evidence.to_minute = (explanation->input->engine.to_s + after_s + MINUTE_S - 1) / MINUTE_S;
    evidence.from_minute = evidence.from_minute > 0 ? evidence.from_minute : 0;
    strbuf_init(&name, PACK_NAME_MAX);
    name_pack(&evidence, &name);
    code = objects->put_parts(objects, strbuf_text(&name), fill, &evidence, err);
    if (code == ERR_OK) {
        objects->locate(objects, strbuf_text(&name), places);
        strbuf_append_char(places, '\n');
    }
    strbuf_release(&name);
    arena_release(&evidence.arena);
    return code;
}

/* Inside the snapshot. */
static enum err_code read_and_publish(const struct publisher *publisher,
                                      const struct explanation_options *options,
                                      const struct contract *contract, const struct period *period,
                                      struct arena *arena, struct strbuf *places, bool *ret_present,
                                      struct err *err)
{
    struct explanation explanation;
    enum err_code code =
        explanation_read(options, contract, period, arena, &explanation, ret_present, err);

    if (code == ERR_OK && *ret_present) {
        code = publish(publisher, &explanation, places, err);
    }
    return code;
}

enum err_code evidence_publish(const struct publisher *publisher, const struct cause_reader *books,
                               const struct contract *contract, int32_t year, int32_t month,
                               struct strbuf *places, bool *ret_present, struct err *err)
{
    struct explanation_options options = {.books = *books,
                                          .contracts = publisher->contracts,
                                          .contract_count = publisher->contract_count,
                                          .program_version = publisher->program_version,
                                          .limit = GROUPS_MAX,
                                          .list_max = BATCHES_MAX};
    struct arena arena = ARENA_INIT;
    struct period period;
    enum err_code code = db_now_ns(publisher->db, &options.now_ns, err);

    CHECK(books->db == publisher->db);
    *ret_present = false;
    if (code == ERR_OK && year == 0) {
        period_last(contract, options.now_ns, &year, &month);
    }
    if (code == ERR_OK && period_find(publisher->contracts, publisher->contract_count, contract,
                                      year, month, &arena, &period)) {
        code = db_begin_snapshot(publisher->db, err);
        if (code == ERR_OK) {
            code = read_and_publish(publisher, &options, contract, &period, &arena, places,
                                    ret_present, err);
        }
        db_rollback(publisher->db);
    }
    if (code != ERR_OK) {
        err_context(err, "evidence of %.*s", STR_ARGS(contract->id));
    }
    arena_release(&arena);
    return code;
}
