#include "jobs/statement/wording.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/clock.h"

enum { NUMBER_SIZE_MAX = 128, DECIMALS_MAX = 18, DECIMALS_CUT = 6 };

static const char *keep(struct arena *arena, struct strbuf *buf)
{
    const char *text;

    CHECK(!buf->overflow);
    text = arena_text(arena, strbuf_view(buf));
    strbuf_release(buf);
    return text;
}

/* Digits from `start` up to a point, a space or the end. */
static size_t whole_digits(struct str decimal, size_t start)
{
    size_t at = start;

    while (at < decimal.size && decimal.data[at] >= '0' && decimal.data[at] <= '9') {
        at++;
    }
    return at - start;
}

const char *wording_grouped(struct arena *arena, struct str decimal)
{
    size_t start = decimal.size > 0 && decimal.data[0] == '-' ? 1 : 0;
    size_t digits = whole_digits(decimal, start);
    struct strbuf grouped;

    strbuf_init(&grouped, 2 * decimal.size + 1);
    for (size_t i = 0; i < decimal.size; i++) {
        if (i > start && i < start + digits && (start + digits - i) % 3 == 0) {
            strbuf_append_char(&grouped, ',');
        }
        strbuf_append_char(&grouped, decimal.data[i]);
    }
    return keep(arena, &grouped);
}

/* Exact where a decimal can be; people are spared endless ones. */
static void write_number(struct strbuf *buf, struct fraction value)
{
    fraction_format_short(buf, value, DECIMALS_MAX);
    if (strbuf_text(buf)[buf->size - 1] == '.') {
        strbuf_clear(buf);
        fraction_format_short(buf, value, DECIMALS_CUT);
    }
}

const char *wording_number(struct arena *arena, struct fraction value)
{
    struct strbuf plain;
    const char *text;

    strbuf_init(&plain, NUMBER_SIZE_MAX);
    write_number(&plain, value);
    text = wording_grouped(arena, strbuf_view(&plain));
    strbuf_release(&plain);
    return text;
}

const char *wording_integer(struct arena *arena, int64_t value)
{
    return wording_number(arena, fraction_of_int(arena, value));
}

const char *wording_decimal(struct arena *arena, struct rational value)
{
    struct strbuf buf;

    strbuf_init(&buf, NUMBER_SIZE_MAX);
    rational_format_exact(&buf, value);
    return keep(arena, &buf);
}

const char *wording_quantity(struct arena *arena, struct fraction value, const char *unit)
{
    return arena_format(arena, "%s %s", wording_number(arena, value), unit);
}

const char *wording_percent(struct arena *arena, struct rational ratio)
{
    struct strbuf buf;

    strbuf_init(&buf, NUMBER_SIZE_MAX);
    rational_format_exact(&buf, rational_multiply(ratio, rational_make(100, 1)));
    strbuf_append_text(&buf, " %");
    return keep(arena, &buf);
}

const char *wording_percent_floor(struct arena *arena, struct fraction ratio, int digits)
{
    struct fraction percent = fraction_multiply(arena, ratio, fraction_of_int(arena, 100));
    struct strbuf buf;

    strbuf_init(&buf, NUMBER_SIZE_MAX);
    fraction_format(&buf, percent, digits, ROUND_FLOOR);
    return keep(arena, &buf);
}

const char *wording_money(struct arena *arena, const struct currency *currency,
                          struct fraction amount)
{
    struct strbuf buf;
    struct str exact;
    int decimals = 0;

    strbuf_init(&buf, NUMBER_SIZE_MAX);
    write_number(&buf, amount);
    exact = strbuf_view(&buf);
    for (size_t i = 0; i < exact.size; i++) {
        if (exact.data[i] == '.') {
            decimals = (int)(exact.size - i - 1);
        }
    }
    if (decimals < currency->digits) {
        strbuf_clear(&buf);
        fraction_format(&buf, amount, currency->digits,
                        ROUND_FLOOR); /* exact: it has fewer decimals */
    }
    strbuf_append_format(&buf, " %s", currency->code);
    return keep(arena, &buf);
}

const char *wording_latency(struct arena *arena, int64_t latency_ns)
{
    static const struct {
        int64_t ns;
        const char *unit;
    } units[] = {{NS_PER_SECOND, "s"}, {NS_PER_MS, "ms"}, {1000, "us"}, {1, "ns"}};
    size_t unit = 0;

    while (latency_ns % units[unit].ns != 0) {
        unit++; /* the last one has no rest */
    }
    return arena_format(arena, "%s %s", wording_integer(arena, latency_ns / units[unit].ns),
                        units[unit].unit);
}

/* A document that somebody forged may have a negative one: it is shown as it stands there. */
const char *wording_duration(struct arena *arena, int64_t seconds)
{
    uint64_t length = seconds < 0 ? UINT64_C(0) - (uint64_t)seconds : (uint64_t)seconds;
    const struct {
        uint64_t count;
        const char *unit;
    } parts[] = {{length / 86400, "d"},
                 {length / 3600 % 24, "h"},
                 {length / 60 % 60, "min"},
                 {length % 60, "s"}};
    struct strbuf buf;

    strbuf_init(&buf, NUMBER_SIZE_MAX);
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (parts[i].count > 0 || (length == 0 && i == ARRAY_COUNT(parts) - 1)) {
            strbuf_append_text(&buf, buf.size > 0 ? " " : seconds < 0 ? "-" : "");
            strbuf_append_format(&buf, "%" PRIu64 " %s", parts[i].count, parts[i].unit);
        }
    }
    return keep(arena, &buf);
}
