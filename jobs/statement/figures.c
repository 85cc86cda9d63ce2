#include "jobs/statement/figures.h"

#include "base/check.h"
#include "jobs/statement/wording.h"

/* Keys in byte order, not in that of the enum. */
void figures_seconds(struct json_writer *json, const char *key,
                     const int64_t seconds[TIME_CLASS_COUNT], bool all)
{
    static const enum time_class order[] = {
        TIME_DEGRADED,   TIME_MAINTENANCE,     TIME_MAJOR,
        TIME_NO_TRAFFIC, TIME_NOT_PROVISIONED, TIME_OUTSIDE_HOURS,
        TIME_PARTIAL,    TIME_PIPELINE_GAP,    TIME_PROBE_DOWN,
        TIME_UP,
    };

    _Static_assert(ARRAY_COUNT(order) == TIME_CLASS_COUNT, "every class is written");
    json_open_object(json, key);
    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        if (all || seconds[order[i]] != 0) {
            json_int64(json, time_class_name(order[i]), seconds[order[i]]);
        }
    }
    json_close(json);
}

/* What it gives is one of three keys, around `below` as bytes order them. */
void figures_tier(struct json_writer *json, const struct credit_tier *tier)
{
    if (tier == NULL) {
        json_nothing(json, "tier");
        return;
    }
    json_open_object(json, "tier");
    if (tier->kind == CREDIT_AMOUNT) {
        json_decimal(json, "amount", tier->value);
    }
    json_percent(json, "below", tier->below);
    if (tier->kind == CREDIT_DAYS) {
        json_decimal(json, "days", tier->value);
    } else if (tier->kind == CREDIT_PERCENT) {
        json_percent(json, "percent", tier->value);
    }
    json_close(json);
}

void figures_steps(struct json_writer *json, struct arena *arena, const struct currency *currency,
                   const struct credit *credit)
{
    json_open_array(json, "steps");
    for (size_t i = 0; i < credit->step_count; i++) {
        const struct credit_step *step = &credit->steps[i];

        json_open_object(json, NULL);
        json_text(json, "amount", wording_money(arena, currency, step->amount));
        json_text(json, "name", step->name);
        json_text(json, "text", step->text);
        json_close(json);
    }
    json_close(json);
}
