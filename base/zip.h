/*
 * ZIP archives, written as a stream: names in, bytes out, nothing kept but the directory.
 *
 * The same entries in the same order give the same bytes, with one version of zlib: all times are 1980-01-01, all files rw-r--r--, the
 * compression is zlib's default and never anything else. The directory at the end is sorted by name. Plain ZIP, which every system opens:
 * an archive or file of 4 GiB or more, or more than 65,534 files, is refused with ERR_DATA. Names are ASCII, relative, without "..";
 * anything else is a bug of the caller, as is the same name twice. One thread.
 */
#ifndef BASE_ZIP_H
#define BASE_ZIP_H

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"

struct zip;

/* A file that is complete. */
struct zip_entry {
    const char *name; /* owned by the archive */
    int64_t size;
    char sha256[HASH_HEX_SIZE];
};

/* write takes the archive's bytes; its errors become those of the functions below. The caller owns the result. */
struct zip *zip_new(enum err_code (*write)(void *context, struct str part, struct err *err),
                    void *context);
/* Begins a file; the one before is ended. */
enum err_code zip_begin(struct zip *zip, const char *name, struct err *err);
enum err_code zip_write(struct zip *zip, struct str part, struct err *err);
/* Ends the last file. */
enum err_code zip_end(struct zip *zip, struct err *err);
/* Files that were ended, in the order of their names; valid until the next zip_begin. */
size_t zip_entries(struct zip *zip, const struct zip_entry **ret_entries);
/* Ends the last file and writes the directory: nothing may follow. */
enum err_code zip_finish(struct zip *zip, struct err *err);
/* NULL is allowed. */
void zip_free(struct zip *zip);

#endif
