/*
 * What a person at the terminal sees beside the data: progress, notes, warnings, all on standard error.
 *
 * Progress bars only where standard error is a terminal and TERM is not "dumb"; colour only there and without NO_COLOR, or as --color says.
 * --quiet silences notes and progress, never warnings and errors. When --log json is set, notes and warnings are one JSON object per line
 * with severity, message, time and typed fields, as Cloud Logging reads them.
 */
#ifndef JOBS_UI_H
#define JOBS_UI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum ui_color { UI_COLOR_AUTO, UI_COLOR_ALWAYS, UI_COLOR_NEVER };

/* Called once by main. */
void ui_init(bool quiet, bool log_json, enum ui_color color);
void ui_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "uptally: TEXT"; called by main, and by a command that goes on after an error. */
void ui_error(const struct err *err);
/* Draws at most ten times a second. total 0: unknown. unit: "records". Calling with done == total ends the bar's line. */
void ui_progress(const char *what, int64_t done, int64_t total, const char *unit);
/* Removes an unfinished bar, before other output. */
void ui_progress_clear(void);
/* Whether data on standard output may be coloured. */
bool ui_color_output(void);
/* Whether standard output is read as UTF-8, by LC_ALL, LC_CTYPE or LANG: else ASCII is drawn with. */
bool ui_unicode_output(void);

#endif
