/*
 * The verification of issued statements: of the files alone, with neither store nor configuration.
 *
 * Checked are: the canonical form, the SHA-256 beside the file, that the terms are those of their digest, that all columns add up, that percents, met, tier
 * and borders follow from the fractions and the terms, and the credit from its steps; then the chain of revisions. Figures are compared
 * as exact numbers. Documents come from anywhere: sizes and numbers of values are bounded, nothing in them stops the program.
 */
#ifndef JOBS_STATEMENT_VERIFY_H
#define JOBS_STATEMENT_VERIFY_H

#include "base/db.h"
#include "base/hash.h"
#include "jobs/statement/tree.h"

enum {
    VERIFY_SIZE_MAX = 64 * 1024 * 1024,
    VERIFY_VALUES_MAX = 2000000, /* in one document */
    VERIFY_DIGITS_MAX = 1000000, /* of a numerator or denominator: means of many ratios are long */
    VERIFY_DECIMAL_DIGITS_MAX = 400, /* of a percent or an amount */
    VERIFY_SERVICES_MAX = 1000,      /* as many as a contract may have ... */
    VERIFY_TIERS_MAX = 32,           /* ... of these, too */
    VERIFY_COLUMNS_MAX = 64,         /* of seconds */
    VERIFY_STEPS_MAX = 64,           /* of a credit */
    VERIFY_FINDINGS_MAX = 20         /* shown of one document; all are counted */
};

struct verify_document {
    const char *path; /* for findings; borrowed */
    struct str text;  /* borrowed */
    struct arena arena;
    const struct tree *tree; /* NULL: it is no statement at all */
    char sha256[HASH_HEX_SIZE];
    struct str contract, period; /* of the tree */
    int64_t revision;
    int64_t findings;
    /* One line of a finding, without the path. */
    void (*finding)(void *context, const struct verify_document *document, const char *line);
    void *context;
};

/* path, text, finding and context are set by the caller; the rest is filled in, and released by verify_release. */
void verify_open(struct verify_document *document);
void verify_release(struct verify_document *document);
/* All that the document says by itself. */
void verify_alone(struct verify_document *document);
/* That `document` is the revision that follows `before`. */
void verify_follows(struct verify_document *document, const struct verify_document *before);
/* That the store has issued exactly this. ERR_STORE. */
enum err_code verify_issued(struct verify_document *document, struct db *db, struct err *err);

/* For verify*.c: notes a finding; place is that in the document, or "". */
void verify_find(struct verify_document *document, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void verify_figures(struct verify_document *document);
void verify_credit(struct verify_document *document);

#endif
