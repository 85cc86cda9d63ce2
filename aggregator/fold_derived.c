#include "aggregator/fold_derived.h"

#include "base/check.h"

static struct window_minute totals(const struct window_tally *tally)
{
    struct window_minute sum = {0};

    for (int i = 0; i < TALLY_MINUTES; i++) {
        sum.records += tally->minutes[i].records;
        sum.total += tally->minutes[i].total;
        sum.errors += tally->minutes[i].errors;
        sum.slow += tally->minutes[i].slow;
        sum.no_latency += tally->minutes[i].no_latency;
    }
    return sum;
}

/* service, customer, hour or day, and the five sums, as parameters 2 to 9 of both roll-ups. */
static void bind_rollup(struct db_stmt *stmt, const struct fold_change *change, int64_t time,
                        const struct window_minute *sum)
{
    db_bind_int64(stmt, 1, change->book_id);
    db_bind_text(stmt, 2, change->key->a);
    db_bind_text(stmt, 3, change->key->b);
    db_bind_int64(stmt, 4, time);
    db_bind_int64(stmt, 5, sum->records);
    db_bind_int64(stmt, 6, sum->total);
    db_bind_int64(stmt, 7, sum->errors);
    db_bind_int64(stmt, 8, sum->slow);
    db_bind_int64(stmt, 9, sum->no_latency);
}

static void bind_quantile(struct db_stmt *stmt, int index, const struct histogram *latency,
                          int per_mille)
{
    if (histogram_count(latency) == 0) {
        db_bind_null(stmt, index);
    } else {
        db_bind_int64(stmt, index, histogram_quantile_ns(latency, per_mille));
    }
}

static enum err_code write_rollup_hour(struct db *db, const struct fold_change *change,
                                       struct err *err)
{
    struct window_minute sum = totals(&change->merged.window);
    const struct histogram *latency = &change->merged.window.latency;
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO rollup_hour (book_id, service, customer, hour, records, total, errors, slow, "
        "no_latency, latency_p50_ns, latency_p95_ns, latency_p99_ns) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) "
        "ON CONFLICT (book_id, service, customer, hour) DO UPDATE SET "
        "records = excluded.records, total = excluded.total, errors = excluded.errors, "
        "slow = excluded.slow, no_latency = excluded.no_latency, "
        "latency_p50_ns = excluded.latency_p50_ns, latency_p95_ns = excluded.latency_p95_ns, "
        "latency_p99_ns = excluded.latency_p99_ns",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_rollup(stmt, change, change->key->hour, &sum);
    bind_quantile(stmt, 10, latency, 500);
    bind_quantile(stmt, 11, latency, 950);
    bind_quantile(stmt, 12, latency, 990);
    return db_run(stmt, NULL, err);
}

/* Days before 1970 round down as well. */
static int64_t day_of(int64_t hour)
{
    return hour / 24 - (hour % 24 < 0);
}

static enum err_code add_rollup_day(struct db *db, const struct fold_change *change,
                                    struct err *err)
{
    struct window_minute sum = totals(&change->delta.window);
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO rollup_day (book_id, service, customer, day, records, total, errors, slow, "
        "no_latency) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
        "ON CONFLICT (book_id, service, customer, day) DO UPDATE SET "
        "records = rollup_day.records + excluded.records, "
        "total = rollup_day.total + excluded.total, "
        "errors = rollup_day.errors + excluded.errors, "
        "slow = rollup_day.slow + excluded.slow, "
        "no_latency = rollup_day.no_latency + excluded.no_latency",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    bind_rollup(stmt, change, day_of(change->key->hour), &sum);
    return db_run(stmt, NULL, err);
}

static int64_t first_minute(const struct fold_change *change)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if (change->key->kind == TALLY_WINDOW ? change->delta.window.minutes[i].records > 0
                                              : change->delta.check.minutes[i].records > 0) {
            return change->key->hour * TALLY_MINUTES + i;
        }
    }
    CHECK(!"a tally without records");
    return 0;
}

static enum err_code note_service(struct db *db, const struct fold_change *change, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(
        db,
        "INSERT INTO service (book_id, service, first_minute, has_requests, has_checks) "
        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (book_id, service) DO UPDATE SET "
        "first_minute = CASE WHEN excluded.first_minute < service.first_minute "
        "THEN excluded.first_minute ELSE service.first_minute END, "
        "has_requests = CASE WHEN excluded.has_requests = 1 THEN 1 ELSE service.has_requests END, "
        "has_checks = CASE WHEN excluded.has_checks = 1 THEN 1 ELSE service.has_checks END "
        "WHERE excluded.first_minute < service.first_minute OR "
        "excluded.has_requests > service.has_requests OR "
        "excluded.has_checks > service.has_checks",
        &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, change->book_id);
    db_bind_text(stmt, 2, change->key->a);
    db_bind_int64(stmt, 3, first_minute(change));
    db_bind_int64(stmt, 4, change->key->kind == TALLY_WINDOW);
    db_bind_int64(stmt, 5, change->key->kind == TALLY_CHECK);
    return db_run(stmt, NULL, err);
}

static enum err_code mark_service(struct db *db, const struct fold_change *change, struct err *err)
{
    struct db_stmt *stmt;
    /* Only known services: a tally without records may come before the one that makes its service known. */
    enum err_code code = db_prepare(db,
                                    "INSERT INTO regrade (book_id, service, hour) "
                                    "SELECT book_id, service, $3 FROM service "
                                    "WHERE book_id = $1 AND service = $2 "
                                    "ON CONFLICT (book_id, service, hour) DO NOTHING",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, change->book_id);
    db_bind_text(stmt, 2, change->key->a);
    db_bind_int64(stmt, 3, change->key->hour);
    return db_run(stmt, NULL, err);
}

/* Minutes in which a topic or a checker turned out to be alive give their names of unknown time to services that were
 * silent then, so all that existed may grade differently. */
static enum err_code mark_all_services(struct db *db, const struct fold_change *change,
                                       struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code =
        db_prepare(db,
                   "INSERT INTO regrade (book_id, service, hour) "
                   "SELECT book_id, service, $2 FROM service WHERE book_id = $1 AND "
                   "first_minute < $3 ON CONFLICT (book_id, service, hour) DO NOTHING",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, change->book_id);
    db_bind_int64(stmt, 2, change->key->hour);
    db_bind_int64(stmt, 3, (change->key->hour + 1) * TALLY_MINUTES);
    return db_run(stmt, NULL, err);
}

enum err_code fold_derive(struct db *db, const struct fold_change *change, struct err *err)
{
    enum err_code code = ERR_OK;

    if (change->key->kind == TALLY_ACTIVITY) {
        return change->merged.activity.minutes != change->old_activity
                   ? mark_all_services(db, change, err)
                   : ERR_OK;
    }
    /* Nothing but the offsets of duplicates: they may name one more topic for the service, and that is all. */
    if (tally_records(change->key->kind, &change->delta) == 0) {
        return mark_service(db, change, err);
    }
    if (change->key->kind == TALLY_WINDOW) {
        code = write_rollup_hour(db, change, err);
        if (code == ERR_OK) {
            code = add_rollup_day(db, change, err);
        }
    }
    if (code == ERR_OK) {
        code = note_service(db, change, err);
    }
    if (code == ERR_OK) {
        code = mark_service(db, change, err);
    }
    return code;
}
