/* revocation_file.h: the file of the revocations (core/identity/revocations.h), looked at again and
 * again.
 *
 * Its stamp is compared four times a second, which any way of replacing it changes and any file
 * system has: a rename, the switch of a symbolic link that mounts of secrets are made of, an
 * append. Notices of the kernel would be sooner, but follow no link, do not come from other
 * machines, and are no system call that the worker is left with. A list that cannot be read or
 * understood leaves the one before in force, so that nobody comes back in by somebody's mistake.
 */
#ifndef AEGIS_DAEMON_REVOCATION_FILE_H
#define AEGIS_DAEMON_REVOCATION_FILE_H

#include "core/identity/revocations.h"
#include "daemon/config/config.h"

#define REVOCATION_FILE_TICK_MS 250

/* Append the file that the configuration names and say in *stamp what its stamp is, unless it is
 * that already (0: none was read): then STATUS_OK, too, and nothing is appended. STATUS_NOT_FOUND,
 * STATUS_IO or STATUS_LIMIT with revocation.file. */
typedef enum status (*revocation_file_fn)(const struct config *config, uint64_t *stamp,
                                          struct buf *out, struct diag *diag);

enum status revocation_file_read(const struct config *config, uint64_t *stamp, struct buf *out,
                                 struct diag *diag);

/* What was read last. Starts as {0}. */
struct revocation_file {
    struct revocations *list; /* the last good one; one reference, NULL: none is configured */
    uint64_t stamp;           /* of the file as it was read; 0: read it in any case */
    bool is_stale;            /* it could not be read or understood since */
};

/* Look at it: list is another afterwards, or the same. STATUS_OK, or why its newest text is not in
 * list: statuses of read, of revocations_read. */
NODISCARD enum status revocation_file_look(struct revocation_file *file,
                                           const struct config *config, revocation_file_fn read,
                                           const struct json_parser *parser, struct diag *diag);

void revocation_file_release(struct revocation_file *file);

/* Report what is wrong with the file that a configuration names, at its place there. STATUS_INVALID
 * when something is, STATUS_LIMIT without memory. */
NODISCARD enum status revocation_file_check(const struct config *config, struct arena *arena,
                                            struct config_report *report);

#endif
