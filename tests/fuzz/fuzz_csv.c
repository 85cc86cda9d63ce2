/*
 * CSV files of unknown origin. The first byte chooses the kind of file: windows, windows with times, states, announcements.
 *
 * A file is read, or refused with its name, a line and a reason; windows are the same whether their rows are taken as they come or sorted first.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "jobs/evaluate/announcements.h"
#include "jobs/evaluate/coverage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PATH_SIZE = 32 };

static const struct sorter_options small = {.rows_max = 4, .runs_max = 2, .read_size = 128};

/* What the minutes of all services come to, whatever the order of the services. */
struct sums {
    int64_t services, rows, requests;
    uint64_t hash;
};

static void give(void *context, const struct minutes_of_service *minutes)
{
    struct sums *sums = context;
    struct coverage coverage = {0};

    sums->services++;
    for (size_t i = 0; i < minutes->count; i++) {
        const struct count_row *row = &minutes->rows[i];

        CHECK(i == 0 || row[-1].minute_s < row->minute_s);
        CHECK(row->minute_s % 60 == 0);
        CHECK(row->counts.total > 0);
        CHECK(row->counts.errors <= row->counts.total);
        CHECK(row->counts.slow <= row->counts.total - row->counts.errors);
        sums->rows++;
        sums->requests += row->counts.total;
        sums->hash += str_hash(str_of((const char *)row, sizeof(*row)));
        if (minutes->times != NULL) {
            sums->hash +=
                str_hash(str_of((const char *)&minutes->times[i], sizeof(minutes->times[i])));
        }
    }
    coverage_of_minutes(&coverage, minutes, NULL, 0, 0, 86400);
    CHECK(coverage.count > 0);
    coverage_release(&coverage);
}

static void restart(void *context)
{
    *(struct sums *)context = (struct sums){0};
}

static void check_error(const struct err *err, const char *path)
{
    CHECK(err->code == ERR_DATA);
    CHECK(str_starts_with(STR(err->text), STR(path)));
    CHECK(err->text[strlen(path)] == ':');
}

static bool read_windows(const char *path, struct roster *roster, bool times, bool sorted,
                         struct sums *ret_sums)
{
    const struct minutes_sink sink = {.give = give, .restart = restart, .context = ret_sums};
    struct err err = ERR_INIT;
    struct windows windows;

    *ret_sums = (struct sums){0};
    if (windows_open(&windows, path, roster, times, NULL, &err) == ERR_OK) {
        if (sorted) {
            windows.sheet.csv.start = -1; /* as if it could not be read again */
        }
        (void)minutes_read(&windows, &small, &sink, &err);
        windows_close(&windows);
    }
    if (err.code != ERR_OK) {
        check_error(&err, path);
    }
    return err.code == ERR_OK;
}

static void check_windows(const char *path, struct roster *roster, bool times)
{
    struct sums as_they_come, sorted;
    bool good = read_windows(path, roster, times, false, &as_they_come);

    CHECK(read_windows(path, roster, times, true, &sorted) == good);
    CHECK(!good || memcmp(&as_they_come, &sorted, sizeof(sorted)) == 0);
}

static void check_states(const char *path, struct roster *roster)
{
    struct states states = {0};
    struct err err = ERR_INIT;

    if (states_read(path, roster, NULL, &states, &err) != ERR_OK) {
        check_error(&err, path);
        return;
    }
    for (size_t service = 0; service < roster_count(roster); service++) {
        size_t count;
        const struct stated *rows = states_of(&states, service, &count);
        struct coverage coverage = {0};

        for (size_t i = 0; i < count; i++) {
            CHECK(rows[i].row.from_s < rows[i].row.to_s);
            CHECK(i == 0 || rows[i - 1].row.to_s <= rows[i].row.from_s);
        }
        coverage_of_states(&coverage, rows, count);
        coverage_of_minutes(&coverage, NULL, rows, count, 0, 86400);
        CHECK((coverage.count > 0) == (count > 0));
        coverage_release(&coverage);
    }
    states_release(&states);
}

static void check_announcements(const char *path, struct roster *roster)
{
    struct announcement_input *rows = NULL;
    struct arena arena = ARENA_INIT;
    struct err err = ERR_INIT;
    size_t count = 0;

    if (announcements_read(path, roster, 0, INT64_C(4000000000), NULL, &arena, &rows, &count,
                           &err) != ERR_OK) {
        check_error(&err, path);
    }
    for (size_t i = 0; i < count; i++) {
        CHECK(rows[i].from_ns < rows[i].to_ns);
        CHECK(rows[i].id > 1);
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str services[] = {STR("api"), STR("portal")};
    const struct contract contract = {.services = services, .service_count = 2};
    struct roster roster;
    char path[PATH_SIZE];
    int fd;

    if (size < 1) {
        return 0;
    }
    fd = memfd_create("rows", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data + 1, size - 1) == (ssize_t)(size - 1));
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    roster_init(&roster, &contract);
    if (data[0] % 4 < 2) {
        check_windows(path, &roster, data[0] % 4 == 1);
    } else if (data[0] % 4 == 2) {
        check_states(path, &roster);
    } else {
        check_announcements(path, &roster);
    }
    roster_release(&roster);
    (void)close(fd);
    return 0;
}
