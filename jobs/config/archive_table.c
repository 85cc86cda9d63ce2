/*
 * The section "archive": where topics are copied to, in which form, for how long.
 */
#include "base/check.h"
#include "base/clock.h"
#include "jobs/config/tables.h"

enum { DEFLATE_LEVEL = 6, ZSTANDARD_LEVEL = 3 };

static const struct conf_choice codec_choices[] = {{"null", CODEC_NULL, false},
                                                   {"deflate", CODEC_DEFLATE, false},
                                                   {"zstandard", CODEC_ZSTANDARD, false},
                                                   {NULL, 0, false}};

static const struct conf_row archive_rows[] = {
    {.key = "folder",
     .type = CONF_PATH,
     .required = true,
     CONF_FIELD(struct archive_config, folder, struct str),
     .help = "where the files are written"},
    {.key = "codec",
     .type = CONF_ENUM,
     CONF_FIELD(struct archive_config, codec, enum codec),
     .choices = codec_choices,
     .fallback = "deflate",
     .help = "how blocks are packed: deflate is read by every Avro tool"},
    {.key = "level",
     .type = CONF_INTEGER,
     CONF_FIELD(struct archive_config, level, int),
     .minimum = 0,
     .maximum = CODEC_ZSTANDARD_LEVEL_MAX,
     .help = "of the codec: deflate 1 to 12 (default 6), zstandard 1 to 19 (default 3)"},
    {.key = "block_bytes",
     .type = CONF_BYTES,
     CONF_FIELD(struct archive_config, block_size, size_t),
     .fallback = "256 KiB",
     .minimum = 4 * 1024,
     .maximum = 16 * 1024 * 1024,
     .help =
         "a block ends with the record that reaches it, before it is packed; memory per partition"},
    {.key = "file_bytes",
     .type = CONF_BYTES,
     CONF_FIELD(struct archive_config, file_size, int64_t),
     .fallback = "256 MiB",
     .minimum = 64 * 1024,
     .maximum = INT64_C(64) * 1024 * 1024 * 1024,
     .help = "a file ends with the record that reaches it, counted before packing"},
    {.key = "file_age",
     .type = CONF_DURATION,
     CONF_FIELD(struct archive_config, file_age_ns, int64_t),
     .fallback = "1h",
     .minimum = NS_PER_SECOND,
     .maximum = 31 * NS_PER_DAY,
     .help = "or so long after its first record was read"},
    {.key = "threads",
     .type = CONF_INTEGER,
     CONF_FIELD(struct archive_config, thread_count, int),
     .fallback = "2",
     .minimum = 0,
     .maximum = 64,
     .help = "that pack; 0: the one that reads does it"},
    {.key = "retention",
     .type = CONF_DURATION,
     CONF_FIELD(struct archive_config, retention_ns, int64_t),
     .minimum = NS_PER_DAY,
     .maximum = 36600 * NS_PER_DAY,
     .help =
         "uptally archive --expire deletes files whose records are all older; for ever if absent"},
};

static enum err_code check_archive(struct conf_reader *reader, const struct conf_node *node,
                                   void *target, struct err *err)
{
    struct archive_config *archive = target;

    if (archive->level > codec_level_max(archive->codec) && archive->codec != CODEC_NULL) {
        return conf_error(reader, conf_child(node, "level"), err, "level: %s has 1 to %d",
                          codec_name(archive->codec), codec_level_max(archive->codec));
    }
    if (archive->level == 0) {
        archive->level = archive->codec == CODEC_ZSTANDARD ? ZSTANDARD_LEVEL : DEFLATE_LEVEL;
    }
    return ERR_OK;
}

const struct conf_table archive_table = {
    .name = "archive", CONF_ROWS(archive_rows), .check = check_archive};
