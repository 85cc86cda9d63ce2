/*
 * uptally evaluate: a contract applied to CSV files. Nothing is printed unless all of it is.
 */
#include "jobs/evaluate/evaluate.h"

#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/command.h"
#include "jobs/statement/answer.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum {
    OPTION_CONTRACT,
    OPTION_MONTH,
    OPTION_FROM,
    OPTION_TO,
    OPTION_WINDOWS,
    OPTION_STATES,
    OPTION_ANNOUNCEMENTS,
    OPTION_FORMAT,
    OPTION_EXIT_CODE
};

static const struct option_row rows[] = {
    [OPTION_CONTRACT] = {.name = "contract",
                         .type = OPTION_TEXT,
                         .argument = "ID",
                         .help = "the contract"},
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "a month; of a quarter or year the one that contains it"},
    [OPTION_FROM] = {.name = "from",
                     .type = OPTION_TIME,
                     .argument = "TIME",
                     .help = "start of any interval instead, like 2026-10-01T00:00:00+02:00"},
    [OPTION_TO] = {.name = "to", .type = OPTION_TIME, .argument = "TIME", .help = "its end"},
    [OPTION_WINDOWS] = {.name = "windows",
                        .type = OPTION_TEXT,
                        .argument = "FILE",
                        .help = "CSV: service,minute,total,errors,slow"
                                "[,first_ok,last_ok,first_error,last_error]"},
    [OPTION_STATES] = {.name = "states",
                       .type = OPTION_TEXT,
                       .argument = "FILE",
                       .help = "CSV: service,from,to,state"},
    [OPTION_ANNOUNCEMENTS] = {.name = "announcements",
                              .type = OPTION_TEXT,
                              .argument = "FILE",
                              .help = "CSV: service,announced_at,from,to[,status,reason]"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "table|json",
                       .fallback = "table",
                       .help = "for people or for programs"},
    [OPTION_EXIT_CODE] = {.name = "exit-code",
                          .type = OPTION_FLAG,
                          .help = "exit 10 if a target was missed"},
    {.name = NULL},
};

static enum err_code whole_seconds(const struct option_value *options, int option, int64_t *ret_s,
                                   struct err *err)
{
    if (!options[option].set) {
        return err_set(err, ERR_USAGE, "--%s is missing", rows[option].name);
    }
    if (options[option].number % NS_PER_SECOND != 0) {
        return err_set(err, ERR_USAGE, "--%s: a fraction of a second", rows[option].name);
    }
    *ret_s = options[option].number / NS_PER_SECOND;
    return ERR_OK;
}

static enum err_code read_period(const struct option_value *options, struct terms_request *request,
                                 struct err *err)
{
    request->interval = options[OPTION_FROM].set || options[OPTION_TO].set;
    if (request->interval == options[OPTION_MONTH].set) {
        return err_set(err, ERR_USAGE, "either --month, or --from and --to");
    }
    if (!request->interval) {
        const char *text = options[OPTION_MONTH].text;

        return civil_parse_month(STR(text), &request->year, &request->month)
                   ? ERR_OK
                   : err_set(err, ERR_USAGE, "--month: \"%s\" is not a month like 2026-10", text);
    }
    if (whole_seconds(options, OPTION_FROM, &request->from_s, err) != ERR_OK) {
        return err->code;
    }
    return whole_seconds(options, OPTION_TO, &request->to_s, err);
}

static enum err_code read_options(const struct option_value *options, struct terms_request *request,
                                  struct evaluate_files *files, struct err *err)
{
    int standard = 0;

    if (!options[OPTION_CONTRACT].set) {
        return err_set(err, ERR_USAGE, "--contract is missing");
    }
    for (int i = OPTION_WINDOWS; i <= OPTION_ANNOUNCEMENTS; i++) {
        standard += options[i].set && strcmp(options[i].text, "-") == 0;
    }
    if (standard > 1) {
        return err_set(err, ERR_USAGE, "only one file can be standard input");
    }
    *files = (struct evaluate_files){.windows = options[OPTION_WINDOWS].text,
                                     .states = options[OPTION_STATES].text,
                                     .announcements = options[OPTION_ANNOUNCEMENTS].text};
    request->contract = STR(options[OPTION_CONTRACT].text);
    return read_period(options, request, err);
}

static enum err_code print(const struct run *run, const struct result *result, struct err *err)
{
    struct strbuf answer;
    enum err_code code = run->options[OPTION_FORMAT].number == 1
                             ? answer_json(result, UPTALLY_VERSION, &answer, err)
                             : answer_text(result, &answer, err);

    if (code == ERR_OK) {
        (void)fwrite(strbuf_text(&answer), 1, answer.size, run->out);
        strbuf_release(&answer);
    }
    return code;
}

/* All minutes are then without traffic: possible, and more likely a slip. */
static void warn_without_windows(const struct contract *contract,
                                 const struct evaluate_files *files)
{
    bool counts = contract->availability.method != METHOD_STATE_TIME;

    if (files->windows == NULL && (counts || contract->latency.present)) {
        ui_warn(
            "no --windows: %s of contract \"%.*s\" is measured as if there had been no requests",
            counts ? "uptime" : "latency", STR_ARGS(contract->id));
    }
}

static enum err_code run(struct run *run, struct err *err)
{
    struct terms_request request = {0};
    struct evaluate_files files;
    struct evaluation evaluation = {0};
    struct terms terms;
    enum err_code code = read_options(run->options, &request, &files, err);

    if (code == ERR_OK) {
        code = terms_choose(run->config, &request, &terms, err);
    }
    if (code == ERR_OK) {
        code = evaluate(&terms, &files, run->config_path, stop_is_requested, &evaluation, err);
    }
    if (code == ERR_OK) {
        warn_without_windows(terms.contract, &files);
        code = print(run, &evaluation.result, err);
    }
    if (code == ERR_OK && run->options[OPTION_EXIT_CODE].set && evaluation.result.verdicts.known &&
        !evaluation.result.verdicts.met) {
        code = ERR_MISSED; /* no error: there is nothing to say */
    }
    evaluation_release(&evaluation);
    return code;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .group = "Read",
    .summary = "apply a contract to CSV files from anywhere",
    .usage = "CONFIG --contract ID (--month YYYY-MM | --from TIME --to TIME) [options]",
    .examples =
        "uptally evaluate uptally.yaml --contract acme-2026 --month 2026-10 --windows w.csv\n"
        "uptally evaluate uptally.yaml --contract acme-2026 --month 2026-10 --states s.csv \\\n"
        "    --announcements a.csv --format json\n"
        "zcat w.csv.gz | uptally evaluate uptally.yaml --contract acme-2026 --month 2026-10 "
        "--windows -",
    .help =
        "Needs no broker and no store, and of CONFIG only its contracts: for another monitor's\n"
        "history, a what-if, a dispute. Files are CSV with a header, times RFC 3339; - is\n"
        "standard input. Rows may come in any order; windows that are sorted by service and\n"
        "minute are read without temporary files. What each column and state means:\n"
        "docs/sla-methods.md. A bad file prints nothing and exits 4, with FILE:LINE: COLUMN.",
    .options = rows,
    .needs = NEEDS_CONTRACTS,
    .run = run,
};
