/*
 * Days that stand in the store, for windows_*.c. Nobody else includes this.
 */
#ifndef AGGREGATOR_WINDOWS_PARTS_H
#define AGGREGATOR_WINDOWS_PARTS_H

#include "aggregator/windows.h"

struct stored_day {
    int64_t day;
    struct str packed; /* in the arena */
    bool marked;       /* hours of it wait to be graded: it does not count */
};

struct stored_days {
    struct arena arena;
    struct stored_day *days; /* ascending */
    size_t count, capacity;
};

/* The rows of whole days within the stretch. One that is damaged is left out: its hours say the same. ERR_STORE. */
enum err_code stored_days_read(const struct windows_reading *reading, struct stored_days *ret_days,
                               struct err *err);
void stored_days_release(struct stored_days *days);

#endif
