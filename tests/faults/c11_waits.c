/*
 * libfaketime fakes what clocks say and what pthread_cond_timedwait waits for, but not cnd_timedwait, by which
 * librdkafka waits: its deadlines would be of the false clock and its waits of the true one. Loaded before
 * libfaketime, this sends the one through the other. glibc's cnd_t and mtx_t are its pthread_cond_t and
 * pthread_mutex_t.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>
#include <time.h>

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict deadline)
{
    int result =
        pthread_cond_timedwait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex, deadline);

    return result == 0 ? thrd_success : result == ETIMEDOUT ? thrd_timedout : thrd_error;
}
