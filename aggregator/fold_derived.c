#include "aggregator/fold_derived.h"

#include "base/check.h"

void fold_derived_init(struct fold_derived *derived, struct db *db, int64_t book_id)
{
    *derived = (struct fold_derived){.db = db, .book_id = book_id};
}

static struct window_minute totals(const struct window_tally *tally)
{
    struct window_minute sum = {0};

    for (int i = 0; i < TALLY_MINUTES; i++) {
        window_minute_add(&sum, &tally->minutes[i]);
    }
    return sum;
}

/* service, customer, hour or day, and the five sums, as parameters 2 to 9 of both roll-ups. */
static void bind_rollup(struct db_stmt *stmt, int64_t book_id, struct str service,
                        struct str customer, int64_t time, const struct window_minute *sum)
{
    db_bind_int64(stmt, 1, book_id);
    db_bind_text(stmt, 2, service);
    db_bind_text(stmt, 3, customer);
    db_bind_int64(stmt, 4, time);
    db_bind_int64(stmt, 5, sum->records);
    db_bind_int64(stmt, 6, sum->total);
    db_bind_int64(stmt, 7, sum->errors);
    db_bind_int64(stmt, 8, sum->slow);
    db_bind_int64(stmt, 9, sum->no_latency);
}

/* As parameters 10 to 12. */
static void bind_quantiles(struct db_stmt *stmt, const struct histogram *latency)
{
    static const int per_mille[] = {500, 950, 990};
    int64_t quantiles_ns[ARRAY_COUNT(per_mille)];
    bool empty = histogram_count(latency) == 0;

    histogram_quantiles_ns(latency, per_mille, quantiles_ns, ARRAY_COUNT(per_mille));
    for (int i = 0; i < (int)ARRAY_COUNT(per_mille); i++) {
        if (empty) {
            db_bind_null(stmt, 10 + i);
        } else {
            db_bind_int64(stmt, 10 + i, quantiles_ns[i]);
        }
    }
}

static enum err_code write_rollup_hour(struct db *db, int64_t book_id, const struct tally_key *key,
                                       const struct window_tally *window,
                                       const struct window_minute *sum, struct err *err)
{
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
    bind_rollup(stmt, book_id, key->a, key->b, key->hour, sum);
    bind_quantiles(stmt, &window->latency);
    return db_run(stmt, NULL, err);
}

enum err_code fold_write_rollup_hour(struct db *db, int64_t book_id, const struct tally_key *key,
                                     const struct window_tally *window, struct err *err)
{
    struct window_minute sum = totals(window);

    return write_rollup_hour(db, book_id, key, window, &sum, err);
}

/* Days before 1970 round down as well. */
static int64_t day_of(int64_t hour)
{
    return hour / 24 - (hour % 24 < 0);
}

/* += the sums that were kept of a day. */
static enum err_code write_rollup_day(struct fold_derived *derived, struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code;

    if (!derived->day.any) {
        return ERR_OK;
    }
    derived->day.any = false;
    code = db_prepare(
        derived->db,
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
    bind_rollup(stmt, derived->book_id, derived->day.service, derived->day.customer,
                derived->day.day, &derived->day.sum);
    return db_run(stmt, NULL, err);
}

static enum err_code add_rollup_day(struct fold_derived *derived, const struct fold_change *change,
                                    const struct window_minute *sum, struct err *err)
{
    const struct tally_key *key = change->key;
    int64_t day = day_of(key->hour);
    enum err_code code = ERR_OK;

    if (derived->day.day != day || !str_equal(derived->day.service, key->a) ||
        !str_equal(derived->day.customer, key->b)) {
        code = write_rollup_day(derived, err);
    }
    if (!derived->day.any) {
        derived->day.any = true;
        derived->day.service = key->a;
        derived->day.customer = key->b;
        derived->day.day = day;
        derived->day.sum = (struct window_minute){.records = 0};
    }
    window_minute_add(&derived->day.sum, sum);
    return code;
}

static int64_t first_minute(const struct fold_change *change)
{
    for (int i = 0; i < TALLY_MINUTES; i++) {
        if (change->key->kind == TALLY_WINDOW ? change->delta->window.minutes[i].records > 0
                                              : change->delta->check.minutes[i].records > 0) {
            return change->key->hour * TALLY_MINUTES + i;
        }
    }
    CHECK(!"a tally without records");
    return 0;
}

/* True if the store says all of this of the service already. */
static bool is_known(const struct fold_derived *derived, struct str service, int64_t minute,
                     bool requests, bool checks)
{
    return derived->known.any && str_equal(derived->known.service, service) &&
           derived->known.first_minute <= minute && (derived->known.has_requests || !requests) &&
           (derived->known.has_checks || !checks);
}

static enum err_code note_service(struct fold_derived *derived, const struct fold_change *change,
                                  struct err *err)
{
    bool requests = change->key->kind == TALLY_WINDOW;
    bool checks = change->key->kind == TALLY_CHECK;
    int64_t minute = first_minute(change);
    struct db_stmt *stmt;
    enum err_code code;

    if (is_known(derived, change->key->a, minute, requests, checks)) {
        return ERR_OK;
    }
    code = db_prepare(
        derived->db,
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
    db_bind_int64(stmt, 1, derived->book_id);
    db_bind_text(stmt, 2, change->key->a);
    db_bind_int64(stmt, 3, minute);
    db_bind_int64(stmt, 4, requests);
    db_bind_int64(stmt, 5, checks);
    derived->known.any = true;
    derived->known.service = change->key->a;
    derived->known.first_minute = minute;
    derived->known.has_requests = requests;
    derived->known.has_checks = checks;
    return db_run(stmt, NULL, err);
}

static enum err_code mark_service(struct fold_derived *derived, const struct fold_change *change,
                                  struct err *err)
{
    const struct tally_key *key = change->key;
    struct db_stmt *stmt;
    enum err_code code;

    if (derived->marked.any && derived->marked.hour == key->hour &&
        str_equal(derived->marked.service, key->a)) {
        return ERR_OK;
    }
    code = db_prepare(derived->db,
                      "INSERT INTO regrade (book_id, service, hour) VALUES ($1, $2, $3) "
                      "ON CONFLICT (book_id, service, hour) DO NOTHING",
                      &stmt, err);
    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, derived->book_id);
    db_bind_text(stmt, 2, key->a);
    db_bind_int64(stmt, 3, key->hour);
    derived->marked.any = true;
    derived->marked.service = key->a;
    derived->marked.hour = key->hour;
    return db_run(stmt, NULL, err);
}

/* A tally without records may come before the one that makes its service known. */
static enum err_code mark_if_known(struct fold_derived *derived, const struct fold_change *change,
                                   struct err *err)
{
    struct db_stmt *stmt;
    enum err_code code = db_prepare(derived->db,
                                    "INSERT INTO regrade (book_id, service, hour) "
                                    "SELECT book_id, service, $3 FROM service "
                                    "WHERE book_id = $1 AND service = $2 "
                                    "ON CONFLICT (book_id, service, hour) DO NOTHING",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, derived->book_id);
    db_bind_text(stmt, 2, change->key->a);
    db_bind_int64(stmt, 3, change->key->hour);
    return db_run(stmt, NULL, err);
}

/* Minutes in which a topic or a checker turned out to be alive give their names of unknown time to services that were
 * silent then, so all that existed may grade differently. */
enum err_code fold_mark_all_services(struct db *db, int64_t book_id, int64_t hour, struct err *err)
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
    db_bind_int64(stmt, 1, book_id);
    db_bind_int64(stmt, 2, hour);
    db_bind_int64(stmt, 3, (hour + 1) * TALLY_MINUTES);
    return db_run(stmt, NULL, err);
}

/* A window or a check with records. */
static enum err_code derive_hour(struct fold_derived *derived, const struct fold_change *change,
                                 struct err *err)
{
    enum err_code code = ERR_OK;

    if (change->key->kind == TALLY_WINDOW) {
        struct window_minute added = totals(&change->delta->window);
        struct window_minute sum =
            change->merged == change->delta ? added : totals(&change->merged->window);

        code = write_rollup_hour(derived->db, derived->book_id, change->key,
                                 &change->merged->window, &sum, err);
        if (code == ERR_OK) {
            code = add_rollup_day(derived, change, &added, err);
        }
    }
    if (code == ERR_OK) {
        code = note_service(derived, change, err);
    }
    if (code == ERR_OK) {
        code = mark_service(derived, change, err);
    }
    return code;
}

enum err_code fold_derive(struct fold_derived *derived, const struct fold_change *change,
                          struct err *err)
{
    if (change->key->kind == TALLY_ACTIVITY) {
        return change->merged->activity.minutes != change->old_activity
                   ? fold_mark_all_services(derived->db, derived->book_id, change->key->hour, err)
                   : ERR_OK;
    }
    /* Nothing but the offsets of duplicates: they may name one more topic for the service, and that is all. */
    if (tally_records(change->key->kind, change->delta) == 0) {
        return mark_if_known(derived, change, err);
    }
    return derive_hour(derived, change, err);
}

enum err_code fold_derived_end(struct fold_derived *derived, struct err *err)
{
    return write_rollup_day(derived, err);
}
