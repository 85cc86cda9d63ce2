/*
 * sim: schedules of a whole uptally in one process, one seed each. A failing seed is printed, and replays exactly.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "tests/sim/schedule.h"
#include "tests/unit/temporary.h"

enum { JOBS_MAX = 16, LIMIT_S = 300 };

static const char usage[] =
    "usage: sim [OPTIONS]\n"
    "\n"
    "Runs broker, consumers, aggregators and store in one process, under kills, stalls, "
    "rebalances, lost\n"
    "answers and clock steps, and holds the books against those of an undisturbed run.\n"
    "\n"
    "  --schedules N    how many (default 100); schedule I has the seed SEED + I\n"
    "  --seed SEED      of the first one (default: from the time; printed)\n"
    "  --jobs N         at the same time (default: twice the number of processors)\n"
    "  --until-wrong    stop at the first that is wrong\n"
    "  --twice          run each seed twice and compare what happened\n"
    "  --replay SEED    this one schedule only\n"
    "  --trace          print what happens, one line each\n"
    "\n"
    "The last line is `N schedules, W wrong`. Exit status: 0 if W is 0, else 1; 2: usage.\n";

struct options {
    int64_t schedules, jobs;
    uint64_t seed;
    bool until_wrong, twice, trace, replay;
};

struct child {
    pid_t pid; /* 0: none */
    int fd;
    int64_t number;
    uint64_t seed;
    bool second; /* of --twice */
    struct schedule_report report;
    size_t size;
};

struct runner {
    struct options options;
    struct schedule_options schedule;
    struct child children[JOBS_MAX];
    uint64_t *hashes; /* of the first runs, by number; with --twice */
    int64_t begun, ended, wrong;
    struct schedule_report sum;
    struct timespec start;
};

static int64_t parse_number(const char *text)
{
    int64_t value;

    if (text == NULL || !str_to_int64(STR(text), &value) || value < 0) {
        (void)fprintf(stderr, "sim: \"%s\" is no number\n\n%s", text != NULL ? text : "", usage);
        exit(2);
    }
    return value;
}

static struct options parse(char **arguments)
{
    struct options options = {
        .schedules = 100,
        .jobs = 2 * sysconf(_SC_NPROCESSORS_ONLN), /* handing the baton over leaves gaps */
        .seed = (uint64_t)time(NULL) * 100000};

    for (; *arguments != NULL; arguments++) {
        const char *name = *arguments;

        if (strcmp(name, "--trace") == 0) {
            options.trace = true;
        } else if (strcmp(name, "--twice") == 0) {
            options.twice = true;
        } else if (strcmp(name, "--until-wrong") == 0) {
            options.until_wrong = true;
        } else if (strcmp(name, "--schedules") == 0) {
            options.schedules = parse_number(*++arguments);
        } else if (strcmp(name, "--jobs") == 0) {
            options.jobs = parse_number(*++arguments);
        } else if (strcmp(name, "--seed") == 0) {
            options.seed = (uint64_t)parse_number(*++arguments);
        } else if (strcmp(name, "--replay") == 0) {
            options.replay = true;
            options.seed = (uint64_t)parse_number(*++arguments);
            options.schedules = 1;
        } else {
            bool help = strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0;

            (void)fputs(usage, help ? stdout : stderr);
            exit(help ? 0 : 2);
        }
        if (*arguments == NULL) {
            break;
        }
    }
    options.jobs = options.jobs < 1 ? 1 : options.jobs > JOBS_MAX ? JOBS_MAX : options.jobs;
    return options;
}

#define RULES "{no_traffic: up, probe_down: up, pipeline_gap: up, not_provisioned: up}"

static struct config *configure(const char *group)
{
    struct config *config;
    struct strbuf text;
    struct err err = ERR_INIT;

    strbuf_init(&text, 10000);
    strbuf_append_format(
        &text,
        "store: {sqlite: x.db, lock_wait: 20s}\nlateness: 1m\n"
        "cluster:\n  name: sim\n  bootstrap_servers: none\n%s"
        "registry: {url: \"http://registry:8081/api\", retry: 1s}\n"
        "topics:\n"
        "  - name: requests\n    kind: requests\n    gaps: true\n"
        "    duplicates: {horizon: 1d, count: 100000}\n"
        "    map: {service: service, time: ts, outcome: status, latency: {path: us, unit: us}, "
        "event_id: id}\n"
        "  - name: checks\n    kind: checks\n    gaps: true\n"
        "    map:\n      service: service\n      instance: instance\n      time: ts\n"
        "      outcome: {path: status, pass: [pass], warn: [warn], fail: [fail], "
        "unknown: [unknown]}\n"
        "service_defaults: {latency_threshold: 500ms, min_requests: 1}\n"
        /* for the particulars that they want of windows */
        "contracts:\n"
        "  - {id: a, services: [shop], time_zone: UTC, availability: {target: 99, method: "
        "total_failure_runs, min_run: 60s, unknown: " RULES "}}\n"
        "  - {id: b, services: [shop, zeta], time_zone: UTC, availability: {target: 99, method: "
        "time_slices, slice: 5m, latency: {percentile: 95, below: 300ms}, pool: sum, "
        "unknown: " RULES "}}\n",
        group);
    if (config_parse(strbuf_view(&text), "sim.yaml", &config, &err) != ERR_OK) {
        (void)fprintf(stderr, "sim: %s\n", err.text);
        exit(1);
    }
    strbuf_release(&text);
    return config;
}

/* An empty store of this program's version; each schedule takes a copy. */
static void make_template(const char *path)
{
    struct clock_simulated clock;
    struct db_options options = {.path = path, .create = true, .clock = &clock.clock};
    struct err err = ERR_INIT;
    struct db *db;

    clock_simulated_init(&clock, WORLD_START_NS - NS_PER_HOUR);
    if (db_open(&options, &db, &err) != ERR_OK || store_migrate(db, &err) != ERR_OK) {
        (void)fprintf(stderr, "sim: %s\n", err.text);
        exit(1);
    }
    db_close(db);
}

static void start(struct runner *runner, struct child *child)
{
    int ends[2];

    CHECK(pipe(ends) == 0);
    (void)fflush(stdout);
    child->pid = fork();
    CHECK(child->pid >= 0);
    if (child->pid == 0) {
        struct schedule_options options = runner->schedule;

        (void)alarm(LIMIT_S); /* a schedule that never ends is a finding as well */
        (void)close(ends[0]);
        options.seed = child->seed;
        options.trace = runner->options.trace;
        options.report_fd = ends[1];
        schedule_run(&options);
    }
    (void)close(ends[1]);
    child->fd = ends[0];
    child->size = 0;
    child->report = (struct schedule_report){.status = SCHEDULE_WRONG};
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void add(struct schedule_report *sum, const struct schedule_report *report)
{
    sum->passages += report->passages;
    sum->turns += report->turns;
    sum->kills += report->kills;
    sum->stalls += report->stalls;
    sum->failures += report->failures;
    sum->lost_commits += report->lost_commits;
    sum->rebalances += report->rebalances;
    sum->clock_steps += report->clock_steps;
    sum->stops += report->stops;
}

static void say_wrong(struct runner *runner, const struct child *child, const char *what)
{
    runner->wrong++;
    printf("seed %" PRIu64 " (schedule %" PRId64 ", %.1f s): %s\n"
           "    again: sim --replay %" PRIu64 " --trace\n",
           child->seed, child->number + 1, seconds_since(&runner->start), what, child->seed);
    (void)fflush(stdout);
}

/* The stores of a child that could not remove them itself. */
static void remove_leftovers(const struct runner *runner, pid_t pid)
{
    static const char *const kinds[] = {"run", "undisturbed"};
    static const char *const ends[] = {"", "-wal", "-shm"};
    char path[400];

    for (size_t i = 0; i < ARRAY_COUNT(kinds) * ARRAY_COUNT(ends); i++) {
        (void)snprintf(path, sizeof(path), "%s/%ld-%s.db%s", runner->schedule.folder, (long)pid,
                       kinds[i / ARRAY_COUNT(ends)], ends[i % ARRAY_COUNT(ends)]);
        (void)unlink(path);
    }
}

/* For a person who waits. */
static void show_progress(const struct runner *runner)
{
    if (isatty(STDERR_FILENO)) {
        (void)fprintf(stderr, "%" PRId64 " of %" PRId64 "%s", runner->ended,
                      runner->options.schedules,
                      runner->ended < runner->options.schedules ? "\r" : "\n");
    }
}

static void judge(struct runner *runner, struct child *child, int status)
{
    char text[64];

    if (child->size < sizeof(child->report)) {
        (void)snprintf(text, sizeof(text), "the program ended by signal %d, status %d",
                       WIFSIGNALED(status) ? WTERMSIG(status) : 0,
                       WIFEXITED(status) ? WEXITSTATUS(status) : 0);
        say_wrong(runner, child, text);
    } else if (child->report.status != SCHEDULE_RIGHT) {
        say_wrong(runner, child, child->report.text);
    } else if (child->second && runner->hashes[child->number] != child->report.hash) {
        say_wrong(runner, child, "the same seed did something else the second time");
    }
    if (runner->options.twice && !child->second) {
        runner->hashes[child->number] = child->report.hash;
    }
    if (!child->second) {
        runner->ended++;
        show_progress(runner);
        add(&runner->sum, &child->report);
    }
}

/* Takes what a child has written; at its end the next one starts in its place. */
static void take(struct runner *runner, struct child *child)
{
    char *at = (char *)&child->report + child->size;
    ssize_t count = read(child->fd, at, sizeof(child->report) - child->size);
    int status;

    if (count > 0) {
        child->size += (size_t)count;
        return;
    }
    if (count < 0 && errno == EINTR) {
        return;
    }
    (void)close(child->fd);
    CHECK(waitpid(child->pid, &status, 0) == child->pid);
    remove_leftovers(runner, child->pid);
    judge(runner, child, status);
    child->pid = 0;
    if (runner->options.twice && !child->second) {
        child->second = true;
        start(runner, child);
    }
}

static bool wants_more(const struct runner *runner)
{
    return runner->begun < runner->options.schedules &&
           !(runner->options.until_wrong && runner->wrong > 0);
}

static void run_all(struct runner *runner)
{
    for (;;) {
        struct pollfd fds[JOBS_MAX];
        struct child *children[JOBS_MAX];
        nfds_t count = 0;

        for (int64_t i = 0; i < runner->options.jobs; i++) {
            struct child *child = &runner->children[i];

            if (child->pid == 0 && wants_more(runner)) {
                *child = (struct child){.number = runner->begun,
                                        .seed = runner->options.seed + (uint64_t)runner->begun};
                runner->begun++;
                start(runner, child);
            }
            if (child->pid != 0) {
                children[count] = child;
                fds[count++] = (struct pollfd){.fd = child->fd, .events = POLLIN};
            }
        }
        if (count == 0) {
            return;
        }
        (void)poll(fds, count, -1);
        for (nfds_t i = 0; i < count; i++) {
            if (fds[i].revents != 0) {
                take(runner, children[i]);
            }
        }
    }
}

static void say_sum(const struct runner *runner)
{
    const struct schedule_report *sum = &runner->sum;
    double seconds = seconds_since(&runner->start);

    printf("%" PRId64 " passages, %" PRId64 " turns, %" PRId64 " kills, %" PRId64
           " stalls, %" PRId64 " failures, %" PRId64 " lost answers, %" PRId64
           " rebalances, %" PRId64 " clock steps, %" PRId64
           " signals; %.1f s, %.0f schedules a minute\n",
           sum->passages, sum->turns, sum->kills, sum->stalls, sum->failures, sum->lost_commits,
           sum->rebalances, sum->clock_steps, sum->stops, seconds,
           60 * (double)runner->ended / (seconds > 0 ? seconds : 1));
    printf("%" PRId64 " schedules, %" PRId64 " wrong\n", runner->ended, runner->wrong);
}

int main(int argc, char **argv)
{
    static struct runner runner;
    struct temporary folder;
    char template[512];

    (void)argc;
    runner.options = parse(argv + 1);
    temporary_make(&folder);
    (void)snprintf(template, sizeof(template), "%s", temporary_file(&folder, "template.db"));
    make_template(template);
    runner.schedule = (struct schedule_options){.folder = folder.path,
                                                .template = template,
                                                .config_group = configure("  group: sim\n"),
                                                .config_alone = configure("")};
    runner.hashes = calloc((size_t)runner.options.schedules + 1, sizeof(*runner.hashes));
    CHECK(runner.hashes != NULL);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &runner.start) == 0);
    printf("seeds %" PRIu64 " to %" PRIu64 "\n", runner.options.seed,
           runner.options.seed + (uint64_t)runner.options.schedules - 1);
    run_all(&runner);
    temporary_remove(&folder);
    say_sum(&runner);
    free(runner.hashes);
    config_free((struct config *)(uintptr_t)runner.schedule.config_group);
    config_free((struct config *)(uintptr_t)runner.schedule.config_alone);
    return runner.wrong > 0;
}
