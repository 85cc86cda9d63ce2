/* The bodies: one function for each file of schemas/. Fields that nobody maps are filled so that their sizes are like real ones. */
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "tests/bench/events.h"

static void put(struct events *e, const void *bytes, size_t size)
{
    CHECK(size <= EVENTS_SIZE_MAX - e->body_size);
    memcpy(e->body + e->body_size, bytes, size);
    e->body_size += (uint32_t)size;
}

static void put_long(struct events *e, int64_t value)
{
    uint64_t rest = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
    unsigned char bytes[10];
    size_t size = 0;

    for (; rest > 127; rest >>= 7) {
        bytes[size++] = (unsigned char)(rest & 127) | 128;
    }
    bytes[size++] = (unsigned char)rest;
    put(e, bytes, size);
}

static void put_bytes(struct events *e, const void *bytes, size_t size)
{
    put_long(e, (int64_t)size);
    put(e, bytes, size);
}

static void put_text(struct events *e, const char *text)
{
    put_bytes(e, text, strlen(text));
}

__attribute__((format(printf, 2, 3))) static void put_format(struct events *e, const char *format,
                                                             ...)
{
    char text[256];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_text(e, text);
}

static void put_random(struct events *e, size_t size)
{
    char bytes[64];

    CHECK(size <= sizeof(bytes));
    random_bytes(&e->random, bytes, size);
    put(e, bytes, size);
}

static uint32_t roll(struct events *e, uint32_t bound)
{
    return (uint32_t)random_below(&e->random, bound);
}

/* A union of null and long. */
static void put_option_long(struct events *e, bool present, int64_t value)
{
    put_long(e, present);
    if (present) {
        put_long(e, value);
    }
}

static void put_option_text(struct events *e, bool present, const char *text)
{
    put_long(e, present);
    if (present) {
        put_text(e, text);
    }
}

static void put_double(struct events *e, double value)
{
    put(e, &value, sizeof(value)); /* little-endian, as Avro wants it */
}

static void put_float(struct events *e, float value)
{
    put(e, &value, sizeof(value));
}

static const char *region(struct events *e)
{
    static const char *const regions[] = {"europe-west1", "europe-west3", "us-central1", "us-east4",
                                          "asia-east1"};

    return regions[roll(e, ARRAY_COUNT(regions))];
}

static const char *part(struct events *e)
{
    static const char *const parts[] = {"users",    "orders", "devices", "sites",  "invoices",
                                        "tariffs",  "meters", "plans",   "alerts", "jobs",
                                        "sessions", "tokens", "reports", "quotes"};

    return parts[roll(e, ARRAY_COUNT(parts))];
}

static void put_agent(struct events *e)
{
    static const char *const systems[] = {"X11; Linux x86_64", "Windows NT 10.0; Win64",
                                          "Macintosh; arm64"};
    uint32_t n = roll(e, 40);

    put_format(e, "Mozilla/5.0 (%s) Engine/%u.%u Client/%u.%u.%u", systems[n % 3], 500 + n, n % 7,
               100 + n, n % 10, n % 3);
}

static void put_route(struct events *e)
{
    uint32_t version = 1 + roll(e, 3); /* not in the call: the order there is the compiler's */
    const char *outer = part(e);

    put_format(e, "/v%u/%s/{id}/%s", version, outer, part(e));
}

static void put_hex(struct events *e)
{
    put_format(e, "%016llx", (unsigned long long)random_next(&e->random));
}

static void put_instance(struct events *e, const struct event_draw *draw)
{
    uint32_t n = roll(e, 8);

    put_format(e, "%s-%08x-%u", e->services[draw->service],
               (draw->service * 8 + n) * UINT32_C(2654435761), n);
}

static void write_narrow(struct events *e, const struct event_draw *draw)
{
    uint32_t version = 1 + roll(e, 3);

    put_text(e, e->services[draw->service]);
    put_long(e, draw->time_ms);
    put_long(e, draw->status);
    put_long(e, draw->latency_us);
    put_random(e, 16);
    put_format(e, "/v%u/%s/{id}/state", version, part(e));
}

static void write_request(struct events *e, const struct event_draw *draw)
{
    put_hex(e);
    put_text(e, e->services[draw->service]);
    put_instance(e, draw);
    put_long(e, draw->time_ms);
    put_long(e, roll(e, 6));
    put_route(e);
    put_long(e, draw->status);
    put_long(e, draw->latency_us);
    put_option_text(e, roll(e, 5) > 0, region(e));
    put_random(e, 16);
    put_agent(e);
    put_long(e, 300 + roll(e, 20000));
}

static void write_resource(struct events *e, const struct event_draw *draw)
{
    static const char *const labels[] = {"team", "tier", "cluster"};

    put_text(e, e->services[draw->service]);
    put_instance(e, draw);
    put_format(e, "4.%u.2", roll(e, 30));
    put_option_text(e, roll(e, 5) > 0, region(e));
    put_long(e, roll(e, 3));
    put_long(e, (int64_t)ARRAY_COUNT(labels));
    for (size_t i = 0; i < ARRAY_COUNT(labels); i++) {
        put_text(e, labels[i]);
        put_text(e, part(e));
    }
    put_long(e, 0);
}

static void write_headers(struct events *e)
{
    static const char *const names[] = {"accept", "accept-encoding", "content-type", "x-request-id",
                                        "x-forwarded-for"};
    uint32_t count = 4 + roll(e, 2);

    put_long(e, count);
    for (uint32_t i = 0; i < count; i++) {
        put_text(e, names[i]);
        put_format(e, "%016llx%016llx", (unsigned long long)random_next(&e->random), 42ULL * i);
    }
    put_long(e, 0);
}

static void write_http(struct events *e, const struct event_draw *draw)
{
    const char *outer = part(e);

    put_long(e, roll(e, 6));
    put_long(e, 1);
    put_text(e, "HTTP/2.0");
    put_format(e, "%s.example.com", e->services[draw->service]);
    put_route(e);
    put_format(e, "/v2/%s/%08x/details", outer, roll(e, UINT32_MAX));
    put_option_text(e, roll(e, 3) == 0, "page=2&sort=name&limit=50");
    put_long(e, draw->status);
    put_long(e, roll(e, 4000));
    put_long(e, 300 + roll(e, 20000));
    put_agent(e);
    put_option_text(e, roll(e, 2) == 0, "https://portal.example.com/dashboard/overview");
    write_headers(e);
}

static void write_timing(struct events *e, const struct event_draw *draw)
{
    uint32_t retries = roll(e, 3);

    put_long(e, draw->latency_us);
    put_option_long(e, roll(e, 4) == 0, roll(e, 2000));
    put_option_long(e, roll(e, 4) == 0, roll(e, 9000));
    put_option_long(e, roll(e, 4) == 0, roll(e, 30000));
    put_long(e, roll(e, 500));
    put_long(e, draw->latency_us / 2);
    put_long(e, roll(e, 9000));
    put_double(e, roll(e, 1000) / 1000.0);
    if (retries > 0) {
        put_long(e, retries);
        for (uint32_t i = 0; i < retries; i++) {
            put_long(e, roll(e, 100000));
        }
    }
    put_long(e, 0);
}

static void write_client(struct events *e)
{
    put_format(e, "192.0.2.%u", roll(e, 256));
    put_long(e, 1024 + roll(e, 60000));
    put_long(e, 64512 + roll(e, 1000));
    put_text(e, "DE");
    put_option_text(e, roll(e, 3) > 0, "Frankfurt am Main");
    put_double(e, 50.0 + roll(e, 1000) / 1000.0);
    put_double(e, 8.0 + roll(e, 1000) / 1000.0);
    put_long(e, roll(e, 4));
    put_text(e, "de-DE,de;q=0.9,en;q=0.8");
    put_text(e, "Europe/Berlin");
}

static void write_trace(struct events *e)
{
    bool child = roll(e, 2) == 0;

    put_random(e, 16);
    put_random(e, 8);
    put_long(e, child);
    if (child) {
        put_random(e, 8);
    }
    put(e, &(char){1}, 1);
    put_long(e, 1);
}

static void write_caller(struct events *e)
{
    bool known = roll(e, 4) > 0;

    put_long(e, known);
    if (!known) {
        return;
    }
    put_hex(e);
    put_text(e, "https://login.example.com/realms/customers");
    put_long(e, 2);
    put_text(e, "read");
    put_text(e, part(e));
    put_long(e, 0);
    put_long(e, roll(e, 3600));
}

static void write_upstreams(struct events *e, const struct event_draw *draw)
{
    uint32_t count = 1 + roll(e, 2);

    put_long(e, count);
    for (uint32_t i = 0; i < count; i++) {
        put_format(e, "10.0.7.%u:8080", roll(e, 256));
        put_long(e, draw->status);
        put_long(e, roll(e, 50000));
    }
    put_long(e, 0);
}

static void write_cache(struct events *e)
{
    char key[20];

    random_bytes(&e->random, key, sizeof(key));
    put(e, &(char){(char)roll(e, 2)}, 1);
    put_bytes(e, key, sizeof(key));
    put_float(e, (float)roll(e, 600));
    put_float(e, (float)roll(e, 100) / 100.0F);
}

/* A union of null, string, long and double. */
static void write_note(struct events *e)
{
    uint32_t branch = roll(e, 4);

    put_long(e, branch);
    if (branch == 1) {
        put_text(e, "served from the second zone, because the first one did not answer in time");
    } else if (branch == 2) {
        put_long(e, roll(e, 100000));
    } else if (branch == 3) {
        put_double(e, roll(e, 100) / 7.0);
    }
}

static void write_wide(struct events *e, const struct event_draw *draw)
{
    char checksum[32];

    put_hex(e);
    put_long(e, draw->time_ms * 1000);
    write_resource(e, draw);
    write_http(e, draw);
    write_timing(e, draw);
    write_client(e);
    write_trace(e);
    write_caller(e);
    write_upstreams(e, draw);
    write_cache(e);
    put_long(e, 3);
    for (int i = 0; i < 3; i++) {
        put_text(e, part(e));
    }
    put_long(e, 0);
    write_note(e);
    random_bytes(&e->random, checksum, sizeof(checksum));
    put_bytes(e, checksum, sizeof(checksum));
}

const struct event_shape *event_shape_find(const char *name)
{
    static const struct event_shape shapes[] = {
        {"narrow", write_narrow}, {"request", write_request}, {"wide", write_wide}};

    for (size_t i = 0; i < ARRAY_COUNT(shapes); i++) {
        if (strcmp(name, shapes[i].name) == 0) {
            return &shapes[i];
        }
    }
    return NULL;
}
