#include "base/civil.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"

enum { SECONDS_PER_DAY = 86400, DAYS_PER_ERA = 146097 };

/* Both conversions count years from March and eras of 400 years, so that the leap day is the last of its year and every
 * era has the same number of days: Howard Hinnant, "chrono-compatible low-level date algorithms". */
int64_t civil_days(int32_t year, int32_t month, int32_t day)
{
    int64_t y = month <= 2 ? (int64_t)year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * DAYS_PER_ERA + day_of_era - 719468;
}

static void days_to_date(int64_t days, struct civil *civil)
{
    int64_t shifted = days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */

    civil->day = (int32_t)(day_of_year - (153 * month + 2) / 5 + 1);
    civil->month = (int32_t)(month < 10 ? month + 3 : month - 9);
    civil->year = (int32_t)(year_of_era + era * 400 + (civil->month <= 2));
}

int64_t civil_to_seconds(const struct civil *civil)
{
    CHECK(civil->month >= 1);
    CHECK(civil->month <= 12);
    CHECK(civil->day >= 1);
    CHECK(civil->day <= 31);
    return civil_days(civil->year, civil->month, civil->day) * SECONDS_PER_DAY +
           (int64_t)civil->hour * 3600 + (int64_t)civil->minute * 60 + civil->second;
}

struct civil civil_from_seconds(int64_t seconds)
{
    int64_t second_of_day = seconds % SECONDS_PER_DAY;
    int64_t days = seconds / SECONDS_PER_DAY;
    struct civil civil;

    if (second_of_day < 0) {
        second_of_day += SECONDS_PER_DAY;
        days--;
    }
    days_to_date(days, &civil);
    civil.hour = (int32_t)(second_of_day / 3600);
    civil.minute = (int32_t)(second_of_day / 60 % 60);
    civil.second = (int32_t)(second_of_day % 60);
    return civil;
}

int civil_weekday(int64_t days)
{
    int64_t weekday = (days + 3) % 7; /* 1970-01-01 was a Thursday */

    return (int)(weekday < 0 ? weekday + 7 : weekday);
}

bool civil_leap_year(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int civil_month_days(int32_t year, int32_t month)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    CHECK(month >= 1);
    CHECK(month <= 12);
    return days[month - 1] + (month == 2 && civil_leap_year(year));
}

/* Takes exactly `count` digits from the front of *text. */
static bool take_digits(struct str *text, size_t count, int32_t *ret_value)
{
    int32_t value = 0;

    if (text->size < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return false;
        }
        value = value * 10 + (text->data[i] - '0');
    }
    *text = str_of(text->data + count, text->size - count);
    *ret_value = value;
    return true;
}

static bool take_char(struct str *text, char c)
{
    if (text->size == 0 || text->data[0] != c) {
        return false;
    }
    *text = str_of(text->data + 1, text->size - 1);
    return true;
}

static bool take_month(struct str *text, struct civil *civil)
{
    return take_digits(text, 4, &civil->year) && civil->year >= 1 && take_char(text, '-') &&
           take_digits(text, 2, &civil->month) && civil->month >= 1 && civil->month <= 12;
}

static bool take_date(struct str *text, struct civil *civil)
{
    return take_month(text, civil) && take_char(text, '-') && take_digits(text, 2, &civil->day) &&
           civil->day >= 1 && civil->day <= civil_month_days(civil->year, civil->month);
}

static bool take_time_of_day(struct str *text, struct civil *civil)
{
    return take_digits(text, 2, &civil->hour) && civil->hour <= 23 && take_char(text, ':') &&
           take_digits(text, 2, &civil->minute) && civil->minute <= 59 && take_char(text, ':') &&
           take_digits(text, 2, &civil->second) && civil->second <= 60;
}

/* "" or "." and 1 to 9 digits; nanoseconds. */
static bool take_fraction(struct str *text, int64_t *ret_ns)
{
    int64_t unit = NS_PER_SECOND;
    int64_t ns = 0;

    *ret_ns = 0;
    if (!take_char(text, '.')) {
        return true;
    }
    while (text->size > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        if (unit == 1) {
            return false;
        }
        unit /= 10;
        ns += unit * (text->data[0] - '0');
        *text = str_of(text->data + 1, text->size - 1);
    }
    *ret_ns = ns;
    return unit < NS_PER_SECOND;
}

/* "Z" or "+02:00"; seconds east of UTC. */
static bool take_offset(struct str *text, int64_t *ret_seconds)
{
    int32_t hours;
    int32_t minutes;
    bool west;

    if (take_char(text, 'Z') || take_char(text, 'z')) {
        *ret_seconds = 0;
        return true;
    }
    west = text->size > 0 && text->data[0] == '-';
    if (!take_char(text, west ? '-' : '+') || !take_digits(text, 2, &hours) || hours > 23 ||
        !take_char(text, ':') || !take_digits(text, 2, &minutes) || minutes > 59) {
        return false;
    }
    *ret_seconds = (west ? -1 : 1) * ((int64_t)hours * 3600 + (int64_t)minutes * 60);
    return true;
}

bool civil_parse_rfc3339(struct str text, int64_t *ret_time_ns)
{
    struct civil civil;
    int64_t fraction_ns;
    int64_t offset;
    int64_t seconds;

    if (!take_date(&text, &civil) || (!take_char(&text, 'T') && !take_char(&text, 't')) ||
        !take_time_of_day(&text, &civil) || !take_fraction(&text, &fraction_ns) ||
        !take_offset(&text, &offset) || text.size != 0) {
        return false;
    }
    if (civil.second == 60) {
        civil.second =
            59; /* a leap second has no instant of its own: it counts in the minute that it ends */
    }
    seconds = civil_to_seconds(&civil) - offset;
    /* In 128 bits, because the first second of the range is representable only in part. */
    return !__builtin_add_overflow((__int128)seconds * NS_PER_SECOND, fraction_ns, ret_time_ns);
}

static void put_digits(char *to, int32_t value, int digits)
{
    for (int i = digits; i > 0; i--, value /= 10) {
        to[i - 1] = (char)('0' + value % 10);
    }
}

size_t civil_format(const struct civil *civil, char ret_text[CIVIL_TEXT_SIZE])
{
    static const char form[] = "0000-00-00T00:00:00";

    if (civil->year < 0 || civil->year > 9999) { /* of a document that is not ours */
        return (size_t)snprintf(
            ret_text, CIVIL_TEXT_SIZE,
            "%04" PRId32 "-%02" PRId32 "-%02" PRId32 "T%02" PRId32 ":%02" PRId32 ":%02" PRId32,
            civil->year, civil->month, civil->day, civil->hour, civil->minute, civil->second);
    }
    memcpy(ret_text, form, sizeof(form));
    put_digits(ret_text, civil->year, 4);
    put_digits(ret_text + 5, civil->month, 2);
    put_digits(ret_text + 8, civil->day, 2);
    put_digits(ret_text + 11, civil->hour, 2);
    put_digits(ret_text + 14, civil->minute, 2);
    put_digits(ret_text + 17, civil->second, 2);
    return sizeof(form) - 1;
}

const char *civil_format_rfc3339(int64_t time_ns, char ret_text[CIVIL_TEXT_SIZE])
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    int64_t ns = time_ns % NS_PER_SECOND;
    struct civil civil;
    size_t used;

    if (ns < 0) {
        ns += NS_PER_SECOND;
        seconds--;
    }
    civil = civil_from_seconds(seconds);
    used = civil_format(&civil, ret_text);
    CHECK(used < CIVIL_TEXT_SIZE - 12);
    if (ns % 1000000 == 0 && ns != 0) {
        used += (size_t)snprintf(ret_text + used, 12, ".%03" PRId64, ns / 1000000);
    } else if (ns % 1000 == 0 && ns != 0) {
        used += (size_t)snprintf(ret_text + used, 12, ".%06" PRId64, ns / 1000);
    } else if (ns != 0) {
        used += (size_t)snprintf(ret_text + used, 12, ".%09" PRId64, ns);
    }
    ret_text[used] = 'Z';
    ret_text[used + 1] = '\0';
    return ret_text;
}

bool civil_parse_date(struct str text, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day)
{
    struct civil civil;

    if (!take_date(&text, &civil) || text.size != 0) {
        return false;
    }
    *ret_year = civil.year;
    *ret_month = civil.month;
    *ret_day = civil.day;
    return true;
}

bool civil_parse_month(struct str text, int32_t *ret_year, int32_t *ret_month)
{
    struct civil civil;

    if (!take_month(&text, &civil) || text.size != 0) {
        return false;
    }
    *ret_year = civil.year;
    *ret_month = civil.month;
    return true;
}

bool duration_parse(struct str text, int64_t *ret_duration_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ns", 1},
                 {"us", 1000},
                 {"ms", NS_PER_MS},
                 {"s", NS_PER_SECOND},
                 {"m", NS_PER_MINUTE},
                 {"h", NS_PER_HOUR},
                 {"d", NS_PER_DAY}};
    size_t digits = 0;
    int64_t number;

    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9') {
        digits++;
    }
    if (!str_to_int64(str_of(text.data, digits), &number)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        if (str_equal(str_of(text.data + digits, text.size - digits), STR(units[i].name))) {
            return !__builtin_mul_overflow(number, units[i].ns, ret_duration_ns);
        }
    }
    return false;
}
