/*
 * Method total_failure_runs: time in which requests were made and none succeeded, from the last success to the next one, is lost if it is long enough.
 *
 * Of a minute only its first and last success and failure are known. That is enough: between successes of one minute less than a minute can pass, and
 * no run counts that is shorter; between successes of different minutes there was a failure if a last one came after the last success of the first,
 * a first one before the first success of the second, or any in between.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/loss.h"

/* Time since the last success. */
struct gap {
    int64_t from_ns;
    bool failed; /* a request failed in it */
};

static void check_span(int64_t minute_s, int64_t first_ns, int64_t last_ns)
{
    CHECK(first_ns >= minute_s * NS_PER_SECOND);
    CHECK(first_ns <= last_ns);
    CHECK(last_ns < (minute_s + MINUTE_S) * NS_PER_SECOND);
}

/* Who reads the times owes them wherever there are requests. */
static void check_times(const struct count_row *row, const struct request_times *times)
{
    if (row->counts.errors > 0) {
        check_span(row->minute_s, times->first_error_ns, times->last_error_ns);
    }
    if (row->counts.errors < row->counts.total) {
        check_span(row->minute_s, times->first_ok_ns, times->last_ok_ns);
    }
}

static void close_gap(const struct gap *gap, int64_t to_ns, int64_t min_run_ns,
                      struct losses *losses)
{
    if (gap->failed && (int128)to_ns - gap->from_ns >= min_run_ns && to_ns > gap->from_ns) {
        losses_add(losses,
                   (struct loss){.from_ns = gap->from_ns, .to_ns = to_ns, .part = 1, .whole = 1});
    }
}

/* A failure at the very instant of a success is not between. */
static void pass_minute(const struct count_row *row, const struct request_times *times,
                        int64_t min_run_ns, struct gap *gap, struct losses *losses)
{
    bool succeeded = row->counts.errors < row->counts.total;
    bool failed = row->counts.errors > 0;

    check_times(row, times);
    gap->failed =
        gap->failed || (failed && (!succeeded || times->first_error_ns < times->first_ok_ns));
    if (succeeded) {
        close_gap(gap, times->first_ok_ns, min_run_ns, losses);
        *gap = (struct gap){.from_ns = times->last_ok_ns,
                            .failed = failed && times->last_error_ns > times->last_ok_ns};
    }
}

static bool speaks(struct counted *counted, const struct count_row *row)
{
    return row->counts.total > 0 && !counted_void(counted, row->minute_s);
}

/* Void minutes are looked through. Without a success on that side a run begins with the period or the data, whichever is earlier, and ends with whichever
 * is later. */
static void find_runs(const struct measure_input *input, struct arena *scratch,
                      struct losses *losses)
{
    const struct service_input *service = input->service;
    int64_t min_run_ns = input->contract->availability.min_run_ns;
    int64_t end_s = input->to_s;
    struct gap gap = {.from_ns = input->from_s * NS_PER_SECOND};
    struct counted counted;
    bool any = false;

    counted_init(&counted, input, scratch);
    for (size_t i = 0; i < service->count_count; i++) {
        const struct count_row *row = &service->counts[i];

        if (!speaks(&counted, row)) {
            continue;
        }
        if (!any && row->minute_s < input->from_s) {
            gap.from_ns = row->minute_s * NS_PER_SECOND;
        }
        any = true;
        end_s = row->minute_s + MINUTE_S > end_s ? row->minute_s + MINUTE_S : end_s;
        pass_minute(row, &service->times[i], min_run_ns, &gap, losses);
    }
    close_gap(&gap, end_s * NS_PER_SECOND, min_run_ns, losses);
}

void measure_total_failure_runs(const struct measure_input *input, struct arena *arena,
                                struct measure *ret_measure)
{
    struct arena scratch = ARENA_INIT;
    struct losses losses = {0};

    CHECK(input->service->times != NULL || input->service->count_count == 0);
    find_runs(input, &scratch, &losses);
    losses_lay(input, &losses, arena, ret_measure);
    losses_release(&losses);
    arena_release(&scratch);
}
