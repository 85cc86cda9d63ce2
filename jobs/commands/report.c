/*
 * uptally report: SLA statements of a month. Prints the paths of what it published; what each statement says goes to standard error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/check.h"
#include "base/civil.h"
#include "jobs/command.h"
#include "jobs/statement/entry.h"
#include "jobs/statement/evidence.h"
#include "jobs/statement/journal.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/render.h"
#include "jobs/troubles.h"
#include "jobs/ui.h"

enum { PLACES_SIZE_MAX = 64 * 1024 };

enum {
    OPTION_CONTRACT,
    OPTION_MONTH,
    OPTION_FORMAT,
    OPTION_FORCE,
    OPTION_REVISE,
    OPTION_CAUSE,
    OPTION_EXIT_CODE,
    OPTION_STDOUT,
    OPTION_EVIDENCE
};

static const struct option_row rows[] = {
    [OPTION_CONTRACT] = {.name = "contract",
                         .type = OPTION_TEXT,
                         .argument = "ID",
                         .help = "only this contract"},
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "any month of the period; of rolling ones the month that they end "
                              "with. Default: the last period that has ended in each contract's "
                              "zone"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICES,
                       .choices = "json|html|pdf|csv|all",
                       .fallback = "all",
                       .help = "what to publish; several separated by commas"},
    [OPTION_FORCE] = {.name = "force",
                      .type = OPTION_FLAG,
                      .help = "issue a period that has ended although data are missing or grace is "
                              "not over"},
    [OPTION_REVISE] = {.name = "revise",
                       .type = OPTION_FLAG,
                       .help = "measure an issued month again, by the terms in the configuration; "
                               "issues a revision if the result differs"},
    [OPTION_CAUSE] = {.name = "cause",
                      .type = OPTION_TEXT,
                      .argument = "TEXT",
                      .help = "why, with --revise; the revision prints it"},
    [OPTION_EXIT_CODE] = {.name = "exit-code",
                          .type = OPTION_FLAG,
                          .help = "exit 10 if a target was missed"},
    [OPTION_STDOUT] = {.name = "stdout",
                       .type = OPTION_FLAG,
                       .help =
                           "print the statement (JSON unless --format says otherwise) and write "
                           "no files"},
    [OPTION_EVIDENCE] = {.name = "evidence",
                         .type = OPTION_FLAG,
                         .help = "also pack what each statement rests on into one archive, with "
                                 "hashes"},
    {.name = NULL},
};

/* One run over all contracts. */
struct report {
    struct run *run;
    struct publisher publisher;
    struct journal_batches batches;
    struct statement_options options;
    int32_t year, month;            /* 0: the last one of each contract */
    const struct render_row *print; /* NULL: files */
    struct troubles troubles;
    bool any;
    bool missed;
};

static void note(void *context, bool warning, const char *line)
{
    (void)context;
    if (warning) {
        ui_warn("%s", line);
    } else {
        ui_note("%s", line);
    }
}

static enum err_code print_document(const struct report *report,
                                    const struct statement_outcome *outcome, struct err *err)
{
    struct strbuf content;
    enum err_code code;

    if (report->print == NULL) {
        (void)fwrite(strbuf_text(&outcome->places), 1, outcome->places.size, report->run->out);
        return ERR_OK;
    }
    code = render_document(report->print, strbuf_view(&outcome->document), &content, err);
    if (code == ERR_OK) {
        (void)fwrite(strbuf_text(&content), 1, content.size, report->run->out);
        strbuf_release(&content);
    }
    return code;
}

/* Behind the statement, which it is about. */
static enum err_code publish_evidence(struct report *report, const struct contract *contract,
                                      struct err *err)
{
    const struct cause_reader books = {.db = report->run->db,
                                       .book_id = report->run->book_id,
                                       .rules = config_rules,
                                       .context = report->run->config};
    struct strbuf places;
    bool present;
    enum err_code code;

    strbuf_init(&places, PLACES_SIZE_MAX);
    code = evidence_publish(&report->publisher, &books, contract, report->year, report->month,
                            &places, &present, err);
    if (code == ERR_OK) {
        (void)fwrite(strbuf_text(&places), 1, places.size, report->run->out);
    }
    strbuf_release(&places);
    return code;
}

static enum err_code report_contract(struct report *report, const struct contract *contract,
                                     struct err *err)
{
    struct statement_outcome outcome;
    enum err_code code;

    statement_outcome_init(&outcome);
    code = statement_publish_month(&report->publisher, contract, report->year, report->month,
                                   &report->options, &outcome, err);
    if (code == ERR_OK && outcome.present) {
        report->any = true;
        report->missed = report->missed || (outcome.known && !outcome.met);
        ui_note("%s", strbuf_text(&outcome.sentence));
        code = print_document(report, &outcome, err);
        if (code == ERR_OK && report->run->options[OPTION_EVIDENCE].set) {
            code = publish_evidence(report, contract, err);
        }
    }
    statement_outcome_release(&outcome);
    return code;
}

/* Bits of enum statement_format. */
static unsigned formats_of(int64_t choices)
{
    static const unsigned formats[] = {STATEMENT_JSON, STATEMENT_HTML, STATEMENT_PDF, STATEMENT_CSV,
                                       STATEMENT_ALL};
    unsigned chosen = 0;

    for (size_t i = 0; i < ARRAY_COUNT(formats); i++) {
        chosen |= (choices >> i & 1) != 0 ? formats[i] : 0;
    }
    return chosen;
}

/* One, for what is printed is one document. */
static enum err_code choose_print(struct report *report, unsigned format, struct err *err)
{
    format = format == STATEMENT_ALL ? STATEMENT_JSON : format;
    for (size_t i = 0; i < render_row_count; i++) {
        if ((unsigned)render_rows[i].format == format) {
            report->print = &render_rows[i];
        }
    }
    if (report->print == NULL) {
        return err_set(err, ERR_USAGE, "--stdout prints one format: name one with --format");
    }
    if (report->print->format == STATEMENT_PDF && isatty(fileno(report->run->out)) == 1) {
        return err_set(err, ERR_USAGE, "--stdout: PDF is not for a terminal; write it to a file");
    }
    return ERR_OK;
}

static enum err_code read_options(struct report *report, struct err *err)
{
    const struct option_value *values = report->run->options;
    unsigned formats = formats_of(values[OPTION_FORMAT].number);

    report->options = (struct statement_options){.formats = formats,
                                                 .force = values[OPTION_FORCE].set,
                                                 .revise = values[OPTION_REVISE].set,
                                                 .cause = STR(values[OPTION_CAUSE].text)};
    if (values[OPTION_REVISE].set != values[OPTION_CAUSE].set) {
        return err_set(err, ERR_USAGE, "--revise and --cause belong together");
    }
    if (values[OPTION_REVISE].set && !values[OPTION_CONTRACT].set) {
        return err_set(err, ERR_USAGE, "--revise needs --contract: one cause, one contract");
    }
    if (values[OPTION_CAUSE].set &&
        entry_check("--cause", report->options.cause, ENTRY_TEXT_MAX, err) != ERR_OK) {
        return err->code;
    }
    if (values[OPTION_MONTH].set &&
        !civil_parse_month(STR(values[OPTION_MONTH].text), &report->year, &report->month)) {
        return err_set(err, ERR_USAGE, "--month: \"%s\" is not a month like 2026-10",
                       values[OPTION_MONTH].text);
    }
    if (values[OPTION_STDOUT].set && values[OPTION_EVIDENCE].set) {
        return err_set(err, ERR_USAGE,
                       "--evidence is an archive in the output folder: not with "
                       "--stdout");
    }
    return values[OPTION_STDOUT].set ? choose_print(report, formats, err) : ERR_OK;
}

static enum err_code report_all(struct report *report, struct err *err)
{
    const struct config *config = report->run->config;
    const char *id = report->run->options[OPTION_CONTRACT].text;
    bool found = false;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < config->contract_count; i++) {
        if (id == NULL || str_equal(config->contracts[i].id, STR(id))) {
            found = true;
            code = report_contract(report, &config->contracts[i], err);
            if (troubles_end(&report->troubles, code, err)) {
                return code;
            }
        }
    }
    code = report->troubles.first;
    if (!found) {
        code = id != NULL ? err_set(err, ERR_USAGE, "--contract: there is no contract \"%s\"", id)
                          : err_set(err, ERR_CONFIG, "%.*s: there are no contracts",
                                    STR_ARGS(config->path));
    }
    return code;
}

static enum err_code run(struct run *run, struct err *err)
{
    struct report report = {
        .run = run,
        .publisher = {.db = run->db,
                      .book_id = run->book_id,
                      .contracts = run->config->contracts,
                      .contract_count = run->config->contract_count,
                      .program_version = UPTALLY_VERSION,
                      .batches = &report.batches,
                      .note = note},
    };
    enum err_code code = read_options(&report, err);

    if (code == ERR_OK && report.print == NULL) {
        code = objects_folder_open(run->config->output_path.data, &report.publisher.objects, err);
    }
    if (code == ERR_OK) {
        code = report_all(&report, err);
    }
    if (report.publisher.objects != NULL) {
        report.publisher.objects->close(report.publisher.objects);
    }
    if (code == ERR_OK && !report.any) {
        ui_note("no contract has a statement for this month");
    }
    if (code == ERR_OK && report.missed && run->options[OPTION_EXIT_CODE].set) {
        return ERR_MISSED; /* no error: there is nothing to say */
    }
    return code;
}

const struct command command_report = {
    .name = "report",
    .group = "Read",
    .summary = "issue and publish the SLA statements of a month",
    .usage = "CONFIG [options]",
    .examples = "uptally report uptally.yaml\n"
                "uptally report uptally.yaml --contract acme-2026 --month 2026-10\n"
                "uptally report uptally.yaml --month 2026-10 --format json,html\n"
                "uptally report uptally.yaml --month 2026-10 --format json --stdout\n"
                "uptally report uptally.yaml --contract acme-2026 --month 2026-10 --revise \\\n"
                "    --cause \"the tier of 25 % was missing\"",
    .help =
        "A statement is issued once the month's events are complete and the contract's grace is\n"
        "over; then it never changes, and running again publishes the same bytes. Before, it is\n"
        "provisional: published under another name, and measured as far as the books go.\n"
        "--evidence packs the statements, the minutes, announcements, offsets and batches that "
        "they\n"
        "rest on, and an explanation, into evidence-rN.zip beside them.\n"
        "If late data or a reclassification change the result of an issued month, its next\n"
        "revision is issued beside it, by the terms of the first. Changed terms, and a version of\n"
        "the program that computes otherwise, do so only with --revise and a cause.\n"
        "An error of one contract is said and does not stop the others; the first one decides the\n"
        "exit status.",
    .options = rows,
    .needs = NEEDS_STORE | NEEDS_BOOK,
    .run = run,
};
