/*
 * uptally status: the grades now, in the terminal. Now is complete-until: what lies behind it is not known yet.
 */
#include <inttypes.h>
#include <string.h>

#include "aggregator/fold.h"
#include "aggregator/rebuild.h"
#include "aggregator/windows.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"
#include "jobs/command.h"
#include "jobs/commands/missing.h"
#include "jobs/label.h"
#include "jobs/ui.h"

enum { STRIP_MINUTES = 60, NAME_COLUMNS_MAX = 40, DOCUMENT_SIZE_MAX = 256 * 1024 * 1024 };

enum { OPTION_FORMAT };

static const struct option_row rows[] = {
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "table|json",
                       .fallback = "table",
                       .help = "for people or for programs"},
    {.name = NULL},
};

struct service_status {
    struct str name;
    enum grade now;
    enum grade strip[STRIP_MINUTES]; /* the last minute is now */
};

struct open_incident {
    struct str service;
    int64_t first_minute;
    enum grade worst;
    struct str level;
};

struct status {
    struct missing missing;
    struct rebuild rebuilds[REBUILDS_MAX]; /* that are open */
    size_t rebuild_count;
    bool complete; /* false: nothing is complete yet, the strips are empty */
    int64_t complete_until_ns;
    int64_t lag_ns; /* behind the clock of this machine */
    struct service_status *services;
    size_t service_count;
    struct open_incident *incidents;
    size_t incident_count;
};

/* --- reading, in one snapshot; everything in arena --- */

/* The strip ends with the last complete minute; what it has no minutes for is blank. */
static void fill_strip(struct service_status *service, const uint8_t *grades, int count)
{
    for (int i = 0; i < STRIP_MINUTES; i++) {
        int at = i - (STRIP_MINUTES - count);

        service->strip[i] = at < 0 ? GRADE_NOT_PROVISIONED : (enum grade)grades[at];
    }
    service->now = service->strip[STRIP_MINUTES - 1];
}

static enum err_code read_services(struct run *run, struct arena *arena, struct status *status,
                                   struct err *err)
{
    int64_t to_minute = status->complete ? status->complete_until_ns / NS_PER_MINUTE : 0;
    int64_t from_minute = to_minute > STRIP_MINUTES ? to_minute - STRIP_MINUTES : 0;
    struct service_grades *services;
    enum err_code code = windows_grades(run->db, run->book_id, from_minute, to_minute, arena,
                                        &services, &status->service_count, err);

    if (code != ERR_OK) {
        return code;
    }
    status->services = arena_calloc(arena, status->service_count, sizeof(*status->services));
    for (size_t i = 0; i < status->service_count; i++) {
        status->services[i].name = services[i].service;
        fill_strip(&status->services[i], services[i].grades, (int)(to_minute - from_minute));
    }
    return ERR_OK;
}

static enum err_code take_incident(struct db_stmt *stmt, struct arena *arena, struct status *status,
                                   struct err *err)
{
    int64_t worst = db_column_int64(stmt, 2);

    if (worst < 0 || worst >= GRADE_COUNT) {
        return err_set(err, ERR_MISMATCH, "incident: %" PRId64 " is no grade", worst);
    }
    CHECK(status->incident_count < status->service_count); /* one of a service, in one snapshot */
    status->incidents[status->incident_count++] =
        (struct open_incident){arena_str(arena, db_column_text(stmt, 0)), db_column_int64(stmt, 1),
                               (enum grade)worst, arena_str(arena, db_column_text(stmt, 3))};
    return ERR_OK;
}

/* One that lasts is its service's last. What is over is not looked at: those that last have an index. */
static enum err_code read_incidents(struct run *run, struct arena *arena, struct status *status,
                                    struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(run->db,
                   "SELECT i.service, i.first_minute, i.worst, i.level FROM incident i"
                   " WHERE i.book_id = $1 AND i.end_minute IS NULL"
                   " AND i.first_minute = (SELECT MAX(l.first_minute) FROM incident l"
                   " WHERE l.book_id = $1 AND l.service = i.service)"
                   " AND EXISTS (SELECT 1 FROM service s WHERE s.book_id = $1"
                   " AND s.service = i.service) ORDER BY i.level, i.service",
                   &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    status->incidents = arena_calloc(arena, status->service_count, sizeof(*status->incidents));
    db_bind_int64(stmt, 1, run->book_id);
    while ((code = db_step(stmt, &row, err)) == ERR_OK && row) {
        code = take_incident(stmt, arena, status, err);
        if (code != ERR_OK) {
            break;
        }
    }
    db_reset(stmt);
    return code;
}

static enum err_code read_status(struct run *run, struct arena *arena, struct status *status,
                                 struct err *err)
{
    enum err_code code =
        fold_complete_until(run->db, run->book_id, &status->complete_until_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    status->complete = status->complete_until_ns >= NS_PER_MINUTE;
    status->lag_ns =
        status->complete ? clock_now_ns(run->clock) - status->complete_until_ns : INT64_MAX;
    if (missing_read(run, arena, &status->missing, err) != ERR_OK ||
        rebuild_list(run->db, run->book_id, status->rebuilds, &status->rebuild_count, err) !=
            ERR_OK) {
        return err->code;
    }
    code = read_services(run, arena, status, err);
    return code == ERR_OK ? read_incidents(run, arena, status, err) : code;
}

/* --- for people --- */

/* The four known grades in colour; unknown time is dim, so that it never looks like good news. */
static const char *color_of(enum grade grade)
{
    static const char *const colors[] = {"\033[32m", "\033[33m", "\033[91m", "\033[1;31m"};

    return grade_row(grade)->known ? colors[grade] : "\033[2m";
}

static void print_grade(FILE *out, enum grade grade, const char *text, bool color)
{
    if (color) {
        (void)fputs(color_of(grade), out);
    }
    (void)fputs(text, out);
    if (color) {
        (void)fputs("\033[0m", out);
    }
}

static void print_strip(FILE *out, const enum grade strip[STRIP_MINUTES], bool color)
{
    char symbols[STRIP_MINUTES];

    for (int i = 0; i < STRIP_MINUTES; i++) {
        symbols[i] = grade_row(strip[i])->symbol[0];
        if (color) {
            print_grade(out, strip[i], grade_row(strip[i])->symbol, true);
        }
    }
    if (!color) { /* one call for all: a call for each would cost more than reading them */
        (void)fwrite(symbols, 1, STRIP_MINUTES, out);
    }
}

static size_t name_columns(const struct status *status)
{
    size_t columns = 7;

    for (size_t i = 0; i < status->service_count; i++) {
        size_t count = label_columns(status->services[i].name);

        columns = count > columns ? count : columns;
    }
    return columns < NAME_COLUMNS_MAX ? columns : NAME_COLUMNS_MAX;
}

/* Each grade with its symbol, as wide as the widest: formatted once for all services. */
struct grade_words {
    char texts[GRADE_COUNT][32];
};

static struct grade_words grade_words(void)
{
    struct grade_words words;

    for (int g = 0; g < GRADE_COUNT; g++) {
        const struct grade_row *row = grade_row((enum grade)g);

        (void)snprintf(words.texts[g], sizeof(words.texts[g]), "  %s %-20s", row->symbol,
                       row->title);
    }
    return words;
}

static void print_service(FILE *out, const struct service_status *service, size_t columns,
                          const struct grade_words *words, bool color)
{
    label_print(out, service->name, columns);
    print_grade(out, service->now, words->texts[service->now], color);
    (void)fputs("  ", out);
    print_strip(out, service->strip, color);
    (void)fputc('\n', out);
}

static void print_duration(FILE *out, int64_t duration_ns)
{
    int64_t minutes = duration_ns / NS_PER_MINUTE;

    if (minutes >= 48 * 60) {
        (void)fprintf(out, "%" PRId64 " days", minutes / (24 * 60));
    } else if (minutes >= 120) {
        (void)fprintf(out, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
    } else {
        (void)fprintf(out, "%" PRId64 " min", minutes);
    }
}

static void print_incidents(FILE *out, const struct status *status, size_t columns, bool color)
{
    char text[CIVIL_TEXT_SIZE];

    if (status->incident_count == 0) {
        (void)fputs("\nNo open incident.\n", out);
        return;
    }
    (void)fputs("\nOpen incidents:\n", out);
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct open_incident *incident = &status->incidents[i];

        (void)fprintf(out, "  %.*s  ", STR_ARGS(incident->level));
        label_print(out, incident->service, columns);
        (void)fputs("  ", out);
        print_grade(out, incident->worst, grade_row(incident->worst)->title, color);
        (void)fprintf(out, ", since %s (",
                      civil_format_rfc3339(incident->first_minute * NS_PER_MINUTE, text));
        print_duration(out, status->complete_until_ns - incident->first_minute * NS_PER_MINUTE);
        (void)fputs(")\n", out);
    }
}

static void print_rebuilds(FILE *out, const struct status *status)
{
    for (size_t i = 0; i < status->rebuild_count; i++) {
        (void)fprintf(out, "\nA rebuild of %s is open: rebuild --month %s goes on with it.\n",
                      status->rebuilds[i].month, status->rebuilds[i].month);
    }
}

static void print_legend(FILE *out)
{
    (void)fputs("\nSymbols:", out);
    for (int g = 0; g < GRADE_COUNT; g++) {
        const struct grade_row *row = grade_row((enum grade)g);

        if (g != GRADE_NOT_PROVISIONED) {
            (void)fprintf(out, "%s %s %s", g > 0 ? "," : "", row->symbol, row->title);
        }
    }
    (void)fputs(", blank Not provisioned\n", out);
}

static void print_table(FILE *out, const struct status *status, bool color)
{
    const struct grade_words words = grade_words();
    char text[CIVIL_TEXT_SIZE];
    size_t columns;

    if (!status->complete) {
        (void)fputs("Nothing is complete yet: run uptally consume, then uptally aggregate.\n", out);
    } else {
        (void)fprintf(out, "Complete until %s, ",
                      civil_format_rfc3339(status->complete_until_ns, text));
        if (status->lag_ns >= 0) {
            print_duration(out, status->lag_ns);
            (void)fputs(" behind the clock\n\n", out);
        } else {
            (void)fputs("ahead of the clock\n\n", out);
        }
    }
    if (status->service_count == 0) {
        (void)fputs("No service has had an event.\n", out);
        missing_print(out, &status->missing);
        print_rebuilds(out, status);
        return;
    }
    columns = name_columns(status);
    label_print(out, STR("Service"), columns);
    (void)fprintf(out, "  %-22s  Last %d minutes\n", "Grade", STRIP_MINUTES);
    for (size_t i = 0; i < status->service_count; i++) {
        print_service(out, &status->services[i], columns, &words, color);
    }
    print_incidents(out, status, columns, color);
    missing_print(out, &status->missing);
    print_rebuilds(out, status);
    print_legend(out);
}

/* --- for programs --- */

static void write_rebuilds(struct json_writer *json, const struct status *status)
{
    json_open_array(json, "rebuilds");
    for (size_t i = 0; i < status->rebuild_count; i++) {
        json_text(json, NULL, status->rebuilds[i].month);
    }
    json_close(json);
}

static void write_services(struct json_writer *json, const struct status *status)
{
    json_open_array(json, "services");
    for (size_t i = 0; i < status->service_count; i++) {
        const struct service_status *service = &status->services[i];

        json_open_object(json, NULL);
        json_text(json, "grade", grade_row(service->now)->name);
        json_open_array(json, "minutes");
        for (int m = 0; m < STRIP_MINUTES; m++) {
            json_text(json, NULL, grade_row(service->strip[m])->name);
        }
        json_close(json);
        json_str(json, "service", service->name);
        json_close(json);
    }
    json_close(json);
}

static void write_incidents(struct json_writer *json, const struct status *status)
{
    char text[CIVIL_TEXT_SIZE];

    json_open_array(json, "incidents");
    for (size_t i = 0; i < status->incident_count; i++) {
        const struct open_incident *incident = &status->incidents[i];

        json_open_object(json, NULL);
        json_text(json, "from", civil_format_rfc3339(incident->first_minute * NS_PER_MINUTE, text));
        json_str(json, "level", incident->level);
        json_str(json, "service", incident->service);
        json_text(json, "worst", grade_row(incident->worst)->name);
        json_close(json);
    }
    json_close(json);
}

static enum err_code print_json(FILE *out, const struct status *status, struct err *err)
{
    char text[CIVIL_TEXT_SIZE];
    struct json_writer json;
    struct strbuf document;
    bool written;

    strbuf_init(&document, DOCUMENT_SIZE_MAX);
    json_init(&json, &document, true);
    json_open_object(&json, NULL);
    if (status->complete) {
        json_text(&json, "complete_until", civil_format_rfc3339(status->complete_until_ns, text));
    } else {
        json_nothing(&json, "complete_until");
    }
    write_incidents(&json, status);
    if (status->complete) {
        json_int64(&json, "lag_seconds", status->lag_ns / NS_PER_SECOND);
    } else {
        json_nothing(&json, "lag_seconds");
    }
    missing_write(&json, &status->missing);
    write_rebuilds(&json, status);
    write_services(&json, status);
    json_int64(&json, "version", 1);
    json_close(&json);
    json_finish(&json);
    written = !document.overflow && fwrite(document.data, 1, document.size, out) == document.size;
    strbuf_release(&document);
    return written ? ERR_OK : err_set(err, ERR_FAILED, "the status could not be written");
}

static enum err_code run_status(struct run *run, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct status status = {0};
    enum err_code code = db_begin_snapshot(run->db, err);

    if (code == ERR_OK) {
        code = read_status(run, &arena, &status, err);
        db_rollback(run->db);
    }
    if (code == ERR_OK && run->options[OPTION_FORMAT].number == 0) {
        print_table(run->out, &status, ui_color_output());
    } else if (code == ERR_OK) {
        code = print_json(run->out, &status, err);
    }
    arena_release(&arena);
    return code;
}

const struct command command_status = {
    .name = "status",
    .group = "Read",
    .summary = "the grades now, the last hour and open incidents, in the terminal",
    .usage = "[CONFIG] [options]",
    .examples = "uptally status uptally.yaml\n"
                "uptally status uptally.yaml --format json\n"
                "watch --color uptally status uptally.yaml --color always",
    .help = "Now is complete-until: the time up to which every event has been read and folded.",
    .options = rows,
    .needs = NEEDS_STORE_READ | NEEDS_BOOK | NEEDS_NO_CONTRACTS,
    .run = run_status,
};
