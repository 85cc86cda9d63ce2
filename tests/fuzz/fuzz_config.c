/*
 * The configuration from hostile bytes: no crash, no hang, and what was accepted can be shown and read again to the same meaning.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "jobs/config/config.h"
#include "jobs/config/show.h"
#include "jobs/config/tables.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_shown(struct str text, const struct config *config)
{
    struct arena scratch = ARENA_INIT;
    const struct conf_node *root;
    struct config *again;
    struct strbuf shown;
    struct err err = ERR_INIT;

    strbuf_init(&shown, CONFIG_SHOW_SIZE_MAX);
    CHECK(conf_parse(&scratch, text, "f", &root, &err) == ERR_OK);
    conf_table_show(&config_table, root, &shown);
    /* Defaults may carry a file over the limit of the reader. */
    if (!shown.overflow && shown.size <= CONF_SIZE_MAX) {
        CHECK(config_parse(strbuf_view(&shown), "f", &again, &err) == ERR_OK);
        CHECK(again->topic_count == config->topic_count);
        CHECK(again->contract_count == config->contract_count);
        CHECK(again->slo_count == config->slo_count);
        for (size_t i = 0; i < config->topic_count; i++) {
            CHECK(strcmp(again->topics[i].digest, config->topics[i].digest) == 0);
        }
        for (size_t i = 0; i < config->contract_count; i++) {
            CHECK(strcmp(again->contracts[i].digest, config->contracts[i].digest) == 0);
        }
        config_free(again);
    }
    strbuf_release(&shown);
    arena_release(&scratch);
}

/* Revisions are measured by stored terms: these are a contract again, and the same one. */
static void check_terms(const struct contract *contract)
{
    struct config *again;
    struct strbuf text;
    struct err err = ERR_INIT;

    strbuf_init(&text, CONF_SIZE_MAX);
    strbuf_append_text(&text, "contracts:\n  - ");
    strbuf_append(&text, contract->terms);
    strbuf_append_char(&text, '\n');
    if (!text.overflow) {
        CHECK(config_parse(strbuf_view(&text), "terms", &again, &err) == ERR_OK);
        CHECK(strcmp(again->contracts[0].digest, contract->digest) == 0);
        config_free(again);
    }
    strbuf_release(&text);
}

/* What is not kept is refused for the same reason at the same place. */
static void check_passed_over(struct str text)
{
    struct arena scratch = ARENA_INIT;
    const struct conf_node *root;
    struct err kept = ERR_INIT, passed = ERR_INIT;
    enum err_code code = conf_parse(&scratch, text, "f", &root, &kept);

    CHECK(conf_parse_without(&scratch, text, "f", "contracts", &root, &passed) == code);
    CHECK(strcmp(kept.text, passed.text) == 0);
    arena_release(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size);
    struct config *config;
    struct err err = ERR_INIT;

    check_passed_over(text);
    if (config_parse(text, "f", &config, &err) == ERR_OK) {
        check_shown(text, config);
        for (size_t i = 0; i < config->contract_count; i++) {
            check_terms(&config->contracts[i]);
        }
        config_free(config);
    } else {
        CHECK(err.text[0] != '\0');
        CHECK(err.code == ERR_CONFIG);
    }
    return 0;
}
