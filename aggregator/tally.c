#include "aggregator/tally.h"

#include "base/check.h"

const char *tally_kind_name(enum tally_kind kind)
{
    static const char *const names[] = {"window", "check", "activity"};

    CHECK((unsigned)kind < ARRAY_COUNT(names));
    return names[kind];
}
