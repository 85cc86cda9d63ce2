/*
 * Typed sinks for text from outside: HTML and SVG text and attributes, CSV cells. Each function is the only way to
 * put foreign text into its format. Invalid UTF-8 becomes U+FFFD; control characters other than TAB and LF vanish.
 */
#ifndef BASE_MARKUP_H
#define BASE_MARKUP_H

#include "base/str.h"

/* Escapes & < > " ' so that the result is safe as element text and inside quoted attributes. */
void markup_text(struct strbuf *out, struct str text);

enum csv_flavour {
    CSV_MACHINE, /* plain RFC 4180 */
    CSV_REPORT   /* an apostrophe before cells that start with = + - @ TAB or CR, unless they are
                  negative numbers: for spreadsheets */
};
/* One cell without separator. */
void markup_csv_cell(struct strbuf *out, struct str cell, enum csv_flavour flavour);

#endif
