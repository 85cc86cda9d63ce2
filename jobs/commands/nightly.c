/*
 * uptally nightly: everything that is due, once, however often and wherever it is started.
 *
 * The whole run stands under a lease of its own, which every transaction that writes checks. An error of one contract, or of one month of it, does not
 * stop the others (jobs/troubles.h).
 */
#include <inttypes.h>

#include "aggregator/dead_letter.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/fault.h"
#include "jobs/command.h"
#include "jobs/pipeline/aggregate.h"
#include "jobs/pipeline/lease_wait.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/due.h"
#include "jobs/statement/journal.h"
#include "jobs/stop.h"
#include "jobs/troubles.h"
#include "jobs/ui.h"

enum { OPTION_DRY_RUN };

static const struct option_row rows[] = {
    [OPTION_DRY_RUN] = {.name = "dry-run",
                        .type = OPTION_FLAG,
                        .help = "only list what is due now, one line each"},
    {.name = NULL},
};

struct nightly {
    struct run *run;
    struct publisher publisher;
    struct journal_batches batches;
    struct lease lease;
    bool dry_run;
    struct troubles troubles;
    struct err busy;   /* another aggregator is at work */
    int64_t due, done; /* statements, credit notes, sets of files */
    int64_t waiting;   /* months that are over and not complete */
};

static const char *const kinds[] = {
    [DUE_STATEMENT] = "statement",
    [DUE_COMPARISON] = "comparison",
    [DUE_CREDIT_NOTE] = "credit note",
    [DUE_FILES] = "files",
};

static void note(void *context, bool warning, const char *line)
{
    (void)context;
    if (warning) {
        ui_warn("%s", line);
    } else {
        ui_note("%s", line);
    }
}

static void progress(void *context, int64_t done, int64_t total)
{
    (void)context;
    ui_progress("aggregate", done, total, "tallies");
}

/* Before anything that may take long. */
static enum err_code keep_going(struct nightly *nightly, struct err *err)
{
    if (stop_is_requested()) {
        return err_set(err, ERR_INTERRUPTED,
                       "stopped by a signal before the end; the next run goes on from here");
    }
    return nightly->dry_run ? ERR_OK : lease_extend(&nightly->lease, err);
}

static void print_note_places(struct nightly *nightly, const struct credit_note *credit)
{
    struct objects *objects = nightly->publisher.objects;
    struct strbuf name, places;

    strbuf_init(&name, 512);
    strbuf_init(&places, 64 * 1024);
    for (size_t i = 0; i < CREDIT_NOTE_FORMS; i++) {
        strbuf_clear(&name);
        credit_note_name(credit->contract, credit->period, credit->revision,
                         credit_note_forms[i].suffix, &name);
        objects->locate(objects, strbuf_text(&name), &places);
        strbuf_append_char(&places, '\n');
    }
    (void)fwrite(strbuf_text(&places), 1, places.size, nightly->run->out);
    strbuf_release(&name);
    strbuf_release(&places);
}

static enum err_code note_credit(struct nightly *nightly, const struct contract *contract,
                                 const struct due *due, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct credit_note *notes;
    size_t count;
    enum err_code code = credit_note_issue(&nightly->publisher, contract->id, STR(due->period.name),
                                           &arena, &notes, &count, err);

    if (code != ERR_OK) {
        err_context(err, "%.*s", STR_ARGS(contract->id));
    }
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (due->kind != DUE_FILES && !notes[i].fresh) {
            continue;
        }
        print_note_places(nightly, &notes[i]);
        ui_note("%s %.*s: %.*s %.*s", due->kind == DUE_FILES ? "published again" : "credit note",
                STR_ARGS(notes[i].id), STR_ARGS(notes[i].amount), STR_ARGS(notes[i].currency));
    }
    arena_release(&arena);
    return code;
}

/* What became of a month. */
static void say_done(struct nightly *nightly, const struct contract *contract,
                     const struct due *due, const struct statement_outcome *outcome)
{
    if (due->kind == DUE_COMPARISON && !outcome->issued) {
        ui_note("compared %.*s, %s: the books changed, the result did not", STR_ARGS(contract->id),
                due->period.name);
        return;
    }
    (void)fwrite(strbuf_text(&outcome->places), 1, outcome->places.size, nightly->run->out);
    ui_note("%s %.*s, %s: %s", outcome->issued ? "issued" : "published again",
            STR_ARGS(contract->id), due->period.name, strbuf_text(&outcome->sentence));
}

/* Whatever of it is missing, the way is the same: each step finds what is there and adds what is not. */
static enum err_code do_month(struct nightly *nightly, const struct contract *contract,
                              const struct due *due, struct err *err)
{
    static const struct statement_options options = {.formats = STATEMENT_ALL, .final_only = true};
    struct statement_outcome outcome;
    enum err_code code;

    statement_outcome_init(&outcome);
    code = statement_publish_month(&nightly->publisher, contract, due->year, due->month, &options,
                                   &outcome, err);
    if (code == ERR_OK && outcome.present) {
        say_done(nightly, contract, due, &outcome);
        code = note_credit(nightly, contract, due, err);
        nightly->done += code == ERR_OK;
    } else if (code == ERR_OK) {
        nightly->waiting++; /* a late event came between */
    }
    statement_outcome_release(&outcome);
    return code;
}

static void say_waiting(const struct contract *contract, const struct due *first, int64_t count)
{
    char more[64] = "";

    if (count > 1) {
        (void)snprintf(more, sizeof(more), " and %" PRId64 " later %s%s", count - 1,
                       contract->period == PERIOD_MONTH ? "month" : "period",
                       count == 2 ? "" : "s");
    }
    ui_warn("%.*s, %s%s: over, but not issued: %s", STR_ARGS(contract->id), first->period.name,
            more,
            first->ungraded ? "hours wait to be graded"
                            : "the data are not complete; run consume, or issue by report --force");
}

static void print_due(struct nightly *nightly, const struct contract *contract,
                      const struct due *due)
{
    (void)fprintf(nightly->run->out, "%-12s %-10s %.*s\n", kinds[due->kind], due->period.name,
                  STR_ARGS(contract->id));
}

static enum err_code do_contract(struct nightly *nightly, const struct contract *contract,
                                 struct err *err)
{
    struct arena arena = ARENA_INIT;
    const struct due *waiting = NULL;
    struct due *list;
    size_t count;
    int64_t waiting_count = 0;
    bool started = true;
    enum err_code code =
        due_list(&nightly->publisher, contract, &arena, &list, &count, &started, err);

    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        if (list[i].kind == DUE_INCOMPLETE) {
            waiting = waiting == NULL ? &list[i] : waiting;
            waiting_count++;
            continue;
        }
        nightly->due++;
        if (nightly->dry_run) {
            print_due(nightly, contract, &list[i]);
            continue;
        }
        code = keep_going(nightly, err);
        if (code == ERR_OK) {
            code = do_month(nightly, contract, &list[i], err);
            if (!troubles_end(&nightly->troubles, code, err)) {
                code = ERR_OK;
            }
        }
    }
    if (waiting != NULL) {
        say_waiting(contract, waiting, waiting_count);
        nightly->waiting += waiting_count;
    }
    if (!started) {
        ui_note("%.*s: none of its services has an event yet", STR_ARGS(contract->id));
    }
    arena_release(&arena);
    return code;
}

static enum err_code do_contracts(struct nightly *nightly, struct err *err)
{
    const struct config *config = nightly->run->config;

    for (size_t i = 0; i < config->contract_count; i++) {
        enum err_code code = keep_going(nightly, err);

        if (code == ERR_OK) {
            code = do_contract(nightly, &config->contracts[i], err);
        }
        if (troubles_end(&nightly->troubles, code, err)) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code open_output(struct nightly *nightly, struct err *err)
{
    const char *path = nightly->run->config->output_path.data;

    return nightly->dry_run ? objects_folder_open_read(path, &nightly->publisher.objects, err)
                            : objects_folder_open(path, &nightly->publisher.objects, err);
}

static enum err_code state(struct nightly *nightly, struct err *err)
{
    enum err_code code = open_output(nightly, err);

    if (code == ERR_OK) {
        code = do_contracts(nightly, err);
    }
    if (nightly->publisher.objects != NULL) {
        nightly->publisher.objects->close(nightly->publisher.objects);
        nightly->publisher.objects = NULL;
    }
    return code;
}

/* If another aggregator is at work, what it has folded is good enough, unless a month waits for the rest. */
static enum err_code fold(struct nightly *nightly, struct err *err)
{
    char text[CIVIL_TEXT_SIZE];
    int64_t complete_ns;
    struct run *run = nightly->run;
    struct err cause = ERR_INIT;
    struct aggregate_options options = {.config = run->config,
                                        .db = run->db,
                                        .book_id = run->book_id,
                                        .outer = &nightly->lease,
                                        .progress = progress};
    enum err_code code = aggregate_run_with(&options, &complete_ns, &cause);

    ui_progress_clear();
    if (code == ERR_FENCED) {
        nightly->busy = cause;
        ui_note("%s; going on with what it has folded", cause.text);
        return lease_extend(&nightly->lease, err); /* or is it our own that is lost? */
    }
    if (code != ERR_OK) {
        *err = cause;
    } else if (complete_ns != INT64_MIN) {
        ui_note("folded: complete until %s", civil_format_rfc3339(complete_ns, text));
    }
    return code;
}

/* Bytes of dead letters that were kept for long enough. Two runs that do it at once do no harm: what is empty is not due. */
static enum err_code expire(struct nightly *nightly, struct err *err)
{
    const struct run *run = nightly->run;
    int64_t now_ns;
    int64_t count = 0;
    enum err_code code;

    if (run->config->dead_letters_keep_ns == 0) {
        return ERR_OK;
    }
    code = keep_going(nightly, err);
    if (code == ERR_OK) {
        code = db_now_ns(run->db, &now_ns, err);
    }
    if (code == ERR_OK) {
        code = dead_letter_expire(run->db, run->book_id, now_ns - run->config->dead_letters_keep_ns,
                                  &count, err);
    }
    if (count > 0) {
        ui_note("the bytes of %" PRId64 " dead letters were emptied (dead_letters.keep)", count);
        nightly->done++;
    }
    return code;
}

/* What a night does, in this order; each whatever became of the one before. */
static enum err_code (*const steps[])(struct nightly *nightly, struct err *err) = {fold, state,
                                                                                   expire};

static enum err_code run_steps(struct nightly *nightly, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
        enum err_code code = steps[i](nightly, err);

        if (troubles_end(&nightly->troubles, code, err)) {
            return code;
        }
    }
    if (nightly->troubles.first == ERR_OK && nightly->busy.code != ERR_OK && nightly->waiting > 0) {
        *err = nightly->busy;
        return err_context(err, "months wait for it");
    }
    if (nightly->done == 0 && nightly->troubles.first == ERR_OK) {
        ui_note("nothing is due");
    }
    return nightly->troubles.first;
}

/* Nobody needs to hear of a lease that is held while there is nothing to do. */
static enum err_code ask_what_is_due(struct nightly *nightly, struct err *err)
{
    struct err cause = *err;

    nightly->dry_run = true;
    *err = ERR_INIT;
    ui_note("%s", cause.text);
    if (state(nightly, err) != ERR_OK) {
        return err->code;
    }
    if (nightly->due == 0 && nightly->troubles.first == ERR_OK) {
        ui_note("nothing is due");
        return ERR_OK;
    }
    *err = cause;
    return cause.code;
}

static enum err_code run_nightly(struct run *run, struct err *err)
{
    char holder[LEASE_HOLDER_SIZE];
    struct nightly nightly = {
        .run = run,
        .dry_run = run->options[OPTION_DRY_RUN].set,
        .publisher = {.db = run->db,
                      .book_id = run->book_id,
                      .contracts = run->config->contracts,
                      .contract_count = run->config->contract_count,
                      .program_version = UPTALLY_VERSION,
                      .batches = &nightly.batches,
                      .note = note},
    };
    enum err_code code;

    if (nightly.dry_run) {
        code = state(&nightly, err);
        return code == ERR_OK ? nightly.troubles.first : code;
    }
    lease_holder(holder);
    lease_init(&nightly.lease, &(struct lease_options){.db = run->db,
                                                       .kind = "nightly",
                                                       .who = "nightly run",
                                                       .holder = holder,
                                                       .book_id = run->book_id,
                                                       .duration_ns = LEASE_DURATION_NS});
    nightly.publisher.lease = &nightly.lease;
    code = lease_wait(
        &nightly.lease,
        &(struct lease_waiting){.wait_ns = run->config->lock_wait_ns, .stopped = stop_is_requested},
        err);
    if (code == ERR_FENCED) {
        return ask_what_is_due(&nightly, err);
    }
    if (code == ERR_OK) {
        (void)FAULT("nightly.lease.held");
        code = run_steps(&nightly, err);
        lease_release(&nightly.lease);
    }
    return code;
}

const struct command command_nightly = {
    .name = "nightly",
    .group = "Run",
    .summary = "everything that is due: fold, statements, credit notes, missing files",
    .usage = "CONFIG [--dry-run]",
    .examples = "uptally nightly uptally.yaml\n"
                "uptally nightly uptally.yaml --dry-run\n"
                "uptally consume uptally.yaml && uptally nightly uptally.yaml --log json",
    .help =
        "Issues the statement and credit note of each month that is over, after its grace, once\n"
        "its data are complete, and catches up on earlier ones; where late data or a\n"
        "reclassification changed the result of an issued one, issues its next revision and the\n"
        "credit note of the difference; publishes files again that are missing; empties bytes of\n"
        "dead letters that are older than dead_letters.keep. May be started any number of times:\n"
        "one run works at a time, and what is done is not done again. A month whose data stay\n"
        "incomplete is a warning. A second run waits for --lock-wait, then exits 8, or 0 if\n"
        "nothing is due.",
    .options = rows,
    .needs = NEEDS_CONFIG | NEEDS_STORE | NEEDS_BOOK,
    .run = run_nightly,
};
