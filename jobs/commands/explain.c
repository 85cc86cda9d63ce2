/*
 * uptally explain: why a statement says what it says, stretch by stretch.
 */
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "jobs/command.h"
#include "jobs/statement/explanation.h"
#include "jobs/ui.h"

enum { LIST_MAX = 20, TEXT_SIZE_MAX = 256 * 1024 * 1024 };

enum { OPTION_CONTRACT, OPTION_MONTH, OPTION_SERVICE, OPTION_LEVEL, OPTION_LIMIT, OPTION_FORMAT };

static const struct option_row rows[] = {
    [OPTION_CONTRACT] = {.name = "contract",
                         .type = OPTION_TEXT,
                         .argument = "ID",
                         .help = "the contract, if it is no argument"},
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "default: the last one with which a period has ended"},
    [OPTION_SERVICE] = {.name = "service",
                        .letter = 's',
                        .type = OPTION_TEXT,
                        .argument = "NAME",
                        .help = "only this service, and what it lost by itself"},
    [OPTION_LEVEL] = {.name = "level",
                      .type = OPTION_CHOICE,
                      .choices = "availability|latency",
                      .fallback = "availability",
                      .help = "which of the contract's levels"},
    [OPTION_LIMIT] = {.name = "limit",
                      .type = OPTION_INTEGER,
                      .argument = "N",
                      .fallback = "20",
                      .minimum = 0,
                      .maximum = EXPLANATION_LIMIT_MAX,
                      .help = "tell of the N most expensive incidents, sum up the rest"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "table|json",
                       .fallback = "table",
                       .help = "for people or for programs"},
    {.name = NULL},
};

/* What is asked for: by arguments or by options. */
struct question {
    struct str contract;
    const char *word;    /* the month, as it was written; NULL: the last one */
    int32_t year, month; /* of it */
    bool
        named; /* it is no month: the name of a statement, as of a quarter, or of terms that began within a month */
};

static enum err_code read_question(const struct run *run, struct question *ret_question,
                                   struct err *err)
{
    bool argued = run->argument_count > 0;
    const struct option_value *contract = &run->options[OPTION_CONTRACT];
    const struct option_value *month = &run->options[OPTION_MONTH];
    struct question question = {0};

    if (argued && (contract->set || month->set)) {
        return err_set(err, ERR_USAGE, "contract and month are arguments or options, not both");
    }
    question.contract = STR(argued ? run->arguments[0] : contract->text);
    question.word = argued ? run->arguments[1] : month->text;
    if (question.contract.size == 0) {
        return err_set(err, ERR_USAGE,
                       "which contract? uptally explain CONTRACT MONTH, or --contract ID");
    }
    question.named = question.word != NULL &&
                     !civil_parse_month(STR(question.word), &question.year, &question.month);
    *ret_question = question;
    return ERR_OK;
}

/* The period of a version of the contract that is asked for. False: it has none. *ret_known: the word is a month or a name. */
static bool find_period(const struct run *run, const struct question *question,
                        const struct contract *contract, int64_t now_ns, struct arena *arena,
                        struct period *ret_period, bool *ret_known)
{
    const struct config *config = run->config;
    int32_t year = question->year, month = question->month;

    if (question->named) {
        if (!period_named(contract, STR(question->word), arena, ret_period)) {
            return false;
        }
        struct civil last = zone_to_local(contract->zone, ret_period->to_s - 1);

        year = last.year;
        month = last.month;
    } else if (question->word == NULL) {
        period_last(contract, now_ns, &year, &month);
    }
    *ret_known = true;
    return period_find(config->contracts, config->contract_count, contract, year, month, arena,
                       ret_period) &&
           (!question->named || strcmp(question->word, ret_period->name) == 0);
}

static enum err_code no_version(const struct question *question, bool any, bool known,
                                struct err *err)
{
    if (!any) {
        return err_set(err, ERR_USAGE, "there is no contract \"%.*s\"",
                       STR_ARGS(question->contract));
    }
    if (!known) {
        return err_set(err, ERR_USAGE, "\"%s\" is not a month like 2026-10", question->word);
    }
    return err_set(err, ERR_USAGE, "contract \"%.*s\" has no statement of %s",
                   STR_ARGS(question->contract),
                   question->word != NULL ? question->word : "the last period");
}

/* The version of the contract whose statement is asked for: of several that hold in the period the first, or the one that is named. */
static enum err_code find_version(const struct run *run, const struct question *question,
                                  int64_t now_ns, struct arena *arena,
                                  const struct contract **ret_contract, struct period *ret_period,
                                  struct err *err)
{
    const struct config *config = run->config;
    const struct contract *found = NULL;
    bool any = false, known = false;

    for (size_t i = 0; i < config->contract_count; i++) {
        const struct contract *contract = &config->contracts[i];
        struct period period;

        if (!str_equal(contract->id, question->contract)) {
            continue;
        }
        any = true;
        if (find_period(run, question, contract, now_ns, arena, &period, &known) &&
            (found == NULL || contract->valid_from_s < found->valid_from_s)) {
            found = contract;
            *ret_period = period;
        }
    }
    *ret_contract = found;
    return found != NULL ? ERR_OK : no_version(question, any, known, err);
}

static enum err_code print(const struct run *run, const struct explanation *explanation,
                           struct err *err)
{
    struct strbuf text;
    enum err_code code = ERR_OK;

    if (run->options[OPTION_FORMAT].number == 1) {
        code = explanation_write_json(explanation, &text, err);
        if (code != ERR_OK) {
            return code;
        }
    } else {
        strbuf_init(&text, TEXT_SIZE_MAX);
        explanation_write_text(explanation, &text);
        if (text.overflow) {
            code = err_set(err, ERR_DATA, "the explanation is larger than %d MiB; lower --limit",
                           TEXT_SIZE_MAX / (1024 * 1024));
        }
    }
    if (code == ERR_OK) {
        (void)fwrite(strbuf_text(&text), 1, text.size, run->out);
    }
    strbuf_release(&text);
    return code;
}

static enum err_code explain(struct run *run, const struct contract *contract,
                             const struct period *period, int64_t now_ns, struct arena *arena,
                             struct err *err)
{
    const struct explanation_options options = {
        .books = {.db = run->db,
                  .book_id = run->book_id,
                  .rules = config_rules,
                  .context = run->config},
        .contracts = run->config->contracts,
        .contract_count = run->config->contract_count,
        .program_version = UPTALLY_VERSION,
        .now_ns = now_ns,
        .service = STR(run->options[OPTION_SERVICE].text),
        .level = (size_t)run->options[OPTION_LEVEL].number, /* as enum LEVEL_* */
        .limit = run->options[OPTION_LIMIT].number,
        .list_max = LIST_MAX,
    };
    struct explanation explanation;
    bool present;
    enum err_code code = db_begin_snapshot(run->db, err);

    if (code == ERR_OK) {
        code = explanation_read(&options, contract, period, arena, &explanation, &present, err);
    }
    db_rollback(run->db);
    if (code == ERR_OK && !present) {
        return err_set(err, ERR_USAGE, "%.*s, %s: no event of this period has been folded",
                       STR_ARGS(contract->id), period->name);
    }
    return code == ERR_OK ? print(run, &explanation, err) : code;
}

static enum err_code run_explain(struct run *run, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct question question;
    const struct contract *contract = NULL;
    struct period period;
    int64_t now_ns = 0;
    enum err_code code = read_question(run, &question, err);

    if (code == ERR_OK) {
        code = db_now_ns(run->db, &now_ns, err);
    }
    if (code == ERR_OK) {
        code = find_version(run, &question, now_ns, &arena, &contract, &period, err);
    }
    if (code == ERR_OK) {
        code = explain(run, contract, &period, now_ns, &arena, err);
    }
    arena_release(&arena);
    return code;
}

const struct command command_explain = {
    .name = "explain",
    .group = "Read",
    .summary = "why a statement says what it says: every lost stretch and what is behind it",
    .usage = "[CONFIG] CONTRACT MONTH [options]",
    .argument_count = 2,
    .arguments_optional = true,
    .examples = "uptally explain acme-2026 2026-10\n"
                "uptally explain uptally.yaml acme-2026 2026-10 --service portal\n"
                "uptally explain uptally.yaml --contract acme-2026 --month 2026-10 --format json",
    .help = "With two arguments they are CONTRACT and MONTH, and the configuration is "
            "UPTALLY_CONFIG or ./uptally.yaml; with three the\nfirst is CONFIG. What cost most "
            "comes first; the last line proves that the stretches add up to what the statement "
            "lost.\nOffsets are those between which the events of the stretch's hours stand, "
            "batches those that read them. A statement whose\nterms began within a month is named "
            "by its first day: 2026-10-15.",
    .options = rows,
    .needs = NEEDS_STORE_READ | NEEDS_BOOK,
    .run = run_explain,
};
