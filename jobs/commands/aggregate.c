/*
 * uptally aggregate: fold batches, grade minutes, open and close incidents.
 */
#include "jobs/pipeline/aggregate.h"
#include "base/civil.h"
#include "jobs/command.h"
#include "jobs/ui.h"

static void progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("aggregate", done, total, "tallies");
}

static enum err_code aggregate(struct run *run, struct err *err)
{
    char text[CIVIL_TEXT_SIZE];
    int64_t complete_ns;

    if (aggregate_run(run->config, run->db, run->book_id, progress, NULL, &complete_ns, err) !=
        ERR_OK) {
        return err->code;
    }
    ui_progress_clear();
    if (complete_ns == INT64_MIN) {
        ui_note("aggregate: no minute is complete yet: some partition was never read to its end");
    } else {
        ui_note("aggregate: complete until %s", civil_format_rfc3339(complete_ns, text));
    }
    return ERR_OK;
}

const struct command command_aggregate = {
    .name = "aggregate",
    .group = "Run",
    .summary = "fold batches, grade minutes, open and close incidents",
    .usage = "CONFIG",
    .examples = "uptally aggregate uptally.yaml\n"
                "uptally consume uptally.yaml && uptally aggregate uptally.yaml\n"
                "uptally aggregate uptally.yaml --lock-wait 5m",
    .help = "One aggregator works at a time; another one waits for --lock-wait and then leaves "
            "with 8. It may be\n"
            "killed at any time: the next one goes on.",
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_BOOK,
    .run = aggregate,
};
