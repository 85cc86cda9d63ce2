/*
 * avro-c, loaded when the demo writes its first event: nothing else calls it, and it brings the library of C++ with it.
 * Its functions are called by their own names: behind this header these stand for the members of `libavro`, which libavro_open
 * has to fill first. What is called and not in the table does not link.
 */
#ifndef JOBS_DEMO_AVRO_LIBRARY_H
#define JOBS_DEMO_AVRO_LIBRARY_H

#include <avro.h>

#include "base/library.h"

#define LIBAVRO_FUNCTIONS(X)                                                                       \
    X(avro_generic_class_from_schema)                                                              \
    X(avro_generic_value_new)                                                                      \
    X(avro_schema_decref)                                                                          \
    X(avro_schema_from_json_length)                                                                \
    X(avro_strerror)                                                                               \
    X(avro_value_decref)                                                                           \
    X(avro_value_write)                                                                            \
    X(avro_writer_free)                                                                            \
    X(avro_writer_memory)                                                                          \
    X(avro_writer_memory_set_dest)                                                                 \
    X(avro_writer_tell)

struct libavro {
#define MEMBER(name) __typeof__(&(name)) name##_;
    LIBAVRO_FUNCTIONS(MEMBER)
#undef MEMBER
};

extern struct libavro libavro;

/* ERR_FAILED: the library is missing. */
enum err_code libavro_open(struct err *err);

#define avro_generic_class_from_schema libavro.avro_generic_class_from_schema_
#define avro_generic_value_new libavro.avro_generic_value_new_
#define avro_schema_decref libavro.avro_schema_decref_
#define avro_schema_from_json_length libavro.avro_schema_from_json_length_
#define avro_strerror libavro.avro_strerror_
#define avro_value_decref libavro.avro_value_decref_
#define avro_value_write libavro.avro_value_write_
#define avro_writer_free libavro.avro_writer_free_
#define avro_writer_memory libavro.avro_writer_memory_
#define avro_writer_memory_set_dest libavro.avro_writer_memory_set_dest_
#define avro_writer_tell libavro.avro_writer_tell_

#endif
