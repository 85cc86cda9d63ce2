/*
 * uptally announce: planned maintenance, as the store first saw it.
 */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "jobs/command.h"
#include "jobs/statement/announce.h"
#include "jobs/ui.h"

enum {
    OPTION_SERVICE,
    OPTION_FROM,
    OPTION_TO,
    OPTION_REASON,
    OPTION_AUTHOR,
    OPTION_LIST,
    OPTION_CANCEL
};

static const struct option_row rows[] = {
    [OPTION_SERVICE] = {.name = "service",
                        .type = OPTION_TEXT,
                        .argument = "NAME",
                        .help = "the service, or '*' for all"},
    [OPTION_FROM] = {.name = "from",
                     .type = OPTION_TIME,
                     .argument = "TIME",
                     .help = "start, like 2026-12-01T22:00:00+01:00"},
    [OPTION_TO] = {.name = "to", .type = OPTION_TIME, .argument = "TIME", .help = "end"},
    [OPTION_REASON] = {.name = "reason",
                       .type = OPTION_TEXT,
                       .argument = "TEXT",
                       .help = "what for; statements print it"},
    [OPTION_AUTHOR] = {.name = "author",
                       .type = OPTION_TEXT,
                       .argument = "NAME",
                       .fallback = "operator",
                       .help = "who announces"},
    [OPTION_LIST] = {.name = "list", .type = OPTION_FLAG, .help = "list announcements"},
    [OPTION_CANCEL] = {.name = "cancel",
                       .type = OPTION_INTEGER,
                       .argument = "ID",
                       .minimum = 1,
                       .maximum = INT64_MAX,
                       .help = "withdraw an announcement"},
    {.name = NULL},
};

static const char *time_text(int64_t time_ns, char text[CIVIL_TEXT_SIZE])
{
    return civil_format_rfc3339(time_ns, text);
}

static enum err_code list(struct run *run, struct err *err)
{
    const struct option_value *from = &run->options[OPTION_FROM];
    const struct option_value *to = &run->options[OPTION_TO];
    struct arena arena = ARENA_INIT;
    struct announcement *rows_found = NULL;
    size_t count = 0;
    enum err_code code =
        announce_list(run->db, from->set ? from->number : INT64_MIN,
                      to->set ? to->number : INT64_MAX, &arena, &rows_found, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        const struct announcement *row = &rows_found[i];
        char begin[CIVIL_TEXT_SIZE], end[CIVIL_TEXT_SIZE], seen[CIVIL_TEXT_SIZE];

        (void)fprintf(run->out, "%" PRId64 "  %s  %s  announced %s  %.*s  %s%.*s (%.*s)\n", row->id,
                      time_text(row->from_ns, begin), time_text(row->to_ns, end),
                      time_text(row->announced_ns, seen), STR_ARGS(row->service),
                      row->cancelled_by != 0 ? "CANCELLED  " : "", STR_ARGS(row->reason),
                      STR_ARGS(row->author));
    }
    arena_release(&arena);
    return code;
}

static enum err_code cancel(struct run *run, struct err *err)
{
    const struct option_value *options = run->options;
    const char *reason =
        options[OPTION_REASON].text != NULL ? options[OPTION_REASON].text : "cancelled";
    int64_t id;
    enum err_code code = announce_cancel(run->db, options[OPTION_CANCEL].number, STR(reason),
                                         STR(options[OPTION_AUTHOR].text), &id, err);

    if (code == ERR_OK) {
        (void)fprintf(run->out, "%" PRId64 "\n", id);
        ui_note("announcement %" PRId64 " is cancelled and excuses nothing",
                options[OPTION_CANCEL].number);
    }
    return code;
}

/* A service that no contract names is possible, for it may be discovered; it is most likely a slip. */
static void warn_unknown_service(const struct config *config, struct str service)
{
    if (str_equal(service, STR("*"))) {
        return;
    }
    for (size_t i = 0; i < config->contract_count; i++) {
        for (size_t k = 0; k < config->contracts[i].service_count; k++) {
            if (str_equal(config->contracts[i].services[k], service)) {
                return;
            }
        }
    }
    ui_warn("no contract names a service \"%.*s\"", STR_ARGS(service));
}

static enum err_code add(struct run *run, struct err *err)
{
    static const int required[] = {OPTION_SERVICE, OPTION_FROM, OPTION_TO, OPTION_REASON};
    const struct option_value *options = run->options;
    bool late = false;
    int64_t id;
    enum err_code code;

    for (size_t i = 0; i < ARRAY_COUNT(required); i++) {
        if (!options[required[i]].set) {
            return err_set(err, ERR_USAGE, "--%s is missing", rows[required[i]].name);
        }
    }
    code = announce_add(run->db, STR(options[OPTION_SERVICE].text), options[OPTION_FROM].number,
                        options[OPTION_TO].number, STR(options[OPTION_REASON].text),
                        STR(options[OPTION_AUTHOR].text), &id, &late, err);
    if (code != ERR_OK) {
        return code;
    }
    (void)fprintf(run->out, "%" PRId64 "\n", id);
    warn_unknown_service(run->config, STR(options[OPTION_SERVICE].text));
    if (late) {
        ui_warn("announcement %" PRId64 " began before it was announced: it excuses nothing, and "
                "statements list it so",
                id);
    }
    return ERR_OK;
}

static enum err_code run(struct run *run, struct err *err)
{
    bool lists = run->options[OPTION_LIST].set;
    bool cancels = run->options[OPTION_CANCEL].set;

    if (lists && cancels) {
        return err_set(err, ERR_USAGE, "--list and --cancel exclude each other");
    }
    if (lists) {
        return list(run, err);
    }
    return cancels ? cancel(run, err) : add(run, err);
}

const struct command command_announce = {
    .name = "announce",
    .group = "Run",
    .summary = "planned maintenance: announce, list, cancel",
    .usage = "CONFIG --service NAME --from TIME --to TIME --reason TEXT",
    .examples =
        "uptally announce uptally.yaml --service portal --from 2026-12-01T22:00:00+01:00 \\\n"
        "    --to 2026-12-02T02:00:00+01:00 --reason \"database upgrade\"\n"
        "uptally announce uptally.yaml --list\n"
        "uptally announce uptally.yaml --cancel 7",
    .help =
        "An announcement counts from the moment at which the store sees it. Contracts say how\n"
        "much notice they want. To move maintenance, cancel it and announce it anew. Prints the\n"
        "number of the announcement.",
    .options = rows,
    .needs = NEEDS_STORE,
    .run = run,
};
