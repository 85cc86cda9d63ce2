#include "jobs/options.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/spelling.h"

enum { HELP_COLUMN = 28 };

size_t options_count(const struct option_row *rows)
{
    size_t count = 0;

    while (rows != NULL && rows[count].name != NULL) {
        count++;
    }
    CHECK(count <= OPTIONS_ROWS_MAX);
    return count;
}

int64_t options_choice(const char *choices, struct str text)
{
    int64_t index = 0;
    const char *start = choices;

    for (;;) {
        const char *end = strchrnul(start, '|');

        if (str_equal(str_of(start, (size_t)(end - start)), text)) {
            return index;
        }
        if (*end == '\0') {
            return -1;
        }
        start = end + 1;
        index++;
    }
}

/* Bit n: choice n is one of them. */
static bool parse_choices(const struct option_row *row, const char *text, int64_t *ret_choices)
{
    *ret_choices = 0;
    for (;;) {
        const char *end = strchrnul(text, ',');
        int64_t choice = options_choice(row->choices, str_of(text, (size_t)(end - text)));

        if (choice < 0) {
            return false;
        }
        *ret_choices |= INT64_C(1) << choice;
        if (*end == '\0') {
            return true;
        }
        text = end + 1;
    }
}

static enum err_code bad_value(const struct option_row *row, const char *text, const char *wanted,
                               struct err *err)
{
    return err_set(err, ERR_USAGE, "--%s: \"%s\" is not %s", row->name, text, wanted);
}

static enum err_code parse_integer(const struct option_row *row, const char *text,
                                   int64_t *ret_number, struct err *err)
{
    bool limited = row->minimum != 0 || row->maximum != 0;

    if (!str_to_int64(str_from(text), ret_number)) {
        return bad_value(row, text, "an integer", err);
    }
    if (limited && (*ret_number < row->minimum || *ret_number > row->maximum)) {
        return err_set(err, ERR_USAGE, "--%s: %s is not between %" PRId64 " and %" PRId64,
                       row->name, text, row->minimum, row->maximum);
    }
    return ERR_OK;
}

static enum err_code parse_number(const struct option_row *row, const char *text,
                                  int64_t *ret_number, struct err *err)
{
    switch (row->type) {
    case OPTION_FLAG:
        *ret_number = 1;
        return ERR_OK;
    case OPTION_TEXT:
        return ERR_OK;
    case OPTION_INTEGER:
        return parse_integer(row, text, ret_number, err);
    case OPTION_DURATION:
        if (!duration_parse(str_from(text), ret_number)) {
            return bad_value(row, text, "a duration such as 90s, 10m, 6h or 5d", err);
        }
        return ERR_OK;
    case OPTION_TIME:
        if (!civil_parse_rfc3339(str_from(text), ret_number)) {
            return bad_value(row, text, "a time such as 2026-10-01T00:00:00Z", err);
        }
        return ERR_OK;
    case OPTION_CHOICE:
        *ret_number = options_choice(row->choices, str_from(text));
        if (*ret_number < 0) {
            return err_set(err, ERR_USAGE, "--%s: \"%s\" is none of %s", row->name, text,
                           row->choices);
        }
        return ERR_OK;
    case OPTION_CHOICES:
        if (!parse_choices(row, text, ret_number)) {
            return err_set(err, ERR_USAGE,
                           "--%s: \"%s\" is none of %s, nor several of them with commas between",
                           row->name, text, row->choices);
        }
        return ERR_OK;
    }
    CHECK(!"a known option type");
    return ERR_FAILED;
}

static enum err_code set_value(const struct option_row *row, struct option_value *value,
                               const char *text, struct err *err)
{
    int64_t number = 0;
    enum err_code code = parse_number(row, text, &number, err);

    if (code == ERR_OK) {
        *value = (struct option_value){.set = true, .text = text, .number = number};
    }
    return code;
}

void options_reset(const struct option_set *set)
{
    for (size_t i = 0; i < options_count(set->rows); i++) {
        struct err err = ERR_INIT;

        set->values[i] = (struct option_value){0};
        if (set->rows[i].fallback != NULL) {
            CHECK(set_value(&set->rows[i], &set->values[i], set->rows[i].fallback, &err) == ERR_OK);
            set->values[i].set = false;
        }
    }
}

/* The row of a long name, or of a letter if name is empty. */
static const struct option_row *find_row(const struct option_set *sets, size_t set_count,
                                         struct str name, char letter,
                                         struct option_value **ret_value)
{
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < options_count(sets[s].rows); i++) {
            const struct option_row *row = &sets[s].rows[i];
            bool same = letter != 0 ? row->letter == letter : str_equal(str_from(row->name), name);

            if (same) {
                *ret_value = &sets[s].values[i];
                return row;
            }
        }
    }
    return NULL;
}

static enum err_code unknown_option(const struct option_set *sets, size_t set_count,
                                    struct str name, struct err *err)
{
    struct spelling spelling;
    const char *nearest;

    spelling_init(&spelling, name);
    for (size_t s = 0; s < set_count; s++) {
        for (size_t i = 0; i < options_count(sets[s].rows); i++) {
            spelling_offer(&spelling, sets[s].rows[i].name);
        }
    }
    nearest = spelling_nearest(&spelling);
    return err_set(err, ERR_USAGE, "unknown option \"--%.*s\"%s%s%s", STR_ARGS(name),
                   nearest != NULL ? " (did you mean \"--" : "", nearest != NULL ? nearest : "",
                   nearest != NULL ? "\"?)" : "");
}

/* One option: word is argv[0] without its dashes. *ret_used is 1, or 2 if the value was the next word. */
static enum err_code parse_option(const struct option_set *sets, size_t set_count,
                                  char *const *argv, int argc, bool is_long, int *ret_used,
                                  struct err *err)
{
    const char *word = argv[0] + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(word, '=') : NULL;
    struct str name =
        is_long && equals != NULL ? str_of(word, (size_t)(equals - word)) : str_from(word);
    struct option_value *value = NULL;
    const struct option_row *row =
        find_row(sets, set_count, name, is_long ? '\0' : word[0], &value);
    const char *inline_value =
        is_long ? (equals != NULL ? equals + 1 : NULL) : (word[1] != '\0' ? word + 1 : NULL);

    *ret_used = 1;
    if (row == NULL) {
        return is_long ? unknown_option(sets, set_count, name, err)
                       : err_set(err, ERR_USAGE, "unknown option \"-%c\"", word[0]);
    }
    if (row->type == OPTION_FLAG) {
        if (inline_value != NULL) {
            return err_set(err, ERR_USAGE, "--%s takes no value", row->name);
        }
        return set_value(row, value, "", err);
    }
    if (inline_value == NULL) {
        if (argc < 2) {
            return err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", row->name, row->name,
                           row->argument);
        }
        inline_value = argv[1];
        *ret_used = 2;
    }
    return set_value(row, value, inline_value, err);
}

enum err_code options_parse(const struct option_set *sets, size_t set_count, char *const *argv,
                            int argc, bool stop_at_argument, struct option_arguments *arguments,
                            int *ret_used, struct err *err)
{
    bool ended = false;
    int i = 0;

    while (i < argc) {
        bool is_option = !ended && argv[i][0] == '-' && argv[i][1] != '\0';

        if (is_option && strcmp(argv[i], "--") == 0) {
            ended = true;
            i++;
        } else if (is_option) {
            int used;
            enum err_code code =
                parse_option(sets, set_count, argv + i, argc - i, argv[i][1] == '-', &used, err);

            if (code != ERR_OK) {
                return code;
            }
            i += used;
        } else if (stop_at_argument) {
            break;
        } else if (arguments->count == OPTIONS_ARGUMENTS_MAX) {
            return err_set(err, ERR_USAGE, "more than %d arguments", OPTIONS_ARGUMENTS_MAX);
        } else {
            arguments->items[arguments->count++] = argv[i++];
        }
    }
    if (ret_used != NULL) {
        *ret_used = i;
    }
    return ERR_OK;
}

void options_help(FILE *out, const struct option_row *rows)
{
    for (size_t i = 0; i < options_count(rows); i++) {
        const struct option_row *row = &rows[i];
        const char *argument = row->argument != NULL  ? row->argument
                               : row->choices != NULL ? row->choices
                                                      : "";
        int width = 0;

        width += row->letter != 0 ? fprintf(out, "  -%c, ", row->letter) : fprintf(out, "      ");
        width += fprintf(out, "--%s%s%s", row->name, argument[0] != '\0' ? " " : "", argument);
        (void)fprintf(out, "%*s%s", width < HELP_COLUMN ? HELP_COLUMN - width : 2, "", row->help);
        if (row->fallback != NULL) {
            (void)fprintf(out, " (default: %s)", row->fallback);
        }
        (void)fputc('\n', out);
    }
}
