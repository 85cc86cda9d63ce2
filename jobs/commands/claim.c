/*
 * uptally claim: what a customer claimed, and whether it was in time.
 */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"
#include "jobs/command.h"
#include "jobs/statement/claim.h"
#include "jobs/statement/period.h"
#include "jobs/ui.h"

enum { OPTION_CONTRACT, OPTION_MONTH, OPTION_ON, OPTION_BY, OPTION_REFERENCE, OPTION_LIST };

enum { LINE_SIZE_MAX = 16 * 1024 };

static const struct option_row rows[] = {
    [OPTION_CONTRACT] = {.name = "contract",
                         .type = OPTION_TEXT,
                         .argument = "ID",
                         .help = "whose credit"},
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "of which month"},
    [OPTION_ON] = {.name = "on",
                   .type = OPTION_TEXT,
                   .argument = "DATE",
                   .help = "the day on which the customer claimed, in the contract's zone, or a "
                           "time like 2026-11-20T14:00:00+01:00"},
    [OPTION_BY] = {.name = "by",
                   .type = OPTION_TEXT,
                   .argument = "NAME",
                   .fallback = "customer",
                   .help = "who claimed"},
    [OPTION_REFERENCE] = {.name = "reference",
                          .type = OPTION_TEXT,
                          .argument = "TEXT",
                          .help = "a letter, a ticket"},
    [OPTION_LIST] = {.name = "list",
                     .type = OPTION_FLAG,
                     .help = "list claims: all, or of a contract and month"},
    {.name = NULL},
};

static void print_one(struct run *run, const struct claim *claim)
{
    char text[CIVIL_TEXT_SIZE] = "-";
    struct strbuf line;

    strbuf_init(&line, LINE_SIZE_MAX);
    strbuf_append_format(&line, "%" PRId64 "  %.*s  %.*s  ", claim->id, STR_ARGS(claim->contract),
                         STR_ARGS(claim->period));
    claim_words(claim, &line);
    if (claim->has_deadline) {
        (void)civil_format_rfc3339(claim->deadline_ns, text);
    }
    strbuf_append_format(&line, "  deadline %s  %.*s", text, STR_ARGS(claim->author));
    if (claim->reference.size > 0) {
        strbuf_append_format(&line, "  %.*s", STR_ARGS(claim->reference));
    }
    strbuf_append_format(&line, "  recorded %s\n", civil_format_rfc3339(claim->recorded_ns, text));
    (void)fwrite(strbuf_text(&line), 1, line.size, run->out);
    strbuf_release(&line);
}

static enum err_code list(struct run *run, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct claim *claims;
    size_t count = 0;
    enum err_code code =
        claim_list(run->db, STR(run->options[OPTION_CONTRACT].text),
                   STR(run->options[OPTION_MONTH].text), &arena, &claims, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        print_one(run, &claims[i]);
    }
    arena_release(&arena);
    return code;
}

/* The version of the contract that holds in that month; of several the last one, with whose period the month ends. */
static enum err_code find_contract(const struct run *run, struct arena *arena,
                                   const struct contract **ret_contract, struct period *ret_period,
                                   struct err *err)
{
    const struct config *config = run->config;
    struct str id = STR(run->options[OPTION_CONTRACT].text);
    struct str text = STR(run->options[OPTION_MONTH].text);
    int32_t year, month;

    if (!civil_parse_month(text, &year, &month)) {
        return err_set(err, ERR_USAGE, "--month: \"%.*s\" is not a month like 2026-10",
                       STR_ARGS(text));
    }
    *ret_contract = NULL;
    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];
        struct period period;

        if (str_equal(contract->id, id) &&
            period_find(config->contracts, config->contract_count, contract, year, month, arena,
                        &period) &&
            (*ret_contract == NULL || contract->valid_from_s > (*ret_contract)->valid_from_s)) {
            *ret_contract = contract;
            *ret_period = period;
        }
    }
    if (*ret_contract == NULL) {
        return config_contract(config, id) == NULL
                   ? err_set(err, ERR_USAGE, "--contract: there is no contract \"%.*s\"",
                             STR_ARGS(id))
                   : err_set(err, ERR_USAGE, "contract %.*s does not hold in %.*s", STR_ARGS(id),
                             STR_ARGS(text));
    }
    return ERR_OK;
}

static void say_verdict(const struct claim *claim)
{
    struct strbuf words;

    strbuf_init(&words, LINE_SIZE_MAX);
    claim_words(claim, &words);
    if (claim_in_time(claim)) {
        ui_note("%.*s, %.*s: %s", STR_ARGS(claim->contract), STR_ARGS(claim->period),
                strbuf_text(&words));
    } else {
        ui_warn("%.*s, %.*s: %s; it is recorded all the same", STR_ARGS(claim->contract),
                STR_ARGS(claim->period), strbuf_text(&words));
    }
    strbuf_release(&words);
}

static enum err_code add(struct run *run, struct err *err)
{
    static const int required[] = {OPTION_CONTRACT, OPTION_MONTH, OPTION_ON};
    const struct option_value *options = run->options;
    struct arena arena = ARENA_INIT;
    const struct contract *contract;
    struct period period;
    struct claim claim = {.claimed = STR(options[OPTION_ON].text),
                          .author = STR(options[OPTION_BY].text),
                          .reference = STR(options[OPTION_REFERENCE].text)};
    enum err_code code;

    for (size_t i = 0; i < ARRAY_COUNT(required); i++) {
        if (!options[required[i]].set) {
            return err_set(err, ERR_USAGE, "--%s is missing", rows[required[i]].name);
        }
    }
    code = find_contract(run, &arena, &contract, &period, err);
    if (code == ERR_OK) {
        claim.contract = contract->id;
        claim.period = STR(period.name);
        code = claim_add(run->db, contract, period.to_s, &claim, err);
    }
    if (code == ERR_OK) {
        (void)fprintf(run->out, "%" PRId64 "\n", claim.id);
        say_verdict(&claim);
    }
    arena_release(&arena);
    return code;
}

static enum err_code run(struct run *run, struct err *err)
{
    return run->options[OPTION_LIST].set ? list(run, err) : add(run, err);
}

const struct command command_claim = {
    .name = "claim",
    .group = "Run",
    .summary = "a customer's claim of a credit, against its deadline",
    .usage = "CONFIG --contract ID --month YYYY-MM --on DATE [--by NAME] [--reference TEXT]",
    .examples =
        "uptally claim uptally.yaml --contract acme-2026 --month 2026-10 --on 2026-11-20 \\\n"
        "    --by \"ACME, purchasing\" --reference TICKET-4711\n"
        "uptally claim uptally.yaml --list\n"
        "uptally claim uptally.yaml --list --contract acme-2026 --month 2026-10",
    .help =
        "The deadline is claim_within after the local end of the period, as the newest issued\n"
        "statement prints it. A day is in time if it began before the deadline. A late claim is\n"
        "recorded, too, and said to be late: what follows from it is for people. Records are only\n"
        "added. `uptally credits` shows them beside the notes. Prints the number of the record.",
    .options = rows,
    .needs = NEEDS_STORE,
    .run = run,
};
