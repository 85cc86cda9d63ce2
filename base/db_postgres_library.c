#include "base/db_postgres_library.h"

#include "base/check.h"

struct libpq libpq;

#define ROW(name) {#name, offsetof(struct libpq, name##_)},
static const struct library_function functions[] = {LIBPQ_FUNCTIONS(ROW)};
#undef ROW

static struct library library = {.file = "libpq.so.5",
                                 .hint = "a store on PostgreSQL needs it: apt-get install libpq5",
                                 .functions = functions,
                                 .function_count = ARRAY_COUNT(functions),
                                 .target = &libpq};

enum err_code libpq_open(struct err *err)
{
    return library_load(&library, err);
}
