/*
 * Why a broker's certificate was refused, in words. OpenSSL verifies it; librdkafka only says that it did not like the result.
 */
#ifndef CONSUMERS_KAFKA_CERTIFICATE_H
#define CONSUMERS_KAFKA_CERTIFICATE_H

#include "consumers/kafka_client.h"

/* A ssl_cert_verify_cb of librdkafka: keeps the judgement of OpenSSL, and notes the reason in the client. In librdkafka's threads. */
int kafka_certificate_verify(rd_kafka_t *handle, const char *broker, int32_t broker_id,
                             int *x509_error, int depth, const char *der, size_t der_size,
                             char *ret_text, size_t text_size, void *opaque);

#endif
