#include "jobs/pipeline/lease_wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

/* Another run may end soon; and a held lease needs a word only now and then. */
#define PAUSE_NS (200 * NS_PER_MS)
#define KEEP_INTERVAL_NS (10 * NS_PER_SECOND)

void lease_holder(char ret_holder[LEASE_HOLDER_SIZE])
{
    char host[256] = "?";
    struct random random;

    random_init_system(&random);
    (void)gethostname(host, sizeof(host) - 1);
    (void)snprintf(ret_holder, LEASE_HOLDER_SIZE, "%s, process %ld, run %06" PRIx32, host,
                   (long)getpid(), (uint32_t)random_below(&random, 0x1000000));
}

enum err_code lease_wait(struct lease *lease, const struct lease_waiting *waiting, struct err *err)
{
    struct clock *clock = waiting->clock != NULL ? waiting->clock : clock_system();
    int64_t started_ns = clock_monotonic_ns(clock);
    int64_t kept_ns = started_ns;

    for (;;) {
        struct err cause = ERR_INIT;
        enum err_code code = lease_acquire(lease, &cause);
        int64_t now_ns = clock_monotonic_ns(clock);

        if (code == ERR_OK) {
            return ERR_OK;
        }
        if (code != ERR_FENCED || now_ns - started_ns >= waiting->wait_ns) {
            *err = cause;
            return code;
        }
        if (waiting->stopped != NULL && waiting->stopped()) {
            return err_set(err, ERR_INTERRUPTED,
                           "stopped by a signal while another %s holds the lease",
                           lease->options.who);
        }
        if (waiting->outer != NULL && now_ns - kept_ns >= KEEP_INTERVAL_NS) {
            kept_ns = now_ns;
            if (lease_extend(waiting->outer, err) != ERR_OK) {
                return err->code;
            }
        }
        clock_sleep_ns(clock, PAUSE_NS);
    }
}
