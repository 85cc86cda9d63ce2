#include "tests/sim/broker.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "tests/sim/schedule.h"

struct flow {
    bool started;
    bool lost; /* the broker said that it has no such offset */
    int64_t position;
    int64_t told_end; /* the end notice that was given last; -1: none */
};

struct sim_source {
    struct source source; /* first */
    struct broker *broker;
    struct broker_member *member; /* NULL: no group */
    struct flow flows[WORLD_TOPICS][WORLD_PARTITIONS_MAX];
    struct source_item items[BROKER_ITEMS_MAX];
    size_t item_count;
};

static struct sim_source *of(struct source *source)
{
    return (struct sim_source *)source;
}

static int64_t now_of(const struct sim_source *self)
{
    return self->broker->schedule->baton.now_ns;
}

static const struct world_partition *log_of(const struct sim_source *self, uint32_t topic,
                                            int32_t partition)
{
    CHECK(topic < WORLD_TOPICS);
    CHECK(partition >= 0);
    CHECK(partition < self->broker->schedule->world.topics[topic].partition_count);
    return &self->broker->schedule->world.topics[topic].partitions[partition];
}

/* A question takes time, and may fail. */
static enum err_code ask(struct sim_source *self, const char *place, struct err *err)
{
    if (schedule_pass(self->broker->schedule, place, 10, true)) {
        return err_set_retriable(err, ERR_BROKER, "sim: %s failed", place);
    }
    return ERR_OK;
}

static enum err_code sim_cluster_id(struct source *source, struct strbuf *ret_id, struct err *err)
{
    if (ask(of(source), "source.cluster_id", err) != ERR_OK) {
        return err->code;
    }
    strbuf_append_text(ret_id, "sim-cluster");
    return ERR_OK;
}

static enum err_code sim_partition_count(struct source *source, uint32_t topic, int32_t *ret_count,
                                         struct err *err)
{
    struct sim_source *self = of(source);

    if (ask(self, "source.partition_count", err) != ERR_OK) {
        return err->code;
    }
    *ret_count = world_partition_count(&self->broker->schedule->world, (int)topic, now_of(self));
    return ERR_OK;
}

static enum err_code sim_watermarks(struct source *source,
                                    const struct source_partition *partitions, size_t count,
                                    struct source_watermarks *ret_watermarks, struct err *err)
{
    struct sim_source *self = of(source);

    for (size_t i = 0; i < count; i++) {
        const struct world_partition *log =
            log_of(self, partitions[i].topic, partitions[i].partition);

        if (ask(self, "source.watermarks.high", err) != ERR_OK) {
            return err->code;
        }
        ret_watermarks[i].low = log->low;
        ret_watermarks[i].high = world_high(log, now_of(self));
    }
    for (size_t i = 0; i < count; i++) {
        const struct world_partition *log =
            log_of(self, partitions[i].topic, partitions[i].partition);

        if (ask(self, "source.watermarks.stable", err) != ERR_OK) {
            return err->code;
        }
        ret_watermarks[i].last_stable = world_last_stable(log, now_of(self));
    }
    return ERR_OK;
}

static enum err_code sim_offset_for_time(struct source *source, struct source_partition partition,
                                         int64_t time_ns, int64_t *ret_offset, struct err *err)
{
    (void)partition;
    (void)time_ns;
    (void)ret_offset;
    (void)source;
    return err_set(err, ERR_BROKER, "no topic of the simulation starts at a time");
}

static enum err_code sim_start(struct source *source, struct source_partition partition,
                               int64_t offset, struct err *err)
{
    struct sim_source *self = of(source);

    (void)log_of(self, partition.topic, partition.partition);
    if (ask(self, "source.start", err) != ERR_OK) {
        return err->code;
    }
    self->flows[partition.topic][partition.partition] =
        (struct flow){.started = true, .position = offset, .told_end = -1};
    return ERR_OK;
}

static enum err_code sim_stop(struct source *source, struct source_partition partition,
                              struct err *err)
{
    (void)err;
    of(source)->flows[partition.topic][partition.partition].started = false;
    return ERR_OK;
}

static enum err_code sim_join(struct source *source, struct err *err)
{
    struct sim_source *self = of(source);

    if (ask(self, "source.join", err) != ERR_OK) {
        return err->code;
    }
    CHECK(self->member != NULL);
    broker_join(self->broker, self->member);
    return ERR_OK;
}

static struct source_item *new_item(struct sim_source *self, enum source_item_kind kind, int topic,
                                    int partition, int64_t offset)
{
    struct source_item *item = &self->items[self->item_count++];

    CHECK(self->item_count <= BROKER_ITEMS_MAX);
    *item = (struct source_item){
        .kind = kind,
        .record = {.topic = (uint32_t)topic, .partition = partition, .offset = offset}};
    return item;
}

static void add_record(struct sim_source *self, int topic, int partition, int64_t offset)
{
    const struct world_entry *entry = world_entry(log_of(self, (uint32_t)topic, partition), offset);
    struct record *record;

    if (entry->fate == FATE_ABSENT) {
        return;
    }
    record = &new_item(self, SOURCE_RECORD, topic, partition, offset)->record;
    record->time_ns = entry->time_ns;
    record->tombstone = entry->tombstone;
    record->value = str_of((const char *)entry->value, entry->size);
}

/* Some of what this partition has now, and perhaps the notice that there is no more. */
static void read_flow(struct sim_source *self, int topic, int partition)
{
    struct schedule *s = self->broker->schedule;
    struct flow *flow = &self->flows[topic][partition];
    const struct world_partition *log = log_of(self, (uint32_t)topic, partition);
    int64_t end = world_last_stable(log, s->baton.now_ns);
    uint64_t room = 1 + random_below(&s->random, 16);

    if (flow->position < log->low || flow->position > world_high(log, s->baton.now_ns) ||
        (s->chaos.on && random_below(&s->random, 400) == 0)) {
        flow->lost = true; /* perhaps by a leader that does not know better */
        (void)new_item(self, SOURCE_EXPIRED, topic, partition, flow->position);
        return;
    }
    for (; flow->position < end && room > 0; room--) {
        add_record(self, topic, partition, flow->position++);
    }
    if (flow->position >= end && flow->told_end != flow->position &&
        (!s->chaos.on || random_below(&s->random, 3) > 0)) {
        flow->told_end = flow->position;
        (void)new_item(self, SOURCE_END, topic, partition, flow->position);
    }
}

static void read_flows(struct sim_source *self)
{
    int first =
        (int)random_below(&self->broker->schedule->random, WORLD_TOPICS * WORLD_PARTITIONS_MAX);

    for (int i = 0; i < WORLD_TOPICS * WORLD_PARTITIONS_MAX; i++) {
        int at = (first + i) % (WORLD_TOPICS * WORLD_PARTITIONS_MAX);
        struct flow *flow = &self->flows[at / WORLD_PARTITIONS_MAX][at % WORLD_PARTITIONS_MAX];

        if (flow->started && !flow->lost && self->item_count + 24 < BROKER_ITEMS_MAX) {
            read_flow(self, at / WORLD_PARTITIONS_MAX, at % WORLD_PARTITIONS_MAX);
        }
    }
}

static void tell(struct sim_source *self, enum source_item_kind kind, bool lost)
{
    struct broker_member *member = self->member;
    size_t before = self->item_count;

    for (int t = 0; t < WORLD_TOPICS; t++) {
        for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (member->owns[t][p]) {
                new_item(self, kind, t, p, -1)->lost = lost;
            }
        }
    }
    if (kind == SOURCE_ASSIGNED && self->item_count == before) {
        (void)new_item(self, kind, 0, -1, -1);
    }
}

static void give_up(struct sim_source *self)
{
    for (int t = 0; t < WORLD_TOPICS; t++) {
        for (int p = 0; p < WORLD_PARTITIONS_MAX; p++) {
            if (self->member->owns[t][p]) {
                self->flows[t][p].started = false;
                self->member->owns[t][p] = false;
            }
        }
    }
}

/* What the group has to say comes behind the records of this poll. */
static void hear_group(struct sim_source *self)
{
    struct broker_member *member = self->member;

    if (!member->in) {
        if (member->expelled) {
            tell(self, SOURCE_REVOKED, true);
            give_up(self);
            broker_join(self->broker, member);
        }
        return;
    }
    member->seen_ns = now_of(self);
    if (self->broker->preparing && !member->acked) {
        if (!member->told_revoke) {
            member->told_revoke = true;
            tell(self, SOURCE_REVOKED, false);
            return;
        }
        give_up(self);
        member->acked = true;
    }
    broker_tick(self->broker);
    if (!self->broker->preparing && !member->told_assign) {
        member->told_assign = true;
        tell(self, SOURCE_ASSIGNED, false);
    }
}

static enum err_code sim_poll(struct source *source, int64_t timeout_ns,
                              const struct source_item **ret_items, size_t *ret_count,
                              struct err *err)
{
    struct sim_source *self = of(source);
    struct schedule *s = self->broker->schedule;

    if (ask(self, "source.poll", err) != ERR_OK) {
        return err->code;
    }
    self->item_count = 0;
    read_flows(self);
    if (self->member != NULL) {
        hear_group(self);
    }
    if (self->item_count == 0) {
        /* A process that finds nothing may well be late with asking again. */
        int64_t idle_ns = s->calm
                              ? timeout_ns
                              : timeout_ns + (int64_t)random_below(&s->random, 10) * NS_PER_SECOND;

        schedule_pass(s, "source.idle", 1, false);
        baton_sleep(&s->baton, idle_ns);
    }
    *ret_items = self->items;
    *ret_count = self->item_count;
    return ERR_OK;
}

static void sim_hint(struct source *source, struct source_partition partition, int64_t next_offset)
{
    (void)partition;
    (void)next_offset;
    schedule_pass(of(source)->broker->schedule, "source.hint", 2, false);
}

static void sim_close(struct source *source)
{
    struct sim_source *self = of(source);

    if (self->member != NULL) {
        broker_leave(self->broker, self->member);
    }
    free(self);
}

void broker_init(struct broker *broker, struct schedule *schedule, int64_t session_ns)
{
    *broker = (struct broker){.schedule = schedule, .session_ns = session_ns};
}

struct source *broker_connect(struct broker *broker, bool grouped)
{
    struct sim_source *self = calloc(1, sizeof(*self));

    CHECK(self != NULL);
    self->source = (struct source){.cluster_id = sim_cluster_id,
                                   .partition_count = sim_partition_count,
                                   .watermarks = sim_watermarks,
                                   .offset_for_time = sim_offset_for_time,
                                   .start = sim_start,
                                   .stop = sim_stop,
                                   .join = sim_join,
                                   .poll = sim_poll,
                                   .hint = sim_hint,
                                   .close = sim_close};
    self->broker = broker;
    if (grouped) {
        CHECK(broker->member_count < BROKER_MEMBERS_MAX);
        self->member = &broker->members[broker->member_count++];
    }
    return &self->source;
}
