#include "tests/unit/config_text.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "jobs/slo/view.h"

/* What is drawn of three days of a rolling window, a minute of which has 10000 requests: errors per minute, newest first. */
static char *draw(const int64_t *errors, size_t count, bool color, bool unicode)
{
    struct arena arena = ARENA_INIT;
    struct slo_series series;
    struct slo_minute *minutes;
    struct slo_result result;
    struct slo_span span;
    struct slo_view view = {
        .color = color, .unicode = unicode, .name_columns = 8, .scratch = &arena};
    struct err err = ERR_INIT;
    struct config *config;
    char *text = NULL;
    size_t size;

    config = config_of("f", "slos: [{id: portal, service: s, target: 99.9, method: occurrences, "
                            "digits: 2, window: {rolling: 3d}, forecast: 1h, alerts: [{budget: 2, "
                            "long: 1h, short: 5m}, {budget: 10, long: 6h, short: 1h, severity: "
                            "ticket}]}]");
    slo_span_init(&span, &config->slos[0], INT64_C(1790812800) / 60); /* 2026-10-01 */
    series.from = slo_first_minute(&config->slos[0], &span);
    series.count = (size_t)(span.until - series.from);
    minutes = arena_calloc(&arena, series.count, sizeof(*minutes));
    series.minutes = minutes;
    for (size_t i = 0; i < series.count; i++) {
        size_t age = series.count - 1 - i;

        minutes[i].total = age < 2 * 1440 ? 10000 : 0;
        minutes[i].errors = age < count ? errors[age] : 0;
        minutes[i].silence = GRADE_PIPELINE_GAP;
    }
    assert_int_equal(slo_evaluate(&config->slos[0], &span, &series, &arena, &result, &err), ERR_OK);
    view.out = open_memstream(&text, &size);
    assert_non_null(view.out);
    slo_view_print(&view, &config->slos[0], &result);
    assert_int_equal(fclose(view.out), 0);
    config_free(config);
    arena_release(&arena);
    return text;
}

static void test_quiet(void **state)
{
    /* One error in 28,800,000 requests: 99.99999.. % is not 100, 99.99.. % left is not 100 and a rate of 0.0016 is not 0. */
    static const int64_t errors[] = {0, 1};
    char *text = draw(errors, ARRAY_COUNT(errors), false, false);

    (void)state;
    assert_string_equal(text,
                        "portal    99.9 % of requests, rolling 3d\n"
                        "  budget  #############################-  99.9 % left, 99.99 % good\n"
                        "  days    2026-09-28 ?_.\n"
                        "  burn    1h 0.01, 5m 0.02          page above 1.44\n"
                        "          6h 0.01, 1h 0.01          ticket above 1.20\n"
                        "  lasts   at the burn rate of the last 1h: 0.01\n");
    free(text);
}

static void test_firing(void **state)
{
    /* An hour of 0.2 %, twice the budget. 1/48 of twice the budget of two days is gone, so is 4.1 % of it; the rest lasts for 3 d * 0.9583 / 2. */
    int64_t errors[60];
    char *text;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(errors); i++) {
        errors[i] = 20;
    }
    text = draw(errors, ARRAY_COUNT(errors), false, true);
    assert_string_equal(
        text, "portal    99.9 % of requests, rolling 3d\n"
              "  budget  "
              "████████████████████████████░░"
              "  95.8 % left, 99.99 % good\n"
              "  days    2026-09-28 ?\xe2\x96\x81\xe2\x96\x82\n"
              "  burn    1h 2.00, 5m 2.00          FIRES: page, above 1.44\n"
              "          6h 0.34, 1h 2.00          ticket above 1.20\n"
              "  lasts   until 2026-10-02T10:30:00Z (34 h) at the burn rate of 1h: 2.00\n");
    free(text);
    text = draw(errors, ARRAY_COUNT(errors), true, true);
    assert_non_null(strstr(text, "\033[1;31mFIRES: page, above 1.44\033[0m"));
    assert_null(strstr(text, "\033[1;31mticket"));
    free(text);
}

static void test_used_up(void **state)
{
    static const int64_t errors[] = {10000, 10000, 10000};
    char *text = draw(errors, ARRAY_COUNT(errors), false, false);

    (void)state;
    assert_non_null(strstr(
        text, "  budget  ------------------------------  -4.2 % left: used up, 99.89 % good\n"));
    assert_non_null(strstr(text, "  lasts   no longer: the budget is used up\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_firing),
        cmocka_unit_test(test_used_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
