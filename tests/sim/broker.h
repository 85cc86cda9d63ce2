/*
 * The broker of a schedule: the logs of the world as they grow, and a consumer group, behind struct source.
 *
 * A partition's records come in order, in pieces of any size, and again whenever somebody starts at an older offset. The group is an eager one:
 * members are asked to give up everything, then partitions are given out anew. A member that does not poll for session_ns is expelled; it
 * hears of it when it polls again, and may have committed, or tried to, in the meantime.
 */
#ifndef TESTS_SIM_BROKER_H
#define TESTS_SIM_BROKER_H

#include "consumers/source.h"
#include "tests/sim/world.h"

enum { BROKER_MEMBERS_MAX = 512, BROKER_ITEMS_MAX = 128 };

struct schedule;

struct broker_member {
    bool in;       /* of the group */
    bool expelled; /* and does not know it */
    bool acked, told_revoke, told_assign;
    int64_t seen_ns;
    bool owns[WORLD_TOPICS][WORLD_PARTITIONS_MAX];
};

struct broker {
    struct schedule *schedule;
    int64_t session_ns;
    struct broker_member members[BROKER_MEMBERS_MAX];
    int member_count;
    bool preparing; /* a rebalance */
    int64_t deadline_ns;
    int given[WORLD_TOPICS]; /* partitions at the last assignment */
};

void broker_init(struct broker *broker, struct schedule *schedule, int64_t session_ns);
/* A connection of the process that runs. close leaves the group; without it the session must expire. */
struct source *broker_connect(struct broker *broker, bool grouped);

/* broker_group.c, for broker.c only. */
void broker_join(struct broker *broker, struct broker_member *member);
void broker_leave(struct broker *broker, struct broker_member *member);
/* Members that were silent for too long go, and a rebalance that everybody has answered ends. */
void broker_tick(struct broker *broker);
/* Begins a rebalance. */
void broker_prepare(struct broker *broker);

#endif
