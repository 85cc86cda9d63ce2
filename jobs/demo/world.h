/*
 * The demo's world: a small company, its services and instances, and what goes wrong in one month.
 *
 * Everything follows from (month, seed): base tables with a fixed plot, moved and stretched a little by the seed, so that
 * every seed tells the same story with other figures. Integers only, so that it is the same on every machine. Times are UTC
 * nanoseconds. Immutable after world_init.
 */
#ifndef JOBS_DEMO_WORLD_H
#define JOBS_DEMO_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

enum {
    WORLD_SERVICES = 8,
    WORLD_INSTANCES_MAX = 4,
    WORLD_EPISODES_MAX = 32,
    WORLD_NOTICES_MAX = 8,
    WORLD_NONE = -1
};

enum world_checker { CHECKER_NORTH, CHECKER_SOUTH, CHECKER_SELF, CHECKER_COUNT };

struct world_service {
    const char *name;
    int instance_count;
    int64_t requests_per_hour;  /* mean over a week */
    int64_t latency_us;         /* median of an ordinary request */
    int64_t errors_per_million; /* on an ordinary day */
    enum world_checker checker;
};

/* What health checks say of an instance during an episode. */
enum world_checks {
    CHECKS_AS_USUAL, /* they notice nothing */
    CHECKS_FAIL,
    CHECKS_WARN,
    CHECKS_UNKNOWN, /* the checker cannot tell */
    CHECKS_SILENT,  /* no results: scaled down, or a self-reporting instance that died */
    CHECKS_REMOVED  /* one result "removed", then none */
};

struct world_episode {
    int service;        /* WORLD_NONE: a whole checker is silent */
    unsigned instances; /* bit mask */
    int64_t from_ns, to_ns;
    enum world_checks checks;
    enum world_checker checker; /* if service is WORLD_NONE */
    int64_t errors_per_mille;   /* of the service's requests, 0: as usual */
    int64_t latency_percent;    /* 100: as usual */
    int64_t held_until_ns; /* requests of these instances are published only then; 0: at once */
};

/* An announcement of maintenance, made at a time of its own. */
struct world_notice {
    const char *service;
    const char *reason;
    int64_t announced_ns;
    int64_t from_ns, to_ns;
    int64_t cancelled_ns; /* 0: it stands */
};

struct world {
    int32_t year, month;
    int64_t from_ns;        /* first event: before the month begins in any zone */
    int64_t to_ns;          /* last event: after it has ended in any zone */
    int64_t month_start_ns; /* in UTC */
    int64_t month_end_ns;
    const struct world_service *services; /* WORLD_SERVICES of them */
    struct world_episode episodes[WORLD_EPISODES_MAX];
    size_t episode_count;
    struct world_notice notices[WORLD_NOTICES_MAX];
    size_t notice_count;
};

/* What an instance's checks and a service's requests are like at one moment. */
struct world_state {
    enum world_checks checks;
    bool checker_silent;
    bool removed_now; /* the minute in which "removed" is reported */
};

struct world_load {
    int64_t requests_milli; /* expected requests of this minute, times 1000 */
    int64_t errors_per_million;
    int64_t latency_us; /* median */
    unsigned instances; /* that serve, bit mask */
    unsigned held;      /* whose events are held back, bit mask */
    int64_t held_until_ns;
};

void world_init(struct world *world, int32_t year, int32_t month, uint64_t seed);
struct world_state world_instance_state(const struct world *world, int service, int instance,
                                        int64_t minute_ns);
struct world_load world_service_load(const struct world *world, int service, int64_t minute_ns);

#endif
