/*
 * uptally slo: error budgets, burn rates and alerts of the configuration's objectives, in the terminal. Now is complete-until, or --at.
 */
#include <inttypes.h>

#include "aggregator/fold.h"
#include "base/check.h"
#include "base/civil.h"
#include "base/spelling.h"
#include "jobs/command.h"
#include "jobs/label.h"
#include "jobs/slo/document.h"
#include "jobs/slo/read.h"
#include "jobs/slo/view.h"
#include "jobs/ui.h"

enum { DOCUMENT_SIZE_MAX = 256 * 1024 * 1024 };

enum { OPTION_ID, OPTION_AT, OPTION_FORMAT, OPTION_EXIT_CODE };

static const struct option_row rows[] = {
    [OPTION_ID] = {.name = "id",
                   .type = OPTION_TEXT,
                   .argument = "ID",
                   .help = "only this objective"},
    [OPTION_AT] = {.name = "at",
                   .type = OPTION_TIME,
                   .argument = "TIME",
                   .help = "as it was then; default: complete-until"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "table|json",
                       .fallback = "table",
                       .help = "for people or for programs"},
    [OPTION_EXIT_CODE] = {.name = "exit-code",
                          .type = OPTION_FLAG,
                          .help = "exit 10 if a budget is used up or an alert fires"},
    {.name = NULL},
};

/* Objectives and what is known of them. */
struct listing {
    const struct slo **slos;
    struct slo_result *results;
    size_t count;
    int64_t complete_until_ns; /* INT64_MIN: nothing is complete */
    int64_t now;               /* minutes of 1970; 0: there is nothing to show */
};

static enum err_code unknown_id(const struct config *config, const char *id, struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    spelling_init(&spelling, STR(id));
    for (size_t i = 0; i < config->slo_count; i++) {
        spelling_offer(&spelling, config->slos[i].id.data);
    }
    return err_set(err, ERR_USAGE, "--id: there is no objective \"%s\"%s", id,
                   spelling_hint(&spelling, hint));
}

static enum err_code select_slos(const struct run *run, struct arena *arena,
                                 struct listing *listing, struct err *err)
{
    const struct config *config = run->config;
    const char *id = run->options[OPTION_ID].text;

    if (config->slo_count == 0) {
        return err_set(err, ERR_CONFIG, "%.*s: there are no objectives; add a section \"slos\"",
                       STR_ARGS(config->path));
    }
    listing->slos = arena_calloc(arena, config->slo_count, sizeof(listing->slos[0]));
    for (size_t i = 0; i < config->slo_count; i++) {
        if (id == NULL || str_equal(config->slos[i].id, STR(id))) {
            listing->slos[listing->count++] = &config->slos[i];
        }
    }
    listing->results = arena_calloc(arena, listing->count, sizeof(listing->results[0]));
    return listing->count > 0 ? ERR_OK : unknown_id(config, id, err);
}

static enum err_code find_now(const struct run *run, struct listing *listing, struct err *err)
{
    const struct option_value *at = &run->options[OPTION_AT];
    char text[CIVIL_TEXT_SIZE];
    int64_t now_ns;
    enum err_code code =
        fold_complete_until(run->db, run->book_id, &listing->complete_until_ns, err);

    if (code != ERR_OK) {
        return code;
    }
    now_ns = at->set ? at->number : listing->complete_until_ns;
    if (now_ns > listing->complete_until_ns && listing->complete_until_ns < NS_PER_MINUTE) {
        return err_set(err, ERR_USAGE, "--at %s: nothing is complete yet", at->text);
    }
    if (now_ns > listing->complete_until_ns) {
        return err_set(err, ERR_USAGE, "--at %s: events are complete until %s only", at->text,
                       civil_format_rfc3339(listing->complete_until_ns, text));
    }
    listing->now = now_ns >= NS_PER_MINUTE ? now_ns / NS_PER_MINUTE : 0;
    return ERR_OK;
}

static enum err_code evaluate(const struct run *run, const struct slo *slo, int64_t now,
                              struct arena *arena, struct slo_result *result, struct err *err)
{
    struct arena scratch = ARENA_INIT;
    struct slo_series series;
    struct slo_span span;
    enum err_code code;

    slo_span_init(&span, slo, now);
    code = slo_read(run->db, run->book_id, slo, slo_first_minute(slo, &span), span.until, &scratch,
                    &series, err);
    if (code == ERR_OK) {
        code = slo_evaluate(slo, &span, &series, arena, result, err);
    }
    arena_release(&scratch);
    return code == ERR_OK ? ERR_OK : err_context(err, "slo %.*s", STR_ARGS(slo->id));
}

static enum err_code read_listing(const struct run *run, struct arena *arena,
                                  struct listing *listing, struct err *err)
{
    enum err_code code = find_now(run, listing, err);

    for (size_t i = 0; i < listing->count && listing->now > 0 && code == ERR_OK; i++) {
        code = evaluate(run, listing->slos[i], listing->now, arena, &listing->results[i], err);
    }
    return code;
}

static size_t count_firing(const struct slo_result *result)
{
    size_t count = 0;

    for (size_t i = 0; i < result->alert_count; i++) {
        count += result->alerts[i].firing;
    }
    return count;
}

static bool is_exhausted(const struct slo_result *result)
{
    return result->outlook == SLO_EXHAUSTED;
}

static void print_summary(FILE *out, const struct listing *listing)
{
    char text[CIVIL_TEXT_SIZE];
    size_t exhausted = 0, firing = 0;

    for (size_t i = 0; i < listing->count; i++) {
        exhausted += is_exhausted(&listing->results[i]);
        firing += count_firing(&listing->results[i]);
    }
    (void)fprintf(out, "At %s: budgets used up: %zu of %zu, alerts that fire: %zu\n",
                  civil_format_rfc3339(listing->now * NS_PER_MINUTE, text), exhausted,
                  listing->count, firing);
}

static void print_table(FILE *out, const struct listing *listing, struct arena *scratch)
{
    struct slo_view view = {
        .out = out, .color = ui_color_output(), .unicode = ui_unicode_output(), .scratch = scratch};

    if (listing->now == 0) {
        (void)fputs("Nothing is complete yet: run uptally consume, then uptally aggregate.\n", out);
        return;
    }
    for (size_t i = 0; i < listing->count; i++) {
        size_t columns = label_columns(listing->slos[i]->id);

        view.name_columns = columns > view.name_columns ? columns : view.name_columns;
    }
    if (view.name_columns > SLO_NAME_COLUMNS_MAX) {
        view.name_columns = SLO_NAME_COLUMNS_MAX;
    }
    print_summary(out, listing);
    for (size_t i = 0; i < listing->count; i++) {
        (void)fputc('\n', out);
        slo_view_print(&view, listing->slos[i], &listing->results[i]);
    }
    (void)fputc('\n', out);
    slo_view_legend(&view);
}

static enum err_code print_json(FILE *out, const struct listing *listing, struct err *err)
{
    char text[CIVIL_TEXT_SIZE];
    struct json_writer json;
    struct strbuf document;
    bool written;

    strbuf_init(&document, DOCUMENT_SIZE_MAX);
    json_init(&json, &document, true);
    json_open_object(&json, NULL);
    if (listing->now > 0) {
        json_text(&json, "at", civil_format_rfc3339(listing->now * NS_PER_MINUTE, text));
        json_text(&json, "complete_until", civil_format_rfc3339(listing->complete_until_ns, text));
    } else {
        json_nothing(&json, "at");
        json_nothing(&json, "complete_until");
    }
    json_open_array(&json, "slos");
    for (size_t i = 0; i < listing->count && listing->now > 0; i++) {
        slo_write(&json, listing->slos[i], &listing->results[i]);
    }
    json_close(&json);
    json_int64(&json, "version", SLO_DOCUMENT_VERSION);
    json_close(&json);
    json_finish(&json);
    written = !document.overflow && fwrite(document.data, 1, document.size, out) == document.size;
    strbuf_release(&document);
    return written ? ERR_OK : err_set(err, ERR_FAILED, "the objectives could not be written");
}

static bool is_missed(const struct listing *listing)
{
    for (size_t i = 0; i < listing->count && listing->now > 0; i++) {
        if (is_exhausted(&listing->results[i]) || count_firing(&listing->results[i]) > 0) {
            return true;
        }
    }
    return false;
}

static enum err_code run_slo(struct run *run, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct listing listing = {.count = 0};
    enum err_code code = select_slos(run, &arena, &listing, err);

    if (code == ERR_OK) {
        code = db_begin_snapshot(run->db, err);
    }
    if (code == ERR_OK) {
        code = read_listing(run, &arena, &listing, err);
        db_rollback(run->db);
    }
    if (code == ERR_OK && run->options[OPTION_FORMAT].number == 0) {
        print_table(run->out, &listing, &arena);
    } else if (code == ERR_OK) {
        code = print_json(run->out, &listing, err);
    }
    if (code == ERR_OK && run->options[OPTION_EXIT_CODE].set && is_missed(&listing)) {
        code = ERR_MISSED; /* no error: there is nothing to say */
    }
    arena_release(&arena);
    return code;
}

const struct command command_slo = {
    .name = "slo",
    .group = "Read",
    .summary = "error budgets, burn rates and alerts of objectives, in the terminal",
    .usage = "[CONFIG] [options]",
    .examples = "uptally slo uptally.yaml\n"
                "uptally slo uptally.yaml --id portal --at 2026-10-31T12:00:00Z\n"
                "uptally slo uptally.yaml --format json --exit-code",
    .help = "Objectives are the section \"slos\" of the configuration. A burn rate of 1 uses the\n"
            "budget up exactly at the end of its window. An alert fires while both of its windows\n"
            "burn faster than it allows. `uptally import openslo` makes the section from OpenSLO.",
    .options = rows,
    .needs = NEEDS_STORE_READ | NEEDS_BOOK,
    .run = run_slo,
};
