/*
 * Which partitions a run reads: by --shard, or by the task numbers of a platform.
 */
#ifndef JOBS_COMMANDS_SHARD_H
#define JOBS_COMMANDS_SHARD_H

#include "jobs/command.h"
#include "jobs/pipeline/consume.h"

/* Sets shard and shard_count of the options. grouped: a consumer group decides, unless --shard was given. ERR_USAGE. */
enum err_code shard_read(const struct option_value *option, bool grouped,
                         struct consume_options *options, struct err *err);

#endif
