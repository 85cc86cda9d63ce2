/* The connection to PostgreSQL: how it is made, when it is made again, and what its errors mean to us. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/db_postgres.h"
#include "base/memory.h"

enum {
    WORDS_SIZE_MAX = 16 * 1024,
    WORDS_MAX = 24,
    SET_UP_SIZE_MAX = 4096,
    VERSION_MIN = 120000,
    IDLE_LIMIT_S = 10, /* a worker that was stopped inside a transaction holds the others so long */
    RETRY_PAUSE_MS = 250
};

/* libpq 15 knows no roots of the system. */
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

/* What every session of ours is like. A network that was cut is noticed within half a minute. */
static const char *const fixed_words[] = {
    "client_encoding",  "UTF8",  "application_name",    "uptally", "connect_timeout",  "10",
    "keepalives_idle",  "10",    "keepalives_interval", "5",       "keepalives_count", "3",
    "tcp_user_timeout", "25000",
};

static const char *const tls_words[] = {
    [DB_TLS_OFF] = "disable",
    [DB_TLS_VERIFY_CA] = "verify-ca",
    [DB_TLS_VERIFY_FULL] = "verify-full",
};

static void add_word(struct strbuf *words, const char *keyword, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        strbuf_append(words, str_of(keyword, strlen(keyword) + 1));
        strbuf_append(words, str_of(value, strlen(value) + 1));
    }
}

static void describe_link(struct postgres_db *db, const struct db_server *server)
{
    struct strbuf *words = &db->words;
    char port[16];

    (void)snprintf(port, sizeof(port), "%d", server->port);
    add_word(words, "host", server->host);
    add_word(words, "port", server->port > 0 ? port : NULL);
    add_word(words, "dbname", server->database);
    add_word(words, "user", server->user);
    add_word(words, "password", server->password);
    add_word(words, "sslmode", tls_words[server->tls]);
    add_word(words, "ssl_min_protocol_version", "TLSv1.2");
    if (server->tls != DB_TLS_OFF) {
        add_word(words, "sslrootcert", server->ca_file != NULL ? server->ca_file : SYSTEM_ROOTS);
    }
    add_word(words, "sslcert", server->cert_file);
    add_word(words, "sslkey", server->key_file);
    for (size_t i = 0; i < ARRAY_COUNT(fixed_words); i += 2) {
        add_word(words, fixed_words[i], fixed_words[i + 1]);
    }
}

void postgres_add_identifier(struct strbuf *text, const char *name)
{
    strbuf_append_char(text, '"');
    for (const char *c = name; *c != '\0'; c++) {
        strbuf_append_text(text, *c == '"' ? "\"\"" : (char[]){*c, '\0'});
    }
    strbuf_append_char(text, '"');
}

static void describe_session(struct postgres_db *db, const struct db_options *options)
{
    struct strbuf *text = &db->set_up;
    const char *schema = options->server->schema;
    int64_t wait_ms = options->lock_wait_ns / NS_PER_MS;

    /* 0 would mean for ever. */
    wait_ms = wait_ms < 1 ? 1 : wait_ms > INT32_MAX ? INT32_MAX : wait_ms;
    strbuf_append_format(text,
                         "SET synchronous_commit = on; SET TimeZone = 'UTC'; SET jit = off; "
                         "SET default_transaction_isolation = 'read committed'; "
                         "SET idle_in_transaction_session_timeout = '%ds'; "
                         "SET lock_timeout = %" PRId64 "; SET default_transaction_read_only = %s",
                         (int)IDLE_LIMIT_S, wait_ms, options->read_only ? "on" : "off");
    if (schema == NULL || schema[0] == '\0') {
        return;
    }
    strbuf_append_text(text, "; SET search_path = ");
    postgres_add_identifier(text, schema);
}

enum err_code postgres_describe(struct postgres_db *db, const struct db_options *options,
                                struct err *err)
{
    const struct db_server *server = options->server;
    const char *database = server->database != NULL ? server->database : "";

    strbuf_init(&db->words, WORDS_SIZE_MAX);
    strbuf_init(&db->set_up, SET_UP_SIZE_MAX);
    if (libpq_open(err) != ERR_OK) {
        return err->code;
    }
    describe_link(db, server);
    describe_session(db, options);
    (void)snprintf(db->name, sizeof(db->name), "%s%s%s", server->host != NULL ? server->host : "",
                   server->host != NULL ? "/" : "", database);
    if (db->words.overflow || db->set_up.overflow) {
        return err_set(err, ERR_CONFIG, "store %s: a text of the connection is too long", db->name);
    }
    return ERR_OK;
}

bool postgres_broken(const struct postgres_db *db)
{
    return db->link == NULL || PQstatus(db->link) != CONNECTION_OK;
}

/* libpq's texts have several lines; one is enough, and it must not be a password. */
static void first_line(const char *text, char *ret_line, size_t size)
{
    size_t length;

    while (*text == ' ' || *text == '\n') {
        text++;
    }
    length = strcspn(text, "\n");
    length = length < size - 1 ? length : size - 1;
    memcpy(ret_line, text, length);
    ret_line[length] = '\0';
}

struct state_row {
    const char *state; /* an SQLSTATE, or its class of two characters */
    enum err_code code;
    bool retriable;
    const char *words;  /* instead of the server's; NULL: the server's are good */
    const char *prefix; /* of them; NULL: none */
};

/* https://www.postgresql.org/docs/15/errcodes-appendix.html; the first row that fits. */
static const struct state_row states[] = {
    {"40001", ERR_STORE, true, "the transaction met another one and has to be repeated", NULL},
    {"40P01", ERR_STORE, true, "the transaction and another one waited for each other", NULL},
    {"55P03", ERR_FENCED, true, "locked by another run", NULL},
    {"53100", ERR_STORE, true, "the disk of the server is full", NULL},
    {"53", ERR_STORE, true, NULL, NULL}, /* memory, connections */
    {"57014", ERR_STORE, true, NULL, NULL},
    {"57P", ERR_STORE, true, NULL, NULL}, /* shutdown, crash of another session, start-up */
    {"25P03", ERR_STORE, true, "the server ended a transaction that had been idle for too long",
     NULL},
    {"25006", ERR_STORE, true, "the server takes no writes: it is a standby, or read-only", NULL},
    {"08", ERR_STORE, true, NULL, NULL},
    {"42501", ERR_STORE, false, NULL, NULL},
    {"23", ERR_STORE, false, NULL, " refuses a row"},
};

static const struct state_row *find_state(const char *state)
{
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        if (strncmp(state, states[i].state, strlen(states[i].state)) == 0) {
            return &states[i];
        }
    }
    return NULL;
}

static const char *state_of(const PGresult *result)
{
    const char *state = result != NULL ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;

    return state != NULL ? state : "";
}

enum err_code postgres_fail(struct postgres_db *db, const PGresult *result, struct err *err)
{
    const char *primary =
        result != NULL ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const struct state_row *row = find_state(state_of(result));
    enum err_code code = row != NULL ? row->code : ERR_STORE;
    char line[300];

    first_line(primary != NULL    ? primary
               : db->link != NULL ? PQerrorMessage(db->link)
                                  : "",
               line, sizeof(line));
    if (row != NULL && row->words != NULL) {
        (void)snprintf(line, sizeof(line), "%s", row->words);
    }
    if ((row != NULL && row->retriable) || (row == NULL && postgres_broken(db))) {
        return err_set_retriable(err, code, "store %s: %s", db->name,
                                 line[0] != '\0' ? line : "the connection was lost");
    }
    return err_set(err, code, "store %s%s: %s", db->name,
                   row != NULL && row->prefix != NULL ? row->prefix : "", line);
}

/* A server that ends a session says so in the place of an answer, perhaps behind the commit. Plain errors come in front of it. */
bool postgres_outcome_unknown(const struct postgres_db *db, const PGresult *result)
{
    const char *severity =
        result != NULL ? PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) : NULL;

    return postgres_broken(db) || severity == NULL || strcmp(severity, "ERROR") != 0;
}

static enum err_code check_server(struct postgres_db *db, struct err *err)
{
    const char *encoding = PQparameterStatus(db->link, "server_encoding");

    if (PQserverVersion(db->link) < VERSION_MIN) {
        return err_set(err, ERR_STORE, "store %s: PostgreSQL %d is too old; 12 is needed", db->name,
                       PQserverVersion(db->link) / 10000);
    }
    if (encoding == NULL || strcmp(encoding, "UTF8") != 0) {
        return err_set(err, ERR_STORE,
                       "store %s: the database's encoding is %s; create it with ENCODING 'UTF8'",
                       db->name, encoding != NULL ? encoding : "unknown");
    }
    return ERR_OK;
}

static enum err_code set_up_session(struct postgres_db *db, struct err *err)
{
    PGresult *result;
    enum err_code code = check_server(db, err);

    if (code != ERR_OK) {
        return code;
    }
    result = PQexec(db->link, strbuf_text(&db->set_up));
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        code = postgres_fail(db, result, err);
    }
    PQclear(result);
    return code;
}

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

static PGconn *dial(const struct postgres_db *db)
{
    const char *keywords[WORDS_MAX], *values[WORDS_MAX];
    const char *word = db->words.data;
    size_t count = 0;

    while (word < db->words.data + db->words.size) {
        CHECK(count < WORDS_MAX - 1);
        keywords[count] = word;
        values[count] = word + strlen(word) + 1;
        word = values[count] + strlen(values[count]) + 1;
        count++;
    }
    keywords[count] = values[count] = NULL;
    return PQconnectdbParams(keywords, values, 0);
}

enum err_code postgres_connect(struct postgres_db *db, struct err *err)
{
    enum err_code code = ERR_OK;

    if (!postgres_broken(db)) {
        return ERR_OK;
    }
    postgres_put_aside(db); /* whose rows were under way shall not take the cut for their end */
    PQfinish(db->link);
    db->queue_count = 0;
    db->link = dial(db);
    CHECK(db->link != NULL);
    db->session++;
    (void)PQsetNoticeReceiver(db->link, ignore_notice, NULL);
    if (PQstatus(db->link) != CONNECTION_OK) {
        code = postgres_fail(db, NULL, err);
    } else {
        code = set_up_session(db, err);
    }
    if (code != ERR_OK) {
        PQfinish(db->link);
        db->link = NULL;
    }
    return code;
}

/* A password that is wrong stays wrong; libpq tells it from a server that is not there only by its words, so both are tried again,
 * but not when the program starts: db_open makes one attempt. */
bool postgres_try_again(struct postgres_db *db, int64_t *since_ns, struct err *err)
{
    int64_t now_ns = clock_monotonic_ns(db->waiting);

    if (!err->retriable || err->code != ERR_STORE || !postgres_broken(db)) {
        return false;
    }
    if (db->stopped != NULL && db->stopped()) {
        (void)err_set(err, ERR_INTERRUPTED, "stopped while waiting for store %s", db->name);
        return false;
    }
    /* The first time at once: a server that was restarted in the meantime is there again. */
    if (*since_ns == INT64_MIN) {
        *since_ns = now_ns;
        return true;
    }
    if (now_ns - *since_ns >= db->lock_wait_ns) {
        return false;
    }
    clock_sleep_ns(db->waiting, RETRY_PAUSE_MS * NS_PER_MS);
    return true;
}
