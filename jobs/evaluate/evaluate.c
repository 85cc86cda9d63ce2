#include "jobs/evaluate/evaluate.h"

#include <inttypes.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/evaluate/announcements.h"
#include "jobs/evaluate/coverage.h"
#include "jobs/statement/engine.h"
#include "jobs/statement/method.h"

struct run {
    const struct terms *terms;
    bool (*stopped)(void);
    struct roster roster;
    struct states states;
    struct coverage coverage; /* of the service at hand */
    struct engine_input input;
    struct engine *engine;
    struct arena *arena; /* of the engine */
    bool *given;         /* owned; by service: the engine has had it */
};

static bool by_states(const struct contract *contract)
{
    return contract->availability.method == METHOD_STATE_TIME;
}

static enum err_code check_files(const struct terms *terms, const struct evaluate_files *files,
                                 const char *config_path, struct err *err)
{
    const struct contract *contract = terms->contract;
    const char *method = method_row(contract->availability.method)->name;

    if (contract->availability.percentile.present) {
        return err_set(err, ERR_CONFIG,
                       "%s:%d: contract \"%.*s\": a percentile of latencies cannot be computed "
                       "from counts per minute; use max_slow_ratio",
                       config_path, contract->availability.percentile_line, STR_ARGS(contract->id));
    }
    if (by_states(contract) && files->states == NULL) {
        return err_set(err, ERR_USAGE,
                       "--states is missing: method %s of contract \"%.*s\" goes by the states of "
                       "its services",
                       method, STR_ARGS(contract->id));
    }
    if (files->windows == NULL && files->states == NULL) {
        return err_set(err, ERR_USAGE,
                       "--windows is missing: method %s of contract \"%.*s\" goes by the requests "
                       "of each minute",
                       method, STR_ARGS(contract->id));
    }
    return ERR_OK;
}

/* minutes: NULL if the service has no row. */
static void give_service(struct run *run, size_t service, const struct minutes_of_service *minutes)
{
    size_t count;
    const struct stated *states = states_of(&run->states, service, &count);

    if (by_states(run->terms->contract)) {
        coverage_of_states(&run->coverage, states, count);
    } else {
        coverage_of_minutes(&run->coverage, minutes, states, count, run->terms->from_s,
                            run->terms->to_s);
    }
    run->given[service] = true;
    engine_service(run->engine, service,
                   &(struct service_input){
                       .service = roster_name(&run->roster, service),
                       .states = run->coverage.rows,
                       .state_count = run->coverage.count,
                       .counts = minutes != NULL ? minutes->rows : NULL,
                       .count_count = minutes != NULL ? minutes->count : 0,
                       .times = minutes != NULL ? minutes->times : NULL,
                   });
}

static void give_minutes(void *context, const struct minutes_of_service *minutes)
{
    give_service(context, minutes->service, minutes);
}

/* What the engine has had is void. */
static void restart(void *context)
{
    struct run *run = context;

    if (run->engine != NULL) {
        engine_abandon(run->engine);
    }
    arena_clear(run->arena);
    memset(run->given, 0, run->input.service_count * sizeof(run->given[0]));
    run->engine = engine_begin(&run->input, run->arena);
    CHECK(run->engine != NULL); /* terms_choose has seen that the contract is valid in the period */
}

static enum err_code read_windows(struct run *run, const char *path, struct err *err)
{
    const struct minutes_sink sink = {.give = give_minutes, .restart = restart, .context = run};
    bool times = run->terms->contract->availability.method == METHOD_TOTAL_FAILURE_RUNS;
    struct windows windows;
    enum err_code code = windows_open(&windows, path, &run->roster, times, run->stopped, err);

    if (code == ERR_OK) {
        code = minutes_read(&windows, &minutes_sorting, &sink, err);
        windows_close(&windows);
    }
    return code;
}

static enum err_code read_files(struct run *run, const struct evaluate_files *files,
                                struct arena *arena, struct err *err)
{
    struct announcement_input *announcements = NULL;
    enum err_code code = ERR_OK;

    if (files->announcements != NULL) {
        code = announcements_read(files->announcements, &run->roster, run->terms->from_s,
                                  run->terms->to_s, run->stopped, arena, &announcements,
                                  &run->input.announcement_count, err);
        run->input.announcements = announcements;
    }
    if (code == ERR_OK && files->states != NULL) {
        code = states_read(files->states, &run->roster, run->stopped, &run->states, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    restart(run);
    return files->windows != NULL ? read_windows(run, files->windows, err) : ERR_OK;
}

static void run_release(struct run *run)
{
    if (run->engine != NULL) {
        engine_abandon(run->engine);
    }
    coverage_release(&run->coverage);
    states_release(&run->states);
    roster_release(&run->roster);
    memory_free(run->given);
}

enum err_code evaluate(const struct terms *terms, const struct evaluate_files *files,
                       const char *config_path, bool (*stopped)(void),
                       struct evaluation *ret_evaluation, struct err *err)
{
    size_t service_count = terms->contract->service_count;
    struct run run = {.terms = terms,
                      .stopped = stopped,
                      .arena = &ret_evaluation->arena,
                      .input = {.contract = terms->contract,
                                .from_s = terms->from_s,
                                .to_s = terms->to_s,
                                .period_from_s = terms->whole_from_s,
                                .period_to_s = terms->whole_to_s,
                                .service_count = service_count,
                                .brief = true}};
    enum err_code code;

    *ret_evaluation = (struct evaluation){.arena = ARENA_INIT};
    code = check_files(terms, files, config_path, err);
    if (code != ERR_OK) {
        return code;
    }
    roster_init(&run.roster, terms->contract);
    run.given = memory_calloc(service_count, sizeof(run.given[0]));
    code = read_files(&run, files, &ret_evaluation->input_arena, err);
    if (code == ERR_OK) {
        for (size_t i = 0; i < service_count; i++) {
            if (!run.given[i]) {
                give_service(&run, i, NULL);
            }
        }
        engine_finish(run.engine, &ret_evaluation->result);
        run.engine = NULL;
    }
    run_release(&run);
    return code;
}

void evaluation_release(struct evaluation *evaluation)
{
    arena_release(&evaluation->input_arena);
    arena_release(&evaluation->arena);
}
