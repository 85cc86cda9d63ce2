/*
 * Losses: raw time that a method judged bad, and how they become a measure.
 *
 * Known time of a loss is booked as major, with the lost share, whether requests were made in it or not. Known time outside of losses is up in
 * minutes with requests, and follows the contract's rule for no_traffic in others. Unknown time stays in its column, under its own rule, everywhere.
 * Validity, service hours, the period and announced maintenance, by whole minutes, are then laid over all of it.
 */
#ifndef JOBS_STATEMENT_LOSS_H
#define JOBS_STATEMENT_LOSS_H

#include "jobs/statement/counted.h"

struct loss {
    int64_t from_ns, to_ns;
    int64_t part, whole; /* part / whole of it is lost */
};

/* Ascending, apart from each other; owns its rows. */
struct losses {
    struct loss *rows;
    size_t count, capacity;
};

void losses_add(struct losses *losses, struct loss loss);
void losses_release(struct losses *losses);
/* Fills segments, seconds, good and valid. */
void losses_lay(const struct measure_input *input, const struct losses *losses, struct arena *arena,
                struct measure *ret_measure);

#endif
