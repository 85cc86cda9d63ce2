#include "consumers/kafka_pace.h"

#include <time.h>

#include "base/check.h"
#include "base/clock.h"

enum {
    BACKLOG_SIZE_MAX = 4 * 1024 * 1024,
    BACKLOG_SIZE_LOW = BACKLOG_SIZE_MAX / 2, /* where fetching goes on */
    MESSAGE_OVERHEAD = 400,                  /* of librdkafka, for each message in a queue */
    PACE_MS_MAX = 500,
    API_FETCH = 1 /* Kafka's number of the request */
};

void kafka_pace_init(struct kafka_pace *pace)
{
    pthread_condattr_t attributes;

    *pace = (struct kafka_pace){.backlog_size = 0};
    CHECK(pthread_mutex_init(&pace->lock, NULL) == 0);
    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&pace->room, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
}

void kafka_pace_release(struct kafka_pace *pace)
{
    CHECK(pthread_cond_destroy(&pace->room) == 0);
    CHECK(pthread_mutex_destroy(&pace->lock) == 0);
}

static struct timespec latest(void)
{
    struct timespec until;

    CHECK(clock_gettime(CLOCK_MONOTONIC, &until) == 0);
    until.tv_nsec += PACE_MS_MAX * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_SECOND) {
        until.tv_nsec -= NS_PER_SECOND;
        until.tv_sec++;
    }
    return until;
}

/* Before an answer of that size is unpacked. It is counted as it came, packed, until the reader says what is left of it. */
static void wait_for_room(struct kafka_pace *pace, size_t size)
{
    struct timespec until = latest();

    CHECK(pthread_mutex_lock(&pace->lock) == 0);
    if (pace->backlog_size > BACKLOG_SIZE_MAX) {
        pace->held = true;
        while (pace->held && pthread_cond_timedwait(&pace->room, &pace->lock, &until) == 0) {
        }
    }
    pace->backlog_size += size;
    CHECK(pthread_mutex_unlock(&pace->lock) == 0);
}

/* In a thread of librdkafka, whose rule for this place is not to hold it up for long. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *handle, int socket, const char *broker_name,
                                       int32_t broker, int16_t api, int16_t version,
                                       int32_t correlation, size_t size, int64_t took_us,
                                       rd_kafka_resp_err_t code, void *context)
{
    (void)handle;
    (void)socket;
    (void)broker_name;
    (void)broker;
    (void)version;
    (void)correlation;
    (void)took_us;
    if (api == API_FETCH && code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        wait_for_room(context, size);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *handle, const rd_kafka_conf_t *conf, void *context,
                                  char *text, size_t text_size)
{
    (void)conf;
    (void)text;
    (void)text_size;
    return rd_kafka_interceptor_add_on_response_received(handle, "pace", on_response, context);
}

void kafka_pace_install(struct kafka_pace *pace, rd_kafka_conf_t *conf)
{
    CHECK(rd_kafka_conf_interceptor_add_on_new(conf, "pace", on_new, pace) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void set_backlog(struct kafka_pace *pace, size_t size)
{
    CHECK(pthread_mutex_lock(&pace->lock) == 0);
    pace->backlog_size = size;
    if (pace->held && size <= BACKLOG_SIZE_LOW) {
        pace->held = false;
        CHECK(pthread_cond_broadcast(&pace->room) == 0);
    }
    CHECK(pthread_mutex_unlock(&pace->lock) == 0);
}

void kafka_pace_open(struct kafka_pace *pace)
{
    set_backlog(pace, 0);
}

void kafka_pace_report(struct kafka_pace *pace, size_t message_count, size_t message_size)
{
    set_backlog(pace, message_count * (message_size + MESSAGE_OVERHEAD));
}
