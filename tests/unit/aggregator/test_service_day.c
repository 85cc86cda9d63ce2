/*
 * Days of services: they say what their hours say, whatever came when; what is late, damaged or half done is read from hours.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aggregator/audit.h"
#include "aggregator/grading.h"
#include "aggregator/windows.h"
#include "base/memory.h"
#include "tests/unit/aggregator/world.h"

enum { DAYS = 5, HOURS = DAYS * DAY_HOURS, MINUTES = DAYS * DAY_MINUTES, EVENTS = 400 };

#define START_HOUR (BOOK_START_NS / NS_PER_HOUR)
#define START_DAY (START_HOUR / DAY_HOURS)

static const char *const services[] = {"both", "checked", "late", "requested"};

static const struct grading_rules *rules_of(void *context, struct str service)
{
    static const struct grading_rules sharp = {1, {1, 2}, {1, 20}, {1, 10}, 0};

    (void)context;
    (void)service;
    return &sharp;
}

static enum err_code grade(struct fold *fold, int64_t minute, struct err *err)
{
    return grading_run(fold,
                       &(struct grading_options){.db = fold->options.db,
                                                 .book_id = 1,
                                                 .until_ns = BOOK_START_NS + minute * NS_PER_MINUTE,
                                                 .rules = rules_of},
                       err);
}

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK) {
        fail_msg("%s", err->text);
    }
}

/* A stretch as its readers see it. */
struct view {
    uint8_t grades[MINUTES];
    bool incomplete[MINUTES];
    struct window_minute minutes[MINUTES]; /* of hours that came as hours */
    struct window_minute sum;
    struct offset_coverage coverage;
    int64_t from_hour, next_minute;
    int days;
};

static void push(struct view *view, uint8_t grade, bool incomplete)
{
    assert_true(view->next_minute < MINUTES);
    view->grades[view->next_minute] = grade;
    view->incomplete[view->next_minute++] = incomplete;
}

static enum err_code take_hour(void *context, const struct service_hour *hour, struct err *err)
{
    struct view *view = context;

    (void)err;
    assert_int_equal(hour->hour, view->from_hour + view->next_minute / TALLY_MINUTES);
    for (int i = 0; i < TALLY_MINUTES; i++) {
        view->minutes[view->next_minute] = hour->minutes[i];
        window_minute_add(&view->sum, &hour->minutes[i]);
        push(view, hour->grades[i], (hour->incomplete >> i & 1) != 0);
    }
    return ERR_OK;
}

static bool any_day(void *context, int64_t day)
{
    (void)context;
    (void)day;
    return true;
}

static bool even_days(void *context, int64_t day)
{
    (void)context;
    return day % 2 == 0;
}

static enum err_code take_day(void *context, int64_t day, const struct service_day *sums,
                              struct err *err)
{
    struct view *view = context;
    int64_t start = view->next_minute;

    (void)err;
    view->days++;
    assert_int_equal(day * DAY_HOURS, view->from_hour + start / TALLY_MINUTES);
    for (size_t i = 0; i < sums->run_count; i++) {
        for (int m = 0; m < sums->runs[i].minutes; m++) {
            push(view, sums->runs[i].grade, false);
        }
    }
    assert_int_equal(view->next_minute, start + DAY_MINUTES);
    for (size_t i = 0; i < sums->incomplete_count; i++) {
        for (int m = sums->incomplete[i].from; m < sums->incomplete[i].to; m++) {
            view->incomplete[start + m] = true;
        }
    }
    window_minute_add(&view->sum, &sums->sum);
    return ERR_OK;
}

static struct view *read_view(struct book *book, const char *service, int64_t from, int64_t to,
                              const int64_t cover[2], bool hours_only,
                              bool (*whole)(void *context, int64_t day))
{
    struct view *view = memory_calloc(1, sizeof(*view));
    struct err err = ERR_INIT;
    const struct windows_reading reading = {.db = book->db,
                                            .book_id = 1,
                                            .service = STR(service),
                                            .from_hour = START_HOUR + from,
                                            .to_hour = START_HOUR + to,
                                            .coverage = &view->coverage,
                                            .take = take_hour,
                                            .whole = whole,
                                            .take_day = whole != NULL ? take_day : NULL,
                                            .context = view,
                                            .hours_only = hours_only};

    view->from_hour = START_HOUR + from;
    view->coverage.from_hour = START_HOUR + cover[0];
    view->coverage.to_hour = START_HOUR + cover[1];
    must(windows_read(&reading, &err), &err);
    assert_int_equal(view->next_minute, (to - from) * TALLY_MINUTES);
    return view;
}

static void release(struct view *view)
{
    offset_coverage_release(&view->coverage);
    memory_free(view);
}

static void assert_same_view(const struct view *hours, const struct view *other, bool minutes)
{
    assert_int_equal(hours->next_minute, other->next_minute);
    assert_memory_equal(hours->grades, other->grades, sizeof(hours->grades));
    assert_memory_equal(hours->incomplete, other->incomplete, sizeof(hours->incomplete));
    assert_memory_equal(&hours->sum, &other->sum, sizeof(hours->sum));
    assert_int_equal(hours->coverage.count, other->coverage.count);
    for (size_t i = 0; i < hours->coverage.count; i++) {
        assert_int_equal(hours->coverage.ranges[i].stream_id, other->coverage.ranges[i].stream_id);
        assert_int_equal(hours->coverage.ranges[i].partition, other->coverage.ranges[i].partition);
        assert_int_equal(hours->coverage.ranges[i].low, other->coverage.ranges[i].low);
        assert_int_equal(hours->coverage.ranges[i].high, other->coverage.ranges[i].high);
    }
    if (minutes) {
        assert_memory_equal(hours->minutes, other->minutes, sizeof(hours->minutes));
    }
}

/* Reads a stretch in four ways; returns how many days came as days where all might. */
static int compare(struct book *book, const char *service, int64_t from, int64_t to,
                   const int64_t cover[2])
{
    struct view *hours = read_view(book, service, from, to, cover, true, NULL);
    struct view *minutes = read_view(book, service, from, to, cover, false, NULL);
    struct view *some = read_view(book, service, from, to, cover, false, even_days);
    struct view *days = read_view(book, service, from, to, cover, false, any_day);
    int taken = days->days;

    assert_int_equal(hours->days + minutes->days, 0);
    assert_same_view(hours, minutes, true);
    assert_same_view(hours, some, false);
    assert_same_view(hours, days, false);
    release(hours);
    release(minutes);
    release(some);
    release(days);
    return taken;
}

static int compare_all(struct book *book)
{
    const int64_t all[2] = {0, HOURS};
    int taken = 0;

    for (size_t i = 0; i < ARRAY_COUNT(services); i++) {
        taken += compare(book, services[i], 0, HOURS, all);
    }
    return taken;
}

static void compare_randomly(struct book *book, struct random *random)
{
    for (int n = 0; n < 40; n++) {
        int64_t from = (int64_t)random_below(random, HOURS);
        int64_t to = from + (int64_t)random_below(random, (uint64_t)(HOURS - from) + 1);
        int64_t low = (int64_t)random_below(random, HOURS);
        int64_t cover[2] = {low, low + (int64_t)random_below(random, (uint64_t)(HOURS - low) + 1)};

        (void)compare(book, services[random_below(random, ARRAY_COUNT(services))], from, to, cover);
    }
}

static void add_event(struct book *book, struct batch *batch, struct random *random)
{
    const char *service = services[random_below(random, ARRAY_COUNT(services))];
    int32_t partition = (int32_t)random_below(random, BOOK_PARTITIONS);
    int64_t minute = (int64_t)random_below(random, MINUTES);
    bool check = strcmp(service, "checked") == 0 ||
                 (strcmp(service, "both") == 0 && random_below(random, 2) == 0);

    if (strcmp(service, "late") == 0) { /* it begins in the middle of a day */
        minute = minute < 700 ? 700 : minute;
    }
    if (check) {
        book_check(book, batch, partition, service, minute,
                   (enum outcome)(OUTCOME_PASS + random_below(random, 3)));
    } else {
        book_request(book, batch, partition, service, minute, random_below(random, 4) == 0);
    }
}

static uint64_t test_seed(void)
{
    const char *given = getenv("UPTALLY_TEST_SEED");

    return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

static void open_books(struct book *book, struct fold *fold, struct batch **ret_batch)
{
    struct err err = ERR_INIT;

    book_open(book);
    *ret_batch = book_batch(book, book->db);
    *fold = world_fold(book->db, "days", 1 << 20);
    must(fold_acquire(fold, &err), &err);
    book_request(book, *ret_batch, 0, "both", 0, false);
    book_request(book, *ret_batch, 0, "requested", 0, false);
    book_check(book, *ret_batch, 0, "checked", 0, OUTCOME_PASS);
}

static void fold_all(struct book *book, struct batch *batch, struct fold *fold)
{
    struct err err = ERR_INIT;

    must(ledger_commit(&book->ledger, batch, &err), &err);
    must(fold_run(fold, NULL, NULL, &err), &err);
}

static bool none_absent(void *context, struct str topic)
{
    (void)context;
    (void)topic;
    return true;
}

static void hear(void *context, const char *line)
{
    struct strbuf *heard = context;

    strbuf_append_text(heard, line);
    strbuf_append_char(heard, '\n');
}

/* Everything that the audit finds, a line each. */
static void audit(struct book *book, struct strbuf *ret_heard)
{
    struct audit_report report;
    struct err err = ERR_INIT;

    strbuf_init(ret_heard, 1 << 16);
    (void)audit_run(book->db, 1, none_absent, hear, ret_heard, &report, &err);
}

static void assert_sound(struct book *book)
{
    struct strbuf heard;

    audit(book, &heard);
    assert_string_equal(strbuf_text(&heard), "");
    strbuf_release(&heard);
}

/* Events in random order and pieces, graded at random moments; now and then one comes that was lost. */
static void test_days_are_their_hours(void **state)
{
    uint64_t seed = test_seed();

    (void)state;
    for (int n = 0; n < 3; n++) {
        struct random random;
        struct batch *batch;
        struct book book;
        struct fold fold;
        struct err err = ERR_INIT;

        print_message("seed %" PRIu64 "\n", seed + (uint64_t)n);
        random_init_seed(&random, seed + (uint64_t)n);
        open_books(&book, &fold, &batch);
        for (int turn = 0; turn < 8; turn++) {
            for (int i = 0; i < EVENTS; i++) {
                add_event(&book, batch, &random);
            }
            fold_all(&book, batch, &fold);
            compare_randomly(&book, &random);
            must(grade(&fold, (int64_t)random_below(&random, MINUTES), &err), &err);
            compare_randomly(&book, &random);
            assert_sound(&book);
        }
        must(grade(&fold, MINUTES, &err), &err);
        /* The first day of the one that begins in the middle of it never is one. */
        assert_int_equal(compare_all(&book), ARRAY_COUNT(services) * DAYS - 1);
        compare_randomly(&book, &random);
        assert_sound(&book);
        batch_free(batch);
        book_close(&book);
    }
}

/* Records of three hours of the third day, which were read by nobody. */
static void test_lost_records(void **state)
{
    int64_t lost_ns = BOOK_START_NS + 50 * NS_PER_HOUR;
    struct batch *batch, *loss = batch_new(0);
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;

    (void)state;
    open_books(&book, &fold, &batch);
    fold_all(&book, batch, &fold);
    must(grade(&fold, MINUTES, &err), &err);
    assert_int_equal(compare_all(&book), 3 * DAYS);
    batch_begin_partition(loss, book.requests, STR("requests"), STR(""), 2, 5);
    batch_lose(loss, book.requests, 2, 6, lost_ns, lost_ns + 3 * NS_PER_HOUR - 1);
    must(ledger_commit(&book.ledger, loss, &err), &err);
    assert_int_equal(compare_all(&book), 3 * (DAYS - 1)); /* the day waits for its grades */
    assert_sound(&book);
    must(grade(&fold, MINUTES, &err), &err);
    assert_int_equal(compare_all(&book), 3 * DAYS);
    assert_sound(&book);
    batch_free(loss);
    batch_free(batch);
    book_close(&book);
}

/* From the commit of a late event's fold on its day does not count, until the hour has its grades again. */
static void test_late_event(void **state)
{
    const int64_t all[2] = {0, HOURS};
    struct batch *batch;
    struct book book;
    struct fold fold;
    struct view *view;
    struct err err = ERR_INIT;

    (void)state;
    open_books(&book, &fold, &batch);
    fold_all(&book, batch, &fold);
    must(grade(&fold, MINUTES, &err), &err);
    assert_int_equal(compare(&book, "requested", 0, HOURS, all), DAYS);
    book_request(&book, batch, 1, "requested", 2 * DAY_MINUTES + 7, true);
    fold_all(&book, batch, &fold);
    assert_int_equal(compare(&book, "requested", 0, HOURS, all), DAYS - 1);
    view = read_view(&book, "requested", 0, HOURS, all, false, any_day);
    assert_int_equal(view->sum.errors, 1);
    release(view);
    must(grade(&fold, MINUTES, &err), &err);
    assert_int_equal(compare(&book, "requested", 0, HOURS, all), DAYS);
    view = read_view(&book, "requested", 0, HOURS, all, false, any_day);
    assert_int_equal(view->sum.errors, 1);
    assert_int_equal(view->coverage.count, 2);
    release(view);
    batch_free(batch);
    book_close(&book);
}

static bool fail_day(const char *name, void *context)
{
    int *count = context;

    return strcmp(name, "grading.day") == 0 && --*count == 0;
}

/* The row and the last of its hours are of one transaction. */
static void test_stopped_at_a_day(void **state)
{
    struct batch *batch;
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;
    int count = 1;

    (void)state;
    open_books(&book, &fold, &batch);
    fold_all(&book, batch, &fold);
    fault_set_hook(fail_day, &count);
    assert_int_equal(grade(&fold, DAY_MINUTES, &err), ERR_STORE);
    fault_set_hook(NULL, NULL);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM service_day"), 0);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM grade_hour"), 0);
    err = ERR_INIT;
    must(grade(&fold, DAY_MINUTES, &err), &err);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM service_day"), 3);
    assert_int_equal(compare_all(&book), 3);
    batch_free(batch);
    book_close(&book);
}

static void put_row(struct db *db, const char *service, int64_t day, struct str packed)
{
    struct db_stmt *stmt;
    struct err err = ERR_INIT;

    must(db_prepare(db,
                    "INSERT INTO service_day (book_id, service, day, packed, checksum) VALUES"
                    " ($1, $2, $3, $4, $5) ON CONFLICT (book_id, service, day) DO UPDATE SET"
                    " packed = excluded.packed, checksum = excluded.checksum",
                    &stmt, &err),
         &err);
    db_bind_int64(stmt, 1, 1);
    db_bind_text(stmt, 2, STR(service));
    db_bind_int64(stmt, 3, day);
    db_bind_blob(stmt, 4, packed);
    db_bind_checksum(stmt, 5);
    must(db_run(stmt, NULL, &err), &err);
}

static void assert_found(struct book *book, const char *finding)
{
    struct strbuf heard;

    audit(book, &heard);
    if (strstr(strbuf_text(&heard), finding) == NULL) {
        fail_msg("\"%s\" is not in: %s", finding, strbuf_text(&heard));
    }
    strbuf_release(&heard);
}

/* Damage costs nothing but time, and the audit names it; so it does where somebody made a row that is none. */
static void test_damage(void **state)
{
    const int64_t all[2] = {0, HOURS};
    char finding[128];
    struct batch *batch;
    struct book book;
    struct fold fold;
    struct strbuf other;
    bool whole = false;
    struct err err = ERR_INIT;

    (void)state;
    open_books(&book, &fold, &batch);
    book_request(&book, batch, 1, "both", DAY_MINUTES + 5, true);
    fold_all(&book, batch, &fold);
    must(grade(&fold, MINUTES - DAY_MINUTES, &err), &err);
    assert_sound(&book);
    assert_int_equal(compare(&book, "both", 0, HOURS, all), DAYS - 1);
    book_exec(book.db, "UPDATE service_day SET checksum = checksum + 1 WHERE service = 'both'");
    assert_int_equal(compare(&book, "both", 0, HOURS, all), 0);
    (void)snprintf(finding, sizeof(finding), "service_day both %" PRId64 ": the row was changed",
                   START_DAY + 1);
    assert_found(&book, finding);
    put_row(book.db, "requested", START_DAY, STR("\1no day"));
    assert_int_equal(compare(&book, "requested", 0, HOURS, all), DAYS - 2);
    (void)snprintf(finding, sizeof(finding), "service_day requested %" PRId64 ": differs from",
                   START_DAY);
    assert_found(&book, finding);
    /* A whole row, but of another day. */
    strbuf_init(&other, 1 << 16);
    must(service_day_derive(book.db, 1, STR("both"), START_DAY + 1, &other, &whole, &err), &err);
    assert_true(whole);
    put_row(book.db, "both", START_DAY + 2, strbuf_view(&other));
    (void)snprintf(finding, sizeof(finding), "service_day both %" PRId64 ": differs from",
                   START_DAY + 2);
    assert_found(&book, finding);
    put_row(book.db, "both", START_DAY + DAYS - 1, strbuf_view(&other));
    assert_found(&book, "not all of its hours have grades");
    put_row(book.db, "both", INT64_MIN, strbuf_view(&other));
    assert_found(&book, "no day");
    put_row(book.db, "nobody", START_DAY, strbuf_view(&other));
    assert_found(&book, "service_day: the book has no such service");
    strbuf_release(&other);
    batch_free(batch);
    book_close(&book);
}

/* A damaged hour is no reason not to grade its neighbours; the day has no row then. */
static void test_day_with_a_damaged_hour(void **state)
{
    struct batch *batch;
    struct book book;
    struct fold fold;
    struct err err = ERR_INIT;

    (void)state;
    open_books(&book, &fold, &batch);
    fold_all(&book, batch, &fold);
    must(grade(&fold, 20 * TALLY_MINUTES, &err), &err);
    book_exec(book.db, "UPDATE window_hour SET checksum = checksum + 1 WHERE a = 'requested'");
    must(grade(&fold, DAY_MINUTES, &err), &err);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM grade_hour"), 3 * DAY_HOURS);
    assert_int_equal(book_number(book.db, "SELECT count(*) FROM service_day"), 2);
    batch_free(batch);
    book_close(&book);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days_are_their_hours),
        cmocka_unit_test(test_lost_records),
        cmocka_unit_test(test_late_event),
        cmocka_unit_test(test_stopped_at_a_day),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_day_with_a_damaged_hour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
