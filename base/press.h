/*
 * A press: packs pieces of content on threads of its own, and hands them back in the order in which they came.
 *
 * The caller fills a piece, gives it away with press_put, and writes what press_take returns, so that neither threads nor their number show in the
 * result. At most queue_max pieces are on their way: memory is bounded by them, by those that the caller fills, and by what it puts into one. One
 * caller thread. Without threads press_put packs on its own.
 */
#ifndef BASE_PRESS_H
#define BASE_PRESS_H

#include "base/codec.h"

enum { PRESS_THREADS_MAX = 64 };

struct piece {
    char *content; /* owned */
    size_t content_size, content_room;
    char *packed; /* owned; valid once press_take has returned it */
    size_t packed_size, packed_room;
    void *owner;    /* the caller's */
    int64_t number; /* the caller's */
    bool done;      /* the press's */
    struct piece *next;
};

struct press_options {
    enum codec codec;
    int level;
    int thread_count;
    size_t queue_max; /* at least 1; some more than the threads keeps them busy */
    size_t size_kept; /* buffers above it are given back after use */
};

struct press;

/* ERR_FAILED: a thread cannot be started. */
enum err_code press_open(const struct press_options *options, struct press **ret_press,
                         struct err *err);
/* Waits for its threads. What was put and not taken is lost. */
void press_close(struct press *press);
/* An empty piece, to be filled. It goes back by press_free_piece, filled or not. */
struct piece *press_piece(struct press *press);
/* Room for that many more bytes behind the content; it is the caller's to write there and to count. */
char *piece_reserve(struct piece *piece, size_t size);
/* Only if it is not full: then press_take makes room. */
void press_put(struct press *press, struct piece *piece);
bool press_full(const struct press *press);
/* The oldest piece that was put and not taken; waits for it. NULL if there is none. */
struct piece *press_take(struct press *press);
void press_free_piece(struct press *press, struct piece *piece);

#endif
