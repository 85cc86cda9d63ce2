#include "jobs/pipeline/archive_place.h"

#include <inttypes.h>

#include "base/hash.h"

enum { CLUSTER_SIZE_MAX = 64, TOPIC_SIZE_MAX = 249 };

static const char hashed_prefix[] = "_sha-";

static bool is_sane(struct str name, size_t size_max)
{
    if (name.size == 0 || name.size > size_max || name.data[0] == '.' ||
        str_starts_with(name, STR(hashed_prefix))) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.')) {
            return false;
        }
    }
    return true;
}

static struct str part(struct str name, size_t size_max, struct arena *arena)
{
    char hex[HASH_HEX_SIZE];

    if (is_sane(name, size_max)) {
        return name;
    }
    hash_sha256_hex(name, hex);
    return STR(arena_format(arena, "%s%.32s", hashed_prefix, hex));
}

struct str archive_place(const struct stream *stream, struct arena *arena)
{
    struct str cluster = part(stream->cluster, CLUSTER_SIZE_MAX, arena);
    struct str topic = part(stream->topic, TOPIC_SIZE_MAX, arena);

    return STR(arena_format(arena, "%.*s/%.*s/%" PRId64, STR_ARGS(cluster), STR_ARGS(topic),
                            stream->incarnation));
}
