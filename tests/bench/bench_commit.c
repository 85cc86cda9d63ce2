/*
 * What a commit of a minute of many services costs beside one that writes a single number: medians of ROUNDS pairs, each synced to disk.
 * usage: bench_commit FILE SERVICES ROUNDS
 * Output: JSON with wall and CPU milliseconds of both.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"
#include "tests/bench/books.h"

enum { SEED = 1, RATE = 3 };

struct times {
    double wall_ms, cpu_ms;
};

static double now_ms(clockid_t clock)
{
    struct timespec now;

    CHECK(clock_gettime(clock, &now) == 0);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void commit_nothing(struct books *books, int64_t number)
{
    struct err err = ERR_INIT;
    struct db_stmt *stmt;
    bool unknown;

    CHECK(db_begin(books->db, &err) == ERR_OK);
    CHECK(db_prepare(books->db,
                     "UPDATE partition_offset SET drained_ns = $1 WHERE partition_id = 0", &stmt,
                     &err) == ERR_OK);
    db_bind_int64(stmt, 1, number);
    CHECK(db_run(stmt, NULL, &err) == ERR_OK);
    CHECK(db_commit(books->db, &unknown, &err) == ERR_OK);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const struct times *times, int count, bool wall)
{
    double *values = memory_calloc((size_t)count, sizeof(*values));
    double result;

    for (int i = 0; i < count; i++) {
        values[i] = wall ? times[i].wall_ms : times[i].cpu_ms;
    }
    qsort(values, (size_t)count, sizeof(*values), compare);
    result = values[count / 2];
    memory_free(values);
    return result;
}

static struct times since(double wall_ms, double cpu_ms)
{
    return (struct times){now_ms(CLOCK_MONOTONIC) - wall_ms,
                          now_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_ms};
}

int main(int argc, char **argv)
{
    struct books books;
    struct times *empty, *full;
    int rounds;

    if (argc != 4) {
        (void)fprintf(stderr, "usage: bench_commit FILE SERVICES ROUNDS\n");
        return 2;
    }
    rounds = atoi(argv[3]);
    CHECK(rounds > 0);
    empty = memory_calloc((size_t)rounds, sizeof(*empty));
    full = memory_calloc((size_t)rounds, sizeof(*full));
    books_open(&books, argv[1], atoi(argv[2]), RATE, SEED);
    for (int i = 0; i < rounds; i++) {
        double wall_ms = now_ms(CLOCK_MONOTONIC), cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID);

        commit_nothing(&books, i);
        empty[i] = since(wall_ms, cpu_ms);
        books_fill(&books, 12 * 60 + i, 12 * 60 + i + 1); /* at noon, when nobody sleeps */
        wall_ms = now_ms(CLOCK_MONOTONIC);
        cpu_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        books_commit(&books);
        full[i] = since(wall_ms, cpu_ms);
    }
    (void)printf("{\"empty_wall_ms\": %.3f, \"empty_cpu_ms\": %.3f, \"commit_wall_ms\": %.3f, "
                 "\"commit_cpu_ms\": %.3f}\n",
                 median(empty, rounds, true), median(empty, rounds, false),
                 median(full, rounds, true), median(full, rounds, false));
    books_close(&books);
    memory_free(empty);
    memory_free(full);
    return 0;
}
