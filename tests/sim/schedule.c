#include "tests/sim/schedule.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/fault.h"
#include "base/hash.h"
#include "jobs/stop.h"

enum { PASSAGES_MAX = 4 * 1000 * 1000 };

static void finish(struct schedule *schedule) __attribute__((noreturn));
static void finish(struct schedule *schedule)
{
    const char *at = (const char *)&schedule->report;
    size_t left = sizeof(schedule->report);

    (void)fflush(stdout);
    while (left > 0) {
        ssize_t count = write(schedule->report_fd, at, left);

        if (count <= 0) {
            break;
        }
        at += count;
        left -= (size_t)count;
    }
    _exit(0);
}

void schedule_fail(struct schedule *schedule, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(schedule->report.text, sizeof(schedule->report.text), format, args);
    va_end(args);
    schedule->report.status = SCHEDULE_WRONG;
    schedule->report.turns = schedule->baton.turns;
    schedule_trace(schedule, "WRONG", schedule->report.text);
    finish(schedule);
}

struct process *schedule_current(struct schedule *schedule)
{
    return schedule->baton.current != NULL ? schedule->baton.current->context : NULL;
}

void schedule_trace(struct schedule *schedule, const char *place, const char *what)
{
    const struct process *process = schedule_current(schedule);
    int64_t since_ns = schedule->baton.now_ns - WORLD_START_NS;

    if (schedule->trace) {
        printf("%11.6f %-16s %-26s %s\n", (double)since_ns / (double)NS_PER_SECOND,
               process != NULL ? process->name : "-", place, what);
    }
}

/* The decisions of a run, as a number that tells two runs apart. */
static void mix(struct schedule *schedule, const char *place, uint64_t what)
{
    uint64_t hash = schedule->report.hash ^ what ^ (uint64_t)schedule->baton.now_ns;

    for (; *place != '\0'; place++) {
        hash = (hash ^ (uint64_t)(unsigned char)*place) * UINT64_C(0x100000001b3);
    }
    schedule->report.hash = hash * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

static void kill_current(struct schedule *schedule) __attribute__((noreturn));
static void kill_current(struct schedule *schedule)
{
    struct process *process = schedule_current(schedule);
    int64_t delay_ns = (int64_t)random_below(&schedule->random, 60) * NS_PER_SECOND;

    schedule->report.kills++;
    store_disconnect(process); /* what a database does when a client is gone */
    if (random_below(&schedule->random, 8) == 0) {
        oracle_audit(schedule, schedule->store_path);
    }
    process_start(schedule, process->kind, process->slot, process->life + 1, delay_ns);
    baton_die(&schedule->baton);
}

/* Long enough for a lease or a session to run out, sometimes. */
static void stall(struct schedule *schedule)
{
    uint64_t limit_s = random_below(&schedule->random, 2) == 0 ? 180 : 20;

    schedule->report.stalls++;
    baton_sleep(&schedule->baton,
                (int64_t)(1 + random_below(&schedule->random, limit_s)) * NS_PER_SECOND);
}

bool schedule_pass(struct schedule *schedule, const char *place, uint32_t weight, bool may_fail)
{
    const struct chaos *chaos = &schedule->chaos;
    struct process *process = schedule_current(schedule);
    uint32_t roll;

    if (process == NULL || process->kind == PROCESS_LAST) {
        return false;
    }
    if (++schedule->report.passages > PASSAGES_MAX) {
        schedule_fail(schedule, "no end after %d passages", (int)PASSAGES_MAX);
    }
    roll = (uint32_t)random_below(&schedule->random, 65536);
    mix(schedule, place, roll ^ ((uint64_t)process->slot << 20));
    if (!chaos->on) {
        if (roll < chaos->turn) {
            baton_yield(&schedule->baton);
        }
        return false;
    }
    if (roll < chaos->kill * weight && process->kind != PROCESS_CLOCK) {
        schedule_trace(schedule, place, "killed");
        kill_current(schedule);
    }
    roll = (roll + 9973) & 65535;
    if (roll < chaos->stall * weight) {
        schedule_trace(schedule, place, "stalls");
        stall(schedule);
        return false;
    }
    roll = (roll + 9973) & 65535;
    if (roll < chaos->fail * weight && may_fail) {
        schedule_trace(schedule, place, "fails");
        schedule->report.failures++;
        return true;
    }
    roll = (roll + 9973) & 65535;
    if (roll < chaos->stop * weight) {
        schedule_trace(schedule, place, "told to stop");
        schedule->report.stops++;
        process->stop = 15;
        stop_set(15);
        return false;
    }
    roll = (roll + 9973) & 65535;
    if (roll < chaos->turn) {
        baton_yield(&schedule->baton);
    }
    return false;
}

static bool at_fault_point(const char *name, void *context)
{
    /* Reached only by a commit whose answer was lost. */
    uint32_t weight = strcmp(name, "ledger.commit.resolve") == 0 ? 200 : 16;

    return schedule_pass(context, name, weight, true);
}

static void on_turn(void *context)
{
    stop_set(((const struct process *)context)->stop);
}

/* Each seed has its own mixture: some know no kills, some hardly anything else. */
static void draw(struct schedule *s, const struct schedule_options *options)
{
    static const uint32_t rates[] = {0, 1, 4, 12, 30};
    struct random *r = &s->random;

    s->chaos = (struct chaos){.kill = rates[random_below(r, ARRAY_COUNT(rates))],
                              .stall = rates[random_below(r, ARRAY_COUNT(rates))],
                              .fail = rates[random_below(r, 4)],
                              .lose = 400 * rates[random_below(r, 4)],
                              .stop = rates[random_below(r, 3)],
                              .turn = 2000u << random_below(r, 4)};
    s->grouped = random_below(r, 2) == 0;
    s->consumers = 1 + (int)random_below(r, 4);
    s->aggregators = 1 + (random_below(r, 4) > 0);
    s->batch_records = 4 + (int64_t)random_below(r, 40);
    s->rows_per_step = 1 + (int64_t)random_below(r, 30);
    s->pending_row_size = 1 + (size_t)random_below(r, 400); /* a tally each, or all in one */
    s->config = s->grouped ? options->config_group : options->config_alone;
    s->config_alone = options->config_alone;
    broker_init(&s->broker, s, (int64_t)(10 + random_below(r, 30)) * NS_PER_SECOND);
}

static void copy_store(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t count;

    CHECK(in != NULL);
    CHECK(out != NULL);
    while ((count = fread(block, 1, sizeof(block), in)) > 0) {
        CHECK(fwrite(block, 1, count, out) == count);
    }
    CHECK(fclose(out) == 0);
    (void)fclose(in);
}

static void remove_store(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[400];

    for (size_t i = 0; i < ARRAY_COUNT(ends); i++) {
        (void)snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

static void begin_time(struct schedule *s)
{
    baton_init(&s->baton, &s->random, WORLD_START_NS);
    s->baton.on_turn = on_turn;
    wall_init(s);
}

static void run_disturbed(struct schedule *s)
{
    for (int i = 0; i < s->consumers; i++) {
        process_start(s, PROCESS_CONSUMER, i, 0,
                      (int64_t)random_below(&s->random, 30) * NS_PER_SECOND);
    }
    for (int i = 0; i < s->aggregators; i++) {
        process_start(s, PROCESS_AGGREGATOR, 10 + i, 0,
                      (int64_t)random_below(&s->random, 60) * NS_PER_SECOND);
    }
    process_start(s, PROCESS_CLOCK, 20, 0, 0);
    baton_run(&s->baton);
}

void schedule_run(const struct schedule_options *options)
{
    static struct schedule s;
    struct strbuf expected, got;
    struct random world_random;
    char run_path[300], undisturbed_path[300];

    (void)mallopt(M_ARENA_MAX, 1); /* one thread runs at a time */
    s = (struct schedule){
        .seed = options->seed, .trace = options->trace, .report_fd = options->report_fd};
    (void)snprintf(run_path, sizeof(run_path), "%s/%ld-run.db", options->folder, (long)getpid());
    (void)snprintf(undisturbed_path, sizeof(undisturbed_path), "%s/%ld-undisturbed.db",
                   options->folder, (long)getpid());
    copy_store(options->template, run_path);
    copy_store(options->template, undisturbed_path);
    random_init_seed(&world_random, options->seed);
    world_make(&s.world, &world_random);
    random_init_seed(&s.random, options->seed ^ UINT64_C(0x5eed5eed5eed5eed));
    draw(&s, options);
    fault_set_hook(at_fault_point, &s);

    s.calm = true;
    begin_time(&s);
    process_run_last(&s, undisturbed_path);
    oracle_dump(&s, undisturbed_path, &expected);
    oracle_audit(&s, undisturbed_path);
    oracle_sums(&s, undisturbed_path);

    s.calm = false;
    s.chaos.on = true;
    begin_time(&s);
    s.store_path = run_path;
    oracle_open(&s.oracle, &s, run_path);
    run_disturbed(&s);
    db_close(s.oracle.db);
    s.oracle.db = NULL;
    process_run_last(&s, run_path);
    oracle_dump(&s, run_path, &got);
    oracle_compare(&s, &expected, &got);
    oracle_audit(&s, run_path);
    oracle_sums(&s, run_path);
    remove_store(run_path);
    remove_store(undisturbed_path);
    s.report.turns = s.baton.turns;
    finish(&s);
}
