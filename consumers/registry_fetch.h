/*
 * The inside of the registry, shared by its files; nobody else includes this. registry.c keeps what was found, registry_subject.c searches
 * the versions of subjects, registry_fetch.c asks, registry_cache.c keeps answers in a folder.
 *
 * A schema may name others (references); its texts come in an order in which each only needs those before it, the schema's own last.
 */
#ifndef CONSUMERS_REGISTRY_FETCH_H
#define CONSUMERS_REGISTRY_FETCH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "consumers/registry.h"
#include "consumers/schema_table.h"
#include "schemas/verdict.h"

enum {
    REGISTRY_TEXTS_MAX = 65,                   /* of one schema: itself and its references */
    REGISTRY_TEXTS_SIZE_MAX = 8 * 1024 * 1024, /* of them together */
    REGISTRY_DEPTH_MAX = 8,
    REGISTRY_BODY_MAX = 4 * 1024 * 1024,
    REGISTRY_SUBJECT_SIZE_MAX = 512,
    REGISTRY_PATH_SIZE = 3 * REGISTRY_SUBJECT_SIZE_MAX + 64,
    REGISTRY_PAUSE_MS = 250 /* between two tries */
};

struct registry_subject; /* registry_subject.c */

struct registry {
    struct registry_options options; /* texts in arena */
    struct arena arena;
    struct schema_table table;         /* by id and GUID */
    struct registry_subject *subjects; /* owned */
    size_t subject_count;
};

struct registry_texts {
    struct str texts[REGISTRY_TEXTS_MAX]; /* in the arena of the call */
    size_t count, size;
};

/* What the registry says at path ("/schemas/ids/7"), with references: *ret_texts, or entry's verdict is UNKNOWN_SCHEMA or BAD_SCHEMA with the
 * cause. ERR_BROKER. */
enum err_code registry_fetch(const struct registry_options *options, const char *path,
                             struct arena *arena, struct registry_texts *ret_texts,
                             struct schema_entry *entry, struct err *err);
/* GET of base URL and path. Tries again for retry_ns while there is trouble that may pass, and on 404 if await_absent. ERR_BROKER, unless the
 * status is 200, or 400, 404 or 422: those say that there is no such thing. */
enum err_code registry_get(const struct registry_options *options, const char *path,
                           int64_t retry_ns, bool await_absent, int *ret_status,
                           struct strbuf *body, struct err *err);
/* "/subjects/NAME" + tail; false if it does not fit. */
bool registry_subject_path(const char *subject, const char *tail,
                           char ret_path[REGISTRY_PATH_SIZE]);
void registry_subjects_free(struct registry *registry);
/* What a subject knows of a fingerprint, the first that has a schema of it; NULL: none. */
const struct schema_entry *registry_subject_entry(const struct registry *registry,
                                                  const struct str *subjects, size_t subject_count,
                                                  const struct schema_key *key);

/* name says for whom the texts are: a key, or a subject and a key. False if there is no file, or one that is not exactly what was written.
 * Without options->cache_path there is none. */
bool registry_cache_read(const struct registry_options *options, const char *name,
                         struct arena *arena, struct registry_texts *ret_texts);
/* Atomic. A cache that cannot be written is none: failures are not reported. */
void registry_cache_write(const struct registry_options *options, const char *name,
                          const struct registry_texts *texts);

#endif
