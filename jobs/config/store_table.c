/*
 * The section "store": a file of SQLite, or a database of PostgreSQL.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

static const struct conf_choice tls_choices[] = {{"off", DB_TLS_OFF, false},
                                                 {"verify-ca", DB_TLS_VERIFY_CA, false},
                                                 {"verify-full", DB_TLS_VERIFY_FULL, false},
                                                 {NULL, 0, false}};

static const struct conf_row server_rows[] = {
    {.key = "host",
     .type = CONF_TEXT,
     .required = true,
     CONF_FIELD(struct store_server, host, struct str),
     .maximum = 1024,
     .help = "name, address, or the folder of the socket"},
    {.key = "port",
     .type = CONF_INTEGER,
     CONF_FIELD(struct store_server, port, int),
     .fallback = "5432",
     .minimum = 1,
     .maximum = 65535,
     .help = "of the server, or in the name of the socket"},
    {.key = "database",
     .type = CONF_NAME,
     .required = true,
     CONF_FIELD(struct store_server, database, struct str),
     .maximum = 63,
     .help = "is there already, with the encoding UTF8"},
    {.key = "schema",
     .type = CONF_NAME,
     CONF_FIELD(struct store_server, schema, struct str),
     .fallback = "public",
     .maximum = 63,
     .help = "where the tables are; made if it is missing"},
    {.key = "user",
     .type = CONF_NAME,
     CONF_FIELD(struct store_server, user, struct str),
     .maximum = 63,
     .help = "default: the user who runs the program"},
    {.key = "password",
     .type = CONF_SECRET,
     CONF_FIELD(struct store_server, password, struct str),
     .help = "of the user"},
    {.key = "tls",
     .type = CONF_ENUM,
     CONF_FIELD(struct store_server, tls, enum db_tls),
     .choices = tls_choices,
     CONF_PRESENT(struct store_server, has_tls),
     .situational = true,
     .help = "default: off for sockets and this machine, else verify-full; verify-ca accepts any "
             "name in the certificate"},
    {.key = "ca_file",
     .type = CONF_PATH,
     CONF_FIELD(struct store_server, ca_file, struct str),
     .help = "certificates to trust instead of the system's"},
    {.key = "cert_file",
     .type = CONF_PATH,
     CONF_FIELD(struct store_server, cert_file, struct str),
     .help = "our own certificate, if the server wants one"},
    {.key = "key_file",
     .type = CONF_PATH,
     CONF_FIELD(struct store_server, key_file, struct str),
     .help = "its key"},
};

/* Where nobody on the way can listen. */
static bool is_local(struct str host)
{
    return host.data[0] == '/' || str_equal(host, STR("localhost")) ||
           str_equal(host, STR("::1")) || str_starts_with(host, STR("127."));
}

static enum err_code check_server(struct conf_reader *reader, const struct conf_node *node,
                                  void *target, struct err *err)
{
    struct store_server *server = target;

    if (!server->has_tls) {
        server->tls = is_local(server->host) ? DB_TLS_OFF : DB_TLS_VERIFY_FULL;
    }
    if (server->tls == DB_TLS_OFF && !is_local(server->host)) {
        return conf_error(reader, conf_child(node, "tls"), err,
                          "tls: off is for sockets and this machine; over a network verify-ca or "
                          "verify-full is wanted");
    }
    if (server->host.data[0] == '/' && server->tls != DB_TLS_OFF) {
        return conf_error(reader, conf_child(node, "tls"), err, "tls: a socket has none");
    }
    if ((server->cert_file.size > 0) != (server->key_file.size > 0)) {
        return conf_error(reader, node, err,
                          "postgresql: \"cert_file\" and \"key_file\" belong together");
    }
    return ERR_OK;
}

static const struct conf_table server_table = {
    .name = "postgresql", CONF_ROWS(server_rows), .check = check_server};

static const struct conf_row store_rows[] = {
    {.key = "sqlite",
     .type = CONF_PATH,
     CONF_FIELD(struct config, store_path, struct str),
     .help = "file of the store; this or postgresql"},
    {.key = "postgresql",
     .type = CONF_TABLE,
     .offset = offsetof(struct config, store_server),
     .size = sizeof(struct store_server),
     .table = &server_table,
     CONF_PRESENT(struct config, has_store_server),
     .situational = true,
     .help = "database of the store, for several machines"},
    {.key = "lock_wait",
     .type = CONF_DURATION,
     CONF_FIELD(struct config, lock_wait_ns, int64_t),
     .fallback = "60s",
     .maximum = NS_PER_DAY,
     .help = "how long to wait for another run, or for a server that is away, before giving up"},
};

static enum err_code check_store(struct conf_reader *reader, const struct conf_node *node,
                                 void *target, struct err *err)
{
    const struct config *config = target;

    /* Without the section there is no node, and a command that needs a store says so. */
    if (node == NULL || (config->store_path.size > 0) != config->has_store_server) {
        return ERR_OK;
    }
    return conf_error(reader, node, err, "store: one of \"sqlite\" and \"postgresql\" is wanted");
}

const struct conf_table store_table = {
    .name = "store", CONF_ROWS(store_rows), .check = check_store};

static const char *text_or_null(struct str text)
{
    return text.size > 0 ? text.data : NULL;
}

enum err_code config_store(const struct config *config, struct db_options *options,
                           struct db_server *ret_server, struct err *err)
{
    const struct store_server *server = &config->store_server;

    options->lock_wait_ns = config->lock_wait_ns;
    if (config->store_path.size > 0) {
        options->path = config->store_path.data; /* texts of the configuration end with a NUL */
        return ERR_OK;
    }
    if (!config->has_store_server) {
        return err_set(err, ERR_CONFIG, "%.*s: this command needs store.sqlite or store.postgresql",
                       STR_ARGS(config->path));
    }
    *ret_server = (struct db_server){.host = server->host.data,
                                     .port = server->port,
                                     .database = server->database.data,
                                     .schema = server->schema.data,
                                     .user = text_or_null(server->user),
                                     .password = text_or_null(server->password),
                                     .tls = server->tls,
                                     .ca_file = text_or_null(server->ca_file),
                                     .cert_file = text_or_null(server->cert_file),
                                     .key_file = text_or_null(server->key_file)};
    options->server = ret_server;
    return ERR_OK;
}
