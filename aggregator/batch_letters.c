/* Dead letters of a batch: what is kept of a record that is none of the other verdicts. */
#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/memory.h"

enum { DETAIL_SIZE_MAX = 1024 };

/* A detail is for people and may quote bytes from outside: text without control characters, in a database's sense too. */
static struct str clean_detail(struct arena *arena, struct str detail)
{
    bool utf8 = str_is_utf8(detail);
    char *text;
    size_t size = detail.size < DETAIL_SIZE_MAX ? detail.size : DETAIL_SIZE_MAX;

    /* A cut must not leave half a character. */
    while (utf8 && size < detail.size && ((unsigned char)detail.data[size] & 0xc0) == 0x80) {
        size--;
    }
    text = arena_text(arena, str_of(detail.data, size));
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8)) {
            text[i] = '?';
        }
    }
    return str_of(text, size);
}

/* The first size_max bytes at most, in the arena. */
static struct str keep(struct arena *arena, struct str bytes, size_t size_max)
{
    return arena_str(arena, str_of(bytes.data, bytes.size < size_max ? bytes.size : size_max));
}

static struct batch_dead_letter *letter_add(struct batch *batch, const struct coordinate *at,
                                            enum verdict verdict, struct str detail,
                                            struct str bytes, struct str schema_header)
{
    struct batch_partition *partition = batch_deliver(batch, at);
    struct arena *arena = &batch->arena;
    struct batch_dead_letter *letter;

    CHECK(verdict_row(verdict)->class == VERDICT_CLASS_DEAD);
    partition->dead_lettered++;
    if (batch->dead_letter_count == batch->dead_letter_capacity) {
        batch->dead_letter_capacity =
            batch->dead_letter_capacity == 0 ? 16 : batch->dead_letter_capacity * 2;
        batch->dead_letters = memory_resize(batch->dead_letters, batch->dead_letter_capacity,
                                            sizeof(batch->dead_letters[0]));
    }
    letter = &batch->dead_letters[batch->dead_letter_count++];
    *letter = (struct batch_dead_letter){
        .partition = partition,
        .offset = at->offset,
        .time_ns = at->time_ns,
        .verdict = verdict,
        .detail = clean_detail(arena, detail),
        .bytes = keep(arena, bytes, batch->dead_letter_bytes_max),
        .schema_header = schema_header.data != NULL
                             ? keep(arena, schema_header, DEAD_LETTER_HEADER_MAX)
                             : schema_header,
        .record_size = (int64_t)bytes.size};
    return letter;
}

void batch_add_dead_letter(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                           struct str detail, struct str bytes, struct str schema_header)
{
    (void)letter_add(batch, at, verdict, detail, bytes, schema_header);
}

void batch_add_redacted(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                        struct str detail, struct str bytes, struct str schema_header,
                        int64_t record_size)
{
    struct batch_dead_letter *letter = letter_add(batch, at, verdict, detail, bytes, schema_header);

    letter->redacted = true;
    letter->record_size = record_size;
}
