/*
 * What is generated from the tables of the configuration: its JSON schema, its reference, and a file with all defaults filled in.
 */
#ifndef JOBS_CONFIG_SHOW_H
#define JOBS_CONFIG_SHOW_H

#include "base/err.h"
#include "base/str.h"

enum { CONFIG_SHOW_SIZE_MAX = 8 * 1024 * 1024 };

/* Draft 2020-12; schemas/uptally.schema.json is a copy that a test holds against it. */
void config_json_schema(struct strbuf *out);
/* Markdown; the tables of docs/configuration.md. */
void config_reference(struct strbuf *out);
/* The file as YAML with all defaults. A secret is shown as the reference that it is in the file. ERR_CONFIG. */
enum err_code config_show(const char *path, struct strbuf *out, struct err *err);

#endif
