/* The minutes of one service: states and counts, hour by hour, and particulars where the contract asks for them. */
#include <string.h>

#include "base/check.h"
#include "jobs/statement/input_parts.h"
#include "jobs/statement/method.h"
#include "jobs/statement/particulars.h"

enum { MINUTE_S = 60 };

/* Counts speak for themselves where requests are what is measured: a minute with requests is not unknown, whatever its checks say; one without, of
 * which records were lost, is a gap, though its checks were fine. */
static enum grade grade_of(const struct input_reader *reader, const struct service_hour *hour,
                           int i)
{
    enum grade grade = (enum grade)hour->grades[i];

    if (reader->contract->availability.method == METHOD_STATE_TIME) {
        return grade;
    }
    if ((hour->counted >> i & 1) != 0) {
        return grade_row(grade)->known ? grade : GRADE_OPERATIONAL;
    }
    return (hour->incomplete >> i & 1) != 0 ? GRADE_PIPELINE_GAP : grade;
}

/* A service while its hours come in. */
struct service_reading {
    struct input_reader *reader;
    struct str service;
    int64_t from_minute, to_minute;
    struct state_row *states; /* in the arena, like the counts */
    size_t state_count, state_capacity;
    struct count_row *counts;
    size_t count_count, count_capacity;
    struct lost_time *lost; /* the last run of flagged minutes; NULL: none yet */
};

/* A list that is long already has room for all that may come: twice the room, and twice again, would be most of the work. */
enum { LONG = 4096 };

/* Room for `more` elements, at most an hour's, behind those of a list in the arena; max: of how many there may be. */
static void *grow(struct arena *arena, void *items, size_t count, size_t more, size_t *capacity,
                  size_t max, size_t size)
{
    void *grown;

    if (count + more <= *capacity) {
        return items;
    }
    *capacity = *capacity >= LONG && max > *capacity ? max : *capacity > 0 ? 2 * *capacity : 64;
    grown = arena_alloc(arena, *capacity * size);
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
}

static size_t minute_count(const struct service_reading *reading)
{
    return (size_t)(reading->to_minute - reading->from_minute);
}

/* Minutes [from_minute, to_minute) had one state. */
static void push_state(struct service_reading *reading, int64_t from_minute, int64_t to_minute,
                       enum grade grade)
{
    struct state_row *last =
        reading->state_count > 0 ? &reading->states[reading->state_count - 1] : NULL;

    if (last != NULL && last->grade == grade) {
        last->to_s = to_minute * MINUTE_S;
        return;
    }
    reading->states =
        grow(reading->reader->arena, reading->states, reading->state_count, 1,
             &reading->state_capacity, minute_count(reading), sizeof(reading->states[0]));
    reading->states[reading->state_count++] =
        (struct state_row){from_minute * MINUTE_S, to_minute * MINUTE_S, grade, false};
}

/* Minutes [first, end) of the hour. Most hours have one state from their first minute to their last. */
static void take_states(struct service_reading *reading, const struct service_hour *hour, int first,
                        int end)
{
    int64_t start = hour->hour * TALLY_MINUTES;
    size_t size = (size_t)(end - first);
    bool one = memcmp(hour->grades + first, hour->grades + first + 1, size - 1) == 0;

    if (one && (reading->reader->contract->availability.method == METHOD_STATE_TIME ||
                (hour->incomplete == 0 && grade_row((enum grade)hour->grades[first])->known))) {
        push_state(reading, start + first, start + end, (enum grade)hour->grades[first]);
        return;
    }
    for (int i = first; i < end; i++) {
        push_state(reading, start + i, start + i + 1, grade_of(reading->reader, hour, i));
    }
}

/* Whether all minutes of the hour lie on the same side of each border of what is measured, so that their sum is as good as they are. */
static bool borders_within(const struct input_reader *reader, int64_t from_s, int64_t to_s)
{
    const int64_t borders[] = {reader->from_s, reader->to_s, reader->contract->valid_from_s,
                               reader->contract->valid_until_s};

    for (size_t i = 0; i < ARRAY_COUNT(borders); i++) {
        if (borders[i] > from_s && borders[i] < to_s) {
            return true;
        }
    }
    return false;
}

/* `more` rows behind those that there are, for the caller to fill. */
static struct count_row *add_rows(struct service_reading *reading, size_t more)
{
    reading->counts = grow(reading->reader->arena, reading->counts, reading->count_count, more,
                           &reading->count_capacity, minute_count(reading) + TALLY_MINUTES,
                           sizeof(reading->counts[0]));
    reading->count_count += more;
    return &reading->counts[reading->count_count - more];
}

static struct request_counts counts_of(const struct window_minute *minute)
{
    return (struct request_counts){.records = minute->records,
                                   .total = minute->total,
                                   .errors = minute->errors,
                                   .slow = minute->slow,
                                   .no_latency = minute->no_latency};
}

/* One row for all of them, the row of the first. */
static void sum_counts(struct service_reading *reading, const struct service_hour *hour,
                       uint64_t counted)
{
    struct count_row *row = add_rows(reading, 1);
    struct window_minute sum = {0};

    row->minute_s = (hour->hour * TALLY_MINUTES + __builtin_ctzll(counted)) * MINUTE_S;
    for (; counted != 0; counted &= counted - 1) {
        window_minute_add(&sum, &hour->minutes[__builtin_ctzll(counted)]);
    }
    row->counts = counts_of(&sum);
}

static void take_counts(struct service_reading *reading, const struct service_hour *hour, int first,
                        int end)
{
    int64_t start = hour->hour * TALLY_MINUTES;
    uint64_t counted = (hour->counted & (~UINT64_C(0) >> (64 - end))) >> first << first;
    struct count_row *row;

    if (counted == 0) {
        return;
    }
    if (reading->reader->summed &&
        !borders_within(reading->reader, (start + first) * MINUTE_S, (start + end) * MINUTE_S)) {
        sum_counts(reading, hour, counted);
        return;
    }
    row = add_rows(reading, (size_t)__builtin_popcountll(counted));
    for (; counted != 0; counted &= counted - 1) {
        int i = __builtin_ctzll(counted);

        *row++ = (struct count_row){(start + i) * MINUTE_S, counts_of(&hour->minutes[i])};
    }
}

static struct lost_time *add_lost(struct input_reader *reader)
{
    reader->lost = grow(reader->arena, reader->lost, reader->lost_count, 1, &reader->lost_capacity,
                        0, sizeof(reader->lost[0]));
    return &reader->lost[reader->lost_count++];
}

/* Records of minutes [from, to) were lost. One row for each run of such minutes of the period. */
static void lose(struct service_reading *reading, int64_t from, int64_t to)
{
    struct input_reader *reader = reading->reader;

    from = from > reader->from_minute ? from : reader->from_minute;
    to = to < reader->to_minute ? to : reader->to_minute;
    if (from >= to) {
        return;
    }
    if (reading->lost == NULL || reading->lost->to_s != from * MINUTE_S) {
        reading->lost = add_lost(reader);
        *reading->lost = (struct lost_time){.service = reading->service, .from_s = from * MINUTE_S};
    }
    reading->lost->to_s = to * MINUTE_S;
}

static void take_lost(struct service_reading *reading, const struct service_hour *hour, int first,
                      int end)
{
    int64_t start = hour->hour * TALLY_MINUTES;
    uint64_t incomplete = (hour->incomplete & (~UINT64_C(0) >> (64 - end))) >> first << first;

    for (; incomplete != 0; incomplete &= incomplete - 1) {
        int64_t minute = start + __builtin_ctzll(incomplete);

        lose(reading, minute, minute + 1);
    }
}

static enum err_code take_hour(void *context, const struct service_hour *hour, struct err *err)
{
    struct service_reading *reading = context;
    int64_t start = hour->hour * TALLY_MINUTES;
    int first = reading->from_minute > start ? (int)(reading->from_minute - start) : 0;
    int end = reading->to_minute - start < TALLY_MINUTES ? (int)(reading->to_minute - start)
                                                         : TALLY_MINUTES;

    (void)err;
    take_states(reading, hour, first, end);
    if (hour->counted != 0) {
        take_counts(reading, hour, first, end);
    }
    take_lost(reading, hour, first, end);
    return ERR_OK;
}

/* Where requests may be added up, a day is as good as its hours. */
static bool whole_day(void *context, int64_t day)
{
    const struct service_reading *reading = context;

    return reading->from_minute <= day * DAY_MINUTES &&
           reading->to_minute >= (day + 1) * DAY_MINUTES &&
           !borders_within(reading->reader, day * DAY_MINUTES * MINUTE_S,
                           (day + 1) * DAY_MINUTES * MINUTE_S);
}

static enum err_code take_day(void *context, int64_t day, const struct service_day *sums,
                              struct err *err)
{
    struct service_reading *reading = context;
    int64_t start = day * DAY_MINUTES, minute = start;

    (void)err;
    for (size_t i = 0; i < sums->run_count; i++) {
        push_state(reading, minute, minute + sums->runs[i].minutes,
                   (enum grade)sums->runs[i].grade);
        minute += sums->runs[i].minutes;
    }
    if (sums->sum.records > 0) {
        *add_rows(reading, 1) = (struct count_row){start * MINUTE_S, counts_of(&sums->sum)};
    }
    for (size_t i = 0; i < sums->incomplete_count; i++) {
        lose(reading, start + sums->incomplete[i].from, start + sums->incomplete[i].to);
    }
    return ERR_OK;
}

static enum err_code read_hours(struct input_reader *reader, struct str service,
                                int64_t from_minute, int64_t to_minute,
                                struct service_input *ret_input, struct err *err)
{
    struct service_reading reading = {
        .reader = reader, .service = service, .from_minute = from_minute, .to_minute = to_minute};
    const struct windows_reading hours = {.db = reader->db,
                                          .book_id = reader->book_id,
                                          .service = service,
                                          .from_hour = from_minute / TALLY_MINUTES,
                                          .to_hour =
                                              (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES,
                                          .coverage = &reader->coverage,
                                          .take = take_hour,
                                          .whole = reader->summed ? whole_day : NULL,
                                          .take_day = reader->summed ? take_day : NULL,
                                          .context = &reading};
    enum err_code code = windows_read(&hours, err);

    *ret_input = (struct service_input){.service = service,
                                        .states = reading.states,
                                        .state_count = reading.state_count,
                                        .counts = reading.counts,
                                        .count_count = reading.count_count};
    return code;
}

/* A second pass, over whole tallies: only contracts that need them pay for it. */
static enum err_code read_particulars(const struct input_reader *reader,
                                      const struct particulars_wanted *wanted, int64_t from_minute,
                                      int64_t to_minute, struct service_input *input,
                                      struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct minute_particulars *minutes;
    enum err_code code;

    CHECK(!reader->summed);
    code = windows_particulars(reader->db, reader->book_id, input->service, from_minute, to_minute,
                               wanted->limit_count > 0 ? wanted->limits_ns[0] : 0, &scratch,
                               &minutes, err);
    if (code == ERR_OK) {
        code = particulars_take(
            &(struct particulars_read){.from_minute = from_minute, .minutes = minutes},
            reader->contract, reader->from_s, reader->to_s, reader->arena, input, err);
    }
    arena_release(&scratch);
    return code;
}

enum err_code input_service(struct input_reader *reader, struct str service, int64_t from_minute,
                            int64_t to_minute, struct service_input *ret_service, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(reader->contract);
    struct service_input input;
    enum err_code code = read_hours(reader, service, from_minute, to_minute, &input, err);

    if (code == ERR_OK && (wanted.times || wanted.limit_count > 0)) {
        code = read_particulars(reader, &wanted, from_minute, to_minute, &input, err);
    }
    if (code == ERR_OK) {
        reclassify_overlay(reader->contract, reader->reclassified, reader->reclassified_count,
                           reader->arena, &input);
        *ret_service = input;
    }
    return code;
}
