/*
 * uptally import openslo: objectives from files of OpenSLO v1, as sections of our configuration on standard output.
 */
#include <errno.h>

#include "base/check.h"
#include "jobs/command.h"
#include "jobs/config/config.h"
#include "jobs/slo/openslo.h"

enum { OUTPUT_SIZE_MAX = 16 * 1024 * 1024 };

/* The file, or standard input. */
static enum err_code read_file(const char *name, struct strbuf *content, struct err *err)
{
    char buffer[16384];
    size_t size;

    if (strcmp(name, "-") != 0) {
        return config_read_text(name, content, err);
    }
    while ((size = fread(buffer, 1, sizeof(buffer), stdin)) > 0) {
        strbuf_append(content, str_of(buffer, size));
    }
    if (ferror(stdin) != 0) {
        return err_set_errno(err, ERR_FAILED, "standard input");
    }
    return content->overflow
               ? err_set(err, ERR_CONFIG, "standard input: larger than %d bytes", CONF_SIZE_MAX)
               : ERR_OK;
}

static enum err_code read_files(struct run *run, struct openslo *openslo, struct err *err)
{
    enum err_code code = ERR_OK;

    for (int i = 1; i < run->argument_count && code == ERR_OK; i++) {
        const char *name = run->arguments[i];
        struct strbuf content;

        strbuf_init(&content, CONF_SIZE_MAX);
        code = read_file(name, &content, err);
        if (code == ERR_OK) {
            code = openslo_read(openslo, strbuf_view(&content),
                                strcmp(name, "-") == 0 ? "standard input" : name, err);
        }
        strbuf_release(&content);
    }
    return code;
}

static enum err_code run_import(struct run *run, struct err *err)
{
    struct openslo openslo;
    struct strbuf out;
    enum err_code code;

    if (strcmp(run->arguments[0], "openslo") != 0) {
        return err_set(err, ERR_USAGE, "import: \"%s\" is not openslo: uptally import %s",
                       run->arguments[0], command_import.usage);
    }
    openslo_init(&openslo);
    strbuf_init(&out, OUTPUT_SIZE_MAX);
    code = read_files(run, &openslo, err);
    if (code == ERR_OK) {
        code = openslo_write(&openslo, &out, err);
    }
    if (code == ERR_OK && out.overflow) {
        code = err_set(err, ERR_CONFIG, "more than a configuration can hold");
    }
    if (code == ERR_OK) {
        (void)fwrite(out.data, 1, out.size, run->out);
    }
    strbuf_release(&out);
    openslo_release(&openslo);
    return code;
}

const struct command command_import = {
    .name = "import",
    .group = "Set up",
    .summary = "objectives from OpenSLO files, as configuration on standard output",
    .usage = "openslo FILE...",
    .argument_count = 2,
    .more_arguments = true,
    .examples = "uptally import openslo slo.yaml\n"
                "uptally import openslo services.yaml slis.yaml slos.yaml > slos-of-ours.yaml\n"
                "cat *.yaml | uptally import openslo -",
    .help =
        "Reads kinds Service, SLI and SLO of openslo/v1. uptally counts requests itself: of which\n"
        "services, the annotation uptally/services of an SLI or SLO says. What cannot be honoured\n"
        "is refused by name and place, and nothing is printed. - is standard input.",
    .needs = NEEDS_NOTHING,
    .run = run_import,
};
