/*
 * The seam for object storage: named immutable blobs in a folder (or a bucket, to come).
 *
 * An object appears under its name only when it is complete: temporary file, fsync, rename, fsync of the
 * folder. A process that dies in between leaves a hidden temporary file; the next one that puts or looks for an object in the same
 * folder removes it, and knows by a file lock which ones still have a writer. Names are relative paths of [A-Za-z0-9._-] parts, never
 * starting with a dot; anything else is refused, and no symbolic link is followed. Errors: ERR_DELIVERY.
 */
#ifndef BASE_OBJECTS_H
#define BASE_OBJECTS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

enum objects_mode {
    OBJECTS_NEW, /* the same content again is success, other content under this name is ERR_DELIVERY */
    OBJECTS_NEW_SOON, /* the same, but its name is lasting only with the next object that is put into its folder in another way */
    OBJECTS_REPLACE   /* for pages that are always current */
};

enum objects_kind { OBJECTS_FILE, OBJECTS_FOLDER, OBJECTS_OTHER /* a link, a pipe, a device */ };

struct objects_entry {
    const char *name; /* the last part */
    enum objects_kind kind;
};

/* Takes content part by part. */
struct objects_sink {
    enum err_code (*write)(void *context, struct str part, struct err *err);
    void *context;
};

/* A file of this machine that is to become an object: whoever began it writes it through fd, which is open for reading and writing too. */
struct objects_draft {
    int fd; /* the draft's */
};

struct objects {
    enum err_code (*put)(struct objects *objects, const char *name, struct str content,
                         enum objects_mode mode, struct err *err);
    /* The same with OBJECTS_REPLACE for content that is never whole in memory: fill writes it to the sink. If fill fails nothing appears,
     * and its error is the result. */
    enum err_code (*put_parts)(struct objects *objects, const char *name,
                               enum err_code (*fill)(void *context, const struct objects_sink *sink,
                                                     struct err *err),
                               void *context, struct err *err);
    /* *ret_found false if there is none. Appends to content. */
    enum err_code (*get)(struct objects *objects, const char *name, bool *ret_found,
                         struct strbuf *content, struct err *err);
    /* Whether an object stands there, whatever its content. */
    enum err_code (*exists)(struct objects *objects, const char *name, bool *ret_found,
                            struct err *err);
    /* Calls entry for what stands directly in that folder ("": the top), in the order of the names; passes over names that no object can have. An
     * error of entry ends it. Nothing if there is no such folder; ERR_DELIVERY if it holds more than a million names. */
    enum err_code (*list)(struct objects *objects, const char *folder,
                          enum err_code (*entry)(void *context, const struct objects_entry *entry,
                                                 struct err *err),
                          void *context, struct err *err);
    /* For content that is long, or whose beginning is known last: an empty file, until it is published. Of the name only the folder counts. */
    enum err_code (*draft)(struct objects *objects, const char *name,
                           struct objects_draft **ret_draft, struct err *err);
    /* Makes it the object of that name, in the folder of its draft, lasting, as put does with OBJECTS_NEW. The draft is gone afterwards, whatever
     * came out. */
    enum err_code (*publish)(struct objects *objects, struct objects_draft *draft, const char *name,
                             struct err *err);
    /* Nothing of it is left. NULL is allowed. */
    void (*discard)(struct objects *objects, struct objects_draft *draft);
    /* Opens it for reading; the caller closes *ret_fd. */
    enum err_code (*open)(struct objects *objects, const char *name, bool *ret_found, int *ret_fd,
                          struct err *err);
    /* Removes it, lastingly. *ret_found false: there was none. */
    enum err_code (*remove)(struct objects *objects, const char *name, bool *ret_found,
                            struct err *err);
    /* Where a person finds it: path or URL. Appended. */
    void (*locate)(struct objects *objects, const char *name, struct strbuf *ret_place);
    void (*close)(struct objects *objects);
};

/* The folder is created if its parent exists. The caller owns it: objects->close(objects). */
enum err_code objects_folder_open(const char *path, struct objects **ret_objects, struct err *err);
/* Only for looking: nothing is created or removed, put is refused. NULL if there is no such folder. */
enum err_code objects_folder_open_read(const char *path, struct objects **ret_objects,
                                       struct err *err);

#endif
