#include "jobs/statement/particulars.h"

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"

enum { MINUTE_S = 60 };

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static const struct minute_particulars *of_row(const struct particulars_read *read,
                                               const struct count_row *row)
{
    return &read->minutes[row->minute_s / MINUTE_S - read->from_minute];
}

static bool is_missing(const struct particulars_wanted *wanted, const struct count_row *row,
                       const struct minute_particulars *particulars)
{
    int64_t records = row->counts.records;

    return (wanted->times && particulars->times.ok + particulars->times.failed != records) ||
           (wanted->limit_count > 0 && particulars->limit.records != records);
}

static enum err_code refuse(const struct service_input *input, bool times, size_t first,
                            size_t last, struct err *err)
{
    char from[CIVIL_TEXT_SIZE], to[CIVIL_TEXT_SIZE];

    return err_set(
        err, ERR_CONFIG,
        "service %.*s: of requests from %s to %s the store did not keep what %s needs, because "
        "they were read before a contract asked for it; let valid_from lie behind them%s",
        STR_ARGS(input->service),
        civil_format_rfc3339(input->counts[first].minute_s * NS_PER_SECOND, from),
        civil_format_rfc3339((input->counts[last].minute_s + MINUTE_S) * NS_PER_SECOND, to),
        times ? "method total_failure_runs" : "availability.latency",
        times ? ", or measure with evaluate and times from elsewhere" : "");
}

/* Leaves the rows that the method may see. */
static enum err_code find_usable(const struct particulars_read *read,
                                 const struct contract *contract, int64_t from_s, int64_t to_s,
                                 struct service_input *input, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(contract);
    int64_t needed_from_s = larger(from_s, contract->valid_from_s);
    int64_t needed_to_s = smaller(to_s, contract->valid_until_s);
    size_t first = 0, end = input->count_count, first_missing = SIZE_MAX, last_missing = 0;

    for (size_t i = 0; i < end; i++) {
        const struct count_row *row = &input->counts[i];

        if (!is_missing(&wanted, row, of_row(read, row))) {
            continue;
        }
        if (row->minute_s < needed_from_s) {
            first = i + 1;
        } else if (row->minute_s >= needed_to_s) {
            end = i;
        } else {
            first_missing = first_missing == SIZE_MAX ? i : first_missing;
            last_missing = i;
        }
    }
    if (first_missing != SIZE_MAX) {
        return refuse(input, wanted.times, first_missing, last_missing, err);
    }
    input->counts = input->count_count > 0 ? input->counts + first : input->counts;
    input->count_count = end - first;
    return ERR_OK;
}

static struct request_times times_of(const struct times_minute *times, int64_t minute_s)
{
    int64_t at_ns = minute_s * NS_PER_SECOND;
    bool ok = times->ok > 0, failed = times->failed > 0;

    return (struct request_times){
        .first_ok_ns = ok ? at_ns + times->first_ok_ns : INT64_MIN,
        .last_ok_ns = ok ? at_ns + times->last_ok_ns : INT64_MIN,
        .first_error_ns = failed ? at_ns + times->first_failed_ns : INT64_MIN,
        .last_error_ns = failed ? at_ns + times->last_failed_ns : INT64_MIN,
    };
}

enum err_code particulars_take(const struct particulars_read *read, const struct contract *contract,
                               int64_t from_s, int64_t to_s, struct arena *arena,
                               struct service_input *input, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(contract);
    struct request_times *times;
    struct request_latency *latencies;

    if (find_usable(read, contract, from_s, to_s, input, err) != ERR_OK) {
        return err->code;
    }
    times = arena_calloc(arena, input->count_count + 1, sizeof(times[0]));
    latencies = arena_calloc(arena, input->count_count + 1, sizeof(latencies[0]));
    for (size_t i = 0; i < input->count_count; i++) {
        const struct minute_particulars *kept = of_row(read, &input->counts[i]);

        times[i] = times_of(&kept->times, input->counts[i].minute_s);
        latencies[i] =
            (struct request_latency){.known = kept->limit.known, .over = kept->limit.over};
    }
    input->times = wanted.times ? times : NULL;
    input->latencies = wanted.limit_count > 0 ? latencies : NULL;
    return ERR_OK;
}
