/*
 * uptally credits: credit notes of the issued statements of a month.
 */
#include <inttypes.h>

#include "base/check.h"
#include "base/civil.h"
#include "base/json.h"
#include "base/markup.h"
#include "jobs/command.h"
#include "jobs/statement/claim.h"
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

/* What is shown of a month: its notes, and the claims of their periods. */
struct shown {
    const struct credit_note *notes;
    size_t count;
    const struct claim *claims; /* of all contracts, by contract, period and id */
    size_t claim_count;
};

static bool belongs(const struct claim *claim, const struct credit_note *note)
{
    return str_equal(claim->contract, note->contract) && str_equal(claim->period, note->period);
}

/* Under the last note of a period; for people. */
static void write_claims(const struct shown *shown, size_t index, struct strbuf *out)
{
    const struct credit_note *note = &shown->notes[index];

    if (index + 1 < shown->count && str_equal(shown->notes[index + 1].contract, note->contract) &&
        str_equal(shown->notes[index + 1].period, note->period)) {
        return;
    }
    for (size_t i = 0; i < shown->claim_count; i++) {
        if (belongs(&shown->claims[i], note)) {
            strbuf_append_text(out, "  ");
            claim_words(&shown->claims[i], out);
            strbuf_append_text(out, "  ");
            strbuf_append(out, shown->claims[i].author);
            strbuf_append_text(out, shown->claims[i].reference.size > 0 ? "  " : "");
            strbuf_append(out, shown->claims[i].reference);
            strbuf_append_char(out, '\n');
        }
    }
}

static void write_table(const struct shown *shown, struct strbuf *out)
{
    for (size_t i = 0; i < shown->count; i++) {
        const struct credit_note *note = &shown->notes[i];
        struct str claim = note->claim_until.size > 0 ? note->claim_until : STR("-");

        strbuf_append_format(out, "%-40.*s %14.*s %.*s  claim until %-25.*s ", STR_ARGS(note->id),
                             STR_ARGS(note->amount), STR_ARGS(note->currency), STR_ARGS(claim));
        strbuf_append(out, note->customer);
        strbuf_append_char(out, '\n');
        write_claims(shown, i, out);
    }
}

static void write_claims_json(struct json_writer *json, const struct shown *shown,
                              const struct credit_note *note)
{
    char text[CIVIL_TEXT_SIZE];

    json_open_array(json, "claims");
    for (size_t i = 0; i < shown->claim_count; i++) {
        const struct claim *claim = &shown->claims[i];

        if (!belongs(claim, note)) {
            continue;
        }
        json_open_object(json, NULL);
        json_str(json, "by", claim->author);
        json_str(json, "claimed", claim->claimed);
        json_int64(json, "id", claim->id);
        json_bool(json, "in_time", claim_in_time(claim));
        json_text(json, "recorded", civil_format_rfc3339(claim->recorded_ns, text));
        json_str(json, "reference", claim->reference);
        json_close(json);
    }
    json_close(json);
}

static void write_json(const struct shown *shown, struct strbuf *out)
{
    const struct credit_note *notes = shown->notes;
    size_t count = shown->count;
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
        write_claims_json(&json, shown, &notes[i]);
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

/* The first claim counts: whoever claimed in time may write again. */
static const struct claim *first_claim(const struct shown *shown, const struct credit_note *note)
{
    const struct claim *first = NULL;

    for (size_t i = 0; i < shown->claim_count; i++) {
        if (belongs(&shown->claims[i], note) &&
            (first == NULL || shown->claims[i].claimed_ns < first->claimed_ns)) {
            first = &shown->claims[i];
        }
    }
    return first;
}

static void write_csv(const struct shown *shown, struct strbuf *out)
{
    const struct credit_note *notes = shown->notes;

    strbuf_append_text(
        out, "id,contract,customer,period,currency,amount,claim_until,claimed,claimed_in_time\r\n");
    for (size_t i = 0; i < shown->count; i++) {
        const struct claim *claim = first_claim(shown, &notes[i]);
        const struct str cells[] = {notes[i].id,
                                    notes[i].contract,
                                    notes[i].customer,
                                    notes[i].period,
                                    notes[i].currency,
                                    notes[i].amount,
                                    notes[i].claim_until,
                                    claim != NULL ? claim->claimed : STR(""),
                                    claim != NULL ? STR(claim_in_time(claim) ? "yes" : "no")
                                                  : STR("")};

        for (size_t k = 0; k < ARRAY_COUNT(cells); k++) {
            if (k > 0) {
                strbuf_append_char(out, ',');
            }
            markup_csv_cell(out, cells[k], CSV_MACHINE);
        }
        strbuf_append_text(out, "\r\n");
    }
}

static void print(struct run *run, const struct shown *shown)
{
    static void (*const writers[])(const struct shown *, struct strbuf *) = {
        [FORMAT_TABLE] = write_table, [FORMAT_JSON] = write_json, [FORMAT_CSV] = write_csv};
    struct strbuf out;

    strbuf_init(&out, OUTPUT_SIZE_MAX);
    writers[run->options[OPTION_FORMAT].number](shown, &out);
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
    struct claim *claims = NULL;
    size_t count = 0;
    size_t claim_count = 0;
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
        code = claim_list(run->db, STR(""), STR(""), &arena, &claims, &claim_count, err);
    }
    if (code == ERR_OK) {
        print(run, &(struct shown){notes, count, claims, claim_count});
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
        "Provisional statements have none. The note of a later revision is the difference to "
        "those\n"
        "before it, so all notes of a month add up to what is owed. Claims stand beneath. Notes "
        "are\n"
        "also written beside the statements.",
    .options = rows,
    .needs = NEEDS_STORE | NEEDS_BOOK,
    .run = run,
};
