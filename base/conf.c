#include "base/conf.h"

#include <yaml.h>

#include "base/check.h"

struct conf_parser {
    yaml_parser_t yaml;
    struct arena *kept;
    struct arena passing; /* what is not kept, one item after the other in the same memory */
    struct arena *arena;  /* one of both */
    const char *without;  /* the member of the document that is not kept, or NULL */
    const char *name;
    size_t node_count;
    bool several; /* documents are allowed */
    bool started; /* one has begun */
    struct conf_node *first, *last;
    size_t document_count;
};

static enum err_code error_at(const struct conf_parser *parser, const yaml_mark_t *mark,
                              const char *what, struct err *err)
{
    return err_set(err, ERR_CONFIG, "%s:%zu:%zu: %s", parser->name, mark->line + 1,
                   mark->column + 1, what);
}

/* libyaml's reader reports bytes it cannot read by their offset only. */
static enum err_code reader_error(const struct conf_parser *parser, struct str text,
                                  struct err *err)
{
    size_t end = parser->yaml.problem_offset < text.size ? parser->yaml.problem_offset : text.size;
    yaml_mark_t mark = {0};

    for (size_t i = 0; i < end; i++) {
        mark.column = text.data[i] == '\n' ? 0 : mark.column + 1;
        mark.line += text.data[i] == '\n';
    }
    return error_at(parser, &mark, "a byte that is not UTF-8 text, or a control character", err);
}

static enum err_code next_event(struct conf_parser *parser, struct str text,
                                yaml_event_t *ret_event, struct err *err)
{
    if (yaml_parser_parse(&parser->yaml, ret_event)) {
        return ERR_OK;
    }
    if (parser->yaml.error == YAML_READER_ERROR) {
        return reader_error(parser, text, err);
    }
    if (parser->yaml.error == YAML_MEMORY_ERROR) {
        return err_set(err, ERR_FAILED, "out of memory");
    }
    return error_at(parser, &parser->yaml.problem_mark, parser->yaml.problem, err);
}

/* What this subset leaves out, in the words of the person who wrote it. NULL if the event is fine. */
static const char *refusal(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT:
        return "aliases (*name) are not allowed: write the value out";
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor != NULL) {
            return "anchors (&name) are not allowed";
        }
        if (memchr(event->data.scalar.value, '\0', event->data.scalar.length) != NULL) {
            return "text must not contain a NUL";
        }
        return event->data.scalar.tag != NULL ? "tags (!name) are not allowed" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor != NULL) {
            return "anchors (&name) are not allowed";
        }
        return event->data.sequence_start.tag != NULL ? "tags (!name) are not allowed" : NULL;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor != NULL) {
            return "anchors (&name) are not allowed";
        }
        return event->data.mapping_start.tag != NULL ? "tags (!name) are not allowed" : NULL;
    default:
        return NULL;
    }
}

static struct conf_node *new_node(struct conf_parser *parser, const yaml_event_t *event,
                                  enum conf_kind kind)
{
    struct conf_node *node = arena_alloc(parser->arena, sizeof(*node));

    /* Bounded by CONF_SIZE_MAX: line and column fit an int. */
    node->kind = kind;
    node->line = (int)event->start_mark.line + 1;
    node->column = (int)event->start_mark.column + 1;
    return node;
}

/* A level of the document that is still open. */
struct conf_level {
    struct conf_node *node;
    struct conf_node *last;
    bool has_key;
    struct str key;
    yaml_mark_t key_mark;
};

enum { MEMBER_DEPTH = 2 }; /* of lists and tables that are members of the document */

struct conf_stack {
    struct conf_level levels[CONF_DEPTH_MAX];
    size_t depth;
    struct conf_node *root;
};

static enum err_code take_key(struct conf_parser *parser, struct conf_level *level,
                              const yaml_event_t *event, struct err *err)
{
    struct str key;

    if (event->type != YAML_SCALAR_EVENT) {
        return error_at(parser, &event->start_mark, "a key must be text", err);
    }
    if (level->node->count == CONF_KEYS_MAX) {
        return error_at(parser, &event->start_mark, "too many keys in one table", err);
    }
    key = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    for (const struct conf_node *child = level->node->first; child != NULL; child = child->next) {
        if (str_equal(child->key, key)) {
            return err_set(err, ERR_CONFIG,
                           "%s:%zu:%zu: key \"%.*s\" occurs twice (first in line %d)", parser->name,
                           event->start_mark.line + 1, event->start_mark.column + 1, STR_ARGS(key),
                           child->key_line);
        }
    }
    level->key = arena_str(parser->arena, key);
    level->key_mark = event->start_mark;
    level->has_key = true;
    return ERR_OK;
}

static void attach(struct conf_stack *stack, struct conf_node *node)
{
    struct conf_level *level;

    if (stack->depth == 0) {
        stack->root = node;
        return;
    }
    level = &stack->levels[stack->depth - 1];
    if (level->node->kind == CONF_MAP) {
        node->key = level->key;
        node->key_line = (int)level->key_mark.line + 1;
        node->key_column = (int)level->key_mark.column + 1;
        level->has_key = false;
    }
    if (level->last == NULL) {
        level->node->first = node;
    } else {
        level->last->next = node;
    }
    level->last = node;
    level->node->count++;
}

static bool is_without(const struct conf_parser *parser, const struct conf_node *member)
{
    return parser->without != NULL && str_equal(member->key, STR(parser->without));
}

static enum err_code open_level(struct conf_parser *parser, struct conf_stack *stack,
                                const yaml_event_t *event, struct err *err)
{
    enum conf_kind kind = event->type == YAML_MAPPING_START_EVENT ? CONF_MAP : CONF_LIST;
    struct conf_node *node;

    if (stack->depth == CONF_DEPTH_MAX) {
        return error_at(parser, &event->start_mark, "nested too deeply", err);
    }
    node = new_node(parser, event, kind);
    attach(stack, node);
    stack->levels[stack->depth++] = (struct conf_level){.node = node};
    if (stack->depth == MEMBER_DEPTH && is_without(parser, node)) {
        parser->arena = &parser->passing;
    }
    return ERR_OK;
}

/* Of what is not kept goes each item of a list, and a table as a whole: keys are compared with those before them. */
static void close_level(struct conf_parser *parser, struct conf_stack *stack)
{
    struct conf_level *member = &stack->levels[MEMBER_DEPTH - 1];

    CHECK(stack->depth > 0);
    stack->depth--;
    if (parser->arena == parser->kept || stack->depth > MEMBER_DEPTH ||
        (stack->depth == MEMBER_DEPTH && member->node->kind == CONF_MAP)) {
        return;
    }
    member->node->first = NULL;
    member->node->count = 0;
    member->last = NULL;
    arena_clear(&parser->passing);
    if (stack->depth < MEMBER_DEPTH) {
        parser->arena = parser->kept;
    }
}

static void add_scalar(struct conf_parser *parser, struct conf_stack *stack,
                       const yaml_event_t *event)
{
    struct conf_node *node = new_node(parser, event, CONF_SCALAR);

    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = arena_str(
        parser->arena, str_of((const char *)event->data.scalar.value, event->data.scalar.length));
    attach(stack, node);
}

/* One event between the start and the end of the document. */
static enum err_code take_event(struct conf_parser *parser, struct conf_stack *stack,
                                const yaml_event_t *event, struct err *err)
{
    struct conf_level *level = stack->depth > 0 ? &stack->levels[stack->depth - 1] : NULL;
    const char *refused = refusal(event);

    if (refused != NULL) {
        return error_at(parser, &event->start_mark, refused, err);
    }
    if (event->type == YAML_MAPPING_END_EVENT || event->type == YAML_SEQUENCE_END_EVENT) {
        close_level(parser, stack);
        return ERR_OK;
    }
    if (++parser->node_count > CONF_NODES_MAX) {
        return error_at(parser, &event->start_mark, "too many values in one file", err);
    }
    if (level != NULL && level->node->kind == CONF_MAP && !level->has_key) {
        return take_key(parser, level, event, err);
    }
    if (event->type == YAML_SCALAR_EVENT) {
        add_scalar(parser, stack, event);
        return ERR_OK;
    }
    return open_level(parser, stack, event, err);
}

static bool is_empty(const struct conf_node *root)
{
    return root == NULL || conf_is_null(root);
}

/* A document has ended. */
static void keep_document(struct conf_parser *parser, struct conf_stack *stack)
{
    if (is_empty(stack->root)) {
        return;
    }
    if (parser->last == NULL) {
        parser->first = stack->root;
    } else {
        parser->last->next = stack->root;
    }
    parser->last = stack->root;
    parser->document_count++;
    stack->root = NULL;
}

/* All events of the stream; *ret_ended once it is over. */
static enum err_code take_any_event(struct conf_parser *parser, struct conf_stack *stack,
                                    const yaml_event_t *event, bool *ret_ended, struct err *err)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
        return ERR_OK;
    case YAML_DOCUMENT_END_EVENT:
        keep_document(parser, stack);
        return ERR_OK;
    case YAML_STREAM_END_EVENT:
        *ret_ended = true;
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        if (parser->started && !parser->several) {
            return error_at(parser, &event->start_mark, "a second document begins here", err);
        }
        parser->started = true;
        stack->root = NULL;
        return ERR_OK;
    default:
        return take_event(parser, stack, event, err);
    }
}

static enum err_code parse_stream(struct conf_parser *parser, struct str text, struct err *err)
{
    struct conf_stack stack = {.depth = 0};
    bool ended = false;
    enum err_code code = ERR_OK;

    if (text.size > CONF_SIZE_MAX) {
        return err_set(err, ERR_CONFIG, "%s: larger than %d bytes", parser->name, CONF_SIZE_MAX);
    }
    parser->arena = parser->kept;
    CHECK(yaml_parser_initialize(&parser->yaml) == 1);
    /* Fixed, so that a byte order mark cannot turn the file into UTF-16. */
    yaml_parser_set_encoding(&parser->yaml, YAML_UTF8_ENCODING);
    /* libyaml asserts that the input is not NULL, which an empty text is. */
    yaml_parser_set_input_string(
        &parser->yaml, (const unsigned char *)(text.size > 0 ? text.data : ""), text.size);
    while (code == ERR_OK && !ended) {
        yaml_event_t event;

        code = next_event(parser, text, &event, err);
        if (code == ERR_OK) {
            code = take_any_event(parser, &stack, &event, &ended, err);
            yaml_event_delete(&event);
        }
    }
    yaml_parser_delete(&parser->yaml);
    arena_release(&parser->passing);
    return code;
}

enum err_code conf_parse_all(struct arena *arena, struct str text, const char *name,
                             const struct conf_node **ret_first, size_t *ret_count, struct err *err)
{
    struct conf_parser parser = {.kept = arena, .name = name, .several = true};
    enum err_code code = parse_stream(&parser, text, err);

    if (code == ERR_OK) {
        *ret_first = parser.first;
        *ret_count = parser.document_count;
    }
    return code;
}

enum err_code conf_parse_without(struct arena *arena, struct str text, const char *name,
                                 const char *key, const struct conf_node **ret_root,
                                 struct err *err)
{
    struct conf_parser parser = {.kept = arena, .name = name, .without = key};
    enum err_code code = parse_stream(&parser, text, err);

    if (code != ERR_OK) {
        return code;
    }
    if (parser.first == NULL) {
        parser.first = arena_alloc(arena, sizeof(*parser.first));
        *parser.first = (struct conf_node){.kind = CONF_MAP, .line = 1, .column = 1};
    }
    *ret_root = parser.first;
    return ERR_OK;
}

enum err_code conf_parse(struct arena *arena, struct str text, const char *name,
                         const struct conf_node **ret_root, struct err *err)
{
    return conf_parse_without(arena, text, name, NULL, ret_root, err);
}

const struct conf_node *conf_child(const struct conf_node *map, const char *key)
{
    struct str wanted = str_from(key);

    if (map == NULL || map->kind != CONF_MAP) {
        return NULL;
    }
    for (const struct conf_node *child = map->first; child != NULL; child = child->next) {
        if (str_equal(child->key, wanted)) {
            return child;
        }
    }
    return NULL;
}

bool conf_is_null(const struct conf_node *node)
{
    return node->kind == CONF_SCALAR && node->plain &&
           (node->text.size == 0 || str_equal(node->text, STR("~")) ||
            str_equal(node->text, STR("null")));
}

const char *conf_kind_name(const struct conf_node *node)
{
    switch (node->kind) {
    case CONF_SCALAR:
        return "a single value";
    case CONF_MAP:
        return "a table";
    case CONF_LIST:
        return "a list";
    }
    return "";
}
