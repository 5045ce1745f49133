/* journal_directory.h: finding segments and reading their headers. Private to this folder. */
#ifndef AEGIS_ADAPTERS_JOURNAL_JOURNAL_DIRECTORY_H
#define AEGIS_ADAPTERS_JOURNAL_JOURNAL_DIRECTORY_H

#include "adapters/journal/journal_format.h"
#include "base/diag.h"

/* A segment opened for reading, its header checked. */
struct segment_file {
    int fd; /* the caller closes it */
    struct segment_header header;
    uint8_t chain[AUDIT_HASH_BYTES]; /* before its first record */
};

/* The highest segment number in the folder, 0 when there is none. STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status directory_last_segment(int directory_fd, uint64_t *last, struct diag *diag);

/* STATUS_NOT_FOUND journal.end when there is no such file, STATUS_CONFLICT journal.header when its
 * header is broken or names another number, STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status segment_file_open(int directory_fd, uint64_t number, struct segment_file *out,
                                        struct diag *diag);

/* Where the bytes from an offset on end that are not zeros: the offset itself when there are zeros
 * only, as a writer leaves them ahead of its records. STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status segment_file_end(int fd, uint64_t offset, uint64_t *end, struct diag *diag);

/* Fill diag from errno: STATUS_UNAVAILABLE journal.io. */
NODISCARD enum status journal_io_fail(struct diag *diag, const char *what, const char *subject);

#endif
