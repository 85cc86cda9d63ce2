#include "jobs/troubles.h"

#include "jobs/ui.h"

bool troubles_end(struct troubles *troubles, enum err_code code, struct err *err)
{
    if (code == ERR_OK) {
        return false;
    }
    if (code == ERR_FENCED || code == ERR_INTERRUPTED) {
        return true;
    }
    ui_error(err);
    troubles->first = troubles->first == ERR_OK ? code : troubles->first;
    *err = ERR_INIT;
    return false;
}
