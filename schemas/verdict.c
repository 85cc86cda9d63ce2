#include "schemas/verdict.h"

#include "base/check.h"

static const struct verdict_row rows[VERDICT_COUNT] = {
    [VERDICT_TALLIED] = {"tallied", VERDICT_CLASS_TALLIED, "counted in a window"},
    [VERDICT_TOMBSTONE] = {"tombstone", VERDICT_CLASS_EXCLUDED, "a record without a payload"},
    [VERDICT_NOT_A_REQUEST] = {"not_a_request", VERDICT_CLASS_EXCLUDED,
                               "a log entry without httpRequest"},
    [VERDICT_RULE] = {"rule", VERDICT_CLASS_EXCLUDED, "excluded by a rule of the configuration"},
    [VERDICT_DUPLICATE] = {"duplicate", VERDICT_CLASS_DUPLICATE,
                           "an event id that was counted before"},
    [VERDICT_MALFORMED] = {"malformed", VERDICT_CLASS_DEAD, "the bytes do not follow their schema"},
    [VERDICT_TOO_DEEP] = {"too_deep", VERDICT_CLASS_DEAD, "nested deeper than 64 levels"},
    [VERDICT_TOO_LARGE] = {"too_large", VERDICT_CLASS_DEAD,
                           "larger than max_record_bytes, or more than 2^20 items"},
    [VERDICT_BAD_FRAMING] = {"bad_framing", VERDICT_CLASS_DEAD,
                             "the bytes before the payload are not those of the topic's framing"},
    [VERDICT_UNKNOWN_SCHEMA] = {"unknown_schema", VERDICT_CLASS_DEAD,
                                "the registry does not know the schema id"},
    [VERDICT_BAD_SCHEMA] = {"bad_schema", VERDICT_CLASS_DEAD,
                            "the schema is not Avro or cannot be parsed"},
    [VERDICT_UNMAPPED_SCHEMA] = {"unmapped_schema", VERDICT_CLASS_DEAD,
                                 "the mapping finds no service or time in the schema"},
    [VERDICT_BAD_NAME] =
        {"bad_name", VERDICT_CLASS_DEAD,
         "a name is not UTF-8, empty, longer than 255 bytes or has control characters"},
    [VERDICT_BAD_OUTCOME] = {"bad_outcome", VERDICT_CLASS_DEAD, "no rule names this outcome"},
    [VERDICT_BAD_LATENCY] = {"bad_latency", VERDICT_CLASS_DEAD,
                             "the latency is negative, above 24 h or not a number"},
    [VERDICT_TIME_OUT_OF_RANGE] = {"time_out_of_range", VERDICT_CLASS_DEAD,
                                   "older than max_age or more than 24 h ahead of its record"},
    [VERDICT_UNDECLARED_SERVICE] = {"undeclared_service", VERDICT_CLASS_DEAD,
                                    "the configuration does not declare this service"},
    [VERDICT_ARCHIVED] = {"archived", VERDICT_CLASS_EXCLUDED,
                          "kept in an archive file; only in the book of the archive"},
    [VERDICT_OTHER_MONTH] = {"other_month", VERDICT_CLASS_EXCLUDED,
                             "not of the month that is rebuilt; only in the book of a rebuild"},
    [VERDICT_KNOWN_DEAD] = {"known_dead", VERDICT_CLASS_EXCLUDED,
                            "a dead letter of the live book; only in the book of a rebuild"},
    [VERDICT_KNOWN_DUPLICATE] = {"known_duplicate", VERDICT_CLASS_EXCLUDED,
                                 "a duplicate of the live book; only in the book of a rebuild"},
    [VERDICT_KNOWN_LOST] = {"known_lost", VERDICT_CLASS_EXCLUDED,
                            "lost to the live book; only in the book of a rebuild"},
};

const struct verdict_row *verdict_row(enum verdict verdict)
{
    CHECK((unsigned)verdict < VERDICT_COUNT);
    return &rows[verdict];
}
