#include "base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((noreturn, cold)) static void memory_exhausted(size_t count, size_t size)
{
    fprintf(stderr,
            "uptally: out of memory (asked for %zu times %zu bytes); nothing was committed "
            "that is not complete, run again with more memory\n",
            count, size);
    _Exit(1);
}

void *memory_alloc(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL) {
        memory_exhausted(1, size);
    }
    return memory;
}

void *memory_calloc(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

    if (memory == NULL) {
        memory_exhausted(count, size);
    }
    return memory;
}

void *memory_resize(void *memory, size_t count, size_t size)
{
    void *resized;

    if (size != 0 && count > SIZE_MAX / size) {
        memory_exhausted(count, size);
    }
    resized = realloc(memory, count * size > 0 ? count * size : 1);
    if (resized == NULL) {
        memory_exhausted(count, size);
    }
    return resized;
}

char *memory_strdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(memory_alloc(size), text, size);
}

void memory_free(void *memory)
{
    free(memory);
}
