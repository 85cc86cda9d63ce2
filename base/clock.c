#include "base/clock.h"

#include <time.h>

#include "base/check.h"

static int64_t read_clock(clockid_t id)
{
    struct timespec now;

    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static int64_t system_now_ns(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_monotonic_ns(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

static void system_sleep_ns(struct clock *clock, int64_t duration_ns)
{
    struct timespec duration = {.tv_sec = (time_t)(duration_ns / NS_PER_SECOND),
                                .tv_nsec = (long)(duration_ns % NS_PER_SECOND)};

    (void)clock;
    if (duration_ns > 0) {
        (void)nanosleep(&duration, NULL); /* an interrupted sleep is a short sleep */
    }
}

struct clock *clock_system(void)
{
    static struct clock system = {system_now_ns, system_monotonic_ns, system_sleep_ns};

    return &system;
}

static int64_t simulated_now_ns(struct clock *clock)
{
    return ((struct clock_simulated *)clock)->time_ns;
}

static void simulated_sleep_ns(struct clock *clock, int64_t duration_ns)
{
    CHECK(duration_ns >= 0);
    ((struct clock_simulated *)clock)->time_ns += duration_ns;
}

void clock_simulated_init(struct clock_simulated *simulated, int64_t time_ns)
{
    simulated->clock = (struct clock){simulated_now_ns, simulated_now_ns, simulated_sleep_ns};
    simulated->time_ns = time_ns;
}
