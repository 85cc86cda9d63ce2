/* The minutes of one service: as states and counts, hour by hour, or with particulars where the contract asks for them. */
#include <string.h>

#include "base/check.h"
#include "jobs/statement/input_parts.h"
#include "jobs/statement/method.h"
#include "jobs/statement/particulars.h"

enum { MINUTE_S = 60 };

/* Counts speak for themselves where requests are what is measured: a minute with requests is not unknown, whatever its checks say; one without, of
 * which records were lost, is a gap, though its checks were fine. */
static enum grade grade_of(const struct input_reader *reader, const struct minute *minute)
{
    if (reader->contract->availability.method == METHOD_STATE_TIME) {
        return minute->grade;
    }
    if (minute->counted) {
        return grade_row(minute->grade)->known ? minute->grade : GRADE_OPERATIONAL;
    }
    return minute->incomplete ? GRADE_PIPELINE_GAP : minute->grade;
}

static struct lost_time *add_lost(struct input_reader *reader)
{
    if (reader->lost_count == reader->lost_capacity) {
        size_t capacity = reader->lost_capacity > 0 ? 2 * reader->lost_capacity : 8;
        struct lost_time *grown = arena_calloc(reader->arena, capacity, sizeof(*grown));

        if (reader->lost_count > 0) {
            memcpy(grown, reader->lost, reader->lost_count * sizeof(*grown));
        }
        reader->lost = grown;
        reader->lost_capacity = capacity;
    }
    return &reader->lost[reader->lost_count++];
}

/* One row for each run of flagged minutes. */
static void read_lost(struct input_reader *reader, struct str service, const struct minute *minutes,
                      int64_t from_minute, int64_t to_minute)
{
    struct lost_time *open = NULL;

    for (int64_t m = from_minute; m < to_minute; m++) {
        if (m < reader->from_minute || m >= reader->to_minute ||
            !minutes[m - from_minute].incomplete) {
            open = NULL;
            continue;
        }
        if (open == NULL) {
            open = add_lost(reader);
            *open = (struct lost_time){.service = service, .from_s = m * MINUTE_S};
        }
        open->to_s = (m + 1) * MINUTE_S;
    }
}

/* Runs of minutes with one state. */
static void read_states(const struct input_reader *reader, const struct particulars_read *read,
                        struct service_input *input)
{
    struct state_row *states = arena_calloc(reader->arena, read->count + 1, sizeof(states[0]));

    for (size_t i = 0; i < read->count; i++) {
        int64_t at_s = (read->from_minute + (int64_t)i) * MINUTE_S;
        enum grade grade = grade_of(reader, &read->minutes[i]);

        if (input->state_count > 0 && states[input->state_count - 1].grade == grade) {
            states[input->state_count - 1].to_s = at_s + MINUTE_S;
        } else {
            states[input->state_count++] = (struct state_row){at_s, at_s + MINUTE_S, grade, false};
        }
    }
    input->states = states;
}

static struct count_row count_row_of(int64_t minute, const struct window_minute *counts)
{
    return (struct count_row){minute * MINUTE_S,
                              {.records = counts->records,
                               .total = counts->total,
                               .errors = counts->errors,
                               .slow = counts->slow,
                               .no_latency = counts->no_latency}};
}

/* Minutes [first, end) of those that were read, with what the contract's method needs of each. */
static void read_counts(const struct input_reader *reader, const struct particulars_read *read,
                        size_t first, size_t end, struct service_input *input)
{
    struct particulars_wanted wanted = contract_wanted(reader->contract);
    struct count_row *counts = arena_calloc(reader->arena, read->count + 1, sizeof(counts[0]));
    struct request_times *times =
        wanted.times ? arena_calloc(reader->arena, read->count + 1, sizeof(times[0])) : NULL;
    struct request_latency *latencies =
        wanted.limit_count > 0 ? arena_calloc(reader->arena, read->count + 1, sizeof(latencies[0]))
                               : NULL;

    for (size_t i = first; i < end; i++) {
        int64_t minute = read->from_minute + (int64_t)i;

        if (!read->minutes[i].counted) {
            continue;
        }
        if (times != NULL) {
            times[input->count_count] = particulars_times(&read->particulars[i].times, minute);
        }
        if (latencies != NULL) {
            latencies[input->count_count] = particulars_latency(&read->particulars[i].limit);
        }
        counts[input->count_count++] = count_row_of(minute, &read->minutes[i].counts);
    }
    input->counts = counts;
    input->times = times;
    input->latencies = latencies;
}

static enum err_code read_minutes(const struct input_reader *reader, struct str service,
                                  int64_t from_minute, int64_t to_minute, struct arena *scratch,
                                  struct particulars_read *ret_read, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(reader->contract);
    struct minute *minutes = NULL;
    struct minute_particulars *particulars = NULL;
    enum err_code code = windows_particulars(
        reader->db, reader->book_id, service, from_minute, to_minute,
        wanted.limit_count > 0 ? wanted.limits_ns[0] : 0, scratch, &minutes, &particulars, err);

    *ret_read = (struct particulars_read){.service = service,
                                          .from_minute = from_minute,
                                          .minutes = minutes,
                                          .particulars = particulars,
                                          .count = (size_t)(to_minute - from_minute)};
    return code;
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
    struct lost_time *lost; /* the run of flagged minutes that goes on; NULL: none */
};

/* Room for one more element of a list in the arena. */
static void *grow(struct arena *arena, void *items, size_t count, size_t *capacity, size_t size)
{
    void *grown;

    if (count < *capacity) {
        return items;
    }
    *capacity = *capacity > 0 ? 2 * *capacity : 64;
    grown = arena_alloc(arena, *capacity * size);
    if (count > 0) {
        memcpy(grown, items, count * size);
    }
    return grown;
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
    reading->states = grow(reading->reader->arena, reading->states, reading->state_count,
                           &reading->state_capacity, sizeof(reading->states[0]));
    reading->states[reading->state_count++] =
        (struct state_row){from_minute * MINUTE_S, to_minute * MINUTE_S, grade, false};
}

static enum grade grade_of_minute(const struct service_reading *reading,
                                  const struct service_hour *hour, int i)
{
    struct minute minute = {.grade = (enum grade)hour->grades[i],
                            .counted = (hour->counted >> i & 1) != 0,
                            .incomplete = (hour->incomplete >> i & 1) != 0};

    return grade_of(reading->reader, &minute);
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
        push_state(reading, start + i, start + i + 1, grade_of_minute(reading, hour, i));
    }
}

static void add_counts(struct request_counts *sum, const struct window_minute *minute)
{
    sum->records += minute->records;
    sum->total += minute->total;
    sum->errors += minute->errors;
    sum->slow += minute->slow;
    sum->no_latency += minute->no_latency;
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

static struct count_row *add_count(struct service_reading *reading, int64_t minute)
{
    struct count_row *row;

    reading->counts = grow(reading->reader->arena, reading->counts, reading->count_count,
                           &reading->count_capacity, sizeof(reading->counts[0]));
    row = &reading->counts[reading->count_count++];
    *row = (struct count_row){.minute_s = minute * MINUTE_S};
    return row;
}

static void take_counts(struct service_reading *reading, const struct service_hour *hour, int first,
                        int end)
{
    int64_t start = hour->hour * TALLY_MINUTES;
    bool summed =
        reading->reader->summed &&
        !borders_within(reading->reader, (start + first) * MINUTE_S, (start + end) * MINUTE_S);
    uint64_t counted = (hour->counted & (~UINT64_C(0) >> (64 - end))) >> first << first;
    struct count_row *row = NULL;

    for (; counted != 0; counted &= counted - 1) {
        int i = __builtin_ctzll(counted);

        row = row != NULL && summed ? row : add_count(reading, start + i);
        add_counts(&row->counts, &hour->minutes[i]);
    }
}

/* One row for each run of flagged minutes of the period. */
static void take_lost(struct service_reading *reading, const struct service_hour *hour, int first,
                      int end)
{
    struct input_reader *reader = reading->reader;

    for (int i = first; i < end; i++) {
        int64_t minute = hour->hour * TALLY_MINUTES + i;

        if (minute < reader->from_minute || minute >= reader->to_minute ||
            (hour->incomplete >> i & 1) == 0) {
            reading->lost = NULL;
            continue;
        }
        if (reading->lost == NULL) {
            reading->lost = add_lost(reader);
            *reading->lost =
                (struct lost_time){.service = reading->service, .from_s = minute * MINUTE_S};
        }
        reading->lost->to_s = (minute + 1) * MINUTE_S;
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
    if (hour->incomplete != 0 || reading->lost != NULL) {
        take_lost(reading, hour, first, end);
    }
    return ERR_OK;
}

static enum err_code read_hours(struct input_reader *reader, struct str service,
                                int64_t from_minute, int64_t to_minute,
                                struct service_input *ret_input, struct err *err)
{
    struct service_reading reading = {
        .reader = reader, .service = service, .from_minute = from_minute, .to_minute = to_minute};
    enum err_code code =
        windows_hours(reader->db, reader->book_id, service, from_minute / TALLY_MINUTES,
                      (to_minute + TALLY_MINUTES - 1) / TALLY_MINUTES, &reader->coverage, take_hour,
                      &reading, err);

    *ret_input = (struct service_input){.service = service,
                                        .states = reading.states,
                                        .state_count = reading.state_count,
                                        .counts = reading.counts,
                                        .count_count = reading.count_count};
    return code;
}

/* With what the contract's method needs of each minute beyond its counts. */
static enum err_code read_particulars(struct input_reader *reader, struct str service,
                                      int64_t from_minute, int64_t to_minute,
                                      struct service_input *ret_input, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct particulars_read read;
    size_t first = 0, end = 0;
    enum err_code code =
        read_minutes(reader, service, from_minute, to_minute, &scratch, &read, err);

    *ret_input = (struct service_input){.service = service};
    if (code == ERR_OK) {
        code = particulars_usable(&read, reader->contract, reader->from_s, reader->to_s, &first,
                                  &end, err);
    }
    if (code == ERR_OK) {
        code = windows_cover(reader->db, reader->book_id, TALLY_WINDOW, service, &reader->coverage,
                             err);
    }
    if (code == ERR_OK) {
        read_states(reader, &read, ret_input);
        read_counts(reader, &read, first, end, ret_input);
        read_lost(reader, service, read.minutes, from_minute, to_minute);
    }
    arena_release(&scratch);
    return code;
}

enum err_code input_service(struct input_reader *reader, struct str service, int64_t from_minute,
                            int64_t to_minute, struct service_input *ret_service, struct err *err)
{
    struct particulars_wanted wanted = contract_wanted(reader->contract);
    struct service_input input;
    enum err_code code =
        wanted.times || wanted.limit_count > 0
            ? read_particulars(reader, service, from_minute, to_minute, &input, err)
            : read_hours(reader, service, from_minute, to_minute, &input, err);

    if (code == ERR_OK) {
        code = windows_cover(reader->db, reader->book_id, TALLY_CHECK, service, &reader->coverage,
                             err);
    }
    if (code == ERR_OK) {
        reclassify_overlay(reader->contract, reader->reclassified, reader->reclassified_count,
                           reader->arena, &input);
        *ret_service = input;
    }
    return code;
}
