/*
 * Rules between sections of the configuration: names that must be unique, references that must lead somewhere.
 */
#include "base/spelling.h"
#include "jobs/config/tables.h"

static const struct conf_node *list_at(const struct conf_node *root, const char *key, size_t index)
{
    const struct conf_node *child = conf_child(root, key)->first;

    while (index-- > 0) {
        child = child->next;
    }
    return child;
}

static enum err_code check_service_names(struct conf_reader *reader, const struct conf_node *root,
                                         const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->service_count; i++) {
        if (config_service(config, config->services[i].name) != &config->services[i]) {
            return conf_error(reader, conf_child(list_at(root, "services", i), "name"), err,
                              "service \"%.*s\" occurs twice", STR_ARGS(config->services[i].name));
        }
    }
    return ERR_OK;
}

/* Topics of one group share one set of ids, so they cannot differ in how long and how many are kept. */
static enum err_code check_group(struct conf_reader *reader, const struct conf_node *node,
                                 const struct config *config, size_t index, struct err *err)
{
    const struct topic_config *topic = &config->topics[index];
    const struct conf_node *duplicates = conf_child(node, "duplicates");

    for (size_t j = 0; j < index && topic->duplicates_group.size > 0; j++) {
        const struct topic_config *other = &config->topics[j];

        if (str_equal(topic->duplicates_group, other->duplicates_group) &&
            (topic->duplicates_horizon_ns != other->duplicates_horizon_ns ||
             topic->duplicates_count != other->duplicates_count)) {
            return conf_error(reader, duplicates != NULL ? duplicates : node, err,
                              "duplicates: topic \"%.*s\" of the same group \"%.*s\" has another "
                              "horizon or count",
                              STR_ARGS(other->name), STR_ARGS(topic->duplicates_group));
        }
    }
    return ERR_OK;
}

/* Dead letters that were read again would be dead letters again, for ever. */
static enum err_code check_dead_letter_topic(struct conf_reader *reader,
                                             const struct conf_node *node,
                                             const struct config *config,
                                             const struct topic_config *topic, struct err *err)
{
    for (size_t j = 0; j < config->topic_count && topic->dead_letter_topic.size > 0; j++) {
        if (str_equal(topic->dead_letter_topic, config->topics[j].name)) {
            return conf_error(reader, conf_child(node, "dead_letter_topic"), err,
                              "dead_letter_topic: topic \"%.*s\" is read itself",
                              STR_ARGS(topic->dead_letter_topic));
        }
    }
    return ERR_OK;
}

static enum err_code check_topic_rules(struct conf_reader *reader, const struct conf_node *root,
                                       const struct config *config, size_t index, struct err *err)
{
    const struct topic_config *topic = &config->topics[index];
    const struct conf_node *node = list_at(root, "topics", index);

    for (size_t j = 0; j < index; j++) {
        if (str_equal(topic->name, config->topics[j].name)) {
            return conf_error(reader, conf_child(node, "name"), err, "topic \"%.*s\" occurs twice",
                              STR_ARGS(topic->name));
        }
    }
    if (framing_needs_registry(topic->framing) && !config->has_registry) {
        return conf_error(reader, node, err, "topic: framing %s needs section \"registry\"",
                          topic_framing_name(topic->framing));
    }
    if (topic->schema_subject_count > 0 && !config->has_registry) {
        return conf_error(reader, conf_child(node, "schema_subjects"), err,
                          "schema_subjects: section \"registry\" is missing");
    }
    if (!topic->discover && config->service_count == 0) {
        return conf_error(reader, conf_child(node, "services"), err,
                          "services: declared needs section \"services\"");
    }
    if (check_dead_letter_topic(reader, node, config, topic, err) != ERR_OK) {
        return err->code;
    }
    return check_group(reader, node, config, index, err);
}

static enum err_code check_topics(struct conf_reader *reader, const struct conf_node *root,
                                  struct config *config, struct err *err)
{
    char services[HASH_HEX_SIZE];

    services_digest(config, services);
    for (size_t i = 0; i < config->topic_count; i++) {
        enum err_code code = check_topic_rules(reader, root, config, i, err);

        if (code != ERR_OK) {
            return code;
        }
        topic_digest(&config->topics[i], services);
    }
    return ERR_OK;
}

/* True if services can only be those of the list. */
static bool services_are_declared(const struct config *config)
{
    for (size_t i = 0; i < config->topic_count; i++) {
        if (config->topics[i].discover) {
            return false;
        }
    }
    return config->topic_count > 0;
}

/* node: of a contract or an objective. The latter may have a single service instead of a list. */
static enum err_code check_declared(struct conf_reader *reader, const struct conf_node *node,
                                    const struct config *config, const struct str *services,
                                    size_t count, struct err *err)
{
    const struct conf_node *list = conf_child(node, "services");
    const struct conf_node *child = list != NULL ? list->first : conf_child(node, "service");

    for (size_t i = 0; i < count; i++, child = child->next) {
        struct spelling spelling;
        char hint[SPELLING_HINT_SIZE];

        if (config_service(config, services[i]) != &config->service_default) {
            continue;
        }
        spelling_init(&spelling, services[i]);
        for (size_t j = 0; j < config->service_count; j++) {
            spelling_offer(&spelling, config->services[j].name.data);
        }
        return conf_error(reader, child, err, "service \"%.*s\" is not declared%s",
                          STR_ARGS(services[i]), spelling_hint(&spelling, hint));
    }
    return ERR_OK;
}

/* Versions of one id may follow each other, but not overlap. */
static enum err_code check_versions(struct conf_reader *reader, const struct conf_node *node,
                                    const struct config *config, size_t index, struct err *err)
{
    const struct contract *contract = &config->contracts[index];

    for (size_t j = 0; j < index; j++) {
        const struct contract *other = &config->contracts[j];

        if (str_equal(contract->id, other->id) && contract->valid_from_s < other->valid_until_s &&
            other->valid_from_s < contract->valid_until_s) {
            return conf_error(reader, conf_child(node, "id"), err,
                              "contract \"%.*s\" is valid at the same time as the one in line %d",
                              STR_ARGS(contract->id), other->line);
        }
    }
    return ERR_OK;
}

static enum err_code check_contracts(struct conf_reader *reader, const struct conf_node *root,
                                     const struct config *config, struct err *err)
{
    bool declared = services_are_declared(config);

    for (size_t i = 0; i < config->contract_count; i++) {
        const struct conf_node *node = list_at(root, "contracts", i);
        enum err_code code = check_versions(reader, node, config, i, err);

        if (code == ERR_OK && declared) {
            code = check_declared(reader, node, config, config->contracts[i].services,
                                  config->contracts[i].service_count, err);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code check_slos(struct conf_reader *reader, const struct conf_node *root,
                                const struct config *config, struct err *err)
{
    bool declared = services_are_declared(config);

    for (size_t i = 0; i < config->slo_count; i++) {
        const struct conf_node *node = list_at(root, "slos", i);
        const struct slo *slo = &config->slos[i];

        if (config_slo(config, slo->id) != slo) {
            return conf_error(reader, conf_child(node, "id"), err, "slo \"%.*s\" occurs twice",
                              STR_ARGS(slo->id));
        }
        if (declared && check_declared(reader, node, config, slo->services, slo->service_count,
                                       err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}

enum err_code config_check_rules(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err)
{
    struct config *config = target;
    enum err_code code = check_service_names(reader, node, config, err);

    if (code == ERR_OK) {
        code = check_topics(reader, node, config, err);
    }
    if (code == ERR_OK) {
        code = check_contracts(reader, node, config, err);
    }
    if (code == ERR_OK) {
        code = check_slos(reader, node, config, err);
    }
    return code;
}
