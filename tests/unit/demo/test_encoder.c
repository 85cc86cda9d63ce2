#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "base/check.h"
#include "base/clock.h"
#include "consumers/decoder.h"
#include "jobs/config/config.h"
#include "jobs/demo/encoder.h"
#include "jobs/demo/registry_table.h"
#include "jobs/demo/settings.h"

/* The demo's encoder against the program's own decoder, under the demo's own configuration. */
struct fixture {
    struct world world;
    struct config *config;
    struct encoder *encoder;
    struct clock_simulated clock;
    struct registry *registry;
    struct schema_finder finder;
    struct catalog catalogs[TOPIC_COUNT];
    struct decoder *decoders[TOPIC_COUNT];
};

static int set_up(void **state)
{
    static struct fixture fixture;
    struct registry_options registry = {.url = "http://localhost:8081",
                                        .retry_ns = NS_PER_SECOND,
                                        .http = registry_table(),
                                        .clock = &fixture.clock.clock};
    struct err err = ERR_INIT;
    struct strbuf text;

    world_init(&fixture.world, 2026, 10, 1);
    clock_simulated_init(&fixture.clock, fixture.world.month_start_ns);
    strbuf_init(&text, 65536);
    settings_write(&fixture.world, &text);
    assert_int_equal(config_parse(strbuf_view(&text), "demo", &fixture.config, &err), ERR_OK);
    strbuf_release(&text);
    assert_int_equal(encoder_open(&fixture.world, &fixture.encoder, &err), ERR_OK);
    assert_int_equal(registry_open(&registry, &fixture.registry, &err), ERR_OK);
    fixture.finder.registry = fixture.registry;
    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        const struct topic_config *topic = &fixture.config->topics[i];
        struct decoder_options options = {.framing = topic->framing,
                                          .mapping = &topic->mapping,
                                          .finder = &fixture.finder,
                                          .catalog = &fixture.catalogs[i],
                                          .clock = &fixture.clock.clock,
                                          .proven = true};

        catalog_init(&fixture.catalogs[i], topic->discover, 100, 1000 * NS_PER_MS);
        for (int s = 0; s < WORLD_SERVICES; s++) {
            catalog_declare(&fixture.catalogs[i], STR(fixture.world.services[s].name),
                            NS_PER_SECOND);
        }
        assert_int_equal(decoder_open(&options, &fixture.decoders[i], &err), ERR_OK);
    }
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    for (size_t i = 0; i < TOPIC_COUNT; i++) {
        decoder_free(fixture->decoders[i]);
        catalog_release(&fixture->catalogs[i]);
    }
    registry_free(fixture->registry);
    encoder_free(fixture->encoder);
    config_free(fixture->config);
    return 0;
}

static const struct decoded *decode(struct fixture *fixture, const struct traffic_event *event,
                                    enum event_kind topic)
{
    struct record record = {.time_ns = event->publish_ns};
    const struct decoded *decoded;
    struct err err = ERR_INIT;

    encoder_run(fixture->encoder, event, &record.key, &record.value);
    if (decoder_run(fixture->decoders[topic == EVENT_CHECK ? TOPIC_CHECKS : TOPIC_REQUESTS],
                    &record, &decoded, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return decoded;
}

static struct traffic_event some_event(const struct fixture *fixture, enum traffic_kind kind)
{
    return (struct traffic_event){.kind = kind,
                                  .publish_ns = fixture->world.month_start_ns + NS_PER_SECOND,
                                  .time_us = fixture->world.month_start_ns / 1000 + 123456,
                                  .status = 200,
                                  .duration_us = 45678,
                                  .outcome = OUTCOME_WARN,
                                  .service = 7,
                                  .instance = 2,
                                  .path = 1};
}

static void test_requests_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct traffic_event event = some_event(fixture, TRAFFIC_REQUEST);
    const struct decoded *decoded = decode(fixture, &event, EVENT_REQUEST);

    assert_int_equal(decoded->verdict, VERDICT_TALLIED);
    assert_true(str_equal(decoded->event.service, STR("notify")));
    assert_int_equal(decoded->event.time_ns, event.time_us * 1000);
    assert_int_equal(decoded->event.latency_ns, 45678000);
    assert_int_equal(decoded->event.outcome, OUTCOME_SUCCESS);

    event.status = 503;
    event.duration_us = -1;
    decoded = decode(fixture, &event, EVENT_REQUEST);
    assert_int_equal(decoded->event.outcome, OUTCOME_ERROR);
    assert_int_equal(decoded->event.latency_ns, LATENCY_UNKNOWN);

    event.path = 0;
    decoded = decode(fixture, &event, EVENT_REQUEST);
    assert_int_equal(decoded->verdict, VERDICT_RULE);
    assert_true(str_equal(decoded->rule, STR("healthz")));
    event.path = 2;
    event.synthetic = true;
    decoded = decode(fixture, &event, EVENT_REQUEST);
    assert_int_equal(decoded->verdict, VERDICT_RULE);
    assert_true(str_equal(decoded->rule, STR("synthetic")));
}

static void test_checks_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct traffic_event event = some_event(fixture, TRAFFIC_CHECK);
    const struct decoded *decoded = decode(fixture, &event, EVENT_CHECK);

    assert_int_equal(decoded->verdict, VERDICT_TALLIED);
    assert_true(str_equal(decoded->event.instance, STR("notify-3")));
    assert_int_equal(decoded->event.outcome, OUTCOME_WARN);
    assert_int_equal(decoded->event.interval_ns, NS_PER_MINUTE);
    assert_int_equal(decoded->event.checker.size, 0); /* it reports itself */

    event.service = 0;
    event.outcome = OUTCOME_REMOVED;
    decoded = decode(fixture, &event, EVENT_CHECK);
    assert_int_equal(decoded->event.outcome, OUTCOME_REMOVED);
    assert_true(str_equal(decoded->event.checker, STR("probe-north")));
}

static void test_each_bad_record_is_bad_in_its_own_way(void **state)
{
    struct fixture *fixture = *state;

    for (int kind = BAD_NONE + 1; kind < BAD_KIND_COUNT; kind++) {
        const struct bad_row *row = bad_row((enum bad_kind)kind);

        for (uint8_t instance = 0; instance < WORLD_INSTANCES_MAX; instance++) {
            struct traffic_event event = some_event(fixture, TRAFFIC_BAD);
            const struct decoded *decoded;

            event.bad = (enum bad_kind)kind;
            event.service = 0;
            event.outcome = OUTCOME_SUCCESS;
            event.instance = instance;
            decoded = decode(fixture, &event, row->topic);
            if (decoded->verdict != row->verdict) {
                fail_msg("kind %d, instance %d: %s (%s) instead of %s", kind, instance,
                         verdict_row(decoded->verdict)->name, decoded->detail,
                         verdict_row(row->verdict)->name);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_requests_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checks_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_bad_record_is_bad_in_its_own_way, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
