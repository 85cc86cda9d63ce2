/*
 * uptally rebuild: the windows of a month again from the archive, the difference, and the swap.
 */
#include <inttypes.h>
#include <unistd.h>

#include "base/check.h"
#include "base/json.h"
#include "jobs/command.h"
#include "jobs/commands/rebuild_difference.h"
#include "jobs/commands/shard.h"
#include "jobs/pipeline/archive.h"
#include "jobs/pipeline/rebuild.h"
#include "jobs/ui.h"

enum { OPTION_MONTH, OPTION_SWAP, OPTION_DROP, OPTION_SHARD, OPTION_THREADS, OPTION_FORMAT };
enum { OUTPUT_SIZE_MAX = 1 << 20 };

static const struct option_row rows[] = {
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "the month, of UTC"},
    [OPTION_SWAP] = {.name = "swap",
                     .type = OPTION_FLAG,
                     .help = "put what was counted again in the place of the month"},
    [OPTION_DROP] = {.name = "drop",
                     .type = OPTION_FLAG,
                     .help = "only let go of an open rebuild of the month"},
    [OPTION_SHARD] = {.name = "shard",
                      .type = OPTION_TEXT,
                      .argument = "I/N",
                      .help = "only partitions whose number modulo N is I (0 to N-1)"},
    [OPTION_THREADS] = {.name = "threads",
                        .type = OPTION_INTEGER,
                        .argument = "N",
                        .minimum = 1,
                        .maximum = REBUILD_THREADS_MAX,
                        .help = "threads that read (default: one a processor)"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "text|json|ndjson|csv",
                       .fallback = "text",
                       .help = "of the difference; json is a summary only"},
    {.name = NULL},
};

static void show_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("rebuild", done, total, "offsets");
}

static int32_t threads_of(const struct run *run)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (run->options[OPTION_THREADS].set) {
        return (int32_t)run->options[OPTION_THREADS].number;
    }
    if (processors < 1) {
        return 1;
    }
    return processors < REBUILD_THREADS_MAX ? (int32_t)processors : REBUILD_THREADS_MAX;
}

/* --- the summary --- */

static void print_text(const struct run *run, const struct rebuild_result *result,
                       const struct rebuild_difference *difference)
{
    const char *month = run->options[OPTION_MONTH].text;

    if (!result->compared) {
        return;
    }
    if (result->different == 0) {
        (void)fprintf(run->out, "%s: %" PRId64 " windows, all as they were counted again\n", month,
                      result->windows);
        return;
    }
    (void)fprintf(run->out,
                  "%s: %" PRId64 " of %" PRId64 " windows differ, of %" PRId64
                  " services, in %" PRId64 " minutes%s\n",
                  month, result->different, result->windows, difference->services,
                  difference->minutes, result->swapped ? "; they were replaced" : "");
}

static void write_json(const struct run *run, const struct rebuild_result *result,
                       const struct rebuild_difference *difference)
{
    struct json_writer json;
    struct strbuf text;

    strbuf_init(&text, OUTPUT_SIZE_MAX);
    json_init(&json, &text, true);
    json_open_object(&json, NULL);
    json_bool(&json, "compared", result->compared);
    json_int64(&json, "excluded", result->excluded);
    json_int64(&json, "files", result->files);
    json_int64(&json, "files_passed_over", result->files_passed);
    json_int64(&json, "known_dead", result->known_dead);
    json_int64(&json, "known_duplicate", result->known_duplicate);
    json_int64(&json, "known_lost", result->known_lost);
    json_int64(&json, "minutes_different", difference->minutes);
    json_text(&json, "month", run->options[OPTION_MONTH].text);
    json_bool(&json, "open", !result->ended);
    json_int64(&json, "other_month", result->other_month);
    json_int64(&json, "partitions_waiting", result->waiting);
    json_int64(&json, "records", result->records);
    json_bool(&json, "swapped", result->swapped);
    json_int64(&json, "tallied", result->tallied);
    json_int64(&json, "windows", result->windows);
    json_int64(&json, "windows_different", result->different);
    json_close(&json);
    json_finish(&json);
    (void)fprintf(run->out, "%s", strbuf_text(&text));
    strbuf_release(&text);
}

static void remark(const struct run *run, const struct rebuild_result *result)
{
    const char *month = run->options[OPTION_MONTH].text;

    ui_note("rebuild: %" PRId64 " records of %" PRId64 " files: %" PRId64 " tallied, %" PRId64
            " excluded; %" PRId64 " of another month, %" PRId64 " files of them not opened",
            result->records, result->files, result->tallied, result->excluded, result->other_month,
            result->files_passed);
    if (result->waiting > 0) {
        ui_note("rebuild: %" PRId64 " partitions are still to be read by others; who reads the "
                "last one shows the difference",
                result->waiting);
    } else if (result->compared && result->different > 0 && !result->swapped) {
        ui_note("rebuild: the rebuild of %s stays open: --swap puts it in the place of the month, "
                "--drop lets go of it",
                month);
    } else if (result->compared && !result->ended) {
        ui_note("rebuild: run it once more without --shard to end it");
    }
    if (result->swapped && result->different > 0) {
        ui_note("rebuild: run aggregate, then report or nightly: statements whose result changed "
                "get a revision");
    }
}

static void summarize(const struct run *run, const struct rebuild_result *result,
                      const struct rebuild_difference *difference)
{
    ui_progress_clear();
    if (difference->format == REBUILD_TEXT) {
        print_text(run, result, difference);
    } else if (difference->format == REBUILD_JSON) {
        write_json(run, result, difference);
    }
    remark(run, result);
}

/* --- the run --- */

static enum err_code check_options(const struct run *run, struct err *err)
{
    const struct option_value *options = run->options;

    if (!options[OPTION_MONTH].set) {
        return err_set(err, ERR_USAGE, "rebuild needs --month, such as --month 2026-10");
    }
    if (options[OPTION_SWAP].set && options[OPTION_DROP].set) {
        return err_set(err, ERR_USAGE, "--swap and --drop are two runs");
    }
    if (!run->config->has_archive) {
        return err_set(err, ERR_CONFIG, "%.*s: rebuild needs a section archive, with a folder",
                       STR_ARGS(run->config->path));
    }
    return ERR_OK;
}

static enum err_code read_shard(const struct run *run, struct rebuild_options *options,
                                struct err *err)
{
    struct consume_options shard = {.shard_count = 0};

    if (shard_read(&run->options[OPTION_SHARD], false, &shard, err) != ERR_OK) {
        return err->code;
    }
    options->shard = shard.shard;
    options->shard_count = shard.shard_count;
    if (options->swap && options->shard_count > 1) {
        return err_set(err, ERR_USAGE,
                       "--swap is a run of its own, without a shard, after the last shard is done");
    }
    return ERR_OK;
}

static enum err_code drop(const struct run *run, const struct rebuild_options *options,
                          struct err *err)
{
    struct rebuild_result result;

    if (rebuild_run(options, &result, err) != ERR_OK) {
        return err->code;
    }
    ui_note(result.ended ? "rebuild: that of %s is dropped" : "rebuild: there is none of %s open",
            run->options[OPTION_MONTH].text);
    return ERR_OK;
}

static enum err_code rebuild_and_compare(const struct run *run, struct rebuild_options *options,
                                         struct err *err)
{
    struct rebuild_difference difference;
    struct rebuild_result result;
    enum err_code code;

    rebuild_difference_init(&difference, run->out,
                            (enum rebuild_format)run->options[OPTION_FORMAT].number);
    options->differs = rebuild_difference_add;
    options->context = &difference;
    code = rebuild_run(options, &result, err);
    if (code == ERR_OK || result.records > 0 || result.compared) {
        summarize(run, &result, &difference);
    }
    rebuild_difference_release(&difference);
    if (code == ERR_OK && result.different > 0 && !result.swapped) {
        code =
            err_set(err, ERR_MISMATCH, "%s: windows of the live book are not what the archive says",
                    options->month);
    }
    return code;
}

static enum err_code rebuild(struct run *run, struct err *err)
{
    struct rebuild_options options = {.config = run->config,
                                      .db = run->db,
                                      .book_id = run->book_id,
                                      .clock = run->clock,
                                      .random = run->random,
                                      .http = run->http,
                                      .month = run->options[OPTION_MONTH].text,
                                      .swap = run->options[OPTION_SWAP].set,
                                      .drop = run->options[OPTION_DROP].set,
                                      .thread_count = threads_of(run),
                                      .progress = show_progress};
    enum err_code code = check_options(run, err);

    if (code == ERR_OK) {
        code = read_shard(run, &options, err);
    }
    if (code == ERR_OK && options.drop) {
        return drop(run, &options, err);
    }
    if (code == ERR_OK) {
        code = archive_open_objects(run->config, true, &options.objects, err);
    }
    if (code == ERR_OK) {
        code = rebuild_and_compare(run, &options, err);
    }
    if (options.objects != NULL) {
        options.objects->close(options.objects);
    }
    return code;
}

const struct command command_rebuild = {
    .name = "rebuild",
    .group = "Prove",
    .summary = "count a month again from the archive, and show what differs",
    .usage = "CONFIG --month YYYY-MM [options]",
    .examples = "uptally rebuild uptally.yaml --month 2026-10\n"
                "uptally rebuild uptally.yaml --month 2026-10 --format ndjson\n"
                "uptally rebuild uptally.yaml --month 2026-10 --swap",
    .help = "Reads the archive of the month beside the live book, which goes on meanwhile, and "
            "compares the windows bit by bit. What was\n"
            "decided before is taken over: dead letters, duplicates, redrives. The exit status is "
            "0 if nothing differs, 9 if something\n"
            "does. With --swap the month is replaced, in one transaction; statements whose result "
            "changes get a revision. It may be\n"
            "killed at any time and started again. Several runs share the partitions by --shard. "
            "docs/rebuild.md says more.",
    .options = rows,
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_BOOK | NEEDS_HTTP,
    .run = rebuild,
};
