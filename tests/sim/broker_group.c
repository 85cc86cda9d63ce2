#include <string.h>

#include "base/check.h"
#include "tests/sim/schedule.h"

static bool owns_any(const struct broker_member *member)
{
    for (int t = 0; t < WORLD_TOPICS; t++) {
        for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (member->owns[t][p]) {
                return true;
            }
        }
    }
    return false;
}

void broker_prepare(struct broker *broker)
{
    broker->preparing = true;
    broker->deadline_ns = broker->schedule->baton.now_ns + broker->session_ns;
    broker->schedule->report.rebalances++;
    for (int i = 0; i < broker->member_count; i++) {
        struct broker_member *member = &broker->members[i];

        member->acked = !owns_any(member);
        member->told_revoke = false;
        member->told_assign = false;
    }
}

void broker_join(struct broker *broker, struct broker_member *member)
{
    member->in = true;
    member->expelled = false;
    member->seen_ns = broker->schedule->baton.now_ns;
    broker_prepare(broker);
}

void broker_leave(struct broker *broker, struct broker_member *member)
{
    if (member->in) {
        member->in = false;
        memset(member->owns, 0, sizeof(member->owns));
        broker_prepare(broker);
    }
}

static void expel(struct broker *broker, struct broker_member *member)
{
    member->in = false;
    member->expelled = true;
    broker_prepare(broker);
}

static bool all_answered(struct broker *broker)
{
    for (int i = 0; i < broker->member_count; i++) {
        if (broker->members[i].in && !broker->members[i].acked) {
            return false;
        }
    }
    return true;
}

static void assign(struct broker *broker)
{
    struct schedule *s = broker->schedule;
    struct broker_member *in[BROKER_MEMBERS_MAX];
    uint64_t count = 0;

    broker->preparing = false;
    for (int i = 0; i < broker->member_count; i++) {
        if (broker->members[i].in) {
            in[count++] = &broker->members[i];
        }
    }
    for (int t = 0; t < WORLD_TOPICS; t++) {
        uint64_t first = count > 0 ? random_below(&s->random, count) : 0;

        broker->given[t] = world_partition_count(&s->world, t, s->baton.now_ns);
        for (int p = 0; p < broker->given[t] && count > 0; p++) {
            in[(first + (uint64_t)p) % count]->owns[t][p] = true;
        }
    }
}

void broker_tick(struct broker *broker)
{
    struct schedule *s = broker->schedule;
    int64_t now_ns = s->baton.now_ns;
    int in = 0;

    for (int i = 0; i < broker->member_count; i++) {
        struct broker_member *member = &broker->members[i];

        if (member->in && now_ns - member->seen_ns > broker->session_ns) {
            expel(broker, member);
        }
        in += member->in;
    }
    for (int t = 0; t < WORLD_TOPICS && in > 0 && !broker->preparing; t++) {
        if (broker->given[t] != world_partition_count(&s->world, t, now_ns)) {
            broker_prepare(broker);
        }
    }
    for (int i = 0; i < broker->member_count && broker->preparing; i++) {
        if (broker->members[i].in && !broker->members[i].acked && now_ns > broker->deadline_ns) {
            expel(broker, &broker->members[i]);
        }
    }
    if (broker->preparing && in > 0 && all_answered(broker)) {
        assign(broker);
    }
}
