#include "consumers/kafka_library.h"

#include "base/check.h"

struct librdkafka librdkafka;

#define ROW(name) {#name, offsetof(struct librdkafka, name##_)},
static const struct library_function functions[] = {LIBRDKAFKA_FUNCTIONS(ROW)};
#undef ROW

static struct library library = {.file = "librdkafka.so.1",
                                 .hint = "Kafka needs it: apt-get install librdkafka1",
                                 .functions = functions,
                                 .function_count = ARRAY_COUNT(functions),
                                 .target = &librdkafka};

enum err_code librdkafka_open(struct err *err)
{
    return library_load(&library, err);
}
