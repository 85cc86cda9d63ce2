/*
 * A random world for the tests of grading: instances and checkers that come and go, requests on two topics, and time in which the topics
 * have lost records. A list of all events; it knows nothing of windows.
 */
#ifndef TESTS_UNIT_AGGREGATOR_GRADE_WORLD_H
#define TESTS_UNIT_AGGREGATOR_GRADE_WORLD_H

#include <string.h>

#include "aggregator/grade_hour.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

enum {
    HOURS = 4,
    MINUTES = HOURS * 60,
    FIRST_HOUR = 490000,
    INSTANCES = 3,
    REGIONS = 2,
    CHECKERS = 3,
    SLOTS = INSTANCES * REGIONS * CHECKERS,
    TOPICS = 2,
    RESULTS_MAX = 4 /* of a slot in a minute */
};

static const char *const instance_names[INSTANCES] = {"a", "b", "long-name"};
static const char *const region_names[REGIONS] = {"", "eu"};
static const char *const checker_names[CHECKERS] = {"", "c", "d"}; /* "": reports itself */
static const char *const topic_names[TOPICS] = {"checks", "requests"};

struct outcome_at {
    enum outcome outcome;
    int64_t time_ns, interval_ns;
};

/* Everything that happened. */
struct world {
    bool used[SLOTS];
    struct outcome_at results[SLOTS][MINUTES][RESULTS_MAX];
    int result_count[SLOTS][MINUTES];
    struct window_minute requests[MINUTES];
    bool topic_of_request[HOURS][TOPICS];
    bool topic_active[TOPICS][MINUTES];
    bool checker_active[CHECKERS][MINUTES];
    bool lost
        [TOPICS]
        [MINUTES]; /* the topic may have had other records in this minute; results are of topic 0 */
    struct grading_rules rules;
};

static inline int instance_of(int slot)
{
    return slot / (REGIONS * CHECKERS);
}

static inline int region_of(int slot)
{
    return slot / CHECKERS % REGIONS;
}

static inline int checker_of(int slot)
{
    return slot % CHECKERS;
}

static inline int64_t minute_start(int minute)
{
    return (FIRST_HOUR * INT64_C(60) + minute) * NS_PER_MINUTE;
}

/* --- a random world: instances and checkers that come and go --- */

static inline bool chance(struct random *random, unsigned percent)
{
    return random_below(random, 100) < percent;
}

static inline enum outcome any_outcome(struct random *random, unsigned badness)
{
    static const enum outcome bad[] = {OUTCOME_WARN, OUTCOME_FAIL, OUTCOME_FAIL, OUTCOME_UNKNOWN,
                                       OUTCOME_REMOVED};

    return chance(random, badness) ? bad[random_below(random, ARRAY_COUNT(bad))] : OUTCOME_PASS;
}

static inline void make_slot(struct world *world, struct random *random, int slot)
{
    static const int64_t intervals_s[] = {0, 30, 60, 60, 60, 120, 600};
    int64_t interval_ns =
        intervals_s[random_below(random, ARRAY_COUNT(intervals_s))] * NS_PER_SECOND;
    unsigned badness = (unsigned)random_below(random, 60);
    bool alive = chance(random, 50);

    for (int m = 0; m < MINUTES; m++) {
        alive = chance(random, 5) ? !alive : alive;
        if (!alive || chance(random, 20)) {
            continue;
        }
        for (uint64_t n = random_below(random, 3); n < RESULTS_MAX && chance(random, 60); n++) {
            int64_t second = chance(random, 50) ? (int64_t)random_below(random, 60) : 0;

            world->results[slot][m][world->result_count[slot][m]++] =
                (struct outcome_at){any_outcome(random, badness),
                                    minute_start(m) + second * NS_PER_SECOND, interval_ns};
            world->checker_active[checker_of(slot)][m] = true;
        }
    }
}

static inline void make_requests(struct world *world, struct random *random)
{
    unsigned quiet = (unsigned)random_below(random, 100);

    for (int m = 0; m < MINUTES; m++) {
        for (int t = 0; t < TOPICS; t++) {
            world->topic_active[t][m] = chance(random, 70);
        }
        if (!chance(random, quiet)) {
            int64_t total = 1 + (int64_t)random_below(random, 40);
            int64_t errors =
                chance(random, 50) ? 0 : (int64_t)random_below(random, (uint64_t)total);
            uint64_t topic = random_below(random, TOPICS);

            world->requests[m] = (struct window_minute){
                total, total, errors,
                (int64_t)random_below(random, (uint64_t)(total - errors) / 4 + 1), 0};
            world->topic_of_request[m / 60][topic] = true;
            world->topic_active[topic][m] = true;
        }
    }
}

/* One span or two of a topic, of any length. */
static inline void make_losses(struct world *world, struct random *random)
{
    for (int t = 0; t < TOPICS; t++) {
        for (uint64_t n = random_below(random, 3); n > 0; n--) {
            int first = (int)random_below(random, MINUTES);
            int count = 1 + (int)random_below(random, chance(random, 50) ? 5 : 90);

            for (int m = first; m < first + count && m < MINUTES; m++) {
                world->lost[t][m] = true;
            }
        }
    }
}

static inline void make_world(struct world *world, struct random *random)
{
    bool with_requests = chance(random, 60);
    bool with_losses = chance(random, 50);

    memset(world, 0, sizeof(*world));
    world->rules = GRADING_RULES_DEFAULT;
    world->rules.quorum = (int64_t)random_below(random, 4);
    for (int slot = 0; slot < SLOTS; slot++) {
        world->used[slot] = chance(random, 25);
        if (world->used[slot]) {
            make_slot(world, random, slot);
        }
    }
    for (int m = 0; m < MINUTES; m++) {
        /* Checkers look after other services, too. */
        world->checker_active[1][m] = world->checker_active[1][m] || chance(random, 30);
    }
    if (with_requests) {
        make_requests(world, random);
    }
    if (with_losses) {
        make_losses(world, random);
    }
}

#endif
