#include "jobs/pipeline/connect.h"

#include "jobs/stop.h"

/* A broker that has answered before may be restarting. */
enum { REQUEST_TIMEOUT_S = 10, OUTAGE_TIMEOUT_S = 60 };

static const char *text_or_null(struct arena *arena, struct str text)
{
    return text.size > 0 ? arena_text(arena, text) : NULL;
}

static enum err_code open_source(const struct config *config, bool grouped, bool everything,
                                 struct arena *arena, struct source **ret_source, struct err *err)
{
    const char **topics = arena_calloc(arena, config->topic_count, sizeof(*topics));
    const char **headers = arena_calloc(arena, config->topic_count, sizeof(*headers));
    struct source_options options = {.bootstrap_servers =
                                         arena_text(arena, config->bootstrap_servers),
                                     .topics = topics,
                                     .topic_count = config->topic_count,
                                     .headers = headers,
                                     .everything = everything,
                                     .group = grouped ? text_or_null(arena, config->group) : NULL,
                                     .client_id = "uptally",
                                     .properties = config->properties,
                                     .property_count = config->property_count,
                                     .request_timeout_ns = REQUEST_TIMEOUT_S * NS_PER_SECOND,
                                     .outage_timeout_ns = OUTAGE_TIMEOUT_S * NS_PER_SECOND,
                                     .clock = clock_system(),
                                     .stopped = stop_is_requested};

    for (size_t i = 0; i < config->topic_count; i++) {
        topics[i] = arena_text(arena, config->topics[i].name);
        headers[i] = framing_header(config->topics[i].framing);
    }
    return source_kafka_open(&options, ret_source, err);
}

enum err_code connect_source(const struct config *config, bool grouped, struct arena *arena,
                             struct source **ret_source, struct err *err)
{
    return open_source(config, grouped, false, arena, ret_source, err);
}

enum err_code connect_everything(const struct config *config, struct arena *arena,
                                 struct source **ret_source, struct err *err)
{
    return open_source(config, false, true, arena, ret_source, err);
}

enum err_code connect_registry(const struct config *config, struct http *http, struct clock *clock,
                               struct arena *arena, struct registry **ret_registry, struct err *err)
{
    struct registry_options options = {.url = arena_text(arena, config->registry_url),
                                       .username = text_or_null(arena, config->registry_username),
                                       .password = text_or_null(arena, config->registry_password),
                                       .bearer = text_or_null(arena, config->registry_token),
                                       .ca_file = text_or_null(arena, config->registry_ca_file),
                                       .cache_path = text_or_null(arena, config->registry_cache),
                                       .retry_ns = config->registry_retry_ns,
                                       .http = http,
                                       .clock = clock,
                                       .stopped = stop_is_requested};

    *ret_registry = NULL;
    return config->has_registry ? registry_open(&options, ret_registry, err) : ERR_OK;
}
