/*
 * uptally archive: copy topics to Avro object container files, prove them, and let the old ones go.
 */
#include <inttypes.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "base/json.h"
#include "jobs/command.h"
#include "jobs/commands/shard.h"
#include "jobs/pipeline/archive.h"
#include "jobs/pipeline/archive_expire.h"
#include "jobs/pipeline/archive_verify.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum {
    OPTION_FOLLOW,
    OPTION_SHARD,
    OPTION_VERIFY,
    OPTION_EXPIRE,
    OPTION_DRY_RUN,
    OPTION_FORMAT,
    OPTION_ACCEPT_LOSS,
    OPTION_ACCEPT_NEW,
    OPTION_SAME_TOPIC
};
enum { FORMAT_TEXT, FORMAT_JSON };
enum { OUTPUT_SIZE_MAX = 1 << 20 };

static const struct option_row rows[] = {
    [OPTION_FOLLOW] = {.name = "follow",
                       .letter = 'f',
                       .type = OPTION_FLAG,
                       .help = "go on with what arrives, until SIGTERM; files end by size and age"},
    [OPTION_SHARD] = {.name = "shard",
                      .type = OPTION_TEXT,
                      .argument = "I/N",
                      .help = "only partitions whose number modulo N is I (0 to N-1)"},
    [OPTION_VERIFY] = {.name = "verify",
                       .type = OPTION_FLAG,
                       .help =
                           "read all files again and hold them against the store; nothing else"},
    [OPTION_EXPIRE] = {.name = "expire",
                       .type = OPTION_FLAG,
                       .help =
                           "only delete what archive.retention lets go; a run does it at its end"},
    [OPTION_DRY_RUN] = {.name = "dry-run",
                        .type = OPTION_FLAG,
                        .help = "with --expire: say what would be deleted"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "text|json",
                       .fallback = "text",
                       .help = "form of the summary"},
    [OPTION_ACCEPT_LOSS] = {.name = "accept-loss",
                            .type = OPTION_TEXT,
                            .argument = "TOPIC[/PARTITION]|all",
                            .help = "what expired unread is lost to the archive: go on behind it"},
    [OPTION_ACCEPT_NEW] = {.name = "accept-new",
                           .type = OPTION_TEXT,
                           .argument = "TOPIC|all",
                           .help = "it was created again, or moved to this cluster: read it anew"},
    [OPTION_SAME_TOPIC] = {.name = "same-topic",
                           .type = OPTION_TEXT,
                           .argument = "TOPIC|all",
                           .help = "it is the same, though no record is left to tell: go on"},
    {.name = NULL},
};

/* What the summary is made of; parts that did not run are NULL. */
struct summary {
    struct run *run;
    const struct archive_result *archived;
    const struct archive_expire_result *expired;
    const struct archive_verify_report *verified;
    struct strbuf text; /* of the JSON document */
    struct json_writer json;
};

static bool wants_json(const struct run *run)
{
    return run->options[OPTION_FORMAT].number == FORMAT_JSON;
}

static void show_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("archive", done, total, "records");
}

static void show_verify_progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("verify", done, total, "bytes");
}

/* --- the summary: keys ascend --- */

static void write_archived(struct json_writer *json, const struct archive_result *result)
{
    json_open_object(json, "archived");
    json_int64(json, "content_bytes", result->content_bytes);
    json_int64(json, "file_bytes", result->file_bytes);
    json_int64(json, "files", result->files);
    json_int64(json, "files_taken_over", result->adopted);
    json_bool(json, "interrupted", result->consume.interrupted);
    json_int64(json, "offsets_absent", result->consume.absent);
    json_int64(json, "offsets_lost", result->consume.lost);
    json_int64(json, "partitions_parked", result->consume.parked_partitions);
    json_int64(json, "records", result->consume.records);
    json_int64(json, "schemas", result->schemas);
    json_int64(json, "schemas_missing", result->schemas_missing);
    json_close(json);
}

static void write_json(struct summary *summary)
{
    struct json_writer *json = &summary->json;

    if (summary->archived != NULL) {
        write_archived(json, summary->archived);
    }
    if (summary->expired != NULL) {
        json_open_object(json, "expired");
        json_int64(json, "bytes", summary->expired->bytes);
        json_bool(json, "dry_run", summary->run->options[OPTION_DRY_RUN].set);
        json_int64(json, "files", summary->expired->files);
        json_int64(json, "records", summary->expired->records);
        json_close(json);
    }
    if (summary->verified != NULL) {
        json_open_object(json, "verified");
        json_int64(json, "bytes", summary->verified->bytes);
        json_int64(json, "files", summary->verified->files);
        json_int64(json, "files_expired", summary->verified->expired);
        json_int64(json, "findings", summary->verified->findings);
        json_int64(json, "records", summary->verified->records);
        json_close(json);
    }
    json_close(json);
    json_finish(json);
    (void)fprintf(summary->run->out, "%s", strbuf_text(&summary->text));
}

static void print_archived(const struct archive_result *result)
{
    ui_note("archive: %" PRId64 " records in %" PRId64 " files: %" PRId64
            " bytes, packed from %" PRId64 "; %" PRId64 " offsets absent",
            result->consume.records, result->files, result->file_bytes, result->content_bytes,
            result->consume.absent);
    if (result->adopted > 0) {
        ui_note("archive: %" PRId64 " of the files stood there already: an earlier run was killed "
                "before the store knew of them",
                result->adopted);
    }
    if (result->schemas_missing > 0) {
        ui_warn("%" PRId64 " times a record named a schema that is not to be had; it is archived "
                "without",
                result->schemas_missing);
    }
    if (result->consume.lost > 0) {
        ui_warn("%" PRId64 " offsets are recorded as lost to the archive", result->consume.lost);
    }
    if (result->consume.accepted_topics > 0) {
        ui_note("archive: %" PRId64 " topics begin a new incarnation",
                result->consume.accepted_topics);
    }
    if (result->consume.parked_partitions > 0) {
        ui_warn("%" PRId64 " partitions are parked", result->consume.parked_partitions);
    }
}

static void print_text(const struct summary *summary)
{
    const struct archive_expire_result *expired = summary->expired;
    const struct archive_verify_report *verified = summary->verified;

    if (summary->archived != NULL) {
        print_archived(summary->archived);
    }
    if (expired != NULL && (expired->files > 0 || summary->archived == NULL)) {
        ui_note("archive: %" PRId64 " files with %" PRId64 " records, %" PRId64 " bytes, %s",
                expired->files, expired->records, expired->bytes,
                summary->run->options[OPTION_DRY_RUN].set ? "would be deleted" : "were deleted");
    }
    if (verified != NULL) {
        (void)fprintf(summary->run->out,
                      "the archive %s what the store says: %" PRId64 " records in %" PRId64
                      " files, %" PRId64 " bytes; %" PRId64 " files have expired",
                      verified->findings == 0 ? "is" : "is NOT", verified->records, verified->files,
                      verified->bytes, verified->expired);
        if (verified->findings > 0) {
            (void)fprintf(summary->run->out, "; %" PRId64 " findings", verified->findings);
        }
        (void)fputc('\n', summary->run->out);
    }
}

static void open_summary(struct summary *summary, struct run *run)
{
    *summary = (struct summary){.run = run};
    strbuf_init(&summary->text, OUTPUT_SIZE_MAX);
    if (wants_json(run)) {
        json_init(&summary->json, &summary->text, true);
        json_open_object(&summary->json, NULL);
    }
}

static void close_summary(struct summary *summary, bool show)
{
    ui_progress_clear();
    if (show && wants_json(summary->run)) {
        write_json(summary);
    } else if (show) {
        print_text(summary);
    }
    strbuf_release(&summary->text);
}

/* --- retention --- */

static void tell_expired(void *context, const struct archive_file *file)
{
    const struct run *run = context;

    ui_progress_clear();
    ui_note("archive: %.*s %s", STR_ARGS(file->name),
            run->options[OPTION_DRY_RUN].set ? "would be deleted" : "is deleted");
}

static enum err_code expire(struct run *run, int64_t book_id, struct objects *objects,
                            struct archive_expire_result *ret_result, struct err *err)
{
    const struct archive_expire_options options = {.db = run->db,
                                                   .book_id = book_id,
                                                   .objects = objects,
                                                   .retention_ns =
                                                       run->config->archive.retention_ns,
                                                   .dry_run = run->options[OPTION_DRY_RUN].set,
                                                   .tell = tell_expired,
                                                   .context = run};

    return archive_expire(&options, ret_result, err);
}

static enum err_code run_expire(struct run *run, int64_t book_id, struct objects *objects,
                                struct err *err)
{
    struct archive_expire_result result = {0};
    struct summary summary;
    enum err_code code;

    if (run->config->archive.retention_ns == 0) {
        return err_set(err, ERR_CONFIG, "%.*s: --expire needs archive.retention",
                       STR_ARGS(run->config->path));
    }
    open_summary(&summary, run);
    code = expire(run, book_id, objects, &result, err);
    summary.expired = &result;
    close_summary(&summary, code == ERR_OK || result.files > 0);
    return code;
}

/* --- verification --- */

static void show_finding(void *context, const char *line)
{
    struct summary *summary = context;

    ui_progress_clear();
    if (wants_json(summary->run)) {
        ui_warn("%s", line);
    } else {
        (void)fprintf(summary->run->out, "%s\n", line);
    }
}

static enum err_code run_verify(struct run *run, int64_t book_id, struct err *err)
{
    struct archive_verify_options options = {.db = run->db,
                                             .book_id = book_id,
                                             .finding = show_finding,
                                             .progress = show_verify_progress};
    struct archive_verify_report report = {0};
    struct summary summary;
    enum err_code code = archive_open_objects(run->config, true, &options.objects, err);

    if (code != ERR_OK) {
        return code;
    }
    open_summary(&summary, run);
    options.context = &summary;
    code = archive_verify(&options, &report, err);
    summary.verified = &report;
    close_summary(&summary, code == ERR_OK || code == ERR_MISMATCH);
    if (options.objects != NULL) {
        options.objects->close(options.objects);
    }
    return code;
}

/* --- the run --- */

static enum err_code read_options(struct run *run, int64_t book_id, struct archive_options *options,
                                  struct err *err)
{
    options->consume =
        (struct consume_options){.config = run->config,
                                 .db = run->db,
                                 .book_id = book_id,
                                 .clock = run->clock,
                                 .random = run->random,
                                 .http = run->http,
                                 .follow = run->options[OPTION_FOLLOW].set,
                                 .accept_loss = run->options[OPTION_ACCEPT_LOSS].text,
                                 .accept_new = run->options[OPTION_ACCEPT_NEW].text,
                                 .same_topic = run->options[OPTION_SAME_TOPIC].text,
                                 .progress = show_progress};
    return shard_read(&run->options[OPTION_SHARD], false, &options->consume, err);
}

/* What is old goes at the end, also if a partition is parked: the others are as they should be. */
static enum err_code run_archive(struct run *run, int64_t book_id, struct objects *objects,
                                 struct err *err)
{
    struct archive_options options = {.objects = objects};
    struct archive_result result;
    struct archive_expire_result expired = {0};
    struct summary summary;
    enum err_code code = read_options(run, book_id, &options, err);
    bool finished;

    if (code != ERR_OK) {
        return code;
    }
    open_summary(&summary, run);
    code = archive_run(&options, &result, err);
    summary.archived = &result;
    finished = code == ERR_OK && !result.consume.interrupted;
    if (finished && run->config->archive.retention_ns > 0) {
        summary.expired = &expired;
        code = expire(run, book_id, objects, &expired, err);
    }
    close_summary(&summary, code == ERR_OK || result.consume.records > 0);
    if (code == ERR_OK && result.consume.interrupted && !options.consume.follow) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped by signal %d before the end; the next run goes on from here",
                       stop_requested());
    }
    return code;
}

static enum err_code check_options(const struct run *run, struct err *err)
{
    const struct option_value *options = run->options;

    if (options[OPTION_DRY_RUN].set && !options[OPTION_EXPIRE].set) {
        return err_set(err, ERR_USAGE, "--dry-run goes with --expire");
    }
    if (options[OPTION_VERIFY].set && options[OPTION_EXPIRE].set) {
        return err_set(err, ERR_USAGE, "--verify and --expire are two runs");
    }
    if (options[OPTION_FOLLOW].set && (options[OPTION_VERIFY].set || options[OPTION_EXPIRE].set)) {
        return err_set(err, ERR_USAGE, "--follow goes with neither --verify nor --expire");
    }
    return ERR_OK;
}

static enum err_code archive(struct run *run, struct err *err)
{
    struct objects *objects = NULL;
    int64_t book_id = 0; /* no book: nothing was archived */
    bool found;
    enum err_code code = check_options(run, err);

    if (code == ERR_OK && !run->config->has_archive) {
        code = err_set(err, ERR_CONFIG, "%.*s: archive needs a section archive, with a folder",
                       STR_ARGS(run->config->path));
    }
    if (code == ERR_OK && run->options[OPTION_VERIFY].set) {
        code = store_book_find(run->db, ARCHIVE_BOOK, &found, &book_id, err);
        return code == ERR_OK ? run_verify(run, book_id, err) : code;
    }
    if (code == ERR_OK) {
        code = store_book_make(run->db, ARCHIVE_BOOK, &book_id, err);
    }
    if (code == ERR_OK) {
        code = archive_open_objects(run->config, false, &objects, err);
    }
    if (code == ERR_OK) {
        code = run->options[OPTION_EXPIRE].set ? run_expire(run, book_id, objects, err)
                                               : run_archive(run, book_id, objects, err);
        objects->close(objects);
    }
    return code;
}

const struct command command_archive = {
    .name = "archive",
    .group = "Run",
    .summary = "copy topics to Avro object container files, and prove them",
    .usage = "CONFIG [options]",
    .examples = "uptally archive uptally.yaml\n"
                "uptally archive uptally.yaml --verify\n"
                "uptally archive uptally.yaml --expire --dry-run",
    .help =
        "Copies what its topics hold into files below archive.folder, each record once, with its "
        "coordinate and its bytes as they\n"
        "are: CLUSTER/TOPIC/INCARNATION/PARTITION/FROM-TO.avro, which any Avro tool reads. A file "
        "appears when it is complete; a\n"
        "book of the store proves that no offset is missing. It may be killed at any time and "
        "started again. Schemas of the\n"
        "registry are kept beside the files. Files that are older than archive.retention are "
        "deleted at the end of a run. Several\n"
        "runs share the work by --shard, or by the task numbers of Cloud Run and Kubernetes. "
        "docs/archive.md has the format.",
    .options = rows,
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_HTTP,
    .run = archive,
};
