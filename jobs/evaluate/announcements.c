#include "jobs/evaluate/announcements.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"

enum { SERVICE, ANNOUNCED_AT, FROM, TO, STATUS, REASON, REASON_SHOWN_MAX = 1000 };

static const struct sheet_column columns[] = {
    [SERVICE] = {"service", true}, [ANNOUNCED_AT] = {"announced_at", true},
    [FROM] = {"from", true},       [TO] = {"to", true},
    [STATUS] = {"status", false},  [REASON] = {"reason", false},
};

struct reading {
    struct sheet sheet;
    struct roster *roster;
    int64_t from_ns, to_ns; /* the period */
    struct arena *arena;
    struct announcement_input *rows;
    size_t count, room;
};

static enum err_code read_status(const struct sheet *sheet, bool *ret_cancelled, struct err *err)
{
    struct str text = sheet_text(sheet, STATUS);

    *ret_cancelled = str_equal(text, STR("cancelled"));
    if (*ret_cancelled || text.size == 0 || str_equal(text, STR("planned"))) {
        return ERR_OK;
    }
    return sheet_error(sheet, STATUS, err, "\"%.*s\" is neither planned nor cancelled",
                       text.size < 64 ? (int)text.size : 64, text.data);
}

static enum err_code read_row(struct sheet *sheet, struct announcement_input *ret_row,
                              struct err *err)
{
    *ret_row = (struct announcement_input){.id = sheet->csv.line};
    if (sheet_text(sheet, SERVICE).size == 0) {
        return sheet_error(sheet, SERVICE, err, "empty");
    }
    if (sheet_time_ns(sheet, ANNOUNCED_AT, &ret_row->announced_ns, err) != ERR_OK ||
        sheet_time_ns(sheet, FROM, &ret_row->from_ns, err) != ERR_OK ||
        sheet_time_ns(sheet, TO, &ret_row->to_ns, err) != ERR_OK) {
        return err->code;
    }
    if (ret_row->to_ns <= ret_row->from_ns) {
        return sheet_error(sheet, TO, err, "%.*s is not after from, %.*s",
                           STR_ARGS(sheet_text(sheet, TO)), STR_ARGS(sheet_text(sheet, FROM)));
    }
    return read_status(sheet, &ret_row->cancelled, err);
}

/* The row as it is kept; false: it does not concern the contract in this period. */
static bool concerns(struct reading *reading, struct announcement_input *row)
{
    struct str service = sheet_text(&reading->sheet, SERVICE);
    int64_t number = roster_find(reading->roster, service);
    bool all = str_equal(service, STR("*"));

    if ((!all && number == ROSTER_NONE) || row->to_ns <= reading->from_ns ||
        row->from_ns >= reading->to_ns) {
        return false;
    }
    row->service = all ? STR("*") : roster_name(reading->roster, (size_t)number);
    return true;
}

static enum err_code keep(struct reading *reading, struct announcement_input *row, struct err *err)
{
    struct str reason = sheet_text(&reading->sheet, REASON);

    if (reading->count == ANNOUNCEMENTS_MAX) {
        return err_set(err, ERR_DATA, "%s:%" PRId64 ": more than %d announcements in the period",
                       reading->sheet.csv.name, row->id, ANNOUNCEMENTS_MAX);
    }
    if (reading->count == reading->room) {
        size_t room = reading->room > 0 ? 2 * reading->room : 64;
        struct announcement_input *rows = arena_calloc(reading->arena, room, sizeof(rows[0]));

        if (reading->count > 0) {
            memcpy(rows, reading->rows, reading->count * sizeof(rows[0]));
        }
        reading->rows = rows;
        reading->room = room;
    }
    if (reason.size > REASON_SHOWN_MAX) {
        return sheet_error(&reading->sheet, REASON, err, "longer than %d bytes", REASON_SHOWN_MAX);
    }
    row->reason = arena_str(reading->arena, reason);
    reading->rows[reading->count++] = *row;
    return ERR_OK;
}

static enum err_code read_rows(struct reading *reading, struct err *err)
{
    struct announcement_input row;
    bool more = false;

    for (;;) {
        if (sheet_next(&reading->sheet, &more, err) != ERR_OK) {
            return err->code;
        }
        if (!more) {
            return ERR_OK;
        }
        if (read_row(&reading->sheet, &row, err) != ERR_OK) {
            return err->code;
        }
        if (concerns(reading, &row) && keep(reading, &row, err) != ERR_OK) {
            return err->code;
        }
    }
}

static int by_subject(const void *a, const void *b)
{
    const struct announcement_input *x = *(const struct announcement_input *const *)a;
    const struct announcement_input *y = *(const struct announcement_input *const *)b;
    int order = str_compare(x->service, y->service);

    if (order != 0) {
        return order;
    }
    if (x->from_ns != y->from_ns) {
        return x->from_ns < y->from_ns ? -1 : 1;
    }
    if (x->to_ns != y->to_ns) {
        return x->to_ns < y->to_ns ? -1 : 1;
    }
    /* The latest first, and of one moment the cancelling row. */
    if (x->announced_ns != y->announced_ns) {
        return x->announced_ns > y->announced_ns ? -1 : 1;
    }
    return (int)y->cancelled - (int)x->cancelled;
}

static bool same_subject(const struct announcement_input *a, const struct announcement_input *b)
{
    return str_equal(a->service, b->service) && a->from_ns == b->from_ns && a->to_ns == b->to_ns;
}

/* A cancelling row withdraws what was announced of the same service and times, and not after it. For the engine a withdrawn announcement is marked, and there
 * are no cancelling rows. */
static void withdraw(struct reading *reading)
{
    struct announcement_input **sorted =
        arena_calloc(reading->arena, reading->count + 1, sizeof(sorted[0]));
    bool *cancelling = arena_calloc(reading->arena, reading->count + 1, sizeof(cancelling[0]));
    bool withdrawn = false;
    size_t kept = 0;

    for (size_t i = 0; i < reading->count; i++) {
        sorted[i] = &reading->rows[i];
        cancelling[i] = reading->rows[i].cancelled;
    }
    qsort(sorted, reading->count, sizeof(sorted[0]), by_subject);
    for (size_t i = 0; i < reading->count; i++) {
        withdrawn =
            sorted[i]->cancelled || (withdrawn && i > 0 && same_subject(sorted[i - 1], sorted[i]));
        sorted[i]->cancelled = withdrawn;
    }
    for (size_t i = 0; i < reading->count; i++) {
        if (!cancelling[i]) {
            reading->rows[kept++] = reading->rows[i];
        }
    }
    reading->count = kept;
}

enum err_code announcements_read(const char *path, struct roster *roster, int64_t from_s,
                                 int64_t to_s, bool (*stopped)(void), struct arena *arena,
                                 struct announcement_input **ret_announcements, size_t *ret_count,
                                 struct err *err)
{
    struct reading reading = {.roster = roster,
                              .from_ns = from_s * NS_PER_SECOND,
                              .to_ns = to_s * NS_PER_SECOND,
                              .arena = arena};
    enum err_code code =
        sheet_open(&reading.sheet, path, columns, ARRAY_COUNT(columns), stopped, err);

    if (code != ERR_OK) {
        return code;
    }
    code = read_rows(&reading, err);
    sheet_close(&reading.sheet);
    if (code == ERR_OK) {
        withdraw(&reading);
        *ret_announcements = reading.rows;
        *ret_count = reading.count;
    }
    return code;
}
