#include "jobs/pipeline/archive_volume.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"
#include "consumers/archive_record.h"

enum { READ_SIZE = 256 * 1024, WRITE_SIZE = 128 * 1024, OFFSET_DIGITS = 19 };

static bool write_all(int fd, int64_t at, struct str bytes)
{
    while (bytes.size > 0) {
        ssize_t written = pwrite(fd, bytes.data, bytes.size, at);

        if (written < 0 && errno != EINTR) {
            return false;
        }
        if (written > 0) {
            bytes = str_of(bytes.data + written, bytes.size - (size_t)written);
            at += written;
        }
    }
    return true;
}

/* What waits goes to the file. */
static bool flush(struct volume *volume)
{
    struct str waiting = str_of(volume->room, volume->waiting);

    volume->waiting = 0;
    return write_all(volume->draft->fd, volume->size - (int64_t)waiting.size, waiting);
}

/* Behind what is there. Files are written in large pieces at multiples of their size: so they lie in the page cache, and are read from there in half the time. */
static bool append(struct volume *volume, struct str bytes)
{
    while (bytes.size > 0) {
        size_t left = WRITE_SIZE - (size_t)(volume->size % WRITE_SIZE);
        size_t part = bytes.size < left ? bytes.size : left;

        memcpy(volume->room + volume->waiting, bytes.data, part);
        bytes = str_of(bytes.data + part, bytes.size - part);
        volume->waiting += part;
        volume->size += (int64_t)part;
        if (part == left && !flush(volume)) {
            return false;
        }
    }
    return true;
}

static enum err_code cannot_write(const struct volume *volume, struct err *err)
{
    struct strbuf place;

    strbuf_init(&place, 4096);
    volume->options.objects->locate(volume->options.objects, volume->name, &place);
    (void)err_set_errno(err, ERR_DELIVERY, "%s: cannot write the archive file",
                        strbuf_text(&place));
    strbuf_release(&place);
    return err->code;
}

/* At the beginning and once more at the end: the same size, for its numbers have a fixed width. */
static enum err_code write_head(struct volume *volume, struct err *err)
{
    struct strbuf text;
    bool good;

    strbuf_init(&text, CONTAINER_HEAD_SIZE_MAX);
    archive_head_write(&volume->head, &text);
    CHECK(!text.overflow);
    CHECK(volume->head_size == 0 || volume->head_size == text.size);
    volume->head_size = text.size;
    good = write_all(volume->draft->fd, 0, strbuf_view(&text));
    strbuf_release(&text);
    return good ? ERR_OK : cannot_write(volume, err);
}

void volume_name(int64_t from, int64_t to, struct strbuf *out)
{
    strbuf_append_format(out, "%0*" PRId64 "-%0*" PRId64 ".avro", OFFSET_DIGITS, from,
                         OFFSET_DIGITS, to);
}

bool volume_name_read(struct str name, int64_t *ret_from, int64_t *ret_to)
{
    const struct str suffix = STR(".avro");

    return name.size == 2 * OFFSET_DIGITS + 1 + suffix.size && name.data[OFFSET_DIGITS] == '-' &&
           name.data[0] != '-' && name.data[OFFSET_DIGITS + 1] != '-' &&
           str_equal(str_of(name.data + name.size - suffix.size, suffix.size), suffix) &&
           str_to_int64(str_of(name.data, OFFSET_DIGITS), ret_from) &&
           str_to_int64(str_of(name.data + OFFSET_DIGITS + 1, OFFSET_DIGITS), ret_to) &&
           *ret_to > *ret_from;
}

/* Until it ends the name says only where it begins: it is nobody's but the draft's. */
static void set_name(struct volume *volume, int64_t to)
{
    struct strbuf name;

    strbuf_init(&name, VOLUME_NAME_SIZE - 1);
    strbuf_append_format(&name, "%.*s/", STR_ARGS(volume->options.folder));
    volume_name(volume->head.from, to, &name);
    CHECK(!name.overflow);
    memcpy(volume->name, strbuf_text(&name), name.size + 1);
    strbuf_release(&name);
}

enum err_code volume_open(const struct volume_options *options, struct volume **ret_volume,
                          struct err *err)
{
    struct volume *volume = memory_calloc(1, sizeof(*volume));
    const struct archive_head *head = &options->head;

    CHECK(options->folder.size < sizeof(volume->folder));
    memcpy(volume->folder, options->folder.data, options->folder.size);
    volume->options = *options;
    volume->room = memory_alloc(WRITE_SIZE);
    volume->options.folder = str_of(volume->folder, options->folder.size);
    volume->head = *head;
    volume->head.to = head->from;
    volume->head.low_time_ns = volume->head.high_time_ns = ARCHIVE_HEAD_NO_TIME;
    volume->low_event_ns = volume->high_event_ns = ARCHIVE_NO_TIME;
    volume->cut = INT64_MAX;
    volume->batch = batch_new(0);
    batch_begin_partition(volume->batch, options->stream_id, head->topic, STR(""), head->partition,
                          head->from);
    set_name(volume, INT64_MAX);
    if (options->objects->draft(options->objects, volume->name, &volume->draft, err) != ERR_OK ||
        write_head(volume, err) != ERR_OK) {
        volume_free(volume);
        return err->code;
    }
    volume->size = (int64_t)volume->head_size;
    *ret_volume = volume;
    return ERR_OK;
}

void volume_free(struct volume *volume)
{
    if (volume == NULL) {
        return;
    }
    if (volume->piece != NULL) {
        press_free_piece(volume->options.press, volume->piece);
    }
    volume->options.objects->discard(volume->options.objects, volume->draft);
    batch_free(volume->batch);
    memory_free(volume->room);
    memory_free(volume);
}

static enum err_code write_packed(struct volume *volume, const struct piece *piece, struct err *err)
{
    char prefix[CONTAINER_PREFIX_SIZE_MAX], marker[CONTAINER_MARKER_SIZE];
    size_t prefix_size = container_write_prefix(prefix, piece->number, piece->packed_size);

    archive_head_marker(&volume->head, marker);
    if (!append(volume, str_of(prefix, prefix_size)) ||
        !append(volume, str_of(piece->packed, piece->packed_size)) ||
        !append(volume, str_of(marker, sizeof(marker)))) {
        return cannot_write(volume, err);
    }
    if (FAULT("archive.volume.block")) {
        errno = ENOSPC;
        return cannot_write(volume, err);
    }
    return ERR_OK;
}

enum err_code volume_write_block(struct press *press, bool *ret_written, struct err *err)
{
    struct piece *piece = press_take(press);
    struct volume *volume;
    enum err_code code = ERR_OK;

    *ret_written = piece != NULL;
    if (piece == NULL) {
        return ERR_OK;
    }
    volume = piece->owner;
    volume->blocks_under_way--;
    code = write_packed(volume, piece, err);
    press_free_piece(press, piece);
    return code;
}

static enum err_code send_block(struct volume *volume, struct err *err)
{
    struct press *press = volume->options.press;
    struct piece *piece = volume->piece;
    bool written;

    while (press_full(press)) {
        if (volume_write_block(press, &written, err) != ERR_OK) {
            return err->code;
        }
    }
    volume->piece = NULL;
    volume->blocks_under_way++;
    volume->content_bytes += (int64_t)piece->content_size;
    if ((int64_t)piece->content_size > volume->head.block_size_max) {
        volume->head.block_size_max = (int64_t)piece->content_size;
    }
    piece->owner = volume;
    piece->number = volume->piece_records;
    press_put(press, piece);
    volume->piece_records = 0;
    return ERR_OK;
}

static void widen(int64_t *low, int64_t *high, int64_t time_ns)
{
    if (time_ns == ARCHIVE_HEAD_NO_TIME) {
        return;
    }
    *low = *low == ARCHIVE_HEAD_NO_TIME || time_ns < *low ? time_ns : *low;
    *high = *high == ARCHIVE_HEAD_NO_TIME || time_ns > *high ? time_ns : *high;
}

enum err_code volume_add(struct volume *volume, const struct record *record,
                         const struct volume_date *date, struct err *err)
{
    struct coordinate at = {volume->options.stream_id, record->partition, record->offset,
                            record->time_ns};

    CHECK(!volume->ended);
    CHECK(record->partition == volume->head.partition);
    CHECK(record->offset < volume->cut);
    if (volume->piece == NULL) {
        volume->piece = press_piece(volume->options.press);
    }
    archive_record_put(volume->piece, record);
    volume->piece_records++;
    volume->head.records++;
    widen(&volume->head.low_time_ns, &volume->head.high_time_ns, record->time_ns);
    widen(&volume->low_event_ns, &volume->high_event_ns, date->event_ns);
    volume->undated += date->undated;
    batch_add_excluded(volume->batch, &at, VERDICT_ARCHIVED, str_of(NULL, 0));
    return volume->piece->content_size >= volume->options.block_size ? send_block(volume, err)
                                                                     : ERR_OK;
}

int64_t volume_content(const struct volume *volume)
{
    return volume->content_bytes +
           (volume->piece != NULL ? (int64_t)volume->piece->content_size : 0);
}

enum err_code volume_end(struct volume *volume, int64_t to, struct err *err)
{
    CHECK(!volume->ended);
    volume->ended = true;
    batch_advance(volume->batch, volume->options.stream_id, volume->head.partition, to);
    volume->head.to =
        batch_next_offset(volume->batch, volume->options.stream_id, volume->head.partition);
    CHECK(volume->head.to == to);
    set_name(volume, to);
    return volume->piece != NULL ? send_block(volume, err) : ERR_OK;
}

/* What was written is read again: what the store will vouch for is what is there. */
static enum err_code hash_file(const struct volume *volume, char ret_sha256[HASH_HEX_SIZE],
                               struct err *err)
{
    char *part = memory_alloc(READ_SIZE);
    struct hash_sha256 hash;
    int64_t at = 0;
    ssize_t size;

    hash_sha256_init(&hash);
    while ((size = pread(volume->draft->fd, part, READ_SIZE, at)) > 0 ||
           (size < 0 && errno == EINTR)) {
        if (size > 0) {
            hash_sha256_add(&hash, str_of(part, (size_t)size));
            at += size;
        }
    }
    memory_free(part);
    if (size < 0 || at != volume->size) {
        errno = size < 0 ? errno : EIO;
        return cannot_write(volume, err);
    }
    hash_sha256_end(&hash, ret_sha256);
    return ERR_OK;
}

static void describe(const struct volume *volume, const char *sha256, struct archive_file *file)
{
    const struct archive_head *head = &volume->head;

    *file = (struct archive_file){.stream_id = volume->options.stream_id,
                                  .partition = head->partition,
                                  .from = head->from,
                                  .to = head->to,
                                  .name = STR(volume->name),
                                  .size = volume->size,
                                  .sha256 = STR(sha256),
                                  .records = head->records,
                                  .low_time_ns = head->low_time_ns,
                                  .high_time_ns = head->high_time_ns,
                                  .low_event_ns = volume->low_event_ns,
                                  .high_event_ns = volume->high_event_ns,
                                  .undated = volume->undated,
                                  .state = ARCHIVE_KEPT,
                                  .expired_ns = ARCHIVE_NO_TIME};
}

enum err_code volume_publish(struct volume *volume, struct archive_file *ret_file,
                             char ret_sha256[HASH_HEX_SIZE], struct err *err)
{
    struct objects *objects = volume->options.objects;
    struct objects_draft *draft;
    bool written = true;

    CHECK(volume->ended);
    while (volume->blocks_under_way > 0) {
        if (volume_write_block(volume->options.press, &written, err) != ERR_OK) {
            return err->code;
        }
        CHECK(written);
    }
    if (!flush(volume)) {
        return cannot_write(volume, err);
    }
    if (write_head(volume, err) != ERR_OK || hash_file(volume, ret_sha256, err) != ERR_OK) {
        return err->code;
    }
    (void)FAULT("archive.publish.before");
    draft = volume->draft;
    volume->draft = NULL;
    if (objects->publish(objects, draft, volume->name, err) != ERR_OK) {
        return err->code;
    }
    (void)FAULT("archive.publish.after");
    describe(volume, ret_sha256, ret_file);
    return ERR_OK;
}
