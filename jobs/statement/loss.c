#include "jobs/statement/loss.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

void losses_add(struct losses *losses, struct loss loss)
{
    struct loss *last = losses->count > 0 ? &losses->rows[losses->count - 1] : NULL;

    CHECK(loss.from_ns < loss.to_ns);
    CHECK(last == NULL || last->to_ns <= loss.from_ns);
    if (losses->count == losses->capacity) {
        losses->capacity = losses->capacity > 0 ? 2 * losses->capacity : 64;
        losses->rows = memory_resize(losses->rows, losses->capacity, sizeof(losses->rows[0]));
    }
    losses->rows[losses->count++] = loss;
}

void losses_release(struct losses *losses)
{
    memory_free(losses->rows);
    *losses = (struct losses){0};
}

/* The loss at at_ns, or NULL; *border_ns is lowered to where that changes. */
static const struct loss *loss_at(const struct losses *losses, size_t *next, int64_t at_ns,
                                  int64_t *border_ns)
{
    while (*next < losses->count && losses->rows[*next].to_ns <= at_ns) {
        (*next)++;
    }
    if (*next == losses->count) {
        return NULL;
    }
    const struct loss *loss = &losses->rows[*next];
    bool holds = loss->from_ns <= at_ns;
    int64_t change_ns = holds ? loss->to_ns : loss->from_ns;

    *border_ns = change_ns < *border_ns ? change_ns : *border_ns;
    return holds ? loss : NULL;
}

static struct segment judge(const struct availability *availability,
                            const struct counted_span *span, const struct loss *loss)
{
    if (span->unknown) {
        return measure_segment_of(availability, span->grade);
    }
    if (loss != NULL) {
        return (struct segment){.class = TIME_MAJOR,
                                .share = counted_share(loss->whole - loss->part, loss->whole)};
    }
    if (!span->busy) {
        return measure_segment_of(availability, GRADE_NO_TRAFFIC);
    }
    return (struct segment){.class = TIME_UP, .share = {1, 1}};
}

void losses_lay(const struct measure_input *input, const struct losses *losses, struct arena *arena,
                struct measure *ret_measure)
{
    struct arena scratch = ARENA_INIT;
    struct raw_time raw = {0};
    struct counted counted;
    size_t next = 0;

    counted_init(&counted, input, &scratch);
    for (int64_t now_s = input->from_s; now_s < input->to_s;) {
        struct counted_span span = counted_span(&counted, now_s, input->to_s);
        int64_t end_ns = span.to_s * NS_PER_SECOND;

        for (int64_t now_ns = now_s * NS_PER_SECOND; now_ns < end_ns;) {
            int64_t until_ns = end_ns;
            const struct loss *loss = loss_at(losses, &next, now_ns, &until_ns);
            struct segment segment = judge(&input->contract->availability, &span, loss);

            segment.from_ns = now_ns;
            segment.to_ns = until_ns;
            raw_time_push(&raw, segment);
            now_ns = until_ns;
        }
        now_s = span.to_s;
    }
    measure_lay(input, &counted.excused, raw.measure.segments, raw.measure.segment_count, arena,
                ret_measure);
    measure_sum_time(ret_measure, arena);
    raw_time_release(&raw);
    arena_release(&scratch);
}
