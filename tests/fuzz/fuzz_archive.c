/*
 * An archive file of unknown origin: read to its end, passing over what is damaged. Whatever it is, each record that comes out is inside of the range
 * that the head names, offsets ascend, and bytes are inside of their block.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "consumers/archive_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct archive_reader *reader, const struct archive_record *record)
{
    struct archive_header_walk walk = archive_headers(record);
    const char *begin = reader->block.content.data;
    const char *end = begin + reader->block.content.size;
    struct record_header header;

    CHECK(record->offset >= reader->head.from);
    CHECK(record->offset < reader->head.to);
    CHECK(record->partition == reader->head.partition);
    CHECK(record->value.data == NULL || record->value.data >= begin);
    CHECK(record->value.data == NULL || record->value.data + record->value.size <= end);
    CHECK(record->key.data == NULL || record->key.data + record->key.size <= end);
    while (archive_header_next(&walk, &header)) {
        CHECK(header.name.data >= begin);
        CHECK(header.name.data + header.name.size <= end);
    }
    (void)archive_record_view(record, 0, "__value_schema_id");
}

static void read_all(struct archive_reader *reader)
{
    struct archive_record record;
    int64_t last = -1, skipped;
    bool found = true;

    while (found) {
        struct err err = ERR_INIT;

        if (archive_reader_next(reader, &found, &record, &err) == ERR_OK) {
            if (found) {
                look(reader, &record);
                CHECK(record.offset > last);
                last = record.offset;
            }
            continue;
        }
        CHECK(err.code == ERR_DATA);
        CHECK(err.text[0] != '\0');
        if (!found && reader->container.at >= reader->container.input.size) {
            break;
        }
        CHECK(archive_reader_pass_over(reader, &skipped, &err) == ERR_OK);
        CHECK(skipped > 0);
        found = true;
    }
}

/* Several at once are the same ones, up to the same complaint. */
static void take_all(struct archive_reader *reader, struct archive_reader *other)
{
    struct record records[5];
    struct archive_record record;
    size_t count = 1;
    bool found;

    while (count > 0) {
        struct err err = ERR_INIT, same = ERR_INIT;
        enum err_code code = archive_reader_take(reader, NULL, records, 5, &count, &err);

        for (size_t i = 0; code == ERR_OK && i < count; i++) {
            CHECK(archive_reader_next(other, &found, &record, &same) == ERR_OK);
            CHECK(found);
            CHECK(records[i].offset == record.offset);
            CHECK(records[i].value.size == record.value.size);
        }
        if (code != ERR_OK || count == 0) {
            CHECK(archive_reader_next(other, &found, &record, &same) == code);
            CHECK(strcmp(err.text, same.text) == 0);
            break;
        }
    }
}

static void compare(const struct container_input *input)
{
    struct archive_reader reader, other;
    struct err err = ERR_INIT;

    if (archive_reader_open(&reader, input, &err) == ERR_OK) {
        CHECK(archive_reader_open(&other, input, &err) == ERR_OK);
        take_all(&reader, &other);
        archive_reader_release(&other);
    }
    archive_reader_release(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = malloc(size + (size == 0));
    struct str bytes;
    struct container_input input;
    struct archive_reader reader;
    struct err err = ERR_INIT;

    CHECK(copy != NULL);
    memcpy(copy, data, size);
    bytes = str_of(copy, size);
    input = container_input_memory(&bytes);
    if (archive_reader_open(&reader, &input, &err) == ERR_OK) {
        read_all(&reader);
    } else {
        CHECK(err.code == ERR_DATA);
        CHECK(err.text[0] != '\0');
    }
    archive_reader_release(&reader);
    compare(&input);
    free(copy);
    return 0;
}
