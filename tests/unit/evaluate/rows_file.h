/* A file with some text, in a folder of its own, and a contract to read it for. Included by tests only. */
#ifndef TESTS_UNIT_EVALUATE_ROWS_FILE_H
#define TESTS_UNIT_EVALUATE_ROWS_FILE_H

#include "base/check.h"
#include "jobs/evaluate/roster.h"
#include "tests/unit/temporary.h"

struct rows_file {
    struct temporary folder;
    const char *path;
};

static inline void rows_file_write(struct rows_file *file, const char *text, size_t size)
{
    FILE *out;

    temporary_make(&file->folder);
    file->path = temporary_file(&file->folder, "rows.csv");
    out = fopen(file->path, "wb");
    CHECK(out != NULL);
    CHECK(fwrite(text, 1, size, out) == size);
    CHECK(fclose(out) == 0);
}

static inline void rows_file_remove(struct rows_file *file)
{
    temporary_remove(&file->folder);
}

/* "x.csv:3: ..." of "/tmp/..../rows.csv:3: ...". */
static inline const char *rows_file_error(const struct rows_file *file, const struct err *err)
{
    size_t size = strlen(file->path);

    CHECK(strncmp(err->text, file->path, size) == 0);
    return err->text + size;
}

/* Services "api" and "portal", in this order. */
static inline const struct contract *rows_contract(void)
{
    static struct str services[2];
    static struct contract contract;

    services[0] = STR("api");
    services[1] = STR("portal");
    contract = (struct contract){.services = services, .service_count = 2};
    return &contract;
}

#endif
