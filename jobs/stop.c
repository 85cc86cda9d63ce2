#include "jobs/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/check.h"

static volatile sig_atomic_t requested;

/* A second signal means that the person, or the platform, does not want to wait for the commit. The ledger is
 * made for that: nothing is lost but the open batch. */
static void on_signal(int number)
{
    if (requested != 0) {
        _exit(128 + number);
    }
    requested = number;
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    CHECK(sigemptyset(&action.sa_mask) == 0);
    CHECK(sigaction(number, &action, NULL) == 0);
}

void stop_install(void)
{
    handle(SIGTERM, on_signal);
    handle(SIGINT, on_signal);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
}

int stop_requested(void)
{
    return (int)requested;
}

void stop_set(int signal_number)
{
    requested = signal_number;
}
