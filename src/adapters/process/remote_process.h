/* remote_process.h: port_process over a channel to the supervisor, which owns the programs. */
#ifndef AEGIS_ADAPTERS_PROCESS_REMOTE_PROCESS_H
#define AEGIS_ADAPTERS_PROCESS_REMOTE_PROCESS_H

#include "adapters/runtime/loop.h"
#include "core/ports/process.h"

struct remote_record;

struct remote_process {
    struct loop *loop;
    int channel;
    uv_poll_t poll;
    struct remote_record *records; /* started and not ended, newest first */
    uint64_t last_id;
};

/* Borrows the channel. When the supervisor goes away every program counts as ended.
 * STATUS_UNAVAILABLE process.down. */
NODISCARD enum status remote_process_init(struct remote_process *remote, struct loop *loop,
                                          int channel, struct diag *diag);

struct port_process remote_process_port(struct remote_process *remote);

/* Every started program must have ended; the loop runs or is released afterwards. */
void remote_process_close(struct remote_process *remote);

#endif
