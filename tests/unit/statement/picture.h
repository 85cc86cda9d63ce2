/*
 * Scenes for methods on counts of minutes: one character a minute, in and out, so that a derivation can be read off.
 *
 * All pictures of a scene begin `before` minutes before the period; the period is as long as `columns`, validity and hours are all of it unless given.
 * counts: '.' no requests, 'o' 100 good ones, 'x' 100 failures, '1'..'9' so many of 100 fail, 's' 50 of 100 are slow, 'e' one request that fails, 'z' a row
 * of 0. latencies, for each minute with a row: '.' none is known, '0'..'9' of 100 known ones so many are above the limit, 'x' all of them. states: 'p' probe_down, 'g' pipeline_gap, 'n' not_provisioned, '-' no_traffic, 'd' degraded, ' ' says nothing. cover, valid, hours: '#'.
 * columns: 'u' up, 'd' degraded, 'm' major, 'M' maintenance, 'h' outside hours, unknown time as in states; '?' more than one of them.
 * shares: '1', '0', '%' between, 'x' excluded, '?' more than one of them. state, then and covered are given in seconds
 * instead.
 */
#ifndef TESTS_UNIT_STATEMENT_PICTURE_H
#define TESTS_UNIT_STATEMENT_PICTURE_H

#include "fixture.h"

#include "jobs/statement/counted.h"
#include "jobs/statement/measure.h"

enum { PICTURE_MAX = 128 };

struct scene {
    const char *what;
    int before;
    const char *counts, *latencies, *states, *cover, *valid, *hours;
    struct state_row state, then;
    struct span covered;
    void (*terms)(struct contract *contract); /* what differs from the usual terms of the test */
    const char *columns, *shares;
    const char *good, *whole; /* "300", "7/2" */
};

typedef void (*measure_fn)(const struct measure_input *input, struct arena *arena,
                           struct measure *ret_measure);

static inline char picture_at(const char *picture, size_t minute, char otherwise)
{
    return picture != NULL && minute < strlen(picture) ? picture[minute] : otherwise;
}

static inline size_t picture_counts(const char *picture, int64_t from_s, struct count_row *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < strlen(picture); i++) {
        char c = picture[i];
        struct request_counts counts = {.records = 100, .total = 100};

        assert_non_null(strchr(".oxs123456789ez", c));
        counts.errors = c == 'x' ? 100 : c >= '1' && c <= '9' ? c - '0' : 0;
        counts.slow = c == 's' ? 50 : 0;
        if (c == 'e') {
            counts = (struct request_counts){.records = 1, .total = 1, .errors = 1};
        }
        if (c == 'z') {
            counts = (struct request_counts){0};
        }
        if (c != '.') {
            rows[count++] = (struct count_row){from_s + (int64_t)i * 60, counts};
        }
    }
    return count;
}

static inline void picture_latencies(const char *picture, int64_t from_s,
                                     const struct count_row *rows, size_t count,
                                     struct request_latency *latencies)
{
    for (size_t i = 0; i < count; i++) {
        char c = picture_at(picture, (size_t)(rows[i].minute_s - from_s) / 60, '.');

        assert_non_null(strchr(".x0123456789", c));
        latencies[i] = (struct request_latency){.known = c == '.' ? 0 : 100,
                                                .over = c == '.'   ? 0
                                                        : c == 'x' ? 100
                                                                   : c - '0'};
    }
}

static inline size_t picture_states(const char *picture, int64_t from_s, struct state_row *rows)
{
    static const char letters[] = "pgn-d";
    static const enum grade grades[] = {GRADE_PROBE_DOWN, GRADE_PIPELINE_GAP, GRADE_NOT_PROVISIONED,
                                        GRADE_NO_TRAFFIC, GRADE_DEGRADED};
    size_t count = 0;

    for (size_t i = 0; picture != NULL && i < strlen(picture); i++) {
        const char *letter = strchr(letters, picture[i]);
        int64_t at_s = from_s + (int64_t)i * 60;

        if (picture[i] != ' ') {
            assert_non_null(letter);
            rows[count++] = (struct state_row){
                .from_s = at_s, .to_s = at_s + 60, .grade = grades[letter - letters]};
        }
    }
    return count;
}

static inline struct cover picture_spans(const char *picture, int64_t from_s, struct span *spans)
{
    struct cover cover = {.spans = spans};

    for (size_t i = 0; picture != NULL && i < strlen(picture); i++) {
        int64_t at_s = from_s + (int64_t)i * 60;

        if (picture[i] == '#' && cover.count > 0 && spans[cover.count - 1].to_s == at_s) {
            spans[cover.count - 1].to_s += 60;
        } else if (picture[i] == '#') {
            spans[cover.count++] = (struct span){at_s, at_s + 60};
        }
    }
    return cover;
}

static inline char share_letter(const struct segment *segment)
{
    const struct rational share = segment->share;

    return segment->excluded                      ? 'x'
           : share.numerator == 0                 ? '0'
           : share.numerator == share.denominator ? '1'
                                                  : '%';
}

/* The letter of the minute in both pictures. */
static inline void picture_minute(const struct measure *measure, int64_t minute_s, char *column,
                                  char *share)
{
    static const char letters[] = {'u', 'd', 'P', 'm', 'M', '-', 'p', 'g', 'n', 'h'};
    int64_t from_ns = minute_s * NS_PER_SECOND;
    int64_t to_ns = from_ns + NS_PER_MINUTE;

    *column = *share = ' ';
    for (size_t i = 0; i < measure->segment_count; i++) {
        const struct segment *segment = &measure->segments[i];

        if (segment->from_ns < to_ns && segment->to_ns > from_ns) {
            char c = letters[segment->class];
            char s = share_letter(segment);

            *column = *column == ' ' || *column == c ? c : '?';
            *share = *share == ' ' || *share == s ? s : '?';
        }
    }
}

static inline void assert_fraction(struct fraction value, const char *expected)
{
    char buf[4096];
    struct strbuf text;

    strbuf_init(&text, sizeof(buf));
    fraction_format_numerator(&text, value);
    if (value.numerator != NULL && (value.denominator_size != 1 || value.denominator[0] != 1)) {
        strbuf_append_text(&text, "/");
        fraction_format_denominator(&text, value);
    }
    snprintf(buf, sizeof(buf), "%.*s", (int)strbuf_view(&text).size, strbuf_view(&text).data);
    strbuf_release(&text);
    assert_string_equal(buf, expected);
}

/* The columns add up to the period, and every segment has a share from 0 to 1. */
static inline void assert_whole(const struct measure *measure, int64_t from_s, int64_t to_s)
{
    int64_t sum_s = 0;

    for (int k = 0; k < TIME_CLASS_COUNT; k++) {
        sum_s += measure->seconds[k];
    }
    assert_int_equal(sum_s, to_s - from_s);
    assert_int_equal(measure->segments[0].from_ns, from_s * NS_PER_SECOND);
    assert_int_equal(measure->segments[measure->segment_count - 1].to_ns, to_s * NS_PER_SECOND);
}

static inline void play(const struct scene *scene, measure_fn method, struct contract *contract)
{
    const int64_t origin_s = INT64_C(1790812800); /* 2026-10-01T00:00:00Z */
    struct arena arena = ARENA_INIT;
    struct count_row counts[PICTURE_MAX];
    struct request_latency latencies[PICTURE_MAX];
    struct state_row states[PICTURE_MAX];
    struct span spans[3][PICTURE_MAX];
    char columns[PICTURE_MAX] = "", shares[PICTURE_MAX] = "";
    size_t length = strlen(scene->columns);
    struct service_input service = {.service = STR("api"), .states = states, .counts = counts};
    struct measure_input input = {.contract = contract, .service = &service};
    struct cover cover = picture_spans(scene->cover, origin_s, spans[0]);
    struct cover hours = picture_spans(scene->hours, origin_s, spans[1]);
    struct cover valid = picture_spans(scene->valid, origin_s, spans[2]);
    struct measure measure;

    print_message("%s\n", scene->what);
    if (scene->terms != NULL) {
        scene->terms(contract);
    }
    input.from_s = origin_s + scene->before * INT64_C(60);
    input.to_s = input.from_s + (int64_t)length * 60;
    spans[1][0] = scene->hours == NULL ? (struct span){input.from_s, input.to_s} : spans[1][0];
    hours.count += scene->hours == NULL;
    input.valid_from_s = valid.count > 0 ? valid.spans[0].from_s : input.from_s;
    input.valid_to_s = valid.count > 0 ? valid.spans[0].to_s : input.to_s;
    input.cover = &cover;
    input.hours = &hours;
    service.count_count = picture_counts(scene->counts, origin_s, counts);
    if (scene->latencies != NULL) {
        picture_latencies(scene->latencies, origin_s, counts, service.count_count, latencies);
        service.latencies = latencies;
    }
    service.state_count = picture_states(scene->states, origin_s, states);
    for (int i = 0; i < 2; i++) {
        struct state_row row = i == 0 ? scene->state : scene->then;

        row.from_s += origin_s;
        row.to_s += origin_s;
        if (row.to_s > origin_s) {
            states[service.state_count++] = row;
        }
    }
    if (scene->covered.to_s > 0) {
        spans[0][cover.count++] =
            (struct span){origin_s + scene->covered.from_s, origin_s + scene->covered.to_s};
    }
    method(&input, &arena, &measure);
    for (size_t i = 0; i < length; i++) {
        picture_minute(&measure, input.from_s + (int64_t)i * 60, &columns[i], &shares[i]);
    }
    assert_string_equal(columns, scene->columns);
    assert_string_equal(shares, scene->shares);
    assert_fraction(measure.good, scene->good);
    assert_fraction(measure.valid, scene->whole);
    assert_whole(&measure, input.from_s, input.to_s);
    arena_release(&arena);
}

/* Terms that a scene starts from: no_traffic up, probe_down exclude, pipeline_gap down, not_provisioned exclude; maintenance is removed. */
static inline struct contract picture_contract(void)
{
    return (struct contract){
        .id = STR("acme"),
        .digits = 3,
        .availability = {.unknown = {[GRADE_NO_TRAFFIC] = UNKNOWN_UP,
                                     [GRADE_PROBE_DOWN] = UNKNOWN_EXCLUDE,
                                     [GRADE_PIPELINE_GAP] = UNKNOWN_DOWN,
                                     [GRADE_NOT_PROVISIONED] = UNKNOWN_EXCLUDE},
                         .weights = {{0, 1}, {0, 1}, {0, 1}, {0, 1}},
                         .degraded_weight = {0, 1}},
        .maintenance = {.excluded = EXCLUDED_REMOVE, .quota_windows = -1, .quota_ns = -1},
    };
}

/* Terms that scenes differ by. */
static inline void forgive(struct contract *contract)
{
    contract->maintenance.excluded = EXCLUDED_FORGIVE;
}

static inline void silence_is_down(struct contract *contract)
{
    contract->availability.unknown[GRADE_NO_TRAFFIC] = UNKNOWN_DOWN;
}

/* usual: what all scenes of the test have, before what one of them differs by. */
static inline void play_all(const struct scene *scenes, size_t count, measure_fn method,
                            void (*usual)(struct contract *contract))
{
    for (size_t i = 0; i < count; i++) {
        struct contract contract = picture_contract();

        usual(&contract);
        play(&scenes[i], method, &contract);
    }
}

/* Pools: services "api" and "b" over the first minutes of a month. */
static inline void fixture_pair(struct fixture *fixture, int64_t minutes,
                                void (*usual)(struct contract *contract), enum pool pool)
{
    fixture_init(fixture, "UTC", 2026, 10);
    fixture->to_s = fixture->from_s + minutes * 60;
    fixture->names[1] = STR("b");
    usual(&fixture->contract);
    fixture->contract.availability.pool = pool;
    fixture->contract.service_count = 2;
}

/* Computes, and compares what the pool comes to. */
static inline void assert_pooled(struct fixture *fixture, const char *good, const char *valid)
{
    compute(fixture);
    assert_fraction(top(fixture)->measure.good, good);
    assert_fraction(top(fixture)->measure.valid, valid);
}

#endif
