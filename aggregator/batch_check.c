/* What holds of a batch at any time; batch.h says it in words. */
#include "aggregator/batch_content.h"
#include "base/check.h"

static void partition_check(const struct batch_partition *partition)
{
    int64_t excluded = 0;

    for (size_t i = 0; i < partition->exclusion_count; i++) {
        CHECK(partition->exclusions[i].records > 0);
        excluded += partition->exclusions[i].records;
    }
    CHECK(excluded == partition->excluded);
    CHECK(partition->to >= partition->from);
    CHECK(partition->absent >= 0);
    CHECK(partition->to - partition->from == partition->delivered + partition->absent);
    CHECK(!partition->lost || partition->delivered == 0);
    CHECK(partition->undecided >= 0);
    CHECK(partition->delivered == partition->tallied + partition->excluded + partition->duplicate +
                                      partition->dead_lettered + partition->undecided);
}

void batch_check(const struct batch *batch)
{
    int64_t delivered = 0;
    int64_t tallied = 0;
    int64_t dead_lettered = 0;
    int64_t undecided = 0;
    int64_t in_tallies = 0;

    for (size_t i = 0; i < batch->partition_count; i++) {
        const struct batch_partition *partition = batch->partitions[i];

        partition_check(partition);
        delivered += partition->delivered;
        tallied += partition->tallied;
        dead_lettered += partition->dead_lettered;
        undecided += partition->undecided;
        in_tallies += batch_recent_records(partition);
    }
    for (size_t i = 0; i < batch->entry_count; i++) {
        in_tallies += tally_records(batch->entries[i].key.kind, batch->entries[i].tally);
    }
    CHECK(delivered == batch->records);
    CHECK(dead_lettered == (int64_t)batch->dead_letter_count);
    CHECK(undecided == (int64_t)batch->event_count);
    CHECK(tallied == in_tallies);
}
