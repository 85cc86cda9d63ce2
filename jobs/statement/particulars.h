/*
 * Particulars of a service's minutes, as a live statement reads them: whether the books kept them, and in the form that methods take.
 *
 * Windows keep them from the moment on at which a consumer knows a contract that asks. Whether those of a minute are complete is told by their count of
 * records alone; so it needs no memory of who ran with which configuration.
 */
#ifndef JOBS_STATEMENT_PARTICULARS_H
#define JOBS_STATEMENT_PARTICULARS_H

#include "aggregator/windows.h"
#include "jobs/statement/engine.h"

/* What the windows of a service keep of minutes from from_minute on. */
struct particulars_read {
    int64_t from_minute;
    const struct minute_particulars *minutes;
};

/*
 * Gives each of the input's counts what the contract's method needs of it, in arena, and leaves out counts that the method must not see: around the
 * period they end at the first minute without particulars. ERR_CONFIG: of the period [from_s, to_s), where the contract is valid, requests have none.
 */
enum err_code particulars_take(const struct particulars_read *read, const struct contract *contract,
                               int64_t from_s, int64_t to_s, struct arena *arena,
                               struct service_input *input, struct err *err);

#endif
