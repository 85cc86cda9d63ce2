/*
 * What contracts want of their services beyond counts, service by service. All contracts and all their versions ask: events of the time of an old
 * version still come late.
 */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/intern.h"
#include "jobs/config/tables.h"

/* Each event of the service is held against all of them. */
enum { LIMITS_MAX = 32 };

static bool wants(const struct contract *contract)
{
    struct particulars_wanted wanted = contract_wanted(contract);

    return wanted.times || wanted.limit_count > 0;
}

static int compare_limits(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;

    return (*x > *y) - (*x < *y);
}

static void add_limit(struct arena *arena, struct particulars_wanted *wanted, int64_t limit_ns)
{
    size_t count = wanted->limit_count;
    int64_t *limits_ns;

    for (size_t i = 0; i < count; i++) {
        if (wanted->limits_ns[i] == limit_ns) {
            return;
        }
    }
    limits_ns = arena_calloc(arena, count + 1, sizeof(limits_ns[0]));
    if (count > 0) {
        memcpy(limits_ns, wanted->limits_ns, count * sizeof(limits_ns[0]));
    }
    limits_ns[count] = limit_ns;
    qsort(limits_ns, count + 1, sizeof(limits_ns[0]), compare_limits);
    wanted->limits_ns = limits_ns;
    wanted->limit_count++;
}

static enum err_code add_contract(struct config *config, const struct contract *contract,
                                  struct intern *names, struct err *err)
{
    struct particulars_wanted more = contract_wanted(contract);

    for (size_t i = 0; i < contract->service_count; i++) {
        struct service_wanted *service = &config->wanted[intern_add(names, contract->services[i])];

        service->service = contract->services[i];
        service->wanted.times = service->wanted.times || more.times;
        for (size_t k = 0; k < more.limit_count; k++) {
            add_limit(&config->arena, &service->wanted, more.limits_ns[k]);
        }
        if (service->wanted.limit_count > LIMITS_MAX) {
            return err_set(
                err, ERR_CONFIG,
                "%.*s:%d: contract \"%.*s\": service \"%.*s\" has percentiles of latency "
                "with more than %d different limits",
                STR_ARGS(config->path), contract->line, STR_ARGS(contract->id),
                STR_ARGS(service->service), LIMITS_MAX);
        }
    }
    return ERR_OK;
}

enum err_code config_find_wanted(struct config *config, struct err *err)
{
    struct intern names;
    size_t room = 0;
    enum err_code code = ERR_OK;

    intern_init(&names);
    for (size_t i = 0; i < config->contract_count; i++) {
        room += wants(&config->contracts[i]) ? config->contracts[i].service_count : 0;
    }
    config->wanted = arena_calloc(&config->arena, room + 1, sizeof(config->wanted[0]));
    for (size_t i = 0; i < config->contract_count && code == ERR_OK; i++) {
        if (wants(&config->contracts[i])) {
            code = add_contract(config, &config->contracts[i], &names, err);
        }
    }
    config->wanted_count = names.count;
    intern_release(&names);
    return code;
}
