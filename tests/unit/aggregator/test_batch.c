#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "aggregator/batch.h"
#include "aggregator/batch_content.h"
#include "base/clock.h"
#include "base/random.h"

static struct event request(const char *service, const char *customer, int64_t time_ns)
{
    return (struct event){.kind = EVENT_REQUEST,
                          .time_ns = time_ns,
                          .service = STR(service),
                          .customer = STR(customer),
                          .latency_ns = 1000,
                          .latency_threshold_ns = LATENCY_THRESHOLD_NONE,
                          .weight = 1};
}

static const struct batch_entry *entry_of(const struct batch *batch, enum tally_kind kind,
                                          const char *a, const char *b, int64_t hour)
{
    for (size_t i = 0; i < batch->entry_count; i++) {
        const struct tally_key *key = &batch->entries[i].key;

        if (key->kind == kind && str_equal(key->a, STR(a)) && str_equal(key->b, STR(b)) &&
            key->hour == hour) {
            return &batch->entries[i];
        }
    }
    return NULL;
}

static struct coordinate at(int32_t partition, int64_t offset)
{
    return (struct coordinate){
        .stream_id = 1, .partition = partition, .offset = offset, .time_ns = 1000 + offset};
}

/* Gaps are absent, each verdict is counted in its class, and the counts add up. */
static void test_counts(void **state)
{
    struct batch *batch = batch_new(4);
    struct coordinate where = at(0, 12);
    struct event event = request("shop", "", 0);
    const struct batch_partition *p;
    char header[DEAD_LETTER_HEADER_MAX + 1] = {0};

    (void)state;
    batch_begin_partition(batch, 1, STR("requests"), STR("digest"), 0, 10);
    assert_true(batch_empty(batch));
    batch_add_event(batch, &where, &event);
    where = at(0, 13);
    batch_add_excluded(batch, &where, VERDICT_TOMBSTONE, STR(""));
    where = at(0, 14);
    batch_add_excluded(batch, &where, VERDICT_RULE, STR("healthz"));
    where = at(0, 15);
    batch_add_excluded(batch, &where, VERDICT_RULE, STR("healthz"));
    where = at(0, 17);
    batch_add_excluded(batch, &where, VERDICT_TOMBSTONE, STR(""));
    where = at(0, 18);
    batch_add_dead_letter(batch, &where, VERDICT_MALFORMED, STR("at byte 3\n\xff"),
                          str_of("\x00\x01\x02\x03\x04\x05", 6), str_of(header, sizeof(header)));
    where = at(0, 19);
    batch_add_dead_letter(batch, &where, VERDICT_MALFORMED, STR(""), STR("b"), str_of(NULL, 0));
    batch_advance(batch, 1, 0, 25);
    batch_advance(batch, 1, 0, 20);
    batch_check(batch);
    p = batch->partitions[0];
    assert_int_equal(p->from, 10);
    assert_int_equal(p->to, 25);
    assert_int_equal(p->delivered, 7);
    assert_int_equal(p->absent, 2 + 1 + 5);
    assert_int_equal(p->tallied, 1);
    assert_int_equal(p->excluded, 4);
    assert_int_equal(p->exclusion_count, 2);
    assert_int_equal(p->duplicate, 0);
    assert_int_equal(p->dead_lettered, 2);
    assert_int_equal(p->first_time_ns, 1012);
    assert_int_equal(p->last_time_ns, 1019);
    assert_int_equal(batch->dead_letters[0].record_size, 6);
    assert_int_equal(batch->dead_letters[0].bytes.size, 4);
    assert_int_equal(batch->dead_letters[0].schema_header.size, DEAD_LETTER_HEADER_MAX);
    assert_null(batch->dead_letters[1].schema_header.data);
    assert_true(str_equal(batch->dead_letters[0].detail, STR("at byte 3??")));
    assert_int_equal(batch_records(batch), 7);
    assert_int_equal(batch_records_of(batch, 1), 7);
    assert_int_equal(batch_records_of(batch, 2), 0);
    assert_int_equal(batch_dead_letters_of(batch, 1), 2);
    batch_clear(batch);
    assert_true(batch_empty(batch));
    assert_int_equal(batch_next_offset(batch, 1, 0), 25);
    assert_int_equal(batch_records(batch), 0);
    batch_end_partition(batch, 1, 0);
    batch_free(batch);
}

/* Each service, customer and hour has a tally of its own; the topic and each checker leave their masks. */
static void test_keys(void **state)
{
    struct batch *batch = batch_new(4);
    struct coordinate where = at(0, 0);
    struct event event = request("shop", "", 59 * NS_PER_MINUTE);
    struct event check = {.kind = EVENT_CHECK,
                          .outcome = OUTCOME_PASS,
                          .time_ns = 3 * NS_PER_MINUTE,
                          .service = STR("shop"),
                          .instance = STR("i"),
                          .checker = STR("probe")};

    (void)state;
    batch_begin_partition(batch, 1, STR("requests"), STR("digest"), 0, 0);
    batch_begin_partition(batch, 2, STR("checks"), STR("digest"), 0, 0);
    batch_add_event(batch, &where, &event);
    where = at(0, 1);
    event = request("shop", "acme", 60 * NS_PER_MINUTE);
    batch_add_event(batch, &where, &event);
    where = at(0, 2);
    event = request("shop", "", 0);
    batch_add_event(batch, &where, &event);
    where.stream_id = 2;
    where.offset = 0;
    batch_add_event(batch, &where, &check);
    check.checker = STR("");
    where.offset = 1;
    batch_add_event(batch, &where, &check);
    batch_check(batch);
    assert_int_equal(entry_of(batch, TALLY_WINDOW, "shop", "", 0)->tally->window.minutes[59].total,
                     1);
    assert_int_equal(entry_of(batch, TALLY_WINDOW, "shop", "", 0)->tally->window.minutes[0].total,
                     1);
    assert_int_equal(
        entry_of(batch, TALLY_WINDOW, "shop", "acme", 1)->tally->window.minutes[0].total, 1);
    assert_int_equal(
        entry_of(batch, TALLY_ACTIVITY, "topic", "requests", 0)->tally->activity.minutes,
        (UINT64_C(1) << 59) | 1);
    assert_int_equal(
        entry_of(batch, TALLY_ACTIVITY, "topic", "requests", 1)->tally->activity.minutes, 1);
    assert_int_equal(
        entry_of(batch, TALLY_ACTIVITY, "checker", "probe", 0)->tally->activity.minutes, 1 << 3);
    assert_null(entry_of(batch, TALLY_ACTIVITY, "checker", "", 0));
    batch_free(batch);
}

/* More keys than the table begins with: every one is found again, and the size that is reported grows with them. */
static void test_many_keys(void **state)
{
    struct batch *batch = batch_new(4);

    (void)state;
    batch_begin_partition(batch, 1, STR("requests"), STR("digest"), 0, 0);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 1000; i++) {
            char name[32];
            struct coordinate where = at(0, round * 1000 + i);
            struct event event;

            snprintf(name, sizeof(name), "service-%d", i);
            event = request(name, "", 0);
            batch_add_event(batch, &where, &event);
        }
    }
    batch_check(batch);
    assert_int_equal(batch->entry_count, 1001);
    assert_true(batch_size(batch) > 1000 * sizeof(struct window_tally));
    for (size_t i = 0; i < batch->entry_count; i++) {
        if (batch->entries[i].key.kind == TALLY_WINDOW) {
            assert_int_equal(batch->entries[i].tally->window.minutes[0].records, 2);
        }
    }
    batch_free(batch);
}

enum { NUMBERED_SERVICES = 700, NUMBERED_EVENTS = 60000 };

/* Most events are of one request with a latency; the others take other ways. */
static void vary(struct event *event, struct random *random, uint32_t service)
{
    static const int64_t limits_ns[] = {NS_PER_SECOND / 4};
    static const struct particulars_wanted wanted = {
        .times = true, .limits_ns = limits_ns, .limit_count = 1};

    event->latency_ns = (int64_t)random_below(random, NS_PER_SECOND);
    event->latency_threshold_ns = NS_PER_SECOND / 2;
    event->outcome = random_below(random, 20) == 0 ? OUTCOME_ERROR : OUTCOME_SUCCESS;
    event->wanted = service % 10 == 0 ? &wanted : NULL;
    switch (random_below(random, 20)) {
    case 0:
        event->latency_ns = LATENCY_UNKNOWN;
        break;
    case 1:
        event->latency_ns = 0;
        break;
    case 2:
        event->weight = 1 + (int64_t)random_below(random, 1000);
        break;
    default:
        break;
    }
}

/* Two batches with the same events; those of the first carry the numbers of their services. */
static void add_to_both(struct batch *numbered, struct batch *plain, struct random *random,
                        int64_t offsets[2])
{
    int64_t hour_ns = 3600 * NS_PER_SECOND;
    char name[16];

    for (int i = 0; i < NUMBERED_EVENTS; i++) {
        uint32_t service = (uint32_t)random_below(random, NUMBERED_SERVICES);
        int32_t partition = (int32_t)random_below(random, 2);
        struct coordinate where = at(partition, offsets[partition]);
        bool customer = random_below(random, 10) == 0;
        struct event event;

        (void)snprintf(name, sizeof(name), "s%u", (unsigned)service);
        event = request(name, customer ? "acme" : "", (int64_t)random_below(random, 3) * hour_ns);
        event.time_ns += (int64_t)random_below(random, (uint64_t)hour_ns);
        vary(&event, random, service);
        batch_add_event(plain, &where, &event);
        event.service_number = 1 + service + service % 5 * 4096;
        batch_add_event(numbered, &where, &event);
        offsets[partition] += 1 + (int64_t)random_below(random, 2);
    }
}

static void assert_same(const struct batch *a, const struct batch *b)
{
    struct strbuf x, y;

    assert_int_equal(a->entry_count, b->entry_count);
    strbuf_init(&x, 1 << 20);
    strbuf_init(&y, 1 << 20);
    for (size_t i = 0; i < a->entry_count; i++) {
        strbuf_clear(&x);
        strbuf_clear(&y);
        assert_int_equal(tally_key_compare(&a->entries[i].key, &b->entries[i].key), 0);
        tally_pack(a->entries[i].key.kind, a->entries[i].tally, &x);
        tally_pack(b->entries[i].key.kind, b->entries[i].tally, &y);
        assert_true(str_equal(strbuf_view(&x), strbuf_view(&y)));
    }
    strbuf_release(&x);
    strbuf_release(&y);
}

/* A number only shortens the way: of more services than there are places, in several hours, over a clear, with customers between; and
 * whether somebody asked in the middle does not show. */
static void test_numbers_change_nothing(void **state)
{
    struct batch *numbered = batch_new(0), *plain = batch_new(0);
    struct random random;
    int64_t offsets[2] = {0, 0};

    (void)state;
    random_init_seed(&random, 7);
    for (int32_t p = 0; p < 2; p++) {
        batch_begin_partition(numbered, 1, STR("requests"), STR(""), p, 0);
        batch_begin_partition(plain, 1, STR("requests"), STR(""), p, 0);
    }
    for (int round = 0; round < 2; round++) {
        add_to_both(numbered, plain, &random, offsets);
        batch_settle(numbered);
        add_to_both(numbered, plain, &random, offsets);
        batch_check(numbered);
        batch_settle(numbered);
        batch_check(numbered);
        assert_same(numbered, plain);
        assert_int_equal(batch_size(numbered), batch_size(plain));
        batch_clear(numbered);
        batch_clear(plain);
    }
    batch_free(numbered);
    batch_free(plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_change_nothing),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_many_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
