#include "jobs/statement/cause.h"

#include <inttypes.h>

#include "aggregator/grade_hour.h"
#include "aggregator/grade_load.h"
#include "aggregator/grade_rows.h"
#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/wording.h"

enum { MINUTE_S = 60, PERCENT_DIGITS = 1 };

static void take_requests(const struct grading_rules *rules, const struct request_counts *counts,
                          struct cause *cause)
{
    struct window_minute minute = {
        .total = counts->total, .errors = counts->errors, .slow = counts->slow};
    enum grade grade = GRADE_OPERATIONAL;

    cause->request_minutes++;
    cause->total += counts->total;
    cause->errors += counts->errors;
    cause->slow += counts->slow;
    if (raw_grade_requests(&minute, rules, &grade)) {
        cause->major_errors += grade == GRADE_MAJOR;
        cause->partial_errors += grade == GRADE_PARTIAL;
        cause->degraded_slow += grade == GRADE_DEGRADED;
    }
}

static void read_requests(const struct grading_rules *rules, const struct service_input *service,
                          const struct stretch *stretch, struct cause *cause)
{
    size_t low = 0, high = service->count_count;

    /* The first row that is not before the stretch. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (service->counts[middle].minute_s * NS_PER_SECOND < stretch->from_ns) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < service->count_count &&
           service->counts[low].minute_s * NS_PER_SECOND < stretch->to_ns;
         low++) {
        take_requests(rules, &service->counts[low].counts, cause);
        if (service->latencies != NULL) {
            cause->known += service->latencies[low].known;
            cause->over += service->latencies[low].over;
        }
    }
}

static void take_checks(const struct grading_rules *rules, const struct check_counts *counts,
                        struct cause *cause)
{
    int64_t instances = counts->healthy + counts->warned + counts->failed + counts->unknown;
    enum grade grade = GRADE_OPERATIONAL;

    if (!raw_grade_checks(counts, rules, &grade)) {
        return;
    }
    cause->checks_bad += grade == GRADE_MAJOR || grade == GRADE_PARTIAL;
    cause->checks_warned += grade == GRADE_DEGRADED;
    cause->checks_unknown += grade == GRADE_PROBE_DOWN;
    if (counts->failed > cause->failed_max || instances > cause->instances_max) {
        cause->quorum = rules->quorum > 0 ? rules->quorum : instances / 2 + 1;
    }
    cause->failed_max = counts->failed > cause->failed_max ? counts->failed : cause->failed_max;
    cause->instances_max = instances > cause->instances_max ? instances : cause->instances_max;
}

/* One group of stretches and what is found of it. */
struct asking {
    const struct cause_reader *reader;
    struct str service;
    const struct grading_rules *rules;
    const struct stretch *stretches;
    size_t count;
    struct cause *causes;
    struct grade_load load;
};

/* Gives the minutes of an hour to the stretches that they lie in. */
static void spread(struct asking *asking, int64_t hour, const struct check_counts *seen)
{
    size_t at = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        int64_t minute_ns = (hour * TALLY_MINUTES + i) * NS_PER_MINUTE;

        while (at < asking->count && asking->stretches[at].to_ns <= minute_ns) {
            at++;
        }
        if (at < asking->count && asking->stretches[at].from_ns <= minute_ns) {
            take_checks(asking->rules, &seen[i], &asking->causes[at]);
        }
    }
}

/* What the checks of each minute of an hour said: the hour is graded again, from what the hour before carried into it. */
static enum err_code read_hour(struct asking *asking, int64_t hour, struct err *err)
{
    struct grade_rows rows = {.db = asking->reader->db, .book_id = asking->reader->book_id};
    struct check_counts seen[TALLY_MINUTES] = {0};
    struct grade_hour_input input;
    struct arena arena = ARENA_INIT;
    struct strbuf before, after;
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
    enum err_code code;

    strbuf_init(&before, CARRIED_SIZE_MAX);
    strbuf_init(&after, CARRIED_SIZE_MAX);
    code = grade_rows_carried(&rows, asking->service, hour - 1, &before, err);
    if (code == ERR_OK) {
        code = grade_load_hour(&asking->load, asking->service, hour, &arena, &input, err);
    }
    if (code == ERR_OK) {
        input.closed_minutes = TALLY_MINUTES;
        input.seen = seen;
        code = grade_hour(strbuf_view(&before), &input, asking->rules, &arena, grades, &incomplete,
                          &after, err);
    }
    if (code == ERR_OK) {
        spread(asking, hour, seen);
    }
    strbuf_release(&before);
    strbuf_release(&after);
    arena_release(&arena);
    return code;
}

/* Checks decide nothing in time without a state, and where requests are all that counts. */
static bool asks_checks(const struct stretch *stretch)
{
    return stretch->raw == GRADE_PROBE_DOWN ||
           (grade_row(stretch->raw)->known && stretch->raw != GRADE_OPERATIONAL);
}

/* Each hour of the stretches that ask is graded once. */
static enum err_code read_checks(struct asking *asking, struct err *err)
{
    int64_t next_hour = INT64_MIN;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < asking->count && code == ERR_OK; i++) {
        const struct stretch *stretch = &asking->stretches[i];
        int64_t hour = tally_hour(stretch->from_ns);

        for (hour = hour > next_hour ? hour : next_hour;
             asks_checks(stretch) && hour * NS_PER_HOUR < stretch->to_ns && code == ERR_OK;
             hour++) {
            code = read_hour(asking, hour, err);
            next_hour = hour + 1;
        }
    }
    return code;
}

enum err_code cause_read(const struct cause_reader *reader, const struct service_input *service,
                         const struct stretch *stretches, size_t count, struct cause *ret_causes,
                         struct err *err)
{
    struct asking asking = {.reader = reader,
                            .service = service->service,
                            .rules = reader->rules(reader->context, service->service),
                            .stretches = stretches,
                            .count = count,
                            .causes = ret_causes};
    struct arena arena = ARENA_INIT;
    enum err_code code = grade_load_open(reader->db, reader->book_id, &arena, &asking.load, err);

    for (size_t i = 0; i < count; i++) {
        ret_causes[i] = (struct cause){.minutes = (stretches[i].to_ns - 1) / NS_PER_MINUTE -
                                                  (stretches[i].from_ns - 1) / NS_PER_MINUTE};
        read_requests(asking.rules, service, &stretches[i], &ret_causes[i]);
    }
    if (code == ERR_OK) {
        code = read_checks(&asking, err);
    }
    arena_release(&arena);
    return code;
}

void cause_add(struct cause *into, const struct cause *from)
{
    into->minutes += from->minutes;
    into->request_minutes += from->request_minutes;
    into->total += from->total;
    into->errors += from->errors;
    into->slow += from->slow;
    into->known += from->known;
    into->over += from->over;
    into->major_errors += from->major_errors;
    into->partial_errors += from->partial_errors;
    into->degraded_slow += from->degraded_slow;
    into->checks_bad += from->checks_bad;
    into->checks_warned += from->checks_warned;
    into->checks_unknown += from->checks_unknown;
    if (from->failed_max > into->failed_max || from->instances_max > into->instances_max) {
        into->quorum = from->quorum;
    }
    into->failed_max = from->failed_max > into->failed_max ? from->failed_max : into->failed_max;
    into->instances_max =
        from->instances_max > into->instances_max ? from->instances_max : into->instances_max;
}

static const char *count(struct arena *arena, int64_t number)
{
    return wording_integer(arena, number);
}

static const char *minutes(struct arena *arena, int64_t number)
{
    return arena_format(arena, "%s minute%s", count(arena, number), number == 1 ? "" : "s");
}

static const char *requests_line(const struct cause *cause, struct arena *arena)
{
    const char *share = wording_percent_floor(
        arena, fraction_of(arena, rational_make(cause->errors, cause->total)), PERCENT_DIGITS);

    return arena_format(arena, "%s of %s requests failed (%s %%), %s slow",
                        count(arena, cause->errors), count(arena, cause->total), share,
                        count(arena, cause->slow));
}

/* What the contract's percentile of latency is held against. */
static const char *latency_line(const struct cause *cause, const struct contract *contract,
                                struct arena *arena)
{
    const struct availability *terms = &contract->availability;
    struct rational share;

    if (!terms->percentile.present || cause->known == 0) {
        return NULL;
    }
    share = rational_make(cause->over, cause->known);
    return arena_format(
        arena, "%s of %s good requests took longer than %s (%s %%), %s may",
        count(arena, cause->over), count(arena, cause->known),
        wording_latency(arena, terms->below_ns),
        wording_percent_floor(arena, fraction_of(arena, share), PERCENT_DIGITS),
        wording_percent(arena, rational_subtract(rational_make(1, 1), terms->percentile.value)));
}

/* The limits of the service's grading that were reached, and in how many minutes. */
static const char *limits_line(const struct cause *cause, const struct grading_rules *rules,
                               struct arena *arena)
{
    const struct {
        int64_t minutes;
        const char *what;
        struct rational limit;
    } limits[] = {{cause->major_errors, "major_errors", rules->major_errors},
                  {cause->partial_errors, "partial_errors", rules->partial_errors},
                  {cause->degraded_slow, "degraded_slow", rules->degraded_slow}};
    const char *line = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        if (limits[i].minutes > 0) {
            line = arena_format(arena, "%s%s%s reached in %s",
                                line != NULL ? line : "limits: ", line != NULL ? ", " : "",
                                arena_format(arena, "%s %s", limits[i].what,
                                             wording_percent(arena, limits[i].limit)),
                                minutes(arena, limits[i].minutes));
        }
    }
    return line;
}

static const char *checks_line(const struct cause *cause, struct arena *arena)
{
    int64_t spoke = cause->checks_bad + cause->checks_warned + cause->checks_unknown;
    const char *what = cause->checks_bad > 0       ? "too few healthy"
                       : cause->checks_unknown > 0 ? "nobody could tell"
                                                   : "warned";

    if (spoke == 0) {
        return NULL;
    }
    return arena_format(arena, "checks: at worst %s of %s instance%s failed, %s needed; %s in %s",
                        count(arena, cause->failed_max), count(arena, cause->instances_max),
                        cause->instances_max == 1 ? "" : "s", count(arena, cause->quorum), what,
                        minutes(arena, spoke));
}

size_t cause_lines(const struct cause *cause, const struct contract *contract,
                   const struct grading_rules *rules, struct arena *arena,
                   const char *ret_lines[CAUSE_LINES_MAX])
{
    const char *latency = latency_line(cause, contract, arena);
    const char *limits = limits_line(cause, rules, arena);
    const char *checks = checks_line(cause, arena);
    size_t lines = 0;

    if (cause->total > 0) {
        ret_lines[lines++] = requests_line(cause, arena);
    }
    if (latency != NULL) {
        ret_lines[lines++] = latency;
    }
    if (limits != NULL) {
        ret_lines[lines++] = limits;
    }
    if (checks != NULL) {
        ret_lines[lines++] = checks;
    }
    CHECK(lines <= CAUSE_LINES_MAX);
    return lines;
}
