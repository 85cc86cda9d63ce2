/*
 * Makes a store of known traffic through the program's own ledger, fold and grading.
 * usage: bench_store FILE SERVICES HOURS RATE COMMIT END
 * RATE is events per minute and service, about; COMMIT the minutes of a batch; END is what is done of it: `pending` (committed only),
 * `folded` or `graded`. The last line of output is JSON: what the store holds, and the CPU seconds of each step.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "tests/bench/books.h"

enum { SEED = 1, FOLD_HOURS = 6 };
enum step { STEP_FILL, STEP_COMMIT, STEP_FOLD, STEP_GRADE, STEP_COUNT };

struct maker {
    struct books books;
    double cpu_s[STEP_COUNT];
};

static double cpu_s(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void run(struct maker *maker, int64_t hours, int64_t commit, bool fold, bool grade)
{
    for (int64_t minute = 0; minute < hours * 60; minute += commit) {
        double began = cpu_s(), filled, committed, folded;

        books_fill(&maker->books, minute, minute + commit);
        maker->cpu_s[STEP_FILL] += (filled = cpu_s()) - began;
        books_commit(&maker->books);
        maker->cpu_s[STEP_COMMIT] += (committed = cpu_s()) - filled;
        books_drained(&maker->books, minute + commit);
        if ((minute + commit) % (FOLD_HOURS * 60) != 0 && minute + commit < hours * 60) {
            continue;
        }
        if (fold) {
            books_fold(&maker->books);
        }
        maker->cpu_s[STEP_FOLD] += (folded = cpu_s()) - committed;
        if (grade) {
            books_grade(&maker->books);
        }
        maker->cpu_s[STEP_GRADE] += cpu_s() - folded;
    }
}

int main(int argc, char **argv)
{
    struct maker maker = {0};
    bool folded, graded;
    int64_t hours, commit;

    if (argc != 7) {
        (void)fprintf(stderr, "usage: bench_store FILE SERVICES HOURS RATE COMMIT END\n");
        return 2;
    }
    hours = atoll(argv[3]);
    commit = atoll(argv[5]);
    graded = strcmp(argv[6], "graded") == 0;
    folded = graded || strcmp(argv[6], "folded") == 0;
    CHECK(hours > 0);
    CHECK(commit > 0);
    CHECK(hours * 60 % commit == 0);
    books_open(&maker.books, argv[1], atoi(argv[2]), atoi(argv[4]), SEED);
    run(&maker, hours, commit, folded, graded);
    (void)printf("{\"events\": %" PRId64 ", \"tallies\": %" PRId64
                 ", \"fill_s\": %.3f, \"commit_s\": %.3f, \"fold_s\": %.3f, \"grade_s\": %.3f}\n",
                 maker.books.events, maker.books.tallies, maker.cpu_s[STEP_FILL],
                 maker.cpu_s[STEP_COMMIT], maker.cpu_s[STEP_FOLD], maker.cpu_s[STEP_GRADE]);
    books_close(&maker.books);
    return 0;
}
