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

static bool is_missing(const struct particulars_wanted *wanted, const struct minute *minute,
                       const struct minute_particulars *particulars)
{
    int64_t records = minute->counts.records;

    return minute->counted &&
           ((wanted->times && particulars->times.ok + particulars->times.failed != records) ||
            (wanted->limit_count > 0 && particulars->limit.records != records));
}

static enum err_code refuse(const struct particulars_read *read, bool times, size_t first,
                            size_t last, struct err *err)
{
    char from[CIVIL_TEXT_SIZE], to[CIVIL_TEXT_SIZE];

    return err_set(
        err, ERR_CONFIG,
        "service %.*s: of requests from %s to %s the store did not keep what %s needs, because "
        "they were read before a contract asked for it; let valid_from lie behind them%s",
        STR_ARGS(read->service),
        civil_format_rfc3339((read->from_minute + (int64_t)first) * NS_PER_MINUTE, from),
        civil_format_rfc3339((read->from_minute + (int64_t)last + 1) * NS_PER_MINUTE, to),
        times ? "method total_failure_runs" : "availability.latency",
        times ? ", or measure with evaluate and times from elsewhere" : "");
}

enum err_code particulars_usable(const struct particulars_read *read,
                                 const struct contract *contract, int64_t from_s, int64_t to_s,
                                 size_t *ret_first, size_t *ret_end, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(contract);
    int64_t needed_from_s = larger(from_s, contract->valid_from_s);
    int64_t needed_to_s = smaller(to_s, contract->valid_until_s);
    size_t first_missing = SIZE_MAX, last_missing = 0;

    *ret_first = 0;
    *ret_end = read->count;
    for (size_t i = 0; i < *ret_end; i++) {
        int64_t at_s = (read->from_minute + (int64_t)i) * MINUTE_S;

        if (!is_missing(&wanted, &read->minutes[i], &read->particulars[i])) {
            continue;
        }
        if (at_s < needed_from_s) {
            *ret_first = i + 1;
        } else if (at_s >= needed_to_s) {
            *ret_end = i;
        } else {
            first_missing = first_missing == SIZE_MAX ? i : first_missing;
            last_missing = i;
        }
    }
    return first_missing == SIZE_MAX ? ERR_OK
                                     : refuse(read, wanted.times, first_missing, last_missing, err);
}

struct request_times particulars_times(const struct times_minute *times, int64_t minute)
{
    int64_t at_ns = minute * NS_PER_MINUTE;
    bool ok = times->ok > 0, failed = times->failed > 0;

    return (struct request_times){
        .first_ok_ns = ok ? at_ns + times->first_ok_ns : INT64_MIN,
        .last_ok_ns = ok ? at_ns + times->last_ok_ns : INT64_MIN,
        .first_error_ns = failed ? at_ns + times->first_failed_ns : INT64_MIN,
        .last_error_ns = failed ? at_ns + times->last_failed_ns : INT64_MIN,
    };
}

struct request_latency particulars_latency(const struct limit_minute *limit)
{
    return (struct request_latency){.known = limit->known, .over = limit->over};
}
