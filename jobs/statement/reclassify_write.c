/* Reclassifications as a member of the statement. */
#include "base/json.h"
#include "jobs/statement/moment.h"
#include "jobs/statement/reclassify.h"

const char *reclassify_effect(const struct contract *contract, const struct reclassification *row)
{
    if (row->withdrawn) {
        return "withdrawn: counts as it was graded";
    }
    return reclassify_speaks(contract, row->state)
               ? "counts as reclassified"
               : "the method counts requests, which no known state changes";
}

static void write_withdrawn(struct json_writer *json, struct arena *arena,
                            const struct contract *contract, const struct reclassification *row)
{
    if (!row->withdrawn) {
        json_nothing(json, "withdrawn");
        return;
    }
    json_open_object(json, "withdrawn");
    json_str(json, "author", row->withdrawn_author);
    json_str(json, "reason", row->withdrawn_reason);
    json_text(json, "recorded", moment_text_ns(arena, contract->zone, row->withdrawn_ns));
    json_close(json);
}

static void write_row(struct json_writer *json, struct arena *arena,
                      const struct contract *contract, const struct reclassification *row)
{
    json_open_object(json, NULL);
    json_bool(json, "applied", !row->withdrawn && reclassify_speaks(contract, row->state));
    json_str(json, "author", row->author);
    json_text(json, "from", moment_text(arena, contract->zone, row->from_s));
    json_int64(json, "id", row->id);
    json_str(json, "reason", row->reason);
    json_text(json, "recorded", moment_text_ns(arena, contract->zone, row->recorded_ns));
    json_str(json, "service", row->service);
    json_text(json, "state", grade_row(row->state)->name);
    json_text(json, "text", reclassify_effect(contract, row));
    json_text(json, "to", moment_text(arena, contract->zone, row->to_s));
    write_withdrawn(json, arena, contract, row);
    json_close(json);
}

void reclassify_write(struct json_writer *json, const struct contract *contract,
                      const struct reclassification *list, size_t count)
{
    struct arena scratch = ARENA_INIT;

    json_open_array(json, "reclassifications");
    for (size_t i = 0; i < count; i++) {
        write_row(json, &scratch, contract, &list[i]);
    }
    json_close(json);
    arena_release(&scratch);
}
