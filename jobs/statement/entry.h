/*
 * What people enter on the command line and statements print: names, reasons, references.
 */
#ifndef JOBS_STATEMENT_ENTRY_H
#define JOBS_STATEMENT_ENTRY_H

#include "base/err.h"
#include "base/str.h"

enum { ENTRY_NAME_MAX = 255, ENTRY_TEXT_MAX = 1000 };

/* ERR_USAGE unless the text is UTF-8 of 1 to size_max bytes without control characters. what: "the reason". */
enum err_code entry_check(const char *what, struct str text, size_t size_max, struct err *err);

#endif
