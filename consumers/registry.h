/*
 * Schema registry (Confluent's API): ids, GUIDs, and fingerprints among the versions of subjects, to schemas.
 *
 * A key never changes its schema: answers are kept for the life of the registry and, if cache_path is set, as files
 * named by the hash of the registry's URL and the key, together with the schemas they refer to, so that a run works while the registry is
 * down. 404 is retried for retry_ns and then remembered for 60 s (VERDICT_UNKNOWN_SCHEMA), as is a fingerprint that no version has; 401, 403,
 * 408, 429, 5xx and connection trouble are ERR_BROKER, retriable, never a verdict.
 */
#ifndef CONSUMERS_REGISTRY_H
#define CONSUMERS_REGISTRY_H

#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "consumers/schema.h"
#include "consumers/schema_key.h"
#include "schemas/verdict.h"

struct registry;

struct registry_options {
    const char *url;      /* base, "http://host:8081/apis/ccompat/v7" */
    const char *username; /* may be NULL */
    const char *password;
    const char *bearer;     /* may be NULL */
    const char *ca_file;    /* may be NULL */
    const char *cache_path; /* folder, created; may be NULL */
    int64_t retry_ns;       /* default 10 s */
    struct http *http;      /* borrowed */
    struct clock *clock;    /* borrowed */
    bool (*stopped)(
        void); /* may be NULL: asked before each request; true ends with ERR_INTERRUPTED */
};

enum err_code registry_open(const struct registry_options *options, struct registry **ret_registry,
                            struct err *err);
void registry_free(struct registry *registry);
/* The schema of an id or a GUID, borrowed from the registry until registry_free. *ret_verdict is VERDICT_TALLIED if *ret_schema is set, else
 * VERDICT_UNKNOWN_SCHEMA or VERDICT_BAD_SCHEMA with the cause in detail (size detail_size). */
enum err_code registry_schema(struct registry *registry, const struct schema_key *key,
                              const struct schema **ret_schema, enum verdict *ret_verdict,
                              char *detail, size_t detail_size, struct err *err);
/* The same for a fingerprint among the versions of these subjects, the first subject that has it. A subject may get new versions: for one
 * that is not known all are asked again. VERDICT_BAD_SCHEMA: versions of one subject have this fingerprint and differ in what their values
 * mean (logical types are no part of a fingerprint). */
enum err_code registry_search(struct registry *registry, const struct str *subjects,
                              size_t subject_count, const struct schema_key *key,
                              const struct schema **ret_schema, enum verdict *ret_verdict,
                              char *detail, size_t detail_size, struct err *err);
/* The texts of a schema that one of the two has found, those that it refers to first, its own last; borrowed until registry_free. NULL if it has not. */
const struct str *registry_texts(const struct registry *registry, const struct str *subjects,
                                 size_t subject_count, const struct schema_key *key,
                                 size_t *ret_count);
/* For `uptally check`: one request that needs no id. */
enum err_code registry_ping(struct registry *registry, struct err *err);
/* For `uptally check`: ERR_BROKER if there is no such subject. */
enum err_code registry_count_versions(struct registry *registry, const char *subject,
                                      size_t *ret_count, struct err *err);

#endif
