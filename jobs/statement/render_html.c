#include "jobs/statement/render.h"
void render_html(const struct render_source *source, struct strbuf *out)
{
    strbuf_append_text(out, source->sha256);
}
