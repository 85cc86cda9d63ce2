#include "consumers/outcome.h"

/* A value made ready for comparison, once for all rules. */
struct subject {
    struct str text;
    bool hex;     /* text is bytes, to be compared as hexadecimal */
    bool integer; /* number is set */
    int64_t number;
    char digits[STR_INT64_TEXT_SIZE];
};

static bool subject_init(struct subject *subject, const struct value *value)
{
    subject->hex = value->kind == VALUE_BYTES;
    subject->integer = value->kind == VALUE_INTEGER;
    switch (value->kind) {
    case VALUE_INTEGER:
        subject->number = value->number;
        subject->text = str_of(subject->digits, str_int64_text(value->number, subject->digits));
        return true;
    case VALUE_BOOLEAN:
        subject->text = STR(value->number != 0 ? "true" : "false");
        return true;
    case VALUE_TEXT:
        subject->text = value_view(value);
        subject->integer = str_to_int64(subject->text, &subject->number);
        return true;
    case VALUE_BYTES:
        subject->text = value_view(value);
        return true;
    default:
        return false;
    }
}

/* The hexadecimal text of bytes starts with prefix; it is not built, for bytes may be megabytes. */
static bool hex_starts_with(struct str bytes, struct str prefix)
{
    if (prefix.size > 2 * bytes.size) {
        return false;
    }
    for (size_t i = 0; i < prefix.size; i++) {
        char pair[2];

        value_hex(str_of(bytes.data + i / 2, 1), pair);
        if (pair[i % 2] != prefix.data[i]) {
            return false;
        }
    }
    return true;
}

static bool rule_matches(const struct rule_value *rule, const struct subject *subject)
{
    switch (rule->match) {
    case RULE_EQUALS:
        return subject->hex ? rule->text.size == 2 * subject->text.size &&
                                  hex_starts_with(subject->text, rule->text)
                            : str_equal(subject->text, rule->text);
    case RULE_PREFIX:
        return subject->hex ? hex_starts_with(subject->text, rule->text)
                            : str_starts_with(subject->text, rule->text);
    case RULE_RANGE:
        return subject->integer && subject->number >= rule->low && subject->number <= rule->high;
    }
    return false;
}

static bool any_matches(const struct rule_value *rules, size_t rule_count,
                        const struct subject *subject)
{
    for (size_t i = 0; i < rule_count; i++) {
        if (rule_matches(&rules[i], subject)) {
            return true;
        }
    }
    return false;
}

bool rules_match(const struct rule_value *rules, size_t rule_count, const struct value *value)
{
    struct subject subject;

    return subject_init(&subject, value) && any_matches(rules, rule_count, &subject);
}

enum outcome_judgement outcome_of_request(const struct outcome_rules *rules,
                                          const struct value *value, enum outcome *ret_outcome)
{
    struct subject subject;

    if (!subject_init(&subject, value)) {
        return OUTCOME_NOT_NAMED;
    }
    if (any_matches(rules->exclude, rules->exclude_count, &subject)) {
        return OUTCOME_EXCLUDED;
    }
    if (rules->use_defaults) {
        return subject.integer ? outcome_default(subject.number, ret_outcome) : OUTCOME_NOT_NAMED;
    }
    if (any_matches(rules->error, rules->error_count, &subject)) {
        *ret_outcome = OUTCOME_ERROR;
        return OUTCOME_JUDGED;
    }
    if (any_matches(rules->success, rules->success_count, &subject)) {
        *ret_outcome = OUTCOME_SUCCESS;
        return OUTCOME_JUDGED;
    }
    return OUTCOME_NOT_NAMED;
}

enum outcome_judgement outcome_of_check(const struct check_symbols *symbols,
                                        const struct value *value, enum outcome *ret_outcome)
{
    struct subject subject;

    if (!subject_init(&subject, value)) {
        return OUTCOME_NOT_NAMED;
    }
    for (size_t i = 0; i < symbols->count; i++) {
        if (rule_matches(&symbols->values[i], &subject)) {
            *ret_outcome = symbols->outcomes[i];
            return OUTCOME_JUDGED;
        }
    }
    return OUTCOME_NOT_NAMED;
}
