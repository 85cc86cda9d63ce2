/*
 * What one can do at best: archives of `request` events read by a decoder that is written for this one schema and knows it by heart.
 *
 * Files are mapped, deflate is libdeflate's, nothing is copied, two small hash tables hold services and their minutes, and a histogram of latencies stands
 * beside each. It checks bounds and nothing else: no schema, no offsets, no text. usage: fixed OUT FILE...
 * One thread for each CPU that the process may use; file i is read by thread i modulo their number. OUT gets SERVICE,MINUTE,TOTAL,ERRORS,SLOW, MINUTE
 * in seconds since 1970. It stands alone and is built with all that the compiler can do for this CPU.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <libdeflate.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    THREADS_MAX = 64,
    SERVICES_MAX = 1024,
    SERVICE_SLOTS = 4 * SERVICES_MAX,
    NAME_SIZE_MAX = 127,
    CELLS_FIRST = 1 << 15,
    BUCKETS = 320, /* 8 an octave */
    BLOCK_SIZE_MAX = 1 << 20,
    MARKER_SIZE = 16,
    TRACE_SIZE = 16,
    MINUTE_MS = 60000,
    SLOW_US = 300000
};

struct service {
    char name[NAME_SIZE_MAX];
    uint32_t size;
    uint64_t hash;
};

/* A minute of a service; free while total is 0. */
struct cell {
    uint32_t service;
    int64_t minute;
    uint64_t total, errors, slow;
    uint32_t *buckets;
};

struct tally {
    struct service services[SERVICES_MAX];
    uint32_t service_count;
    uint32_t slots[SERVICE_SLOTS]; /* number of a service plus 1; 0: free */
    struct cell *cells;
    size_t cell_room, cell_count; /* room is a power of two */
};

struct bytes {
    const uint8_t *at, *end;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "fixed: %s\n", what);
    exit(1);
}

static void *must_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL) {
        fail("no memory");
    }
    return memory;
}

/* --- the tables --- */

static inline uint64_t mix(uint64_t x)
{
    x *= UINT64_C(0x9e3779b97f4a7c15);
    return x ^ x >> 32;
}

static inline uint64_t hash_of(const uint8_t *name, size_t size)
{
    uint64_t hash = size, word = 0;

    for (; size >= 8; size -= 8, name += 8) {
        memcpy(&word, name, 8);
        hash = mix(hash ^ word);
    }
    word = 0;
    memcpy(&word, name, size);
    return mix(hash ^ word);
}

static uint32_t add_service(struct tally *tally, const uint8_t *name, size_t size, uint64_t hash)
{
    struct service *service = &tally->services[tally->service_count];

    if (tally->service_count == SERVICES_MAX || size > NAME_SIZE_MAX) {
        fail("too many services, or too long a name");
    }
    memcpy(service->name, name, size);
    service->size = (uint32_t)size;
    service->hash = hash;
    return tally->service_count++;
}

static uint32_t find_service(struct tally *tally, const uint8_t *name, size_t size)
{
    uint64_t hash = hash_of(name, size);

    for (size_t i = hash % SERVICE_SLOTS;; i = (i + 1) % SERVICE_SLOTS) {
        const struct service *service;

        if (tally->slots[i] == 0) {
            tally->slots[i] = add_service(tally, name, size, hash) + 1;
            return tally->slots[i] - 1;
        }
        service = &tally->services[tally->slots[i] - 1];
        if (service->hash == hash && service->size == size &&
            memcmp(service->name, name, size) == 0) {
            return tally->slots[i] - 1;
        }
    }
}

static struct cell *find_cell(struct tally *tally, uint32_t service, int64_t minute);

static void grow(struct tally *tally)
{
    struct cell *old = tally->cells;
    size_t old_room = tally->cell_room;

    tally->cell_room *= 2;
    tally->cells = must_calloc(tally->cell_room, sizeof(*tally->cells));
    tally->cell_count = 0;
    for (size_t i = 0; i < old_room; i++) {
        if (old[i].total > 0) {
            struct cell *cell = find_cell(tally, old[i].service, old[i].minute);

            free(cell->buckets);
            *cell = old[i];
        }
    }
    free(old);
}

/* The caller counts something into it, so that it is not free any more. */
static struct cell *find_cell(struct tally *tally, uint32_t service, int64_t minute)
{
    uint64_t hash = mix((uint64_t)service << 40 ^ (uint64_t)minute);

    for (size_t i = hash & (tally->cell_room - 1);; i = (i + 1) & (tally->cell_room - 1)) {
        struct cell *cell = &tally->cells[i];

        if (cell->total > 0 && cell->service == service && cell->minute == minute) {
            return cell;
        }
        if (cell->total == 0 && tally->cell_count * 2 > tally->cell_room) {
            grow(tally);
            return find_cell(tally, service, minute);
        }
        if (cell->total == 0) {
            tally->cell_count++;
            cell->service = service;
            cell->minute = minute;
            cell->buckets = must_calloc(BUCKETS, sizeof(*cell->buckets));
            return cell;
        }
    }
}

static inline unsigned bucket_of(uint64_t value)
{
    unsigned octave = 63 - (unsigned)__builtin_clzll(value | 1);
    unsigned bucket = value < 8 ? (unsigned)value : (octave - 2) * 8 + (value >> (octave - 3) & 7);

    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

/* --- the bytes --- */

static inline int64_t take_long(struct bytes *bytes)
{
    uint64_t value = 0;

    for (unsigned shift = 0; bytes->at < bytes->end && shift < 64; shift += 7) {
        uint8_t byte = *bytes->at++;

        value |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        }
    }
    fail("a number is damaged");
    return 0;
}

static inline void skip_long(struct bytes *bytes)
{
    while (bytes->at < bytes->end && *bytes->at >= 128) {
        bytes->at++;
    }
    if (bytes->at++ >= bytes->end) {
        fail("a number is cut");
    }
}

static inline const uint8_t *take(struct bytes *bytes, int64_t size)
{
    const uint8_t *begin = bytes->at;

    if (size < 0 || size > bytes->end - bytes->at) {
        fail("something is cut");
    }
    bytes->at += size;
    return begin;
}

static inline void skip_text(struct bytes *bytes)
{
    (void)take(bytes, take_long(bytes));
}

/* schemas/request.avsc, field by field. */
static void count_records(struct tally *tally, struct bytes block, int64_t records)
{
    for (; records > 0; records--) {
        const uint8_t *name;
        int64_t name_size, time_ms, status, latency_us;
        struct cell *cell;

        skip_text(&block); /* event_id */
        name_size = take_long(&block);
        name = take(&block, name_size);
        skip_text(&block); /* instance */
        time_ms = take_long(&block);
        skip_long(&block); /* method */
        skip_text(&block); /* route */
        status = take_long(&block);
        latency_us = take_long(&block);
        if (take_long(&block) != 0) {
            skip_text(&block); /* region */
        }
        (void)take(&block, TRACE_SIZE);
        skip_text(&block); /* user_agent */
        skip_long(&block); /* bytes_out */
        cell = find_cell(tally, find_service(tally, name, (size_t)name_size), time_ms / MINUTE_MS);
        cell->total++;
        cell->errors += status >= 500;
        cell->slow += status < 500 && latency_us > SLOW_US;
        cell->buckets[bucket_of((uint64_t)latency_us)]++;
    }
}

/* Passes over the head; whether blocks are deflated. */
static bool read_head(struct bytes *file)
{
    static const char key[] = "avro.codec", deflate[] = "deflate";
    bool deflated = false;
    int64_t count;

    (void)take(file, 4);
    while ((count = take_long(file)) > 0) {
        for (; count > 0; count--) {
            int64_t key_size = take_long(file);
            const uint8_t *name = take(file, key_size);
            int64_t size = take_long(file);
            const uint8_t *value = take(file, size);

            if (key_size == sizeof(key) - 1 && memcmp(name, key, sizeof(key) - 1) == 0) {
                deflated = size == sizeof(deflate) - 1 && memcmp(value, deflate, (size_t)size) == 0;
            }
        }
    }
    (void)take(file, MARKER_SIZE);
    return deflated;
}

static void count_file(struct tally *tally, struct bytes file)
{
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    uint8_t *room = must_calloc(BLOCK_SIZE_MAX, 1);
    bool deflated = read_head(&file);

    while (file.at < file.end) {
        int64_t records = take_long(&file), size = take_long(&file);
        const uint8_t *begin = take(&file, size);
        struct bytes block = {begin, file.at};

        (void)take(&file, MARKER_SIZE);
        if (deflated) {
            size_t unpacked;

            if (libdeflate_deflate_decompress(inflater, block.at, (size_t)size, room,
                                              BLOCK_SIZE_MAX, &unpacked) != LIBDEFLATE_SUCCESS) {
                fail("a block cannot be unpacked");
            }
            block = (struct bytes){room, room + unpacked};
        }
        count_records(tally, block, records);
    }
    free(room);
    libdeflate_free_decompressor(inflater);
}

/* --- files, threads, the answer --- */

struct worker {
    pthread_t thread;
    char **files;
    int file_count, first, step;
    struct tally tally;
};

static void count_path(struct tally *tally, const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;
    const uint8_t *bytes;

    if (file < 0 || fstat(file, &stat) != 0) {
        perror(path);
        exit(1);
    }
    bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) {
        perror(path);
        exit(1);
    }
    (void)madvise((void *)(uintptr_t)bytes, (size_t)stat.st_size, MADV_SEQUENTIAL);
    count_file(tally, (struct bytes){bytes, bytes + stat.st_size});
    (void)munmap((void *)(uintptr_t)bytes, (size_t)stat.st_size);
    (void)close(file);
}

static void *work(void *context)
{
    struct worker *worker = context;

    worker->tally.cell_room = CELLS_FIRST;
    worker->tally.cells = must_calloc(CELLS_FIRST, sizeof(*worker->tally.cells));
    for (int i = worker->first; i < worker->file_count; i += worker->step) {
        count_path(&worker->tally, worker->files[i]);
    }
    return NULL;
}

static void merge(struct tally *into, const struct tally *from)
{
    for (size_t i = 0; i < from->cell_room; i++) {
        const struct cell *cell = &from->cells[i];

        if (cell->total > 0) {
            const struct service *service = &from->services[cell->service];
            uint32_t number =
                find_service(into, (const uint8_t *)service->name, (size_t)service->size);
            struct cell *to = find_cell(into, number, cell->minute);

            to->total += cell->total;
            to->errors += cell->errors;
            to->slow += cell->slow;
            for (int b = 0; b < BUCKETS; b++) {
                to->buckets[b] += cell->buckets[b];
            }
        }
    }
}

static void write_answer(const struct tally *tally, const char *path)
{
    FILE *out = fopen(path, "w");

    if (out == NULL) {
        perror(path);
        exit(1);
    }
    for (size_t i = 0; i < tally->cell_room; i++) {
        const struct cell *cell = &tally->cells[i];
        const struct service *service = &tally->services[cell->service];
        uint64_t sum = 0;

        for (int b = 0; b < BUCKETS && cell->total > 0; b++) {
            sum += cell->buckets[b];
        }
        if (sum != cell->total) {
            fail("a histogram does not add up");
        }
        if (cell->total > 0) {
            (void)fprintf(out, "%.*s,%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
                          (int)service->size, service->name, cell->minute * 60, cell->total,
                          cell->errors, cell->slow);
        }
    }
    if (fclose(out) != 0) {
        fail("the answer could not be written");
    }
}

int main(int argc, char **argv)
{
    struct worker *workers;
    cpu_set_t cpus;
    int count;

    if (argc < 3) {
        (void)fprintf(stderr, "usage: fixed OUT FILE...\n");
        return 2;
    }
    count = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ? CPU_COUNT(&cpus) : 1;
    count = count < THREADS_MAX ? count : THREADS_MAX;
    workers = must_calloc((size_t)count, sizeof(*workers));
    for (int i = 0; i < count; i++) {
        workers[i].files = argv + 2;
        workers[i].file_count = argc - 2;
        workers[i].first = i;
        workers[i].step = count;
        if (i > 0 && pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0) {
            fail("no thread");
        }
    }
    (void)work(&workers[0]);
    for (int i = 1; i < count; i++) {
        (void)pthread_join(workers[i].thread, NULL);
        merge(&workers[0].tally, &workers[i].tally);
    }
    write_answer(&workers[0].tally, argv[1]);
    return 0;
}
