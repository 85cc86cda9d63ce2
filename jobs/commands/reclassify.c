/*
 * uptally reclassify: time of a service that was other than its grades say, with author, time and reason.
 */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "jobs/command.h"
#include "jobs/statement/reclassify.h"
#include "jobs/ui.h"

enum {
    OPTION_SERVICE,
    OPTION_FROM,
    OPTION_TO,
    OPTION_AS,
    OPTION_REASON,
    OPTION_AUTHOR,
    OPTION_LIST,
    OPTION_WITHDRAW
};

static const struct option_row rows[] = {
    [OPTION_SERVICE] = {.name = "service",
                        .type = OPTION_TEXT,
                        .argument = "NAME",
                        .help = "the service"},
    [OPTION_FROM] = {.name = "from",
                     .type = OPTION_TIME,
                     .argument = "TIME",
                     .help = "start, like 2026-10-03T12:15:00+02:00, in whole seconds"},
    [OPTION_TO] = {.name = "to",
                   .type = OPTION_TIME,
                   .argument = "TIME",
                   .help = "end; it is over"},
    /* In the order of enum grade. */
    [OPTION_AS] = {.name = "as",
                   .type = OPTION_CHOICE,
                   .choices = "operational|degraded|partial|major|no_traffic|probe_down|"
                              "pipeline_gap|not_provisioned",
                   .help = "what it was"},
    [OPTION_REASON] = {.name = "reason",
                       .type = OPTION_TEXT,
                       .argument = "TEXT",
                       .help = "why; statements print it"},
    [OPTION_AUTHOR] = {.name = "author",
                       .type = OPTION_TEXT,
                       .argument = "NAME",
                       .fallback = "operator",
                       .help = "who says so"},
    [OPTION_LIST] = {.name = "list", .type = OPTION_FLAG, .help = "list reclassifications"},
    [OPTION_WITHDRAW] = {.name = "withdraw",
                         .type = OPTION_INTEGER,
                         .argument = "ID",
                         .minimum = 1,
                         .maximum = INT64_MAX,
                         .help = "take one back, with --reason"},
    {.name = NULL},
};

static const char *time_text(int64_t seconds, char text[CIVIL_TEXT_SIZE])
{
    return civil_format_rfc3339(seconds * NS_PER_SECOND, text);
}

static void print_one(struct run *run, const struct reclassification *row)
{
    char from[CIVIL_TEXT_SIZE], to[CIVIL_TEXT_SIZE], at[CIVIL_TEXT_SIZE];

    (void)fprintf(run->out, "%" PRId64 "  %s  %s  as %s  recorded %s  %.*s  %.*s (%.*s)", row->id,
                  time_text(row->from_s, from), time_text(row->to_s, to),
                  grade_row(row->state)->name, civil_format_rfc3339(row->recorded_ns, at),
                  STR_ARGS(row->service), STR_ARGS(row->reason), STR_ARGS(row->author));
    if (row->withdrawn) {
        (void)fprintf(run->out, "  WITHDRAWN %s  %.*s (%.*s)",
                      civil_format_rfc3339(row->withdrawn_ns, at), STR_ARGS(row->withdrawn_reason),
                      STR_ARGS(row->withdrawn_author));
    }
    (void)fputc('\n', run->out);
}

static enum err_code list(struct run *run, struct err *err)
{
    const struct option_value *from = &run->options[OPTION_FROM];
    const struct option_value *to = &run->options[OPTION_TO];
    struct arena arena = ARENA_INIT;
    struct reclassification *found;
    size_t count = 0;
    enum err_code code = reclassify_list(run->db, STR(run->options[OPTION_SERVICE].text),
                                         from->set ? from->number / NS_PER_SECOND : INT64_MIN,
                                         to->set ? to->number / NS_PER_SECOND : INT64_MAX, &arena,
                                         &found, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        print_one(run, &found[i]);
    }
    arena_release(&arena);
    return code;
}

static enum err_code withdraw(struct run *run, struct err *err)
{
    const struct option_value *options = run->options;
    int64_t id;
    enum err_code code;

    if (!options[OPTION_REASON].set) {
        return err_set(err, ERR_USAGE, "--reason is missing");
    }
    code = reclassify_withdraw(run->db, options[OPTION_WITHDRAW].number,
                               STR(options[OPTION_REASON].text), STR(options[OPTION_AUTHOR].text),
                               &id, err);
    if (code == ERR_OK) {
        (void)fprintf(run->out, "%" PRId64 "\n", id);
        ui_note("reclassification %" PRId64 " is withdrawn; nightly revises what it had changed",
                options[OPTION_WITHDRAW].number);
    }
    return code;
}

/* A service that no contract names is most likely a slip; a state that says nothing where requests are counted is said to. */
static void warn_of_contracts(const struct config *config, const struct reclassification *row)
{
    bool named = false;

    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];

        for (size_t k = 0; k < contract->service_count; k++) {
            if (str_equal(contract->services[k], row->service)) {
                named = true;
                if (!reclassify_speaks(contract, row->state)) {
                    ui_warn("contract %.*s counts requests, which no known state changes: there "
                            "it is listed and has no effect",
                            STR_ARGS(contract->id));
                }
            }
        }
    }
    if (!named) {
        ui_warn("no contract names a service \"%.*s\"", STR_ARGS(row->service));
    }
}

static enum err_code read_times(const struct option_value *options, struct reclassification *row,
                                struct err *err)
{
    int64_t from_ns = options[OPTION_FROM].number;
    int64_t to_ns = options[OPTION_TO].number;

    if (from_ns % NS_PER_SECOND != 0 || to_ns % NS_PER_SECOND != 0) {
        return err_set(err, ERR_USAGE, "--from and --to must be whole seconds");
    }
    row->from_s = from_ns / NS_PER_SECOND;
    row->to_s = to_ns / NS_PER_SECOND;
    return ERR_OK;
}

static enum err_code add(struct run *run, struct err *err)
{
    static const int required[] = {OPTION_SERVICE, OPTION_FROM, OPTION_TO, OPTION_AS,
                                   OPTION_REASON};
    const struct option_value *options = run->options;
    struct reclassification row = {.service = STR(options[OPTION_SERVICE].text),
                                   .state = (enum grade)options[OPTION_AS].number,
                                   .author = STR(options[OPTION_AUTHOR].text),
                                   .reason = STR(options[OPTION_REASON].text)};
    enum err_code code;

    for (size_t i = 0; i < ARRAY_COUNT(required); i++) {
        if (!options[required[i]].set) {
            return err_set(err, ERR_USAGE, "--%s is missing", rows[required[i]].name);
        }
    }
    code = read_times(options, &row, err);
    if (code == ERR_OK) {
        code = reclassify_add(run->db, &row, err);
    }
    if (code == ERR_OK) {
        (void)fprintf(run->out, "%" PRId64 "\n", row.id);
        warn_of_contracts(run->config, &row);
        ui_note("statements of that time will name it; nightly revises those that are issued and "
                "say another result now");
    }
    return code;
}

static enum err_code run(struct run *run, struct err *err)
{
    bool lists = run->options[OPTION_LIST].set;
    bool withdraws = run->options[OPTION_WITHDRAW].set;

    if (lists && withdraws) {
        return err_set(err, ERR_USAGE, "--list and --withdraw exclude each other");
    }
    if (lists) {
        return list(run, err);
    }
    return withdraws ? withdraw(run, err) : add(run, err);
}

const struct command command_reclassify = {
    .name = "reclassify",
    .group = "Run",
    .summary = "time that was other than its grades say: record, list, withdraw",
    .usage = "CONFIG --service NAME --from TIME --to TIME --as STATE --reason TEXT",
    .examples =
        "uptally reclassify uptally.yaml --service portal --from 2026-10-03T12:15:00+02:00 \\\n"
        "    --to 2026-10-03T12:40:00+02:00 --as probe_down --reason \"the probe lost its "
        "network\"\n"
        "uptally reclassify uptally.yaml --list\n"
        "uptally reclassify uptally.yaml --withdraw 3 --reason \"the logs say otherwise\"",
    .help =
        "Grades and counts stay as they are; the state is laid over them when a statement is\n"
        "computed. Statements name it with author, time and reason, and an issued one whose "
        "result\n"
        "changes is revised by the next nightly run. Where several speak of the same time, the\n"
        "last one does. Where a contract counts requests, only no_traffic, probe_down,\n"
        "pipeline_gap and not_provisioned have an effect: they override the counts. Prints the\n"
        "number of the record.",
    .options = rows,
    .needs = NEEDS_STORE,
    .run = run,
};
