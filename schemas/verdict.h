/*
 * Verdicts: what became of a record. Every record gets exactly one.
 *
 * The names are a public interface (people filter by them) and are stored; never rename, only append.
 */
#ifndef SCHEMAS_VERDICT_H
#define SCHEMAS_VERDICT_H

enum verdict {
    VERDICT_TALLIED,
    VERDICT_TOMBSTONE, /* exclusions */
    VERDICT_NOT_A_REQUEST,
    VERDICT_RULE, /* a rule of the configuration; reported as rule:NAME */
    VERDICT_DUPLICATE,
    VERDICT_MALFORMED, /* dead letters */
    VERDICT_TOO_DEEP,
    VERDICT_TOO_LARGE,
    VERDICT_BAD_FRAMING,
    VERDICT_UNKNOWN_SCHEMA,
    VERDICT_BAD_SCHEMA,
    VERDICT_UNMAPPED_SCHEMA,
    VERDICT_BAD_NAME,
    VERDICT_BAD_OUTCOME,
    VERDICT_BAD_LATENCY,
    VERDICT_TIME_OUT_OF_RANGE,
    VERDICT_UNDECLARED_SERVICE,
    VERDICT_ARCHIVED, /* an exclusion: the only verdict of the book "archive", which tallies nothing */
    VERDICT_OTHER_MONTH, /* exclusions of a rebuild: not of its month, ... */
    VERDICT_KNOWN_DEAD,  /* ... and what was decided when the record was read first is taken over */
    VERDICT_KNOWN_DUPLICATE,
    VERDICT_KNOWN_LOST,
    VERDICT_COUNT
};

/* The five counts that add up to the records delivered are four of these and, apart, the absent offsets. */
enum verdict_class {
    VERDICT_CLASS_TALLIED,
    VERDICT_CLASS_EXCLUDED,
    VERDICT_CLASS_DUPLICATE,
    VERDICT_CLASS_DEAD
};

struct verdict_row {
    const char *name;
    enum verdict_class class;
    const char *help; /* one line, for manuals and messages */
};

const struct verdict_row *verdict_row(enum verdict verdict);

#endif
