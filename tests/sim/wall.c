/* The wall clock of a schedule: the true time and the steps that somebody made. */
#include "base/check.h"
#include "tests/sim/schedule.h"

/* One schedule per process, and a struct clock has no room for a context. */
static struct schedule *owner;

static int64_t now_ns(struct clock *clock)
{
    (void)clock;
    return wall_now_ns(owner);
}

static int64_t monotonic_ns(struct clock *clock)
{
    (void)clock;
    return owner->baton.now_ns;
}

static void sleep_ns(struct clock *clock, int64_t duration_ns)
{
    (void)clock;
    (void)schedule_pass(owner, "clock.sleep", 4, false);
    baton_sleep(&owner->baton, duration_ns);
}

/* Inside the database: a kill would close the connection under its own feet. */
static void lock_sleep_ns(struct clock *clock, int64_t duration_ns)
{
    (void)clock;
    if (owner->baton.current == NULL) {
        schedule_fail(owner, "the oracle waits for a lock");
    }
    baton_sleep(&owner->baton, duration_ns);
}

void wall_init(struct schedule *schedule)
{
    owner = schedule;
    schedule->wall.clock = (struct clock){now_ns, monotonic_ns, sleep_ns};
    schedule->wall.lock_clock = (struct clock){now_ns, monotonic_ns, lock_sleep_ns};
    schedule->wall.step_count = 0;
}

static int64_t offset_ns(const struct schedule *schedule)
{
    int count = schedule->wall.step_count;

    return count > 0 ? schedule->wall.steps[count - 1].offset_ns : 0;
}

int64_t wall_now_ns(const struct schedule *schedule)
{
    return schedule->baton.now_ns + offset_ns(schedule);
}

void wall_set(struct schedule *schedule, int64_t wall_ns)
{
    struct wall *wall = &schedule->wall;

    CHECK(wall->step_count < WALL_STEPS_MAX);
    wall->steps[wall->step_count].from_ns = schedule->baton.now_ns;
    wall->steps[wall->step_count++].offset_ns = wall_ns - schedule->baton.now_ns;
}

int64_t wall_reached_ns(const struct schedule *schedule, int64_t wall_ns)
{
    const struct wall *wall = &schedule->wall;
    int64_t from_ns = INT64_MIN, shift_ns = 0;

    for (int i = 0; i <= wall->step_count; i++) {
        int64_t to_ns = i < wall->step_count ? wall->steps[i].from_ns : INT64_MAX;

        if (wall_ns - shift_ns < to_ns) {
            return wall_ns - shift_ns < from_ns ? from_ns : wall_ns - shift_ns;
        }
        if (i < wall->step_count) {
            from_ns = to_ns;
            shift_ns = wall->steps[i].offset_ns;
        }
    }
    return INT64_MAX;
}
