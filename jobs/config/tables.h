/*
 * The tables of the configuration, from the whole file down. Only for jobs/config.
 */
#ifndef JOBS_CONFIG_TABLES_H
#define JOBS_CONFIG_TABLES_H

#include "base/conf_table.h"
#include "base/hash.h"
#include "jobs/config/config.h"

extern const struct conf_table config_table;        /* struct config */
extern const struct conf_table store_table;         /* struct config */
extern const struct conf_table topic_table;         /* struct topic_config */
extern const struct conf_table archive_table;       /* struct archive_config */
extern const struct conf_table map_table;           /* struct mapping */
extern const struct conf_table contract_table;      /* struct contract */
extern const struct conf_table availability_table;  /* struct availability */
extern const struct conf_table maintenance_table;   /* struct maintenance_terms */
extern const struct conf_table latency_level_table; /* struct latency_terms */
extern const struct conf_table credit_table;        /* struct credit_terms */
extern const struct conf_table slo_table;           /* struct slo */

/* The words of a contract, in the file and in its canonical terms. */
extern const struct conf_choice method_choices[], pool_choices[], unknown_choices[],
    requests_per_choices[], excluded_choices[], partial_choices[], period_choices[],
    rounding_choices[];
const char *conf_choice_name(const struct conf_choice *choices, int64_t value);

/* ERR_CONFIG for a field of another method, or one that is missing; node is the table. */
enum err_code method_fields_check(struct conf_reader *reader, const struct conf_node *node,
                                  const struct availability *availability, struct err *err);

/* Into a struct contract: its period; a local date, whose midnight is the int64_t of UTC seconds at row->offset (time_zone was read before);
 * and its service hours. */
extern const struct conf_custom conf_period, conf_local_date, conf_service_hours;
/* Writes the JSON schema of a period of the calendar or one that rolls, which objectives have too. */
void period_schema(struct json_writer *json, const char *rolling_pattern);

/* Rules between sections, as check of config_table; target is the struct config. */
enum err_code config_check_rules(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err);

/* A path, or a list of alternative paths, into the struct role at row->offset. */
extern const struct conf_custom conf_role;
/* One path of a role. */
enum err_code role_add_path(struct conf_reader *reader, struct role *role,
                            const struct conf_node *node, struct err *err);

/* How the values of a list become rules. */
enum value_form {
    VALUES_MIXED,  /* integers and "400-499" are ranges, anything else is compared as text */
    VALUES_EQUALS, /* compared as text */
    VALUES_PREFIX,
    VALUES_RANGE
};
/* Appends the value or the list of values at node. */
enum err_code values_append(struct conf_reader *reader, const struct conf_node *node,
                            enum value_form form, struct rule_value **values, size_t *count,
                            struct err *err);
/* Writes the JSON schema of such a list. */
void values_schema(struct json_writer *json);

/* wanted.c: fills config->wanted from its contracts. ERR_CONFIG: one service would have too many limits of latency. */
enum err_code config_find_wanted(struct config *config, struct err *err);

/* Digest of the services' names and thresholds. */
void services_digest(const struct config *config, char ret_digest[HASH_HEX_SIZE]);
/* Digest of everything that decides what a record of this topic becomes; services: their digest. */
void topic_digest(struct topic_config *topic, const char *services);

/* Reads the topic's schema files and parses them. ERR_CONFIG, also for keys that do not belong to the framing, or are missing. */
enum err_code topic_schemas_read(struct conf_reader *reader, const struct conf_node *node,
                                 struct topic_config *topic, struct err *err);

#endif
