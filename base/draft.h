/*
 * A draft: a file that is not there yet, under a hidden temporary name until it is given its own.
 *
 * It is locked (flock) from before its name can be mistaken for a leftover until it is closed, so draft_sweep can tell the rest of a
 * process that died, which nobody locks any more, from another process's file. Where files cannot be locked nothing is ever swept. Functions
 * return false with errno.
 */
#ifndef BASE_DRAFT_H
#define BASE_DRAFT_H

#include "base/random.h"
#include "base/str.h"

enum { DRAFT_NAME_SIZE = 40 };

struct draft {
    int folder; /* borrowed: the open folder of the file */
    int fd;     /* owned, for reading and writing; -1: none */
    char name[DRAFT_NAME_SIZE];
};

/* Complete and durable under its temporary name; on failure nothing is left. random: for the name. */
bool draft_write(struct draft *draft, int folder, struct random *random, struct str content);
/* The same of content that comes in parts: begun, appended to, made durable. After a failure it is to be closed. */
bool draft_begin(struct draft *draft, int folder, struct random *random);
bool draft_append(struct draft *draft, struct str part);
bool draft_sync(struct draft *draft);
/* Gives it its name: in place of what stands there, or with EEXIST if anything does. Lasting only after an fsync of the folder. */
bool draft_publish(struct draft *draft, const char *name, bool replace);
/* Removes what is left under the temporary name, and the lock. Harmless after a failure. */
void draft_close(struct draft *draft);
/* Removes what processes that died have left in the folder; best effort. Returns how many. */
int draft_sweep(int folder);

#endif
