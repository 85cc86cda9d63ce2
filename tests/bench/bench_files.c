/*
 * Writes the events of events.h as plain Avro object container files, one a partition, for programs that read such files: the same events, in the
 * same order, as bench_produce gives to a topic, in blocks like those of `uptally archive`.
 * usage: bench_files FOLDER SCHEMA SCHEMA_FILE EVENTS PARTITIONS SERVICES START null|deflate
 * START is where the hour of the events begins, in seconds since 1970. The files are FOLDER/PARTITION.avro. The last line of output is the bytes of all bodies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/memory.h"
#include "consumers/container.h"
#include "tests/bench/events.h"

enum {
    BLOCK_SIZE = 256 * 1024,
    WRITE_SIZE = 1024 * 1024,
    DEFLATE_LEVEL = 6,
    SCHEMA_SIZE_MAX = 1 << 16,
    PATH_SIZE = 1024
};

static const char marker[CONTAINER_MARKER_SIZE] = "uptally's marker";

struct file {
    FILE *out;
    struct strbuf block;
    int64_t records; /* of the block */
};

struct files {
    struct file *items; /* owned */
    int count;
    struct packer *packer; /* owned */
    char *packed;          /* owned */
    size_t packed_room;
};

static void put(FILE *out, const void *bytes, size_t size)
{
    CHECK(fwrite(bytes, 1, size, out) == size);
}

static void read_schema(const char *path, struct strbuf *text)
{
    FILE *file = fopen(path, "r");
    char part[4096];
    size_t size;

    if (file == NULL) {
        (void)fprintf(stderr, "bench_files: %s cannot be read\n", path);
        exit(1);
    }
    while ((size = fread(part, 1, sizeof(part), file)) > 0) {
        strbuf_append(text, str_of(part, size));
    }
    CHECK(fclose(file) == 0);
}

static void open_files(struct files *files, const char *folder, int count, enum codec codec,
                       struct str schema)
{
    const struct container_entry entries[] = {{STR("avro.schema"), schema},
                                              {STR("avro.codec"), str_from(codec_name(codec))}};
    struct strbuf head;

    strbuf_init(&head, 2 * SCHEMA_SIZE_MAX);
    container_write_head(&head, entries, ARRAY_COUNT(entries), marker);
    files->items = memory_calloc((size_t)count, sizeof(*files->items));
    files->count = count;
    files->packer = packer_new(codec, DEFLATE_LEVEL);
    files->packed_room = packer_bound(files->packer, BLOCK_SIZE + EVENTS_SIZE_MAX);
    files->packed = memory_alloc(files->packed_room);
    for (int i = 0; i < count; i++) {
        char path[PATH_SIZE];

        (void)snprintf(path, sizeof(path), "%s/%d.avro", folder, i);
        files->items[i].out = fopen(path, "w");
        CHECK(files->items[i].out != NULL);
        /* In large pieces, which the page cache keeps so: they are read faster. */
        CHECK(setvbuf(files->items[i].out, NULL, _IOFBF, WRITE_SIZE) == 0);
        put(files->items[i].out, head.data, head.size);
        strbuf_init(&files->items[i].block, BLOCK_SIZE + EVENTS_SIZE_MAX);
    }
    strbuf_release(&head);
}

static void end_block(struct files *files, struct file *file)
{
    char prefix[CONTAINER_PREFIX_SIZE_MAX];
    size_t size;

    if (file->records == 0) {
        return;
    }
    size = packer_run(files->packer, strbuf_view(&file->block), files->packed, files->packed_room);
    put(file->out, prefix, container_write_prefix(prefix, file->records, size));
    put(file->out, files->packed, size);
    put(file->out, marker, sizeof(marker));
    strbuf_clear(&file->block);
    file->records = 0;
}

static void close_files(struct files *files)
{
    for (int i = 0; i < files->count; i++) {
        end_block(files, &files->items[i]);
        CHECK(fclose(files->items[i].out) == 0);
        strbuf_release(&files->items[i].block);
    }
    packer_free(files->packer);
    memory_free(files->packed);
    memory_free(files->items);
}

static int64_t fill(struct files *files, struct events *events)
{
    int64_t bytes = 0;

    for (int64_t i = 0; i < events->count; i++) {
        struct event_draw draw = events_next(events);
        struct file *file = &files->items[draw.service % (uint32_t)files->count];

        strbuf_append(&file->block, str_of(events->body, events->body_size));
        CHECK(!file->block.overflow);
        file->records++;
        bytes += events->body_size;
        if (file->block.size >= BLOCK_SIZE) {
            end_block(files, file);
        }
    }
    return bytes;
}

int main(int argc, char **argv)
{
    struct files files = {.items = NULL};
    struct events events;
    struct strbuf schema;
    enum codec codec;

    if (argc != 9 || atoll(argv[4]) < 1 || atoi(argv[5]) < 1 || atoi(argv[6]) < 1 ||
        !codec_find(str_from(argv[8]), &codec) ||
        !events_init(&events, argv[2], (uint32_t)atoi(argv[6]), atoll(argv[4]),
                     atoll(argv[7]) * 1000, 1)) {
        (void)fprintf(stderr, "usage: bench_files FOLDER SCHEMA SCHEMA_FILE EVENTS PARTITIONS "
                              "SERVICES START null|deflate\n");
        return 2;
    }
    strbuf_init(&schema, SCHEMA_SIZE_MAX);
    read_schema(argv[3], &schema);
    open_files(&files, argv[1], atoi(argv[5]), codec, strbuf_view(&schema));
    (void)printf("%" PRId64 "\n", fill(&files, &events));
    close_files(&files);
    strbuf_release(&schema);
    events_release(&events);
    return 0;
}
