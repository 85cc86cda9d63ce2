/* The short way of plain records ends where the long way ends: each record is judged by both, the long one because a rule that never applies asks for it. */
#include "plan_fixture.h"

#include "base/check.h"

static const char schema[] = RECORD_OF(FIELD_OF("service", "[\"null\",\"string\"]") "," FIELD_OF(
    "time",
    "[" TYPE_MS
    ",\"int\",\"string\"]") "," FIELD_OF("status",
                                         "[\"int\",\"string\"]") "," FIELD_OF("latency",
                                                                              "[\"null\",\"long\","
                                                                              "\"double\"]"));

struct pair {
    struct fixture plain, ruled;
    struct exclusion_rule never;
    struct rule_value value;
};

static void pair_init(struct pair *pair, bool latency)
{
    pair->value = (struct rule_value){.match = RULE_EQUALS, .text = STR("x")};
    pair->never = (struct exclusion_rule){STR("never"), role_of("nowhere"), &pair->value, 1};
    for (int i = 0; i < 2; i++) {
        struct fixture *fixture = i == 0 ? &pair->plain : &pair->ruled;

        fixture_init(fixture);
        if (latency) {
            fixture->mapping.latency = role_of("latency");
            fixture->mapping.latency_unit_ns = 1000;
        }
        if (i == 1) {
            fixture->mapping.exclusions = &pair->never;
            fixture->mapping.exclusion_count = 1;
        }
        fixture_open(fixture, schema);
    }
}

static void pair_release(struct pair *pair)
{
    fixture_release(&pair->plain);
    fixture_release(&pair->ruled);
}

static void assert_same_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->time_ns, b->time_ns);
    assert_true(str_equal(a->service, b->service));
    assert_int_equal(a->latency_ns, b->latency_ns);
    assert_int_equal(a->latency_threshold_ns, b->latency_threshold_ns);
    assert_int_equal(a->weight, b->weight);
    assert_int_equal(a->interval_ns, b->interval_ns);
    assert_int_equal(a->customer.size + a->instance.size + a->region.size, 0);
    assert_int_equal(a->checker.size + a->id.size, 0);
    assert_null(a->wanted);
}

static enum verdict judge_both(struct pair *pair, const struct bytes *payload)
{
    struct decoded *plain = &pair->plain.decoded, *ruled = &pair->ruled.decoded;
    struct str bytes = str_of(payload->data, payload->size);

    memset(plain, 0xa5, sizeof(*plain)); /* nothing of an earlier record is taken for granted */
    plan_run(pair->plain.plan, bytes, RECORD_NS, &pair->plain.scratch, plain);
    plan_run(pair->ruled.plan, bytes, RECORD_NS, &pair->ruled.scratch, ruled);
    assert_int_equal(plain->verdict, ruled->verdict);
    assert_string_equal(plain->detail, ruled->detail);
    if (plain->verdict == VERDICT_TALLIED) {
        assert_same_event(&plain->event, &ruled->event);
    }
    return plain->verdict;
}

struct parts {
    struct str service;
    int64_t time_ms, status, latency_us;
    int service_branch, time_branch, status_branch, latency_branch;
};

static const struct parts good = {.time_ms = RECORD_MS,
                                  .status = 200,
                                  .latency_us = 1500,
                                  .service_branch = 1,
                                  .latency_branch = 1};

/* What an int of Avro can hold. */
static int64_t as_int(int64_t value)
{
    return value >= INT32_MIN && value <= INT32_MAX ? value : 7;
}

static void put_parts(struct bytes *payload, const struct parts *parts)
{
    payload->size = 0;
    put_long(payload, parts->service_branch);
    if (parts->service_branch == 1) {
        put_long(payload, (int64_t)parts->service.size);
        put_raw(payload, parts->service.data, parts->service.size);
    }
    put_long(payload, parts->time_branch);
    if (parts->time_branch == 2) {
        put_text(payload, "2026-10-01T00:00:00Z");
    } else {
        put_long(payload, parts->time_branch == 1 ? as_int(parts->time_ms) : parts->time_ms);
    }
    put_long(payload, parts->status_branch);
    if (parts->status_branch == 1) {
        put_text(payload, "503");
    } else {
        put_long(payload, as_int(parts->status));
    }
    put_long(payload, parts->latency_branch);
    if (parts->latency_branch == 1) {
        put_long(payload, parts->latency_us);
    } else if (parts->latency_branch == 2) {
        put_double(payload, 0.25);
    }
}

static enum verdict judge(struct pair *pair, struct parts parts)
{
    struct bytes payload = {.size = 0};

    parts.service = parts.service.data == NULL ? STR("shop") : parts.service;
    put_parts(&payload, &parts);
    return judge_both(pair, &payload);
}

/* Each byte at each place of a name of each size. */
static void test_names(void **state)
{
    static const unsigned char bytes[] = {0x00, 0x1f, 0x20, 0x7e, 0x7f, 0x80, 0xc3, 0xff};
    struct parts parts = good;
    struct pair pair;
    char name[257];

    (void)state;
    pair_init(&pair, true);
    for (size_t size = 0; size <= sizeof(name); size += size < 100 ? 1 : 31) {
        memset(name, 'a', sizeof(name));
        parts.service = str_of(name, size);
        assert_int_equal(judge(&pair, parts),
                         size == 0 || size > 255 ? VERDICT_BAD_NAME : VERDICT_TALLIED);
        for (size_t at = 0; at < size; at++) {
            for (size_t i = 0; i < ARRAY_COUNT(bytes); i++) {
                name[at] = (char)bytes[i];
                assert_int_equal(judge(&pair, parts),
                                 size <= 255 && (bytes[i] == 0x20 || bytes[i] == 0x7e)
                                     ? VERDICT_TALLIED
                                     : VERDICT_BAD_NAME);
            }
            name[at] = 'a';
        }
    }
    pair_release(&pair);
}

/* Around each bound, and through each branch of the unions. */
static void test_bounds(void **state)
{
    static const int64_t edges[] = {INT64_MIN,
                                    -1,
                                    0,
                                    1,
                                    99,
                                    100,
                                    499,
                                    500,
                                    599,
                                    600,
                                    INT32_MAX,
                                    RECORD_MS,
                                    86400000000,
                                    86400000001,
                                    RECORD_MS - 34560000000,
                                    RECORD_MS - 34560000001,
                                    RECORD_MS + 86400000,
                                    RECORD_MS + 86400001,
                                    INT64_MAX / 1000000,
                                    INT64_MAX / 1000000 + 1,
                                    INT64_MAX};
    int seen[VERDICT_COUNT] = {0};
    struct pair pair;

    (void)state;
    for (int latency = 0; latency < 2; latency++) {
        pair_init(&pair, latency == 1);
        for (size_t i = 0; i < ARRAY_COUNT(edges) * 4 * 3; i++) {
            struct parts parts = good;
            int64_t edge = edges[i % ARRAY_COUNT(edges)];
            int branch = (int)(i / ARRAY_COUNT(edges) % 3);

            switch (i / ARRAY_COUNT(edges) / 3) {
            case 0:
                parts.time_ms = edge;
                parts.time_branch = branch;
                break;
            case 1:
                parts.status = edge;
                parts.status_branch = branch % 2;
                break;
            case 2:
                parts.latency_us = edge;
                parts.latency_branch = branch;
                break;
            default:
                parts.service_branch = branch % 2;
            }
            seen[judge(&pair, parts)]++;
        }
        pair_release(&pair);
    }
    assert_true(seen[VERDICT_TALLIED] > 0);
    assert_true(seen[VERDICT_TIME_OUT_OF_RANGE] > 0);
    assert_true(seen[VERDICT_BAD_OUTCOME] > 0);
    assert_true(seen[VERDICT_BAD_LATENCY] > 0);
    assert_true(seen[VERDICT_BAD_NAME] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_bounds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
