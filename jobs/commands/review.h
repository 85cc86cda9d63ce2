/*
 * What is to be said of contracts that are well-formed: ones that could not be measured live, and ones whose figures would not mean what their reader
 * thinks. Only of configurations that read topics: without them contracts are for evaluate.
 */
#ifndef JOBS_COMMANDS_REVIEW_H
#define JOBS_COMMANDS_REVIEW_H

#include <stdio.h>

#include "jobs/config/config.h"

/* Warns on the terminal. ERR_CONFIG for the first contract of which no statements can be made; out gets a line for each. */
enum err_code review_contracts(const struct config *config, FILE *out, struct err *err);

#endif
