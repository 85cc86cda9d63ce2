#include "tests/sim/baton.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"

/* How far time moves when the baton changes hands: a context switch or a stop of the machine's own. */
#define TURN_NS_MAX (4 * NS_PER_MS)

void baton_init(struct baton *baton, struct random *random, int64_t now_ns)
{
    *baton = (struct baton){.random = random, .now_ns = now_ns};
    CHECK(sem_init(&baton->over, 0, 0) == 0);
}

static void wait_for(sem_t *sem)
{
    while (sem_wait(sem) != 0) {
        CHECK(errno == EINTR);
    }
}

/* One of those that are due; if none is, time leaps to the first that will be. */
static struct actor *choose(struct baton *baton)
{
    struct actor *due[BATON_ACTORS_MAX];
    struct actor *first = NULL;
    uint64_t count = 0;

    for (int i = 0; i < baton->actor_count; i++) {
        struct actor *actor = baton->actors[i];

        if (actor->wake_ns <= baton->now_ns) {
            due[count++] = actor;
        }
        if (first == NULL || actor->wake_ns < first->wake_ns) {
            first = actor;
        }
    }
    if (count > 0) {
        return due[random_below(baton->random, count)];
    }
    if (first != NULL) {
        baton->now_ns = first->wake_ns;
    }
    return first;
}

/* Gives the baton to whoever is next; to nobody if none is left. From the post on, `baton` belongs to the other thread: who asks whether it kept
 * the turn must look at the answer, not at baton->current. */
static struct actor *pass_on(struct baton *baton)
{
    struct actor *before = baton->current;
    struct actor *next;

    baton->now_ns += (int64_t)random_below(baton->random, (uint64_t)TURN_NS_MAX);
    baton->turns++;
    next = choose(baton);
    baton->current = next;
    if (next == NULL) {
        CHECK(sem_post(&baton->over) == 0);
    } else if (next != before) {
        if (baton->on_turn != NULL) {
            baton->on_turn(next->context);
        }
        CHECK(sem_post(&next->turn) == 0);
    }
    return next;
}

static void leave(struct baton *baton)
{
    for (int i = 0; i < baton->actor_count; i++) {
        if (baton->actors[i] == baton->current) {
            baton->actors[i] = baton->actors[--baton->actor_count];
            break;
        }
    }
    (void)pass_on(baton);
}

static void *run_actor(void *context)
{
    struct actor *actor = context;

    wait_for(&actor->turn);
    actor->main(actor->context);
    leave(actor->baton);
    return NULL;
}

void baton_start(struct baton *baton, void (*main)(void *context), void *context, int64_t delay_ns)
{
    struct actor *actor = calloc(1, sizeof(*actor));

    CHECK(actor != NULL);
    CHECK(baton->actor_count < BATON_ACTORS_MAX);
    actor->baton = baton;
    actor->main = main;
    actor->context = context;
    actor->wake_ns = baton->now_ns + delay_ns;
    CHECK(sem_init(&actor->turn, 0, 0) == 0);
    baton->actors[baton->actor_count++] = actor;
    CHECK(pthread_create(&actor->thread, NULL, run_actor, actor) == 0);
}

void baton_run(struct baton *baton)
{
    baton->current = NULL;
    (void)pass_on(baton);
    wait_for(&baton->over);
}

void baton_yield(struct baton *baton)
{
    struct actor *self = baton->current;

    if (pass_on(baton) != self) {
        wait_for(&self->turn);
    }
}

void baton_sleep(struct baton *baton, int64_t duration_ns)
{
    baton->current->wake_ns = baton->now_ns + duration_ns;
    baton_yield(baton);
}

void baton_die(struct baton *baton)
{
    struct actor *self = baton->current;

    leave(baton);
    for (;;) {
        wait_for(&self->turn); /* nobody posts it any more */
    }
}
