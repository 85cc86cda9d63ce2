/* The files of an evidence pack that are made of the books: CSV tables by RFC 4180, sorted, times in UTC; and the explanation. */
#include "base/check.h"
#include "jobs/statement/evidence_parts.h"

/* The explanation, twice. */

static enum err_code write_explanation_json(struct evidence *evidence, struct err *err)
{
    struct strbuf text;
    enum err_code code = explanation_write_json(evidence->explanation, &text, err);

    if (code == ERR_OK) {
        code = zip_write(evidence->zip, strbuf_view(&text), err);
        strbuf_release(&text);
    }
    return code;
}

static enum err_code write_explanation_text(struct evidence *evidence, struct err *err)
{
    struct strbuf text;
    enum err_code code;

    strbuf_init(&text, EXPLANATION_SIZE_MAX);
    explanation_write_text(evidence->explanation, &text);
    code = text.overflow ? err_set(err, ERR_DATA, "the explanation is too large")
                         : zip_write(evidence->zip, strbuf_view(&text), err);
    strbuf_release(&text);
    return code;
}

const struct evidence_table evidence_tables[] = {
    {"announcements.csv", "announced maintenance of the period; a cancelled one has a second row",
     evidence_announcements},
    {"batches.csv", "ranges of the ledger that the events were read in, with their counts",
     evidence_batches},
    {"coordinates.csv",
     "lowest and highest offset of each service's events, per hour, topic and partition",
     evidence_coordinates},
    {"dead-letters.csv", "records between these offsets that could not be read as events",
     evidence_letters},
    {"explanation.json", "each lost, excluded and unknown stretch of time, for programs",
     write_explanation_json},
    {"explanation.txt", "the same for people, what cost most first", write_explanation_text},
    {"incidents.csv", "incidents of the period, on raw minutes", evidence_incidents},
    {"instances.csv", "results of health checks per instance, region and minute",
     evidence_instances},
    {"reclassifications.csv",
     "who said that time was other than it was graded, and what it was graded",
     evidence_reclassifications},
    {"states.csv", "the states that were measured, as reclassified; some lie before the period",
     evidence_states},
    {"windows.csv", "requests of each minute that had any; some lie before the period",
     evidence_windows},
};
const size_t evidence_table_count = ARRAY_COUNT(evidence_tables);
