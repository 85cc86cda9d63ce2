/*
 * Single values of a configuration: one function per type of base/conf_table.h. Only for conf_*.c.
 */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include "base/conf_table.h"

struct conf_type_row {
    const char *name;   /* in the reference: "duration" */
    const char *schema; /* of a JSON schema: "string", "integer", "boolean", or NULL for mixed */
    size_t sizes[2];    /* allowed sizes of the member; 0: unused */
    /* node is a scalar. NULL for types that are no single value. */
    enum err_code (*read)(struct conf_reader *reader, const struct conf_row *row,
                          const struct conf_node *node, void *member, struct err *err);
};

const struct conf_type_row *conf_type_row(enum conf_type type);

#endif
