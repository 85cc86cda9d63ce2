/* Fingerprints among the versions of subjects. A version never changes, but a subject gets new ones: the list is asked for again whenever a
 * fingerprint is not known. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/registry_fetch.h"

enum { VERSIONS_MAX = 1000, NAME_SIZE = REGISTRY_SUBJECT_SIZE_MAX + 64 };

struct version {
    int64_t number;
    bool good; /* an Avro schema */
};

struct registry_subject {
    const char *name;
    struct version *versions; /* owned; those that were loaded */
    size_t version_count;
    bool cache_read;
    bool absent; /* as the last answer said */
    struct schema_table table;
};

/* What is searched. */
struct search {
    struct registry *registry;
    const struct str *subjects;
    size_t subject_count;
    const struct schema_key *key;
};

void registry_subjects_free(struct registry *registry)
{
    for (size_t i = 0; i < registry->subject_count; i++) {
        memory_free(registry->subjects[i].versions);
        schema_table_release(&registry->subjects[i].table);
    }
    memory_free(registry->subjects);
}

const struct schema_entry *registry_subject_entry(const struct registry *registry,
                                                  const struct str *subjects, size_t subject_count,
                                                  const struct schema_key *key)
{
    for (size_t i = 0; i < subject_count; i++) {
        for (size_t k = 0; k < registry->subject_count; k++) {
            const struct registry_subject *subject = &registry->subjects[k];
            const struct schema_entry *entry =
                str_equal(str_from(subject->name), subjects[i])
                    ? schema_table_find(&subject->table, key, INT64_MIN)
                    : NULL;

            if (entry != NULL && entry->verdict == VERDICT_TALLIED) {
                return entry;
            }
        }
    }
    return NULL;
}

static struct registry_subject *get_subject(struct registry *registry, struct str name)
{
    for (size_t i = 0; i < registry->subject_count; i++) {
        if (str_equal(str_from(registry->subjects[i].name), name)) {
            return &registry->subjects[i];
        }
    }
    registry->subjects =
        memory_resize(registry->subjects, registry->subject_count + 1, sizeof(*registry->subjects));
    registry->subjects[registry->subject_count] =
        (struct registry_subject){.name = arena_text(&registry->arena, name)};
    return &registry->subjects[registry->subject_count++];
}

static struct schema_key key_of(const struct schema_entry *entry)
{
    return (struct schema_key){SCHEMA_KEY_FINGERPRINT, 0,
                               schema_fingerprint(schema_entry_schema(entry))};
}

/* Puts what a version has, under its fingerprint. Two versions may share it: they differ in what no value depends on, or nobody can tell
 * which of them wrote a record. A schema that is there already stays, for plans borrow it. */
static enum err_code put_version(struct registry_subject *subject, struct schema_entry *fresh,
                                 struct err *err)
{
    struct schema_entry *entry;

    fresh->key = key_of(fresh);
    entry = schema_table_find(&subject->table, &fresh->key, INT64_MIN);
    if (entry == NULL || entry->verdict == VERDICT_UNKNOWN_SCHEMA) {
        return schema_table_put(&subject->table, fresh, &entry, err);
    }
    if (entry->verdict == VERDICT_TALLIED &&
        !schema_reads_alike(schema_entry_schema(entry), schema_entry_schema(fresh))) {
        entry->verdict = VERDICT_BAD_SCHEMA;
        (void)snprintf(entry->detail, sizeof(entry->detail),
                       "versions of subject %.60s with this fingerprint differ in logical types",
                       subject->name);
    }
    schema_entry_release(fresh);
    return ERR_OK;
}

static bool is_loaded(const struct registry_subject *subject, int64_t number)
{
    for (size_t i = 0; i < subject->version_count; i++) {
        if (subject->versions[i].number == number) {
            return true;
        }
    }
    return false;
}

static void version_name(const struct registry_subject *subject, int64_t number,
                         char ret_name[NAME_SIZE])
{
    (void)snprintf(ret_name, NAME_SIZE, "subject %s, version %" PRId64, subject->name, number);
}

/* A version that is no Avro schema has no fingerprint, so no record can mean it. */
static enum err_code add_version(struct registry_subject *subject, int64_t number,
                                 const struct registry_texts *texts, bool *ret_good,
                                 struct err *err)
{
    struct schema_entry fresh = {.verdict = VERDICT_BAD_SCHEMA};

    if (texts->count > 0) {
        schema_entry_parse(&fresh, texts->texts, texts->count);
    }
    *ret_good = fresh.verdict == VERDICT_TALLIED;
    subject->versions =
        memory_resize(subject->versions, subject->version_count + 1, sizeof(*subject->versions));
    subject->versions[subject->version_count++] = (struct version){number, *ret_good};
    if (*ret_good) {
        return put_version(subject, &fresh, err);
    }
    schema_entry_release(&fresh);
    return ERR_OK;
}

static enum err_code fetch_version(struct registry *registry, struct registry_subject *subject,
                                   int64_t number, struct err *err)
{
    struct schema_entry answer = {.verdict = VERDICT_TALLIED};
    struct registry_texts texts;
    struct arena scratch = ARENA_INIT;
    char path[REGISTRY_PATH_SIZE], tail[64], name[NAME_SIZE];
    bool good = false;
    enum err_code code;

    (void)snprintf(tail, sizeof(tail), "/versions/%" PRId64, number);
    CHECK(registry_subject_path(subject->name, tail, path));
    version_name(subject, number, name);
    code = registry_fetch(&registry->options, path, &scratch, &texts, &answer, err);
    if (code != ERR_OK) {
        err_context(err, "%s", name);
    } else if (answer.verdict != VERDICT_UNKNOWN_SCHEMA) { /* deleted since it was listed */
        texts.count = answer.verdict == VERDICT_TALLIED ? texts.count : 0;
        code = add_version(subject, number, &texts, &good, err);
    }
    if (code == ERR_OK && good) {
        registry_cache_write(&registry->options, name, &texts);
    }
    arena_release(&scratch);
    return code;
}

/* The list of those that are kept in the cache, as its own text. */
static void write_list(const struct registry *registry, const struct registry_subject *subject)
{
    struct registry_texts texts = {.count = 1};
    json_t *list = json_array();
    char *text;

    for (size_t i = 0; i < subject->version_count; i++) {
        if (subject->versions[i].good) {
            (void)json_array_append_new(list, json_integer(subject->versions[i].number));
        }
    }
    text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    if (text != NULL) {
        char name[NAME_SIZE];

        (void)snprintf(name, sizeof(name), "subject %s, versions", subject->name);
        texts.texts[0] = str_of(text, strlen(text));
        registry_cache_write(&registry->options, name, &texts);
    }
    free(text);
}

static json_t *read_list(const struct registry *registry, const struct registry_subject *subject)
{
    struct registry_texts texts;
    struct arena scratch = ARENA_INIT;
    json_t *list = NULL;
    char name[NAME_SIZE];

    (void)snprintf(name, sizeof(name), "subject %s, versions", subject->name);
    if (registry_cache_read(&registry->options, name, &scratch, &texts)) {
        list = json_loadb(texts.texts[0].data, texts.texts[0].size, 0, NULL);
    }
    arena_release(&scratch);
    return list;
}

/* Once: what an earlier run knew of the subject. */
static enum err_code read_cache(struct registry *registry, struct registry_subject *subject,
                                struct err *err)
{
    json_t *list = subject->cache_read ? NULL : read_list(registry, subject);
    enum err_code code = ERR_OK;

    subject->cache_read = true;
    for (size_t i = 0; i < json_array_size(list) && code == ERR_OK; i++) {
        int64_t number = (int64_t)json_integer_value(json_array_get(list, i));
        struct registry_texts texts;
        struct arena scratch = ARENA_INIT;
        char name[NAME_SIZE];
        bool good;

        version_name(subject, number, name);
        if (!is_loaded(subject, number) &&
            registry_cache_read(&registry->options, name, &scratch, &texts)) {
            code = add_version(subject, number, &texts, &good, err);
        }
        arena_release(&scratch);
    }
    json_decref(list);
    return code;
}

static enum err_code load_versions(struct registry *registry, struct registry_subject *subject,
                                   const json_t *list, struct err *err)
{
    size_t before = subject->version_count;

    if (!json_is_array(list) || json_array_size(list) > VERSIONS_MAX) {
        return err_set_retriable(err, ERR_BROKER,
                                 "schema registry %s: subject %s: the answer is not a list of at "
                                 "most %d versions",
                                 registry->options.url, subject->name, (int)VERSIONS_MAX);
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        int64_t number = (int64_t)json_integer_value(json_array_get(list, i));

        if (number > 0 && !is_loaded(subject, number) &&
            fetch_version(registry, subject, number, err) != ERR_OK) {
            return err->code;
        }
    }
    if (subject->version_count > before) {
        write_list(registry, subject);
    }
    return ERR_OK;
}

/* *ret_list NULL: there is no such subject. */
static enum err_code ask_versions(struct registry *registry, const char *subject, json_t **ret_list,
                                  struct err *err)
{
    char path[REGISTRY_PATH_SIZE];
    struct strbuf body;
    int status;
    enum err_code code;

    *ret_list = NULL;
    if (!registry_subject_path(subject, "/versions", path)) {
        return err_set(err, ERR_CONFIG, "subject %s: the name is too long", subject);
    }
    strbuf_init(&body, REGISTRY_BODY_MAX);
    code = registry_get(&registry->options, path, registry->options.retry_ns, false, &status, &body,
                        err);
    if (code == ERR_OK && status == 200) {
        *ret_list = json_loadb(body.data != NULL ? body.data : "", body.size, 0, NULL);
        if (*ret_list == NULL) {
            code = err_set_retriable(err, ERR_BROKER, "schema registry %s: the answer is not JSON",
                                     registry->options.url);
        }
    }
    strbuf_release(&body);
    return code;
}

static enum err_code refresh(struct registry *registry, struct registry_subject *subject,
                             struct err *err)
{
    json_t *list;
    enum err_code code = ask_versions(registry, subject->name, &list, err);

    subject->absent = list == NULL;
    if (code == ERR_OK && list != NULL) {
        code = load_versions(registry, subject, list, err);
    }
    json_decref(list);
    return code;
}

/* The first subject that knows more of the key than that it is unknown. */
static struct schema_entry *find_known(const struct search *search)
{
    for (size_t i = 0; i < search->subject_count; i++) {
        struct registry_subject *subject = get_subject(search->registry, search->subjects[i]);
        struct schema_entry *entry = schema_table_find(&subject->table, search->key, INT64_MIN);

        if (entry != NULL && entry->verdict != VERDICT_UNKNOWN_SCHEMA) {
            return entry;
        }
    }
    return NULL;
}

/* An entry that says that none has it; NULL if that is not known of all of them. */
static struct schema_entry *find_unknown(const struct search *search)
{
    int64_t now_ns = clock_monotonic_ns(search->registry->options.clock);
    struct schema_entry *entry = NULL;

    for (size_t i = 0; i < search->subject_count; i++) {
        struct registry_subject *subject = get_subject(search->registry, search->subjects[i]);

        entry = schema_table_find(&subject->table, search->key, now_ns);
        if (entry == NULL) {
            return NULL;
        }
    }
    return entry;
}

static enum err_code read_caches(const struct search *search, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < search->subject_count && code == ERR_OK; i++) {
        code =
            read_cache(search->registry, get_subject(search->registry, search->subjects[i]), err);
    }
    return code;
}

static enum err_code remember_unknown(const struct search *search, struct err *err)
{
    const struct registry_options *options = &search->registry->options;

    for (size_t i = 0; i < search->subject_count; i++) {
        struct registry_subject *subject = get_subject(search->registry, search->subjects[i]);
        struct schema_entry *entry;
        struct schema_entry fresh = {.key = *search->key,
                                     .verdict = VERDICT_UNKNOWN_SCHEMA,
                                     .until_ns = clock_monotonic_ns(options->clock) +
                                                 SCHEMA_UNKNOWN_REMEMBERED_S * NS_PER_SECOND};

        (void)snprintf(fresh.detail, sizeof(fresh.detail), "no version of subject %.80s has it%s",
                       subject->name, subject->absent ? "; there is no such subject" : "");
        if (schema_table_put(&subject->table, &fresh, &entry, err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

/* Until some subject has it, or retry_ns is over. */
static enum err_code ask(const struct search *search, struct err *err)
{
    const struct registry_options *options = &search->registry->options;
    int64_t deadline_ns = clock_monotonic_ns(options->clock) + options->retry_ns;

    for (;;) {
        for (size_t i = 0; i < search->subject_count; i++) {
            struct registry_subject *subject = get_subject(search->registry, search->subjects[i]);

            if (refresh(search->registry, subject, err) != ERR_OK) {
                return err->code;
            }
        }
        if (find_known(search) != NULL) {
            return ERR_OK;
        }
        if (clock_monotonic_ns(options->clock) >= deadline_ns) {
            return remember_unknown(search, err);
        }
        clock_sleep_ns(options->clock, REGISTRY_PAUSE_MS * NS_PER_MS);
    }
}

enum err_code registry_search(struct registry *registry, const struct str *subjects,
                              size_t subject_count, const struct schema_key *key,
                              const struct schema **ret_schema, enum verdict *ret_verdict,
                              char *detail, size_t detail_size, struct err *err)
{
    struct search search = {registry, subjects, subject_count, key};
    struct schema_entry *entry = find_known(&search);
    char name[SCHEMA_KEY_TEXT_SIZE];

    CHECK(subject_count > 0);
    schema_key_text(key, name);
    if (entry == NULL && find_unknown(&search) == NULL) {
        if (read_caches(&search, err) != ERR_OK ||
            (find_known(&search) == NULL && ask(&search, err) != ERR_OK)) {
            return err_context(err, "%s", name);
        }
        entry = find_known(&search);
    }
    if (entry == NULL) {
        entry = find_unknown(&search);
        CHECK(entry != NULL);
    }
    *ret_verdict = entry->verdict;
    *ret_schema = entry->verdict == VERDICT_TALLIED ? schema_entry_schema(entry) : NULL;
    if (entry->verdict != VERDICT_TALLIED) {
        (void)snprintf(detail, detail_size, "%s: %s", name, entry->detail);
    }
    return ERR_OK;
}

enum err_code registry_count_versions(struct registry *registry, const char *subject,
                                      size_t *ret_count, struct err *err)
{
    json_t *list;

    if (ask_versions(registry, subject, &list, err) != ERR_OK) {
        return err->code;
    }
    if (list == NULL) {
        return err_set(err, ERR_BROKER, "schema registry %s: there is no subject %s",
                       registry->options.url, subject);
    }
    *ret_count = json_array_size(list);
    json_decref(list);
    return ERR_OK;
}
