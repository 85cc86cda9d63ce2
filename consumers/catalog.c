#include "consumers/catalog.h"

#include <inttypes.h>

#include "base/memory.h"

void catalog_init(struct catalog *catalog, bool discover, uint32_t service_count_max,
                  int64_t latency_threshold_default_ns)
{
    *catalog = (struct catalog){.discover = discover,
                                .service_count_max = service_count_max,
                                .latency_threshold_default_ns = latency_threshold_default_ns};
    intern_init(&catalog->names);
}

void catalog_release(struct catalog *catalog)
{
    intern_release(&catalog->names);
    memory_free(catalog->latency_threshold_ns);
    catalog->latency_threshold_ns = NULL;
}

void catalog_declare(struct catalog *catalog, struct str service, int64_t latency_threshold_ns)
{
    uint32_t number = intern_add(&catalog->names, service);

    catalog->latency_threshold_ns =
        memory_resize(catalog->latency_threshold_ns, catalog->names.count, sizeof(int64_t));
    catalog->latency_threshold_ns[number] = latency_threshold_ns;
}

enum err_code catalog_resolve(struct catalog *catalog, struct event *event,
                              enum verdict *ret_verdict, struct err *err)
{
    uint32_t number;

    if (intern_find(&catalog->names, event->service, &number)) {
        event->service_number = number + 1;
        event->latency_threshold_ns = catalog->latency_threshold_ns[number];
        return ERR_OK;
    }
    if (!catalog->discover) {
        *ret_verdict = VERDICT_UNDECLARED_SERVICE;
        return ERR_OK;
    }
    if (catalog->names.count >= catalog->service_count_max) {
        return err_set(err, ERR_DATA,
                       "service \"%.*s\" is one more than service_limit %" PRIu32
                       " allows; raise the limit, or declare the services if names are wrong",
                       STR_ARGS(event->service), catalog->service_count_max);
    }
    catalog_declare(catalog, event->service, catalog->latency_threshold_default_ns);
    event->service_number = catalog->names.count;
    event->latency_threshold_ns = catalog->latency_threshold_default_ns;
    return ERR_OK;
}
