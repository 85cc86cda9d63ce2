#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { ARENA_CHUNK_SIZE = 64 * 1024, ARENA_ALIGNMENT = 16 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(ARENA_ALIGNMENT) char data[];
};

void arena_release(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;

        memory_free(arena->chunks);
        arena->chunks = next;
    }
    *arena = ARENA_INIT;
}

void arena_clear(struct arena *arena)
{
    struct arena_chunk *kept = arena->chunks;

    if (kept == NULL) {
        return;
    }
    arena->chunks = kept->next;
    arena_release(arena);
    kept->next = NULL;
    arena->chunks = kept;
}

static void *take_room(struct arena *arena, size_t size)
{
    size_t rounded = (size + ARENA_ALIGNMENT - 1) / ARENA_ALIGNMENT * ARENA_ALIGNMENT;
    void *memory;

    CHECK(size <= SIZE_MAX / 4);
    if (arena->chunks == NULL || arena->chunks->size - arena->used < rounded) {
        size_t chunk_size = rounded > ARENA_CHUNK_SIZE ? rounded : ARENA_CHUNK_SIZE;
        struct arena_chunk *chunk = memory_alloc(sizeof(*chunk) + chunk_size);

        chunk->next = arena->chunks;
        chunk->size = chunk_size;
        arena->chunks = chunk;
        arena->used = 0;
    }
    memory = arena->chunks->data + arena->used;
    arena->used += rounded;
    arena->size += rounded;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    return memset(take_room(arena, size), 0, size);
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
    CHECK(size == 0 || count <= SIZE_MAX / 4 / size);
    return arena_alloc(arena, count * size);
}

char *arena_text(struct arena *arena, struct str s)
{
    char *copy = take_room(arena, s.size + 1);

    if (s.size > 0) {
        memcpy(copy, s.data, s.size);
    }
    copy[s.size] = '\0';
    return copy;
}

struct str arena_str(struct arena *arena, struct str s)
{
    return str_of(arena_text(arena, s), s.size);
}

char *arena_format(struct arena *arena, const char *format, ...)
{
    char local[256]; /* most are shorter, and need not be formatted twice to know their size */
    va_list arguments;
    char *text;
    int size;

    va_start(arguments, format);
    size = vsnprintf(local, sizeof(local), format, arguments);
    va_end(arguments);
    CHECK(size >= 0);
    if ((size_t)size < sizeof(local)) {
        return arena_text(arena, str_of(local, (size_t)size));
    }
    text = arena_alloc(arena, (size_t)size + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return text;
}
