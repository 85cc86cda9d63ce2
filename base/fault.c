#include "base/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static fault_hook_fn current_hook;
static void *current_context;

void fault_set_hook(fault_hook_fn hook, void *context)
{
    current_hook = hook;
    current_context = context;
}

enum err_code fault_error(const char *place, struct err *err)
{
    return err_set_retriable(err, ERR_STORE, "fault at %s", place);
}

static bool perform(const char *action)
{
    if (strcmp(action, "kill") == 0) {
        (void)kill(getpid(), SIGKILL);
    } else if (strcmp(action, "stop") == 0) {
        (void)kill(getpid(), SIGSTOP);
    } else if (strcmp(action, "exit") == 0) {
        _Exit(1);
    }
    return strcmp(action, "error") == 0;
}

bool fault_pass(const char *name)
{
    static long passed;
    const char *plan;
    size_t size = strlen(name);
    char *end;
    long count;

    if (current_hook != NULL) {
        return current_hook(name, current_context);
    }
    plan = getenv("UPTALLY_FAULT");
    if (plan == NULL || strncmp(plan, name, size) != 0 || plan[size] != ':') {
        return false;
    }
    count = strtol(plan + size + 1, &end, 10);
    if (*end != ':' || ++passed != count) {
        return false;
    }
    return perform(end + 1);
}
