#include "jobs/statement/stretch.h"

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/method.h"
#include "jobs/statement/timeline.h"

enum { MINUTE_S = 60 };

/* A stretch on its way, with what decides about its costs. */
struct piece {
    struct stretch stretch;
    const struct segment *segment;
};

/* All pieces of a service: they cover the measured time. */
struct pieces {
    struct piece *items;
    size_t count;
};

struct finder {
    const struct engine_input *input;
    const struct result *result;
    struct arena *arena;
    struct pieces *services;
};

/* Segments are read by these only. */

static int64_t segment_from_ns(const struct segment *segment)
{
    return segment->from_s * NS_PER_SECOND;
}

static int64_t segment_to_ns(const struct segment *segment)
{
    return segment->to_s * NS_PER_SECOND;
}

static bool segment_excluded(const struct segment *segment)
{
    return segment->effect == EFFECT_EXCLUDED;
}

/* What time of this segment loses of itself: 0 to 1. */
static struct rational segment_loss(const struct result *result, const struct segment *segment)
{
    if (segment_excluded(segment)) {
        return (struct rational){0, 1};
    }
    return rational_subtract(rational_make(1, 1),
                             segment_share(segment, result->contract->availability.weights));
}

static bool same_booking(const struct segment *a, const struct segment *b)
{
    return a->class == b->class && a->effect == b->effect;
}

static bool by_time(const struct result *result)
{
    return method_row(result->contract->availability.method)->time_based;
}

static struct rational lost_time(const struct result *result, const struct segment *segment,
                                 int64_t from_ns, int64_t to_ns)
{
    return rational_multiply(segment_loss(result, segment),
                             rational_make(to_ns - from_ns, NS_PER_SECOND));
}

/* Where requests are counted: what a minute that is booked like this lost. Announced maintenance takes whole minutes out. */
static struct rational lost_requests(const struct result *result, const struct segment *segment,
                                     const struct request_counts *counts)
{
    if (segment->class == TIME_MAINTENANCE || segment_excluded(segment)) {
        return (struct rational){0, 1};
    }
    if (segment->class > TIME_MAINTENANCE) {
        return rational_make(segment->effect == EFFECT_LOST ? counts->total : 0, 1);
    }
    return rational_add(rational_make(counts->errors, 1),
                        rational_multiply(result->contract->availability.degraded_weight,
                                          rational_make(counts->slow, 1)));
}

static bool is_well(enum grade raw, enum time_class class)
{
    return raw == GRADE_OPERATIONAL && class == TIME_UP;
}

static bool within_validity(const struct result *result, int64_t time_s)
{
    return time_s >= result->contract->valid_from_s && time_s < result->contract->valid_until_s;
}

/* Adds the requests of a piece up, and draws its borders in to the minutes that lost any: all is well before and after them. *at only moves on. */
static void count_piece(const struct finder *finder, const struct service_input *service,
                        size_t *at, struct piece *piece)
{
    struct stretch *stretch = &piece->stretch;
    int64_t from_ns = stretch->from_ns, to_ns = stretch->to_ns;
    bool well = is_well(stretch->raw, stretch->class);

    for (; *at < service->count_count; (*at)++) {
        const struct count_row *row = &service->counts[*at];
        int64_t minute_ns = row->minute_s * NS_PER_SECOND;
        struct rational lost;

        if (minute_ns >= to_ns) {
            break;
        }
        if (minute_ns < from_ns || !within_validity(finder->result, row->minute_s)) {
            continue;
        }
        lost = lost_requests(finder->result, piece->segment, &row->counts);
        if (lost.numerator > 0) {
            if (well && stretch->loss_minutes == 0) {
                stretch->from_ns = minute_ns;
            }
            if (well) {
                stretch->to_ns = minute_ns + NS_PER_MINUTE;
            }
            stretch->lost = rational_add(stretch->lost, lost);
            stretch->loss_minutes++;
        }
    }
}

static enum stretch_rule rule_of_unknown(const struct segment *segment)
{
    return segment_excluded(segment)        ? RULE_UNKNOWN_EXCLUDE
           : segment->effect == EFFECT_LOST ? RULE_UNKNOWN_DOWN
                                            : RULE_UNKNOWN_UP;
}

/* Which rule made the booking of the raw grade. */
static enum stretch_rule rule_of(const struct finder *finder, const struct piece *piece)
{
    const struct stretch *stretch = &piece->stretch;
    const struct availability *availability = &finder->result->contract->availability;
    bool outside = !within_validity(finder->result, stretch->from_ns / NS_PER_SECOND);
    bool shortened = availability->absorb_ns > 0 || availability->min_outage_ns > 0;

    if (outside) {
        return RULE_OUTSIDE;
    }
    if (stretch->class == TIME_MAINTENANCE) {
        return RULE_MAINTENANCE;
    }
    if (stretch->class > TIME_MAINTENANCE) {
        return rule_of_unknown(piece->segment);
    }
    if (!by_time(finder->result)) {
        return RULE_REQUESTS;
    }
    if (stretch->class == time_class_of(stretch->raw)) {
        return stretch->lost.numerator > 0 ? RULE_WEIGHT : RULE_NO_WEIGHT;
    }
    if (!shortened) {
        return RULE_METHOD;
    }
    return stretch->class == TIME_UP ? RULE_TOO_SHORT : RULE_ABSORBED;
}

/* The piece [from_ns, to_ns) of one raw state and one segment. */
static void add_piece(const struct finder *finder, struct pieces *pieces, size_t service,
                      size_t *count_at, const struct state_row *row, const struct segment *segment,
                      int64_t from_ns, int64_t to_ns)
{
    struct piece *piece = &pieces->items[pieces->count++];

    *piece = (struct piece){.segment = segment,
                            .stretch = {.service = service,
                                        .from_ns = from_ns,
                                        .to_ns = to_ns,
                                        .raw = row->grade,
                                        .class = segment->class,
                                        .lost = {0, 1},
                                        .cost = {0, 1}}};
    if (by_time(finder->result)) {
        piece->stretch.lost = lost_time(finder->result, segment, from_ns, to_ns);
    } else {
        count_piece(finder, &finder->input->services[service], count_at, piece);
    }
    piece->stretch.rule = rule_of(finder, piece);
}

/* Where requests are counted, losses are scattered over weeks in which all is well: each day of them is a stretch. */
static int64_t day_end_ns(const struct service_result *service, size_t *day, int64_t at_ns)
{
    while (*day < service->day_count && service->days[*day].to_s * NS_PER_SECOND <= at_ns) {
        (*day)++;
    }
    return *day < service->day_count ? service->days[*day].to_s * NS_PER_SECOND : INT64_MAX;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Lays raw states and segments over each other. */
static void cut_service(struct finder *finder, size_t service)
{
    const struct result *result = finder->result;
    const struct service_result *of = &result->services[service];
    struct timeline timeline = timeline_build(&finder->input->services[service], result->from_s,
                                              result->to_s, finder->arena);
    struct pieces *pieces = &finder->services[service];
    size_t count_at = 0;
    size_t row = 0;
    size_t day = 0;

    pieces->items =
        arena_calloc(finder->arena, timeline.count + of->measure.segment_count + of->day_count + 1,
                     sizeof(pieces->items[0]));
    for (size_t i = 0; i < of->measure.segment_count; i++) {
        const struct segment *segment = &of->measure.segments[i];
        int64_t at_ns = segment_from_ns(segment);

        while (at_ns < segment_to_ns(segment)) {
            int64_t end_ns;

            while (timeline.rows[row].to_s * NS_PER_SECOND <= at_ns) {
                row++;
                CHECK(row < timeline.count);
            }
            end_ns = smaller(timeline.rows[row].to_s * NS_PER_SECOND, segment_to_ns(segment));
            if (!by_time(result) && is_well(timeline.rows[row].grade, segment->class)) {
                end_ns = smaller(end_ns, day_end_ns(of, &day, at_ns));
            }
            add_piece(finder, pieces, service, &count_at, &timeline.rows[row], segment, at_ns,
                      end_ns);
            at_ns = end_ns;
        }
    }
}

/* What the pool makes of the losses. */

/* Each moment that the pool lost is the cost of the first service, in the order of the contract, that is booked as the pool is: the one
 * that spoke, or one that said the same. */
static void cost_of_moments(struct finder *finder)
{
    const struct result *result = finder->result;
    size_t *at = arena_calloc(finder->arena, result->service_count, sizeof(at[0]));

    for (size_t k = 0; k < result->pooled.segment_count; k++) {
        const struct segment *pooled = &result->pooled.segments[k];
        int64_t now_ns = segment_from_ns(pooled);

        if (segment_loss(result, pooled).numerator == 0) {
            continue;
        }
        while (now_ns < segment_to_ns(pooled)) {
            int64_t until_ns = segment_to_ns(pooled);
            struct stretch *speaks = NULL;

            for (size_t i = 0; i < result->service_count; i++) {
                const struct pieces *pieces = &finder->services[i];
                struct piece *piece;

                while (pieces->items[at[i]].stretch.to_ns <= now_ns) {
                    at[i]++;
                    CHECK(at[i] < pieces->count);
                }
                piece = &pieces->items[at[i]];
                until_ns = piece->stretch.to_ns < until_ns ? piece->stretch.to_ns : until_ns;
                if (speaks == NULL && same_booking(piece->segment, pooled)) {
                    speaks = &piece->stretch;
                }
            }
            if (speaks != NULL) {
                speaks->cost =
                    rational_add(speaks->cost, lost_time(result, pooled, now_ns, until_ns));
            }
            now_ns = until_ns;
        }
    }
}

static bool is_result(const struct result *result, size_t service)
{
    return result->contract->availability.pool != POOL_PER_SERVICE ||
           (result->worst_service != NULL &&
            str_equal(result->services[service].service, STR(result->worst_service)));
}

static void decide_costs(struct finder *finder)
{
    enum pool pool = finder->result->contract->availability.pool;

    if (pool == POOL_ALL_REQUIRED || pool == POOL_ANY_ENOUGH) {
        cost_of_moments(finder);
        return;
    }
    for (size_t i = 0; i < finder->result->service_count; i++) {
        for (size_t k = 0; k < finder->services[i].count && is_result(finder->result, i); k++) {
            finder->services[i].items[k].stretch.cost = finder->services[i].items[k].stretch.lost;
        }
    }
}

static enum stretch_fate fate_of(const struct piece *piece)
{
    if (piece->stretch.cost.numerator > 0) {
        return STRETCH_COUNTED;
    }
    if (piece->stretch.lost.numerator > 0) {
        return STRETCH_OUTVOTED;
    }
    return segment_excluded(piece->segment) ? STRETCH_EXCLUDED : STRETCH_NOT_COUNTED;
}

static bool worth_telling(const struct stretch *stretch)
{
    return !is_well(stretch->raw, stretch->class) || stretch->lost.numerator > 0;
}

/* A stretch that goes on in the next segment, for the segment ended where nothing changed. */
static bool continues(const struct stretch *a, const struct stretch *b)
{
    return a->service == b->service && a->to_ns == b->from_ns && a->raw == b->raw &&
           a->class == b->class && a->fate == b->fate && a->rule == b->rule;
}

static void keep(struct finder *finder, struct stretches *stretches)
{
    size_t room = 0;

    for (size_t i = 0; i < finder->result->service_count; i++) {
        room += finder->services[i].count;
    }
    stretches->items = arena_calloc(finder->arena, room + 1, sizeof(stretches->items[0]));
    stretches->lost =
        arena_calloc(finder->arena, finder->result->service_count, sizeof(stretches->lost[0]));
    for (size_t i = 0; i < finder->result->service_count; i++) {
        stretches->lost[i] = rational_make(0, 1);
        for (size_t k = 0; k < finder->services[i].count; k++) {
            struct piece *piece = &finder->services[i].items[k];
            struct stretch *last =
                stretches->count > 0 ? &stretches->items[stretches->count - 1] : NULL;

            piece->stretch.fate = fate_of(piece);
            stretches->cost = rational_add(stretches->cost, piece->stretch.cost);
            stretches->lost[i] = rational_add(stretches->lost[i], piece->stretch.lost);
            if (!worth_telling(&piece->stretch)) {
                continue;
            }
            if (last != NULL && continues(last, &piece->stretch)) {
                last->to_ns = piece->stretch.to_ns;
                last->lost = rational_add(last->lost, piece->stretch.lost);
                last->cost = rational_add(last->cost, piece->stretch.cost);
                last->loss_minutes += piece->stretch.loss_minutes;
            } else {
                stretches->items[stretches->count++] = piece->stretch;
            }
        }
    }
}

void stretches_find(const struct engine_input *input, const struct result *result,
                    struct arena *arena, struct stretches *ret_stretches)
{
    struct finder finder = {.input = input, .result = result, .arena = arena};
    struct stretches stretches = {.cost = {0, 1}};

    CHECK(input->service_count == result->service_count);
    finder.services = arena_calloc(arena, result->service_count, sizeof(finder.services[0]));
    for (size_t i = 0; i < result->service_count; i++) {
        cut_service(&finder, i);
    }
    decide_costs(&finder);
    keep(&finder, &stretches);
    stretches_group(result, arena, &stretches);
    stretches.rest = rational_subtract(result->lost, stretches.cost);
    *ret_stretches = stretches;
}

struct rational stretches_lost(const struct stretches *stretches, size_t service)
{
    return stretches->lost[service];
}
