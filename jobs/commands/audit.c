/*
 * uptally audit: prove the books, or name the places where they do not add up.
 */
#include <inttypes.h>

#include "aggregator/audit.h"
#include "base/check.h"
#include "base/json.h"
#include "base/objects.h"
#include "jobs/command.h"
#include "jobs/statement/published.h"
#include "jobs/ui.h"

enum { OPTION_FORMAT, OPTION_PUBLISHED };
enum { FORMAT_TEXT, FORMAT_JSON };
enum { OUTPUT_SIZE_MAX = 1 << 20, FINDINGS_SHOWN_MAX = 100 };

static const struct option_row rows[] = {
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "text|json",
                       .fallback = "text",
                       .help = "form of the result"},
    [OPTION_PUBLISHED] = {.name = "published",
                          .type = OPTION_TEXT,
                          .argument = "FOLDER",
                          .help = "hold the statements and credit notes in it against the store "
                                  "too"},
    {.name = NULL},
};

struct output {
    struct run *run;
    bool json;
    struct strbuf text; /* of the JSON document */
    struct json_writer writer;
    struct published_report published; /* of --published */
};

/* A topic that the configuration no longer names is held to the strict rule. */
static bool allow_absent(void *context, struct str topic)
{
    const struct output *output = context;
    const struct config *config = output->run->config;

    for (size_t i = 0; i < config->topic_count; i++) {
        if (str_equal(config->topics[i].name, topic)) {
            return config->topics[i].gaps;
        }
    }
    return false;
}

static void show_finding(void *context, const char *line)
{
    struct output *output = context;

    if (output->json) {
        json_text(&output->writer, NULL, line);
    } else {
        (void)fprintf(output->run->out, "%s\n", line);
    }
}

/* The part of the document behind the findings; its keys ascend. */
static void finish_json(struct output *output, const struct audit_report *report)
{
    struct json_writer *json = &output->writer;

    json_close(json);
    json_int64(json, "partitions", report->partitions);
    if (output->run->options[OPTION_PUBLISHED].set) {
        json_int64(json, "published_files", output->published.files);
    }
    json_int64(json, "ranges", report->ranges);
    json_int64(json, "records", report->records);
    json_int64(json, "records_absent", report->absent);
    json_int64(json, "records_archived", report->archive_records);
    json_int64(json, "records_dead_lettered", report->dead_letters);
    json_int64(json, "records_lost", report->lost);
    json_int64(json, "records_redriven", report->redriven);
    json_int64(json, "total_findings", report->findings + output->published.findings);
    json_int64(json, "windows", report->windows);
    json_close(json);
    json_finish(json);
    (void)fprintf(output->run->out, "%s", strbuf_text(&output->text));
}

static void print_summary(struct output *output, const struct audit_report *report)
{
    (void)fprintf(output->run->out,
                  "%s: %" PRId64 " records in %" PRId64 " ranges of %" PRId64
                  " partitions, %" PRId64 " absent, %" PRId64 " dead letters, %" PRId64
                  " redriven, %" PRId64 " packed hours",
                  report->findings == 0 ? "the books add up" : "the books DO NOT add up",
                  report->records, report->ranges, report->partitions, report->absent,
                  report->dead_letters, report->redriven, report->windows);
    if (report->lost > 0) {
        (void)fprintf(output->run->out, ", %" PRId64 " lost and accepted", report->lost);
    }
    if (report->archive_files > 0) {
        (void)fprintf(output->run->out, "; archived: %" PRId64 " records in %" PRId64 " files",
                      report->archive_records, report->archive_files);
    }
    if (report->findings > 0) {
        (void)fprintf(output->run->out, "; %" PRId64 " findings", report->findings);
    }
    (void)fputc('\n', output->run->out);
    if (output->run->options[OPTION_PUBLISHED].set) {
        bool same = output->published.findings == 0;

        (void)fprintf(output->run->out, "the published files %s those of the store: %" PRId64,
                      same ? "are" : "are NOT", output->published.files);
        if (!same) {
            (void)fprintf(output->run->out, "; %" PRId64 " findings", output->published.findings);
        }
        (void)fputc('\n', output->run->out);
    }
}

static enum err_code audit_published(struct output *output, const char *path, int64_t shown_max,
                                     struct err *err)
{
    struct objects *objects;
    enum err_code code = objects_folder_open_read(path, &objects, err);

    if (code == ERR_OK && objects == NULL) {
        code = err_set(err, ERR_USAGE, "--published: there is no folder %s", path);
    }
    if (code == ERR_OK) {
        code = published_audit(output->run->db, objects, shown_max, show_finding, output,
                               &output->published, err);
        objects->close(objects);
    }
    return code;
}

/* Books first, then files. ERR_MISMATCH if anything was found. */
static enum err_code audit_both(struct output *output, struct audit_report *report, struct err *err)
{
    struct run *run = output->run;
    const struct option_value *published = &run->options[OPTION_PUBLISHED];
    struct err books = ERR_INIT;
    enum err_code code =
        audit_run(run->db, run->book_id, allow_absent, show_finding, output, report, &books);

    if ((code == ERR_OK || code == ERR_MISMATCH) && published->set) {
        int64_t left = FINDINGS_SHOWN_MAX - report->findings;

        if (audit_published(output, published->text, left, err) != ERR_OK) {
            return err->code;
        }
        if (code == ERR_OK && output->published.findings > 0) {
            code = err_set(&books, ERR_MISMATCH,
                           "the published files are not those of the store: %" PRId64 " finding%s",
                           output->published.findings, output->published.findings == 1 ? "" : "s");
        }
    }
    if (code != ERR_OK) {
        *err = books;
    }
    return code;
}

static enum err_code run_audit(struct run *run, struct err *err)
{
    struct output output = {.run = run, .json = run->options[OPTION_FORMAT].number == FORMAT_JSON};
    struct audit_report report = {0};
    enum err_code code;

    strbuf_init(&output.text, OUTPUT_SIZE_MAX);
    if (output.json) {
        json_init(&output.writer, &output.text, true);
        json_open_object(&output.writer, NULL);
        json_open_array(&output.writer, "findings");
    }
    code = audit_both(&output, &report, err);
    if (code == ERR_OK || code == ERR_MISMATCH) {
        if (output.json) {
            finish_json(&output, &report);
        } else {
            print_summary(&output, &report);
        }
    }
    strbuf_release(&output.text);
    return code;
}

const struct command command_audit = {
    .name = "audit",
    .group = "Prove",
    .summary = "prove that the books add up, or name the places where they do not",
    .usage = "CONFIG [options]",
    .examples = "uptally audit uptally.yaml\n"
                "uptally audit uptally.yaml --format json\n"
                "uptally audit uptally.yaml --published statements",
    .help =
        "Coverage (every offset once), conservation (each delivered record has one verdict, "
        "and what was tallied stands in a\n"
        "window or is pending), checksums of all rows, digests of issued documents. Reads "
        "only. Exit status 9 if anything is found;\n"
        "at most 100 findings are shown, all are counted. With --published also: every file of a\n"
        "statement or credit note in FOLDER is one that this store has issued, with this very "
        "content, and none is missing.\n"
        "So a store that was restored from an old backup is noticed.",
    .options = rows,
    .needs = NEEDS_STORE_READ | NEEDS_BOOK,
    .run = run_audit,
};
