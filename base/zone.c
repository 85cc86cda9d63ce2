#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/memory.h"

enum { CHANGES_MAX = 1200, NAME_MAX_SIZE = 64, FILE_SIZE_MAX = 64 * 1024 };

struct zone {
    char name[NAME_MAX_SIZE];
    size_t change_count; /* at least 1; changes[0] stands for all time before changes[1] */
    struct {
        int64_t utc_seconds; /* from here on */
        int32_t offset;
    } changes[];
};

/* What the file of a zone lists, and the time behind it, which its last line gives a rule for. */
struct listed {
    size_t count;
    int64_t utc_seconds[CHANGES_MAX];
};

/* A rule has two changes a year, months apart; a step must be shorter, or it would step over both. */
static const int64_t step_seconds = 28 * 86400;
/* From 1901 to 2099 each date has the same day of the week, and each year the same length, as 28 years before: so a rule repeats. */
static const int64_t cycle_seconds = INT64_C(10227) * 86400;

/* A relative name of the database: letters, digits and "_+-" in parts separated by single slashes. So it can neither climb
 * out of the folder nor be one of the rules ("EST5EDT,M3.2.0") that TZ allows as well. The twins below right/ count leap
 * seconds, which our time does not have. */
static bool name_is_sane(const char *name)
{
    size_t size = strlen(name);
    char previous = '/';

    if (size == 0 || size >= NAME_MAX_SIZE || strncmp(name, "right/", 6) == 0) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool inner = (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';

        if (!letter && (previous == '/' || !(inner || c == '/'))) {
            return false;
        }
        previous = c;
    }
    return previous != '/';
}

/* The C library silently takes UTC for a name that it does not find, so the file is looked for first. A folder opens but does not read.
 * Returns the bytes read. */
static size_t read_file(const char *name, unsigned char *bytes, size_t size_max)
{
    const char *folder = getenv("TZDIR");
    struct strbuf path;
    size_t size = 0;
    FILE *file;

    strbuf_init(&path, 4096);
    strbuf_append_text(&path, folder != NULL && folder[0] != '\0' ? folder : "/usr/share/zoneinfo");
    strbuf_append_char(&path, '/');
    strbuf_append_text(&path, name);
    file = path.overflow ? NULL : fopen(strbuf_text(&path), "re");
    strbuf_release(&path);
    if (file != NULL) {
        size = fread(bytes, 1, size_max, file);
        fclose(file);
    }
    return size;
}

static int64_t big_endian(const unsigned char *bytes, size_t size)
{
    uint64_t value = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return (int64_t)value;
}

/* RFC 8536, section 3: a header, and the counts of what follows it. */
enum { HEADER_SIZE = 44, COUNTS_AT = 20, TIMES_AT = COUNTS_AT + 12 };

static bool is_header(const unsigned char *bytes, size_t size)
{
    return size >= HEADER_SIZE && memcmp(bytes, "TZif", 4) == 0;
}

/* Bytes of the block behind the header, whose times have width bytes. */
static int64_t block_size(const unsigned char *header, int64_t width)
{
    static const int64_t widths[] = {1, 1, 4, 1, 6, 1}; /* UT, standard, leap, time, type, letter */
    int64_t size = 0;

    for (size_t i = 0; i < ARRAY_COUNT(widths); i++) {
        int64_t count = big_endian(header + COUNTS_AT + 4 * i, 4);

        size += count * (widths[i] + (i == 2 || i == 3 ? width : 0));
    }
    return size;
}

/* False: not a file of the database. Times before 1970 are left out. */
static bool read_listed(const char *name, struct listed *ret_listed)
{
    static unsigned char bytes[FILE_SIZE_MAX];
    size_t size = read_file(name, bytes, sizeof(bytes));
    size_t at = 0;
    size_t width = 4;
    int64_t count;

    ret_listed->count = 0;
    if (!is_header(bytes, size)) {
        return false;
    }
    if (bytes[4] != 0) { /* from version 2 on the same again, with times of 64 bits */
        int64_t first = block_size(bytes, 4);

        at = first >= 0 && first < (int64_t)size ? HEADER_SIZE + (size_t)first : size;
        width = 8;
        if (at > size || !is_header(bytes + at, size - at)) {
            return false;
        }
    }
    count = big_endian(bytes + at + TIMES_AT, 4);
    at += HEADER_SIZE;
    if (count < 0 || count > CHANGES_MAX || (size_t)count * width > size - at) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t time = big_endian(bytes + at + (size_t)i * width, width);

        if (time > 0) {
            ret_listed->utc_seconds[ret_listed->count++] = time;
        }
    }
    return true;
}

static int32_t system_offset(int64_t utc_seconds)
{
    time_t t = (time_t)utc_seconds;
    struct tm local;

    CHECK(localtime_r(&t, &local) != NULL);
    return (int32_t)local.tm_gmtoff;
}

/* The first second in (low, high] whose offset is not that of low; the offset of high differs. */
static int64_t find_change(int64_t low, int64_t high)
{
    int32_t before = system_offset(low);

    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (system_offset(middle) == before) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return high;
}

static void add_change(struct zone *zone, int64_t utc_seconds, int32_t offset)
{
    if (offset != zone->changes[zone->change_count - 1].offset) {
        CHECK(zone->change_count < CHANGES_MAX);
        zone->changes[zone->change_count].utc_seconds = utc_seconds;
        zone->changes[zone->change_count].offset = offset;
        zone->change_count++;
    }
}

/* The changes of the rule in (from, end]. */
static void probe(struct zone *zone, int64_t from, int64_t end)
{
    while (from < end) {
        int64_t to = from + step_seconds < end ? from + step_seconds : end;
        int32_t offset = system_offset(to);

        if (offset != zone->changes[zone->change_count - 1].offset) {
            to = find_change(from, to);
            add_change(zone, to, system_offset(to));
        }
        from = to;
    }
}

/* The changes from the first of a cycle on, again and again until the end. */
static void repeat(struct zone *zone, size_t first, int64_t end)
{
    for (size_t i = first; i < zone->change_count; i++) {
        int64_t next = zone->changes[i].utc_seconds + cycle_seconds;

        if (next > end) {
            break;
        }
        add_change(zone, next, zone->changes[i].offset);
    }
}

/* Reads the table while TZ names the zone. */
static struct zone *read_changes(const struct listed *listed)
{
    const int64_t end = civil_days(2100, 1, 1) * 86400;
    struct zone *zone = memory_calloc(1, sizeof(*zone) + CHANGES_MAX * sizeof(zone->changes[0]));
    int64_t last = 0;
    size_t first;

    zone->changes[0].utc_seconds = INT64_MIN;
    zone->changes[0].offset = system_offset(0);
    zone->change_count = 1;
    for (size_t i = 0; i < listed->count && listed->utc_seconds[i] <= end; i++) {
        last = listed->utc_seconds[i];
        add_change(zone, last, system_offset(last));
    }
    first = zone->change_count;
    probe(zone, last, last + cycle_seconds < end ? last + cycle_seconds : end);
    repeat(zone, first, end);
    return zone;
}

enum err_code zone_open(const char *name, struct zone **ret_zone, struct err *err)
{
    const char *current = getenv("TZ");
    char *saved = current != NULL ? memory_strdup(current) : NULL;
    char rule[NAME_MAX_SIZE + 1] = ":";
    struct listed listed;
    struct zone *zone;
    enum err_code code = ERR_OK;

    if (!name_is_sane(name) || !read_listed(name, &listed)) {
        code = err_set(err, ERR_CONFIG,
                       "no time zone \"%.64s\"; names are those of the IANA database, such as "
                       "Europe/Berlin",
                       name);
        goto out;
    }
    memcpy(rule + 1, name, strlen(name) + 1);
    CHECK(setenv("TZ", rule, 1) == 0);
    tzset();
    zone = read_changes(&listed);
    memcpy(zone->name, name, strlen(name) + 1);
    CHECK((saved != NULL ? setenv("TZ", saved, 1) : unsetenv("TZ")) == 0);
    tzset();
    *ret_zone = zone;
out:
    memory_free(saved);
    return code;
}

void zone_free(struct zone *zone)
{
    memory_free(zone);
}

const char *zone_name(const struct zone *zone)
{
    return zone->name;
}

/* Number of the change in force at that instant. */
static size_t change_at(const struct zone *zone, int64_t utc_seconds)
{
    size_t low = 0;
    size_t high = zone->change_count;

    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (zone->changes[middle].utc_seconds <= utc_seconds) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t zone_offset(const struct zone *zone, int64_t utc_seconds)
{
    return zone->changes[change_at(zone, utc_seconds)].offset;
}

int64_t zone_next_change(const struct zone *zone, int64_t utc_seconds)
{
    size_t next = change_at(zone, utc_seconds) + 1;

    return next < zone->change_count ? zone->changes[next].utc_seconds : INT64_MAX;
}

struct civil zone_to_local(const struct zone *zone, int64_t utc_seconds)
{
    return civil_from_seconds(utc_seconds + zone_offset(zone, utc_seconds));
}

int64_t zone_from_local(const struct zone *zone, const struct civil *local)
{
    int64_t wall = civil_to_seconds(local);
    size_t i = change_at(zone, wall - 2 * 86400); /* no offset is larger than a day */

    for (; i + 1 < zone->change_count; i++) {
        /* The stretch of this offset ends before the wall time comes: go on. A gap is skipped by the next stretch, which
         * begins after the wall time. */
        if (wall - zone->changes[i].offset < zone->changes[i + 1].utc_seconds) {
            break;
        }
    }
    if (i > 0 && wall - zone->changes[i].offset < zone->changes[i].utc_seconds) {
        return zone->changes[i].utc_seconds;
    }
    return wall - zone->changes[i].offset;
}

int64_t zone_month_start(const struct zone *zone, int32_t year, int32_t month)
{
    struct civil local = {
        .year = month == 13 ? year + 1 : year, .month = month == 13 ? 1 : month, .day = 1};

    CHECK(month >= 1);
    CHECK(month <= 13);
    return zone_from_local(zone, &local);
}
