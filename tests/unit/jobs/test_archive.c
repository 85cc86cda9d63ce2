/* An archive of a topic: what the files hold, where they are cut, and that the same records make the same files. */
#include "tests/unit/jobs/archive_world.h"

#define FILES "SELECT count(*) FROM archive_file"
#define NEXT "SELECT CAST(sum(next_offset) AS BIGINT) FROM partition_offset WHERE book_id = 2"

static void whole_topics_are_copied_once(void **state)
{
    struct world world;
    struct archive_result result;

    (void)state;
    open_world(&world, 3);
    archive_configure(&world, "archive", "");
    archive_store(&world, "a");
    send_events(&world, 0, 3000, 3);
    result = archive_drain(&world);
    assert_int_equal(result.consume.records, 3000);
    assert_int_equal(result.files, 3);
    assert_int_equal(result.schemas, 1);
    assert_int_equal(ask(&world, FILES), 3);
    assert_int_equal(ask(&world, NEXT), 3000);
    archive_sound(&world);
    /* Nothing new: no file. */
    result = archive_drain(&world);
    assert_int_equal(result.consume.records, 0);
    assert_int_equal(ask(&world, FILES), 3);
    send_events(&world, 3000, 30, 3);
    result = archive_drain(&world);
    assert_int_equal(result.consume.records, 30);
    assert_int_equal(ask(&world, FILES), 6);
    archive_sound(&world);
    close_world(&world);
}

/* The live book and that of the archive know nothing of each other. */
static void the_live_book_is_left_alone(void **state)
{
    struct world world;
    int64_t live;

    (void)state;
    open_world(&world, 2);
    archive_configure(&world, "archive", "");
    live = world.book_id;
    send_events(&world, 0, 100, 2);
    (void)drain(&world);
    archive_store(&world, "uptally");
    assert_int_not_equal(world.book_id, live);
    (void)archive_drain(&world);
    assert_int_equal(ask(&world, "SELECT CAST(sum(tallied) AS BIGINT) FROM batch_range"), 100);
    assert_int_equal(ask(&world, "SELECT CAST(sum(excluded) AS BIGINT) FROM batch_range"), 100);
    archive_sound(&world);
    send_events(&world, 100, 10, 2);
    world.book_id = live;
    assert_int_equal(drain(&world).tallied, 10);
    close_world(&world);
}

/* Late events are found by the rows: event 3 happened an hour before its record was written, and record 10 is none. */
static void rows_say_of_which_time_the_events_are(void **state)
{
    struct world world;
    uint8_t value[64];
    size_t size;

    (void)state;
    open_world(&world, 1);
    archive_configure(&world, "archive", "");
    archive_store(&world, "a");
    for (int i = 0; i < 10; i++) {
        size = encode(value, "service-0", TIME_MS + i - (i == 3 ? 3600000 : 0), 200, 1000);
        mock_send(&world.mock, "requests", 0, value, size, TIME_MS + i);
    }
    mock_send(&world.mock, "requests", 0, "no event", 8, TIME_MS + 100);
    mock_send(&world.mock, "requests", 0, NULL, 0, TIME_MS + 100);
    mock_flush(&world.mock);
    (void)archive_drain(&world);
    assert_int_equal(ask(&world, "SELECT low_event_ns FROM archive_file"),
                     (TIME_MS - 3600000 + 3) * NS_PER_MS);
    assert_int_equal(ask(&world, "SELECT high_event_ns FROM archive_file"),
                     (TIME_MS + 9) * NS_PER_MS);
    assert_int_equal(ask(&world, "SELECT low_time_ns FROM archive_file"), TIME_MS * NS_PER_MS);
    assert_int_equal(ask(&world, "SELECT high_time_ns FROM archive_file"),
                     (TIME_MS + 100) * NS_PER_MS);
    assert_int_equal(ask(&world, "SELECT undated FROM archive_file"), 1);
    archive_sound(&world);
    close_world(&world);
}

static void files_are_cut_by_size(void **state)
{
    struct world world;
    struct archive_result result;

    (void)state;
    open_world(&world, 1);
    archive_configure(&world, "archive", "  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n");
    archive_store(&world, "a");
    send_events(&world, 0, 10000, 1);
    result = archive_drain(&world);
    assert_int_equal(result.consume.records, 10000);
    assert_true(result.files > 4);
    assert_int_equal(ask(&world, FILES), result.files);
    /* All but the last are full, and none is over by more than a record. */
    assert_int_equal(ask(&world, "SELECT count(DISTINCT records) FROM archive_file") <= 4, 1);
    archive_sound(&world);
    close_world(&world);
}

/* Neither the number of threads nor the portions in which records come show in the files. */
static void the_same_records_make_the_same_files(void **state)
{
    static const char *const settings[] = {
        "  threads: 0\n  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n",
        "  threads: 4\n  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n",
        "  threads: 1\n  file_bytes: 64 KiB\n  block_bytes: 4 KiB\n"};
    struct archive_tree *first = calloc(1, sizeof(*first)), *other = calloc(1, sizeof(*other));
    struct world world;

    (void)state;
    open_world(&world, 2);
    send_events(&world, 0, 8000, 2);
    for (size_t i = 0; i < 3; i++) {
        char name[] = "archive-0";

        name[8] = (char)('0' + i);
        archive_configure(&world, name, settings[i]);
        archive_store(&world, name);
        assert_int_equal(archive_drain(&world).consume.records, 8000);
        archive_sound(&world);
        archive_tree(&world, name, i == 0 ? first : other);
        if (i > 0) {
            assert_string_equal(other->text, first->text);
        }
    }
    assert_true(first->files > 4);
    assert_int_equal(first->drafts, 0);
    free(first);
    free(other);
    close_world(&world);
}

static void each_codec_can_be_read_again(void **state)
{
    static const char *const codecs[] = {"  codec: 'null'\n", "  codec: deflate\n  level: 12\n",
                                         "  codec: zstandard\n  level: 19\n"};
    struct world world;
    int64_t sizes[3];

    (void)state;
    open_world(&world, 1);
    send_events(&world, 0, 5000, 1);
    for (size_t i = 0; i < 3; i++) {
        char name[] = "codec-0";

        name[6] = (char)('0' + i);
        archive_configure(&world, name, codecs[i]);
        archive_store(&world, name);
        sizes[i] = archive_drain(&world).file_bytes;
        archive_sound(&world);
    }
    assert_true(sizes[1] < sizes[0] / 2);
    assert_true(sizes[2] < sizes[0] / 2);
    close_world(&world);
}

/* Null and empty, headers of one name, a record that is larger than a block. */
static void every_byte_is_kept(void **state)
{
    static const struct mock_header headers[] = {
        {"trace", "a\0b", 3}, {"trace", NULL, 0}, {"", "", 0}, {"\xff\xfe", "x", 1}};
    enum { LARGE = 700 * 1024 };
    char *large = calloc(1, LARGE);
    struct archive_reader reader;
    struct container_input input;
    struct archive_record record;
    struct archive_header_walk walk;
    struct record_header header;
    struct err err = ERR_INIT;
    struct world world;
    char path[300];
    bool found;
    int fd;

    (void)state;
    memset(large, 'y', LARGE);
    open_world(&world, 1);
    archive_configure(&world, "archive", "  block_bytes: 4 KiB\n");
    archive_store(&world, "a");
    mock_send_headers(&world.mock, "requests", 0, "", 0, TIME_MS, headers, 4);
    mock_send(&world.mock, "requests", 0, NULL, 0, TIME_MS + 1);
    mock_send(&world.mock, "requests", 0, large, LARGE, TIME_MS + 2);
    mock_flush(&world.mock);
    (void)archive_drain(&world);
    archive_sound(&world);
    (void)snprintf(path, sizeof(path), "find %s/archive -name '*.avro' -exec cp {} %s/one \\;",
                   world.folder, world.folder);
    assert_int_equal(system(path), 0);
    (void)snprintf(path, sizeof(path), "%s/one", world.folder);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(container_input_file(&fd, &input, &err), ERR_OK);
    assert_int_equal(archive_reader_open(&reader, &input, &err), ERR_OK);
    assert_int_equal(reader.head.low_time_ns, TIME_MS * NS_PER_MS);
    assert_int_equal(reader.head.high_time_ns, (TIME_MS + 2) * NS_PER_MS);

    assert_int_equal(archive_reader_next(&reader, &found, &record, &err), ERR_OK);
    assert_true(found);
    assert_int_equal(record.offset, 0);
    assert_int_equal(record.time_ms, TIME_MS);
    assert_int_equal(record.time_type, RECORD_TIME_CREATE);
    assert_non_null(record.value.data);
    assert_int_equal(record.value.size, 0);
    assert_null(record.key.data);
    walk = archive_headers(&record);
    for (size_t i = 0; i < 4; i++) {
        assert_true(archive_header_next(&walk, &header));
        assert_true(str_equal(header.name, STR(headers[i].name)));
        assert_int_equal(header.value.data != NULL, headers[i].value != NULL);
        assert_true(str_equal(header.value, str_of(headers[i].value, headers[i].size)));
    }
    assert_false(archive_header_next(&walk, &header));
    /* The last header of a name is null: a framing sees an empty one. */
    assert_int_equal(archive_record_view(&record, 0, "trace").schema_header.size, 0);
    assert_non_null(archive_record_view(&record, 0, "trace").schema_header.data);
    assert_null(archive_record_view(&record, 0, "other").schema_header.data);

    assert_int_equal(archive_reader_next(&reader, &found, &record, &err), ERR_OK);
    assert_null(record.value.data);
    assert_true(archive_record_view(&record, 0, NULL).tombstone);
    assert_int_equal(archive_reader_next(&reader, &found, &record, &err), ERR_OK);
    assert_true(str_equal(record.value, str_of(large, LARGE)));
    assert_int_equal(archive_reader_next(&reader, &found, &record, &err), ERR_OK);
    assert_false(found);
    archive_reader_release(&reader);
    (void)close(fd);
    free(large);
    close_world(&world);
}

/* A file of another content under the name that one is to have. */
static void a_name_that_is_taken_is_refused(void **state)
{
    struct archive_result result;
    struct err err = ERR_INIT;
    struct world world;
    char command[400];

    (void)state;
    open_world(&world, 1);
    archive_configure(&world, "archive", "");
    archive_store(&world, "a");
    send_events(&world, 0, 100, 1);
    (void)archive_drain(&world);
    (void)snprintf(command, sizeof(command),
                   "find %s/archive -name '*.avro' -exec sh -c 'printf x >>\"$0\"' {} \\;",
                   world.folder);
    assert_int_equal(system(command), 0);
    archive_store(&world, "b");
    assert_int_equal(archive_try(&world, &result, &err), ERR_DELIVERY);
    assert_non_null(strstr(err.text, "other content"));
    assert_int_equal(ask(&world, FILES), 0);
    assert_int_equal(ask(&world, NEXT), 0);
    close_world(&world);
}

/* Another store makes the same files: it finds them there. */
static void the_same_content_is_accepted(void **state)
{
    struct archive_result result;
    struct world world;

    (void)state;
    open_world(&world, 2);
    archive_configure(&world, "archive", "");
    archive_store(&world, "a");
    send_events(&world, 0, 100, 2);
    (void)archive_drain(&world);
    send_events(&world, 100, 100, 2);
    /* There is more by now, but the file that stands there ends where it ended. */
    archive_store(&world, "b");
    result = archive_drain(&world);
    assert_int_equal(result.adopted, 2);
    assert_int_equal(result.files, 4);
    assert_int_equal(result.consume.records, 200);
    archive_sound(&world);
    close_world(&world);
}

static void damage_is_found_with_its_place(void **state)
{
    char line[LINES_SIZE], command[400];
    struct archive_verify_report report;
    struct world world;

    (void)state;
    open_world(&world, 1);
    archive_configure(&world, "archive", "  block_bytes: 4 KiB\n");
    archive_store(&world, "a");
    send_events(&world, 0, 3000, 1);
    (void)archive_drain(&world);
    (void)snprintf(command, sizeof(command),
                   "f=$(find %s/archive -name '*.avro'); cp $f %s/saved; "
                   "printf '\\377\\377\\377' | dd of=$f bs=1 seek=3000 conv=notrunc 2>/dev/null",
                   world.folder, world.folder);
    assert_int_equal(system(command), 0);
    report = archive_look(&world, line);
    assert_true(report.findings >= 2); /* the digest, and the block */
    assert_non_null(strstr(line, "/0/"));
    assert_non_null(strstr(line, "the block at byte"));
    assert_true(report.records > 2000); /* all others were still read */
    assert_true(report.records < 3000);
    /* Cut short. */
    (void)snprintf(command, sizeof(command),
                   "f=$(find %s/archive -name '*.avro'); cp %s/saved $f; truncate -s -10 $f",
                   world.folder, world.folder);
    assert_int_equal(system(command), 0);
    report = archive_look(&world, line);
    assert_true(report.findings >= 2);
    assert_non_null(strstr(line, "is cut off"));
    (void)snprintf(command, sizeof(command), "rm $(find %s/archive -name '*.avro')", world.folder);
    assert_int_equal(system(command), 0);
    report = archive_look(&world, line);
    assert_int_equal(report.findings, 1);
    assert_non_null(strstr(line, "missing"));
    close_world(&world);
}

/* What the audit of the store says when the book of the archive does not add up. */
static void the_audit_covers_the_archive(void **state)
{
    static const struct {
        const char *sql, *words;
    } wrongs[] = {
        {"DELETE FROM archive_file WHERE partition_id = 1", "a range without a file"},
        {"UPDATE archive_file SET size = size + 1", "checksum"},
        {"UPDATE archive_file SET records = records + 1 WHERE partition_id = 0", "without a file"},
        {"UPDATE partition_offset SET next_offset = next_offset + 1 WHERE book_id = 2",
         "archive: topic requests partition"},
        {"DELETE FROM batch_range WHERE book_id = 2 AND partition_id = 0", "covered by no range"},
    };
    struct world world;

    (void)state;
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        struct audit_report report;
        struct err err = ERR_INIT;
        char line[LINES_SIZE] = "";

        open_world(&world, 2);
        archive_configure(&world, "archive", "");
        archive_store(&world, "a");
        send_events(&world, 0, 100, 2);
        (void)archive_drain(&world);
        assert_int_equal(db_exec(world.db, wrongs[i].sql, &err), ERR_OK);
        assert_int_equal(audit_run(world.db, 1, archive_gaps, archive_show, line, &report, &err),
                         ERR_MISMATCH);
        if (strstr(line, wrongs[i].words) == NULL || strncmp(line, "archive: ", 9) != 0) {
            fail_msg("\"%s\" instead of %s", line, wrongs[i].words);
        }
        close_world(&world);
    }
}

/* Expired before it was archived: parked, and recorded as lost only at an operator's word. */
static void retention_is_never_overlooked(void **state)
{
    struct archive_options options;
    struct archive_result result;
    struct err err = ERR_INIT;
    struct world world;

    (void)state;
    open_world(&world, 1);
    archive_configure(&world, "archive", "");
    archive_store(&world, "a");
    send_events(&world, 0, 10, 1);
    (void)archive_drain(&world);
    send_events(&world, 10, 10, 1);
    (void)mock_expire(&world.mock, "requests", 0);
    assert_int_equal(archive_try(&world, &result, &err), ERR_BROKER);
    assert_non_null(strstr(err.text, "uptally archive --accept-loss requests/0"));
    options = (struct archive_options){.consume = options_of(&world)};
    options.consume.accept_loss = "all";
    err = ERR_INIT;
    assert_int_equal(archive_open_objects(world.config, false, &options.objects, &err), ERR_OK);
    if (archive_run(&options, &result, &err) != ERR_OK) {
        fail_msg("%s", err.text);
    }
    options.objects->close(options.objects);
    assert_true(result.consume.lost >= 10);
    archive_sound(&world);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_topics_are_copied_once),
        cmocka_unit_test(the_live_book_is_left_alone),
        cmocka_unit_test(rows_say_of_which_time_the_events_are),
        cmocka_unit_test(files_are_cut_by_size),
        cmocka_unit_test(the_same_records_make_the_same_files),
        cmocka_unit_test(each_codec_can_be_read_again),
        cmocka_unit_test(every_byte_is_kept),
        cmocka_unit_test(a_name_that_is_taken_is_refused),
        cmocka_unit_test(the_same_content_is_accepted),
        cmocka_unit_test(damage_is_found_with_its_place),
        cmocka_unit_test(the_audit_covers_the_archive),
        cmocka_unit_test(retention_is_never_overlooked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
