/*
 * The terms that a statement was issued under, as a contract again: revisions for late data are measured by them, whatever the configuration has
 * become since.
 */
#ifndef JOBS_STATEMENT_TERMS_H
#define JOBS_STATEMENT_TERMS_H

#include <stdbool.h>

#include "base/db.h"
#include "jobs/config/contract.h"

struct config;

/* The contract, in a configuration of its own that the caller owns: terms_close. ERR_STORE; ERR_MISMATCH: the row is missing or damaged; ERR_CONFIG: this version does not know these
 * terms. */
enum err_code terms_open(struct db *db, struct str contract, struct str digest,
                         struct config **ret_config, const struct contract **ret_contract,
                         struct err *err);
/* The same of the text of such a row. ERR_CONFIG. */
enum err_code terms_parse(struct str text, struct str digest, struct config **ret_config,
                          struct err *err);
void terms_close(struct config *config); /* NULL is allowed */

#endif
