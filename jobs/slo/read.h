/*
 * What an objective is measured by, from the books: the requests of its services, minute by minute.
 */
#ifndef JOBS_SLO_READ_H
#define JOBS_SLO_READ_H

#include "base/db.h"
#include "jobs/slo/budget.h"

/* Minutes [from, to), in arena; those before 1970 are not provisioned. Inside the caller's snapshot. ERR_STORE, ERR_MISMATCH (a row that cannot be right). */
enum err_code slo_read(struct db *db, int64_t book_id, const struct slo *slo, int64_t from,
                       int64_t to, struct arena *arena, struct slo_series *ret_series,
                       struct err *err);

#endif
