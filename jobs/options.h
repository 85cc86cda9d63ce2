/*
 * The command line: one table of rows feeds the parser and --help.
 *
 * "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE"; "--" ends the options; options and arguments may be mixed. A later
 * occurrence replaces an earlier one. Errors are ERR_USAGE and name the option as it was written. Nothing is copied: values
 * borrow from argv and from the rows.
 */
#ifndef JOBS_OPTIONS_H
#define JOBS_OPTIONS_H

#include <stdio.h>

#include "base/err.h"
#include "jobs/command.h"

enum { OPTIONS_ROWS_MAX = 32, OPTIONS_ARGUMENTS_MAX = 64 };

/* Rows (ending with a NULL name) and the values that belong to them, one per row. */
struct option_set {
    const struct option_row *rows; /* may be NULL */
    struct option_value *values;   /* at least as many as rows; filled with the fallbacks first */
};

struct option_arguments {
    char *items[OPTIONS_ARGUMENTS_MAX];
    int count;
};

/* Values as if nothing had been given. CHECKs that fallbacks are well formed. */
void options_reset(const struct option_set *set);
/* Reads argv[0 .. argc). The first set that knows an option takes it. With stop_at_argument it ends at the first argument;
 * *ret_used (may be NULL) is the number of words read. */
enum err_code options_parse(const struct option_set *sets, size_t set_count, char *const *argv,
                            int argc, bool stop_at_argument, struct option_arguments *arguments,
                            int *ret_used, struct err *err);
/* "  -f, --from TIME   start, inclusive (default: ...)", one line each. */
void options_help(FILE *out, const struct option_row *rows);
/* The index of text among "a|b|c", or -1. */
int64_t options_choice(const char *choices, struct str text);
size_t options_count(const struct option_row *rows);

#endif
