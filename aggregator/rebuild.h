/*
 * A rebuild: the windows of a month counted again, beside the book that people read.
 *
 * Invariant: with R the windows of `rebuild_book` and S those of `since_book`, R + S is what the month of `book_id` should be, whenever one looks, once R
 * has reached its boundary. The opening locks all positions of the book, folds all that is pending, and notes the positions: what lies before them is
 * R's to count, whatever comes behind them goes through the fold, which writes it into S as well (fold_side.h). So nobody has to stand still, and nothing counts twice.
 *
 * R is an ordinary ledger: its ranges follow each other, its positions are fences. A rebuild that is over leaves two books without a name, whose numbers
 * are never used again: a zombie finds nothing to write into.
 * Errors: ERR_STORE, ERR_FENCED, ERR_MISMATCH (a damaged row).
 */
#ifndef AGGREGATOR_REBUILD_H
#define AGGREGATOR_REBUILD_H

#include "aggregator/archive_file.h"
#include "aggregator/fold.h"
#include "aggregator/ledger.h"
#include "aggregator/tally.h"

enum { REBUILD_MONTH_SIZE = 8, REBUILDS_MAX = 32 /* months that are open at once */ };

struct rebuild {
    int64_t book_id; /* that is rebuilt */
    char month[REBUILD_MONTH_SIZE];
    int64_t first_hour, end_hour; /* hours since 1970, of UTC; the end is exclusive */
    int64_t rebuild_book, since_book;
    int64_t opened_ns;
};

/* One partition of it. */
struct rebuild_lane {
    int64_t stream_id;
    int32_t partition;
    int64_t origin, next, boundary;
    int64_t low_named,
        high_named; /* by windows of the month, when it was opened; low above high: none */
};

/* The month, without books. False: it is none. */
bool rebuild_month(const char *text, struct rebuild *ret_rebuild);
/* The open rebuild of book_id and month. */
enum err_code rebuild_find(struct db *db, int64_t book_id, const char *month, bool *ret_found,
                           struct rebuild *ret_rebuild, struct err *err);
/* Months of the book that are open, in their order; *ret_count at most REBUILDS_MAX. */
enum err_code rebuild_list(struct db *db, int64_t book_id,
                           struct rebuild ret_rebuilds[REBUILDS_MAX], size_t *ret_count,
                           struct err *err);
/* Goes on with the open one, or opens one, by one transaction under the lease of the book's fold, which the caller holds. archive_book: what was never archived is not
 * R's to read, if no window of the month is from there. *ret_opened: it was not open. */
enum err_code rebuild_open(struct fold *fold, int64_t archive_book, struct rebuild *rebuild,
                           bool *ret_opened, struct err *err);
/* Lets go of it, under the same lease; harmless if it is over. */
enum err_code rebuild_drop(struct fold *fold, const struct rebuild *rebuild, struct err *err);
/* Inside the caller's transaction, under the lease. */
enum err_code rebuild_close(struct db *db, const struct rebuild *rebuild, struct err *err);

/* By stream and partition; in arena. */
enum err_code rebuild_lanes(struct db *db, const struct rebuild *rebuild, struct arena *arena,
                            struct rebuild_lane **ret_lanes, size_t *ret_count, struct err *err);
/* Whether everything before the boundary has been read, and nothing of it is pending. */
enum err_code rebuild_complete(struct db *db, const struct rebuild *rebuild, bool *ret_complete,
                               struct err *err);
/* ledger_commit for R, whose streams may be closed. ledger->book_id is R's. ERR_FENCED: another run is at this partition, or the rebuild is over. */
enum err_code rebuild_commit(struct ledger *ledger, struct batch *batch, struct err *err);
/* Whether an open rebuild of any book counts from this file: until it is over, for a difference is held against the file once more. *ret_month, of
 * REBUILD_MONTH_SIZE: which. */
enum err_code rebuild_needs(struct db *db, const struct archive_file *file, bool *ret_needed,
                            char *ret_month, struct err *err);

/* What the month has and what it should have, key by key in their order; equal ones as well. */
struct rebuild_pair {
    struct tally_key key;
    struct str live;  /* packed; data is NULL: there is no such window */
    struct str truth; /* the same */
    bool damaged;     /* the live row is not what its checksum says */
};

static inline bool rebuild_pair_equal(const struct rebuild_pair *pair)
{
    return !pair->damaged && (pair->live.data == NULL) == (pair->truth.data == NULL) &&
           str_equal(pair->live, pair->truth);
}

/* each may write into windows, but of no key that is still to come. In a snapshot or a transaction of the caller's. */
enum err_code rebuild_walk(struct db *db, const struct rebuild *rebuild,
                           enum err_code (*each)(void *context, const struct rebuild_pair *pair,
                                                 struct err *err),
                           void *context, struct err *err);
/* Puts R + S in the place of the month, and ends the rebuild, by one transaction under the lease. Windows that are what they should be are not
 * touched; the others have their hours graded again. ERR_FENCED: the rebuild is over, or not complete. *ret_changed: windows. */
enum err_code rebuild_swap(struct fold *fold, const struct rebuild *rebuild, int64_t *ret_changed,
                           struct err *err);

#endif
