#include "aggregator/fold_side.h"

#include "base/fault.h"

static enum err_code read_plain(struct db *db, int64_t book_id, struct fold_side *side,
                                struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db, "SELECT 1 FROM rebuild WHERE rebuild_book = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    code = db_step(stmt, &side->plain, err);
    db_reset(stmt);
    return code;
}

enum err_code fold_side_open(struct fold_side *side, struct db *db, int64_t book_id,
                             struct err *err)
{
    enum err_code code;

    side->plain = false;
    side->count = 0;
    code = rebuild_list(db, book_id, side->months, &side->count, err);
    if (code != ERR_OK) {
        side->count = 0;
        return code;
    }
    for (size_t i = 0; i < side->count; i++) {
        fold_windows_init(&side->since[i], db, side->months[i].since_book, true);
    }
    return read_plain(db, book_id, side, err);
}

void fold_side_release(struct fold_side *side)
{
    for (size_t i = 0; i < side->count; i++) {
        fold_windows_release(&side->since[i]);
    }
}

enum err_code fold_side_add(struct fold_side *side, const struct tally_key *key,
                            const struct tally *delta, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < side->count && code == ERR_OK; i++) {
        if (key->hour >= side->months[i].first_hour && key->hour < side->months[i].end_hour) {
            code = fold_windows_add(&side->since[i], key, delta, err);
            if (code == ERR_OK && FAULT("fold.side.added")) {
                code = fault_error("fold.side.added", err);
            }
        }
    }
    return code;
}
