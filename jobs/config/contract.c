#include "jobs/config/contract.h"

bool contract_live(const struct contract *contract, const char **ret_why)
{
    const struct availability *availability = &contract->availability;

    if (availability->method == METHOD_TOTAL_FAILURE_RUNS) {
        *ret_why =
            "method total_failure_runs needs the times of each minute's first and last success "
            "and failure, which the store does not keep; evaluate can measure it";
        return false;
    }
    if (availability->percentile.present) {
        *ret_why = "availability.latency needs the latencies of each minute, which the store keeps "
                   "by the hour only";
        return false;
    }
    return true;
}
