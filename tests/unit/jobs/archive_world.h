/*
 * What a test of an archive needs beside consume_world.h: a topic with everything that a record can have, a configuration, and a look at the files.
 */
#ifndef TESTS_UNIT_JOBS_ARCHIVE_WORLD_H
#define TESTS_UNIT_JOBS_ARCHIVE_WORLD_H

#include <fcntl.h>
#include <ftw.h>

#include "aggregator/archive_file.h"
#include "aggregator/audit.h"
#include "base/memory.h"
#include "consumers/archive_reader.h"
#include "jobs/pipeline/archive.h"
#include "jobs/pipeline/archive_verify.h"
#include "tests/unit/jobs/consume_world.h"

/* settings: lines of the section "archive" but its folder. */
static inline void archive_configure(struct world *world, const char *folder, const char *settings)
{
    char map[2000];

    (void)snprintf(map, sizeof(map), MAP "archive:\n  folder: \"%s/%s\"\n%s", world->folder, folder,
                   settings);
    configure(world, world->mock.servers, NULL, map, "    gaps: true\n");
}

/* A store of its own, with the book of an archive. */
static inline void archive_store(struct world *world, const char *name)
{
    struct db_options options = {
        .create = true, .lock_wait_ns = 20 * NS_PER_SECOND, .clock = clock_system()};
    struct err err = ERR_INIT;
    char path[128];

    db_close(world->db);
    (void)snprintf(path, sizeof(path), "%s/%s.db", world->folder, name);
    if (store_place_open(path, options, &world->db, &err) != ERR_OK ||
        store_migrate(world->db, &err) != ERR_OK ||
        store_book_make(world->db, ARCHIVE_BOOK, &world->book_id, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
}

static inline enum err_code archive_try(struct world *world, struct archive_result *ret_result,
                                        struct err *err)
{
    struct archive_options options = {.consume = options_of(world)};
    enum err_code code = archive_open_objects(world->config, false, &options.objects, err);

    if (code == ERR_OK) {
        code = archive_run(&options, ret_result, err);
        options.objects->close(options.objects);
    }
    return code;
}

static inline struct archive_result archive_drain(struct world *world)
{
    struct archive_result result;
    struct err err = ERR_INIT;

    if (archive_try(world, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    return result;
}

enum { LINES_SIZE = 8192 };

/* Appends the line. */
static inline void archive_show(void *context, const char *line)
{
    size_t used = strlen(context);

    (void)snprintf((char *)context + used, LINES_SIZE - used, "%s\n", line);
}

/* All findings stay in ret_line, which has room for LINES_SIZE. */
static inline struct archive_verify_report archive_look(struct world *world, char *ret_line)
{
    struct archive_verify_options options = {
        .db = world->db, .book_id = world->book_id, .finding = archive_show, .context = ret_line};
    struct archive_verify_report report;
    struct err err = ERR_INIT;
    enum err_code code = archive_open_objects(world->config, true, &options.objects, &err);

    ret_line[0] = '\0';
    if (code == ERR_OK) {
        code = archive_verify(&options, &report, &err);
    }
    if (code != ERR_OK && code != ERR_MISMATCH) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(code == ERR_MISMATCH, report.findings > 0);
    if (options.objects != NULL) {
        options.objects->close(options.objects);
    }
    return report;
}

static inline bool archive_gaps(void *context, struct str topic)
{
    (void)context, (void)topic;
    return true;
}

/* The audit and the files have nothing to say. */
static inline void archive_sound(struct world *world)
{
    char line[LINES_SIZE] = "";
    struct audit_report report;
    struct archive_verify_report files;
    struct err err = ERR_INIT;

    if (audit_run(world->db, 1, archive_gaps, archive_show, line, &report, &err) != ERR_OK) {
        fail_msg("%s: %s", err.text, line);
    }
    files = archive_look(world, line);
    if (files.findings > 0) {
        fail_msg("%s", line);
    }
    assert_int_equal(report.archive_records, files.records);
    assert_int_equal(report.archive_files, files.files);
}

/* A digest of all files below a folder: names and contents, in the order of the names. Hidden ones are `drafts`. */
struct archive_tree {
    char text[200000];
    int files, drafts;
};

static inline void archive_tree(struct world *world, const char *folder, struct archive_tree *tree)
{
    char command[600];
    char line[300];
    FILE *pipe;

    *tree = (struct archive_tree){.files = 0};
    (void)snprintf(command, sizeof(command),
                   "cd %s/%s && find . -type f | sort | xargs -r sha256sum; "
                   "find . -type f -name '.new-*' | sed 's/^/draft /'",
                   world->folder, folder);
    pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof(line), pipe) != NULL) {
        if (strncmp(line, "draft", 5) == 0) {
            tree->drafts++;
        } else {
            tree->files++;
            assert_true(strlen(tree->text) + strlen(line) < sizeof(tree->text));
            strcat(tree->text, line);
        }
    }
    assert_int_equal(pclose(pipe), 0);
}

#endif
