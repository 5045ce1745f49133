#include "adapters/journal/journal_reader.h"

#include "adapters/journal/checkpoint.h"
#include "adapters/journal/journal_directory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 32768 /* at once */
#define WINDOW_BYTES ((size_t)FRAME_HEADER_BYTES + PAYLOAD_BYTES_MAX + READ_BYTES)
#define LENGTH_BYTES 4 /* of a frame, the first ones */
#define END_UNKNOWN UINT64_MAX
#define OPEN_END_READS_MAX 64 /* of one frame; it is not complete while each finds another one */

struct journal_reader {
    int directory_fd;
    int fd; /* of the present segment; -1 when it is not open yet */
    struct journal_cursor at;
    uint64_t end; /* where the segment ends by the next one's header; END_UNKNOWN for the last */
    uint64_t void_bytes;
    uint8_t *window; /* WINDOW_BYTES; bytes from..to are those behind at.offset */
    size_t window_from, window_to;
    struct diag fault; /* latched */
};

enum status journal_reader_open(const char *directory, const struct journal_cursor *cursor,
                                struct journal_reader **out, struct diag *diag)
{
    int directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory_fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
        return diag_fail(diag, STATUS_NOT_FOUND, "journal.absent", "there is no journal at '%s'",
                         directory);
    }
    if (directory_fd < 0) {
        return journal_io_fail(diag, "open", directory);
    }
    struct journal_reader *reader = base_alloc(sizeof(*reader));
    uint8_t *window = base_alloc(WINDOW_BYTES);
    if (reader == NULL || window == NULL) {
        base_free(reader);
        base_free(window);
        (void)close(directory_fd);
        return diag_fail(diag, STATUS_LIMIT, "journal.memory", "no memory for reading '%s'",
                         directory);
    }
    *reader = (struct journal_reader){
        .directory_fd = directory_fd, .fd = -1, .end = END_UNKNOWN, .window = window};
    if (cursor != NULL) {
        reader->at = *cursor;
    }
    *out = reader;
    return STATUS_OK;
}

void journal_reader_close(struct journal_reader *reader)
{
    if (reader == NULL) {
        return;
    }
    if (reader->fd >= 0) {
        (void)close(reader->fd);
    }
    (void)close(reader->directory_fd);
    base_free(reader->window);
    base_free(reader);
}

struct journal_cursor journal_reader_cursor(const struct journal_reader *reader)
{
    return reader->at;
}

static struct slice window_view(const struct journal_reader *reader)
{
    return slice_of(reader->window + reader->window_from, reader->window_to - reader->window_from);
}

static void drop_window(struct journal_reader *reader)
{
    reader->window_from = reader->window_to = 0;
}

static enum status latch(struct journal_reader *reader, const char *code, const char *what)
{
    return diag_fail(&reader->fault, STATUS_CONFLICT, code,
                     "%s, in segment %" PRIu64 " at byte %" PRIu64 ", record %" PRIu64, what,
                     reader->at.segment, reader->at.offset, reader->at.sequence);
}

/* The segment after the one where the reader stands. STATUS_NOT_FOUND: it is not there yet. */
static enum status open_next(struct journal_reader *reader, struct segment_file *out,
                             struct diag *diag)
{
    uint64_t number = reader->at.segment + 1;
    /* The writer may make it, and others, between two looks: it is missing when it is so again. */
    for (int looks = 0; looks < 2; looks++) {
        struct diag reason = {0};
        uint64_t last = 0;
        enum status status = segment_file_open(reader->directory_fd, number, out, &reason);
        if (status != STATUS_NOT_FOUND) {
            reader->fault = status == STATUS_OK ? reader->fault : reason;
            return status;
        }
        TRY(directory_last_segment(reader->directory_fd, &last, diag));
        if (last <= number) {
            return STATUS_NOT_FOUND;
        }
    }
    return latch(reader, "journal.gap", "a segment is missing");
}

/* Learn from the next segment's header where this one ends. Without a next one the end stays
 * open, unless an even later segment shows that one was taken away. */
static enum status learn_end(struct journal_reader *reader, struct diag *diag)
{
    if (reader->end != END_UNKNOWN) {
        return STATUS_OK;
    }
    struct segment_file next;
    enum status status = open_next(reader, &next, diag);
    if (status != STATUS_OK) {
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    }
    (void)close(next.fd);
    reader->end = next.header.previous_end;
    if (reader->end < reader->at.offset) {
        return latch(reader, "journal.rewound", "the next segment begins before this place");
    }
    return STATUS_OK;
}

/* Go from the end of one segment (or from nowhere) to the start of the next. */
static enum status enter_next(struct journal_reader *reader, struct diag *diag)
{
    struct segment_file file;
    enum status status = open_next(reader, &file, diag);
    if (status != STATUS_OK) {
        return status != STATUS_NOT_FOUND
                   ? status
                   : diag_fail(diag, STATUS_NOT_FOUND, "journal.end", "no record yet");
    }
    bool is_first = reader->at.segment == 0;
    if (memcmp(file.header.previous_chain, reader->at.chain, AUDIT_HASH_BYTES) != 0 ||
        file.header.first_sequence != (is_first ? 1 : reader->at.sequence) ||
        (is_first && file.header.previous_end != 0)) {
        (void)close(file.fd);
        return latch(reader, "journal.order", "the next segment does not continue the chain");
    }
    if (reader->fd >= 0) {
        (void)close(reader->fd);
    }
    reader->fd = file.fd;
    reader->at = (struct journal_cursor){
        reader->at.segment + 1, SEGMENT_HEADER_BYTES, file.header.first_sequence, {0}};
    memcpy(reader->at.chain, file.chain, AUDIT_HASH_BYTES);
    reader->end = END_UNKNOWN;
    drop_window(reader);
    return learn_end(reader, diag);
}

/* Read on behind the window. Sets *grew when bytes came. */
static enum status fill_window(struct journal_reader *reader, bool *grew, struct diag *diag)
{
    size_t held = reader->window_to - reader->window_from;
    memmove(reader->window, reader->window + reader->window_from, held);
    reader->window_from = 0;
    reader->window_to = held;
    uint64_t from = reader->at.offset + held;
    size_t room = READ_BYTES;
    assert(held + room <= WINDOW_BYTES);
    if (reader->end != END_UNKNOWN) {
        uint64_t left = reader->end > from ? reader->end - from : 0;
        room = left < room ? (size_t)left : room;
    }
    ssize_t got = pread(reader->fd, reader->window + held, room, (off_t)from);
    if (got < 0) {
        return journal_io_fail(diag, "read", "a segment");
    }
    reader->window_to += (size_t)got;
    *grew = got > 0;
    return STATUS_OK;
}

static enum frame_fault try_frame(struct journal_reader *reader, struct journal_entry *out)
{
    struct slice rest = window_view(reader);
    memcpy(out->previous_chain, reader->at.chain, AUDIT_HASH_BYTES);
    enum frame_fault fault = frame_read(rest, reader->at.chain, &out->payload);
    if (fault != FRAME_GOOD) {
        return fault;
    }
    out->is_checkpoint = checkpoint_is(out->payload);
    out->sequence = reader->at.sequence;
    reader->at.sequence += !out->is_checkpoint;
    out->segment = reader->at.segment;
    out->offset = reader->at.offset;
    memcpy(out->chain, reader->at.chain, AUDIT_HASH_BYTES);
    reader->window_from += FRAME_HEADER_BYTES + out->payload.len;
    reader->at.offset += FRAME_HEADER_BYTES + out->payload.len;
    return FRAME_GOOD;
}

static enum status not_complete(const struct journal_reader *reader, struct diag *diag)
{
    return diag_fail(diag, STATUS_NOT_FOUND, "journal.torn",
                     "the last record is not complete, in segment %" PRIu64 " at byte %" PRIu64,
                     reader->at.segment, reader->at.offset);
}

static enum status fault_status(struct journal_reader *reader, enum frame_fault fault,
                                struct diag *diag)
{
    bool is_open = reader->end == END_UNKNOWN;
    struct slice rest = window_view(reader);
    if (is_open && fault != FRAME_GOOD && journal_is_zero(slice_sub(rest, 0, LENGTH_BYTES))) {
        return diag_fail(diag, STATUS_NOT_FOUND, "journal.end", "no further record yet");
    }
    if (is_open && (fault == FRAME_CUT ||
                    (fault == FRAME_CRC && frame_is_unfinished(rest, reader->at.offset)))) {
        return not_complete(reader, diag);
    }
    switch (fault) {
    case FRAME_GOOD:
        return STATUS_OK;
    case FRAME_LENGTH:
        return latch(reader, "journal.length", "a record has an impossible length");
    case FRAME_CRC:
        return latch(reader, "journal.crc", "a record's bytes were changed");
    case FRAME_CHAIN:
        return latch(reader, "journal.chain", "a record is not the one that followed here");
    case FRAME_CUT:
        break;
    }
    return latch(reader, "journal.torn", "the segment ends too early");
}

static enum status count_void_bytes(struct journal_reader *reader, struct diag *diag)
{
    uint64_t end = 0;
    TRY(segment_file_end(reader->fd, reader->end, &end, diag));
    reader->void_bytes += end - reader->end;
    return STATUS_OK;
}

static enum status read_frame(struct journal_reader *reader, struct journal_entry *out,
                              struct diag *diag)
{
    enum frame_fault fault = try_frame(reader, out);
    bool grew = true;
    while (fault == FRAME_CUT && grew) {
        TRY(fill_window(reader, &grew, diag));
        fault = try_frame(reader, out);
    }
    return fault_status(reader, fault, diag);
}

/* A cursor may stand behind records that the writer had not synced and that a crash took away. Is
 * what it has read still there? Only the last segment can lose anything, so it alone is read again.
 */
static enum status retrace(struct journal_reader *reader, const struct segment_file *file,
                           struct diag *diag)
{
    struct journal_cursor cursor = reader->at;
    struct journal_entry entry;
    reader->at.offset = SEGMENT_HEADER_BYTES;
    reader->at.sequence = file->header.first_sequence;
    memcpy(reader->at.chain, file->chain, AUDIT_HASH_BYTES);
    enum status status = STATUS_OK;
    while (status == STATUS_OK && reader->at.offset < cursor.offset) {
        status = read_frame(reader, &entry, diag);
    }
    if (status == STATUS_UNAVAILABLE) {
        return status;
    }
    return status == STATUS_OK && reader->at.offset == cursor.offset &&
                   memcmp(reader->at.chain, cursor.chain, AUDIT_HASH_BYTES) == 0
               ? STATUS_OK
               : latch(reader, "journal.rewound", "what was read before is no longer there");
}

/* Open the segment a cursor stands in. */
static enum status enter_cursor(struct journal_reader *reader, struct diag *diag)
{
    struct segment_file file;
    struct diag reason = {0};
    enum status status =
        segment_file_open(reader->directory_fd, reader->at.segment, &file, &reason);
    if (status == STATUS_NOT_FOUND) {
        return latch(reader, "journal.gap", "the cursor's segment is missing");
    }
    if (status != STATUS_OK) {
        reader->fault = reason;
        return status;
    }
    reader->fd = file.fd;
    TRY(learn_end(reader, diag));
    return reader->end == END_UNKNOWN ? retrace(reader, &file, diag) : STATUS_OK;
}

/* The frame that could not be read, as far as it is there. */
static uint32_t mark_of_fault(const struct journal_reader *reader)
{
    struct slice rest = window_view(reader);
    size_t len = rest.len < LENGTH_BYTES ? 0 : journal_get_u32(rest.ptr);
    return journal_crc32c(0, slice_sub(rest, 0, FRAME_HEADER_BYTES + len));
}

/* Before an open end is judged: the window may be older than what the writer wrote since, or partly
 * so, because reading and writing go on side by side. The writer goes forward, so what a reading
 * missed before bytes that it has seen is there for the next one: only what two readings in a row
 * show alike is as it looks. A new segment may have closed the end meanwhile; then there is no
 * record, and what was there is read anew. */
static enum status read_at_open_end(struct journal_reader *reader, struct journal_entry *out,
                                    struct diag *diag)
{
    struct diag found = {0};
    enum status status = STATUS_NOT_FOUND;
    uint32_t mark = 0;
    bool is_settled = false;
    for (size_t i = 0; i < OPEN_END_READS_MAX && !is_settled; i++) {
        uint32_t before = mark;
        reader->fault = (struct diag){0};
        status = read_frame(reader, out, &found);
        if (status == STATUS_OK) {
            return status;
        }
        mark = mark_of_fault(reader);
        is_settled = i > 0 && mark == before;
        drop_window(reader);
    }
    struct diag latched = reader->fault;
    reader->fault = (struct diag){0};
    TRY(learn_end(reader, diag));
    if (reader->end != END_UNKNOWN) {
        return STATUS_OK;
    }
    if (!is_settled) {
        return not_complete(reader, diag);
    }
    reader->fault = latched;
    if (diag != NULL) {
        *diag = found;
    }
    return status;
}

static enum status step(struct journal_reader *reader, struct journal_entry *out, struct diag *diag)
{
    if (reader->fd < 0) {
        TRY(reader->at.segment == 0 ? enter_next(reader, diag) : enter_cursor(reader, diag));
    }
    out->payload = SLICE_EMPTY;
    for (;;) {
        if (reader->end == END_UNKNOWN) {
            TRY(read_at_open_end(reader, out, diag));
        }
        if (out->payload.len != 0) {
            return STATUS_OK;
        }
        if (reader->at.offset != reader->end) {
            return read_frame(reader, out, diag);
        }
        TRY(count_void_bytes(reader, diag));
        TRY(enter_next(reader, diag));
    }
}

enum status journal_reader_next_frame(struct journal_reader *reader, struct journal_entry *out,
                                      struct diag *diag)
{
    enum status status =
        reader->fault.code != NULL ? reader->fault.status : step(reader, out, diag);
    if (status != STATUS_OK && reader->fault.code != NULL && diag != NULL) {
        *diag = reader->fault;
    }
    return status;
}

enum status journal_reader_next(struct journal_reader *reader, struct journal_entry *out,
                                struct diag *diag)
{
    enum status status;
    do {
        status = journal_reader_next_frame(reader, out, diag);
    } while (status == STATUS_OK && out->is_checkpoint);
    return status;
}

enum status journal_reader_check_end(const struct journal_reader *reader, struct diag *diag)
{
    uint64_t end = reader->at.offset;
    if (reader->fd >= 0) {
        TRY(segment_file_end(reader->fd, reader->at.offset, &end, diag));
    }
    return end == reader->at.offset ? STATUS_OK : not_complete(reader, diag);
}

uint64_t journal_reader_void_bytes(const struct journal_reader *reader)
{
    return reader->void_bytes;
}

/* The sequence behind the last good record, reading on from a cursor. */
static enum status find_end_sequence(const char *directory, const struct journal_cursor *from,
                                     uint64_t *out, struct diag *diag)
{
    struct journal_reader *reader = NULL;
    struct journal_entry entry;
    enum status status;
    TRY(journal_reader_open(directory, from, &reader, diag));
    assert(reader != NULL);
    do {
        status = journal_reader_next(reader, &entry, diag);
    } while (status == STATUS_OK);
    *out = journal_reader_cursor(reader).sequence;
    journal_reader_close(reader);
    return status == STATUS_UNAVAILABLE ? status : STATUS_OK;
}

/* The start of a segment as a cursor; false when it cannot be one. */
static bool segment_start(int directory_fd, uint64_t number, struct journal_cursor *out)
{
    struct segment_file file;
    if (segment_file_open(directory_fd, number, &file, NULL) != STATUS_OK) {
        return false;
    }
    (void)close(file.fd);
    *out = (struct journal_cursor){number, SEGMENT_HEADER_BYTES, file.header.first_sequence, {0}};
    memcpy(out->chain, file.chain, AUDIT_HASH_BYTES);
    return true;
}

enum status journal_find_last(const char *directory, uint64_t count, struct journal_cursor *out,
                              struct diag *diag)
{
    struct journal_reader *reader = NULL;
    struct journal_cursor start = {0};
    uint64_t number = 0, end = 0;
    *out = start;
    TRY(journal_reader_open(directory, NULL, &reader, diag));
    assert(reader != NULL);
    enum status status = directory_last_segment(reader->directory_fd, &number, diag);
    /* What is damaged is for a reader from the beginning to meet and to name. */
    bool is_good = status == STATUS_OK && segment_start(reader->directory_fd, number, &start);
    if (is_good) {
        status = find_end_sequence(directory, &start, &end, diag);
    }
    while (is_good && start.sequence > 1 && end - start.sequence < count) {
        is_good = segment_start(reader->directory_fd, --number, &start);
    }
    journal_reader_close(reader);
    if (status == STATUS_OK && is_good) {
        *out = start;
    }
    return status;
}
