/* file.h: whole small files. */
#ifndef AEGIS_DAEMON_FILE_H
#define AEGIS_DAEMON_FILE_H

#include "base/buf.h"
#include "base/diag.h"

/* Append the file at path (NUL-terminated) to out, whose limit bounds it. STATUS_NOT_FOUND when it
 * cannot be opened, STATUS_IO when it cannot be read, STATUS_LIMIT when it is too large. */
NODISCARD enum status file_read(struct slice path, struct buf *out);

/* What a file is now: another number when it was written or replaced, and never 0. STATUS_NOT_FOUND
 * with errno when nobody can tell. */
NODISCARD enum status file_stamp(struct slice path, uint64_t *out);

/* A file without a name that holds bytes, that only this user can open by its path /proc/self/fd/N
 * and that nobody can change. The caller closes *out. STATUS_UNAVAILABLE file.unnamed. */
NODISCARD enum status file_unnamed(struct slice bytes, int *out, struct diag *diag);

/* Append an unnamed file to out, wherever its offset is; it may be shared by processes.
 * STATUS_IO, STATUS_LIMIT. */
NODISCARD enum status file_read_unnamed(int fd, struct buf *out);

#endif
