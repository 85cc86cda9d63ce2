/*
 * An arena: memory that lives and dies together.
 *
 * One per run, per batch and per report. A parameter named `arena` means: the result lives as long as this
 * arena; one named `scratch` means: dead when the function returns. Allocation never returns NULL. Chunks are
 * freed together; single blocks never. Its disadvantages: a long-lived arena only grows, and reading after
 * arena_clear is not noticed outside of ASan builds.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* owned, newest first */
    size_t used;                /* bytes used in the newest chunk */
    size_t size;                /* bytes handed out since the last clear */
};

#define ARENA_INIT ((struct arena){0})

void arena_release(struct arena *arena);
/* Empties the arena and keeps one chunk for reuse. */
void arena_clear(struct arena *arena);
/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size);
void *arena_calloc(struct arena *arena, size_t count, size_t size);
/* Copies; the copy has a NUL behind it. */
struct str arena_str(struct arena *arena, struct str s);
char *arena_text(struct arena *arena, struct str s);
char *arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
