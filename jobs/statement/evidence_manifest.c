/* What an evidence pack says of itself: README.txt, manifest.json, SHA256SUMS. */
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"
#include "jobs/statement/evidence_parts.h"
#include "jobs/statement/input.h"
#include "jobs/statement/moment.h"

enum { TEXT_SIZE_MAX = 16 * 1024 * 1024 };

/* Files that are named after a revision, by how their names begin. */
static const struct {
    const char *beginning, *what;
} documents[] = {
    {"README.txt", "what this is and how to check it"},
    {"credit-note-", "what is owed for that revision"},
    {"provisional.", "the statement as it would be today"},
    {"statement-", "the issued statement of that revision; the .json is what was issued"},
    {"terms.json", "the terms of the contract that it was measured by"},
};

static const char *what_of(const char *name)
{
    for (size_t i = 0; i < evidence_table_count; i++) {
        if (strcmp(evidence_tables[i].name, name) == 0) {
            return evidence_tables[i].what;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(documents); i++) {
        if (strncmp(documents[i].beginning, name, strlen(documents[i].beginning)) == 0) {
            return documents[i].what;
        }
    }
    CHECK(!"every file of a pack is described");
    return "";
}

/* How to come to the figures again. */
static void write_again(const struct explanation *explanation, struct strbuf *text)
{
    const struct contract *contract = explanation->contract;
    /* Periods are asked for by a month of theirs. */
    struct civil last = zone_to_local(contract->zone, explanation->period.to_s - 1);

    if (contract->availability.percentile.present) {
        strbuf_append_text(text,
                           "To compute the figures again: of the good requests of a minute whose "
                           "latency is known, windows.csv\nsays how many took longer than the "
                           "limit (known, over). A slice is above it if over / known of its\n"
                           "minutes is more than the percentile leaves.\n\n");
        return;
    }
    strbuf_append_format(text,
                         "To compute the figures again from the tables:\n\n"
                         "    uptally evaluate CONFIG --contract %.*s --month %04d-%02d \\\n"
                         "        --windows windows.csv --states states.csv --announcements "
                         "announcements.csv\n\n"
                         "CONFIG holds the terms of terms.json.\n\n",
                         STR_ARGS(contract->id), (int)last.year, (int)last.month);
}

enum err_code evidence_write_readme(struct evidence *evidence, struct err *err)
{
    const struct explanation *explanation = evidence->explanation;
    const struct contract *contract = explanation->contract;
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, TEXT_SIZE_MAX);
    strbuf_append_format(&text,
                         "Evidence for the SLA statement of contract %.*s, %s: %s.\n"
                         "Customer: %.*s. Made by uptally %s.\n\n",
                         STR_ARGS(contract->id), explanation->period.name,
                         explanation_standing(&evidence->arena, explanation),
                         STR_ARGS(contract->customer), evidence->publisher->program_version);
    if (explanation->books == BOOKS_DIFFER) {
        strbuf_append_text(&text,
                           "The books have changed since that revision was issued. Tables and "
                           "explanation show the\nbooks as they are; the statement stands as it "
                           "was issued.\n\n");
    }
    strbuf_append_text(&text, "To check that nothing was changed, in this folder:\n\n"
                              "    sha256sum -c SHA256SUMS\n\n"
                              "The SHA-256 of statement-rN.json is the one that is printed on the "
                              "statement.\n");
    write_again(explanation, &text);
    strbuf_append_text(&text, "Times in tables are UTC. Offsets are those of the Kafka partitions "
                              "that the events were read\nfrom; between them there are events of "
                              "other services.\n\nFiles:\n\n");
    for (size_t i = 0; i < evidence_table_count; i++) {
        strbuf_append_format(&text, "  %-21s %s\n", evidence_tables[i].name,
                             evidence_tables[i].what);
    }
    strbuf_append_text(&text, "  statement-rN.*        the statements, all revisions\n"
                              "  credit-note-rN.*      what is owed for them\n"
                              "  terms.json            the terms that they were measured by\n"
                              "  manifest.json         sizes and hashes, for programs\n");
    code = evidence_add(evidence, "README.txt", strbuf_view(&text), err);
    strbuf_release(&text);
    return code;
}

/* Without the folder that all of them lie in. */
static const char *base_name(const char *name)
{
    const char *slash = strrchr(name, '/');

    return slash == NULL ? name : slash + 1;
}

static void write_files(struct json_writer *json, const struct zip_entry *entries, size_t count)
{
    json_open_array(json, "files");
    for (size_t i = 0; i < count; i++) {
        json_open_object(json, NULL);
        json_text(json, "name", base_name(entries[i].name));
        json_text(json, "sha256", entries[i].sha256);
        json_int64(json, "size", entries[i].size);
        json_text(json, "what", what_of(base_name(entries[i].name)));
        json_close(json);
    }
    json_close(json);
}

static void write_period(struct evidence *evidence, struct json_writer *json)
{
    const struct explanation *explanation = evidence->explanation;
    const struct zone *zone = explanation->contract->zone;

    json_open_object(json, "period");
    json_text(json, "from", moment_text(&evidence->arena, zone, explanation->result.from_s));
    json_text(json, "name", explanation->period.name);
    json_text(json, "time_zone", zone_name(zone));
    json_text(json, "to", moment_text(&evidence->arena, zone, explanation->result.to_s));
    json_close(json);
}

static void write_statement(const struct explanation *explanation, struct json_writer *json)
{
    json_open_object(json, "statement");
    if (explanation->issued.found) {
        json_int64(json, "revision", explanation->issued.revision);
        json_text(json, "sha256", explanation->issued.sha256);
    } else {
        json_nothing(json, "revision");
        json_nothing(json, "sha256");
    }
    json_text(json, "status", explanation->issued.found ? "final" : "provisional");
    json_close(json);
}

static void write_json(struct evidence *evidence, struct strbuf *out)
{
    const struct explanation *explanation = evidence->explanation;
    const struct zip_entry *entries;
    size_t count = zip_entries(evidence->zip, &entries);
    struct json_writer json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_open_object(&json, "books");
    json_bool(&json, "complete", explanation->input->complete);
    json_bool(&json, "differ", explanation->books == BOOKS_DIFFER);
    json_close(&json);
    json_open_object(&json, "contract");
    json_str(&json, "customer", explanation->contract->customer);
    json_text(&json, "digest", explanation->contract->digest);
    json_str(&json, "id", explanation->contract->id);
    json_close(&json);
    write_files(&json, entries, count);
    json_text(&json, "format", EVIDENCE_FORMAT);
    write_period(evidence, &json);
    json_open_object(&json, "program");
    json_text(&json, "name", "uptally");
    json_text(&json, "version", evidence->publisher->program_version);
    json_close(&json);
    write_statement(explanation, &json);
    json_text(&json, "verify", "sha256sum -c SHA256SUMS");
    json_close(&json);
    json_finish(&json);
}

static void write_sums(struct evidence *evidence, struct strbuf *out)
{
    const struct zip_entry *entries;
    size_t count = zip_entries(evidence->zip, &entries);

    for (size_t i = 0; i < count; i++) {
        strbuf_append_format(out, "%s  %s\n", entries[i].sha256, base_name(entries[i].name));
    }
}

enum err_code evidence_write_manifest(struct evidence *evidence, struct err *err)
{
    struct strbuf text;
    enum err_code code = zip_end(evidence->zip, err);

    strbuf_init(&text, TEXT_SIZE_MAX);
    if (code == ERR_OK) {
        write_json(evidence, &text);
        code = evidence_add(evidence, "manifest.json", strbuf_view(&text), err);
    }
    strbuf_clear(&text);
    if (code == ERR_OK) {
        write_sums(evidence, &text);
        code = evidence_add(evidence, "SHA256SUMS", strbuf_view(&text), err);
    }
    CHECK(!text.overflow);
    strbuf_release(&text);
    return code;
}
