#include "adapters/journal/journal_directory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define SCAN_BYTES 32768

enum status journal_io_fail(struct diag *diag, const char *what, const char *subject)
{
    const char *reason = strerrordesc_np(errno);
    return diag_fail(diag, STATUS_UNAVAILABLE, "journal.io", "cannot %s '%s': %s", what, subject,
                     reason != NULL ? reason : "unknown error");
}

enum status directory_last_segment(int directory_fd, uint64_t *last, struct diag *diag)
{
    *last = 0;
    int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (directory == NULL) {
        enum status status = journal_io_fail(diag, "list", "the journal's folder");
        if (fd >= 0) {
            (void)close(fd);
        }
        return status;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        uint64_t number = segment_number_of(entry->d_name);
        *last = number > *last ? number : *last;
    }
    (void)closedir(directory);
    return STATUS_OK;
}

static enum status read_header(struct segment_file *file, const char *name, uint64_t number,
                               struct diag *diag)
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    ssize_t got = pread(file->fd, bytes, sizeof(bytes), 0);
    if (got < 0) {
        return journal_io_fail(diag, "read", name);
    }
    if (!segment_header_decode(slice_of(bytes, (size_t)got), &file->header) ||
        file->header.number != number) {
        return diag_fail(diag, STATUS_CONFLICT, "journal.header",
                         "segment '%s' has no valid header", name);
    }
    if (segment_chain_start(bytes, file->chain) != STATUS_OK) {
        return diag_fail(diag, STATUS_INTERNAL, "journal.hash", "SHA-256 is not available");
    }
    return STATUS_OK;
}

enum status segment_file_open(int directory_fd, uint64_t number, struct segment_file *out,
                              struct diag *diag)
{
    char name[SEGMENT_NAME_BYTES];
    segment_name(number, name);
    *out = (struct segment_file){
        .fd = openat(directory_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW),
    };
    if (out->fd < 0 && errno == ENOENT) {
        return diag_fail(diag, STATUS_NOT_FOUND, "journal.end", "there is no segment '%s'", name);
    }
    if (out->fd < 0) {
        return journal_io_fail(diag, "open", name);
    }
    enum status status = read_header(out, name, number, diag);
    if (status != STATUS_OK) {
        (void)close(out->fd);
        out->fd = -1;
    }
    return status;
}

enum status segment_file_end(int fd, uint64_t offset, uint64_t *end, struct diag *diag)
{
    uint8_t bytes[SCAN_BYTES];
    *end = offset;
    for (;;) {
        ssize_t got = pread(fd, bytes, sizeof(bytes), (off_t)offset);
        if (got < 0) {
            return journal_io_fail(diag, "read", "a segment");
        }
        if (got == 0) {
            return STATUS_OK;
        }
        size_t used = (size_t)got;
        if (!journal_is_zero(slice_of(bytes, used))) {
            while (bytes[used - 1] == 0) {
                used--;
            }
            *end = offset + used;
        }
        offset += (size_t)got;
    }
}
