/*
 * OpenSLO v1 as input: Service, SLI and SLO documents become sections of our configuration.
 *
 * OpenSLO describes how other systems are asked for metrics; uptally measures its own events. So an indicator is taken only if an annotation says whose
 * requests it stands for: "uptally/services". Everything that cannot be honoured is refused by its name and place, ERR_CONFIG "FILE:LINE:COLUMN: what";
 * what has no meaning for the figures (names to display, descriptions, labels, annotations of others) is left out. docs/slo.md has the list.
 *
 * Not thread-safe; everything lives in the importer's arena. Bounds are those of configuration files, and OPENSLO_OBJECTS_MAX.
 */
#ifndef JOBS_SLO_OPENSLO_H
#define JOBS_SLO_OPENSLO_H

#include "base/arena.h"
#include "base/conf_table.h"
#include "base/err.h"

enum { OPENSLO_OBJECTS_MAX = 10000, OPENSLO_ANNOTATIONS_MAX = 8 };

enum openslo_kind { OPENSLO_SERVICE, OPENSLO_SLI, OPENSLO_SLO };

/* Of our own: key and value of the configuration. */
struct openslo_annotation {
    const char *key;
    const struct conf_node *node;
};

struct openslo_metadata {
    struct str name;
    struct openslo_annotation annotations[OPENSLO_ANNOTATIONS_MAX];
    size_t annotation_count;
};

/* A duration in shorthand: one of both is 0. */
struct openslo_duration {
    int64_t minutes;
    int64_t months;
};

struct openslo_window {
    struct openslo_duration duration;
    bool rolling, has_calendar;
    struct str start_time;
    const struct zone *zone;
};

struct openslo_objective {
    bool has_target, has_target_percent, has_slice_target, has_slice;
    struct rational target, target_percent, slice_target;
    struct openslo_duration slice;
};

struct openslo_sli {
    bool has_ratio;
    const struct conf_node *ratio; /* where an annotation is missing */
};

struct openslo_indicator {
    struct openslo_metadata metadata;
    struct openslo_sli sli;
};

struct openslo_slo {
    struct str service;
    bool has_indicator, has_reference;
    struct openslo_indicator indicator;
    struct str reference;
    int method; /* enum slo_method */
    struct openslo_window *windows;
    size_t window_count; /* 1 */
    struct openslo_objective *objectives;
    size_t objective_count;
};

/* One document. */
struct openslo_object {
    struct conf_reader *reader; /* of its file */
    const struct conf_node *node;
    enum openslo_kind kind;
    struct openslo_metadata metadata;
    struct openslo_sli sli; /* of OPENSLO_SLI */
    struct openslo_slo slo; /* of OPENSLO_SLO */
};

/* By kind; struct openslo_object. */
extern const struct conf_table openslo_tables[];

struct openslo {
    struct arena arena;
    struct openslo_object **objects;
    size_t count;
    struct conf_reader *readers[64]; /* one per file */
    size_t reader_count;
};

void openslo_init(struct openslo *openslo);
void openslo_release(struct openslo *openslo);
/* Takes all documents of one file; name stands for it in messages. */
enum err_code openslo_read(struct openslo *openslo, struct str text, const char *name,
                           struct err *err);
/* Appends the configuration that the documents of all files give together. It has been read by the configuration's own reader. */
enum err_code openslo_write(struct openslo *openslo, struct strbuf *out, struct err *err);

#endif
