#include "consumers/source.h"

enum err_code source_give(struct source *source, int64_t timeout_ns,
                          const struct source_taker *taker, size_t *ret_count, struct err *err)
{
    const struct source_item *items;

    if (source->give != NULL) {
        return source->give(source, timeout_ns, taker, ret_count, err);
    }
    if (source->poll(source, timeout_ns, &items, ret_count, err) != ERR_OK) {
        return err->code;
    }
    for (size_t i = 0; i < *ret_count; i++) {
        if (taker->take(taker->context, &items[i], err) != ERR_OK) {
            return err->code;
        }
    }
    return ERR_OK;
}
