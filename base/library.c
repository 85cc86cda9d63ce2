#include "base/library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/check.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static enum err_code load(struct library *library, struct err *err)
{
    void *handle;

    if (library->handle != NULL) {
        return ERR_OK;
    }
    handle = dlopen(library->file, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return err_set(err, ERR_FAILED, "%s; %s", dlerror(), library->hint);
    }
    for (size_t i = 0; i < library->function_count; i++) {
        void *found = dlsym(handle, library->functions[i].name);

        if (found == NULL) {
            return err_set(err, ERR_FAILED, "%s has no %s", library->file,
                           library->functions[i].name);
        }
        /* Through memcpy, because ISO C has no conversion from an object pointer to a function. */
        memcpy((char *)library->target + library->functions[i].offset, &found, sizeof(found));
    }
    library->handle = handle;
    return ERR_OK;
}

enum err_code library_load(struct library *library, struct err *err)
{
    enum err_code code;

    CHECK(pthread_mutex_lock(&lock) == 0);
    code = load(library, err);
    CHECK(pthread_mutex_unlock(&lock) == 0);
    return code;
}
