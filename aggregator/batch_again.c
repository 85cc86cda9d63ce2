/* What a batch is told by those who read again what another book has decided. */
#include "aggregator/batch_content.h"
#include "base/check.h"

void batch_add_known_duplicate(struct batch *batch, const struct coordinate *at,
                               const struct event *event)
{
    batch_exclude(batch, batch_deliver(batch, at), VERDICT_KNOWN_DUPLICATE, str_of(NULL, 0), 1);
    batch_touch(batch, at, event);
}

void batch_pass_over(struct batch *batch, int64_t stream_id, int32_t partition, int64_t to,
                     int64_t records, enum verdict verdict)
{
    struct batch_partition *passed = batch_partition_get(batch, stream_id, partition);

    CHECK(!batch->in_doubt);
    CHECK(to > passed->to);
    CHECK(records >= 0);
    CHECK(records <= to - passed->to);
    passed->absent += to - passed->to - records;
    if (records > 0) {
        if (passed->delivered == 0) {
            passed->first_time_ns = INT64_MIN;
        }
        passed->last_time_ns = INT64_MIN;
        passed->last_offset = to - 1;
        passed->delivered += records;
        batch->records += records;
        batch_exclude(batch, passed, verdict, str_of(NULL, 0), records);
    }
    passed->to = to;
}

int64_t batch_first_offset(const struct batch *batch, int64_t stream_id, int32_t partition)
{
    return batch_partition_get(batch, stream_id, partition)->from;
}
