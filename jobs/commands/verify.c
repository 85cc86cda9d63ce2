/*
 * uptally verify: issued statements proved from their files, with neither store nor configuration; against the store with --config.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregator/store.h"
#include "base/check.h"
#include "base/json.h"
#include "base/memory.h"
#include "jobs/command.h"
#include "jobs/options.h"
#include "jobs/statement/verify.h"
#include "jobs/stop.h"
#include "jobs/ui.h"

enum { OPTION_FORMAT };
enum { FORMAT_TEXT, FORMAT_JSON };
enum { FILES_MAX = 4096, OUTPUT_SIZE_MAX = 64 * 1024 * 1024, PATH_SIZE = 4096 };

static const struct option_row rows[] = {
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "text|json",
                       .fallback = "text",
                       .help = "form of the output"},
    {.name = NULL},
};

/* A file that was named, or that stands beside one as its earlier revision. */
struct file {
    char *path;         /* owned */
    struct strbuf text; /* of the document */
    bool opened;        /* document is */
    struct verify_document document;
};

struct verify {
    struct run *run;
    struct file **files; /* owned, each; they stay where they are, for findings name them */
    size_t count;
    struct strbuf out;
    struct json_writer json;
    struct db *db; /* NULL without --config */
    int64_t findings, bad;
};

static bool has_format(const struct verify *verify, int format)
{
    return verify->run->options[OPTION_FORMAT].number == format;
}

/* Whole regular files only, and no more than a statement may have. *ret_found false: there is none. */
static enum err_code read_file(const char *path, size_t size_max, bool *ret_found,
                               struct strbuf *ret_text, struct err *err)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    enum err_code code = ERR_OK;
    struct stat stat;
    char block[65536];
    ssize_t size = 0;

    strbuf_init(ret_text, size_max);
    *ret_found = descriptor >= 0;
    if (descriptor < 0) {
        return errno == ENOENT ? ERR_OK : err_set_errno(err, ERR_DATA, "%s", path);
    }
    if (fstat(descriptor, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        code = err_set(err, ERR_DATA, "%s: not a regular file", path);
    }
    while (code == ERR_OK && !ret_text->overflow &&
           (size = read(descriptor, block, sizeof(block))) > 0) {
        strbuf_append(ret_text, str_of(block, (size_t)size));
    }
    if (size < 0) {
        code = err_set_errno(err, ERR_DATA, "%s", path);
    }
    if (code == ERR_OK && ret_text->overflow) {
        code = err_set(err, ERR_DATA, "%s: larger than %zu bytes", path, size_max);
    }
    (void)close(descriptor);
    return code;
}

static void show_finding(void *context, const struct verify_document *document, const char *line)
{
    struct verify *verify = context;

    if (has_format(verify, FORMAT_JSON)) {
        strbuf_append_format(&verify->out, "%s\n", line);
    } else {
        (void)fprintf(verify->run->out, "%s: %s\n", document->path, line);
    }
}

static bool is_named(const struct verify *verify, const char *path)
{
    for (size_t i = 0; i < verify->count; i++) {
        if (strcmp(verify->files[i]->path, path) == 0) {
            return true;
        }
    }
    return false;
}

/* *ret_found false: there is no such file. */
static enum err_code add_file(struct verify *verify, const char *path, bool *ret_found,
                              struct err *err)
{
    struct file *file;
    enum err_code code;

    if (verify->count == FILES_MAX) {
        return err_set(err, ERR_USAGE, "more than %d files", FILES_MAX);
    }
    file = memory_calloc(1, sizeof(*file));
    code = read_file(path, VERIFY_SIZE_MAX, ret_found, &file->text, err);
    if (code != ERR_OK || !*ret_found) {
        strbuf_release(&file->text);
        memory_free(file);
        return code;
    }
    file->path = memory_strdup(path);
    file->document = (struct verify_document){.path = file->path,
                                              .text = strbuf_view(&file->text),
                                              .finding = show_finding,
                                              .context = verify};
    verify->files = memory_resize(verify->files, verify->count + 1, sizeof(verify->files[0]));
    verify->files[verify->count++] = file;
    return ERR_OK;
}

/* "statement-r2.json" */
static bool is_statement(const char *name)
{
    int64_t revision;
    size_t size = strlen(name);

    return size > 16 && strncmp(name, "statement-r", 11) == 0 &&
           strcmp(name + size - 5, ".json") == 0 &&
           str_to_int64(str_of(name + 11, size - 16), &revision) && revision > 0;
}

static int statements_only(const struct dirent *entry)
{
    return is_statement(entry->d_name);
}

static enum err_code add_folder(struct verify *verify, const char *path, struct err *err)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, statements_only, alphasort);
    enum err_code code = ERR_OK;

    if (count < 0) {
        return err_set_errno(err, ERR_DATA, "%s", path);
    }
    if (count == 0) {
        code = err_set(err, ERR_DATA, "%s: no file named like statement-r1.json is in it", path);
    }
    for (int i = 0; i < count; i++) {
        char name[PATH_SIZE];
        bool found;

        if (code == ERR_OK &&
            (size_t)snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) <
                sizeof(name) &&
            !is_named(verify, name)) {
            code = add_file(verify, name, &found, err);
        }
        free(entries[i]); /* of scandir */
    }
    free(entries);
    return code;
}

static enum err_code add_named(struct verify *verify, const char *path, struct err *err)
{
    struct stat found_stat;
    bool found;
    enum err_code code;

    if (stat(path, &found_stat) == 0 && S_ISDIR(found_stat.st_mode)) {
        return add_folder(verify, path, err);
    }
    if (is_named(verify, path)) {
        return ERR_OK;
    }
    code = add_file(verify, path, &found, err);
    if (code == ERR_OK && !found) {
        code = err_set(err, ERR_DATA, "%s: there is no such file", path);
    }
    return code;
}

/* A SHA-256 that stands beside the file, as sha256sum writes it. */
static enum err_code check_beside(const struct file *file, struct verify_document *document,
                                  struct err *err)
{
    char path[PATH_SIZE];
    struct strbuf text;
    bool found = false;
    enum err_code code = ERR_OK;

    if ((size_t)snprintf(path, sizeof(path), "%s.sha256", file->path) >= sizeof(path)) {
        return ERR_OK;
    }
    code = read_file(path, PATH_SIZE, &found, &text, err);
    if (code == ERR_OK && found && !str_starts_with(strbuf_view(&text), STR(document->sha256))) {
        verify_find(document, "", "%s says another SHA-256", path);
    }
    strbuf_release(&text);
    return code;
}

/* The revision before among the files. */
static struct file *find_before(const struct verify *verify, const struct verify_document *document)
{
    for (size_t i = 0; i < verify->count; i++) {
        const struct verify_document *other = &verify->files[i]->document;

        if (verify->files[i]->opened && other->tree != NULL &&
            other->revision == document->revision - 1 &&
            str_equal(other->contract, document->contract) &&
            str_equal(other->period, document->period)) {
            return verify->files[i];
        }
    }
    return NULL;
}

/* The name that the revision before has in the same folder; false: the file is not named like one of ours. */
static bool name_before(const struct file *file, char ret_path[PATH_SIZE])
{
    const char *slash = strrchr(file->path, '/');
    const char *name = slash != NULL ? slash + 1 : file->path;

    return is_statement(name) &&
           (size_t)snprintf(ret_path, PATH_SIZE, "%.*sstatement-r%" PRId64 ".json",
                            (int)(name - file->path), file->path,
                            file->document.revision - 1) < PATH_SIZE;
}

/* Files are added behind while this runs, until the chains end. */
static enum err_code open_files(struct verify *verify, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < verify->count && code == ERR_OK; i++) {
        struct file *file = verify->files[i];
        char path[PATH_SIZE];
        bool found;

        verify_open(&file->document);
        file->opened = true;
        if (file->document.tree != NULL && file->document.revision > 1 &&
            find_before(verify, &file->document) == NULL && name_before(file, path) &&
            !is_named(verify, path)) {
            code = add_file(verify, path, &found, err);
        }
    }
    return code;
}

static enum err_code check_file(struct verify *verify, struct file *file, struct err *err)
{
    struct verify_document *document = &file->document;
    enum err_code code = check_beside(file, document, err);

    verify_alone(document);
    if (document->tree != NULL && document->revision > 1) {
        const struct file *before = find_before(verify, document);

        if (before != NULL) {
            verify_follows(document, &before->document);
        } else {
            ui_warn("%s: revision %" PRId64 " is not here, so the chain was not followed",
                    file->path, document->revision - 1);
        }
    }
    if (code == ERR_OK && verify->db != NULL) {
        code = verify_issued(document, verify->db, err);
    }
    return code;
}

static void print_file(struct verify *verify, const struct file *file)
{
    const struct verify_document *document = &file->document;

    (void)fprintf(verify->run->out, "%s  %s  %s", document->sha256,
                  document->findings == 0 ? "agrees" : "DOES NOT AGREE", file->path);
    if (document->tree != NULL) {
        (void)fprintf(verify->run->out, "  (%.*s, %.*s, revision %" PRId64 ")",
                      STR_ARGS(document->contract), STR_ARGS(document->period), document->revision);
    }
    (void)fputc('\n', verify->run->out);
}

static void write_file(struct verify *verify, const struct file *file)
{
    const struct verify_document *document = &file->document;
    struct json_writer *json = &verify->json;
    struct str left = strbuf_view(&verify->out);

    json_open_object(json, NULL);
    json_str(json, "contract", document->contract);
    json_int64(json, "finding_count", document->findings);
    json_open_array(json, "findings");
    while (left.size > 0) {
        size_t size = strcspn(left.data, "\n");

        json_str(json, NULL, str_of(left.data, size));
        left = str_of(left.data + size + 1, left.size - size - 1);
    }
    json_close(json);
    json_text(json, "path", file->path);
    json_str(json, "period", document->period);
    json_int64(json, "revision", document->revision);
    json_text(json, "sha256", document->sha256);
    json_close(json);
    strbuf_clear(&verify->out);
}

static enum err_code check_all(struct verify *verify, struct err *err)
{
    enum err_code code = open_files(verify, err);
    struct strbuf answer;

    strbuf_init(&answer, OUTPUT_SIZE_MAX);
    json_init(&verify->json, &answer, true);
    json_open_object(&verify->json, NULL);
    json_open_array(&verify->json, "files");
    for (size_t i = 0; i < verify->count && code == ERR_OK; i++) {
        code = check_file(verify, verify->files[i], err);
        verify->findings += verify->files[i]->document.findings;
        verify->bad += verify->files[i]->document.findings > 0;
        if (has_format(verify, FORMAT_JSON)) {
            write_file(verify, verify->files[i]);
        } else {
            print_file(verify, verify->files[i]);
        }
    }
    json_close(&verify->json);
    json_text(&verify->json, "format", "uptally.verification/1");
    json_close(&verify->json);
    json_finish(&verify->json);
    if (code == ERR_OK && has_format(verify, FORMAT_JSON)) {
        (void)fwrite(strbuf_text(&answer), 1, answer.size, verify->run->out);
    }
    strbuf_release(&answer);
    return code;
}

/* As `audit` opens it: read only. */
static enum err_code open_store(struct verify *verify, struct config **ret_config, struct err *err)
{
    struct db_options options = {.read_only = true, .stopped = stop_is_requested};
    struct db_server server;
    enum err_code code = config_read(verify->run->globals[GLOBAL_CONFIG].text, ret_config, err);

    if (code == ERR_OK) {
        code = config_store(*ret_config, &options, &server, err);
    }
    if (code == ERR_OK) {
        code = db_open(&options, &verify->db, err);
    }
    return code == ERR_OK ? store_check_version(verify->db, err) : code;
}

static void release(struct verify *verify, struct config *config)
{
    for (size_t i = 0; i < verify->count; i++) {
        if (verify->files[i]->opened) {
            verify_release(&verify->files[i]->document);
        }
        strbuf_release(&verify->files[i]->text);
        memory_free(verify->files[i]->path);
        memory_free(verify->files[i]);
    }
    memory_free(verify->files);
    strbuf_release(&verify->out);
    db_close(verify->db);
    config_free(config);
}

static enum err_code run(struct run *run, struct err *err)
{
    struct verify verify = {.run = run};
    struct config *config = NULL;
    enum err_code code = ERR_OK;

    strbuf_init(&verify.out, OUTPUT_SIZE_MAX);
    if (run->globals[GLOBAL_CONFIG].text != NULL) {
        code = open_store(&verify, &config, err);
    }
    for (int i = 0; i < run->argument_count && code == ERR_OK; i++) {
        code = add_named(&verify, run->arguments[i], err);
    }
    if (code == ERR_OK) {
        code = check_all(&verify, err);
    }
    if (code == ERR_OK && verify.findings > 0) {
        code = err_set(err, ERR_MISMATCH,
                       "%" PRId64 " of %zu statements do not agree: %" PRId64 " finding%s",
                       verify.bad, verify.count, verify.findings, verify.findings == 1 ? "" : "s");
    }
    release(&verify, config);
    return code;
}

const struct command command_verify = {
    .name = "verify",
    .group = "Prove",
    .summary = "prove issued statements from their JSON files alone",
    .usage = "FILE... [options]",
    .argument_count = 1,
    .more_arguments = true,
    .examples = "uptally verify statement-r1.json\n"
                "uptally verify statements/acme-2026/2026-10\n"
                "uptally verify statement-r1.json statement-r2.json --config uptally.yaml",
    .help =
        "Needs neither store nor configuration: what a customer has is enough. Checks the\n"
        "canonical form, FILE.sha256 if it is there, that the month adds up, that percents, met,\n"
        "tiers and credit follow from the exact fraction and the terms, and the chain of\n"
        "revisions: each names the SHA-256 of the one before, which is looked for among the files\n"
        "and beside them. A folder stands for all statements in it. Prints the SHA-256 of each.\n"
        "With --config also that the store has issued exactly this. Exit status 9 if anything is\n"
        "found; each finding names its place.",
    .options = rows,
    .needs = NEEDS_NOTHING,
    .run = run,
};
