/*
 * grade_hour against a second implementation that is written straight from the rules: it knows no hours, no carried state and no
 * tallies, only the list of all events, and it looks at every minute from the beginning of time. In half of the worlds topics have
 * lost records.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/aggregator/grade_world.h"

enum { WORLDS = 400 };

/* --- the rules, directly --- */

static bool worse_or_later(const struct outcome_at *a, const struct outcome_at *b)
{
    return a->time_ns != b->time_ns ? a->time_ns > b->time_ns : a->outcome > b->outcome;
}

/* The last result of a minute, or NULL. */
static const struct outcome_at *last_in(const struct world *world, int slot, int minute)
{
    const struct outcome_at *last = NULL;

    for (int i = 0; i < world->result_count[slot][minute]; i++) {
        const struct outcome_at *result = &world->results[slot][minute][i];

        last = last == NULL || worse_or_later(result, last) ? result : last;
    }
    return last;
}

/* The last result up to and including a minute, and its minute. */
static const struct outcome_at *last_until(const struct world *world, int slot, int minute,
                                           int *ret_minute)
{
    for (int m = minute; m >= 0; m--) {
        const struct outcome_at *last = last_in(world, slot, m);

        if (last != NULL) {
            *ret_minute = m;
            return last;
        }
    }
    return NULL;
}

static bool holds(const struct outcome_at *last, int64_t since_ns, int minute)
{
    return last->interval_ns == 0 || minute_start(minute) < since_ns + 2 * last->interval_ns;
}

/* Since when a result holds, seen from a minute: a lost minute through which it held may have renewed it. */
static int64_t held_since(const struct world *world, int minute, const struct outcome_at *last,
                          int last_minute)
{
    int64_t since_ns = last->time_ns;

    for (int m = last_minute + 1; m < minute; m++) {
        if (world->lost[0][m] && holds(last, since_ns, m)) {
            since_ns = minute_start(m + 1);
        }
    }
    return since_ns;
}

/* Its checker has reported in a minute that began when the next result was due, and that result was not lost. */
static bool passed_over(const struct world *world, int slot, int minute,
                        const struct outcome_at *last, int last_minute)
{
    for (int m = last_minute + 1; m <= minute; m++) {
        if (minute_start(m) >= held_since(world, m, last, last_minute) + last->interval_ns &&
            world->checker_active[checker_of(slot)][m] && !world->lost[0][m]) {
            return true;
        }
    }
    return false;
}

static int64_t removed_at(const struct world *world, int instance, int minute)
{
    int64_t time_ns = INT64_MIN;

    for (int slot = 0; slot < SLOTS; slot++) {
        const struct outcome_at *last =
            instance_of(slot) == instance ? last_in(world, slot, minute) : NULL;

        if (last != NULL && last->outcome == OUTCOME_REMOVED && last->time_ns > time_ns) {
            time_ns = last->time_ns;
        }
    }
    return time_ns;
}

enum view { ABSENT, REPORTED, HELD, SELF_SILENT, UNSEEN };

/* in_set[slot]: it was in the set when the minute began; becomes what it is when it ends. */
static void view_instance(const struct world *world, int instance, int minute, bool in_set[SLOTS],
                          enum view views[SLOTS])
{
    int64_t removed_ns = removed_at(world, instance, minute);
    bool seen = false;
    bool scaled = false;
    bool over[SLOTS] = {false};

    for (int slot = 0; slot < SLOTS; slot++) {
        int at = -1;
        const struct outcome_at *last;

        if (instance_of(slot) != instance) {
            continue;
        }
        views[slot] = ABSENT;
        last = last_until(world, slot, minute, &at);
        if (last == NULL) {
            continue;
        }
        if (at == minute) {
            views[slot] = REPORTED;
            in_set[slot] = true;
        } else if (!in_set[slot] || held_since(world, minute, last, at) <= removed_ns) {
            in_set[slot] = false;
        } else if (holds(last, held_since(world, minute, last, at), minute)) {
            views[slot] = HELD;
        } else if (checker_of(slot) == 0) {
            views[slot] = SELF_SILENT;
        } else {
            views[slot] = UNSEEN;
            over[slot] = passed_over(world, slot, minute, last, at);
        }
        seen = seen || views[slot] == REPORTED || views[slot] == HELD;
        scaled = scaled || over[slot];
    }
    for (int slot = 0; slot < SLOTS; slot++) {
        const struct outcome_at *last;
        int at;

        if (instance_of(slot) != instance) {
            continue;
        }
        if (views[slot] == UNSEEN && (over[slot] || (scaled && !seen))) {
            views[slot] = ABSENT;
            in_set[slot] = false;
        }
        last = last_until(world, slot, minute, &at);
        if (in_set[slot] && held_since(world, minute, last, at) <= removed_ns) {
            in_set[slot] = false;
        }
    }
}

/* -1: says nothing at all; else PASS, WARN, FAIL or UNKNOWN. */
static int verdict_of(const int64_t votes[4])
{
    int64_t known = votes[0] + votes[1] + votes[2];

    if (known == 0) {
        return votes[3] > 0 ? 3 : -1;
    }
    if (votes[2] * 2 >= known) {
        return 2;
    }
    return votes[1] + votes[2] > 0 ? 1 : 0;
}

static void vote_slot(const struct world *world, int slot, int minute, enum view view,
                      int64_t votes[4])
{
    int at;

    switch (view) {
    case ABSENT:
        break;
    case REPORTED:
        for (int i = 0; i < world->result_count[slot][minute]; i++) {
            int place = (int)world->results[slot][minute][i].outcome - OUTCOME_PASS;

            if (place < 4) {
                votes[place]++;
            }
        }
        break;
    case HELD:
        votes[last_until(world, slot, minute, &at)->outcome - OUTCOME_PASS]++;
        break;
    case SELF_SILENT:
        votes[2]++;
        break;
    case UNSEEN:
        votes[3]++;
        break;
    }
}

/* Healthy, warned, failed, unknown instances. */
static void count_instances(const struct world *world, int minute, bool in_set[SLOTS],
                            int64_t counts[4])
{
    memset(counts, 0, 4 * sizeof(counts[0]));
    for (int instance = 0; instance < INSTANCES; instance++) {
        enum view views[SLOTS] = {ABSENT};
        int64_t regions[4] = {0};
        int verdict;

        view_instance(world, instance, minute, in_set, views);
        for (int region = 0; region < REGIONS; region++) {
            int64_t votes[4] = {0};

            for (int slot = 0; slot < SLOTS; slot++) {
                if (instance_of(slot) == instance && region_of(slot) == region) {
                    vote_slot(world, slot, minute, views[slot], votes);
                }
            }
            verdict = verdict_of(votes);
            if (verdict >= 0) {
                regions[verdict]++;
            }
        }
        verdict = verdict_of(regions);
        if (verdict >= 0) {
            counts[verdict]++;
        }
    }
}

static enum grade of_checks(const struct world *world, const int64_t counts[4])
{
    int64_t set = counts[0] + counts[1] + counts[2] + counts[3];
    int64_t quorum = world->rules.quorum > 0 ? world->rules.quorum : set / 2 + 1;
    int64_t up = counts[0] + counts[1];

    if (set == counts[3]) {
        return GRADE_PROBE_DOWN;
    }
    if (up >= quorum) {
        return counts[1] > 0 ? GRADE_DEGRADED : GRADE_OPERATIONAL;
    }
    if (up + counts[3] >= quorum) {
        return GRADE_PROBE_DOWN;
    }
    return up + counts[3] == 0 ? GRADE_MAJOR : GRADE_PARTIAL;
}

static enum grade of_requests(const struct window_minute *counts)
{
    if (counts->errors * 2 >= counts->total) {
        return GRADE_MAJOR;
    }
    if (counts->errors * 20 >= counts->total) {
        return GRADE_PARTIAL;
    }
    return counts->slow * 10 >= counts->total ? GRADE_DEGRADED : GRADE_OPERATIONAL;
}

/* Whether the service's requests come from the topic, as of that hour: it had some in the latest hour that had any, or has lost records
 * in each hour with requests since it last had some. */
static bool requests_from(const struct world *world, int hour, int topic)
{
    bool any = false;
    bool lost = false;

    if (hour < 0) {
        return false;
    }
    for (int t = 0; t < TOPICS; t++) {
        any = any || world->topic_of_request[hour][t];
    }
    for (int m = hour * 60; m < hour * 60 + 60; m++) {
        lost = lost || world->lost[topic][m];
    }
    return world->topic_of_request[hour][topic] ||
           ((!any || lost) && requests_from(world, hour - 1, topic));
}

/* All topics that requests (or else results) come from carried something. */
static bool pipeline_proven(const struct world *world, int minute)
{
    bool active = true;
    bool any = false;

    for (int t = 0; t < TOPICS; t++) {
        if (requests_from(world, minute / 60, t)) {
            any = true;
            active = active && world->topic_active[t][minute];
        }
    }
    return any ? active : world->topic_active[0][minute]; /* where the results come from */
}

static int results_between(const struct world *world, int from, int to)
{
    int count = 0;

    for (int m = from; m < to; m++) {
        for (int slot = 0; slot < SLOTS; slot++) {
            count += world->result_count[slot][m];
        }
    }
    return count;
}

static bool checks_lost(const struct world *world, int minute)
{
    return world->lost[0][minute] && results_between(world, 0, (minute / 60 + 1) * 60) > 0;
}

static bool any_lost(const struct world *world, int minute)
{
    bool lost = checks_lost(world, minute);

    for (int t = 0; t < TOPICS; t++) {
        lost = lost || (world->lost[t][minute] && requests_from(world, minute / 60, t));
    }
    return lost;
}

static enum grade without_losses(const struct world *world, int minute, const int64_t counts[4])
{
    bool event = false;
    bool request = false;
    int64_t total = world->requests[minute].total;
    bool set = counts[0] + counts[1] + counts[2] + counts[3] > 0 &&
               (!checks_lost(world, minute) || results_between(world, minute, minute + 1) > 0);

    for (int m = 0; m <= minute; m++) {
        request = request || world->requests[m].total > 0;
        for (int slot = 0; slot < SLOTS; slot++) {
            event = event || world->result_count[slot][m] > 0;
        }
    }
    if (!event && !request) {
        return GRADE_NOT_PROVISIONED;
    }
    if (total >= world->rules.min_requests) {
        return set ? grade_worse(of_requests(&world->requests[minute]), of_checks(world, counts))
                   : of_requests(&world->requests[minute]);
    }
    if (total > 0) {
        return set ? of_checks(world, counts) : GRADE_OPERATIONAL;
    }
    if (set && of_checks(world, counts) != GRADE_PROBE_DOWN) {
        return of_checks(world, counts);
    }
    if (set && (!request || pipeline_proven(world, minute))) {
        return GRADE_PROBE_DOWN;
    }
    return pipeline_proven(world, minute) ? GRADE_NO_TRAFFIC : GRADE_PIPELINE_GAP;
}

/* What is unknown in a lost minute may be so because of the loss. */
static enum grade reference_grade(const struct world *world, int minute, const int64_t counts[4])
{
    enum grade grade = without_losses(world, minute, counts);

    return any_lost(world, minute) && (grade == GRADE_NO_TRAFFIC || grade == GRADE_PROBE_DOWN)
               ? GRADE_PIPELINE_GAP
               : grade;
}

/* --- the same world as hours of tallies --- */

static void add_results(const struct world *world, int slot, int hour, struct check_tally *tally)
{
    for (int m = hour * 60; m < (hour + 1) * 60; m++) {
        for (int i = 0; i < world->result_count[slot][m]; i++) {
            const struct outcome_at *result = &world->results[slot][m][i];
            struct event event = {.kind = EVENT_CHECK,
                                  .outcome = result->outcome,
                                  .time_ns = result->time_ns,
                                  .interval_ns = result->interval_ns,
                                  .weight = 1};

            check_tally_add(tally, &event);
        }
    }
}

static uint64_t mask_of(const bool minutes[MINUTES], int hour)
{
    uint64_t mask = 0;

    for (int m = 0; m < 60; m++) {
        mask |= (uint64_t)minutes[hour * 60 + m] << m;
    }
    return mask;
}

struct hour_tables {
    struct check_tally tallies[SLOTS];
    struct check_row rows[SLOTS];
    struct activity_row topics[TOPICS], checkers[CHECKERS], lost[2 * TOPICS];
    struct str request_topics[TOPICS], check_topics[1];
};

static void make_hour(const struct world *world, int hour, struct hour_tables *tables,
                      struct grade_hour_input *input)
{
    memset(tables, 0, sizeof(*tables));
    *input = (struct grade_hour_input){.hour = FIRST_HOUR + hour, .closed_minutes = 60};
    for (int slot = 0; slot < SLOTS; slot++) {
        struct check_tally *tally = &tables->tallies[slot];
        int64_t records = 0;

        add_results(world, slot, hour, tally);
        for (int m = 0; m < 60; m++) {
            records += tally->minutes[m].records;
        }
        if (records > 0) {
            tables->rows[input->check_count++] = (struct check_row){
                STR(instance_names[instance_of(slot)]), STR(region_names[region_of(slot)]),
                STR(checker_names[checker_of(slot)]), tally};
        }
    }
    for (int t = 0; t < TOPICS; t++) {
        tables->topics[t] =
            (struct activity_row){STR(topic_names[t]), mask_of(world->topic_active[t], hour)};
        if (world->topic_of_request[hour][t]) {
            tables->request_topics[input->request_topic_count++] = STR(topic_names[t]);
        }
    }
    for (int c = 0; c < CHECKERS; c++) {
        tables->checkers[c] =
            (struct activity_row){STR(checker_names[c]), mask_of(world->checker_active[c], hour)};
    }
    for (int t = 0; t < TOPICS; t++) {
        uint64_t lost = mask_of(world->lost[t], hour);

        /* As of two partitions, which overlap. */
        tables->lost[2 * t] = (struct activity_row){STR(topic_names[t]), lost & 0xfffffff};
        tables->lost[2 * t + 1] =
            (struct activity_row){STR(topic_names[t]), lost & ~UINT64_C(0xffff)};
    }
    input->lost = tables->lost;
    input->lost_count = ARRAY_COUNT(tables->lost);
    tables->check_topics[0] = STR(topic_names[0]);
    input->check_topics = tables->check_topics;
    input->check_topic_count = input->check_count > 0 ? 1 : 0;
    input->requests = input->request_topic_count > 0 ? &world->requests[hour * 60] : NULL;
    input->request_topics = tables->request_topics;
    input->checks = tables->rows;
    input->topics = tables->topics;
    input->topic_count = TOPICS;
    input->checkers = tables->checkers;
    input->checker_count = CHECKERS;
}

static void grade_world(const struct world *world, uint8_t grades[MINUTES],
                        uint64_t incomplete[HOURS])
{
    static struct hour_tables tables;
    struct arena arena = ARENA_INIT;
    struct strbuf carried[2];
    struct err err = ERR_INIT;

    strbuf_init(&carried[0], CARRIED_SIZE_MAX);
    strbuf_init(&carried[1], CARRIED_SIZE_MAX);
    for (int h = 0; h < HOURS; h++) {
        struct grade_hour_input input;

        make_hour(world, h, &tables, &input);
        arena_clear(&arena);
        strbuf_clear(&carried[(h + 1) % 2]);
        assert_int_equal(grade_hour(strbuf_view(&carried[h % 2]), &input, &world->rules, &arena,
                                    &grades[h * 60], &incomplete[h], &carried[(h + 1) % 2], &err),
                         ERR_OK);
    }
    strbuf_release(&carried[0]);
    strbuf_release(&carried[1]);
    arena_release(&arena);
}

static void test_random_worlds(void **state)
{
    static struct world world;
    const char *given = getenv("UPTALLY_TEST_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    int seen[GRADE_COUNT] = {0};
    int flags = 0;

    (void)state;
    print_message("seed %llu (UPTALLY_TEST_SEED repeats it)\n", (unsigned long long)seed);
    for (int n = 0; n < WORLDS; n++) {
        struct random random;
        bool in_set[SLOTS] = {false};
        uint8_t grades[MINUTES];
        uint64_t incomplete[HOURS];

        random_init_seed(&random, seed + (uint64_t)n);
        make_world(&world, &random);
        grade_world(&world, grades, incomplete);
        for (int m = 0; m < MINUTES; m++) {
            int64_t counts[4];
            enum grade expected;
            bool flagged;

            count_instances(&world, m, in_set, counts);
            expected = reference_grade(&world, m, counts);
            seen[expected]++;
            if (grades[m] != expected) {
                print_message("world %d, minute %d\n", n, m);
            }
            assert_string_equal(grade_row((enum grade)grades[m])->name, grade_row(expected)->name);
            flagged = any_lost(&world, m) && expected != GRADE_NOT_PROVISIONED;
            flags += flagged;
            assert_int_equal(incomplete[m / 60] >> m % 60 & 1, flagged);
        }
    }
    assert_true(flags > 100);
    for (int g = 0; g < GRADE_COUNT; g++) {
        assert_true(seen[g] > 100); /* the worlds are wild enough to show every grade */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_worlds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
