/*
 * The explanation of a statement: every lost, excluded and unknown stretch of its period, why it counts as it does, and where the events
 * behind it stand.
 *
 * Computed from the books as they are now, by the code that makes statements; whether an issued statement still is what they say is part
 * of the explanation. What is told of single stretches is bounded by `limit`, what is left out is summed up; the totals are always of all.
 * All memory is in the arena of the caller. Errors: ERR_STORE, ERR_MISMATCH (a damaged row), ERR_DATA (too large a document), ERR_USAGE (the
 * contract has no such service).
 */
#ifndef JOBS_STATEMENT_EXPLANATION_H
#define JOBS_STATEMENT_EXPLANATION_H

#include "jobs/statement/cause.h"
#include "jobs/statement/issued.h"
#include "jobs/statement/period.h"
#include "jobs/statement/regrade.h"
#include "jobs/statement/stretch.h"
#include "jobs/statement/trace.h"

#define EXPLANATION_FORMAT "uptally.explanation/1"
enum { EXPLANATION_SIZE_MAX = 256 * 1024 * 1024, EXPLANATION_LIMIT_MAX = 1000000 };

struct statement_input;

struct explanation_options {
    struct cause_reader books;        /* store, book and grading rules */
    const struct contract *contracts; /* all versions of all contracts */
    size_t contract_count;
    const char *program_version;
    int64_t now_ns;     /* the store's clock */
    struct str service; /* empty: all */
    size_t level;       /* LEVEL_AVAILABILITY, or LEVEL_LATENCY of a contract that has it */
    int64_t limit;      /* incidents and stretches that are told one by one */
    int64_t list_max;   /* batches of each partition that are named */
};

/* How the statement of the period and the books stand to each other. */
enum explanation_books {
    BOOKS_UNISSUED, /* there is no statement yet */
    BOOKS_AGREE,
    BOOKS_DIFFER /* what they say today is not what was issued */
};

/* One incident, or a stretch alone, with what the store knows of it. */
struct told_group {
    const struct stretch_group *group;
    struct cause *causes;              /* one for each of the group's stretches */
    struct regrades *regrades;         /* one for each, too */
    const struct grading_rules *rules; /* of its service, today */
    struct trace trace;
};

struct explanation {
    const struct contract *contract;
    struct period period;
    struct issued issued;
    enum explanation_books books;
    const char *issued_lost;       /* as the issued statement has it; NULL: none is issued */
    const char *program_version;   /* that the figures are compared by */
    struct statement_input *input; /* what the books had */
    struct result result;
    const struct level *level; /* of the result: the one that is explained */
    struct stretches stretches;
    struct reclassification *
        reclassified; /* of the period and the asked services, also what was withdrawn or says nothing */
    size_t reclassified_count;
    size_t service; /* of the result; SIZE_MAX: all */
    struct told_group *told;
    size_t told_count;
    int64_t limit;
    size_t left_count; /* groups that are not told */
    struct fraction left_lost, left_cost;
};

/* Inside the caller's snapshot. *ret_present false: the contract does not hold in that period, or its books have nothing of it yet. ERR_CONFIG: no live
 * statement can be made of the contract. */
enum err_code explanation_read(const struct explanation_options *options,
                               const struct contract *contract, const struct period *period,
                               struct arena *arena, struct explanation *ret_explanation,
                               bool *ret_present, struct err *err);

/* Canonical JSON (schemas/explanation.schema.json). The caller owns *ret_document. */
enum err_code explanation_write_json(const struct explanation *explanation,
                                     struct strbuf *ret_document, struct err *err);
/* For people, at most 80 columns wide but for names and sentences from outside. Appends. */
void explanation_write_text(const struct explanation *explanation, struct strbuf *out);

/* "6,225 s less lost would have met it". In arena. */
const char *explanation_change(struct arena *arena, const struct level *level,
                               const struct border *border);
/* "revision 2, final" or "provisional". In arena. */
const char *explanation_standing(struct arena *arena, const struct explanation *explanation);
/* A sentence on what is not told; NULL if nothing is left out. In arena. */
const char *explanation_left(struct arena *arena, const struct explanation *explanation);
/* What the stretches of the asked service, or of the whole contract, took; and what the statement has for it. */
struct fraction explanation_told_loss(const struct explanation *explanation);
/* In arena. */
struct fraction explanation_stated_loss(struct arena *arena, const struct explanation *explanation);
/* The announcement that excuses a stretch, or that does not and why; NULL: none overlaps it. */
const struct exclusion *explanation_announcement(const struct explanation *explanation,
                                                 const struct stretch *stretch);

#endif
