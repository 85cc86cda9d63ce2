/*
 * The difference between an issued statement and what would be issued today: whether there is one, why, and the part `changes` of the revision that
 * follows.
 *
 * The result of a statement is what somebody may act on: the fraction and what follows from it (met, tier, credit), the seconds of each column, service
 * and day, the incidents, and what maintenance excused. Offsets, counts of requests behind an unchanged fraction, terms, wording and the version of the program
 * are not the result: decision 22. Documents come from the store and may be anything; nothing of that stops the program.
 */
#ifndef JOBS_STATEMENT_DIFFERENCE_H
#define JOBS_STATEMENT_DIFFERENCE_H

#include "base/json.h"
#include "jobs/statement/tree.h"

/* Bits. */
enum difference_cause {
    CAUSE_LATE_DATA = 1, /* events that were read, or read again, since */
    CAUSE_RECLASSIFICATION = 2,
    CAUSE_ANNOUNCEMENT = 4, /* one was withdrawn */
    CAUSE_TERMS = 8,
    CAUSE_PROGRAM = 16 /* nothing else changed: this version computes otherwise */
};

struct difference {
    const struct tree *before, *after; /* borrowed */
    int64_t revision_before;
    const char *sha256_before;
    unsigned causes;
    struct str reason; /* what an operator gave; empty: none */
};

/* Whether the two say the same result. */
bool difference_none(const struct tree *before, const struct tree *after);
/* Why they differ, as far as the documents show; books_changed: something of the period was graded again since. */
unsigned difference_causes(const struct tree *before, const struct tree *after, bool books_changed);
/* "late_data", and "late data" in words; cause is one bit. */
const char *difference_cause_name(enum difference_cause cause);
/* Appends the causes in words: "late data and a reclassification". */
void difference_words(unsigned causes, struct strbuf *out);
void difference_write(struct json_writer *json, const char *key,
                      const struct difference *difference);

#endif
