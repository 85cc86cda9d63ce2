#include "jobs/demo/encoder.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/demo/avro_library.h"
#include "jobs/demo/registry_table.h"
#include "schemas/embedded.h"

enum {
    HEADER_SIZE = 5,
    VALUE_SIZE_MAX = 64 * 1024,
    LARGE_PATH_PARTS = 10000, /* of two bytes: above the demo's max_record_bytes */
    DEEP_LEVELS = 80          /* above the 64 that are read */
};

/* A schema and the one value that is filled again and again. */
struct template
{
    avro_schema_t schema;
    avro_value_iface_t *class;
    avro_value_t value;
};

struct encoder {
    const struct world *world; /* borrowed */
    struct template request;
    struct template check;
    avro_writer_t writer;
    size_t size; /* of bytes in use */
    char key[64];
    char bytes[VALUE_SIZE_MAX];
};

static enum err_code template_open(struct template *template, const char *file, struct err *err)
{
    const struct embedded_file *embedded = embedded_find(file);

    CHECK(embedded != NULL);
    if (avro_schema_from_json_length(embedded->data, embedded->size, &template->schema) != 0) {
        return err_set(err, ERR_FAILED, "%s: %s", file, avro_strerror());
    }
    template->class = avro_generic_class_from_schema(template->schema);
    if (template->class == NULL || avro_generic_value_new(template->class, &template->value) != 0) {
        return err_set(err, ERR_FAILED, "%s: %s", file, avro_strerror());
    }
    return ERR_OK;
}

static void template_release(struct template *template)
{
    if (template->value.iface != NULL) {
        avro_value_decref(&template->value);
    }
    if (template->class != NULL) {
        avro_value_iface_decref(template->class);
    }
    if (template->schema != NULL) {
        avro_schema_decref(template->schema);
    }
}

enum err_code encoder_open(const struct world *world, struct encoder **ret_encoder, struct err *err)
{
    struct encoder *encoder = memory_calloc(1, sizeof(*encoder));
    enum err_code code = libavro_open(err);

    if (code == ERR_OK) {
        code = template_open(&encoder->request, "request_event.avsc", err);
    }
    if (code == ERR_OK) {
        code = template_open(&encoder->check, "health_check_event.avsc", err);
    }
    if (code != ERR_OK) {
        encoder_free(encoder);
        return code;
    }
    encoder->world = world;
    encoder->writer = avro_writer_memory(encoder->bytes, sizeof(encoder->bytes));
    CHECK(encoder->writer != NULL);
    *ret_encoder = encoder;
    return ERR_OK;
}

void encoder_free(struct encoder *encoder)
{
    if (encoder == NULL) {
        return;
    }
    if (encoder->writer != NULL) {
        avro_writer_free(encoder->writer);
    }
    template_release(&encoder->request);
    template_release(&encoder->check);
    memory_free(encoder);
}

/* Setting fields. Failures here would be bugs: the schemas are our own. */

static avro_value_t field_of(struct template *template, const char *name)
{
    avro_value_t field;

    CHECK(avro_value_get_by_name(&template->value, name, &field, NULL) == 0);
    return field;
}

static avro_value_t branch_of(struct template *template, const char *name, bool present)
{
    avro_value_t field = field_of(template, name);
    avro_value_t branch;

    CHECK(avro_value_set_branch(&field, present, &branch) == 0);
    return branch;
}

static void set_text(avro_value_t field, const char *text)
{
    CHECK(avro_value_set_string(&field, text) == 0);
}

static void set_long(avro_value_t field, int64_t value)
{
    CHECK(avro_value_set_long(&field, value) == 0);
}

static void set_optional_text(struct template *template, const char *name, const char *text)
{
    avro_value_t branch = branch_of(template, name, text != NULL);

    if (text != NULL) {
        set_text(branch, text);
    }
}

static void set_schema_id(struct encoder *encoder, int32_t schema_id)
{
    const char header[HEADER_SIZE] = {0, (char)(schema_id >> 24), (char)(schema_id >> 16),
                                      (char)(schema_id >> 8), (char)schema_id};

    memcpy(encoder->bytes, header, sizeof(header));
}

static void put_header(struct encoder *encoder, int32_t schema_id)
{
    set_schema_id(encoder, schema_id);
    encoder->size = HEADER_SIZE;
}

static void put_value(struct encoder *encoder, struct template *template)
{
    avro_writer_memory_set_dest(encoder->writer, encoder->bytes + HEADER_SIZE,
                                sizeof(encoder->bytes) - HEADER_SIZE);
    CHECK(avro_value_write(encoder->writer, &template->value) == 0);
    encoder->size = HEADER_SIZE + (size_t)avro_writer_tell(encoder->writer);
}

static void fill_request(struct encoder *encoder, const struct traffic_event *event)
{
    struct template *template = &encoder->request;
    avro_value_t status = field_of(template, "http_response_status_code");
    avro_value_t duration = branch_of(template, "duration_us", event->duration_us >= 0);

    set_text(field_of(template, "service_name"), encoder->world->services[event->service].name);
    set_optional_text(template, "service_instance_id", encoder->key);
    set_long(field_of(template, "start_time"), event->time_us);
    CHECK(avro_value_set_int(&status, event->status) == 0);
    if (event->duration_us >= 0) {
        set_long(duration, event->duration_us);
    }
    set_optional_text(template, "http_request_method", "GET");
    set_optional_text(template, "url_path", traffic_path(event->path));
    set_optional_text(template, "user_agent_synthetic_type", event->synthetic ? "bot" : NULL);
    set_optional_text(template, "customer", NULL);
    set_optional_text(template, "event_id", NULL);
}

static void fill_check(struct encoder *encoder, const struct traffic_event *event)
{
    static const char *const checkers[CHECKER_COUNT] = {
        [CHECKER_NORTH] = "probe-north", [CHECKER_SOUTH] = "probe-south", [CHECKER_SELF] = NULL};
    static const char *const regions[CHECKER_COUNT] = {
        [CHECKER_NORTH] = "europe-north1", [CHECKER_SOUTH] = "europe-west8", [CHECKER_SELF] = NULL};
    const struct world_service *service = &encoder->world->services[event->service];
    struct template *template = &encoder->check;
    avro_value_t status = field_of(template, "status");

    set_text(field_of(template, "service_name"), service->name);
    set_text(field_of(template, "service_instance_id"), encoder->key);
    set_long(field_of(template, "observed_time"), event->time_us);
    CHECK(event->outcome >= OUTCOME_PASS); /* the symbols have the order of enum outcome */
    CHECK(avro_value_set_enum(&status, (int)event->outcome - (int)OUTCOME_PASS) == 0);
    set_long(branch_of(template, "interval_ms", true), 60000);
    set_optional_text(template, "checker", checkers[service->checker]);
    set_optional_text(template, "region", regions[service->checker]);
    (void)branch_of(template, "duration_us", false);
    set_optional_text(template, "message",
                      event->outcome == OUTCOME_FAIL ? "connection refused" : NULL);
}

/* Bytes that avro-c does not write, or not in this way. */

static void put_byte(struct encoder *encoder, unsigned byte)
{
    CHECK(encoder->size < sizeof(encoder->bytes));
    encoder->bytes[encoder->size++] = (char)byte;
}

static void put_long(struct encoder *encoder, int64_t value)
{
    uint64_t zigzag = ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);

    for (; zigzag >= 0x80; zigzag >>= 7) {
        put_byte(encoder, (unsigned)(zigzag & 0x7f) | 0x80);
    }
    put_byte(encoder, (unsigned)zigzag);
}

static void put_text(struct encoder *encoder, const char *text)
{
    put_long(encoder, (int64_t)strlen(text));
    for (; *text != '\0'; text++) {
        put_byte(encoder, (unsigned char)*text);
    }
}

/* A request whose chain of causes is deeper than anybody reads. */
static void put_deep(struct encoder *encoder, const struct traffic_event *event)
{
    put_header(encoder, SCHEMA_ID_TRACED);
    put_text(encoder, "device-api");
    put_long(encoder, event->time_us);
    put_long(encoder, 200);
    for (int i = 0; i < DEEP_LEVELS; i++) {
        put_long(encoder, 1);
    }
    put_long(encoder, 0);
}

static void put_audit(struct encoder *encoder)
{
    put_header(encoder, SCHEMA_ID_AUDIT);
    put_text(encoder, "anna");
    put_text(encoder, "login");
}

/* Bad records that are well-formed Avro: one field with a value that nobody can use. */
struct bad_field {
    const char *name;
    const char *text; /* NULL: a number */
    int repeat;       /* the text so many times */
    int64_t number;
};

static const struct bad_field bad_fields[BAD_KIND_COUNT] = {
    [BAD_YEAR_9999] = {"start_time", NULL, 0, INT64_C(253402300799000000)},
    [BAD_YEAR_1970] = {"observed_time", NULL, 0, INT64_C(86400000000)},
    [BAD_NEGATIVE_LATENCY] = {"duration_us", NULL, 0, -1},
    [BAD_STATUS] = {"http_response_status_code", NULL, 0, 0},
    [BAD_EMPTY_NAME] = {"service_name", "", 1, 0},
    [BAD_CONTROL_NAME] = {"service_name", "device\x1b[2Japi", 1, 0},
    [BAD_LONG_NAME] = {"service_name", "n", NAME_SIZE_MAX + 1, 0},
    [BAD_GHOST] = {"service_name", "ghost", 1, 0},
    [BAD_LARGE] = {"url_path", "/x", LARGE_PATH_PARTS, 0},
};

static void put_bad_field(struct encoder *encoder, struct template *template,
                          const struct bad_field *bad)
{
    avro_value_t field = field_of(template, bad->name);
    struct strbuf text;

    if (avro_value_get_type(&field) == AVRO_UNION) {
        field = branch_of(template, bad->name, true);
    }
    if (bad->text != NULL) {
        strbuf_init(&text, VALUE_SIZE_MAX);
        for (int i = 0; i < bad->repeat; i++) {
            strbuf_append_text(&text, bad->text);
        }
        set_text(field, strbuf_text(&text));
        strbuf_release(&text);
    } else if (avro_value_get_type(&field) == AVRO_INT32) {
        CHECK(avro_value_set_int(&field, (int32_t)bad->number) == 0);
    } else {
        set_long(field, bad->number);
    }
    put_value(encoder, template);
}

/* A check whose enum index has no symbol. */
static void put_bad_symbol(struct encoder *encoder, const struct traffic_event *event)
{
    encoder->size = HEADER_SIZE;
    put_text(encoder, "portal");
    put_text(encoder, "portal-1");
    put_long(encoder, event->time_us);
    put_long(encoder, 17);
}

/* The good record is already written; this spoils its bytes. */
static void spoil_bytes(struct encoder *encoder, const struct traffic_event *event)
{
    switch (event->bad) {
    case BAD_TRUNCATED:
        encoder->size -= 7u + event->instance;
        break;
    case BAD_TRAILING:
        put_byte(encoder, 0);
        break;
    case BAD_VARINT: /* a length that never ends */
        memset(encoder->bytes + HEADER_SIZE, 0xff, 12);
        break;
    case BAD_MAGIC:
        encoder->bytes[0] = 2; /* 0 is an id, 1 a GUID */
        break;
    case BAD_SHORT:
        encoder->size = 3;
        break;
    case BAD_UNKNOWN_ID:
        set_schema_id(encoder, SCHEMA_ID_NOBODY);
        break;
    case BAD_NOT_AVRO:
        set_schema_id(encoder, SCHEMA_ID_PROTOBUF);
        break;
    case BAD_UNMAPPED:
        put_audit(encoder);
        break;
    case BAD_SYMBOL:
        put_bad_symbol(encoder, event);
        break;
    default: /* the only kind that is left */
        CHECK(event->bad == BAD_DEEP);
        put_deep(encoder, event);
    }
}

static void encode_bad(struct encoder *encoder, const struct traffic_event *event, bool check)
{
    const struct bad_field *bad = &bad_fields[event->bad];

    if (bad->name != NULL) {
        put_bad_field(encoder, check ? &encoder->check : &encoder->request, bad);
    } else {
        spoil_bytes(encoder, event);
    }
}

void encoder_run(struct encoder *encoder, const struct traffic_event *event, struct str *ret_key,
                 struct str *ret_value)
{
    bool bad = event->kind == TRAFFIC_BAD;
    bool check = bad ? bad_row(event->bad)->topic == EVENT_CHECK : event->kind == TRAFFIC_CHECK;

    (void)snprintf(encoder->key, sizeof(encoder->key), "%s-%d",
                   encoder->world->services[event->service].name, event->instance + 1);
    put_header(encoder, check ? SCHEMA_ID_CHECK : SCHEMA_ID_REQUEST);
    if (check) {
        struct traffic_event passed = *event;

        passed.outcome = bad ? OUTCOME_PASS : event->outcome;
        fill_check(encoder, &passed);
    } else {
        fill_request(encoder, event);
    }
    put_value(encoder, check ? &encoder->check : &encoder->request);
    if (bad) {
        encode_bad(encoder, event, check);
    }
    *ret_key = STR(encoder->key);
    *ret_value = str_of(encoder->bytes, encoder->size);
}
