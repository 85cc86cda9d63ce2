/*
 * What comes back from a store that somebody else wrote, with row checksums that are right: packed tallies and days, the state carried
 * between hours, issued documents. It is refused with a message, or it is whole: it packs to the same bytes, can be added up, graded and rendered.
 *
 * The first byte chooses: 0 window, 1 check, 2 activity, 3 carried state, 4 day, 5 pending row, else a document.
 */
#include <stddef.h>
#include <stdint.h>

#include "aggregator/carried.h"
#include "aggregator/grade_hour.h"
#include "aggregator/pending.h"
#include "aggregator/raw_grade.h"
#include "aggregator/service_day.h"
#include "base/check.h"
#include "base/memory.h"
#include "jobs/statement/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const size_t packed_size_max = (size_t)16 << 20;

static void try_tally(enum tally_kind kind, struct str packed)
{
    struct err err = ERR_INIT;
    struct tally tally;
    struct tally sum;
    struct strbuf again;
    bool merged;

    tally_init(&sum);
    merged = tally_merge_packed(kind, &sum, packed, &err) == ERR_OK;
    tally_release(kind, &sum);
    if (tally_unpack(kind, packed, &tally, &err) != ERR_OK) {
        CHECK(err.code == ERR_MISMATCH);
        CHECK(!merged);
        return;
    }
    CHECK(merged);
    strbuf_init(&again, packed_size_max);
    tally_pack(kind, &tally, &again);
    CHECK(str_equal(strbuf_view(&again), packed));
    CHECK(tally_unpack(kind, packed, &sum, &err) == ERR_OK);
    tally_merge(kind, &sum, &tally);
    if (kind == TALLY_WINDOW) {
        (void)histogram_quantile_ns(&sum.window.latency, 990);
    }
    CHECK(tally_records(kind, &sum) == 2 * tally_records(kind, &tally));
    tally_release(kind, &sum);
    tally_release(kind, &tally);
    strbuf_release(&again);
}

/* A row, and each of its tallies if it is one. */
static void try_pending(struct str packed)
{
    struct pending_reader reader;
    struct pending_writer writer;
    struct pending_entry entry;
    enum pending_result result;
    bool tallies = true;

    pending_reader_init(&reader);
    pending_writer_init(&writer);
    pending_begin(&reader, packed);
    while ((result = pending_next(&reader, &entry)) == PENDING_ENTRY) {
        struct tally_key key = pending_key(&reader, &entry);
        struct err err = ERR_INIT;
        struct tally sum;

        tally_init(&sum);
        tallies = tallies && tally_merge_packed(entry.kind, &sum, entry.tally, &err) == ERR_OK;
        if (tallies) {
            pending_add(&writer, &key, &sum);
        }
        tally_release(entry.kind, &sum);
    }
    CHECK(result != PENDING_END || !tallies || str_equal(strbuf_view(&writer.packed), packed));
    pending_writer_release(&writer);
    pending_reader_release(&reader);
}

/* The state of some hour, before an hour of silence. */
static void try_carried(struct str packed)
{
    static const struct grading_rules rules = GRADING_RULES_DEFAULT;
    static const struct activity_row checkers[] = {{.name = {"probe", 5}, .minutes = 0xff00}};
    struct grade_hour_input input = {
        .hour = 480000, .closed_minutes = TALLY_MINUTES, .checkers = checkers, .checker_count = 1};
    struct arena arena = ARENA_INIT;
    struct carried carried;
    struct err err = ERR_INIT;
    uint8_t grades[TALLY_MINUTES];
    uint64_t incomplete;
    struct strbuf after;
    int closed;

    strbuf_init(&after, CARRIED_SIZE_MAX);
    (void)carried_closed_minutes(packed, &closed, &err);
    if (carried_unpack(packed, &arena, &carried, &err) == ERR_OK) {
        CHECK(grade_hour(packed, &input, &rules, &arena, grades, &incomplete, &after, &err) ==
              ERR_OK);
        CHECK(carried_unpack(strbuf_view(&after), &arena, &carried, &err) == ERR_OK);
    } else {
        CHECK(err.code == ERR_MISMATCH);
    }
    strbuf_release(&after);
    arena_release(&arena);
}

static void try_day(struct str packed)
{
    struct service_day *day = memory_calloc(1, sizeof(*day));
    struct err err = ERR_INIT;
    struct strbuf again;

    if (service_day_unpack(packed, day, &err) == ERR_OK) {
        strbuf_init(&again, packed_size_max);
        CHECK(service_day_pack(day, &again));
        CHECK(str_equal(strbuf_view(&again), packed));
        strbuf_release(&again);
    } else {
        CHECK(err.code == ERR_MISMATCH);
    }
    service_day_release(day);
    memory_free(day);
}

static void try_document(struct str document)
{
    for (size_t i = 0; i < render_row_count; i++) {
        struct err err = ERR_INIT;
        struct strbuf content;

        if (render_document(&render_rows[i], document, &content, &err) == ERR_OK) {
            strbuf_release(&content);
        } else {
            CHECK(err.text[0] != '\0');
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest;

    if (size == 0) {
        return 0;
    }
    rest = str_of((const char *)data + 1, size - 1);
    switch (data[0]) {
    case 0:
    case 1:
    case 2:
        try_tally((enum tally_kind)data[0], rest);
        break;
    case 3:
        try_carried(rest);
        break;
    case 4:
        try_day(rest);
        break;
    case 5:
        try_pending(rest);
        break;
    default:
        try_document(rest);
        break;
    }
    return 0;
}
