#include "jobs/statement/input.h"

#include <stdlib.h>

#include "aggregator/fold.h"
#include "aggregator/windows.h"
#include "base/check.h"
#include "jobs/statement/announce.h"
#include "jobs/statement/input_parts.h"
#include "jobs/statement/method.h"

enum { MINUTE_S = 60, HOUR_S = 3600 };

static int64_t floor_to(int64_t value, int64_t unit)
{
    return value / unit - (value % unit < 0);
}

static int64_t ceil_to(int64_t value, int64_t unit)
{
    return value / unit + (value % unit > 0);
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

static enum err_code read_announcements(const struct input_reader *reader, int64_t from_s,
                                        int64_t to_s, struct engine_input *engine, struct err *err)
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

static enum err_code describe_stream(const struct input_reader *reader, int64_t stream_id,
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

static enum err_code count_dead_letters(const struct input_reader *reader,
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

static enum err_code read_partitions(const struct input_reader *reader,
                                     struct statement_input *input, struct err *err)
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
static void pick_reclassified(const struct input_reader *reader, int64_t from_s, int64_t to_s,
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
    struct input_reader reader = {
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
        code = input_service(&reader, contract->services[i], from_minute, to_minute, &services[i],
                             err);
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
