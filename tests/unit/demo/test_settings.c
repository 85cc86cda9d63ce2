#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "jobs/config/config.h"
#include "jobs/demo/settings.h"

/* What the demo writes must be what the configuration reader takes, whatever the month. */
static void test_the_settings_are_a_configuration(void **state)
{
    (void)state;
    for (int32_t month = 1; month <= 12; month++) {
        struct config *config = NULL;
        struct err err = ERR_INIT;
        struct strbuf text;
        struct world world;

        world_init(&world, 2027, month, 1);
        strbuf_init(&text, 65536);
        settings_write(&world, &text);
        if (config_parse(strbuf_view(&text), "demo/uptally.yaml", &config, &err) != ERR_OK) {
            fail_msg("%s", err.text);
        }
        assert_int_equal(config->topic_count, TOPIC_COUNT);
        for (size_t i = 0; i < TOPIC_COUNT; i++) {
            assert_true(str_equal(config->topics[i].name, STR(settings_topics[i].name)));
        }
        assert_int_equal(config->contract_count, 3);
        assert_int_equal(config->slo_count, 3);
        for (int i = 0; i < WORLD_SERVICES; i++) {
            assert_true(str_equal(config_service(config, STR(world.services[i].name))->name,
                                  STR(world.services[i].name)));
        }
        config_free(config);
        strbuf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_settings_are_a_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
