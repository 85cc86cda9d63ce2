/* Days of services say what their hours say; whether rows are those that were written, audit_rows.c says. */
#include <inttypes.h>

#include "aggregator/audit_parts.h"
#include "aggregator/service_day.h"
#include "aggregator/windows.h"

enum { DERIVED_SIZE_MAX = 8 << 20 };

/* Damage of an hour has its own finding. */
static enum err_code check_day(struct audit *audit, struct str service, int64_t day,
                               struct str packed, struct strbuf *derived, struct err *err)
{
    struct err damage = ERR_INIT;
    bool whole = false;
    enum err_code code;

    strbuf_clear(derived);
    code = service_day_derive(audit->db, audit->book_id, service, day, derived, &whole, &damage);
    if (code == ERR_OK && (!whole || !str_equal(packed, strbuf_view(derived)))) {
        audit_find(audit, "service_day %.*s %" PRId64 ": differs from its hours", STR_ARGS(service),
                   day);
    }
    if (code != ERR_OK && code != ERR_MISMATCH) {
        *err = damage;
        return code;
    }
    return ERR_OK;
}

/* What stands for hours that are not all graded, or that wait to be, is either too early or does not count. */
static enum err_code check_row(struct audit *audit, struct db_stmt *stmt, struct strbuf *derived,
                               struct err *err)
{
    struct str service = db_column_text(stmt, 0);
    int64_t day = db_column_int64(stmt, 1);
    enum day_state state = DAY_MARKED;
    enum err_code code = ERR_OK;

    if (day < 0 || day > DAY_MAX) {
        audit_find(audit, "service_day %.*s %" PRId64 ": no day", STR_ARGS(service), day);
        return ERR_OK;
    }
    code = service_day_state(audit->db, audit->book_id, service, day, &state, err);
    if (code == ERR_OK && state == DAY_UNGRADED) {
        audit_find(audit, "service_day %.*s %" PRId64 ": not all of its hours have grades",
                   STR_ARGS(service), day);
    } else if (code == ERR_OK && state == DAY_READY) {
        code = check_day(audit, service, day, db_column_blob(stmt, 2), derived, err);
    }
    return code;
}

static enum err_code check_service(struct audit *audit, struct str service, struct strbuf *derived,
                                   struct err *err)
{
    struct db_stmt *stmt;
    bool row;
    enum err_code code = audit_prepare(audit,
                                       "SELECT service, day, packed FROM service_day WHERE"
                                       " book_id = $1 AND service = $2 ORDER BY day",
                                       &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 2, service);
    while (code == ERR_OK && (code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = check_row(audit, stmt, derived, err);
    }
    db_reset(stmt);
    return code;
}

enum err_code audit_days(struct audit *audit, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct strbuf derived;
    struct str *services;
    size_t count = 0;
    enum err_code code =
        windows_services(audit->db, audit->book_id, &arena, &services, &count, err);

    strbuf_init(&derived, DERIVED_SIZE_MAX);
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        code = check_service(audit, services[i], &derived, err);
    }
    strbuf_release(&derived);
    arena_release(&arena);
    return code;
}
