#include "jobs/evaluate/states.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"

enum { SERVICE, FROM, TO, STATE, ROWS_FIRST = 1024 };

static const struct sheet_column columns[] = {
    [SERVICE] = {"service", true},
    [FROM] = {"from", true},
    [TO] = {"to", true},
    [STATE] = {"state", true},
};

static enum err_code read_state(const struct sheet *sheet, struct state_row *row, struct err *err)
{
    struct str text = sheet_text(sheet, STATE);

    row->claimed = str_equal(text, STR("maintenance"));
    row->grade = GRADE_MAJOR;
    if (row->claimed || grade_find(text, &row->grade)) {
        return ERR_OK;
    }
    return sheet_error(sheet, STATE, err,
                       "\"%.*s\" is none of operational, degraded, partial, major, maintenance, "
                       "no_traffic, probe_down, pipeline_gap, not_provisioned",
                       text.size < 64 ? (int)text.size : 64, text.data);
}

static enum err_code read_row(struct sheet *sheet, struct stated *ret_row, struct err *err)
{
    ret_row->line = sheet->csv.line;
    if (sheet_text(sheet, SERVICE).size == 0) {
        return sheet_error(sheet, SERVICE, err, "empty");
    }
    if (sheet_time_s(sheet, FROM, &ret_row->row.from_s, err) != ERR_OK ||
        sheet_time_s(sheet, TO, &ret_row->row.to_s, err) != ERR_OK) {
        return err->code;
    }
    if (ret_row->row.to_s <= ret_row->row.from_s) {
        return sheet_error(sheet, TO, err, "%.*s is not after from, %.*s",
                           STR_ARGS(sheet_text(sheet, TO)), STR_ARGS(sheet_text(sheet, FROM)));
    }
    return read_state(sheet, &ret_row->row, err);
}

/* The row before of each service, while the file is read. */
struct ends {
    size_t *last;      /* index + 1 of its latest row; 0: none */
    int64_t *latest_s; /* no row of it lasts longer */
};

/* Grows the service's latest row by this one, if nothing of that time can be there already: then no overlap is lost. */
static bool join(struct states *states, const struct ends *ends, const struct stated *row)
{
    size_t last = ends->last[row->service];
    struct state_row *before = last > 0 ? &states->rows[last - 1].row : NULL;

    if (before == NULL || before->to_s != row->row.from_s ||
        before->to_s != ends->latest_s[row->service] || before->grade != row->row.grade ||
        before->claimed != row->row.claimed) {
        return false;
    }
    before->to_s = row->row.to_s;
    return true;
}

static enum err_code add(struct states *states, struct ends *ends, const struct stated *row,
                         const struct sheet *sheet, struct err *err)
{
    if (!join(states, ends, row)) {
        if (states->count == STATES_ROWS_MAX) {
            return err_set(err, ERR_DATA,
                           "%s:%" PRId64 ": more than %d states; rows of one state that follow "
                           "each other count as one",
                           sheet->csv.name, row->line, STATES_ROWS_MAX);
        }
        if (states->count == states->room) {
            states->room = states->room > 0 ? 2 * states->room : ROWS_FIRST;
            states->rows = memory_resize(states->rows, states->room, sizeof(states->rows[0]));
        }
        states->rows[states->count++] = *row;
        ends->last[row->service] = states->count;
    }
    if (row->row.to_s > ends->latest_s[row->service]) {
        ends->latest_s[row->service] = row->row.to_s;
    }
    return ERR_OK;
}

static enum err_code read_rows(struct sheet *sheet, struct roster *roster, struct states *states,
                               struct err *err)
{
    size_t count = roster_count(roster);
    struct ends ends = {.last = memory_calloc(count, sizeof(ends.last[0])),
                        .latest_s = memory_calloc(count, sizeof(ends.latest_s[0]))};
    struct stated row = {0};
    bool more = true;
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < count; i++) {
        ends.latest_s[i] = INT64_MIN;
    }
    while (code == ERR_OK) {
        int64_t service;

        code = sheet_next(sheet, &more, err);
        if (code != ERR_OK || !more) {
            break;
        }
        code = read_row(sheet, &row, err);
        service = code == ERR_OK ? roster_find(roster, sheet_text(sheet, SERVICE)) : ROSTER_NONE;
        if (service != ROSTER_NONE) {
            row.service = (uint32_t)service;
            code = add(states, &ends, &row, sheet, err);
        }
    }
    memory_free(ends.last);
    memory_free(ends.latest_s);
    return code;
}

static int by_service_and_time(const void *a, const void *b)
{
    const struct stated *x = a;
    const struct stated *y = b;

    if (x->service != y->service) {
        return x->service < y->service ? -1 : 1;
    }
    if (x->row.from_s != y->row.from_s) {
        return x->row.from_s < y->row.from_s ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

/* Of all overlaps the one whose later row comes first in the file. A row is held against the one that lasts longest before it. */
static enum err_code check_overlaps(const struct states *states, const struct sheet *sheet,
                                    const struct roster *roster, struct err *err)
{
    const struct stated *longest = NULL;
    const struct stated *found[2] = {NULL, NULL};

    for (size_t i = 0; i < states->count; i++) {
        const struct stated *row = &states->rows[i];
        bool same = longest != NULL && longest->service == row->service;

        if (same && row->row.from_s < longest->row.to_s) {
            const struct stated *later = row->line > longest->line ? row : longest;

            if (found[1] == NULL || later->line < found[1]->line) {
                found[0] = later == row ? longest : row;
                found[1] = later;
            }
        }
        longest = same && longest->row.to_s > row->row.to_s ? longest : row;
    }
    if (found[1] == NULL) {
        return ERR_OK;
    }
    return sheet_error_at(sheet, found[1]->line, FROM, err,
                          "overlaps the state of service \"%.*s\" in line %" PRId64,
                          STR_ARGS(roster_name(roster, found[1]->service)), found[0]->line);
}

enum err_code states_read(const char *path, struct roster *roster, bool (*stopped)(void),
                          struct states *ret_states, struct err *err)
{
    struct states states = {0};
    struct sheet sheet;
    enum err_code code = sheet_open(&sheet, path, columns, ARRAY_COUNT(columns), stopped, err);

    if (code != ERR_OK) {
        return code;
    }
    code = read_rows(&sheet, roster, &states, err);
    if (code == ERR_OK) {
        if (states.count > 0) {
            qsort(states.rows, states.count, sizeof(states.rows[0]), by_service_and_time);
        }
        code = check_overlaps(&states, &sheet, roster, err);
    }
    sheet_close(&sheet);
    if (code != ERR_OK) {
        states_release(&states);
        return code;
    }
    *ret_states = states;
    return ERR_OK;
}

void states_release(struct states *states)
{
    memory_free(states->rows);
    *states = (struct states){0};
}

/* The first row that is not before that service. */
static size_t first_of(const struct states *states, size_t service)
{
    size_t begin = 0;
    size_t end = states->count;

    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;

        if (states->rows[middle].service < service) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

const struct stated *states_of(const struct states *states, size_t service, size_t *ret_count)
{
    size_t first = first_of(states, service);

    *ret_count = first_of(states, service + 1) - first;
    return *ret_count > 0 ? states->rows + first : NULL;
}
