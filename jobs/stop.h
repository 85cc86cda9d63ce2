/*
 * SIGTERM and SIGINT: a request to leave in order, within ten seconds. A second one leaves at once.
 */
#ifndef JOBS_STOP_H
#define JOBS_STOP_H

/* Installs the handlers; ignores SIGPIPE and SIGXFSZ, so that both become errors of the write. */
void stop_install(void);
/* 0, or the number of the signal that asked us to leave. */
int stop_requested(void);
/* For tests and the demo. */
void stop_set(int signal_number);

#endif
