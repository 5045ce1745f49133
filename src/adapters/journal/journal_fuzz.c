/* A journal of any bytes: one segment and a head file. Neither a reader nor a start of the writer
 * may crash, a start leaves the segment as it is, and behind it every record can be read. */
#include "adapters/journal/journal.h"
#include "adapters/journal/journal_format.h"
#include "adapters/journal/journal_verify.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/aegis-journal-fuzz-XXXXXX";

static void write_file(const char *name, struct slice bytes)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    (void)close(fd);
}

static void clear_folder(void)
{
    DIR *directory = opendir(folder);
    assert(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        (void)unlinkat(dirfd(directory), entry->d_name, 0);
    }
    (void)closedir(directory);
}

static void remove_folder(void)
{
    clear_folder();
    (void)rmdir(folder);
}

/* The bytes as a segment; or, because no mutation finds a CRC and a hash, as payloads of frames
 * that are right: each is as long as its first byte says, and the rest is a torn tail. */
static void make_segment(struct slice bytes, bool is_framed, struct buf *out)
{
    if (!is_framed) {
        buf_append(out, bytes);
        return;
    }
    const struct segment_header header = {.number = 1, .first_sequence = 1};
    uint8_t encoded[SEGMENT_HEADER_BYTES], chain[AUDIT_HASH_BYTES];
    segment_header_encode(&header, encoded);
    assert(segment_chain_start(encoded, chain) == STATUS_OK);
    buf_append(out, slice_of(encoded, sizeof(encoded)));
    while (bytes.len > 0 && bytes.ptr[0] != 0) {
        size_t len = (size_t)bytes.ptr[0];
        struct slice payload = slice_sub(bytes, 1, 1 + len);
        if (payload.len == 0 || frame_append(out, payload, chain) != STATUS_OK) {
            break;
        }
        bytes = slice_sub(bytes, 1 + payload.len, bytes.len);
    }
    buf_append(out, bytes);
}

static struct journal_report verify(void)
{
    const struct journal_verify_options options = {.directory = folder};
    struct journal_report report;
    struct diag diag = {0};
    assert(journal_verify(&options, &report, &diag) == STATUS_OK);
    assert(report.is_intact == (report.diag.code == NULL));
    return report;
}

static int sync_nothing(void *context, int fd)
{
    (void)context;
    (void)fd;
    return 0;
}

static void start_and_look_again(uint64_t records)
{
    struct journal_files files = journal_files_system;
    files.fdatasync = files.sync_directory = sync_nothing;
    const struct journal_options options = {.directory = folder, .files = &files};
    struct journal *journal = NULL;
    struct diag diag = {0};
    if (journal_open(&options, &journal, &diag) != STATUS_OK) {
        assert(diag.code != NULL);
        return;
    }
    journal_close(journal);
    struct journal_report after = verify();
    /* What was good before is still there; a start adds one note at most. */
    assert(after.records >= records && after.records <= records + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool has_folder;
    struct buf segment;
    if (!has_folder) {
        assert(mkdtemp(folder) != NULL);
        has_folder = true;
        (void)atexit(remove_folder);
    }
    if (size < 2) {
        return 0;
    }
    buf_init(&segment, SIZE_MAX, NULL);
    size_t head = data[1] < size - 2 ? data[1] : 0;
    make_segment(slice_of(data + 2 + head, size - 2 - head), (data[0] & 1) != 0, &segment);
    write_file("00000000000000000001.aegj", buf_view(&segment));
    if (head != 0) {
        write_file(CHECKPOINT_HEAD_NAME, slice_of(data + 2, head));
    }
    struct journal_report report = verify();
    start_and_look_again(report.records);
    clear_folder();
    buf_release(&segment);
    return 0;
}
