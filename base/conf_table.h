/*
 * Tables that say what a configuration may contain: one row per key, with type, place in a struct, unit, range, default and help.
 *
 * The same rows feed the reader, the JSON schema for editors, the printed effective configuration and the reference in docs. A row is tied
 * to a member and its C type at compile time (CONF_FIELD). Texts live in the reader's arena and end with a NUL. Reading stops at
 * the first error: ERR_CONFIG "FILE:LINE:COLUMN: what". Unknown keys come first, then rows in the order of the table, so that
 * a later row may rely on earlier ones.
 */
#ifndef BASE_CONF_TABLE_H
#define BASE_CONF_TABLE_H

#include <stdint.h>

#include "base/conf.h"
#include "base/json.h"
#include "base/rational.h"
#include "base/zone.h"

enum conf_type {
    CONF_TEXT,     /* struct str, 1 to maximum bytes (default 4096), no control characters */
    CONF_NAME,     /* struct str, 1 to maximum bytes (default 255) */
    CONF_PATH,     /* struct str; relative ones are relative to the folder of the file */
    CONF_SECRET,   /* struct str; "${file:PATH}" or "${env:NAME}", never the text itself */
    CONF_ENUM,     /* bool, an enum or int64_t; one of `choices` */
    CONF_INTEGER,  /* int, uint32_t, int64_t, size_t */
    CONF_BOOL,     /* bool */
    CONF_DURATION, /* int64_t nanoseconds: "90s", "10m", "5d" */
    CONF_BYTES,    /* int64_t or size_t: "64 KiB" */
    CONF_DECIMAL,  /* struct rational, exact */
    CONF_RATIO,    /* struct rational, 0..1 */
    CONF_PERCENT,  /* struct rational; 0..100 in the file, 0..1 in the struct */
    CONF_DATE,     /* struct conf_date */
    CONF_INSTANT,  /* int64_t nanoseconds; RFC 3339 */
    CONF_ZONE,     /* const struct zone *; owned by the reader's zones */
    CONF_CURRENCY, /* const struct currency * */
    CONF_TABLE,    /* nested struct, read by `table` */
    CONF_ARRAY,    /* pointer and size_t count; elements of type `element` */
    CONF_CUSTOM,   /* read by `custom` */
    CONF_LATER     /* known, but not supported by this version: refused by name */
};

struct conf_date {
    int32_t year, month, day;
};

enum { CONF_ZONES_MAX = 256 };

/* One reading of one file. */
struct conf_reader {
    struct arena *arena;                /* borrowed; results live in it */
    const char *name;                   /* of the file, in messages */
    struct str folder;                  /* that relative paths start from; may be empty */
    void *root;                         /* the outermost struct, for init functions */
    struct zone *zones[CONF_ZONES_MAX]; /* opened so far; whoever made the reader frees them */
    size_t zone_count;
};

/* Ends with a NULL name. */
struct conf_choice {
    const char *name;
    int64_t value;
    bool later; /* not supported by this version */
};

struct conf_row;
struct conf_table;

struct conf_custom {
    /* target is the struct that row->offset counts from. */
    enum err_code (*read)(struct conf_reader *reader, const struct conf_row *row,
                          const struct conf_node *node, void *target, struct err *err);
    /* Writes the members of the JSON schema, keys in ascending order. */
    void (*schema)(struct json_writer *json);
    const char *form; /* for the reference: "path or list of paths" */
};

struct conf_row {
    const char *key;
    enum conf_type type;
    bool required;
    size_t offset;
    size_t size; /* of the member */
    const char
        *fallback; /* as it would stand in the file; NULL: the member stays as init left it */
    int64_t minimum,
        maximum; /* both 0: what the type allows. Integers, durations (ns), sizes, decimals, bytes of a
                                 text, elements of an array */
    const struct conf_choice *choices; /* CONF_ENUM */
    const struct conf_table *table;    /* CONF_TABLE, and arrays of tables */
    const struct conf_custom *custom;
    enum conf_type element; /* CONF_ARRAY: CONF_TABLE, or a type whose member is a struct str */
    size_t count_offset;    /* CONF_ARRAY: of the size_t */
    bool has_present; /* present_offset is that of a bool which tells that the key was there */
    size_t present_offset;
    bool
        situational; /* makes sense beside some other values only: an absent one is not filled in when the document is shown */
    const char *help;
};

struct conf_table {
    const char *name; /* "contract": in the JSON schema and the reference */
    const struct conf_row *rows;
    size_t row_count;
    const struct conf_table *base; /* rows that come before ours; same struct. May be NULL */
    size_t size;                   /* of the struct; only for arrays */
    const char *shorthand; /* a value that is no table stands for {shorthand: value}. May be NULL */
    bool inherits;         /* absent keys keep what init put there instead of the row's fallback */
    void (*init)(struct conf_reader *reader, void *target); /* may be NULL; target is zeroed */
    /* Rules between keys, after all rows were read; may be NULL. node is the table. */
    enum err_code (*check)(struct conf_reader *reader, const struct conf_node *node, void *target,
                           struct err *err);
    const char *help;
};

/* Offset and size of a member, which must have that type. Members that are used for their place only
 * (nested tables on the same struct) take CONF_SELF. */
#define CONF_OFFSET(structure, member, c_type)                                                     \
    (offsetof(structure, member) + 0 * sizeof(char[_Generic(((structure *)0)->member, c_type: 1)]))
#define CONF_FIELD(structure, member, c_type)                                                      \
    .offset = CONF_OFFSET(structure, member, c_type), .size = sizeof(c_type)
#define CONF_SELF .offset = 0, .size = 0
#define CONF_PRESENT(structure, member)                                                            \
    .has_present = true, .present_offset = CONF_OFFSET(structure, member, bool)
#define CONF_ROWS(array) .rows = (array), .row_count = ARRAY_COUNT(array)

/* Reads node (a map, or the shorthand) into target. */
enum err_code conf_table_read(struct conf_reader *reader, const struct conf_table *table,
                              const struct conf_node *node, void *target, struct err *err);
/* One value of a row's type from text; node gives the place. target is the struct. */
enum err_code conf_row_read(struct conf_reader *reader, const struct conf_row *row,
                            const struct conf_node *node, void *target, struct err *err);
/* ERR_CONFIG "FILE:LINE:COLUMN: what". */
enum err_code conf_error(const struct conf_reader *reader, const struct conf_node *node,
                         struct err *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* A scalar that holds a name of 1 to size_max bytes. */
enum err_code conf_read_name(struct conf_reader *reader, const struct conf_node *node,
                             size_t size_max, struct str *ret_name, struct err *err);
/* Text, or a secret's reference, which is resolved. */
enum err_code conf_read_text_or_secret(struct conf_reader *reader, const struct conf_node *node,
                                       struct str *ret_text, struct err *err);
bool conf_is_secret(const struct conf_node *node);
/* path, or folder/path if it is relative. */
struct str conf_resolve_path(struct conf_reader *reader, struct str path);
/* Whole content of a regular file of at most size_max bytes. */
enum err_code conf_read_file(struct conf_reader *reader, const struct conf_node *node,
                             struct str path, size_t size_max, struct str *ret_content,
                             struct err *err);
void conf_reader_release(struct conf_reader *reader);

/* JSON schema, draft 2020-12, of the whole document. */
void conf_table_schema(const struct conf_table *table, const char *title, struct strbuf *out);
/* The document with all defaults filled in, as YAML. Secrets stay references: their text is in no node. */
void conf_table_show(const struct conf_table *table, const struct conf_node *node,
                     struct strbuf *out);
/* A Markdown table of every key. */
void conf_table_reference(const struct conf_table *table, struct strbuf *out);
/* CHECKs the rows themselves: sizes fit types, fallbacks can be read. For tests. */
void conf_table_check(const struct conf_table *table);

#endif
