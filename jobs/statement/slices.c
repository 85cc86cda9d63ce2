#include "jobs/statement/slices.h"

#include "base/check.h"
#include "base/clock.h"
#include "jobs/statement/counted.h"

static const struct rational all_good = {1, 1};
static const struct rational all_lost = {0, 1};

/* What is known of some of a slice's time: the requests of its minutes, and what the rules say of its seconds if there are none. */
struct evidence {
    int64_t total, errors, slow;
    int64_t known, over; /* of latencies */
    bool seconds;        /* any within validity and service hours */
    bool counts;         /* any of them whose rule is not to exclude */
    bool down;           /* any whose rule is down */
};

struct verdict {
    bool measured;
    struct rational share;
};

struct slice {
    int64_t from_s, to_s;
    struct evidence rest; /* what announced maintenance leaves of it */
    struct evidence all;
    bool excused;  /* nothing is left */
    bool deemed;   /* some of its service hours are not within the contract's validity */
    bool troubled; /* bad when all of its minutes are counted */
    struct verdict verdict;
};

struct slices {
    const struct measure_input *input;
    const struct slice_terms *terms;
    struct counted counted; /* for minutes and for painting */
    struct counted ahead;   /* for looking at the seconds of a slice before it is painted */
    size_t row;             /* of counts: the first that is not in an earlier slice */
    size_t cover;           /* the first span that may still matter */
    struct fraction_sum *good;
    int64_t measured;
    struct raw_time raw;
};

static bool is_lost(const struct verdict *verdict)
{
    return verdict->measured && verdict->share.numerator < verdict->share.denominator;
}

static void add_requests(struct evidence *evidence, const struct request_counts *counts)
{
    evidence->total = counted_add(evidence->total, counts->total);
    evidence->errors += counts->errors; /* no more than the total */
    evidence->slow += counts->slow;
}

static void add_latency(struct evidence *evidence, const struct request_latency *latency)
{
    evidence->known = counted_add(evidence->known, latency->known);
    evidence->over += latency->over; /* no more than the known ones */
}

static void add_row(const struct slices *slices, struct evidence *evidence)
{
    const struct service_input *service = slices->input->service;

    add_requests(evidence, &service->counts[slices->row].counts);
    if (slices->terms->max_over_ratio.present) {
        add_latency(evidence, &service->latencies[slices->row]);
    }
}

static void add_minutes(struct slices *slices, struct slice *slice)
{
    const struct service_input *service = slices->input->service;

    for (; slices->row < service->count_count; slices->row++) {
        const struct count_row *row = &service->counts[slices->row];

        if (row->minute_s >= slice->to_s) {
            break;
        }
        if (!counted_measured(&slices->counted, row->minute_s) ||
            counted_void(&slices->counted, row->minute_s)) {
            continue;
        }
        add_row(slices, &slice->all);
        if (!counted_excused(&slices->counted, row->minute_s)) {
            add_row(slices, &slice->rest);
        }
    }
}

static enum unknown_rule rule_of(const struct slices *slices, const struct counted_span *span)
{
    if (span->unknown && span->grade != GRADE_NO_TRAFFIC) {
        return slices->input->contract->availability.unknown[span->grade];
    }
    return slices->terms->no_traffic;
}

static void add_second(struct evidence *evidence, enum unknown_rule rule)
{
    evidence->seconds = true;
    evidence->counts = evidence->counts || rule != UNKNOWN_EXCLUDE;
    evidence->down = evidence->down || rule == UNKNOWN_DOWN;
}

static void add_seconds(struct slices *slices, struct slice *slice)
{
    for (int64_t now_s = slice->from_s; now_s < slice->to_s;) {
        struct counted_span span = counted_span(&slices->ahead, now_s, slice->to_s);
        enum unknown_rule rule = rule_of(slices, &span);

        now_s = span.to_s;
        slice->deemed = slice->deemed || (span.open && !span.valid);
        if (!span.open || !span.valid) {
            continue;
        }
        add_second(&slice->all, rule);
        if (!span.excused) {
            add_second(&slice->rest, rule);
        }
    }
}

/* Whether announced maintenance covers every second of it. */
static bool is_covered(struct slices *slices, const struct slice *slice)
{
    const struct cover *cover = slices->input->cover;

    while (slices->cover < cover->count && cover->spans[slices->cover].to_s <= slice->from_s) {
        slices->cover++;
    }
    return slices->cover < cover->count && cover->spans[slices->cover].from_s <= slice->from_s &&
           cover->spans[slices->cover].to_s >= slice->to_s;
}

static bool exceeds(const struct limit *limit, int64_t part, int64_t whole)
{
    return limit->present && counted_exceeds(part, whole, limit->value);
}

/* A percentile is above a limit exactly if the share of what is above it is greater than the percentile leaves: by nearest rank it is the value
 * that p % of all, rounded up to a whole number, do not exceed. 0 of 0 exceeds nothing. */
static struct verdict judge(const struct slice_terms *terms, const struct evidence *evidence)
{
    int64_t total = evidence->total;

    if (total == 0) {
        return (struct verdict){evidence->counts, evidence->down ? all_lost : all_good};
    }
    if (terms->by_ratio) {
        return (struct verdict){true, counted_share(total - evidence->errors, total)};
    }
    bool bad = exceeds(&terms->max_error_ratio, evidence->errors, total) ||
               exceeds(&terms->max_slow_ratio, evidence->slow, total) ||
               exceeds(&terms->max_over_ratio, evidence->over, evidence->known);

    return (struct verdict){true, bad ? all_lost : all_good};
}

static void decide(struct slices *slices, struct slice *slice)
{
    const struct verdict good = {true, all_good};
    struct verdict all;

    add_minutes(slices, slice);
    /* Requests that are left make all the rest needless, and most slices have some. */
    if (slice->rest.total == 0) {
        add_seconds(slices, slice);
    }
    slice->excused = is_covered(slices, slice) ||
                     (slice->rest.total == 0 && slice->all.seconds && !slice->rest.seconds);
    all = judge(slices->terms, &slice->all);
    slice->troubled = is_lost(&all);
    slice->verdict = slice->excused ? all : judge(slices->terms, &slice->rest);
    if (slice->excused && slice->troubled) {
        bool forgive = slices->input->contract->maintenance.excluded == EXCLUDED_FORGIVE;

        slice->verdict = forgive ? good : (struct verdict){false, all_lost};
    } else if (slice->all.total == 0 && !slice->all.seconds && slice->deemed) {
        slice->verdict = good;
    }
}

static enum time_class class_of(const struct slices *slices, const struct slice *slice,
                                const struct counted_span *span)
{
    bool excused = span->excused || slice->excused;
    bool judged = excused ? slice->all.total > 0 : slice->rest.total > 0;
    bool graded = slices->terms->by_ratio && span->busy;

    if (!span->valid) {
        return TIME_UP;
    }
    if (span->unknown) {
        return excused && rule_of(slices, span) == UNKNOWN_DOWN ? TIME_MAINTENANCE
                                                                : time_class_of(span->grade);
    }
    if (excused && (slice->troubled || (graded && span->grade != GRADE_OPERATIONAL))) {
        return TIME_MAINTENANCE;
    }
    if (!judged) {
        return TIME_NO_TRAFFIC;
    }
    if (slices->terms->by_ratio) {
        return graded ? time_class_of(span->grade) : TIME_UP;
    }
    return !excused && is_lost(&slice->verdict) ? TIME_MAJOR : TIME_UP;
}

static void paint(struct slices *slices, const struct slice *slice)
{
    for (int64_t now_s = slice->from_s; now_s < slice->to_s;) {
        struct counted_span span = counted_span(&slices->counted, now_s, slice->to_s);

        raw_time_push(&slices->raw,
                      (struct segment){
                          .from_ns = span.from_s * NS_PER_SECOND,
                          .to_ns = span.to_s * NS_PER_SECOND,
                          .class = class_of(slices, slice, &span),
                          .excluded = !slice->verdict.measured,
                          .share = slice->verdict.measured ? slice->verdict.share : all_lost,
                      });
        now_s = span.to_s;
    }
}

static void go_through(struct slices *slices)
{
    const struct measure_input *input = slices->input;
    const struct service_input *service = input->service;
    int64_t slice_s = slices->terms->slice_s;

    while (slices->row < service->count_count &&
           service->counts[slices->row].minute_s < input->from_s) {
        slices->row++;
    }
    for (int64_t now_s = input->from_s; now_s < input->to_s; now_s += slice_s) {
        struct slice slice = {
            .from_s = now_s,
            .to_s = input->to_s - now_s > slice_s ? now_s + slice_s : input->to_s,
        };

        decide(slices, &slice);
        paint(slices, &slice);
        if (slice.verdict.measured) {
            slices->measured++;
            fraction_sum_add(slices->good, 1, slice.verdict.share);
        }
    }
}

void slices_measure(const struct measure_input *input, const struct slice_terms *terms,
                    struct arena *arena, struct measure *ret_measure)
{
    struct arena scratch = ARENA_INIT;
    struct slices slices = {.input = input, .terms = terms, .good = fraction_sum_new(&scratch)};
    /* Slices have decided what maintenance and validity do to them; only service hours are left to be laid over them. */
    struct measure_input decided = *input;
    const struct cover nothing = {0};

    CHECK(terms->slice_s > 0);
    CHECK(terms->slice_s % MINUTE_S == 0);
    /* Who reads the counts owes the latencies. */
    CHECK(!terms->max_over_ratio.present || input->service->latencies != NULL ||
          input->service->count_count == 0);
    counted_init(&slices.counted, input, &scratch);
    slices.ahead = slices.counted;
    go_through(&slices);
    decided.valid_from_s = input->from_s;
    decided.valid_to_s = input->to_s;
    measure_lay(&decided, &nothing, slices.raw.measure.segments, slices.raw.measure.segment_count,
                arena, ret_measure);
    ret_measure->good = fraction_sum_total(arena, slices.good);
    ret_measure->valid = fraction_of_int(arena, slices.measured);
    raw_time_release(&slices.raw);
    arena_release(&scratch);
}
