#include "jobs/statement/terms.h"

#include "jobs/config/config.h"

enum { TERMS_SIZE_MAX = 5 * 1024 * 1024 };

static enum err_code read_row(struct db *db, struct str contract, struct str digest,
                              struct strbuf *ret_text, struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code = db_prepare(db,
                                    "SELECT contract, digest, text, seen_ns, checksum FROM terms"
                                    " WHERE contract = $1 AND digest = $2",
                                    &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_text(stmt, 1, contract);
    db_bind_text(stmt, 2, digest);
    code = db_step(stmt, &row, err);
    if (code == ERR_OK && !row) {
        code = err_set(err, ERR_MISMATCH, "the store does not have them");
    } else if (code == ERR_OK && db_column_checksum(stmt, 4) != db_column_int64(stmt, 4)) {
        code = err_set(err, ERR_MISMATCH, "the row's checksum does not match");
    } else if (code == ERR_OK) {
        strbuf_append(ret_text, db_column_text(stmt, 2));
    }
    db_reset(stmt);
    return code;
}

/* Canonical terms are written in the words of the configuration, and JSON is YAML. */
enum err_code terms_parse(struct str text, struct str digest, struct config **ret_config,
                          struct err *err)
{
    static const char head[] = "store: {sqlite: none}\noutput: none\ncontracts:\n  - ";
    struct config *config;
    struct strbuf whole;
    enum err_code code;

    strbuf_init(&whole, TERMS_SIZE_MAX);
    strbuf_append_text(&whole, head);
    strbuf_append(&whole, text);
    strbuf_append_char(&whole, '\n');
    code = config_parse(strbuf_view(&whole), "terms", &config, err);
    strbuf_release(&whole);
    if (code != ERR_OK) {
        return code;
    }
    if (config->contract_count != 1 || !str_equal(STR(config->contracts[0].digest), digest)) {
        config_free(config);
        return err_set(err, ERR_CONFIG, "this version of the program reads them differently");
    }
    *ret_config = config;
    return ERR_OK;
}

enum err_code terms_open(struct db *db, struct str contract, struct str digest,
                         struct config **ret_config, const struct contract **ret_contract,
                         struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, TERMS_SIZE_MAX);
    code = read_row(db, contract, digest, &text, err);
    if (code == ERR_OK) {
        code = terms_parse(strbuf_view(&text), digest, ret_config, err);
    }
    strbuf_release(&text);
    if (code == ERR_OK) {
        *ret_contract = &(*ret_config)->contracts[0];
    }
    return code == ERR_OK ? ERR_OK : err_context(err, "the terms it was issued under");
}

void terms_close(struct config *config)
{
    config_free(config);
}
