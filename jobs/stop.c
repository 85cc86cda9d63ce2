#include "jobs/stop.h"

#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "base/check.h"

static volatile sig_atomic_t requested;
static unsigned grace; /* written before the handlers are there */

/* A second signal means that the person, or the platform, does not want to wait for the commit. The ledger is
 * made for that: nothing is lost but the open batch. */
static void on_signal(int number)
{
    if (requested != 0) {
        _exit(128 + number);
    }
    requested = number;
    (void)alarm(grace);
}

static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    CHECK(sigemptyset(&action.sa_mask) == 0);
    CHECK(sigaction(number, &action, NULL) == 0);
}

/* Whatever we wait for then (a locked store, a broker that does not answer) does not matter any more: platforms kill after 10 s, and this
 * way the exit status says why. */
static void on_grace_over(int number)
{
    (void)number;
    _exit(128 + requested);
}

void stop_install(unsigned grace_s)
{
    grace = grace_s;
    handle(SIGALRM, on_grace_over);
    handle(SIGTERM, on_signal);
    handle(SIGINT, on_signal);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
}

int stop_requested(void)
{
    return (int)requested;
}

bool stop_is_requested(void)
{
    return requested != 0;
}

void stop_set(int signal_number)
{
    requested = signal_number;
}
