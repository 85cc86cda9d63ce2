/*
 * uptally redrive: dead letters again, after a mapping was repaired.
 */
#include <inttypes.h>
#include <string.h>

#include "jobs/command.h"
#include "jobs/pipeline/redrive.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum { OPTION_TOPIC, OPTION_REASON, OPTION_DRY_RUN };

static const struct option_row rows[] = {
    [OPTION_TOPIC] = {.name = "topic",
                      .type = OPTION_TEXT,
                      .argument = "NAME",
                      .help = "only dead letters of this topic"},
    [OPTION_REASON] = {.name = "reason",
                       .type = OPTION_TEXT,
                       .argument = "REASON",
                       .help = "only those that were stored with this reason, such as bad_outcome"},
    [OPTION_DRY_RUN] = {.name = "dry-run",
                        .letter = 'n',
                        .type = OPTION_FLAG,
                        .help = "decode and report, write nothing"},
    {.name = NULL},
};

static enum err_code check_topic(const struct run *run, const char *name, struct err *err)
{
    for (size_t i = 0; i < run->config->topic_count; i++) {
        if (str_equal(run->config->topics[i].name, STR(name))) {
            return ERR_OK;
        }
    }
    return err_set(err, ERR_USAGE, "--topic %s: the configuration has no such topic", name);
}

static enum err_code check_reason(const char *name, struct err *err)
{
    char names[400] = "";
    size_t size = 0;

    for (int v = 0; v < VERDICT_COUNT; v++) {
        const struct verdict_row *row = verdict_row((enum verdict)v);

        if (row->class != VERDICT_CLASS_DEAD) {
            continue;
        }
        if (strcmp(row->name, name) == 0) {
            return ERR_OK;
        }
        size += (size_t)snprintf(names + size, sizeof(names) - size, "%s%s", size > 0 ? ", " : "",
                                 row->name);
    }
    return err_set(err, ERR_USAGE, "--reason %s: it must be one of %s", name, names);
}

static int64_t rest_sum(const struct redrive_rest *rests, int count)
{
    int64_t sum = 0;

    for (int i = 0; i < count; i++) {
        sum += rests[i].letters;
    }
    return sum;
}

/* The report is what people ask for, so it is data; "would be" in a dry run. */
static void report(const struct run *run, const struct redrive_result *result, bool dry_run)
{
    int64_t dead = rest_sum(result->dead, VERDICT_COUNT);
    int64_t lost = rest_sum(result->lost, REREAD_FATE_COUNT);

    (void)fprintf(run->out,
                  "%" PRId64 " dead letters: %" PRId64 " tallied, %" PRId64 " excluded, %" PRId64
                  " duplicate, %" PRId64 " still dead%s\n",
                  result->letters, result->tallied, result->excluded, result->duplicate,
                  dead + lost,
                  dry_run ? " (dry run: nothing was written, duplicates were not looked for)" : "");
    for (int v = 0; v < VERDICT_COUNT; v++) {
        if (result->dead[v].letters > 0) {
            (void)fprintf(run->out, "  %" PRId64 " %s, the first: %s\n", result->dead[v].letters,
                          verdict_row((enum verdict)v)->name, result->dead[v].example);
        }
    }
    for (int f = 0; f < REREAD_FATE_COUNT; f++) {
        if (result->lost[f].letters > 0) {
            (void)fprintf(run->out,
                          "  %" PRId64 " whose bytes are not all in the store, and %s, "
                          "the first: %s\n",
                          result->lost[f].letters, reread_fate_text((enum reread_fate)f),
                          result->lost[f].example);
        }
    }
}

static void remark(const struct redrive_result *result)
{
    if (result->without_id > 0) {
        ui_note("redrive: %" PRId64 " of the tallied records have no event id and were not tested "
                "for duplicates",
                result->without_id);
    }
    if (result->missed > 0) {
        ui_note("redrive: another redrive ran at the same time; each dead letter was counted once");
    }
    if (result->expired > 0) {
        ui_note("redrive: the bytes of %" PRId64 " dead letters were emptied (dead_letters.keep)",
                result->expired);
    }
}

static enum err_code check_options(const struct run *run, struct err *err)
{
    const struct option_value *options = run->options;
    enum err_code code = ERR_OK;

    if (options[OPTION_TOPIC].set) {
        code = check_topic(run, options[OPTION_TOPIC].text, err);
    }
    if (code == ERR_OK && options[OPTION_REASON].set) {
        code = check_reason(options[OPTION_REASON].text, err);
    }
    return code;
}

static enum err_code redrive(struct run *run, struct err *err)
{
    const struct option_value *values = run->options;
    struct redrive_options options = {
        .config = run->config,
        .db = run->db,
        .book_id = run->book_id,
        .clock = run->clock,
        .random = run->random,
        .http = run->http,
        .topic = values[OPTION_TOPIC].set ? STR(values[OPTION_TOPIC].text) : str_of(NULL, 0),
        .reason = values[OPTION_REASON].set ? STR(values[OPTION_REASON].text) : str_of(NULL, 0),
        .dry_run = values[OPTION_DRY_RUN].set};
    struct redrive_result result;
    enum err_code code = check_options(run, err);

    if (code != ERR_OK) {
        return code;
    }
    code = redrive_run(&options, &result, err);
    if (code == ERR_OK || result.letters > 0) {
        report(run, &result, options.dry_run);
        remark(&result);
    }
    if (code == ERR_OK && result.interrupted) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped by signal %d before the end; the next redrive goes on from here",
                       stop_requested());
    }
    return code;
}

const struct command command_redrive = {
    .name = "redrive",
    .group = "Run",
    .summary = "count dead letters again, after a mapping was repaired",
    .usage = "CONFIG [options]",
    .examples = "uptally redrive uptally.yaml --dry-run\n"
                "uptally redrive uptally.yaml --topic requests --reason bad_outcome\n"
                "uptally redrive uptally.yaml && uptally aggregate uptally.yaml",
    .help = "Decodes the stored dead letters of the configured topics under the configuration as "
            "it is now. Those that became events\n"
            "are tallied (or are duplicates), those that a rule excludes are excluded, the others "
            "stay dead. It only adds, each\n"
            "letter once, however often it runs or is killed. Bytes that the store does not have "
            "whole are read again from Kafka.\n"
            "What was tallied wrongly is not changed by it. Run aggregate afterwards.",
    .options = rows,
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_BOOK | NEEDS_HTTP,
    .run = redrive,
};
