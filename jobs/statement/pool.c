#include "jobs/statement/pool.h"

#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/measure.h"

/* What a moment of the pool is, and which service says so. */
struct voice {
    struct segment segment;
    size_t index;
};

struct voices {
    struct arena arena; /* of voices */
    struct voice *voices;
    size_t count;
};

struct pool_run {
    struct pool_terms terms;
    struct arena *arena;
    struct measure measure; /* so far: of the worst service, or the sum; in `held` until the end */
    struct arena held;
    size_t worst; /* of the services so far; SIZE_MAX: none yet */
    struct voices now, next;
};

struct pool_run *pool_begin(const struct pool_terms *terms, struct arena *arena)
{
    struct pool_run *run = arena_calloc(arena, 1, sizeof(*run));

    *run = (struct pool_run){.terms = *terms, .arena = arena, .worst = SIZE_MAX};
    return run;
}

static struct measure copy_measure(const struct measure *measure, struct arena *arena)
{
    struct measure copy = *measure;

    copy.segments = arena_calloc(arena, measure->segment_count + 1, sizeof(copy.segments[0]));
    if (measure->segment_count > 0) {
        memcpy(copy.segments, measure->segments, measure->segment_count * sizeof(copy.segments[0]));
    }
    copy.good = fraction_add(arena, measure->good, FRACTION_ZERO);
    copy.valid = fraction_add(arena, measure->valid, FRACTION_ZERO);
    return copy;
}

/* The lowest uptime; of equals the first in the contract; what was not measured only if nothing was. */
static bool is_worse(const struct pool_run *run, size_t index, const struct measure *measure)
{
    struct arena scratch = ARENA_INIT;
    struct fraction mine, best;
    bool known = measure_uptime(measure, &scratch, &mine);
    bool best_known = run->worst != SIZE_MAX && measure_uptime(&run->measure, &scratch, &best);
    int order = known && best_known ? fraction_compare(mine, best) : (int)best_known - (int)known;

    arena_release(&scratch);
    return run->worst == SIZE_MAX || order < 0 || (order == 0 && index < run->worst);
}

/* A measure takes the place of the one before, whose memory goes: of a thousand services, each may be worse than all before it, and each sum longer. */
static void hold(struct pool_run *run, struct arena held)
{
    arena_release(&run->held);
    run->held = held;
}

static void add_sum(struct pool_run *run, const struct measure *measure)
{
    struct arena held = ARENA_INIT;

    run->measure.good = fraction_add(&held, run->measure.good, measure->good);
    run->measure.valid = fraction_add(&held, run->measure.valid, measure->valid);
    hold(run, held);
    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        run->measure.seconds[k] += measure->seconds[k];
    }
}

/* Whether b speaks instead of a. Of equal shares a known state speaks before an unknown one, then the order of the contract. */
static bool takes_over(const struct voice *a, const struct voice *b, enum pool kind)
{
    bool a_first, b_first;
    int order;

    if (a->segment.excluded != b->segment.excluded) {
        return a->segment.excluded;
    }
    if (a->segment.excluded) {
        /* Nothing is measured: announced maintenance is the better name for it than unknown time. */
        a_first = a->segment.class == TIME_MAINTENANCE;
        b_first = b->segment.class == TIME_MAINTENANCE;
    } else {
        order = rational_compare(b->segment.share, a->segment.share);
        if (order != 0) {
            return kind == POOL_ALL_REQUIRED ? order < 0 : order > 0;
        }
        a_first = a->segment.class <= TIME_MAINTENANCE;
        b_first = b->segment.class <= TIME_MAINTENANCE;
    }
    return a_first != b_first ? b_first : b->index < a->index;
}

static void push(struct voices *voices, const struct voice *voice, int64_t from_ns, int64_t to_ns)
{
    struct voice *last = voices->count > 0 ? &voices->voices[voices->count - 1] : NULL;

    if (last != NULL && last->index == voice->index &&
        last->segment.class == voice->segment.class &&
        last->segment.excluded == voice->segment.excluded &&
        rational_compare(last->segment.share, voice->segment.share) == 0) {
        last->segment.to_ns = to_ns;
        return;
    }
    voices->voices[voices->count] = *voice;
    voices->voices[voices->count].segment.from_ns = from_ns;
    voices->voices[voices->count++].segment.to_ns = to_ns;
}

/* How many stretches the borders of both make: with a hundred services, room for more would be most of the memory of an evaluation. */
static size_t count_stretches(const struct voices *now, const struct measure *measure)
{
    size_t left = 0, right = 0, count = 0;

    for (; right < measure->segment_count; count++) {
        int64_t until_ns = measure->segments[right].to_ns;

        if (left < now->count && now->voices[left].segment.to_ns < until_ns) {
            until_ns = now->voices[left].segment.to_ns;
        }
        left += left < now->count && now->voices[left].segment.to_ns == until_ns;
        right += measure->segments[right].to_ns == until_ns;
    }
    return count;
}

/* Between two borders of either nothing changes, so each such stretch is decided once. */
static void merge(struct pool_run *run, size_t index, const struct measure *measure)
{
    struct voices *now = &run->now;
    struct voices *next = &run->next;
    size_t left = 0, right = 0;
    int64_t at_ns = run->terms.from_s * NS_PER_SECOND;

    arena_release(&next->arena); /* a cleared one would keep its last block beside the new one */
    next->count = 0;
    next->voices =
        arena_calloc(&next->arena, count_stretches(now, measure) + 1, sizeof(next->voices[0]));
    while (right < measure->segment_count) {
        const struct segment *segment = &measure->segments[right];
        struct voice voice = {*segment, index};
        const struct voice *speaks = &voice;
        int64_t until_ns = segment->to_ns;

        if (now->count > 0) {
            const struct voice *other = &now->voices[left];

            speaks = takes_over(other, &voice, run->terms.kind) ? &voice : other;
            until_ns = other->segment.to_ns < until_ns ? other->segment.to_ns : until_ns;
            left += other->segment.to_ns == until_ns && left + 1 < now->count;
        }
        push(next, speaks, at_ns, until_ns);
        right += segment->to_ns == until_ns;
        at_ns = until_ns;
    }
    struct voices swapped = run->now;

    run->now = run->next;
    run->next = swapped;
}

void pool_add(struct pool_run *run, size_t index, const struct measure *measure)
{
    switch (run->terms.kind) {
    case POOL_NONE:
    case POOL_PER_SERVICE:
        if (is_worse(run, index, measure)) {
            struct arena held = ARENA_INIT;

            run->measure = copy_measure(measure, &held);
            run->worst = index;
            hold(run, held);
        }
        break;
    case POOL_SUM:
        add_sum(run, measure);
        break;
    case POOL_ALL_REQUIRED:
    case POOL_ANY_ENOUGH:
        CHECK(run->terms.unit != POOL_UNIT_NONE);
        merge(run, index, measure);
        break;
    }
}

/* The pool's own time line, and what it adds up to. */
static void finish_moments(struct pool_run *run)
{
    struct measure *measure = &run->measure;

    measure->segments = arena_calloc(run->arena, run->now.count + 1, sizeof(measure->segments[0]));
    for (size_t i = 0; i < run->now.count; i++) {
        measure_push(measure, run->now.voices[i].segment);
    }
    measure_sum_seconds(measure);
    if (run->terms.unit == POOL_UNIT_SLICES) {
        measure_sum_slices(measure, run->terms.from_s, run->terms.to_s, run->terms.slice_s,
                           run->arena);
    } else {
        measure_sum_time(measure, run->arena);
    }
}

void pool_abandon(struct pool_run *run)
{
    arena_release(&run->now.arena);
    arena_release(&run->next.arena);
    arena_release(&run->held);
}

void pool_finish(struct pool_run *run, struct measure *ret_measure, size_t *ret_worst)
{
    if (run->now.count > 0) {
        finish_moments(run);
    } else {
        run->measure = copy_measure(&run->measure, run->arena);
    }
    pool_abandon(run);
    if (run->terms.kind == POOL_NONE || run->terms.kind == POOL_PER_SERVICE) {
        CHECK(run->worst != SIZE_MAX);
        *ret_worst = run->worst;
    }
    *ret_measure = run->measure;
}
