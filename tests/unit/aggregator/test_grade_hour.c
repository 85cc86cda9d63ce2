/*
 * Stories: a service's minutes as lines of text, one character a minute, and the grades that must come out. Each story is told
 * from several minutes of an hour, so that what is carried across the border is tested by all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/carried.h"
#include "aggregator/grade_hour.h"
#include "base/check.h"
#include "base/clock.h"

enum { LANE_MAX = 4, HOURS_MAX = 4, STORY_HOUR = 490000 };

/* Results of one (instance, region, checker): . none, p pass, w warn, f fail, u unknown, x removed, h pass and fail, t two pass and
 * one fail, r fail, then removed, b removed, then pass. */
struct lane {
    const char *instance, *region, *checker;
    int interval_s;
    int second; /* of the results in their minute */
    const char *results;
};

struct story {
    const char *why;
    int64_t quorum;
    struct lane lanes[LANE_MAX];
    const char *others; /* minutes in which checker "c" reports other services too; NULL: none */
    const char *
        requests; /* . none, 1 one that failed, o 20 good, d 2 of 20 slow, P 1 of 20 failed, X 10 of 20 failed; NULL: none */
    const char *topic;    /* minutes in which the request topic carries other services too */
    const char *expected; /* symbols of schemas/grade.c */
};

static const struct story stories[] = {
    {"a minute before the first event is not provisioned", .requests = "..oo", .expected = "  .."},
    {"traffic is graded minute by minute", .requests = "oodPXo", .expected = "..dpM."},
    {"no traffic only where the topic carried others", .requests = "o...o", .topic = ".x.x.",
     .expected = ".-!-."},
    {"too few requests are not bad and not without traffic", .requests = "o1o", .expected = "..."},
    {"a result every minute", .lanes = {{"a", "eu", "c", 60, 30, "ppfpw"}}, .expected = "..M.d"},
    {"half of the checks failed is failed, a third is a warning",
     .lanes = {{"a", "eu", "c", 60, 30, "pht"}}, .expected = ".Md"},
    {"a result of a minute holds for two more, then the probe is down",
     .lanes = {{"a", "eu", "c", 60, 30, "p...."}}, .expected = "...??"},
    {"on the minute it holds for exactly two", .lanes = {{"a", "eu", "c", 60, 0, "p...."}},
     .expected = "..???"},
    {"a failure holds as long as a pass", .lanes = {{"a", "eu", "c", 60, 30, "f...p"}},
     .expected = "MMM?."},
    {"five minutes of interval hold for ten", .lanes = {{"a", "eu", "c", 300, 0, "p............"}},
     .expected = "..........???"},
    {"published on change only: holds without end",
     .lanes = {{"a", "eu", "c", 0, 0, "p.........f..........p......"}},
     .expected = "..........MMMMMMMMMMM......."},
    {"an unknown result ends what was held", .lanes = {{"a", "eu", "c", 60, 30, "pu..p"}},
     .expected = ".???."},
    {"an instance that disappears while its checker reports others was scaled down",
     .lanes = {{"a", "eu", "c", 60, 30, "pppppp"}, {"b", "eu", "c", 60, 30, "ff...."}}, .quorum = 0,
     .expected = "pppp.."},
    {"the only one of its service is scaled down: no traffic if the topic goes on",
     .lanes = {{"a", "eu", "c", 60, 30, "p....."}}, .others = "xxxxxx", .expected = "...---"},
    {"the checker reported others only before the result was due: that is no scaling",
     .lanes = {{"a", "eu", "c", 60, 30, "p....."}}, .others = "xx....", .expected = "...???"},
    {"a checker that comes back and leaves one out",
     .lanes = {{"a", "eu", "c", 60, 30, "pp....pp"}, {"b", "eu", "c", 60, 30, "pp......"}},
     .expected = "....??.."},
    {"an instance that reports itself and falls silent has failed until it is removed",
     .lanes = {{"a", "", "", 60, 30, "p.....x."}, {"b", "", "", 60, 30, "pppppppp"}},
     .expected = "...ppp.."},
    {"... or until it reports again", .lanes = {{"a", "", "", 60, 30, "p.....p"}},
     .expected = "...MMM."},
    {"a removed instance leaves at once",
     .lanes = {{"a", "eu", "c", 60, 30, "pppp"}, {"b", "eu", "c", 60, 30, "ffx."}},
     .expected = "pp.."},
    {"what failed in the minute of its removal still counts there",
     .lanes = {{"a", "eu", "c", 60, 30, "pppp"}, {"b", "eu", "c", 60, 30, "ppr."}},
     .expected = "..p."},
    {"removed and back within a minute", .lanes = {{"a", "eu", "c", 60, 30, "pbp"}},
     .expected = "..."},
    {"one region's removal takes the instance out for all",
     .lanes = {{"a", "eu", "c", 60, 30, "pppp"},
               {"b", "eu", "c", 60, 30, "ffx."},
               {"b", "us", "d", 0, 30, "f..."}},
     .expected = "pp.."},
    {"a later result of another region brings it back",
     .lanes = {{"b", "eu", "c", 60, 10, "ffx.."}, {"b", "us", "d", 60, 20, "ffff."}},
     .expected = "MMMMM"},
    {"regions: one of three sees it failed",
     .lanes = {{"a", "eu", "c", 60, 30, "ppp"},
               {"a", "us", "d", 60, 30, "pfp"},
               {"a", "ap", "e", 60, 30, "ppp"}},
     .expected = ".d."},
    {"regions: one of two is half",
     .lanes = {{"a", "eu", "c", 60, 30, "ppp"}, {"a", "us", "d", 60, 30, "pfp"}},
     .expected = ".M."},
    {"regions: one whose checker is silent has no vote",
     .lanes = {{"a", "eu", "c", 60, 30, "ffff"}, {"a", "us", "d", 60, 30, "p..."}},
     .expected = "MMMM"},
    {"regions: an unknown vote says nothing against a known one",
     .lanes = {{"a", "eu", "c", 60, 30, "pp"}, {"a", "us", "d", 60, 30, "uu"}}, .expected = ".."},
    {"two checkers of one region are added up",
     .lanes = {{"a", "eu", "c", 60, 30, "pf"}, {"a", "eu", "d", 60, 30, "pp"}}, .expected = ".M"},
    {"a retired probe does not keep a retired instance alive",
     .lanes = {{"a", "eu", "c", 60, 30, "p......."},
               {"a", "eu", "d", 60, 30, "pp......"},
               {"b", "eu", "d", 60, 30, "pppppppp"}},
     .expected = "........"},
    {"quorum of one", .quorum = 1,
     .lanes = {{"a", "eu", "c", 60, 30, "pp"}, {"b", "eu", "c", 60, 30, "ff"}}, .expected = ".."},
    {"requests and checks: the worse", .lanes = {{"a", "eu", "c", 60, 30, "pfp"}},
     .requests = "Xoo", .expected = "MM."},
    {"requests end, checks go on, and the other way round",
     .lanes = {{"a", "eu", "c", 60, 30, "pp......."}}, .requests = "oo....ooo",
     .expected = "....!!..."},
    {"a probe outage without traffic", .lanes = {{"a", "eu", "c", 60, 30, "pp......."}},
     .requests = "oo.......", .topic = "xxxxxxxxx", .expected = "....?????"},
};

static int symbol_count(const char *text, char symbol)
{
    int count = 0;

    for (; *text != '\0'; text++) {
        count += *text == symbol;
    }
    return count;
}

static void result(struct check_minute *minute, enum outcome outcome, int64_t time_ns,
                   int64_t interval_ns)
{
    minute->records++;
    minute->passed += outcome == OUTCOME_PASS;
    minute->warned += outcome == OUTCOME_WARN;
    minute->failed += outcome == OUTCOME_FAIL;
    minute->unknown += outcome == OUTCOME_UNKNOWN;
    minute->removed += outcome == OUTCOME_REMOVED;
    minute->last = outcome;
    minute->last_time_ns = time_ns;
    minute->last_interval_ns = interval_ns;
}

static void results(struct check_minute *minute, char symbol, int64_t time_ns, int64_t interval_ns)
{
    static const struct {
        char symbol;
        const char *outcomes;
    } rows[] = {{'h', "fp"}, {'t', "pfp"}, {'r', "fx"}, {'b', "xp"}};
    static const char letters[] = "pwfux";
    char single[2] = {symbol, '\0'};
    const char *outcomes = single;

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].symbol == symbol) {
            outcomes = rows[i].outcomes;
        }
    }
    for (; *outcomes != '\0' && *outcomes != '.'; outcomes++) {
        const char *place = strchr(letters, *outcomes);

        assert_non_null(place);
        result(minute, (enum outcome)(OUTCOME_PASS + (place - letters)), time_ns, interval_ns);
        time_ns += NS_PER_SECOND;
    }
}

static void request_counts(struct window_minute *minute, char symbol)
{
    static const struct {
        char symbol;
        int64_t total, errors, slow;
    } rows[] = {
        {'1', 1, 1, 0}, {'o', 20, 0, 0}, {'d', 20, 0, 2}, {'P', 20, 1, 0}, {'X', 20, 10, 0}};

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (rows[i].symbol == symbol) {
            *minute = (struct window_minute){rows[i].total, rows[i].total, rows[i].errors,
                                             rows[i].slow, 0};
        }
    }
}

/* Everything of one hour of a story that begins at minute `start` of its first hour. */
struct hour_of_story {
    struct check_tally tallies[LANE_MAX];
    struct check_row rows[LANE_MAX];
    struct window_minute requests[TALLY_MINUTES];
    struct activity_row checkers[LANE_MAX];
    struct activity_row topic;
    struct str topic_names[1], check_topic_names[1];
    struct activity_row topics[2];
    struct grade_hour_input input;
};

static char at(const char *line, int64_t index)
{
    return line != NULL && index >= 0 && index < (int64_t)strlen(line) ? line[index] : '.';
}

static void tell_lane(struct hour_of_story *hour, const struct lane *lane, int number,
                      int64_t first_index)
{
    struct check_tally *tally = &hour->tallies[number];
    bool any = false;
    int place = 0;

    for (int i = 0; i < TALLY_MINUTES; i++) {
        int64_t start_ns = (hour->input.hour * TALLY_MINUTES + i) * NS_PER_MINUTE;

        results(&tally->minutes[i], at(lane->results, first_index + i),
                start_ns + lane->second * NS_PER_SECOND, lane->interval_s * NS_PER_SECOND);
        if (tally->minutes[i].records > 0) {
            any = true;
            hour->checkers[number].minutes |= UINT64_C(1) << i;
        }
    }
    hour->checkers[number].name = STR(lane->checker);
    if (any) {
        struct check_row row = {STR(lane->instance), STR(lane->region), STR(lane->checker), tally};
        struct check_slot slot = {row.instance, row.region, row.checker, 0, 0, 0, false};

        for (place = (int)hour->input.check_count; place > 0; place--) {
            struct check_row *before = &hour->rows[place - 1];
            struct check_slot other = {
                before->instance, before->region, before->checker, 0, 0, 0, false};

            if (check_slot_compare(&other, &slot) < 0) {
                break;
            }
            hour->rows[place] = *before;
        }
        hour->rows[place] = row;
        hour->input.check_count++;
    }
}

/* Checkers of the same name share their minutes. */
static void unite_checkers(struct hour_of_story *hour, const struct story *story, int64_t first)
{
    for (int i = 0; i < LANE_MAX; i++) {
        for (int m = 0; m < TALLY_MINUTES; m++) {
            if (str_equal(hour->checkers[i].name, STR("c")) &&
                at(story->others, first + m) == 'x') {
                hour->checkers[i].minutes |= UINT64_C(1) << m;
            }
        }
        for (int j = 0; j < LANE_MAX; j++) {
            if (str_equal(hour->checkers[i].name, hour->checkers[j].name)) {
                hour->checkers[i].minutes |= hour->checkers[j].minutes;
            }
        }
        hour->topics[1].minutes |= hour->checkers[i].minutes;
    }
}

static void tell_hour(struct hour_of_story *hour, const struct story *story, int64_t number,
                      int start)
{
    int64_t first = number * TALLY_MINUTES - start;
    bool requested = false;

    *hour = (struct hour_of_story){0};
    hour->input.hour = STORY_HOUR + number;
    hour->input.closed_minutes = TALLY_MINUTES;
    hour->topics[0].name = hour->topic_names[0] = STR("requests");
    hour->topics[1].name = hour->check_topic_names[0] = STR("checks");
    for (int i = 0; i < LANE_MAX && story->lanes[i].instance != NULL; i++) {
        tell_lane(hour, &story->lanes[i], i, first);
    }
    unite_checkers(hour, story, first);
    for (int m = 0; m < TALLY_MINUTES; m++) {
        request_counts(&hour->requests[m], at(story->requests, first + m));
        requested = requested || hour->requests[m].records > 0;
        if (hour->requests[m].records > 0 || at(story->topic, first + m) == 'x') {
            hour->topics[0].minutes |= UINT64_C(1) << m;
        }
    }
    hour->input.requests = requested ? hour->requests : NULL;
    hour->input.request_topics = hour->topic_names;
    hour->input.request_topic_count = requested ? 1 : 0;
    hour->input.check_topics = hour->check_topic_names;
    hour->input.check_topic_count = hour->input.check_count > 0 ? 1 : 0;
    hour->input.checks = hour->rows;
    hour->input.topics = hour->topics;
    hour->input.topic_count = 2;
    hour->input.checkers = hour->checkers;
    hour->input.checker_count = LANE_MAX;
}

static void tell(const struct story *story, int start, char ret_symbols[])
{
    struct grading_rules rules = GRADING_RULES_DEFAULT;
    struct arena arena = ARENA_INIT;
    struct strbuf carried[2];
    size_t length = strlen(story->expected);
    static struct hour_of_story hour;

    rules.quorum = story->quorum;
    strbuf_init(&carried[0], CARRIED_SIZE_MAX);
    strbuf_init(&carried[1], CARRIED_SIZE_MAX);
    for (int64_t h = 0; h * TALLY_MINUTES < (int64_t)length + start; h++) {
        uint8_t grades[TALLY_MINUTES];
        uint64_t incomplete;
        struct err err = ERR_INIT;

        tell_hour(&hour, story, h, start);
        strbuf_clear(&carried[(h + 1) % 2]);
        assert_int_equal(grade_hour(strbuf_view(&carried[h % 2]), &hour.input, &rules, &arena,
                                    grades, &incomplete, &carried[(h + 1) % 2], &err),
                         ERR_OK);
        for (int m = 0; m < TALLY_MINUTES; m++) {
            int64_t index = h * TALLY_MINUTES + m - start;

            if (index < 0) {
                assert_int_equal(grades[m], GRADE_NOT_PROVISIONED);
            } else if (index < (int64_t)length) {
                ret_symbols[index] = grade_row((enum grade)grades[m])->symbol[0];
            }
        }
    }
    ret_symbols[length] = '\0';
    strbuf_release(&carried[0]);
    strbuf_release(&carried[1]);
    arena_release(&arena);
}

static void test_stories(void **state)
{
    static const int starts[] = {0, 31, 55, 57, 58, 59};
    char symbols[HOURS_MAX * TALLY_MINUTES];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(stories); i++) {
        assert_int_equal(symbol_count(stories[i].expected, '\t'), 0);
        for (size_t s = 0; s < ARRAY_COUNT(starts); s++) {
            tell(&stories[i], starts[s], symbols);
            if (strcmp(symbols, stories[i].expected) != 0) {
                print_message("%s (from minute %d)\n", stories[i].why, starts[s]);
            }
            assert_string_equal(symbols, stories[i].expected);
        }
    }
}

/* Minutes that are not closed yet are a gap, and do not reach the carried state. */
static void test_open_minutes(void **state)
{
    static const struct story story = {"", .lanes = {{"a", "eu", "c", 60, 30, "pppp"}},
                                       .requests = "oooo"};
    struct grading_rules rules = GRADING_RULES_DEFAULT;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct strbuf carried;
    struct carried unpacked;
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
    int closed = -1;
    static struct hour_of_story hour;

    (void)state;
    strbuf_init(&carried, CARRIED_SIZE_MAX);
    tell_hour(&hour, &story, 0, 0);
    hour.input.closed_minutes = 2;
    assert_int_equal(grade_hour(str_of(NULL, 0), &hour.input, &rules, &arena, grades, &incomplete,
                                &carried, &err),
                     ERR_OK);
    assert_int_equal(grades[1], GRADE_OPERATIONAL);
    assert_int_equal(grades[2], GRADE_PIPELINE_GAP);
    assert_int_equal(carried_closed_minutes(strbuf_view(&carried), &closed, &err), ERR_OK);
    assert_int_equal(closed, 2);
    assert_int_equal(carried_unpack(strbuf_view(&carried), &arena, &unpacked, &err), ERR_OK);
    assert_int_equal(unpacked.slot_count, 1);
    assert_true(unpacked.slots[0].last_time_ns ==
                (STORY_HOUR * INT64_C(60) + 1) * NS_PER_MINUTE + 30 * NS_PER_SECOND);
    strbuf_release(&carried);
    arena_release(&arena);
}

/* A topic that the service has moved away from does not make its quiet minutes a gap for ever. */
static void test_topic_moved(void **state)
{
    struct grading_rules rules = GRADING_RULES_DEFAULT;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct strbuf carried[2];
    struct window_minute counts[TALLY_MINUTES] = {{20, 20, 0, 0, 0}};
    const struct str both[] = {STR("new"), STR("old")};
    const struct activity_row active[] = {{STR("new"), 3}, {STR("old"), 1}};
    struct grade_hour_input input = {.hour = 1, .closed_minutes = 60, .requests = counts};
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;

    (void)state;
    input.request_topics = both;
    input.request_topic_count = 2;
    input.topics = active;
    input.topic_count = 2;
    strbuf_init(&carried[0], CARRIED_SIZE_MAX);
    strbuf_init(&carried[1], CARRIED_SIZE_MAX);
    assert_int_equal(
        grade_hour(str_of(NULL, 0), &input, &rules, &arena, grades, &incomplete, &carried[0], &err),
        ERR_OK);
    assert_int_equal(grades[1], GRADE_PIPELINE_GAP); /* one of its two topics was silent */
    input.hour = 2;
    input.request_topic_count = 1;
    assert_int_equal(grade_hour(strbuf_view(&carried[0]), &input, &rules, &arena, grades,
                                &incomplete, &carried[1], &err),
                     ERR_OK);
    assert_int_equal(grades[1], GRADE_NO_TRAFFIC);
    strbuf_release(&carried[0]);
    strbuf_release(&carried[1]);
    arena_release(&arena);
}

/* Every cut and every flipped bit of a packed state is either refused or a state; never a crash. */
static void test_damaged_state(void **state)
{
    static const struct story story = {
        "", .lanes = {{"a", "eu", "c", 60, 30, "pppp"}, {"b", "eu", "c", 60, 30, "pppp"}},
        .requests = "oooo"};
    struct grading_rules rules = GRADING_RULES_DEFAULT;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    struct carried unpacked;
    struct strbuf carried;
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
    static struct hour_of_story hour;

    (void)state;
    strbuf_init(&carried, CARRIED_SIZE_MAX);
    tell_hour(&hour, &story, 0, 0);
    assert_int_equal(grade_hour(str_of(NULL, 0), &hour.input, &rules, &arena, grades, &incomplete,
                                &carried, &err),
                     ERR_OK);
    for (size_t size = 1; size < carried.size; size++) {
        assert_int_equal(carried_unpack(str_of(carried.data, size), &arena, &unpacked, &err),
                         ERR_MISMATCH);
    }
    for (size_t i = 0; i < carried.size * 8; i++) {
        carried.data[i / 8] = (char)(carried.data[i / 8] ^ 1 << i % 8);
        (void)carried_unpack(strbuf_view(&carried), &arena, &unpacked, &err);
        carried.data[i / 8] = (char)(carried.data[i / 8] ^ 1 << i % 8);
    }
    assert_int_equal(carried_unpack(strbuf_view(&carried), &arena, &unpacked, &err), ERR_OK);
    strbuf_release(&carried);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_open_minutes),
        cmocka_unit_test(test_topic_moved),
        cmocka_unit_test(test_damaged_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
