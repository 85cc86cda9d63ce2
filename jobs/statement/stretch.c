#include "jobs/statement/stretch.h"

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/measure.h"
#include "jobs/statement/timeline.h"

static const struct rational nothing = {0, 1};

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

/* What a loss is counted in. */
enum loss_unit { LOSS_TIME, LOSS_REQUESTS, LOSS_SLICES };

struct finder {
    const struct engine_input *input;
    const struct result *result;
    size_t level;
    enum loss_unit unit;
    int64_t slice_s; /* of LOSS_SLICES */
    struct arena *arena;
    struct pieces *services;
};

static const struct measure *measure_of(const struct finder *finder, size_t service)
{
    return &finder->result->services[service].verdicts.levels[finder->level].measure;
}

static const struct measure *pooled_of(const struct finder *finder)
{
    return &finder->result->verdicts.levels[finder->level].measure;
}

static void choose_unit(struct finder *finder)
{
    const struct contract *contract = finder->result->contract;
    const struct method_row *method = method_row(contract->availability.method);
    bool latency = finder->level == LEVEL_LATENCY;

    finder->unit = contract->availability.method == METHOD_REQUEST_RATIO ? LOSS_REQUESTS
                   : method->judges_time && !method->sliced              ? LOSS_TIME
                                                                         : LOSS_SLICES;
    finder->unit = latency ? LOSS_SLICES : finder->unit;
    finder->slice_s = latency ? contract->latency.slice_s : contract->availability.slice_s;
}

static bool same_booking(const struct segment *a, const struct segment *b)
{
    return a->class == b->class && a->excluded == b->excluded &&
           (a->excluded || rational_compare(a->share, b->share) == 0);
}

static struct rational lost_time(const struct segment *segment, int64_t from_ns, int64_t to_ns)
{
    return rational_multiply(segment_loss(segment), rational_make(to_ns - from_ns, NS_PER_SECOND));
}

/* Where requests are counted: what a minute that is booked like this lost. Announced maintenance takes whole minutes out. */
static struct rational lost_requests(const struct result *result, const struct segment *segment,
                                     const struct request_counts *counts)
{
    if (segment->class == TIME_MAINTENANCE || segment->excluded) {
        return nothing;
    }
    if (segment->class > TIME_MAINTENANCE) {
        return rational_make(segment->share.numerator == 0 ? counts->total : 0, 1);
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

/* Which rule made the booking of the raw grade. */
static enum stretch_rule rule_of(const struct finder *finder, const struct piece *piece)
{
    const struct stretch *stretch = &piece->stretch;
    const struct segment *segment = piece->segment;
    const struct availability *terms = &finder->result->contract->availability;
    bool loses = segment_loss(segment).numerator > 0;

    if (stretch->class == TIME_OUTSIDE_HOURS) {
        return RULE_HOURS;
    }
    if (!within_validity(finder->result, stretch->from_ns / NS_PER_SECOND)) {
        return RULE_OUTSIDE;
    }
    if (stretch->class == TIME_MAINTENANCE) {
        return RULE_MAINTENANCE;
    }
    if (finder->unit == LOSS_SLICES && loses) {
        return stretch->lost.numerator > 0 ? RULE_METHOD : RULE_SLICE;
    }
    if (stretch->class > TIME_MAINTENANCE) {
        return segment->excluded ? RULE_UNKNOWN_EXCLUDE
               : loses           ? RULE_UNKNOWN_DOWN
                                 : RULE_UNKNOWN_UP;
    }
    if (finder->unit == LOSS_REQUESTS) {
        return RULE_REQUESTS;
    }
    if (terms->method != METHOD_STATE_TIME || finder->unit == LOSS_SLICES) {
        return RULE_METHOD;
    }
    if (stretch->class == time_class_of(stretch->raw)) {
        return loses ? RULE_WEIGHT : RULE_NO_WEIGHT;
    }
    return stretch->class == TIME_UP ? RULE_TOO_SHORT : RULE_ABSORBED;
}

static void add_piece(const struct finder *finder, size_t service, size_t *count_at,
                      const struct segment *segment, enum grade raw, int64_t from_ns, int64_t to_ns)
{
    struct pieces *pieces = &finder->services[service];
    struct piece *piece = &pieces->items[pieces->count++];

    *piece = (struct piece){.segment = segment,
                            .stretch = {.service = service,
                                        .from_ns = from_ns,
                                        .to_ns = to_ns,
                                        .raw = raw,
                                        .class = segment->class,
                                        .lost = nothing,
                                        .cost = nothing}};
    if (finder->unit == LOSS_TIME) {
        piece->stretch.lost = lost_time(segment, from_ns, to_ns);
    } else if (finder->unit == LOSS_REQUESTS) {
        count_piece(finder, &finder->input->services[service], count_at, piece);
    }
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where requests are counted, losses are scattered over weeks in which all is well: each day of them is a stretch. */
static int64_t day_end_ns(const struct service_result *service, size_t *day, int64_t at_ns)
{
    while (*day < service->day_count && service->days[*day].to_s * NS_PER_SECOND <= at_ns) {
        (*day)++;
    }
    return *day < service->day_count ? service->days[*day].to_s * NS_PER_SECOND : INT64_MAX;
}

/* Raw states while time moves on. */
struct raw_walk {
    struct timeline timeline;
    size_t row;
};

/* The state at at_ns, and *end_ns lowered to where it ends. With `all` the worst known one up to end_ns instead. */
static enum grade raw_at(struct raw_walk *walk, int64_t at_ns, bool all, int64_t *end_ns)
{
    const struct state_row *rows = walk->timeline.rows;
    enum grade grade;

    while (rows[walk->row].to_s * NS_PER_SECOND <= at_ns) {
        walk->row++;
        CHECK(walk->row < walk->timeline.count);
    }
    grade = rows[walk->row].grade;
    if (!all) {
        *end_ns = smaller(*end_ns, rows[walk->row].to_s * NS_PER_SECOND);
        return grade;
    }
    for (size_t i = walk->row; i < walk->timeline.count && rows[i].from_s * NS_PER_SECOND < *end_ns;
         i++) {
        if (grade_row(rows[i].grade)->known || !grade_row(grade)->known) {
            grade = grade_row(grade)->known ? grade_worse(grade, rows[i].grade) : rows[i].grade;
        }
    }
    return grade;
}

/* Lays raw states and segments over each other. A lost slice is not cut by them: it was lost as a whole. */
static void cut_service(struct finder *finder, size_t service)
{
    const struct result *result = finder->result;
    const struct service_result *of = &result->services[service];
    const struct measure *measure = measure_of(finder, service);
    struct raw_walk walk = {.timeline =
                                timeline_build(&finder->input->services[service], result->from_s,
                                               result->to_s, finder->arena)};
    size_t room = walk.timeline.count + measure->segment_count + of->day_count + 1;
    size_t count_at = 0;
    size_t day = 0;

    finder->services[service].items = arena_calloc(finder->arena, room, sizeof(struct piece));
    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];
        bool whole = finder->unit == LOSS_SLICES && segment_loss(segment).numerator > 0;
        int64_t end_ns;

        for (int64_t at_ns = segment->from_ns; at_ns < segment->to_ns; at_ns = end_ns) {
            enum grade raw;

            end_ns = segment->to_ns;
            raw = raw_at(&walk, at_ns, whole, &end_ns);
            if (finder->unit == LOSS_REQUESTS && is_well(raw, segment->class)) {
                end_ns = smaller(end_ns, day_end_ns(of, &day, at_ns));
            }
            add_piece(finder, service, &count_at, segment, raw, at_ns, end_ns);
        }
    }
}

/* Slices. */

/* The first segment of [from_ns, to_ns) within service hours: what the slice is worth. NULL: there is none. *at only moves on. */
static const struct segment *slice_segment(const struct measure *measure, size_t *at,
                                           int64_t from_ns, int64_t to_ns)
{
    while (*at < measure->segment_count && measure->segments[*at].to_ns <= from_ns) {
        (*at)++;
    }
    for (size_t i = *at; i < measure->segment_count && measure->segments[i].from_ns < to_ns; i++) {
        if (measure->segments[i].class != TIME_OUTSIDE_HOURS) {
            return &measure->segments[i];
        }
    }
    return NULL;
}

/* The piece of a service at a moment. *at only moves on. */
static struct piece *piece_at(struct pieces *pieces, size_t *at, int64_t moment_ns)
{
    while (pieces->items[*at].stretch.to_ns <= moment_ns) {
        (*at)++;
        CHECK(*at < pieces->count);
    }
    return &pieces->items[*at];
}

/* Calls `take` with each lost slice of a measure: the moment that decided it, and its segment. */
static void each_lost_slice(struct finder *finder, const struct measure *measure,
                            void (*take)(struct finder *finder, const struct segment *segment,
                                         int64_t moment_ns, void *context),
                            void *context)
{
    int64_t end_ns = finder->result->to_s * NS_PER_SECOND;
    int64_t slice_ns = finder->slice_s * NS_PER_SECOND;
    size_t at = 0;

    CHECK(slice_ns > 0);
    for (int64_t now_ns = finder->result->from_s * NS_PER_SECOND; now_ns < end_ns;
         now_ns += slice_ns) {
        const struct segment *segment =
            slice_segment(measure, &at, now_ns, smaller(now_ns + slice_ns, end_ns));

        if (segment != NULL && segment_loss(segment).numerator > 0) {
            take(finder, segment, segment->from_ns > now_ns ? segment->from_ns : now_ns, context);
        }
    }
}

struct own_slices {
    size_t service, at;
};

static void take_own(struct finder *finder, const struct segment *segment, int64_t moment_ns,
                     void *context)
{
    struct own_slices *own = context;
    struct piece *piece = piece_at(&finder->services[own->service], &own->at, moment_ns);

    piece->stretch.lost = rational_add(piece->stretch.lost, segment_loss(segment));
}

/* What the pool makes of the losses. */

struct speakers {
    size_t *at; /* of each service */
};

/* The first service, in the order of the contract, that is booked as the pool is: the one that spoke, or one that said the same. Lowers
 * *until_ns (may be NULL) to where any service changes. */
static struct stretch *speaker(struct finder *finder, struct speakers *speakers,
                               const struct segment *pooled, int64_t now_ns, int64_t *until_ns)
{
    struct stretch *speaks = NULL;

    for (size_t i = 0; i < finder->result->service_count; i++) {
        struct piece *piece = piece_at(&finder->services[i], &speakers->at[i], now_ns);

        if (until_ns != NULL) {
            *until_ns = smaller(*until_ns, piece->stretch.to_ns);
        } else if (speaks != NULL) {
            break;
        }
        if (speaks == NULL && same_booking(piece->segment, pooled)) {
            speaks = &piece->stretch;
        }
    }
    return speaks;
}

static void cost_of_moments(struct finder *finder, struct speakers *speakers)
{
    const struct measure *pooled = pooled_of(finder);

    for (size_t k = 0; k < pooled->segment_count; k++) {
        const struct segment *segment = &pooled->segments[k];
        int64_t until_ns;

        if (segment_loss(segment).numerator == 0) {
            continue;
        }
        for (int64_t now_ns = segment->from_ns; now_ns < segment->to_ns; now_ns = until_ns) {
            struct stretch *speaks;

            until_ns = segment->to_ns;
            speaks = speaker(finder, speakers, segment, now_ns, &until_ns);
            if (speaks != NULL) {
                speaks->cost = rational_add(speaks->cost, lost_time(segment, now_ns, until_ns));
            }
        }
    }
}

static void take_pooled(struct finder *finder, const struct segment *segment, int64_t moment_ns,
                        void *context)
{
    struct stretch *speaks = speaker(finder, context, segment, moment_ns, NULL);

    if (speaks != NULL) {
        speaks->cost = rational_add(speaks->cost, segment_loss(segment));
    }
}

/* The service whose figure the level's is: the worst, and of equals the first. SIZE_MAX: each has a part of it. */
static size_t find_speaking(const struct finder *finder)
{
    const struct measure *pooled = pooled_of(finder);

    if (finder->result->contract->availability.pool == POOL_PER_SERVICE) {
        for (size_t i = 0; i < finder->result->service_count; i++) {
            const struct measure *measure = measure_of(finder, i);

            if (fraction_compare(measure->good, pooled->good) == 0 &&
                fraction_compare(measure->valid, pooled->valid) == 0) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static void decide_costs(struct finder *finder)
{
    enum pool pool = finder->result->contract->availability.pool;
    size_t speaking = find_speaking(finder);
    struct speakers speakers = {
        arena_calloc(finder->arena, finder->result->service_count, sizeof(size_t))};

    if (pool == POOL_ALL_REQUIRED || pool == POOL_ANY_ENOUGH) {
        if (finder->unit == LOSS_SLICES) {
            each_lost_slice(finder, pooled_of(finder), take_pooled, &speakers);
        } else {
            cost_of_moments(finder, &speakers);
        }
        return;
    }
    for (size_t i = 0; i < finder->result->service_count; i++) {
        bool counts = speaking == SIZE_MAX || speaking == i;

        for (size_t k = 0; k < finder->services[i].count && counts; k++) {
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
    return piece->segment->excluded ? STRETCH_EXCLUDED : STRETCH_NOT_COUNTED;
}

static bool worth_telling(const struct stretch *stretch)
{
    bool trouble = grade_row(stretch->raw)->known && stretch->raw != GRADE_OPERATIONAL;

    if (stretch->class == TIME_OUTSIDE_HOURS) {
        return trouble;
    }
    return !is_well(stretch->raw, stretch->class) || stretch->lost.numerator > 0;
}

/* Keeps the pieces of a service that are worth telling. */
static void keep_service(struct finder *finder, size_t service, struct fraction_sum *cost,
                         struct stretches *stretches)
{
    struct fraction_sum *lost = fraction_sum_new(finder->arena);

    for (size_t k = 0; k < finder->services[service].count; k++) {
        struct piece *piece = &finder->services[service].items[k];

        piece->stretch.fate = fate_of(piece);
        piece->stretch.rule = rule_of(finder, piece);
        if (worth_telling(&piece->stretch)) {
            fraction_sum_add(lost, 1, piece->stretch.lost);
            fraction_sum_add(cost, 1, piece->stretch.cost);
            stretches->items[stretches->count++] = piece->stretch;
        }
    }
    stretches->lost[service] = fraction_sum_total(finder->arena, lost);
}

static void keep(struct finder *finder, struct stretches *stretches)
{
    size_t service_count = finder->result->service_count;
    struct fraction_sum *cost = fraction_sum_new(finder->arena);
    size_t room = 0;

    for (size_t i = 0; i < service_count; i++) {
        room += finder->services[i].count;
    }
    stretches->items = arena_calloc(finder->arena, room + 1, sizeof(stretches->items[0]));
    stretches->lost = arena_calloc(finder->arena, service_count, sizeof(stretches->lost[0]));
    for (size_t i = 0; i < service_count; i++) {
        keep_service(finder, i, cost, stretches);
    }
    stretches->cost = fraction_sum_total(finder->arena, cost);
}

void stretches_find(const struct engine_input *input, const struct result *result, size_t level,
                    struct arena *arena, struct stretches *ret_stretches)
{
    struct finder finder = {.input = input, .result = result, .level = level, .arena = arena};
    struct stretches stretches = {0};

    CHECK(input->service_count == result->service_count);
    CHECK(level < result->verdicts.level_count);
    choose_unit(&finder);
    finder.services = arena_calloc(arena, result->service_count, sizeof(finder.services[0]));
    for (size_t i = 0; i < result->service_count; i++) {
        struct own_slices own = {.service = i};

        cut_service(&finder, i);
        if (finder.unit == LOSS_SLICES) {
            each_lost_slice(&finder, measure_of(&finder, i), take_own, &own);
        }
    }
    decide_costs(&finder);
    keep(&finder, &stretches);
    stretches_group(result, arena, &stretches);
    stretches.rest = fraction_subtract(arena, result->verdicts.levels[level].lost, stretches.cost);
    *ret_stretches = stretches;
}

struct fraction stretches_lost(const struct stretches *stretches, size_t service)
{
    return stretches->lost[service];
}
