#include "consumers/catalog.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/plain_name.h"

void catalog_init(struct catalog *catalog, bool discover, uint32_t service_count_max,
                  int64_t latency_threshold_default_ns)
{
    *catalog = (struct catalog){.discover = discover,
                                .service_count_max = service_count_max,
                                .latency_threshold_default_ns = latency_threshold_default_ns};
    intern_init(&catalog->names);
    intern_init(&catalog->wanting);
}

void catalog_release(struct catalog *catalog)
{
    intern_release(&catalog->names);
    intern_release(&catalog->wanting);
    memory_free(catalog->services);
    memory_free(catalog->wanted);
    catalog->services = NULL;
    catalog->wanted = NULL;
}

void catalog_want(struct catalog *catalog, struct str service,
                  const struct particulars_wanted *wanted)
{
    uint32_t number = intern_add(&catalog->wanting, service);

    CHECK(catalog->names.count == 0);
    catalog->wanted =
        memory_resize(catalog->wanted, catalog->wanting.count, sizeof(catalog->wanted[0]));
    catalog->wanted[number] = wanted;
}

void catalog_declare(struct catalog *catalog, struct str service, int64_t latency_threshold_ns)
{
    uint32_t number = intern_add(&catalog->names, service);
    uint32_t wanting;

    catalog->services =
        memory_resize(catalog->services, catalog->names.count, sizeof(catalog->services[0]));
    catalog->services[number] = (struct catalog_service){
        .latency_threshold_ns = latency_threshold_ns,
        .wanted =
            intern_find(&catalog->wanting, service, &wanting) ? catalog->wanted[wanting] : NULL,
        .plain = plain_name(service)};
}

bool catalog_find_plain(const struct catalog *catalog, struct str service, uint32_t *ret_number)
{
    return intern_find(&catalog->names, service, ret_number) &&
           catalog->services[*ret_number].plain;
}

void catalog_tell(const struct catalog *catalog, uint32_t number, struct event *event)
{
    event->service_number = number + 1;
    event->latency_threshold_ns = catalog->services[number].latency_threshold_ns;
    event->wanted = catalog->services[number].wanted;
}

enum err_code catalog_resolve(struct catalog *catalog, struct event *event,
                              enum verdict *ret_verdict, struct err *err)
{
    uint32_t number;

    if (intern_find(&catalog->names, event->service, &number)) {
        catalog_tell(catalog, number, event);
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
    catalog_tell(catalog, catalog->names.count - 1, event);
    return ERR_OK;
}
