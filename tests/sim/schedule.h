/*
 * One schedule: a world, a broker, a store, the processes that work on them, and what befalls them, all from one seed.
 *
 * A process is an actor of the baton with its own connection and its own membership; a killed one is never run again, and its connection is rolled back and
 * closed as that of a dead process. Everything happens at passages: fault points, statements, questions to the broker, sleeps. At each the
 * seed decides: go on, let another one run, stand still for a while, be told to stop, fail, or be killed. One schedule per process:
 * what killed workers own is never released, and a finding ends the process.
 */
#ifndef TESTS_SIM_SCHEDULE_H
#define TESTS_SIM_SCHEDULE_H

#include "base/db.h"
#include "jobs/config/config.h"
#include "tests/sim/baton.h"
#include "tests/sim/broker.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

enum { WALL_STEPS_MAX = 64 };

enum schedule_status { SCHEDULE_RIGHT, SCHEDULE_WRONG };

/* What a schedule leaves behind; goes through a pipe. */
struct schedule_report {
    enum schedule_status status;
    uint64_t hash; /* of all decisions: the same seed gives the same number */
    int64_t passages, turns, kills, stalls, failures, lost_commits, rebalances, clock_steps, stops;
    char text[768]; /* what was wrong */
};

/* Chances per 65,536 at a passage of weight 1. */
struct chaos {
    bool on;
    uint32_t kill, stall, fail, stop, turn;
    uint32_t lose; /* the answer to a COMMIT; of any weight */
};

/* The clock of the machines: the true time, and steps that somebody made. */
struct wall {
    struct clock clock; /* sleeping is a passage */
    struct clock
        lock_clock; /* for waits inside the database, where nobody can be killed from outside */
    struct {
        int64_t from_ns; /* true time */
        int64_t offset_ns;
    } steps[WALL_STEPS_MAX];
    int step_count;
};

enum process_kind { PROCESS_CONSUMER, PROCESS_AGGREGATOR, PROCESS_CLOCK, PROCESS_LAST };

struct process {
    struct schedule *schedule;
    enum process_kind kind;
    int slot, life;
    char name[32];
    struct db *db;         /* NULL: not connected */
    struct source *source; /* NULL: none */
    int stop;              /* the signal that it was sent */
    unsigned wrote;        /* enum oracle_wrote, by the open transaction */
    int64_t committed;     /* records, since its run began */
    struct random random;
};

struct schedule {
    uint64_t seed;
    struct random random; /* of everything that happens; the world has its own */
    struct baton baton;
    struct world world;
    struct wall wall;
    struct chaos chaos;
    struct broker broker;
    struct oracle oracle;
    bool calm; /* nothing befalls anybody any more, and nobody begins anew */
    bool trace;
    int report_fd;
    struct schedule_report report;
    /* What this seed has drawn. */
    const struct config *config; /* of the group, or of shards */
    const struct config *config_alone;
    const char *store_path;
    bool grouped;
    int consumers, aggregators;
    int64_t batch_records, rows_per_step;
    size_t pending_row_size;
};

struct schedule_options {
    uint64_t seed;
    bool trace;
    int report_fd;
    const char *folder;   /* for the stores */
    const char *template; /* a migrated, empty store */
    const struct config *config_group, *config_alone;
};

/* Runs it, writes the report and ends the process. */
void schedule_run(const struct schedule_options *options) __attribute__((noreturn));

/* A finding: writes the report and ends the process. */
void schedule_fail(struct schedule *schedule, const char *format, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void schedule_trace(struct schedule *schedule, const char *place, const char *what);
/* A passage. True: what comes next shall fail as if the world had; only if may_fail. Does not return if the process is killed. */
bool schedule_pass(struct schedule *schedule, const char *place, uint32_t weight, bool may_fail);
/* The process that runs; NULL between them. */
struct process *schedule_current(struct schedule *schedule);

/* wall.c */
void wall_init(struct schedule *schedule);
int64_t wall_now_ns(const struct schedule *schedule);
/* Makes the wall clock show now_ns. */
void wall_set(struct schedule *schedule, int64_t now_ns);
/* The first true time at which the wall clock showed wall_ns or more. */
int64_t wall_reached_ns(const struct schedule *schedule, int64_t wall_ns);

/* process.c */
void process_start(struct schedule *schedule, enum process_kind kind, int slot, int life,
                   int64_t delay_ns);
/* One run of a consumer that reads everything, and one of an aggregator, with nobody around. */
void process_run_last(struct schedule *schedule, const char *store_path);

/* store.c: the real driver behind passages. */
struct db *store_connect(struct schedule *schedule, struct process *process, const char *path);
void store_disconnect(struct process *process);

#endif
