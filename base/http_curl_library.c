#include "base/http_curl_library.h"

#include "base/check.h"

struct libcurl libcurl;

#define ROW(name) {#name, offsetof(struct libcurl, name##_)},
static const struct library_function functions[] = {LIBCURL_FUNCTIONS(ROW)};
#undef ROW

static struct library library = {.file = "libcurl.so.4",
                                 .hint = "HTTP needs it: apt-get install libcurl4",
                                 .functions = functions,
                                 .function_count = ARRAY_COUNT(functions),
                                 .target = &libcurl};

enum err_code libcurl_open(struct err *err)
{
    return library_load(&library, err);
}
