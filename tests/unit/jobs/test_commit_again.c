/* How often a commit is tried, what is tried again, and how long a run waits in between. */
#include "jobs/pipeline/commit_again.h"

#include "base/fault.h"
#include "tests/unit/jobs/consume_world.h"

enum { EVENTS = 100 };

static bool again(struct clock_simulated *clock, int *failures, enum err_code code, bool retriable)
{
    const struct err err = {.code = code, .retriable = retriable};

    return commit_again(&clock->clock, failures, &err);
}

static void only_a_store_that_may_recover_is_asked_again(void **state)
{
    static const struct {
        enum err_code code;
        bool retriable;
        bool again;
    } cases[] = {
        {ERR_STORE, true, true},    /* the connection was lost, the disk is full */
        {ERR_STORE, false, false},  /* the store is damaged */
        {ERR_FENCED, true, false},  /* it was waited for the lock already */
        {ERR_FENCED, false, false}, /* somebody else was faster */
        {ERR_DATA, true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct clock_simulated clock;
        int failures = 0;

        clock_simulated_init(&clock, 0);
        assert_int_equal(again(&clock, &failures, cases[i].code, cases[i].retriable),
                         cases[i].again);
        assert_int_equal(clock.time_ns, cases[i].again ? 200 * NS_PER_MS : 0);
    }
}

static bool fail_some(const char *place, void *context)
{
    int *left = context;

    return strcmp(place, "ledger.commit.before") == 0 && (*left)-- > 0;
}

/* Nobody waits behind the last try, and a run that gave up has left nothing behind. */
static void a_run_tries_three_times(void **state)
{
    static const struct {
        int failures;
        enum err_code code;
        int pauses;
    } cases[] = {{0, ERR_OK, 0}, {1, ERR_OK, 1}, {2, ERR_OK, 2}, {3, ERR_STORE, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct world world;
        struct consume_options options;
        struct consume_result result;
        struct clock_simulated clock;
        struct err err = ERR_INIT;
        int left = cases[i].failures;

        open_world(&world, 1);
        send_events(&world, 0, EVENTS, 1);
        clock_simulated_init(&clock, 0);
        options = options_of(&world);
        options.wait_clock = &clock.clock;
        fault_set_hook(fail_some, &left);
        assert_int_equal(consume_run(&options, &result, &err), cases[i].code);
        fault_set_hook(NULL, NULL);
        assert_string_equal(err.text, cases[i].code == ERR_OK
                                          ? ""
                                          : "fault at ledger.commit.before; the batch was not "
                                            "committed");
        assert_int_equal(clock.time_ns, cases[i].pauses * 200 * NS_PER_MS);
        assert_int_equal(ask(&world, COVERED), cases[i].code == ERR_OK ? EVENTS : 0);
        (void)drain(&world);
        assert_int_equal(ask(&world, COVERED), EVENTS);
        close_world(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_store_that_may_recover_is_asked_again),
        cmocka_unit_test(a_run_tries_three_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
