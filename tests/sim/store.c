/* The store of a schedule: the real SQLite driver, with passages around what it does, and answers of commits that get lost. */
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/db_driver.h"
#include "tests/sim/schedule.h"

static struct schedule *owner;
static const struct db_ops *real;

/* What a statement says about the transaction that it is part of. */
static const struct {
    const char *words;
    unsigned wrote;
} kinds[] = {
    {"INSERT INTO window_hour", WROTE_BOOKS},
    {"INSERT INTO grade_hour", WROTE_BOOKS},
    {"UPDATE grade_hour", WROTE_BOOKS},
    {"DELETE FROM pending", WROTE_BOOKS},
    {"INSERT INTO complete_until", WROTE_BOOKS | WROTE_COMPLETE},
    {"UPDATE complete_until", WROTE_BOOKS | WROTE_COMPLETE},
    {"INSERT INTO batch_range", WROTE_RANGES},
    {"INSERT INTO partition_offset", WROTE_POSITIONS},
    {"UPDATE partition_offset", WROTE_POSITIONS},
    {"INSERT INTO lease", WROTE_LEASE},
    {"UPDATE lease", WROTE_LEASE},
};

static unsigned kind_of(const char *sql)
{
    if (sql[0] == 'S') {
        return 0;
    }
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        if (strncmp(sql, kinds[i].words, strlen(kinds[i].words)) == 0) {
            return kinds[i].wrote;
        }
    }
    return 0;
}

static void committed(struct process *process)
{
    unsigned wrote = process->wrote;

    process->wrote = 0;
    if (wrote != 0 && process->kind != PROCESS_LAST) {
        oracle_committed(&owner->oracle, process, wrote);
    }
}

static enum err_code sim_begin(struct db *db, enum db_mode mode, struct err *err)
{
    struct process *process = schedule_current(owner);

    if (schedule_pass(owner, "db.begin", 4, true)) {
        return err_set_retriable(err, ERR_STORE, "sim: no connection");
    }
    process->wrote = 0;
    return real->begin(db, mode, err);
}

static enum err_code lose_answer(struct db *db, struct process *process, bool *ret_unknown,
                                 struct err *err)
{
    bool there = random_below(&owner->random, 2) == 0;

    owner->report.lost_commits++;
    schedule_trace(owner, "db.commit", there ? "done, answer lost" : "not done, answer lost");
    if (there && real->commit(db, ret_unknown, err) != ERR_OK) {
        return err->code;
    }
    if (there) {
        committed(process);
    }
    *ret_unknown = true;
    return err_set_retriable(err, ERR_STORE, "sim: the answer to COMMIT was lost");
}

static enum err_code sim_commit(struct db *db, bool *ret_unknown, struct err *err)
{
    struct process *process = schedule_current(owner);
    enum err_code code;

    (void)schedule_pass(owner, "db.commit.before", 12, false);
    if (owner->chaos.on && random_below(&owner->random, 65536) < owner->chaos.lose) {
        return lose_answer(db, process, ret_unknown, err);
    }
    code = real->commit(db, ret_unknown, err);
    if (code == ERR_OK) {
        committed(process);
        (void)schedule_pass(owner, "db.commit.after", 12, false);
    }
    return code;
}

static enum err_code sim_step(struct db_stmt *stmt, bool *ret_row, struct err *err)
{
    struct process *process = schedule_current(owner);
    unsigned wrote = kind_of(stmt->sql);
    enum err_code code;

    if (schedule_pass(owner, "db.step", stmt->sql[0] == 'S' ? 1 : 2, true)) {
        return err_set_retriable(err, ERR_STORE, "sim: the connection was lost");
    }
    code = real->step(stmt, ret_row, err);
    if (code == ERR_OK) {
        /* Outside of a transaction the statement is one of its own; what a transaction that was rolled back had written is not there. */
        process->wrote = wrote | (stmt->db->in_transaction ? process->wrote : 0);
        if (!stmt->db->in_transaction) {
            committed(process);
        }
    }
    return code;
}

/* Between two attempts at a transaction: as good a place to be killed as any. */
static void sim_pause(struct db *db, int64_t duration_ns)
{
    (void)db;
    clock_sleep_ns(&owner->wall.clock, duration_ns);
}

struct db *store_connect(struct schedule *schedule, struct process *process, const char *path)
{
    static struct db_ops ops;
    struct db_options options = {.path = path,
                                 .lock_wait_ns = 20 * NS_PER_SECOND,
                                 .clock = &schedule->wall.clock,
                                 .wait_clock = &schedule->wall.lock_clock};
    struct err err = ERR_INIT;
    struct db *db;

    if (db_open(&options, &db, &err) != ERR_OK) {
        schedule_fail(schedule, "%s", err.text);
    }
    /* Of a process; the oracle's own connection is left alone. */
    if (process != NULL) {
        owner = schedule;
        real = db->ops; /* the same for all */
        ops = *real;
        ops.begin = sim_begin;
        ops.commit = sim_commit;
        ops.step = sim_step;
        ops.pause = sim_pause;
        db->ops = &ops;
        process->db = db;
        process->wrote = 0;
    }
    return db;
}

void store_disconnect(struct process *process)
{
    struct db *db = process->db;

    process->db = NULL;
    if (db != NULL) {
        db->ops = real;
        db_close(db);
    }
}
