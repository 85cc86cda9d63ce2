/*
 * Civil time: dates and times of day in UTC, and the text forms of instants and durations.
 *
 * Proleptic Gregorian calendar, years 1 to 9999; algorithms by days_from_civil (Howard Hinnant). Parsers take
 * the whole text or fail, and never round.
 */
#ifndef BASE_CIVIL_H
#define BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct civil {
    int32_t year;  /* 1..9999 */
    int32_t month; /* 1..12 */
    int32_t day;   /* 1..31 */
    int32_t hour, minute, second;
};

enum { CIVIL_TEXT_SIZE = 40 };

/* Days since 1970-01-01. */
int64_t civil_days(int32_t year, int32_t month, int32_t day);
/* Seconds since 1970-01-01 00:00:00 of this wall time taken as UTC. Fields must be in range. */
int64_t civil_to_seconds(const struct civil *civil);
struct civil civil_from_seconds(int64_t seconds);
/* 0 = Monday .. 6 = Sunday. */
int civil_weekday(int64_t days);
bool civil_leap_year(int32_t year);
int civil_month_days(int32_t year, int32_t month);

/* RFC 3339 as docs/ingest.md has it: any offset, 0 to 9 fraction digits, lower-case t and z, a space for T is
 * refused; second 60 counts in the minute that it ends (:60.5 is :59.5). False if malformed or not representable. */
bool civil_parse_rfc3339(struct str text, int64_t *ret_time_ns);
/* "2026-10-01T00:00:00": its length. */
size_t civil_format(const struct civil *civil, char ret_text[CIVIL_TEXT_SIZE]);
/* "2026-10-01T00:00:00Z"; with fraction digits only if there is a fraction, and then 3, 6 or 9. */
const char *civil_format_rfc3339(int64_t time_ns, char ret_text[CIVIL_TEXT_SIZE]);
/* "YYYY-MM-DD" and "YYYY-MM". */
bool civil_parse_date(struct str text, int32_t *ret_year, int32_t *ret_month, int32_t *ret_day);
bool civil_parse_month(struct str text, int32_t *ret_year, int32_t *ret_month);

/* "90s", "10m", "6h", "5d", "250ms", "10us", "5ns"; an integer and one unit, not negative. */
bool duration_parse(struct str text, int64_t *ret_duration_ns);

#endif
