/* The table `service` has no checksum: everything in it follows from the windows. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "base/check.h"
#include "base/memory.h"

static struct audit_service *find_service(struct audit *audit, struct str name)
{
    /* Windows come sorted by service, so it is nearly always the last one. */
    for (size_t i = audit->service_count; i > 0; i--) {
        if (str_equal(audit->services[i - 1].name, name)) {
            return &audit->services[i - 1];
        }
    }
    return NULL;
}

static struct audit_service *add_service(struct audit *audit, struct str name)
{
    size_t count = audit->service_count;

    if ((count & (count - 1)) == 0) {
        audit->services =
            memory_resize(audit->services, count == 0 ? 1 : count * 2, sizeof(audit->services[0]));
    }
    audit->services[count] =
        (struct audit_service){.name = arena_str(&audit->arena, name), .first_minute = INT64_MAX};
    audit->service_count++;
    return &audit->services[count];
}

void audit_note_service(struct audit *audit, const struct tally_key *key, const struct tally *tally)
{
    struct audit_service *service = find_service(audit, key->a);
    int64_t minute;
    int first = 0;

    if (service == NULL) {
        service = add_service(audit, key->a);
    }
    service->has_requests = service->has_requests || key->kind == TALLY_WINDOW;
    service->has_checks = service->has_checks || key->kind == TALLY_CHECK;
    while (first < TALLY_MINUTES &&
           (key->kind == TALLY_WINDOW ? tally->window.minutes[first].records
                                      : tally->check.minutes[first].records) == 0) {
        first++;
    }
    if (first < TALLY_MINUTES && !__builtin_mul_overflow(key->hour, TALLY_MINUTES, &minute) &&
        !__builtin_add_overflow(minute, first, &minute) && minute < service->first_minute) {
        service->first_minute = minute;
    }
}

enum err_code audit_services(struct audit *audit, struct err *err)
{
    struct db_stmt *stmt;
    size_t rows = 0;
    bool row;
    enum err_code code = audit_prepare(audit,
                                       "SELECT service, first_minute, has_requests, has_checks "
                                       "FROM service WHERE book_id = $1 ORDER BY service",
                                       &stmt, err);

    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        const struct audit_service *service = find_service(audit, db_column_text(stmt, 0));

        rows++;
        if (service == NULL || db_column_int64(stmt, 1) != service->first_minute ||
            db_column_int64(stmt, 2) != service->has_requests ||
            db_column_int64(stmt, 3) != service->has_checks) {
            audit_find(audit, "service %.*s: differs from what its windows show",
                       STR_ARGS(db_column_text(stmt, 0)));
        }
    }
    if (code == ERR_OK && rows < audit->service_count) {
        audit_find(audit, "service: %zu of %zu services that have windows are missing",
                   audit->service_count - rows, audit->service_count);
    }
    return code;
}
