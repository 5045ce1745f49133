/* parcel.h: what the supervisor gives its worker to read, in one unnamed file.
 *
 * The worker's user can read none of the files that a configuration names, so the supervisor reads
 * them: configuration, policies, certificates, keys, secrets of HTTP servers. In the worker
 * certificates and keys become files without a name, and the paths of the configuration lead there.
 * Key sets, which change by themselves, are asked for one by one (control_message.h). What only the
 * supervisor needs stays there: private keys of the development issuer and of the journal's
 * checkpoints, secrets of children. */
#ifndef AEGIS_DAEMON_PARCEL_H
#define AEGIS_DAEMON_PARCEL_H

#include "daemon/inputs.h"

/* Certificate, key, authorities of clients and what they took back; authorities of servers. */
#define PARCEL_FILES_MAX (CONFIG_SERVERS_MAX + CONFIG_CLIENT_CAS_MAX + 3)

/* Read everything and pack it. The caller closes *fd. STATUS_NOT_FOUND
 * file.unreadable, STATUS_LIMIT, STATUS_UNAVAILABLE. */
NODISCARD enum status parcel_pack(const struct inputs *inputs, int *fd, struct diag *diag);

/* The unnamed files behind the paths of an unpacked configuration. */
struct parcel_files {
    int descriptors[PARCEL_FILES_MAX];
    size_t count;
};

/* Make inputs of what was packed; texts live in the arena.
 *
 * files  empty before; takes the files of listener and TLS clients, for parcel_close once they were
 *        read, in any case
 *
 * STATUS_INVALID with a report, STATUS_LIMIT, STATUS_UNAVAILABLE. */
NODISCARD enum status parcel_unpack(int fd, struct arena *arena, struct inputs *out,
                                    struct parcel_files *files, struct config_report *report);

void parcel_close(struct parcel_files *files);

#endif
