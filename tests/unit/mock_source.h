/*
 * A source of the topics "requests" and "checks" on the mock cluster, and a loop that waits for what it says.
 */
#ifndef TESTS_UNIT_MOCK_SOURCE_H
#define TESTS_UNIT_MOCK_SOURCE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "consumers/source.h"
#include "tests/unit/mock_broker.h"

static const char *const topics[] = {"requests", "checks"};

static inline struct source *open_with(const char *servers, const char *group,
                                       const struct source_property *property)
{
    struct source_options options = {.bootstrap_servers = servers,
                                     .topics = topics,
                                     .topic_count = 2,
                                     .group = group,
                                     .client_id = "test",
                                     .properties = property,
                                     .property_count = property != NULL ? 1 : 0,
                                     .request_timeout_ns = 5 * NS_PER_SECOND,
                                     .clock = clock_system()};
    struct source *source = NULL;
    struct err err = ERR_INIT;

    if (source_kafka_open(&options, &source, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return source;
}

static inline struct source *open_source(const char *servers, const char *group)
{
    return open_with(servers, group, NULL);
}

/* Polls until `count` items of that kind came, at most 20 s. Returns what came; the last item of the kind in *ret_last. */
static inline size_t poll_for(struct source *source, enum source_item_kind kind, size_t count,
                              struct source_item *ret_last)
{
    size_t seen = 0;

    for (int i = 0; i < 200 && seen < count; i++) {
        const struct source_item *items;
        size_t item_count;
        struct err err = ERR_INIT;

        assert_int_equal(source->poll(source, 100 * NS_PER_MS, &items, &item_count, &err), ERR_OK);
        for (size_t k = 0; k < item_count; k++) {
            if (items[k].kind == kind) {
                seen++;
                *ret_last = items[k];
            }
        }
    }
    return seen;
}

#endif
