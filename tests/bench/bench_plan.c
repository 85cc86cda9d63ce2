/*
 * What a record costs in the decode plan: nanoseconds per record of the request events that other programs were measured on
 * (twelve fields, about 170 bytes). A measurement, not a test: it asserts nothing about time. Build it in the release preset.
 *
 *     bench_plan [ROUNDS]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "consumers/plan.h"

static const char writer_text[] =
    "{\"type\":\"record\",\"name\":\"RequestEvent\",\"namespace\":\"peers\",\"fields\":["
    "{\"name\":\"event_id\",\"type\":\"string\"},{\"name\":\"service\",\"type\":\"string\"},"
    "{\"name\":\"instance\",\"type\":\"string\"},"
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}},"
    "{\"name\":\"method\",\"type\":{\"type\":\"enum\",\"name\":\"Method\",\"symbols\":"
    "[\"GET\",\"POST\",\"PUT\",\"PATCH\",\"DELETE\",\"HEAD\"]}},"
    "{\"name\":\"route\",\"type\":\"string\"},{\"name\":\"status\",\"type\":\"int\"},"
    "{\"name\":\"latency_us\",\"type\":\"long\"},"
    "{\"name\":\"region\",\"type\":[\"null\",\"string\"],\"default\":null},"
    "{\"name\":\"trace_id\",\"type\":{\"type\":\"fixed\",\"name\":\"TraceId\",\"size\":16}},"
    "{\"name\":\"user_agent\",\"type\":\"string\"},{\"name\":\"bytes_out\",\"type\":\"long\"}]}";

enum { RECORD_COUNT = 20000, RECORD_SIZE_MAX = 256 };

#define TIME_MS INT64_C(1793491200000)

struct records {
    char (*bytes)[RECORD_SIZE_MAX];
    size_t *sizes;
    size_t size; /* of all */
};

static size_t put_long(char *out, int64_t value)
{
    uint64_t raw = (uint64_t)value << 1;
    size_t size = 0;

    for (; raw >= 128; raw >>= 7) {
        out[size++] = (char)((raw & 127) | 128);
    }
    out[size++] = (char)raw;
    return size;
}

static size_t put_text(char *out, const char *text)
{
    size_t size = put_long(out, (int64_t)strlen(text));

    memcpy(out + size, text, strlen(text));
    return size + strlen(text);
}

static size_t record_write(char *out, int i)
{
    static const char *const services[] = {"checkout", "device-api", "portal", "billing-worker"};
    char text[64];
    size_t size = 0;

    (void)snprintf(text, sizeof(text), "%08x-1c2d-4e3f-8a9b-%012x", (unsigned)i * 2654435761U, i);
    size += put_text(out + size, text);
    size += put_text(out + size, services[i % 4]);
    (void)snprintf(text, sizeof(text), "%s-%d", services[i % 4], i % 3);
    size += put_text(out + size, text);
    size += put_long(out + size, TIME_MS + i * 37);
    size += put_long(out + size, i % 6);
    size += put_text(out + size, i % 2 == 0 ? "/v1/orders/{id}" : "/v1/devices/{id}/state");
    size += put_long(out + size, i % 50 == 0 ? 503 : 200);
    size += put_long(out + size, 900 + i % 40000);
    size += put_long(out + size, i % 3 != 0);
    size += i % 3 != 0 ? put_text(out + size, "europe-west3") : 0;
    memset(out + size, i, 16);
    size += 16;
    size += put_text(out + size, "Mozilla/5.0 (X11; Linux x86_64) client/2.4");
    return size + put_long(out + size, 300 + i % 5000);
}

static void records_write(struct records *records)
{
    records->bytes = memory_calloc(RECORD_COUNT, sizeof(records->bytes[0]));
    records->sizes = memory_calloc(RECORD_COUNT, sizeof(records->sizes[0]));
    records->size = 0;
    for (int i = 0; i < RECORD_COUNT; i++) {
        records->sizes[i] = record_write(records->bytes[i], i);
        CHECK(records->sizes[i] <= RECORD_SIZE_MAX);
        records->size += records->sizes[i];
    }
}

static struct role role_of(const char *path)
{
    return (struct role){.paths = {STR(path)}, .path_count = 1};
}

/* One round over all records; the sum keeps the compiler honest. */
static int64_t round_run(const struct plan *plan, const struct records *records)
{
    static struct plan_scratch scratch;
    static struct decoded decoded;
    int64_t sum = 0;

    for (int i = 0; i < RECORD_COUNT; i++) {
        plan_run(plan, str_of(records->bytes[i], records->sizes[i]), TIME_MS * NS_PER_MS, &scratch,
                 &decoded);
        CHECK(decoded.verdict == VERDICT_TALLIED);
        sum += decoded.event.latency_ns + (int64_t)decoded.event.service.size;
    }
    return sum;
}

int main(int argc, char **argv)
{
    struct mapping mapping = {.service = {role_of("service")},
                              .service_part_count = 1,
                              .time = role_of("ts"),
                              .outcome = role_of("status"),
                              .outcome_rules = {.use_defaults = true},
                              .latency = role_of("latency_us"),
                              .latency_unit_ns = 1000,
                              .instance = role_of("instance"),
                              .max_age_ns = 400 * NS_PER_DAY,
                              .max_ahead_ns = NS_PER_DAY,
                              .record_size_max = 1 << 24};
    int rounds = argc > 1 ? atoi(argv[1]) : 200;
    struct clock *clock = clock_system();
    struct records records;
    struct schema *schema = NULL;
    struct plan *plan = NULL;
    struct err err = ERR_INIT;
    int64_t best_ns = INT64_MAX;
    int64_t sum = 0;

    if (schema_parse(STR(writer_text), NULL, 0, &schema, &err) != ERR_OK ||
        plan_compile(schema, NULL, &mapping, &plan, &err) != ERR_OK) {
        (void)fprintf(stderr, "bench_plan: %s\n", err.text);
        return 1;
    }
    records_write(&records);
    for (int i = 0; i < rounds; i++) {
        int64_t start_ns = clock_monotonic_ns(clock);
        int64_t took_ns;

        sum += round_run(plan, &records);
        took_ns = clock_monotonic_ns(clock) - start_ns;
        best_ns = took_ns < best_ns ? took_ns : best_ns;
    }
    (void)printf("%zu bytes per record, best of %d rounds: %" PRId64 " ns per record (sum %" PRId64
                 ")\n",
                 records.size / RECORD_COUNT, rounds, best_ns / RECORD_COUNT, sum);
    plan_free(plan);
    schema_free(schema);
    memory_free(records.bytes);
    memory_free(records.sizes);
    return 0;
}
