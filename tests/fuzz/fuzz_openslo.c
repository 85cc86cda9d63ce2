/*
 * OpenSLO documents from hostile bytes: no crash, no hang, and what is printed is a configuration.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "jobs/config/config.h"
#include "jobs/slo/openslo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config;
    struct openslo openslo;
    struct strbuf out;
    struct err err = ERR_INIT;
    enum err_code code;

    openslo_init(&openslo);
    strbuf_init(&out, CONF_SIZE_MAX);
    code = openslo_read(&openslo, str_of((const char *)data, size), "f", &err);
    if (code == ERR_OK) {
        code = openslo_write(&openslo, &out, &err);
    }
    if (code == ERR_OK) {
        CHECK(config_parse(strbuf_view(&out), "out", &config, &err) == ERR_OK);
        config_free(config);
    } else {
        CHECK(err.text[0] != '\0');
        CHECK(err.code == ERR_CONFIG);
    }
    strbuf_release(&out);
    openslo_release(&openslo);
    return 0;
}
