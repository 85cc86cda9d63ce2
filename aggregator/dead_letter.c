#include "aggregator/dead_letter.h"

#include <inttypes.h>

/* Places in the SELECT below, which names all columns in the order of the table: so the checksum can be tested. */
enum { REASON = 5, DETAIL = 6, RECORD_SIZE = 8, BYTES = 9, SCHEMA_HEADER = 11, CHECKSUM = 12 };

enum err_code dead_letter_read(struct db *db, int64_t book_id, int64_t stream_id, int32_t partition,
                               int64_t offset, struct arena *arena, struct dead_letter *ret_letter,
                               bool *ret_found, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "SELECT book_id, stream_id, partition_id, record_offset, batch_id, reason, detail, "
        "record_time_ns, record_size, bytes, resolved_by, schema_header, checksum FROM dead_letter "
        "WHERE book_id = $1 AND stream_id = $2 AND partition_id = $3 AND record_offset = $4",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, stream_id);
    db_bind_int64(stmt, 3, partition);
    db_bind_int64(stmt, 4, offset);
    code = db_step(stmt, ret_found, err);
    if (code != ERR_OK || !*ret_found) {
        return code;
    }
    if (db_column_checksum(stmt, CHECKSUM) != db_column_int64(stmt, CHECKSUM)) {
        code = err_set(err, ERR_STORE,
                       "dead letter of stream %" PRId64 ", partition %" PRId32 ", offset %" PRId64
                       " is damaged: its checksum is wrong",
                       stream_id, partition, offset);
    } else {
        *ret_letter = (struct dead_letter){.reason = arena_str(arena, db_column_text(stmt, REASON)),
                                           .detail = arena_str(arena, db_column_text(stmt, DETAIL)),
                                           .bytes = arena_str(arena, db_column_blob(stmt, BYTES)),
                                           .record_size = db_column_int64(stmt, RECORD_SIZE)};
        if (!db_column_null(stmt, SCHEMA_HEADER)) {
            ret_letter->schema_header = arena_str(arena, db_column_blob(stmt, SCHEMA_HEADER));
        }
    }
    db_reset(stmt);
    return code;
}
