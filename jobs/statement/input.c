#include "jobs/statement/input.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/fold.h"
#include "aggregator/windows.h"
#include "base/check.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/method.h"
#include "jobs/statement/particulars.h"

enum { MINUTE_S = 60, HOUR_S = 3600 };

struct reader {
    struct db *db;
    int64_t book_id;
    const struct contract *contract;
    struct arena *arena;
    int64_t from_s, to_s;           /* of the period, and */
    int64_t from_minute, to_minute; /* its minutes */
    struct lost_time *lost;         /* grows in the arena */
    size_t lost_count, lost_capacity;
    struct reclassification *reclassified; /* of all services, around the period too */
    size_t reclassified_count;
    bool summed;                     /* requests of adjoining minutes may stand in one row */
    struct offset_coverage coverage; /* of the period's hours, all services */
};

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

static int64_t ceil_to(int64_t value, int64_t unit)
{
    return value / unit + (value % unit > 0);
}

/* Counts speak for themselves where requests are what is measured: a minute with requests is not unknown, whatever its checks say; one without, of
 * which records were lost, is a gap, though its checks were fine. */
static enum grade grade_of(const struct reader *reader, const struct minute *minute)
{
    if (reader->contract->availability.method == METHOD_STATE_TIME) {
        return minute->grade;
    }
    if (minute->counted) {
        return grade_row(minute->grade)->known ? minute->grade : GRADE_OPERATIONAL;
    }
    return minute->incomplete ? GRADE_PIPELINE_GAP : minute->grade;
}

static struct lost_time *add_lost(struct reader *reader)
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
static void read_lost(struct reader *reader, struct str service, const struct minute *minutes,
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
static void read_states(const struct reader *reader, const struct particulars_read *read,
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
static void read_counts(const struct reader *reader, const struct particulars_read *read,
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

static enum err_code read_minutes(const struct reader *reader, struct str service,
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
    struct reader *reader;
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
static bool borders_within(const struct reader *reader, int64_t from_s, int64_t to_s)
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
    struct reader *reader = reading->reader;

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

static enum err_code read_hours(struct reader *reader, struct str service, int64_t from_minute,
                                int64_t to_minute, struct service_input *ret_input, struct err *err)
{
    struct service_reading reading = {
        .reader = reader, .service = service, .from_minute = from_minute, .to_minute = to_minute};
    enum err_code code = windows_hours(
        reader->db, reader->book_id, service, from_minute / TALLY_MINUTES,
        ceil_to(to_minute, TALLY_MINUTES), &reader->coverage, take_hour, &reading, err);

    *ret_input = (struct service_input){.service = service,
                                        .states = reading.states,
                                        .state_count = reading.state_count,
                                        .counts = reading.counts,
                                        .count_count = reading.count_count};
    return code;
}

/* With what the contract's method needs of each minute beyond its counts. */
static enum err_code read_particulars(struct reader *reader, struct str service,
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

static enum err_code read_service(struct reader *reader, struct str service, int64_t from_minute,
                                  int64_t to_minute, struct service_input *ret_service,
                                  struct err *err)
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

/* Whether hours of the service before to_hour still wait for a grade: those marked, and those behind its last graded one. */
static enum err_code find_ungraded(struct db *db, int64_t book_id, struct str service, int64_t to_s,
                                   bool *ret_ungraded, struct err *err)
{
    int64_t to_hour = ceil_to(to_s, HOUR_S);
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db,
                   "SELECT (SELECT COUNT(*) FROM regrade WHERE book_id = $1 AND service = $2"
                   " AND hour < $3) + (SELECT COUNT(*) FROM service WHERE book_id = $1"
                   " AND service = $2 AND first_minute < $3 * 60 AND NOT EXISTS"
                   " (SELECT 1 FROM grade_hour WHERE book_id = $1 AND service = $2 AND"
                   " hour >= $3 - 1))",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_int64(stmt, 3, to_hour);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row && db_column_int64(stmt, 0) > 0) {
        *ret_ungraded = true;
    }
    db_reset(stmt);
    return code;
}

enum err_code input_complete(struct db *db, int64_t book_id, const struct contract *contract,
                             int64_t to_s, bool *ret_complete, bool *ret_ungraded, struct err *err)
{
    int64_t before_s, after_s, complete_ns;
    enum err_code code = fold_complete_until(db, book_id, &complete_ns, err);

    engine_context_s(contract, &before_s, &after_s);
    *ret_ungraded = false;
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        code = find_ungraded(db, book_id, contract->services[i], to_s + after_s, ret_ungraded, err);
    }
    if (code == ERR_OK) {
        bool folded = complete_ns / NS_PER_SECOND >= to_s + after_s;

        *ret_complete = folded && !*ret_ungraded;
        *ret_ungraded = folded && *ret_ungraded; /* what is not read yet cannot have been graded */
    }
    return code;
}

static enum err_code first_minute_of(struct db *db, int64_t book_id, struct str service,
                                     int64_t *minimum, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        db, "SELECT first_minute FROM service WHERE book_id = $1 AND service = $2", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && row && db_column_int64(stmt, 0) < *minimum) {
        *minimum = db_column_int64(stmt, 0);
    }
    db_reset(stmt);
    return code;
}

enum err_code input_first_minute(struct db *db, int64_t book_id, const struct contract *contract,
                                 int64_t *ret_minute, struct err *err)
{
    enum err_code code = ERR_OK;

    *ret_minute = INT64_MAX;
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        code = first_minute_of(db, book_id, contract->services[i], ret_minute, err);
    }
    return code;
}

static enum err_code read_announcements(const struct reader *reader, int64_t from_s, int64_t to_s,
                                        struct engine_input *engine, struct err *err)
{
    struct announcement *rows = NULL;
    struct announcement_input *announcements;
    size_t count = 0;
    enum err_code code = announce_list(reader->db, from_s * NS_PER_SECOND, to_s * NS_PER_SECOND,
                                       reader->arena, &rows, &count, err);

    if (code != ERR_OK) {
        return code;
    }
    announcements = arena_calloc(reader->arena, count + 1, sizeof(announcements[0]));
    for (size_t i = 0; i < count; i++) {
        announcements[i] = (struct announcement_input){
            .id = rows[i].id,
            .service = rows[i].service,
            .from_ns = rows[i].from_ns,
            .to_ns = rows[i].to_ns,
            .announced_ns = rows[i].announced_ns,
            .author = rows[i].author,
            .reason = rows[i].reason,
            .cancelled = rows[i].cancelled_by != 0,
        };
    }
    engine->announcements = announcements;
    engine->announcement_count = count;
    return ERR_OK;
}

static enum err_code describe_stream(const struct reader *reader, int64_t stream_id,
                                     struct covered_partition *partition, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(
        reader->db, "SELECT cluster_name, topic, incarnation FROM stream WHERE stream_id = $1",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, stream_id);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && !row) {
        code = err_set(err, ERR_MISMATCH, "windows name a stream that is not there");
    }
    if (code == ERR_OK) {
        partition->cluster = arena_str(reader->arena, db_column_text(stmt, 0));
        partition->topic = arena_str(reader->arena, db_column_text(stmt, 1));
        partition->incarnation = db_column_int64(stmt, 2);
    }
    db_reset(stmt);
    return code;
}

static enum err_code count_dead_letters(const struct reader *reader,
                                        const struct offset_range *range,
                                        struct covered_partition *partition, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(reader->db,
                   "SELECT COUNT(*) FROM dead_letter WHERE book_id = $1 AND stream_id = $2"
                   " AND partition_id = $3 AND record_offset >= $4 AND record_offset <= $5"
                   " AND resolved_by IS NULL",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, reader->book_id);
    db_bind_int64(stmt, 2, range->stream_id);
    db_bind_int64(stmt, 3, range->partition);
    db_bind_int64(stmt, 4, range->low);
    db_bind_int64(stmt, 5, range->high);
    code = db_step(stmt, &row, err);
    partition->dead_letters = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

static int by_topic(const void *a, const void *b)
{
    const struct covered_partition *x = a;
    const struct covered_partition *y = b;
    int order = str_compare(x->cluster, y->cluster);

    order = order != 0 ? order : str_compare(x->topic, y->topic);
    if (order != 0) {
        return order;
    }
    if (x->incarnation != y->incarnation) {
        return x->incarnation < y->incarnation ? -1 : 1;
    }
    return (x->partition > y->partition) - (x->partition < y->partition);
}

static enum err_code read_partitions(const struct reader *reader, struct statement_input *input,
                                     struct err *err)
{
    const struct offset_range *ranges = reader->coverage.ranges;
    size_t count = reader->coverage.count;
    enum err_code code = ERR_OK;

    input->partitions = arena_calloc(reader->arena, count + 1, sizeof(input->partitions[0]));
    input->partition_count = count;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct covered_partition *partition = &input->partitions[i];

        partition->partition = ranges[i].partition;
        partition->low = ranges[i].low;
        partition->high = ranges[i].high;
        code = describe_stream(reader, ranges[i].stream_id, partition, err);
        if (code == ERR_OK) {
            code = count_dead_letters(reader, &ranges[i], partition, err);
        }
    }
    /* Numbers of streams are of this store only; names are what a reader knows. */
    qsort(input->partitions, count, sizeof(input->partitions[0]), by_topic);
    return code;
}

static bool names(const struct contract *contract, struct str service)
{
    for (size_t i = 0; i < contract->service_count; i++) {
        if (str_equal(contract->services[i], service)) {
            return true;
        }
    }
    return false;
}

/* What the statement lists: also what was withdrawn, or says nothing to the contract's method. */
static void pick_reclassified(const struct reader *reader, int64_t from_s, int64_t to_s,
                              struct statement_input *input)
{
    input->reclassified =
        arena_calloc(reader->arena, reader->reclassified_count + 1, sizeof(input->reclassified[0]));
    for (size_t i = 0; i < reader->reclassified_count; i++) {
        const struct reclassification *row = &reader->reclassified[i];

        if (row->from_s < to_s && row->to_s > from_s && names(reader->contract, row->service)) {
            input->reclassified[input->reclassified_count++] = *row;
        }
    }
}

static enum err_code read_input(struct db *db, int64_t book_id, const struct contract *contract,
                                int64_t from_s, int64_t to_s, bool summed, struct arena *arena,
                                struct statement_input *ret_input, struct err *err)
{
    struct reader reader = {
        .db = db,
        .book_id = book_id,
        .contract = contract,
        .arena = arena,
        .from_s = from_s,
        .to_s = to_s,
        .from_minute = floor_to(from_s, MINUTE_S),
        .to_minute = ceil_to(to_s, MINUTE_S),
        .summed = summed,
        .coverage = {.from_hour = floor_to(from_s, HOUR_S), .to_hour = ceil_to(to_s, HOUR_S)}};
    struct statement_input input = {.engine = {.contract = contract,
                                               .from_s = from_s,
                                               .to_s = to_s,
                                               .service_count = contract->service_count}};
    struct service_input *services =
        arena_calloc(arena, contract->service_count, sizeof(services[0]));
    int64_t before_s, after_s, from_minute, to_minute;
    enum err_code code = fold_complete_until(db, book_id, &input.complete_ns, err);

    CHECK(from_s < to_s);
    engine_context_s(contract, &before_s, &after_s);
    from_minute = floor_to(from_s - before_s, MINUTE_S);
    from_minute = from_minute > 0 ? from_minute : 0;
    to_minute = ceil_to(to_s + after_s, MINUTE_S);
    if (code == ERR_OK) {
        code = reclassify_list(db, STR(""), from_minute * MINUTE_S, to_minute * MINUTE_S, arena,
                               &reader.reclassified, &reader.reclassified_count, err);
    }
    for (size_t i = 0; i < contract->service_count && code == ERR_OK; i++) {
        code =
            read_service(&reader, contract->services[i], from_minute, to_minute, &services[i], err);
    }
    if (code == ERR_OK) {
        code = input_complete(db, book_id, contract, to_s, &input.complete, &input.ungraded, err);
    }
    if (code == ERR_OK) {
        code = read_announcements(&reader, from_s, to_s, &input.engine, err);
    }
    if (code == ERR_OK) {
        code = read_partitions(&reader, &input, err);
    }
    if (code == ERR_OK) {
        input.engine.services = services;
        input.lost = reader.lost;
        input.lost_count = reader.lost_count;
        pick_reclassified(&reader, from_s, to_s, &input);
        *ret_input = input;
    }
    offset_coverage_release(&reader.coverage);
    return code;
}

enum err_code input_read(struct db *db, int64_t book_id, const struct contract *contract,
                         int64_t from_s, int64_t to_s, struct arena *arena,
                         struct statement_input *ret_input, struct err *err)
{
    return read_input(db, book_id, contract, from_s, to_s, false, arena, ret_input, err);
}

enum err_code input_read_summed(struct db *db, int64_t book_id, const struct contract *contract,
                                int64_t from_s, int64_t to_s, struct arena *arena,
                                struct statement_input *ret_input, struct err *err)
{
    bool summed = contract->availability.method == METHOD_STATE_TIME &&
                  !contract->latency.present && contract->hours == NULL;

    return read_input(db, book_id, contract, from_s, to_s, summed, arena, ret_input, err);
}
