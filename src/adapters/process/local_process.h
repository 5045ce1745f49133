/* local_process.h: port_process over children of this very process, watched by one loop. */
#ifndef AEGIS_ADAPTERS_PROCESS_LOCAL_PROCESS_H
#define AEGIS_ADAPTERS_PROCESS_LOCAL_PROCESS_H

#include "adapters/process/spawn.h"
#include "adapters/runtime/loop.h"

struct local_process {
    struct loop *loop;              /* borrowed */
    const struct program *programs; /* program_count, by server; borrowed */
    size_t program_count;
};

/* Every started program must have ended before the loop is released. */
struct port_process local_process_port(struct local_process *local);

#endif
