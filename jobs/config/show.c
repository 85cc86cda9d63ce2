#include "jobs/config/show.h"

#include "jobs/config/tables.h"

void config_json_schema(struct strbuf *out)
{
    conf_table_schema(&config_table, "uptally configuration", out);
}

void config_reference(struct strbuf *out)
{
    conf_table_reference(&config_table, out);
}

enum err_code config_show(const char *path, struct strbuf *out, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct strbuf content;
    const struct conf_node *root;
    enum err_code code;

    strbuf_init(&content, CONF_SIZE_MAX);
    code = config_read_text(path, &content, err);
    if (code == ERR_OK) {
        code = conf_parse(&scratch, strbuf_view(&content), path, &root, err);
    }
    if (code == ERR_OK) {
        conf_table_show(&config_table, root, out);
    }
    strbuf_release(&content);
    arena_release(&scratch);
    return code;
}
