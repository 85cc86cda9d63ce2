/*
 * A statement as people read it: the parts of the page in their order, written once and rendered as HTML and as PDF.
 *
 * A part says what stands there: sections, paragraphs, tables, texts. A form (struct page_form) says what that looks like; it alone knows markup or
 * ink. Parts take every figure from the document as it stands there, and compute none. Names from outside are given as PAGE_NAME, so that a form can
 * keep their direction to themselves. Blocks are closed in the reverse order of their opening; texts stand in the innermost one.
 */
#ifndef JOBS_STATEMENT_PAGE_H
#define JOBS_STATEMENT_PAGE_H

#include "base/arena.h"
#include "jobs/statement/model.h"
#include "jobs/statement/render.h"

enum { PAGE_ROWS_MAX = 500 }; /* of one list; the document has them all */

enum page_block {
    PAGE_KICKER, /* the line above the title */
    PAGE_TITLE,
    PAGE_PARAGRAPH,
    PAGE_SMALL, /* a paragraph beside the point */
    PAGE_NOTICE,
    PAGE_NUMBERED,
    PAGE_LEGEND,
    PAGE_ITEM,  /* of the two above */
    PAGE_FACTS, /* terms and details in turn */
    PAGE_TERM,
    PAGE_DETAIL,
    PAGE_VERDICT,   /* boxes, each of title, value and small print */
    PAGE_BOX_TITLE, /* begins a box */
    PAGE_BOX_VALUE,
    PAGE_BOX_GOOD, /* a value as well */
    PAGE_BOX_BAD,
    PAGE_BOX_SMALL, /* within the value; ends it and the box */
    PAGE_ROW,
    PAGE_CELL_HEAD, /* of the row */
    PAGE_CELL,
    PAGE_CELL_WORDS, /* kept wide enough to read */
    PAGE_CELL_NUMBER,
    PAGE_FOOTER,
    PAGE_BLOCK_COUNT
};

enum page_style { PAGE_PLAIN, PAGE_NAME, PAGE_CODE, PAGE_STRONG };

struct page;

struct page_form {
    void (*section)(struct page *page, const char *id, const char *title);
    void (*section_end)(struct page *page);
    void (*open)(struct page *page, enum page_block block);
    void (*close)(struct page *page, enum page_block block);
    void (*text)(struct page *page, enum page_style style, struct str text);
    void (*moment)(struct page *page, struct str moment); /* RFC 3339 */
    void (*link)(struct page *page, const char *section_id, const char *words);
    void (*swatch)(struct page *page, enum time_class class); /* its pattern and colour */
    /* heads: NULL-terminated; those that start with '#' are of numbers. Rows and cells follow. */
    void (*table)(struct page *page, const char *caption, const char *const *heads);
    void (*table_end)(struct page *page);
    void (*bars)(struct page *page, const struct tree *service); /* its days, drawn and in words */
};

struct page {
    const struct page_form *form;
    const struct render_source *source;
    const struct tree *document; /* of source */
    struct arena arena;          /* texts on their way */
};

/* A part of the page; the parts before the first title are the cover. */
struct page_part {
    const char *id; /* of its section */
    const char *title;
    void (*write)(struct page *page);
};

/* All parts, in order. */
void page_write(struct page *page);

void page_open(struct page *page, enum page_block block);
void page_close(struct page *page, enum page_block block);
void page_text(struct page *page, struct str text);
void page_words(struct page *page, const char *words);
void page_name(struct page *page, struct str name); /* from outside */
void page_code(struct page *page, struct str code);
void page_strong(struct page *page, const char *words);
/* "2026-10-03 12:15:00 +02:00"; may break before the offset. */
void page_time(struct page *page, struct str moment);
/* A block of nothing but these words. */
void page_block(struct page *page, enum page_block block, const char *words);
void page_cell_name(struct page *page, enum page_block cell, struct str name);
void page_cell_time(struct page *page, struct str moment);
/* Decimal text of the document, digit by digit, with commas between thousands. */
const char *page_number(struct page *page, struct str decimal);
const char *page_integer(struct page *page, int64_t value);
/* "12.5 %" */
const char *page_percent(struct page *page, struct str decimal);
/* "52,973 / 53,640" of a level's uptime; long: too many digits for a line beside others. */
void page_fraction(struct page *page, const struct tree *level);
bool page_fraction_is_long(const struct tree *level);
/* What a tier gives, "-" if there is none. */
const char *page_tier(struct page *page, const struct tree *tier);
/* Rows of a list up to PAGE_ROWS_MAX; says how many are left out, behind the table. */
void page_list(struct page *page, const char *caption, const char *const *heads,
               const struct tree *list, void (*row)(struct page *page, const struct tree *element));
/* "2026-10-03: Major outage 10 min, Up 23 h 50 min" */
void page_day(struct page *page, const struct tree *day);

void part_cover(struct page *page);
void part_services(struct page *page);
void part_time(struct page *page);
void part_days(struct page *page);
void part_incidents(struct page *page);
void part_exclusions(struct page *page);
void part_reclassified(struct page *page);
void part_completeness(struct page *page);
void part_credit(struct page *page);
void part_changes(struct page *page);
void part_method(struct page *page);
void part_audit(struct page *page);
void part_verify(struct page *page);

#endif
