/*
 * What is known of objectives, as one document: canonical JSON, exact fractions as texts. docs/slo.md has its fields.
 */
#ifndef JOBS_SLO_DOCUMENT_H
#define JOBS_SLO_DOCUMENT_H

#include "base/json.h"
#include "jobs/slo/budget.h"

enum { SLO_DOCUMENT_VERSION = 1 };

/* One objective, as an element of an array that is open. */
void slo_write(struct json_writer *json, const struct slo *slo, const struct slo_result *result);
/* 100 times the value. */
struct fraction slo_percent(struct arena *arena, struct fraction value);
/* "1d", "6h", "90m": the largest unit without a rest; whole minutes. */
enum { SLO_DURATION_SIZE = 32 };
const char *slo_duration(int64_t minutes, char ret_text[SLO_DURATION_SIZE]);
/* "request_ratio", "month", "page" */
const char *slo_method_name(enum slo_method method);
const char *slo_period_name(enum slo_period period);
const char *slo_severity_name(enum slo_severity severity);

#endif
