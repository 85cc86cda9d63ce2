#include <strings.h>

#include "base/check.h"
#include "consumers/source.h"

/* Settings on which exactly-once or the safety of the connection rests. */
static const struct {
    const char *name;
    const char *value; /* the only one that is allowed; NULL: none is */
    const char *reason;
} refusals[] = {
    {"bootstrap.servers", NULL, "it has its own key, cluster.bootstrap_servers"},
    {"metadata.broker.list", NULL, "it has its own key, cluster.bootstrap_servers"},
    {"group.id", NULL, "it has its own key, cluster.group"},
    {"enable.auto.commit", NULL, "offsets are committed to the store, with the figures"},
    {"auto.commit.enable", NULL, "offsets are committed to the store, with the figures"},
    {"enable.auto.offset.store", NULL, "offsets are committed to the store, with the figures"},
    {"offset.store.method", NULL, "offsets are committed to the store, with the figures"},
    {"isolation.level", NULL, "records of aborted transactions must never be counted"},
    {"auto.offset.reset", NULL, "expired records are reported, never skipped"},
    {"enable.partition.eof", NULL, "the end of a partition must be seen"},
    {"partition.assignment.strategy", NULL, "only range is safe with this librdkafka"},
    {"client.rack", NULL, "reading from followers crashes this librdkafka"},
    {"enable.ssl.certificate.verification", "true", "certificates are always verified"},
    {"ssl.endpoint.identification.algorithm", "https", "host names are always verified"},
    {"transactional.id", NULL, "nothing is written in transactions of Kafka"},
    {"plugin.library.paths", NULL, "foreign code is not loaded"},
    {"ssl.engine.location", NULL, "foreign code is not loaded"},
    {"test.mock.num.brokers", NULL, "it replaces the brokers by a toy"},
    {"log.queue", NULL, "log lines are read where they arise"},
    {"log.thread.name", NULL, "log lines are part of messages"},
};

const char *source_property_refusal(const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        if (strcmp(name, refusals[i].name) == 0 &&
            (refusals[i].value == NULL || strcasecmp(value, refusals[i].value) != 0)) {
            return refusals[i].reason;
        }
    }
    return NULL;
}
