/*
 * SIGTERM and SIGINT: a request to leave in order, within ten seconds. A second one leaves at once.
 */
#ifndef JOBS_STOP_H
#define JOBS_STOP_H

#include <stdbool.h>

/* Ten seconds are what platforms give; the rest is for the exit itself. */
enum { STOP_GRACE_S = 9 };

/* Installs the handlers; ignores SIGPIPE and SIGXFSZ, so that both become errors of the write. A process that is still there grace_s after
 * the first signal ends with 128 + its number. */
void stop_install(unsigned grace_s);
/* 0, or the number of the signal that asked us to leave. */
int stop_requested(void);
/* The same as a yes or no, for stages that wait. */
bool stop_is_requested(void);
/* For tests and the demo. */
void stop_set(int signal_number);

#endif
