/* Tables of what a statement was measured from. windows, states and announcements are in the forms that `uptally evaluate` reads. */
#include <inttypes.h>

#include "base/clock.h"
#include "jobs/statement/cells.h"
#include "jobs/statement/input.h"

enum { NUMBER_SIZE_MAX = 1024 * 1024, DECIMALS_MAX = 18 };

/* What evaluate reads is one form for all methods but one, whose times come behind it. Of a percentile it says what was decided on. */
static const char *windows_header(const struct service_input *service)
{
    return service->times != NULL
               ? "service,minute,total,errors,slow,first_ok,last_ok,first_error,last_error"
           : service->latencies != NULL ? "service,minute,total,errors,slow,known,over"
                                        : "service,minute,total,errors,slow";
}

static void add_time(struct cells *cells, int64_t time_ns)
{
    if (time_ns == INT64_MIN) {
        cells_text(cells, "");
    } else {
        cells_time(cells, time_ns);
    }
}

static void add_particulars(struct cells *cells, const struct service_input *service, size_t row)
{
    if (service->times != NULL) {
        add_time(cells, service->times[row].first_ok_ns);
        add_time(cells, service->times[row].last_ok_ns);
        add_time(cells, service->times[row].first_error_ns);
        add_time(cells, service->times[row].last_error_ns);
    }
    if (service->latencies != NULL) {
        cells_integer(cells, service->latencies[row].known);
        cells_integer(cells, service->latencies[row].over);
    }
}

enum err_code evidence_windows(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    struct cells cells;

    cells_begin(&cells, evidence, windows_header(&input->services[0]), err);
    for (size_t i = 0; i < input->service_count; i++) {
        const struct service_input *service = &input->services[i];

        for (size_t k = 0; k < service->count_count && cells.code == ERR_OK; k++) {
            cells_str(&cells, service->service);
            cells_time(&cells, service->counts[k].minute_s * NS_PER_SECOND);
            cells_integer(&cells, service->counts[k].counts.total);
            cells_integer(&cells, service->counts[k].counts.errors);
            cells_integer(&cells, service->counts[k].counts.slow);
            add_particulars(&cells, service, k);
            cells_end(&cells);
        }
    }
    return cells_done(&cells, ERR_OK);
}

enum err_code evidence_states(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    struct cells cells;

    cells_begin(&cells, evidence, "service,from,to,state", err);
    for (size_t i = 0; i < input->service_count; i++) {
        for (size_t k = 0; k < input->services[i].state_count && cells.code == ERR_OK; k++) {
            const struct state_row *row = &input->services[i].states[k];

            cells_str(&cells, input->services[i].service);
            cells_time(&cells, row->from_s * NS_PER_SECOND);
            cells_time(&cells, row->to_s * NS_PER_SECOND);
            cells_text(&cells, grade_row(row->grade)->name);
            cells_end(&cells);
        }
    }
    return cells_done(&cells, ERR_OK);
}

static bool concerns(const struct engine_input *input,
                     const struct announcement_input *announcement)
{
    bool concerns = str_equal(announcement->service, STR("*"));

    for (size_t i = 0; i < input->service_count && !concerns; i++) {
        concerns = str_equal(announcement->service, input->services[i].service);
    }
    return concerns;
}

static void announcement_row(struct cells *cells, const struct announcement_input *announcement,
                             int64_t announced_ns, bool cancelled)
{
    cells_str(cells, announcement->service);
    cells_time(cells, announced_ns);
    cells_time(cells, announcement->from_ns);
    cells_time(cells, announcement->to_ns);
    cells_text(cells, cancelled ? "cancelled" : "planned");
    cells_str(cells, announcement->reason);
    cells_end(cells);
}

/* When an announcement was cancelled. */
static enum err_code find_cancelled(struct db *db, int64_t id, int64_t *ret_time_ns,
                                    struct err *err)
{
    struct db_stmt *stmt;
    bool row = false;
    enum err_code code =
        db_prepare(db, "SELECT MIN(announced_ns) FROM announcement WHERE cancels = $1", &stmt, err);

    if (code != ERR_OK) {
        return code;
    }
    db_bind_int64(stmt, 1, id);
    code = db_step(stmt, &row, err);
    *ret_time_ns = code == ERR_OK && row ? db_column_int64(stmt, 0) : 0;
    db_reset(stmt);
    return code;
}

/* A cancelled one is two rows: what was announced, and that it was withdrawn. */
enum err_code evidence_announcements(struct evidence *evidence, struct err *err)
{
    const struct engine_input *input = &evidence->explanation->input->engine;
    enum err_code code = ERR_OK;
    struct cells cells;

    cells_begin(&cells, evidence, "service,announced_at,from,to,status,reason", err);
    for (size_t i = 0; i < input->announcement_count && code == ERR_OK; i++) {
        const struct announcement_input *announcement = &input->announcements[i];
        int64_t cancelled_ns;

        if (!concerns(input, announcement)) {
            continue;
        }
        announcement_row(&cells, announcement, announcement->announced_ns, false);
        if (announcement->cancelled) {
            code = find_cancelled(evidence->publisher->db, announcement->id, &cancelled_ns, err);
            announcement_row(&cells, announcement, cancelled_ns, true);
        }
    }
    return cells_done(&cells, code);
}

enum err_code evidence_incidents(struct evidence *evidence, struct err *err)
{
    const struct result *result = &evidence->explanation->result;
    struct arena arena = ARENA_INIT;
    struct cells cells;

    cells_begin(&cells, evidence, "service,from,to,lasts,worst,lost_seconds", err);
    for (size_t i = 0; i < result->incident_count; i++) {
        const struct incident *incident = &result->incidents[i];
        struct strbuf lost;

        strbuf_init(&lost, NUMBER_SIZE_MAX);
        fraction_format_short(&lost, incident->lost_s, DECIMALS_MAX);
        cells_str(&cells, incident->service);
        cells_time(&cells, incident->from_s * NS_PER_SECOND);
        cells_time(&cells, incident->to_s * NS_PER_SECOND);
        cells_text(&cells, incident->open_end ? "yes" : "no");
        cells_text(&cells, grade_row(incident->worst)->name);
        cells_str(&cells, strbuf_view(&lost));
        cells_end(&cells);
        strbuf_release(&lost);
    }
    arena_release(&arena);
    return cells_done(&cells, ERR_OK);
}

/* What reclassifications did within what is measured, of each service. */
static struct regrades *find_regrades(const struct engine_input *input, struct arena *arena)
{
    struct regrades *regrades = arena_calloc(arena, input->service_count, sizeof(regrades[0]));

    for (size_t i = 0; i < input->service_count; i++) {
        regrades[i] = regrades_find(&input->services[i], input->from_s, input->to_s, arena);
    }
    return regrades;
}

static const struct regrade *regrade_of(const struct engine_input *input,
                                        const struct regrades *regrades,
                                        const struct reclassification *row)
{
    for (size_t i = 0; i < input->service_count; i++) {
        if (str_equal(input->services[i].service, row->service)) {
            return regrades_by(&regrades[i], row->id);
        }
    }
    return NULL;
}

/* How its seconds were graded before: "major 600; no_traffic 60". Empty: it speaks of none. */
static void before_cell(struct cells *cells, const struct regrade *regrade)
{
    struct strbuf text;

    strbuf_init(&text, NUMBER_SIZE_MAX);
    for (int g = 0; regrade != NULL && g < GRADE_COUNT; g++) {
        if (regrade->before_s[g] > 0) {
            strbuf_append_format(&text, "%s%s %" PRId64, text.size > 0 ? "; " : "",
                                 grade_row((enum grade)g)->name, regrade->before_s[g]);
        }
    }
    cells_str(cells, strbuf_view(&text));
    strbuf_release(&text);
}

/* Also those that were withdrawn, or that say nothing to the contract's method. */
enum err_code evidence_reclassifications(struct evidence *evidence, struct err *err)
{
    const struct explanation *explanation = evidence->explanation;
    const struct engine_input *input = &explanation->input->engine;
    struct arena arena = ARENA_INIT;
    const struct regrades *regrades = find_regrades(input, &arena);
    struct cells cells;

    cells_begin(&cells, evidence,
                "id,service,from,to,state,before,recorded,author,reason,applied,withdrawn,"
                "withdrawn_author,withdrawn_reason",
                err);
    for (size_t i = 0; i < explanation->input->reclassified_count; i++) {
        const struct reclassification *row = &explanation->input->reclassified[i];
        bool applied = !row->withdrawn && reclassify_speaks(explanation->contract, row->state);

        cells_integer(&cells, row->id);
        cells_str(&cells, row->service);
        cells_time(&cells, row->from_s * NS_PER_SECOND);
        cells_time(&cells, row->to_s * NS_PER_SECOND);
        cells_text(&cells, grade_row(row->state)->name);
        before_cell(&cells, regrade_of(input, regrades, row));
        cells_time(&cells, row->recorded_ns);
        cells_str(&cells, row->author);
        cells_str(&cells, row->reason);
        cells_text(&cells, applied ? "yes" : "no");
        if (row->withdrawn) {
            cells_time(&cells, row->withdrawn_ns);
        } else {
            cells_text(&cells, "");
        }
        cells_str(&cells, row->withdrawn_author);
        cells_str(&cells, row->withdrawn_reason);
        cells_end(&cells);
    }
    arena_release(&arena);
    return cells_done(&cells, ERR_OK);
}
