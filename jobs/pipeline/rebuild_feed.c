/* The feed: from the ranges of the archive's book to items, in the order of offsets. Files that hold nothing of the month are passed over, many at once. */
#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "jobs/pipeline/rebuild_state.h"

static bool mine(const struct rebuild_job *job, const struct rebuild_lane *lane)
{
    int32_t count = job->options->shard_count;

    return count <= 1 || lane->partition % count == job->options->shard;
}

void rebuild_feed_init(struct rebuild_job *job)
{
    job->feed.lane = 0;
    job->feed.lane_open = false;
}

/* --- ranges of the archive's book --- */

static enum err_code read_page(struct rebuild_job *job, const struct rebuild_lane *lane,
                               struct err *err)
{
    struct rebuild_feed *feed = &job->feed;
    struct db_stmt *stmt;
    bool row;
    /* From the range that the position lies in. */
    enum err_code code = db_prepare(
        job->options->db,
        "SELECT from_offset, to_offset, delivered, kind, first_time_ns, last_time_ns "
        "FROM batch_range WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 AND "
        "to_offset > $4 AND from_offset >= coalesce((SELECT max(m.from_offset) FROM batch_range m "
        "WHERE m.book_id = $1 AND m.stream_id = $2 AND m.partition_id = $3 AND "
        "m.from_offset <= $4), 0) ORDER BY from_offset LIMIT $5",
        &stmt, err);

    feed->page_count = feed->page_at = 0;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, job->archive_book);
    db_bind_int64(stmt, 2, lane->stream_id);
    db_bind_int64(stmt, 3, lane->partition);
    db_bind_int64(stmt, 4, feed->at);
    db_bind_int64(stmt, 5, REBUILD_FEED_PAGE);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        CHECK(feed->page_count < REBUILD_FEED_PAGE);
        feed->page[feed->page_count++] =
            (struct rebuild_range){.from = db_column_int64(stmt, 0),
                                   .to = db_column_int64(stmt, 1),
                                   .delivered = db_column_int64(stmt, 2),
                                   .lost = str_equal(db_column_text(stmt, 3), STR("lost")),
                                   .first_time_ns = db_column_int64(stmt, 4),
                                   .last_time_ns = db_column_int64(stmt, 5)};
    }
    db_reset(stmt);
    feed->page_last = feed->page_count < REBUILD_FEED_PAGE;
    return code;
}

/* The range that covers feed->at; NULL: the archive has none. */
static enum err_code peek(struct rebuild_job *job, const struct rebuild_lane *lane,
                          const struct rebuild_range **ret_range, struct err *err)
{
    struct rebuild_feed *feed = &job->feed;
    const struct rebuild_range *range;

    if (feed->page_at == feed->page_count && !feed->page_last &&
        read_page(job, lane, err) != ERR_OK) {
        return err->code;
    }
    range = feed->page_at < feed->page_count ? &feed->page[feed->page_at] : NULL;
    *ret_range = range != NULL && range->from <= feed->at && range->to > feed->at ? range : NULL;
    return ERR_OK;
}

static void consume(struct rebuild_feed *feed, int64_t to)
{
    feed->at = to;
    if (feed->page_at < feed->page_count && feed->page[feed->page_at].to <= to) {
        feed->page_at++;
    }
}

/* --- what of it is needed --- */

/* Windows of the month have events from there, as far as one can tell without looking into the files. */
static bool is_named(const struct rebuild_lane *lane, int64_t from, int64_t to)
{
    return lane->low_named < to && lane->high_named >= from;
}

static enum err_code find_file(struct rebuild_job *job, const struct rebuild_lane *lane,
                               const struct rebuild_range *range, struct arena *arena,
                               struct archive_file *ret_file, struct err *err)
{
    struct archive_file before = {
        .stream_id = lane->stream_id, .partition = lane->partition, .from = range->from - 1};
    size_t count;
    enum err_code code = archive_file_page(job->options->db, job->archive_book, &before, 1, arena,
                                           ret_file, &count, err);

    if (code == ERR_OK && (count == 0 || ret_file->stream_id != lane->stream_id ||
                           ret_file->partition != lane->partition ||
                           ret_file->from != range->from || ret_file->to != range->to)) {
        code = err_set(err, ERR_MISMATCH,
                       "the archive's book has no file for the offsets from %" PRId64
                       " on: run uptally audit",
                       range->from);
    }
    return code;
}

/* Both the archive, which dated the events, and the windows have to say so. */
static bool holds_month(const struct rebuild_job *job, const struct rebuild_lane *lane,
                        const struct archive_file *file)
{
    return file->undated > 0 || is_named(lane, file->from, file->to) ||
           (file->low_event_ns != ARCHIVE_NO_TIME && file->low_event_ns < job->to_ns &&
            file->high_event_ns >= job->from_ns);
}

static enum err_code refuse_file(const struct archive_file *file, struct err *err)
{
    return err_set(err, ERR_DATA,
                   "archive file %.*s was deleted (archive.retention), and may hold events of the "
                   "month: the month can no longer be rebuilt",
                   STR_ARGS(file->name));
}

static void describe_file(const struct archive_file *file, struct rebuild_item *item)
{
    item->kind = REBUILD_FILE;
    item->file_from = file->from;
    item->file_to = file->to;
    item->file_size = file->size;
    (void)snprintf(item->name, sizeof(item->name), "%.*s", STR_ARGS(file->name));
    (void)snprintf(item->sha256, sizeof(item->sha256), "%.*s", STR_ARGS(file->sha256));
}

/* What the range is to this rebuild. item->from and to are set. */
static enum err_code classify(struct rebuild_job *job, const struct rebuild_lane *lane,
                              const struct rebuild_range *range, struct rebuild_item *item,
                              struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct archive_file file;
    enum err_code code;

    if (range->lost) {
        item->kind = REBUILD_LOST;
        item->first_time_ns = range->first_time_ns;
        item->last_time_ns = range->last_time_ns;
        return is_named(lane, item->from, item->to)
                   ? err_set(err, ERR_DATA,
                             "offsets %" PRId64 " to %" PRId64
                             " are lost to the archive, and windows of the month have events "
                             "around there: the month cannot be rebuilt",
                             item->from, item->to - 1)
                   : ERR_OK;
    }
    item->kind = REBUILD_PASS;
    if (range->delivered == 0) {
        return ERR_OK;
    }
    code = find_file(job, lane, range, &scratch, &file, err);
    if (code == ERR_OK &&
        (holds_month(job, lane, &file) || item->from > range->from || item->to < range->to)) {
        describe_file(&file, item);
        code = file.state == ARCHIVE_KEPT ? ERR_OK : refuse_file(&file, err);
    } else if (code == ERR_OK) {
        item->records = file.records;
        item->files = 1;
    }
    arena_release(&scratch);
    return code;
}

static enum err_code name_lane(struct rebuild_job *job, const struct rebuild_lane *lane,
                               struct err *err)
{
    const struct rebuild_target *target = rebuild_target_of(job, lane->stream_id);

    return err_context(err, "topic %.*s, partition %" PRId32,
                       STR_ARGS(target != NULL ? target->stream.topic : STR("?")), lane->partition);
}

/* Where the archive does not have all before the boundary, other partitions go on; the run says so at its end. */
static void leave_lane(struct rebuild_job *job, const struct rebuild_lane *lane)
{
    const struct rebuild_feed *feed = &job->feed;

    if (job->short_of.code == ERR_OK && feed->page_at < feed->page_count) {
        (void)err_set(&job->short_of, ERR_DATA,
                      "offsets %" PRId64 " to %" PRId64
                      " were never archived, and windows of the month have events around there: "
                      "the month cannot be rebuilt",
                      feed->at, feed->page[feed->page_at].from - 1);
        (void)name_lane(job, lane, &job->short_of);
    } else if (job->short_of.code == ERR_OK) {
        (void)err_set(&job->short_of, ERR_DATA,
                      "the archive ends before offset %" PRId64
                      ", and the book has read up to %" PRId64
                      ": run uptally archive, then this again; it goes on from here",
                      feed->at, lane->boundary);
        (void)name_lane(job, lane, &job->short_of);
    }
    job->feed.lane++;
    job->feed.lane_open = false;
}

/* The next piece of this lane. *ret_found false: there is none. */
static enum err_code next_piece(struct rebuild_job *job, const struct rebuild_lane *lane,
                                bool *ret_found, struct rebuild_item *item, struct err *err)
{
    const struct rebuild_range *range;

    *item = (struct rebuild_item){.lane = job->feed.lane, .from = job->feed.at};
    if (peek(job, lane, &range, err) != ERR_OK) {
        return err->code;
    }
    *ret_found = range != NULL;
    if (range == NULL) {
        return ERR_OK;
    }
    item->to = range->to < lane->boundary ? range->to : lane->boundary;
    if (classify(job, lane, range, item, err) != ERR_OK) {
        return name_lane(job, lane, err);
    }
    return ERR_OK;
}

/* Adds the pieces behind it that are passed over as well. */
static enum err_code extend(struct rebuild_job *job, const struct rebuild_lane *lane,
                            struct rebuild_item *item, struct err *err)
{
    bool found = true;

    while (found && job->feed.at < lane->boundary) {
        struct rebuild_item piece;

        if (next_piece(job, lane, &found, &piece, err) != ERR_OK) {
            /* Those before it are done all the same; the next call meets the failure again. */
            *err = ERR_INIT;
            return ERR_OK;
        }
        if (!found || piece.kind != REBUILD_PASS) {
            break;
        }
        item->to = piece.to;
        item->records += piece.records;
        item->files += piece.files;
        consume(&job->feed, piece.to);
    }
    return ERR_OK;
}

static bool open_lane(struct rebuild_job *job, const struct rebuild_lane *lane)
{
    struct rebuild_feed *feed = &job->feed;

    if (!feed->lane_open) {
        feed->at = lane->next;
        feed->page_count = feed->page_at = 0;
        feed->page_last = false;
        feed->lane_open = true;
    }
    if (mine(job, lane) && feed->at < lane->boundary) {
        return true;
    }
    feed->lane++;
    feed->lane_open = false;
    return false;
}

enum err_code rebuild_feed_next(struct rebuild_job *job, bool *ret_found,
                                struct rebuild_item *ret_item, struct err *err)
{
    *ret_found = false;
    while (!*ret_found && job->feed.lane < job->lane_count) {
        const struct rebuild_lane *lane = &job->lanes[job->feed.lane];

        if (!open_lane(job, lane)) {
            continue;
        }
        if (next_piece(job, lane, ret_found, ret_item, err) != ERR_OK) {
            return err->code;
        }
        if (!*ret_found) {
            leave_lane(job, lane);
            continue;
        }
        consume(&job->feed, ret_item->to);
        if (ret_item->kind == REBUILD_PASS && extend(job, lane, ret_item, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}
