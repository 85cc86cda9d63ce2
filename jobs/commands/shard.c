#include "jobs/commands/shard.h"

#include <stdlib.h>

#include "base/check.h"

enum { SHARD_COUNT_MAX = 10000 };

static bool set_shard(int64_t index, int64_t count, struct consume_options *options)
{
    if (count < 1 || count > SHARD_COUNT_MAX || index < 0 || index >= count) {
        return false;
    }
    options->shard = (int32_t)index;
    options->shard_count = (int32_t)count;
    return true;
}

/* "I/N" */
static enum err_code read_shard(const char *text, struct consume_options *options, struct err *err)
{
    struct str all = STR(text);
    const char *slash = memchr(all.data, '/', all.size);
    int64_t index, count;

    if (slash == NULL || !str_to_int64(str_of(text, (size_t)(slash - text)), &index) ||
        !str_to_int64(STR(slash + 1), &count) || !set_shard(index, count, options)) {
        return err_set(
            err, ERR_USAGE,
            "--shard %s: two numbers are wanted, the first below the second, such as 0/4", text);
    }
    return ERR_OK;
}

/* Platforms that start several tasks number them. Kubernetes does not say how many there are, so the job has to. */
static const struct {
    const char *index, *count;
} platforms[] = {
    {"CLOUD_RUN_TASK_INDEX", "CLOUD_RUN_TASK_COUNT"},
    {"JOB_COMPLETION_INDEX", "UPTALLY_SHARD_COUNT"},
};

static enum err_code read_platform(struct consume_options *options, struct err *err)
{
    for (size_t i = 0; i < ARRAY_COUNT(platforms); i++) {
        const char *index_text = getenv(platforms[i].index);
        const char *count_text = getenv(platforms[i].count);
        int64_t index, count = 1;

        if (index_text == NULL) {
            continue;
        }
        if (!str_to_int64(STR(index_text), &index) ||
            (count_text != NULL && !str_to_int64(STR(count_text), &count)) ||
            !set_shard(index, count, options)) {
            return err_set(err, ERR_USAGE,
                           "%s=%s needs %s, a larger number; or give cluster.group or --shard",
                           platforms[i].index, index_text, platforms[i].count);
        }
        return ERR_OK;
    }
    return ERR_OK;
}

enum err_code shard_read(const struct option_value *option, bool grouped,
                         struct consume_options *options, struct err *err)
{
    if (option->set) {
        return read_shard(option->text, options, err);
    }
    return grouped ? ERR_OK : read_platform(options, err);
}
