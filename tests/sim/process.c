/* The processes of a schedule: consumers and aggregators that are started again and again, and whoever sets the clock. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "jobs/pipeline/aggregate.h"
#include "jobs/pipeline/consume.h"
#include "jobs/stop.h"
#include "tests/sim/schedule.h"
#include "tests/unit/fake_registry.h"

/* What may end a run while things happen to it; everything else is a finding. */
static const char *const excuses[] = {
    "sim:",
    "fault ",
    "locked by another run",
    "another consumer owns it",
    "holds the lease",
    "took over the lease",
    "the transaction has failed before",
    "schema registry",
    "did not give an assignment",
    "the broker does not give offset",
};

static void judge(struct process *process, enum err_code code, const struct err *err)
{
    schedule_trace(process->schedule, "run.end", code == ERR_OK ? "done" : err->text);
    if (code == ERR_OK || (code == ERR_INTERRUPTED && process->stop != 0)) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(excuses) && process->kind != PROCESS_LAST; i++) {
        if (strstr(err->text, excuses[i]) != NULL) {
            return;
        }
    }
    schedule_fail(process->schedule, "%s ended with %d: %s", process->name, (int)code, err->text);
}

/* A registry that does not always answer. */
struct registry {
    struct fake_registry fake; /* first */
    struct schedule *schedule;
};

static enum err_code answer(struct http *http, const struct http_request *request, int *ret_status,
                            struct strbuf *body, struct err *err)
{
    struct registry *registry = (struct registry *)http;

    if (schedule_pass(registry->schedule, "registry", 4, true)) {
        *ret_status = 503;
        return ERR_OK;
    }
    return fake_perform(http, request, ret_status, body, err);
}

static struct registry make_registry(struct schedule *schedule)
{
    struct registry registry = {.fake = FAKE_REGISTRY_INIT, .schedule = schedule};

    registry.fake.http.perform = answer;
    registry.fake.answers[0].path = "/schemas/ids/1";
    registry.fake.answers[0].status = 200;
    registry.fake.answers[0].body = world_schemas[0];
    registry.fake.answers[1].path = "/schemas/ids/2";
    registry.fake.answers[1].status = 200;
    registry.fake.answers[1].body = world_schemas[1];
    return registry;
}

static void connect_process(struct process *process, const char *path, bool grouped,
                            bool with_source)
{
    struct schedule *s = process->schedule;

    (void)store_connect(s, process, path);
    process->source = with_source ? broker_connect(&s->broker, grouped) : NULL;
    process->committed = 0;
    schedule_trace(s, "run.begin", process->name);
}

static void disconnect_process(struct process *process)
{
    struct source *source = process->source;

    process->source = NULL;
    if (source != NULL) {
        source->close(source);
    }
    store_disconnect(process);
    process->stop = 0;
    stop_set(0);
}

/* What a run says that it has counted is what came into the store by it. */
static void check_result(struct process *process, const struct consume_result *result)
{
    if (process->kind != PROCESS_LAST && result->records != process->committed) {
        schedule_fail(process->schedule,
                      "%s says that it committed %" PRId64 " records, the store got %" PRId64,
                      process->name, result->records, process->committed);
    }
}

static void consume_once(struct process *process, const char *path, struct consume_options options)
{
    struct schedule *s = process->schedule;
    struct registry registry = make_registry(s);
    bool grouped = options.config == s->config && s->grouped;
    struct consume_result result;
    struct err err = ERR_INIT;
    enum err_code code;

    connect_process(process, path, grouped, true);
    options.db = process->db;
    options.book_id = 1;
    options.clock = &s->wall.clock;
    options.wait_clock = &s->wall.clock;
    options.random = &process->random;
    options.http = &registry.fake.http;
    options.source = process->source;
    code = consume_run(&options, &result, &err);
    judge(process, code, &err);
    if (code == ERR_OK) {
        check_result(process, &result);
    }
    disconnect_process(process);
}

static void aggregate_once(struct process *process, const char *path, int64_t rows_per_step)
{
    struct schedule *s = process->schedule;
    struct aggregate_options options = {.config = s->config,
                                        .book_id = 1,
                                        .holder = process->name,
                                        .wait_clock = &s->wall.clock,
                                        .rows_per_step = rows_per_step};
    struct err err = ERR_INIT;
    int64_t complete_ns;

    connect_process(process, path, false, false);
    options.db = process->db;
    judge(process, aggregate_run_with(&options, &complete_ns, &err), &err);
    disconnect_process(process);
}

static void pause_process(struct process *process, int64_t seconds)
{
    struct schedule *s = process->schedule;

    baton_sleep(&s->baton,
                (int64_t)(1 + random_below(&s->random, (uint64_t)seconds)) * NS_PER_SECOND);
}

static void consumer_main(void *context)
{
    struct process *process = context;
    struct schedule *s = process->schedule;
    /* Shards may have been given out twice: two schedulers start the same job. */
    int shards = s->consumers > 2 ? s->consumers - 1 : s->consumers;

    while (!s->calm) {
        struct consume_options options = {.config = s->config,
                                          .batch_records_max = s->batch_records,
                                          .pending_row_size = s->pending_row_size,
                                          .follow = random_below(&s->random, 2) == 0};

        if (!s->grouped) {
            options.shard = process->slot % shards;
            options.shard_count = shards;
        }
        consume_once(process, s->store_path, options);
        pause_process(process, 60);
    }
}

static void aggregator_main(void *context)
{
    struct process *process = context;
    struct schedule *s = process->schedule;

    while (!s->calm) {
        aggregate_once(process, s->store_path, s->rows_per_step);
        pause_process(process, 75);
    }
}

/* Steps the wall clock now and then, by up to a quarter of an hour; at last it ends the disturbances. */
static void clock_main(void *context)
{
    struct process *process = context;
    struct schedule *s = process->schedule;
    int64_t end_ns = WORLD_START_NS + (WORLD_MINUTES + 1) * NS_PER_MINUTE;
    bool steps = random_below(&s->random, 2) == 0;

    while (s->baton.now_ns < end_ns) {
        int64_t away_ns = wall_now_ns(s) - s->baton.now_ns;
        int64_t step_ns = ((int64_t)random_below(&s->random, 1800) - 900) * NS_PER_SECOND;

        pause_process(process, 120);
        away_ns += step_ns;
        if (steps && away_ns < 40 * NS_PER_MINUTE && away_ns > -20 * NS_PER_MINUTE &&
            s->wall.step_count < WALL_STEPS_MAX - 4) {
            s->report.clock_steps++;
            schedule_trace(s, "clock", step_ns < 0 ? "stepped back" : "stepped ahead");
            wall_set(s, s->baton.now_ns + away_ns);
        }
    }
    schedule_trace(s, "calm", "");
    s->chaos.on = false;
    s->calm = true;
    for (int i = 0; i < s->baton.actor_count; i++) {
        ((struct process *)s->baton.actors[i]->context)->stop = SIGTERM;
    }
}

static void last_main(void *context)
{
    struct process *process = context;
    struct schedule *s = process->schedule;
    const char *path = process->schedule->store_path;
    struct consume_options options = {.config = s->config_alone};

    process->stop = 0;
    consume_once(process, path, options);
    aggregate_once(process, path, 0);
}

static void (*const mains[])(void *context) = {[PROCESS_CONSUMER] = consumer_main,
                                               [PROCESS_AGGREGATOR] = aggregator_main,
                                               [PROCESS_CLOCK] = clock_main,
                                               [PROCESS_LAST] = last_main};

void process_start(struct schedule *schedule, enum process_kind kind, int slot, int life,
                   int64_t delay_ns)
{
    static const char *const names[] = {"consumer", "aggregator", "clock", "last"};
    struct process *process = calloc(1, sizeof(*process));

    CHECK(process != NULL);
    process->schedule = schedule;
    process->kind = kind;
    process->slot = slot;
    process->life = life;
    (void)snprintf(process->name, sizeof(process->name), "%s-%d.%d", names[kind], slot, life);
    random_init_seed(&process->random, random_next(&schedule->random));
    baton_start(&schedule->baton, mains[kind], process, delay_ns);
}

void process_run_last(struct schedule *schedule, const char *store_path)
{
    const char *path = schedule->store_path;
    int64_t until_ns = schedule->baton.now_ns;

    schedule->store_path = store_path;
    /* Everything is there, and the wall clock shows the same time in every run: it is what grades go up to. */
    schedule->baton.now_ns =
        until_ns > schedule->world.end_ns ? until_ns : schedule->world.end_ns + 1;
    CHECK(wall_now_ns(schedule) < WORLD_START_NS + 120 * NS_PER_MINUTE);
    wall_set(schedule, WORLD_START_NS + 120 * NS_PER_MINUTE);
    process_start(schedule, PROCESS_LAST, 0, 0, 0);
    baton_run(&schedule->baton);
    schedule->store_path = path;
}
