/* The stretches of a fixture. Included by tests only. */
#ifndef TESTS_UNIT_STATEMENT_STRETCHES_H
#define TESTS_UNIT_STATEMENT_STRETCHES_H

#include "fixture.h"

#include "jobs/statement/stretch.h"

enum { DAY = 86400 };

static inline struct stretches find_level(struct fixture *fixture, size_t level)
{
    struct engine_input input = {.contract = &fixture->contract,
                                 .from_s = fixture->from_s,
                                 .to_s = fixture->to_s,
                                 .services = fixture->services,
                                 .service_count = fixture->contract.service_count,
                                 .announcements = fixture->announcements,
                                 .announcement_count = fixture->announcement_count};
    struct stretches stretches;

    compute(fixture);
    assert_true(fixture->valid);
    stretches_find(&input, &fixture->result, level, &fixture->arena, &stretches);
    return stretches;
}

static inline struct stretches find(struct fixture *fixture)
{
    return find_level(fixture, LEVEL_AVAILABILITY);
}

#endif
