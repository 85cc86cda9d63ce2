/* The statement as one table for spreadsheets: section, item, field, value. */
#include <stdio.h>

#include "base/markup.h"
#include "jobs/statement/render.h"

/* Cells that look like formulas get an apostrophe; records end with CRLF, RFC 4180. */
static void begin_row(struct strbuf *out, const char *section, struct str item, const char *field)
{
    markup_csv_cell(out, STR(section), CSV_REPORT);
    strbuf_append_char(out, ',');
    markup_csv_cell(out, item, CSV_REPORT);
    strbuf_append_char(out, ',');
    markup_csv_cell(out, STR(field), CSV_REPORT);
    strbuf_append_char(out, ',');
}

static void row(struct strbuf *out, const char *section, struct str item, const char *field,
                struct str value)
{
    begin_row(out, section, item, field);
    markup_csv_cell(out, value, CSV_REPORT);
    strbuf_append_text(out, "\r\n");
}

/* A value as it stands in the document. Lists and objects have no cell. */
static void value_row(struct strbuf *out, const char *section, struct str item, const char *field,
                      const struct tree *value)
{
    switch (value->kind) {
    case TREE_TEXT:
        row(out, section, item, field, value->text);
        break;
    case TREE_INTEGER:
        begin_row(out, section, item, field);
        strbuf_append_int64(out, value->integer);
        strbuf_append_text(out, "\r\n");
        break;
    case TREE_BOOL:
        row(out, section, item, field, STR(value->truth ? "yes" : "no"));
        break;
    case TREE_NULL:
        row(out, section, item, field, STR(""));
        break;
    case TREE_LIST:
    case TREE_OBJECT:
        break;
    }
}

/* All plain values of an object, and of the objects within it as outer.inner. */
static void object_rows(struct strbuf *out, const char *section, struct str item,
                        const char *prefix, const struct tree *object)
{
    struct strbuf field;

    strbuf_init(&field, 256);
    for (size_t i = 0; i < object->count; i++) {
        const struct tree *child = &object->children[i];

        strbuf_clear(&field);
        strbuf_append_text(&field, prefix);
        strbuf_append(&field, child->key);
        if (child->kind == TREE_OBJECT) {
            strbuf_append_char(&field, '.');
            object_rows(out, section, item, strbuf_text(&field), child);
        } else {
            value_row(out, section, item, strbuf_text(&field), child);
        }
    }
    strbuf_release(&field);
}

/* One item per element; its name is the text at `name`, or its number. */
static void list_rows(struct strbuf *out, const char *section, const struct tree *list,
                      const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        char number[32];
        struct str item = tree_text(&list->children[i], name);

        (void)snprintf(number, sizeof(number), "%zu", i + 1);
        object_rows(out, section, item.size > 0 ? item : STR(number), "", &list->children[i]);
    }
}

static void head_rows(struct strbuf *out, const struct render_source *source)
{
    static const char *const fields[] = {
        "contract.id",
        "contract.customer",
        "contract.digest",
        "period.name",
        "period.time_zone",
        "period.from",
        "period.to",
        "period.seconds",
        "revision",
        "status",
        "method.name",
        "method.pool",
        "target",
        "met",
        "uptime.percent",
        "uptime.numerator",
        "uptime.denominator",
        "worst_service",
        "latency.target",
        "latency.met",
        "latency.uptime.percent",
        "latency.uptime.numerator",
        "latency.uptime.denominator",
        "tier.below",
        "tier.percent",
        "tier.days",
        "tier.amount",
        "credit.amount",
        "credit.currency",
        "credit.claim_until",
        "budget.measured",
        "budget.lost",
        "budget.allowed",
        "budget.unit",
        "completeness.complete",
        "program.version",
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        value_row(out, "statement", STR(""), fields[i], tree_at(source->tree, fields[i]));
    }
    row(out, "statement", STR(""), "sha256", STR(source->sha256));
    object_rows(out, "seconds", STR(""), "", tree_at(source->tree, "seconds"));
}

static void day_rows(struct strbuf *out, const struct tree *services)
{
    for (size_t i = 0; i < services->count; i++) {
        const struct tree *days = tree_at(&services->children[i], "days");

        for (size_t k = 0; k < days->count; k++) {
            struct strbuf item;

            strbuf_init(&item, 512);
            strbuf_append(&item, tree_text(&services->children[i], "service"));
            strbuf_append_char(&item, ' ');
            strbuf_append(&item, tree_text(&days->children[k], "date"));
            object_rows(out, "day", strbuf_view(&item), "", tree_at(&days->children[k], "seconds"));
            strbuf_release(&item);
        }
    }
}

/* What the contract says for each kind of unknown time. */
static void unknown_rows(struct strbuf *out, const struct tree *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        value_row(out, "unknown", rules->children[i].key, "rule", &rules->children[i]);
    }
}

static void explanation_rows(struct strbuf *out, const struct tree *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        value_row(out, "explanation", STR(""), "text", &lines->children[i]);
    }
}

/* Of a revision that followed another one. */
static void change_rows(struct strbuf *out, const struct tree *changes)
{
    const struct tree *causes = tree_at(changes, "causes");

    if (changes->kind != TREE_OBJECT) {
        row(out, "change", STR(""), "text", STR("none: this is the first revision"));
        return;
    }
    for (size_t i = 0; i < causes->count; i++) {
        value_row(out, "change", STR(""), "cause", &causes->children[i]);
    }
    object_rows(out, "change", STR(""), "", changes);
    list_rows(out, "change of service", tree_at(changes, "services"), "service");
}

static void verify_rows(struct strbuf *out, const struct render_source *source)
{
    row(out, "verify", STR(""), "sha256", STR(source->sha256));
    row(out, "verify", STR(""), "text",
        STR("the SHA-256 of the JSON document; compare it with the output of sha256sum"));
    value_row(out, "verify", STR(""), "claim_until", tree_at(source->tree, "credit.claim_until"));
}

/* The parts in the order of the page. */
enum err_code render_csv(const struct render_source *source, struct strbuf *out, struct err *err)
{
    const struct tree *document = source->tree;
    const struct tree *services = tree_at(document, "services");

    (void)err;
    strbuf_append_text(out, "section,item,field,value\r\n");
    head_rows(out, source);
    list_rows(out, "service", services, "service");
    day_rows(out, services);
    list_rows(out, "incident", tree_at(document, "incidents"), "id");
    list_rows(out, "exclusion", tree_at(document, "exclusions"), "");
    list_rows(out, "reclassification", tree_at(document, "reclassifications"), "");
    unknown_rows(out, tree_at(document, "contract.terms.availability.unknown"));
    list_rows(out, "lost", tree_at(document, "completeness.lost"), "");
    list_rows(out, "gap", tree_at(document, "completeness.gaps"), "");
    list_rows(out, "border", tree_at(document, "borders"), "");
    list_rows(out, "latency_border", tree_at(document, "latency.borders"), "");
    list_rows(out, "credit", tree_at(document, "credit.steps"), "name");
    change_rows(out, tree_at(document, "changes"));
    object_rows(out, "method", STR(""), "", tree_at(document, "method"));
    explanation_rows(out, tree_at(document, "explanation"));
    list_rows(out, "partition", tree_at(document, "completeness.partitions"), "");
    verify_rows(out, source);
    return ERR_OK;
}
