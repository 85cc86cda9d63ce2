/*
 * Errors of the world outside: what a caller is told when a file, a network or a text is not as it should be.
 *
 * A function that can fail returns enum err_code and has `struct err *err` as its last parameter, never NULL
 * and untouched on success. The codes are the exit statuses of the program, so that the same word means the
 * same thing in the code, in the manual and in a scheduler. A message is one line without a full stop: what
 * is wrong, with its place, and where it helps what to do.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

enum err_code {
    ERR_OK = 0,
    ERR_FAILED = 1,   /* none of the others: a file cannot be written, a thread cannot be started */
    ERR_USAGE = 2,    /* the command line */
    ERR_CONFIG = 3,   /* the configuration, or a mapping that fits nothing */
    ERR_DATA = 4,     /* input data as a whole is unusable */
    ERR_BROKER = 5,   /* broker or schema registry; also offsets that were lost to retention */
    ERR_STORE = 6,    /* database, or a file of it */
    ERR_DELIVERY = 7, /* mail, upload, publishing: other content stands under that name */
    ERR_FENCED = 8,   /* somebody else owns the partition or the lease, or holds the lock */
    ERR_MISMATCH = 9, /* an audit or a verification found a difference */
    ERR_MISSED = 10,  /* a target was missed; only with --exit-code */
    ERR_INTERRUPTED = 128 /* a signal asked us to stop; the exit status adds its number */
};

enum { ERR_TEXT_SIZE = 1024 };

struct err {
    enum err_code code;
    bool retriable; /* the same call may succeed later without any change */
    char text[ERR_TEXT_SIZE];
};

#define ERR_INIT ((struct err){.code = ERR_OK})

/* Sets code and text; returns code. A text that does not fit is cut. Control characters become '?', so that
 * text from outside cannot forge a second line. */
enum err_code err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_set, and marks the error as retriable. */
enum err_code err_set_retriable(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Puts "WORDS: " in front of the text; the code stays. Returns the code. */
enum err_code err_context(struct err *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Like err_set with ": " and the text of errno behind. */
enum err_code err_set_errno(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
