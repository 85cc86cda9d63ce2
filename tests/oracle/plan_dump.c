/*
 * What the decode plan makes of given records, one line each, for comparison with other implementations.
 *
 * Standard input, text lines with raw bytes between them:
 *     case WRITER_SIZE READER_SIZE AVROC     then the two schemas (READER_SIZE 0: none)
 *     role NAME PATH                         service time status instance region id latency
 *     payload SIZE                           then its bytes; any number of them
 *     end
 * Standard output, one line per payload, names in hexadecimal:
 *     VERDICT TIME_NS OUTCOME LATENCY_NS x:SERVICE x:INSTANCE x:REGION x:ID [AVROC] # DETAIL
 * AVROC, if it was asked for: what avro-c reads at the paths of instance, region, id and latency.
 */
#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"
#include "consumers/plan.h"

#define RECORD_NS (INT64_C(1793491200) * NS_PER_SECOND)

enum { LINE_SIZE = 4096, PATH_COUNT = 4, PAYLOAD_SIZE_MAX = 1 << 26 };

struct test_case {
    struct arena arena;
    struct mapping mapping;
    struct str writer_text, reader_text;
    struct schema *writer, *reader;
    struct plan *plan;
    struct err err;
    struct str paths[PATH_COUNT]; /* instance, region, id, latency */
    avro_schema_t avroc_schema;   /* NULL: not asked for */
    avro_value_iface_t *avroc_class;
};

static struct str bytes_read(struct arena *arena, size_t size)
{
    char *bytes = arena_alloc(arena, size + 1);

    CHECK(size <= PAYLOAD_SIZE_MAX);
    CHECK(fread(bytes, 1, size, stdin) == size);
    return str_of(bytes, size);
}

static void hex_print(struct str bytes)
{
    (void)fputs("x:", stdout);
    for (size_t i = 0; i < bytes.size; i++) {
        (void)printf("%02x", (unsigned char)bytes.data[i]);
    }
    (void)putchar(' ');
}

static void role_read(struct test_case *test, const char *name, struct str path)
{
    struct mapping *mapping = &test->mapping;
    const struct {
        const char *name;
        struct role *role;
        int path; /* index of paths, or -1 */
    } rows[] = {
        {"service", &mapping->service[0], -1}, {"time", &mapping->time, -1},
        {"status", &mapping->outcome, -1},     {"instance", &mapping->instance, 0},
        {"region", &mapping->region, 1},       {"id", &mapping->event_id, 2},
        {"latency", &mapping->latency, 3},
    };

    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *rows[i].role = (struct role){.paths = {path}, .path_count = 1};
            if (rows[i].path >= 0) {
                test->paths[rows[i].path] = path;
            }
            return;
        }
    }
    CHECK(!"a role that is known");
}

static void case_init(struct test_case *test, size_t writer_size, size_t reader_size, bool avroc)
{
    memset(test, 0, sizeof(*test));
    test->mapping = (struct mapping){.service_part_count = 1,
                                     .time_unit_ns = NS_PER_MS,
                                     .outcome_rules = {.use_defaults = true},
                                     .latency_unit_ns = 1000,
                                     .max_age_ns = 400 * NS_PER_DAY,
                                     .max_ahead_ns = NS_PER_DAY,
                                     .record_size_max = (size_t)16 << 20};
    test->writer_text = bytes_read(&test->arena, writer_size);
    test->reader_text = bytes_read(&test->arena, reader_size);
    if (avroc && avro_schema_from_json_length(test->writer_text.data, writer_size,
                                              &test->avroc_schema) == 0) {
        test->avroc_class = avro_generic_class_from_schema(test->avroc_schema);
    }
}

/* Schemas and plan, when the roles are known. */
static void case_compile(struct test_case *test)
{
    if (schema_parse(test->writer_text, NULL, 0, &test->writer, &test->err) != ERR_OK ||
        (test->reader_text.size > 0 &&
         schema_parse(test->reader_text, NULL, 0, &test->reader, &test->err) != ERR_OK)) {
        return;
    }
    (void)plan_compile(test->writer, test->reader, &test->mapping, &test->plan, &test->err);
}

static void case_release(struct test_case *test)
{
    plan_free(test->plan);
    schema_free(test->writer);
    schema_free(test->reader);
    if (test->avroc_class != NULL) {
        avro_value_iface_decref(test->avroc_class);
    }
    if (test->avroc_schema != NULL) {
        avro_schema_decref(test->avroc_schema);
    }
    arena_release(&test->arena);
}

/* Follows the path into value; false if it ends on the way. */
static bool avroc_find(avro_value_t *value, struct str path)
{
    for (;;) {
        size_t size = 0;
        char part[256];

        while (avro_value_get_type(value) == AVRO_UNION) {
            avro_value_t inner;

            CHECK(avro_value_get_current_branch(value, &inner) == 0);
            *value = inner;
        }
        if (path.size == 0) {
            return true;
        }
        while (size < path.size && path.data[size] != '.') {
            size++;
        }
        CHECK(size < sizeof(part));
        memcpy(part, path.data, size);
        part[size] = '\0';
        path =
            size < path.size ? str_of(path.data + size + 1, path.size - size - 1) : str_of(NULL, 0);
        if ((avro_value_get_type(value) != AVRO_RECORD && avro_value_get_type(value) != AVRO_MAP) ||
            avro_value_get_by_name(value, part, value, NULL) != 0) {
            return false;
        }
    }
}

static void avroc_leaf_print(const avro_value_t *value)
{
    const void *bytes = NULL;
    const char *text = NULL;
    size_t size = 0;
    int32_t narrow = 0;
    int64_t wide = 0;
    float real = 0;
    double wide_real = 0;

    switch (avro_value_get_type(value)) {
    case AVRO_STRING:
        CHECK(avro_value_get_string(value, &text, &size) == 0);
        (void)putchar('t');
        hex_print(str_of(text, size - 1));
        return;
    case AVRO_BYTES:
        CHECK(avro_value_get_bytes(value, &bytes, &size) == 0);
        (void)putchar('b');
        hex_print(str_of(bytes, size));
        return;
    case AVRO_FIXED:
        CHECK(avro_value_get_fixed(value, &bytes, &size) == 0);
        (void)putchar('b');
        hex_print(str_of(bytes, size));
        return;
    case AVRO_ENUM:
        CHECK(avro_value_get_enum(value, &narrow) == 0);
        (void)putchar('t');
        hex_print(STR(avro_schema_enum_get(avro_value_get_schema(value), narrow)));
        return;
    case AVRO_INT32:
        CHECK(avro_value_get_int(value, &narrow) == 0);
        (void)printf("i:%" PRId32 " ", narrow);
        return;
    case AVRO_INT64:
        CHECK(avro_value_get_long(value, &wide) == 0);
        (void)printf("i:%" PRId64 " ", wide);
        return;
    case AVRO_FLOAT:
        CHECK(avro_value_get_float(value, &real) == 0);
        (void)printf("d:%a ", (double)real);
        return;
    case AVRO_DOUBLE:
        CHECK(avro_value_get_double(value, &wide_real) == 0);
        (void)printf("d:%a ", wide_real);
        return;
    case AVRO_NULL:
        (void)fputs("- ", stdout);
        return;
    default:
        (void)fputs("? ", stdout);
    }
}

static void avroc_print(const struct test_case *test, struct str payload)
{
    avro_reader_t reader = avro_reader_memory(payload.data, (int64_t)payload.size);
    avro_value_t value;
    char byte;

    CHECK(avro_generic_value_new(test->avroc_class, &value) == 0);
    if (avro_value_read(reader, &value) != 0 || avro_read(reader, &byte, 1) == 0) {
        (void)fputs("avroc-refused ", stdout);
    } else {
        (void)fputs("avroc ", stdout);
        for (size_t i = 0; i < PATH_COUNT; i++) {
            avro_value_t found = value;

            if (test->paths[i].size > 0 && avroc_find(&found, test->paths[i])) {
                avroc_leaf_print(&found);
            } else {
                (void)fputs("- ", stdout);
            }
        }
    }
    avro_value_decref(&value);
    avro_reader_free(reader);
}

static void payload_print(struct test_case *test, size_t size)
{
    static struct plan_scratch scratch;
    static struct decoded decoded;
    const struct event *event = &decoded.event;
    struct arena arena = ARENA_INIT;
    struct str payload = bytes_read(&arena, size);
    /* In a block of its exact size: what reads behind it is seen by AddressSanitizer. */
    char *exact = memory_alloc(size > 0 ? size : 1);

    memcpy(exact, payload.data, size);
    if (test->plan == NULL) {
        (void)printf("refused # %s\n", test->err.text);
    } else {
        plan_run(test->plan, str_of(exact, size), RECORD_NS, &scratch, &decoded);
        (void)printf("%s ", verdict_row(decoded.verdict)->name);
        if (decoded.verdict == VERDICT_TALLIED) {
            (void)printf("%" PRId64 " %d %" PRId64 " ", event->time_ns, (int)event->outcome,
                         event->latency_ns);
            hex_print(event->service);
            hex_print(event->instance);
            hex_print(event->region);
            hex_print(event->id);
        }
        if (test->avroc_class != NULL) {
            avroc_print(test, payload);
        }
        (void)printf("# %s\n", decoded.detail);
    }
    memory_free(exact);
    arena_release(&arena);
}

int main(void)
{
    char line[LINE_SIZE];
    struct test_case test;
    bool compiled = false;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        char name[32];
        char path[LINE_SIZE];
        size_t writer_size;
        size_t reader_size;
        size_t size;
        int avroc;

        if (sscanf(line, "case %zu %zu %d", &writer_size, &reader_size, &avroc) == 3) {
            case_init(&test, writer_size, reader_size, avroc != 0);
            compiled = false;
        } else if (sscanf(line, "role %31s %4095s", name, path) == 2) {
            role_read(&test, name, arena_str(&test.arena, STR(path)));
        } else if (sscanf(line, "payload %zu", &size) == 1) {
            if (!compiled) {
                case_compile(&test);
                compiled = true;
            }
            payload_print(&test, size);
        } else {
            CHECK(strcmp(line, "end\n") == 0);
            case_release(&test);
        }
    }
    return 0;
}
