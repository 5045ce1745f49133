#include "adapters/journal/segment_writer.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define TEMPORARY_NAME "next.tmp"
#define HEAD_TEMPORARY_NAME "head.tmp"
#define LENGTH_BYTES 4
#define PENDING_BYTES_MAX (64U << 20)
#define NOTE_BYTES_MAX 1024
#define HEAD_INTERVAL_MS 1000 /* the file of the head takes more syncs than a group of records */

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum status segment_writer_init(struct segment_writer *writer, const struct journal_files *files,
                                int directory_fd, bool is_direct)
{
    *writer = (struct segment_writer){
        .files = files,
        .directory_fd = directory_fd,
        .synced = {.sequence = 1},
    };
    buf_init(&writer->pending, PENDING_BYTES_MAX, NULL);
    buf_init(&writer->frames, 2 * PENDING_BYTES_MAX, NULL);
    return ahead_file_init(&writer->file, files, is_direct);
}

void segment_writer_keep(struct segment_writer *writer)
{
    writer->kept_bytes = writer->pending.len;
}

void segment_writer_forget(struct segment_writer *writer)
{
    writer->pending.len = writer->kept_bytes = writer->unsynced_bytes;
    writer->pending.failed = false;
}

void segment_writer_finish(struct segment_writer *writer)
{
    writer->is_closing = true;
    enum status status = STATUS_OK;
    if (writer->unsynced_bytes != 0 || writer->signing.signer != NULL) {
        status = segment_writer_flush(writer, true);
        if (status != STATUS_OK) {
            /* One more try, in a new segment: these records had been acknowledged. */
            status = segment_writer_flush(writer, true);
        }
    }
    if (status == STATUS_OK) {
        segment_writer_publish_head(writer);
        ahead_file_finish(&writer->file);
    }
}

void segment_writer_release(struct segment_writer *writer)
{
    ahead_file_release(&writer->file);
    buf_release(&writer->pending);
    buf_release(&writer->frames);
}

enum status segment_writer_add(struct segment_writer *writer, struct slice payload)
{
    assert(!checkpoint_is(payload));
    uint8_t *room = buf_reserve(&writer->pending, LENGTH_BYTES + payload.len);
    if (room == NULL) {
        writer->pending.failed = false;
        return STATUS_LIMIT;
    }
    uint32_t len = (uint32_t)payload.len;
    memcpy(room, &len, LENGTH_BYTES);
    memcpy(room + LENGTH_BYTES, payload.ptr, payload.len);
    buf_commit(&writer->pending, LENGTH_BYTES + payload.len);
    return STATUS_OK;
}

/* The header is on the device before the file has its name: a named segment always has one. */
static enum status publish_segment(struct segment_writer *writer, const uint8_t *header,
                                   const char *name)
{
    const struct journal_files *files = writer->files;
    TRY(ahead_file_create(&writer->file, writer->directory_fd, TEMPORARY_NAME));
    TRY(ahead_file_append(&writer->file, slice_of(header, SEGMENT_HEADER_BYTES)));
    TRY(ahead_file_sync(&writer->file));
    return files->rename(files->context, writer->directory_fd, TEMPORARY_NAME, name) == 0 &&
                   files->sync_directory(files->context, writer->directory_fd) == 0
               ? STATUS_OK
               : STATUS_UNAVAILABLE;
}

static enum status begin_segment(struct segment_writer *writer)
{
    const struct segment_position *from = &writer->synced;
    struct segment_header header = {
        .number = from->segment + 1,
        .first_sequence = from->sequence,
        .previous_end = from->offset,
        .created_ms = clock_ms(CLOCK_REALTIME),
    };
    memcpy(header.previous_chain, from->chain, AUDIT_HASH_BYTES);
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    char name[SEGMENT_NAME_BYTES];
    segment_header_encode(&header, bytes);
    segment_name(header.number, name);
    struct segment_position begin = {
        header.number, SEGMENT_HEADER_BYTES, from->sequence, from->signed_sequence, {0}};
    TRY(segment_chain_start(bytes, begin.chain));

    TRY(publish_segment(writer, bytes, name));
    writer->at = writer->synced = begin;
    return STATUS_OK;
}

static enum status frame_checkpoint(struct segment_writer *writer)
{
    struct checkpoint checkpoint = {
        .sequence = writer->at.sequence,
        .time_ms = clock_ms(CLOCK_REALTIME),
        .records_max = writer->signing.records_max,
        .is_closing = writer->is_closing,
    };
    memcpy(checkpoint.chain, writer->at.chain, AUDIT_HASH_BYTES);
    TRY(checkpoint_encode(&checkpoint, writer->signing.signer, writer->synced.signed_sequence,
                          writer->head));
    TRY(frame_append(&writer->frames, slice_of(writer->head, CHECKPOINT_BYTES), writer->at.chain));
    writer->at.signed_sequence = writer->at.sequence;
    writer->is_head_framed = true;
    return STATUS_OK;
}

static enum status frame_one(struct segment_writer *writer, struct slice payload)
{
    TRY(frame_append(&writer->frames, payload, writer->at.chain));
    writer->at.sequence++;
    bool is_due = writer->signing.signer != NULL &&
                  writer->at.sequence - writer->at.signed_sequence >= writer->signing.records_max;
    return is_due ? frame_checkpoint(writer) : STATUS_OK;
}

static int64_t checkpoint_due_ms(const struct segment_writer *writer)
{
    bool has_new =
        writer->signing.signer != NULL && writer->at.sequence > writer->at.signed_sequence;
    return has_new ? writer->checkpoint_due_ms : INT64_MAX;
}

static int64_t head_due_ms(const struct segment_writer *writer)
{
    return writer->is_head_new ? writer->head_due_ms : INT64_MAX;
}

int64_t segment_writer_due_ms(const struct segment_writer *writer)
{
    int64_t checkpoint = checkpoint_due_ms(writer), head = head_due_ms(writer);
    return checkpoint < head ? checkpoint : head;
}

/* The last frame of a group: what makes the group signed, when it is time for that. */
static enum status frame_due_checkpoint(struct segment_writer *writer)
{
    bool is_due = clock_ms(CLOCK_MONOTONIC) >= checkpoint_due_ms(writer) ||
                  (writer->is_closing && writer->signing.signer != NULL);
    return is_due ? frame_checkpoint(writer) : STATUS_OK;
}

static enum status write_note(struct segment_writer *writer, const char *code, struct slice reason,
                              enum status (*write)(struct segment_writer *, struct slice))
{
    struct audit_record note = {
        .type = AUDIT_SELF_FAULT,
        .phase = AUDIT_EVENT,
        .wall_ms = clock_ms(CLOCK_REALTIME),
        .code = slice_view_cstr(code),
        .reason = reason,
    };
    struct buf line;
    buf_init(&line, NOTE_BYTES_MAX, NULL);
    enum status status = audit_record_encode(&note, &line);
    if (status == STATUS_OK) {
        status = write(writer, buf_view(&line));
    }
    buf_release(&line);
    return status;
}

enum status segment_writer_add_note(struct segment_writer *writer, const char *code,
                                    struct slice reason)
{
    return write_note(writer, code, reason, segment_writer_add);
}

static enum status frame_pending(struct segment_writer *writer, size_t from)
{
    struct slice rest = slice_sub(buf_view(&writer->pending), from, writer->pending.len);
    while (rest.len > 0) {
        uint32_t len;
        memcpy(&len, rest.ptr, LENGTH_BYTES);
        TRY(frame_one(writer, slice_sub(rest, LENGTH_BYTES, LENGTH_BYTES + len)));
        rest = slice_sub(rest, LENGTH_BYTES + len, rest.len);
    }
    return STATUS_OK;
}

static enum status sync_segment(struct segment_writer *writer)
{
    TRY(ahead_file_sync(&writer->file));
    writer->synced = writer->at;
    return STATUS_OK;
}

static bool must_rotate(const struct segment_writer *writer)
{
    uint64_t group = writer->pending.len - writer->unsynced_bytes;
    return writer->at.offset > SEGMENT_HEADER_BYTES &&
           writer->at.offset + group > writer->segment_bytes_max;
}

/* Have a segment to write to. *from is moved to the first payload that belongs into it. */
static enum status enter_segment(struct segment_writer *writer, size_t *from)
{
    if (ahead_file_is_open(&writer->file) && must_rotate(writer)) {
        TRY(sync_segment(writer));
        buf_consume(&writer->pending, *from);
        writer->kept_bytes -= *from;
        writer->unsynced_bytes = *from = 0;
        ahead_file_finish(&writer->file);
    }
    if (!ahead_file_is_open(&writer->file)) {
        TRY(begin_segment(writer));
        *from = 0;
        return writer->note_code != NULL
                   ? write_note(writer, writer->note_code, writer->note_reason, frame_one)
                   : STATUS_OK;
    }
    return STATUS_OK;
}

/* Everything of a write that can fail; the caller undoes. */
static enum status write_group(struct segment_writer *writer)
{
    size_t from = writer->unsynced_bytes;
    buf_clear(&writer->frames);
    writer->is_head_framed = false;
    TRY(enter_segment(writer, &from));
    TRY(frame_pending(writer, from));
    TRY(frame_due_checkpoint(writer));
    TRY(ahead_file_append(&writer->file, buf_view(&writer->frames)));
    writer->at.offset += writer->frames.len;
    return STATUS_OK;
}

/* The segment is given up, and of the group what is not to be kept. */
static enum status fail(struct segment_writer *writer)
{
    segment_writer_forget(writer);
    ahead_file_close(&writer->file);
    writer->at = writer->synced;
    if (writer->note_code == NULL) {
        writer->note_code = "journal.write_failed";
        writer->note_reason =
            SLICE("the segment before failed; records refused meanwhile are not here");
    }
    return STATUS_UNAVAILABLE;
}

enum status segment_writer_write(struct segment_writer *writer, bool durable, bool *must_sync)
{
    bool is_new = !ahead_file_is_open(&writer->file);
    if (write_group(writer) != STATUS_OK) {
        return fail(writer);
    }
    *must_sync =
        durable || is_new || writer->is_head_framed || writer->pending.len > UNSYNCED_BYTES_MAX;
    writer->unsynced_bytes = *must_sync ? writer->kept_bytes : writer->pending.len;
    return STATUS_OK;
}

enum status segment_writer_sync(struct segment_writer *writer)
{
    if (sync_segment(writer) != STATUS_OK) {
        return fail(writer);
    }
    writer->pending.len = writer->unsynced_bytes = writer->kept_bytes = 0;
    writer->note_code = NULL;
    if (writer->is_head_framed) {
        writer->checkpoint_due_ms = clock_ms(CLOCK_MONOTONIC) + writer->signing.interval_ms;
        writer->is_head_new = true;
        writer->is_head_framed = false;
    }
    return STATUS_OK;
}

enum status segment_writer_flush(struct segment_writer *writer, bool durable)
{
    bool must_sync = false;
    TRY(segment_writer_write(writer, durable, &must_sync));
    return must_sync ? segment_writer_sync(writer) : STATUS_OK;
}

void segment_writer_publish_head(struct segment_writer *writer)
{
    const struct journal_files *files = writer->files;
    if (!writer->is_head_new) {
        return;
    }
    writer->is_head_new = false;
    writer->head_due_ms = clock_ms(CLOCK_MONOTONIC) + HEAD_INTERVAL_MS;
    int fd = files->create(files->context, writer->directory_fd, HEAD_TEMPORARY_NAME, false);
    if (fd < 0) {
        return;
    }
    /* On failure the old head stays: it names less of the journal, but nothing wrong. */
    if (files->pwrite(files->context, fd, writer->head, CHECKPOINT_BYTES, 0) == CHECKPOINT_BYTES &&
        files->fdatasync(files->context, fd) == 0) {
        (void)files->rename(files->context, writer->directory_fd, HEAD_TEMPORARY_NAME,
                            CHECKPOINT_HEAD_NAME);
    }
    files->close(files->context, fd);
}

static bool head_is_due(const struct segment_writer *writer)
{
    return writer->is_head_new && clock_ms(CLOCK_MONOTONIC) >= writer->head_due_ms;
}

bool segment_writer_needs_upkeep(const struct segment_writer *writer)
{
    return head_is_due(writer) || ahead_file_is_short(&writer->file, writer->segment_bytes_max);
}

enum status segment_writer_upkeep(struct segment_writer *writer)
{
    if (head_is_due(writer)) {
        segment_writer_publish_head(writer);
    }
    if (!ahead_file_is_short(&writer->file, writer->segment_bytes_max)) {
        return STATUS_OK;
    }
    ahead_file_prepare(&writer->file, writer->segment_bytes_max);
    /* It syncs the records too, so a failure means what it always means. */
    return segment_writer_sync(writer);
}
