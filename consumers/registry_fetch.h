/*
 * The texts behind a schema id: what the registry answers, and the folder where answers are kept.
 *
 * A schema may name others (references); the texts come in an order in which each only needs those before it, the schema of the id
 * last. Private to registry.c.
 */
#ifndef CONSUMERS_REGISTRY_FETCH_H
#define CONSUMERS_REGISTRY_FETCH_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "consumers/registry.h"
#include "schemas/verdict.h"

enum { REGISTRY_TEXTS_MAX = 65, REGISTRY_DEPTH_MAX = 8, REGISTRY_BODY_MAX = 4 * 1024 * 1024 };

struct registry_texts {
    struct str texts[REGISTRY_TEXTS_MAX]; /* in the arena of the call */
    size_t count;
};

/* *ret_verdict VERDICT_TALLIED: ret_texts is set. Otherwise UNKNOWN_SCHEMA or BAD_SCHEMA with the cause in detail. ERR_BROKER. */
enum err_code registry_fetch(const struct registry_options *options, int32_t id,
                             struct arena *arena, struct registry_texts *ret_texts,
                             enum verdict *ret_verdict, char *detail, size_t detail_size,
                             struct err *err);
/* GET of base URL and path. Tries again for retry_ns while the answer is 404 or trouble that may pass. ERR_BROKER, unless the status is
 * 200, or 400, 404 or 422: those say that there is no such thing. */
enum err_code registry_get(const struct registry_options *options, const char *path,
                           int64_t retry_ns, int *ret_status, struct strbuf *body, struct err *err);

/* False if there is no file, or one that is not exactly what was written. Needs options->cache_path. */
bool registry_cache_read(const struct registry_options *options, int32_t id, struct arena *arena,
                         struct registry_texts *ret_texts);
/* Atomic. A cache that cannot be written is none: failures are not reported. */
void registry_cache_write(const struct registry_options *options, int32_t id,
                          const struct registry_texts *texts);

#endif
