/*
 * The schema files of a topic: which keys its framing needs, and the files themselves, read and parsed once with the configuration. So what a
 * run decodes with is what its digest says, and `uptally check` finds a broken file without a broker.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "jobs/config/tables.h"

enum { FOLDER_FILES_MAX = 1000, FOLDER_SIZE_MAX = 16 * 1024 * 1024 };

/* Keys that have a meaning for one framing only. */
static const struct {
    const char *key;
    enum framing framing;
} framing_keys[] = {
    {"schema_file", FRAMING_AVRO},
    {"schema_folder", FRAMING_SINGLE_OBJECT},
    {"schema_subjects", FRAMING_SINGLE_OBJECT},
};

static enum err_code check_keys(struct conf_reader *reader, const struct conf_node *node,
                                const struct topic_config *topic, struct err *err)
{
    bool found = false, wanted = false;

    for (size_t i = 0; i < ARRAY_COUNT(framing_keys); i++) {
        const struct conf_node *child = conf_child(node, framing_keys[i].key);
        struct conf_node place;

        wanted = wanted || framing_keys[i].framing == topic->framing;
        if (child == NULL) {
            continue;
        }
        if (framing_keys[i].framing != topic->framing) {
            place = (struct conf_node){.line = child->key_line, .column = child->key_column};
            return conf_error(reader, &place, err, "\"%s\" is only for framing %s",
                              framing_keys[i].key, topic_framing_name(framing_keys[i].framing));
        }
        found = true;
    }
    if (wanted && !found) {
        return conf_error(
            reader, node, err, "topic: framing %s needs %s", topic_framing_name(topic->framing),
            topic->framing == FRAMING_AVRO ? "\"schema_file\""
                                           : "\"schema_folder\" or \"schema_subjects\"");
    }
    return ERR_OK;
}

static enum err_code read_schema(struct conf_reader *reader, const struct conf_node *node,
                                 struct schema_text *schema, struct err *err)
{
    return conf_read_file(reader, node, schema->path, SCHEMA_SIZE_MAX, &schema->text, err);
}

static int compare_paths(const void *a, const void *b)
{
    return str_compare(((const struct schema_text *)a)->path,
                       ((const struct schema_text *)b)->path);
}

static bool is_schema_name(struct str name)
{
    struct str suffix = STR(".avsc");

    return name.size > suffix.size && name.data[0] != '.' &&
           str_equal(str_of(name.data + name.size - suffix.size, suffix.size), suffix);
}

/* Paths of the *.avsc files of the folder, sorted. */
static enum err_code list_folder(struct conf_reader *reader, const struct conf_node *node,
                                 struct topic_config *topic, struct err *err)
{
    DIR *folder = opendir(topic->schema_folder.data);
    const struct dirent *entry;

    if (folder == NULL) {
        return conf_error(reader, node, err, "%s: %s", topic->schema_folder.data, strerror(errno));
    }
    topic->schemas = arena_calloc(reader->arena, FOLDER_FILES_MAX, sizeof(*topic->schemas));
    while (topic->schema_count < FOLDER_FILES_MAX && (entry = readdir(folder)) != NULL) {
        if (is_schema_name(str_from(entry->d_name))) {
            topic->schemas[topic->schema_count++].path =
                STR(arena_format(reader->arena, "%s/%s", topic->schema_folder.data, entry->d_name));
        }
    }
    (void)closedir(folder);
    if (topic->schema_count == 0) {
        return conf_error(reader, node, err, "%s: there is no *.avsc file in this folder",
                          topic->schema_folder.data);
    }
    if (topic->schema_count == FOLDER_FILES_MAX) {
        return conf_error(reader, node, err, "%s: %d or more schema files",
                          topic->schema_folder.data, (int)FOLDER_FILES_MAX);
    }
    qsort(topic->schemas, topic->schema_count, sizeof(*topic->schemas), compare_paths);
    return ERR_OK;
}

static enum err_code read_folder(struct conf_reader *reader, const struct conf_node *node,
                                 struct topic_config *topic, struct err *err)
{
    size_t size = 0;
    enum err_code code = list_folder(reader, node, topic, err);

    for (size_t i = 0; i < topic->schema_count && code == ERR_OK; i++) {
        code = read_schema(reader, node, &topic->schemas[i], err);
        size += topic->schemas[i].text.size;
        if (code == ERR_OK && size > FOLDER_SIZE_MAX) {
            code = conf_error(reader, node, err, "%s: the schema files are larger than %d MiB",
                              topic->schema_folder.data, (int)(FOLDER_SIZE_MAX / 1024 / 1024));
        }
    }
    return code;
}

static enum err_code read_all(struct conf_reader *reader, const struct conf_node *node,
                              struct topic_config *topic, struct err *err)
{
    if (topic->reader_schema.path.size > 0 && read_schema(reader, conf_child(node, "reader_schema"),
                                                          &topic->reader_schema, err) != ERR_OK) {
        return err->code;
    }
    if (topic->schema_file.size > 0) {
        topic->schemas = arena_calloc(reader->arena, 1, sizeof(*topic->schemas));
        topic->schemas[0].path = topic->schema_file;
        topic->schema_count = 1;
        return read_schema(reader, conf_child(node, "schema_file"), topic->schemas, err);
    }
    if (topic->schema_folder.size > 0) {
        return read_folder(reader, conf_child(node, "schema_folder"), topic, err);
    }
    return ERR_OK;
}

enum err_code topic_schemas_add(const struct topic_config *topic, struct schema_finder *finder,
                                struct err *err)
{
    enum schema_key_kind kind =
        topic->framing == FRAMING_AVRO ? SCHEMA_KEY_FILE : SCHEMA_KEY_FINGERPRINT;

    for (size_t i = 0; i < topic->schema_count; i++) {
        if (schema_finder_add(finder, kind, topic->schemas[i].text, err) != ERR_OK) {
            return err_context(err, "%s", topic->schemas[i].path.data);
        }
    }
    return ERR_OK;
}

static enum err_code parse_all(struct conf_reader *reader, const struct conf_node *node,
                               const struct topic_config *topic, struct err *err)
{
    struct schema_finder finder = {.registry = NULL};
    struct schema *schema = NULL;
    struct err cause = ERR_INIT;
    const struct conf_node *place = conf_child(node, "reader_schema");

    if (topic->reader_schema.path.size > 0 &&
        schema_parse(topic->reader_schema.text, NULL, 0, &schema, &cause) != ERR_OK) {
        return conf_error(reader, place, err, "%s: %s", topic->reader_schema.path.data, cause.text);
    }
    schema_free(schema);
    if (topic_schemas_add(topic, &finder, &cause) != ERR_OK) {
        place = conf_child(node, topic->framing == FRAMING_AVRO ? "schema_file" : "schema_folder");
        (void)conf_error(reader, place, err, "%s", cause.text);
    }
    schema_finder_release(&finder);
    return cause.code == ERR_OK ? ERR_OK : err->code;
}

enum err_code topic_schemas_read(struct conf_reader *reader, const struct conf_node *node,
                                 struct topic_config *topic, struct err *err)
{
    enum err_code code = check_keys(reader, node, topic, err);

    if (code == ERR_OK) {
        code = read_all(reader, node, topic, err);
    }
    if (code == ERR_OK) {
        code = parse_all(reader, node, topic, err);
    }
    return code;
}
