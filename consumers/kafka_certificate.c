#include "consumers/kafka_certificate.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"

/* Codes of X509_STORE_CTX_get_error(3); they are part of OpenSSL's interface and do not change. */
static const struct {
    int code;
    const char *words;
} problems[] = {
    {9, "it is not valid yet"},
    {10, "it has expired"},
    {18, "it is self-signed"},
    {19, "it ends in an authority that is not trusted (ssl.ca.location)"},
    {20, "its authority is not trusted (ssl.ca.location)"},
    {21, "its authority is not trusted (ssl.ca.location)"},
    {23, "it was revoked"},
    {62, "it is for another host name"},
    {64, "it is for another IP address"},
    {66, "its key is too weak"},
    {67, "its authority's key is too weak"},
    {68, "its signature is too weak"},
};

static const char *words_of(int code)
{
    for (size_t i = 0; i < ARRAY_COUNT(problems); i++) {
        if (problems[i].code == code) {
            return problems[i].words;
        }
    }
    return "it is not valid";
}

int kafka_certificate_verify(rd_kafka_t *handle, const char *broker, int32_t broker_id,
                             int *x509_error, int depth, const char *der, size_t der_size,
                             char *ret_text, size_t text_size, void *opaque)
{
    struct kafka_client *client = opaque;

    (void)handle;
    (void)broker_id;
    (void)depth;
    (void)der;
    (void)der_size;
    CHECK(client != NULL);
    if (*x509_error == 0) {
        return 1;
    }
    (void)snprintf(ret_text, text_size, "%s", words_of(*x509_error));
    CHECK(pthread_mutex_lock(&client->lock) == 0);
    (void)snprintf(client->certificate, sizeof(client->certificate),
                   "the certificate of %.200s is refused: %s (OpenSSL's code %d)", broker,
                   words_of(*x509_error), *x509_error);
    CHECK(pthread_mutex_unlock(&client->lock) == 0);
    return 0;
}
