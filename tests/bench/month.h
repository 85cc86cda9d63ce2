/*
 * January 2026, which books.h begin with, as a statement of it is computed: read and evaluated, not written down.
 *
 * What does not work ends the program.
 */
#ifndef BENCH_MONTH_H
#define BENCH_MONTH_H

#include "base/db.h"
#include "jobs/config/contract.h"

#define MONTH_FROM_S INT64_C(1767225600)
enum { MONTH_S = 31 * 86400 };

/* Sums over contracts. */
struct month {
    int64_t minutes, up_s, requests;
    double read_s, evaluate_s; /* CPU */
};

/* Inside a snapshot. */
void month_read(struct db *db, int64_t book_id, const struct contract *contract,
                struct month *month);

#endif
