#include "jobs/demo/avro_library.h"

#include "base/check.h"

struct libavro libavro;

#define ROW(name) {#name, offsetof(struct libavro, name##_)},
static const struct library_function functions[] = {LIBAVRO_FUNCTIONS(ROW)};
#undef ROW

static struct library library = {.file = "libavro.so.23",
                                 .hint = "the demo needs it: apt-get install libavro23",
                                 .functions = functions,
                                 .function_count = ARRAY_COUNT(functions),
                                 .target = &libavro};

enum err_code libavro_open(struct err *err)
{
    return library_load(&library, err);
}
