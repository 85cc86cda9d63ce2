/* Partitions whose records expired: parked until an operator accepts the loss, and what that acceptance changes besides the ledger. */
#include "aggregator/fold.h"
#include "aggregator/lease.h"
#include "aggregator/ledger_rows.h"
#include "base/check.h"
#include "base/fault.h"

static bool has_loss(const struct batch *batch)
{
    for (size_t i = 0; i < batch->partition_count; i++) {
        if (batch->partitions[i]->lost) {
            return true;
        }
    }
    return false;
}

/* Grading reads lost ranges and takes marks away under the lease. With the row locked, also where nobody ever held it, a grading either
 * sees this loss or is followed by our marks. */
enum err_code ledger_loss_lock(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    char name[LEASE_NAME_SIZE];
    struct db_stmt *stmt;
    enum err_code code;

    if (!has_loss(batch)) {
        return ERR_OK;
    }
    code = db_prepare(ledger->db,
                      "INSERT INTO lease (name, holder, fence, expires_ns) VALUES ($1, '', 0, 0) "
                      "ON CONFLICT (name) DO UPDATE SET fence = lease.fence",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    lease_name("fold", ledger->book_id, name);
    db_bind_text(stmt, 1, STR(name));
    return db_run(stmt, NULL, err);
}

static enum err_code mark_hours(struct ledger *ledger, const struct batch_partition *p,
                                struct err *err)
{
    struct db_stmt *stmt;
    /* Hours without a row are graded for the first time later, and find the loss then. */
    enum err_code code = db_prepare(ledger->db,
                                    "INSERT INTO regrade (book_id, service, hour) "
                                    "SELECT book_id, service, hour FROM grade_hour "
                                    "WHERE book_id = $1 AND hour >= $2 AND hour <= $3 "
                                    "ON CONFLICT (book_id, service, hour) DO NOTHING",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, ledger->book_id);
    db_bind_int64(stmt, 2, tally_hour(p->first_time_ns));
    db_bind_int64(stmt, 3, tally_hour(p->last_time_ns));
    return db_run(stmt, NULL, err);
}

enum err_code ledger_loss_mark(struct ledger *ledger, const struct batch *batch, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < batch->partition_count && code == ERR_OK; i++) {
        if (batch->partitions[i]->lost) {
            code = mark_hours(ledger, batch->partitions[i], err);
        }
    }
    if (code == ERR_OK && has_loss(batch) && FAULT("ledger.loss.marked")) {
        code = fault_error("ledger.loss.marked", err);
    }
    return code;
}

static enum err_code write_parked(struct ledger *ledger, int64_t stream_id, int32_t partition,
                                  int64_t next_offset, struct str reason, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(ledger->db,
                   "UPDATE partition_offset SET parked = $1 WHERE book_id = $2 AND "
                   "stream_id = $3 AND partition_id = $4 AND next_offset = $5",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    if (reason.size > 0) {
        db_bind_text(stmt, 1, reason);
    } else {
        db_bind_null(stmt, 1);
    }
    db_bind_int64(stmt, 2, ledger->book_id);
    db_bind_int64(stmt, 3, stream_id);
    db_bind_int64(stmt, 4, partition);
    db_bind_int64(stmt, 5, next_offset);
    return db_run(stmt, NULL, err);
}

enum err_code ledger_park(struct ledger *ledger, int64_t stream_id, int32_t partition,
                          int64_t next_offset, struct str reason, struct err *err)
{
    bool unknown;
    enum err_code code = db_begin(ledger->db, err);

    if (code == ERR_OK) {
        code = write_parked(ledger, stream_id, partition, next_offset, reason, err);
    }
    if (code == ERR_OK && FAULT("ledger.park.before")) {
        code = fault_error("ledger.park.before", err);
    }
    if (code == ERR_OK) {
        /* A lost answer needs no care: it is written again by whoever finds the same. */
        code = db_commit(ledger->db, &unknown, err);
    }
    db_rollback(ledger->db);
    return code;
}
