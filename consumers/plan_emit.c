#include "consumers/plan_emit.h"

#include "base/memory.h"

void *emit_grow(void *array, uint32_t count, size_t size)
{
    return (count & (count - 1)) == 0
               ? memory_resize(array, count == 0 ? 1 : (size_t)count * 2, size)
               : array;
}

uint32_t emit(struct emitter *emitter, enum plan_operation operation, uint32_t a, uint32_t b,
              uint32_t place)
{
    struct plan *plan = emitter->plan;

    if (plan->code_count >= PLAN_CODE_MAX) {
        if (emitter->code == ERR_OK) {
            emitter->code =
                err_set(emitter->err, ERR_CONFIG,
                        "the schema's unions make a plan of more than %d steps", PLAN_CODE_MAX);
        }
        return 0;
    }
    plan->code = emit_grow(plan->code, plan->code_count, sizeof(plan->code[0]));
    plan->code[plan->code_count] = (struct plan_instruction){operation, a, b, place};
    return plan->code_count++;
}

uint32_t emit_label(struct emitter *emitter)
{
    emitter->barrier = emitter->plan->code_count;
    return emitter->barrier;
}

void emit_skip(struct emitter *emitter, enum plan_operation operation, uint32_t amount,
               uint32_t place)
{
    struct plan *plan = emitter->plan;

    if (plan->code_count > emitter->barrier) {
        struct plan_instruction *last = &plan->code[plan->code_count - 1];
        bool adjacent = operation == PLAN_SKIP_FIXED || last->place + last->a == place;

        if (last->operation == operation && operation != PLAN_SKIP_ENUM && adjacent &&
            last->a <= UINT32_MAX / 4 && amount <= UINT32_MAX / 4) {
            last->a += amount;
            return;
        }
    }
    (void)emit(emitter, operation, amount, 0, place);
}

uint32_t emit_place(struct emitter *emitter, uint32_t outer, struct str name)
{
    struct plan *plan = emitter->plan;

    plan->places = emit_grow(plan->places, plan->place_count, sizeof(plan->places[0]));
    plan->places[plan->place_count] = (struct plan_place){outer, name};
    return plan->place_count++;
}
