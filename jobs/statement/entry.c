#include "jobs/statement/entry.h"

enum err_code entry_check(const char *what, struct str text, size_t size_max, struct err *err)
{
    if (text.size == 0 || text.size > size_max) {
        return err_set(err, ERR_USAGE, "%s must have 1 to %zu bytes", what, size_max);
    }
    for (size_t i = 0; i < text.size; i++) {
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f) {
            return err_set(err, ERR_USAGE, "%s holds a control character", what);
        }
    }
    if (!str_is_utf8(text)) {
        return err_set(err, ERR_USAGE, "%s is not UTF-8", what);
    }
    return ERR_OK;
}
