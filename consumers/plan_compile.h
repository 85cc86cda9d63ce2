/*
 * The steps of plan_compile: binding roles to slots (plan_bind.c), writing code (plan_compile.c), and saying what a schema
 * offers when a path leads nowhere (plan_fields.c). Private to the plan.
 */
#ifndef CONSUMERS_PLAN_COMPILE_H
#define CONSUMERS_PLAN_COMPILE_H

#include "consumers/plan_code.h"

struct plan_path {
    struct str parts[MAPPING_DEPTH_MAX];
    size_t count;
};

/* Kinds of values that a slot may get: bits of enum value_kind, and one more. */
enum { PLAN_KIND_INSTANT = 1 << VALUE_KIND_COUNT }; /* an integer with a logical type of time */

struct plan_slots {
    struct plan_path paths[PLAN_SLOTS_MAX];
    uint32_t kinds[PLAN_SLOTS_MAX];
};

/* Writes the code that reads plan->slot_count paths; sets the kinds. ERR_CONFIG: a reader's field without a value, or
 * more code than PLAN_CODE_MAX. */
enum err_code plan_code_compile(struct plan *plan, const struct schema_node *writer,
                                const struct schema_node *reader, struct plan_slots *slots,
                                struct err *err);
/* Appends the nearest path (if one is near) and the list of paths there are: "; did you mean ...? fields: ...". */
void plan_fields_describe(const struct schema_node *root, struct str wanted, struct strbuf *out);

#endif
