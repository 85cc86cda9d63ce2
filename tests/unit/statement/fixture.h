/*
 * Small contracts and inputs for the tests of the engine. Times are given in seconds from the start of the period.
 */
#ifndef TESTS_UNIT_STATEMENT_FIXTURE_H
#define TESTS_UNIT_STATEMENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/zone.h"
#include "jobs/statement/engine.h"
#include "jobs/statement/wording.h"

enum { SERVICES_MAX = 4, ROWS_MAX = 64, ANNOUNCEMENTS_MAX = 8 };

struct fixture {
    struct arena arena;
    struct zone *zone;
    struct contract contract;
    struct credit_tier tiers[4];
    int64_t from_s, to_s;
    struct str names[SERVICES_MAX];
    struct service_input services[SERVICES_MAX];
    struct state_row states[SERVICES_MAX][ROWS_MAX];
    struct count_row counts[SERVICES_MAX][ROWS_MAX];
    struct announcement_input announcements[ANNOUNCEMENTS_MAX];
    size_t announcement_count;
    struct result result;
    bool valid;
};

static inline struct rational decimal(const char *text)
{
    struct rational value;

    assert_true(rational_parse(STR(text), &value));
    return value;
}

static inline struct rational percent(const char *text)
{
    return rational_divide(decimal(text), rational_make(100, 1));
}

/* One service "api" that is up throughout; EUR 1,000.00; tiers 99.95 -> 10 %, 99 -> 25 %. */
static inline void fixture_init(struct fixture *fixture, const char *zone, int year, int month)
{
    struct err err = ERR_INIT;

    *fixture = (struct fixture){.arena = ARENA_INIT};
    assert_int_equal(zone_open(zone, &fixture->zone, &err), ERR_OK);
    fixture->from_s = zone_month_start(fixture->zone, year, month);
    fixture->to_s = zone_month_start(fixture->zone, year, month + 1);
    fixture->names[0] = STR("api");
    fixture->tiers[0] = (struct credit_tier){.below = percent("99.95"), .value = percent("10")};
    fixture->tiers[1] = (struct credit_tier){.below = percent("99"), .value = percent("25")};
    fixture->contract = (struct contract){
        .id = STR("acme"),
        .customer = STR("ACME"),
        .services = fixture->names,
        .service_count = 1,
        .zone = fixture->zone,
        .digits = 3,
        .currency = currency_find(STR("EUR")),
        .fee = decimal("1000.00"),
        .valid_from_s = INT64_MIN,
        .valid_until_s = INT64_MAX,
        .availability =
            {
                .target = percent("99.95"),
                .method = METHOD_STATE_TIME,
                .weights = {{0, 1}, {1, 4}, {1, 2}, {1, 1}},
                .degraded_weight = {0, 1},
                .pool = POOL_NONE,
                .unknown = {[GRADE_NO_TRAFFIC] = UNKNOWN_UP,
                            [GRADE_PROBE_DOWN] = UNKNOWN_EXCLUDE,
                            [GRADE_PIPELINE_GAP] = UNKNOWN_DOWN,
                            [GRADE_NOT_PROVISIONED] = UNKNOWN_EXCLUDE},
            },
        .maintenance = {.excluded = EXCLUDED_REMOVE, .quota_windows = -1, .quota_ns = -1},
        .credits = {.present = true,
                    .tiers = fixture->tiers,
                    .tier_count = 2,
                    .rounding = ROUND_HALF_EVEN},
    };
}

static inline void fixture_release(struct fixture *fixture)
{
    zone_free(fixture->zone);
    arena_release(&fixture->arena);
}

/* Appends [at, at + length) in that grade to the states of a service. */
static inline void add_state(struct fixture *fixture, int service, int64_t at_s, int64_t length_s,
                             enum grade grade)
{
    struct service_input *input = &fixture->services[service];

    assert_true(input->state_count < ROWS_MAX);
    fixture->states[service][input->state_count++] =
        (struct state_row){fixture->from_s + at_s, fixture->from_s + at_s + length_s, grade, false};
}

/* Up to the end of the month. */
static inline void add_rest(struct fixture *fixture, int service, enum grade grade)
{
    struct service_input *input = &fixture->services[service];
    int64_t at_s = input->state_count > 0
                       ? fixture->states[service][input->state_count - 1].to_s - fixture->from_s
                       : 0;

    add_state(fixture, service, at_s, fixture->to_s - fixture->from_s - at_s, grade);
}

/* Up, then the grade for so long, then up to the end. */
static inline void one_outage(struct fixture *fixture, int service, int64_t at_s, int64_t length_s,
                              enum grade grade)
{
    add_state(fixture, service, 0, at_s, GRADE_OPERATIONAL);
    add_state(fixture, service, at_s, length_s, grade);
    add_rest(fixture, service, GRADE_OPERATIONAL);
}

static inline void count_requests(struct fixture *fixture, int service, int64_t minute,
                                  int64_t total, int64_t errors, int64_t slow)
{
    struct service_input *input = &fixture->services[service];

    assert_true(input->count_count < ROWS_MAX);
    fixture->counts[service][input->count_count++] =
        (struct count_row){fixture->from_s + minute * 60,
                           {.records = total, .total = total, .errors = errors, .slow = slow}};
}

/* Announced `before` seconds ahead of its start. */
static inline struct announcement_input *announce(struct fixture *fixture, const char *service,
                                                  int64_t at_s, int64_t length_s, int64_t before_s)
{
    struct announcement_input *announcement = &fixture->announcements[fixture->announcement_count];

    *announcement = (struct announcement_input){
        .id = (int64_t)++fixture->announcement_count,
        .service = STR(service),
        .from_ns = (fixture->from_s + at_s) * NS_PER_SECOND,
        .to_ns = (fixture->from_s + at_s + length_s) * NS_PER_SECOND,
        .announced_ns = (fixture->from_s + at_s - before_s) * NS_PER_SECOND,
        .author = STR("ops"),
        .reason = STR("upgrade"),
    };
    return announcement;
}

static inline const struct result *compute(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->contract.service_count; i++) {
        fixture->services[i].service = fixture->names[i];
        fixture->services[i].states = fixture->states[i];
        fixture->services[i].counts = fixture->counts[i];
    }
    fixture->valid = engine_compute(
        &(struct engine_input){
            .contract = &fixture->contract,
            .from_s = fixture->from_s,
            .to_s = fixture->to_s,
            .services = fixture->services,
            .service_count = fixture->contract.service_count,
            .announcements = fixture->announcements,
            .announcement_count = fixture->announcement_count,
        },
        &fixture->arena, &fixture->result);
    return &fixture->result;
}

static inline const struct level *top(const struct fixture *fixture)
{
    return &fixture->result.verdicts.levels[LEVEL_AVAILABILITY];
}

static inline void assert_figure(struct fraction value, const char *expected)
{
    struct arena arena = ARENA_INIT;

    assert_string_equal(wording_number(&arena, value), expected);
    arena_release(&arena);
}

#endif
