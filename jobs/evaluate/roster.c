#include "jobs/evaluate/roster.h"

#include "base/check.h"

void roster_init(struct roster *roster, const struct contract *contract)
{
    *roster = (struct roster){.contract = contract};
    intern_init(&roster->names);
    for (size_t i = 0; i < contract->service_count; i++) {
        CHECK(intern_add(&roster->names, contract->services[i]) == i);
    }
}

void roster_release(struct roster *roster)
{
    intern_release(&roster->names);
}

int64_t roster_find(struct roster *roster, struct str name)
{
    uint32_t number;

    if (roster->last_name.size > 0 && str_equal(roster->last_name, name)) {
        return (int64_t)roster->last;
    }
    if (!intern_find(&roster->names, name, &number)) {
        return ROSTER_NONE;
    }
    roster->last = number;
    roster->last_name = intern_name(&roster->names, number);
    return number;
}

struct str roster_name(const struct roster *roster, size_t service)
{
    return roster->contract->services[service];
}

size_t roster_count(const struct roster *roster)
{
    return roster->contract->service_count;
}
