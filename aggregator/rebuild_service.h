/*
 * The row of a service and its grades, after windows of it were replaced or removed. For rebuild_swap.c only.
 *
 * The fold only ever adds, so a service begins earlier or stays. A swap may take windows away: then grades and incidents of the time before the first event
 * go as well.
 */
#ifndef AGGREGATOR_REBUILD_SERVICE_H
#define AGGREGATOR_REBUILD_SERVICE_H

#include "base/db.h"
#include "base/str.h"

/* Inside the caller's transaction. Hours of the service that are marked to be graded may lie before its first event before the call; afterwards none does. */
enum err_code rebuild_service(struct db *db, int64_t book_id, struct str service, struct err *err);

#endif
