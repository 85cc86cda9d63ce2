#include "jobs/statement/regrade.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/wording.h"

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first span that does not end before at_s. */
static size_t span_at(const struct service_input *service, int64_t at_s)
{
    size_t low = 0, high = service->reclassified_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (service->reclassified[middle].to_s <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t graded_at(const struct service_input *service, int64_t at_s)
{
    size_t low = 0, high = service->graded_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (service->graded[middle].to_s <= at_s) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Time that no state covers stays uncovered: nothing was done to it. */
static struct regrade regrade_of(const struct service_input *service,
                                 const struct reclassified_span *span, int64_t from_s, int64_t to_s)
{
    struct regrade regrade = {.by = span->by};
    int64_t begin_s = larger(span->from_s, from_s);
    int64_t end_s = smaller(span->to_s, to_s);

    for (size_t i = graded_at(service, begin_s);
         i < service->graded_count && service->graded[i].from_s < end_s; i++) {
        int64_t piece_from_s = larger(service->graded[i].from_s, begin_s);
        int64_t piece_to_s = smaller(service->graded[i].to_s, end_s);

        regrade.from_s = regrade.to_s == 0 ? piece_from_s : regrade.from_s;
        regrade.to_s = piece_to_s;
        regrade.before_s[service->graded[i].grade] += piece_to_s - piece_from_s;
    }
    return regrade;
}

static int by_id(const void *a, const void *b)
{
    const struct regrade *x = a;
    const struct regrade *y = b;

    if (x->by->id != y->by->id) {
        return x->by->id < y->by->id ? -1 : 1;
    }
    return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

/* One of each reclassification, by id. */
static void unite(struct regrades *regrades)
{
    size_t count = 0;

    if (regrades->count > 0) {
        qsort(regrades->items, regrades->count, sizeof(regrades->items[0]), by_id);
    }
    for (size_t i = 0; i < regrades->count; i++) {
        const struct regrade *item = &regrades->items[i];
        struct regrade *last = count > 0 ? &regrades->items[count - 1] : NULL;

        if (last == NULL || last->by->id != item->by->id) {
            regrades->items[count++] = *item;
            continue;
        }
        last->to_s = larger(last->to_s, item->to_s);
        for (int k = 0; k < GRADE_COUNT; k++) {
            last->before_s[k] += item->before_s[k];
        }
    }
    regrades->count = count;
}

struct regrades regrades_find(const struct service_input *service, int64_t from_s, int64_t to_s,
                              struct arena *arena)
{
    size_t first = span_at(service, from_s);
    size_t end = first;
    struct regrades regrades = {0};

    while (end < service->reclassified_count && service->reclassified[end].from_s < to_s) {
        end++;
    }
    regrades.items = arena_calloc(arena, end - first + 1, sizeof(regrades.items[0]));
    for (size_t i = first; i < end; i++) {
        struct regrade regrade = regrade_of(service, &service->reclassified[i], from_s, to_s);

        if (regrade_seconds(&regrade) > 0) {
            regrades.items[regrades.count++] = regrade;
        }
    }
    unite(&regrades);
    return regrades;
}

const struct regrade *regrades_by(const struct regrades *regrades, int64_t id)
{
    size_t low = 0, high = regrades->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (regrades->items[middle].by->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < regrades->count && regrades->items[low].by->id == id ? &regrades->items[low]
                                                                      : NULL;
}

struct regrades regrades_join(struct regrades a, struct regrades b, struct arena *arena)
{
    struct regrades both = {.count = a.count + b.count};

    if (a.count == 0 || b.count == 0) {
        return a.count == 0 ? b : a;
    }
    both.items = arena_calloc(arena, both.count, sizeof(both.items[0]));
    memcpy(both.items, a.items, a.count * sizeof(a.items[0]));
    memcpy(both.items + a.count, b.items, b.count * sizeof(b.items[0]));
    unite(&both);
    return both;
}

int64_t regrade_seconds(const struct regrade *regrade)
{
    int64_t sum_s = 0;

    for (int i = 0; i < GRADE_COUNT; i++) {
        sum_s += regrade->before_s[i];
    }
    return sum_s;
}

const char *regrade_before_text(const struct regrade *regrade, struct arena *arena)
{
    const char *text = "";

    for (int i = 0; i < GRADE_COUNT; i++) {
        if (regrade->before_s[i] > 0) {
            text = arena_format(arena, "%s%s%s for %s", text, text[0] != '\0' ? ", " : "",
                                grade_row((enum grade)i)->name,
                                wording_duration(arena, regrade->before_s[i]));
        }
    }
    return text;
}

static void write_before(struct json_writer *json, const struct regrade *regrade)
{
    json_open_array(json, "before");
    for (int i = 0; i < GRADE_COUNT; i++) {
        if (regrade->before_s[i] > 0) {
            json_open_object(json, NULL);
            json_text(json, "grade", grade_row((enum grade)i)->name);
            json_int64(json, "seconds", regrade->before_s[i]);
            json_close(json);
        }
    }
    json_close(json);
}

void regrades_write(struct json_writer *json, const struct contract *contract,
                    struct regrades regrades)
{
    struct arena scratch = ARENA_INIT;

    json_open_array(json, "reclassified");
    for (size_t i = 0; i < regrades.count; i++) {
        const struct regrade *regrade = &regrades.items[i];
        const struct reclassification *by = regrade->by;

        json_open_object(json, NULL);
        json_str(json, "author", by->author);
        write_before(json, regrade);
        json_text(json, "from", moment_text(&scratch, contract->zone, regrade->from_s));
        json_int64(json, "id", by->id);
        json_str(json, "reason", by->reason);
        json_text(json, "recorded", moment_text_ns(&scratch, contract->zone, by->recorded_ns));
        json_int64(json, "seconds", regrade_seconds(regrade));
        json_text(json, "state", grade_row(by->state)->name);
        json_text(json, "to", moment_text(&scratch, contract->zone, regrade->to_s));
        json_close(json);
    }
    json_close(json);
    arena_release(&scratch);
}
