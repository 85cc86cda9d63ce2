/*
 * The inside of a decode plan: instructions, tables, and how roles find their values. Shared by plan_compile.c, which
 * writes them, and plan_walk.c and plan_run.c, which only read.
 *
 * The code of a plan is one array. It starts with the root type; behind it stands one subroutine for each record that is
 * skipped somewhere and is not small enough to be written out there, so that code is linear in the schema even where it is recursive. Every CALL, and every array and map,
 * is one level of depth and one frame on the walk's stack, so the stack's size is the limit of depth.
 *
 *   operation    a                 b                what it does
 *   END                                             of the payload
 *   RETURN                                          end of a subroutine
 *   CALL         address           depth            subroutine; depth = levels open in this subroutine
 *   JUMP         address                            end of a union's branch
 *   UNION        first address     branch count     jumps to addresses[a + index]
 *   OPTION       address of end    null's index     union of two with null: null jumps, the other one goes on
 *   ARRAY        address behind    depth            loop; the body follows, NEXT is its end
 *   ITEMS        width             depth            array of items with a fixed width in bytes, skipped block by block
 *   EACH         address behind    depth            array or map whose items are one SKIP each, which follows
 *   NEXT                                            next item of the innermost loop
 *   KEY          first key         key count        reads a map's key; jumps to keys[i].address, else goes on
 *   SKIP_*       count             (width)          so many values of that type; FIXED: one run of bytes
 *   READ_*       slot              table / size     one value into its slot
 *   CONSTANT     slot              constant         a default of the reader's schema
 *   UNFIT        slot                               a value that cannot be read in this branch
 *   CLEAR        slot                               an earlier value of the same key does not count
 */
#ifndef CONSUMERS_PLAN_CODE_H
#define CONSUMERS_PLAN_CODE_H

#include <stdint.h>

#include "base/arena.h"
#include "consumers/plan.h"
#include "consumers/schema_tree.h"
#include "consumers/value.h"

enum {
    PLAN_DEPTH_MAX = 64,
    PLAN_ITEMS_MAX = 1 << 20, /* in all arrays and maps of one record */
    PLAN_SLOTS_MAX = 64,      /* distinct paths */
    PLAN_CODE_MAX = 1 << 20   /* instructions; reached only by schemas that were made for it */
};

enum plan_operation {
    PLAN_END,
    PLAN_RETURN,
    PLAN_CALL,
    PLAN_JUMP,
    PLAN_UNION,
    PLAN_OPTION,
    PLAN_ARRAY,
    PLAN_ITEMS,
    PLAN_EACH,
    PLAN_NEXT,
    PLAN_KEY,
    PLAN_SKIP_BOOLEAN,
    PLAN_SKIP_INT,
    PLAN_SKIP_LONG,
    PLAN_SKIP_FIXED, /* a: bytes */
    PLAN_SKIP_BYTES,
    PLAN_SKIP_ENUM, /* a: symbol count */
    PLAN_READ_BOOLEAN,
    PLAN_READ_INT,  /* b: as READ_LONG */
    PLAN_READ_LONG, /* b: kind of value << 8 | logical type */
    PLAN_READ_FLOAT,
    PLAN_READ_DOUBLE,
    PLAN_READ_TEXT,
    PLAN_READ_BYTES,
    PLAN_READ_FIXED, /* b: bytes */
    PLAN_READ_ENUM,  /* b: table of symbols */
    PLAN_CONSTANT,
    PLAN_UNFIT,
    PLAN_CLEAR
};

struct plan_instruction {
    uint32_t operation;
    uint32_t a, b;
    uint32_t place; /* of the first value it touches */
};

/* Where an instruction stands in the schema, for messages: "http.status". */
struct plan_place {
    uint32_t outer; /* index, UINT32_MAX at the top */
    struct str name;
};

struct plan_key {
    struct str key;
    uint32_t address;
};

/* What each of the writer's symbols is read as. */
struct plan_symbols {
    struct value *values; /* VALUE_TEXT or VALUE_UNFIT */
    uint64_t count;
};

enum { PLAN_SLOT_NONE = -1 };

struct plan {
    struct arena
        arena; /* of exclusion_slots, symbols and defaults; the other arrays are owned one by one */
    const struct mapping *mapping;
    struct plan_instruction *code;
    uint32_t code_count;
    struct plan_place *places;
    uint32_t place_count;
    uint32_t *addresses;
    uint32_t address_count;
    struct plan_key *keys;
    uint32_t key_count;
    struct plan_symbols *symbols;
    uint32_t symbols_count;
    struct value *constants;
    uint32_t constant_count;

    /* Slots: values of distinct paths. Roles that are not mapped in this schema have PLAN_SLOT_NONE. */
    uint32_t slot_count;
    struct str slot_paths[PLAN_SLOTS_MAX];
    int service_slots[MAPPING_SERVICE_PARTS_MAX]; /* the first is PLAN_SLOT_NONE: the default */
    int time_slot, outcome_slot, latency_slot;
    int instance_slot, customer_slot, region_slot, checker_slot, id_slot;
    int weight_slot, interval_slot;
    int *exclusion_slots;             /* parallel to mapping->exclusions */
    int *redaction_slots;             /* parallel to mapping->redactions */
    bool slot_in_map[PLAN_SLOTS_MAX]; /* earlier values of the same key are not in the slot */
    bool plain;                       /* plan_is_plain, once the roles are bound */
    bool by_lanes;                    /* plan_lanes_run may walk it; then time has this unit: */
    enum schema_logical time_unit;
};

/* Why a walk stopped. */
struct plan_fault {
    enum verdict verdict;
    const char *cause; /* static text */
    uint32_t place;    /* UINT32_MAX: none */
    size_t at;         /* byte of the payload */
};

/* Walks the whole payload and fills slots (slot_count of them, set to VALUE_ABSENT first). False with *ret_fault if the
 * payload breaks a rule. */
bool plan_walk(const struct plan *plan, struct str payload, struct value *slots,
               struct plan_fault *ret_fault);
/* Whether the mapping asks so little of a record that plan_plain may be tried. */
bool plan_is_plain(const struct plan *plan);
/* What a plain record of a service comes to. */
struct plan_plain {
    int64_t time_ns, latency_ns;
    enum outcome outcome;
};
/* What the events of all plain records have in common, and what is of this one. */
void plan_plain_event(const struct plan *plan, struct event *ret_event);
static inline void plan_plain_tell(const struct plan_plain *plain, struct str service,
                                   struct event *event)
{
    event->outcome = plain->outcome;
    event->time_ns = plain->time_ns;
    event->latency_ns = plain->latency_ns;
    event->service = service;
}
/* The event of a plain plan's slots; false, and nothing said, if a rule has to be asked. */
bool plan_plain(const struct plan *plan, const struct value *slots, int64_t record_time_ns,
                struct event *ret_event);
/* "http.status" of a place, cut if it does not fit. */
void plan_place_text(const struct plan *plan, uint32_t place, char *ret_text, size_t size);

#endif
