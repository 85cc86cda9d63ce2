/*
 * The baton: several threads of which exactly one runs at any time, and the simulated time that they live in.
 *
 * An actor is a thread. It gives the baton away only inside baton_yield, baton_sleep and baton_die, so everything between two such calls is one
 * step, and the seed's generator decides alone who takes the next one. Time stands still while an actor runs; it moves a little with
 * each change of hands, and leaps to the next one's wake-up when all are asleep. This is the true time: wall clocks that step are made from it.
 */
#ifndef TESTS_SIM_BATON_H
#define TESTS_SIM_BATON_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"

enum { BATON_ACTORS_MAX = 64 };

struct baton;

struct actor {
    struct baton *baton;
    void (*main)(void *context);
    void *context;
    pthread_t thread;
    sem_t turn;
    int64_t wake_ns;
};

struct baton {
    struct random *random; /* borrowed */
    int64_t now_ns;
    struct actor *actors[BATON_ACTORS_MAX]; /* that are alive */
    int actor_count;
    struct actor *current; /* NULL: nobody, the caller of baton_run has it */
    sem_t over;
    int64_t turns;
    void (*on_turn)(void *context); /* called when `current` has changed */
};

void baton_init(struct baton *baton, struct random *random, int64_t now_ns);
/* A new actor that takes its first turn delay_ns from now or later. */
void baton_start(struct baton *baton, void (*main)(void *context), void *context, int64_t delay_ns);
/* Lets them run until none is alive. */
void baton_run(struct baton *baton);

/* From here on: only by the actor that has the baton. */
void baton_yield(struct baton *baton);
/* At least that long. */
void baton_sleep(struct baton *baton, int64_t duration_ns);
/* The end of a killed process: its thread never runs again, what it owns is never released. */
void baton_die(struct baton *baton) __attribute__((noreturn));

#endif
