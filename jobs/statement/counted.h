/*
 * Minutes of requests, and the time around them, as methods on counts see them (decision 21).
 *
 * Of the states only the four unknown ones speak: a second in one of them is unknown, whatever was counted; the counts of a minute are void if
 * none of its seconds is known. Other states, and time without one, say nothing: such a second is known, with requests or without. A no_traffic
 * state over a minute without requests says no more than the missing row.
 *
 * Each question has its own place in the input and may only be asked in ascending order of time, so all of them together take linear time.
 */
#ifndef JOBS_STATEMENT_COUNTED_H
#define JOBS_STATEMENT_COUNTED_H

#include "jobs/statement/measure.h"

enum { MINUTE_S = 60 };

/* Spans, or rows of states, along which time moves forward. */
struct counted_place {
    size_t next;
};

struct counted {
    const struct measure_input *input;
    const struct state_row *states;
    size_t state_count;
    struct cover excused;                              /* whole minutes of announced maintenance */
    struct counted_place void_at, open_at, excused_at; /* of questions about minutes */
    struct {
        struct counted_place state, hours, excused;
        size_t row;
        int64_t busy_from_s,
            busy_to_s; /* adjoining minutes with requests, the first that end later */
    } span;
};

/* Seconds in which nothing that counts are read with changes. */
struct counted_span {
    int64_t from_s, to_s;
    bool busy;        /* in a minute with requests */
    bool unknown;     /* in an unknown state that says something */
    enum grade grade; /* of the state; GRADE_OPERATIONAL where there is none */
    bool valid;       /* the contract holds */
    bool open;        /* within service hours */
    bool excused;     /* in a minute that announced maintenance covers wholly */
};

/* CHECKs what the caller of the engine owes: minutes ascend, errors + slow <= total. In arena what it allocates. */
void counted_init(struct counted *counted, const struct measure_input *input, struct arena *arena);

/* Of a minute with requests. A minute belongs to the period, to the validity and to service hours if its first second does. */
bool counted_void(struct counted *counted, int64_t minute_s);
/* The state at its first second, by whose rule void counts go. Asked before counted_void, if at all. */
enum grade counted_grade(struct counted *counted, int64_t minute_s);
bool counted_measured(struct counted *counted, int64_t minute_s);
bool counted_excused(struct counted *counted, int64_t minute_s);

/* What begins at from_s and ends at to_s, or earlier where something changes. */
struct counted_span counted_span(struct counted *counted, int64_t from_s, int64_t to_s);

/* part / whole > limit, exactly. */
bool counted_exceeds(int64_t part, int64_t whole, struct rational limit);
/* part / whole, reduced; 0 <= part <= whole, whole > 0. */
struct rational counted_share(int64_t part, int64_t whole);
/* a + b. Sums of a service's counts fit by what the readers of counts let in. */
int64_t counted_add(int64_t a, int64_t b);

/* Raw segments that grow. Not in an arena, which would keep every size they once had. */
struct raw_time {
    struct measure measure;
    size_t capacity;
};

void raw_time_push(struct raw_time *raw, struct segment segment);
void raw_time_release(struct raw_time *raw);

#endif
