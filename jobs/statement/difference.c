#include "jobs/statement/difference.h"

#include "base/check.h"
#include "base/money.h"

enum { CAUSE_COUNT = 5, AMOUNT_SIZE_MAX = 64 };

static const struct {
    const char *name, *words;
} causes[CAUSE_COUNT] = {
    {"late_data", "late data"},
    {"reclassification", "a reclassification"},
    {"announcement", "a withdrawn announcement"},
    {"terms", "changed terms"},
    {"program", "another version of the program"},
};

const char *difference_cause_name(enum difference_cause cause)
{
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if ((unsigned)cause == 1U << i) {
            return causes[i].name;
        }
    }
    CHECK(false);
    return "";
}

void difference_words(unsigned bits, struct strbuf *out)
{
    const char *between = "";

    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if ((bits & 1U << i) != 0) {
            strbuf_append_text(out, between);
            strbuf_append_text(out, causes[i].words);
            between = " and ";
        }
    }
}

/* Whether all these places of two objects are equal. */
static bool same(const struct tree *a, const struct tree *b, const char *const *paths)
{
    for (; *paths != NULL; paths++) {
        if (!tree_equal(tree_at(a, *paths), tree_at(b, *paths))) {
            return false;
        }
    }
    return true;
}

/* A list whose elements are compared in these places; `counts` (may be NULL) says which elements matter. */
struct list_rule {
    const char *path;
    bool (*counts)(const struct tree *element);
    const char *const *paths;
};

static bool has_excused(const struct tree *exclusion)
{
    return tree_integer(exclusion, "excused_seconds") > 0;
}

/* What was entered after the fact can have no effect. */
static bool may_excuse(const struct tree *exclusion)
{
    return !str_equal(tree_text(exclusion, "state"), STR("after_the_fact"));
}

/* The next element from *at on that matters; NULL: none. */
static const struct tree *next(const struct tree *list, const struct list_rule *rule, size_t *at)
{
    while (list->kind == TREE_LIST && *at < list->count) {
        const struct tree *element = &list->children[(*at)++];

        if (rule->counts == NULL || rule->counts(element)) {
            return element;
        }
    }
    return NULL;
}

static bool same_list(const struct tree *a, const struct tree *b, const struct list_rule *rule)
{
    const struct tree *list_a = tree_at(a, rule->path);
    const struct tree *list_b = tree_at(b, rule->path);
    size_t at_a = 0;
    size_t at_b = 0;

    for (;;) {
        const struct tree *x = next(list_a, rule, &at_a);
        const struct tree *y = next(list_b, rule, &at_b);

        if (x == NULL || y == NULL) {
            return x == y;
        }
        if (!same(x, y, rule->paths)) {
            return false;
        }
    }
}

static bool same_lists(const struct tree *a, const struct tree *b, const struct list_rule *rules,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!same_list(a, b, &rules[i])) {
            return false;
        }
    }
    return true;
}

bool difference_none(const struct tree *before, const struct tree *after)
{
    static const char *const figures[] = {"uptime.numerator",
                                          "uptime.denominator",
                                          "met",
                                          "tier",
                                          "latency.uptime.numerator",
                                          "latency.uptime.denominator",
                                          "latency.met",
                                          "latency.tier",
                                          "credit.amount_minor",
                                          "credit.currency",
                                          "seconds",
                                          "period.from",
                                          "period.to",
                                          NULL};
    static const char *const of_service[] = {"service",
                                             "uptime.numerator",
                                             "uptime.denominator",
                                             "latency.uptime.numerator",
                                             "latency.uptime.denominator",
                                             "met",
                                             "tier",
                                             "seconds",
                                             "days",
                                             NULL};
    static const char *const of_incident[] = {"id", "to", "worst", "treatment", "seconds", NULL};
    static const char *const of_exclusion[] = {"service", "announcement", "excused_seconds", NULL};
    static const struct list_rule lists[] = {{"services", NULL, of_service},
                                             {"incidents", NULL, of_incident},
                                             {"exclusions", has_excused, of_exclusion}};

    return same(before, after, figures) && same_lists(before, after, lists, ARRAY_COUNT(lists));
}

/* Events leave their offsets and counts; what was incomplete and is not any more was read since. */
static bool data_differ(const struct tree *before, const struct tree *after)
{
    static const char *const facts[] = {"completeness.complete", "completeness.lost", NULL};
    static const char *const of_partition[] = {"topic", "incarnation", "partition",
                                               "low",   "high",        NULL};
    static const char *const of_service[] = {"service", "requests", NULL};
    static const struct list_rule lists[] = {{"completeness.partitions", NULL, of_partition},
                                             {"services", NULL, of_service}};

    return !same(before, after, facts) || !same_lists(before, after, lists, ARRAY_COUNT(lists));
}

unsigned difference_causes(const struct tree *before, const struct tree *after, bool books_changed)
{
    static const char *const terms[] = {"contract.digest", NULL};
    static const char *const program[] = {"program.version", NULL};
    static const char *const of_entry[] = {"id", "withdrawn", NULL};
    static const char *const of_exclusion[] = {"service", "announcement", "state", NULL};
    static const struct list_rule entries = {"reclassifications", NULL, of_entry};
    static const struct list_rule exclusions = {"exclusions", may_excuse, of_exclusion};
    unsigned found = 0;

    found |= data_differ(before, after) ? CAUSE_LATE_DATA : 0U;
    found |= same_list(before, after, &entries) ? 0U : CAUSE_RECLASSIFICATION;
    if (!same(before, after, terms)) {
        found |= CAUSE_TERMS;
    } else if (!same_list(before, after, &exclusions)) {
        found |= CAUSE_ANNOUNCEMENT;
    }
    if (found == 0) {
        found = books_changed || same(before, after, program) ? CAUSE_LATE_DATA : CAUSE_PROGRAM;
    }
    return found;
}

static void write_credit(struct json_writer *json, const char *key, struct str currency,
                         int64_t amount_minor)
{
    const struct currency *known = currency_find(currency);
    struct strbuf amount;

    strbuf_init(&amount, AMOUNT_SIZE_MAX);
    if (known != NULL) {
        money_format(&amount, known, amount_minor);
    }
    json_open_object(json, key);
    json_str(json, "amount", strbuf_view(&amount));
    json_int64(json, "amount_minor", amount_minor);
    json_str(json, "currency", currency);
    json_close(json);
    strbuf_release(&amount);
}

/* Null if neither has a credit. What is not there is 0. */
static void write_money(struct json_writer *json, const struct difference *difference)
{
    const struct tree *before = difference->before;
    const struct tree *after = difference->after;
    struct str currency = tree_text(after, "credit.currency");
    int64_t moved;

    if (!tree_present(after, "credit")) {
        currency = tree_text(before, "credit.currency");
    }
    if (currency.size == 0 ||
        __builtin_sub_overflow(tree_integer(after, "credit.amount_minor"),
                               tree_integer(before, "credit.amount_minor"), &moved)) {
        json_nothing(json, "credit_difference");
    } else {
        write_credit(json, "credit_difference", currency, moved);
    }
}

static void write_side(struct json_writer *json, const char *key, const struct tree *document)
{
    json_open_object(json, key);
    if (tree_present(document, "credit")) {
        write_credit(json, "credit", tree_text(document, "credit.currency"),
                     tree_integer(document, "credit.amount_minor"));
    } else {
        json_nothing(json, "credit");
    }
    (void)tree_write(json, "latency", tree_at(document, "latency.uptime"));
    (void)tree_write(json, "met", tree_at(document, "met"));
    (void)tree_write(json, "tier", tree_at(document, "tier"));
    (void)tree_write(json, "uptime", tree_at(document, "uptime"));
    json_close(json);
}

/* Columns that changed, by how much. Both objects have their keys in order. */
static void write_moved(struct json_writer *json, const struct tree *before,
                        const struct tree *after)
{
    const struct tree *columns = tree_at(after, "seconds");

    json_open_object(json, "seconds_moved");
    for (size_t i = 0; columns->kind == TREE_OBJECT && i < columns->count; i++) {
        const struct tree *column = &columns->children[i];
        int64_t moved = 0;

        (void)__builtin_sub_overflow(column->integer,
                                     tree_at(tree_at(before, "seconds"), column->key.data)->integer,
                                     &moved);
        if (moved != 0) {
            json_int64(json, column->key.data, moved);
        }
    }
    json_close(json);
}

static const struct tree *find_service(const struct tree *document, struct str name)
{
    const struct tree *services = tree_at(document, "services");

    for (size_t i = 0; services->kind == TREE_LIST && i < services->count; i++) {
        if (str_equal(tree_text(&services->children[i], "service"), name)) {
            return &services->children[i];
        }
    }
    return tree_at(document, "services.nothing");
}

/* Services whose time or fraction changed. */
static void write_services(struct json_writer *json, const struct difference *difference)
{
    static const char *const figures[] = {"uptime", "seconds", "days", NULL};
    const struct tree *services = tree_at(difference->after, "services");

    json_open_array(json, "services");
    for (size_t i = 0; services->kind == TREE_LIST && i < services->count; i++) {
        const struct tree *after = &services->children[i];
        const struct tree *before = find_service(difference->before, tree_text(after, "service"));

        if (same(before, after, figures)) {
            continue;
        }
        json_open_object(json, NULL);
        (void)tree_write(json, "after", tree_at(after, "uptime"));
        (void)tree_write(json, "before", tree_at(before, "uptime"));
        write_moved(json, before, after);
        json_str(json, "service", tree_text(after, "service"));
        json_close(json);
    }
    json_close(json);
}

static void write_two(struct json_writer *json, const char *key, struct str after,
                      struct str before)
{
    json_open_object(json, key);
    json_str(json, "after", after);
    json_str(json, "before", before);
    json_close(json);
}

void difference_write(struct json_writer *json, const char *key,
                      const struct difference *difference)
{
    const struct tree *before = difference->before;
    const struct tree *after = difference->after;

    json_open_object(json, key);
    write_side(json, "after", after);
    write_side(json, "before", before);
    json_open_array(json, "causes");
    for (size_t i = 0; i < CAUSE_COUNT; i++) {
        if ((difference->causes & 1U << i) != 0) {
            json_text(json, NULL, causes[i].name);
        }
    }
    json_close(json);
    write_money(json, difference);
    write_two(json, "program", tree_text(after, "program.version"),
              tree_text(before, "program.version"));
    if (difference->reason.size > 0) {
        json_str(json, "reason", difference->reason);
    } else {
        json_nothing(json, "reason");
    }
    json_int64(json, "revision_before", difference->revision_before);
    write_moved(json, before, after);
    write_services(json, difference);
    json_text(json, "sha256_before", difference->sha256_before);
    write_two(json, "terms", tree_text(after, "contract.digest"),
              tree_text(before, "contract.digest"));
    json_close(json);
}
