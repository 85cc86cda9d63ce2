/*
 * The answer of an evaluation: a result as JSON for programs, and as a page of text for people.
 *
 * The JSON is what docs/sla-methods.md promises and a little more; schemas/answer.schema.json describes it. It holds nothing but what follows from
 * input and terms: the same input gives the same bytes.
 */
#ifndef JOBS_STATEMENT_ANSWER_H
#define JOBS_STATEMENT_ANSWER_H

#include "base/err.h"
#include "jobs/statement/model.h"

#define ANSWER_FORMAT "uptally.answer/1"
enum { ANSWER_SIZE_MAX = 256 * 1024 * 1024 };

/* The caller owns *ret_answer. ERR_DATA: larger than ANSWER_SIZE_MAX. */
enum err_code answer_json(const struct result *result, const char *program_version,
                          struct strbuf *ret_answer, struct err *err);
enum err_code answer_text(const struct result *result, struct strbuf *ret_answer, struct err *err);

#endif
