/*
 * What is to be said of contracts that are well-formed: ones that need more of the store than counts, and ones whose figures would not mean what their
 * reader thinks. Only of configurations that read topics: without them contracts are for evaluate.
 */
#ifndef JOBS_COMMANDS_REVIEW_H
#define JOBS_COMMANDS_REVIEW_H

#include "jobs/config/config.h"

/* Notes and warnings on the terminal. */
void review_contracts(const struct config *config);

#endif
