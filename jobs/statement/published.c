#include "jobs/statement/published.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/memory.h"
#include "jobs/statement/credit_note.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/publication.h"
#include "jobs/statement/publish.h"
#include "jobs/statement/render.h"

enum { NAME_SIZE_MAX = 512, LINE_SIZE_MAX = 2048, SLUG_SIZE_MAX = 64 };

struct file {
    const char *name; /* "acme/2026-10/statement-r1.json"; in the arena */
    bool known;       /* the store has issued it */
};

struct audit {
    struct db *db;
    struct objects *objects;
    void (*finding)(void *context, const char *line);
    void *context;
    int64_t shown_max;
    struct published_report report;
    struct arena arena;
    struct file *files; /* owned; sorted by name once all are there */
    size_t file_count;
    int level;                  /* of the folder that is listed */
    char folder[NAME_SIZE_MAX]; /* its name */
};

__attribute__((format(printf, 3, 4))) static void find(struct audit *audit, const char *name,
                                                       const char *format, ...)
{
    struct strbuf line;
    char words[LINE_SIZE_MAX];
    va_list arguments;

    if (audit->report.findings++ >= audit->shown_max) {
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(words, sizeof(words), format, arguments);
    va_end(arguments);
    strbuf_init(&line, 4 * LINE_SIZE_MAX);
    audit->objects->locate(audit->objects, name, &line);
    strbuf_append_format(&line, ": %s", words);
    audit->finding(audit->context, strbuf_text(&line));
    strbuf_release(&line);
}

/* Names that are ours. */

static bool is_slug(const char *name)
{
    size_t size = strlen(name);

    return size <= SLUG_SIZE_MAX && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

/* "2026-10" or "2026-10-15". */
static bool is_period(const char *name)
{
    static const char shape[] = "dddd-dd-dd";
    size_t size = strlen(name);

    for (size_t i = 0; i < size && i < sizeof(shape) - 1; i++) {
        bool digit = name[i] >= '0' && name[i] <= '9';

        if (shape[i] == 'd' ? !digit : name[i] != '-') {
            return false;
        }
    }
    return size == 7 || size == 10;
}

/* stem, a number and one of the suffixes. */
static bool is_revision(const char *name, const char *stem, const char *const *suffixes,
                        size_t suffix_count)
{
    size_t stem_size = strlen(stem);
    size_t digits;

    if (strncmp(name, stem, stem_size) != 0) {
        return false;
    }
    digits = strspn(name + stem_size, "0123456789");
    if (digits == 0 || name[stem_size + digits] != '.') {
        return false;
    }
    for (size_t i = 0; i < suffix_count; i++) {
        if (strcmp(name + stem_size + digits + 1, suffixes[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_document(const char *name)
{
    static const char *const suffixes[] = {"json", "csv", "html", "pdf"};

    return is_revision(name, "statement-r", suffixes, 4) ||
           is_revision(name, "credit-note-r", suffixes, 2);
}

/* What a folder of each level may hold of ours. */
static const struct {
    bool (*is_ours)(const char *name);
    enum objects_kind kind;
} levels[] = {{is_slug, OBJECTS_FOLDER}, {is_period, OBJECTS_FOLDER}, {is_document, OBJECTS_FILE}};

static enum err_code list_folder(struct audit *audit, struct err *err);

static void add_file(struct audit *audit, const char *name)
{
    size_t count = audit->file_count++;

    if ((count & (count - 1)) == 0) {
        audit->files =
            memory_resize(audit->files, count == 0 ? 1 : count * 2, sizeof(audit->files[0]));
    }
    audit->files[count] = (struct file){.name = arena_text(&audit->arena, STR(name))};
}

/* One level down, and back. A folder that cannot be listed may hide anything. */
static void descend(struct audit *audit, const char *name)
{
    char before[NAME_SIZE_MAX];
    struct err cause = ERR_INIT;

    memcpy(before, audit->folder, sizeof(before));
    memcpy(audit->folder, name, strlen(name) + 1);
    audit->level++;
    if (list_folder(audit, &cause) != ERR_OK) {
        find(audit, name, "%s", cause.text);
    }
    audit->level--;
    memcpy(audit->folder, before, sizeof(before));
}

static enum err_code see_entry(void *context, const struct objects_entry *entry, struct err *err)
{
    struct audit *audit = context;
    char name[NAME_SIZE_MAX];
    int size;

    (void)err;
    if (!levels[audit->level].is_ours(entry->name)) {
        return ERR_OK;
    }
    size = snprintf(name, sizeof(name), "%s%s%s", audit->folder,
                    audit->folder[0] == '\0' ? "" : "/", entry->name);
    CHECK(size > 0);
    CHECK((size_t)size < sizeof(name)); /* names of ours are short */
    if (entry->kind == OBJECTS_OTHER) {
        find(audit, name, "a link or device; uptally never makes one, and it was not followed");
    } else if (entry->kind != levels[audit->level].kind) {
        /* A file where a folder belongs can be anybody's. */
        if (entry->kind == OBJECTS_FOLDER) {
            find(audit, name, "a folder stands where only a file can");
        }
    } else if (entry->kind == OBJECTS_FOLDER) {
        descend(audit, name);
    } else {
        add_file(audit, name);
    }
    return ERR_OK;
}

static enum err_code list_folder(struct audit *audit, struct err *err)
{
    return audit->objects->list(audit->objects, audit->folder, see_entry, audit, err);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* Rows against files. */

static struct file *find_file(struct audit *audit, const char *name)
{
    struct file key = {.name = name};

    return audit->file_count == 0
               ? NULL
               : bsearch(&key, audit->files, audit->file_count, sizeof(audit->files[0]), by_name);
}

/* Whether another version of the program drew it, and published it. publication NULL: the content is the only one. */
static bool was_published(struct audit *audit, const struct publication *publication,
                          const struct strbuf *content)
{
    struct err cause = ERR_INIT;
    bool known = false;

    return publication != NULL && !content->overflow &&
           publication_known(audit->db, publication, strbuf_view(content), &known, &cause) ==
               ERR_OK &&
           known;
}

/* A file that should be there and have that content. */
static void expect(struct audit *audit, const char *name, struct str content,
                   const struct publication *publication)
{
    size_t size_max = publication != NULL ? (size_t)RENDER_SIZE_MAX : content.size;
    struct objects *objects = audit->objects;
    struct file *file = find_file(audit, name);
    struct err cause = ERR_INIT;
    struct strbuf found_content;
    bool found = false;

    audit->report.files++;
    if (file != NULL) {
        file->known = true;
    }
    strbuf_init(&found_content, size_max > 0 ? size_max : 1); /* longer is different */
    if (objects->get(objects, name, &found, &found_content, &cause) != ERR_OK &&
        !found_content.overflow) {
        find(audit, name, "%s", cause.text);
    } else if (!found && !found_content.overflow) {
        find(audit, name,
             "missing, although the store has issued it; uptally nightly publishes "
             "it again");
    } else if ((found_content.overflow || !str_equal(strbuf_view(&found_content), content)) &&
               !was_published(audit, publication, &found_content)) {
        find(audit, name, "its content is not what the store has issued");
    }
    strbuf_release(&found_content);
}

static enum err_code expect_statement(struct audit *audit, const struct issued_row *row,
                                      struct str document, struct err *err)
{
    enum err_code code = ERR_OK;

    for (size_t i = 0; i < render_row_count && code == ERR_OK; i++) {
        const struct publication publication = {.contract = row->contract,
                                                .period = row->period,
                                                .revision = row->revision,
                                                .format = render_rows[i].name};
        struct strbuf name, content;

        code = render_document(&render_rows[i], document, &content, err);
        if (code == ERR_OK) {
            strbuf_init(&name, NAME_SIZE_MAX);
            statement_name(row->contract, row->period, row->revision, render_rows[i].name, &name);
            expect(audit, strbuf_text(&name), strbuf_view(&content),
                   render_rows[i].format == STATEMENT_JSON ? NULL : &publication);
            strbuf_release(&name);
            strbuf_release(&content);
        }
    }
    return code;
}

static void expect_note(struct audit *audit, const struct credit_note *note)
{
    for (size_t i = 0; i < CREDIT_NOTE_FORMS; i++) {
        struct strbuf name, content;

        strbuf_init(&name, NAME_SIZE_MAX);
        strbuf_init(&content, CREDIT_NOTE_SIZE_MAX);
        credit_note_name(note->contract, note->period, note->revision, credit_note_forms[i].suffix,
                         &name);
        credit_note_forms[i].write(note, &content);
        expect(audit, strbuf_text(&name), strbuf_view(&content), NULL);
        strbuf_release(&name);
        strbuf_release(&content);
    }
}

static enum err_code expect_row(struct audit *audit, const struct issued_row *row, struct err *err)
{
    struct arena arena = ARENA_INIT;
    struct issued issued = {0};
    struct credit_note note;
    bool owed = false, stored = false;
    enum err_code code =
        issued_revision(audit->db, row->contract, row->period, row->revision, &arena, &issued, err);

    if (code == ERR_OK) {
        code = expect_statement(audit, row, issued.document, err);
    }
    if (code == ERR_OK && row->noted) {
        code = credit_note_find(audit->db, row->contract, row->period, row->revision, &arena, &note,
                                &owed, &stored, err);
    }
    if (code == ERR_OK && stored) {
        expect_note(audit, &note);
    }
    arena_release(&arena);
    return code;
}

/* A damaged row has been found by the audit of the books; here it cannot vouch for its files. */
static void mark_damaged(struct audit *audit, const struct issued_row *row, const struct err *cause)
{
    struct strbuf name;

    strbuf_init(&name, NAME_SIZE_MAX);
    statement_name(row->contract, row->period, row->revision, "json", &name);
    find(audit, strbuf_text(&name), "cannot be compared: %s", cause->text);
    strbuf_release(&name);
}

static enum err_code expect_rows(struct audit *audit, struct err *err)
{
    struct issued_row *rows;
    size_t count;
    enum err_code code = issued_list(audit->db, STR(""), &audit->arena, &rows, &count, err);

    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct err cause = ERR_INIT;

        code = expect_row(audit, &rows[i], &cause);
        if (code == ERR_MISMATCH) {
            mark_damaged(audit, &rows[i], &cause);
            code = ERR_OK;
        } else if (code != ERR_OK) {
            *err = cause;
        }
    }
    return code;
}

static void find_strangers(struct audit *audit)
{
    for (size_t i = 0; i < audit->file_count; i++) {
        if (!audit->files[i].known) {
            audit->report.files++;
            find(audit, audit->files[i].name,
                 "not issued by this store; was the store restored from an old backup?");
        }
    }
}

/* The folder is listed first: whatever stands there by then has its row in the snapshot that follows. */
static enum err_code audit_all(struct audit *audit, struct err *err)
{
    enum err_code code = list_folder(audit, err);

    if (audit->file_count > 0) {
        qsort(audit->files, audit->file_count, sizeof(audit->files[0]), by_name);
    }
    if (code == ERR_OK) {
        code = db_begin_snapshot(audit->db, err);
    }
    if (code == ERR_OK) {
        code = expect_rows(audit, err);
    }
    db_rollback(audit->db);
    if (code == ERR_OK) {
        find_strangers(audit);
    }
    return code;
}

enum err_code published_audit(struct db *db, struct objects *objects, int64_t shown_max,
                              void (*finding)(void *context, const char *line), void *context,
                              struct published_report *ret_report, struct err *err)
{
    struct audit audit = {.db = db,
                          .objects = objects,
                          .finding = finding,
                          .context = context,
                          .shown_max = shown_max,
                          .arena = ARENA_INIT};
    enum err_code code = audit_all(&audit, err);

    *ret_report = audit.report;
    memory_free(audit.files);
    arena_release(&audit.arena);
    return code;
}
