#include "jobs/evaluate/minutes.h"

#include "base/check.h"
#include "base/memory.h"

/* Twenty MiB of rows, as many for their packed runs; thousand runs are four thousand service-months. */
const struct sorter_options minutes_sorting = {
    .rows_max = 1 << 18, .runs_max = 1024, .read_size = 32 * 1024};

enum { ROWS_FIRST = 4096, SERVICE_SHIFT = 32, VALUES_OF_COUNTS = 3, VALUES_OF_TIMES = 4 };
#define MINUTE_BIAS (INT64_C(1) << 31)

/* Gathers the rows of one service. */
struct gatherer {
    const struct windows *windows;
    const struct minutes_sink *sink;
    bool any; /* a row was put in */
    struct window_row last;
    struct count_row *rows;      /* owned */
    struct request_times *times; /* owned; NULL unless they are needed */
    size_t count, room;
    bool *given; /* owned; by service: it had its turn */
};

static void gatherer_init(struct gatherer *gatherer, const struct windows *windows,
                          const struct minutes_sink *sink)
{
    *gatherer = (struct gatherer){.windows = windows, .sink = sink};
    gatherer->given = memory_calloc(roster_count(windows->roster), sizeof(gatherer->given[0]));
}

static void gatherer_release(struct gatherer *gatherer)
{
    memory_free(gatherer->rows);
    memory_free(gatherer->times);
    memory_free(gatherer->given);
}

static void grow(struct gatherer *gatherer)
{
    gatherer->room = gatherer->room > 0 ? 2 * gatherer->room : ROWS_FIRST;
    gatherer->rows = memory_resize(gatherer->rows, gatherer->room, sizeof(gatherer->rows[0]));
    if (gatherer->windows->times) {
        gatherer->times =
            memory_resize(gatherer->times, gatherer->room, sizeof(gatherer->times[0]));
    }
}

static void give(struct gatherer *gatherer)
{
    if (gatherer->any) {
        gatherer->given[gatherer->last.service] = true;
        gatherer->sink->give(gatherer->sink->context,
                             &(struct minutes_of_service){.service = gatherer->last.service,
                                                          .rows = gatherer->rows,
                                                          .times = gatherer->times,
                                                          .count = gatherer->count});
    }
    gatherer->count = 0;
}

/* Whether rows have come by service, and ascending or equal, up to this one. */
static bool in_order(const struct gatherer *gatherer, const struct window_row *row)
{
    if (gatherer->any && row->service == gatherer->last.service) {
        return row->minute_s >= gatherer->last.minute_s;
    }
    return !gatherer->given[row->service];
}

static enum err_code keep(struct gatherer *gatherer, const struct window_row *row, struct err *err)
{
    if (gatherer->count == MINUTES_ROWS_MAX) {
        return err_set(err, ERR_DATA,
                       "%s: more than %d minutes of service \"%.*s\": keep those of the period "
                       "and of the days around it",
                       gatherer->windows->sheet.csv.name, MINUTES_ROWS_MAX,
                       STR_ARGS(roster_name(gatherer->windows->roster, row->service)));
    }
    if (gatherer->count == gatherer->room) {
        grow(gatherer);
    }
    gatherer->rows[gatherer->count] = (struct count_row){
        .minute_s = row->minute_s,
        .counts = {
            .records = row->total, .total = row->total, .errors = row->errors, .slow = row->slow}};
    if (gatherer->times != NULL) {
        gatherer->times[gatherer->count] = row->times;
    }
    gatherer->count++;
    return ERR_OK;
}

static enum err_code gather(struct gatherer *gatherer, const struct window_row *row,
                            struct err *err)
{
    bool same = gatherer->any && row->service == gatherer->last.service;

    CHECK(in_order(gatherer, row));
    if (same && row->minute_s == gatherer->last.minute_s) {
        return windows_duplicate(gatherer->windows, row, gatherer->last.line, err);
    }
    if (!same) {
        give(gatherer);
    }
    if (row->total > 0 && keep(gatherer, row, err) != ERR_OK) {
        return err->code;
    }
    gatherer->last = *row;
    gatherer->any = true;
    return ERR_OK;
}

/* As the rows come. *ret_in_order false: they are not sorted, and what was given is void. */
static enum err_code read_in_order(struct windows *windows, struct gatherer *gatherer,
                                   bool *ret_in_order, struct err *err)
{
    struct window_row row;
    bool more = false;

    *ret_in_order = true;
    for (;;) {
        if (windows_next(windows, &row, &more, err) != ERR_OK) {
            return err->code;
        }
        if (!more) {
            give(gatherer);
            return ERR_OK;
        }
        if (!in_order(gatherer, &row)) {
            *ret_in_order = false;
            return ERR_OK;
        }
        if (gather(gatherer, &row, err) != ERR_OK) {
            return err->code;
        }
    }
}

/* A time as its distance from the start of the minute, and 1; 0: none. */
static int64_t pack_time(int64_t minute_s, int64_t time_ns)
{
    return time_ns == INT64_MIN ? 0 : time_ns - minute_s * NS_PER_SECOND + 1;
}

static int64_t unpack_time(int64_t minute_s, int64_t packed)
{
    return packed == 0 ? INT64_MIN : minute_s * NS_PER_SECOND + (packed - 1);
}

static void pack(const struct window_row *row, struct spool_row *ret_packed)
{
    int64_t minute_s = row->minute_s;

    *ret_packed = (struct spool_row){
        .key = ((uint64_t)row->service << SERVICE_SHIFT) + (uint64_t)(minute_s / 60 + MINUTE_BIAS),
        .line = row->line,
        .values = {row->total, row->errors, row->slow, pack_time(minute_s, row->times.first_ok_ns),
                   pack_time(minute_s, row->times.last_ok_ns),
                   pack_time(minute_s, row->times.first_error_ns),
                   pack_time(minute_s, row->times.last_error_ns)}};
}

static void unpack(const struct spool_row *packed, struct window_row *ret_row)
{
    int64_t minute = (int64_t)(packed->key & UINT32_MAX) - MINUTE_BIAS;
    int64_t minute_s = minute * 60;

    *ret_row =
        (struct window_row){.service = (size_t)(packed->key >> SERVICE_SHIFT),
                            .line = packed->line,
                            .minute_s = minute_s,
                            .total = packed->values[0],
                            .errors = packed->values[1],
                            .slow = packed->values[2],
                            .times = {.first_ok_ns = unpack_time(minute_s, packed->values[3]),
                                      .last_ok_ns = unpack_time(minute_s, packed->values[4]),
                                      .first_error_ns = unpack_time(minute_s, packed->values[5]),
                                      .last_error_ns = unpack_time(minute_s, packed->values[6])}};
}

static enum err_code sort_rows(struct windows *windows, struct sorter *sorter, struct err *err)
{
    struct spool_row packed;
    struct window_row row;
    bool more = false;

    for (;;) {
        if (windows_next(windows, &row, &more, err) != ERR_OK) {
            return err->code;
        }
        if (!more) {
            return sorter_finish(sorter, err);
        }
        pack(&row, &packed);
        if (sorter_add(sorter, &packed, err) != ERR_OK) {
            return err->code;
        }
    }
}

static enum err_code gather_sorted(struct gatherer *gatherer, struct sorter *sorter,
                                   struct err *err)
{
    struct spool_row packed;
    struct window_row row;
    bool more = false;

    for (;;) {
        if (sorter_next(sorter, &packed, &more, err) != ERR_OK) {
            return err->code;
        }
        if (!more) {
            give(gatherer);
            return ERR_OK;
        }
        unpack(&packed, &row);
        if (gather(gatherer, &row, err) != ERR_OK) {
            return err->code;
        }
    }
}

static enum err_code read_sorted(struct windows *windows, struct gatherer *gatherer,
                                 const struct sorter_options *sorting, struct err *err)
{
    struct sorter_options options = *sorting;
    struct sorter *sorter;
    enum err_code code;

    options.value_count = VALUES_OF_COUNTS + (windows->times ? VALUES_OF_TIMES : 0);
    sorter = sorter_new(&options);
    code = sort_rows(windows, sorter, err);
    if (code == ERR_OK) {
        code = gather_sorted(gatherer, sorter, err);
    }
    sorter_free(sorter);
    return code;
}

enum err_code minutes_read(struct windows *windows, const struct sorter_options *sorting,
                           const struct minutes_sink *sink, struct err *err)
{
    bool again = csv_is_file(&windows->sheet.csv);
    bool done = false;
    struct gatherer gatherer;
    enum err_code code = ERR_OK;

    gatherer_init(&gatherer, windows, sink);
    if (again) {
        code = read_in_order(windows, &gatherer, &done, err);
    }
    if (code == ERR_OK && again && !done) {
        gatherer_release(&gatherer);
        gatherer_init(&gatherer, windows, sink);
        sink->restart(sink->context);
        code = windows_rewind(windows, err);
    }
    if (code == ERR_OK && !done) {
        code = read_sorted(windows, &gatherer, sorting, err);
    }
    gatherer_release(&gatherer);
    return code;
}
