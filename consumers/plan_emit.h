/*
 * Writing the code of a plan: the arrays grow, runs of equal skips become one instruction. For plan_compile.c, which knows what is to be written.
 */
#ifndef CONSUMERS_PLAN_EMIT_H
#define CONSUMERS_PLAN_EMIT_H

#include "consumers/plan_code.h"

struct emitter {
    struct plan *plan;
    uint32_t barrier;   /* instructions before this one are jumped behind: nothing joins them */
    enum err_code code; /* the first error; later steps do nothing */
    struct err *err;
};

/* Room for one more element: arrays grow to the next power of two. Owned by the plan. */
void *emit_grow(void *array, uint32_t count, size_t size);
/* The address of the instruction. ERR_CONFIG in emitter->code: more than PLAN_CODE_MAX. */
uint32_t emit(struct emitter *emitter, enum plan_operation operation, uint32_t a, uint32_t b,
              uint32_t place);
/* The address of the next instruction, which something jumps to. */
uint32_t emit_label(struct emitter *emitter);
/* A skip that joins the one before it where it can. */
void emit_skip(struct emitter *emitter, enum plan_operation operation, uint32_t amount,
               uint32_t place);
/* A place below another one, for messages. name is borrowed from the schema. */
uint32_t emit_place(struct emitter *emitter, uint32_t outer, struct str name);

#endif
