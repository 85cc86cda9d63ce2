/*
 * Named places where a kill would hurt.
 *
 * FAULT("ledger.commit.before") does nothing in a release. Elsewhere it calls the hook that a test has set,
 * or obeys the environment variable UPTALLY_FAULT="NAME:COUNT:ACTION": at the COUNT-th passage of NAME the
 * process is killed ("kill"), leaves with status 1 ("exit"), stops until SIGCONT ("stop"), or the function
 * returns ERR_FAILED ("error"; only at places that test the value). Names are FOLDER.MODULE.PLACE style
 * words; docs/HACKING.md lists how to add one.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

#include "base/err.h"

/* True: the caller shall fail here as if the world had. */
typedef bool (*fault_hook_fn)(const char *name, void *context);

#ifdef UPTALLY_FAULTS
#define FAULT(name) fault_pass(name)
#else
#define FAULT(name) ((void)(name), false)
#endif

bool fault_pass(const char *name);
/* What a function of the store says that shall fail: ERR_STORE, retriable. */
enum err_code fault_error(const char *place, struct err *err);
/* For tests within one process; NULL removes the hook. */
void fault_set_hook(fault_hook_fn hook, void *context);

#endif
