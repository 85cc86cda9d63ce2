#include "base/press.h"

#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/memory.h"

/* Pieces wait in one list in the order in which they were put. `unpacked` is the first that no thread has begun with. */
struct press {
    struct press_options options;
    struct packer *packer; /* owned; without threads */
    pthread_t threads[PRESS_THREADS_MAX];
    int thread_count;
    pthread_mutex_t lock; /* of everything below, and of piece->done */
    pthread_cond_t work, done;
    bool closing;
    struct piece *first, *last, *unpacked;
    struct piece *free_pieces; /* owned; the caller's alone, as is the count */
    size_t queued;
};

static void lock(struct press *press)
{
    CHECK(pthread_mutex_lock(&press->lock) == 0);
}

static void unlock(struct press *press)
{
    CHECK(pthread_mutex_unlock(&press->lock) == 0);
}

static void pack(struct packer *packer, struct piece *piece)
{
    size_t room = packer_bound(packer, piece->content_size);

    if (piece->packed_room < room) {
        memory_free(piece->packed);
        piece->packed = memory_alloc(room);
        piece->packed_room = room;
    }
    piece->packed_size = packer_run(packer, str_of(piece->content, piece->content_size),
                                    piece->packed, piece->packed_room);
}

/* The next piece nobody has begun with; NULL: the press closes. */
static struct piece *wait_for_work(struct press *press)
{
    struct piece *piece;

    while (press->unpacked == NULL && !press->closing) {
        CHECK(pthread_cond_wait(&press->work, &press->lock) == 0);
    }
    piece = press->closing ? NULL : press->unpacked;
    if (piece != NULL) {
        press->unpacked = piece->next;
    }
    return piece;
}

static void *work(void *context)
{
    struct press *press = context;
    struct packer *packer = packer_new(press->options.codec, press->options.level);
    struct piece *piece;

    lock(press);
    while ((piece = wait_for_work(press)) != NULL) {
        unlock(press);
        pack(packer, piece);
        lock(press);
        piece->done = true;
        CHECK(pthread_cond_signal(&press->done) == 0);
    }
    unlock(press);
    packer_free(packer);
    return NULL;
}

/* Signals are for the thread that asks for them. */
static bool start_threads(struct press *press)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    while (press->thread_count < press->options.thread_count &&
           pthread_create(&press->threads[press->thread_count], NULL, work, press) == 0) {
        press->thread_count++;
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return press->thread_count == press->options.thread_count;
}

enum err_code press_open(const struct press_options *options, struct press **ret_press,
                         struct err *err)
{
    struct press *press = memory_calloc(1, sizeof(*press));

    CHECK(options->queue_max > 0);
    CHECK(options->thread_count >= 0);
    CHECK(options->thread_count <= PRESS_THREADS_MAX);
    press->options = *options;
    CHECK(pthread_mutex_init(&press->lock, NULL) == 0);
    CHECK(pthread_cond_init(&press->work, NULL) == 0);
    CHECK(pthread_cond_init(&press->done, NULL) == 0);
    if (options->thread_count == 0) {
        press->packer = packer_new(options->codec, options->level);
    } else if (!start_threads(press)) {
        press_close(press);
        return err_set(err, ERR_FAILED, "cannot start a thread for compression");
    }
    *ret_press = press;
    return ERR_OK;
}

static void free_list(struct piece *piece)
{
    while (piece != NULL) {
        struct piece *next = piece->next;

        memory_free(piece->content);
        memory_free(piece->packed);
        memory_free(piece);
        piece = next;
    }
}

void press_close(struct press *press)
{
    if (press == NULL) {
        return;
    }
    lock(press);
    press->closing = true;
    CHECK(pthread_cond_broadcast(&press->work) == 0);
    unlock(press);
    for (int i = 0; i < press->thread_count; i++) {
        CHECK(pthread_join(press->threads[i], NULL) == 0);
    }
    free_list(press->first);
    free_list(press->free_pieces);
    packer_free(press->packer);
    (void)pthread_cond_destroy(&press->done);
    (void)pthread_cond_destroy(&press->work);
    (void)pthread_mutex_destroy(&press->lock);
    memory_free(press);
}

struct piece *press_piece(struct press *press)
{
    struct piece *piece = press->free_pieces;

    if (piece != NULL) {
        press->free_pieces = piece->next;
    } else {
        piece = memory_calloc(1, sizeof(*piece));
    }
    piece->content_size = 0;
    piece->packed_size = 0;
    piece->owner = NULL;
    piece->number = 0;
    piece->done = false;
    piece->next = NULL;
    return piece;
}

char *piece_reserve(struct piece *piece, size_t size)
{
    if (piece->content_room - piece->content_size < size) {
        size_t room = piece->content_room + piece->content_room / 2;

        room = room < piece->content_size + size ? piece->content_size + size : room;
        piece->content = memory_resize(piece->content, room, 1);
        piece->content_room = room;
    }
    return piece->content + piece->content_size;
}

bool press_full(const struct press *press)
{
    return press->queued >= press->options.queue_max;
}

void press_put(struct press *press, struct piece *piece)
{
    CHECK(!press_full(press));
    press->queued++;
    if (press->packer != NULL) {
        pack(press->packer, piece);
        piece->done = true;
    }
    lock(press);
    if (press->last != NULL) {
        press->last->next = piece;
    } else {
        press->first = piece;
    }
    press->last = piece;
    if (press->unpacked == NULL && !piece->done) {
        press->unpacked = piece;
    }
    CHECK(pthread_cond_signal(&press->work) == 0);
    unlock(press);
}

struct piece *press_take(struct press *press)
{
    struct piece *piece = press->first;

    if (piece == NULL) {
        return NULL;
    }
    lock(press);
    while (!piece->done) {
        CHECK(pthread_cond_wait(&press->done, &press->lock) == 0);
    }
    press->first = piece->next;
    if (press->first == NULL) {
        press->last = NULL;
    }
    piece->next = NULL;
    unlock(press);
    press->queued--;
    return piece;
}

static void give_back(char **buffer, size_t *room, size_t size_kept)
{
    if (*room > size_kept) {
        memory_free(*buffer);
        *buffer = NULL;
        *room = 0;
    }
}

void press_free_piece(struct press *press, struct piece *piece)
{
    give_back(&piece->content, &piece->content_room, press->options.size_kept);
    give_back(&piece->packed, &piece->packed_room, press->options.size_kept);
    piece->next = press->free_pieces;
    press->free_pieces = piece;
}
