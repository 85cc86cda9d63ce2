/*
 * Runs a command and says what it cost: CPU and wall microseconds, peak KiB. usage: bench_cost DESCRIPTOR COMMAND...
 * The three numbers go to that open descriptor; the status is the command's. Standing between, because the peak that the kernel reports of a process
 * includes what its starter held when it called exec, and the suites' own Python holds more than most programs here.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"

enum { NOT_STARTED = 127, SIGNALLED = 128 };

static int64_t now_us(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int64_t us_of(struct timeval time)
{
    return time.tv_sec * INT64_C(1000000) + time.tv_usec;
}

int main(int argc, char **argv)
{
    int64_t start_us = now_us(), wall_us;
    struct rusage usage;
    int into = argc > 2 ? atoi(argv[1]) : -1, status;
    pid_t child;

    if (into < 3) {
        (void)fprintf(stderr, "usage: bench_cost DESCRIPTOR COMMAND...\n");
        return 2;
    }
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)close(into);
        (void)execvp(argv[2], argv + 2);
        (void)fprintf(stderr, "bench_cost: %s: %s\n", argv[2], strerror(errno));
        _exit(NOT_STARTED);
    }
    CHECK(wait4(child, &status, 0, &usage) == child);
    wall_us = now_us() - start_us;
    (void)dprintf(into, "%" PRId64 " %" PRId64 " %ld\n",
                  us_of(usage.ru_utime) + us_of(usage.ru_stime), wall_us, usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : SIGNALLED + WTERMSIG(status);
}
