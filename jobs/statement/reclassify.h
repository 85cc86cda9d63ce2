/*
 * Reclassifications: time of a service that somebody found to have been other than its raw grades say. Rows that are only added.
 *
 * Windows and raw grades stay as they are; a reclassification is laid over them when a statement is computed, and the statement names it with its
 * author, time and reason. Where several speak of a second, the one that was recorded last does. Withdrawing one is another row. Where a method
 * counts requests, only the four unknown states say anything: no known state can change what was counted. Errors: ERR_USAGE, ERR_STORE, ERR_FENCED,
 * ERR_MISMATCH (a row is damaged).
 */
#ifndef JOBS_STATEMENT_RECLASSIFY_H
#define JOBS_STATEMENT_RECLASSIFY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/db.h"
#include "jobs/config/contract.h"
#include "jobs/statement/engine.h"
#include "schemas/grade.h"

struct reclassification {
    int64_t id;
    struct str service;
    int64_t from_s, to_s;
    enum grade state;
    int64_t recorded_ns;
    struct str author, reason;
    bool withdrawn;
    int64_t withdrawn_ns; /* and by whom, and why */
    struct str withdrawn_author, withdrawn_reason;
};

/* Time of a service of which one that stands and speaks is the last that was recorded. */
struct reclassified_span {
    int64_t from_s, to_s;
    const struct reclassification *by; /* of the list */
};

/* Whole seconds that are over. The id and the time of the record are filled in. */
enum err_code reclassify_add(struct db *db, struct reclassification *reclassification,
                             struct err *err);
enum err_code reclassify_withdraw(struct db *db, int64_t id, struct str reason, struct str author,
                                  int64_t *ret_id, struct err *err);
/* Those of the service (empty: of all) that overlap [from_s, to_s), withdrawn ones too, in the order of their ids; in arena. */
enum err_code reclassify_list(struct db *db, struct str service, int64_t from_s, int64_t to_s,
                              struct arena *arena, struct reclassification **ret_list,
                              size_t *ret_count, struct err *err);
/* Whether one with that state changes what the contract measures. */
bool reclassify_speaks(const struct contract *contract, enum grade state);
/* Lays those that stand and speak over the states of a service; what no state covers stays uncovered. If there are any, the service keeps the states as they
 * were graded, and the spans, which borrow the list. In arena. */
void reclassify_overlay(const struct contract *contract, const struct reclassification *list,
                        size_t count, struct arena *arena, struct service_input *service);

/* What one does to the figures of the contract, for people. A literal. */
const char *reclassify_effect(const struct contract *contract, const struct reclassification *row);
/* The member `reclassifications` of a statement: all of the list, also what was withdrawn or says nothing here. */
struct json_writer;
void reclassify_write(struct json_writer *json, const struct contract *contract,
                      const struct reclassification *list, size_t count);

#endif
