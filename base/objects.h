/*
 * The seam for object storage: named immutable blobs in a folder (or a bucket, to come).
 *
 * An object appears under its name only when it is complete: temporary file, fsync, rename, fsync of the
 * folder. Names are relative paths of [A-Za-z0-9._-] parts, never starting with a dot; anything else is refused,
 * and no symbolic link is followed. Errors: ERR_DELIVERY.
 */
#ifndef BASE_OBJECTS_H
#define BASE_OBJECTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum objects_mode {
    OBJECTS_NEW, /* the same content again is success, other content under this name is ERR_DELIVERY */
    OBJECTS_REPLACE /* for pages that are always current */
};

struct objects {
    enum err_code (*put)(struct objects *objects, const char *name, struct str content,
                         enum objects_mode mode, struct err *err);
    /* *ret_found false if there is none. Appends to content. */
    enum err_code (*get)(struct objects *objects, const char *name, bool *ret_found,
                         struct strbuf *content, struct err *err);
    /* Where a person finds it: path or URL. Appended. */
    void (*locate)(struct objects *objects, const char *name, struct strbuf *ret_place);
    void (*close)(struct objects *objects);
};

/* The folder is created if its parent exists. The caller owns it: objects->close(objects). */
enum err_code objects_folder_open(const char *path, struct objects **ret_objects, struct err *err);

#endif
