/*
 * Heap memory that is never NULL.
 *
 * A batch program that runs out of memory cannot do better than to stop: the store holds the truth and the
 * next run continues. So these functions print one line and exit with status 1 instead of returning NULL.
 * Sizes that come from outside are bounded by their reader before they get here.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

/* Uninitialised memory; the caller owns it and gives it to memory_free. size 0 is allowed. */
void *memory_alloc(size_t size);
/* Zeroed memory for count elements; the product is checked. */
void *memory_calloc(size_t count, size_t size);
/* Like realloc for count elements of size; the product is checked. */
void *memory_resize(void *memory, size_t count, size_t size);
/* Copy of a NUL-terminated text. */
char *memory_strdup(const char *text);
/* NULL is allowed. */
void memory_free(void *memory);

#endif
