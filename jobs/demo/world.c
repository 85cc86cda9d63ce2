#include "jobs/demo/world.h"

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"

enum { DEVICE_API, PORTAL, AUTH, PARTNER_API, REPORTS, FIRMWARE, BILLING, NOTIFY };

static const struct world_service services[WORLD_SERVICES] = {
    [DEVICE_API] = {"device-api", 4, 480, 45000, 300, CHECKER_NORTH},
    [PORTAL] = {"portal", 3, 300, 80000, 400, CHECKER_NORTH},
    [AUTH] = {"auth", 3, 240, 25000, 250, CHECKER_NORTH},
    [PARTNER_API] = {"partner-api", 2, 120, 110000, 600, CHECKER_SOUTH},
    [REPORTS] = {"reports", 2, 60, 400000, 500, CHECKER_SOUTH},
    [FIRMWARE] = {"firmware", 2, 60, 900000, 500, CHECKER_SOUTH},
    [BILLING] = {"billing", 3, 90, 150000, 400, CHECKER_NORTH},
    [NOTIFY] = {"notify", 3, 72, 60000, 400, CHECKER_SELF},
};

/* One line of the plot: day of the month and time of day in UTC. */
struct plot_row {
    int service;
    unsigned instances;
    int day, hour, minute;
    int minutes;
    enum world_checks checks;
    int errors_per_mille;
    int latency_percent;
    int held_minutes; /* beyond the end; 0: nothing is held back */
    bool fixed;       /* maintenance: neither moved nor stretched */
};

/* The plot. Days stop at 28, so that it fits into every month. */
static const struct plot_row plot[] = {
    /* device-api and portal, of one contract: together about five hours too many */
    {DEVICE_API, 15, 9, 13, 10, 130, CHECKS_FAIL, 900, 100, 0, false}, /* major outage */
    {DEVICE_API, 0, 22, 17, 20, 60, CHECKS_AS_USUAL, 350, 100, 0,
     false}, /* partial, seen by requests only */
    {DEVICE_API, 15, 20, 1, 10, 160, CHECKS_FAIL, 1000, 100, 0, true}, /* announced in time */
    {PORTAL, 3, 17, 8, 0, 200, CHECKS_FAIL, 300, 100, 0, false},       /* two of three: partial */
    {PORTAL, 0, 5, 10, 0, 90, CHECKS_AS_USUAL, 0, 1500, 0, false},     /* slow: degraded */
    {PORTAL, 7, 14, 2, 5, 40, CHECKS_FAIL, 1000, 100, 0, true},        /* announced too late */
    {DEVICE_API, 2, 12, 6, 0, 120, CHECKS_AS_USUAL, 0, 100, 300,
     true}, /* its events come five hours late */
    /* auth and partner-api, of a contract by requests */
    {AUTH, 1, 11, 15, 0, 25, CHECKS_FAIL, 300, 100, 0, false},
    {AUTH, 4, 15, 9, 0, 4 * 24 * 60, CHECKS_SILENT, 0, 100, 0,
     true},                                                          /* scaled down for four days */
    {PARTNER_API, 3, 24, 5, 5, 45, CHECKS_FAIL, 1000, 100, 0, true}, /* announced in time */
    {PARTNER_API, 0, 6, 16, 30, 30, CHECKS_AS_USUAL, 0, 2000, 0, false},
    /* reports and firmware, of a contract per service */
    {REPORTS, 3, 3, 7, 40, 45, CHECKS_FAIL, 1000, 100, 0, false},
    {REPORTS, 3, 19, 12, 0, 12, CHECKS_UNKNOWN, 0, 100, 0, false},
    {FIRMWARE, 3, 16, 4, 0, 25, CHECKS_FAIL, 1000, 100, 0, true}, /* announced after the fact */
    {FIRMWARE, 1, 10, 18, 0, 50, CHECKS_WARN, 0, 100, 0, false},
    /* services without a contract */
    {BILLING, 2, 8, 11, 0, 40 * 24 * 60, CHECKS_REMOVED, 0, 100, 0,
     true}, /* replaced for good ... */
    {BILLING, 4, 0, 0, 0, 8 * 24 * 60 + 10 * 60, CHECKS_SILENT, 0, 100, 0,
     true}, /* ... by this one */
    {BILLING, 1, 13, 14, 0, 35, CHECKS_FAIL, 200, 100, 0, false},
    {NOTIFY, 1, 21, 3, 0, 180, CHECKS_SILENT, 0, 100, 0, false}, /* reports itself and died */
    {NOTIFY, 6, 25, 13, 0, 30, CHECKS_SILENT, 500, 100, 0, false},
    {NOTIFY, 4, 27, 10, 0, 20 * 24 * 60, CHECKS_REMOVED, 0, 100, 0, true}, /* retired in order */
};

/* The southern probe is down for an hour in the small hours of day 7, when few requests could speak for its services. */
static const struct plot_row probe_outage = {WORLD_NONE,      0, 7,   2, 0,    60,
                                             CHECKS_AS_USUAL, 0, 100, 0, false};

/* When all months have ended, the last instance of billing reports warnings, and still does when the demo stops: so that
 * `status` has something to show. No statement knows of it. */
static void add_last_hour(struct world *world)
{
    CHECK(world->episode_count < WORLD_EPISODES_MAX);
    world->episodes[world->episode_count++] = (struct world_episode){
        .service = BILLING,
        .instances = 4,
        .checks = CHECKS_WARN,
        .latency_percent = 100,
        .from_ns = world->to_ns - 35 * NS_PER_MINUTE,
        .to_ns = world->to_ns,
    };
}

struct notice_row {
    int service;
    const char *reason;
    int announced_day, announced_hour;
    int day, hour, minutes;
    int cancelled_day; /* 0: it stands */
};

static const struct notice_row notice_rows[] = {
    {DEVICE_API, "Database upgrade", 10, 9, 20, 1, 180, 0},
    {PORTAL, "Urgent certificate change", 13, 6, 14, 2, 60, 0},
    {PARTNER_API, "New load balancer", 18, 9, 24, 5, 60, 0},
    {REPORTS, "Storage move", 12, 9, 26, 13, 90, 18},
    {FIRMWARE, "Emergency restart", 17, 8, 16, 4, 30, 0},
};

_Static_assert(ARRAY_COUNT(plot) + 2 <= WORLD_EPISODES_MAX, "room for the plot");
_Static_assert(ARRAY_COUNT(notice_rows) <= WORLD_NOTICES_MAX, "room for the announcements");

static int64_t time_of(const struct world *world, int day, int hour, int minute)
{
    return world->month_start_ns + (day - 1) * NS_PER_DAY + hour * NS_PER_HOUR +
           minute * NS_PER_MINUTE;
}

/* Moves an episode by up to 45 minutes and stretches it by up to a tenth. */
static void add_episode(struct world *world, const struct plot_row *row, struct random *random)
{
    struct world_episode *episode = &world->episodes[world->episode_count++];
    int64_t shift = (int64_t)random_below(random, 91) - 45;
    int64_t minutes = row->minutes * (900 + (int64_t)random_below(random, 201)) / 1000;

    if (row->fixed) {
        shift = 0;
        minutes = row->minutes;
    }
    *episode = (struct world_episode){.service = row->service,
                                      .instances = row->instances,
                                      .checks = row->checks,
                                      .checker = CHECKER_SOUTH,
                                      .errors_per_mille = row->errors_per_mille,
                                      .latency_percent = row->latency_percent};
    episode->from_ns = time_of(world, row->day, row->hour, row->minute) + shift * NS_PER_MINUTE;
    episode->to_ns = episode->from_ns + minutes * NS_PER_MINUTE;
    if (row->held_minutes > 0) {
        episode->held_until_ns = episode->to_ns + row->held_minutes * NS_PER_MINUTE;
    }
}

static void add_notices(struct world *world)
{
    for (size_t i = 0; i < ARRAY_COUNT(notice_rows); i++) {
        const struct notice_row *row = &notice_rows[i];
        struct world_notice *notice = &world->notices[world->notice_count++];

        *notice = (struct world_notice){
            .service = services[row->service].name,
            .reason = row->reason,
            .announced_ns = time_of(world, row->announced_day, row->announced_hour, 0),
            .from_ns = time_of(world, row->day, row->hour, 0)};
        notice->to_ns = notice->from_ns + row->minutes * NS_PER_MINUTE;
        if (row->cancelled_day > 0) {
            notice->cancelled_ns = time_of(world, row->cancelled_day, 9, 0);
        }
    }
}

void world_init(struct world *world, int32_t year, int32_t month, uint64_t seed)
{
    struct random random;

    *world = (struct world){.year = year, .month = month, .services = services};
    world->month_start_ns = civil_days(year, month, 1) * NS_PER_DAY;
    world->month_end_ns = world->month_start_ns + civil_month_days(year, month) * NS_PER_DAY;
    world->from_ns = world->month_start_ns - 12 * NS_PER_HOUR; /* the month begins in Tokyo */
    world->to_ns = world->month_end_ns + 8 * NS_PER_HOUR;      /* and ends in New York */
    random_init_seed(&random, seed);
    for (size_t i = 0; i < ARRAY_COUNT(plot); i++) {
        add_episode(world, &plot[i], &random);
    }
    add_episode(world, &probe_outage, &random);
    add_last_hour(world);
    add_notices(world);
}

static bool in_episode(const struct world_episode *episode, int64_t minute_ns)
{
    return minute_ns >= episode->from_ns && minute_ns < episode->to_ns;
}

struct world_state world_instance_state(const struct world *world, int service, int instance,
                                        int64_t minute_ns)
{
    struct world_state state = {.checks = CHECKS_AS_USUAL};

    for (size_t i = 0; i < world->episode_count; i++) {
        const struct world_episode *episode = &world->episodes[i];

        if (!in_episode(episode, minute_ns)) {
            continue;
        }
        if (episode->service == WORLD_NONE) {
            state.checker_silent |= services[service].checker == episode->checker;
        } else if (episode->service == service && (episode->instances >> instance & 1) != 0 &&
                   episode->checks > state.checks) {
            state.checks = episode->checks;
            state.removed_now = episode->checks == CHECKS_REMOVED && minute_ns == episode->from_ns;
        }
    }
    return state;
}

/* Thousandths of the mean, per hour of the day in UTC and per weekday from Monday. */
static const int64_t day_shape[24] = {250,  200,  180,  180,  220,  350,  600,  950,
                                      1400, 1700, 1800, 1750, 1600, 1650, 1700, 1650,
                                      1550, 1400, 1250, 1150, 1000, 800,  600,  400};
static const int64_t week_shape[7] = {1150, 1180, 1170, 1150, 1100, 680, 570};

/* Expected requests of the minute, times 1000: straight lines from hour to hour. */
static int64_t expected_requests(const struct world_service *service, int64_t minute_ns)
{
    int64_t minutes = minute_ns / NS_PER_MINUTE;
    int64_t hour = minutes / 60 % 24;
    int64_t part = minutes % 60;
    int64_t shape = (day_shape[hour] * (60 - part) + day_shape[(hour + 1) % 24] * part) / 60;
    int64_t week = week_shape[civil_weekday(minutes / 1440)];

    return service->requests_per_hour * shape / 60 * week / 1000;
}

struct world_load world_service_load(const struct world *world, int service, int64_t minute_ns)
{
    const struct world_service *row = &services[service];
    struct world_load load = {.requests_milli = expected_requests(row, minute_ns),
                              .errors_per_million = row->errors_per_million,
                              .latency_us = row->latency_us,
                              .instances = (1u << row->instance_count) - 1};

    CHECK(service >= 0);
    CHECK(service < WORLD_SERVICES);
    for (size_t i = 0; i < world->episode_count; i++) {
        const struct world_episode *episode = &world->episodes[i];

        if (episode->service != service || !in_episode(episode, minute_ns)) {
            continue;
        }
        if (episode->errors_per_mille > 0) {
            load.errors_per_million = episode->errors_per_mille * 1000;
        }
        load.latency_us = load.latency_us * episode->latency_percent / 100;
        if (episode->checks >= CHECKS_SILENT) {
            load.instances &= ~episode->instances;
        }
        if (episode->held_until_ns != 0) {
            load.held |= episode->instances;
            load.held_until_ns = episode->held_until_ns;
        }
    }
    CHECK(load.instances != 0);
    return load;
}
