#include "jobs/demo/registry_table.h"

#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "schemas/embedded.h"

/* One id of the registry: an embedded file, or a text. */
struct table_row {
    int64_t id;
    const char *file;
    const char *text;
    const char *type; /* NULL: Avro */
};

static const struct table_row table[] = {
    {.id = SCHEMA_ID_REQUEST, .file = "request_event.avsc"},
    {.id = SCHEMA_ID_CHECK, .file = "health_check_event.avsc"},
    {.id = SCHEMA_ID_PROTOBUF,
     .text = "syntax = \"proto3\"; message Ping { string name = 1; }",
     .type = "PROTOBUF"},
    {.id = SCHEMA_ID_AUDIT,
     .text =
         "{\"type\":\"record\",\"name\":\"AuditEvent\",\"fields\":["
         "{\"name\":\"actor\",\"type\":\"string\"},{\"name\":\"action\",\"type\":\"string\"}]}"},
    {.id = SCHEMA_ID_TRACED,
     .text = "{\"type\":\"record\",\"name\":\"TracedRequest\",\"fields\":["
             "{\"name\":\"service_name\",\"type\":\"string\"},"
             "{\"name\":\"start_time\",\"type\":{\"type\":\"long\",\"logicalType\":"
             "\"timestamp-micros\"}},"
             "{\"name\":\"http_response_status_code\",\"type\":\"int\"},"
             "{\"name\":\"cause\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Cause\","
             "\"fields\":[{\"name\":\"cause\",\"type\":[\"null\",\"Cause\"]}]}]}]}"},
};

static void write_schema(const struct table_row *row, struct strbuf *body)
{
    const struct embedded_file *file = row->file != NULL ? embedded_find(row->file) : NULL;
    struct json_writer json;

    CHECK((row->file == NULL) == (file == NULL));
    json_init(&json, body, false);
    json_open_object(&json, NULL);
    json_str(&json, "schema", file != NULL ? str_of(file->data, file->size) : STR(row->text));
    if (row->type != NULL) {
        json_text(&json, "schemaType", row->type);
    }
    json_close(&json);
    json_finish(&json);
}

/* The id at the end of ".../schemas/ids/N" or ".../schemas/ids/N?..."; false for other paths. */
static bool find_id(const char *url, int64_t *ret_id)
{
    static const char path[] = "/schemas/ids/";
    const char *at = strstr(url, path);

    return at != NULL &&
           str_to_int64(str_of(at + sizeof(path) - 1, strcspn(at + sizeof(path) - 1, "?")), ret_id);
}

static enum err_code table_perform(struct http *http, const struct http_request *request,
                                   int *ret_status, struct strbuf *body, struct err *err)
{
    int64_t id;

    (void)http;
    *ret_status = 200;
    if (!find_id(request->url, &id)) {
        strbuf_append_text(body, "[]");
        return ERR_OK;
    }
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        if (table[i].id == id) {
            write_schema(&table[i], body);
            return body->overflow
                       ? err_set(err, ERR_BROKER, "schema %lld is too long", (long long)id)
                       : ERR_OK;
        }
    }
    *ret_status = 404;
    strbuf_append_text(body, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
    return ERR_OK;
}

static void table_close(struct http *http)
{
    (void)http;
}

struct http *registry_table(void)
{
    static struct http http = {table_perform, table_close};

    return &http;
}
