/*
 * From a record of a topic to an event or a verdict: framing, schema, plan, catalog in a row.
 *
 * One decoder per topic and thread. Plans are compiled at the first record of each writer schema and kept.
 */
#ifndef CONSUMERS_DECODER_H
#define CONSUMERS_DECODER_H

#include "base/clock.h"
#include "base/err.h"
#include "consumers/catalog.h"
#include "consumers/framing.h"
#include "consumers/mapping.h"
#include "consumers/plan.h"
#include "consumers/schema_finder.h"
#include "consumers/source.h"

struct decoder;

struct decoder_options {
    enum framing framing;
    const struct mapping *mapping; /* borrowed */
    struct schema_finder *finder;  /* borrowed */
    struct catalog *
        catalog; /* borrowed; NULL: names of services are taken as they are, for those who want to know times only */
    struct clock *clock;         /* for records without a time stamp */
    const struct schema *reader; /* borrowed; may be NULL */
    bool
        proven; /* the ledger holds a batch of this topic under this configuration: a schema in which
                                      the mapping finds nothing is VERDICT_UNMAPPED_SCHEMA instead of ERR_CONFIG */
};

enum err_code decoder_open(const struct decoder_options *options, struct decoder **ret_decoder,
                           struct err *err);
void decoder_free(struct decoder *decoder);
void decoder_set_proven(struct decoder *decoder);
/* The record may also be made of what a store kept: its value, time stamp and schema header. Never fails for the data's sake. ERR_BROKER (registry), ERR_CONFIG (mapping), ERR_DATA (too many services): the record
 * is not decided; the run stops before it. ret_decoded is valid until the next call. */
enum err_code decoder_run(struct decoder *decoder, const struct record *record,
                          const struct decoded **ret_decoded, struct err *err);
enum {
    DECODER_EXPECTED_MAX = 32,
    DECODER_EXPECTED_BEHIND = 16 /* bytes behind a value that may be looked at */
};
/* Looks at several records at once, which is faster. Their values have DECODER_EXPECTED_BEHIND bytes behind them, and stay as they are until
 * the next call. */
void decoder_expect(struct decoder *decoder, const struct record *records, size_t count);
/* What decoder_run would say of one of them, by its place; NULL: nothing is known of it, and decoder_run has to be asked. Valid until the next call. */
const struct decoded *decoder_expected(struct decoder *decoder, size_t place);
/* What may be kept of the record that decoder_run has just decided: its value with the fields of mapping.redactions blanked. False if nothing
 * may: when in doubt, nothing is. The record is still there. *ret_bytes in arena. */
bool decoder_redact(const struct decoder *decoder, const struct record *record, struct arena *arena,
                    struct str *ret_bytes);

#endif
