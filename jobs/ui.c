#include "jobs/ui.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/clock.h"
#include "base/json.h"

enum { BAR_WIDTH = 24, LINE_SIZE = 2048 };
#define PROGRESS_INTERVAL_NS (100 * NS_PER_MS)

/* The terminal is one per process, so its state may be, too. Only the main thread writes. */
static struct {
    bool quiet;
    bool log_json;
    enum ui_color color;
    bool bar_shown;
    int64_t bar_drawn_ns;
    int64_t bar_started_ns;
} ui;

void ui_init(bool quiet, bool log_json, enum ui_color color)
{
    memset(&ui, 0, sizeof(ui));
    ui.quiet = quiet;
    ui.log_json = log_json;
    ui.color = color;
}

static bool is_terminal(int fd)
{
    const char *term = getenv("TERM");

    return isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0);
}

static bool use_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");

    if (ui.color != UI_COLOR_AUTO) {
        return ui.color == UI_COLOR_ALWAYS;
    }
    return is_terminal(fd) && (no_color == NULL || no_color[0] == '\0');
}

bool ui_color_output(void)
{
    return use_color(STDOUT_FILENO);
}

bool ui_unicode_output(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0') {
            return strcasestr(value, "UTF-8") != NULL || strcasestr(value, "UTF8") != NULL;
        }
    }
    return false;
}

/* One object per line, as Cloud Logging reads them. */
static void write_json(const char *severity, const char *text, enum err_code code)
{
    struct strbuf line;
    struct json_writer json;
    char time[CIVIL_TEXT_SIZE];

    strbuf_init(&line, 4 * LINE_SIZE * 6);
    json_init(&json, &line, false);
    json_open_object(&json, NULL);
    if (code != ERR_OK) {
        json_int64(&json, "exit_status", (int64_t)code);
    }
    json_text(&json, "message", text);
    json_text(&json, "severity", severity);
    json_text(&json, "time", civil_format_rfc3339(clock_now_ns(clock_system()), time));
    json_close(&json);
    json_finish(&json);
    strbuf_append_char(&line, '\n');
    (void)fwrite(line.data, 1, line.size, stderr);
    strbuf_release(&line);
}

/* Names from outside may be among the arguments: no control character reaches the terminal. */
static void clean(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

static void write_line(const char *severity, const char *color, const char *prefix, char *text,
                       enum err_code code)
{
    ui_progress_clear();
    clean(text);
    if (ui.log_json) {
        write_json(severity, text, code);
        return;
    }
    if (color[0] != '\0' && use_color(STDERR_FILENO)) {
        (void)fprintf(stderr, "\033[%sm%s\033[0m%s\n", color, prefix, text);
    } else {
        (void)fprintf(stderr, "%s%s\n", prefix, text);
    }
}

void ui_note(const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    if (ui.quiet) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_line("INFO", "", "", text, ERR_OK);
}

void ui_warn(const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    write_line("WARNING", "33", "uptally: warning: ", text, ERR_OK);
}

void ui_error(const struct err *err)
{
    char text[ERR_TEXT_SIZE];

    memcpy(text, err->text, sizeof(text));
    write_line("ERROR", "31", "uptally: ", text, err->code);
}

static void draw_bar(const char *what, int64_t done, int64_t total, const char *unit,
                     int64_t per_second)
{
    char bar[BAR_WIDTH + 1];
    int filled = total > 0 ? (int)(done * BAR_WIDTH / total) : 0;

    if (total <= 0) {
        (void)fprintf(stderr, "\r\033[K%s  %" PRId64 " %s  %" PRId64 "/s", what, done, unit,
                      per_second);
        return;
    }
    filled = filled < 0 ? 0 : filled > BAR_WIDTH ? BAR_WIDTH : filled;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)filled);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r\033[K%s  [%s] %3d %%  %" PRId64 " of %" PRId64 " %s  %" PRId64 "/s",
                  what, bar, (int)(done * 100 / total), done, total, unit, per_second);
}

void ui_progress(const char *what, int64_t done, int64_t total, const char *unit)
{
    int64_t now_ns;
    bool last = total > 0 && done >= total;
    int64_t elapsed_ms;

    if (ui.quiet || ui.log_json || !is_terminal(STDERR_FILENO)) {
        return;
    }
    now_ns = clock_monotonic_ns(clock_system());
    if (!ui.bar_shown) {
        ui.bar_started_ns = now_ns;
    } else if (!last && now_ns - ui.bar_drawn_ns < PROGRESS_INTERVAL_NS) {
        return;
    }
    elapsed_ms = (now_ns - ui.bar_started_ns) / NS_PER_MS;
    draw_bar(what, done, total, unit, elapsed_ms > 0 ? done * 1000 / elapsed_ms : 0);
    ui.bar_drawn_ns = now_ns;
    ui.bar_shown = true;
    if (last) {
        (void)fputc('\n', stderr);
        ui.bar_shown = false;
    }
    (void)fflush(stderr);
}

void ui_progress_clear(void)
{
    if (ui.bar_shown) {
        (void)fputs("\r\033[K", stderr);
        (void)fflush(stderr);
        ui.bar_shown = false;
    }
}
