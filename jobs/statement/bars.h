/*
 * A day as a bar: what is drawn, wherever it is drawn. Only a picture of figures that stand in the document; nothing is decided by it.
 */
#ifndef JOBS_STATEMENT_BARS_H
#define JOBS_STATEMENT_BARS_H

#include <stdbool.h>
#include <stddef.h>

#include "jobs/statement/model.h"
#include "jobs/statement/tree.h"

/* A day is 48 high; what is not up is at least 6, so that ten minutes can be seen. */
enum { BARS_WIDTH = 20, BARS_GAP = 3, BARS_HEIGHT = 48, BARS_LEAST = 6 };

/* From the top down, the worst first; they fill the height. */
struct bars_piece {
    enum time_class class;
    int y, height;
};

/* Returns how many. */
size_t bars_of_day(const struct tree *day, struct bars_piece ret_pieces[TIME_CLASS_COUNT]);
bool bars_wholly_up(const struct tree *day);

#endif
