#include "jobs/config/contract.h"

#include "schemas/event.h"

struct particulars_wanted contract_wanted(const struct contract *contract)
{
    const struct availability *availability = &contract->availability;

    return (struct particulars_wanted){
        .times = availability->method == METHOD_TOTAL_FAILURE_RUNS,
        .limits_ns = &availability->below_ns,
        .limit_count = availability->percentile.present ? 1 : 0,
    };
}
