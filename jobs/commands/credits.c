/*
 * uptally credits: credit notes of the issued statements of a month.
 */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"
#include "base/markup.h"
#include "jobs/command.h"
#include "jobs/statement/credit_note.h"
#include "jobs/ui.h"

enum { OPTION_MONTH, OPTION_FORMAT };
enum { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV };
enum { OUTPUT_SIZE_MAX = 64 * 1024 * 1024 };

static const struct option_row rows[] = {
    [OPTION_MONTH] = {.name = "month",
                      .type = OPTION_TEXT,
                      .argument = "YYYY-MM",
                      .help = "any month of the period; of rolling ones the month that they end "
                              "with. Default: the last period that has ended in each contract's "
                              "zone"},
    [OPTION_FORMAT] = {.name = "format",
                       .type = OPTION_CHOICE,
                       .choices = "table|json|csv",
                       .fallback = "table",
                       .help = "form of the output"},
    {.name = NULL},
};

static void write_table(const struct credit_note *notes, size_t count, struct strbuf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct credit_note *note = &notes[i];
        struct str claim = note->claim_until.size > 0 ? note->claim_until : STR("-");

        strbuf_append_format(out, "%-40.*s %14.*s %.*s  claim until %-25.*s ", STR_ARGS(note->id),
                             STR_ARGS(note->amount), STR_ARGS(note->currency), STR_ARGS(claim));
        strbuf_append(out, note->customer);
        strbuf_append_char(out, '\n');
    }
}

static void write_json(const struct credit_note *notes, size_t count, struct strbuf *out)
{
    struct json_writer json;

    json_init(&json, out, true);
    json_open_object(&json, NULL);
    json_open_array(&json, "credit_notes");
    for (size_t i = 0; i < count; i++) {
        json_open_object(&json, NULL);
        json_str(&json, "amount", notes[i].amount);
        json_int64(&json, "amount_minor", notes[i].amount_minor);
        if (notes[i].claim_until.size > 0) {
            json_str(&json, "claim_until", notes[i].claim_until);
        } else {
            json_nothing(&json, "claim_until");
        }
        json_str(&json, "contract", notes[i].contract);
        json_str(&json, "currency", notes[i].currency);
        json_str(&json, "customer", notes[i].customer);
        json_str(&json, "id", notes[i].id);
        json_str(&json, "period", notes[i].period);
        json_int64(&json, "revision", notes[i].revision);
        json_str(&json, "statement_sha256", notes[i].statement_sha256);
        json_int64(&json, "total_minor", notes[i].total_minor);
        json_close(&json);
    }
    json_close(&json);
    json_text(&json, "format", "uptally.credit_notes/1");
    json_close(&json);
    json_finish(&json);
}

static void write_csv(const struct credit_note *notes, size_t count, struct strbuf *out)
{
    strbuf_append_text(out, "id,contract,customer,period,currency,amount,claim_until\r\n");
    for (size_t i = 0; i < count; i++) {
        const struct str cells[] = {notes[i].id,         notes[i].contract, notes[i].customer,
                                    notes[i].period,     notes[i].currency, notes[i].amount,
                                    notes[i].claim_until};

        for (size_t k = 0; k < ARRAY_COUNT(cells); k++) {
            if (k > 0) {
                strbuf_append_char(out, ',');
            }
            markup_csv_cell(out, cells[k], CSV_MACHINE);
        }
        strbuf_append_text(out, "\r\n");
    }
}

static void print(struct run *run, const struct credit_note *notes, size_t count)
{
    static void (*const writers[])(const struct credit_note *, size_t, struct strbuf *) = {
        [FORMAT_TABLE] = write_table, [FORMAT_JSON] = write_json, [FORMAT_CSV] = write_csv};
    struct strbuf out;

    strbuf_init(&out, OUTPUT_SIZE_MAX);
    writers[run->options[OPTION_FORMAT].number](notes, count, &out);
    (void)fwrite(strbuf_text(&out), 1, out.size, run->out);
    strbuf_release(&out);
}

static enum err_code run(struct run *run, struct err *err)
{
    struct publisher publisher = {
        .db = run->db,
        .book_id = run->book_id,
        .contracts = run->config->contracts,
        .contract_count = run->config->contract_count,
        .program_version = UPTALLY_VERSION,
    };
    struct arena arena = ARENA_INIT;
    struct credit_note *notes = NULL;
    size_t count = 0;
    int32_t year = 0;
    int32_t month = 0;
    const struct option_value *option = &run->options[OPTION_MONTH];
    enum err_code code;

    if (option->set && !civil_parse_month(STR(option->text), &year, &month)) {
        return err_set(err, ERR_USAGE, "--month: \"%s\" is not a month like 2026-10", option->text);
    }
    code = objects_folder_open(run->config->output_path.data, &publisher.objects, err);
    if (code != ERR_OK) {
        return code;
    }
    code = credits_issue(&publisher, year, month, &arena, &notes, &count, err);
    publisher.objects->close(publisher.objects);
    if (code == ERR_OK) {
        print(run, notes, count);
        if (count == 0) {
            ui_note("no issued statement of this month earns a credit");
        }
    }
    arena_release(&arena);
    return code;
}

const struct command command_credits = {
    .name = "credits",
    .group = "Read",
    .summary = "credit notes of the issued statements of a month",
    .usage = "CONFIG [options]",
    .examples = "uptally credits uptally.yaml\n"
                "uptally credits uptally.yaml --month 2026-10\n"
                "uptally credits uptally.yaml --month 2026-10 --format csv",
    .help =
        "One note per contract, period and revision, with the same id whenever it is asked for.\n"
        "Provisional statements have none. Notes are also written beside the statements.",
    .options = rows,
    .needs = NEEDS_STORE | NEEDS_BOOK,
    .run = run,
};
