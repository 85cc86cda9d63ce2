/*
 * Troubles of a run over many contracts: an error of one is said at once, on a line of its own, and does not stop the others; the first decides the
 * exit status.
 *
 * Two end the run, and are said by main like any other: the right to write is lost, and a signal.
 */
#ifndef JOBS_TROUBLES_H
#define JOBS_TROUBLES_H

#include <stdbool.h>

#include "base/err.h"

struct troubles {
    enum err_code first; /* ERR_OK: none so far */
};

/* Whether the run has to end, with *err untouched. Otherwise an error was said, and *err is as if there had been none. */
bool troubles_end(struct troubles *troubles, enum err_code code, struct err *err);

#endif
