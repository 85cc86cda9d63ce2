#include "jobs/demo/demo.h"

#include <inttypes.h>

#include "base/civil.h"
#include "jobs/command.h"
#include "jobs/demo/crew.h"
#include "jobs/ui.h"

enum { OPTION_SEED, OPTION_MONTH, OPTION_OUT, OPTION_CONSUMERS, OPTION_BATCH };

static const struct option_row options[] = {
    [OPTION_SEED] = {.name = "seed",
                     .type = OPTION_INTEGER,
                     .argument = "N",
                     .fallback = "1",
                     .minimum = 0,
                     .maximum = INT32_MAX,
                     .help = "what happens in the month follows from it"},
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .fallback = "2026-10",
                      .help = "the month to live through"},
    [OPTION_OUT] = {.name = "out",
                    .type = OPTION_TEXT,
                    .argument = "DIR",
                    .fallback = "demo",
                    .help = "folder of the results; an earlier demo's is replaced"},
    [OPTION_CONSUMERS] = {.name = "consumers",
                          .type = OPTION_INTEGER,
                          .argument = "N",
                          .fallback = "1",
                          .minimum = 1,
                          .maximum = CREW_SIZE_MAX,
                          .help =
                              "consumers that share the partitions; the statements are the same"},
    [OPTION_BATCH] = {.name = "batch",
                      .type = OPTION_INTEGER,
                      .argument = "N",
                      .minimum = 1,
                      .maximum = INT32_MAX,
                      .help = "records of one commit; the statements are the same"},
    {0},
};

static void show_progress(void *context, const char *what, int64_t done, int64_t total,
                          const char *unit)
{
    (void)context;
    ui_progress(what, done, total, unit);
}

static void print_result(FILE *out, const char *path, const struct demo_result *result)
{
    fprintf(out, "%s\n%s", strbuf_text(&result->sentences), strbuf_text(&result->places));
    fprintf(out, "\nThe books are in %s/uptally.db, the configuration in %s/uptally.yaml.\n", path,
            path);
}

static enum err_code demo_command(struct run *run, struct err *err)
{
    const struct option_value *values = run->options;
    struct demo_options demo = {.seed = (uint64_t)values[OPTION_SEED].number,
                                .path = values[OPTION_OUT].text,
                                .consumers = (int)values[OPTION_CONSUMERS].number,
                                .progress = show_progress};
    struct demo_result result;
    enum err_code code;

    if (run->argument_count > 0) {
        return err_set(err, ERR_USAGE, "demo takes no argument \"%s\"", run->arguments[0]);
    }
    if (!civil_parse_month(STR(values[OPTION_MONTH].text), &demo.year, &demo.month) ||
        demo.year < 1990 || demo.year > 2090) {
        return err_set(err, ERR_USAGE, "--month \"%s\" is no month from 1990-01 to 2090-12",
                       values[OPTION_MONTH].text);
    }
    if (values[OPTION_BATCH].set) {
        demo.batch_records_max = values[OPTION_BATCH].number;
    }
    demo_result_init(&result);
    code = demo_run(&demo, &result, err);
    ui_progress_clear();
    if (code == ERR_OK) {
        ui_note("%" PRId64 " records in %" PRId64 " batches: %" PRId64 " tallied, %" PRId64
                " excluded, %" PRId64 " dead letters, %" PRId64 " absent",
                result.consumed.records, result.consumed.batches, result.consumed.tallied,
                result.consumed.excluded, result.consumed.dead_lettered, result.consumed.absent);
        print_result(run->out, demo.path, &result);
    }
    demo_result_release(&result);
    return code;
}

const struct command command_demo = {
    .name = "demo",
    .group = "Set up",
    .summary = "a month of a small company, through an embedded broker, to its SLA statements",
    .usage = "[options]",
    .examples = "uptally demo\n"
                "uptally demo --seed 7 --out /tmp/month\n"
                "uptally demo --month 2026-03 --consumers 3",
    .help = "Makes up the events of eight services, sends them to a Kafka broker within this "
            "process and runs the very same "
            "consumers, aggregator and reports as in earnest, on a simulated clock. Nothing leaves "
            "the machine.",
    .options = options,
    .needs = NEEDS_NOTHING,
    .run = demo_command,
};
