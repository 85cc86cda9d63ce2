/* Of reclassify.h: which reclassification speaks of which time, and states with them laid over. In time that grows little faster than both. */
#include <stdlib.h>

#include "base/check.h"
#include "jobs/statement/reclassify.h"

bool reclassify_speaks(const struct contract *contract, enum grade state)
{
    return contract->availability.method == METHOD_STATE_TIME || !grade_row(state)->known;
}

/* The time between two neighbouring borders. */
struct field {
    int64_t from_s;
    const struct reclassification *by; /* NULL: none speaks */
    size_t next; /* this field, or one behind it: the first that may still be free */
};

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Fields between all borders, and a last one that is behind all. */
static size_t make_fields(const struct reclassification *const *rows, size_t count,
                          struct arena *scratch, struct field **ret_fields)
{
    int64_t *borders = arena_calloc(scratch, 2 * count, sizeof(borders[0]));
    struct field *fields = arena_calloc(scratch, 2 * count, sizeof(fields[0]));
    size_t field_count = 0;

    for (size_t i = 0; i < count; i++) {
        borders[2 * i] = rows[i]->from_s;
        borders[2 * i + 1] = rows[i]->to_s;
    }
    qsort(borders, 2 * count, sizeof(borders[0]), by_number);
    for (size_t i = 0; i < 2 * count; i++) {
        if (i == 0 || borders[i] != borders[i - 1]) {
            fields[field_count] = (struct field){.from_s = borders[i], .next = field_count};
            field_count++;
        }
    }
    *ret_fields = fields;
    return field_count;
}

static size_t field_at(const struct field *fields, size_t count, int64_t at_s)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (fields[middle].from_s < at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* The first free field from there on; paths are halved on the way. */
static size_t first_free(struct field *fields, size_t at)
{
    while (fields[at].next != at) {
        fields[at].next = fields[fields[at].next].next;
        at = fields[at].next;
    }
    return at;
}

/* The last that was recorded first: each field is taken once. */
static void take_fields(const struct reclassification *const *rows, size_t count,
                        struct field *fields, size_t field_count)
{
    for (size_t i = count; i > 0; i--) {
        size_t end = field_at(fields, field_count, rows[i - 1]->to_s);
        size_t at = first_free(fields, field_at(fields, field_count, rows[i - 1]->from_s));

        while (at < end) {
            fields[at].by = rows[i - 1];
            fields[at].next = at + 1;
            at = first_free(fields, at);
        }
    }
}

static size_t find_spans(const struct reclassification *const *rows, size_t count,
                         struct arena *arena, struct reclassified_span **ret_spans)
{
    struct arena scratch = ARENA_INIT;
    struct reclassified_span *spans = arena_calloc(arena, 2 * count, sizeof(spans[0]));
    struct field *fields;
    size_t field_count = make_fields(rows, count, &scratch, &fields);
    size_t span_count = 0;

    take_fields(rows, count, fields, field_count);
    for (size_t i = 0; i + 1 < field_count; i++) {
        struct reclassified_span *last = span_count > 0 ? &spans[span_count - 1] : NULL;

        if (fields[i].by == NULL) {
            continue;
        }
        if (last != NULL && last->by == fields[i].by && last->to_s == fields[i].from_s) {
            last->to_s = fields[i + 1].from_s;
        } else {
            spans[span_count++] =
                (struct reclassified_span){fields[i].from_s, fields[i + 1].from_s, fields[i].by};
        }
    }
    arena_release(&scratch);
    *ret_spans = spans;
    return span_count;
}

/* Appends, and joins what has the same state. */
static void paint(struct state_row *rows, size_t *count, int64_t from_s, int64_t to_s,
                  enum grade grade)
{
    struct state_row *last = *count > 0 ? &rows[*count - 1] : NULL;

    if (last != NULL && last->to_s == from_s && last->grade == grade) {
        last->to_s = to_s;
    } else {
        rows[(*count)++] = (struct state_row){from_s, to_s, grade, false};
    }
}

/* Each end of a span splits at most one row. */
static void lay_over(struct service_input *service, struct arena *arena)
{
    struct state_row *rows = arena_calloc(
        arena, service->graded_count + 2 * service->reclassified_count + 1, sizeof(rows[0]));
    size_t count = 0, next = 0;

    for (size_t i = 0; i < service->graded_count; i++) {
        const struct state_row *row = &service->graded[i];
        int64_t end_s;

        for (int64_t at_s = row->from_s; at_s < row->to_s; at_s = end_s) {
            const struct reclassified_span *span;
            bool over;

            while (next < service->reclassified_count && service->reclassified[next].to_s <= at_s) {
                next++;
            }
            span = next < service->reclassified_count ? &service->reclassified[next] : NULL;
            over = span != NULL && span->from_s <= at_s;
            end_s = over ? span->to_s : span != NULL ? span->from_s : row->to_s;
            end_s = end_s < row->to_s ? end_s : row->to_s;
            paint(rows, &count, at_s, end_s, over ? span->by->state : row->grade);
        }
    }
    service->states = rows;
    service->state_count = count;
}

void reclassify_overlay(const struct contract *contract, const struct reclassification *list,
                        size_t count, struct arena *arena, struct service_input *service)
{
    struct arena scratch = ARENA_INIT;
    const struct reclassification **rows = arena_calloc(&scratch, count + 1, sizeof(rows[0]));
    struct reclassified_span *spans;
    size_t row_count = 0;

    for (size_t i = 0; i < count; i++) {
        CHECK(i == 0 || list[i - 1].id < list[i].id);
        if (!list[i].withdrawn && str_equal(list[i].service, service->service) &&
            reclassify_speaks(contract, list[i].state)) {
            rows[row_count++] = &list[i];
        }
    }
    if (row_count > 0) {
        service->graded = service->states;
        service->graded_count = service->state_count;
        service->reclassified_count = find_spans(rows, row_count, arena, &spans);
        service->reclassified = spans;
        lay_over(service, arena);
    }
    arena_release(&scratch);
}
