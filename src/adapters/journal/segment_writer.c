#include "adapters/journal/segment_writer.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define TEMPORARY_NAME "next.tmp"
#define LENGTH_BYTES 4
#define PENDING_BYTES_MAX (64U << 20)
#define NOTE_BYTES_MAX 1024

static int64_t wall_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void segment_writer_init(struct segment_writer *writer, const struct journal_files *files,
                         int directory_fd)
{
    *writer = (struct segment_writer){
        .files = files,
        .directory_fd = directory_fd,
        .fd = -1,
        .synced = {.sequence = 1},
    };
    buf_init(&writer->pending, PENDING_BYTES_MAX, NULL);
    buf_init(&writer->frames, 2 * PENDING_BYTES_MAX, NULL);
}

static void drop_segment(struct segment_writer *writer)
{
    if (writer->fd >= 0) {
        writer->files->close(writer->files->context, writer->fd);
        writer->fd = -1;
    }
}

void segment_writer_forget(struct segment_writer *writer)
{
    writer->pending.len = writer->unsynced_bytes;
    writer->pending.failed = false;
}

void segment_writer_release(struct segment_writer *writer)
{
    if (writer->fd >= 0 && writer->unsynced_bytes != 0 &&
        segment_writer_flush(writer, true) != STATUS_OK) {
        /* One more try, in a new segment: these records had been acknowledged. */
        enum status status = segment_writer_flush(writer, true);
        (void)status;
    }
    drop_segment(writer);
    buf_release(&writer->pending);
    buf_release(&writer->frames);
}

enum status segment_writer_add(struct segment_writer *writer, struct slice payload)
{
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

static enum status write_all(struct segment_writer *writer, int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t put = writer->files->write(writer->files->context, fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return STATUS_UNAVAILABLE;
        }
        bytes = slice_sub(bytes, (size_t)put, bytes.len);
    }
    return STATUS_OK;
}

/* The header is on the device before the file has its name: a named segment always has one. */
static enum status publish_segment(struct segment_writer *writer, int fd, const uint8_t *header,
                                   const char *name)
{
    const struct journal_files *files = writer->files;
    TRY(write_all(writer, fd, slice_of(header, SEGMENT_HEADER_BYTES)));
    if (files->fdatasync(files->context, fd) != 0 ||
        files->rename(files->context, writer->directory_fd, TEMPORARY_NAME, name) != 0 ||
        files->sync_directory(files->context, writer->directory_fd) != 0) {
        return STATUS_UNAVAILABLE;
    }
    return STATUS_OK;
}

enum status segment_writer_begin(struct segment_writer *writer)
{
    const struct segment_position *from = &writer->synced;
    struct segment_header header = {
        .number = from->segment + 1,
        .first_sequence = from->sequence,
        .previous_end = from->offset,
        .created_ms = wall_ms(),
    };
    memcpy(header.previous_chain, from->chain, AUDIT_HASH_BYTES);
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    char name[SEGMENT_NAME_BYTES];
    segment_header_encode(&header, bytes);
    segment_name(header.number, name);
    struct segment_position begin = {header.number, SEGMENT_HEADER_BYTES, from->sequence, {0}};
    TRY(segment_chain_start(bytes, begin.chain));

    int fd = writer->files->create(writer->files->context, writer->directory_fd, TEMPORARY_NAME);
    if (fd < 0) {
        return STATUS_UNAVAILABLE;
    }
    enum status status = publish_segment(writer, fd, bytes, name);
    if (status != STATUS_OK) {
        writer->files->close(writer->files->context, fd);
        return status;
    }
    drop_segment(writer);
    writer->fd = fd;
    writer->at = writer->synced = begin;
    return STATUS_OK;
}

static enum status frame_one(struct segment_writer *writer, struct slice payload)
{
    TRY(frame_append(&writer->frames, payload, writer->at.chain));
    writer->at.sequence++;
    return STATUS_OK;
}

static enum status frame_note(struct segment_writer *writer)
{
    struct audit_record note = {
        .type = AUDIT_SELF_FAULT,
        .phase = AUDIT_EVENT,
        .wall_ms = wall_ms(),
        .code = slice_view_cstr(writer->note_code),
        .reason = writer->note_reason,
    };
    struct buf line;
    buf_init(&line, NOTE_BYTES_MAX, NULL);
    enum status status = audit_record_encode(&note, &line);
    if (status == STATUS_OK) {
        status = frame_one(writer, buf_view(&line));
    }
    buf_release(&line);
    return status;
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
    if (writer->files->fdatasync(writer->files->context, writer->fd) != 0) {
        return STATUS_UNAVAILABLE;
    }
    writer->synced = writer->at;
    return STATUS_OK;
}

static bool must_rotate(const struct segment_writer *writer)
{
    uint64_t group = writer->pending.len - writer->unsynced_bytes;
    return writer->at.offset > SEGMENT_HEADER_BYTES &&
           writer->at.offset + group > writer->segment_bytes_max;
}

/* Everything of a flush that can fail; the caller undoes. */
static enum status write_group(struct segment_writer *writer, bool durable)
{
    size_t from = writer->unsynced_bytes;
    bool must_sync = durable || writer->pending.len > UNSYNCED_BYTES_MAX;
    buf_clear(&writer->frames);
    if (writer->fd >= 0 && must_rotate(writer)) {
        TRY(sync_segment(writer));
        writer->pending.len -= from;
        memmove(writer->pending.ptr, writer->pending.ptr + from, writer->pending.len);
        writer->unsynced_bytes = from = 0;
        TRY(segment_writer_begin(writer));
    }
    if (writer->fd < 0) {
        TRY(segment_writer_begin(writer));
        must_sync = true;
        from = 0;
        if (writer->note_code != NULL) {
            TRY(frame_note(writer));
        }
    }
    TRY(frame_pending(writer, from));
    TRY(write_all(writer, writer->fd, buf_view(&writer->frames)));
    writer->at.offset += writer->frames.len;
    if (must_sync) {
        TRY(sync_segment(writer));
        writer->pending.len = 0;
        writer->note_code = NULL;
    }
    writer->unsynced_bytes = writer->pending.len;
    return STATUS_OK;
}

enum status segment_writer_flush(struct segment_writer *writer, bool durable)
{
    enum status status = write_group(writer, durable);
    if (status == STATUS_OK) {
        return STATUS_OK;
    }
    segment_writer_forget(writer);
    /* A failure to begin leaves fd open only in rotation; that segment is not written again. */
    drop_segment(writer);
    writer->at = writer->synced;
    if (writer->note_code == NULL) {
        writer->note_code = "journal.write_failed";
        writer->note_reason =
            SLICE("the segment before failed; records refused meanwhile are not here");
    }
    return STATUS_UNAVAILABLE;
}
