/* Method bad_minute_runs: minutes in which too many requests failed are lost if enough of them follow each other. */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/loss.h"

/* Consecutive bad minutes. */
struct run {
    int64_t from_s, to_s; /* from == to: none is open */
    int64_t requests;
};

struct runs {
    const struct availability *terms;
    struct run open;
    struct losses losses;
    int64_t requests; /* of the period */
};

/* What the minute's own requests say. Without an error no limit is exceeded, for none is below 0. */
static bool is_bad(const struct availability *terms, const struct request_counts *counts)
{
    if (counts->errors == 0 || (terms->min_requests_per == MIN_REQUESTS_PER_MINUTE &&
                                counts->total < terms->min_requests)) {
        return false;
    }
    return terms->all_failed
               ? counts->errors == counts->total
               : counted_exceeds(counts->errors, counts->total, terms->max_error_ratio.value);
}

static void close_run(struct runs *runs)
{
    const struct run *run = &runs->open;
    int128 length_ns = (int128)(run->to_s - run->from_s) * NS_PER_SECOND;
    bool enough = runs->terms->min_requests_per != MIN_REQUESTS_PER_RUN ||
                  run->requests >= runs->terms->min_requests;

    if (length_ns > 0 && length_ns >= runs->terms->min_run_ns && enough) {
        losses_add(&runs->losses, (struct loss){.from_ns = run->from_s * NS_PER_SECOND,
                                                .to_ns = run->to_s * NS_PER_SECOND,
                                                .part = 1,
                                                .whole = 1});
    }
    runs->open = (struct run){0};
}

static void add_bad(struct runs *runs, const struct count_row *row)
{
    if (runs->open.to_s != row->minute_s) {
        close_run(runs);
        runs->open = (struct run){.from_s = row->minute_s, .to_s = row->minute_s};
    }
    runs->open.to_s += MINUTE_S;
    runs->open.requests = counted_add(runs->open.requests, row->counts.total);
}

/* Runs are found on all minutes there are, also before and behind the period; what lies in it is booked there. */
static void find_runs(const struct measure_input *input, struct arena *scratch, struct runs *runs)
{
    const struct service_input *service = input->service;
    bool summed = runs->terms->min_requests_per == MIN_REQUESTS_PER_PERIOD;
    struct counted counted;

    counted_init(&counted, input, scratch);
    for (size_t i = 0; i < service->count_count; i++) {
        const struct count_row *row = &service->counts[i];
        bool bad = is_bad(runs->terms, &row->counts);

        if (row->counts.total == 0 || (!bad && !summed) || counted_void(&counted, row->minute_s)) {
            continue;
        }
        if (summed && counted_measured(&counted, row->minute_s)) {
            runs->requests = counted_add(runs->requests, row->counts.total);
        }
        if (bad) {
            add_bad(runs, row);
        }
    }
    close_run(runs);
}

void measure_bad_minute_runs(const struct measure_input *input, struct arena *arena,
                             struct measure *ret_measure)
{
    const struct availability *terms = &input->contract->availability;
    struct arena scratch = ARENA_INIT;
    struct runs runs = {.terms = terms};

    CHECK(terms->all_failed || terms->max_error_ratio.present);
    find_runs(input, &scratch, &runs);
    if (terms->min_requests_per == MIN_REQUESTS_PER_PERIOD && runs.requests < terms->min_requests) {
        runs.losses.count = 0;
    }
    losses_lay(input, &runs.losses, arena, ret_measure);
    losses_release(&runs.losses);
    arena_release(&scratch);
}
