/*
 * The configuration: one YAML file, read once, typed, checked, immutable.
 *
 * Unknown keys are errors with file, line, column and the nearest known name. Secrets come as "${file:PATH}" or "${env:NAME}" and are never printed. Relative
 * paths are relative to the folder of the configuration file. No stage sees this struct: jobs fill each stage's own options from it.
 */
#ifndef JOBS_CONFIG_CONFIG_H
#define JOBS_CONFIG_CONFIG_H

#include "aggregator/grading.h"
#include "base/arena.h"
#include "base/codec.h"
#include "base/db.h"
#include "base/err.h"
#include "base/str.h"
#include "consumers/decoder.h"
#include "consumers/mapping.h"
#include "consumers/source.h"
#include "jobs/config/contract.h"
#include "jobs/config/slo.h"

enum start_kind { START_EARLIEST, START_LATEST, START_TIME };

/* A schema file of the user's, as it was when the configuration was read. */
struct schema_text {
    struct str path; /* empty: none */
    struct str text;
};

struct topic_config {
    struct str name;
    enum framing framing;
    enum start_kind start;
    int64_t start_time_ns;
    bool discover;              /* services: discover | declared */
    uint32_t service_count_max; /* service_limit */
    bool gaps;                  /* compacted or transactional: absent offsets are normal */
    struct mapping mapping;
    struct str duplicates_group; /* empty: event ids are not mapped, and not tested */
    int64_t duplicates_horizon_ns, duplicates_count;
    struct str dead_letter_topic; /* where its dead letters are delivered; empty: nowhere */
    struct schema_text reader_schema;
    struct str schema_file, schema_folder; /* paths; at most one of them, by framing */
    struct schema_text *schemas;           /* what is there */
    size_t schema_count;
    struct str *schema_subjects; /* of the registry, whose versions are searched */
    size_t schema_subject_count;
    char digest[65]; /* SHA-256 over mapping, framing, schema files and the services' thresholds */
};

struct service_config {
    struct str name;
    int64_t latency_threshold_ns; /* LATENCY_THRESHOLD_NONE if absent */
    struct grading_rules rules;
};

/* What contracts want of a service's windows beyond counts. No part of a topic's digest: a contract that comes later must not stop consumers. */
struct service_wanted {
    struct str service;
    struct particulars_wanted wanted;
};

/* Where topics are archived. */
struct archive_config {
    struct str folder; /* empty: nowhere */
    enum codec codec;
    int level;
    size_t block_size; /* bytes, before they are packed */
    int64_t file_size; /* the same */
    int64_t file_age_ns;
    int thread_count;
    int64_t retention_ns; /* 0: for ever */
};

/* A PostgreSQL database. */
struct store_server {
    struct str host, database, schema, user, password, ca_file, cert_file, key_file;
    int port;
    bool has_tls;
    enum db_tls tls;
};

struct config {
    struct arena arena;
    struct str path; /* of the file */

    struct str store_path; /* SQLite; or */
    bool has_store_server;
    struct store_server store_server;
    int64_t lock_wait_ns;   /* 60 s */
    struct str output_path; /* folder of statements */
    struct str book;        /* "live" */
    int64_t lateness_ns;    /* 5 min */

    bool has_cluster;
    struct str cluster_name;
    struct str bootstrap_servers;
    struct source_property *properties; /* of librdkafka; secrets resolved */
    size_t property_count;
    struct str group; /* empty: all partitions by hand */

    bool has_registry;
    struct str registry_url, registry_username, registry_password, registry_token, registry_ca_file,
        registry_cache;
    int64_t registry_retry_ns;

    int64_t batch_records_max; /* commit at the latest after so many records: 200000 */
    int64_t batch_interval_ns; /* and after so much time: 10 s */
    int64_t batch_size_max;    /* and after so many bytes: 64 MiB */
    size_t dead_letter_bytes_max;
    int64_t dead_letters_keep_ns; /* of their bytes; 0: for ever */

    bool has_archive;
    struct archive_config archive;

    struct topic_config *topics;
    size_t topic_count;
    struct service_config service_default; /* name empty */
    struct service_config *services;
    size_t service_count;
    struct contract *contracts;
    size_t contract_count;
    struct service_wanted *wanted; /* a row for each service of which anything is */
    size_t wanted_count;
    struct slo *slos;
    size_t slo_count;
};

/* Reads and checks the whole file. ERR_CONFIG with "FILE:LINE:COLUMN: what". The caller owns the result. */
enum err_code config_read(const char *path, struct config **ret_config, struct err *err);
/* Only its section "contracts": the rest may hold anything that is YAML, also secrets and files that are not here. */
enum err_code config_read_contracts(const char *path, struct config **ret_config, struct err *err);
/* All but that section, of which there may be thousands: they may hold anything that is YAML. */
enum err_code config_read_others(const char *path, struct config **ret_config, struct err *err);
/* config_read from memory; name stands for the file in messages. For tests, fuzzing and the demo. */
enum err_code config_parse(struct str text, const char *name, struct config **ret_config,
                           struct err *err);
void config_free(struct config *config);
/* Appends the content of the file to text, at most CONF_SIZE_MAX bytes. ERR_CONFIG. */
enum err_code config_read_text(const char *path, struct strbuf *text, struct err *err);
/* Where the store is and how long it is waited for, as db_open wants it. *ret_server lives as long as *options is used. ERR_CONFIG if the
 * configuration names none. */
enum err_code config_store(const struct config *config, struct db_options *options,
                           struct db_server *ret_server, struct err *err);
/* Rules of that service, or the defaults. Never NULL. */
const struct service_config *config_service(const struct config *config, struct str name);
/* The same for stages that ask by a function: context is the configuration. */
const struct grading_rules *config_rules(void *context, struct str name);
/* Gives the topic's schema files to the finder. ERR_CONFIG. */
enum err_code topic_schemas_add(const struct topic_config *topic, struct schema_finder *finder,
                                struct err *err);
/* As it stands in the file. */
const char *topic_framing_name(enum framing framing);
/* NULL if there is none. With several versions of one id: the first one. */
const struct contract *config_contract(const struct config *config, struct str id);
const struct slo *config_slo(const struct config *config, struct str id);

#endif
