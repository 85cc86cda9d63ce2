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
    free(copy);
    return 0;
}
