/*
 * The packed form of pending tallies: all of a batch in one row, or in several if they are many.
 *
 *   row:   1, entries: at least one, ascending by key
 *   entry: kind, names (as many as its kind has), hour (less that of the entry before; the first: less 0), size of the tally, the tally
 *   name:  0: as the last one of its place; else 1 + the number of bytes that both begin with, size of the rest, the rest
 *
 * Like that of a tally each content has one form, and reading refuses all others: a beginning that could be longer, keys out of order, hours
 * that no time has, an entry more than the row takes. Tallies are handed on as they are packed; whoever merges them looks into them.
 */
#ifndef AGGREGATOR_PENDING_H
#define AGGREGATOR_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/tally.h"
#include "base/intern.h"
#include "base/str.h"

/* A row that is as large takes no other entry: what a reader keeps of one is bounded. */
enum { PENDING_ROW_SIZE = 256 * 1024, PENDING_NAMES_MAX = 4 };

/* Names that a key of this kind has: a, b and so on; the others are empty. */
size_t pending_name_count(enum tally_kind kind);

/* The last name of each place, by which the next one is told. */
struct pending_name {
    size_t size;
    char bytes[NAME_SIZE_MAX];
};

/* Packs one row after the other. */
struct pending_writer {
    struct strbuf packed; /* the row so far */
    struct pending_name names[PENDING_NAMES_MAX];
    int64_t hour;  /* of the last entry */
    int64_t count; /* of entries */
};

void pending_writer_init(struct pending_writer *writer);
void pending_writer_release(struct pending_writer *writer);
/* Keys ascend (tally_key_compare); the row is smaller than PENDING_ROW_SIZE. */
void pending_add(struct pending_writer *writer, const struct tally_key *key,
                 const struct tally *tally);
/* Begins the next row. */
void pending_writer_clear(struct pending_writer *writer);

struct pending_entry {
    enum tally_kind kind;
    uint32_t names[PENDING_NAMES_MAX]; /* numbers in the reader's `names`; 0 if the kind has none */
    int64_t hour;
    struct str tally; /* borrowed from the row */
};

/* Reads row after row. Names keep their numbers from one row to the next. */
struct pending_reader {
    struct intern names;
    struct str row, rest;
    struct pending_name last_names[PENDING_NAMES_MAX];
    uint32_t numbers[PENDING_NAMES_MAX]; /* of those */
    struct pending_entry last;
    bool any;       /* last is valid */
    uint32_t guess; /* the name that followed the last one in rows before, if they are alike */
};

enum pending_result { PENDING_ENTRY, PENDING_END, PENDING_DAMAGED };

void pending_reader_init(struct pending_reader *reader);
void pending_reader_release(struct pending_reader *reader);
/* Begins a row, which stays where it is until its last entry was used. */
void pending_begin(struct pending_reader *reader, struct str packed);
/* PENDING_DAMAGED: from here on the bytes are no row. */
enum pending_result pending_next(struct pending_reader *reader, struct pending_entry *ret_entry);
/* Its names are borrowed until the release. */
struct tally_key pending_key(const struct pending_reader *reader,
                             const struct pending_entry *entry);

enum { PENDING_PLACE_SIZE = 128 };
/* "pending batch 00ff... part 0": how messages name a row. */
const char *pending_place(struct str batch_id, int64_t part, char text[PENDING_PLACE_SIZE]);
/* ERR_MISMATCH with that name. */
enum err_code pending_set_damaged(struct str batch_id, int64_t part, struct err *err);

#endif
