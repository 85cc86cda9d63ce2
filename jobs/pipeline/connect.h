/*
 * From the configuration to what it names: the broker as a source, the schema registry.
 *
 * Texts that the options of those borrow live in the caller's arena, which must outlive them.
 */
#ifndef JOBS_PIPELINE_CONNECT_H
#define JOBS_PIPELINE_CONNECT_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/http.h"
#include "consumers/registry.h"
#include "consumers/source.h"
#include "jobs/config/config.h"

/* All topics of the configuration, in its order. grouped: as a member of cluster.group; otherwise partitions are started by hand. ERR_CONFIG. */
enum err_code connect_source(const struct config *config, bool grouped, struct arena *arena,
                             struct source **ret_source, struct err *err);
/* The same without a group, for those who keep records as they are. */
enum err_code connect_everything(const struct config *config, struct arena *arena,
                                 struct source **ret_source, struct err *err);
/* *ret_registry is NULL if the configuration names none. ERR_CONFIG. */
enum err_code connect_registry(const struct config *config, struct http *http, struct clock *clock,
                               struct arena *arena, struct registry **ret_registry,
                               struct err *err);

#endif
