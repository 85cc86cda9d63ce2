/*
 * A mapping with the usual roles, a plan, and one record through it; for the tests of the decode plan.
 *
 * Records are of 2026-11-01T00:00:00Z, given as RECORD_NS.
 */
#ifndef TESTS_PLAN_FIXTURE_H
#define TESTS_PLAN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "avro_bytes.h"
#include "base/clock.h"
#include "consumers/plan.h"

#define RECORD_NS (INT64_C(1793491200) * NS_PER_SECOND)
#define RECORD_MS (RECORD_NS / NS_PER_MS)

#define FIELD_OF(name, type) "{\"name\":\"" name "\",\"type\":" type "}"
#define TYPE_MS "{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}"
#define RECORD_OF(fields) "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
/* the roles that every mapping needs, first and in this order: put_base writes them */
#define BASE_FIELDS                                                                                \
    FIELD_OF("service", "\"string\"")                                                              \
    "," FIELD_OF("time", TYPE_MS) "," FIELD_OF("status", "\"int\"")

struct fixture {
    struct mapping mapping;
    struct schema *writer;
    struct schema *reader;
    struct plan *plan;
    struct plan_scratch scratch;
    struct decoded decoded;
    struct err err;
};

static inline struct role role_of(const char *path)
{
    return (struct role){.paths = {STR(path)}, .path_count = 1};
}

static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->mapping = (struct mapping){
        .kind = EVENT_REQUEST,
        .service = {role_of("service")},
        .service_part_count = 1,
        .time = role_of("time"),
        .outcome = role_of("status"),
        .outcome_rules = {.use_defaults = true},
        .max_age_ns = 400 * NS_PER_DAY,
        .max_ahead_ns = NS_PER_DAY,
        .record_size_max = (size_t)16 << 20,
    };
}

static inline enum err_code fixture_compile(struct fixture *fixture, const char *writer,
                                            const char *reader)
{
    struct err err = ERR_INIT;

    if (schema_parse(STR(writer), NULL, 0, &fixture->writer, &err) != ERR_OK ||
        (reader != NULL && schema_parse(STR(reader), NULL, 0, &fixture->reader, &err) != ERR_OK)) {
        fail_msg("%s", err.text);
    }
    return plan_compile(fixture->writer, fixture->reader, &fixture->mapping, &fixture->plan,
                        &fixture->err);
}

static inline void fixture_open(struct fixture *fixture, const char *writer)
{
    if (fixture_compile(fixture, writer, NULL) != ERR_OK) {
        fail_msg("%s", fixture->err.text);
    }
}

static inline void fixture_release(struct fixture *fixture)
{
    plan_free(fixture->plan);
    schema_free(fixture->writer);
    schema_free(fixture->reader);
    fixture->plan = NULL;
    fixture->writer = fixture->reader = NULL;
}

/* The payload from a heap block of its exact size, so that ASan sees a read behind it. */
static inline const struct event *run(struct fixture *fixture, const struct bytes *payload,
                                      enum verdict expected)
{
    static char *copy;

    free(copy); /* the event borrows from it until the next run */
    copy = malloc(payload->size > 0 ? payload->size : 1);
    assert_non_null(copy);
    memcpy(copy, payload->data, payload->size);
    plan_run(fixture->plan, str_of(copy, payload->size), RECORD_NS, &fixture->scratch,
             &fixture->decoded);
    if (fixture->decoded.verdict != expected) {
        fail_msg("verdict %s, expected %s: %s", verdict_row(fixture->decoded.verdict)->name,
                 verdict_row(expected)->name, fixture->decoded.detail);
    }
    /* only dead letters say why */
    assert_int_equal(fixture->decoded.detail[0] != '\0',
                     verdict_row(expected)->class == VERDICT_CLASS_DEAD);
    return &fixture->decoded.event;
}

static inline void detail_says(const struct fixture *fixture, const char *text)
{
    if (strstr(fixture->decoded.detail, text) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", fixture->decoded.detail, text);
    }
}

static inline void assert_name(struct str name, const char *expected)
{
    if (!str_equal(name, STR(expected))) {
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARGS(name), expected);
    }
}

static inline void put_base(struct bytes *payload, const char *service)
{
    put_text(payload, service);
    put_long(payload, RECORD_MS);
    put_long(payload, 200);
}

#endif
