#include "aggregator/ledger_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "aggregator/dead_letter.h"
#include "aggregator/outbox.h"
#include "aggregator/pending.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

enum { REASON_SIZE_MAX = 512 };

static struct str batch_id(const struct batch *batch)
{
    return str_of((const char *)batch->id, sizeof(batch->id));
}

static void bind_time(struct db_stmt *stmt, int index, int64_t time_ns)
{
    if (time_ns == INT64_MIN) {
        db_bind_null(stmt, index);
    } else {
        db_bind_int64(stmt, index, time_ns);
    }
}

enum err_code ledger_rows_write_batch(struct ledger *ledger, const struct batch *batch,
                                      struct err *err)
{
    struct db_stmt *stmt;
    int64_t now_ns;
    enum err_code code = db_now_ns(ledger->db, &now_ns, err);

    if (code == ERR_OK) {
        code = db_prepare(ledger->db,
                          "INSERT INTO batch (batch_id, book_id, committed_ns, program_version, "
                          "checksum, folded) VALUES ($1, $2, $3, $4, $5, $6)",
                          &stmt, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    db_bind_blob(stmt, 1, batch_id(batch));
    db_bind_int64(stmt, 2, ledger->book_id);
    db_bind_int64(stmt, 3, now_ns);
    db_bind_text(stmt, 4, STR(ledger->program_version));
    db_bind_checksum(stmt, 5);
    db_bind_int64(stmt, 6, batch->entry_count == 0);
    return db_run(stmt, NULL, err);
}

static enum err_code write_range(struct ledger *ledger, const struct batch *batch,
                                 const struct batch_partition *p, struct err *err)
{
    struct db_stmt *stmt;
    bool timed = p->delivered > 0 || p->lost;
    enum err_code code = db_prepare(
        ledger->db,
        "INSERT INTO batch_range (book_id, stream_id, partition_id, from_offset, to_offset, "
        "batch_id, kind, config_digest, delivered, tallied, excluded, duplicate, dead_lettered, "
        "absent, first_time_ns, last_time_ns, checksum) VALUES "
        "($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    db_bind_int64(stmt, 4, p->from);
    db_bind_int64(stmt, 5, p->to);
    db_bind_blob(stmt, 6, batch_id(batch));
    db_bind_text(stmt, 7, p->lost ? STR("lost") : STR("read"));
    /* No mapping has proved itself by what it never saw. */
    db_bind_text(stmt, 8, p->lost ? STR("") : p->config_digest);
    db_bind_int64(stmt, 9, p->delivered);
    db_bind_int64(stmt, 10, p->tallied);
    db_bind_int64(stmt, 11, p->excluded);
    db_bind_int64(stmt, 12, p->duplicate);
    db_bind_int64(stmt, 13, p->dead_lettered);
    db_bind_int64(stmt, 14, p->absent);
    bind_time(stmt, 15, timed ? p->first_time_ns : INT64_MIN);
    bind_time(stmt, 16, timed ? p->last_time_ns : INT64_MIN);
    db_bind_checksum(stmt, 17);
    return db_run(stmt, NULL, err);
}

static enum err_code write_exclusion(struct ledger *ledger, const struct batch *batch,
                                     const struct batch_partition *p,
                                     const struct batch_exclusion *exclusion, struct err *err)
{
    char reason[REASON_SIZE_MAX];
    struct db_stmt *stmt;
    int size;
    enum err_code code = db_prepare(
        ledger->db,
        "INSERT INTO exclusion (batch_id, stream_id, partition_id, reason, records, checksum) "
        "VALUES ($1, $2, $3, $4, $5, $6)",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    if (exclusion->verdict == VERDICT_RULE) {
        size = snprintf(reason, sizeof(reason), "rule:%.*s", STR_ARGS(exclusion->rule));
    } else {
        size = snprintf(reason, sizeof(reason), "%s", verdict_row(exclusion->verdict)->name);
    }
    CHECK(size < REASON_SIZE_MAX);
    db_bind_blob(stmt, 1, batch_id(batch));
    db_bind_int64(stmt, 2, p->stream_id);
    db_bind_int64(stmt, 3, p->partition);
    db_bind_text(stmt, 4, str_of(reason, (size_t)size));
    db_bind_int64(stmt, 5, exclusion->records);
    db_bind_checksum(stmt, 6);
    return db_run(stmt, NULL, err);
}

enum err_code ledger_rows_write_exclusions(struct ledger *ledger, const struct batch *batch,
                                           const struct batch_partition *p, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < p->exclusion_count && code == ERR_OK; i++) {
        code = write_exclusion(ledger, batch, p, &p->exclusions[i], err);
    }
    return code;
}

static enum err_code write_ranges(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        const struct batch_partition *p = batch->partitions[i];

        if (p->to == p->from) {
            continue;
        }
        code = write_range(ledger, batch, p, err);
        if (code == ERR_OK) {
            code = ledger_rows_write_exclusions(ledger, batch, p, err);
        }
    }
    return code;
}

static enum err_code write_dead_letter(struct ledger *ledger, const struct batch *batch,
                                       const struct batch_dead_letter *letter, struct err *err)
{
    enum letter_content content =
        (int64_t)letter->bytes.size == letter->record_size ? LETTER_WHOLE : LETTER_CUT;
    struct dead_letter row = {.stream_id = letter->partition->stream_id,
                              .partition = letter->partition->partition,
                              .offset = letter->offset,
                              .batch_id = batch_id(batch),
                              .reason = STR(verdict_row(letter->verdict)->name),
                              .detail = letter->detail,
                              .time_ns = letter->time_ns,
                              .record_size = letter->record_size,
                              .content = letter->redacted ? LETTER_REDACTED : content,
                              .bytes = letter->bytes,
                              .schema_header = letter->schema_header};

    return dead_letter_insert(ledger->db, ledger->book_id, &row, err);
}

/* The letter and the promise to deliver it are one: both are there, or neither. */
static enum err_code write_dead_letters(struct ledger *ledger, const struct batch *batch,
                                        struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->dead_letter_count && code == ERR_OK; i++) {
        const struct batch_dead_letter *letter = &batch->dead_letters[i];
        struct outbox_dead_letter row = {.stream_id = letter->partition->stream_id,
                                         .partition = letter->partition->partition,
                                         .offset = letter->offset,
                                         .destination = letter->partition->destination};

        code = write_dead_letter(ledger, batch, letter, err);
        if (code == ERR_OK && row.destination.size > 0) {
            code = outbox_add_dead_letter(ledger->db, &row, err);
        }
    }
    return code;
}

static enum err_code insert_pending(struct ledger *ledger, const struct batch *batch, int64_t part,
                                    const struct pending_writer *row, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "INSERT INTO pending (book_id, batch_id, part, tallies, packed, "
                   "checksum) VALUES ($1, $2, $3, $4, $5, $6)",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_blob(stmt, 2, batch_id(batch));
    db_bind_int64(stmt, 3, part);
    db_bind_int64(stmt, 4, row->count);
    db_bind_blob(stmt, 5, strbuf_view(&row->packed));
    db_bind_checksum(stmt, 6);
    return db_run(stmt, NULL, err);
}

static int compare_entries(const void *a, const void *b)
{
    const struct batch_entry *x = *(const struct batch_entry *const *)a;
    const struct batch_entry *y = *(const struct batch_entry *const *)b;

    return tally_key_compare(&x->key, &y->key);
}

/* In the order of their keys: no dependence on the hash table, and the parts of batches that follow each other are of about the same
 * services. */
static const struct batch_entry **sorted_entries(const struct batch *batch)
{
    const struct batch_entry **sorted =
        memory_calloc(batch->entry_count, sizeof(const struct batch_entry *));

    for (size_t i = 0; i < batch->entry_count; i++) {
        sorted[i] = &batch->entries[i];
    }
    qsort(sorted, batch->entry_count, sizeof(sorted[0]), compare_entries);
    return sorted;
}

/* Of thousands none is in the cache any more: the next ones are asked for while one is packed. */
static void fetch_next(const struct batch_entry **sorted, size_t i, size_t count)
{
    if (i + 2 < count) {
        tally_fetch_outline(sorted[i + 2]->key.kind, sorted[i + 2]->tally);
    }
    if (i + 1 < count) {
        tally_fetch(sorted[i + 1]->key.kind, sorted[i + 1]->tally);
    }
}

enum err_code ledger_rows_write_pending(struct ledger *ledger, const struct batch *batch,
                                        struct err *err)
{
    const struct batch_entry **sorted = sorted_entries(batch);
    size_t size = ledger->pending_row_size > 0 ? ledger->pending_row_size : PENDING_ROW_SIZE;
    struct pending_writer row;
    enum err_code code = ERR_OK;
    int64_t part = 0;

    CHECK(batch->settled);
    CHECK(size <= PENDING_ROW_SIZE);
    pending_writer_init(&row);
    for (size_t i = 0; i < batch->entry_count && code == ERR_OK; i++) {
        fetch_next(sorted, i, batch->entry_count);
        pending_add(&row, &sorted[i]->key, sorted[i]->tally);
        if (row.packed.size >= size || i + 1 == batch->entry_count) {
            code = insert_pending(ledger, batch, part++, &row, err);
            pending_writer_clear(&row);
        }
    }
    pending_writer_release(&row);
    memory_free(sorted);
    return code;
}

enum err_code ledger_rows_write(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    enum err_code code = ledger_rows_write_batch(ledger, batch, err);

    if (code == ERR_OK) {
        code = write_ranges(ledger, batch, err);
    }
    if (code == ERR_OK && FAULT("ledger.commit.ranges")) {
        code = fault_error("ledger.commit.ranges", err);
    }
    if (code == ERR_OK) {
        code = write_dead_letters(ledger, batch, err);
    }
    if (code == ERR_OK && FAULT("ledger.commit.dead_letters")) {
        code = fault_error("ledger.commit.dead_letters", err);
    }
    if (code == ERR_OK) {
        code = ledger_rows_write_pending(ledger, batch, err);
    }
    if (code == ERR_OK) {
        code = ledger_loss_mark(ledger, batch, err);
    }
    if (code == ERR_OK && FAULT("ledger.commit.rows")) {
        code = fault_error("ledger.commit.rows", err);
    }
    return code;
}
