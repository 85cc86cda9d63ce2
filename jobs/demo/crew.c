#include "jobs/demo/crew.h"

#include <pthread.h>
#include <string.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "base/memory.h"

struct member {
    pthread_t thread;
    bool running;
    struct clock_simulated clock;
    struct random random;
    struct db *db;         /* owned */
    struct source *source; /* owned */
    struct consume_options options;
    struct consume_result result;
    enum err_code code;
    struct err err;
};

struct crew {
    const struct config *config;
    const char *const *topics; /* in arena */
    struct arena arena;
    int size;
    struct member members[CREW_SIZE_MAX];
};

static enum err_code open_store(struct crew *crew, struct member *member, struct err *err)
{
    struct db_options options = {.path = arena_text(&crew->arena, crew->config->store_path),
                                 .lock_wait_ns = crew->config->lock_wait_ns,
                                 .clock = &member->clock.clock};

    return db_open(&options, &member->db, err);
}

static enum err_code open_source(struct crew *crew, struct member *member,
                                 const struct crew_options *options, struct err *err)
{
    struct source_options source = {.bootstrap_servers = options->bootstrap_servers,
                                    .topics = crew->topics,
                                    .topic_count = crew->config->topic_count,
                                    .client_id = "uptally-demo",
                                    .clock = clock_system()};

    return source_kafka_open(&source, &member->source, err);
}

static enum err_code open_member(struct crew *crew, int index, const struct crew_options *options,
                                 struct err *err)
{
    struct member *member = &crew->members[index];
    int64_t book_id;
    enum err_code code;

    clock_simulated_init(&member->clock, 0);
    random_init_system(&member->random); /* batch ids; they reach no statement */
    code = open_store(crew, member, err);
    if (code == ERR_OK) {
        code = store_book(member->db, "live", &book_id, err);
    }
    if (code == ERR_OK) {
        code = open_source(crew, member, options, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    member->options = (struct consume_options){.config = options->config,
                                               .db = member->db,
                                               .book_id = book_id,
                                               .clock = &member->clock.clock,
                                               .random = &member->random,
                                               .http = options->http,
                                               .source = member->source,
                                               .shard = index,
                                               .shard_count = options->size,
                                               .batch_records_max = options->batch_records_max};
    return ERR_OK;
}

enum err_code crew_open(const struct crew_options *options, struct crew **ret_crew, struct err *err)
{
    struct crew *crew = memory_calloc(1, sizeof(*crew));
    const char **topics;

    CHECK(options->size >= 1);
    CHECK(options->size <= CREW_SIZE_MAX);
    crew->config = options->config;
    crew->size = options->size;
    topics = arena_calloc(&crew->arena, options->config->topic_count, sizeof(*topics));
    for (size_t i = 0; i < options->config->topic_count; i++) {
        topics[i] = arena_text(&crew->arena, options->config->topics[i].name);
    }
    crew->topics = topics;
    for (int i = 0; i < options->size; i++) {
        if (open_member(crew, i, options, err) != ERR_OK) {
            crew_close(crew);
            return err->code;
        }
    }
    *ret_crew = crew;
    return ERR_OK;
}

void crew_close(struct crew *crew)
{
    if (crew == NULL) {
        return;
    }
    for (int i = 0; i < crew->size; i++) {
        struct member *member = &crew->members[i];

        CHECK(!member->running);
        if (member->source != NULL) {
            member->source->close(member->source);
        }
        db_close(member->db);
    }
    arena_release(&crew->arena);
    memory_free(crew);
}

static void *member_main(void *context)
{
    struct member *member = context;

    member->code = consume_run(&member->options, &member->result, &member->err);
    return NULL;
}

static void add_result(struct consume_result *total, const struct consume_result *result)
{
    total->records += result->records;
    total->tallied += result->tallied;
    total->excluded += result->excluded;
    total->duplicate += result->duplicate;
    total->dead_lettered += result->dead_lettered;
    total->absent += result->absent;
    total->batches += result->batches;
    total->bytes += result->bytes;
    total->parked_partitions += result->parked_partitions;
    total->interrupted |= result->interrupted;
}

enum err_code crew_drain(struct crew *crew, int64_t now_ns, struct consume_result *total,
                         struct err *err)
{
    enum err_code code = ERR_OK;

    for (int i = 0; i < crew->size; i++) {
        struct member *member = &crew->members[i];

        member->clock.time_ns = now_ns;
        member->err = ERR_INIT;
        memset(&member->result, 0, sizeof(member->result));
        if (pthread_create(&member->thread, NULL, member_main, member) != 0) {
            code = err_set(err, ERR_FAILED, "a consumer's thread cannot be started");
            break;
        }
        member->running = true;
    }
    for (int i = 0; i < crew->size; i++) {
        struct member *member = &crew->members[i];

        if (!member->running) {
            continue;
        }
        CHECK(pthread_join(member->thread, NULL) == 0);
        member->running = false;
        add_result(total, &member->result);
        if (code == ERR_OK && member->code != ERR_OK) {
            code = member->code;
            *err = member->err;
        }
    }
    return code;
}
