/* The month key by key: what the book has, and what rebuild and fold together say that it should have. */
#include <inttypes.h>
#include <string.h>

#include "aggregator/rebuild.h"
#include "base/check.h"
#include "base/memory.h"

enum { PAGE_ROWS = 4096, PACKED_SIZE_MAX = 16 * 1024 * 1024 };

/* Three rows of one key at most, of which any may be missing. */
struct triple {
    struct tally_key key;
    struct str live, rebuilt, since;
    bool damaged;
};

struct walk {
    struct db *db;
    const struct rebuild *rebuild;
    enum err_code (*each)(void *context, const struct rebuild_pair *pair, struct err *err);
    void *context;
    struct arena arena;     /* of a page */
    struct triple *triples; /* owned; of a page */
    size_t count, capacity;
    struct strbuf packed;
};

static enum err_code set_damaged(const struct tally_key *key, struct err *err)
{
    return err_set(err, ERR_MISMATCH,
                   "a window of the rebuild, %s %.*s hour %" PRId64
                   ": the row is damaged; drop the rebuild and begin again",
                   tally_kind_name(key->kind), STR_ARGS(key->a), key->hour);
}

/* --- pages --- */

static bool same_key(const struct triple *triple, struct db_stmt *stmt)
{
    return triple->key.hour == db_column_int64(stmt, 6) &&
           str_equal(triple->key.b, db_column_text(stmt, 3)) &&
           str_equal(triple->key.c, db_column_text(stmt, 4)) &&
           str_equal(triple->key.d, db_column_text(stmt, 5));
}

static struct triple *triple_of(struct walk *walk, enum tally_kind kind, struct str a,
                                struct db_stmt *stmt)
{
    struct triple *last = walk->count > 0 ? &walk->triples[walk->count - 1] : NULL;

    if (last != NULL && same_key(last, stmt)) {
        return last;
    }
    if (walk->count == walk->capacity) {
        walk->capacity = walk->capacity == 0 ? 256 : 2 * walk->capacity;
        walk->triples = memory_resize(walk->triples, walk->capacity, sizeof(walk->triples[0]));
    }
    last = &walk->triples[walk->count++];
    *last = (struct triple){.key = {.kind = kind,
                                    .a = a,
                                    .b = arena_str(&walk->arena, db_column_text(stmt, 3)),
                                    .c = arena_str(&walk->arena, db_column_text(stmt, 4)),
                                    .d = arena_str(&walk->arena, db_column_text(stmt, 5)),
                                    .hour = db_column_int64(stmt, 6)}};
    return last;
}

static enum err_code take_row(struct walk *walk, struct triple *triple, struct db_stmt *stmt,
                              struct err *err)
{
    bool intact = db_column_checksum(stmt, 8) == db_column_int64(stmt, 8);
    int64_t book_id = db_column_int64(stmt, 0);
    struct str packed = arena_str(&walk->arena, db_column_blob(stmt, 7));

    if (book_id == walk->rebuild->book_id) {
        triple->live = packed;
        triple->damaged = !intact;
        return ERR_OK;
    }
    *(book_id == walk->rebuild->rebuild_book ? &triple->rebuilt : &triple->since) = packed;
    return intact ? ERR_OK : set_damaged(&triple->key, err);
}

/* Rows of one kind and name from that hour on, whole hours of them. *ret_next: where to go on, or the end of the month. */
static enum err_code read_page(struct walk *walk, enum tally_kind kind, struct str a, int64_t hour,
                               int64_t rows_max, int64_t *ret_next, struct err *err)
{
    const struct rebuild *rebuild = walk->rebuild;
    struct db_stmt *stmt;
    int64_t rows = 0;
    bool row;
    enum err_code code = db_prepare(
        walk->db,
        "SELECT book_id, kind, a, b, c, d, hour, tally, checksum FROM window_hour "
        "WHERE book_id IN ($1, $2, $3) AND kind = $4 AND a = $5 AND hour >= $6 AND hour < $7 "
        "ORDER BY hour, b, c, d, book_id LIMIT $8",
        &stmt, err);

    walk->count = 0;
    *ret_next = rebuild->end_hour;
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, rebuild->book_id);
    db_bind_int64(stmt, 2, rebuild->rebuild_book);
    db_bind_int64(stmt, 3, rebuild->since_book);
    db_bind_text(stmt, 4, STR(tally_kind_name(kind)));
    db_bind_text(stmt, 5, a);
    db_bind_int64(stmt, 6, hour);
    db_bind_int64(stmt, 7, rebuild->end_hour);
    db_bind_int64(stmt, 8, rows_max);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        rows++;
        code = take_row(walk, triple_of(walk, kind, a, stmt), stmt, err);
    }
    db_reset(stmt);
    if (code == ERR_OK && rows == rows_max) {
        *ret_next = walk->triples[walk->count - 1].key.hour;
    }
    return code;
}

/* --- pairs --- */

/* R + S. Either alone is in its one form already. */
static enum err_code add_up(struct walk *walk, const struct triple *triple, struct str *ret_truth,
                            struct err *err)
{
    enum tally_kind kind = triple->key.kind;
    struct tally sum, since;

    if (triple->rebuilt.data == NULL || triple->since.data == NULL) {
        *ret_truth = triple->rebuilt.data != NULL ? triple->rebuilt : triple->since;
        return ERR_OK;
    }
    if (tally_unpack(kind, triple->rebuilt, &sum, err) != ERR_OK) {
        return set_damaged(&triple->key, err);
    }
    if (tally_unpack(kind, triple->since, &since, err) != ERR_OK) {
        tally_release(kind, &sum);
        return set_damaged(&triple->key, err);
    }
    tally_merge(kind, &sum, &since);
    strbuf_clear(&walk->packed);
    tally_pack(kind, &sum, &walk->packed);
    CHECK(!walk->packed.overflow);
    *ret_truth = strbuf_view(&walk->packed);
    tally_release(kind, &sum);
    tally_release(kind, &since);
    return ERR_OK;
}

static enum err_code hand_out(struct walk *walk, int64_t before_hour, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < walk->count && code == ERR_OK; i++) {
        const struct triple *triple = &walk->triples[i];
        struct rebuild_pair pair = {
            .key = triple->key, .live = triple->live, .damaged = triple->damaged};

        if (triple->key.hour >= before_hour) {
            break;
        }
        code = add_up(walk, triple, &pair.truth, err);
        if (code == ERR_OK) {
            code = walk->each(walk->context, &pair, err);
        }
    }
    return code;
}

static enum err_code walk_name(struct walk *walk, enum tally_kind kind, struct str a,
                               struct err *err)
{
    int64_t hour = walk->rebuild->first_hour, next = hour, rows_max = PAGE_ROWS;
    enum err_code code = ERR_OK;

    while (code == ERR_OK && hour < walk->rebuild->end_hour) {
        arena_clear(&walk->arena);
        code = read_page(walk, kind, a, hour, rows_max, &next, err);
        if (code == ERR_OK && next == hour) {
            rows_max *= 2; /* not even one hour fits */
            continue;
        }
        if (code == ERR_OK) {
            code = hand_out(walk, next, err);
        }
        hour = next;
    }
    return code;
}

/* The least name above `a` that one of the three books has; skips from name to name by the index. */
static enum err_code next_name(struct walk *walk, enum tally_kind kind, struct str a,
                               struct arena *arena, bool *ret_found, struct str *ret_a,
                               struct err *err)
{
    const int64_t books[] = {walk->rebuild->book_id, walk->rebuild->rebuild_book,
                             walk->rebuild->since_book};
    enum err_code code = ERR_OK;

    *ret_found = false;
    for (size_t i = 0; i < ARRAY_COUNT(books) && code == ERR_OK; i++) {
        struct db_stmt *stmt;
        bool row;

        code = db_prepare(walk->db,
                          "SELECT a FROM window_hour WHERE book_id = $1 AND kind = $2 AND a > $3 "
                          "ORDER BY a LIMIT 1",
                          &stmt, err);
        if (code != ERR_OK) {
            break;
        }
        db_bind_int64(stmt, 1, books[i]);
        db_bind_text(stmt, 2, STR(tally_kind_name(kind)));
        db_bind_text(stmt, 3, a);
        code = db_step(stmt, &row, err);
        if (code == ERR_OK && row &&
            (!*ret_found || str_compare(db_column_text(stmt, 0), *ret_a) < 0)) {
            *ret_a = arena_str(arena, db_column_text(stmt, 0));
            *ret_found = true;
        }
        db_reset(stmt);
    }
    return code;
}

static enum err_code walk_kind(struct walk *walk, enum tally_kind kind, struct err *err)
{
    struct arena names[2] = {ARENA_INIT, ARENA_INIT};
    struct str a = STR("");
    bool found = true;
    enum err_code code = ERR_OK;

    for (int turn = 0; code == ERR_OK && found; turn ^= 1) {
        arena_clear(&names[turn]);
        code = next_name(walk, kind, a, &names[turn], &found, &a, err);
        if (code == ERR_OK && found) {
            code = walk_name(walk, kind, a, err);
        }
    }
    arena_release(&names[0]);
    arena_release(&names[1]);
    return code;
}

enum err_code rebuild_walk(struct db *db, const struct rebuild *rebuild,
                           enum err_code (*each)(void *context, const struct rebuild_pair *pair,
                                                 struct err *err),
                           void *context, struct err *err)
{
    static const enum tally_kind kinds[] = {TALLY_WINDOW, TALLY_CHECK, TALLY_ACTIVITY};
    struct walk walk = {
        .db = db, .rebuild = rebuild, .each = each, .context = context, .arena = ARENA_INIT};
    enum err_code code = ERR_OK;

    strbuf_init(&walk.packed, PACKED_SIZE_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(kinds) && code == ERR_OK; i++) {
        code = walk_kind(&walk, kinds[i], err);
    }
    strbuf_release(&walk.packed);
    memory_free(walk.triples);
    arena_release(&walk.arena);
    return code;
}
