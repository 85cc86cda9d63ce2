#include "jobs/slo/read.h"

#include "aggregator/windows.h"
#include "base/check.h"

/* A week at a time, so that a year of minutes of a service is never in memory as a whole. */
enum { STEP_MINUTES = 7 * 24 * 60 };

/* Of several silent services, one whose state is known speaks first, then the first of the objective. */
static enum grade silence_of(const struct minute *minute)
{
    return grade_row(minute->grade)->known ? GRADE_NO_TRAFFIC : minute->grade;
}

static enum err_code add_minute(struct slo_minute *sum, const struct minute *minute, bool first,
                                struct err *err)
{
    const struct window_minute *counts = &minute->counts;

    if (__builtin_add_overflow(sum->total, (int64_t)counts->total, &sum->total) ||
        __builtin_add_overflow(sum->errors, (int64_t)counts->errors, &sum->errors) ||
        __builtin_add_overflow(sum->slow, (int64_t)counts->slow, &sum->slow)) {
        return err_set(err, ERR_MISMATCH, "counts that are too large to be added up");
    }
    if (first || grade_row(minute->grade)->known) {
        sum->silence = silence_of(minute);
    }
    return ERR_OK;
}

static enum err_code read_step(struct db *db, int64_t book_id, struct str service, bool first,
                               int64_t from, int64_t to, struct slo_minute *sums, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct minute *minutes;
    enum err_code code = windows_minutes(db, book_id, service, from, to, &scratch, &minutes, err);

    for (int64_t m = from; m < to && code == ERR_OK; m++) {
        code = add_minute(&sums[m - from], &minutes[m - from], first, err);
    }
    arena_release(&scratch);
    return code;
}

static enum err_code read_service(struct db *db, int64_t book_id, const struct slo *slo,
                                  size_t service, int64_t from, int64_t to, struct slo_minute *sums,
                                  struct err *err)
{
    enum err_code code = ERR_OK;

    for (int64_t at = from; at < to && code == ERR_OK; at += STEP_MINUTES) {
        int64_t end = to - at < STEP_MINUTES ? to : at + STEP_MINUTES;

        code = read_step(db, book_id, slo->services[service], service == 0, at, end,
                         &sums[at - from], err);
    }
    return code == ERR_OK ? ERR_OK
                          : err_context(err, "service %.*s", STR_ARGS(slo->services[service]));
}

enum err_code slo_read(struct db *db, int64_t book_id, const struct slo *slo, int64_t from,
                       int64_t to, struct arena *arena, struct slo_series *ret_series,
                       struct err *err)
{
    struct slo_minute *sums = arena_calloc(arena, (size_t)(to - from) + 1, sizeof(*sums));
    int64_t first = from > 0 ? from : 0;
    enum err_code code = ERR_OK;

    CHECK(from <= to);
    for (int64_t m = from; m < first; m++) {
        sums[m - from].silence = GRADE_NOT_PROVISIONED;
    }
    for (size_t i = 0; i < slo->service_count && code == ERR_OK; i++) {
        code = read_service(db, book_id, slo, i, first, to, sums + (first - from), err);
    }
    if (code == ERR_OK) {
        *ret_series = (struct slo_series){from, (size_t)(to - from), sums};
    }
    return code;
}
