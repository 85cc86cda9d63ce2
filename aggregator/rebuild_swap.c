/* The swap: windows of the month that are not what they should be are replaced, and what follows from them. */
#include <inttypes.h>

#include "aggregator/fold_windows.h"
#include "aggregator/rebuild.h"
#include "aggregator/rebuild_service.h"
#include "aggregator/service_day.h"
#include "base/check.h"
#include "base/fault.h"
#include "base/memory.h"

struct swap {
    struct db *db;
    const struct rebuild *rebuild;
    struct arena arena;
    struct str *services; /* owned; whose windows changed, in the order in which they came */
    size_t service_count;
    int64_t changed;
};

/* --- the window --- */

static enum err_code remove_window(const struct swap *swap, const struct tally_key *key,
                                   struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        swap->db,
        "DELETE FROM window_hour WHERE book_id = $1 AND kind = $2 AND a = $3 AND b = $4 AND "
        "c = $5 AND d = $6 AND hour = $7",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    fold_bind_key(stmt, swap->rebuild->book_id, key);
    return db_run(stmt, NULL, err);
}

/* --- its roll-ups --- */

static void bind_customer(struct db_stmt *stmt, const struct swap *swap,
                          const struct tally_key *key, int64_t time)
{
    db_bind_int64(stmt, 1, swap->rebuild->book_id);
    db_bind_text(stmt, 2, key->a);
    db_bind_text(stmt, 3, key->b);
    db_bind_int64(stmt, 4, time);
}

static enum err_code run_for_customer(const struct swap *swap, const char *sql,
                                      const struct tally_key *key, int64_t time, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(swap->db, sql, &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_customer(stmt, swap, key, time);
    return db_run(stmt, NULL, err);
}

/* The day is what its hours add up to; a day without hours has no row. */
static enum err_code sum_day(const struct swap *swap, const struct tally_key *key, struct err *err)
{
    int64_t day = key->hour / DAY_HOURS; /* months of before 1970 are refused */
    enum err_code code = run_for_customer(swap,
                                          "DELETE FROM rollup_day WHERE book_id = $1 AND "
                                          "service = $2 AND customer = $3 AND day = $4",
                                          key, day, err);

    if (code != ERR_OK) {
        return code;
    }
    return run_for_customer(
        swap,
        "INSERT INTO rollup_day (book_id, service, customer, day, records, total, errors, slow, "
        "no_latency) SELECT book_id, service, customer, CAST($4 AS BIGINT), "
        "CAST(sum(records) AS BIGINT), CAST(sum(total) AS BIGINT), CAST(sum(errors) AS BIGINT), "
        "CAST(sum(slow) AS BIGINT), CAST(sum(no_latency) AS BIGINT) FROM rollup_hour "
        "WHERE book_id = $1 AND service = $2 AND customer = $3 AND "
        "hour >= CAST($4 AS BIGINT) * 24 AND hour < CAST($4 AS BIGINT) * 24 + 24 "
        "GROUP BY book_id, service, customer",
        key, day, err);
}

static enum err_code write_rollups(const struct swap *swap, const struct rebuild_pair *pair,
                                   const struct tally *tally, struct err *err)
{
    enum err_code code;

    if (tally != NULL && tally_records(TALLY_WINDOW, tally) > 0) {
        code = fold_write_rollup_hour(swap->db, swap->rebuild->book_id, &pair->key, &tally->window,
                                      err);
    } else {
        code = run_for_customer(swap,
                                "DELETE FROM rollup_hour WHERE book_id = $1 AND service = $2 AND "
                                "customer = $3 AND hour = $4",
                                &pair->key, pair->key.hour, err);
    }
    return code == ERR_OK ? sum_day(swap, &pair->key, err) : code;
}

/* --- what follows --- */

static void note_service(struct swap *swap, struct str service)
{
    size_t count = swap->service_count;

    if (count > 0 && str_equal(swap->services[count - 1], service)) {
        return;
    }
    if ((count & (count - 1)) == 0) {
        swap->services =
            memory_resize(swap->services, count == 0 ? 1 : count * 2, sizeof(swap->services[0]));
    }
    swap->services[swap->service_count++] = arena_str(&swap->arena, service);
}

/* Whether the service is known by then shows at the end. */
static enum err_code mark(const struct swap *swap, const struct tally_key *key, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(swap->db,
                   "INSERT INTO regrade (book_id, service, hour) VALUES ($1, $2, $3) "
                   "ON CONFLICT (book_id, service, hour) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, swap->rebuild->book_id);
    db_bind_text(stmt, 2, key->a);
    db_bind_int64(stmt, 3, key->hour);
    return db_run(stmt, NULL, err);
}

static enum err_code derive(struct swap *swap, const struct rebuild_pair *pair, struct err *err)
{
    enum tally_kind kind = pair->key.kind;
    struct tally tally;
    enum err_code code = ERR_OK;

    if (kind == TALLY_ACTIVITY) {
        return fold_mark_all_services(swap->db, swap->rebuild->book_id, pair->key.hour, err);
    }
    note_service(swap, pair->key.a);
    if (kind == TALLY_WINDOW && pair->truth.data == NULL) {
        code = write_rollups(swap, pair, NULL, err);
    } else if (kind == TALLY_WINDOW) {
        code = tally_unpack(kind, pair->truth, &tally, err);
        if (code == ERR_OK) {
            code = write_rollups(swap, pair, &tally, err);
            tally_release(kind, &tally);
        }
    }
    return code == ERR_OK ? mark(swap, &pair->key, err) : code;
}

static enum err_code replace(void *context, const struct rebuild_pair *pair, struct err *err)
{
    struct swap *swap = context;
    enum err_code code;

    if (rebuild_pair_equal(pair)) {
        return ERR_OK;
    }
    swap->changed++;
    code = pair->truth.data != NULL
               ? fold_window_put(swap->db, swap->rebuild->book_id, &pair->key, pair->truth, err)
               : remove_window(swap, &pair->key, err);
    if (code == ERR_OK) {
        code = derive(swap, pair, err);
    }
    if (code == ERR_OK && FAULT("rebuild.swap.window")) {
        code = fault_error("rebuild.swap.window", err);
    }
    return code;
}

/* --- the transaction --- */

/* It may be over since the caller has looked. */
static enum err_code check_open(const struct swap *swap, struct err *err)
{
    struct rebuild now;
    bool found, complete = false;
    enum err_code code =
        rebuild_find(swap->db, swap->rebuild->book_id, swap->rebuild->month, &found, &now, err);

    if (code == ERR_OK && found && now.rebuild_book == swap->rebuild->rebuild_book) {
        code = rebuild_complete(swap->db, swap->rebuild, &complete, err);
    }
    if (code == ERR_OK && !complete) {
        code = err_set(err, ERR_FENCED,
                       "the rebuild of %s is over, or not complete: another run has ended it",
                       swap->rebuild->month);
    }
    return code;
}

static enum err_code swap_inside(struct fold *fold, struct swap *swap, struct err *err)
{
    enum err_code code = fold_lock_lease(fold, err);

    if (code == ERR_OK) {
        code = check_open(swap, err);
    }
    if (code == ERR_OK) {
        code = rebuild_walk(swap->db, swap->rebuild, replace, swap, err);
    }
    for (size_t i = 0; i < swap->service_count && code == ERR_OK; i++) {
        code = rebuild_service(swap->db, swap->rebuild->book_id, swap->services[i], err);
    }
    if (code == ERR_OK && FAULT("rebuild.swap.derived")) {
        code = fault_error("rebuild.swap.derived", err);
    }
    return code == ERR_OK ? rebuild_close(swap->db, swap->rebuild, err) : code;
}

/* Whether an answer that was lost was a yes. */
static enum err_code look_again(const struct swap *swap, struct err *err)
{
    struct rebuild now;
    bool found;
    enum err_code code = db_begin(swap->db, err); /* waits for the one that may still be running */

    if (code == ERR_OK) {
        code =
            rebuild_find(swap->db, swap->rebuild->book_id, swap->rebuild->month, &found, &now, err);
    }
    db_rollback(swap->db);
    if (code == ERR_OK && found && now.rebuild_book == swap->rebuild->rebuild_book) {
        code = err_set_retriable(err, ERR_STORE, "the swap was not committed");
    }
    return code;
}

static enum err_code try_swap(struct fold *fold, struct swap *swap, struct err *err)
{
    bool unknown = false;
    enum err_code code = db_begin(swap->db, err);

    swap->changed = 0;
    swap->service_count = 0;
    arena_clear(&swap->arena);
    if (code == ERR_OK) {
        code = swap_inside(fold, swap, err);
    }
    if (code == ERR_OK && FAULT("rebuild.swap.before")) {
        code = fault_error("rebuild.swap.before", err);
    }
    if (code == ERR_OK) {
        code = db_commit(swap->db, &unknown, err);
    }
    if (code == ERR_OK && FAULT("rebuild.swap.after")) {
        unknown = true;
        code = fault_error("rebuild.swap.after", err);
    }
    db_rollback(swap->db);
    if (unknown && code != ERR_OK) {
        struct err doubt = ERR_INIT;

        code = look_again(swap, &doubt);
        *err = doubt;
    }
    return code;
}

enum err_code rebuild_swap(struct fold *fold, const struct rebuild *rebuild, int64_t *ret_changed,
                           struct err *err)
{
    struct swap swap = {.db = fold->options.db, .rebuild = rebuild, .arena = ARENA_INIT};
    struct err cause = ERR_INIT;
    int tries = 0;

    while (try_swap(fold, &swap, &cause) != ERR_OK && db_again(swap.db, &tries, &cause)) {
        cause = ERR_INIT;
    }
    *ret_changed = swap.changed;
    memory_free(swap.services);
    arena_release(&swap.arena);
    if (cause.code != ERR_OK) {
        *err = cause;
    }
    return cause.code;
}
