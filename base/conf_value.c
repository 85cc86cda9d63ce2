#include "base/conf_value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/clock.h"
#include "base/money.h"
#include "base/spelling.h"

enum { TEXT_SIZE_MAX = 4096, NAME_DEFAULT_SIZE_MAX = 255, SHOWN_SIZE_MAX = 64 };

enum err_code conf_error(const struct conf_reader *reader, const struct conf_node *node,
                         struct err *err, const char *format, ...)
{
    char text[ERR_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return err_set(err, ERR_CONFIG, "%s:%d:%d: %s", reader->name, node->line, node->column, text);
}

/* KEY: "VALUE" is not WANTED. A long value is cut. */
static enum err_code not_a(const struct conf_reader *reader, const struct conf_row *row,
                           const struct conf_node *node, const char *wanted, struct err *err)
{
    struct str shown = node->text;
    bool cut = shown.size > SHOWN_SIZE_MAX;

    shown.size = cut ? SHOWN_SIZE_MAX : shown.size;
    return conf_error(reader, node, err, "%s: \"%.*s%s\" is not %s", row->key, STR_ARGS(shown),
                      cut ? "..." : "", wanted);
}

/* C0, DEL and C1; the separators of lines and paragraphs, the byte order mark and the two that are no characters, none of which YAML reads back as it
 * was written. All in their UTF-8 form. */
static bool has_control(struct str s)
{
    static const char *const longer[] = {"\xe2\x80\xa8", "\xe2\x80\xa9", "\xef\xbb\xbf",
                                         "\xef\xbf\xbe", "\xef\xbf\xbf"};

    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (c < 0x20 || c == 0x7f) {
            return true;
        }
        if (c == 0xc2 && i + 1 < s.size && (unsigned char)s.data[i + 1] < 0xa0) {
            return true;
        }
        for (size_t k = 0; k < ARRAY_COUNT(longer); k++) {
            if (str_starts_with(str_of(s.data + i, s.size - i), STR(longer[k]))) {
                return true;
            }
        }
    }
    return false;
}

enum err_code conf_read_name(struct conf_reader *reader, const struct conf_node *node,
                             size_t size_max, struct str *ret_name, struct err *err)
{
    if (node->kind != CONF_SCALAR) {
        return conf_error(reader, node, err, "text is wanted here, not %s", conf_kind_name(node));
    }
    if (node->text.size == 0) {
        return conf_error(reader, node, err, "text is wanted here, not nothing");
    }
    if (node->text.size > size_max) {
        return conf_error(reader, node, err, "longer than %zu bytes", size_max);
    }
    if (has_control(node->text)) {
        return conf_error(reader, node, err, "control characters are not allowed here");
    }
    *ret_name = node->text;
    return ERR_OK;
}

static enum err_code read_text(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    size_t size_max = row->maximum > 0 ? (size_t)row->maximum : TEXT_SIZE_MAX;

    return conf_read_name(reader, node, size_max, member, err);
}

static enum err_code read_name(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    size_t size_max = row->maximum > 0 ? (size_t)row->maximum : NAME_DEFAULT_SIZE_MAX;

    return conf_read_name(reader, node, size_max, member, err);
}

struct str conf_resolve_path(struct conf_reader *reader, struct str path)
{
    if (path.data[0] == '/' || reader->folder.size == 0) {
        return arena_str(reader->arena, path);
    }
    return str_from(
        arena_format(reader->arena, "%.*s/%.*s", STR_ARGS(reader->folder), STR_ARGS(path)));
}

static enum err_code read_path(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    struct str path;
    enum err_code code = read_text(reader, row, node, &path, err);

    if (code == ERR_OK) {
        *(struct str *)member = conf_resolve_path(reader, path);
    }
    return code;
}

static enum err_code read_secret(struct conf_reader *reader, const struct conf_row *row,
                                 const struct conf_node *node, void *member, struct err *err)
{
    struct str secret;
    enum err_code code;

    if (!conf_is_secret(node)) {
        /* Never with the value: it may be the secret. */
        return conf_error(reader, node, err,
                          "%s is a secret: write ${file:PATH} or ${env:NAME} instead of its text",
                          row->key);
    }
    code = conf_read_text_or_secret(reader, node, &secret, err);
    if (code != ERR_OK) {
        return code;
    }
    if (has_control(secret)) {
        return conf_error(reader, node, err, "%s: the secret holds control characters", row->key);
    }
    *(struct str *)member = secret;
    return ERR_OK;
}

/* Writes value to a bool, an int or an enum, or an int64. */
static void store_integer(const struct conf_row *row, void *member, int64_t value)
{
    if (row->size == sizeof(bool)) {
        *(bool *)member = value != 0;
    } else if (row->size == sizeof(int32_t)) {
        int32_t narrow = (int32_t)value;

        CHECK(narrow == value);
        memcpy(member, &narrow, sizeof(narrow));
    } else {
        CHECK(row->size == sizeof(int64_t));
        memcpy(member, &value, sizeof(value));
    }
}

static enum err_code read_enum(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];
    char known[256] = "";
    size_t used = 0;

    spelling_init(&spelling, node->text);
    for (const struct conf_choice *choice = row->choices; choice->name != NULL; choice++) {
        if (str_equal(node->text, str_from(choice->name))) {
            if (choice->later) {
                return conf_error(reader, node, err, "%s \"%s\" is not supported by this version",
                                  row->key, choice->name);
            }
            if (row->size > 0) {
                store_integer(row, member, choice->value);
            }
            return ERR_OK;
        }
        spelling_offer(&spelling, choice->name);
        if (!choice->later && used < sizeof(known)) {
            used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
                                     used > 0 ? ", " : "", choice->name);
        }
    }
    (void)snprintf(known + (used < sizeof(known) ? used : sizeof(known) - 1),
                   used < sizeof(known) ? sizeof(known) - used : 1, "%s",
                   spelling_hint(&spelling, hint));
    return not_a(reader, row, node, arena_format(reader->arena, "one of %s", known), err);
}

static enum err_code check_range(const struct conf_reader *reader, const struct conf_row *row,
                                 const struct conf_node *node, int64_t value, struct err *err)
{
    bool limited = row->minimum != 0 || row->maximum != 0;
    int64_t low = limited ? row->minimum : 0;
    int64_t high = limited ? row->maximum : row->size == 4 ? INT32_MAX : INT64_MAX;

    if (value >= low && value <= high) {
        return ERR_OK;
    }
    if (row->type != CONF_DURATION) {
        return conf_error(reader, node, err, "%s: %.*s is not between %" PRId64 " and %" PRId64,
                          row->key, STR_ARGS(node->text), low, high);
    }
    if (value < low) {
        return conf_error(reader, node, err, "%s: %.*s is shorter than %" PRId64 "ms", row->key,
                          STR_ARGS(node->text), low / NS_PER_MS);
    }
    return conf_error(reader, node, err, "%s: %.*s is longer than %" PRId64 "s", row->key,
                      STR_ARGS(node->text), high / NS_PER_SECOND);
}

static enum err_code read_integer(struct conf_reader *reader, const struct conf_row *row,
                                  const struct conf_node *node, void *member, struct err *err)
{
    int64_t value;
    enum err_code code;

    if (!str_to_int64(node->text, &value)) {
        return not_a(reader, row, node, "an integer", err);
    }
    code = check_range(reader, row, node, value, err);
    if (code == ERR_OK) {
        store_integer(row, member, value);
    }
    return code;
}

static enum err_code read_bool(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    bool is_true = str_equal(node->text, STR("true"));

    if (!is_true && !str_equal(node->text, STR("false"))) {
        return not_a(reader, row, node, "true or false", err);
    }
    *(bool *)member = is_true;
    return ERR_OK;
}

static enum err_code read_duration(struct conf_reader *reader, const struct conf_row *row,
                                   const struct conf_node *node, void *member, struct err *err)
{
    int64_t value;
    enum err_code code;

    if (!duration_parse(node->text, &value)) {
        return not_a(reader, row, node, "a duration such as 500ms, 90s, 10m, 6h or 5d", err);
    }
    code = check_range(reader, row, node, value, err);
    if (code == ERR_OK) {
        *(int64_t *)member = value;
    }
    return code;
}

/* "64 KiB", "64KiB", "65536". Powers of 1000 are refused: too many people mean 1024 by them. */
static bool parse_bytes(struct str text, int64_t *ret_value)
{
    static const struct {
        const char *name;
        int64_t factor;
    } units[] = {{"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {"B", 1}};
    struct str number = text;
    int64_t factor = 1;

    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        size_t size = strlen(units[i].name);

        if (text.size > size && memcmp(text.data + text.size - size, units[i].name, size) == 0) {
            number.size = text.size - size;
            factor = units[i].factor;
            break;
        }
    }
    if (factor > 1 || number.size < text.size) {
        while (number.size > 0 && number.data[number.size - 1] == ' ') {
            number.size--;
        }
    }
    return str_to_int64(number, ret_value) &&
           !__builtin_mul_overflow(*ret_value, factor, ret_value);
}

static enum err_code read_bytes(struct conf_reader *reader, const struct conf_row *row,
                                const struct conf_node *node, void *member, struct err *err)
{
    int64_t value;
    enum err_code code;

    if (!parse_bytes(node->text, &value)) {
        return not_a(reader, row, node, "a size such as 65536, 64 KiB or 16 MiB", err);
    }
    code = check_range(reader, row, node, value, err);
    if (code == ERR_OK) {
        store_integer(row, member, value);
    }
    return code;
}

/* A decimal between low and high; high < low: no upper limit. */
static enum err_code read_rational(struct conf_reader *reader, const struct conf_row *row,
                                   const struct conf_node *node, int64_t low, int64_t high,
                                   struct rational *ret_value, struct err *err)
{
    struct rational value;

    if (!rational_parse(node->text, &value)) {
        return not_a(reader, row, node, "a decimal such as 99.95", err);
    }
    if (rational_compare(value, rational_make(low, 1)) < 0) {
        return conf_error(reader, node, err, "%s: %.*s is less than %" PRId64, row->key,
                          STR_ARGS(node->text), low);
    }
    if (high >= low && rational_compare(value, rational_make(high, 1)) > 0) {
        return conf_error(reader, node, err, "%s: %.*s is more than %" PRId64, row->key,
                          STR_ARGS(node->text), high);
    }
    *ret_value = value;
    return ERR_OK;
}

static enum err_code read_decimal(struct conf_reader *reader, const struct conf_row *row,
                                  const struct conf_node *node, void *member, struct err *err)
{
    int64_t high = row->maximum != 0 ? row->maximum : row->minimum - 1;

    return read_rational(reader, row, node, row->minimum, high, member, err);
}

static enum err_code read_ratio(struct conf_reader *reader, const struct conf_row *row,
                                const struct conf_node *node, void *member, struct err *err)
{
    return read_rational(reader, row, node, 0, 1, member, err);
}

static enum err_code read_percent(struct conf_reader *reader, const struct conf_row *row,
                                  const struct conf_node *node, void *member, struct err *err)
{
    struct rational value;
    enum err_code code = read_rational(reader, row, node, 0, 100, &value, err);

    if (code == ERR_OK) {
        *(struct rational *)member = rational_divide(value, rational_make(100, 1));
    }
    return code;
}

static enum err_code read_date(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    struct conf_date date;

    if (!civil_parse_date(node->text, &date.year, &date.month, &date.day)) {
        return not_a(reader, row, node, "a date such as 2026-01-01", err);
    }
    *(struct conf_date *)member = date;
    return ERR_OK;
}

static enum err_code read_instant(struct conf_reader *reader, const struct conf_row *row,
                                  const struct conf_node *node, void *member, struct err *err)
{
    if (!civil_parse_rfc3339(node->text, member)) {
        return not_a(reader, row, node, "a time such as 2026-10-01T00:00:00Z", err);
    }
    return ERR_OK;
}

static enum err_code read_zone(struct conf_reader *reader, const struct conf_row *row,
                               const struct conf_node *node, void *member, struct err *err)
{
    struct zone *zone;
    struct err cause = ERR_INIT;

    for (size_t i = 0; i < reader->zone_count; i++) {
        if (str_equal(str_from(zone_name(reader->zones[i])), node->text)) {
            *(const struct zone **)member = reader->zones[i];
            return ERR_OK;
        }
    }
    if (reader->zone_count == CONF_ZONES_MAX) {
        return conf_error(reader, node, err, "more than %d time zones", CONF_ZONES_MAX);
    }
    if (zone_open(node->text.data, &zone, &cause) != ERR_OK) {
        return not_a(reader, row, node, "a time zone such as Europe/Berlin", err);
    }
    reader->zones[reader->zone_count++] = zone;
    *(const struct zone **)member = zone;
    return ERR_OK;
}

static enum err_code read_currency(struct conf_reader *reader, const struct conf_row *row,
                                   const struct conf_node *node, void *member, struct err *err)
{
    const struct currency *currency = currency_find(node->text);

    if (currency == NULL) {
        return not_a(reader, row, node, "a currency of ISO 4217 such as EUR", err);
    }
    *(const struct currency **)member = currency;
    return ERR_OK;
}

void conf_reader_release(struct conf_reader *reader)
{
    while (reader->zone_count > 0) {
        zone_free(reader->zones[--reader->zone_count]);
    }
}

static const struct conf_type_row types[] = {
    [CONF_TEXT] = {"text", "string", {sizeof(struct str)}, read_text},
    [CONF_NAME] = {"name", "string", {sizeof(struct str)}, read_name},
    [CONF_PATH] = {"path", "string", {sizeof(struct str)}, read_path},
    [CONF_SECRET] = {"secret", "string", {sizeof(struct str)}, read_secret},
    [CONF_ENUM] = {"word", NULL, {0}, read_enum},
    [CONF_INTEGER] = {"integer", "integer", {4, 8}, read_integer},
    [CONF_BOOL] = {"true or false", "boolean", {sizeof(bool)}, read_bool},
    [CONF_DURATION] = {"duration", "string", {8}, read_duration},
    [CONF_BYTES] = {"size", NULL, {8}, read_bytes},
    [CONF_DECIMAL] = {"decimal", NULL, {sizeof(struct rational)}, read_decimal},
    [CONF_RATIO] = {"ratio 0..1", NULL, {sizeof(struct rational)}, read_ratio},
    [CONF_PERCENT] = {"percent 0..100", NULL, {sizeof(struct rational)}, read_percent},
    [CONF_DATE] = {"date", "string", {sizeof(struct conf_date)}, read_date},
    [CONF_INSTANT] = {"time", "string", {8}, read_instant},
    [CONF_ZONE] = {"time zone", "string", {sizeof(void *)}, read_zone},
    [CONF_CURRENCY] = {"currency", "string", {sizeof(void *)}, read_currency},
    [CONF_TABLE] = {"table", NULL, {0}, NULL},
    [CONF_ARRAY] = {"list", NULL, {0}, NULL},
    [CONF_CUSTOM] = {"", NULL, {0}, NULL},
    [CONF_LATER] = {"not supported by this version", NULL, {0}, NULL},
};

const struct conf_type_row *conf_type_row(enum conf_type type)
{
    CHECK((size_t)type < ARRAY_COUNT(types));
    return &types[type];
}
