/*
 * librdkafka, loaded when the first client is made: it brings OpenSSL and SASL with it, and two thirds of the time that a small command
 * took were the loader's for them.
 * Its functions are called by their own names: behind this header these stand for the members of `librdkafka`, which librdkafka_open
 * has to fill first. What is called and not in the table does not link.
 */
#ifndef CONSUMERS_KAFKA_LIBRARY_H
#define CONSUMERS_KAFKA_LIBRARY_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "base/library.h"

#define LIBRDKAFKA_FUNCTIONS(X)                                                                    \
    X(rd_kafka_assign)                                                                             \
    X(rd_kafka_assignment_lost)                                                                    \
    X(rd_kafka_clusterid)                                                                          \
    X(rd_kafka_commit)                                                                             \
    X(rd_kafka_conf_destroy)                                                                       \
    X(rd_kafka_conf_interceptor_add_on_new)                                                        \
    X(rd_kafka_conf_new)                                                                           \
    X(rd_kafka_conf_set)                                                                           \
    X(rd_kafka_conf_set_dr_msg_cb)                                                                 \
    X(rd_kafka_conf_set_error_cb)                                                                  \
    X(rd_kafka_conf_set_log_cb)                                                                    \
    X(rd_kafka_conf_set_opaque)                                                                    \
    X(rd_kafka_conf_set_rebalance_cb)                                                              \
    X(rd_kafka_conf_set_ssl_cert_verify_cb)                                                        \
    X(rd_kafka_consume_batch_queue)                                                                \
    X(rd_kafka_consume_callback_queue)                                                             \
    X(rd_kafka_consume_start_queue)                                                                \
    X(rd_kafka_consume_stop)                                                                       \
    X(rd_kafka_consumer_close)                                                                     \
    X(rd_kafka_destroy)                                                                            \
    X(rd_kafka_err2str)                                                                            \
    X(rd_kafka_error_code)                                                                         \
    X(rd_kafka_error_destroy)                                                                      \
    X(rd_kafka_fatal_error)                                                                        \
    X(rd_kafka_flush)                                                                              \
    X(rd_kafka_handle_mock_cluster)                                                                \
    X(rd_kafka_header_add)                                                                         \
    X(rd_kafka_header_cnt)                                                                         \
    X(rd_kafka_header_get_all)                                                                     \
    X(rd_kafka_header_get_last)                                                                    \
    X(rd_kafka_headers_destroy)                                                                    \
    X(rd_kafka_headers_new)                                                                        \
    X(rd_kafka_interceptor_add_on_response_received)                                               \
    X(rd_kafka_last_error)                                                                         \
    X(rd_kafka_mem_free)                                                                           \
    X(rd_kafka_message_destroy)                                                                    \
    X(rd_kafka_message_errstr)                                                                     \
    X(rd_kafka_message_headers)                                                                    \
    X(rd_kafka_message_timestamp)                                                                  \
    X(rd_kafka_metadata)                                                                           \
    X(rd_kafka_metadata_destroy)                                                                   \
    X(rd_kafka_mock_cluster_bootstraps)                                                            \
    X(rd_kafka_mock_topic_create)                                                                  \
    X(rd_kafka_new)                                                                                \
    X(rd_kafka_offsets_for_times)                                                                  \
    X(rd_kafka_opaque)                                                                             \
    X(rd_kafka_poll)                                                                               \
    X(rd_kafka_producev)                                                                           \
    X(rd_kafka_produceva)                                                                          \
    X(rd_kafka_purge)                                                                              \
    X(rd_kafka_queue_destroy)                                                                      \
    X(rd_kafka_queue_get_consumer)                                                                 \
    X(rd_kafka_queue_length)                                                                       \
    X(rd_kafka_queue_new)                                                                          \
    X(rd_kafka_subscribe)                                                                          \
    X(rd_kafka_topic_destroy)                                                                      \
    X(rd_kafka_topic_name)                                                                         \
    X(rd_kafka_topic_new)                                                                          \
    X(rd_kafka_topic_partition_list_add)                                                           \
    X(rd_kafka_topic_partition_list_copy)                                                          \
    X(rd_kafka_topic_partition_list_destroy)                                                       \
    X(rd_kafka_topic_partition_list_find)                                                          \
    X(rd_kafka_topic_partition_list_new)                                                           \
    X(rd_kafka_yield)

struct librdkafka {
#define MEMBER(name) __typeof__(&(name)) name##_;
    LIBRDKAFKA_FUNCTIONS(MEMBER)
#undef MEMBER
};

extern struct librdkafka librdkafka;

/* ERR_FAILED: the library is missing. */
enum err_code librdkafka_open(struct err *err);

#define rd_kafka_assign librdkafka.rd_kafka_assign_
#define rd_kafka_assignment_lost librdkafka.rd_kafka_assignment_lost_
#define rd_kafka_clusterid librdkafka.rd_kafka_clusterid_
#define rd_kafka_commit librdkafka.rd_kafka_commit_
#define rd_kafka_conf_destroy librdkafka.rd_kafka_conf_destroy_
#define rd_kafka_conf_interceptor_add_on_new librdkafka.rd_kafka_conf_interceptor_add_on_new_
#define rd_kafka_conf_new librdkafka.rd_kafka_conf_new_
#define rd_kafka_conf_set librdkafka.rd_kafka_conf_set_
#define rd_kafka_conf_set_dr_msg_cb librdkafka.rd_kafka_conf_set_dr_msg_cb_
#define rd_kafka_conf_set_error_cb librdkafka.rd_kafka_conf_set_error_cb_
#define rd_kafka_conf_set_log_cb librdkafka.rd_kafka_conf_set_log_cb_
#define rd_kafka_conf_set_opaque librdkafka.rd_kafka_conf_set_opaque_
#define rd_kafka_conf_set_rebalance_cb librdkafka.rd_kafka_conf_set_rebalance_cb_
#define rd_kafka_conf_set_ssl_cert_verify_cb librdkafka.rd_kafka_conf_set_ssl_cert_verify_cb_
#define rd_kafka_consume_batch_queue librdkafka.rd_kafka_consume_batch_queue_
#define rd_kafka_consume_callback_queue librdkafka.rd_kafka_consume_callback_queue_
#define rd_kafka_consume_start_queue librdkafka.rd_kafka_consume_start_queue_
#define rd_kafka_consume_stop librdkafka.rd_kafka_consume_stop_
#define rd_kafka_consumer_close librdkafka.rd_kafka_consumer_close_
#define rd_kafka_destroy librdkafka.rd_kafka_destroy_
#define rd_kafka_err2str librdkafka.rd_kafka_err2str_
#define rd_kafka_error_code librdkafka.rd_kafka_error_code_
#define rd_kafka_error_destroy librdkafka.rd_kafka_error_destroy_
#define rd_kafka_fatal_error librdkafka.rd_kafka_fatal_error_
#define rd_kafka_flush librdkafka.rd_kafka_flush_
#define rd_kafka_handle_mock_cluster librdkafka.rd_kafka_handle_mock_cluster_
#define rd_kafka_header_add librdkafka.rd_kafka_header_add_
#define rd_kafka_header_cnt librdkafka.rd_kafka_header_cnt_
#define rd_kafka_header_get_all librdkafka.rd_kafka_header_get_all_
#define rd_kafka_header_get_last librdkafka.rd_kafka_header_get_last_
#define rd_kafka_headers_destroy librdkafka.rd_kafka_headers_destroy_
#define rd_kafka_headers_new librdkafka.rd_kafka_headers_new_
#define rd_kafka_interceptor_add_on_response_received                                              \
    librdkafka.rd_kafka_interceptor_add_on_response_received_
#define rd_kafka_last_error librdkafka.rd_kafka_last_error_
#define rd_kafka_mem_free librdkafka.rd_kafka_mem_free_
#define rd_kafka_message_destroy librdkafka.rd_kafka_message_destroy_
#define rd_kafka_message_errstr librdkafka.rd_kafka_message_errstr_
#define rd_kafka_message_headers librdkafka.rd_kafka_message_headers_
#define rd_kafka_message_timestamp librdkafka.rd_kafka_message_timestamp_
/* It is also the tag of a struct. */
#define rd_kafka_metadata(...) librdkafka.rd_kafka_metadata_(__VA_ARGS__)
#define rd_kafka_metadata_destroy librdkafka.rd_kafka_metadata_destroy_
#define rd_kafka_mock_cluster_bootstraps librdkafka.rd_kafka_mock_cluster_bootstraps_
#define rd_kafka_mock_topic_create librdkafka.rd_kafka_mock_topic_create_
#define rd_kafka_new librdkafka.rd_kafka_new_
#define rd_kafka_offsets_for_times librdkafka.rd_kafka_offsets_for_times_
#define rd_kafka_opaque librdkafka.rd_kafka_opaque_
#define rd_kafka_poll librdkafka.rd_kafka_poll_
#define rd_kafka_producev librdkafka.rd_kafka_producev_
#define rd_kafka_produceva librdkafka.rd_kafka_produceva_
#define rd_kafka_purge librdkafka.rd_kafka_purge_
#define rd_kafka_queue_destroy librdkafka.rd_kafka_queue_destroy_
#define rd_kafka_queue_get_consumer librdkafka.rd_kafka_queue_get_consumer_
#define rd_kafka_queue_length librdkafka.rd_kafka_queue_length_
#define rd_kafka_queue_new librdkafka.rd_kafka_queue_new_
#define rd_kafka_subscribe librdkafka.rd_kafka_subscribe_
#define rd_kafka_topic_destroy librdkafka.rd_kafka_topic_destroy_
#define rd_kafka_topic_name librdkafka.rd_kafka_topic_name_
#define rd_kafka_topic_new librdkafka.rd_kafka_topic_new_
#define rd_kafka_topic_partition_list_add librdkafka.rd_kafka_topic_partition_list_add_
#define rd_kafka_topic_partition_list_copy librdkafka.rd_kafka_topic_partition_list_copy_
#define rd_kafka_topic_partition_list_destroy librdkafka.rd_kafka_topic_partition_list_destroy_
#define rd_kafka_topic_partition_list_find librdkafka.rd_kafka_topic_partition_list_find_
#define rd_kafka_topic_partition_list_new librdkafka.rd_kafka_topic_partition_list_new_
#define rd_kafka_yield librdkafka.rd_kafka_yield_

#endif
