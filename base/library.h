/*
 * Libraries that are loaded when they are needed: those that bring dozens of others with them, and that most commands never call.
 *
 * A library's functions are members of a struct, each named like its function and listed in a table. Loaded once, kept until the
 * process ends. Any thread may load one.
 */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stddef.h>

#include "base/err.h"

struct library_function {
    const char *name;
    size_t offset; /* of the pointer in the struct */
};

struct library {
    const char *file; /* such as "libpq.so.5" */
    const char *hint; /* what to do where it is missing */
    const struct library_function *functions;
    size_t function_count;
    void *target; /* the struct with the pointers */
    void *handle; /* NULL: not loaded yet */
};

/* ERR_FAILED: the library or one of its functions is missing. */
enum err_code library_load(struct library *library, struct err *err);

#endif
