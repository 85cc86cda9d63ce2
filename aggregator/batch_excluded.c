/* Records that are left out: by a verdict of their own, or because another book has decided so. */
#include "aggregator/batch_content.h"
#include "base/check.h"
#include "base/memory.h"

static struct batch_exclusion *exclusion_get(struct batch *batch, struct batch_partition *partition,
                                             enum verdict verdict, struct str rule)
{
    size_t count = partition->exclusion_count;

    for (size_t i = 0; i < count; i++) {
        if (partition->exclusions[i].verdict == verdict &&
            str_equal(partition->exclusions[i].rule, rule)) {
            return &partition->exclusions[i];
        }
    }
    partition->exclusions =
        memory_resize(partition->exclusions, count + 1, sizeof(partition->exclusions[0]));
    partition->exclusions[count] =
        (struct batch_exclusion){.verdict = verdict, .rule = arena_str(&batch->arena, rule)};
    partition->exclusion_count++;
    return &partition->exclusions[count];
}

void batch_exclude(struct batch *batch, struct batch_partition *partition, enum verdict verdict,
                   struct str rule, int64_t records)
{
    CHECK(verdict_row(verdict)->class == VERDICT_CLASS_EXCLUDED);
    partition->excluded += records;
    rule = verdict == VERDICT_RULE ? rule : str_of(NULL, 0);
    exclusion_get(batch, partition, verdict, rule)->records += records;
}

void batch_add_excluded(struct batch *batch, const struct coordinate *at, enum verdict verdict,
                        struct str rule)
{
    batch_exclude(batch, batch_deliver(batch, at), verdict, rule, 1);
}

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
