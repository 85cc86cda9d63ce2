#include "jobs/pipeline/lane.h"

enum lane_place lane_place(int64_t next_offset, const struct source_watermarks *watermarks)
{
    if (next_offset > watermarks->high) {
        return PLACE_REPLACED;
    }
    return next_offset < watermarks->low ? PLACE_EXPIRED : PLACE_READ;
}
