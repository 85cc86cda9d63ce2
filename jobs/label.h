/*
 * Names from outside in a terminal: harmless, cut to a width, and counted in columns rather than in bytes or characters.
 *
 * East Asian characters take two columns, combining ones none, as the C library's table of Unicode has it. Control characters and those that turn the
 * direction of text become '?', bytes that are no UTF-8 become U+FFFD.
 */
#ifndef JOBS_LABEL_H
#define JOBS_LABEL_H

#include <stdio.h>

#include "base/str.h"

/* Columns that the whole name takes. */
size_t label_columns(struct str name);
/* Prints as many whole characters as fit into that many columns, and spaces behind them. */
void label_print(FILE *out, struct str name, size_t columns);

#endif
