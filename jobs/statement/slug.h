/*
 * Names of published files, made of names from outside.
 */
#ifndef JOBS_STATEMENT_SLUG_H
#define JOBS_STATEMENT_SLUG_H

#include "base/str.h"

/* Appends `name` if it is a slug, [a-z0-9-]{1,64} without a dash at its ends; otherwise what can be kept of it and the first 8 digits of
 * its SHA-256, so that different names never share a file. */
void slug_append(struct strbuf *out, struct str name);

#endif
