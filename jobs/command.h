/*
 * Subcommands: a row in the table of jobs/main.c and a function.
 *
 * A row says what the command needs; main opens it before and closes it after. A command reads its options from its own
 * table (one table feeds parser and --help), prints data on `out`, everything else through ui.h, and returns an err_code that
 * becomes the exit status. To add one: docs/HACKING.md.
 */
#ifndef JOBS_COMMAND_H
#define JOBS_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/err.h"
#include "base/http.h"
#include "base/random.h"
#include "jobs/config/config.h"

enum command_needs {
    NEEDS_NOTHING = 0,
    NEEDS_CONFIG = 1, /* first argument CONFIG, or --config, or UPTALLY_CONFIG, or ./uptally.yaml */
    NEEDS_STORE = 2,  /* the store, migrated; implies CONFIG */
    NEEDS_STORE_READ = 4,   /* the store, read-only and of this version; implies CONFIG */
    NEEDS_BOOK = 8,         /* with one of the stores: book_id is set */
    NEEDS_CONFIG_PATH = 16, /* only where the configuration is, if anywhere: the command reads it */
    NEEDS_CONTRACTS = 32,   /* of the configuration only its contracts: nothing else is looked at */
    NEEDS_HTTP = 64,        /* a client for registries and token servers */
    NEEDS_NO_CONTRACTS = 128 /* of CONFIG all but its contracts, which may be thousands */
};

/* What every command gets. Borrowed; main owns it. */
struct run {
    const char *config_path; /* NULL unless needed */
    struct config *config;   /* NULL unless needed */
    struct db *db;           /* NULL unless needed */
    int64_t book_id;
    struct clock *clock;
    struct random *random;
    struct http *http;                  /* NULL unless needed */
    FILE *out;                          /* data: standard output */
    const struct option_value *options; /* parsed, by row of command->options */
    const struct option_value *globals; /* of every command: enum global_option */
    char *const *arguments;             /* positional, behind CONFIG */
    int argument_count;
};

enum option_type {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_INTEGER,
    OPTION_DURATION,
    OPTION_TIME,
    OPTION_CHOICE,
    OPTION_CHOICES /* several of them, separated by commas */
};

struct option_row {
    const char *name; /* "from" for --from */
    char letter;      /* 0: none */
    enum option_type type;
    const char *argument;     /* "TIME" in --help */
    const char *choices;      /* "csv|ndjson" */
    const char *fallback;     /* default as text; NULL: none */
    int64_t minimum, maximum; /* of integers; both 0: no limit */
    const char *help;
};

struct option_value {
    bool set;         /* given on the command line (a fallback fills the value but not this) */
    const char *text; /* as given; NULL if neither given nor with a fallback */
    int64_t
        number; /* integer, nanoseconds of a duration or time, index of a choice, 1 for a flag */
};

struct command {
    const char *name;
    const char *group;   /* heading in `uptally --help`: "Run", "Read", "Prove", "Set up" */
    const char *summary; /* one line */
    const char *usage;   /* behind "uptally NAME ": "CONFIG [options]" */
    int argument_count; /* positional arguments besides CONFIG that it takes, exactly: with one more
                             on the command line the first of them is CONFIG */
    bool more_arguments;     /* and any number behind them; only without CONFIG */
    bool arguments_optional; /* all of them may be missing together: options say the same */
    const char *words; /* "a|b": what the one argument may be; it may then also stand before CONFIG.
                          NULL: anything */
    const char *examples;             /* three lines of shell */
    const char *help;                 /* a paragraph; may be NULL */
    const struct option_row *options; /* ends with a row whose name is NULL; may be NULL */
    unsigned needs;                   /* enum command_needs */
    enum err_code (*run)(struct run *run, struct err *err);
};

/* Rows of the options that every command takes; index into run->globals. */
enum global_option {
    GLOBAL_CONFIG,
    GLOBAL_LOCK_WAIT,
    GLOBAL_QUIET,
    GLOBAL_COLOR,
    GLOBAL_LOG,
    GLOBAL_HELP,
    GLOBAL_COUNT
};

/* One per file of commands/. */
extern const struct command command_consume, command_aggregate, command_report, command_credits,
    command_announce, command_nightly, command_redrive, command_status, command_audit,
    command_export, command_check, command_demo, command_evaluate, command_slo, command_import,
    command_explain, command_reclassify, command_claim, command_verify, command_archive,
    command_rebuild;

#endif
