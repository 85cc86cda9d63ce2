/*
 * The seam for time: everything that asks what time it is, or waits, does so through a struct clock.
 *
 * Times are int64_t nanoseconds since 1970-01-01 UTC, without leap seconds; names end in _ns. The monotonic
 * time has no epoch and only serves for durations. A simulated clock stands still until it is told to move;
 * sleeping moves it.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MINUTE (60 * NS_PER_SECOND)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)
#define NS_PER_DAY (24 * NS_PER_HOUR)

struct clock {
    int64_t (*now_ns)(struct clock *clock);
    int64_t (*monotonic_ns)(struct clock *clock);
    void (*sleep_ns)(struct clock *clock, int64_t duration_ns);
};

struct clock_simulated {
    struct clock clock; /* first: hand out &simulated->clock */
    int64_t time_ns;
};

/* The clock of the system; static, needs no release. A sleep ends early when a signal arrives. */
struct clock *clock_system(void);
void clock_simulated_init(struct clock_simulated *simulated, int64_t time_ns);

static inline int64_t clock_now_ns(struct clock *clock)
{
    return clock->now_ns(clock);
}
static inline int64_t clock_monotonic_ns(struct clock *clock)
{
    return clock->monotonic_ns(clock);
}
static inline void clock_sleep_ns(struct clock *clock, int64_t duration_ns)
{
    clock->sleep_ns(clock, duration_ns);
}

#endif
