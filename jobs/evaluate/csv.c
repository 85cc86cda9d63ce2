#include "jobs/evaluate/csv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"

/* Large enough that the rest of a record, which is scanned again behind a refill, is small beside it. */
enum { BUFFER_SIZE = 512 * 1024 };
_Static_assert(BUFFER_SIZE >= 4 * CSV_RECORD_SIZE_MAX, "a record always fits");

/* What a byte means outside of quotes. */
enum meaning { ORDINARY, COMMA, LF, CR, QUOTE, NUL };

static const unsigned char meanings[256] = {
    ['\0'] = NUL, ['\n'] = LF, ['\r'] = CR, ['"'] = QUOTE, [','] = COMMA,
};

/* How far a scan came. */
enum scan {
    SCAN_FIELD,  /* behind a field; a comma follows */
    SCAN_RECORD, /* behind the record's last field */
    SCAN_MORE,   /* it does not end within the buffer */
    SCAN_REFUSED
};

/* A record that is being scanned. */
struct scanner {
    const char *begin, *at, *end; /* *end is a line end that stops every scan */
    int64_t line;
    const char *reason; /* of SCAN_REFUSED */
};

static enum err_code at_line(const struct csv *csv, struct err *err, const char *reason)
{
    return err_set(err, ERR_DATA, "%s:%" PRId64 ": %s", csv->name, csv->line, reason);
}

static enum err_code refuse_size(const struct csv *csv, struct err *err)
{
    return err_set(err, ERR_DATA, "%s:%" PRId64 ": longer than %d bytes", csv->name, csv->line,
                   CSV_RECORD_SIZE_MAX);
}

/* Reads once, behind what is there. */
static enum err_code fill(struct csv *csv, struct err *err)
{
    ssize_t size;

    if (csv->stopped != NULL && csv->stopped()) {
        return err_set(err, ERR_INTERRUPTED, "stopped while %s was read", csv->name);
    }
    memmove(csv->buffer, csv->buffer + csv->begin, csv->end - csv->begin);
    csv->end -= csv->begin;
    csv->begin = 0;
    size = read(csv->fd, csv->buffer + csv->end, BUFFER_SIZE - csv->end);
    if (size < 0 && errno != EINTR) {
        return err_set_errno(err, ERR_DATA, "%s", csv->name);
    }
    csv->at_end = size == 0;
    csv->end += size > 0 ? (size_t)size : 0;
    csv->buffer[csv->end] = '\n';
    return ERR_OK;
}

/* Reads so far that a byte order mark would be there, and skips it. */
static enum err_code begin_file(struct csv *csv, struct err *err)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};

    csv->begin = 0;
    csv->end = 0;
    csv->at_end = false;
    csv->line = 0;
    csv->next_line = 1;
    while (csv->end < sizeof(mark) && !csv->at_end) {
        if (fill(csv, err) != ERR_OK) {
            return err->code;
        }
    }
    if (csv->end >= sizeof(mark) && memcmp(csv->buffer, mark, sizeof(mark)) == 0) {
        csv->begin = sizeof(mark);
    }
    return ERR_OK;
}

enum err_code csv_open(struct csv *csv, const char *path, bool (*stopped)(void), struct err *err)
{
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        return err_set_errno(err, ERR_DATA, "%s", path);
    }
    *csv = (struct csv){.name = path, .fd = fd, .stopped = stopped};
    csv->start = lseek(fd, 0, SEEK_CUR);
    csv->buffer = memory_alloc(BUFFER_SIZE + 1);
    if (begin_file(csv, err) != ERR_OK) {
        csv_close(csv);
        return err->code;
    }
    return ERR_OK;
}

void csv_close(struct csv *csv)
{
    if (csv->buffer != NULL && csv->fd != STDIN_FILENO) {
        (void)close(csv->fd);
    }
    memory_free(csv->buffer);
    csv->buffer = NULL;
}

bool csv_is_file(const struct csv *csv)
{
    struct stat status;

    return csv->start >= 0 && fstat(csv->fd, &status) == 0 && S_ISREG(status.st_mode);
}

enum err_code csv_rewind(struct csv *csv, struct err *err)
{
    if (lseek(csv->fd, csv->start, SEEK_SET) != csv->start) {
        return err_set_errno(err, ERR_DATA, "%s", csv->name);
    }
    return begin_file(csv, err);
}

static enum scan refuse(struct scanner *scanner, const char *reason)
{
    scanner->reason = reason;
    return SCAN_REFUSED;
}

/* What stands behind a field. */
static enum scan scan_end(const struct csv *csv, struct scanner *scanner, bool quoted)
{
    bool last = scanner->at + 1 >= scanner->end;

    if (scanner->at >= scanner->end) {
        return csv->at_end ? SCAN_RECORD : SCAN_MORE;
    }
    switch ((enum meaning)meanings[(unsigned char)*scanner->at]) {
    case COMMA:
        return SCAN_FIELD;
    case LF:
        return SCAN_RECORD;
    case CR:
        if (last && !csv->at_end) {
            return SCAN_MORE;
        }
        return !last && scanner->at[1] == '\n'
                   ? SCAN_RECORD
                   : refuse(scanner, "a carriage return without a line feed");
    case NUL:
        return refuse(scanner, "a NUL byte");
    default:
        return refuse(scanner, quoted ? "text behind a closing quote"
                                      : "a quote inside a field that does not begin with one");
    }
}

static enum scan scan_unquoted(struct csv *csv, struct scanner *scanner, struct csv_field *field)
{
    const char *at = scanner->at;
    unsigned seen = 0;

    field->begin = (size_t)(at - scanner->begin);
    for (; meanings[(unsigned char)*at] == ORDINARY; at++) {
        seen |= (unsigned char)*at;
    }
    scanner->at = at;
    field->end = (size_t)(at - scanner->begin);
    field->doubled = false;
    csv->plain = csv->plain && seen < 0x80;
    return scan_end(csv, scanner, false);
}

/* at: behind the opening quote. */
static enum scan scan_quoted(struct csv *csv, struct scanner *scanner, struct csv_field *field)
{
    field->begin = (size_t)(scanner->at - scanner->begin);
    field->doubled = false;
    for (; scanner->at < scanner->end; scanner->at++) {
        char c = *scanner->at;

        if (c == '\0') {
            return refuse(scanner, "a NUL byte");
        }
        csv->plain = csv->plain && (unsigned char)c < 0x80;
        scanner->line += c == '\n';
        if (c != '"') {
            continue;
        }
        if (scanner->at + 1 < scanner->end && scanner->at[1] == '"') {
            field->doubled = true;
            scanner->at++;
        } else if (scanner->at + 1 < scanner->end || csv->at_end) {
            field->end = (size_t)(scanner->at++ - scanner->begin);
            return scan_end(csv, scanner, true);
        } else {
            return SCAN_MORE; /* it may be the first of two */
        }
    }
    return csv->at_end ? refuse(scanner, "a quoted field does not end") : SCAN_MORE;
}

/* Places of all fields of the record at csv->begin, and its size. */
static enum scan scan_record(struct csv *csv, struct scanner *scanner)
{
    enum scan scan;
    size_t count = 0;

    csv->plain = true;
    do {
        bool quoted = scanner->at < scanner->end && *scanner->at == '"';

        if (count == CSV_FIELDS_MAX) {
            return refuse(scanner, "too many fields");
        }
        scanner->at += quoted;
        scan = quoted ? scan_quoted(csv, scanner, &csv->places[count])
                      : scan_unquoted(csv, scanner, &csv->places[count]);
        count++;
        scanner->at += scan == SCAN_FIELD;
    } while (scan == SCAN_FIELD);
    if (scan == SCAN_RECORD && scanner->at < scanner->end) {
        scanner->at += *scanner->at == '\r' ? 2 : 1;
        scanner->line++;
    }
    csv->field_count = count;
    return scan;
}

/* Doubled quotes become one, in place. */
static size_t undouble(char *text, size_t size)
{
    size_t kept = 0;

    for (size_t i = 0; i < size; i++) {
        text[kept++] = text[i];
        i += text[i] == '"';
    }
    return kept;
}

static enum err_code hand_out(struct csv *csv, struct err *err)
{
    char *record = csv->buffer + csv->begin;

    for (size_t i = 0; i < csv->field_count; i++) {
        const struct csv_field *place = &csv->places[i];
        size_t size = place->end - place->begin;

        if (place->doubled) {
            size = undouble(record + place->begin, size);
        }
        csv->fields[i] = str_of(record + place->begin, size);
        if (!csv->plain && !str_is_utf8(csv->fields[i])) {
            return at_line(csv, err, "not UTF-8");
        }
    }
    return ERR_OK;
}

/* Skips lines without a byte. True: something is left in the buffer. */
static bool skip_empty_lines(struct csv *csv)
{
    for (; csv->begin < csv->end; csv->next_line++) {
        const char *at = csv->buffer + csv->begin;

        if (*at == '\n') {
            csv->begin++;
        } else if (*at == '\r' && csv->begin + 1 < csv->end && at[1] == '\n') {
            csv->begin += 2;
        } else {
            return true;
        }
    }
    return false;
}

/* Of what is in the buffer. */
static enum scan scan_next(struct csv *csv, struct scanner *ret_scanner)
{
    if (!skip_empty_lines(csv)) {
        return SCAN_MORE;
    }
    csv->line = csv->next_line;
    *ret_scanner = (struct scanner){.begin = csv->buffer + csv->begin,
                                    .at = csv->buffer + csv->begin,
                                    .end = csv->buffer + csv->end,
                                    .line = csv->line};
    return scan_record(csv, ret_scanner);
}

enum err_code csv_next(struct csv *csv, bool *ret_more, struct err *err)
{
    struct scanner scanner = {0};
    enum scan scan;

    while ((scan = scan_next(csv, &scanner)) == SCAN_MORE) {
        if (csv->end - csv->begin > CSV_RECORD_SIZE_MAX) {
            return refuse_size(csv, err);
        }
        if (csv->at_end) {
            *ret_more = false;
            return ERR_OK;
        }
        if (fill(csv, err) != ERR_OK) {
            return err->code;
        }
    }
    if (scan == SCAN_REFUSED) {
        return at_line(csv, err, scanner.reason);
    }
    if (scanner.at - scanner.begin > CSV_RECORD_SIZE_MAX) {
        return refuse_size(csv, err);
    }
    *ret_more = true;
    if (hand_out(csv, err) != ERR_OK) {
        return err->code;
    }
    csv->begin += (size_t)(scanner.at - scanner.begin);
    csv->next_line = scanner.line;
    return ERR_OK;
}
