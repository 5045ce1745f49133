/* file.h: a whole small file. */
#ifndef AEGIS_DAEMON_FILE_H
#define AEGIS_DAEMON_FILE_H

#include "base/buf.h"

/* Append the file at path (NUL-terminated) to out, whose limit bounds it. STATUS_NOT_FOUND when it
 * cannot be opened, STATUS_IO when it cannot be read, STATUS_LIMIT when it is too large. */
NODISCARD enum status file_read(struct slice path, struct buf *out);

#endif
