#include "jobs/commands/rebuild_difference.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "jobs/ui.h"

enum { WINDOWS_SHOWN_MAX = 50 };

enum {
    COLUMN_KIND,
    COLUMN_SERVICE,
    COLUMN_CUSTOMER,
    COLUMN_INSTANCE,
    COLUMN_REGION,
    COLUMN_CHECKER,
    COLUMN_MINUTE,
    COLUMN_WHAT,
    COLUMN_LIVE,
    COLUMN_REBUILT,
    COLUMN_COUNT
};

static const struct table_column columns[] = {
    [COLUMN_KIND] = {"kind", TABLE_TEXT},
    [COLUMN_SERVICE] = {"service", TABLE_TEXT},
    [COLUMN_CUSTOMER] = {"customer", TABLE_TEXT},
    [COLUMN_INSTANCE] = {"instance", TABLE_TEXT},
    [COLUMN_REGION] = {"region", TABLE_TEXT},
    [COLUMN_CHECKER] = {"checker", TABLE_TEXT},
    [COLUMN_MINUTE] = {"minute", TABLE_MINUTE},
    [COLUMN_WHAT] = {"what", TABLE_TEXT},
    [COLUMN_LIVE] = {"live", TABLE_INTEGER},
    [COLUMN_REBUILT] = {"rebuilt", TABLE_INTEGER},
    [COLUMN_COUNT] = {.name = NULL},
};

struct field {
    const char *name;
    size_t offset;
};

#define FIELD(type, member)                                                                        \
    {                                                                                              \
        #member, offsetof(struct type, member)                                                     \
    }

static const struct field window_fields[] = {
    FIELD(window_minute, records), FIELD(window_minute, total),      FIELD(window_minute, errors),
    FIELD(window_minute, slow),    FIELD(window_minute, no_latency), {.name = NULL}};

static const struct field check_fields[] = {FIELD(check_minute, records),
                                            FIELD(check_minute, passed),
                                            FIELD(check_minute, warned),
                                            FIELD(check_minute, failed),
                                            FIELD(check_minute, unknown),
                                            FIELD(check_minute, removed),
                                            FIELD(check_minute, last_time_ns),
                                            FIELD(check_minute, last_interval_ns),
                                            {.name = NULL}};

void rebuild_difference_init(struct rebuild_difference *difference, FILE *out,
                             enum rebuild_format format)
{
    *difference = (struct rebuild_difference){.out = out, .format = format};
    if (format == REBUILD_NDJSON || format == REBUILD_CSV) {
        table_init(&difference->table, out, format == REBUILD_CSV ? TABLE_CSV : TABLE_NDJSON,
                   columns);
    }
}

void rebuild_difference_release(struct rebuild_difference *difference)
{
    if (difference->format == REBUILD_NDJSON || difference->format == REBUILD_CSV) {
        table_release(&difference->table);
    }
}

/* --- rows --- */

/* One window, while its values are held against each other. */
struct look {
    struct rebuild_difference *difference;
    const struct rebuild_pair *pair;
    int64_t minute; /* of the last row that was shown; -1: none */
    bool silent;    /* enough was shown */
    struct err *err;
};

static struct table_cell text_cell(struct str text)
{
    return (struct table_cell){.null = text.size == 0, .text = text};
}

static enum err_code write_row(struct look *look, int64_t minute, const char *what, bool numbers,
                               int64_t live, int64_t rebuilt)
{
    const struct tally_key *key = &look->pair->key;
    const bool is_window = key->kind == TALLY_WINDOW, is_check = key->kind == TALLY_CHECK;
    struct str none = {NULL, 0};
    struct table_cell cells[COLUMN_COUNT] = {
        [COLUMN_KIND] = text_cell(STR(tally_kind_name(key->kind))),
        [COLUMN_SERVICE] = text_cell(key->kind == TALLY_ACTIVITY ? key->b : key->a),
        [COLUMN_CUSTOMER] = text_cell(is_window ? key->b : none),
        [COLUMN_INSTANCE] = text_cell(is_check ? key->b : none),
        [COLUMN_REGION] = text_cell(key->c),
        [COLUMN_CHECKER] = text_cell(key->d),
        [COLUMN_MINUTE] = {.number = minute},
        [COLUMN_WHAT] = text_cell(STR(what)),
        [COLUMN_LIVE] = {.null = !numbers, .number = live},
        [COLUMN_REBUILT] = {.null = !numbers, .number = rebuilt}};

    return table_row(&look->difference->table, cells, look->err);
}

static void print_minute(struct look *look, int64_t minute)
{
    char time[CIVIL_TEXT_SIZE];

    if (minute != look->minute) {
        (void)fprintf(look->difference->out, "%s  %.16s ", look->minute >= 0 ? "\n" : "",
                      civil_format_rfc3339(minute * NS_PER_MINUTE, time));
    } else {
        (void)fputc(',', look->difference->out);
    }
}

static enum err_code show(struct look *look, int64_t minute, const char *what, bool numbers,
                          int64_t live, int64_t rebuilt)
{
    enum err_code code = ERR_OK;

    switch (look->difference->format) {
    case REBUILD_NDJSON:
    case REBUILD_CSV:
        code = write_row(look, minute, what, numbers, live, rebuilt);
        break;
    case REBUILD_TEXT:
        if (look->silent) {
            break;
        }
        print_minute(look, minute);
        if (numbers) {
            (void)fprintf(look->difference->out, " %s %" PRId64 " -> %" PRId64, what, live,
                          rebuilt);
        } else {
            (void)fprintf(look->difference->out, " %s", what);
        }
        break;
    case REBUILD_JSON:
        break;
    }
    look->minute = minute;
    return code;
}

/* --- values --- */

static int64_t value_of(const void *minute, const struct field *field)
{
    int64_t value;

    memcpy(&value, (const char *)minute + field->offset, sizeof(value));
    return value;
}

static enum err_code look_at_minute(struct look *look, int number, const void *live,
                                    const void *rebuilt, const struct field *fields)
{
    int64_t minute = look->pair->key.hour * TALLY_MINUTES + number;
    enum err_code code = ERR_OK;
    bool differs = false;

    for (const struct field *field = fields; field->name != NULL && code == ERR_OK; field++) {
        int64_t a = value_of(live, field), b = value_of(rebuilt, field);

        if (a != b) {
            differs = true;
            code = show(look, minute, field->name, true, a, b);
        }
    }
    look->difference->minutes += differs;
    return code;
}

static bool same_ranges(const struct offset_range *a, size_t a_count, const struct offset_range *b,
                        size_t b_count)
{
    for (size_t i = 0; a_count == b_count && i < a_count; i++) {
        if (a[i].stream_id != b[i].stream_id || a[i].partition != b[i].partition ||
            a[i].low != b[i].low || a[i].high != b[i].high) {
            return false;
        }
    }
    return a_count == b_count;
}

static bool same_latency(const struct histogram *a, const struct histogram *b)
{
    return a->zero_count == b->zero_count && a->first == b->first && a->size == b->size &&
           (a->size == 0 ||
            memcmp(a->counts, b->counts, (size_t)a->size * sizeof(a->counts[0])) == 0);
}

static bool same_particulars(const struct particulars *a, const struct particulars *b)
{
    struct strbuf texts[2];
    bool same;

    for (int i = 0; i < 2; i++) {
        strbuf_init(&texts[i], 16 * 1024 * 1024);
        if (!particulars_empty(i == 0 ? a : b)) {
            particulars_pack(i == 0 ? a : b, &texts[i]);
        }
    }
    same = str_equal(strbuf_view(&texts[0]), strbuf_view(&texts[1]));
    strbuf_release(&texts[0]);
    strbuf_release(&texts[1]);
    return same;
}

static enum err_code show_whole(struct look *look, bool same, const char *what)
{
    return same ? ERR_OK : show(look, look->pair->key.hour * TALLY_MINUTES, what, false, 0, 0);
}

static enum err_code look_at_window(struct look *look, const struct window_tally *live,
                                    const struct window_tally *rebuilt)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < TALLY_MINUTES && code == ERR_OK; i++) {
        code = look_at_minute(look, i, &live->minutes[i], &rebuilt->minutes[i], window_fields);
    }
    if (code == ERR_OK) {
        code =
            show_whole(look, same_latency(&live->latency, &rebuilt->latency), "latency_histogram");
    }
    if (code == ERR_OK) {
        code = show_whole(
            look,
            same_ranges(live->ranges, live->range_count, rebuilt->ranges, rebuilt->range_count),
            "offsets");
    }
    return code == ERR_OK
               ? show_whole(look, same_particulars(&live->particulars, &rebuilt->particulars),
                            "particulars")
               : code;
}

static enum err_code look_at_check(struct look *look, const struct check_tally *live,
                                   const struct check_tally *rebuilt)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < TALLY_MINUTES && code == ERR_OK; i++) {
        code = look_at_minute(look, i, &live->minutes[i], &rebuilt->minutes[i], check_fields);
        if (code == ERR_OK && live->minutes[i].last != rebuilt->minutes[i].last) {
            code = show(look, look->pair->key.hour * TALLY_MINUTES + i, "last", false, 0, 0);
        }
    }
    return code == ERR_OK ? show_whole(look,
                                       same_ranges(live->ranges, live->range_count, rebuilt->ranges,
                                                   rebuilt->range_count),
                                       "offsets")
                          : code;
}

static enum err_code look_at_activity(struct look *look, uint64_t live, uint64_t rebuilt)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < TALLY_MINUTES && code == ERR_OK; i++) {
        int64_t a = (int64_t)(live >> i & 1), b = (int64_t)(rebuilt >> i & 1);

        if (a != b) {
            look->difference->minutes++;
            code = show(look, look->pair->key.hour * TALLY_MINUTES + i, "active", true, a, b);
        }
    }
    return code;
}

static enum err_code look_at(struct look *look, const struct tally *live,
                             const struct tally *rebuilt)
{
    switch (look->pair->key.kind) {
    case TALLY_WINDOW:
        return look_at_window(look, &live->window, &rebuilt->window);
    case TALLY_CHECK:
        return look_at_check(look, &live->check, &rebuilt->check);
    case TALLY_ACTIVITY:
        return look_at_activity(look, live->activity.minutes, rebuilt->activity.minutes);
    }
    return ERR_OK;
}

/* --- windows --- */

/* They come sorted by kind and service. */
static void count(struct rebuild_difference *difference, const struct tally_key *key)
{
    bool fresh = !difference->has_last || difference->last_kind != key->kind ||
                 !str_equal(STR(difference->last_service), key->a);

    difference->windows++;
    if (key->kind == TALLY_ACTIVITY) {
        return;
    }
    difference->services += fresh;
    difference->has_last = true;
    difference->last_kind = key->kind;
    (void)snprintf(difference->last_service, sizeof(difference->last_service), "%.*s",
                   STR_ARGS(key->a));
}

static void print_key(const struct look *look)
{
    const struct tally_key *key = &look->pair->key;
    const struct str names[] = {key->a, key->b, key->c, key->d};
    FILE *out = look->difference->out;
    char time[CIVIL_TEXT_SIZE];

    (void)fprintf(out, "%s", tally_kind_name(key->kind));
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (names[i].size > 0) {
            (void)fprintf(out, "%s%.*s", i == 0 ? " " : " / ", STR_ARGS(names[i]));
        }
    }
    (void)fprintf(out, ", hour %.16s%s\n", civil_format_rfc3339(key->hour * NS_PER_HOUR, time),
                  look->pair->damaged              ? ": the live row is damaged"
                  : look->pair->live.data == NULL  ? ": the live book does not have it"
                  : look->pair->truth.data == NULL ? ": only the live book has it"
                                                   : "");
}

/* A row that cannot be unpacked is an empty one, and said to be damaged. */
static void unpack(enum tally_kind kind, struct str packed, struct tally *ret_tally)
{
    struct err damage = ERR_INIT;

    if (packed.data == NULL || tally_unpack(kind, packed, ret_tally, &damage) != ERR_OK) {
        tally_init(ret_tally);
    }
}

enum err_code rebuild_difference_add(void *context, const struct rebuild_pair *pair,
                                     struct err *err)
{
    struct rebuild_difference *difference = context;
    struct look look = {.difference = difference, .pair = pair, .minute = -1, .err = err};
    enum tally_kind kind = pair->key.kind;
    struct tally live, rebuilt;
    enum err_code code;

    ui_progress_clear();
    count(difference, &pair->key);
    look.silent = difference->windows > WINDOWS_SHOWN_MAX;
    if (difference->format == REBUILD_TEXT && !look.silent) {
        print_key(&look);
    }
    unpack(kind, pair->live, &live);
    unpack(kind, pair->truth, &rebuilt);
    code = look_at(&look, &live, &rebuilt);
    if (code == ERR_OK && look.minute < 0) {
        /* The numbers are right, the row is not. */
        code = show(&look, pair->key.hour * TALLY_MINUTES, "row", false, 0, 0);
    }
    tally_release(kind, &live);
    tally_release(kind, &rebuilt);
    if (difference->format == REBUILD_TEXT && !look.silent) {
        (void)fputc('\n', difference->out);
    }
    return code;
}
