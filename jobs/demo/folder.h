/*
 * The demo's output folder. A folder is used only if it is new, empty, or an earlier demo's, which a marker file tells; an earlier
 * demo's results are removed first, and nothing else ever is.
 */
#ifndef JOBS_DEMO_FOLDER_H
#define JOBS_DEMO_FOLDER_H

#include "base/err.h"
#include "base/str.h"

/* ERR_USAGE: somebody else's files are in it; ERR_FAILED: it cannot be created or emptied. */
enum err_code demo_folder_prepare(const char *path, struct err *err);
/* Writes a text file in it. */
enum err_code demo_folder_write(const char *path, const char *name, struct str content,
                                struct err *err);

#endif
