/*
 * The program: finds the command, parses its options, opens what its row says it needs, runs it, closes everything.
 */
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "base/memory.h"
#include "base/spelling.h"
#include "jobs/command.h"
#include "jobs/options.h"
#include "jobs/stop.h"
#include "jobs/ui.h"
#include "jobs/version.h"

/* In the order of `uptally --help`; rows of one group stand together. */
static const struct command *const commands[] = {
    /* Run */
    &command_consume,
    &command_aggregate,
    &command_nightly,
    &command_announce,
    &command_reclassify,
    &command_claim,
    &command_redrive,
    &command_archive,
    /* Read */
    &command_report,
    &command_credits,
    &command_explain,
    &command_export,
    &command_status,
    &command_slo,
    &command_evaluate,
    /* Prove */
    &command_audit,
    &command_verify,
    &command_rebuild,
    /* Set up */
    &command_demo,
    &command_check,
    &command_import,
};

static const struct option_row global_rows[] = {
    [GLOBAL_CONFIG] = {.name = "config",
                       .type = OPTION_TEXT,
                       .argument = "FILE",
                       .help = "the configuration, instead of the first argument"},
    [GLOBAL_LOCK_WAIT] = {.name = "lock-wait",
                          .type = OPTION_DURATION,
                          .argument = "TIME",
                          .help = "wait so long for another run, then exit 8"},
    [GLOBAL_QUIET] = {.name = "quiet",
                      .letter = 'q',
                      .type = OPTION_FLAG,
                      .help = "no notes and no progress; warnings and errors stay"},
    [GLOBAL_COLOR] = {.name = "color",
                      .type = OPTION_CHOICE,
                      .choices = "auto|always|never",
                      .fallback = "auto",
                      .help = "colours in the terminal"},
    [GLOBAL_LOG] = {.name = "log",
                    .type = OPTION_CHOICE,
                    .choices = "text|json",
                    .fallback = "text",
                    .help = "form of notes, warnings and errors"},
    [GLOBAL_HELP] = {.name = "help", .letter = 'h', .type = OPTION_FLAG, .help = "this text"},
    [GLOBAL_COUNT] = {.name = NULL},
};

static const struct {
    int status;
    const char *meaning;
} exit_statuses[] = {
    {0, "done (also when a target was missed)"},
    {1, "failed"},
    {2, "usage: the command line"},
    {3, "configuration"},
    {4, "input data"},
    {5, "broker or schema registry"},
    {6, "store"},
    {7, "delivery: output folder, upload, mail"},
    {8, "fenced, or locked by another run for longer than --lock-wait"},
    {9, "an audit or a verification found a mismatch"},
    {10, "a target was missed, a budget used up, or an alert fires; only with --exit-code"},
    {128, "plus the number of the signal that ended an unfinished run; 141: the reader of standard "
          "output left"},
};

static void print_usage(FILE *out)
{
    const char *group = "";

    (void)fputs("usage: uptally COMMAND [CONFIG] [options]\n\n"
                "Turns event streams from Kafka into SLA statements.\n",
                out);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i]->group, group) != 0) {
            group = commands[i]->group;
            (void)fprintf(out, "\n%s:\n", group);
        }
        (void)fprintf(out, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
    }
    (void)fputs("\nOptions of every command:\n", out);
    options_help(out, global_rows);
    (void)fputs("\nuptally --version names the versions of the program and its libraries.\n"
                "CONFIG is the first argument, or --config, or UPTALLY_CONFIG, or ./uptally.yaml.\n"
                "More: uptally help COMMAND, uptally help exit-status\n",
                out);
}

static void print_exit_statuses(FILE *out)
{
    for (size_t i = 0; i < ARRAY_COUNT(exit_statuses); i++) {
        (void)fprintf(out, "%4d  %s\n", exit_statuses[i].status, exit_statuses[i].meaning);
    }
}

/* Each line of text with two spaces before it. */
static void print_indented(FILE *out, const char *text)
{
    while (*text != '\0') {
        const char *end = strchrnul(text, '\n');

        (void)fprintf(out, "  %.*s\n", (int)(end - text), text);
        text = *end == '\n' ? end + 1 : end;
    }
}

static void print_command_help(FILE *out, const struct command *command)
{
    (void)fprintf(out, "usage: uptally %s %s\n\n%s\n", command->name, command->usage,
                  command->summary);
    if (command->examples != NULL) {
        (void)fputs("\nExamples:\n", out);
        print_indented(out, command->examples);
    }
    if (command->help != NULL) {
        (void)fprintf(out, "\n%s\n", command->help);
    }
    if (options_count(command->options) > 0) {
        (void)fputs("\nOptions:\n", out);
        options_help(out, command->options);
    }
    (void)fputs("\nOptions of every command:\n", out);
    options_help(out, global_rows);
    (void)fputs("\nExit status: uptally help exit-status\n", out);
}

static enum err_code find_command(struct str name, const struct command **ret_command,
                                  struct err *err)
{
    struct spelling spelling;
    char hint[SPELLING_HINT_SIZE];

    spelling_init(&spelling, name);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (str_equal(str_from(commands[i]->name), name)) {
            *ret_command = commands[i];
            return ERR_OK;
        }
        spelling_offer(&spelling, commands[i]->name);
    }
    spelling_offer(&spelling, "help");
    return err_set(err, ERR_USAGE, "unknown command \"%.*s\"%s; see uptally --help", STR_ARGS(name),
                   spelling_hint(&spelling, hint));
}

/* `uptally help [WORD]`. */
static enum err_code help(const char *word, struct err *err)
{
    const struct command *command;
    enum err_code code;

    if (word == NULL) {
        print_usage(stdout);
        return ERR_OK;
    }
    if (strcmp(word, "exit-status") == 0) {
        print_exit_statuses(stdout);
        return ERR_OK;
    }
    code = find_command(str_from(word), &command, err);
    if (code == ERR_OK) {
        print_command_help(stdout, command);
    }
    return code;
}

static bool is_word(const struct command *command, const char *text)
{
    return command->words != NULL && options_choice(command->words, str_from(text)) >= 0;
}

/* Of a command whose argument is one of some words, one is needed before anything is opened. */
static enum err_code check_word(const struct command *command,
                                const struct option_arguments *arguments, struct err *err)
{
    for (int i = 0; i < arguments->count; i++) {
        if (is_word(command, arguments->items[i])) {
            return ERR_OK;
        }
    }
    if (command->words == NULL) {
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE, "%s needs one of %s", command->name, command->words);
}

/* Which of the arguments is CONFIG: the first one, unless that is a word of the command and the second is not. */
static int config_place(const struct command *command, const struct option_arguments *arguments)
{
    return arguments->count == 2 && is_word(command, arguments->items[0]) &&
                   !is_word(command, arguments->items[1])
               ? 1
               : 0;
}

/* How many arguments besides CONFIG these can be: all that the command takes, or none where they are optional. */
static int wanted_count(const struct command *command, const struct option_arguments *arguments)
{
    return command->arguments_optional && arguments->count < command->argument_count
               ? 0
               : command->argument_count;
}

/* Where the configuration is, by the rule of the usage text. Takes it off the arguments if it is one of them. */
static enum err_code locate_config(const struct command *command,
                                   const struct option_value *globals,
                                   struct option_arguments *arguments, const char **ret_path,
                                   struct err *err)
{
    const char *environment = getenv("UPTALLY_CONFIG");

    *ret_path = globals[GLOBAL_CONFIG].text;
    if (*ret_path == NULL && arguments->count == wanted_count(command, arguments) + 1) {
        int place = config_place(command, arguments);

        *ret_path = arguments->items[place];
        arguments->count--;
        memmove(arguments->items + place, arguments->items + place + 1,
                (size_t)(arguments->count - place) * sizeof(arguments->items[0]));
    }
    if (*ret_path == NULL && environment != NULL && environment[0] != '\0') {
        *ret_path = environment;
    }
    if (*ret_path == NULL && access("uptally.yaml", F_OK) == 0) {
        *ret_path = "uptally.yaml";
    }
    if (*ret_path == NULL && (command->needs & NEEDS_CONFIG_PATH) == 0) {
        return err_set(
            err, ERR_USAGE,
            "no configuration: name it as first argument, by --config or UPTALLY_CONFIG, "
            "or have ./uptally.yaml");
    }
    return ERR_OK;
}

/* More arguments than the command takes, CONFIG among them: said before CONFIG is looked for elsewhere. */
static enum err_code check_surplus(const struct command *command,
                                   const struct option_value *globals,
                                   const struct option_arguments *arguments, struct err *err)
{
    bool takes_config = command->needs != NEEDS_NOTHING && globals[GLOBAL_CONFIG].text == NULL;
    int most = command->argument_count + (takes_config ? 1 : 0);

    if (arguments->count > most && !command->more_arguments) {
        return err_set(err, ERR_USAGE, "unexpected argument \"%s\": uptally %s %s",
                       arguments->items[most], command->name, command->usage);
    }
    return ERR_OK;
}

static enum err_code check_argument_count(const struct command *command,
                                          const struct option_arguments *arguments, struct err *err)
{
    int wanted = wanted_count(command, arguments);

    if (arguments->count < command->argument_count && arguments->count != wanted) {
        return err_set(err, ERR_USAGE, "too few arguments: uptally %s %s", command->name,
                       command->usage);
    }
    CHECK(arguments->count == wanted || command->more_arguments);
    return ERR_OK;
}

static enum err_code open_store(struct run *run, unsigned needs, struct err *err)
{
    bool reads = (needs & NEEDS_STORE) == 0;
    struct db_options options = {
        .create = !reads, .read_only = reads, .stopped = stop_is_requested};
    struct db_server server;
    enum err_code code = config_store(run->config, &options, &server, err);

    if (code == ERR_OK) {
        code = db_open(&options, &run->db, err);
    }
    if (code == ERR_OK) {
        code = reads ? store_check_version(run->db, err) : store_migrate(run->db, err);
    }
    if (code == ERR_OK && (needs & NEEDS_BOOK) != 0) {
        code = store_book(run->db, run->config->book.data, &run->book_id, err);
    }
    return code;
}

static enum err_code open_needs(struct run *run, const struct command *command, struct err *err)
{
    enum err_code code = ERR_OK;

    if (command->needs == NEEDS_NOTHING) {
        return ERR_OK;
    }
    if ((command->needs & NEEDS_CONTRACTS) != 0) {
        return config_read_contracts(run->config_path, &run->config, err);
    }
    if ((command->needs & NEEDS_NO_CONTRACTS) != 0) {
        code = config_read_others(run->config_path, &run->config, err);
    } else if ((command->needs & NEEDS_CONFIG_PATH) == 0) {
        code = config_read(run->config_path, &run->config, err);
    }
    if (code == ERR_OK && run->config != NULL && run->globals[GLOBAL_LOCK_WAIT].set) {
        run->config->lock_wait_ns = run->globals[GLOBAL_LOCK_WAIT].number;
    }
    if (code == ERR_OK && (command->needs & NEEDS_HTTP) != 0) {
        code = http_curl_open(&run->http, err);
    }
    if (code == ERR_OK && (command->needs & (NEEDS_STORE | NEEDS_STORE_READ)) != 0) {
        code = open_store(run, command->needs, err);
    }
    return code;
}

static void close_needs(struct run *run)
{
    db_close(run->db);
    if (run->http != NULL) {
        run->http->close(run->http);
    }
    config_free(run->config);
}

/* Whether standard output is a pipe that nobody reads any more, as with `| head`. */
static bool reader_left(void)
{
    struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

    return poll(&output, 1, 0) == 1 && (output.revents & POLLERR) != 0;
}

/* A full disk behind standard output must not end in success. A reader that has seen enough is no trouble worth a
 * word: the status is that of a program which SIGPIPE ended, so that a script can still tell it from a whole answer. */
static enum err_code flush_output(enum err_code code, struct err *err)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout) != 0;

    if (!failed || (code != ERR_OK && code != ERR_FAILED)) {
        return code;
    }
    if (reader_left()) {
        stop_set(SIGPIPE);
        *err = ERR_INIT;
        return ERR_INTERRUPTED;
    }
    return code != ERR_OK ? code : err_set(err, ERR_FAILED, "standard output could not be written");
}

static enum err_code run_command(const struct command *command, const struct option_value *globals,
                                 const struct option_value *options,
                                 struct option_arguments *arguments, struct err *err)
{
    struct random random;
    struct run run = {.clock = clock_system(),
                      .random = &random,
                      .out = stdout,
                      .options = options,
                      .globals = globals};
    enum err_code code = check_word(command, arguments, err);

    if (code == ERR_OK) {
        code = check_surplus(command, globals, arguments, err);
    }
    if (code == ERR_OK && command->needs != NEEDS_NOTHING) {
        code = locate_config(command, globals, arguments, &run.config_path, err);
    }
    if (code == ERR_OK) {
        code = check_argument_count(command, arguments, err);
    }
    if (code != ERR_OK) {
        return code;
    }
    run.arguments = arguments->items;
    run.argument_count = arguments->count;
    random_init_system(&random);
    code = open_needs(&run, command, err);
    if (code == ERR_OK) {
        code = command->run(&run, err);
    }
    close_needs(&run);
    ui_progress_clear();
    return flush_output(code, err);
}

static void init_ui(const struct option_value *globals)
{
    ui_init(globals[GLOBAL_QUIET].set, globals[GLOBAL_LOG].number == 1,
            (enum ui_color)globals[GLOBAL_COLOR].number);
}

/* words: the command line behind the options that stand before the command. */
static enum err_code dispatch(char *const *words, int word_count, struct option_value *globals,
                              struct err *err)
{
    struct option_value options[OPTIONS_ROWS_MAX];
    struct option_arguments arguments = {.count = 0};
    const struct command *command;
    struct option_set sets[2];
    enum err_code code;

    if (strcmp(words[0], "help") == 0) {
        return help(word_count > 1 ? words[1] : NULL, err);
    }
    code = find_command(str_from(words[0]), &command, err);
    if (code != ERR_OK) {
        return code;
    }
    sets[0] = (struct option_set){command->options, options};
    sets[1] = (struct option_set){global_rows, globals};
    options_reset(&sets[0]);
    code = options_parse(sets, 2, words + 1, word_count - 1, false, &arguments, NULL, err);
    init_ui(globals);
    if (code != ERR_OK) {
        return code;
    }
    if (globals[GLOBAL_HELP].set) {
        print_command_help(stdout, command);
        return ERR_OK;
    }
    return run_command(command, globals, options, &arguments, err);
}

static enum err_code run_words(int argc, char **argv, struct err *err)
{
    struct option_value globals[GLOBAL_COUNT];
    struct option_set set = {global_rows, globals};
    int used = 0;
    enum err_code code;

    options_reset(&set);
    init_ui(globals);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        version_print(stdout);
        return ERR_OK;
    }
    code = options_parse(&set, 1, argv + 1, argc - 1, true, NULL, &used, err);
    init_ui(globals);
    if (code != ERR_OK) {
        return code;
    }
    if (used + 1 < argc) {
        return dispatch(argv + 1 + used, argc - 1 - used, globals, err);
    }
    if (globals[GLOBAL_HELP].set) {
        return help(NULL, err);
    }
    print_usage(stderr);
    return err_set(err, ERR_USAGE, "no command");
}

/* Secrets stand in our memory and may stand in our environment: no core dump, and /proc shows neither to another process of the
 * same user. */
static void hide_from_others(void)
{
    const struct rlimit none = {0, 0};

    (void)prctl(PR_SET_DUMPABLE, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    enum err_code code;

    hide_from_others();
    /* A library without memory says "invalid", and then a good schema would be a bad one, a good document damaged. */
    json_set_alloc_funcs(memory_alloc, memory_free);
    stop_install(STOP_GRACE_S);
    code = flush_output(run_words(argc, argv, &err), &err);
    if (code != ERR_OK && err.code != ERR_OK) {
        ui_error(&err);
    }
    return code == ERR_INTERRUPTED ? (int)ERR_INTERRUPTED + stop_requested() : (int)code;
}
