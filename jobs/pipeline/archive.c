#include "jobs/pipeline/archive.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "jobs/pipeline/archive_place.h"
#include "jobs/pipeline/archive_schemas.h"
#include "jobs/pipeline/archive_volume.h"
#include "jobs/pipeline/commit_again.h"
#include "jobs/pipeline/connect.h"
#include "jobs/pipeline/consume_state.h"

enum {
    MAGIC = 0x61726368,
    QUEUE_MIN = 2,
    FILES_PER_LANE = 2 /* open ones: a draft and its folder */
};

/* One partition. */
struct cabinet {
    struct volume *open;   /* owned; takes records. NULL: none */
    struct volume *closed; /* owned; list of those that are to be committed, oldest first */
    bool searched;         /* for a file that an earlier run has left behind */
};

struct shelf {
    struct archive_schemas schemas;
    struct decoder *decoder;  /* owned; for the times of events. NULL: not opened yet */
    struct str folder;        /* of the incarnation; in the arena */
    struct cabinet *cabinets; /* owned; by partition */
    int32_t cabinet_count;
};

struct archive {
    struct consume_keeper keeper; /* first: handed out */
    uint32_t magic;
    const struct archive_options *options; /* borrowed */
    const struct archive_config *config;   /* borrowed */
    struct archive_result *result;
    struct arena arena; /* of the run */
    struct press *press;
    struct shelf *shelves; /* owned; by topic of the source */
    size_t shelf_count;
    int64_t closed_count; /* volumes that wait to be committed */
};

static struct archive *archive_of(struct consume_keeper *keeper)
{
    struct archive *archive = (struct archive *)keeper;

    CHECK(archive->magic == MAGIC);
    return archive;
}

static struct shelf *shelf_of(struct archive *archive, const struct intake *intake)
{
    struct shelf *shelf = &archive->shelves[intake->number];

    if (shelf->folder.size == 0) {
        shelf->folder = archive_place(&intake->stream, &archive->arena);
        shelf->schemas.objects = archive->options->objects;
        shelf->schemas.folder = shelf->folder;
    }
    if (shelf->cabinet_count < intake->lane_count) {
        shelf->cabinets =
            memory_resize(shelf->cabinets, (size_t)intake->lane_count, sizeof(*shelf->cabinets));
        memset(&shelf->cabinets[shelf->cabinet_count], 0,
               (size_t)(intake->lane_count - shelf->cabinet_count) * sizeof(*shelf->cabinets));
        shelf->cabinet_count = intake->lane_count;
    }
    return shelf;
}

/* --- volumes begin and end --- */

static struct str only_schema(const struct topic_config *topic)
{
    return topic->framing == FRAMING_AVRO ? topic->schemas[0].text : str_of("", 0);
}

/* Where an earlier run ended a file that begins here, and died before the store knew of it: the same file is made again and found there. */
struct search {
    int64_t from, to;
};

static enum err_code look_at(void *context, const struct objects_entry *entry, struct err *err)
{
    struct search *search = context;
    int64_t from, to;

    (void)err;
    if (entry->kind == OBJECTS_FILE && volume_name_read(STR(entry->name), &from, &to) &&
        from == search->from && (search->to == INT64_MAX || to > search->to)) {
        search->to = to;
    }
    return ERR_OK;
}

/* Only before the first file of a run: behind that it stands nowhere but where it has written itself. */
static enum err_code find_leftover(struct archive *archive, struct cabinet *cabinet,
                                   const char *folder, int64_t from, int64_t *ret_to,
                                   struct err *err)
{
    struct objects *objects = archive->options->objects;
    struct search search = {from, INT64_MAX};

    if (!cabinet->searched && objects->list(objects, folder, look_at, &search, err) != ERR_OK) {
        return err->code;
    }
    cabinet->searched = true;
    *ret_to = search.to;
    return ERR_OK;
}

static enum err_code begin_volume(struct archive *archive, struct consume *run,
                                  struct intake *intake, int32_t partition, int64_t from,
                                  struct err *err)
{
    struct shelf *shelf = shelf_of(archive, intake);
    struct cabinet *cabinet = &shelf->cabinets[partition];
    char folder[VOLUME_NAME_SIZE];
    struct volume_options options = {
        .objects = archive->options->objects,
        .press = archive->press,
        .block_size = archive->config->block_size,
        .stream_id = intake->stream.stream_id,
        .head = {.cluster = intake->stream.cluster,
                 .topic = intake->topic->name,
                 .incarnation = intake->stream.incarnation,
                 .partition = partition,
                 .framing = STR(topic_framing_name(intake->topic->framing)),
                 .schema = only_schema(intake->topic),
                 .codec = archive->config->codec,
                 .from = from}};
    struct volume *volume;
    int64_t cut;

    (void)snprintf(folder, sizeof(folder), "%.*s/%" PRId32, STR_ARGS(shelf->folder), partition);
    options.folder = STR(folder);
    if (find_leftover(archive, cabinet, folder, from, &cut, err) != ERR_OK ||
        volume_open(&options, &volume, err) != ERR_OK) {
        return err->code;
    }
    volume->cut = cut;
    volume->opened_ns = clock_monotonic_ns(run->options->clock);
    cabinet->open = volume;
    return ERR_OK;
}

static enum err_code end_volume(struct archive *archive, struct cabinet *cabinet, int64_t to,
                                struct err *err)
{
    struct volume *volume = cabinet->open;
    struct volume **last = &cabinet->closed;

    if (volume_end(volume, to, err) != ERR_OK) {
        return err->code;
    }
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = volume;
    cabinet->open = NULL;
    archive->closed_count++;
    return ERR_OK;
}

/* Behind the last record that is not committed. */
static int64_t next_from(const struct cabinet *cabinet, const struct lane *lane)
{
    const struct volume *last = cabinet->closed;

    while (last != NULL && last->next != NULL) {
        last = last->next;
    }
    return last != NULL ? last->head.to : lane->committed;
}

static enum err_code open_decoder(struct shelf *shelf, struct intake *intake, struct clock *clock,
                                  struct err *err)
{
    const struct decoder_options options = {.framing = intake->topic->framing,
                                            .mapping = &intake->topic->mapping,
                                            .finder = &intake->finder,
                                            .clock = clock,
                                            .reader = intake->reader,
                                            .proven = true};

    return shelf->decoder != NULL ? ERR_OK : decoder_open(&options, &shelf->decoder, err);
}

/* Late events are found in later files by what their rows say. A bad record may become an event of any time, by a redrive; one that a rule leaves out
 * stays left out. */
static enum err_code date(struct shelf *shelf, struct consume *run, struct intake *intake,
                          const struct record *record, struct volume_date *ret_date,
                          struct err *err)
{
    const struct decoded *decoded;

    *ret_date = (struct volume_date){.event_ns = ARCHIVE_NO_TIME, .undated = true};
    if (record->time_ns == INT64_MIN) {
        return ERR_OK;
    }
    if (open_decoder(shelf, intake, run->options->clock, err) != ERR_OK ||
        decoder_run(shelf->decoder, record, &decoded, err) != ERR_OK) {
        return err->code;
    }
    ret_date->undated = verdict_row(decoded->verdict)->class == VERDICT_CLASS_DEAD;
    if (decoded->verdict == VERDICT_TALLIED) {
        ret_date->event_ns = decoded->event.time_ns;
    }
    return ERR_OK;
}

/* A volume that may take the record is open afterwards. */
static enum err_code make_room(struct archive *archive, struct consume *run, struct intake *intake,
                               const struct record *record, struct cabinet *cabinet,
                               struct err *err)
{
    const struct lane *lane = &intake->lanes[record->partition];

    if (cabinet->open != NULL && record->offset >= cabinet->open->cut &&
        end_volume(archive, cabinet, cabinet->open->cut, err) != ERR_OK) {
        return err->code;
    }
    if (cabinet->open == NULL && begin_volume(archive, run, intake, record->partition,
                                              next_from(cabinet, lane), err) != ERR_OK) {
        return err->code;
    }
    if (record->offset >= cabinet->open->cut) {
        /* Nothing but gaps stands in the file that was found: it is none of ours. */
        cabinet->open->cut = INT64_MAX;
    }
    return ERR_OK;
}

/* Files end behind a record, so that the same records make the same files, whoever reads them in whatever portions. What may fail without harm comes
 * first: a volume is never left without a record. */
static enum err_code archive_take(struct consume_keeper *keeper, struct consume *run,
                                  struct intake *intake, const struct record *record,
                                  struct err *err)
{
    struct archive *archive = archive_of(keeper);
    struct shelf *shelf = shelf_of(archive, intake);
    struct cabinet *cabinet = &shelf->cabinets[record->partition];
    struct volume_date dated;

    if (archive_schemas_note(&shelf->schemas, intake, record, err) != ERR_OK ||
        date(shelf, run, intake, record, &dated, err) != ERR_OK ||
        make_room(archive, run, intake, record, cabinet, err) != ERR_OK ||
        volume_add(cabinet->open, record, &dated, err) != ERR_OK) {
        return err->code;
    }
    if ((record->offset + 1 == cabinet->open->cut ||
         volume_content(cabinet->open) >= archive->config->file_size) &&
        end_volume(archive, cabinet, record->offset + 1, err) != ERR_OK) {
        return err->code;
    }
    keeper->full = archive->closed_count > 0;
    run->result->bytes += (int64_t)record->value.size;
    return ERR_OK;
}

/* --- commits --- */

static bool aged(const struct archive *archive, const struct consume *run,
                 const struct volume *volume)
{
    return clock_monotonic_ns(run->options->clock) - volume->opened_ns >=
           archive->config->file_age_ns;
}

/* Nothing more will come into it, or it has been open for long. */
static bool over(const struct archive *archive, const struct consume *run, const struct lane *lane,
                 const struct cabinet *cabinet)
{
    return cabinet->open != NULL &&
           (lane->state != LANE_RUNNING || aged(archive, run, cabinet->open));
}

/* No record came, but what is noted for the lane waits for the ledger to pass the markers at its end. */
static bool gap_waits(const struct lane *lane, const struct cabinet *cabinet)
{
    return cabinet->open == NULL && lane_ours(lane) && lane->committed < lane->next &&
           lane->noted && lane->next >= lane->note_high;
}

static bool archive_due(struct consume_keeper *keeper, const struct consume *run)
{
    struct archive *archive = archive_of(keeper);

    if (archive->closed_count > 0) {
        return true;
    }
    for (size_t i = 0; i < run->intake_count; i++) {
        const struct shelf *shelf = &archive->shelves[i];

        for (int32_t p = 0; p < shelf->cabinet_count; p++) {
            const struct lane *lane = &run->intakes[i].lanes[p];

            if (over(archive, run, lane, &shelf->cabinets[p]) ||
                gap_waits(lane, &shelf->cabinets[p])) {
                return true;
            }
        }
    }
    return false;
}

static enum err_code write_row(struct ledger *ledger, const struct batch *batch, void *context,
                               struct err *err)
{
    struct archive_file *file = context;
    enum err_code code;

    file->batch_id = batch_id_of(batch);
    code = archive_file_write(ledger->db, ledger->book_id, file, err);
    if (code == ERR_OK && FAULT("archive.commit.row")) {
        code = fault_error("archive.commit.row", err);
    }
    return code;
}

/* file NULL: a range without a record has none. */
static enum err_code commit_batch(struct consume *run, struct batch *batch,
                                  struct archive_file *file, struct err *err)
{
    struct err cause = ERR_INIT;
    int failures = 0;

    while (ledger_commit_also(&run->ledger, batch, file != NULL ? write_row : NULL, file, &cause) !=
           ERR_OK) {
        if (!commit_again(consume_wait_clock(run), &failures, &cause)) {
            *err = cause;
            return cause.code;
        }
    }
    run->result->batches++;
    return ERR_OK;
}

/* The file first, then the store: what a row says is there. */
static enum err_code commit_volume(struct archive *archive, struct consume *run, struct lane *lane,
                                   struct volume *volume, struct err *err)
{
    struct archive_file file;
    char sha256[HASH_HEX_SIZE];

    if (volume_publish(volume, &file, sha256, err) != ERR_OK ||
        commit_batch(run, volume->batch, &file, err) != ERR_OK) {
        return err->code;
    }
    (void)FAULT("archive.commit.after");
    lane->committed = file.to;
    run->result->records += file.records;
    run->result->absent += file.to - file.from - file.records;
    archive->result->files++;
    archive->result->adopted += file.to == volume->cut;
    archive->result->file_bytes += file.size;
    archive->result->content_bytes += volume->content_bytes;
    return ERR_OK;
}

/* What the lane has passed without a record. */
static enum err_code commit_gap(struct consume *run, const struct intake *intake, int32_t partition,
                                struct err *err)
{
    struct lane *lane = &intake->lanes[partition];
    struct batch *batch = batch_new(0);
    enum err_code code;

    batch_begin_partition(batch, intake->stream.stream_id, intake->topic->name, STR(""), partition,
                          lane->committed);
    batch_advance(batch, intake->stream.stream_id, partition, lane->next);
    code = commit_batch(run, batch, NULL, err);
    batch_free(batch);
    if (code == ERR_OK) {
        run->result->absent += lane->next - lane->committed;
        lane->committed = lane->next;
    }
    return code;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static enum err_code commit_lane(struct archive *archive, struct consume *run,
                                 struct intake *intake, int32_t partition, bool all,
                                 struct err *err)
{
    struct cabinet *cabinet = &shelf_of(archive, intake)->cabinets[partition];
    struct lane *lane = &intake->lanes[partition];

    if (cabinet->open != NULL && (all || over(archive, run, lane, cabinet)) &&
        end_volume(archive, cabinet, least(lane->next, cabinet->open->cut), err) != ERR_OK) {
        return err->code;
    }
    while (cabinet->closed != NULL) {
        struct volume *volume = cabinet->closed;

        if (commit_volume(archive, run, lane, volume, err) != ERR_OK) {
            return err->code;
        }
        cabinet->closed = volume->next;
        archive->closed_count--;
        volume_free(volume);
    }
    return gap_waits(lane, cabinet) || (all && lane_ours(lane) && lane->committed < lane->next)
               ? commit_gap(run, intake, partition, err)
               : ERR_OK;
}

static enum err_code archive_commit(struct consume_keeper *keeper, struct consume *run, bool all,
                                    struct err *err)
{
    struct archive *archive = archive_of(keeper);

    for (size_t i = 0; i < run->intake_count; i++) {
        for (int32_t p = 0; p < run->intakes[i].lane_count; p++) {
            if (commit_lane(archive, run, &run->intakes[i], p, all, err) != ERR_OK) {
                return err->code;
            }
        }
    }
    keeper->full = false;
    return ERR_OK;
}

/* --- leaving --- */

static void drop_cabinet(struct cabinet *cabinet)
{
    volume_free(cabinet->open);
    while (cabinet->closed != NULL) {
        struct volume *volume = cabinet->closed;

        cabinet->closed = volume->next;
        volume_free(volume);
    }
    *cabinet = (struct cabinet){NULL};
}

static void archive_drop(struct consume_keeper *keeper)
{
    struct archive *archive = archive_of(keeper);
    struct piece *piece;

    while (archive->press != NULL && (piece = press_take(archive->press)) != NULL) {
        press_free_piece(archive->press, piece);
    }
    for (size_t i = 0; i < archive->shelf_count; i++) {
        for (int32_t p = 0; p < archive->shelves[i].cabinet_count; p++) {
            drop_cabinet(&archive->shelves[i].cabinets[p]);
        }
    }
    archive->closed_count = 0;
    keeper->full = false;
}

static void close_archive(struct archive *archive)
{
    archive_drop(&archive->keeper);
    for (size_t i = 0; i < archive->shelf_count; i++) {
        archive->result->schemas += (int64_t)archive->shelves[i].schemas.kept;
        archive->result->schemas_missing += archive->shelves[i].schemas.missing;
        archive_schemas_release(&archive->shelves[i].schemas);
        decoder_free(archive->shelves[i].decoder);
        memory_free(archive->shelves[i].cabinets);
    }
    memory_free(archive->shelves);
    press_close(archive->press);
    arena_release(&archive->arena);
}

/* Each partition keeps files open; the usual soft limit is low, and the hard one is there to be used. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static enum err_code open_press(struct archive *archive, struct err *err)
{
    const struct archive_config *config = archive->config;
    struct press_options options = {.codec = config->codec,
                                    .level = config->level,
                                    .thread_count =
                                        config->codec == CODEC_NULL ? 0 : config->thread_count,
                                    .queue_max = QUEUE_MIN + 2 * (size_t)config->thread_count,
                                    .size_kept = 2 * config->block_size};

    return press_open(&options, &archive->press, err);
}

static enum err_code run_with(struct archive *archive, struct source *source, struct err *err)
{
    struct consume_options options = archive->options->consume;

    options.source = source;
    options.keeper = &archive->keeper;
    return consume_run(&options, &archive->result->consume, err);
}

enum err_code archive_run(const struct archive_options *options, struct archive_result *ret_result,
                          struct err *err)
{
    struct archive archive = {.keeper = {.command = "archive",
                                         .take = archive_take,
                                         .due = archive_due,
                                         .commit = archive_commit,
                                         .drop = archive_drop},
                              .magic = MAGIC,
                              .options = options,
                              .config = &options->consume.config->archive,
                              .result = ret_result};
    struct source *source = options->consume.source;
    enum err_code code;

    *ret_result = (struct archive_result){.files = 0};
    raise_file_limit();
    archive.shelf_count = options->consume.config->topic_count;
    archive.shelves = memory_calloc(archive.shelf_count, sizeof(*archive.shelves));
    code = open_press(&archive, err);
    if (code == ERR_OK && source == NULL && options->consume.config->has_cluster) {
        code = connect_everything(options->consume.config, &archive.arena, &source, err);
    }
    if (code == ERR_OK) {
        code = run_with(&archive, source, err);
    }
    if (source != NULL && options->consume.source == NULL) {
        source->close(source);
    }
    close_archive(&archive);
    return code;
}

enum err_code archive_open_objects(const struct config *config, bool reads,
                                   struct objects **ret_objects, struct err *err)
{
    if (!config->has_archive) {
        return err_set(err, ERR_CONFIG, "%.*s: this needs an archive section with a folder",
                       STR_ARGS(config->path));
    }
    return reads ? objects_folder_open_read(config->archive.folder.data, ret_objects, err)
                 : objects_folder_open(config->archive.folder.data, ret_objects, err);
}
