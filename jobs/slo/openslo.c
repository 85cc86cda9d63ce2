#include "jobs/slo/openslo.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/spelling.h"
#include "jobs/config/config.h"
#include "jobs/slo/document.h"

enum { SECTION_SIZE_MAX = 1024 * 1024 };

/* --- reading --- */

void openslo_init(struct openslo *openslo)
{
    *openslo = (struct openslo){.arena = ARENA_INIT};
    openslo->objects =
        arena_calloc(&openslo->arena, OPENSLO_OBJECTS_MAX, sizeof(openslo->objects[0]));
}

void openslo_release(struct openslo *openslo)
{
    for (size_t i = 0; i < openslo->reader_count; i++) {
        conf_reader_release(openslo->readers[i]);
    }
    arena_release(&openslo->arena);
}

static struct openslo_object *find_object(struct openslo *openslo, enum openslo_kind kind,
                                          struct str name)
{
    for (size_t i = 0; i < openslo->count; i++) {
        if (openslo->objects[i]->kind == kind &&
            str_equal(openslo->objects[i]->metadata.name, name)) {
            return openslo->objects[i];
        }
    }
    return NULL;
}

static enum err_code find_kind(struct conf_reader *reader, const struct conf_node *node,
                               enum openslo_kind *ret_kind, struct err *err)
{
    static const struct conf_choice kinds[] = {{"Service", OPENSLO_SERVICE, false},
                                               {"SLI", OPENSLO_SLI, false},
                                               {"SLO", OPENSLO_SLO, false},
                                               {"DataSource", 0, true},
                                               {"AlertPolicy", 0, true},
                                               {"AlertCondition", 0, true},
                                               {"AlertNotificationTarget", 0, true},
                                               {NULL, 0, false}};
    struct conf_row row = {
        .key = "kind", .type = CONF_ENUM, .choices = kinds, .size = sizeof(*ret_kind)};
    const struct conf_node *kind = conf_child(node, "kind");

    if (kind == NULL) {
        return conf_error(reader, node, err, "OpenSLO: required key \"kind\" is missing");
    }
    for (size_t i = 0; kind->kind == CONF_SCALAR && kinds[i].name != NULL; i++) {
        if (kinds[i].later && str_equal(kind->text, STR(kinds[i].name))) {
            return conf_error(reader, kind, err,
                              "kind \"%s\" cannot be honoured: only Service, SLI and SLO are",
                              kinds[i].name);
        }
    }
    return conf_row_read(reader, &row, kind, ret_kind, err);
}

static enum err_code read_document(struct openslo *openslo, struct conf_reader *reader,
                                   const struct conf_node *node, struct err *err)
{
    struct openslo_object *object = arena_alloc(&openslo->arena, sizeof(*object));
    const struct openslo_object *other;
    enum err_code code = find_kind(reader, node, &object->kind, err);

    if (code == ERR_OK) {
        code = conf_table_read(reader, &openslo_tables[object->kind], node, object, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    other = find_object(openslo, object->kind, object->metadata.name);
    if (other != NULL) {
        return conf_error(reader, conf_child(conf_child(node, "metadata"), "name"), err,
                          "%s \"%.*s\" occurs twice (first in %s:%d)",
                          openslo_tables[object->kind].name, STR_ARGS(object->metadata.name),
                          other->reader->name, other->node->line);
    }
    if (openslo->count == OPENSLO_OBJECTS_MAX) {
        return conf_error(reader, node, err, "more than %d documents", OPENSLO_OBJECTS_MAX);
    }
    object->reader = reader;
    object->node = node;
    openslo->objects[openslo->count++] = object;
    return ERR_OK;
}

enum err_code openslo_read(struct openslo *openslo, struct str text, const char *name,
                           struct err *err)
{
    struct conf_reader *reader = arena_alloc(&openslo->arena, sizeof(*reader));
    const struct conf_node *document = NULL;
    size_t count;
    enum err_code code;

    if (openslo->reader_count == ARRAY_COUNT(openslo->readers)) {
        return err_set(err, ERR_USAGE, "more than %zu files", ARRAY_COUNT(openslo->readers));
    }
    reader->arena = &openslo->arena;
    reader->name = arena_text(&openslo->arena, STR(name));
    openslo->readers[openslo->reader_count++] = reader;
    code = conf_parse_all(&openslo->arena, text, reader->name, &document, &count, err);
    for (; document != NULL && code == ERR_OK; document = document->next) {
        code = read_document(openslo, reader, document, err);
    }
    return code;
}

/* --- writing --- */

/* Quoted, unless it is a word that means itself. */
static void write_text(struct strbuf *out, struct str text)
{
    bool plain = text.size > 0 && !str_equal(text, STR("null"));

    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        plain = plain && (word || (i > 0 && (c == '.' || c == '-' || c == '_')));
    }
    if (plain) {
        strbuf_append(out, text);
        return;
    }
    strbuf_append_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\') {
            strbuf_append_char(out, '\\');
        }
        strbuf_append_char(out, text.data[i]);
    }
    strbuf_append_char(out, '"');
}

static struct str trim(struct str text)
{
    while (text.size > 0 && text.data[0] == ' ') {
        text = str_of(text.data + 1, text.size - 1);
    }
    while (text.size > 0 && text.data[text.size - 1] == ' ') {
        text.size--;
    }
    return text;
}

/* "a, b" as a list. */
static void write_services(struct strbuf *out, struct str names)
{
    bool first = true;

    strbuf_append_text(out, "    services: [");
    for (;;) {
        const char *comma = memchr(names.data, ',', names.size);
        struct str name = comma != NULL ? str_of(names.data, (size_t)(comma - names.data)) : names;

        strbuf_append_text(out, first ? "" : ", ");
        write_text(out, trim(name));
        first = false;
        if (comma == NULL) {
            break;
        }
        names = str_of(comma + 1, names.size - name.size - 1);
    }
    strbuf_append_text(out, "]\n");
}

static void write_decimal(struct strbuf *out, const char *key, struct rational value)
{
    strbuf_append_format(out, "    %s: ", key);
    rational_format_exact(out, value);
    strbuf_append_char(out, '\n');
}

static void write_window(struct strbuf *out, const struct openslo_window *window)
{
    char text[SLO_DURATION_SIZE];

    if (window->rolling) {
        strbuf_append_format(out, "    window: {rolling: %s}\n",
                             slo_duration(window->duration.minutes, text));
        return;
    }
    strbuf_append_format(out, "    window: %s\n    time_zone: %s\n",
                         window->duration.months == 1   ? "month"
                         : window->duration.months == 3 ? "quarter"
                                                        : "year",
                         zone_name(window->zone));
}

/* What the SLO says goes before what its indicator says. */
static const struct conf_node *find_annotation(const struct openslo_metadata *own,
                                               const struct openslo_metadata *indicator,
                                               const char *key)
{
    const struct openslo_metadata *places[] = {own, indicator};

    for (size_t p = 0; p < ARRAY_COUNT(places); p++) {
        for (size_t i = 0; i < places[p]->annotation_count; i++) {
            if (strcmp(places[p]->annotations[i].key, key) == 0) {
                return places[p]->annotations[i].node;
            }
        }
    }
    return NULL;
}

/* An SLO with its indicator, wherever that was. */
struct resolved {
    const struct openslo_object *object;
    const struct openslo_metadata *indicator;
    const struct openslo_sli *sli;
    const struct conf_reader *sli_reader;
};

static void write_annotations(struct strbuf *out, const struct resolved *resolved)
{
    static const char *const keys[] = {"degraded_weight", "max_slow_ratio", "forecast", "digits"};

    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const struct conf_node *node =
            find_annotation(&resolved->object->metadata, resolved->indicator, keys[i]);

        if (node != NULL) {
            strbuf_append_format(out, "    %s: ", keys[i]);
            write_text(out, node->text);
            strbuf_append_char(out, '\n');
        }
    }
}

/* id: of the objective. */
static void write_objective(struct strbuf *out, const struct resolved *resolved, size_t index,
                            struct str id)
{
    const struct openslo_slo *slo = &resolved->object->slo;
    const struct openslo_objective *objective = &slo->objectives[index];
    char text[SLO_DURATION_SIZE];

    strbuf_append_text(out, "  - id: ");
    write_text(out, id);
    strbuf_append_char(out, '\n');
    write_services(
        out, find_annotation(&resolved->object->metadata, resolved->indicator, "services")->text);
    write_decimal(out, "target", rational_multiply(objective->target, rational_make(100, 1)));
    strbuf_append_format(out, "    method: %s\n", slo_method_name((enum slo_method)slo->method));
    write_window(out, &slo->windows[0]);
    if (objective->has_slice) {
        strbuf_append_format(out, "    slice: %s\n", slo_duration(objective->slice.minutes, text));
    }
    if (objective->has_slice_target) {
        write_decimal(out, "max_error_ratio",
                      rational_subtract(rational_make(1, 1), objective->slice_target));
    }
    write_annotations(out, resolved);
}

/* The text of a message behind its "FILE:LINE:COLUMN: ". */
static const char *message_of(const struct err *err)
{
    const char *text = err->text;

    for (int i = 0; i < 3 && text != NULL; i++) {
        text = strchr(text, ':');
        text = text != NULL ? text + 1 : NULL;
    }
    return text != NULL && *text == ' ' ? text + 1 : err->text;
}

/* Whatever else the configuration would refuse is told at the document that it comes from. */
static enum err_code try_section(const struct openslo_object *object, const struct strbuf *section,
                                 struct err *err)
{
    struct config *config;
    struct err cause = ERR_INIT;

    if (config_parse(strbuf_view(section), "slos", &config, &cause) != ERR_OK) {
        return conf_error(object->reader, object->node, err, "SLO \"%.*s\" cannot be honoured: %s",
                          STR_ARGS(object->metadata.name), message_of(&cause));
    }
    config_free(config);
    return ERR_OK;
}

static enum err_code resolve(struct openslo *openslo, const struct openslo_object *object,
                             struct resolved *ret_resolved, struct err *err)
{
    const struct openslo_slo *slo = &object->slo;
    const struct openslo_object *sli = find_object(openslo, OPENSLO_SLI, slo->reference);
    const struct conf_node *spec = conf_child(object->node, "spec");
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    *ret_resolved =
        (struct resolved){object, &slo->indicator.metadata, &slo->indicator.sli, object->reader};
    if (slo->has_indicator) {
        return ERR_OK;
    }
    if (sli != NULL) {
        *ret_resolved = (struct resolved){object, &sli->metadata, &sli->sli, sli->reader};
        return ERR_OK;
    }
    spelling_init(&spelling, slo->reference);
    for (size_t i = 0; i < openslo->count; i++) {
        if (openslo->objects[i]->kind == OPENSLO_SLI) {
            spelling_offer(&spelling, openslo->objects[i]->metadata.name.data);
        }
    }
    return conf_error(object->reader, conf_child(spec, "indicatorRef"), err,
                      "indicatorRef: there is no SLI \"%.*s\" among the files%s",
                      STR_ARGS(slo->reference), spelling_hint(&spelling, hint));
}

static enum err_code write_slo(struct openslo *openslo, const struct openslo_object *object,
                               struct strbuf *out, struct err *err)
{
    struct resolved resolved;
    struct strbuf section;
    enum err_code code = resolve(openslo, object, &resolved, err);

    if (code != ERR_OK) {
        return code;
    }
    if (find_annotation(&object->metadata, resolved.indicator, "services") == NULL) {
        return conf_error(resolved.sli_reader, resolved.sli->ratio, err,
                          "\"metricSource\" cannot be honoured: uptally asks no other system, it "
                          "counts requests itself; say of which services by the annotation "
                          "\"uptally/services\" of the SLI or the SLO");
    }
    strbuf_init(&section, SECTION_SIZE_MAX);
    strbuf_append_text(&section, "slos:\n");
    for (size_t i = 0; i < object->slo.objective_count; i++) {
        struct str id = object->metadata.name;

        if (object->slo.objective_count > 1) {
            id = STR(arena_format(&openslo->arena, "%.*s-%zu", STR_ARGS(id), i + 1));
        }
        write_objective(&section, &resolved, i, id);
    }
    code = try_section(object, &section, err);
    if (code == ERR_OK) {
        strbuf_append(out, str_of(section.data + 6, section.size - 6)); /* without "slos:" */
    }
    strbuf_release(&section);
    return code;
}

static void write_service_list(const struct openslo *openslo, struct strbuf *out)
{
    bool any = false;

    for (size_t i = 0; i < openslo->count; i++) {
        if (openslo->objects[i]->kind == OPENSLO_SERVICE) {
            strbuf_append_text(out, any ? "" : "services:\n");
            strbuf_append_text(out, "  - {name: ");
            write_text(out, openslo->objects[i]->metadata.name);
            strbuf_append_text(out, "}\n");
            any = true;
        }
    }
}

/* If there are documents of services, the SLO's service is one of them. */
static enum err_code check_service(struct openslo *openslo, const struct openslo_object *object,
                                   struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];
    bool any = false;

    spelling_init(&spelling, object->slo.service);
    for (size_t i = 0; i < openslo->count; i++) {
        if (openslo->objects[i]->kind == OPENSLO_SERVICE) {
            any = true;
            spelling_offer(&spelling, openslo->objects[i]->metadata.name.data);
        }
    }
    if (!any || find_object(openslo, OPENSLO_SERVICE, object->slo.service) != NULL) {
        return ERR_OK;
    }
    return conf_error(object->reader, conf_child(conf_child(object->node, "spec"), "service"), err,
                      "service: there is no Service \"%.*s\" among the files%s",
                      STR_ARGS(object->slo.service), spelling_hint(&spelling, hint));
}

/* Ids of several objectives may meet another SLO's name, and it may be too much for one file. */
static enum err_code try_whole(const struct strbuf *out, struct err *err)
{
    struct config *config;
    struct err cause = ERR_INIT;

    if (config_parse(strbuf_view(out), "the configuration that this gives", &config, &cause) !=
        ERR_OK) {
        return err_set(err, ERR_CONFIG, "%s", cause.text);
    }
    config_free(config);
    return ERR_OK;
}

enum err_code openslo_write(struct openslo *openslo, struct strbuf *out, struct err *err)
{
    bool any = false;
    enum err_code code = ERR_OK;

    strbuf_append_text(out, "# From OpenSLO v1, by uptally import openslo.\n");
    write_service_list(openslo, out);
    for (size_t i = 0; i < openslo->count && code == ERR_OK; i++) {
        const struct openslo_object *object = openslo->objects[i];

        if (object->kind != OPENSLO_SLO) {
            continue;
        }
        strbuf_append_text(out, any ? "" : "slos:\n");
        any = true;
        code = check_service(openslo, object, err);
        if (code == ERR_OK) {
            code = write_slo(openslo, object, out, err);
        }
    }
    if (code == ERR_OK && openslo->count == 0) {
        code = err_set(err, ERR_CONFIG, "there is no document of OpenSLO");
    }
    return code == ERR_OK ? try_whole(out, err) : code;
}
