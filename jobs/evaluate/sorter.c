#include "jobs/evaluate/sorter.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"

enum { RADIX_BITS = 8, RADIX = 1 << RADIX_BITS, KEY_BITS = 64 };

/* What is sorted: keys with the places of their rows. */
struct place {
    uint64_t key;
    size_t row;
};

/* A binary heap of the runs, the one with the smallest row on top. */
struct merge {
    struct spool_cursor *cursors; /* owned */
    unsigned char *buffers;       /* owned */
    size_t *heap;                 /* owned: indices of cursors */
    size_t count;                 /* of runs that are not at their end */
};

struct sorter {
    struct sorter_options options;
    size_t word_count;    /* of a row: key, line, values */
    uint64_t *words;      /* owned: rows in memory, in the order in which they came */
    struct place *places; /* owned: they, sorted, and room for as many again */
    size_t row_count;
    size_t row_next; /* of sorter_next, without runs */
    struct spool spool;
    struct spool_run *runs; /* owned; in the order of their lines */
    size_t run_count;
    struct merge merge;
    bool merging; /* rows come from merge */
};

struct sorter *sorter_new(const struct sorter_options *options)
{
    struct sorter *sorter = memory_calloc(1, sizeof(*sorter));

    CHECK(options->value_count <= SPOOL_VALUES_MAX);
    CHECK(options->rows_max > 0);
    CHECK(options->runs_max >= 2);
    CHECK(options->read_size >= SPOOL_ROW_SIZE_MAX);
    sorter->options = *options;
    sorter->word_count = 2 + options->value_count;
    sorter->words = memory_calloc(options->rows_max, sorter->word_count * sizeof(sorter->words[0]));
    sorter->places = memory_calloc(2 * options->rows_max, sizeof(sorter->places[0]));
    sorter->runs = memory_calloc(options->runs_max, sizeof(sorter->runs[0]));
    return sorter;
}

static void merge_release(struct merge *merge)
{
    memory_free(merge->cursors);
    memory_free(merge->buffers);
    memory_free(merge->heap);
    *merge = (struct merge){0};
}

void sorter_free(struct sorter *sorter)
{
    if (sorter == NULL) {
        return;
    }
    merge_release(&sorter->merge);
    spool_close(&sorter->spool);
    memory_free(sorter->words);
    memory_free(sorter->places);
    memory_free(sorter->runs);
    memory_free(sorter);
}

int64_t sorter_disk_size(const struct sorter *sorter)
{
    return sorter->spool.buffer != NULL ? sorter->spool.size : 0;
}

static void unpack(const struct sorter *sorter, size_t number, struct spool_row *ret_row)
{
    const uint64_t *words = sorter->words + number * sorter->word_count;

    *ret_row = (struct spool_row){.key = words[0], .line = (int64_t)words[1]};
    for (size_t i = 0; i < sorter->options.value_count; i++) {
        ret_row->values[i] = (int64_t)words[2 + i];
    }
}

/* One pass over one byte of the keys; equal ones keep their order. */
static void radix_pass(const struct place *from, struct place *to, size_t count, int shift)
{
    size_t starts[RADIX] = {0};
    size_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        starts[(from[i].key >> shift) % RADIX]++;
    }
    for (size_t i = 0; i < RADIX; i++) {
        size_t size = starts[i];

        starts[i] = sum;
        sum += size;
    }
    for (size_t i = 0; i < count; i++) {
        to[starts[(from[i].key >> shift) % RADIX]++] = from[i];
    }
}

/* Least byte first, so that the order of lines stays within a key; bytes in which no two keys differ are left out. */
static void sort_places(struct sorter *sorter)
{
    struct place *from = sorter->places;
    struct place *to = sorter->places + sorter->options.rows_max;
    uint64_t differ = 0;

    for (size_t i = 0; i < sorter->row_count; i++) {
        from[i] = (struct place){.key = sorter->words[i * sorter->word_count], .row = i};
        differ |= from[i].key ^ from[0].key;
    }
    for (int shift = 0; shift < KEY_BITS; shift += RADIX_BITS) {
        if ((differ >> shift) % RADIX != 0) {
            struct place *swap = from;

            radix_pass(from, to, sorter->row_count, shift);
            from = to;
            to = swap;
        }
    }
    if (from != sorter->places) {
        memcpy(sorter->places, from, sorter->row_count * sizeof(from[0]));
    }
}

/* Whether the current row of cursor a comes before that of b. Runs are in the order of their lines. */
static bool comes_before(const struct merge *merge, size_t a, size_t b)
{
    uint64_t x = merge->cursors[a].row.key;
    uint64_t y = merge->cursors[b].row.key;

    return x != y ? x < y : a < b;
}

/* Puts the heap in order again below `at`, whose row has grown. */
static void sift(struct merge *merge, size_t at)
{
    for (;;) {
        size_t least = at;
        size_t swap;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->count; child++) {
            least = comes_before(merge, merge->heap[child], merge->heap[least]) ? child : least;
        }
        if (least == at) {
            return;
        }
        swap = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = swap;
        at = least;
    }
}

static enum err_code merge_begin(struct sorter *sorter, struct err *err)
{
    struct merge *merge = &sorter->merge;
    size_t read_size = sorter->options.read_size;

    merge->cursors = memory_calloc(sorter->run_count, sizeof(merge->cursors[0]));
    merge->buffers = memory_calloc(sorter->run_count, read_size);
    merge->heap = memory_calloc(sorter->run_count, sizeof(merge->heap[0]));
    for (size_t i = 0; i < sorter->run_count; i++) {
        bool more = false;

        spool_cursor_init(&merge->cursors[i], &sorter->spool, &sorter->runs[i],
                          merge->buffers + i * read_size, read_size);
        if (spool_cursor_next(&merge->cursors[i], &more, err) != ERR_OK) {
            return err->code;
        }
        CHECK(more);
        merge->heap[merge->count++] = i;
    }
    for (size_t i = merge->count / 2; i-- > 0;) {
        sift(merge, i);
    }
    return ERR_OK;
}

static enum err_code merge_next(struct merge *merge, struct spool_row *ret_row, bool *ret_more,
                                struct err *err)
{
    struct spool_cursor *cursor;
    bool more = false;

    *ret_more = merge->count > 0;
    if (!*ret_more) {
        return ERR_OK;
    }
    cursor = &merge->cursors[merge->heap[0]];
    *ret_row = cursor->row;
    if (spool_cursor_next(cursor, &more, err) != ERR_OK) {
        return err->code;
    }
    if (!more) {
        merge->heap[0] = merge->heap[--merge->count];
    }
    sift(merge, 0);
    return ERR_OK;
}

/* All runs, in a file of their own, as one. */
static enum err_code write_merged(struct sorter *sorter, struct spool *spool,
                                  struct spool_run *ret_run, struct err *err)
{
    struct spool_row row;
    bool more = true;

    spool_begin_run(spool);
    for (;;) {
        if (merge_next(&sorter->merge, &row, &more, err) != ERR_OK) {
            return err->code;
        }
        if (!more) {
            return spool_end_run(spool, ret_run, err);
        }
        if (spool_write(spool, &row, err) != ERR_OK) {
            return err->code;
        }
    }
}

static enum err_code merge_runs(struct sorter *sorter, struct err *err)
{
    struct spool merged = {0};
    struct spool_run run;
    enum err_code code = spool_open(&merged, sorter->options.value_count, err);

    if (code == ERR_OK) {
        code = merge_begin(sorter, err);
    }
    if (code == ERR_OK) {
        code = write_merged(sorter, &merged, &run, err);
    }
    merge_release(&sorter->merge);
    if (code != ERR_OK) {
        spool_close(&merged);
        return code;
    }
    spool_close(&sorter->spool);
    sorter->spool = merged;
    sorter->runs[0] = run;
    sorter->run_count = 1;
    return ERR_OK;
}

/* The rows in memory become a run. */
static enum err_code spill(struct sorter *sorter, struct err *err)
{
    struct spool_row row;
    enum err_code code = ERR_OK;

    if (sorter->spool.buffer == NULL) {
        code = spool_open(&sorter->spool, sorter->options.value_count, err);
    }
    if (code == ERR_OK && sorter->run_count == sorter->options.runs_max) {
        code = merge_runs(sorter, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    sort_places(sorter);
    spool_begin_run(&sorter->spool);
    for (size_t i = 0; i < sorter->row_count && code == ERR_OK; i++) {
        unpack(sorter, sorter->places[i].row, &row);
        code = spool_write(&sorter->spool, &row, err);
    }
    if (code == ERR_OK) {
        code = spool_end_run(&sorter->spool, &sorter->runs[sorter->run_count], err);
    }
    sorter->run_count++;
    sorter->row_count = 0;
    return code;
}

enum err_code sorter_add(struct sorter *sorter, const struct spool_row *row, struct err *err)
{
    uint64_t *words;

    CHECK(!sorter->merging);
    if (sorter->row_count == sorter->options.rows_max && spill(sorter, err) != ERR_OK) {
        return err->code;
    }
    words = sorter->words + sorter->row_count++ * sorter->word_count;
    words[0] = row->key;
    words[1] = (uint64_t)row->line;
    for (size_t i = 0; i < sorter->options.value_count; i++) {
        words[2 + i] = (uint64_t)row->values[i];
    }
    return ERR_OK;
}

enum err_code sorter_finish(struct sorter *sorter, struct err *err)
{
    if (sorter->run_count == 0) {
        sort_places(sorter);
        return ERR_OK;
    }
    if (sorter->row_count > 0 && spill(sorter, err) != ERR_OK) {
        return err->code;
    }
    /* What they hold is on disk. */
    memory_free(sorter->words);
    memory_free(sorter->places);
    sorter->words = NULL;
    sorter->places = NULL;
    sorter->merging = true;
    return merge_begin(sorter, err);
}

enum err_code sorter_next(struct sorter *sorter, struct spool_row *ret_row, bool *ret_more,
                          struct err *err)
{
    if (sorter->merging) {
        return merge_next(&sorter->merge, ret_row, ret_more, err);
    }
    *ret_more = sorter->row_next < sorter->row_count;
    if (*ret_more) {
        unpack(sorter, sorter->places[sorter->row_next++].row, ret_row);
    }
    return ERR_OK;
}
