#include "consumers/kafka_close.h"

#include <pthread.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/memory.h"

struct closing {
    void (*work)(void *context);
    void *context;
};

static void *run(void *argument)
{
    struct closing *closing = argument;

    closing->work(closing->context);
    return NULL;
}

bool kafka_close_within(void (*work)(void *context), void *context, int64_t limit_ns)
{
    struct closing *closing = memory_calloc(1, sizeof(*closing));
    int64_t until_ns = clock_now_ns(clock_system()) + limit_ns;
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_SECOND),
                             .tv_nsec = (long)(until_ns % NS_PER_SECOND)};
    pthread_t thread;

    *closing = (struct closing){work, context};
    if (pthread_create(&thread, NULL, run, closing) != 0) {
        memory_free(closing);
        return false;
    }
    if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        (void)pthread_detach(thread); /* keeps closing */
        return false;
    }
    memory_free(closing);
    return true;
}
